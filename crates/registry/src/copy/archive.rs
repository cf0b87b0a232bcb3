//! An OCI layout as one file. Every length is known before anything comes, so each blob has its place in the archive, and several
//! are written at once; the same image gives the same bytes. The file appears when it is whole. Start at [`ArchiveTarget::new`].
//! Source: image-spec image-layout.md; tar(5).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};
use serde_json::json;
use spec::Digest;
use spec::image::{Descriptor, media_type};
use store::tar::{BLOCK_BYTES, Kind, Metadata, WriteError, padding, push_headers};

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::layout::{LAYOUT, blob_path, entries_of};
use super::temporary::{Temporary, sweep};
use super::verified::reading;
use crate::{Fetched, RegistryError};

/// Blobs that are written at once.
const MOST_WRITES: usize = 3;
const BUFFER_BYTES: usize = 128 * 1024;
/// An archive ends with two blocks of zeros. tar(5).
const END_BYTES: u64 = 2 * BLOCK_BYTES as u64;

/// A file that appears when it is whole.
pub(super) struct NewFile {
    path: PathBuf,
    directory: Arc<OwnedFd>,
    name: String,
    temporary: Temporary,
}

impl NewFile {
    pub(super) fn make(path: &Path) -> Result<Self, RegistryError> {
        let what = || format!("make {}", path.display());
        let disk = |cause| RegistryError::Disk { what: what(), cause };
        let name = path.file_name().map(OsString::from).and_then(|name| name.into_string().ok());
        let name =
            name.ok_or_else(|| RegistryError::Invalid(format!("{}: no file's name", what())))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(parent.unwrap_or(Path::new(".")), flags, Mode::empty());
        let directory = Arc::new(directory.map_err(|errno| disk(errno.into()))?);
        sweep(directory.as_fd(), &name);
        let temporary = Temporary::new(&directory, &name).map_err(|errno| disk(errno.into()))?;
        Ok(Self { path: path.to_owned(), directory, name, temporary })
    }

    pub(super) const fn file(&self) -> &File {
        self.temporary.file()
    }

    pub(super) fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), RegistryError> {
        let what = || format!("write {}", self.path.display());
        let written = self.temporary.file().write_all_at(bytes, at);
        written.map_err(|cause| RegistryError::Disk { what: what(), cause })
    }

    pub(super) fn publish(self) -> Result<(), RegistryError> {
        let what = || format!("write {}", self.path.display());
        let published = self.temporary.publish(self.directory.as_fd(), &self.name);
        published.map_err(|errno| RegistryError::Disk { what: what(), cause: errno.into() })
    }

    /// Writes everything that comes, at most `most` bytes, and gives their number.
    pub(super) fn copy_at(
        &self,
        contents: &mut dyn Read,
        at: u64,
        most: u64,
        failed: &dyn Fn(io::Error) -> RegistryError,
    ) -> Result<u64, RegistryError> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut done = 0;
        loop {
            let count = match contents.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            if done + count as u64 > most {
                let words =
                    format!("{}: a member is larger than {most} bytes", self.path.display());
                return Err(RegistryError::Invalid(words));
            }
            self.write_at(&buffer[..count], at + done)?;
            done += count as u64;
        }
    }
}

/// Headers of a member without a time and an owner of its own: a directory, or a file of this size.
pub(super) fn headers(path: &str, size: Option<u64>) -> Result<Vec<u8>, RegistryError> {
    let (kind, mode) = if size.is_some() { (Kind::File, 0o644) } else { (Kind::Directory, 0o755) };
    let (path, size) = (path.as_bytes().to_vec(), size.unwrap_or(0));
    let metadata = Metadata { path, kind, mode, size, ..Metadata::default() };
    let mut headers = Vec::new();
    let pushed = push_headers(&metadata, &mut headers);
    pushed.map_err(|error: WriteError| RegistryError::Invalid(crate::host::chain(&error)))?;
    Ok(headers)
}

