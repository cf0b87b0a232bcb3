//! What an overlay of directories shows, seen from outside without mounting anything: [`RootView::read`] for a file as a
//! container's processes see it, [`RootView::directory`] for what a directory is merged of.
//!
//! One name is looked up at a time, in the directories that its parent is merged of, and no call follows a link: links are
//! walked here, through all layers, and `..` of the root is the root. Nothing leads out.
//! Sources: overlayfs.rst, "Merging directories", "Whiteouts and opaque directories"; path_resolution(7).

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fgetxattr, fstat, open, openat, readlinkat, statat,
};
use rustix::io::Errno;
use rustix::path::Arg;

/// A file longer than this is none that names users.
const MOST_BYTES: u64 = 4 << 20;
/// As many symbolic links as the kernel follows in one path. path_resolution(7).
const MOST_LINKS: usize = 40;
/// Says that a directory hides what lower layers have at its place.
///
/// Attributes of the first kind are for the machine's root alone, so overlays in a user namespace read and write the others: overlayfs.rst,
/// "User xattr".
pub(crate) fn opaque() -> &'static str {
    static NAME: OnceLock<&str> = OnceLock::new();
    NAME.get_or_init(|| match sys::has_machines_users() {
        true => "trusted.overlay.opaque",
        false => "user.overlay.opaque",
    })
}

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
pub(crate) type Merged = Arc<[OwnedFd]>;

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

    /// One directory, as if no other were below it.
    pub(crate) fn just(directory: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: Arc::from([open(directory, flags, Mode::empty())?]) })
    }

    /// The root of a running process, `/proc/PID/root`.
    #[must_use]
    pub fn of_process(pid: i32) -> Self {
        Self::of(&[PathBuf::from(format!("/proc/{pid}/root"))])
    }

    /// The contents of a small file, of 4 MiB at most; nothing when there is none, or it is none, is longer or cannot be read.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.read_within(path, MOST_BYTES).ok().flatten()
    }

    /// The same of one that may be longer.
    ///
    /// # Errors
    /// EFBIG when it has more bytes than that.
    pub fn read_within(
        &self,
        path: impl AsRef<Path>,
        most_bytes: u64,
    ) -> Result<Option<Vec<u8>>, sys::Errno> {
        let Ok(Some(Found::File(file))) = self.find(path.as_ref()) else { return Ok(None) };
        let mut bytes = Vec::new();
        let read =
            std::fs::File::from(file).take(most_bytes.saturating_add(1)).read_to_end(&mut bytes);
        match read {
            Ok(_) if bytes.len() as u64 > most_bytes => Err(Errno::FBIG.into()),
            Ok(_) => Ok(Some(bytes)),
            Err(_unreadable) => Ok(None),
        }
    }

    /// The names in a directory, sorted, and whether each is a directory itself; none where there is no directory.
    #[must_use]
    pub fn names(&self, path: impl AsRef<Path>) -> Vec<(Vec<u8>, bool)> {
        let Ok(Some(merged)) = self.directory(path.as_ref()) else { return Vec::new() };
        let names = crate::layer::names(&merged).unwrap_or_default();
        let look = |name: Vec<u8>| {
            let shown = show(&merged, &name[..]).ok()??;
            Some((name, shown.directory.is_some()))
        };
        names.into_iter().filter_map(look).collect()
    }

    /// Whether a path leads to a directory.
    #[must_use]
    pub fn is_directory(&self, path: &Path) -> bool {
        self.directory(path).is_ok_and(|found| found.is_some())
    }

    /// What the root itself is merged of, the top one first.
    pub(crate) fn root(&self) -> Merged {
        Arc::clone(&self.root)
    }

    /// What a directory is merged of, the top one first; nothing when there is none.
    pub(crate) fn directory(&self, path: &Path) -> Result<Option<Merged>, Errno> {
        Ok(match self.find(path)? {
            Some(Found::Directory(merged)) => Some(merged),
            Some(Found::File(_) | Found::Symlink(_) | Found::Other) | None => None,
        })
    }

    /// Where in the directories a path leads: those that a directory is merged of, the top one first, or one file.
    ///
    /// # Errors
    /// ENOENT where nothing is there, and what the kernel refuses.
    pub fn places(&self, path: &Path) -> Result<Vec<PathBuf>, sys::Errno> {
        let place = |opened: &OwnedFd| {
            let link = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(opened));
            std::fs::read_link(link).map_err(sys::Errno::from)
        };
        match self.find(path)? {
            Some(Found::Directory(merged)) => merged.iter().map(place).collect(),
            Some(Found::File(file)) => Ok(vec![place(&file)?]),
            Some(Found::Symlink(_) | Found::Other) | None => Err(Errno::NOENT.into()),
        }
    }

    fn find(&self, path: &Path) -> Result<Option<Found>, Errno> {
        self.follow(path, &mut Vec::new())
    }

    /// The names on the way to where a path leads, links followed, down to the last that is there.
    pub(crate) fn trail(&self, path: &Path) -> Vec<Vec<u8>> {
        let mut trail = Vec::new();
        // Where it ends early, so does the trail.
        let _elsewhere = self.follow(path, &mut trail);
        trail
    }

    /// `trail` gets the name of each directory on the way, and of what is found.
    fn follow(&self, path: &Path, trail: &mut Vec<Vec<u8>>) -> Result<Option<Found>, Errno> {
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
                trail.pop();
                continue;
            }
            match step(way.last().unwrap_or(&self.root), &part)? {
                Some(Found::Directory(merged)) => {
                    way.push(merged);
                    trail.push(part);
                }
                Some(Found::Symlink(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if target.starts_with(b"/") {
                        way.clear();
                        trail.clear();
                    }
                    ahead.extend(parts(&target));
                }
                // A name behind a file, even an empty one, asks for a directory.
                Some(Found::File(_) | Found::Other) if !ahead.is_empty() => return Ok(None),
                found => {
                    trail.extend(found.is_some().then_some(part));
                    return Ok(found);
                }
            }
        }
        Ok(Some(Found::Directory(way.pop().unwrap_or_else(|| Arc::clone(&self.root)))))
    }
}

