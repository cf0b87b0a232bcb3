//! The key that contents are sealed with: a file of 32 random bytes that nobody but its owner may read, the store's own or one
//! that was named. It never enters the database. Sources: open(2), link(2).

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::SecretError;
use crate::scratch::Scratch;
use crate::{Paths, StoreError};

/// Name of the store's own key file in its root.
pub(crate) const OWN: &str = "secrets.key";
/// What AES-256 takes.
const BYTES: usize = 32;
/// What an id is made of beside the key: it tells nothing of the key, and no other use of the same key gives it.
const DOMAIN: &[u8] = b"corten secrets key 1\0";
/// Bytes of an id.
const ID_BYTES: usize = 8;

pub(crate) struct Key {
    pub(super) cipher: LessSafeKey,
    /// Tells keys apart; shown to people.
    pub(super) id: String,
    /// Where it is from.
    pub(super) path: PathBuf,
}

/// Which key file there is.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The store's own, made when it is needed first.
    Own(&'a Paths),
    /// One that was named.
    Given(&'a Path),
}

impl Place<'_> {
    pub(super) fn path(self) -> PathBuf {
        match self {
            Self::Own(paths) => paths.root.join(OWN),
            Self::Given(path) => path.to_owned(),
        }
    }

    /// The key; nothing where the store has none yet.
    pub(super) fn read(self) -> Result<Option<Key>, StoreError> {
        let path = self.path();
        let mut flags = OFlags::CLOEXEC | OFlags::NONBLOCK;
        // Nobody but this program makes the store's own.
        flags.set(OFlags::NOFOLLOW, matches!(self, Self::Own(_)));
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && matches!(self, Self::Own(_)) =>
            {
                return Ok(None);
            }
            opened => opened.map_err(StoreError::file("open the key file", &path))?,
        };
        let about = file.metadata().map_err(StoreError::file("look at", &path))?;
        let bytes = match refusal(&about) {
            None => read_exactly(&mut file).map_err(StoreError::file("read", &path))?,
            Some(why) => return Err(SecretError::KeyFile { path, why }.into()),
        };
        match bytes {
            Ok(bytes) => Key::new(&bytes, path).map(Some),
            Err(why) => Err(SecretError::KeyFile { path, why }.into()),
        }
    }

    /// The key; the store's own is made where there is none.
    pub(super) fn read_or_make(self) -> Result<Key, StoreError> {
        if let Some(key) = self.read()? {
            return Ok(key);
        }
        if let Self::Own(paths) = self {
            make(paths)?;
        }
        let lost = || SecretError::KeyLost { path: self.path() };
        self.read()?.ok_or_else(|| lost().into())
    }
}

impl Key {
    fn new(bytes: &[u8; BYTES], path: PathBuf) -> Result<Self, StoreError> {
        let cipher = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_no_key| {
            let why = "it holds no key".to_owned();
            SecretError::KeyFile { path: path.clone(), why }
        })?;
        let sum = Sha256::new_with_prefix(DOMAIN).chain_update(bytes).finalize();
        let id = spec::digest::hex(sum.get(..ID_BYTES).unwrap_or_default());
        Ok(Self { cipher: LessSafeKey::new(cipher), id, path })
    }
}

/// Why such a file is not trusted with a key.
fn refusal(about: &fs::Metadata) -> Option<String> {
    let mode = about.mode() & 0o7777;
    let owner = rustix::process::geteuid().as_raw();
    if !about.is_file() {
        return Some("it is no regular file".to_owned());
    }
    if about.uid() != owner {
        return Some(format!("it belongs to user {}, not to user {owner}", about.uid()));
    }
    if mode & 0o077 != 0 {
        return Some(format!("its mode is {mode:04o}, and others than its owner may use it"));
    }
    None
}

/// The key, or why it is none.
fn read_exactly(file: &mut File) -> std::io::Result<Result<[u8; BYTES], String>> {
    let mut bytes = Vec::with_capacity(BYTES + 1);
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let length = bytes.len();
    Ok(bytes.try_into().map_err(|_other_length| {
        let more = if length > BYTES { "more" } else { "fewer" };
        format!("a key has {BYTES} bytes, and it has {more}")
    }))
}

/// Makes the store's own key file. It appears whole and flushed under its name, or not at all; of two commands that make it at
/// once one is first, and the other one's is forgotten: link(2) replaces nothing.
fn make(paths: &Paths) -> Result<(), StoreError> {
    let scratch = Scratch::new(paths)?;
    let (made, path) = (scratch.path().join(OWN), paths.root.join(OWN));
    let mut bytes = [0; BYTES];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(StoreError::file("get random bytes for", &path))?;
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&made)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .map_err(StoreError::file("write", &made))?;
    match fs::hard_link(&made, &path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(StoreError::file("make the key file", &path)(error));
        }
        _ => {}
    }
    // Before anything is sealed with it.
    File::open(&paths.root)
        .and_then(|root| root.sync_all())
        .map_err(StoreError::file("flush", &paths.root))?;
    scratch.remove()
}
