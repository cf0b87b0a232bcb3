//! Being told that the kernel has killed for want of memory.
//!
//! Sources: kernel Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control", and cgroup-v2.rst, "[Un]populated Notification".

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as Raw;

use super::directory::Directory;
use super::{CgroupError, Errno, stats};

/// What has happened in a group since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomNews {
    /// Processes were killed for want of memory.
    pub killed: bool,
    /// The group has no processes any more, or is gone: nothing will come.
    pub ended: bool,
}

/// Tells of a group's processes that are killed for want of memory. Its descriptor can be polled: when it is readable,
/// [`read`](Self::read) says why, and never waits.
#[derive(Debug)]
pub struct OomEvents {
    events: OwnedFd,
    group: Directory,
    unified: bool,
    /// How often it was told before.
    kills: u64,
}

impl AsFd for OomEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

impl OomEvents {
    /// An eventfd that the kernel writes to, also when the group is removed.
    pub(super) fn v1(memory: &Directory) -> Result<Self, CgroupError> {
        let fault = fault(memory.path().join("memory.oom_control"));
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let control = rustix::fs::openat(memory.fd(), "memory.oom_control", flags, Mode::empty());
        let control = control.map_err(|errno| fault(errno.into()))?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let events = eventfd(0, flags).map_err(|errno| fault(errno.into()))?;
        let text = format!("{} {}", events.as_raw_fd(), control.as_raw_fd());
        memory.command("cgroup.event_control", &text)?;
        let group = Directory::open(&memory.place).map_err(fault)?;
        Ok(Self { events, group, unified: false, kills: 0 })
    }

    /// Changes of two files.
    pub(super) fn v2(group: &Directory) -> Result<Self, CgroupError> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let events = init(flags).map_err(|errno| fault(group.path().to_owned())(errno.into()))?;
        for file in ["memory.events", "cgroup.events"] {
            let path = group.path().join(file);
            match add_watch(&events, &path, WatchFlags::MODIFY) {
                Ok(_) => {}
                Err(Raw::NOENT) if file == "memory.events" => {
                    return Err(CgroupError::Unsupported {
                        operation: "watch for want of memory",
                        missing: "the memory controller",
                    });
                }
                Err(errno) => return Err(fault(path)(errno.into())),
            }
        }
        let kills = stats::v2::oom_kills(group)?;
        let group = Directory::open(&group.place).map_err(fault(group.path().to_owned()))?;
        Ok(Self { events, group, unified: true, kills })
    }

    /// Why the descriptor is readable.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    pub fn read(&mut self) -> Result<OomNews, CgroupError> {
        if self.unified { self.read_v2() } else { self.read_v1() }
    }

    fn read_v1(&self) -> Result<OomNews, CgroupError> {
        match rustix::io::read(&self.events, &mut [0_u8; 8]) {
            Ok(_) => {}
            Err(Raw::AGAIN | Raw::INTR) => return Ok(OomNews::default()),
            Err(errno) => return Err(self.unreadable(errno)),
        }
        // The removal is told in the same way.
        let gone = rustix::fs::statat(
            self.group.fd(),
            "cgroup.event_control",
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        );
        Ok(OomNews { killed: gone.is_ok(), ended: gone.is_err() })
    }

    fn read_v2(&mut self) -> Result<OomNews, CgroupError> {
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut reader = Reader::new(&self.events, &mut space);
        loop {
            match reader.next() {
                Ok(_) => {}
                Err(Raw::AGAIN) => break,
                Err(Raw::INTR) => {}
                Err(errno) => return Err(self.unreadable(errno)),
            }
        }
        // A file that cannot be read any more is one of a group that was removed.
        let kills = stats::v2::oom_kills(&self.group).unwrap_or(self.kills);
        let killed = kills > self.kills;
        self.kills = kills;
        let events = self.group.read_raw("cgroup.events").unwrap_or_default();
        Ok(OomNews { killed, ended: !events.lines().any(|line| line == "populated 1") })
    }

    fn unreadable(&self, errno: Raw) -> CgroupError {
        CgroupError::Read { path: self.group.path().to_owned(), errno: errno.into() }
    }
}

fn fault(path: PathBuf) -> impl Fn(Errno) -> CgroupError {
    move |errno| CgroupError::Open { path: path.clone(), errno }
}
