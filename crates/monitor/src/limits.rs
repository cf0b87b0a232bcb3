//! What a container sees of its limits: files of procfs and sysfs that say what it has instead of what the machine has, as lxcfs shows
//! them, without a further process. This process is the server of a small FUSE file system, whose files the container's first process
//! attaches over the kernel's own (libcontainer's `shown.rs`); it is mounted nowhere else. Start at [`Limits::of`].
//!
//! ```text
//! container          kernel             monitor
//! open, read  ----->  /dev/fuse  ----->  one of the sources that it polls: `device.rs` reads a request,
//!                                        `answers.rs` decides, `view.rs` makes the content
//!             <-----             <-----  the answer, at once
//! ```
//!
//! Each request is answered without waiting for anybody but the kernel's own files, a few of them at a time. While this process waits for
//! the container itself, at its start and until it stands still, a copy of this process answers: [`StandIn`]. What was asked and read from the device
//! is always answered: who waits for it cannot be killed. Sources: fuse(4), linux/fuse.h.

mod answers;
mod device;
mod disks;
mod group;
mod loads;
mod memory;
mod processors;
mod tree;
mod view;
mod wire;

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, set_parent_process_death_signal};
use sys::{CloneArgs, Cloned, Errno, clone3, exit_now};

use self::answers::Answers;
use self::device::{Device, Served};
use crate::again;
use crate::handoff::HandOff;

pub use self::tree::LIMIT_FILES;
pub(crate) use self::view::View;

/// Readers of a stand-in are told by this from those of the monitor.
const OF_STAND_IN: u64 = 1 << 63;

/// A run's limits, and its file system where it has one.
#[derive(Debug)]
pub(crate) struct Limits {
    view: View,
    device: Option<Device>,
    answers: Answers,
    /// Why there is no file system although one was asked for.
    refused: Option<String>,
}

/// What the container's first process is given.
pub(crate) struct Shown {
    /// The file system, mounted nowhere.
    pub(crate) mount: OwnedFd,
    _answers: StandIn,
}

impl Limits {
    /// Those of a run that begins, where anybody is told of them; with a file system where its plan shows one and it `may`: processes
    /// that go on from a checkpoint have their mounts already. Where this machine has
    /// none to offer, the container sees the machine's files.
    pub(crate) fn of(handoff: &HandOff, may_show: bool) -> Option<(Self, Option<Shown>)> {
        let shows = may_show && !handoff.plan.shown().is_empty();
        if !shows && !handoff.emulates {
            return None;
        }
        let made = u64::try_from(crate::now_ns() / 1_000_000_000).unwrap_or(0);
        let mut limits = Self {
            view: View::new(&handoff.plan.cgroup),
            device: None,
            answers: Answers::new(1, made),
            refused: None,
        };
        let label =
            handoff.plan.mount_label.as_deref().filter(|_| libcontainer::selinux_is_enabled());
        let made = shows.then(|| -> Result<Shown, Errno> {
            let (device, mount) = Device::make(label)?;
            limits.device = Some(device);
            let answers = limits.stand_in().ok_or(Errno::from_raw(libc::EAGAIN))?;
            Ok(Shown { mount, _answers: answers })
        });
        let shown = match made {
            Some(Ok(shown)) => Some(shown),
            Some(Err(errno)) => {
                limits.device = None;
                limits.refused = Some(refusal(errno));
                None
            }
            None => None,
        };
        Some((limits, shown))
    }

    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    /// What is told once, where the files could not be shown.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// What tells that somebody asks.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.device.as_ref().map(|device| device.descriptor.as_fd())
    }

    /// Answers who asks; nobody does any more once the container's mounts are gone.
    pub(crate) fn serve(&mut self) {
        let Some(device) = &mut self.device else { return };
        if device.serve(&mut self.answers, &mut self.view) == Served::Ended {
            self.device = None;
        }
    }

    /// Somebody who answers while this process waits for the container; nobody where there is nothing to answer, or no process.
    pub(crate) fn stand_in(&mut self) -> Option<StandIn> {
        self.device.as_ref()?;
        let (told, tell) = pipe_with(PipeFlags::CLOEXEC).ok()?;
        let child = || -> Infallible {
            // Nobody looks after it without its maker.
            let _immortal = set_parent_process_death_signal(Some(Signal::KILL));
            self.answers.count_from(OF_STAND_IN);
            self.serve_until(&told);
            exit_now(0)
        };
        let worker = clone3(CloneArgs::default(), child).ok()?;
        Some(StandIn { worker: Some(worker), tell })
    }

    /// In the stand-in.
    fn serve_until(&mut self, told: &OwnedFd) {
        loop {
            let Some(device) = &self.device else { return };
            let mut polled =
                [PollFd::new(&device.descriptor, PollFlags::IN), PollFd::new(told, PollFlags::IN)];
            let _interrupted = poll(&mut polled, None);
            let is_told = !polled[1].revents().is_empty();
            self.serve();
            if is_told {
                return;
            }
        }
    }
}

fn refusal(errno: Errno) -> String {
    format!(
        "the container sees the machine's /proc/meminfo, /proc/cpuinfo and others instead of its limits: FUSE: {errno}"
    )
}

/// A copy of this process that answers in its place, until this is dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    worker: Option<Cloned>,
    tell: OwnedFd,
}

impl Drop for StandIn {
    /// It is asked and not killed: it may be in the middle of an answer that nobody else gives.
    fn drop(&mut self) {
        let _gone = rustix::io::write(&self.tell, b"e");
        again::reap(&mut self.worker, true);
    }
}
