//! Is a container that was dumped and restored the same one? Each test returns early where CRIU does not know the kernel.

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use libcontainer::checkpoint::{
    CheckpointError, Criu, DumpKind, DumpOptions, Moment, Options, Origin, Outside, RestoreOptions,
    Restored, Target, dump, restore, stream_name,
};
use libcontainer::{ContainerName, Context, Plan, Process, Request, Runtime, Stdio, chain, create};
use rustix::pipe::{PipeFlags, pipe_with};
use spec::runtime::{Hook, Hooks, Spec, State, Status};

use crate::support::{Bed, PATIENCE, bind, linux, process, put, read_until, strings, wait};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const SIGKILL: i32 = 9;

/// Counts the lines it reads, in memory that only it has.
const COUNTER: &str = "n=0; while read line; do n=$((n+1)); echo \"$n $line.\"; done";

fn criu() -> Option<Criu> {
    let found = Criu::find(PATH.as_ref());
    let program = found.filter(|program| {
        std::process::Command::new(program).arg("check").output().unwrap().status.success()
    });
    let Some(program) = program else {
        eprintln!("skipped: there is no CRIU that knows this kernel");
        return None;
    };
    Some(Criu::new(program, [format!("PATH={PATH}").into()]))
}

/// Our ends of a container's streams.
struct Talk {
    input: OwnedFd,
    output: OwnedFd,
}

/// Both ends of a container's streams.
fn streams() -> ([OwnedFd; 3], Talk) {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).unwrap();
    let ((stdin, input), (output, stdout), (_, stderr)) = (pipe(), pipe(), pipe());
    ([stdin, stdout, stderr], Talk { input, output })
}

impl Talk {
    /// Says a line and waits for what comes of it.
    fn say(&self, line: &str, answer: &str) {
        let mut input = fs::File::from(self.input.try_clone().unwrap());
        input.write_all(line.as_bytes()).unwrap();
        read_until(&self.output, answer);
    }
}

/// A place for a container, its images and its logs.
struct Ground {
    bed: Bed,
    criu: Criu,
}

impl Ground {
    fn new() -> Option<Self> {
        Some(Self { criu: criu()?, bed: Bed::new() })
    }

    fn options(&self) -> Options {
        let work = Some(self.bed.path("work"));
        Options { images: self.bed.path("images"), work, ..Options::default() }
    }

    fn start(&self, plan: &Plan) -> (Process, Vec<String>, Talk) {
        let ([stdin, stdout, stderr], talk) = streams();
        let (stdin, stdout, stderr) = (stdin.as_fd(), stdout.as_fd(), stderr.as_fd());
        let created = create(plan, Stdio::Streams { stdin, stdout, stderr }).unwrap();
        let (process, _group) = created.start().unwrap();
        (process, [stdin, stdout, stderr].map(stream_name).to_vec(), talk)
    }

    fn dump(
        &self,
        (process, streams): (&Process, &[String]),
        plan: &Plan,
        options: &DumpOptions,
    ) -> Result<Vec<String>, CheckpointError> {
        let rootfs = self.bed.rootfs();
        let (pid, outside) = (process.pid(), Outside::of(plan));
        let cgroup = &plan.cgroup;
        let target = Target { pid, rootfs: &rootfs, outside: &outside, cgroup, streams };
        let mut moments = Vec::new();
        dump(&self.criu, &target, options, &mut |moment| {
            moments.push(format!("{moment:?}"));
            Ok(())
        })?;
        Ok(moments)
    }

    fn restore(&self, plan: &Plan) -> (Restored, Talk) {
        let (theirs, talk) = streams();
        let staging = self.bed.path("staging");
        fs::create_dir_all(&staging).unwrap();
        let rootfs = self.bed.rootfs();
        let stdio = Some(theirs.each_ref().map(AsFd::as_fd));
        let origin =
            Origin { plan, rootfs: Some(&rootfs), staging: &staging, stdio, network: None };
        let options = RestoreOptions { options: self.options(), ..RestoreOptions::default() };
        let restored = restore(&self.criu, &origin, &options, &mut |_| Ok(()));
        (restored.unwrap_or_else(|error| panic!("{}", self.told(&error))), talk)
    }

