//! An archive that comes through a pipe, or compressed as a whole: nothing of it can be read twice, and what its layers are
//! stands at its end. So layers are unpacked as they come, under the digests that they turn out to have, and everything else is
//! put into one file. Start at [`receive`].
//!
//! What an archive holds beside its images is unpacked in vain and is gone with the stage; that it is damaged harms nobody.

use std::fs::File;
use std::io::{self, Cursor, Read};

use spec::Digest;

use super::members::{Arrived, Entries, Entry, Index};
use super::stage::{Source, Stage};
use crate::compression::{self, Compression, Decoder};
use crate::tar::{self, BLOCK_BYTES, Reader, TarError};
use crate::unpack::{Limits, Rules, UnpackError};
use crate::{Kind, StoreError};

/// More layers than a mount takes, several times. What comes after them waits in the file.
const MOST_LAYERS: usize = 4000;
/// Where everything but the layers is kept, below the scratch directory.
pub(super) const SPOOL: &str = "archive";

/// Receives an archive to its end; `told` hears of each layer, and the length of its plain archive.
pub(super) fn receive(
    archive: impl Read + Send,
    stage: &mut Stage<'_>,
    told: &mut dyn FnMut(&Digest, u64),
) -> Result<Index, StoreError> {
    let plain = Decoder::new(archive).map_err(unreadable)?;
    let path = stage.scratch().join(SPOOL);
    let spool = File::options().read(true).write(true).create_new(true).open(&path);
    let mut spool = spool.map_err(StoreError::file("make", &path))?;
    let mut reader = Reader::new(plain, Limits::default().archive);
    let (mut entries, mut layers, mut spooled) = (Entries::default(), Vec::new(), 0);
    let damaged = |error| unreadable(UnpackError::Archive(error));
    while let Some(mut entry) = reader.next_entry().map_err(damaged)? {
        if !entries.add(&entry).map_err(unreadable)? {
            continue;
        }
        let mut watched = Watched { entry: &mut entry, failed: None };
        let mut start = Vec::new();
        let begun = watched.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut start);
        watched.check(begun.map_err(unreadable))?;
        let is_layer = layers.len() < MOST_LAYERS && looks_like_layer(&start);
        let contents = Cursor::new(start).chain(&mut watched);
        if is_layer {
            let what = format!("layer {}", entries.name());
            let rules = Rules::layer();
            let source = Source { what, reader: contents, diff_id: None, blob: None, rules };
            let arrived = stage.unpack_arriving(source).map(|(arrived, bytes)| {
                told(&arrived.diff_id, bytes);
                arrived
            });
            layers.push(watched.check(keep_refusal(arrived))?);
            entries.set(Entry::Layer(layers.len() - 1));
        } else {
            // One byte over the limit, to see that it is.
            let left = Limits::default().bytes - spooled + 1;
            let copied = io::copy(&mut contents.take(left), &mut spool);
            let size = watched.check(copied.map_err(StoreError::file("write", &path)))?;
            entries.set(Entry::File { at: spooled, size });
            spooled += size;
            if size == left {
                return Err(StoreError::Archive(format!("{:?} is too long", entries.name())));
            }
        }
    }
    Ok(entries.index(spool, layers))
}

pub(super) fn unreadable<E: std::error::Error + Send + Sync + 'static>(cause: E) -> StoreError {
    StoreError::Unpack { what: "unpack the archive".to_owned(), cause: Box::new(cause) }
}

/// A layer that is damaged or hostile is refused when an image wants it; what the disk refuses ends the load.
fn keep_refusal(
    arrived: Result<Arrived, StoreError>,
) -> Result<Result<Arrived, StoreError>, StoreError> {
    match arrived {
        Err(error) if error.kind() != Kind::Invalid => Err(error),
        kept => Ok(kept),
    }
}

/// An entry that remembers why the archive around it could not be read: to who reads a layer from it, it ends.
struct Watched<'a, 'r, R> {
    entry: &'a mut tar::Entry<'r, R>,
    failed: Option<TarError>,
}

impl<R: Read> Read for Watched<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.entry.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.failed = error.downcast::<TarError>().ok();
            io::Error::from(kind)
        })
    }
}

impl<R> Watched<'_, '_, R> {
    /// The outcome of reading it; the archive's own failure comes first.
    fn check<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match self.failed.take() {
            Some(error) => Err(unreadable(UnpackError::Archive(error))),
            None => outcome,
        }
    }
}

/// Whether a member begins like a layer: compressed, or a tar archive by its header's magic. tar(5).
fn looks_like_layer(start: &[u8]) -> bool {
    match compression::detect(start) {
        Ok(Compression::Gzip | Compression::Zstd) => true,
        Ok(Compression::Plain) => start.get(257..262) == Some(b"ustar"),
        Err(_unsupported) => false,
    }
}
