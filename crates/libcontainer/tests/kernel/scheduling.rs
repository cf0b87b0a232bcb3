//! When and where a container's processes run: scheduler, I/O priority, processors, memory policy; and the execution domain.

use libcontainer::{chain, join, plan_joining, plan_process};
use serde_json::{Value, json};
use spec::runtime::Spec;

use crate::support::{Bed, linux, pipes, process, read_all, strings, wait};

/// Fields of proc_pid_stat(5): the nice value and the policy.
const NICE_AND_POLICY: &str = "cut -d' ' -f19,41 /proc/self/stat";

fn field<T: serde::de::DeserializeOwned>(value: Value) -> Option<T> {
    Some(serde_json::from_value(value).unwrap())
}

/// The first process prints what `script` does, then one that joins it, with what the container has given it and `own`.
fn both(
    bed: &Bed,
    spec: &Spec,
    script: &str,
    own: impl FnOnce(&mut spec::runtime::Process),
) -> (String, String) {
    let mut first = spec.clone();
    process(&mut first).args =
        strings(&["sh", "-c", &format!("{script}; echo end; exec sleep 1000")]);
    let running = bed.start(&first).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let inside = running.read_until("end\n");
    let mut further = spec.process.clone().unwrap();
    further.args = strings(&["sh", "-c", script]);
    (further.scheduler, further.io_priority) = (None, None);
    own(&mut further);
    let further = plan_joining(&further, &first).unwrap();
    let (streams, stdout, stderr) = pipes();
    let joined = join(&running.process, &running.cgroup, &further, streams.borrow())
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    drop(streams);
    let text = read_all(stdout);
    assert_eq!((wait(&joined.process), read_all(stderr)), (0, String::new()));
    running.process.signal(9).unwrap();
    running.finish();
    bed.assert_nothing_left();
    (inside.trim_end_matches("end\n").trim().to_owned(), text.trim().to_owned())
}

#[test]
fn the_scheduler_is_set_for_the_first_process_and_those_that_join() {
    let bed = Bed::new();
    let mut spec = bed.spec("");
    process(&mut spec).scheduler = field(json!({"policy": "SCHED_BATCH", "nice": 7}));
    let other = field(json!({"policy": "SCHED_IDLE", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}));
    let (first, further) = both(&bed, &spec, NICE_AND_POLICY, |_| {});
    assert_eq!((first.as_str(), further.as_str()), ("7 3", "7 3"));
    let (_, further) = both(&bed, &spec, NICE_AND_POLICY, |process| process.scheduler = other);
    assert!(further.ends_with(" 5"), "{further}");
}

#[test]
fn real_time_and_deadline_are_set_before_the_rights_go() {
    let bed = Bed::new();
    let seccomp = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["sched_setattr", "ioprio_set", "personality", "set_mempolicy", "sched_setaffinity"], "action": "SCMP_ACT_ERRNO"}]
    });
    for (scheduler, expected) in [
        (json!({"policy": "SCHED_FIFO", "priority": 7}), "7 1"),
        (json!({"policy": "SCHED_RR", "priority": 3}), "3 2"),
        (
            json!({"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 42_000, "deadline": 1_000_000, "period": 1_000_000}),
            "0 6",
        ),
    ] {
        for no_new_privileges in [true, false] {
            let mut spec = bed.spec("cut -d' ' -f40,41 /proc/$$/stat");
            process(&mut spec).scheduler = field(scheduler.clone());
            process(&mut spec).io_priority =
                field(json!({"class": "IOPRIO_CLASS_RT", "priority": 1}));
            process(&mut spec).no_new_privileges = no_new_privileges;
            linux(&mut spec).seccomp = field(seccomp.clone());
            linux(&mut spec).personality = field(json!({"domain": "LINUX32"}));
            linux(&mut spec).memory_policy = field(json!({"mode": "MPOL_LOCAL"}));
            match bed.start(&spec) {
                Ok(running) => {
                    let finished = running.finish();
                    assert_eq!(finished.stdout.trim(), expected, "{finished:?}");
                }
                // Where real time is divided among groups, one without a share has none. Kernel scheduler/sched-rt-group.rst.
                Err(error) => {
                    assert!(chain(&error).starts_with("schedule by SCHED_"), "{}", chain(&error));
                }
            }
        }
    }
}

#[test]
fn the_io_priority_is_set_for_the_first_process_and_those_that_join() {
    let bed = Bed::new();
    let mut spec = bed.spec("");
    process(&mut spec).io_priority = field(json!({"class": "IOPRIO_CLASS_BE", "priority": 4}));
    let (first, further) = both(&bed, &spec, "ionice", |_| {});
    assert_eq!((first.as_str(), further.as_str()), ("best-effort: prio 4", "best-effort: prio 4"));
    let idle = field(json!({"class": "IOPRIO_CLASS_IDLE", "priority": 0}));
    let (_, further) = both(&bed, &spec, "ionice", |process| process.io_priority = idle);
    assert_eq!(further, "idle");
}

#[test]
fn the_execution_domain_is_the_containers() {
    let bed = Bed::new();
    for (domain, machine) in [("LINUX32", "i686"), ("LINUX", "x86_64")] {
        let mut spec = bed.spec("");
        linux(&mut spec).personality = field(json!({"domain": domain}));
        let (first, further) = both(&bed, &spec, "uname -m", |_| {});
        assert_eq!((first.as_str(), further.as_str()), (machine, machine));
    }
}

#[test]
fn the_memory_policy_is_the_containers() {
    let bed = Bed::new();
    let script = "head -n 1 /proc/self/numa_maps | cut -d ' ' -f 2";
    for (policy, expected) in [
        (json!({"mode": "MPOL_INTERLEAVE", "nodes": "0"}), "interleave:0"),
        (
            json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}),
            "bind=static:0",
        ),
        (
            json!({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}),
            "prefer=relative:0",
        ),
        (json!({"mode": "MPOL_DEFAULT"}), "default"),
    ] {
        let mut spec = bed.spec("");
        linux(&mut spec).memory_policy = field(policy);
        let (first, further) = both(&bed, &spec, script, |_| {});
        assert_eq!((first.as_str(), further.as_str()), (expected, expected));
    }
    let mut spec = bed.spec(script);
    linux(&mut spec).memory_policy = field(json!({"mode": "MPOL_BIND", "nodes": "60000"}));
    assert_eq!(
        bed.refused(&spec),
        (125, "take memory by MPOL_BIND of the nodes 60000: EINVAL".into())
    );
}

