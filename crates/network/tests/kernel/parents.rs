//! Networks on an interface of the machine: macvlan here, and of ipvlan, dummies and VLANs what is said where the kernel lacks them.

use network::{
    Attachment, IpvlanFlag, IpvlanMode, LinkKind, MacvlanMode, MadeParent, NetworkError, ParentPlan,
};
use spec::network::HardwareAddress;

use crate::support::{Host, Place, cidr};

const MACVLAN: LinkKind = LinkKind::Macvlan(MacvlanMode::Bridge);

fn on(interface: &str, kind: LinkKind) -> ParentPlan {
    ParentPlan { interface: interface.to_owned(), made: None, kind }
}

/// A container with the address 10.9.0.NUMBER on the interface `wan`.
fn member(number: u8, kind: LinkKind) -> Attachment {
    Attachment {
        kind,
        bridge: "wan".to_owned(),
        host_interface: format!("place{number}"),
        hardware: HardwareAddress::local([2, 0, 0, 0, 9, number]),
        addresses: vec![
            cidr(&format!("10.9.0.{number}/24")),
            cidr(&format!("fd00:9::{number}/64")),
        ],
        gateways: vec!["10.9.0.2".parse().unwrap(), "fd00:9::2".parse().unwrap()],
        ..crate::support::attachment(&crate::support::plan(9), 2)
    }
}

/// A machine on the cable `wan`, and another one behind it that has an address which leads elsewhere.
fn wired(host: &Host) -> Place {
    let outside = host.place();
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    for address in ["10.99.0.1/32", "fd00:99::1/128"] {
        outside.run("ip", &["address", "add", address, "dev", "lo"]);
    }
    outside.serve(80);
    outside
}

#[test]
fn containers_are_on_the_cable_themselves() {
    let mut host = Host::new();
    let outside = wired(&host);
    let plan = on("wan", MACVLAN);
    host.machine.make_parent(&plan).unwrap();
    let before = host.here().run("nft", &["list", "ruleset"]);
    let first = host.container(&[member(3, MACVLAN)]);
    let second = host.container(&[member(4, MACVLAN)]);
    first.serve(80);
    for (address, seen) in [("10.9.0.2", "10.9.0.4"), ("fd00:9::2", "fd00:9::4")] {
        assert_eq!(second.reach(address, 80), seen);
    }
    assert_eq!(second.reach("10.9.0.3", 80), "10.9.0.4");
    assert_eq!(outside.reach("10.9.0.3", 80), "10.9.0.2");
    // By the gateway, which is somebody else's machine.
    assert_eq!(second.reach("10.99.0.1", 80), "10.9.0.4");
    assert_eq!(second.reach("fd00:99::1", 80), "fd00:9::4");
    assert_eq!(host.here().run("nft", &["list", "ruleset"]), before);
    host.machine.withdraw(&[member(3, MACVLAN)], first.fd()).unwrap();
    assert!(!first.run("ip", &["-br", "link"]).contains("eth0"));
    host.machine.withdraw(&[member(3, MACVLAN)], first.fd()).unwrap();
    host.machine.detach(&[member(4, MACVLAN)]).unwrap();
    host.machine.remove_parent(&plan).unwrap();
    assert!(host.here().run("ip", &["-br", "link"]).contains("wan"));
}

/// Among networks of other kinds, and while it runs.
#[test]
fn a_container_comes_to_the_cable_and_leaves_it() {
    let mut host = Host::new();
    let _outside = wired(&host);
    let network = crate::support::plan(1);
    host.network(&network);
    let home = crate::support::attachment(&network, 2);
    let inside = host.container(std::slice::from_ref(&home));
    let here = Attachment { is_default: false, ..home.clone() };
    let there = Attachment { interface: "eth1".to_owned(), ..member(3, MACVLAN) };
    let both = [here, there];
    host.machine.replace(std::slice::from_ref(&home), &both, inside.fd()).unwrap();
    assert_eq!(inside.reach("10.99.0.1", 80), "10.9.0.3");
    host.machine.replace(&both, std::slice::from_ref(&home), inside.fd()).unwrap();
    assert!(!inside.run("ip", &["-br", "link"]).contains("eth1"));
    // By the machine, to its neighbour.
    assert_eq!(inside.reach("10.9.0.2", 80), "10.9.0.1");
}

#[test]
fn those_that_are_private_do_not_hear_each_other() {
    let mut host = Host::new();
    let _outside = wired(&host);
    let kind = LinkKind::Macvlan(MacvlanMode::Private);
    let first = host.container(&[member(3, kind)]);
    let second = host.container(&[member(4, kind)]);
    first.serve(80);
    assert!(second.misses("10.9.0.3", 80));
    assert_eq!(second.reach("10.9.0.2", 80), "10.9.0.4");
}

#[test]
fn one_may_have_the_interface_for_itself() {
    let mut host = Host::new();
    let _outside = wired(&host);
    let kind = LinkKind::Macvlan(MacvlanMode::Passthru);
    host.machine.make_parent(&on("wan", kind)).unwrap();
    let first = host.container(&[member(3, kind)]);
    assert_eq!(first.reach("10.9.0.2", 80), "10.9.0.3");
    let second = host.place();
    let refused = host.machine.attach(&[member(4, kind)], second.fd()).unwrap_err();
    let words = "the interface wan is another container's: in the mode passthru it is one's alone";
    assert_eq!(refused.to_string(), words);
    // What is there is left alone while it is used.
    assert!(!host.machine.restore_parent(&on("wan", kind)).unwrap());
}

/// This kernel has no ipvlan, no dummies and no VLANs: on one that has some the trial is one that succeeds.
#[test]
fn what_the_kernel_lacks_is_named() {
    let mut host = Host::new();
    let _outside = wired(&host);
    let vlan = MadeParent::Vlan { lower: "wan".to_owned(), id: 10 };
    let made = |made, interface: &str| ParentPlan { made: Some(made), ..on(interface, MACVLAN) };
    let ipvlan = LinkKind::Ipvlan(IpvlanMode::L3, IpvlanFlag::Private);
    for (plan, expected) in [
        (on("wan", ipvlan), "make an interface on wan: this kernel has no ipvlan"),
        (
            made(vlan, "wan.10"),
            "make the network interface wan.10: this kernel has no VLAN interfaces (8021q)",
        ),
        (
            made(MadeParent::Dummy, "dm-1"),
            "make the network interface dm-1: this kernel has no dummy interfaces (dummy)",
        ),
    ] {
        match host.machine.make_parent(&plan) {
            Err(error @ NetworkError::Lacking { .. }) => assert_eq!(error.to_string(), expected),
            Err(error) => panic!("{error:?}"),
            Ok(()) => {
                assert!(host.machine.has_interface(&plan.interface).unwrap());
                assert!(!host.machine.restore_parent(&plan).unwrap());
                host.machine.remove_parent(&plan).unwrap();
                let is_there = host.machine.has_interface(&plan.interface).unwrap();
                assert_eq!(is_there, plan.made.is_none(), "{}", plan.interface);
            }
        }
    }
    let absent = host.machine.make_parent(&on("wide", MACVLAN)).unwrap_err();
    assert_eq!(absent.to_string(), "the interface wide is not there");
    assert_eq!(host.here().run("ip", &["-br", "link"]).lines().count(), 2);
}
