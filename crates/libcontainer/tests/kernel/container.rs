//! Containers with a directory of their own: one command makes one, another starts it, a third deletes it.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use libcontainer::cgroup::{Layout, LayoutKind};
use libcontainer::{
    Container, ContainerError, ContainerName, Context, Execution, Request, Runtime, Stdio, Waiting,
    chain, plan,
};
use spec::runtime::{Hook, Mount, Spec, Status};

use crate::support::{
    Bed, Streams, linux, pipes, process, put, read_all, read_until, strings, wait,
};

/// A runtime's directory beside the bed's root.
fn runtime(bed: &Bed) -> Runtime {
    Runtime::new(bed.path("run"))
}

fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

fn make(bed: &Bed, spec: &Spec, streams: &Streams, id: &str) -> Result<Container, ContainerError> {
    let (bundle, name) = (bed.directory.path(), name(id));
    let plan = plan(spec, &Context { id: id.to_owned(), ..bed.context() }).unwrap();
    let request = Request { name: &name, spec, bundle, plan: &plan, stdio: streams.borrow() };
    runtime(bed).create(&request).map(|Waiting { container, .. }| container)
}

fn again(bed: &Bed, id: &str) -> Container {
    runtime(bed).load(&name(id)).unwrap()
}

fn state_files(bed: &Bed) -> Vec<PathBuf> {
    let entries = fs::read_dir(bed.path("run")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn each_command_goes_on_where_another_ended() {
    let bed = Bed::new();
    let (streams, stdout, _stderr) = pipes();
    let made = make(&bed, &bed.spec("echo up; exec sleep 1000"), &streams, "web").unwrap();
    drop((made, streams));
    assert_eq!(again(&bed, "web").status(), Status::Created);
    let first = again(&bed, "web").process().unwrap();
    again(&bed, "web").start().unwrap();
    read_until(&stdout, "up");
    assert_eq!(again(&bed, "web").status(), Status::Running);
    let refused = again(&bed, "web").start().unwrap_err();
    assert_eq!(chain(&refused), "start container \"web\": it is running");
    again(&bed, "web").pause().unwrap();
    assert_eq!(again(&bed, "web").status(), Status::Paused);
    again(&bed, "web").resume().unwrap();
    assert_eq!(again(&bed, "web").processes().unwrap(), [first.pid()]);
    let refused = again(&bed, "web").delete(false).unwrap_err();
    assert_eq!(chain(&refused), "delete container \"web\": it is running");
    again(&bed, "web").signal(libc::SIGKILL).unwrap();
    wait(&first);
    assert_eq!(again(&bed, "web").status(), Status::Stopped);
    assert!(again(&bed, "web").delete(false).unwrap().is_empty());
    assert!(matches!(runtime(&bed).load(&name("web")), Err(ContainerError::NotFound { .. })));
    assert_eq!(state_files(&bed), [] as [PathBuf; 0]);
    bed.assert_nothing_left();
}

/// config.md: `process` is needed by `start` alone.
#[test]
fn a_container_without_a_process_can_be_all_but_started() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let spec = Spec { process: None, ..bed.spec("") };
    let made = make(&bed, &spec, &streams, "web").unwrap();
    drop((made, streams));
    for _ in 0..2 {
        let refused = again(&bed, "web").start().unwrap_err();
        let words = "start container \"web\": process: is missing: there is nothing to start";
        assert_eq!(chain(&refused), words);
        // As runtime.md has it for every start that cannot be.
        assert_eq!(again(&bed, "web").status(), Status::Created);
    }
    let joining = Spec { process: bed.spec("").process, hostname: None, ..Spec::default() };
    let inside = execute(&bed, &joining, &["sh", "-c", "hostname; ls /proc | grep -x 1"]);
    assert_eq!(inside, format!("{}\n1\n", spec.hostname.as_deref().unwrap()));
    let first = again(&bed, "web").process().unwrap();
    again(&bed, "web").delete(false).unwrap();
    wait(&first);
    assert_eq!(state_files(&bed), [] as [PathBuf; 0]);
    // Nor by whoever makes it and starts it at once.
    let (streams, _stdout, _stderr) = pipes();
    let created = libcontainer::create(&bed.plan(&spec), streams.borrow()).unwrap();
    let refused = created.start().unwrap_err();
    assert_eq!(chain(&refused), "process: is missing: there is nothing to start");
    bed.assert_nothing_left();
}

#[test]
fn what_is_started_at_once_does_not_halt_at_its_gate() {
    let bed = Bed::new();
    let (streams, stdout, _stderr) = pipes();
    let (spec, id) = (bed.spec("echo up; exit 7"), name("web"));
    let plan = plan(&spec, &Context { id: "web".to_owned(), ..bed.context() }).unwrap();
    let bundle = bed.directory.path();
    let request = Request { name: &id, spec: &spec, bundle, plan: &plan, stdio: streams.borrow() };
    let mut container = runtime(&bed).create_at_once(&request).unwrap().container;
    drop(streams);
    // It has ended before anybody started it.
    assert_eq!(read_all(stdout), "up\n");
    let first = container.start_here().unwrap();
    assert_eq!(first.wait().unwrap(), 7);
    assert_eq!(again(&bed, "web").status(), Status::Stopped);
    assert!(container.delete(false).unwrap().is_empty());
    assert_eq!(state_files(&bed), [] as [PathBuf; 0]);
    bed.assert_nothing_left();
}

#[test]
fn who_has_something_to_ask_on_the_way_halts_all_the_same() {
    let hook = Hook { path: "/bin/true".into(), ..Hook::default() };
    let with_hook = |spec: &mut Spec| spec.hooks.get_or_insert_default().start_container.push(hook);
    let with_peers = |spec: &mut Spec| {
        // The maker lends what keeps its peers.
        spec.mounts.push(Mount {
            destination: "/mnt".into(),
            kind: Some("bind".to_owned()),
            source: Some("/proc/sys".into()),
            options: strings(&["rbind", "rslave"]),
            ..Mount::default()
        });
    };
    halts(with_hook);
    halts(with_peers);
}

fn halts(change: impl FnOnce(&mut Spec)) {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let (mut spec, id) = (bed.spec("exit 7"), name("web"));
    change(&mut spec);
    let plan = plan(&spec, &Context { id: "web".to_owned(), ..bed.context() }).unwrap();
    let bundle = bed.directory.path();
    let request = Request { name: &id, spec: &spec, bundle, plan: &plan, stdio: streams.borrow() };
    let mut container = runtime(&bed).create_at_once(&request).unwrap().container;
    assert_eq!(container.status(), Status::Created);
    assert_eq!(container.start_here().unwrap().wait().unwrap(), 7);
    container.delete(false).unwrap();
    bed.assert_nothing_left();
}

#[test]
fn a_process_joins_by_the_directory_alone() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let spec = bed.spec("exec sleep 1000");
    make(&bed, &spec, &streams, "web").unwrap().start().unwrap();
    let first = again(&bed, "web").process().unwrap();
    assert_eq!(execute(&bed, &spec, &["cat", "/proc/1/comm"]).trim(), "sleep");
    again(&bed, "web").delete(true).unwrap();
    wait(&first);
    bed.assert_nothing_left();
}

