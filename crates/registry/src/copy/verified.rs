//! A blob as it passes: counted, hashed, stopped when another one has failed. Its end comes only after the right bytes.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use spec::image::Descriptor;

use crate::checksum::Hasher;
use crate::{NetworkError, Part, RegistryError};

/// A reader that demands exactly the blob.
pub(super) struct Verified<'a> {
    reader: Box<dyn Read + Send + 'a>,
    blob: &'a Descriptor,
    hash: Option<Hasher>,
    left: u64,
    part: &'a Part,
    stopped: &'a AtomicBool,
}

impl<'a> Verified<'a> {
    pub(super) fn new(
        reader: Box<dyn Read + Send + 'a>,
        blob: &'a Descriptor,
        part: &'a Part,
        stopped: &'a AtomicBool,
    ) -> Self {
        let hash = Some(Hasher::new(blob.digest.algorithm()));
        Self { reader, blob, hash, left: blob.size, part, stopped }
    }

    /// Nothing may follow, and the digest has to be the one that was promised.
    fn check(&mut self) -> io::Result<usize> {
        let Some(hash) = self.hash.take() else { return Ok(0) };
        if self.reader.read(&mut [0])? > 0 {
            return Err(dishonest(format!("more than {} bytes come", self.blob.size)));
        }
        let found = hash.finish();
        if found != self.blob.digest {
            return Err(dishonest(format!("the bytes that came have digest {found}")));
        }
        Ok(0)
    }
}

impl Read for Verified<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("another blob has failed"));
        }
        if self.left == 0 {
            return self.check();
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.reader.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            let (size, left) = (self.blob.size, self.left);
            return Err(dishonest(format!("{} of {size} bytes come", size - left)));
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        self.left -= count as u64;
        self.part.set_transferred(self.blob.size - self.left);
        Ok(count)
    }
}

fn dishonest(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Why a blob could not be read, whatever it came from.
pub(super) fn reading(blob: &Descriptor, error: io::Error) -> RegistryError {
    let what = format!("copy blob {}", blob.digest);
    let error = match error.downcast::<RegistryError>() {
        Ok(inner) => return inner,
        Err(error) => error,
    };
    if error.raw_os_error().is_some() {
        return RegistryError::Disk { what, cause: error };
    }
    match error.downcast::<NetworkError>() {
        Ok(inner) => RegistryError::Connection { what, cause: Box::new(inner) },
        Err(error) => RegistryError::Dishonest { what, why: crate::host::chain(&error) },
    }
}

/// Reads until the buffer is full or the end has come; how many bytes there are.
pub(super) fn fill(contents: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match contents.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
