//! How fast a container is, its interface's parameters, and what is seen of it.

use std::num::NonZeroU64;
use std::process::{Child, Command, Stdio};

use network::{Attachment, InterfaceSetting, LiveInterface, NetworkError, Rates};

use crate::support::{Host, Place, attachment, plan};

/// A server of iperf3 in a place; ends with it.
struct Server(Child);

impl Server {
    fn at(place: &Place) -> Self {
        let child = place.within(|| {
            let mut command = Command::new("iperf3");
            command.args(["-s", "-1", "--forceflush"]).stdout(Stdio::piped());
            command.spawn().unwrap()
        });
        let mut server = Self(child);
        let output = server.0.stdout.take().unwrap();
        // It listens once it says so.
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output));
        assert!(lines.any(|line| line.unwrap().contains("listening")));
        std::thread::spawn(move || lines.for_each(drop));
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Megabits a second that arrive, from the one to the other.
fn measured(from: &Place, to: &Place, address: &str) -> f64 {
    let _server = Server::at(to);
    let report = from.run("iperf3", &["-c", address, "-t", "3", "-O", "1", "-J"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["end"]["sum_received"]["bits_per_second"].as_f64().unwrap() / 1e6
}

fn bounded(to: Rates) -> Attachment {
    Attachment { rates: to, ..attachment(&plan(1), 2) }
}

#[test]
fn twenty_megabits_are_twenty_both_ways() {
    let mut host = Host::new();
    host.network(&plan(1));
    let twenty = NonZeroU64::new(20_000_000 / 8);
    let one = bounded(Rates { ingress: twenty, egress: twenty });
    let inside = host.container(std::slice::from_ref(&one));
    let other = host.container(&[attachment(&plan(1), 3)]);
    for (from, to, address) in [(&other, &inside, "10.1.0.2"), (&inside, &other, "10.1.0.3")] {
        let rate = measured(from, to, address);
        assert!((18.0..22.0).contains(&rate), "to {address}: {rate}");
    }
    host.machine.detach(&[one]).unwrap();
    assert_eq!(host.here().run("ip", &["-br", "link"]).lines().count(), 3);
}

#[test]
fn one_way_leaves_the_other_as_it_is() {
    let mut host = Host::new();
    host.network(&plan(1));
    let one = bounded(Rates { ingress: None, egress: NonZeroU64::new(5_000_000 / 8) });
    let inside = host.container(&[one]);
    let other = host.container(&[attachment(&plan(1), 3)]);
    assert!(measured(&other, &inside, "10.1.0.2") > 100.0);
    let rate = measured(&inside, &other, "10.1.0.3");
    assert!((4.5..5.5).contains(&rate), "{rate}");
}

#[test]
fn an_interface_has_parameters_of_its_own() {
    let mut host = Host::new();
    host.network(&plan(1));
    let with = |name: &str, value: &str| Attachment {
        interface: "net.0".to_owned(),
        settings: vec![InterfaceSetting { name: name.to_owned(), value: value.to_owned() }],
        ..attachment(&plan(1), 2)
    };
    let inside = host.container(&[with("ipv4.conf.IFNAME.log_martians", "1")]);
    let path = "/proc/sys/net/ipv4/conf/net.0/log_martians";
    assert_eq!(inside.run("cat", &[path]), "1\n");
    host.machine.detach(&[with("", "")]).unwrap();
    let place = host.place();
    for wrong in [
        "ipv4.ip_forward",
        "ipv4.conf.all.log_martians",
        "core.conf.IFNAME.x",
        "ipv4.conf.IFNAME.../../x",
        "ipv4.conf.IFNAME",
    ] {
        let refused = host.machine.attach(&[with(wrong, "1")], place.fd()).unwrap_err();
        assert!(matches!(refused, NetworkError::NoSetting(_)), "{refused:?}");
    }
    let refused = host.machine.attach(&[with("ipv4.conf.IFNAME.no_such", "1")], place.fd());
    assert_eq!(refused.unwrap_err().to_string(), "set net/ipv4/conf/net.0/no_such");
    assert_eq!(host.here().run("ip", &["-br", "link"]).lines().count(), 2);
}

#[test]
fn what_has_passed_is_counted() {
    let mut host = Host::new();
    host.network(&plan(1));
    let inside = host.container(&[attachment(&plan(1), 2)]);
    inside.serve(80);
    let look = || {
        let all = LiveInterface::all(inside.fd()).unwrap();
        all.into_iter().find(|one| one.name == "eth0").unwrap()
    };
    let before = look();
    assert_eq!(before.hardware.unwrap().to_string(), "02:00:00:00:01:02");
    let addresses: Vec<_> = before.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.0.2/24", "fd00:1::2/64", "fe80::ff:fe00:102/64"]);
    assert!(before.is_up && before.mtu == 1500);
    let heard = host.here().listen("10.1.0.1:90");
    for _ in 0..10 {
        inside.send("10.1.0.2:0", "10.1.0.1:90");
        heard.next();
    }
    let sent = look().traffic.sent_packets - before.traffic.sent_packets;
    assert!((10..20).contains(&sent), "{sent}");
}
