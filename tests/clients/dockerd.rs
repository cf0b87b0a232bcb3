//! A real dockerd with directories of its own, in the network of the thread that starts it and in a mount namespace that ends with it.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Leftovers, enter_host, holds_in_time};

/// A server. It ends with this, and its containers before it.
pub(crate) struct Dockerd {
    directory: tempfile::TempDir,
    child: Child,
    group: String,
}

impl Dockerd {
    /// Starts one, and returns once it answers.
    pub(crate) fn start() -> Self {
        enter_host();
        // A short path: sockets below it have at most 107 bytes, unix(7).
        let directory = tempfile::Builder::new().prefix("corten-dockerd-").tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).display().to_string();
        crate::base::write(&directory.path().join("daemon.json"), "{}");
        let group = format!("dockerd-{}-{}", std::process::id(), rustix::thread::gettid());
        let messages = std::fs::File::create(place("log")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "dockerd"]);
        command.args(["--host", &format!("unix://{}", place("api.sock"))]);
        command.args(["--data-root", &place("data"), "--exec-root", &place("exec")]);
        command.args(["--pidfile", &place("pid"), "--config-file", &place("daemon.json")]);
        command.args(["--cgroup-parent", &format!("/{group}")]);
        command.stdin(Stdio::null()).stdout(messages.try_clone().unwrap()).stderr(messages);
        let child = command.spawn().unwrap();
        let mut dockerd = Self { directory, child, group };
        let socket = dockerd.socket();
        let answers = holds_in_time(|| {
            UnixStream::connect(&socket).is_ok() || dockerd.child.try_wait().unwrap().is_some()
        });
        assert!(answers && UnixStream::connect(&socket).is_ok(), "{}", dockerd.told());
        dockerd
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    /// What it said last.
    pub(crate) fn told(&self) -> String {
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

    /// Processes whose command line names its directory: containerd and what it started.
    fn processes(&self) -> Vec<Pid> {
        let directory = self.directory.path().to_str().unwrap();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(directory)
        })
        .filter_map(Pid::from_raw)
        .collect()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.remove_containers();
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _status = self.child.wait();
        let panicking = std::thread::panicking();
        if panicking || !holds_in_time(|| self.processes().is_empty()) {
            for pid in self.processes() {
                let _gone = kill_process(pid, Signal::KILL);
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
