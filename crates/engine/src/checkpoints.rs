//! Checkpoints: the processes of a container written into images, and a start that goes on from them instead of beginning anew.
//!
//! CRIU does both, told by libcontainer; a restored container has a monitor like every other. A checkpoint is a directory of
//! images below the container's own, or below one that the caller names; what is seen under its name is whole. Start at
//! [`Containers::checkpoint`]. Source: Docker's `docker checkpoint`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use libcontainer::checkpoint::{
    CheckpointError, Criu, DumpKind, DumpOptions, Moment, Options, Outside, Target, dump,
};
use monitor::{RestoreRules, connect, read_handoff};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use spec::runtime::NamespaceKind;

use crate::containers::Containers;
use crate::error::{EngineError, Kind};
use crate::life::{Container, wait_for_end};
use crate::programs::{self, find_program};
use crate::state::Action;

/// Below a container's own directory.
const CHECKPOINTS: &str = "checkpoints";
/// Begins the name of one that is being written.
const UNFINISHED: &str = ".unfinished-";

/// Which checkpoint of a container.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CheckpointName {
    /// Its name: a letter or digit, then letters, digits, `_`, `.` and `-`.
    pub name: String,
    /// The directory that it is in; nothing is the container's own, which goes with it.
    pub directory: Option<PathBuf>,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointRefusal {
    /// The container could not be written into images.
    #[error("checkpoint container {name}")]
    Failed {
        /// The container's name.
        name: String,
        /// The cause.
        #[source]
        cause: Box<CheckpointError>,
    },
    /// This machine, or this caller, has none.
    #[error("checkpoints: {0}")]
    Impossible(&'static str),
    /// A name that is taken.
    #[error("checkpoint with name {checkpoint} already exists for container {name}")]
    Exists {
        /// The container's name.
        name: String,
        /// The checkpoint's.
        checkpoint: String,
    },
    /// A name that nothing has.
    #[error("checkpoint {checkpoint} does not exist for container {name}")]
    Missing {
        /// The container's name.
        name: String,
        /// The checkpoint's.
        checkpoint: String,
    },
}

impl CheckpointRefusal {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Failed { .. } => Kind::Internal,
            Self::Impossible(_) => Kind::Unsupported,
            Self::Exists { .. } => Kind::Conflict,
            Self::Missing { .. } => Kind::NotFound,
        }
    }
}

