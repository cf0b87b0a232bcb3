//! Libraries of other languages: each script here drives a server with a store of its own, and demands what it gets.
//!
//! `CORTEN_CLIENTS_DOCKERD=1` runs the same against a real dockerd, to see that a script demands what Docker gives.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::{ApiServer, Corten, Dockerd, Finished, enter_host};

use crate::base;

/// Where `scripts/prepare check` puts them.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/clients");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients");

enum Server {
    /// The server ends first.
    Corten(ApiServer, Corten),
    Dockerd(Dockerd),
}

impl Server {
    fn start() -> Self {
        if std::env::var_os("CORTEN_CLIENTS_DOCKERD").is_some() {
            return Self::Dockerd(Dockerd::start());
        }
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let mut command = corten.command();
        // No settings of registries but those of the test.
        command.env("HOME", corten.directory()).env_remove("DOCKER_CONFIG");
        let api = ApiServer::start_by(&corten, command);
        Self::Corten(api, corten)
    }

    fn directory(&self) -> &Path {
        match self {
            Self::Corten(_server, corten) => corten.directory(),
            Self::Dockerd(dockerd) => dockerd.directory(),
        }
    }
}

/// Runs a script of ours by an interpreter to its end: it says that all is well, or what is not.
fn run(program: &Path, script: &str, arguments: impl Fn(&Path) -> Vec<OsString>) {
    enter_host();
    let server = Server::start();
    let directory = server.directory();
    let image = base::make(directory);
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "300"]).arg(program).arg(Path::new(SCRIPTS).join(script));
    command.args(arguments(&image)).current_dir(directory).stdin(Stdio::null());
    command.env("DOCKER_HOST", format!("unix://{}", directory.join("api.sock").display()));
    command.env("NODE_PATH", Path::new(INSTALLED).join("node/node_modules"));
    command.env("HOME", directory).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
    for name in ["DOCKER_API_VERSION", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
        command.env_remove(name);
    }
    let said = Finished::from(command.output().unwrap());
    assert_eq!((said.code, said.stdout.as_str()), (0, "all is well\n"), "{}", said.stderr);
    if let Server::Corten(_server, corten) = &server {
        assert_eq!(corten.ok(&["ps", "--all", "--quiet"]), "", "the script removes what it makes");
    }
}

fn python() -> PathBuf {
    Path::new(INSTALLED).join("python/bin/python")
}

#[test]
fn dockers_own_library_for_python() {
    run(&python(), "sdk_docker.py", |image| vec![image.into()]);
}

/// The one that docker-compose 1.29 uses: Debian's, of 2022.
#[test]
fn dockers_own_library_for_python_as_debian_has_it() {
    run(Path::new("/usr/bin/python3"), "sdk_docker.py", |image| vec![image.into()]);
}

#[test]
fn podmans_library_for_python() {
    run(&python(), "sdk_podman.py", |image| vec![image.into()]);
}

#[test]
fn testcontainers_for_python() {
    run(&python(), "sdk_testcontainers.py", |image| vec![image.into(), "without".into()]);
}

#[test]
fn testcontainers_for_python_with_a_reaper() {
    run(&python(), "sdk_testcontainers.py", |image| vec![image.into(), "with".into()]);
}

#[test]
fn dockerode() {
    run(Path::new("node"), "node_dockerode.js", |image| vec![image.into()]);
}
