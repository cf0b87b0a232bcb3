//! Journals of layers on their way to a registry: where an upload can be gone on with after the command that began it was killed.
//!
//! A journal belongs to a layer, the repository that it goes to and the form in which it goes, since another form is other bytes.
//! `uploads/HEX` is an empty file whose lock (flock(2)) its pusher holds: of two that send one layer to one place, the second
//! waits. `uploads/HEX.json` says how far it got. Never holds credentials; a location may be signed, so nobody else may read it.
//! Start at [`Uploads::begin`].

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use spec::Digest;

use crate::compression::{Compress, STREAM_VERSION};
use crate::paths::write_private;
use crate::transfers::is_at;
use crate::{Busy, Paths, StoreError};

/// Of the file's format; what a later release has written is not gone on with.
const VERSION: u32 = 1;
const SUFFIX: &str = "json";
/// For so long an upload that does not get on may be gone on with. Registries forget theirs sooner or later; none says when.
pub const UPLOADS_KEPT: Duration = Duration::from_hours(7 * 24);
/// A journal that is longer was not written here.
const MOST_BYTES: u64 = 64 * 1024;

/// Handle on the journals.
#[derive(Clone, Debug)]
pub struct Uploads {
    directory: PathBuf,
}

/// What becomes of the wish to send a layer.
#[derive(Debug)]
pub enum Sending {
    /// It is ours.
    Ours(Journal),
    /// Another command sends it.
    Busy(Busy),
}

/// The journal of a layer that this command sends. Its lock goes with it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    directory: PathBuf,
    entry: Entry,
    _lock: File,
}

/// What a journal says, in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    version: u32,
    repository: String,
    diff_id: Digest,
    compression: String,
    /// Which bytes the compressor makes: [`STREAM_VERSION`].
    stream: u32,
    /// Nothing before the first byte goes.
    location: Option<String>,
    /// Nanoseconds since 1970.
    begun_ns: i64,
}

/// An upload that a command has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbandonedUpload {
    /// The file's name.
    pub key: String,
    /// Where it goes.
    pub repository: String,
    /// Which layer.
    pub diff_id: Digest,
    /// When it was begun, nanoseconds since 1970.
    pub begun_ns: i64,
}

impl Uploads {
    /// The journals of a store, which need not be opened for it.
    #[must_use]
    pub fn new(paths: &Paths) -> Self {
        Self { directory: paths.uploads() }
    }

    /// Takes on the sending of a layer to a repository in some form, unless another command has it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(
        &self,
        repository: &str,
        diff_id: &Digest,
        how: Compress,
        now_ns: i64,
    ) -> Result<Sending, StoreError> {
        let fresh = Entry {
            version: VERSION,
            repository: repository.to_owned(),
            diff_id: diff_id.clone(),
            compression: how.to_string(),
            stream: STREAM_VERSION,
            location: None,
            begun_ns: now_ns,
        };
        let key = key(&fresh);
        let path = self.directory.join(&key);
        match lock(&self.directory, &path)? {
            None => Ok(Sending::Busy(Busy::new(open(&self.directory, &path)?))),
            Some(lock) => {
                let known = read(&path.with_extension(SUFFIX)).filter(|known| known.fits(&fresh));
                let (entry, directory) = (known.unwrap_or(fresh), self.directory.clone());
                Ok(Sending::Ours(Journal { path, directory, entry, _lock: lock }))
            }
        }
    }

    /// Every upload that no living command sends.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn list(&self) -> Result<Vec<AbandonedUpload>, StoreError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(StoreError::file("read", &self.directory))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(StoreError::file("read", &self.directory))?.path();
            let Some(key) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.extension().is_some() {
                continue;
            }
            let Some(_lock) = lock(&self.directory, &path)? else { continue };
            match read(&path.with_extension(SUFFIX)) {
                Some(Entry { repository, diff_id, begun_ns, .. }) => {
                    let key = key.to_owned();
                    found.push(AbandonedUpload { key, repository, diff_id, begun_ns });
                }
                // Killed before it began, or written by another release: nobody will go on with it.
                None => remove(&path)?,
            }
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    /// Forgets an upload; whether it was there, and no command was at it. The registry forgets its part of it by itself.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, upload: &AbandonedUpload) -> Result<bool, StoreError> {
        let path = self.directory.join(&upload.key);
        if !path.with_extension(SUFFIX).exists() {
            return Ok(false);
        }
        let Some(_lock) = lock(&self.directory, &path)? else { return Ok(false) };
        remove(&path).map(|()| true)
    }
}

impl Entry {
    fn fits(&self, other: &Self) -> bool {
        let begun = |entry: &Self| Self { location: None, begun_ns: 0, ..entry.clone() };
        begun(self) == begun(other)
    }
}

impl Journal {
    /// Where the upload of an earlier command can be gone on with.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.entry.location.as_deref()
    }

    /// Remembers where the upload can be gone on with. The file outlives a power cut.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn record(&mut self, location: &str) -> Result<(), StoreError> {
        if self.location() == Some(location) {
            return Ok(());
        }
        self.entry.location = Some(location.to_owned());
        let bytes = serde_json::to_vec(&self.entry).map_err(io::Error::from);
        let bytes = bytes.map_err(StoreError::file("write", self.path.with_extension(SUFFIX)))?;
        let name = self.path.with_extension(SUFFIX);
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        write_private(&self.directory, &name, &bytes)
    }

    /// Forgets the upload: the registry has the blob, or has forgotten it itself. The lock stays ours.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(&mut self) -> Result<(), StoreError> {
        self.entry.location = None;
        remove_file(&self.path.with_extension(SUFFIX))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.entry.location.is_none() {
            // An empty file at worst, which the next upload of this layer takes.
            let _kept = remove(&self.path);
        }
    }
}

/// The file name: of its own length whatever the repository is called, and safe.
fn key(entry: &Entry) -> String {
    use sha2::Digest as _;
    let Entry { repository, diff_id, compression, .. } = entry;
    let text = format!("{repository} {diff_id} {compression}");
    spec::digest::hex(&sha2::Sha256::digest(text.as_bytes()))
}

/// The lock of a journal; nothing when another command has it.
fn lock(directory: &Path, path: &Path) -> Result<Option<File>, StoreError> {
    loop {
        let file = open(directory, path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(StoreError::file("lock", path)(errno)),
        }
        // Who had it may have removed it meanwhile: then what we have locked is nobody's.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
}

fn open(directory: &Path, path: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            crate::paths::make_private(directory)?;
            options.open(path)
        }
        opened => opened,
    }
    .map_err(StoreError::file("open", path))
}

/// A journal that cannot be read is none: the upload is begun anew.
fn read(path: &Path) -> Option<Entry> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES), &mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The lock's file last: it keeps others from a new journal that we would remove.
fn remove(path: &Path) -> Result<(), StoreError> {
    for suffix in ["json.new", SUFFIX, ""] {
        remove_file(&path.with_extension(suffix))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
