//! Signatures by a program that knows nothing of ours: the `openssl` command.
//!
//! Never verifies anything. Start at [`Signer::p256`].

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::must::must;

/// A key pair in a directory of its own.
#[derive(Debug)]
pub struct Signer {
    directory: TempDir,
    public_key: PathBuf,
    is_edwards: bool,
}

impl Signer {
    /// ECDSA on P-256.
    ///
    /// # Panics
    /// When openssl is missing.
    #[must_use]
    pub fn p256() -> Self {
        Self::new(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"], false)
    }

    /// Ed25519.
    ///
    /// # Panics
    /// When openssl is missing.
    #[must_use]
    pub fn ed25519() -> Self {
        Self::new(&["-algorithm", "ed25519"], true)
    }

    fn new(kind: &[&str], is_edwards: bool) -> Self {
        let directory = must(tempfile::tempdir(), "a temporary directory");
        let (private, public_key) =
            (directory.path().join("key"), directory.path().join("key.pub"));
        openssl(Command::new("openssl").arg("genpkey").args(kind).arg("-out").arg(&private));
        openssl(
            Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(&private)
                .arg("-out")
                .arg(&public_key),
        );
        Self { directory, public_key, is_edwards }
    }

    /// The file of the public key (PEM).
    #[must_use]
    pub fn public_key(&self) -> &Path {
        &self.public_key
    }

    /// The same in base64.
    ///
    /// # Panics
    /// As [`Signer::sign`].
    #[must_use]
    pub fn sign_in_base64(&self, message: &[u8]) -> String {
        STANDARD.encode(self.sign(message))
    }

    /// Signs: SHA-256 and DER with ECDSA, the message itself with Ed25519.
    ///
    /// # Panics
    /// When openssl is missing, or fails.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let at = |name: &str| self.directory.path().join(name);
        // pkeyutl wants to know the length before it reads, so it is a file.
        #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
        must(std::fs::write(at("message"), message), "write the message");
        let mut command = Command::new("openssl");
        if self.is_edwards {
            command.args(["pkeyutl", "-sign", "-rawin", "-inkey"]).arg(at("key")).arg("-in");
        } else {
            command.args(["dgst", "-sha256", "-sign"]).arg(at("key"));
        }
        openssl(command.arg(at("message")))
    }
}

fn openssl(command: &mut Command) -> Vec<u8> {
    let output = must(command.stdin(Stdio::null()).output(), "run openssl");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
