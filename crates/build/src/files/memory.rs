//! Sums of files that were read before, in a file of records: a file with the same device, inode, size and times has the contents
//! that it had.
//!
//! What changed less than two seconds before it was read is not remembered: another change could hide in the same tick of the clock.
//! The file is only a memory: records with a wrong check are passed over, and one that cannot be read or written is none. Start at
//! [`Memory::open`]; [`Memory::keep`] writes what is new.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};

use super::content::Sum;
use super::entry::Seen;

const MAGIC: &[u8; 16] = b"corten sums 1\n\0\0";
const KEY_BYTES: usize = 56;
const RECORD_BYTES: usize = KEY_BYTES + 32 + CHECK_BYTES;
const CHECK_BYTES: usize = 8;
/// Seconds after a change in which it is not remembered.
const RACY_S: i64 = 2;
/// Records that the file has at most; more, and those that nobody asked for go. 38 MB.
const MOST: usize = 400_000;

type Key = [u8; KEY_BYTES];

/// What is remembered.
#[derive(Debug)]
pub(crate) struct Memory {
    directory: PathBuf,
    name: String,
    /// Read when somebody asks for the first time: it may be long, and most builds read little.
    known: OnceLock<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    sums: HashMap<Key, (Sum, bool)>,
    /// What the file has not.
    new: Vec<Key>,
}

impl Memory {
    /// What the file of that name has, where there is one.
    pub(crate) fn open(directory: &Path, name: &str) -> Self {
        Self { directory: directory.to_owned(), name: name.to_owned(), known: OnceLock::new() }
    }

    pub(super) fn get(&self, seen: &Seen) -> Option<Sum> {
        let mut known = self.known();
        let (sum, is_used) = known.sums.get_mut(&key(seen))?;
        *is_used = true;
        Some(*sum)
    }

    /// Remembers what was read, and looked at after `now`.
    pub(super) fn put(&self, seen: &Seen, sum: Sum, now_s: i64) {
        if seen.modified.0.max(seen.changed.0) > now_s - RACY_S {
            return;
        }
        let key = key(seen);
        let mut known = self.known();
        if known.sums.insert(key, (sum, true)).is_none_or(|(before, _)| before != sum) {
            known.new.push(key);
        }
    }

    /// Writes what is new behind what is there; a file that has become too large is written anew.
    ///
    /// # Errors
    /// As open(2) and write(2); the file is what it was, or has some of it.
    pub(crate) fn keep(&self) -> io::Result<()> {
        if self.known.get().is_none() {
            return Ok(());
        }
        let mut known = self.known();
        if known.new.is_empty() {
            return Ok(());
        }
        if known.sums.len() > MOST {
            known.sums.retain(|_, (_, is_used)| *is_used);
            let all = known.sums.iter().map(|(key, (sum, _))| record(key, sum));
            let bytes = [MAGIC.to_vec()].into_iter().chain(all).collect::<Vec<_>>().concat();
            store::write_atomic(&self.directory, &self.name, &bytes).map_err(io::Error::other)?;
        } else {
            let records: Vec<Vec<u8>> = known
                .new
                .iter()
                .filter_map(|key| known.sums.get(key).map(|(sum, _)| record(key, sum)))
                .collect();
            append(&self.directory.join(&self.name), &records.concat())?;
        }
        known.new.clear();
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let known = self.known.get_or_init(|| {
            let sums = read(&self.directory.join(&self.name)).unwrap_or_default();
            Mutex::new(Known { sums, new: Vec::new() })
        });
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn key(seen: &Seen) -> Key {
    let mut key = [0; KEY_BYTES];
    let numbers = [
        seen.device.to_le_bytes(),
        seen.inode.to_le_bytes(),
        seen.size.to_le_bytes(),
        seen.modified.0.to_le_bytes(),
        seen.modified.1.to_le_bytes(),
        seen.changed.0.to_le_bytes(),
        seen.changed.1.to_le_bytes(),
    ];
    for (place, number) in key.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number);
    }
    key
}

