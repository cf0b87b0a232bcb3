//! Where templates fetch from: a server by HTTP, or a directory of this machine with the same files.
//!
//! What is fetched lies in a directory that goes with the command, and is believed once its checksum or its signature is right. Nothing is
//! taken over a connection that anybody may change unless somebody who is known has signed it. Start at [`Mirror::new`].

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use registry::{Client, RegistryError};
use sha2::{Digest as _, Sha256};
use store::Scratch;

use super::failed;
use super::signature::Keyring;
use crate::error::EngineError;

/// The longest index that is read: the largest there is has some 3 MB.
const MOST_INDEX_BYTES: u64 = 64 << 20;
/// The longest archive: more than any disk image of a system in containers.
const MOST_ARCHIVE_BYTES: u64 = 64 << 30;
/// What signatures of a file are called. Detached ones.
const SIGNATURES: [&str; 2] = [".asc", ".gpg"];
/// The longest of them.
const MOST_SIGNATURE_BYTES: u64 = 1 << 20;

/// How what is fetched is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Keys of which one must have signed it.
    pub keyring: Option<PathBuf>,
    /// Whether it is taken over an open connection without a signature.
    pub is_blind: bool,
}

enum Place<'a> {
    Directory(PathBuf),
    Web(String, &'a Client),
}

/// A place with files, and who signs them.
pub(super) struct Mirror<'a> {
    template: &'static str,
    place: Place<'a>,
    keyring: Option<Keyring>,
    scratch: &'a Scratch,
}

impl<'a> Mirror<'a> {
    /// `text` is an address, a host, or a path that begins with a slash or a dot.
    ///
    /// # Errors
    /// When nobody could say whether what comes from there is what it should be.
    pub(super) fn new(
        template: &'static str,
        text: &str,
        (client, scratch): (&'a Client, &'a Scratch),
        trust: &Trust,
    ) -> Result<Self, EngineError> {
        let text = text.trim_end_matches('/');
        let keyring = trust.keyring.as_deref().map(|path| Keyring::open(path, scratch));
        let keyring = keyring.transpose()?;
        let place = if let Some(path) = text.strip_prefix("file://") {
            Place::Directory(path.into())
        } else if text.starts_with(['/', '.']) {
            Place::Directory(text.into())
        } else if text.contains("://") {
            Place::Web(text.to_owned(), client)
        } else {
            Place::Web(format!("https://{text}"), client)
        };
        let is_open = matches!(&place, Place::Web(url, _) if !url.starts_with("https://"));
        if is_open && keyring.is_none() && !trust.is_blind {
            let why = "the connection is open to changes: --keyring FILE names who signs what is there, --no-validate takes it as it is";
            return Err(failed(template, why));
        }
        Ok(Self { template, place, keyring, scratch })
    }

