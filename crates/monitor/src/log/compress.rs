//! Compressing a file that is no longer written to: a child of the monitor does it, this program again, with memory of its own
//! that is gone when it ends.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use sys::Cloned;

use super::files::beside;
use super::members::{Identity, identity};
use crate::again;

/// Word by which this program is called for it, in the place of a container's id.
pub(crate) const COMPRESS: &str = "compress-log";
const BLOCK: usize = 64 * 1024;

/// The child that works now, if any.
#[derive(Default)]
pub(super) struct Compressor {
    child: Option<Cloned>,
}

impl Compressor {
    /// Starts one. Where that cannot be, the file stays as it is: every reader takes both.
    pub(super) fn start(&mut self, path: &Path) {
        let own = ["corten", "monitor", COMPRESS].map(|word| word.as_bytes().to_vec());
        let path = path.as_os_str().as_bytes().to_vec();
        self.child = again::start(own.into_iter().chain([path]), None);
    }

    /// Takes note of its end.
    pub(super) fn reap(&mut self) {
        again::reap(&mut self.child, false);
    }

    /// Waits for its end: as long as ten megabytes take.
    pub(super) fn wait(&mut self) {
        again::reap(&mut self.child, true);
    }
}

/// Nothing is made in a container's directory once its end is told.
impl Drop for Compressor {
    fn drop(&mut self) {
        self.wait();
    }
}

/// What the child does: makes `PATH.gz` of a file and removes the file. The comment in the header says which file it was, so
/// that a reader who knows that one does not take it for another.
///
/// # Errors
/// When there is no room: then the file stays.
pub(crate) fn compress(path: &Path) -> std::io::Result<()> {
    let _nicer = rustix::process::nice(10);
    let mut from = File::open(path)?;
    let about = from.metadata()?;
    let identity = identity(&from).map(|(device, inode, born)| format!("{device}:{inode}:{born}"));
    let new = beside(path, "new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(about.mode() & 0o777);
    let written = options.open(&new).and_then(|to| {
        let mut packed =
            GzBuilder::new().comment(identity.unwrap_or_default()).write(to, Compression::fast());
        let mut block = vec![0; BLOCK];
        loop {
            match from.read(&mut block)? {
                0 => return packed.finish().map(drop),
                count => packed.write_all(block.get(..count).unwrap_or_default())?,
            }
        }
    });
    let placed = written.and_then(|()| std::fs::rename(&new, beside(path, "gz")));
    match placed {
        Ok(()) => std::fs::remove_file(path),
        Err(error) => {
            let _absent = std::fs::remove_file(&new);
            Err(error)
        }
    }
}

/// A compressed file, and which one it was.
pub(super) fn open(file: File) -> (Box<dyn Read + Send>, Option<Identity>) {
    let unpacked = flate2::bufread::GzDecoder::new(BufReader::with_capacity(BLOCK, file));
    let comment = unpacked.header().and_then(|header| header.comment());
    let identity = comment.and_then(|comment| {
        let mut words = std::str::from_utf8(comment).ok()?.splitn(3, ':');
        let (device, inode, born) = (words.next()?, words.next()?, words.next()?);
        Some((device.parse().ok()?, inode.parse().ok()?, born.parse().ok()?))
    });
    (Box::new(unpacked), identity)
}
