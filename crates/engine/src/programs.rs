//! Programs of the machine that are run where they are installed.

use std::path::{Path, PathBuf};

/// The usual places, whatever the caller's PATH is.
pub(crate) const DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where a program is, if it is in one of them.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let places = DIRECTORIES.iter().map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.exists())
}
