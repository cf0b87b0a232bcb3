//! A registry as either end of a copy: blobs come on from their byte when a connection breaks, and go in chunks, after they were
//! looked for and asked for across repositories. Start at [`Remote`] and [`Target`].

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use spec::image::Descriptor;
use spec::{Digest, Reference};

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::source::Source;
use super::verified::{fill, reading};
use crate::{
    Body, Client, Fetched, Kind, Mount, NetworkError, Pointer, RegistryError, Repository, Upload,
};

/// Blobs that are sent at once: more would share the same line.
const MOST_UPLOADS: usize = 3;
/// Bytes of a chunk, in memory for each upload.
const CHUNK_BYTES: u64 = 8 << 20;
/// A registry that wants larger ones is refused.
const MOST_CHUNK_BYTES: u64 = 64 << 20;

/// An image at a registry.
pub(super) struct Remote {
    reference: Reference,
    repository: Repository,
}

impl Remote {
    pub(super) fn new(client: &Client, reference: &Reference) -> Self {
        Self { reference: reference.clone(), repository: client.repository(reference) }
    }
}

impl Source for Remote {
    fn root(&self) -> Result<Fetched, RegistryError> {
        self.repository.manifest(pointer(&self.reference))
    }

    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
        self.repository.manifest(Pointer::Digest(&wanted.digest))
    }

    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        let body = self.repository.open_blob(wanted, 0, None)?;
        let (repository, blob) = (&self.repository, wanted.clone());
        Ok(Box::new(Resuming { repository, blob, body, at: 0, failures: 0 }))
    }

    fn repository(&self) -> Option<&str> {
        Some(self.repository.name())
    }
}

/// A digest counts more than a tag.
fn pointer(reference: &Reference) -> Pointer<'_> {
    match reference.digest() {
        Some(digest) => Pointer::Digest(digest),
        None => Pointer::Tag(reference.tag().unwrap_or("latest")),
    }
}

/// A blob that goes on at its byte when the connection breaks.
struct Resuming<'a> {
    repository: &'a Repository,
    blob: Descriptor,
    body: Body,
    at: u64,
    /// Breaks since the last byte.
    failures: u32,
}

impl Resuming<'_> {
    /// Opens it again at the byte where it broke; reads over what has come where the server knows no ranges.
    fn open_again(&mut self, broke: io::Error) -> io::Result<()> {
        let may_pass = broke
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<NetworkError>())
            .is_some_and(NetworkError::may_pass);
        self.failures += 1;
        if !may_pass || !self.repository.pause(self.failures) {
            return Err(broke);
        }
        self.body =
            self.repository.open_blob(&self.blob, self.at, None).map_err(io::Error::other)?;
        let over = self.at.saturating_sub(self.body.start());
        io::copy(&mut self.body.by_ref().take(over), &mut io::sink()).map(drop)
    }
}

impl Read for Resuming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.blob.size || buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let broke = match self.body.read(buffer) {
                // A server may send less than it was asked for.
                Ok(0) => NetworkError::Cut { host: self.body.source().to_owned() }.into_io(),
                Ok(count) => {
                    self.at += count as u64;
                    self.failures = 0;
                    return Ok(count);
                }
                Err(error) => error,
            };
            self.open_again(broke)?;
        }
    }
}

/// A name at a registry that is to lead to an image.
pub(super) struct Target {
    reference: Reference,
    repository: Repository,
    /// What was begun instead of a mount.
    begun: Mutex<HashMap<Digest, Upload>>,
}

impl Target {
    pub(super) fn new(client: &Client, reference: &Reference) -> Self {
        let repository = client.repository(reference);
        Self { reference: reference.clone(), repository, begun: Mutex::default() }
    }

    fn upload(&self, blob: &Descriptor) -> Result<Upload, RegistryError> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob.digest);
        begun.map_or_else(|| self.repository.begin_upload(), Ok)
    }
}

impl Destination for Target {
    fn parallel(&self) -> usize {
        MOST_UPLOADS
    }

    fn begin(&mut self, graph: &Graph) -> Result<(), RegistryError> {
        let found = &graph.root.descriptor.digest;
        match self.reference.digest() {
            Some(wanted) if wanted != found => {
                let words = format!(
                    "{} cannot name what has the digest {found}",
                    self.reference.familiar()
                );
                Err(RegistryError::Invalid(words))
            }
            _ => Ok(()),
        }
    }

    fn find(&self, blob: &Descriptor, from: Option<&str>) -> Result<Found, RegistryError> {
        if self.repository.has_blob(&blob.digest)?.is_some() {
            return Ok(Found::There);
        }
        let own = self.reference.domain();
        let path = from.and_then(|from| from.strip_prefix(own)?.strip_prefix('/'));
        let Some(path) = path.filter(|path| *path != self.reference.path()) else {
            return Ok(Found::Missing);
        };
        match self.repository.mount_blob(&blob.digest, path)? {
            Mount::Done => Ok(Found::Mounted),
            Mount::Upload(upload) => {
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                begun.insert(blob.digest.clone(), upload);
                Ok(Found::Missing)
            }
        }
    }

    fn put(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError> {
        let mut upload = self.upload(blob)?;
        let least = upload.least_chunk();
        if least > MOST_CHUNK_BYTES {
            let why = format!("it wants chunks of {least} bytes at least");
            let what = format!("send blob {} to {}", blob.digest, self.repository.name());
            return Err(RegistryError::Dishonest { what, why });
        }
        let bytes = usize::try_from(least.max(CHUNK_BYTES).min(blob.size.max(1))).unwrap_or(1);
        let mut chunk = vec![0; bytes];
        loop {
            let count = fill(contents, &mut chunk).map_err(|error| reading(blob, error))?;
            if count > 0 {
                upload.send(&chunk[..count])?;
            }
            if count == 0 {
                return upload.finish(&blob.digest);
            }
        }
    }

    fn document(&self, document: &Fetched) -> Result<(), RegistryError> {
        let Descriptor { media_type, digest, .. } = &document.descriptor;
        self.repository.put_manifest(Pointer::Digest(digest), media_type, &document.bytes).map(drop)
    }

    fn finish(self: Box<Self>, root: &Fetched) -> Result<(), RegistryError> {
        let Descriptor { media_type, .. } = &root.descriptor;
        let pointer = pointer(&self.reference);
        self.repository.put_manifest(pointer, media_type, &root.bytes).map(drop)
    }
}

/// Whether a blob of an upload has to be begun anew: the registry has forgotten what came of it.
pub(super) fn is_lost(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Status { .. }) && error.kind() == Kind::NotFound
}
