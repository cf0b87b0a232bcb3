//! A container on the real kernel, for tests: a busybox root in a temporary directory, Docker's default configuration to
//! change, and a count of what is left afterwards.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libcontainer::cgroup::CgroupPath;
use libcontainer::cgroup::{Cgroup, Layout};
use libcontainer::{Context, Plan, Process, RootSource, StartError, Stdio, chain, create, plan};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use spec::runtime::{
    Capabilities, Linux, Mount, Namespace, NamespaceKind, Process as ProcessSpec, Root, Spec, User,
};
use tempfile::TempDir;

/// How long a group may take to empty once its last process was waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What the names of the tests' directories begin with.
const PREFIX: &str = "libcontainer-";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Docker's default set.
pub(crate) const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// A place for one container at a time.
pub(crate) struct Bed {
    pub(crate) directory: TempDir,
    pub(crate) cgroup_path: String,
    pub(crate) init: bool,
    pub(crate) root: RootSource,
    before: Vec<String>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bed {
    pub(crate) fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests make containers: run them as root"
        );
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        fs::create_dir(directory.path().join("rootfs")).unwrap();
        testkit::busybox_rootfs(&directory.path().join("rootfs"));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let cgroup_path = format!("/corten-test/{}-{count}", std::process::id());
        let before = mounts(directory.path());
        Self { directory, cgroup_path, init: false, root: RootSource::Spec, before }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn rootfs(&self) -> PathBuf {
        self.path("rootfs")
    }

    /// Docker's default configuration, with `sh -c script` as its program.
    pub(crate) fn spec(&self, script: &str) -> Spec {
        let capabilities: Vec<String> =
            CAPABILITIES.iter().map(|name| (*name).to_owned()).collect();
        Spec {
            oci_version: "1.3.0".into(),
            process: Some(ProcessSpec {
                args: strings(&["/bin/sh", "-c", script]),
                env: strings(&["PATH=/bin:/usr/bin", "HOME=/root"]),
                cwd: "/".into(),
                user: User { umask: Some(0o022), ..User::default() },
                capabilities: Some(Capabilities {
                    bounding: capabilities.clone(),
                    effective: capabilities.clone(),
                    permitted: capabilities,
                    ..Capabilities::default()
                }),
                no_new_privileges: true,
                ..ProcessSpec::default()
            }),
            root: Some(Root { path: "rootfs".into(), readonly: false }),
            hostname: Some("box".into()),
            mounts: default_mounts(),
            linux: Some(Linux {
                namespaces: [
                    NamespaceKind::Mount,
                    NamespaceKind::Pid,
                    NamespaceKind::Network,
                    NamespaceKind::Ipc,
                    NamespaceKind::Uts,
                    NamespaceKind::Cgroup,
                ]
                .map(|kind| Namespace { kind, path: None })
                .into(),
                masked_paths: MASKED.iter().map(PathBuf::from).collect(),
                readonly_paths: READ_ONLY.iter().map(PathBuf::from).collect(),
                ..Linux::default()
            }),
            ..Spec::default()
        }
    }

    /// Gives the root to a user who can reach it through the temporary directory.
    pub(crate) fn open_to(&self, uid: u32) {
        use std::os::unix::fs::{PermissionsExt, chown};
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
        chown(self.rootfs(), Some(uid), Some(uid)).unwrap();
    }

    pub(crate) fn context(&self) -> Context {
        // The path of its groups names the container.
        let id = self.cgroup_path.rsplit('/').next().unwrap();
        Context {
            root: self.root.clone(),
            cgroup_path: self.cgroup_path.clone(),
            init: self.init,
            ..Context::new(id, self.directory.path(), Layout::detect().unwrap())
        }
    }

    pub(crate) fn plan(&self, spec: &Spec) -> Plan {
        plan(spec, &self.context()).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// A started container, with what it writes.
    pub(crate) fn start(&self, spec: &Spec) -> Result<Running, StartError> {
        let (streams, stdout, stderr) = pipes();
        let (process, cgroup) = create(&self.plan(spec), streams.borrow())?.start()?;
        Ok(Running { process, cgroup, stdout, stderr })
    }

    /// Runs it to its end, and fails the test when it does not start.
    pub(crate) fn run(&self, spec: &Spec) -> Finished {
        match self.start(spec) {
            Ok(running) => running.finish(),
            Err(error) => panic!("start: {}", chain(&error)),
        }
    }

    /// Runs it, demands success, and gives what it wrote.
    pub(crate) fn ok(&self, spec: &Spec) -> String {
        let finished = self.run(spec);
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{finished:#?}");
        finished.stdout.trim_end().to_owned()
    }

    /// `sh -c script` in a default container.
    pub(crate) fn sh(&self, script: &str) -> String {
        self.ok(&self.spec(script))
    }

    /// Demands that the start fails, and gives the error's chain. Nothing of the attempt may be left.
    pub(crate) fn refused(&self, spec: &Spec) -> (u8, String) {
        match self.start(spec) {
            Ok(running) => panic!("it was to be refused, and ran: {:#?}", running.finish()),
            Err(error) => {
                self.assert_nothing_left();
                (error.exit_code(), chain(&error))
            }
        }
    }

    pub(crate) fn cgroup(&self) -> Cgroup {
        let path: CgroupPath = self.cgroup_path.parse().unwrap();
        Cgroup::open(&path, &Layout::detect().unwrap()).unwrap()
    }

    /// No mount, no cgroup and no child process of ours.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(mounts(self.directory.path()), self.before, "mounts are left");
        self.assert_groups_gone();
        let outcome = waitid(
            WaitId::All,
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT,
        );
        assert_eq!(outcome.err(), Some(rustix::io::Errno::CHILD), "a child is left");
    }

    pub(crate) fn assert_groups_gone(&self) {
        for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
            let group = hierarchy.unwrap().path().join(self.cgroup_path.trim_start_matches('/'));
            assert!(!group.exists(), "{} is left", group.display());
        }
    }
}

