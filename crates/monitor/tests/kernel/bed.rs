//! A place for one container: a busybox root, a state directory, and what is asked of its monitor.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libcontainer::cgroup::Layout;
use libcontainer::{Context, chain, plan};
use monitor::{
    Ahead, Connection, FromMonitor, HANDOFF_VERSION, HandOff, Life, LogRules, Received,
    RestartPolicy, StopRules, connect, observe, prepare,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};
use spec::runtime::{ConsoleSize, Linux, Mount, Namespace, NamespaceKind, Process, Root, Spec};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Bed {
    directory: TempDir,
    pub(crate) handoff: HandOff,
}

/// What a client heard until the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: Option<i32>,
    pub(crate) failure: Option<(u8, String)>,
}

impl Bed {
    /// With `sh -c script` as its program.
    pub(crate) fn new(script: &str) -> Self {
        Self::with(&["/bin/sh", "-c", script], None)
    }

    pub(crate) fn with(args: &[&str], terminal: Option<(u16, u16)>) -> Self {
        Self::changed(args, terminal, |_spec| {})
    }

    /// With another configuration.
    pub(crate) fn changed(
        args: &[&str],
        terminal: Option<(u16, u16)>,
        change: impl FnOnce(&mut Spec),
    ) -> Self {
        assert!(rustix::process::geteuid().is_root(), "containers are made: run this as root");
        let directory = tempfile::Builder::new().prefix("monitor-").tempdir().unwrap();
        for name in ["rootfs", "state", "container"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        testkit::busybox_rootfs(&directory.path().join("rootfs"));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}{count:04x}", std::process::id());
        let layout = Layout::detect().unwrap();
        let context = Context {
            cgroup_path: format!("/corten-test/monitor-{id}"),
            ..Context::new(id.clone(), directory.path(), layout)
        };
        let mut spec = configuration(args, terminal);
        change(&mut spec);
        let plan = plan(&spec, &context).unwrap_or_else(|error| panic!("{}", chain(&error)));
        let handoff = HandOff {
            version: HANDOFF_VERSION,
            id,
            plan,
            state_dir: directory.path().join("state"),
            container_dir: directory.path().join("container"),
            emulates: false,
            is_system: false,
            console: monitor::ConsoleRules::default(),
            open_stdin: false,
            stdin_once: false,
            log: LogRules::default(),
            restart: RestartPolicy::No,
            health: None,
            variables: Vec::new(),
            stop: StopRules::default(),
            events: None,
            timeout: None,
            pid_file: None,
            restore: None,
            auto_remove: None,
            networks: None,
            interfaces: Vec::new(),
            keeper: None,
        };
        Self { directory, handoff }
    }

    pub(crate) fn with_input(mut self) -> Self {
        self.handoff.open_stdin = true;
        self.handoff.stdin_once = true;
        self
    }

    /// Gives the root to a user who can reach it.
    pub(crate) fn open_to(&self, uid: u32) {
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
        chown(self.path("rootfs"), Some(uid), Some(uid)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the container; the client is attached to everything.
    pub(crate) fn start(&self) -> Connection {
        let mut connection = self.spawn();
        match connection.receive().unwrap() {
            Received::Message(FromMonitor::Started { .. }) => connection,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn spawn(&self) -> Connection {
        let monitor = prepare(&self.handoff.id, &self.handoff.state_dir, Ahead::Network).unwrap();
        monitor.give(&self.handoff, true, true).unwrap()
    }

    pub(crate) fn attach(&self) -> Connection {
        let connection = connect(&self.handoff.state_dir).unwrap();
        connection.attach(true, true).unwrap();
        connection
    }

    pub(crate) fn life(&self) -> Life {
        observe(&self.handoff.state_dir, &self.handoff.container_dir).unwrap()
    }

    /// Pids of the container and its monitor, while it runs.
    pub(crate) fn pids(&self) -> (i32, i32) {
        match self.life() {
            Life::Running { state, .. } => (state.pid, state.monitor_pid),
            other => panic!("{other:?}"),
        }
    }

    /// Descriptors that the monitor has open.
    pub(crate) fn descriptors(&self) -> BTreeMap<u32, PathBuf> {
        let (_, monitor) = self.pids();
        fs::read_dir(format!("/proc/{monitor}/fd"))
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let number = entry.file_name().to_str()?.parse().ok()?;
                Some((number, fs::read_link(entry.path()).ok()?))
            })
            .collect()
    }

    pub(crate) fn wait_until(&self, wanted: impl Fn(&Life) -> bool) {
        wait_until("the container's life", || wanted(&self.life()));
    }

    /// Whether every group of the container is gone.
    /// Returns once no hierarchy has a group of it: they go when the end is told already.
    pub(crate) fn wait_for_groups(&self) {
        wait_until("the groups to go", || self.groups_are_gone());
    }

    fn groups_are_gone(&self) -> bool {
        let name = format!("monitor-{}", self.handoff.id);
        let groups = fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
        groups
            .map(|entry| entry.path())
            .chain([PathBuf::from("/sys/fs/cgroup")])
            .all(|hierarchy| !hierarchy.join("corten-test").join(&name).exists())
    }
}

impl Drop for Bed {
    /// Ends what a failed test left, and reaps the monitors, which are children of this process.
    fn drop(&mut self) {
        if let Ok(Life::Running { state, monitored, .. }) =
            observe(&self.handoff.state_dir, &self.handoff.container_dir)
        {
            kill(state.pid);
            if monitored {
                let _gone = waitpid(Pid::from_raw(state.monitor_pid), WaitOptions::empty());
            }
        }
    }
}

pub(crate) fn kill(pid: i32) {
    let _gone =
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL);
}

pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::yield_now();
    }
}

