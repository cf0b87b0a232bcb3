//! A group's life: made, entered, frozen, killed, removed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use libcontainer::cgroup::{
    Cgroup, CgroupError, CgroupPath, Controller, LayoutKind, Request, SubGroup, plan,
};
use rustix::event::{Timespec, poll};
use spec::runtime::{Pids, Resources};

use crate::ground::{
    Ground, PATIENCE, place, read, shell, shell_beside, start, until, wait, write,
};

#[test]
fn the_first_process_is_in_every_hierarchy() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let child = shell(&group, "exec sleep 1000");
    let membership = fs::read_to_string(format!("/proc/{}/cgroup", child.pid)).unwrap();
    let inside = membership.lines().filter(|line| line.ends_with(&ground.path("group"))).count();
    // The row of the v2 tree is there on v1-only machines too, at its invisible root.
    assert_eq!(inside, plan.places.len(), "{membership}");
    assert_eq!(group.processes().unwrap(), [child.pid]);
    assert_eq!(group.stats().unwrap().pids.unwrap().current, 1);
    group.kill().unwrap();
    assert_eq!(wait(&child).terminating_signal(), Some(9));
    assert!(!group.oom_killed().unwrap());
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_process_that_exists_can_be_added() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    group.add_process(pid).unwrap();
    let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(
        membership.matches(&ground.path("group")).count(),
        plan.places.len(),
        "{membership}"
    );
    group.kill().unwrap();
    child.wait().unwrap();
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_frozen_group_stands_still_and_can_be_killed() {
    let ground = Ground::new();
    let (group, _) = ground.create(&Resources::default());
    let child = shell(&group, "while :; do :; done");
    let used = || group.stats().unwrap().cpu.unwrap().total_ns;
    until("it runs", || used() > 5_000_000);
    group.freeze(PATIENCE).unwrap();
    assert!(group.is_frozen().unwrap());
    let frozen_at = used();
    let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    poll(&mut [], Some(&moment)).unwrap();
    assert!(used() - frozen_at < 5_000_000, "no time is used while frozen");
    group.thaw().unwrap();
    assert!(!group.is_frozen().unwrap());
    until("it goes on", || used() > frozen_at + 10_000_000);
    group.freeze(PATIENCE).unwrap();
    group.kill().unwrap();
    assert_eq!(wait(&child).terminating_signal(), Some(9));
    group.remove(PATIENCE).unwrap();
}

#[test]
fn kill_reaches_groups_inside_and_remove_takes_them_along() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let parent = shell(&group, "sleep 1000 & sleep 1000 & sleep 1000 & wait");
    until("all have started", || group.processes().unwrap().len() == 4);
    for place in &plan.places {
        fs::create_dir_all(place.path().join("inner/most")).unwrap();
    }
    let inner = format!("{}/inner/most", ground.path("group"));
    let inner = Cgroup::open(&inner.parse().unwrap(), &ground.layout).unwrap();
    let victim = *group.processes().unwrap().iter().find(|pid| **pid != parent.pid).unwrap();
    // A cpuset inside is empty until somebody fills it, unless the group above hands its own on.
    if let Some(place) = plan
        .places
        .iter()
        .find(|place| !place.unified && place.controllers.contains(&Controller::Cpuset))
    {
        for group in ["inner", "inner/most"] {
            for file in ["cpuset.cpus", "cpuset.mems"] {
                write(&place.path().join(group).join(file), &read(place, file));
            }
        }
    }
    inner.add_process(victim).unwrap();
    assert_eq!(inner.processes().unwrap(), [victim]);
    assert_eq!(group.processes().unwrap().len(), 4, "groups inside are listed too");
    assert!(matches!(Cgroup::create(&plan), Err(CgroupError::InUse { .. })));
    assert_eq!(group.processes().unwrap().len(), 4, "refusing to replace it changed nothing");
    group.kill().unwrap();
    // At once, while they are still dying.
    group.remove(PATIENCE).unwrap();
    assert_eq!(wait(&parent).terminating_signal(), Some(9));
    for place in &plan.places {
        assert!(!place.path().exists(), "{}", place.path().display());
    }
    group.remove(PATIENCE).unwrap();
}

