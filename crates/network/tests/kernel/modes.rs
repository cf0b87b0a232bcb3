//! Networks whose containers are reached at their own addresses, and the addresses that containers leave with: a router stands between the
//! host and the rest of the world.

use network::{Attachment, BridgePlan, OpenPort, Transport};

use crate::support::{Host, Place, attachment, cidr, plan};

/// The host is 10.9.0.1, a router 10.9.0.2; behind it, a machine with 10.7.0.2. All of them know the way to 10.1.0.0/16 and fd00:1::/64.
struct Scene {
    host: Host,
    router: Place,
    world: Place,
}

impl Scene {
    fn new() -> Self {
        let host = Host::new();
        let (router, world) = (host.place(), host.place());
        host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &router, ("10.9.0.2/24", "fd00:9::2/64"));
        router.wire(
            "back",
            ("10.7.0.1/24", "fd00:7::1/64"),
            &world,
            ("10.7.0.2/24", "fd00:7::2/64"),
        );
        for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            router.run("sysctl", &["-qw", setting]);
        }
        for (place, to, by) in [
            (&host.here(), "10.7.0.0/24", "10.9.0.2"),
            (&host.here(), "fd00:7::/64", "fd00:9::2"),
            (&router, "10.1.0.0/16", "10.9.0.1"),
            (&router, "fd00:1::/64", "fd00:9::1"),
            (&world, "default", "10.7.0.1"),
            (&world, "default", "fd00:7::1"),
        ] {
            assert_eq!(place.run("ip", &["route", "add", to, "via", by]), "");
        }
        world.serve(80);
        Self { host, router, world }
    }

    fn container(&mut self, network: &BridgePlan, attachment: &Attachment) -> Place {
        self.host.network(network);
        let inside = self.host.container(std::slice::from_ref(attachment));
        inside.serve(80);
        inside.serve(81);
        inside
    }

    fn pings(&self, address: &str) -> bool {
        self.world.run("busybox", &["ping", "-c1", "-W1", address]).contains(" 1 packets received")
    }
}

fn open(attachment: &Attachment) -> Vec<OpenPort> {
    let addresses = attachment.addresses.iter().map(|address| address.address());
    addresses.map(|address| OpenPort { address, transport: Transport::Tcp, port: 80 }).collect()
}

#[test]
fn routed_containers_are_reached_at_their_own_addresses() {
    let mut scene = Scene::new();
    let network = plan(1);
    let network =
        BridgePlan { routed: network.masquerade.clone(), masquerade: Vec::new(), ..network };
    let mut server = attachment(&network, 2);
    server.open = open(&server);
    let inside = scene.container(&network, &server);
    assert_eq!(scene.world.reach("10.1.0.2", 80), "10.7.0.2");
    assert_eq!(scene.world.reach("fd00:1::2", 80), "fd00:7::2");
    assert!(scene.pings("10.1.0.2") && scene.pings("fd00:1::2"));
    assert!(scene.world.misses("10.1.0.2", 81));
    assert!(scene.world.misses("fd00:1::2", 81));
    // What leaves keeps its address.
    assert_eq!(inside.reach("10.7.0.2", 80), "10.1.0.2");
    assert_eq!(inside.reach("fd00:7::2", 80), "fd00:1::2");
    // A container of another network comes from outside as well; one that has no way out does not.
    let other = plan(2);
    scene.host.machine.make_bridge(&other).unwrap();
    let elsewhere = scene.host.container(&[attachment(&other, 2)]);
    assert_eq!(elsewhere.reach("10.1.0.2", 80), "10.2.0.2");
    assert!(elsewhere.misses("10.1.0.2", 81));
    let closed = BridgePlan { internal: true, ..plan(3) };
    scene.host.machine.make_bridge(&closed).unwrap();
    let closed = scene.host.container(&[attachment(&closed, 2)]);
    assert!(closed.misses("10.1.0.2", 80));
    // All of it goes.
    scene.host.machine.detach(&[server]).unwrap();
    scene.host.machine.remove_bridge(&network).unwrap();
    let sets = scene.host.here().run("nft", &["list", "ruleset"]);
    assert!(!sets.contains("10.1.0."), "{sets}");
}

#[test]
fn one_family_is_routed_and_the_other_is_not() {
    let mut scene = Scene::new();
    let network = plan(1);
    let network = BridgePlan {
        routed: vec![cidr("fd00:1::/64")],
        masquerade: vec![cidr("10.1.0.0/24")],
        ..network
    };
    let mut server = attachment(&network, 2);
    server.open = open(&server).into_iter().filter(|open| open.address.is_ipv6()).collect();
    server.ports = scene.host.published(&server, 8080, 80);
    server.ports.retain(|port| port.address.is_ipv4());
    let inside = scene.container(&network, &server);
    assert_eq!(scene.world.reach("10.9.0.1", 8080), "10.7.0.2");
    assert_eq!(scene.world.reach("fd00:1::2", 80), "fd00:7::2");
    assert!(scene.world.misses("10.1.0.2", 80));
    assert!(scene.world.misses("fd00:9::1", 8080));
    assert!(!scene.pings("10.1.0.2") && scene.pings("fd00:1::2"));
    assert_eq!(inside.reach("10.7.0.2", 80), "10.9.0.1");
    assert_eq!(inside.reach("fd00:7::2", 80), "fd00:1::2");
}