/// What the program prints in the container `web`.
fn execute(bed: &Bed, spec: &Spec, args: &[&str]) -> String {
    let mut joining = spec.process.clone().unwrap();
    joining.args = strings(args);
    let (streams, stdout, _stderr) = pipes();
    let execution = Execution {
        process: &joining,
        stdio: streams.borrow(),
        preserved_descriptors: 0,
        even_paused: false,
        groups: &[],
    };
    let joined = again(bed, "web").execute(&execution);
    let joined = joined.unwrap_or_else(|error| panic!("{}", chain(&error)));
    drop(streams);
    assert_eq!(joined.process.wait(), Ok(0));
    read_all(stdout)
}

/// v2 only: on v1 a group that is gone is one of many.
#[test]
fn a_process_joins_where_the_first_one_has_gone() {
    let bed = Bed::new();
    if !Layout::detect().is_ok_and(|layout| layout.kind == LayoutKind::Unified) {
        eprintln!("skipped: there are no control groups of v2 alone");
        return;
    }
    let (streams, _stdout, _stderr) = pipes();
    let spec = bed.spec("exec sleep 1000");
    make(&bed, &spec, &streams, "web").unwrap().start().unwrap();
    let first = again(&bed, "web").process().unwrap();
    let left = PathBuf::from(format!("/sys/fs/cgroup{}", bed.cgroup_path));
    let elsewhere = left.with_file_name(format!("elsewhere-{}", std::process::id()));
    fs::create_dir(&elsewhere).unwrap();
    put(elsewhere.join("cgroup.procs"), first.pid().to_string());
    fs::remove_dir(&left).unwrap();
    let groups = execute(&bed, &spec, &["cat", "/proc/self/cgroup"]);
    let name = elsewhere.file_name().unwrap().to_str().unwrap();
    assert_eq!(groups.trim(), format!("0::/../{name}"));
    again(&bed, "web").delete(true).unwrap();
    wait(&first);
    fs::remove_dir(&elsewhere).unwrap();
    bed.assert_nothing_left();
}

