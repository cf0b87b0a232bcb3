//! Containers that come, speak and go.

use crate::support::{Host, attachment, plan};

#[test]
fn neighbours_and_the_host_reach_each_other() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let first = host.container(&[attachment(&network, 2)]);
    let second = host.container(&[attachment(&network, 3)]);
    first.serve(80);
    second.serve(80);
    assert_eq!(second.reach("10.1.0.2", 80), "10.1.0.3");
    assert_eq!(second.reach("fd00:1::2", 80), "fd00:1::3");
    assert_eq!(host.here().reach("10.1.0.3", 80), "10.1.0.1");
    assert_eq!(host.here().reach("fd00:1::3", 80), "fd00:1::1");
}

#[test]
fn published_ports_lead_in_from_everywhere() {
    let mut host = Host::new();
    // Where the packet filters of IP see what a bridge forwards, answers to ::1 become that too soon.
    for name in ["iptables", "ip6tables"] {
        host.here().run("sysctl", &["-w", &format!("net.bridge.bridge-nf-call-{name}=0")]);
    }
    let network = plan(1);
    host.network(&network);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    let inside = host.container(&[server]);
    inside.serve(80);
    let other = host.container(&[attachment(&network, 3)]);
    assert_eq!(host.here().reach("127.0.0.1", 8080), "10.1.0.1");
    assert_eq!(host.here().reach("10.1.0.1", 8080), "10.1.0.1");
    assert_eq!(host.here().reach("::1", 8080), "fd00:1::1");
    assert_eq!(other.reach("10.1.0.1", 8080), "10.1.0.1");
    assert_eq!(other.reach("fd00:1::1", 8080), "fd00:1::1");
    // Itself, by the host's address.
    assert_eq!(inside.reach("10.1.0.1", 8080), "10.1.0.1");
}

fn can_filter_bridges() -> bool {
    let can = std::fs::exists("/proc/sys/net/bridge/bridge-nf-call-iptables").unwrap_or(false);
    if !can {
        eprintln!("skipped: br_netfilter is not loaded");
    }
    can
}

/// Somebody loads `br_netfilter` while it runs: its port has to send frames back then.
#[test]
fn a_container_reaches_itself_where_bridges_are_filtered_since() {
    let mut host = Host::new();
    if !can_filter_bridges() {
        return;
    }
    let here = host.here();
    let filtered = |on: &str| {
        for name in ["iptables", "ip6tables"] {
            here.run("sysctl", &["-w", &format!("net.bridge.bridge-nf-call-{name}={on}")]);
        }
    };
    filtered("0");
    let network = plan(1);
    host.network(&network);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    let places = [server];
    let inside = host.container(&places);
    inside.serve(80);
    assert_eq!(inside.reach("10.1.0.1", 8080), "10.1.0.1");
    filtered("1");
    assert!(inside.misses("10.1.0.1", 8080));
    host.machine.set_ports(&places).unwrap();
    assert_eq!(inside.reach("10.1.0.1", 8080), "10.1.0.1");
    assert_eq!(inside.reach("fd00:1::1", 8080), "fd00:1::1");
    // One that has gone is no error.
    host.machine.detach(&places).unwrap();
    host.machine.set_ports(&places).unwrap();
}

/// People, and programs that keep rules: what nft shows it reads again.
#[test]
fn nft_reads_what_it_shows_of_the_rules() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    host.container(&[server]);
    let shown = host.here().run("nft", &["list", "ruleset"]);
    for set in ["bridges", "ports"] {
        let interface = if set == "bridges" { "br1" } else { "v1_2" };
        let text = format!("set {set} {{\n\t\ttype ifname\n\t\telements = {{ \"{interface}\" }}");
        assert!(shown.contains(&text), "{shown}");
    }
    host.here().run("sh", &["-c", "nft list ruleset | nft --check -f -"]);
}

