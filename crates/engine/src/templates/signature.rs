//! Signatures of OpenPGP, which the machine's gpgv(1) checks against keys that its user names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::Scratch;

use super::failed;
use crate::error::EngineError;
use crate::programs::{find_program, told};

/// What keys for people begin with. RFC 4880 section 6.2.
const ARMOR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
/// The longest file of keys.
const MOST_KEY_BYTES: u64 = 16 << 20;

/// Keys, and the program that checks signatures by them.
pub(super) struct Keyring {
    program: PathBuf,
    keys: PathBuf,
}

impl Keyring {
    /// A file of keys, in binary or in letters.
    ///
    /// # Errors
    /// When it cannot be read, or the machine has no gpgv.
    pub(super) fn open(path: &Path, scratch: &Scratch) -> Result<Self, EngineError> {
        let program = find_program("gpgv").ok_or_else(|| {
            let why =
                "there is no gpgv on this machine to check signatures: install the package gpgv";
            failed("keyring", why)
        })?;
        let about = fs::metadata(path).map_err(EngineError::file("open", path))?;
        if !about.is_file() || about.len() > MOST_KEY_BYTES {
            let why = format!("it is no file of at most {MOST_KEY_BYTES} bytes");
            return Err(EngineError::value("keyring", path.display().to_string(), why));
        }
        let keys = fs::read(path).map_err(EngineError::file("read", path))?;
        let text = std::str::from_utf8(&keys).ok().filter(|text| text.contains(ARMOR));
        let Some(text) = text else {
            // gpgv takes a relative path for one of its own directory.
            let keys = std::path::absolute(path).map_err(EngineError::file("find", path))?;
            return Ok(Self { program, keys });
        };
        let binary = unarmored(text).ok_or_else(|| {
            EngineError::value("keyring", path.display().to_string(), "its letters are damaged")
        })?;
        let (mut file, keys) = super::fresh_file(scratch)?;
        std::io::Write::write_all(&mut file, &binary).map_err(EngineError::file("write", &keys))?;
        Ok(Self { program, keys })
    }

    /// Checks a signature that is a file of its own.
    ///
    /// # Errors
    /// When it is none of these keys' over exactly these bytes.
    pub(super) fn check(
        &self,
        name: &str,
        signature: &Path,
        data: &Path,
    ) -> Result<(), EngineError> {
        self.run(name, &[signature, data]).map(drop)
    }

    /// What a file says that holds its signature, too.
    ///
    /// # Errors
    /// As [`Keyring::check`].
    pub(super) fn contents(&self, name: &str, signed: &Path) -> Result<Vec<u8>, EngineError> {
        self.run(name, &[Path::new("--output"), Path::new("-"), signed])
    }

    fn run(&self, name: &str, words: &[&Path]) -> Result<Vec<u8>, EngineError> {
        let mut command = Command::new(&self.program);
        command.arg("--keyring").arg(&self.keys).args(words).stdin(Stdio::null());
        let output = command.output().map_err(EngineError::file("run", &self.program))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failed("signature", &format!("{name}: {}", told(&output))))
    }
}

/// The bytes of keys in letters. RFC 4880 section 6: the checksum is of use against noise alone.
fn unarmored(text: &str) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for block in text.split(ARMOR).skip(1) {
        let block = block.split("-----END").next()?.replace('\r', "");
        // Headers end with an empty line.
        let (_headers, letters) = block.split_once("\n\n")?;
        let lines = letters.lines().map(str::trim).filter(|line| !line.starts_with('='));
        all.extend(STANDARD.decode(lines.collect::<String>()).ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_letters_become_bytes() {
        let text = format!(
            "{ARMOR}\nComment: x\n\nYWJj\nZGVm\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
        );
        assert_eq!(unarmored(&text).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(unarmored(&format!("{text}{text}")).map(|bytes| bytes.len()), Some(12));
        for damaged in [text.replace("YWJj", "Y!"), text.replace("\n\n", "\n")] {
            assert_eq!(unarmored(&damaged), None, "{damaged}");
        }
    }
}
