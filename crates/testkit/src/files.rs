//! Files that a test makes.

use std::io;
use std::path::Path;

/// Makes a file, or makes one that is there another one.
///
/// # Errors
/// What the kernel says.
#[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    std::fs::write(path, contents)
}