/// From the machine itself at ::1, unless the rules of IP see what bridges forward, which is said.
#[test]
fn published_ports_are_at_the_loopback_address_of_ipv6() {
    let mut host = Host::new();
    if !can_filter_bridges() {
        return;
    }
    let here = host.here();
    let filtered = |on: &str| {
        let setting = format!("net.bridge.bridge-nf-call-ip6tables={on}");
        here.run("sysctl", &["-w", &setting]);
    };
    filtered("0");
    assert_eq!(host.here().within(network::in_the_way_of_loopback), None);
    filtered("1");
    let name = Some("net.bridge.bridge-nf-call-ip6tables");
    assert_eq!(host.here().within(network::in_the_way_of_loopback), name);
    filtered("0");
    let network = plan(1);
    host.network(&network);
    // Twice: also where it is there already.
    host.machine.make_bridge(&network).unwrap();
    let second = plan(2);
    host.machine.make_bridge(&second).unwrap();
    for (network, port) in [(&network, 8080), (&second, 8081)] {
        let mut server = attachment(network, 2);
        server.ports = host.published(&server, port, 80);
        let inside = host.container(&[server]);
        inside.serve(80);
        let gateway = network.addresses[1].address().to_string();
        assert_eq!(host.here().reach("::1", port), gateway);
        // Nobody else's ::1 is the machine's.
        let heard = host.here().listen("[::1]:90");
        inside.run("ip", &["-6", "address", "del", "::1/128", "dev", "lo"]);
        inside.run("ip", &["-6", "route", "add", "::1/128", "via", &gateway]);
        let source = format!("[{}]:0", network.addresses[1].at(2));
        inside.send(&source, "[::1]:90");
        host.here().send("[::1]:0", "[::1]:90");
        assert_eq!(heard.next(), "::1 to [::1]");
    }
    // Refused at once where it cannot be, as whoever tries 127.0.0.1 next needs it.
    filtered("1");
    host.machine.write_rules(network::PublishPolicy::Open, [], []).unwrap();
    let refused = host.here().within(|| std::net::TcpStream::connect(("::1", 8080)).unwrap_err());
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// The machine's table of connections is bounded; it has those alone that somebody translates or judges by.
#[test]
fn neighbours_fill_no_table_of_connections() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let mut served = attachment(&network, 2);
    served.ports = host.published(&served, 8080, 80);
    let server = host.container(&[served]);
    server.serve(80);
    let client = host.container(&[attachment(&network, 3)]);
    let known = || {
        host.here().run("conntrack", &["-L"]) + &host.here().run("conntrack", &["-L", "-f", "ipv6"])
    };
    assert_eq!(client.reach("10.1.0.2", 80), "10.1.0.3");
    assert_eq!(client.reach("fd00:1::2", 80), "fd00:1::3");
    assert!(!known().contains("dport=80"), "{}", known());
    // Led back into the network by a port of the machine: the answer must find its way.
    assert_eq!(client.reach("10.1.0.1", 8080), "10.1.0.1");
    assert!(known().contains("dport=8080"), "{}", known());
}

/// Another container's addresses are another's, whatever the frame says.
#[test]
fn who_pretends_to_be_another_is_not_heard() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let victim = host.container(&[attachment(&network, 2)]);
    victim.serve(80);
    let attacker = host.container(&[attachment(&network, 3)]);
    let other = host.container(&[attachment(&network, 4)]);
    other.serve(80);
    let answers = || other.reach("10.1.0.2", 80) == "10.1.0.4";
    assert!(answers());
    // The victim's IP address, and its neighbours are told so.
    attacker.run("ip", &["address", "add", "10.1.0.2/24", "dev", "eth0"]);
    attacker.run("arping", &["-c", "2", "-w", "1", "-U", "-I", "eth0", "10.1.0.2"]);
    let neighbours = || other.run("ip", &["neighbour"]);
    assert!(
        neighbours().contains("10.1.0.2 dev eth0 lladdr 02:00:00:00:01:02"),
        "{}",
        neighbours()
    );
    assert!(answers());
    // What it sends with that address goes nowhere, and nobody's address is anybody's.
    attacker.run("ip", &["address", "add", "10.1.0.99/24", "dev", "eth0"]);
    let heard = other.listen("10.1.0.4:90");
    for source in ["10.1.0.2", "10.1.0.99"] {
        attacker.send(&format!("{source}:0"), "10.1.0.4:90");
    }
    assert_eq!(heard.next(), "10.1.0.99 to 10.1.0.4");
    // The victim's hardware address: the bridge would send the victim's packets there.
    attacker.run("ip", &["link", "set", "eth0", "down"]);
    attacker.run("ip", &["link", "set", "eth0", "address", "02:00:00:00:01:02"]);
    attacker.run("ip", &["link", "set", "eth0", "up"]);
    attacker.run("arping", &["-c", "2", "-w", "1", "-U", "-I", "eth0", "10.1.0.3"]);
    let known = ["neighbour", "replace", "10.1.0.4", "lladdr", "02:00:00:00:01:04", "dev", "eth0"];
    attacker.run("ip", &known);
    attacker.send("10.1.0.99:0", "10.1.0.4:90");
    let learned = host.here().run("bridge", &["fdb", "show", "br", "br1"]);
    let of_victim =
        |line: &&str| line.starts_with("02:00:00:00:01:02 ") && !line.contains("permanent");
    let of_victim: Vec<_> = learned.lines().filter(of_victim).collect();
    assert!(of_victim.iter().all(|line| line.contains("dev v1_2 ")), "{learned}");
    assert!(answers());
}

