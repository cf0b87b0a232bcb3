//! Files of a container as archives, and what a path of it is.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, readlinkat, statat};
use store::StoreError;
use store::compression::Decoder;
use store::layer::{self, TreeArchive};
use store::unpack::{Rules, unpack_with_ids};

use super::{READ, Side, WRITTEN, split};
use crate::containers::Containers;
use crate::error::EngineError;

/// What is at a path of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStat {
    /// The path's last name, as it was asked for.
    pub name: String,
    /// Its bytes.
    pub size: i64,
    /// Its type and permissions. inode(7).
    pub mode: u32,
    /// When its contents were changed, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Where it leads to, if it is a symbolic link.
    pub link_target: Option<PathBuf>,
}

/// How an archive is put into a directory that is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct PutRules {
    /// Whether a directory may give way to something else, and something else to a directory.
    pub exchange_kinds: bool,
    /// Whether everything belongs to the container's user, where it has one; otherwise owners are the archive's.
    pub own_user: bool,
}

impl Containers<'_> {
    /// What is at a path of a container; a link at its end is looked at itself.
    ///
    /// # Errors
    /// When it is not there.
    pub fn path_stat(&self, container: &str, path: &Path) -> Result<PathStat, EngineError> {
        let side = self.side(container)?;
        let path = Path::new("/").join(path);
        stat(&side, &path).map_err(|error| no_file(error, container, &path))
    }

    /// What is at a path of a container as an archive, which is made while it is read.
    ///
    /// # Errors
    /// When it is not there.
    pub fn path_archive(
        &self,
        container: &str,
        path: &Path,
    ) -> Result<(PathStat, impl Read + use<>), EngineError> {
        let side = self.side(container)?;
        let path = Path::new("/").join(path);
        let opened =
            stat(&side, &path).and_then(|found| Ok((found, open(&side, &path, (false, b"/"))?)));
        let (found, archive) = opened.map_err(|error| no_file(error, container, &path))?;
        self.tell_copied(container, READ);
        Ok((found, ArchiveOf { archive, _side: side }))
    }

    /// What a path of a container means as an archive, which is made while it is read.
    ///
    /// # Errors
    /// When it is not there.
    pub fn copy_as_archive(
        &self,
        (container, path): (&str, &Path),
        follow: bool,
    ) -> Result<impl Read + use<>, EngineError> {
        let side = self.side(container)?;
        let archive = open(&side, &Path::new("/").join(path), (follow, b"."))?;
        self.tell_copied(container, READ);
        Ok(ArchiveOf { archive, _side: side })
    }

    /// Unpacks an archive, plain or compressed, in a directory of a container.
    ///
    /// # Errors
    /// When there is no such directory, or the archive is refused: what was unpacked by then stays.
    pub fn copy_archive_in(
        &self,
        archive: impl Read,
        (container, path): (&str, &Path),
    ) -> Result<(), EngineError> {
        self.put_archive(archive, (container, path), PutRules::default())
    }

    /// The same by other rules.
    ///
    /// # Errors
    /// As [`Containers::copy_archive_in`].
    pub fn put_archive(
        &self,
        archive: impl Read,
        (container, path): (&str, &Path),
        put: PutRules,
    ) -> Result<(), EngineError> {
        let side = self.side(container)?;
        let path = Path::new("/").join(path);
        let located = side.locate(&path, true);
        let located = located.map_err(|error| no_file(error, container, &path))?;
        if located.kind.is_none() {
            let (path, container) = (path.display().to_string(), container.to_owned());
            return Err(EngineError::NoFile { path, container });
        }
        if !located.is_directory() {
            return Err(side.wrong(&path, "an archive needs a directory"));
        }
        let into = located.open_directory().map_err(side.failed("open", &path))?;
        let failed = |cause| StoreError::Unpack {
            what: format!("unpack in {}", side.printable(&path)),
            cause,
        };
        let owner = if put.own_user { self.user_of(container)? } else { None };
        let rules = Rules { keep_kinds: !put.exchange_kinds, owner, ..Rules::beside_others() };
        let archive = Decoder::new(archive).map_err(|error| failed(error.into()))?;
        let _bounded = store::Bounded::new();
        let ids = side.to_machine();
        let rules = Rules { owner: rules.owner.map(|owner| side.owner(owner)), ..rules };
        let _ids = side.act()?;
        unpack_with_ids(archive, into.as_fd(), &rules, ids.as_ref())
            .map_err(|error| failed(error.into()))?;
        self.tell_copied(container, WRITTEN);
        Ok(())
    }
}

