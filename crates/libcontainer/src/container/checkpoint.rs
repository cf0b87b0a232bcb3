//! Containers into images, and out of them. See [`crate::checkpoint`] for what is done.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::directory::Directory;
use super::record::Record;
use super::transitions::Action;
use super::{Container, ContainerError, Request, Runtime, Waiting};
use crate::checkpoint::{
    self, CheckpointError, Criu, DumpOptions, Moment, OnMoment, Origin, RestoreOptions, Target,
};
use crate::hooks;

/// The annotation that names a file of further options for CRIU; its empty value is for none at all.
const CONFIG_ANNOTATION: &str = "org.criu.config";
/// The file where there is no such annotation.
const CONFIG_FILE: &str = "/etc/criu/corten.conf";
/// A directory in the container's own, for the time of a restore.
const STAGING: &str = "root";

impl Container {
    /// Writes the container into images. Unless it is left running its processes have ended then, and what is left of it can be
    /// deleted. The caller has one thread.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] unless it is running or paused; [`ContainerError::Checkpoint`] with what CRIU says, and the
    /// container goes on.
    pub fn checkpoint(
        &self,
        criu: &Criu,
        options: &DumpOptions,
        on_moment: OnMoment<'_>,
    ) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        let first = self.alive(Action::Checkpoint)?;
        let mut options = options.clone();
        options.options.config_file =
            options.options.config_file.or_else(|| config_file(&self.record.annotations));
        let target = Target {
            pid: first.pid(),
            rootfs: &self.record.rootfs,
            outside: &self.record.outside,
            cgroup: &self.record.cgroup,
            streams: &self.record.streams,
        };
        checkpoint::dump(criu, &target, &options, on_moment)
            .map_err(|error| ContainerError::checkpoint(self.name(), "checkpoint", error))
    }
}

impl Runtime {
    /// Makes a container out of images; it runs when this returns. Its hooks `prestart` and `createRuntime` have run, those of
    /// its start have run before it was dumped. The caller has one thread, and is the parent of the first process.
    ///
    /// # Errors
    /// [`ContainerError::Exists`] for an id that is taken, [`ContainerError::Checkpoint`] with what CRIU says; nothing is left then.
    pub fn restore(
        &self,
        request: &Request<'_>,
        criu: &Criu,
        options: &RestoreOptions,
        on_moment: OnMoment<'_>,
    ) -> Result<Waiting, ContainerError> {
        let directory = self.make_directory(request.name)?;
        let mut record = Record::new(request);
        let written = directory
            .write_record(&record)
            .and_then(|()| directory.write_spec(request.spec))
            .and_then(|()| directory.make_inside(STAGING));
        let restored = written
            .and_then(|()| restore(request, (&directory, &mut record), (criu, options), on_moment));
        directory.remove_inside(STAGING);
        match restored {
            Ok(console) => {
                let container = Container::made(directory, record, None);
                Ok(Waiting { container, console })
            }
            Err(error) => {
                directory.remove();
                Err(error)
            }
        }
    }
}

fn restore(
    request: &Request<'_>,
    (directory, record): (&Directory, &mut Record),
    (criu, options): (&Criu, &RestoreOptions),
    on_moment: OnMoment<'_>,
) -> Result<Option<std::os::fd::OwnedFd>, ContainerError> {
    let mut options = options.clone();
    options.options.config_file =
        options.options.config_file.or_else(|| config_file(&record.annotations));
    let rootfs = record.rootfs.clone();
    let staging = directory.path_of(STAGING);
    let stdio = request.stdio.streams();
    let origin = Origin {
        plan: request.plan,
        rootfs: Some(&rootfs),
        staging: &staging,
        stdio,
        network: None,
    };
    let mut console = None;
    let mut watch = |moment: Moment| {
        match moment {
            Moment::Terminal { master } => {
                console = Some(master);
                return Ok(());
            }
            Moment::Namespaces { pid } => run_hooks(record, pid)?,
            Moment::Restored { pid } => {
                record.is_process(request, pid)?;
                directory.write_record(record)?;
            }
            Moment::Dumped | Moment::LockNetwork | Moment::UnlockNetwork | Moment::PagesReady => {}
        }
        on_moment(moment)
    };
    checkpoint::restore(criu, &origin, &options, &mut watch)
        .map_err(|error| ContainerError::checkpoint(request.name, "restore", error))?;
    Ok(console)
}

fn run_hooks(record: &Record, pid: i32) -> Result<(), crate::StartError> {
    let Some(plan) = &record.hooks else { return Ok(()) };
    hooks::before_the_root(plan, pid).map(drop)
}

fn config_file(annotations: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = annotations.get(CONFIG_ANNOTATION).map_or(CONFIG_FILE, String::as_str);
    (!named.is_empty()).then(|| named.into())
}

impl ContainerError {
    fn checkpoint(
        name: &super::ContainerName,
        action: &'static str,
        cause: CheckpointError,
    ) -> Self {
        Self::Checkpoint { name: name.clone(), action, cause: Box::new(cause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_container_come_from_its_annotation() {
        let with = |value: Option<&str>| {
            let entry = value.map(|value| (CONFIG_ANNOTATION.to_owned(), value.to_owned()));
            config_file(&entry.into_iter().collect())
        };
        assert_eq!(with(None), Some(CONFIG_FILE.into()));
        assert_eq!(with(Some("/etc/mine.conf")), Some("/etc/mine.conf".into()));
        assert_eq!(with(Some("")), None);
    }
}