/// A short member whole, with its headers.
pub(super) fn member(path: &str, bytes: &[u8]) -> Result<Vec<u8>, RegistryError> {
    let mut member = headers(path, Some(bytes.len() as u64))?;
    member.extend_from_slice(bytes);
    member.extend_from_slice(padding(bytes.len() as u64));
    Ok(member)
}

/// The length of a member's contents in the archive.
pub(super) fn padded(size: u64) -> u64 {
    size + padding(size).len() as u64
}

/// An archive that is being written.
pub(super) struct ArchiveTarget {
    path: PathBuf,
    tag: Option<String>,
    making: Option<Making>,
}

struct Making {
    file: NewFile,
    places: BTreeMap<Digest, u64>,
    end: u64,
}

impl ArchiveTarget {
    pub(super) fn new(path: &Path, tag: Option<&str>) -> Self {
        Self { path: path.to_owned(), tag: tag.map(str::to_owned), making: None }
    }

    fn making(&self) -> Result<&Making, RegistryError> {
        let unready = || RegistryError::Invalid(format!("{} was not made", self.path.display()));
        self.making.as_ref().ok_or_else(unready)
    }

    fn place(&self, digest: &Digest) -> Result<(&NewFile, u64), RegistryError> {
        let making = self.making()?;
        let unknown = || RegistryError::Invalid(format!("{digest} has no place in the archive"));
        Ok((&making.file, *making.places.get(digest).ok_or_else(unknown)?))
    }
}

impl Making {
    /// Gives a file its place, and writes what stands in front of it.
    fn reserve(&mut self, descriptor: &Descriptor) -> Result<(), RegistryError> {
        if self.places.contains_key(&descriptor.digest) {
            return Ok(());
        }
        self.append(&headers(&blob_path(&descriptor.digest), Some(descriptor.size))?)?;
        self.places.insert(descriptor.digest.clone(), self.end);
        self.end += padded(descriptor.size);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        self.file.write_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

impl Destination for ArchiveTarget {
    fn parallel(&self) -> usize {
        MOST_WRITES
    }

    fn begin(&mut self, graph: &Graph) -> Result<(), RegistryError> {
        let file = NewFile::make(&self.path)?;
        let mut making = Making { file, places: BTreeMap::new(), end: 0 };
        let documents = graph.every_document().map(|document| &document.descriptor);
        let all: Vec<&Descriptor> = documents.chain(&graph.blobs).collect();
        making.append(&headers("blobs", None)?)?;
        let mut algorithms: Vec<&str> =
            all.iter().map(|descriptor| descriptor.digest.algorithm().name()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        for algorithm in algorithms {
            making.append(&headers(&format!("blobs/{algorithm}"), None)?)?;
        }
        all.into_iter().try_for_each(|descriptor| making.reserve(descriptor))?;
        self.making = Some(making);
        Ok(())
    }

    fn find(&self, _blob: &Descriptor, _from: Option<&str>) -> Result<Found, RegistryError> {
        Ok(Found::Missing)
    }

    fn put(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError> {
        let (file, at) = self.place(&blob.digest)?;
        file.copy_at(contents, at, blob.size, &|error| reading(blob, error)).map(drop)
    }

    fn document(&self, document: &Fetched) -> Result<(), RegistryError> {
        let (file, at) = self.place(&document.descriptor.digest)?;
        file.write_at(&document.bytes, at)
    }

    fn finish(mut self: Box<Self>, graph: &Graph) -> Result<(), RegistryError> {
        self.document(&graph.root)?;
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_INDEX,
            "manifests": entries_of(graph, self.tag.as_deref()),
        });
        let Some(mut making) = self.making.take() else { return self.making().map(drop) };
        making.append(&member("index.json", index.to_string().as_bytes())?)?;
        making.append(&member("oci-layout", LAYOUT.as_bytes())?)?;
        finish(making.file, making.end)
    }
}

/// Ends an archive whose members end at `end`.
pub(super) fn finish(file: NewFile, end: u64) -> Result<(), RegistryError> {
    let what = || format!("write {}", file.path.display());
    let set = file.file().set_len(end + END_BYTES);
    set.map_err(|cause| RegistryError::Disk { what: what(), cause })?;
    file.publish()
}
