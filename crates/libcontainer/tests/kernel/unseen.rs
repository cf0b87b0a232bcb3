//! A filter that notifies goes to its listener; and by such a filter a process is held at its exec, where a container is shown
//! all it can see of it (CVE-2016-9962): it has given its rights up, and in memory it is still the monitor.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use libcontainer::seccomp::{Program, compile};
use libcontainer::{Joined, StartError, chain, create, join, plan_process};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;
use spec::runtime::{IdMapping, Namespace, NamespaceKind, Spec};

use crate::support::{Bed, Running, linux, pipes, process, read_until};

/// Holds every exec until its listener answers or goes.
pub(crate) fn filter(socket: &Path) -> Program {
    let text = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":{socket:?},"listenerMetadata":"words of the profile",
            "syscalls":[{{"names":["execve"],"action":"SCMP_ACT_NOTIFY"}}]}}"#
    );
    compile(&serde_json::from_str(&text).unwrap()).unwrap().for_container("box", Path::new("/b"))
}

/// The state that comes with a listener, and the listener, once a process stands at its exec.
pub(crate) fn held(socket: &UnixListener) -> (Value, OwnedFd) {
    let (stream, _) = socket.accept().unwrap();
    let (mut text, mut listener) = ([0; 4096], None);
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut into = [std::io::IoSliceMut::new(&mut text)];
    let received = recvmsg(&stream, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            listener = descriptors.next();
        }
    }
    let listener = listener.unwrap();
    poll(&mut [PollFd::new(&listener, PollFlags::IN)], None).unwrap();
    (serde_json::from_slice(&text[..received.bytes]).unwrap(), listener)
}

/// Writes the name of each process it is told of, and then whatever else it can see of it. That descriptors have numbers is
/// seen by whoever may list a directory of root's; what they lead to is the secret.
///
/// It has the way in open for writing too: opened anew for each name, it would end with whoever wrote the last one, and the
/// onlooker with it, and then, by the kernel, everybody in its pid namespace.
const LOOK: &str = "exec 3<>/go; echo ready; while read pid <&3; do cat /proc/$pid/comm; \
                    { for f in /proc/$pid/fd/*; do readlink $f; done; readlink /proc/$pid/exe /proc/$pid/cwd; \
                    cat /proc/$pid/environ /proc/$pid/maps /proc/$pid/syscall; } 2>/dev/null; echo end; done";

struct Onlooker {
    bed: Bed,
    running: Running,
}

impl Onlooker {
    fn new(change: impl FnOnce(&Bed, &mut Spec)) -> Self {
        let bed = Bed::new();
        let mode = rustix::fs::Mode::from_raw_mode(0o666);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, bed.rootfs().join("go"), kind, mode, 0).unwrap();
        // Whatever the mask is: root of a user namespace opens it too.
        rustix::fs::chmod(bed.rootfs().join("go"), mode).unwrap();
        let mut spec = bed.spec(LOOK);
        change(&bed, &mut spec);
        let running = bed.start(&spec).unwrap_or_else(|error| panic!("{}", chain(&error)));
        running.read_until("ready\n");
        Self { bed, running }
    }

    fn eyes(&self) -> Eyes<'_> {
        Eyes { go: self.bed.rootfs().join("go"), stdout: &self.running.stdout }
    }

    fn end(self) {
        self.running.process.signal(9).unwrap();
        self.running.finish();
        self.bed.assert_nothing_left();
    }
}

/// An onlooker, for any thread.
struct Eyes<'a> {
    go: PathBuf,
    stdout: &'a OwnedFd,
}

impl Eyes<'_> {
    /// What it sees of a process, whose pid is the host's.
    fn look(&self, pid: i64) -> String {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let pids = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
        let inside = pids.split_whitespace().last().unwrap();
        let mut go = OpenOptions::new().write(true).open(&self.go).unwrap();
        writeln!(go, "{inside}").unwrap();
        drop(go);
        read_until(self.stdout, "end\n")
    }
}

/// Holds a process that joins at its exec, lets the container look at it, and gives what was told and what was seen.
fn seen_of_a_joining_process(onlooker: &Onlooker) -> (Value, String, StartError) {
    let path = onlooker.bed.path("listener");
    let socket = UnixListener::bind(&path).unwrap();
    let mut plan = plan_process(&onlooker.bed.spec("true").process.unwrap()).unwrap();
    plan.seccomp = Some(filter(&path));
    let (streams, _stdout, _stderr) = pipes();
    let (eyes, Onlooker { running, .. }) = (onlooker.eyes(), onlooker);
    std::thread::scope(|scope| {
        let supervisor = scope.spawn(|| {
            let (state, listener) = held(&socket);
            let seen = eyes.look(state["pid"].as_i64().unwrap());
            drop(listener);
            (state, seen)
        });
        let joined = join(&running.process, &running.cgroup, &plan, streams.borrow());
        let (state, seen) = supervisor.join().unwrap();
        (state, seen, joined.map(|Joined { .. }| ()).unwrap_err())
    })
}

