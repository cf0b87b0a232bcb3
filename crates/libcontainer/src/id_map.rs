//! Maps of ids, and user namespaces that exist for their maps alone: a mount whose ids are mapped takes them from one.
//! Runs in the parent. Sources: user_namespaces(7), mount_setattr(2) "ID-mapped mounts".

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fchown, fstat, open};
use rustix::process::{Gid, Signal, Uid, set_parent_process_death_signal};
use spec::runtime::IdMapping;
use sys::{CloneArgs, Errno, Namespaces, clone3, exit_now};

use crate::create::end;
use crate::error::StartError;
use crate::plan::IdMapPlan;
use crate::process::Process;
use crate::wire::{self, ToChild};

mod writer;

pub(crate) use writer::{is_unprivileged, write};

/// An id-mapped mount, ready.
pub(crate) struct IdMap {
    /// Whose maps; nothing for the container's own user namespace.
    pub(crate) namespace: Option<OwnedFd>,
    /// Whether the mounts below are mapped too.
    pub(crate) recursive: bool,
}

/// User namespaces by their maps, each made once.
#[derive(Default)]
pub(crate) struct IdMaps(Vec<(IdMapPlan, OwnedFd)>);

impl IdMaps {
    pub(crate) fn prepare(&mut self, plan: &IdMapPlan) -> Result<IdMap, StartError> {
        let recursive = plan.recursive;
        if plan.uid_mappings.is_empty() {
            return Ok(IdMap { namespace: None, recursive });
        }
        let failed = || StartError::parent("make a user namespace for an id-mapped mount");
        let alike = |(made, _): &&(IdMapPlan, OwnedFd)| {
            (&made.uid_mappings, &made.gid_mappings) == (&plan.uid_mappings, &plan.gid_mappings)
        };
        let namespace = match self.0.iter().find(alike) {
            Some((_, made)) => made.try_clone().map_err(Errno::from).map_err(failed())?,
            None => {
                let made = user_namespace(&plan.uid_mappings, &plan.gid_mappings)?;
                let namespace = made.try_clone().map_err(Errno::from).map_err(failed())?;
                self.0.push((plan.clone(), made));
                namespace
            }
        };
        Ok(IdMap { namespace: Some(namespace), recursive })
    }
}

/// User and group of the machine that are root in the user namespace of a process, where somebody is.
pub(crate) fn root_of(pid: i32) -> Option<(u32, u32)> {
    let root = |file: &str| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("0")).then(|| words.next()?.parse().ok())?
        })
    };
    Some((root("uid_map")?, root("gid_map")?))
}

/// Gives pipes to the root of a container with a user namespace, who could open them by `/dev/stdout` in no other way: nobody in
/// there has the machine's root. Other streams stay whose they are.
pub(crate) fn give_pipes(
    streams: Option<[BorrowedFd<'_>; 3]>,
    (uid, gid): (u32, u32),
) -> Result<(), Errno> {
    for stream in streams.into_iter().flatten() {
        let kind = FileType::from_raw_mode(fstat(stream)?.st_mode);
        if kind == FileType::Fifo {
            fchown(stream, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
    }
    Ok(())
}

/// The user namespace of a process.
pub(crate) fn namespace_of(pid: i32) -> Result<OwnedFd, StartError> {
    let path = std::path::PathBuf::from(format!("/proc/{pid}/ns/user"));
    let opened = open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|errno| StartError::Open { path, errno: errno.into() })
}

/// A user namespace in which nobody lives: who is born in it ends once it has maps.
pub(crate) fn user_namespace(
    uids: &[IdMapping],
    gids: &[IdMapping],
) -> Result<OwnedFd, StartError> {
    let failed = || StartError::parent("make a user namespace for an id-mapped mount");
    let (_ours, theirs) = wire::pair().map_err(failed())?;
    let args = CloneArgs { namespaces: Namespaces::USER, ..CloneArgs::default() };
    let made = clone3(args, || stand(theirs.as_fd())).map_err(failed())?;
    let process = Process::new(made.pid, made.pidfd);
    let namespace = write(process.pid(), uids, gids).and_then(|()| namespace_of(process.pid()));
    let _status = end(&process);
    namespace
}

/// Until it is ended, at the latest with its maker: prctl(2), PR_SET_PDEATHSIG.
fn stand(socket: BorrowedFd<'_>) -> Infallible {
    let _unset = set_parent_process_death_signal(Some(Signal::KILL));
    let _gone = wire::await_parent(socket, ToChild::Go);
    exit_now(0)
}