/// Only the gateway is a router, and nobody reaches the machine's loopback addresses.
#[test]
fn what_only_the_machine_may_send_is_dropped() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let attacker = host.container(&[attachment(&network, 2)]);
    // Without a loopback interface of its own these addresses are elsewhere.
    attacker.run("ip", &["address", "flush", "dev", "lo"]);
    attacker.run("sysctl", &["-w", "net.ipv4.conf.eth0.route_localnet=1"]);
    attacker.run("ip", &["route", "add", "127.0.0.0/8", "via", "10.1.0.1"]);
    for other in ["10.1.0.99/24", "127.0.0.9/32"] {
        attacker.run("ip", &["address", "add", other, "dev", "eth0"]);
    }
    let heard = host.here().listen("0.0.0.0:90");
    // With addresses that are its own, that are nobody's, and that no frame has.
    for source in ["10.1.0.2:0", "10.1.0.99:0"] {
        attacker.send(source, "127.0.0.5:90");
    }
    for source in ["127.0.0.9:0", "10.1.0.2:0"] {
        attacker.send(source, "10.1.0.1:90");
    }
    assert_eq!(heard.next(), "10.1.0.2 to 10.1.0.1");
}

#[test]
fn networks_are_apart_and_internal_ones_have_no_way_out() {
    let mut host = Host::new();
    let (first, second) = (plan(1), plan(2));
    host.network(&first);
    host.machine.make_bridge(&second).unwrap();
    let closed = network::BridgePlan { internal: true, ..plan(3) };
    host.machine.make_bridge(&closed).unwrap();
    let server = host.container(&[attachment(&first, 2)]);
    server.serve(80);
    let same = host.container(&[attachment(&first, 3)]);
    let elsewhere = host.container(&[attachment(&second, 2)]);
    let both = [
        attachment(&second, 3),
        network::Attachment {
            interface: "eth1".to_owned(),
            is_default: false,
            ..attachment(&first, 4)
        },
    ];
    let both = host.container(&both);
    assert_ne!(same.reach("10.1.0.2", 80), "");
    assert_eq!(both.reach("10.1.0.2", 80), "10.1.0.4");
    assert!(elsewhere.misses("10.1.0.2", 80));
    assert!(elsewhere.misses("fd00:1::2", 80));
    let outside = host.place();
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    outside.serve(80);
    assert_ne!(same.reach("10.9.0.2", 80), "");
    let inside = host.container(&[attachment(&closed, 2)]);
    inside.serve(80);
    for address in ["10.1.0.2", "10.9.0.2", "fd00:9::2"] {
        assert!(inside.misses(address, 80), "{address}");
    }
    assert_ne!(host.here().reach("10.3.0.2", 80), "");
}

