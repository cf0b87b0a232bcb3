//! A child that is killed before any of its steps: the error names the step, and nothing is left. Programs that are built with
//! debug assertions have the means, see `faults.rs`.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use libcontainer::faults::{KILLED, kill_children_at};
use libcontainer::{
    ContainerName, Context, Plan, Request, Runtime, chain, create, join, plan, plan_process,
};
use serde_json::json;
use spec::runtime::{Hook, Namespace, NamespaceKind, Rlimit, Spec};

use crate::support::{Bed, Running, bind, linux, mount, pipes, process, put, strings, wait};
use crate::unseen::{filter, held};

/// More steps than any container here takes.
const MOST_STEPS: u32 = 150;

/// What a step that ends is told with.
fn ending() -> String {
    format!(": the process ended with exit code {KILLED}")
}

/// Of everything one.
fn rich(bed: &Bed) -> Spec {
    let mut spec = bed.spec("true");
    let volume = bed.path("volume");
    let _there_already = fs::create_dir(&volume);
    put(volume.join("file"), "words");
    // Root of a user namespace could not make it.
    put(bed.rootfs().join("etc/words"), "");
    spec.mounts.push(bind(&volume, "/volume", &["ro"]));
    spec.mounts.push(bind(&volume.join("file"), "/etc/words", &["rslave"]));
    spec.mounts.push(mount("tmpfs", "tmpfs", "/run", &["size=1m"]));
    spec.mounts.push(mount("tmpfs", "tmpfs", "/etc", &["tmpcopyup"]));
    let quiet = || {
        let arguments = strings(&["sh", "-c", "cat > /dev/null"]);
        vec![Hook { path: "/bin/sh".into(), args: arguments, ..Hook::default() }]
    };
    let hooks = spec.hooks.get_or_insert_default();
    (hooks.prestart, hooks.create_runtime) = (quiet(), quiet());
    (hooks.create_container, hooks.start_container) = (quiet(), quiet());
    spec.domainname = Some("domain".into());
    spec.root.as_mut().unwrap().readonly = true;
    let process = process(&mut spec);
    process.oom_score_adj = Some(100);
    let limit = |kind: &str| Rlimit { kind: kind.into(), soft: 512, hard: 1024 };
    process.rlimits = vec![limit("RLIMIT_NOFILE"), limit("RLIMIT_CORE")];
    process.io_priority = serde_json::from_value(json!({"class": "IOPRIO_CLASS_IDLE"})).unwrap();
    process.scheduler =
        serde_json::from_value(json!({"policy": "SCHED_BATCH", "nice": 19})).unwrap();
    let linux = linux(&mut spec);
    linux.namespaces.push(Namespace { kind: NamespaceKind::Time, path: None });
    linux.personality = serde_json::from_value(json!({"domain": "LINUX"})).unwrap();
    linux.devices =
        serde_json::from_value(json!([{"type": "c", "path": "/dev/mine", "major": 1, "minor": 3}]))
            .unwrap();
    linux.resources = serde_json::from_value(json!({"pids": {"limit": 50}})).unwrap();
    linux.sysctl = [("net.ipv4.ip_forward".to_owned(), "1".to_owned())].into();
    linux.rootfs_propagation = Some("shared".into());
    linux.seccomp = serde_json::from_value(json!({"defaultAction": "SCMP_ACT_ALLOW"})).unwrap();
    spec
}

