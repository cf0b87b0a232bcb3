//! What a configuration becomes is what the engine takes: it plans it, and refuses nothing of it. Nothing is started.
#![cfg(test)]

use std::path::Path;

use engine::{CniPaths, Engine, EngineConfig, Paths};
use lxc::config::Config;
use lxc::mapping::map;

mod surroundings;
use surroundings::surroundings;

fn engine(directory: &Path) -> Engine {
    let paths = Paths { root: directory.join("root"), state: directory.join("state") };
    Engine::open(EngineConfig {
        paths,
        program: "/proc/self/exe".into(),
        secret_key: None,
        cni: CniPaths::default(),
        keeper: None,
        bus: None,
    })
    .expect("an engine")
}

/// The plan for a configuration whose root is an empty directory, as text.
fn plan(entries: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let rootfs = directory.path().join("rootfs");
    std::fs::create_dir(&rootfs).expect("a root");
    let mut config = Config::default();
    config.set("lxc.rootfs.path", rootfs.to_str().expect("text")).expect("a root");
    for (key, value) in entries {
        config.set(key, value).expect(key);
    }
    let mapped = map(&config, &surroundings()).expect("a mapping");
    let planned = engine(directory.path()).containers().explain(&mapped.request);
    planned.unwrap_or_else(|error| panic!("{}", engine::chain(&error))).to_string()
}

fn lines<'p>(plan: &'p str, parts: &[&str]) -> Vec<&'p str> {
    plan.lines().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
}

#[test]
fn a_privileged_system_is_planned() {
    let plan = plan(&[
        ("lxc.mount.auto", "proc:mixed"),
        ("lxc.mount.entry", "mqueue dev/mqueue mqueue defaults,create=dir 0 0"),
        ("lxc.mount.entry", "tmpfs run tmpfs nosuid,size=1m"),
        ("lxc.mount.entry", "/usr srv/usr none rbind,ro,create=dir"),
        ("lxc.autodev.tmpfs.size", "1000000"),
        ("lxc.cap.drop", "sys_module"),
        ("lxc.seccomp.profile", "/policy"),
        ("lxc.prlimit.as", "unlimited"),
        ("lxc.prlimit.nofile", "1024:4096"),
        ("lxc.cgroup.dir", "systems"),
        ("lxc.init.groups", "5,6"),
        ("lxc.sysctl.net.ipv4.ip_forward", "1"),
        ("lxc.proc.oom_score_adj", "-5"),
        ("lxc.time.offset.boot", "90s"),
        ("lxc.arch", "i686"),
        ("lxc.sched.core", "1"),
        ("lxc.rootfs.options", "nosuid"),
    ]);
    for parts in [
        &["mqueue", "/dev/mqueue"][..],
        &["tmpfs", "/dev", "size=1000000"],
        &["tmpfs", "/run", "size=1m"],
        &["/usr", "/srv/usr"],
        &["/systems/"],
        &["ip_forward"],
        &["-5"],
        &["/sbin/init"],
        &["rootfs as the root, in place"],
        &["change the root's mount (nosuid)"],
        &["boottime 90 0"],
        &["share the threads of a core"],
    ] {
        assert_ne!(lines(&plan, parts), [""; 0], "{parts:?} in {plan}");
    }
}

#[test]
fn a_system_with_users_of_its_own_is_planned() {
    let plan = plan(&[
        ("lxc.idmap", "u 0 100000 65536"),
        ("lxc.idmap", "g 0 100000 65536"),
        ("lxc.cap.keep", "chown setuid setgid"),
        ("lxc.no_new_privs", "1"),
        ("lxc.init.uid", "5"),
    ]);
    assert_ne!(lines(&plan, &["100000"]), [""; 0], "{plan}");
}

#[test]
fn one_without_anything_of_its_own_is_planned() {
    let plan = plan(&[("lxc.namespace.clone", "mnt")]);
    let kinds = lines(&plan, &["namespace"]).join("\n");
    assert!(!kinds.contains("pid") && !kinds.contains("network"), "{plan}");
}
