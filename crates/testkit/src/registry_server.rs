//! A real registry: Debian's docker-registry(1) on a port of the kernel's choice, with a store of its own.
//!
//! Start at [`RegistryServer::start`] or [`RegistryOptions`].

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::token_server::{ISSUER, SERVICE};
use crate::{Certificates, TokenServer};

/// What a registry asks of those who come.
#[derive(Debug, Default)]
pub struct RegistryOptions<'a> {
    /// Speaks TLS with the server's certificate of these.
    pub tls: Option<&'a Certificates>,
    /// Wants a client's certificate, too.
    pub client_certificates: bool,
    /// Wants name and password (Basic).
    pub basic: Option<(&'a str, &'a str)>,
    /// Wants tokens of this server.
    pub tokens: Option<&'a TokenServer>,
}

/// A registry on 127.0.0.1, ended when dropped.
#[derive(Debug)]
pub struct RegistryServer {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
    log: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
}

impl RegistryServer {
    /// A registry without TLS that serves everybody.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&RegistryOptions::default())
    }

    /// A registry with options. Returns when it listens.
    ///
    /// # Panics
    /// When it does not start; its log is shown.
    #[must_use]
    pub fn with(options: &RegistryOptions<'_>) -> Self {
        crate::host::enter();
        let directory = match tempfile::Builder::new().prefix("corten-registry-").tempdir() {
            Ok(directory) => directory,
            Err(error) => panic!("make a temporary directory: {error}"),
        };
        let config = directory.path().join("config.yml");
        write(&config, &configuration(directory.path(), options));
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
        // What traces its calls elsewhere is not for tests.
        command.env("OTEL_TRACES_EXPORTER", "none");
        let mut child = match command.stderr(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => panic!("run docker-registry (package docker-registry): {error}"),
        };
        let log = Arc::new(Mutex::new(String::new()));
        let Some(stderr) = child.stderr.take() else { panic!("docker-registry has no pipe") };
        // Whatever goes wrong from here on, dropping this ends the process.
        let mut server = Self { child, port: 0, directory, log, reading: None };
        server.read_log(stderr);
        server
    }

    /// Reads until it says where it listens, and lets a thread read on, so that the pipe never fills.
    fn read_log(&mut self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let said = |line: &String| {
            keep(&self.log, line);
            let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
            rest.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
        };
        let Some(port) = lines.find_map(|line| said(&line)) else {
            panic!("docker-registry does not listen:\n{}", self.log());
        };
        self.port = port;
        let log = Arc::clone(&self.log);
        self.reading = Some(std::thread::spawn(move || lines.for_each(|line| keep(&log, &line))));
    }

    /// `127.0.0.1:PORT`, as it stands in a reference.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its blobs are, for a test that damages one.
    #[must_use]
    pub fn storage(&self) -> PathBuf {
        self.directory.path().join("storage")
    }

    /// What it has said so far: one line for each request.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        // Where it has ended already, nothing is left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

fn keep(log: &Mutex<String>, line: &str) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.push_str(line);
    log.push('\n');
}

fn write(path: &Path, text: &str) {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        panic!("write {}: {error}", path.display());
    }
}

/// The configuration; JSON is YAML, and quotes what needs it.
fn configuration(directory: &Path, options: &RegistryOptions<'_>) -> String {
    let mut http = serde_json::json!({"addr": "127.0.0.1:0", "secret": "of this test"});
    if let Some(certificates) = options.tls {
        let (certificate, key) = certificates.server();
        http["tls"] = serde_json::json!({"certificate": certificate, "key": key});
        if options.client_certificates {
            // Clients' certificates are signed by the same authority.
            http["tls"]["clientcas"] = serde_json::json!([certificates.ca()]);
        }
    }
    let mut whole = serde_json::json!({
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": directory.join("storage")},
            "delete": {"enabled": true},
        },
        "http": http,
    });
    if let Some((user, password)) = options.basic {
        let path = directory.join("htpasswd");
        write(&path, &hashed(user, password));
        whole["auth"] = serde_json::json!({"htpasswd": {"realm": "test", "path": path}});
    }
    if let Some(tokens) = options.tokens {
        whole["auth"] = serde_json::json!({"token": {
            "realm": tokens.realm(),
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": tokens.certificate(),
        }});
    }
    whole.to_string()
}

/// A line of htpasswd(1), with the only hash that the registry knows.
fn hashed(user: &str, password: &str) -> String {
    match Command::new("htpasswd").args(["-Bbn", user, password]).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => panic!("htpasswd: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("run htpasswd (package apache2-utils): {error}"),
    }
}
