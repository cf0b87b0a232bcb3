//! A real dockerd with directories of its own, in the test's network and in mounts that end with it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::{Leftovers, holds_in_time, signal};

/// A server. Its containers end with it.
pub(crate) struct Dockerd {
    directory: tempfile::TempDir,
    child: Child,
    group: String,
}

impl Dockerd {
    /// Starts one in the network that the calling thread is in.
    pub(crate) fn start() -> Self {
        // Short: a path of a socket has at most 107 bytes. unix(7).
        let directory = tempfile::Builder::new().prefix("corten-dockerd-").tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).display().to_string();
        let name = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
        let group = name.replace('.', "-");
        crate::base::write(&directory.path().join("daemon.json"), b"{}");
        let log = fs::File::create(place("log")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "dockerd"]);
        command.args(["--host", &format!("unix://{}", place("api.sock"))]);
        command.args(["--config-file", &place("daemon.json"), "--pidfile", &place("pid")]);
        command.args(["--data-root", &place("data"), "--exec-root", &place("run")]);
        command.args(["--cgroup-parent", &format!("/{group}")]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("run dockerd (package docker.io): {error}"));
        let mut dockerd = Self { directory, child, group };
        let socket = dockerd.socket();
        let is_there = || UnixStream::connect(&socket).is_ok();
        let answers = holds_in_time(|| is_there() || dockerd.child.try_wait().unwrap().is_some());
        let log = fs::read_to_string(dockerd.directory.path().join("log")).unwrap_or_default();
        assert!(answers && is_there(), "dockerd does not answer:\n{log}");
        dockerd
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    /// It, its containerd and what that has started.
    fn processes(&self) -> Vec<u32> {
        let own = self.directory.path().to_str().unwrap();
        let names = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(own)
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(names).collect()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        let client =
            crate::base::Client::new(&["--host", &format!("unix://{}", self.socket().display())]);
        let _all = client.run(&["rm", "-f", "-v", "--all"]);
        signal("TERM", self.child.id());
        let _ended = self.child.wait();
        let is_gone = holds_in_time(|| self.processes().is_empty());
        for pid in self.processes() {
            signal("KILL", pid);
        }
        for controller in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _none = fs::remove_dir(controller.path().join(&self.group));
        }
        let _none = fs::remove_dir(Path::new("/sys/fs/cgroup").join(&self.group));
        if !std::thread::panicking() {
            let left = Leftovers::of(self.directory.path(), std::slice::from_ref(&self.group));
            assert!(is_gone && left.is_empty(), "{left:#?}");
        }
    }
}