/// Whether the bridge keeps them apart alone, or the rules of IP see what it forwards.
#[test]
fn containers_that_may_not_speak_do_not() {
    for is_filtered in ["0", "1"] {
        let mut host = Host::new();
        let setting = format!("net.bridge.bridge-nf-call-iptables={is_filtered}");
        host.here().run("sysctl", &["-w", &setting]);
        let network = network::BridgePlan { neighbours: false, ..plan(1) };
        host.network(&network);
        let server = host.container(&[attachment(&network, 2)]);
        server.serve(80);
        let other = host.container(&[attachment(&network, 3)]);
        assert!(other.misses("10.1.0.2", 80));
        assert_ne!(host.here().reach("10.1.0.2", 80), "");
    }
}

/// A machine behind the machine: what leaves has its address, what comes in keeps its own.
#[test]
fn the_way_out_and_the_way_in() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let outside = host.place();
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    outside.serve(80);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    let inside = host.container(&[server]);
    inside.serve(80);
    assert_eq!(inside.reach("10.9.0.2", 80), "10.9.0.1");
    assert_eq!(inside.reach("fd00:9::2", 80), "fd00:9::1");
    assert_eq!(outside.reach("10.9.0.1", 8080), "10.9.0.2");
    assert_eq!(outside.reach("fd00:9::1", 8080), "fd00:9::2");
    // Not published, and so not to be reached, whoever knows the way.
    outside.run("ip", &["route", "add", "10.1.0.0/24", "via", "10.9.0.1"]);
    assert!(outside.misses("10.1.0.2", 80));
}

/// A frame for all costs each container of a network: who asks for an address that is somebody's asks its owner.
#[test]
fn who_is_asked_for_an_address_is_its_owner() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let [asking, owner, other] =
        [2, 3, 4].map(|host_number| host.container(&[attachment(&network, host_number)]));
    let heard = |place: &crate::support::Place| {
        let all = network::LiveInterface::all(place.fd()).unwrap();
        all.iter().find(|one| one.name == "eth0").unwrap().traffic.received_packets
    };
    let ask = |address: &str| {
        let before = [heard(&owner), heard(&other)];
        asking.run("arping", &["-c", "8", "-w", "8", "-b", "-I", "eth0", address]);
        [heard(&owner) - before[0], heard(&other) - before[1]]
    };
    // The bridge itself says which groups it is in, some times at first.
    let [by_owner, by_other] = ask("10.1.0.3");
    assert!(by_owner >= 8 && by_other < 8, "{by_owner} {by_other}");
    let [by_owner, by_other] = ask("10.1.0.99");
    assert!(by_owner >= 8 && by_other >= 8, "{by_owner} {by_other}");
    // And nobody hears of one that comes.
    let before = heard(&other);
    for number in 5..15 {
        let new = host.container(&[attachment(&network, number)]);
        new.serve(80);
        assert_eq!(host.here().reach(&format!("10.1.0.{number}"), 80), "10.1.0.1");
    }
    let more = heard(&other) - before;
    assert!(more < 10, "{more}");
}

#[test]
fn what_goes_leaves_nothing() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let before = host.here().run("nft", &["list", "ruleset"]);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    let _inside = host.container(&[server.clone()]);
    assert_ne!(host.here().run("nft", &["list", "ruleset"]), before);
    host.machine.detach(&[server.clone()]).unwrap();
    assert_eq!(host.here().run("nft", &["list", "ruleset"]), before);
    assert!(!host.here().run("ip", &["link"]).contains(&server.host_interface));
    host.machine.detach(&[server]).unwrap();
    host.machine.remove_bridge(&network).unwrap();
    host.machine.remove_bridge(&network).unwrap();
    assert!(!host.here().run("ip", &["link"]).contains("br1"));
    host.machine.remove_rules().unwrap();
    assert_eq!(host.here().run("nft", &["list", "ruleset"]), "");
}

