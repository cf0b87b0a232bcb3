//! A registry as either end of a copy: blobs come on from their byte when a connection breaks, and go in chunks, after they were
//! looked for and asked for across repositories. Start at [`Remote`] and [`Target`].

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use spec::image::Descriptor;
use spec::{Digest, Reference};
use store::compression::Compress;
use store::{Journal, Sending, Uploads};

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::referrers::{Attachment, Tie};
use super::source::Source;
use super::verified::{fill, reading};
use crate::repository::{is_forgotten, is_refused};
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

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        self.repository.referrers(subject, None)
    }

    fn tagged(&self, tag: &str) -> Result<Option<Fetched>, RegistryError> {
        match self.repository.manifest(Pointer::Tag(tag)) {
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            fetched => fetched.map(Some),
        }
    }

    fn stop(&self) {
        self.repository.stop();
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
    /// Journals of what is sent, those of `push`: a plain layer has the same bytes in both.
    uploads: Option<Uploads>,
    now_ns: i64,
}

impl Target {
    pub(super) fn new(
        client: &Client,
        reference: &Reference,
        uploads: Option<Uploads>,
        now_ns: i64,
    ) -> Self {
        let (repository, reference) = (client.repository(reference), reference.clone());
        Self { reference, repository, begun: Mutex::default(), uploads, now_ns }
    }

    /// The journal of a blob. It is a help: where there is no room for it, or another command has it, the blob goes without. What
    /// is one chunk has nothing to go on from.
    fn journal(&self, blob: &Descriptor) -> Option<Journal> {
        let uploads = self.uploads.as_ref().filter(|_| blob.size > CHUNK_BYTES)?;
        let name = self.repository.name();
        match uploads.begin(name, &blob.digest, Compress::none(), self.now_ns) {
            Ok(Sending::Ours(journal)) => Some(journal),
            Ok(Sending::Busy(_)) | Err(_) => None,
        }
    }

    /// The upload that an earlier command began, if the registry still knows it; or the one that was begun instead of a mount.
    fn upload(
        &self,
        blob: &Descriptor,
        journal: Option<&Journal>,
    ) -> Result<Upload, RegistryError> {
        if let Some(location) = journal.and_then(Journal::location)
            && let Some(upload) = self.repository.resume_upload(location)?
            && upload.offset() <= blob.size
        {
            return Ok(upload);
        }
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob.digest);
        begun.map_or_else(|| self.repository.begin_upload(), Ok)
    }

    /// Sends what the upload lacks; what the registry has of it is read, so that it is checked, and not sent.
    fn send(
        &self,
        blob: &Descriptor,
        contents: &mut dyn Read,
        mut upload: Upload,
        mut journal: Option<&mut Journal>,
    ) -> Result<(), RegistryError> {
        let mut record = move |upload: &Upload| {
            // Without it the next command begins anew.
            journal.as_mut().map(|journal| journal.record(upload.location()))
        };
        let over = upload.offset();
        let read = io::copy(&mut (&mut *contents).take(over), &mut io::sink());
        read.map_err(|error| reading(blob, error))?;
        let _kept = record(&upload);
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
                let _kept = record(&upload);
            }
            if count == 0 {
                return upload.finish(&blob.digest);
            }
        }
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
        let mut journal = self.journal(blob);
        let upload = self.upload(blob, journal.as_ref())?;
        let resumed = upload.offset();
        let sent = self.send(blob, contents, upload, journal.as_mut());
        if let Some(journal) = &mut journal {
            // What cannot be gone on with is forgotten; what was cut off stays.
            let is_of_use = |error| !is_forgotten(error) && !is_refused(error);
            if !sent.as_ref().is_err_and(is_of_use) {
                let _kept = journal.forget();
            }
        }
        match sent {
            // What an earlier command sent of it was something else.
            Err(error) if resumed > 0 && is_refused(&error) => Err(given_up(error)),
            sent => sent,
        }
    }

    fn document(&self, document: &Fetched) -> Result<(), RegistryError> {
        let Descriptor { media_type, digest, .. } = &document.descriptor;
        self.repository.put_manifest(Pointer::Digest(digest), media_type, &document.bytes).map(drop)
    }

    fn attach(&self, attachment: &Attachment) -> Result<(), RegistryError> {
        let Attachment { document, tie } = attachment;
        match tie {
            Tie::Subject(subject) => self.repository.put_referrer(subject, document),
            Tie::Tag(tag) => {
                let kind = &document.descriptor.media_type;
                self.repository.put_manifest(Pointer::Tag(tag), kind, &document.bytes).map(drop)
            }
        }
    }

    fn finish(self: Box<Self>, graph: &Graph) -> Result<(), RegistryError> {
        let Fetched { descriptor, bytes } = &graph.root;
        let pointer = pointer(&self.reference);
        self.repository.put_manifest(pointer, &descriptor.media_type, bytes).map(drop)
    }
}

/// An upload that has to be begun anew, whatever status said it.
fn given_up(error: RegistryError) -> RegistryError {
    let RegistryError::Status { what, registry, words, .. } = error else { return error };
    RegistryError::Status { what, registry, status: 404, words }
}

/// Whether a blob of an upload has to be begun anew: the registry has forgotten what came of it.
pub(super) fn is_lost(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Status { .. }) && error.kind() == Kind::NotFound
}