/// A container that runs.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) cgroup: Cgroup,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

impl Running {
    /// What it writes until `word` has come.
    pub(crate) fn read_until(&self, word: &str) -> String {
        read_until(&self.stdout, word)
    }

    /// Everything it writes, and its exit code (128 + n for signal n).
    pub(crate) fn finish(self) -> Finished {
        let stderr = std::thread::spawn(move || read_all(self.stderr));
        let stdout = read_all(self.stdout);
        let stderr = stderr.join().unwrap();
        let code = wait(&self.process);
        self.cgroup.remove(PATIENCE).unwrap();
        Finished { code, stdout, stderr }
    }
}

/// What comes from `output` until `word` has come.
pub(crate) fn read_until(output: &OwnedFd, word: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(word) {
        let mut chunk = [0; 4096];
        let length = rustix::io::read(output, &mut chunk).unwrap();
        assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits for a child, and gives its exit code.
pub(crate) fn wait(process: &Process) -> i32 {
    let status = waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED).unwrap().unwrap();
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap()
}

pub(crate) fn read_all(fd: OwnedFd) -> String {
    let mut text = Vec::new();
    let mut file = fs::File::from(fd);
    // The master of a terminal ends with EIO when its last slave is closed.
    let _hung_up = file.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The child's ends of its pipes.
pub(crate) struct Streams([OwnedFd; 3]);

impl Streams {
    pub(crate) fn borrow(&self) -> Stdio<'_> {
        let [stdin, stdout, stderr] = &self.0;
        Stdio::Streams { stdin: stdin.as_fd(), stdout: stdout.as_fd(), stderr: stderr.as_fd() }
    }
}

/// Pipes for a child whose input is empty, and our ends of its output.
pub(crate) fn pipes() -> (Streams, OwnedFd, OwnedFd) {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).unwrap();
    let (stdin, _closed) = pipe();
    let ((stdout, stdout_writer), (stderr, stderr_writer)) = (pipe(), pipe());
    (Streams([stdin, stdout_writer, stderr_writer]), stdout, stderr)
}

/// Writes a file of a test's own tree.
#[expect(clippy::disallowed_methods, reason = "a test's own tree needs no atomic write")]
pub(crate) fn put(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap();
}

pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn mount(kind: &str, source: &str, destination: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        kind: Some(kind.into()),
        source: Some(source.into()),
        options: strings(options),
        ..Mount::default()
    }
}

pub(crate) fn bind(source: &Path, destination: &str, options: &[&str]) -> Mount {
    let mut all = vec!["rbind"];
    all.extend(options);
    mount("bind", source.to_str().unwrap(), destination, &all)
}

pub(crate) fn process(spec: &mut Spec) -> &mut ProcessSpec {
    spec.process.as_mut().unwrap()
}

pub(crate) fn linux(spec: &mut Spec) -> &mut Linux {
    spec.linux.as_mut().unwrap()
}

/// Every mount but those that other tests make meanwhile for their own containers.
pub(crate) fn mounts(own: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let others = std::env::temp_dir().join(PREFIX);
    let others = others.to_str().unwrap();
    let counts = |at: &&str| !at.starts_with(others) || Path::new(at).starts_with(own);
    let rows = table.lines().filter_map(|line| line.split(' ').nth(4));
    rows.filter(counts).map(str::to_owned).collect()
}

fn default_mounts() -> Vec<Mount> {
    vec![
        mount("proc", "proc", "/proc", &["nosuid", "noexec", "nodev"]),
        mount("tmpfs", "tmpfs", "/dev", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "devpts",
            "devpts",
            "/dev/pts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("sysfs", "sysfs", "/sys", &["nosuid", "noexec", "nodev", "ro"]),
        mount("cgroup", "cgroup", "/sys/fs/cgroup", &["ro", "nosuid", "noexec", "nodev"]),
        mount("mqueue", "mqueue", "/dev/mqueue", &["nosuid", "noexec", "nodev"]),
        mount(
            "tmpfs",
            "shm",
            "/dev/shm",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
        ),
    ]
}

const MASKED: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

const READ_ONLY: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