#[test]
fn remove_does_not_wait_for_ever() {
    let ground = Ground::new();
    let (group, _) = ground.create(&Resources::default());
    let child = shell(&group, "sleep 1000");
    let error = group.remove(Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, CgroupError::Remove { .. }), "{error:?}");
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn an_empty_group_left_by_a_crash_is_replaced() {
    let ground = Ground::new();
    let (old, plan) =
        ground.create(&Resources { pids: Some(Pids { limit: Some(5) }), ..Resources::default() });
    fs::create_dir(plan.places[0].path().join("inner")).unwrap();
    drop(old);
    let (group, plan) = ground.create(&Resources::default());
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "max", "old limits are gone");
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_prepared_group_is_joined_with_its_limits() {
    let ground = Ground::new();
    let (prepared, _) =
        ground.create(&Resources { pids: Some(Pids { limit: Some(5) }), ..Resources::default() });
    let join = ground.joining("group");
    let group = Cgroup::create(&join).unwrap();
    assert_eq!(read(place(&join, Controller::Pids), "pids.max"), "5");
    drop(prepared);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_frozen_group_is_not_joined_and_stays() {
    let ground = Ground::new();
    let (prepared, plan) = ground.create(&Resources::default());
    let (place, file, frozen) = match ground.is_v2() {
        true => (&plan.places[0], "cgroup.freeze", "1"),
        false => (place(&plan, Controller::Freezer), "freezer.state", "FROZEN"),
    };
    write(&place.path().join(file), frozen);
    let error = Cgroup::create(&ground.joining("group")).unwrap_err();
    assert!(error.to_string().ends_with("container's cgroup unexpectedly frozen"), "{error}");
    assert!(place.path().exists());
    prepared.thaw().unwrap();
    prepared.remove(PATIENCE).unwrap();
}

#[test]
fn a_group_with_processes_is_nobody_elses() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let child = shell(&group, "exec sleep 1000");
    for plan in [&plan, &ground.joining("group")] {
        let error = Cgroup::create(plan).unwrap_err();
        let expected = "container's cgroup is not empty: 1 process(es) found";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
    assert_eq!(group.processes().unwrap(), [child.pid]);
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_process_joins_a_group_below() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let inner = |controller: &str| {
        plan.places.iter().find(|place| {
            place.unified || place.controllers.iter().any(|one| one.name() == controller)
        })
    };
    let enter = |texts: &[&str]| {
        let groups: Vec<SubGroup> = texts.iter().map(|text| text.parse().unwrap()).collect();
        group.entry_at(&groups)
    };
    let error = enter(&["nonexistent"]).unwrap_err();
    assert!(matches!(error, CgroupError::Open { .. }), "{error:?}");
    assert_eq!(enter(&["whaaat:/"]).unwrap_err().to_string(), r#"unknown controller "whaaat""#);
    fs::create_dir(inner("memory").unwrap().path().join("below")).unwrap();
    let way: &[&str] = if ground.is_v2() { &["below"] } else { &["/", "memory:below"] };
    let child = start(&enter(way).unwrap(), "exec sleep 1000");
    let membership = fs::read_to_string(format!("/proc/{}/cgroup", child.pid)).unwrap();
    let lines = |end: &str| membership.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!(lines("/group/below"), 1, "{membership}");
    assert_eq!(lines("/group"), plan.places.len() - 1, "{membership}");
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_missing_group_is_not_found() {
    let ground = Ground::new();
    let path: CgroupPath = ground.path("nobody").parse().unwrap();
    let error = Cgroup::open(&path, &ground.layout).unwrap_err();
    assert_eq!(error.to_string(), format!("open cgroup {path}: it does not exist"));
}

#[test]
fn an_escaping_path_is_refused() {
    let ground = Ground::new();
    for path in ["/../../etc", "/corten/../../x", "..", "/"] {
        let error = plan(&Resources::default(), &Request::new(path, &ground.layout)).unwrap_err();
        assert!(error.to_string().starts_with("cgroup path"), "{error}");
    }
}

#[test]
fn a_relative_path_is_below_the_own_group() {
    let ground = Ground::new();
    let plan = plan(&Resources::default(), &Request::new("inside/web", &ground.layout)).unwrap();
    for (place, hierarchy) in plan.places.iter().zip(&ground.layout.hierarchies) {
        // On v2 beside it: a group with processes hands no controllers down.
        let own = Path::new(&hierarchy.own);
        let above = if ground.is_v2() { own.parent().unwrap_or(Path::new("")) } else { own };
        assert_eq!(place.path(), hierarchy.mount.join(above).join("inside/web"));
    }
}

#[test]
fn twenty_at_once_share_the_group_above() {
    let ground = Ground::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let ground = &ground;
            scope.spawn(move || {
                for round in 0..5 {
                    let plan =
                        ground.plan(&format!("group-{thread}-{round}"), &Resources::default());
                    let group = Cgroup::create(&plan).unwrap();
                    let child = shell(&group, "exit 3");
                    assert_eq!(wait(&child).exit_status(), Some(3));
                    group.remove(PATIENCE).unwrap();
                }
            });
        }
    });
    assert!(ground.has(Controller::Memory));
}

#[test]
fn the_legacy_layout_kills_by_hand() {
    let mut ground = Ground::new();
    if ground.is_v2() {
        return;
    }
    ground.layout.hierarchies.retain(|hierarchy| !hierarchy.unified);
    ground.layout.kind = LayoutKind::Legacy;
    let (group, plan) = ground.create(&Resources::default());
    assert!(plan.places.iter().all(|place| !place.unified));
    let parent = shell(&group, "while :; do sleep 0.01 & done");
    until("it forks", || group.processes().unwrap().len() > 3);
    group.kill().unwrap();
    assert_eq!(wait(&parent).terminating_signal(), Some(9));
    group.remove(PATIENCE).unwrap();
    let (group, _) = ground.create(&Resources::default());
    let sleeper = shell(&group, "sleep 1000");
    group.freeze(PATIENCE).unwrap();
    group.kill().unwrap();
    assert_eq!(wait(&sleeper).terminating_signal(), Some(9), "frozen ones die too");
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_joining_process_goes_beside_the_first() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let first = shell(&group, "exec sleep 1000");
    if ground.is_v2() {
        let inner = plan.places[0].path().join("init.scope");
        fs::create_dir(&inner).unwrap();
        write(&inner.join("cgroup.procs"), &first.pid.to_string());
        write(&plan.places[0].path().join("cgroup.subtree_control"), "+memory +pids");
    }
    let second = shell_beside(&group, first.pid, "exec sleep 1000");
    assert_eq!(group.processes().unwrap(), [first.pid, second.pid]);
    group.kill().unwrap();
    wait(&first);
    wait(&second);
    group.remove(PATIENCE).unwrap();
}
