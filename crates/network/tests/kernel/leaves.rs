//! More containers on a network than a Linux bridge has ports.

use std::time::{Duration, Instant};

use network::{Attachment, BridgePlan};
use spec::network::{Cidr, HardwareAddress};

use crate::support::{Host, Place, cidr, plan};

/// A network with the addresses 10.N.0.0/16 and fd00:N::/64.
fn large(number: u8) -> BridgePlan {
    let wide = cidr(&format!("10.{number}.0.1/16"));
    let usual = plan(number);
    let [_, v6] = usual.addresses[..] else { panic!() };
    BridgePlan {
        addresses: vec![wide, v6],
        masquerade: vec![wide.network(), v6.network()],
        ..usual
    }
}

/// The container with that number of an address.
fn member(network: &BridgePlan, place: u16) -> Attachment {
    let at = |own: &Cidr| Cidr::new(own.at(place.into()), own.prefix()).unwrap();
    let [high, low] = place.to_be_bytes();
    let [_, _, _, _, number, _] = network.hardware.octets();
    let addresses: Vec<_> = network.addresses.iter().map(at).collect();
    Attachment {
        host_interface: network::host_interface(&addresses, [0, 0, number, high, low]),
        hardware: HardwareAddress::local([2, 0, number, 1, high, low]),
        addresses,
        ..crate::support::attachment(network, 2)
    }
}

/// Containers in one namespace, whose interfaces are many.
fn crowd(host: &mut Host, place: &Place, network: &BridgePlan, numbers: std::ops::Range<u16>) {
    for number in numbers {
        let interface = format!("e{number}");
        let one = Attachment { interface, is_default: false, ..member(network, number) };
        host.machine.attach(&[one], place.fd()).unwrap();
    }
}

fn leaves(host: &Host) -> usize {
    host.here().run("ip", &["-br", "link"]).matches("ctnleaf").count()
}

#[test]
fn a_network_holds_more_containers_than_a_bridge_has_ports() {
    let mut host = Host::new();
    let network = large(1);
    host.network(&network);
    let before = host.here().run("nft", &["list", "ruleset"]);
    let (ours, outside) = (host.place(), host.place());
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    outside.serve(80);
    crowd(&mut host, &ours, &network, 10..1110);
    let numbers = [2, 1200, 1201, 1900];
    let attachments: Vec<_> = numbers.map(|number| member(&network, number)).into();
    let places: Vec<_> =
        attachments.iter().map(|one| host.container(std::slice::from_ref(one))).collect();
    assert_eq!(leaves(&host), 2);
    for place in &places {
        place.serve(80);
        assert_eq!(place.reach("10.9.0.2", 80), "10.9.0.1");
        assert_eq!(place.reach("fd00:9::2", 80), "fd00:9::1");
    }
    for (from, own) in places.iter().zip(&attachments) {
        for to in attachments.iter().filter(|to| *to != own) {
            for (there, here) in to.addresses.iter().zip(&own.addresses) {
                let there = there.address().to_string();
                assert_eq!(from.reach(&there, 80), here.address().to_string());
            }
        }
    }
    assert_eq!(host.here().reach("10.1.4.176", 80), "10.1.0.1");
    drop(ours);
    for number in (10..1110).chain(numbers) {
        host.machine.detach(&[member(&network, number)]).unwrap();
    }
    assert_eq!(host.here().run("nft", &["list", "ruleset"]), before);
    host.machine.remove_bridge(&network).unwrap();
    let left = host.here().run("ip", &["-br", "link"]);
    assert_eq!(left.lines().count(), 2, "{left}");
}

/// From a leaf, and to one, by an address of the machine: whether IP's rules see what bridges forward or not.
#[test]
fn ports_lead_from_leaves_into_leaves() {
    for is_filtered in ["0", "1"] {
        let mut host = Host::new();
        for family in ["iptables", "ip6tables"] {
            let setting = format!("net.bridge.bridge-nf-call-{family}={is_filtered}");
            host.here().run("sysctl", &["-w", &setting]);
        }
        let network = large(1);
        host.network(&network);
        let mut server = member(&network, 1000);
        server.ports = host.published(&server, 8080, 80);
        let inside = host.container(&[server]);
        inside.serve(80);
        // Where IP's rules send a frame back into the bridge it does not go back to its leaf.
        let numbers = if is_filtered == "0" { [2, 1001, 1900] } else { [2, 3, 1900] };
        let others = numbers.map(|number| host.container(&[member(&network, number)]));
        for other in &others {
            for _ in 0..3 {
                assert_eq!(other.reach("10.1.0.1", 8080), "10.1.0.1");
                assert_eq!(other.reach("fd00:1::1", 8080), "fd00:1::1");
            }
        }
        if is_filtered == "0" {
            assert_eq!(inside.reach("10.1.0.1", 8080), "10.1.0.1");
        }
        assert_eq!(host.here().reach("127.0.0.1", 8080), "10.1.0.1");
    }
}

#[test]
fn containers_that_may_not_speak_do_not_across_leaves_either() {
    for is_filtered in ["0", "1"] {
        let mut host = Host::new();
        let setting = format!("net.bridge.bridge-nf-call-iptables={is_filtered}");
        host.here().run("sysctl", &["-w", &setting]);
        let network = BridgePlan { neighbours: false, ..large(1) };
        host.network(&network);
        let numbers = [2, 3, 1000, 1001, 1900];
        let places = numbers.map(|number| host.container(&[member(&network, number)]));
        for place in &places {
            place.serve(80);
        }
        for (from, to) in [(0, "10.1.3.232"), (2, "10.1.0.2"), (2, "10.1.3.233"), (2, "10.1.7.108")]
        {
            assert!(places[from].misses(to, 80), "{from} {to}");
        }
        for to in ["10.1.0.2", "10.1.3.232", "10.1.7.108"] {
            assert_eq!(host.here().reach(to, 80), "10.1.0.1");
        }
    }
}

