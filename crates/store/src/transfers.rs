//! Blobs that are on their way in, each a file that is filled from several places at once and read from its beginning meanwhile.
//!
//! `transfers/HEX` has the bytes, `HEX.map` says how many of each chunk are there. Bytes are written before their number is, so
//! what the map says is true whenever the process is killed; after a power cut it may not be, and the digest tells. Who fills a
//! transfer holds a lock (flock(2)) on its file; who waits for that lock looks first whether there is anything left to do.
//!
//! Never talks to a network. Start at [`Transfers::begin`]; fill with [`Transfer::claim`] and [`Claim::write`], read with
//! [`Transfer::reader`].

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use spec::Digest;

use crate::{Paths, StoreError};

pub(crate) mod map;
mod reader;

use map::Map;
pub use reader::TransferReader;

/// A chunk is what one connection fetches before it may be given another place.
pub const CHUNK_BYTES: u64 = 8 << 20;
/// A transfer longer than this is not begun: the map would not be small any more.
const MOST_BYTES: u64 = 1 << 40;

/// Handle on the partial blobs.
#[derive(Clone, Debug)]
pub struct Transfers {
    directory: PathBuf,
}

/// What becomes of the wish to fill a transfer.
#[derive(Debug)]
pub enum Begun {
    /// It is ours.
    Ours(Arc<Transfer>),
    /// Another command fills it.
    Busy(Busy),
}

/// A transfer that another command fills, or an upload that it sends.
#[derive(Debug)]
pub struct Busy {
    file: File,
}

/// A blob that is being filled.
#[derive(Debug)]
pub struct Transfer {
    path: PathBuf,
    size: u64,
    /// Bytes that were there when it was begun.
    resumed: u64,
    file: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    map: Map,
    claimed: Vec<bool>,
    /// Why nothing more will come.
    failed: Option<Stopped>,
}

/// Why a transfer was given up: its reader gets this as the cause of its error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// Chunks that one connection has taken on, from some byte to the end of the transfer; others may take chunks further on away.
#[derive(Debug)]
pub struct Claim {
    transfer: Arc<Transfer>,
    chunk: usize,
}

impl Transfers {
    pub(crate) fn new(paths: &Paths) -> Self {
        Self { directory: paths.transfers() }
    }

    /// Opens or makes the transfer of a blob, and takes it on unless another command has it.
    ///
    /// # Errors
    /// When the disk refuses, or the blob is longer than a TiB.
    pub fn begin(&self, digest: &Digest, size: u64) -> Result<Begun, StoreError> {
        if size > MOST_BYTES {
            return Err(StoreError::Archive(format!(
                "blob {digest} is longer than {MOST_BYTES} bytes"
            )));
        }
        let path = self.directory.join(digest.hex());
        loop {
            let file = self.open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Begun::Busy(Busy { file })),
                Err(errno) => return Err(StoreError::file("lock", &path)(errno)),
            }
            // Who had it may have removed it meanwhile: then what we have locked is nobody's.
            if is_at(&file, &path) {
                return Transfer::new(path, file, size).map(Arc::new).map(Begun::Ours);
            }
        }
    }

    /// Removes what is left of a transfer that nobody needs any more, unless another command has it: a command that was killed after
    /// its layer had become visible has not come to that.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(&self, digest: &Digest) -> Result<(), StoreError> {
        let path = self.directory.join(digest.hex());
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(StoreError::file("open", &path))?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, &path) => remove_files(&path),
            Ok(()) | Err(Errno::WOULDBLOCK) => Ok(()),
            Err(errno) => Err(StoreError::file("lock", &path)(errno)),
        }
    }

    fn open(&self, path: &Path) -> Result<File, StoreError> {
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(path);
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                crate::paths::make_private(&self.directory)?;
                open()
            }
            opened => opened,
        }
        .map_err(StoreError::file("open", path))
    }
}

