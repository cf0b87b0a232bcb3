//! A small authority for tests: its certificate, one of a server on this machine, and one of a client, made by openssl(1).
//!
//! Start at [`Certificates::new`].

use std::path::{Path, PathBuf};
use std::process::Command;

/// PEM files below a temporary directory.
#[derive(Debug)]
pub struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    /// An authority, a server's certificate for `localhost`, `registry.test`, 127.0.0.1 and ::1, and a client's.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn new() -> Self {
        let directory = match tempfile::Builder::new().prefix("corten-certificates-").tempdir() {
            Ok(directory) => directory,
            Err(error) => panic!("make a temporary directory: {error}"),
        };
        let made = Self { directory };
        made.make("ca", "CA:TRUE", None);
        made.make(
            "server",
            "CA:FALSE",
            Some("DNS:localhost,DNS:registry.test,IP:127.0.0.1,IP:::1"),
        );
        made.make("client", "CA:FALSE", Some("DNS:client"));
        made
    }

    /// The authority's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.path("ca.crt")
    }

    /// The server's certificate and key.
    #[must_use]
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.path("server.crt"), self.path("server.key"))
    }

    /// The client's certificate and key.
    #[must_use]
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.path("client.crt"), self.path("client.key"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes `NAME.key` and `NAME.crt`, signed by itself where no alternative names are given, else by `ca`.
    fn make(&self, name: &str, basic: &str, names: Option<&str>) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let basic = format!("basicConstraints=critical,{basic}");
        let subject = format!("/CN={name}");
        let mut arguments = vec!["req", "-x509", "-newkey", "ec", "-pkeyopt"];
        arguments.extend(["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", &subject]);
        arguments.extend(["-keyout", &key, "-out", &certificate, "-addext", &basic]);
        let names = names.map(|names| format!("subjectAltName={names}"));
        if let Some(names) = &names {
            arguments.extend(["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", names]);
        }
        openssl(self.directory.path(), &arguments);
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs openssl(1) in a directory.
pub(crate) fn openssl(directory: &Path, arguments: &[&str]) {
    let output = match Command::new("openssl").args(arguments).current_dir(directory).output() {
        Ok(output) => output,
        Err(error) => panic!("run openssl (package openssl): {error}"),
    };
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {words}");
}
