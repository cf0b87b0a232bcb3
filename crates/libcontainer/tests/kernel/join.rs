//! A process that joins a running container: in all its namespaces and groups, with its own identity, and unseen on the way.

use std::fs;

use libcontainer::{Joined, StartError, Stdio, chain, join, plan_process};
use spec::runtime::Process as ProcessSpec;

use crate::support::{Bed, Finished, PATIENCE, Running, linux, pipes, read_all, strings, wait};

/// A container that waits, and its configuration's process to change.
struct Host {
    bed: Bed,
    running: Running,
    process: ProcessSpec,
}

impl Host {
    fn new() -> Self {
        Self::of(Bed::new(), |_| {})
    }

    fn of(bed: Bed, change: impl FnOnce(&mut spec::runtime::Spec)) -> Self {
        let mut spec = bed.spec("echo ready; exec sleep 1000");
        change(&mut spec);
        let running = bed.start(&spec).unwrap_or_else(|error| panic!("{}", chain(&error)));
        running.read_until("ready\n");
        Self { bed, running, process: spec.process.unwrap() }
    }

    fn exec(&self, process: &ProcessSpec) -> Result<Finished, StartError> {
        let (streams, stdout, stderr) = pipes();
        let plan = plan_process(process).unwrap();
        let Joined { process, console } =
            join(&self.running.process, &self.running.cgroup, &plan, streams.borrow())?;
        assert!(console.is_none());
        drop(streams);
        let stderr = std::thread::spawn(move || read_all(stderr));
        let stdout = read_all(stdout);
        Ok(Finished { code: wait(&process), stdout, stderr: stderr.join().unwrap() })
    }

    fn sh(&self, script: &str) -> String {
        let mut process = self.process.clone();
        process.args = strings(&["sh", "-c", script]);
        let finished = self.exec(&process).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{finished:#?}");
        finished.stdout.trim_end().to_owned()
    }

    fn end(self) {
        self.running.process.signal(9).unwrap();
        assert_eq!(self.running.finish().code, 137);
        self.bed.assert_nothing_left();
    }
}

#[test]
fn it_is_in_every_namespace_and_group() {
    let host = Host::new();
    let kinds = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"];
    let pid = host.running.process.pid();
    let theirs = kinds.map(|kind| {
        fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap().to_string_lossy().into_owned()
    });
    let inside = host
        .sh("for n in mnt pid net ipc uts cgroup user time; do readlink /proc/self/ns/$n; done");
    assert_eq!(inside.lines().collect::<Vec<_>>(), theirs);
    assert!(host.sh("cat /proc/self/cgroup").lines().all(|line| line.ends_with(":/")));
    assert_eq!(
        host.sh("hostname; cat /proc/1/comm; set -- /proc/[0-9]*; echo $#"),
        "box\nsleep\n2"
    );
    host.end();
}

#[test]
fn it_has_an_identity_of_its_own() {
    let host = Host::new();
    let mut process = host.process.clone();
    process.args = strings(&[
        "sh",
        "-c",
        "id -u; id -G; pwd; echo $A; grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status",
    ]);
    process.user.uid = 1000;
    process.user.gid = 1000;
    process.user.additional_gids = vec![10];
    process.cwd = "/tmp".into();
    process.env.push("A=b".into());
    let finished = host.exec(&process).unwrap();
    assert_eq!(
        finished.stdout,
        "1000\n1000 10\n/tmp\nb\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n"
    );
    host.end();
}

#[test]
fn exit_codes_pass_and_missing_programs_are_told() {
    let host = Host::new();
    let mut process = host.process.clone();
    process.args = strings(&["sh", "-c", "exit 9"]);
    assert_eq!(host.exec(&process).unwrap().code, 9);
    process.args = strings(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(host.exec(&process).unwrap().code, 143);
    for (program, code) in [("nonesuch", 127), ("/etc/passwd", 126), ("/proc/self/exe", 126)] {
        process.args = strings(&[program]);
        let error = host.exec(&process).unwrap_err();
        assert_eq!(error.exit_code(), code, "{}", chain(&error));
    }
    // Nobody is left beside process 1.
    assert_eq!(host.running.cgroup.processes().unwrap(), [host.running.process.pid()]);
    host.end();
}

#[test]
fn a_working_directory_on_the_host_is_refused() {
    let host = Host::new();
    let mut process = host.process.clone();
    for number in 0..16 {
        process.cwd = format!("/proc/self/fd/{number}").into();
        let error = host.exec(&process).unwrap_err();
        assert_eq!(error.exit_code(), 125, "{}", chain(&error));
    }
    host.end();
}

#[test]
fn no_descriptor_comes_along() {
    let host = Host::new();
    let leak = fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    assert_eq!(host.sh("exec ls /proc/self/fd").lines().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    host.end();
}

#[test]
fn a_terminal_is_the_containers() {
    let host = Host::new();
    let mut process = host.process.clone();
    process.terminal = true;
    process.console_size = Some(spec::runtime::ConsoleSize { height: 11, width: 22 });
    process.args = strings(&["sh", "-c", "tty; stty size; echo hello > /dev/tty"]);
    let plan = plan_process(&process).unwrap();
    let joined = join(&host.running.process, &host.running.cgroup, &plan, Stdio::Terminal).unwrap();
    let text = read_all(joined.console.unwrap()).replace('\r', "");
    assert_eq!(wait(&joined.process), 0);
    assert_eq!(text, "/dev/pts/0\n11 22\nhello\n");
    host.end();
}

#[test]
fn a_user_namespace_is_entered() {
    let bed = Bed::new();
    bed.open_to(100_000);
    let host = Host::of(bed, |spec| {
        let map = spec::runtime::IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
        let namespace =
            spec::runtime::Namespace { kind: spec::runtime::NamespaceKind::User, path: None };
        linux(spec).namespaces.push(namespace);
        linux(spec).uid_mappings = vec![map];
        linux(spec).gid_mappings = vec![map];
    });
    assert_eq!(host.sh("id -u; cat /proc/self/uid_map | tr -s ' '"), "0\n 0 100000 65536");
    host.end();
}

#[test]
fn a_container_that_has_ended_cannot_be_joined() {
    let host = Host::new();
    host.running.process.signal(9).unwrap();
    wait(&host.running.process);
    let error = host.exec(&host.process.clone()).unwrap_err();
    assert_eq!(error.exit_code(), 125, "{}", chain(&error));
    host.running.cgroup.remove(PATIENCE).unwrap();
    host.bed.assert_nothing_left();
}