#[test]
fn what_waits_at_its_gate_holds_nothing_of_its_maker() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let (ours, theirs) = rustix::pipe::pipe().unwrap();
    let made = make(&bed, &bed.spec("true"), &streams, "web").unwrap();
    drop(theirs);
    assert_eq!(read_all(ours), "");
    let first = made.process().unwrap();
    let link = |pid: u32, number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap();
    let Stdio::Streams { stdin, stdout, stderr } = streams.borrow() else { unreachable!() };
    for (number, stream) in (0..).zip([stdin, stdout, stderr]) {
        let own = link(std::process::id(), stream.as_raw_fd());
        assert_eq!(link(first.pid().cast_unsigned(), number), own, "{number}");
    }
    // Its streams, its gate, and what hears signals; no file of ours, in memory or not. It closes one after the other.
    let of_its_maker = || -> Vec<PathBuf> {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", first.pid())).unwrap();
        let open = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
        let known = ["pipe:", "socket:", "anon_inode:[signalfd]", "/dev/null"];
        open.filter(|open| !known.iter().any(|known| open.to_string_lossy().starts_with(known)))
            .collect()
    };
    assert!(testkit::holds_in_time(|| of_its_maker().is_empty()), "{:?}", of_its_maker());
    made.delete(false).unwrap();
    wait(&first);
    bed.assert_nothing_left();
}

#[test]
fn what_waits_at_its_gate_ends_by_a_signal_as_a_program_would() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let made = make(&bed, &bed.spec("true"), &streams, "web").unwrap();
    let first = made.process().unwrap();
    made.signal(libc::SIGTERM).unwrap();
    assert_eq!((wait(&first), made.status()), (128 + libc::SIGTERM, Status::Stopped));
    made.delete(false).unwrap();
    bed.assert_nothing_left();
}

#[test]
fn an_id_is_taken_once() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let spec = bed.spec("true");
    let made = make(&bed, &spec, &streams, "web").unwrap();
    let refused = make(&bed, &spec, &streams, "web").unwrap_err();
    assert_eq!(chain(&refused), "container \"web\" exists already");
    let first = made.process().unwrap();
    made.delete(false).unwrap();
    wait(&first);
    bed.assert_nothing_left();
}

#[test]
fn a_program_that_cannot_be_one_is_told_before_there_is_a_container() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    put(bed.rootfs().join("bin/text"), "words\n");
    for (program, words) in [
        ("nonesuch", "exec nonesuch: no such program"),
        ("/bin", "exec /bin: EACCES"),
        ("text", "exec text: EACCES"),
    ] {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&[program]);
        let error = make(&bed, &spec, &streams, "web").unwrap_err();
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert_eq!(state_files(&bed), [] as [PathBuf; 0]);
        bed.assert_nothing_left();
    }
}