/// The archive of what is at a path. What is in a directory, where that is meant, has a dot before its name, and the root is called as `root` says.
fn open(
    side: &Side,
    path: &Path,
    (follow, root): (bool, &[u8]),
) -> Result<TreeArchive, EngineError> {
    let located = side.source(path, follow)?;
    let name = match split(path.as_os_str().as_bytes()).1 {
        _ if located.contents => b".".to_vec(),
        name if name == b"." => root.to_vec(),
        name => name,
    };
    let archive = layer::entry(located.parent.as_fd(), &located.name, &name, side.to_disk());
    let what = || format!("copy {}", side.printable(path));
    Ok(archive.map_err(|cause| StoreError::Unpack { what: what(), cause: Box::new(cause) })?)
}

fn stat(side: &Side, path: &Path) -> Result<PathStat, EngineError> {
    let located = side.source(path, false)?;
    let failed = |errno: rustix::io::Errno| side.failed("look at", path)(errno.into());
    let found = statat(&located.parent, &located.name[..], AtFlags::SYMLINK_NOFOLLOW);
    let found = found.map_err(failed)?;
    let is_link = FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
    let link_target = if is_link { Some(target(side, path)?) } else { None };
    let seconds = found.st_mtime;
    let nanoseconds = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
    Ok(PathStat {
        name: shown_name(path),
        size: found.st_size,
        mode: found.st_mode,
        mtime_ns: seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds),
        link_target,
    })
}

/// As Docker names what a path ends with.
fn shown_name(path: &Path) -> String {
    let text = path.as_os_str().as_bytes();
    let name = match split(text).1 {
        _ if text.ends_with(b"/.") => b".".to_vec(),
        name if name == b"." => b"/".to_vec(),
        name => name,
    };
    String::from_utf8_lossy(&name).into_owned()
}

/// Where a link leads to in the end, as the container sees it.
fn target(side: &Side, path: &Path) -> Result<PathBuf, EngineError> {
    let located = side.locate(path, true)?;
    let failed = |errno: rustix::io::Errno| side.failed("read link", path)(errno.into());
    let fd = std::os::fd::AsRawFd::as_raw_fd(&located.parent);
    let directory = readlinkat(rustix::fs::CWD, format!("/proc/self/fd/{fd}"), Vec::new());
    let directory = directory.map_err(failed)?.into_bytes();
    let directory = Path::new(std::ffi::OsStr::from_bytes(&directory)).to_path_buf();
    if located.name == b"." {
        return Ok(directory);
    }
    Ok(directory.join(std::ffi::OsStr::from_bytes(&located.name)))
}

/// A path that is not there, in words that name the container.
fn no_file(error: EngineError, container: &str, path: &Path) -> EngineError {
    use rustix::io::Errno;
    let is_absent = matches!(
        &error,
        EngineError::Store(StoreError::File { errno, .. })
            if [Errno::NOENT, Errno::NOTDIR].iter().any(|absent| *errno == (*absent).into())
    );
    if !is_absent {
        return error;
    }
    EngineError::NoFile { path: path.display().to_string(), container: container.to_owned() }
}

/// An archive, and the mounts that it is read from.
struct ArchiveOf {
    archive: TreeArchive,
    _side: Side,
}

impl Read for ArchiveOf {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.archive.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_is_dockers() {
        for (path, name) in
            [("/", "/"), ("/etc", "etc"), ("/etc/", "etc"), ("/etc/.", "."), ("/a/b", "b")]
        {
            assert_eq!(shown_name(Path::new(path)), name, "{path}");
        }
    }
}
