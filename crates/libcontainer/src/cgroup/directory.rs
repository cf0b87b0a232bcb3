//! One directory of one hierarchy: made, opened, read, written and removed through its descriptor.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno as Raw;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{CgroupError, Controller, Errno, Existing, Place};

/// A group's directory in one hierarchy.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) place: Place,
    path: PathBuf,
    fd: OwnedFd,
}

/// No event tells that a v1 group has frozen or that a task has left its last group, so those are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Directory {
    /// Makes the group; what is new, groups above included, is pushed on `made`. What is there already is dealt with as
    /// `existing` says, nothing at all for a group that was made for us just now.
    pub(crate) fn make(
        place: &Place,
        existing: Option<Existing>,
        made: &mut Vec<PathBuf>,
    ) -> Result<Self, CgroupError> {
        let path = place.path();
        let create = |errno| CgroupError::Create { path: path.clone(), errno };
        match make(&path) {
            Ok(()) => {}
            Err(Raw::NOENT) => {
                make_above(place, made)?;
                make(&path).map_err(|errno| create(errno.into()))?;
            }
            Err(Raw::EXIST) => {
                let old = Self::open(place).map_err(create)?;
                match existing {
                    None => return Ok(old),
                    Some(existing) => old.refuse_occupied(existing)?,
                }
                if existing == Some(Existing::Join) {
                    return Ok(old);
                }
                remove_below(old.fd.as_fd(), Instant::now())
                    .and_then(|()| remove_one(&path))
                    .and_then(|()| make(&path))
                    .map_err(|errno| create(errno.into()))?;
            }
            Err(errno) => return Err(create(errno.into())),
        }
        made.push(path.clone());
        Self::open(place).map_err(create)
    }

    /// A group that others live in is not ours, whatever its name.
    pub(crate) fn refuse_occupied(&self, existing: Existing) -> Result<(), CgroupError> {
        let processes = self.processes()?.len();
        if processes > 0 {
            return Err(CgroupError::InUse { path: self.path.clone(), processes });
        }
        let frozen = match (self.place.unified, self.carries(Controller::Freezer)) {
            (true, _) => {
                self.read_if_there("cgroup.freeze")?.is_some_and(|text| text.trim() == "1")
            }
            (_, true) => self.read("freezer.state")?.trim() != "THAWED",
            _ => false,
        };
        if frozen && existing == Existing::Join {
            return Err(CgroupError::Frozen { path: self.path.clone() });
        }
        Ok(())
    }

    pub(crate) fn open(place: &Place) -> Result<Self, Errno> {
        let path = place.path();
        let fd = rustix::fs::openat(CWD, &path, DIRECTORY, Mode::empty())?;
        Ok(Self { place: place.clone(), path, fd })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn carries(&self, controller: Controller) -> bool {
        self.place.controllers.contains(&controller)
    }

    pub(crate) fn open_to_write(&self, file: &str) -> Result<OwnedFd, Raw> {
        rustix::fs::openat(&self.fd, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
    }

    pub(crate) fn write(&self, file: &str, value: &str) -> Result<(), Errno> {
        let opened = self.open_to_write(file)?;
        rustix::io::write(&opened, value.as_bytes())?;
        Ok(())
    }

    /// Like [`write`](Self::write), for files whose refusal is not about a setting of the user's.
    pub(crate) fn command(&self, file: &str, value: &str) -> Result<(), CgroupError> {
        self.write(file, value).map_err(|errno| CgroupError::Set {
            file: file.to_owned(),
            value: value.to_owned(),
            errno,
        })
    }

    pub(crate) fn read_raw(&self, file: &str) -> Result<String, Errno> {
        read_at(self.fd.as_fd(), file)
    }

    pub(crate) fn read(&self, file: &str) -> Result<String, CgroupError> {
        self.read_raw(file).map_err(|errno| CgroupError::Read { path: self.path.join(file), errno })
    }

    /// Like [`read`](Self::read); `None` where the kernel has no such file.
    pub(crate) fn read_if_there(&self, file: &str) -> Result<Option<String>, CgroupError> {
        match self.read_raw(file) {
            Ok(text) => Ok(Some(text)),
            Err(errno) if errno == Raw::NOENT.into() => Ok(None),
            Err(errno) => Err(CgroupError::Read { path: self.path.join(file), errno }),
        }
    }

    /// Moves a whole process here.
    pub(crate) fn add_process(&self, pid: i32) -> Result<(), CgroupError> {
        self.write("cgroup.procs", &pid.to_string()).map_err(|errno| CgroupError::Join {
            pid,
            path: self.path.clone(),
            errno,
        })
    }

    /// The processes here and in all groups inside, sorted; none when the group is gone.
    pub(crate) fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        let mut found = Vec::new();
        collect(self.fd.as_fd(), &mut found)
            .map_err(|errno| CgroupError::Read { path: self.path.join("cgroup.procs"), errno })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Removes the group and all groups inside; no error when it is gone. Waits for tasks that are about to end.
    pub(crate) fn remove(&self, deadline: Instant) -> Result<(), CgroupError> {
        let failed =
            |errno: Raw| CgroupError::Remove { path: self.path.clone(), errno: errno.into() };
        loop {
            match remove_one(&self.path) {
                Ok(()) => return Ok(()),
                Err(Raw::BUSY) => {}
                Err(errno) => return Err(failed(errno)),
            }
            // Busy means groups inside, or tasks.
            remove_below(self.fd.as_fd(), deadline).map_err(failed)?;
            if remove_one(&self.path).is_ok() {
                return Ok(());
            }
            if !wait_for_exit(self.fd.as_fd(), deadline) {
                return Err(failed(Raw::BUSY));
            }
        }
    }

    /// Names of the files whose name `wanted` turns into something.
    pub(crate) fn files<T>(
        &self,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, CgroupError> {
        let list = || -> Result<Vec<T>, Raw> {
            let mut found = Vec::new();
            for entry in entries(self.fd.as_fd())? {
                found.extend(entry?.file_name().to_str().ok().and_then(&wanted));
            }
            Ok(found)
        };
        list().map_err(|errno| CgroupError::Read { path: self.path.clone(), errno: errno.into() })
    }
}

const DIRECTORY: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn make(path: &Path) -> Result<(), Raw> {
    rustix::fs::mkdirat(CWD, path, Mode::from_raw_mode(0o755))
}

/// Makes the groups above. They stay: removing the first cpuset and making it again costs the kernel more (it patches its
/// own code for "there is a cpuset") than all other hierarchies together, and other containers may be about to use them.
fn make_above(place: &Place, made: &mut Vec<PathBuf>) -> Result<(), CgroupError> {
    let mut path = place.mount.clone();
    let mut names = place.directory.split('/').peekable();
    while let (Some(name), Some(_)) = (names.next(), names.peek()) {
        path.push(name);
        match make(&path) {
            Ok(()) => made.push(path.clone()),
            Err(Raw::EXIST) => continue,
            Err(errno) => return Err(CgroupError::Create { path, errno: errno.into() }),
        }
        if !place.unified && place.controllers.contains(&Controller::Cpuset) {
            // Groups inside start with this one's CPUs and nodes, so that nobody has to copy them. cpusets(7).
            let directory =
                Directory::open(&Place { directory: below(place, &path), ..place.clone() })
                    .map_err(|errno| CgroupError::Create { path: path.clone(), errno })?;
            directory.command("cgroup.clone_children", "1")?;
        }
    }
    Ok(())
}

fn below(place: &Place, path: &Path) -> String {
    path.strip_prefix(&place.mount)
        .map(|rest| rest.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Removes one group; gone is fine.
pub(crate) fn remove_one(path: &Path) -> Result<(), Raw> {
    match rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR) {
        Err(Raw::NOENT) => Ok(()),
        other => other,
    }
}

/// Removes all groups inside, deepest first. By descriptors: the names are the container's.
fn remove_below(group: BorrowedFd<'_>, deadline: Instant) -> Result<(), Raw> {
    for name in groups_inside(group)? {
        let inner = match rustix::fs::openat(group, &name, DIRECTORY, Mode::empty()) {
            Err(Raw::NOENT) => continue,
            other => other?,
        };
        remove_below(inner.as_fd(), deadline)?;
        loop {
            match rustix::fs::unlinkat(group, &name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Raw::NOENT) => break,
                Err(Raw::BUSY) if wait_for_exit(inner.as_fd(), deadline) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

/// An O_PATH descriptor cannot be listed itself.
fn entries(group: BorrowedFd<'_>) -> Result<Dir, Raw> {
    Dir::new(rustix::fs::openat(
        group,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn groups_inside(group: BorrowedFd<'_>) -> Result<Vec<CString>, Raw> {
    let mut names = Vec::new();
    for entry in entries(group)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type() == FileType::Directory && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn collect(group: BorrowedFd<'_>, found: &mut Vec<i32>) -> Result<(), Errno> {
    let listed = match read_at(group, "cgroup.procs") {
        // A threaded group lists its processes in the group above, its threads here; those of a process share its id's fate.
        Err(errno) if errno == Raw::OPNOTSUPP.into() => read_at(group, "cgroup.threads"),
        other => other,
    };
    match listed {
        Ok(text) => found.extend(
            text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0),
        ),
        Err(errno) if errno == Raw::NODEV.into() || errno == Raw::NOENT.into() => return Ok(()),
        Err(errno) => return Err(errno),
    }
    let names = match groups_inside(group) {
        Err(Raw::NOENT) => return Ok(()),
        other => other?,
    };
    for name in names {
        match rustix::fs::openat(group, &name, DIRECTORY, Mode::empty()) {
            Ok(inner) => collect(inner.as_fd(), found)?,
            Err(Raw::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Waits until a process of the group has ended; `false` when the deadline is over.
fn wait_for_exit(group: BorrowedFd<'_>, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    let listed = read_at(group, "cgroup.procs").unwrap_or_default();
    let first = listed.lines().find_map(|line| Pid::from_raw(line.parse().ok()?));
    match first.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) {
        Some(process) => {
            let _interrupted =
                poll(&mut [PollFd::new(&process, PollFlags::IN)], timespec(left).as_ref());
        }
        // Exiting tasks are not listed any more but still count for a moment (kernel/cgroup/cgroup.c, css_task_iter_advance).
        None => pause(left.min(LOOK_AGAIN)),
    }
    true
}

/// Lets a moment pass where the kernel offers no event to wait for.
pub(crate) fn pause(time: Duration) {
    let _interrupted = poll(&mut [], timespec(time).as_ref());
}

/// Calls `done` until it says yes; `false` when the deadline is over.
pub(crate) fn look_until(
    deadline: Instant,
    mut done: impl FnMut() -> Result<bool, CgroupError>,
) -> Result<bool, CgroupError> {
    loop {
        if done()? {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        pause(left.min(LOOK_AGAIN));
    }
}

pub(crate) fn timespec(time: Duration) -> Option<Timespec> {
    Timespec::try_from(time).ok()
}

fn read_at(directory: BorrowedFd<'_>, file: &str) -> Result<String, Errno> {
    let opened =
        rustix::fs::openat(directory, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    read_all(&opened)
}

pub(crate) fn read_all(file: &OwnedFd) -> Result<String, Errno> {
    let mut bytes = Vec::with_capacity(512);
    loop {
        bytes.reserve(512);
        if rustix::io::read(file, rustix::buffer::spare_capacity(&mut bytes))? == 0 {
            break;
        }
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned()))
}