impl Containers<'_> {
    /// Writes the processes of a container that runs into images. Unless it is left running they have ended then, and the container
    /// stays down as one that was stopped.
    ///
    /// # Errors
    /// When it does not run, the name is taken, there is no CRIU, or CRIU refuses; the container goes on then, and nothing of the checkpoint is left.
    pub fn checkpoint(
        &self,
        text: &str,
        checkpoint: &CheckpointName,
        leave_running: bool,
    ) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(text)?;
        let container = self.until_started(container)?;
        container.allow(Action::Checkpoint)?;
        refuse_inside(&container)?;
        let place = self.place_of(&container, checkpoint)?;
        let criu = self.criu()?;
        if place.exists() {
            let (name, checkpoint) = (container.record.name, checkpoint.name.clone());
            return Err(CheckpointRefusal::Exists { name, checkpoint }.into());
        }
        if container.config.auto_remove && !leave_running && checkpoint.directory.is_none() {
            let why = "the container, and this checkpoint with it, is removed at its end (--rm): leave it running, or name a directory";
            return Err(EngineError::value("checkpoint", &checkpoint.name, why));
        }
        clear_unfinished(&own(&container))?;
        let unfinished = unfinished(&container, &place);
        clear(&unfinished)?;
        let written = self.write_images(&container, &criu, &unfinished, leave_running);
        let written = written.and_then(|()| {
            renameat_with(CWD, &unfinished, CWD, &place, RenameFlags::NOREPLACE)
                .map_err(|errno| EngineError::file("make", &place)(errno.into()))
        });
        if let Err(error) = written {
            // The first error tells more.
            let _left = clear(&unfinished);
            return Err(error);
        }
        self.tell(&container, "checkpoint", &[("checkpoint", checkpoint.name.clone())]);
        Ok(())
    }

    fn write_images(
        &self,
        container: &Container,
        criu: &Criu,
        images: &Path,
        leave_running: bool,
    ) -> Result<(), EngineError> {
        let failed = |cause| CheckpointRefusal::Failed {
            name: container.record.name.clone(),
            cause: Box::new(cause),
        };
        let state_dir = &container.dirs.state;
        let handoff = read_handoff(state_dir)
            .map_err(EngineError::file("read the hand-off in", state_dir))?;
        let life = monitor::observe(state_dir, &container.dirs.container);
        let life = life.map_err(EngineError::file("read the state in", state_dir))?;
        let monitor::Life::Running { state, .. } = life else {
            return Err(container.refuse(Action::Checkpoint, "not running"));
        };
        Outside::check(&handoff.plan).map_err(failed)?;
        let mut outside = Outside::of(&handoff.plan);
        if handoff.plan.namespaces.create.contains(&NamespaceKind::Network) {
            outside = outside.with_network(state.pid);
        }
        let target = Target {
            pid: state.pid,
            rootfs: state_dir,
            outside: &outside,
            cgroup: &handoff.plan.cgroup,
            streams: &state.streams,
        };
        let kind = if leave_running { DumpKind::LeaveRunning } else { DumpKind::Stop };
        let options = DumpOptions {
            options: Options {
                // What is left of one that failed is its log.
                work: Some(container.dirs.container.join(monitor::CRIU_LOGS)),
                ..Options::of_engines(images.to_owned())
            },
            kind,
            ..DumpOptions::default()
        };
        let mut monitor = connect(state_dir).ok();
        let mut on_moment = |moment: Moment| {
            // Its processes end behind this: it is not to be started again.
            if matches!(moment, Moment::Dumped) && !leave_running {
                let (_, kept) = self.hold(container.clone())?;
                kept?;
            }
            Ok(())
        };
        dump(criu, &target, &options, &mut on_moment).map_err(failed)?;
        if leave_running {
            return Ok(());
        }
        if let Some(process) = container.process() {
            wait_for_end(&process, None);
        }
        monitor.as_mut().and_then(crate::life::exit_of);
        Ok(())
    }

    /// The names of a container's checkpoints in a directory, in their order; nothing is its own.
    ///
    /// # Errors
    /// When there is no such container, or the directory cannot be read.
    pub fn checkpoints(
        &self,
        text: &str,
        directory: Option<&Path>,
    ) -> Result<Vec<String>, EngineError> {
        let container = self.get(text)?;
        let place = directory.map_or_else(|| own(&container), Path::to_owned);
        let entries = match std::fs::read_dir(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(EngineError::file("read", &place))?,
        };
        let is_whole = |entry: &std::fs::DirEntry| {
            entry.path().join(libcontainer::checkpoint::INVENTORY).exists()
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(is_whole)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| is_name(name))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Removes a checkpoint.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_checkpoint(
        &self,
        text: &str,
        checkpoint: &CheckpointName,
    ) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(text)?;
        let place = self.existing(&container, checkpoint)?;
        // Under another name first: what is half removed is no checkpoint.
        let unfinished = unfinished(&container, &place);
        clear(&unfinished)?;
        std::fs::rename(&place, &unfinished).map_err(EngineError::file("remove", &place))?;
        clear(&unfinished)
    }

    /// What a monitor needs to go on from a checkpoint.
    pub(crate) fn restore_rules(
        &self,
        container: &Container,
        checkpoint: &CheckpointName,
    ) -> Result<RestoreRules, EngineError> {
        refuse_inside(container)?;
        let images = self.existing(container, checkpoint)?;
        let program = self.criu_program()?;
        let environment = environment().collect();
        Ok(RestoreRules { criu: program, environment, images })
    }

    fn existing(
        &self,
        container: &Container,
        checkpoint: &CheckpointName,
    ) -> Result<PathBuf, EngineError> {
        let place = self.place_of(container, checkpoint)?;
        if place.join(libcontainer::checkpoint::INVENTORY).exists() {
            return Ok(place);
        }
        let (name, checkpoint) = (container.record.name.clone(), checkpoint.name.clone());
        Err(CheckpointRefusal::Missing { name, checkpoint }.into())
    }

    /// Where its images are, or will be.
    fn place_of(
        &self,
        container: &Container,
        checkpoint: &CheckpointName,
    ) -> Result<PathBuf, EngineError> {
        let name = &checkpoint.name;
        if !is_name(name) {
            let why = "it begins with a letter or digit; letters, digits, _ . and - follow";
            return Err(EngineError::value("checkpoint name", name, why));
        }
        match &checkpoint.directory {
            None => Ok(own(container).join(name)),
            Some(directory) if directory.is_absolute() => Ok(directory.join(name)),
            Some(directory) => {
                let directory = directory.display().to_string();
                Err(EngineError::value("checkpoint directory", &directory, "it is not absolute"))
            }
        }
    }

    fn criu(&self) -> Result<Criu, EngineError> {
        let environment = environment().map(OsString::from);
        Ok(Criu::new(self.criu_program()?, environment))
    }

    fn criu_program(&self) -> Result<PathBuf, EngineError> {
        if self.engine.keeper.is_some() {
            return Err(CheckpointRefusal::Impossible("CRIU needs root of the machine").into());
        }
        let missing = CheckpointRefusal::Impossible("there is no program criu (package criu)");
        Ok(find_program("criu").ok_or(missing)?)
    }
}

fn own(container: &Container) -> PathBuf {
    container.dirs.container.join(CHECKPOINTS)
}

/// As Docker's names of containers.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    letters && name.len() <= 200 && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// CRIU looks for programs of firewalls.
fn environment() -> impl Iterator<Item = String> {
    std::iter::once(format!("PATH={}", programs::DIRECTORIES.join(":")))
}

/// Where one is written, or removed, whose place this is. Others may use the same directory meanwhile, of their own containers.
fn unfinished(container: &Container, place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!("{UNFINISHED}{}-{name}", container.record.id.short()))
}

/// What commands that were killed have left in a container's own directory. Its lock is held: nobody writes there.
fn clear_unfinished(directory: &Path) -> Result<(), EngineError> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(()) };
    let names = entries.flatten().map(|entry| entry.file_name());
    let left = names.filter(|name| name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()));
    left.into_iter().try_for_each(|name| clear(&directory.join(name)))
}

fn clear(directory: &Path) -> Result<(), EngineError> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EngineError::file("remove", directory)(error))
        }
        _ => Ok(()),
    }
}

/// CRIU would have to be given the root that is lent, and make the maps that others may have by then.
fn refuse_inside(container: &Container) -> Result<(), EngineError> {
    if container.config.sharing.users.is_inside() {
        let what =
            format!("a checkpoint of {}, which has a user namespace,", container.record.name);
        return Err(EngineError::NotYet(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["first", "1", "a.b-c_d"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "../a", "a/b", "-a", ".unfinished-a", "a\0", "a b", "ä"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