/// What cannot be executed although it is there is known at the exec only.
#[test]
fn a_program_that_fails_at_the_start_leaves_the_container_stopped() {
    let bed = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    put(bed.rootfs().join("bin/noise"), "#!/no/such/interpreter\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(bed.rootfs().join("bin/noise"), mode).unwrap();
    let mut spec = bed.spec("");
    process(&mut spec).args = strings(&["noise"]);
    let mut made = make(&bed, &spec, &streams, "web").unwrap();
    let first = made.process().unwrap();
    let error = made.start().unwrap_err();
    assert!(chain(&error).contains("exec noise"), "{}", chain(&error));
    assert!(first.has_ended(), "an engine deletes it at once");
    wait(&first);
    assert_eq!(made.status(), Status::Stopped);
    made.delete(false).unwrap();
    bed.assert_nothing_left();
}

#[test]
fn records_that_cannot_be_read_are_refused_and_kept() {
    let bed = Bed::new();
    let record = bed.path("run/web/state.json");
    fs::create_dir_all(record.parent().unwrap()).unwrap();
    for (text, why) in [("{\"version\": 999}", "newer release"), ("{\"version", "EOF")] {
        put(&record, text);
        let error = runtime(&bed).load(&name("web")).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(runtime(&bed).list().unwrap()[0].is_err());
        let (streams, _stdout, _stderr) = pipes();
        let taken = make(&bed, &bed.spec("true"), &streams, "web").unwrap_err();
        assert!(matches!(taken, ContainerError::Exists { .. }), "{taken}");
        assert_eq!(fs::read_to_string(&record).unwrap(), text);
    }
}

/// A hook that writes its name and the state it reads into a file of the bed.
fn noting(bed: &Bed, moment: &str) -> Hook {
    let script = format!("echo {moment} $(cat) >> {}", bed.path("notes").display());
    Hook { path: "/bin/sh".into(), args: strings(&["sh", "-c", &script]), ..Hook::default() }
}

#[test]
fn hooks_run_at_their_moments_with_the_state() {
    let bed = Bed::new();
    fs::create_dir_all(bed.rootfs().join(bed.path("").strip_prefix("/").unwrap())).unwrap();
    let mut spec = bed.spec("echo program >> /notes");
    // The hooks of the container's start see its root; this file is there and, by a bind, on the host.
    put(bed.path("notes"), "");
    let notes = bed.path("notes");
    spec.mounts.push(crate::support::bind(&notes, "/notes", &[]));
    spec.mounts.push(crate::support::bind(&notes, notes.to_str().unwrap(), &[]));
    spec.hooks = Some(spec::runtime::Hooks {
        prestart: vec![noting(&bed, "prestart")],
        create_runtime: vec![noting(&bed, "createRuntime")],
        create_container: vec![noting(&bed, "createContainer")],
        start_container: vec![noting(&bed, "startContainer")],
        poststart: vec![noting(&bed, "poststart")],
        poststop: vec![noting(&bed, "poststop")],
    });
    let (streams, _stdout, _stderr) = pipes();
    let mut made = make(&bed, &spec, &streams, "web").unwrap();
    let first = made.process().unwrap();
    made.start().unwrap();
    wait(&first);
    assert!(made.delete(false).unwrap().is_empty());
    let text = fs::read_to_string(notes).unwrap();
    let told = |moment: &str| {
        let line = text.lines().find(|line| line.starts_with(moment));
        let state =
            line.unwrap_or_else(|| panic!("no {moment} in {text}")).split_once(' ').unwrap();
        let state: spec::runtime::State = serde_json::from_str(state.1).unwrap();
        assert_eq!((state.id.as_str(), state.bundle), ("web", bed.directory.path().to_owned()));
        (state.status, state.pid == Some(first.pid()))
    };
    assert_eq!(told("prestart"), (Status::Created, true));
    for moment in ["createRuntime", "createContainer"] {
        assert_eq!(told(moment), (Status::Creating, true), "{moment}");
    }
    assert_eq!(told("startContainer"), (Status::Created, true));
    assert_eq!(told("poststart"), (Status::Running, true));
    assert_eq!(told("poststop"), (Status::Stopped, false));
    let order: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).take(4).collect();
    assert_eq!(order, ["prestart", "createRuntime", "createContainer", "startContainer"]);
    bed.assert_nothing_left();
}

