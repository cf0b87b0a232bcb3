//! Calls that are answered here in the kernel's place, for containers that asked for it: mknod(2) of devices that harm nobody, mount(2) of
//! file systems that do, and sysinfo(2) by the container's own limits. Start at [`Emulation`]; what a call does is in `calls.rs`.
//!
//! Each call is answered by a child of its own: reading or writing the memory of a process of the container may wait for whatever
//! that process chooses (a page of a FUSE file), and this process waits for nobody. Source: seccomp_unotify(2).

mod caller;
mod calls;
mod information;
mod kinds;
mod mounts;

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use libcontainer::seccomp::Door;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, WaitId, WaitIdOptions, set_parent_process_death_signal, waitid};
use sys::{CloneArgs, Cloned, Errno, clone3, exit_now};

use self::mounts::Mounts;
use crate::again;
use crate::handoff::HandOff;
use crate::running::Running;
use crate::start::Refused;

/// Socket in the state directory where filters find who answers.
pub const EMULATION_SOCKET: &str = "calls-asked.sock";

/// Calls that are answered at once; further ones wait for their turn.
const MOST: usize = 8;

pub(crate) struct Emulation {
    door: Door,
    listeners: Vec<OwnedFd>,
    workers: Vec<Cloned>,
    mounts: Mounts,
}

impl Emulation {
    /// Listens, where the container has asked for it.
    pub(crate) fn of(handoff: &HandOff) -> Result<Option<Self>, Refused> {
        if !handoff.emulates {
            return Ok(None);
        }
        let listening = Self::listen(&handoff.state_dir, handoff.plan.mount_label.clone());
        listening.map(Some).map_err(|errno| Refused::engine("listen for calls to answer", errno))
    }

    fn listen(state_dir: &Path, label: Option<String>) -> Result<Self, Errno> {
        // An earlier monitor of this container is gone, or there would be no second one.
        let _absent = rustix::fs::unlink(state_dir.join(EMULATION_SOCKET));
        let door = Door::listen(state_dir, EMULATION_SOCKET)?;
        let mounts = Mounts::new(label)?;
        Ok(Self { door, listeners: Vec::new(), workers: Vec::new(), mounts })
    }

    /// What tells that there is something to do.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let has_room = self.workers.len() < MOST;
        let listeners = self.listeners.iter().filter(move |_| has_room).map(AsFd::as_fd);
        let workers = self.workers.iter().map(|worker| worker.pidfd.as_fd());
        std::iter::once(self.door.as_fd()).chain(listeners).chain(workers)
    }

    /// Does what there is to do.
    pub(crate) fn react(&mut self, run: Option<&Running>) {
        self.workers.retain_mut(has_not_ended);
        self.listeners.extend(self.door.receive());
        let ready: Vec<PollFlags> = self.listeners.iter().map(|fd| state(fd.as_fd())).collect();
        for (listener, state) in self.listeners.iter().zip(&ready) {
            if state.contains(PollFlags::IN)
                && self.workers.len() < MOST
                && let Some(run) = run
            {
                self.workers.extend(answer(listener.as_fd(), run, &self.mounts));
            }
        }
        // Nobody is under that filter any more.
        let mut ended = ready.iter().map(|state| state.intersects(PollFlags::HUP | PollFlags::ERR));
        self.listeners.retain(|_| !ended.next().unwrap_or(false));
    }

    /// The run is over: nobody waits for an answer.
    pub(crate) fn abandon(&mut self) {
        for worker in std::mem::take(&mut self.workers) {
            let _gone = sys::send_signal(worker.pidfd.as_fd(), libc::SIGKILL);
            again::reap(&mut Some(worker), true);
        }
        self.listeners.clear();
        self.mounts.forget();
    }
}

fn state(listener: BorrowedFd<'_>) -> PollFlags {
    let mut polled = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut polled, Some(&now)) {
        Ok(1) => polled[0].revents(),
        _ => PollFlags::empty(),
    }
}

fn has_not_ended(worker: &mut Cloned) -> bool {
    state(worker.pidfd.as_fd()).is_empty() || {
        let _reaped = waitid(WaitId::PidFd(worker.pidfd.as_fd()), WaitIdOptions::EXITED);
        false
    }
}

/// Has a call answered, if one waits. One that no child can be made for fails.
fn answer(listener: BorrowedFd<'_>, run: &Running, mounts: &Mounts) -> Option<Cloned> {
    let call = sys::receive_notification(listener).ok()?;
    let child = || -> Infallible {
        // Nobody looks after it without its maker.
        let _immortal = set_parent_process_death_signal(Some(Signal::KILL));
        calls::answer(listener, &call, run, mounts);
        exit_now(0)
    };
    match clone3(CloneArgs::default(), child) {
        Ok(worker) => Some(worker),
        Err(errno) => {
            let _gone = sys::answer_notification(listener, call.id, sys::Answer::Error(errno));
            None
        }
    }
}