/// Whether the file that was opened is still the one of that path.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The data last: its lock keeps others from a new map that would be removed.
fn remove_files(path: &Path) -> Result<(), StoreError> {
    for path in [path.with_extension("map"), path.to_owned()] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::file("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Busy {
    /// Waits for the lock of this file.
    pub(crate) const fn new(file: File) -> Self {
        Self { file }
    }

    /// Whether the other command is done with it, or is gone.
    ///
    /// # Errors
    /// As flock(2).
    pub fn is_released(&self) -> io::Result<bool> {
        match flock(self.file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until the other command is done with it, or is gone; then what it was to bring is there, or can be begun.
    ///
    /// # Errors
    /// As flock(2).
    pub fn wait(self) -> io::Result<()> {
        Ok(flock(self.file.as_fd(), FlockOperation::LockExclusive)?)
    }
}

impl Transfer {
    fn new(path: PathBuf, file: File, size: u64) -> Result<Self, StoreError> {
        let map_path = path.with_extension("map");
        let opened = Map::open(&map_path, size);
        let (map, known) = opened.map_err(StoreError::file("open", map_path))?;
        // What is in the file without a map belongs to nothing that we know of.
        let emptied = if known { Ok(()) } else { file.set_len(0) };
        emptied.and_then(|()| file.set_len(size)).map_err(StoreError::file("make", &path))?;
        let claimed = vec![false; map.chunks()];
        let (resumed, changed) = (map.filled_bytes(), Condvar::new());
        let state = Mutex::new(State { map, claimed, failed: None });
        Ok(Self { path, size, resumed, file, state, changed })
    }

    /// Bytes of the whole blob.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that an earlier command had brought.
    #[must_use]
    pub const fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Bytes that are there.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.lock().map.filled_bytes()
    }

    /// How many chunks nobody has taken on and that are not whole.
    #[must_use]
    pub fn unclaimed(&self) -> usize {
        let state = self.lock();
        (0..state.map.chunks()).filter(|chunk| state.is_open(*chunk)).count()
    }

    /// Takes on the next chunk that is not whole and nobody's; nothing when there is none, or the transfer has stopped.
    pub fn claim(self: &Arc<Self>) -> Option<Claim> {
        let mut state = self.lock();
        if state.failed.is_some() {
            return None;
        }
        let chunk = (0..state.map.chunks()).find(|chunk| state.is_open(*chunk))?;
        state.claimed[chunk] = true;
        drop(state);
        Some(Claim { transfer: Arc::clone(self), chunk })
    }

    /// Gives up: the reader gets the reason. The first one counts.
    pub fn stop(&self, why: &str) {
        self.lock().failed.get_or_insert_with(|| Stopped(why.to_owned()));
        self.changed.notify_all();
    }

    /// A reader from the first byte on, which waits for what is not there yet.
    #[must_use]
    pub fn reader(self: &Arc<Self>) -> TransferReader {
        TransferReader::new(Arc::clone(self))
    }

    /// Removes what is on disk: the blob has become what it was fetched for, or is not what it was said to be. Its lock goes with
    /// it, whoever still has a claim or a reader: two pulls that each have what the other waits for would wait for ever otherwise.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self) -> Result<(), StoreError> {
        remove_files(&self.path)?;
        let unlocked = flock(&self.file, FlockOperation::Unlock);
        unlocked.map_err(|errno| StoreError::file("unlock", &self.path)(errno))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(&self, chunk: usize) -> bool {
        !self.claimed[chunk] && self.map.missing(chunk) > 0
    }
}

impl Claim {
    /// The transfer.
    #[must_use]
    pub const fn transfer(&self) -> &Arc<Transfer> {
        &self.transfer
    }

    /// The byte that is wanted next.
    #[must_use]
    pub fn at(&self) -> u64 {
        let state = self.transfer.lock();
        state.map.start(self.chunk) + state.map.filled(self.chunk)
    }

    /// One past the last byte that this claim will ask for.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.transfer.lock().map.end(self.chunk)
    }

    /// Puts the bytes that follow those that are there, and gives how many of them were wanted: at the end of a chunk the claim
    /// goes on with the next one, if it is empty and nobody's. 0 means that nothing more is wanted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while !bytes.is_empty() {
            let missing = self.transfer.lock().map.missing(self.chunk);
            if missing == 0 {
                if !self.go_on() {
                    break;
                }
                continue;
            }
            let count =
                usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
            // Only the holder of a claim writes into its chunk: no lock while the disk takes it.
            self.transfer.file.write_all_at(&bytes[..count], self.at())?;
            let mut state = self.transfer.lock();
            state.map.add(self.chunk, count as u64)?;
            if state.failed.is_some() {
                return Ok(taken);
            }
            drop(state);
            self.transfer.changed.notify_all();
            taken += count;
            bytes = &bytes[count..];
        }
        Ok(taken)
    }

    /// Whether everything that the claim stands for is there: the rest of its chunk.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.transfer.lock().map.missing(self.chunk) == 0
    }

    fn go_on(&mut self) -> bool {
        let mut state = self.transfer.lock();
        let next = self.chunk + 1;
        let follows =
            next < state.map.chunks() && state.is_open(next) && state.map.filled(next) == 0;
        if follows {
            state.claimed[self.chunk] = false;
            state.claimed[next] = true;
            drop(state);
            self.chunk = next;
        }
        follows
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.transfer.lock().claimed[self.chunk] = false;
    }
}