#[test]
fn rules_that_somebody_flushed_come_back() {
    let mut host = Host::new();
    let network = plan(1);
    host.network(&network);
    let mut server = attachment(&network, 2);
    server.ports = host.published(&server, 8080, 80);
    let inside = host.container(&[server.clone()]);
    inside.serve(80);
    let before = host.here().run("nft", &["list", "ruleset"]);
    host.here().run("nft", &["flush", "ruleset"]);
    assert!(!host.machine.has_rules().unwrap());
    assert!(host.here().misses("127.0.0.1", 8080));
    host.machine.write_rules(network::PublishPolicy::Open, [&network], [&[server][..]]).unwrap();
    assert!(host.machine.has_rules().unwrap());
    assert_eq!(host.here().run("nft", &["list", "ruleset"]), before);
    assert_ne!(host.here().reach("127.0.0.1", 8080), "");
}

#[test]
fn a_container_that_runs_changes_its_places() {
    let mut host = Host::new();
    let (first, second) = (plan(1), plan(2));
    host.network(&first);
    host.machine.make_bridge(&second).unwrap();
    let neighbour = host.container(&[attachment(&second, 9)]);
    let published = |address: &str, host_port: u16| network::PortMapping {
        outside: None,
        host_address: None,
        host_port,
        transport: network::Transport::Tcp,
        port: 80,
        address: address.parse().unwrap(),
    };
    let mut own = attachment(&first, 2);
    own.ports = vec![published("10.1.0.2", 8080)];
    let before = [own.clone()];
    let container = host.container(&before);
    container.serve(80);
    assert_ne!(host.here().reach("127.0.0.1", 8080), "");
    assert!(neighbour.misses("10.2.0.2", 80));
    // Another network, which leads out from now on, and another port.
    own.is_default = false;
    own.ports = vec![published("10.1.0.2", 8081)];
    let further = network::Attachment { interface: "eth1".to_owned(), ..attachment(&second, 2) };
    let after = [further.clone(), own];
    host.machine.replace(&before, &after, container.fd()).unwrap();
    assert_ne!(neighbour.reach("10.2.0.2", 80), "");
    assert_ne!(host.here().reach("127.0.0.1", 8081), "");
    assert!(host.here().misses("127.0.0.1", 8080));
    let routes = container.run("ip", &["route", "show", "default"]);
    assert_eq!(routes.trim(), "default via 10.2.0.1 dev eth1 proto static");
    // What cannot be leaves everything as it was.
    let nowhere = network::Attachment {
        bridge: "nowhere".to_owned(),
        host_interface: "veother".to_owned(),
        ..attachment(&second, 3)
    };
    let wrong = [after[0].clone(), nowhere];
    assert!(host.machine.replace(&after, &wrong, container.fd()).is_err());
    assert_ne!(host.here().reach("127.0.0.1", 8081), "");
    // And the first one goes, after somebody flushed the rules.
    host.here().run("nft", &["flush", "ruleset"]);
    host.machine
        .write_rules(network::PublishPolicy::Open, [&first, &second], std::iter::empty())
        .unwrap();
    host.machine.replace(&after, std::slice::from_ref(&further), container.fd()).unwrap();
    assert_ne!(neighbour.reach("10.2.0.2", 80), "");
    assert!(host.here().misses("10.1.0.2", 80));
    assert!(host.here().misses("127.0.0.1", 8081));
    host.machine.detach(&[further]).unwrap();
}

#[test]
fn advertisements_of_routers_are_taken_as_before() {
    let mut host = Host::new();
    let outside = host.place();
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    let other = host.place();
    host.wire("lan", ("10.8.0.1/24", "fd00:8::1/64"), &other, ("10.8.0.2/24", "fd00:8::2/64"));
    let here = host.here();
    let read = |name: &str| here.run("sysctl", &["-n", &format!("net.ipv6.conf.{name}")]);
    let set = |words: &str| here.run("sysctl", &["-w", &format!("net.ipv6.conf.{words}")]);
    set("all.forwarding=0");
    set("wan.accept_ra=1");
    set("lan.accept_ra=0");
    let network = plan(1);
    host.machine.write_rules(network::PublishPolicy::Open, [], []).unwrap();
    host.machine.make_bridge(&network).unwrap();
    assert_eq!(read("all.forwarding").trim(), "1");
    let taken = ["wan", "lan", "default", "br1"].map(|name| read(&format!("{name}.accept_ra")));
    assert_eq!(taken.map(|text| text.trim().to_owned()), ["2", "0", "2", "0"]);
}