fn in_user_namespace(bed: &Bed, spec: &mut Spec) {
    let map = spec::runtime::IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    let linux = linux(spec);
    linux.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    (linux.uid_mappings, linux.gid_mappings) = (vec![map], vec![map]);
    // Nodes are binds of the host's there, which has none of that name.
    linux.devices.clear();
    bed.open_to(100_000);
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Kills before step after step until `attempt` succeeds; gives the words of each failure.
fn kill_everywhere(bed: &Bed, mut attempt: impl FnMut() -> Result<(), String>) -> Vec<String> {
    let mut told = Vec::new();
    let before = descriptors();
    for step in 1..MOST_STEPS {
        kill_children_at(step);
        let outcome = attempt();
        kill_children_at(0);
        bed.assert_nothing_left();
        assert_eq!(descriptors(), before, "descriptors are left after {told:?}");
        match outcome {
            Ok(()) => return told,
            Err(words) => told.push(words),
        }
    }
    panic!("it never succeeded: {told:?}");
}

/// Each step of the plan is among what was told, in its order, and each ended as it was made to.
fn assert_every_step_is_named(plan: &Plan, told: &[String]) {
    let mut named = told.iter();
    for step in &plan.steps {
        let expected = format!("{step}{}", ending());
        assert!(named.any(|words| *words == expected), "{expected}: {told:#?}");
    }
    for words in told {
        assert!(words.ends_with(&ending()), "{words}");
    }
    for words in ["set the resource limit nofile", "enter the working directory /", "set the user"]
    {
        assert!(told.contains(&format!("{words}{}", ending())), "{words}: {told:#?}");
    }
    let last = told.last().unwrap();
    assert_eq!(*last, format!("exec /bin/sh{}", ending()));
}

fn create_and_start(bed: &Bed, spec: &Spec) -> Result<(), String> {
    match bed.start(spec) {
        Ok(running) => {
            let finished = running.finish();
            assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
            Ok(())
        }
        Err(error) => Err(chain(&error)),
    }
}

#[test]
fn a_start_that_is_killed_at_any_step_names_it_and_leaves_nothing() {
    let bed = Bed::new();
    let spec = rich(&bed);
    let told = kill_everywhere(&bed, || create_and_start(&bed, &spec));
    assert_every_step_is_named(&bed.plan(&spec), &told);
    assert!(told.contains(&format!("run the startContainer hooks{}", ending())), "{told:#?}");
}

#[test]
fn the_same_in_a_user_namespace() {
    let bed = Bed::new();
    let mut spec = rich(&bed);
    in_user_namespace(&bed, &mut spec);
    let told = kill_everywhere(&bed, || create_and_start(&bed, &spec));
    assert_every_step_is_named(&bed.plan(&spec), &told);
    assert!(told.contains(&format!("have its ids mapped{}", ending())), "{told:#?}");
}

/// A helper joins the user namespace first, and makes the child.
#[test]
fn the_same_in_a_user_namespace_that_is_joined() {
    let (bed, holder) = (Bed::new(), Bed::new());
    let mut spec = holder.spec("echo ready; exec sleep 1000");
    in_user_namespace(&holder, &mut spec);
    let running = holder.start(&spec).unwrap();
    running.read_until("ready\n");
    let mut spec = bed.spec("true");
    in_user_namespace(&bed, &mut spec);
    for namespace in &mut linux(&mut spec).namespaces {
        if namespace.kind == NamespaceKind::User {
            namespace.path = Some(format!("/proc/{}/ns/user", running.process.pid()).into());
        }
    }
    process(&mut spec).rlimits =
        vec![Rlimit { kind: "RLIMIT_NOFILE".into(), soft: 512, hard: 1024 }];
    let mut told = Vec::new();
    for step in 1..MOST_STEPS {
        kill_children_at(step);
        let outcome = create_and_start(&bed, &spec);
        kill_children_at(0);
        bed.assert_groups_gone();
        let Err(words) = outcome else { break };
        told.push(words);
    }
    assert_every_step_is_named(&bed.plan(&spec), &told);
    let helpers = ["join a namespace", "make the joining process"];
    for words in helpers {
        assert!(told.contains(&format!("{words}{}", ending())), "{words}: {told:#?}");
    }
    running.process.signal(9).unwrap();
    running.finish();
    // No child is left of any of them.
    holder.assert_nothing_left();
}

/// With a process 1 of ours: it is told while it is one that ends, and once it serves the container runs.
#[test]
fn the_same_with_an_init() {
    let mut bed = Bed::new();
    bed.init = true;
    let spec = rich(&bed);
    let told = kill_everywhere(&bed, || match bed.start(&spec).map(Running::finish) {
        Ok(finished) if finished.code == 0 => Ok(()),
        Ok(_) => Err("serve".to_owned()),
        Err(error) => Err(chain(&error)),
    });
    assert!(told.len() > bed.plan(&spec).steps.len() + 15, "{told:#?}");
}

fn name() -> ContainerName {
    "web".parse().unwrap()
}

/// By the commands of an engine, each of which finds the container in its directory.
#[test]
fn a_create_and_a_start_that_are_killed_leave_what_can_be_deleted_and_no_more() {
    let bed = Bed::new();
    let spec = rich(&bed);
    let runtime = Runtime::new(bed.path("run"));
    let plan = plan(&spec, &Context { id: "web".into(), ..bed.context() }).unwrap();
    let (bundle, web) = (bed.directory.path(), name());
    let entries = || fs::read_dir(bed.path("run")).into_iter().flatten().count();
    let told = kill_everywhere(&bed, || {
        let (streams, _stdout, _stderr) = pipes();
        let request =
            Request { name: &web, spec: &spec, bundle, plan: &plan, stdio: streams.borrow() };
        let started = runtime.create(&request).and_then(|made| {
            let first = made.container.process();
            drop(made);
            let mut found = runtime.load(&web).unwrap();
            let started = found.start();
            first.as_ref().map(wait);
            found.delete(false).unwrap();
            started
        });
        assert_eq!(entries(), 0, "a directory is left");
        started.map_err(|error| chain(&error))
    });
    let at = |words: &str| told.iter().position(|told| told.contains(words)).unwrap();
    let gate = at("wait at the gate");
    for step in &plan.steps {
        let words = &told[at(&format!("container \"web\": {step}"))];
        assert!(words.starts_with("create ") && words.ends_with(&ending()), "{words}");
    }
    for words in &told[gate + 1..] {
        assert!(words.starts_with("start container \"web\": "), "{words}");
        assert!(words.ends_with(": the process ended before its program ran"), "{words}");
    }
    assert!(at("set the user") > gate && at("exec /bin/sh") == told.len() - 1, "{told:#?}");
}

#[test]
fn a_process_that_is_killed_while_it_joins_names_its_step_and_leaves_nothing() {
    let host = Bed::new();
    let (streams, _stdout, _stderr) = pipes();
    let spec = host.spec("exec sleep 1000");
    let (first, cgroup) = create(&host.plan(&spec), streams.borrow()).unwrap().start().unwrap();
    let mut joining = plan_process(&process(&mut rich(&host)).clone()).unwrap();
    joining.args = strings(&["/bin/true"]);
    joining.programs = joining.args.clone();
    let before = descriptors();
    let mut told = Vec::new();
    for step in 1..MOST_STEPS {
        kill_children_at(step);
        let joined = join(&first, &cgroup, &joining, streams.borrow());
        kill_children_at(0);
        match joined {
            Ok(joined) => {
                assert_eq!(wait(&joined.process), 0);
                break;
            }
            Err(error) => told.push(chain(&error)),
        }
        // Neither in the container nor as a child of ours.
        assert_eq!(cgroup.processes().unwrap(), [first.pid()], "{told:?}");
        assert_eq!(descriptors(), before, "descriptors are left after {told:?}");
    }
    for words in [
        "enter the control groups",
        "join a namespace",
        "make the joining process",
        "wait at the gate",
        "set the resource limit core",
        "exec /bin/true",
    ] {
        assert!(told.contains(&format!("{words}{}", ending())), "{words}: {told:#?}");
    }
    first.signal(libc::SIGKILL).unwrap();
    wait(&first);
    cgroup.remove(crate::support::PATIENCE).unwrap();
    host.assert_nothing_left();
}

/// Held at its exec, and killed there: what the parent sees is the same as of an exec that came to its end.
#[test]
fn who_is_killed_in_the_midst_of_exec_has_not_started() {
    let bed = Bed::new();
    let socket = UnixListener::bind(bed.path("listener")).unwrap();
    let mut plan = bed.plan(&bed.spec("true"));
    plan.process.seccomp = Some(filter(&bed.path("listener")));
    let (streams, _stdout, _stderr) = pipes();
    let created = create(&plan, streams.borrow()).unwrap();
    let words = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (state, _listener) = held(&socket);
            let pid = i32::try_from(state["pid"].as_i64().unwrap()).unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        });
        chain(&created.start().unwrap_err())
    });
    assert_eq!(words, "exec /bin/sh: the process ended by signal 9");
    bed.assert_nothing_left();
}

/// It may have ended before anybody looks.
#[test]
fn a_program_that_ends_at_once_has_run() {
    let bed = Bed::new();
    for program in ["/bin/true", "/bin/false"] {
        let mut spec = bed.spec("");
        process(&mut spec).args = strings(&[program]);
        for _ in 0..20 {
            let code = bed.run(&spec).code;
            assert_eq!(code, i32::from(program.ends_with("false")));
        }
    }
    let mut spec = bed.spec("kill -9 $$");
    linux(&mut spec).namespaces.retain(|namespace| namespace.kind != NamespaceKind::Pid);
    spec.mounts.retain(|mount| mount.destination != Path::new("/proc"));
    linux(&mut spec).masked_paths.clear();
    linux(&mut spec).readonly_paths.clear();
    assert_eq!(bed.run(&spec).code, 137);
}
