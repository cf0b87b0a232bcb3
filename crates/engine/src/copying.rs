//! `cp`: files between the host and a container, that runs or not, with its volumes and mounts.
//!
//! A container's files are reached from a descriptor of its own root, in its own mount namespace: that of its first process, or
//! where none runs, of mounts that [`monitor::hold`] makes for as long as it takes. Each path is looked up with openat2(2) and
//! this root, so no link leads out, however often it is changed meanwhile (CVE-2018-15664); nothing of the container is
//! executed or loaded (CVE-2019-14271). What a name is decides what a copy means, as in Docker: see [`copy`].

mod archives;
mod host;
mod ids;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libcontainer::Process;
use monitor::Held;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
pub use store::Copied;
use store::{CopyRules, StoreError, TreeCopy};
use sys::{Errno, open_in_root};

pub use archives::{PathStat, PutRules};
pub use host::{HostSource, host_archive, host_put, host_source};

use crate::config::{MountSource, Sharing, UserMaps, UserMode};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::lock::Lock;
use crate::state::State;

/// As many symbolic links as the kernel follows in one path. path_resolution(7).
const MOST_LINKS: usize = 40;
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Docker's words for what is told when files have come out of a container, and when some were put into it.
const READ: &str = "archive-path";
const WRITTEN: &str = "extract-to-dir";

/// How it is copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopyRequest {
    /// Whether owners stay; otherwise it belongs to root in the container, and to the caller on the host.
    pub archive: bool,
    /// Whether a link as the source means what it leads to.
    pub follow: bool,
}

/// The files of one side.
struct Side {
    root: Root,
    /// How messages begin that name a path of it.
    name: String,
    /// Which ids its files have on the machine, where these are not the container's.
    users: Option<UserMaps>,
}

/// Where paths begin.
enum Root {
    Host,
    /// A root that no path leads out of.
    Inside(OwnedFd),
    /// The same of mounts that are there for this alone.
    Held(Held, #[expect(dead_code, reason = "only its end matters")] Lock),
}

/// What a path means: a name in a directory, and what is there.
struct Located {
    parent: OwnedFd,
    name: Vec<u8>,
    kind: Option<FileType>,
    /// Whether the path ends with a slash, or a slash and a dot.
    wants_directory: bool,
    /// Whether it ends with a dot: what is in the directory, not the directory.
    contents: bool,
}

impl Side {
    fn host() -> Self {
        Self { root: Root::Host, name: String::new(), users: None }
    }

    fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let inside = |root: BorrowedFd<'_>| open_in_root(root, path, flags, Mode::empty());
        match &self.root {
            Root::Host => Ok(rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?),
            Root::Inside(root) => inside(root.as_fd()),
            Root::Held(held, _) => inside(held.root()),
        }
    }

    fn failed(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(Errno) -> EngineError + use<> {
        let path = self.printable(path).into();
        move |errno| StoreError::File { action, path, errno }.into()
    }

    /// A path of any length, for messages.
    fn printable(&self, path: &Path) -> String {
        /// What names a file well enough.
        const MOST: usize = 300;
        let text = path.to_string_lossy();
        let dots = if text.chars().count() > MOST { "…" } else { "" };
        format!("{}{}{dots}", self.name, text.chars().take(MOST).collect::<String>())
    }

    fn wrong(&self, path: &Path, why: &str) -> EngineError {
        EngineError::value("copy", self.printable(path), why)
    }

    /// What a path means; a link at its end is what it leads to where `follow` says so, or a slash behind it.
    fn locate(&self, path: &Path, follow: bool) -> Result<Located, EngineError> {
        let text = path.as_os_str().as_bytes();
        let contents = text == b"." || text.ends_with(b"/.");
        let wants_directory = contents || text.ends_with(b"/");
        let mut rest = text.to_vec();
        for _ in 0..=MOST_LINKS {
            let (directory, name) = split(&rest);
            let parent = self.open(&directory, PLACE).map_err(self.failed("open", path))?;
            let found = statat(&parent, &name[..], AtFlags::SYMLINK_NOFOLLOW);
            let kind = match found {
                Ok(stat) => Some(FileType::from_raw_mode(stat.st_mode)),
                Err(rustix::io::Errno::NOENT) => None,
                Err(errno) => return Err(self.failed("look at", path)(errno.into())),
            };
            if kind != Some(FileType::Symlink) || !(follow || wants_directory) {
                return Ok(Located { parent, name, kind, wants_directory, contents });
            }
            let link = readlinkat(&parent, &name[..], Vec::new());
            let link =
                link.map_err(|errno| self.failed("read link", path)(errno.into()))?.into_bytes();
            rest =
                if link.starts_with(b"/") { link } else { [&directory[..], b"/", &link].concat() };
        }
        Err(self.failed("follow", path)(rustix::io::Errno::LOOP.into()))
    }

    /// The source of a copy, which must be there.
    fn source(&self, path: &Path, follow: bool) -> Result<Located, EngineError> {
        let located = self.locate(path, follow)?;
        match located.kind {
            None => Err(self.failed("open", path)(rustix::io::Errno::NOENT.into())),
            Some(kind) if kind != FileType::Directory && located.wants_directory => {
                Err(self.wrong(path, "it is no directory"))
            }
            Some(_) => Ok(located),
        }
    }
}

/// The directory that a path's last name is in, and the name: `.` of the directory itself where there is none.
fn split(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut path = path;
    while let Some(shorter) = path.strip_suffix(b"/").or_else(|| path.strip_suffix(b"/.")) {
        path = shorter;
    }
    let slash = path.iter().rposition(|byte| *byte == b'/');
    let (directory, name) = match slash {
        Some(0) => (&b"/"[..], &path[1..]),
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None if path.is_empty() => return (b"/".to_vec(), b".".to_vec()),
        None => (&b"."[..], path),
    };
    if matches!(name, b"." | b"..") {
        return (path.to_vec(), b".".to_vec());
    }
    (directory.to_vec(), name.to_vec())
}

impl Located {
    fn is_directory(&self) -> bool {
        self.kind == Some(FileType::Directory)
    }