/// Whether a connection can be read from within a second.
pub(crate) fn is_readable(connection: &Connection) -> bool {
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let descriptor = connection.as_fd();
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    poll(&mut polled, Some(&second)).unwrap() > 0
}

/// Reads until the end.
pub(crate) fn hear(connection: &mut Connection) -> Heard {
    let mut heard = Heard::default();
    loop {
        match connection.receive().unwrap() {
            Received::Message(FromMonitor::Stdout(bytes)) => heard.stdout.extend_from_slice(bytes),
            Received::Message(FromMonitor::Stderr(bytes)) => heard.stderr.extend_from_slice(bytes),
            Received::Message(FromMonitor::Exited { code }) => {
                heard.code = Some(code);
                return heard;
            }
            Received::Message(FromMonitor::StartFailed { code, error }) => {
                heard.failure = Some((code, error.to_owned()));
                return heard;
            }
            Received::Message(_) => {}
            Received::Closed => return heard,
        }
    }
}

/// Reads output until `text` was in it.
pub(crate) fn hear_until(connection: &mut Connection, text: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(text) {
        match connection.receive().unwrap() {
            Received::Message(FromMonitor::Stdout(bytes)) => {
                heard.push_str(&String::from_utf8_lossy(bytes));
            }
            Received::Message(_) => {}
            Received::Closed => panic!("closed after {heard:?}"),
        }
    }
    heard
}

fn configuration(args: &[&str], terminal: Option<(u16, u16)>) -> Spec {
    let mount = |destination: &str, kind: &str| Mount {
        destination: destination.into(),
        kind: Some(kind.to_owned()),
        source: Some(PathBuf::from(kind)),
        ..Mount::default()
    };
    let kinds = [NamespaceKind::Mount, NamespaceKind::Pid, NamespaceKind::Ipc, NamespaceKind::Uts];
    Spec {
        oci_version: "1.3.0".into(),
        process: Some(Process {
            args: args.iter().map(|word| (*word).to_owned()).collect(),
            env: vec!["PATH=/bin".to_owned()],
            cwd: "/".into(),
            terminal: terminal.is_some(),
            console_size: terminal.map(|(height, width)| ConsoleSize { height, width }),
            ..Process::default()
        }),
        root: Some(Root { path: "rootfs".into(), readonly: false }),
        mounts: vec![
            mount("/proc", "proc"),
            mount("/dev", "tmpfs"),
            mount("/dev/pts", "devpts"),
            mount("/tmp", "tmpfs"),
        ],
        linux: Some(Linux {
            namespaces: kinds.map(|kind| Namespace { kind, path: None }).into(),
            ..Linux::default()
        }),
        ..Spec::default()
    }
}

/// The first words of a process's `/proc/PID/status` line.
pub(crate) fn status(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)).map(|rest| rest.trim().to_owned())
}
