//! Who runs the container: Corten, and the engines of Debian beside it. Each with directories of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use testkit::{Corten, Dockerd, Finished};

use crate::finding::Finding;
use crate::ground::Ground;

/// One of them, with the image in it.
#[derive(Debug)]
pub(crate) enum Engine {
    Corten(Corten),
    Docker(Dockerd),
    Podman(Podman),
}

/// What Podman keeps, and a parent of its control groups.
#[derive(Debug)]
pub(crate) struct Podman {
    directory: tempfile::TempDir,
    group: String,
}

impl Engine {
    /// Corten, and the host that it runs on.
    pub(crate) fn corten() -> (Self, Ground) {
        let engine = Self::Corten(Corten::new(env!("CARGO_BIN_EXE_corten")));
        engine.with_image()
    }

    /// Debian's dockerd.
    pub(crate) fn docker() -> (Self, Ground) {
        Self::Docker(Dockerd::start()).with_image()
    }

    /// Debian's Podman, with Debian's runc.
    pub(crate) fn podman() -> (Self, Ground) {
        testkit::enter_host();
        Self::Podman(Podman::new()).with_image()
    }

    fn with_image(self) -> (Self, Ground) {
        let ground = Ground::new();
        let mut import = self.command();
        import.args(["import", &ground.text("image.tar"), "attacks"]);
        let imported = Finished::from(import.output().unwrap());
        assert_eq!(imported.code, 0, "{import:?}: {imported:#?}");
        (self, ground)
    }

    fn command(&self) -> Command {
        let mut command = match self {
            Self::Corten(corten) => corten.command(),
            Self::Docker(dockerd) => {
                let mut command = Command::new("docker");
                command.env("DOCKER_HOST", format!("unix://{}", dockerd.socket().display()));
                command.env("DOCKER_CONFIG", dockerd.directory());
                command
            }
            Self::Podman(podman) => podman.command(),
        };
        command.stdin(Stdio::null());
        command
    }

    /// What comes of the attacks of these names, or of all but the hungry ones, in a container with these flags.
    pub(crate) fn attempt(&self, ground: &Ground, flags: &[&str], names: &[&str]) -> Vec<Finding> {
        let mut command = self.command();
        command.args(["run", "--rm", "--env-file", &ground.text("host.env")]);
        if let Self::Podman(podman) = self {
            command.args(["--network=none", &format!("--cgroup-parent=/{}", podman.group)]);
        }
        command.args(flags).args(["attacks", "/attacks", "run"]).args(names);
        let mut command = ground.in_session(&command);
        let finished = Finished::from(command.output().unwrap());
        let found = Finding::all(&finished.stdout);
        assert!(finished.code == 0 && !found.is_empty(), "{command:?}: {finished:#?}");
        found
    }
}

impl Podman {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("corten-podman-").tempdir().unwrap();
        // Its own default would raise limits, which not every machine's root may.
        let config = "[engine]\nlock_type = \"file\"\nevents_logger = \"file\"\n\
            [containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n";
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(directory.path().join("containers.conf"), config).unwrap();
        Self { directory, group: format!("attacks-{}", std::process::id()) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("podman");
        // Its monitor leaves a file where it was started when the kernel has killed something for want of memory.
        command.current_dir(self.directory.path());
        command.env("CONTAINERS_CONF", self.directory.path().join("containers.conf"));
        for (flag, name) in [
            ("--root", "root"),
            ("--runroot", "runroot"),
            ("--tmpdir", "tmp"),
            ("--volumepath", "volumes"),
        ] {
            command.arg(flag).arg(self.directory.path().join(name));
        }
        // Debian's other runtime refuses to run beside a hybrid hierarchy.
        command.args([
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--runtime",
            "runc",
        ]);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _tried = self.command().args(["rmi", "--all", "--force"]).output();
        remove_groups(Path::new("/sys/fs/cgroup"), &self.group);
        let below = self.directory.path().display().to_string();
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let targets = table.lines().rev().filter_map(|line| line.split(' ').nth(4));
        for target in targets.filter(|target| target.starts_with(&below)) {
            let _left = Command::new("umount").args(["--lazy", target]).status();
        }
        let left = testkit::Leftovers::of(self.directory.path(), std::slice::from_ref(&self.group));
        assert!(std::thread::panicking() || left.is_empty(), "{left:#?}");
    }
}

/// Podman makes directories for controllers that are not mounted, too: plain ones, in the tmpfs that holds the mounts.
fn remove_groups(top: &Path, group: &str) {
    for controller in std::fs::read_dir(top).into_iter().flatten().flatten() {
        let path = controller.path();
        for below in ["conmon", ""] {
            let _none = std::fs::remove_dir(path.join(group).join(below));
        }
        let is_plain = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        if controller.file_type().is_ok_and(|kind| kind.is_dir()) && is_plain {
            let _another_uses_it = std::fs::remove_dir(path);
        }
    }
    let _none = std::fs::remove_dir(top.join(group));
}
