//! Files of a container's root as its processes see them, read from outside without mounting anything.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use sys::open_in_root;

/// A file longer than this is none that names users.
const MOST_BYTES: u64 = 4 << 20;

/// The directories of an overlay, the top one first.
#[derive(Debug)]
pub struct RootView {
    directories: Vec<OwnedFd>,
}

impl RootView {
    /// Directories that cannot be opened are passed over: a writable layer may not be there yet.
    #[must_use]
    pub fn of(directories: &[PathBuf]) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self {
            directories: directories
                .iter()
                .filter_map(|path| open(path, flags, Mode::empty()).ok())
                .collect(),
        }
    }

    /// The root of a running process, `/proc/PID/root`.
    #[must_use]
    pub fn of_process(pid: i32) -> Self {
        Self::of(&[PathBuf::from(format!("/proc/{pid}/root"))])
    }

    /// The contents of a small file, absolute inside the root; nothing when no layer has it or a whiteout hides it. Links are
    /// followed inside the layer that holds them and never lead out.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        for directory in &self.directories {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = match open_in_root(directory.as_fd(), path, flags, Mode::empty()) {
                Ok(file) => file,
                // A whiteout is a character device without a driver: what lies below it is deleted. overlayfs.rst.
                Err(errno) if errno.name() == Some("ENXIO") => return None,
                Err(_absent) => continue,
            };
            let kind = FileType::from_raw_mode(fstat(&file).ok()?.st_mode);
            if kind != FileType::RegularFile {
                return None;
            }
            let mut bytes = Vec::new();
            std::fs::File::from(file).take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        None
    }
}