#[test]
fn a_hook_that_fails_stops_the_creation_and_is_named() {
    let bed = Bed::new();
    for moment in ["prestart", "createRuntime", "createContainer"] {
        let mut spec = bed.spec("true");
        let script = "echo sorry >&2; exit 3";
        let hook = Hook {
            path: "/bin/sh".into(),
            args: strings(&["sh", "-c", script]),
            ..Hook::default()
        };
        let hooks = vec![Hook { path: "/bin/true".into(), ..Hook::default() }, hook];
        let all = spec.hooks.get_or_insert_default();
        match moment {
            "prestart" => all.prestart = hooks,
            "createRuntime" => all.create_runtime = hooks,
            _ => all.create_container = hooks,
        }
        let (streams, _stdout, _stderr) = pipes();
        let error = make(&bed, &spec, &streams, "web").unwrap_err();
        let wanted = format!("run {moment} hook #1 (/bin/sh): exit status 3: sorry");
        assert_eq!(chain(&error), format!("create container \"web\": {wanted}"));
        assert_eq!(state_files(&bed), [] as [PathBuf; 0]);
        bed.assert_nothing_left();
    }
}

#[test]
fn a_hook_is_killed_after_its_time() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    let slow = Hook {
        path: "/bin/sleep".into(),
        args: strings(&["sleep", "1000"]),
        timeout: Some(1),
        ..Hook::default()
    };
    spec.hooks.get_or_insert_default().create_container = vec![slow];
    let (streams, _stdout, _stderr) = pipes();
    let error = make(&bed, &spec, &streams, "web").unwrap_err();
    assert!(chain(&error).ends_with("killed after its time of 1 s"), "{}", chain(&error));
    bed.assert_nothing_left();
}

#[test]
fn hooks_after_the_end_run_whatever_the_others_do() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    let fails = |code: &str| Hook {
        path: "/bin/sh".into(),
        args: strings(&["sh", "-c", &format!("echo words {code}; exit {code}")]),
        ..Hook::default()
    };
    spec.hooks.get_or_insert_default().poststop =
        vec![fails("3"), noting(&bed, "poststop"), fails("4"), noting(&bed, "last")];
    let (streams, _stdout, _stderr) = pipes();
    let mut made = make(&bed, &spec, &streams, "web").unwrap();
    let first = made.process().unwrap();
    made.start().unwrap();
    wait(&first);
    let failed: Vec<String> =
        made.delete(false).unwrap().iter().map(|error| chain(error)).collect();
    assert_eq!(
        failed,
        [
            "run poststop hook #0 (/bin/sh): exit status 3: words 3",
            "run poststop hook #2 (/bin/sh): exit status 4: words 4",
        ]
    );
    let notes = fs::read_to_string(bed.path("notes")).unwrap();
    let moments: Vec<_> = notes.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(moments, ["poststop", "last"]);
    bed.assert_nothing_left();
}

#[test]
fn a_hook_that_the_filter_kills_is_told_why() {
    let bed = Bed::new();
    let mut spec = bed.spec("true");
    let hook = Hook {
        path: "/bin/sh".into(),
        args: strings(&["sh", "-c", "mkdir /x"]),
        ..Hook::default()
    };
    spec.hooks.get_or_insert_default().start_container = vec![hook];
    let filter = r#"{"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL"}]}"#;
    linux(&mut spec).seccomp = Some(serde_json::from_str(filter).unwrap());
    let (streams, _stdout, _stderr) = pipes();
    let mut made = make(&bed, &spec, &streams, "web").unwrap();
    let first = made.process().unwrap();
    let error = chain(&made.start().unwrap_err());
    let wanted = "run startContainer hook #0 (/bin/sh): ended by signal 31 (bad system call)";
    assert!(error.contains(wanted), "{error}");
    wait(&first);
    made.delete(true).unwrap();
    bed.assert_nothing_left();
}

#[test]
fn a_failing_hook_after_the_start_kills_the_container() {
    let bed = Bed::new();
    let mut spec = bed.spec("exec sleep 1000");
    let hook = Hook { path: "/bin/false".into(), ..Hook::default() };
    spec.hooks.get_or_insert_default().poststart = vec![hook];
    let (streams, _stdout, _stderr) = pipes();
    let mut made = make(&bed, &spec, &streams, "web").unwrap();
    let first = made.process().unwrap();
    let error = made.start().unwrap_err();
    assert!(chain(&error).contains("run poststart hook #0 (/bin/false): exit status 1"));
    assert_eq!(wait(&first), 128 + libc::SIGKILL);
    made.delete(false).unwrap();
    bed.assert_nothing_left();
}