/// The processors of the calling thread.
fn own_processors() -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap().trim().to_owned()
}

const PROCESSORS: &str = "grep Cpus_allowed_list /proc/self/status | cut -f 2";

/// Two processors, or nothing where there is only one.
fn two_processors() -> Option<(u32, u32)> {
    let own: libcontainer::NumberSet = own_processors().parse().unwrap();
    let mut numbers = (0..64).filter(|number| own.words()[0] >> number & 1 == 1);
    Some((numbers.next()?, numbers.next()?))
}

#[test]
fn the_callers_processors_are_not_the_containers() {
    let Some((first, second)) = two_processors() else { return };
    let all = own_processors();
    let bed = Bed::new();
    sys::set_cpu_affinity(&[1 << first]).unwrap();
    assert_eq!(own_processors(), first.to_string());
    let spec = bed.spec("");
    assert_eq!(both(&bed, &spec, PROCESSORS, |_| {}), (all.clone(), all));
    let mut spec = bed.spec("");
    linux(&mut spec).resources = field(json!({"cpu": {"cpus": second.to_string(), "mems": "0"}}));
    let second = second.to_string();
    assert_eq!(both(&bed, &spec, PROCESSORS, |_| {}), (second.clone(), second));
}

#[test]
fn what_joins_runs_where_it_is_told() {
    let Some((first, second)) = two_processors() else { return };
    let all = own_processors();
    let bed = Bed::new();
    let mut spec = bed.spec("");
    process(&mut spec).exec_cpu_affinity =
        field(json!({"initial": first.to_string(), "final": second.to_string()}));
    // The container's first process has them for its successors only.
    assert_eq!(both(&bed, &spec, PROCESSORS, |_| {}), (all.clone(), second.to_string()));
    // With the first list alone the kernel decides, and it keeps them.
    let entering = field(json!({"initial": first.to_string()}));
    let (_, further) =
        both(&bed, &spec, PROCESSORS, |process| process.exec_cpu_affinity = entering);
    assert_eq!(further, first.to_string());
    assert_eq!(own_processors(), all, "the caller is where it was");
    let nowhere = field(json!({"final": "60000"}));
    process(&mut spec).exec_cpu_affinity = nowhere;
    let plan = plan_process(spec.process.as_ref().unwrap()).unwrap();
    let running = bed.start(&bed.spec("exec sleep 1000")).unwrap();
    let (streams, ..) = pipes();
    let error = join(&running.process, &running.cgroup, &plan, streams.borrow()).unwrap_err();
    assert_eq!(chain(&error), "run on the CPUs 60000: EINVAL");
    running.process.signal(9).unwrap();
    running.finish();
}

#[test]
fn the_deadline_scheduler_wants_every_processor() {
    let Some((first, _)) = two_processors() else { return };
    let bed = Bed::new();
    let mut spec = bed.spec("");
    linux(&mut spec).resources = field(json!({"cpu": {"cpus": first.to_string()}}));
    process(&mut spec).scheduler = field(json!({
        "policy": "SCHED_DEADLINE", "nice": 19, "runtime": 42_000, "deadline": 1_000_000, "period": 1_000_000
    }));
    let (_, text) = bed.refused(&spec);
    assert!(text.contains("process scheduler can't be used together with AllowedCPUs"), "{text}");
}
