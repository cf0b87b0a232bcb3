//! A server, and the program as its client: with a home of its own, and nothing of the store.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{ApiServer, Corten, Dockerd, Finished};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");

/// Who answers. It ends with this.
pub(crate) enum Server {
    Corten { _api: ApiServer, corten: Corten },
    Docker(Dockerd),
}

/// The program as a client.
pub(crate) struct Client {
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    home: tempfile::TempDir,
}

impl Server {
    /// `corten serve` with the image busybox.
    pub(crate) fn corten() -> Self {
        let corten = Corten::with_busybox(PROGRAM);
        let mut command = corten.command();
        alone(&mut command, corten.directory());
        Self::Corten { _api: ApiServer::start_by(&corten, command), corten }
    }

    /// A real dockerd with the same image.
    pub(crate) fn docker() -> Self {
        let corten = Corten::with_busybox(PROGRAM);
        let archive = corten.directory().join("busybox.tar");
        corten.ok(&["save", "-o", archive.to_str().unwrap(), "busybox"]);
        let docker = Dockerd::start();
        let server = Self::Docker(docker);
        server.client().ok(&["load", "-q", "-i", archive.to_str().unwrap()]);
        server
    }

    pub(crate) fn socket(&self) -> PathBuf {
        match self {
            Self::Corten { corten, .. } => corten.directory().join("api.sock"),
            Self::Docker(docker) => docker.socket(),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&["--host", &self.address()])
    }

    pub(crate) const fn is_docker(&self) -> bool {
        matches!(self, Self::Docker(_))
    }
}

impl Client {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let home = tempfile::Builder::new().prefix("corten-home-").tempdir().unwrap();
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self { arguments, variables: Vec::new(), home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        for name in
            ["CORTEN_HOST", "CORTEN_CONTEXT", "CORTEN_CERT_PATH", "CORTEN_ROOT", "CORTEN_STATE"]
        {
            command.env_remove(name);
        }
        alone(&mut command, self.home());
        // Who answers there is nobody's to ask.
        command.env("DOCKER_HOST", "unix:///nobody/is/here.sock");
        command.current_dir(self.home.path());
        command.envs(self.variables.iter().cloned()).args(&self.arguments);
        command.stdin(std::process::Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished::from(self.command().args(args).output().unwrap())
    }

    #[track_caller]
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Finished {
        let file = self.home().join("input");
        write(&file, input);
        let mut command = self.command();
        command.args(args).stdin(std::fs::File::open(file).unwrap());
        Finished::from(command.output().unwrap())
    }

    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let finished = self.run(args);
        assert!(finished.code == 0, "corten {}: {finished:#?}", args.join(" "));
        finished.stdout.trim_end_matches('\n').to_owned()
    }

    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32) -> String {
        let finished = self.run(args);
        let line = args.join(" ");
        assert!(finished.code == code, "corten {line} was to exit with {code}: {finished:#?}");
        finished.stderr
    }
}

/// No settings of registries but those of the test.
fn alone(command: &mut Command, home: &Path) {
    for name in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env("HOME", home).env("CORTEN_REGISTRY_CONFIG", home.join("registries"));
}

/// A file of a test's own.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(path, bytes).unwrap();
}