    /// The file at a path, if there is one.
    fn open(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, EngineError> {
        if !is_path(path) {
            return Err(failed(self.template, &format!("the index names the path {path:?}")));
        }
        match &self.place {
            Place::Directory(directory) => {
                let path = directory.join(path);
                match File::open(&path) {
                    Ok(file) => Ok(Some(Box::new(file))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(EngineError::file("open", &path)(error)),
                }
            }
            Place::Web(url, client) => match client.download(&format!("{url}/{path}")) {
                Ok(file) => Ok(Some(Box::new(file))),
                Err(RegistryError::Status { status: 404 | 410, .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    fn bytes(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.broken(path, &error))?;
        if bytes.len() as u64 > most {
            return Err(failed(self.template, &format!("{path} is longer than {most} bytes")));
        }
        Ok(Some(bytes))
    }

    /// An index: with a keyring only what is signed.
    pub(super) fn index(&self, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(bytes) = self.bytes(path, MOST_INDEX_BYTES)? else { return Ok(None) };
        let Some(keyring) = &self.keyring else { return Ok(Some(bytes)) };
        let held = self.held(&bytes)?;
        if self.signature(path, &held)?.is_some() {
            return Ok(Some(bytes));
        }
        // One file that holds both. Simplestreams' own way.
        let signed = path.strip_suffix(".json").map(|path| format!("{path}.sjson"));
        let signed = signed.map(|path| self.bytes(&path, MOST_INDEX_BYTES)).transpose()?.flatten();
        let signed = signed.ok_or_else(|| self.unsigned(path))?;
        keyring.contents(path, &self.held(&signed)?).map(Some)
    }

    /// A list that nobody signs: what it names must be signed by itself.
    pub(super) fn list(&self, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        self.bytes(path, MOST_INDEX_BYTES)
    }

    /// An archive of such a list: with a keyring it must be signed, whatever sum it has.
    pub(super) fn signed_archive(
        &self,
        path: &str,
        sha256: &str,
    ) -> Result<Option<File>, EngineError> {
        let Some(mut archive) = self.archive(path, None, Some(sha256))? else { return Ok(None) };
        if self.keyring.is_some() {
            let (held, _digest) = self.fetch(path, &archive, u64::MAX)?;
            self.signature(path, &held)?.ok_or_else(|| self.unsigned(path))?;
            archive.rewind().map_err(|error| self.broken(path, &error))?;
        }
        Ok(Some(archive))
    }

    /// An archive whose length and SHA-256 are known from what is believed already, or which is signed by itself.
    pub(super) fn archive(
        &self,
        path: &str,
        size: Option<u64>,
        sha256: Option<&str>,
    ) -> Result<Option<File>, EngineError> {
        let Some(reader) = self.open(path)? else { return Ok(None) };
        let most = size.unwrap_or(MOST_ARCHIVE_BYTES);
        let (held, digest) = self.fetch(path, reader, most)?;
        match sha256 {
            Some(expected) if !expected.eq_ignore_ascii_case(&digest) => {
                let why = format!("{path} has the SHA-256 {digest}, and {expected} is expected");
                return Err(failed(self.template, &why));
            }
            Some(_same) => {}
            None if self.keyring.is_some() => {
                self.signature(path, &held)?.ok_or_else(|| self.unsigned(path))?;
            }
            None => {}
        }
        File::open(&held).map(Some).map_err(EngineError::file("open", &held))
    }

    /// The sums of the files beside a list of them, by their names.
    pub(super) fn sums(&self, path: &str) -> Result<Option<Vec<(String, String)>>, EngineError> {
        let Some(bytes) = self.bytes(path, MOST_INDEX_BYTES)? else { return Ok(None) };
        if self.keyring.is_some() && self.signature(path, &self.held(&bytes)?)?.is_none() {
            return Ok(None);
        }
        Ok(Some(read_sums(&String::from_utf8_lossy(&bytes))))
    }

    /// Checks the signature of a file that lies here; nothing where there is none.
    fn signature(&self, path: &str, held: &Path) -> Result<Option<()>, EngineError> {
        let Some(keyring) = &self.keyring else { return Ok(Some(())) };
        for end in SIGNATURES {
            let name = format!("{path}{end}");
            if let Some(signature) = self.bytes(&name, MOST_SIGNATURE_BYTES)? {
                return keyring.check(path, &self.held(&signature)?, held).map(Some);
            }
        }
        Ok(None)
    }

    fn unsigned(&self, path: &str) -> EngineError {
        failed(self.template, &format!("nobody has signed {path}"))
    }

    fn broken(&self, path: &str, error: &std::io::Error) -> EngineError {
        failed(self.template, &format!("read {path}: {}", libcontainer::chain(error)))
    }

    /// Bytes as a file, for programs that check them.
    fn held(&self, bytes: &[u8]) -> Result<PathBuf, EngineError> {
        Ok(self.fetch("a file", bytes, u64::MAX)?.0)
    }

    /// Puts a stream into a file of its own; gives its SHA-256, too.
    fn fetch(
        &self,
        name: &str,
        mut reader: impl Read,
        most: u64,
    ) -> Result<(PathBuf, String), EngineError> {
        let (mut file, path) = super::fresh_file(self.scratch)?;
        let mut hash = Sha256::new();
        let (mut buffer, mut bytes) = (vec![0_u8; 128 << 10], 0_u64);
        loop {
            let count = reader.read(&mut buffer).map_err(|error| self.broken(name, &error))?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
            if bytes > most {
                return Err(failed(self.template, &format!("{name} is longer than {most} bytes")));
            }
            hash.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(EngineError::file("write", &path))?;
        }
        file.rewind().map_err(EngineError::file("write", &path))?;
        Ok((path, spec::digest::hex(&hash.finalize())))
    }
}

/// Whether it leads somewhere below.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(char::is_control);
    path.split('/').all(is_name) && !path.contains(['?', '#', '\\'])
}

/// Lines as sha256sum(1) writes them.
fn read_sums(text: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (sum, name) = line.split_once(char::is_whitespace)?;
        let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = name.trim_start_matches([' ', '*']).trim_end().trim_start_matches("./");
        is_sum.then(|| (name.to_owned(), sum.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_below_or_nowhere() {
        for path in ["a", "a/b.tar.xz", "images/x/20240101_00:00/root.tar.xz", "a..b/c"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\n", "a?b", "a#b", "a\\b"] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn sums_are_read_as_sha256sum_writes_them() {
        let sum = "ab".repeat(32);
        let text = format!("{sum}  a.tar\n{sum} *./b\nshort  c\n\n{sum}\n");
        let named = |name: &str| (name.to_owned(), sum.clone());
        assert_eq!(read_sums(&text), [named("a.tar"), named("b")]);
    }
}