    fn told(&self, error: &CheckpointError) -> String {
        let log = fs::read_to_string(self.bed.path("work/restore.log")).unwrap_or_default();
        let log = log.lines().rev().take(40).collect::<Vec<_>>();
        format!("{}\n{}", chain(error), log.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    fn end(&self, restored: &Restored) {
        restored.process.signal(SIGKILL).unwrap();
        assert_eq!(wait(&restored.process), 128 + SIGKILL);
        restored.cgroup.remove(PATIENCE).unwrap();
        self.bed.assert_nothing_left();
    }
}

/// A configuration with a file in memory, a bind below a link, and one inside another.
fn full_spec(ground: &Ground) -> Spec {
    let [outer, inner] = ["outer", "inner"].map(|name| ground.bed.path(name));
    for directory in [&outer, &inner] {
        fs::create_dir(directory).unwrap();
    }
    put(ground.bed.path("hosts"), "a host\n");
    fs::create_dir_all(ground.bed.rootfs().join("real/conf")).unwrap();
    std::os::unix::fs::symlink("/real/conf", ground.bed.rootfs().join("conf")).unwrap();
    let script = format!(
        "echo kept > /dev/shm/file; mkfifo /dev/shm/pipe; cat <> /dev/shm/pipe > /dev/null 2>&1 & {COUNTER}"
    );
    let mut spec = ground.bed.spec(&script);
    spec.mounts.push(bind(&outer, "/test", &[]));
    spec.mounts.push(bind(&inner, "/test/for/nested", &["ro"]));
    spec.mounts.push(bind(&inner, "/conf", &[]));
    spec.mounts.push(bind(&ground.bed.path("hosts"), "/etc/hosts", &["ro"]));
    spec
}

#[test]
fn a_container_goes_on_where_it_was() {
    let Some(ground) = Ground::new() else { return };
    let plan = ground.bed.plan(&full_spec(&ground));
    let (process, descriptors, talk) = ground.start(&plan);
    talk.say("first\n", "1 first.");
    let mounts = |pid: i32| {
        let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
        let mut points: Vec<String> =
            table.lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect();
        points.sort();
        points
    };
    let before = mounts(process.pid());
    let options = DumpOptions { options: ground.options(), ..DumpOptions::default() };
    let moments = ground
        .dump((&process, &descriptors), &plan, &options)
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(moments.contains(&"Dumped".to_owned()), "{moments:?}");
    assert_eq!(wait(&process), 137);
    ground.bed.cgroup().remove(PATIENCE).unwrap();
    ground.bed.assert_nothing_left();
    drop(talk);
    // What was made for the mounts inside a bind, and is made again.
    fs::remove_dir_all(ground.bed.path("outer/for")).unwrap();

    let (restored, talk) = ground.restore(&plan);
    talk.say("second\n", "2 second.");
    let pid = restored.process.pid();
    assert_eq!(mounts(pid), before);
    let inside = |path: &str| fs::read_to_string(format!("/proc/{pid}/root{path}")).unwrap();
    assert_eq!(
        (inside("/dev/shm/file").as_str(), inside("/etc/hosts").as_str()),
        ("kept\n", "a host\n")
    );
    assert_eq!(restored.cgroup.processes().unwrap().len(), 2, "the counter and the reader");
    ground.end(&restored);
}

#[test]
fn one_that_is_left_running_can_be_restored_elsewhere_later() {
    let Some(ground) = Ground::new() else { return };
    let plan = ground.bed.plan(&ground.bed.spec(COUNTER));
    let (process, descriptors, talk) = ground.start(&plan);
    talk.say("first\n", "1 first.");
    // Memory ahead, then the rest on top of it.
    let ahead = Options { images: ground.bed.path("ahead"), ..ground.options() };
    let options = DumpOptions { options: ahead, kind: DumpKind::PreDump, ..DumpOptions::default() };
    ground.dump((&process, &descriptors), &plan, &options).unwrap();
    talk.say("second\n", "2 second.");
    let options = DumpOptions {
        options: ground.options(),
        kind: DumpKind::LeaveRunning,
        parent: Some(PathBuf::from("../ahead")),
        ..DumpOptions::default()
    };
    ground.dump((&process, &descriptors), &plan, &options).unwrap();
    assert!(ground.bed.path("images/parent").exists());
    talk.say("third\n", "3 third.");
    process.signal(SIGKILL).unwrap();
    assert_eq!(wait(&process), 137);
    ground.bed.cgroup().remove(PATIENCE).unwrap();

    let path = format!("{}-elsewhere", ground.bed.cgroup_path);
    let context = Context { cgroup_path: path, ..ground.bed.context() };
    let elsewhere = libcontainer::plan(&ground.bed.spec(COUNTER), &context).unwrap();
    let (restored, talk) = ground.restore(&elsewhere);
    talk.say("again\n", "3 again.");
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", restored.process.pid())).unwrap();
    assert!(groups.lines().any(|line| line.ends_with("-elsewhere")), "{groups}");
    ground.end(&restored);
}

#[test]
fn a_shared_network_namespace_is_the_same_again() {
    let Some(ground) = Ground::new() else { return };
    let other = ground.bed.path("namespace");
    put(&other, "");
    let made = std::process::Command::new("unshare")
        .args(["--net", "mount", "--bind", "/proc/self/ns/net"])
        .arg(&other)
        .status();
    assert!(made.unwrap().success());
    let number = |path: &str| fs::read_link(path).unwrap();
    let mut spec = ground.bed.spec(COUNTER);
    for namespace in &mut linux(&mut spec).namespaces {
        if namespace.kind == spec::runtime::NamespaceKind::Network {
            namespace.path = Some(other.clone());
        }
    }
    let plan = ground.bed.plan(&spec);
    let (process, descriptors, talk) = ground.start(&plan);
    talk.say("first\n", "1 first.");
    let before = number(&format!("/proc/{}/ns/net", process.pid()));
    let options = DumpOptions { options: ground.options(), ..DumpOptions::default() };
    ground.dump((&process, &descriptors), &plan, &options).unwrap();
    assert_eq!(wait(&process), 137);
    ground.bed.cgroup().remove(PATIENCE).unwrap();
    let (restored, talk) = ground.restore(&plan);
    talk.say("second\n", "2 second.");
    assert_eq!(number(&format!("/proc/{}/ns/net", restored.process.pid())), before);
    rustix::mount::unmount(&other, rustix::mount::UnmountFlags::DETACH).unwrap();
    ground.end(&restored);
}

#[test]
fn a_terminal_comes_back() {
    let Some(ground) = Ground::new() else { return };
    let mut spec = ground.bed.spec(COUNTER);
    process(&mut spec).terminal = true;
    let plan = ground.bed.plan(&spec);
    let mut created = create(&plan, Stdio::Terminal).unwrap();
    let master = created.take_console().unwrap();
    let (process, _group) = created.start().unwrap();
    let descriptors = vec![stream_name(master.as_fd()); 3];
    let talk = Talk { input: master.try_clone().unwrap(), output: master };
    talk.say("first\n", "1 first.");
    let options = DumpOptions { options: ground.options(), ..DumpOptions::default() };
    ground
        .dump((&process, &descriptors), &plan, &options)
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(wait(&process), 137);
    ground.bed.cgroup().remove(PATIENCE).unwrap();
    drop(talk);

    let (staging, rootfs) = (ground.bed.path("staging"), ground.bed.rootfs());
    fs::create_dir(&staging).unwrap();
    let origin = Origin {
        plan: &plan,
        rootfs: Some(&rootfs),
        staging: &staging,
        stdio: None,
        network: None,
    };
    let options = RestoreOptions { options: ground.options(), ..RestoreOptions::default() };
    let mut terminal = None;
    let restored = restore(&ground.criu, &origin, &options, &mut |moment| {
        if let Moment::Terminal { master } = moment {
            terminal = Some(master);
        }
        Ok(())
    });
    let restored = restored.unwrap_or_else(|error| panic!("{}", ground.told(&error)));
    let master = terminal.unwrap();
    let talk = Talk { input: master.try_clone().unwrap(), output: master };
    talk.say("second\n", "2 second.");
    ground.end(&restored);
}

#[test]
fn what_cannot_be_dumped_goes_on_and_the_log_says_why() {
    let Some(ground) = Ground::new() else { return };
    // A pipe from outside as a stream that nobody has told of is fine; a file of the host that is not in its root is not.
    put(ground.bed.path("outside"), "");
    let outside = fs::OpenOptions::new().append(true).open(ground.bed.path("outside")).unwrap();
    let plan = ground.bed.plan(&ground.bed.spec(COUNTER));
    let ([stdin, stdout, _], talk) = streams();
    let (stdin, stdout, stderr) = (stdin.as_fd(), stdout.as_fd(), outside.as_fd());
    let created = create(&plan, Stdio::Streams { stdin, stdout, stderr }).unwrap();
    let (process, cgroup) = created.start().unwrap();
    let descriptors = [stdin, stdout, stderr].map(stream_name);
    let options = DumpOptions { options: ground.options(), ..DumpOptions::default() };
    let error = ground.dump((&process, &descriptors), &plan, &options).unwrap_err();
    let text = chain(&error);
    let log = ground.bed.path("work/dump.log").display().to_string();
    assert!(text.starts_with("criu could not dump: ") && text.contains(&log), "{text}");
    assert!(text.contains("Error (criu/"), "{text}");
    let CheckpointError::Refused { log: Some(log), .. } = error else { panic!("{text}") };
    assert!(!log.lines.is_empty());
    talk.say("first\n", "1 first.");
    process.signal(SIGKILL).unwrap();
    assert_eq!(wait(&process), 137);
    cgroup.remove(PATIENCE).unwrap();
    ground.bed.assert_nothing_left();
}

#[test]
fn images_that_are_none_leave_nothing() {
    let Some(ground) = Ground::new() else { return };
    let plan = ground.bed.plan(&ground.bed.spec(COUNTER));
    let (staging, rootfs) = (ground.bed.path("staging"), ground.bed.rootfs());
    fs::create_dir(&staging).unwrap();
    fs::create_dir(ground.bed.path("images")).unwrap();
    put(ground.bed.path("images/descriptors.json"), "[]");
    let origin = Origin {
        plan: &plan,
        rootfs: Some(&rootfs),
        staging: &staging,
        stdio: None,
        network: None,
    };
    let options = RestoreOptions { options: ground.options(), ..RestoreOptions::default() };
    let error = restore(&ground.criu, &origin, &options, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, CheckpointError::Refused { verb: "restore", .. }), "{error:?}");
    ground.bed.assert_nothing_left();
}

#[test]
fn a_program_that_is_no_criu_is_told_apart() {
    for (program, words) in
        [("/nonexistent", "run criu: ENOENT"), ("/bin/true", "criu ended without an answer")]
    {
        let error = Criu::new(program, []).version().unwrap_err();
        assert_eq!(chain(&error), words);
    }
}

#[test]
fn a_container_is_restored_under_another_id() {
    let Some(ground) = Ground::new() else { return };
    let runtime = Runtime::new(ground.bed.path("run"));
    let mut spec = ground.bed.spec(COUNTER);
    let touch = Hook {
        path: "/bin/sh".into(),
        args: strings(&["sh", "-c", "cat > state"]),
        ..Hook::default()
    };
    spec.hooks = Some(Hooks { create_runtime: vec![touch], ..Hooks::default() });
    let bundle = ground.bed.directory.path();
    let plan = |id: &str| {
        libcontainer::plan(&spec, &Context { id: id.to_owned(), ..ground.bed.context() }).unwrap()
    };
    let named = |id: &str| id.parse::<ContainerName>().unwrap();

    let (theirs, talk) = streams();
    let [stdin, stdout, stderr] = theirs.each_ref().map(AsFd::as_fd);
    let (name, first_plan) = (named("web"), plan("web"));
    let stdio = Stdio::Streams { stdin, stdout, stderr };
    let request = Request { name: &name, spec: &spec, bundle, plan: &first_plan, stdio };
    let mut container = runtime.create(&request).unwrap().container;
    container.start().unwrap();
    let first = container.process().unwrap();
    talk.say("first\n", "1 first.");
    let options = DumpOptions { options: ground.options(), ..DumpOptions::default() };
    // By whoever finds it by its id: what a dump needs is in its directory.
    let found = runtime.load(&name).unwrap();
    found.checkpoint(&ground.criu, &options, &mut |_| Ok(())).unwrap();
    assert_eq!(wait(&first), 137);
    let refused = found.checkpoint(&ground.criu, &options, &mut |_| Ok(())).unwrap_err();
    assert_eq!(chain(&refused), "checkpoint container \"web\": it is stopped");
    found.delete(false).unwrap();
    fs::remove_file(ground.bed.path("state")).unwrap();

    let (theirs, talk) = streams();
    let [stdin, stdout, stderr] = theirs.each_ref().map(AsFd::as_fd);
    let (name, second_plan) = (named("again"), plan("again"));
    let stdio = Stdio::Streams { stdin, stdout, stderr };
    let request = Request { name: &name, spec: &spec, bundle, plan: &second_plan, stdio };
    let options = RestoreOptions { options: ground.options(), ..RestoreOptions::default() };
    let restored = runtime.restore(&request, &ground.criu, &options, &mut |_| Ok(()));
    let restored = restored.unwrap_or_else(|error| panic!("{}", chain(&error))).container;
    assert_eq!(restored.status(), Status::Running);
    talk.say("second\n", "2 second.");
    let state: State =
        serde_json::from_slice(&fs::read(ground.bed.path("state")).unwrap()).unwrap();
    let first = restored.process().unwrap();
    assert_eq!((state.id.as_str(), state.pid), ("again", Some(first.pid())));
    let again = runtime.restore(&request, &ground.criu, &options, &mut |_| Ok(())).unwrap_err();
    assert_eq!(chain(&again), "container \"again\" exists already");
    restored.delete(true).unwrap();
    wait(&first);
    assert_eq!(fs::read_dir(ground.bed.path("run")).unwrap().count(), 0);
    ground.bed.assert_nothing_left();
}