fn record(key: &Key, sum: &Sum) -> Vec<u8> {
    let mut record = [&key[..], sum].concat();
    let check = check(&record);
    record.extend_from_slice(&check);
    record
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&whole[..CHECK_BYTES]);
    check
}

/// Nothing when it is no such file.
fn read(path: &Path) -> Option<HashMap<Key, (Sum, bool)>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    flock(&file, FlockOperation::LockShared).ok()?;
    (&file).read_to_end(&mut bytes).ok()?;
    let records = bytes.strip_prefix(MAGIC)?;
    let whole = records.chunks_exact(RECORD_BYTES).filter_map(|record| {
        let (body, checked) = record.split_at_checked(KEY_BYTES + 32)?;
        let (key, sum) = body.split_at_checked(KEY_BYTES)?;
        (check(body) == checked).then_some((key.try_into().ok()?, (sum.try_into().ok()?, false)))
    });
    Some(whole.collect())
}

fn append(path: &Path, records: &[u8]) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    let mut start = [0; MAGIC.len()];
    let has_start = io::Read::read_exact(&mut file, &mut start).is_ok() && start == *MAGIC;
    let length = file.metadata()?.len();
    let behind = (length.saturating_sub(MAGIC.len() as u64)) % RECORD_BYTES as u64;
    if has_start {
        // Half a record of one that was killed.
        file.set_len(length - behind)?;
        return file.write_all(records);
    }
    file.set_len(0)?;
    file.write_all(&[&MAGIC[..], records].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(inode: u64) -> Seen {
        Seen {
            device: 1,
            inode,
            links: 1,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 3,
            node: 0,
            modified: (100, 5),
            changed: (100, 6),
        }
    }

    #[test]
    fn what_was_read_is_remembered_and_damage_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::open(directory.path(), "sums");
        for inode in 0..4 {
            assert_eq!(memory.get(&seen(inode)), None);
            memory.put(&seen(inode), [u8::try_from(inode).unwrap(); 32], 1000);
        }
        memory.keep().unwrap();
        let memory = Memory::open(directory.path(), "sums");
        assert_eq!(memory.get(&seen(3)), Some([3; 32]));
        assert_eq!(memory.get(&Seen { size: 4, ..seen(3) }), None);
        assert_eq!(memory.get(&Seen { changed: (100, 7), ..seen(3) }), None);

        let path = directory.path().join("sums");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MAGIC.len() + RECORD_BYTES + KEY_BYTES] ^= 1;
        bytes.truncate(MAGIC.len() + 3 * RECORD_BYTES + 17);
        std::io::Write::write_all(&mut File::create(&path).unwrap(), &bytes).unwrap();
        let memory = Memory::open(directory.path(), "sums");
        let known = |inode| memory.get(&seen(inode)).map(|sum| sum[0]);
        assert_eq!([known(0), known(1), known(2), known(3)], [Some(0), None, Some(2), None]);
        memory.put(&seen(3), [3; 32], 1000);
        memory.keep().unwrap();
        assert_eq!(Memory::open(directory.path(), "sums").get(&seen(3)), Some([3; 32]));

        File::create(&path).unwrap().write_all(b"something else").unwrap();
        let memory = Memory::open(directory.path(), "sums");
        assert_eq!(memory.get(&seen(0)), None);
        memory.put(&seen(0), [9; 32], 1000);
        memory.keep().unwrap();
        assert_eq!(Memory::open(directory.path(), "sums").get(&seen(0)), Some([9; 32]));
    }

    #[test]
    fn what_is_too_young_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::open(directory.path(), "sums");
        memory.put(&seen(1), [1; 32], 101);
        assert_eq!(memory.get(&seen(1)), None);
        memory.put(&seen(1), [1; 32], 102);
        assert_eq!(memory.get(&seen(1)), Some([1; 32]));
    }
}