#[test]
fn unprotected_containers_are_open_from_outside_alone() {
    let mut scene = Scene::new();
    let network = plan(1);
    let network = BridgePlan { unprotected: network.masquerade.clone(), ..network };
    let inside = scene.container(&network, &attachment(&network, 2));
    for (address, own) in [("10.1.0.2", "10.7.0.2"), ("fd00:1::2", "fd00:7::2")] {
        assert_eq!(scene.world.reach(address, 80), own);
        assert_eq!(scene.world.reach(address, 81), own);
        assert!(scene.pings(address));
    }
    assert_eq!(inside.reach("10.7.0.2", 80), "10.9.0.1");
    let other = plan(2);
    scene.host.machine.make_bridge(&other).unwrap();
    let elsewhere = scene.host.container(&[attachment(&other, 2)]);
    assert!(elsewhere.misses("10.1.0.2", 80));
}

#[test]
fn trusted_interfaces_reach_published_ports_alone() {
    let mut scene = Scene::new();
    let network = plan(1);
    let mut server = attachment(&network, 2);
    // Two ports that lead to one.
    server.ports = scene.host.published(&server, 8080, 80);
    server.ports.extend(scene.host.published(&server, 8081, 80));
    server.trusted = vec!["wan".to_owned(), "nowhere".to_owned()];
    let _inside = scene.container(&network, &server);
    assert_eq!(scene.world.reach("10.1.0.2", 80), "10.7.0.2");
    assert_eq!(scene.router.reach("fd00:1::2", 80), "fd00:9::2");
    assert!(scene.world.misses("10.1.0.2", 81));
    assert_eq!(scene.world.reach("10.9.0.1", 8081), "10.7.0.2");
    let other = scene.host.place();
    scene.host.wire(
        "lan",
        ("10.8.0.1/24", "fd00:8::1/64"),
        &other,
        ("10.8.0.2/24", "fd00:8::2/64"),
    );
    other.run("ip", &["route", "add", "10.1.0.0/24", "via", "10.8.0.1"]);
    assert_eq!(other.reach("10.8.0.1", 8080), "10.8.0.2");
    assert!(other.misses("10.1.0.2", 80));
    let before = scene.host.here().run("nft", &["list", "ruleset"]);
    assert!(before.contains("\"nowhere\""), "{before}");
    scene.host.machine.detach(&[server]).unwrap();
    let after = scene.host.here().run("nft", &["list", "ruleset"]);
    assert!(!after.contains("\"nowhere\""), "{after}");
}

#[test]
fn containers_leave_with_the_address_that_was_chosen() {
    let mut scene = Scene::new();
    for address in ["10.9.0.77/24", "fd00:9::77/64"] {
        scene.host.here().run("ip", &["address", "add", address, "dev", "wan", "nodad"]);
    }
    let network = plan(1);
    let chosen = [("10.1.0.0/24", "10.9.0.77"), ("fd00:1::/64", "fd00:9::77")];
    let sources = chosen.map(|(range, source)| (cidr(range), source.parse().unwrap()));
    let network = BridgePlan { masquerade: Vec::new(), sources: sources.to_vec(), ..network };
    let inside = scene.container(&network, &attachment(&network, 2));
    assert_eq!(inside.reach("10.7.0.2", 80), "10.9.0.77");
    assert_eq!(inside.reach("fd00:7::2", 80), "fd00:9::77");
    // One beside it that is not.
    let other = plan(2);
    scene.host.machine.make_bridge(&other).unwrap();
    let other = scene.host.container(&[attachment(&other, 2)]);
    assert_eq!(other.reach("10.7.0.2", 80), "10.9.0.1");
    scene.host.machine.remove_bridge(&network).unwrap();
    let sets = scene.host.here().run("nft", &["list", "ruleset"]);
    assert!(!sets.contains("10.9.0.77"), "{sets}");
}

/// The gateway is a machine of its own behind a port of the bridge; no container is heard that says it is the gateway.
#[test]
fn the_gateway_may_be_another() {
    let mut scene = Scene::new();
    let gateway = scene.host.place();
    let network = BridgePlan {
        addresses: Vec::new(),
        masquerade: Vec::new(),
        reserved: vec!["10.1.0.1".parse().unwrap()],
        ..plan(1)
    };
    let place = |host: u8| Attachment {
        addresses: vec![cidr(&format!("10.1.0.{host}/24"))],
        gateways: vec!["10.1.0.1".parse().unwrap()],
        foreign_gateways: vec!["10.1.0.1".parse().unwrap()],
        ..attachment(&network, host)
    };
    let inside = scene.container(&network, &place(2));
    scene.host.wire(
        "phys",
        ("10.6.0.1/24", "fd00:6::1/64"),
        &gateway,
        ("10.1.0.1/24", "fd00:6::2/64"),
    );
    scene.host.here().run("ip", &["address", "flush", "dev", "phys"]);
    scene.host.here().run("ip", &["link", "set", "phys", "master", "br1"]);
    gateway.serve(80);
    assert_eq!(inside.reach("10.1.0.1", 80), "10.1.0.2");
    let attacker = scene.host.container(&[place(3)]);
    attacker.run("ip", &["address", "add", "10.1.0.1/24", "dev", "eth0"]);
    attacker.run("arping", &["-c", "2", "-w", "1", "-U", "-I", "eth0", "10.1.0.1"]);
    let known = inside.run("ip", &["neighbour"]);
    assert!(known.contains("10.1.0.1 ") && !known.contains("02:00:00:00:01:03"), "{known}");
    assert!(scene.host.here().run("ip", &["-4", "address", "show", "br1"]).is_empty());
}
