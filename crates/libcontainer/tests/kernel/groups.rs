//! A container's control groups, with the container in them.

use std::os::fd::AsFd;

use libcontainer::cgroup::Choices;
use libcontainer::{Context, Stdio, create, plan};
use spec::runtime::{Linux, Memory, Resources, Spec};

use crate::support::Bed;

fn limited(bed: &Bed, bytes: i64) -> Spec {
    let mut spec = bed.spec("");
    spec.process.as_mut().unwrap().args = vec!["/bin/true".to_owned()];
    let memory = Memory { limit: Some(bytes), swap: Some(bytes), ..Memory::default() };
    let resources = Resources { memory: Some(memory), ..Resources::default() };
    spec.linux = spec.linux.map(|linux| Linux { resources: Some(resources), ..linux });
    spec
}

#[test]
fn one_mebibyte_is_enough_to_make_a_container() {
    let bed = Bed::new();
    for _ in 0..5 {
        assert_eq!(bed.ok(&limited(&bed, 1 << 20)), "");
    }
    bed.assert_nothing_left();
}

#[test]
fn an_ordinary_users_container_asks_for_no_group_where_none_is_named() {
    let bed = Bed::new();
    let context = bed.context();
    let unprivileged = Choices { unprivileged: true, ..Choices::default() };
    let context = Context { cgroups: unprivileged, ..context };
    let mut spec = bed.spec("exit 0");
    assert!(plan(&spec, &context).unwrap().cgroup.optional);
    spec.linux.as_mut().unwrap().cgroups_path = Some(bed.cgroup_path.clone());
    assert!(!plan(&spec, &context).unwrap().cgroup.optional, "a group that is named is wanted");
}

#[test]
fn a_group_that_is_named_and_in_use_is_refused() {
    let bed = Bed::new();
    let running = bed.start(&bed.spec("sleep 1000")).unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let null = null.as_fd();
    let streams = Stdio::Streams { stdin: null, stdout: null, stderr: null };
    let error = create(&bed.plan(&bed.spec("exit 0")), streams).unwrap_err();
    let error = libcontainer::chain(&error);
    assert!(error.contains("container's cgroup is not empty"), "{error}");
    running.process.signal(9).unwrap();
    running.finish();
    bed.assert_nothing_left();
}
