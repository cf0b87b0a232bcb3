//! Maps of ids, and user namespaces that exist for their maps alone: a mount whose ids are mapped takes them from one.
//! Runs in the parent. Sources: user_namespaces(7), mount_setattr(2) "ID-mapped mounts".

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Signal, set_parent_process_death_signal};
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

/// A user namespace in which nobody lives: who is born in it ends once it has maps.
fn user_namespace(uids: &[IdMapping], gids: &[IdMapping]) -> Result<OwnedFd, StartError> {
    let failed = || StartError::parent("make a user namespace for an id-mapped mount");
    let (_ours, theirs) = wire::pair().map_err(failed())?;
    let args = CloneArgs { namespaces: Namespaces::USER, ..CloneArgs::default() };
    let made = clone3(args, || stand(theirs.as_fd())).map_err(failed())?;
    let process = Process::new(made.pid, made.pidfd);
    let namespace = write(process.pid(), uids, gids).and_then(|()| {
        let path = format!("/proc/{}/ns/user", process.pid());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).map_err(Errno::from).map_err(failed())
    });
    let _status = end(&process);
    namespace
}

/// Until it is ended, at the latest with its maker: prctl(2), PR_SET_PDEATHSIG.
fn stand(socket: BorrowedFd<'_>) -> Infallible {
    let _unset = set_parent_process_death_signal(Some(Signal::KILL));
    let _gone = wire::await_parent(socket, ToChild::Go);
    exit_now(0)
}