    fn open_directory(&self) -> Result<OwnedFd, Errno> {
        Ok(openat(&self.parent, &self.name[..], DIRECTORY, Mode::empty())?)
    }
}

/// Copies, by Docker's rules. Into a directory that is there comes the source under its own name, or with a dot behind it what is
/// in it; otherwise the destination names the copy, and the directory that it is in must be there.
fn copy(
    (from, source): (&Side, &Path),
    (to, destination): (&Side, &Path),
    follow: bool,
    rules: CopyRules,
) -> Result<Copied, EngineError> {
    let ids = from.to_disk().or_else(|| to.to_machine());
    let rules = CopyRules { owner: rules.owner.map(|owner| to.owner(owner)), ..rules };
    let _ids = to.act()?;
    let source_at = from.source(source, follow)?;
    let target = to.locate(destination, true)?;
    let what = || format!("copy {}", from.printable(source));
    let failed =
        |cause| EngineError::from(StoreError::Unpack { what: what(), cause: Box::new(cause) });
    let named = |into: BorrowedFd<'_>, name: &[u8]| {
        let copied = TreeCopy::new(into, rules).with_ids(ids.as_ref()).entry(
            source_at.parent.as_fd(),
            &source_at.name,
            name,
        );
        copied.map_err(failed)
    };
    match (source_at.is_directory(), target.kind) {
        (is_directory, Some(FileType::Directory)) => {
            let into = target.open_directory().map_err(to.failed("open", destination))?;
            if is_directory && (source_at.contents || source_at.name == b".") {
                let opened = source_at.open_directory().map_err(from.failed("open", source))?;
                let copy = TreeCopy::new(into.as_fd(), rules).with_ids(ids.as_ref());
                return copy.contents(opened.as_fd()).map_err(failed);
            }
            // The name that was asked for, whatever it led to.
            let name = if follow {
                split(source.as_os_str().as_bytes()).1
            } else {
                source_at.name.clone()
            };
            named(into.as_fd(), &name)
        }
        (true, Some(_)) => Err(to.wrong(destination, "a directory cannot be copied over a file")),
        (false, Some(_)) if target.wants_directory => {
            Err(to.wrong(destination, "it is no directory"))
        }
        (false, None) if target.wants_directory => {
            Err(to.wrong(destination, "there is no such directory"))
        }
        (_, _) => named(target.parent.as_fd(), &target.name),
    }
}

