//! Network interfaces of the host that move into a container. The host of these tests is a network namespace of their own.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;

use libcontainer::chain;
use serde_json::{Value, json};
use spec::runtime::{NamespaceKind, Spec};

use crate::support::{Bed, linux};

/// A test's host, with a pair of interfaces `eth7` and `peer7`.
fn host() {
    sys::unshare_namespaces(new_network()).unwrap();
    ip("link add eth7 type veth peer name peer7");
}

fn new_network() -> u32 {
    u32::try_from(sys::Namespaces::NETWORK.bits()).unwrap()
}

fn ip(words: &str) -> String {
    let done = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn with(bed: &Bed, script: &str, devices: Value) -> Spec {
    let mut spec = bed.spec(script);
    linux(&mut spec).net_devices = serde_json::from_value(devices).unwrap();
    spec
}

#[test]
fn it_moves_with_its_addresses_and_is_up() {
    host();
    ip("link set eth7 mtu 1789 address 00:11:22:33:44:55 up");
    for address in ["169.254.169.77/32", "10.9.0.1/24 brd +", "10.9.0.2/24", "fd00::7/64 nodad"] {
        ip(&format!("address add {address} dev eth7"));
    }
    ip("address add 127.0.0.33/32 scope host dev eth7");
    ip("address add 10.8.0.1/24 valid_lft 1000 preferred_lft 1000 dev eth7");
    let bed = Bed::new();
    let inside = bed.ok(&with(&bed, "ip address show dev eth7", json!({"eth7": {}})));
    for kept in [
        "mtu 1789",
        "ether 00:11:22:33:44:55",
        "inet 169.254.169.77/32 scope global",
        "inet 10.9.0.1/24 brd 10.9.0.255 scope global",
        "inet 10.9.0.2/24 scope global secondary",
        "inet6 fd00::7/64 scope global",
        ",UP",
    ] {
        assert!(inside.contains(kept), "{kept}: {inside}");
    }
    assert!(!inside.contains("127.0.0.33") && !inside.contains("10.8.0.1"), "{inside}");
    // Nothing brings it back: it ends with its namespace.
    assert!(!ip("link").contains("eth7@peer7"));
    bed.assert_nothing_left();
}

#[test]
fn it_gets_the_name_it_is_given() {
    host();
    ip("address add 10.9.0.1/24 dev eth7");
    let bed = Bed::new();
    let names = "ls /sys/class/net; ip address show dev ctr7 | grep -c 10.9.0.1";
    let spec = with(&bed, names, json!({"eth7": {"name": "ctr7"}}));
    assert_eq!(bed.ok(&spec), "ctr7\nlo\n1");
    // Parameters of an interface that has arrived.
    ip("link add eth8 type veth peer name peer8");
    ip("link add eth9 type veth peer name peer9");
    let forwarding = "/proc/sys/net/ipv4/conf/box1/forwarding";
    let devices = json!({"eth8": {"name": "box%d"}, "eth9": {"name": "box%d"}});
    let mut spec = with(&bed, &format!("ls /sys/class/net; cat {forwarding}"), devices);
    linux(&mut spec).sysctl.insert("net/ipv4/conf/box1/forwarding".into(), "1".into());
    assert_eq!(bed.ok(&spec), "box0\nbox1\nlo\n1");
}

#[test]
fn it_stays_in_a_namespace_that_lives_on() {
    host();
    ip("address add 10.9.0.1/24 dev eth7");
    // A descriptor keeps it as long as the test wants.
    let own = File::open("/proc/thread-self/ns/net").unwrap();
    sys::unshare_namespaces(new_network()).unwrap();
    let other = File::open("/proc/thread-self/ns/net").unwrap();
    sys::enter_namespace(own.as_fd(), sys::Namespaces::NETWORK).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), other.as_raw_fd());
    let bed = Bed::new();
    let mut spec = with(
        &bed,
        "ip address show dev ctr7 | grep -c 10.9.0.1",
        json!({"eth7": {"name": "ctr7"}}),
    );
    let network = linux(&mut spec).namespaces.iter_mut();
    network
        .filter(|namespace| namespace.kind == NamespaceKind::Network)
        .for_each(|namespace| namespace.path = Some(path.clone().into()));
    assert_eq!(bed.ok(&spec), "1");
    let inside =
        Command::new("nsenter").args([&format!("--net={path}"), "ip", "link"]).output().unwrap();
    assert!(String::from_utf8_lossy(&inside.stdout).contains("ctr7@"));
    // The name is taken now, and nothing moves.
    ip("link add eth8 type veth peer name peer8");
    linux(&mut spec).net_devices =
        serde_json::from_value(json!({"eth8": {"name": "ctr7"}})).unwrap();
    let (_, text) = bed.refused(&spec);
    assert_eq!(text, "move the network device eth8 in as ctr7: name it: EEXIST");
    assert!(ip("link").contains("eth8@"));
}

#[test]
fn what_is_not_there_or_cannot_move_is_named() {
    host();
    let bed = Bed::new();
    let (_, text) = bed.refused(&with(&bed, "", json!({"eth9": {}})));
    assert_eq!(text, "move the network device eth9 in: find it: ENODEV");
    let (_, text) = bed.refused(&with(&bed, "", json!({"lo": {"name": "lo7"}})));
    assert_eq!(text, "move the network device lo in as lo7: move it: EINVAL");
    let (_, text) = bed.refused(&with(&bed, "", json!({"eth7": {"name": "lo"}})));
    assert_eq!(text, "move the network device eth7 in as lo: name it: EEXIST");
    assert!(ip("link").contains("eth7@"));
}

#[test]
fn it_moves_into_a_new_user_namespace() {
    host();
    let bed = Bed::new();
    bed.open_to(100_000);
    let mut spec = with(&bed, "ip address show dev eth7 | grep -c UP", json!({"eth7": {}}));
    let map = spec::runtime::IdMapping { container_id: 0, host_id: 100_000, size: 65_536 };
    linux(&mut spec)
        .namespaces
        .push(spec::runtime::Namespace { kind: NamespaceKind::User, path: None });
    linux(&mut spec).uid_mappings = vec![map];
    linux(&mut spec).gid_mappings = vec![map];
    match bed.start(&spec) {
        Ok(running) => assert_eq!(running.finish().stdout, "1\n"),
        Err(error) => panic!("{}", chain(&error)),
    }
}