#[test]
fn a_container_sees_nothing_of_a_process_that_joins() {
    let onlooker = Onlooker::new(|_, _| {});
    let (state, seen, error) = seen_of_a_joining_process(&onlooker);
    assert_eq!(seen.lines().last(), Some("end"));
    assert_eq!(seen.lines().count(), 2, "it saw more than a name: {seen}");
    // The listener went without an answer: seccomp_unotify(2) says ENOSYS.
    assert!(chain(&error).contains("ENOSYS"), "{}", chain(&error));
    let first = i64::from(onlooker.running.process.pid());
    assert_eq!(state["fds"], serde_json::json!(["seccompFd"]));
    assert_eq!(state["metadata"], "words of the profile");
    assert_ne!(state["pid"].as_i64(), Some(first));
    let expected = serde_json::json!({
        "ociVersion": "1.3.0", "id": "box", "status": "running", "pid": first, "bundle": "/b"
    });
    assert_eq!(state["state"], expected);
    onlooker.end();
}

/// Root of a user namespace has every capability over what belongs to it.
#[test]
fn root_of_a_user_namespace_sees_nothing_either() {
    let onlooker = Onlooker::new(|bed, spec| {
        bed.open_to(100_000);
        let map = IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
        linux(spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
        linux(spec).uid_mappings = vec![map];
        linux(spec).gid_mappings = vec![map];
    });
    let (_, seen, _) = seen_of_a_joining_process(&onlooker);
    assert_eq!(seen.lines().count(), 2, "it saw more than a name: {seen}");
    onlooker.end();
}

/// A container that shares the pids of another one begins before the other's eyes.
#[test]
fn a_container_that_shares_its_pids_sees_nothing_of_a_start() {
    let onlooker = Onlooker::new(|_, _| {});
    let bed = Bed::new();
    let path = bed.path("listener");
    let socket = UnixListener::bind(&path).unwrap();
    let mut spec = bed.spec("true");
    let shared = format!("/proc/{}/ns/pid", onlooker.running.process.pid());
    for namespace in &mut linux(&mut spec).namespaces {
        if namespace.kind == NamespaceKind::Pid {
            namespace.path = Some(shared.clone().into());
        }
    }
    process(&mut spec).no_new_privileges = true;
    let mut plan = bed.plan(&spec);
    plan.process.seccomp = Some(filter(&path));
    let (streams, _stdout, _stderr) = pipes();
    let created = create(&plan, streams.borrow()).unwrap();
    let pid = i64::from(created.pid());
    // At the gate all its mounts are made; none of its rights is gone.
    let eyes = onlooker.eyes();
    assert_eq!(eyes.look(pid).lines().count(), 2);
    let seen = std::thread::scope(|scope| {
        let supervisor = scope.spawn(|| {
            let (state, listener) = held(&socket);
            assert_eq!(state["state"]["status"], "creating");
            let seen = eyes.look(pid);
            drop(listener);
            seen
        });
        // The listener went without an answer: seccomp_unotify(2) says ENOSYS.
        let words = chain(&created.start().unwrap_err());
        assert!(words.ends_with("ENOSYS"), "{words}");
        supervisor.join().unwrap()
    });
    assert_eq!(seen.lines().count(), 2, "it saw more than a name: {seen}");
    bed.assert_groups_gone();
    onlooker.end();
}

/// Somebody has to answer, or the program would stand still for ever.
#[test]
fn a_listener_that_is_not_there_refuses_the_start() {
    let bed = Bed::new();
    let mut plan = bed.plan(&bed.spec("true"));
    plan.process.seccomp = Some(filter(&bed.path("nobody")));
    let (streams, _stdout, _stderr) = pipes();
    let error = create(&plan, streams.borrow()).unwrap().start().unwrap_err();
    let words = chain(&error);
    assert!(words.starts_with("send the seccomp listener to /"), "{words}");
    assert!(words.ends_with("/nobody: ENOENT"), "{words}");
    bed.assert_nothing_left();

    let host = Onlooker::new(|_, _| {});
    let mut plan = plan_process(&host.bed.spec("true").process.unwrap()).unwrap();
    plan.seccomp = Some(filter(&host.bed.path("nobody")));
    let joined = join(&host.running.process, &host.running.cgroup, &plan, streams.borrow());
    assert!(chain(&joined.unwrap_err()).ends_with("/nobody: ENOENT"));
    host.end();
}