/// A leaf forwards; what is sent to itself, or to all, it does not take in for the machine.
#[test]
fn a_leaf_is_nobody() {
    let mut host = Host::new();
    let network = BridgePlan { internal: true, ..large(1) };
    host.network(&network);
    let attacker = host.container(&[member(&network, 1000)]);
    let outside = host.place();
    host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &outside, ("10.9.0.2/24", "fd00:9::2/64"));
    outside.run("ip", &["route", "add", "10.1.0.0/16", "via", "10.9.0.1"]);
    let links = host.here().run("ip", &["-br", "link"]);
    let leaf = links.lines().find(|line| line.starts_with("ctnleaf")).unwrap();
    let hardware = leaf.split_whitespace().nth(2).unwrap();
    let neighbour = |hardware: &str| {
        let known = ["neighbour", "replace", "10.1.0.1", "lladdr", hardware, "dev", "eth0"];
        assert_eq!(attacker.run("ip", &known), "");
    };
    // Who asks for the gateway hears of the network's bridge alone.
    attacker.run("ip", &["neighbour", "del", "10.1.0.1", "dev", "eth0"]);
    let answers = attacker.run("arping", &["-c", "1", "-w", "2", "-I", "eth0", "10.1.0.1"]);
    assert!(answers.contains("1 packets received") || answers.contains("1 response"), "{answers}");
    let own = network.hardware.to_string();
    assert!(answers.to_lowercase().contains(&own), "{answers}");
    let heard = host.here().listen("0.0.0.0:90");
    let far = outside.listen("0.0.0.0:90");
    for hardware in [hardware, &own] {
        neighbour(hardware);
        let source = if hardware == own { "10.1.3.232:0" } else { "10.1.3.232:1000" };
        attacker.send(source, "10.9.0.2:90");
        attacker.send(source, "10.1.0.1:90");
        if hardware == own {
            break;
        }
    }
    // From the second round alone.
    let mut bytes = [0; 64];
    let socket = heard.socket();
    let (_, from) = socket.recv_from(&mut bytes).unwrap();
    assert_ne!(from.port(), 1000);
    far.socket().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(far.socket().recv_from(&mut bytes).is_err());
}

/// A bridge that somebody removed is joined to the leaves that are there when it is made again.
#[test]
fn leaves_are_joined_again() {
    let mut host = Host::new();
    let network = large(1);
    host.network(&network);
    let inside = host.container(&[member(&network, 1000)]);
    inside.serve(80);
    assert_eq!(host.here().reach("10.1.3.232", 80), "10.1.0.1");
    host.here().run("ip", &["link", "del", "br1"]);
    host.machine.make_bridge(&network).unwrap();
    assert_eq!(host.here().reach("10.1.3.232", 80), "10.1.0.1");
}

/// Whoever comes first makes the leaf; nobody is refused for it, and nobody is let in before it leads anywhere.
#[test]
fn many_come_to_a_leaf_at_once() {
    let mut host = Host::new();
    let network = large(1);
    host.network(&network);
    let here = host.here();
    here.serve(80);
    let numbers = 1000..1008_u16;
    let places: Vec<_> = numbers.clone().map(|_| host.place()).collect();
    std::thread::scope(|scope| {
        for (number, place) in numbers.clone().zip(&places) {
            let (here, network) = (&here, &network);
            scope.spawn(move || {
                let mut machine = here.within(|| network::Machine::open("corten").unwrap());
                machine.attach(&[member(network, number)], place.fd()).unwrap();
                assert_eq!(place.reach("10.1.0.1", 80), format!("10.1.3.{}", number % 256));
            });
        }
    });
    assert_eq!(leaves(&host), 1);
}

#[expect(clippy::disallowed_methods, reason = "there is no event: a measurement, not a test")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Not a test: how long the coming of a container takes beside many. `--ignored --nocapture` prints it.
#[test]
#[ignore = "a measurement"]
fn how_long_the_next_one_takes() {
    let mut host = Host::new();
    let network = large(1);
    host.network(&network);
    let mut crowds = Vec::new();
    let mut next = 2;
    for count in [10, 500, 1000, 2000, 4000] {
        while next < count {
            let (ours, end) = (host.place(), count.min(next + 40));
            crowd(&mut host, &ours, &network, next..end);
            crowds.push(ours);
            next = end;
        }
        // What the crowd's interfaces say at first has passed.
        wait(Duration::from_secs(15));
        let placed: Vec<_> =
            (0..50).map(|number| (host.place(), [member(&network, 5000 + number)])).collect();
        let mut times = |work: &mut dyn FnMut(&mut Host, &Place, &[Attachment])| {
            let mut times: Vec<Duration> = Vec::new();
            for (place, one) in &placed {
                let start = Instant::now();
                work(&mut host, place, one);
                times.push(start.elapsed());
            }
            times.sort();
            [times[5], times[25], times[45]]
        };
        let come = times(&mut |host, place, one| host.machine.attach(one, place.fd()).unwrap());
        let go = times(&mut |host, _, one| host.machine.detach(one).unwrap());
        eprintln!("{count}: attach {come:?}, detach {go:?}");
    }
}
