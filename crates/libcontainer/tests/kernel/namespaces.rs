//! Namespaces on the real kernel: each new one differs from ours, each joined one is the one that was named.

use std::collections::BTreeMap;
use std::fs;

use spec::runtime::{IdMapping, Namespace, NamespaceKind, TimeOffset};

use crate::support::{Bed, linux, process};

const FILES: &[(&str, NamespaceKind)] = &[
    ("mnt", NamespaceKind::Mount),
    ("pid", NamespaceKind::Pid),
    ("net", NamespaceKind::Network),
    ("ipc", NamespaceKind::Ipc),
    ("uts", NamespaceKind::Uts),
    ("cgroup", NamespaceKind::Cgroup),
];

fn ours(file: &str) -> String {
    fs::read_link(format!("/proc/self/ns/{file}")).unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_namespace_is_new() {
    let bed = Bed::new();
    let inside =
        bed.sh("for n in mnt pid net ipc uts cgroup user time; do readlink /proc/self/ns/$n; done");
    let inside: Vec<&str> = inside.lines().collect();
    for (number, (file, _)) in FILES.iter().enumerate() {
        assert_ne!(inside[number], ours(file), "{file}");
    }
    assert_eq!(inside[6], ours("user"));
    assert_eq!(inside[7], ours("time"));
    bed.assert_nothing_left();
}

#[test]
fn a_kind_that_is_not_listed_stays_ours() {
    let bed = Bed::new();
    for (file, kind) in FILES.iter().filter(|(file, _)| !matches!(*file, "mnt" | "pid" | "uts")) {
        let mut spec = bed.spec(&format!("readlink /proc/self/ns/{file}"));
        linux(&mut spec).namespaces.retain(|namespace| namespace.kind != *kind);
        assert_eq!(bed.ok(&spec), ours(file));
    }
}

#[test]
fn the_program_is_process_one() {
    let bed = Bed::new();
    assert_eq!(bed.sh("echo $$; ls -d /proc/[0-9]* | head -1"), "1\n/proc/1");
}

#[test]
fn host_and_domain_name_are_set() {
    let bed = Bed::new();
    let mut spec = bed.spec("hostname; cat /proc/sys/kernel/domainname");
    spec.hostname = Some("container-1".into());
    spec.domainname = Some("example.test".into());
    assert_eq!(bed.ok(&spec), "container-1\nexample.test");
}

#[test]
fn loopback_is_up_and_alone() {
    let bed = Bed::new();
    assert_eq!(bed.sh("ls /sys/class/net; cat /sys/class/net/lo/flags; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo up"), "lo\n0x9\nup");
}

#[test]
fn namespaces_are_joined_by_path() {
    let bed = Bed::new();
    let holder = Bed::new();
    let running = holder.start(&holder.spec("echo ready; exec sleep 1000")).unwrap();
    let pid = running.process.pid();
    let mut spec = bed.spec("for n in net ipc uts pid; do readlink /proc/self/ns/$n; done");
    spec.hostname = None;
    for namespace in &mut linux(&mut spec).namespaces {
        if let Some((file, _)) = FILES.iter().find(|(_, kind)| *kind == namespace.kind)
            && matches!(*file, "net" | "ipc" | "uts" | "pid")
        {
            namespace.path = Some(format!("/proc/{pid}/ns/{file}").into());
        }
    }
    let inside = bed.ok(&spec);
    let expected: Vec<String> = ["net", "ipc", "uts", "pid"]
        .iter()
        .map(|file| {
            fs::read_link(format!("/proc/{pid}/ns/{file}")).unwrap().to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(inside, expected.join("\n"));
    running.process.signal(9).unwrap();
    assert_eq!(running.finish().code, 137);
    holder.assert_nothing_left();
}

/// A path may lead to the very namespace that is to be spared.
#[test]
fn parameters_of_the_hosts_own_namespace_are_refused_by_whatever_path() {
    let bed = Bed::new();
    for (kind, file, parameter, written) in [
        (NamespaceKind::Network, "net", "net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        (NamespaceKind::Ipc, "ipc", "kernel.shm_rmid_forced", "kernel/shm_rmid_forced"),
    ] {
        let mut spec = bed.spec("true");
        let linux = linux(&mut spec);
        let namespace = linux.namespaces.iter_mut().find(|namespace| namespace.kind == kind);
        namespace.unwrap().path = Some(format!("/proc/self/ns/{file}").into());
        assert_eq!(bed.run(&spec).code, 0, "it may be joined");
        self::linux(&mut spec).sysctl.insert(parameter.to_owned(), "1".to_owned());
        let (_code, words) = bed.refused(&spec);
        let why = format!("needs a {kind} namespace of its own: it would change the host");
        assert_eq!(words, format!("linux.sysctl.{written}: {why}"));
    }
}

#[test]
fn a_user_namespace_has_the_maps() {
    let bed = Bed::new();
    let mut spec = bed.spec("cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; id -u; id -g; stat -c %u:%g /bin/busybox; touch /made");
    let map = IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    linux(&mut spec).uid_mappings = vec![map];
    linux(&mut spec).gid_mappings = vec![map];
    bed.open_to(100_000);
    let inside = bed.ok(&spec);
    assert_eq!(inside, " 0 100000 65536\n 0 100000 65536\n0\n0\n65534:65534");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(bed.rootfs().join("made")).unwrap().uid(), 100_000);
}

#[test]
fn a_user_namespace_has_devices_and_no_power_outside() {
    let bed = Bed::new();
    let mut spec = bed.spec("echo x > /dev/null && head -c 2 /dev/zero | wc -c; cat /proc/sys/kernel/hostname; hostname other; mount -t tmpfs x /tmp");
    let map = IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    linux(&mut spec).uid_mappings = vec![map];
    linux(&mut spec).gid_mappings = vec![map];
    bed.open_to(100_000);
    let finished = bed.run(&spec);
    assert_eq!(finished.stdout, "2\nbox\n", "{finished:#?}");
    assert!(
        finished.stderr.contains("permitted") || finished.stderr.contains("denied"),
        "{finished:#?}"
    );
}

#[test]
fn clocks_of_a_time_namespace_are_moved() {
    let bed = Bed::new();
    let mut spec = bed.spec("cut -d. -f1 /proc/uptime");
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::Time, path: None });
    let week = 7 * 86_400;
    linux(&mut spec).time_offsets =
        BTreeMap::from([("boottime".to_owned(), TimeOffset { secs: week, nanosecs: 0 })]);
    let inside: i64 = bed.ok(&spec).parse().unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let outside: i64 = uptime.split('.').next().unwrap().parse().unwrap();
    assert!((inside - week).abs_diff(outside) < 30, "inside {inside}, outside {outside}");
}

#[test]
fn a_user_of_the_map_is_who_it_says() {
    let bed = Bed::new();
    let mut spec = bed.spec("id -u; id -g; cat /proc/self/uid_map | tr -s ' '");
    linux(&mut spec).namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    linux(&mut spec).uid_mappings =
        vec![IdMapping { container_id: 0, host_id: 200_000, size: 2000 }];
    linux(&mut spec).gid_mappings =
        vec![IdMapping { container_id: 0, host_id: 200_000, size: 2000 }];
    process(&mut spec).user.uid = 1000;
    process(&mut spec).user.gid = 1000;
    bed.open_to(200_000);
    assert_eq!(bed.ok(&spec), "1000\n1000\n 0 200000 2000");
}
