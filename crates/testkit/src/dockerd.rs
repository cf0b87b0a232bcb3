//! A real dockerd with directories of its own, in the network of the thread that starts it and in a mount namespace that ends with it.
//!
//! Start at [`Dockerd::start`].

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::must::must;
use crate::{Leftovers, enter_host, holds_in_time};

/// A server. It ends with this, and its containers before it.
#[derive(Debug)]
pub struct Dockerd {
    directory: tempfile::TempDir,
    child: Child,
    group: String,
}

impl Dockerd {
    /// Starts one, and returns once it answers.
    ///
    /// # Panics
    /// When it is not there (package docker.io), or does not answer.
    #[must_use]
    pub fn start() -> Self {
        enter_host();
        // A short path: sockets below it have at most 107 bytes, unix(7).
        let directory = tempfile::Builder::new().prefix("corten-dockerd-").tempdir();
        let directory = must(directory, "make a directory for dockerd");
        let place = |name: &str| directory.path().join(name).display().to_string();
        #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
        must(std::fs::write(place("daemon.json"), "{}"), "write dockerd's settings");
        let name = directory.path().file_name().unwrap_or_default().to_string_lossy();
        let group = name.replace('.', "-");
        let log = must(std::fs::File::create(place("log")), "make dockerd's log");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "dockerd"]);
        command.args(["--host", &format!("unix://{}", place("api.sock"))]);
        command.args(["--data-root", &place("data"), "--exec-root", &place("exec")]);
        command.args(["--pidfile", &place("pid"), "--config-file", &place("daemon.json")]);
        command.args(["--cgroup-parent", &format!("/{group}")]);
        command.stdin(Stdio::null()).stderr(must(log.try_clone(), "make dockerd's log"));
        let child = must(command.stdout(log).spawn(), "run dockerd (package docker.io)");
        let mut dockerd = Self { directory, child, group };
        let socket = dockerd.socket();
        let answers = || UnixStream::connect(&socket).is_ok();
        let has_ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        let settled = holds_in_time(|| answers() || has_ended(&mut dockerd.child));
        assert!(settled && answers(), "dockerd does not answer\n{}", dockerd.told());
        dockerd
    }

    /// All that is its own.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where it answers.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    /// What it said last.
    #[must_use]
    pub fn told(&self) -> String {
        let said = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(40).collect();
        last.into_iter().rev().map(|line| format!("dockerd: {line}\n")).collect()
    }

    fn remove_containers(&self) {
        let host = format!("unix://{}", self.socket().display());
        let script =
            "ids=$(docker ps --all --quiet) && [ -z \"$ids\" ] || docker rm --force --volumes $ids";
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("DOCKER_HOST", host).env("HOME", self.directory.path());
        // What stays is told below.
        let _tried = command.stdout(Stdio::null()).status();
    }

    /// Processes whose command line names its directory: it, its containerd, and what that has started.
    fn processes(&self) -> Vec<u32> {
        let own = self.directory.path().to_string_lossy().into_owned();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&own)
        })
        .collect()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.remove_containers();
        ask_to_end("TERM", self.child.id());
        let _status = self.child.wait();
        let panicking = std::thread::panicking();
        if panicking || !holds_in_time(|| self.processes().is_empty()) {
            for pid in self.processes() {
                ask_to_end("KILL", pid);
            }
        }
        for controller in std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _none = std::fs::remove_dir(controller.path().join(&self.group));
        }
        let _none = std::fs::remove_dir(Path::new("/sys/fs/cgroup").join(&self.group));
        let left = Leftovers::of(self.directory.path(), std::slice::from_ref(&self.group));
        assert!(panicking || left.is_empty(), "{left:#?}");
    }
}

/// One that has ended meanwhile is as well.
fn ask_to_end(signal: &str, pid: u32) {
    let _gone =
        Command::new("kill").args(["-s", signal, &pid.to_string()]).stderr(Stdio::null()).status();
}
