//! What an overlay of directories shows, seen from outside without mounting anything: [`RootView::read`] for a file as a
//! container's processes see it, [`RootView::directory`] for what a directory is merged of.
//!
//! One name is looked up at a time, in the directories that its parent is merged of, and no call follows a link: links are
//! walked here, through all layers, and `..` of the root is the root. Nothing leads out.
//! Sources: overlayfs.rst, "Merging directories", "Whiteouts and opaque directories"; path_resolution(7).

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fgetxattr, fstat, open, openat, readlinkat, statat,
};
use rustix::io::Errno;

/// A file longer than this is none that names users.
const MOST_BYTES: u64 = 4 << 20;
/// As many symbolic links as the kernel follows in one path. path_resolution(7).
const MOST_LINKS: usize = 40;
/// Says that a directory hides what lower layers have at its place.
pub(crate) const OPAQUE: &str = "trusted.overlay.opaque";

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A pipe must not hold the look-up, nor a terminal become ours.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The directories of an overlay, the top one first.
#[derive(Debug)]
pub struct RootView {
    root: Merged,
}

/// A directory as the overlay shows it: the directories it is merged of, the top one first.
type Merged = Rc<[OwnedFd]>;

/// What a name leads to.
enum Found {
    Directory(Merged),
    File(OwnedFd),
    Symlink(Vec<u8>),
    Other,
}

impl RootView {
    /// Directories that cannot be opened are passed over: a writable layer may not be there yet.
    #[must_use]
    pub fn of(directories: &[PathBuf]) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = directories.iter().filter_map(|path| open(path, flags, Mode::empty()).ok());
        Self { root: opened.collect() }
    }

    /// The root of a running process, `/proc/PID/root`.
    #[must_use]
    pub fn of_process(pid: i32) -> Self {
        Self::of(&[PathBuf::from(format!("/proc/{pid}/root"))])
    }

    /// The contents of a small file; nothing when there is none, or it is none, or cannot be read.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let Found::File(file) = self.find(path.as_ref()).ok()?? else { return None };
        let mut bytes = Vec::new();
        std::fs::File::from(file).take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// What a directory is merged of, the top one first; nothing when there is none.
    pub(crate) fn directory(&self, path: &Path) -> Result<Option<Merged>, Errno> {
        Ok(match self.find(path)? {
            Some(Found::Directory(merged)) => Some(merged),
            Some(Found::File(_) | Found::Symlink(_) | Found::Other) | None => None,
        })
    }

    fn find(&self, path: &Path) -> Result<Option<Found>, Errno> {
        let parts = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
        };
        // The root and the directories on the way from it.
        let mut way: Vec<Merged> = Vec::new();
        let mut links = 0;
        let mut ahead = parts(path.as_os_str().as_encoded_bytes());
        while let Some(part) = ahead.pop() {
            if matches!(&part[..], b"" | b".") {
                continue;
            }
            if part == b".." {
                way.pop();
                continue;
            }
            match step(way.last().unwrap_or(&self.root), &part)? {
                Some(Found::Directory(merged)) => way.push(merged),
                Some(Found::Symlink(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if target.starts_with(b"/") {
                        way.clear();
                    }
                    ahead.extend(parts(&target));
                }
                // A name behind a file, even an empty one, asks for a directory.
                Some(Found::File(_) | Found::Other) if !ahead.is_empty() => return Ok(None),
                found => return Ok(found),
            }
        }
        Ok(Some(Found::Directory(way.pop().unwrap_or_else(|| Rc::clone(&self.root)))))
    }
}

/// Looks up one name in a merged directory.
fn step(parent: &[OwnedFd], name: &[u8]) -> Result<Option<Found>, Errno> {
    let mut merged = Vec::new();
    for (layer, below) in parent.iter().zip((0..parent.len()).rev()) {
        let stat = match statat(layer, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            found => found?,
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            let directory = openat(layer, name, DIRECTORY, Mode::empty())?;
            let ends = below > 0 && is_opaque(directory.as_fd())?;
            merged.push(directory);
            if ends {
                break;
            }
        } else if merged.is_empty() {
            return leaf(layer, name, kind, stat.st_rdev);
        } else {
            // Hidden by the directory above it, and hiding what is below.
            break;
        }
    }
    Ok((!merged.is_empty()).then(|| Found::Directory(merged.into())))
}

fn leaf(layer: &OwnedFd, name: &[u8], kind: FileType, device: u64) -> Result<Option<Found>, Errno> {
    if kind == FileType::Symlink {
        let target = readlinkat(layer, name, Vec::new())?;
        return Ok(Some(Found::Symlink(target.into_bytes())));
    }
    // A whiteout: what is below it is deleted.
    if kind == FileType::CharacterDevice && device == 0 {
        return Ok(None);
    }
    if kind != FileType::RegularFile {
        return Ok(Some(Found::Other));
    }
    let file = openat(layer, name, FILE, Mode::empty())?;
    // A running container may have put something else there.
    let is_file = FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile;
    Ok(Some(if is_file { Found::File(file) } else { Found::Other }))
}

/// Whether a directory of a layer hides what lower layers have at its place.
pub(crate) fn is_opaque(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut value = [0_u8; 1];
    match fgetxattr(directory, OPAQUE, &mut value[..]) {
        Ok(length) => Ok(length == 1 && value == *b"y"),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::RANGE) => Ok(false),
        Err(errno) => Err(errno),
    }
}