/// What a merged directory shows under one name.
pub(crate) struct Shown {
    /// Which of the directories it is in, the top one is 0.
    pub(crate) layer: usize,
    /// What it is there.
    pub(crate) stat: Stat,
    /// What it is merged of itself when it is a directory.
    pub(crate) directory: Option<Merged>,
    /// In which of the parent's directories these are.
    pub(crate) layers: Vec<usize>,
    /// Whether the layers said that nothing further below belongs to that directory: it is opaque, or something else lies between.
    pub(crate) is_cut: bool,
}

/// Looks up one name in a merged directory; nothing where there is none, or a whiteout says so.
pub(crate) fn show(parent: &[OwnedFd], name: impl Arg + Copy) -> Result<Option<Shown>, Errno> {
    let (mut merged, mut layers, mut top, mut is_cut) = (Vec::new(), Vec::new(), None, false);
    for (layer, directory) in parent.iter().enumerate() {
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            found => found?,
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let opened = openat(directory, name, DIRECTORY, Mode::empty())?;
            let ends = layer + 1 < parent.len() && is_opaque(opened.as_fd())?;
            merged.push(opened);
            layers.push(layer);
            top.get_or_insert((layer, stat));
            if ends {
                is_cut = true;
                break;
            }
        } else if top.is_none() {
            let shown = Shown { layer, stat, directory: None, layers, is_cut };
            return Ok((!is_whiteout(&stat)).then_some(shown));
        } else {
            // Hidden by the directory above it, and hiding what is below.
            is_cut = true;
            break;
        }
    }
    let directory = Some(merged.into());
    Ok(top.map(|(layer, stat)| Shown { layer, stat, directory, layers, is_cut }))
}

/// Says in a layer that what lower layers have under its name is deleted.
pub(crate) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Looks up one name, and opens or reads what is there.
fn step(parent: &[OwnedFd], name: &[u8]) -> Result<Option<Found>, Errno> {
    let Some(Shown { layer, stat, directory, .. }) = show(parent, name)? else { return Ok(None) };
    match directory {
        Some(merged) => Ok(Some(Found::Directory(merged))),
        None => leaf(&parent[layer], name, FileType::from_raw_mode(stat.st_mode)),
    }
}

fn leaf(layer: &OwnedFd, name: &[u8], kind: FileType) -> Result<Option<Found>, Errno> {
    if kind == FileType::Symlink {
        let target = readlinkat(layer, name, Vec::new())?;
        return Ok(Some(Found::Symlink(target.into_bytes())));
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
    match fgetxattr(directory, opaque(), &mut value[..]) {
        Ok(length) => Ok(length == 1 && value == *b"y"),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::RANGE) => Ok(false),
        Err(errno) => Err(errno),
    }
}