impl Containers<'_> {
    /// Copies from the host into a container.
    ///
    /// # Errors
    /// When a path is not there or does not fit the other one, or a disk refuses; a file that is not whole is removed.
    pub fn copy_in(
        &self,
        source: &Path,
        (container, path): (&str, &Path),
        request: CopyRequest,
    ) -> Result<Copied, EngineError> {
        let side = self.side(container)?;
        let owner = (!request.archive).then_some((0, 0));
        let rules = CopyRules { owner, replace: true, exact: false };
        let path = Path::new("/").join(path);
        let _bounded = store::Bounded::new();
        let copied = copy((&Side::host(), source), (&side, &path), request.follow, rules)?;
        self.tell_copied(container, WRITTEN);
        Ok(copied)
    }

    /// Copies from a container to the host.
    ///
    /// # Errors
    /// As [`Containers::copy_in`].
    pub fn copy_out(
        &self,
        (container, path): (&str, &Path),
        destination: &Path,
        request: CopyRequest,
    ) -> Result<Copied, EngineError> {
        let side = self.side(container)?;
        let caller = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let owner = (!request.archive).then(caller);
        let rules = CopyRules { owner, replace: true, exact: false };
        let path = Path::new("/").join(path);
        let copied = copy((&side, &path), (&Side::host(), destination), request.follow, rules)?;
        self.tell_copied(container, READ);
        Ok(copied)
    }

    /// One that has gone meanwhile has nothing more to tell.
    fn tell_copied(&self, text: &str, action: &str) {
        let _gone = self.get(text).map(|container| self.tell(&container, action, &[]));
    }

    /// The files of a container.
    fn side(&self, text: &str) -> Result<Side, EngineError> {
        let container = self.get(text)?;
        let name = format!("{}:", container.record.name);
        if let State::Running { pid, start_time, .. } = container.state {
            return match root_of_process(pid, start_time) {
                Ok(Some(root)) => {
                    let users = self.user_maps(&container)?;
                    Ok(Side { root: Root::Inside(root), name, users })
                }
                // It has ended: what it has left is there.
                Ok(None) => self.side(text),
                Err(errno) => {
                    Err(EngineError::file("open the root of", Path::new(text))(errno.into()))
                }
            };
        }
        // Nobody starts it meanwhile: an overlay that is mounted twice would see two truths.
        let lock = Lock::wait(&container.dirs.container)?;
        let container = self.get_locked(&container.record.id)?;
        if !matches!(container.state, State::Created { .. } | State::Exited(_)) {
            drop(lock);
            if matches!(container.state, State::Running { .. }) {
                return self.side(text);
            }
            let (name, state) = (container.record.name, "restarting");
            return Err(EngineError::State { action: "copy from", name, state });
        }
        let _absent = std::fs::remove_dir_all(container.dirs.work.join("work/incompat/volatile"));
        container.dirs.make_state()?;
        let image = container.record.image.as_ref().map(ToString::to_string).unwrap_or_default();
        let users = self.maps_on_disk(&container.config, &container.record.id)?;
        let mut config = container.config;
        // Whose namespaces it had says nothing of its files.
        config.network = crate::config::NetworkMode::None;
        // What was given to its user was given by the machine's ids; from here on they are the container's.
        let is_inside = config.sharing.users.is_inside();
        config.mounts.iter_mut().for_each(|mount| mount.give &= !is_inside);
        config.sharing = Sharing::default();
        if let Some(maps) = &users {
            config.sharing =
                Sharing { users: UserMode::Private(maps.clone()), shifted: true, ..config.sharing };
        }
        let image = self.image_of(&config, &image)?;
        let made = Made {
            id: container.record.id,
            name: container.record.name,
            config: *config,
            image_name: container.record.image_name,
            image,
            dirs: container.dirs,
            _lock: None,
        };
        crate::start::make_bind_sources(&made.config)?;
        self.copy_layers(&made)?;
        let origins = self.prepare_mounts(&made)?;
        let (plan, files) = self.plan(&made, &origins)?;
        files.write_missing()?;
        let wanted = made.config.mounts.iter().filter(|mount| mount.source != MountSource::Tmpfs);
        let wanted: Vec<&Path> = wanted.map(|mount| mount.target.as_path()).collect();
        let held = monitor::hold(&self.engine.program, &plan, &wanted);
        let held = held.map_err(|cause| EngineError::Hold { name: made.name, cause })?;
        // What is held is as it is on the disk.
        Ok(Side { root: Root::Held(held, lock), name, users })
    }
}

/// The root of a process; nothing of one that has ended, or ends and has none any more.
fn root_of_process(pid: i32, start_time: u64) -> Result<Option<OwnedFd>, rustix::io::Errno> {
    let Some(process) = Process::find(pid, start_time) else { return Ok(None) };
    let opened = rustix::fs::open(format!("/proc/{pid}/root"), PLACE, Mode::empty());
    if matches!(opened, Err(rustix::io::Errno::NOENT | rustix::io::Errno::SRCH)) {
        let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN)], Some(&patience))?;
    }
    // The number may have been given to another process meanwhile; while this one lives it is its own.
    if process.has_ended() { Ok(None) } else { opened.map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_directory_and_a_name() {
        for (path, directory, name) in [
            ("/a/b", "/a", "b"),
            ("/a/b/", "/a", "b"),
            ("/a/b/.", "/a", "b"),
            ("a", ".", "a"),
            ("/a", "/", "a"),
            ("/", "/", "."),
            ("/.", "/", "."),
            ("", "/", "."),
            (".", ".", "."),
            ("a/..", "a/..", "."),
            ("//a//b//", "//a/", "b"),
        ] {
            let split = split(path.as_bytes());
            assert_eq!(split, (directory.as_bytes().to_vec(), name.as_bytes().to_vec()), "{path}");
        }
    }
}
