//! Published ports, and the rules that the host's administrator has for what the host receives.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use network::PublishPolicy::{self, Open, RespectHost};
use network::{Attachment, BridgePlan, PortMapping, Transport};

use crate::support::{Host, Place, attachment, plan};

/// A host with a published port, and two machines outside.
struct Scene {
    host: Host,
    network: BridgePlan,
    server: Attachment,
    inside: Place,
    friend: Place,
    stranger: Place,
}

impl Scene {
    fn new() -> Self {
        let mut host = Host::new();
        let network = plan(1);
        host.network(&network);
        let friend = host.place();
        host.wire("wan", ("10.9.0.1/24", "fd00:9::1/64"), &friend, ("10.9.0.2/24", "fd00:9::2/64"));
        let stranger = host.place();
        host.wire(
            "lan",
            ("10.8.0.1/24", "fd00:8::1/64"),
            &stranger,
            ("10.8.0.2/24", "fd00:8::2/64"),
        );
        let mut server = attachment(&network, 2);
        server.ports = host.published(&server, 8080, 80);
        let datagrams =
            |port: &PortMapping| PortMapping { transport: Transport::Udp, ..port.clone() };
        server.ports.extend(server.ports.clone().iter().map(datagrams));
        let inside = host.container(std::slice::from_ref(&server));
        inside.serve(80);
        Self { host, network, server, inside, friend, stranger }
    }

    fn write(&mut self, policy: PublishPolicy) {
        let places = [&[self.server.clone()][..]];
        self.host.machine.write_rules(policy, [&self.network], places).unwrap();
    }

    fn of_the_host(&self, program: &str, arguments: &str) {
        let arguments: Vec<_> = arguments.split(' ').collect();
        assert_eq!(self.host.here().run(program, &arguments), "");
    }

    /// What an administrator has: nothing comes in but what is known, and friends.
    fn closed_but_for_friends(&self) {
        self.of_the_host("nft", "add table inet filter");
        for rule in [
            "ct state established,related accept",
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
            "iifname lo accept",
            "ip saddr 10.9.0.2 meta l4proto { tcp, udp } th dport 8080 accept",
            "ip6 saddr fd00:9::2 meta l4proto { tcp, udp } th dport 8080 accept",
        ] {
            self.of_the_host("nft", "add chain inet filter input { type filter hook input priority filter ; policy drop ; }");
            self.of_the_host("nft", &format!("add rule inet filter input {rule}"));
        }
    }
}

#[test]
fn the_hosts_rules_hold_where_they_are_respected() {
    let mut scene = Scene::new();
    scene.closed_but_for_friends();
    // Who is filtered still sees how it is without.
    assert_eq!(scene.stranger.reach("10.8.0.1", 8080), "10.8.0.2");
    scene.write(RespectHost);
    for (place, host, own) in
        [(&scene.friend, "10.9.0.1", "10.9.0.2"), (&scene.friend, "fd00:9::1", "fd00:9::2")]
    {
        assert_eq!(place.reach(host, 8080), own);
    }
    assert!(scene.stranger.misses("10.8.0.1", 8080));
    assert!(scene.stranger.misses("fd00:8::1", 8080));
    // Another address of the host is the host, too.
    scene.stranger.run("ip", &["route", "add", "10.9.0.0/24", "via", "10.8.0.1"]);
    assert!(scene.stranger.misses("10.9.0.1", 8080));
    // The host itself and its containers are not outside.
    assert_eq!(scene.host.here().reach("127.0.0.1", 8080), "10.1.0.1");
    assert_eq!(scene.inside.reach("10.1.0.1", 8080), "10.1.0.1");
    assert_eq!(scene.inside.reach("10.9.0.1", 8080), "10.1.0.1");
    assert_eq!(scene.inside.reach("fd00:1::1", 8080), "fd00:1::1");
    scene.write(Open);
    assert_eq!(scene.stranger.reach("fd00:8::1", 8080), "fd00:8::2");
    let links = scene.host.here().run("ip", &["-br", "link"]);
    assert!(!links.contains("corten-"), "{links}");
}

/// Senders that a strict host looks for, datagrams, the largest too, and both families.
#[test]
fn datagrams_keep_their_senders() {
    let mut scene = Scene::new();
    scene.of_the_host("sysctl", "-qw net.ipv4.conf.all.rp_filter=1");
    scene.closed_but_for_friends();
    scene.write(RespectHost);
    for (any, host, other) in [
        ("0.0.0.0:80", "10.9.0.1:8080", "10.8.0.1:8080"),
        ("[::]:80", "[fd00:9::1]:8080", "[fd00:8::1]:8080"),
    ] {
        let socket = scene.inside.within(|| UdpSocket::bind(any).unwrap());
        scene.stranger.send(&any.replace("80", "0"), other);
        for size in [1, 1400, 6000, 60_000] {
            let client = scene.friend.within(|| UdpSocket::bind(any.replace("80", "0")).unwrap());
            for _ in 0..2 {
                let send = || client.send_to(&vec![1; size], host).map(drop);
                let from = scene.friend.within(|| hear(&socket, size, send));
                let own = host.replace("1]:8080", "2]").replace("1:8080", "2");
                assert_eq!(from.ip().to_string(), own.trim_matches(['[', ']']));
                let answered = hear(&client, 6, || socket.send_to(b"answer", from).map(drop));
                assert_eq!(answered.to_string(), host);
            }
        }
    }
}

/// Who a datagram of that size is from that is sent meanwhile: a busy machine may lose one, so it is sent again.
fn hear(
    socket: &UdpSocket,
    size: usize,
    send: impl Fn() -> std::io::Result<()>,
) -> std::net::SocketAddr {
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = vec![0; 65_535];
    for _again in 0..6 {
        send().unwrap();
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            // Another one is a second copy of what came before.
            if length == size {
                return from;
            }
        }
    }
    panic!("a datagram of {size} bytes was lost six times");
}

/// What speaks goes on speaking whatever the policy becomes, and whatever the host lets in from then on.
#[test]
fn connections_outlive_a_change_of_policy() {
    let mut scene = Scene::new();
    let listener = scene.inside.within(|| TcpListener::bind("[::]:90").unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    writeln!(writer, "{line}").unwrap();
                }
            });
        }
    });
    let ports = scene.host.published(&scene.server, 9090, 90);
    scene.server.ports.extend(ports);
    let mut streams = Vec::new();
    for policy in [Open, RespectHost, Open, RespectHost] {
        scene.write(policy);
        for address in ["10.9.0.1:9090", "[fd00:9::1]:9090"] {
            let stream = scene.friend.within(|| TcpStream::connect(address).unwrap());
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            streams.push(BufReader::new(stream));
        }
        for stream in &mut streams {
            stream.get_mut().write_all(b"and on\n").unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert_eq!(line, "and on\n");
        }
    }
    scene.closed_but_for_friends();
    assert!(scene.friend.misses("10.9.0.1", 9090));
    for stream in &mut streams {
        stream.get_mut().write_all(b"and on\n").unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "and on\n");
    }
}

/// Rules of iptables, and a host that has none.
#[test]
fn whoever_wrote_the_rules() {
    let mut scene = Scene::new();
    scene.write(RespectHost);
    assert_eq!(scene.friend.reach("10.9.0.1", 8080), "10.9.0.2");
    assert_eq!(scene.stranger.reach("fd00:8::1", 8080), "fd00:8::2");
    let rule = "-A INPUT -p tcp --dport 8080 -i lan -j REJECT";
    for program in ["iptables-nft", "ip6tables-nft"] {
        scene.of_the_host(program, rule);
    }
    for (address, from) in [("10.9.0.1", &scene.friend), ("fd00:9::1", &scene.friend)] {
        assert_ne!(from.reach(address, 8080), "");
    }
    assert!(scene.stranger.misses("10.8.0.1", 8080));
    assert!(scene.stranger.misses("fd00:8::1", 8080));
    // What is no published port is the host's own affair.
    scene.host.here().serve(90);
    assert_eq!(scene.stranger.reach("10.8.0.1", 90), "10.8.0.2");
}

/// Two stores on one machine, and what is left when they are gone.
#[test]
fn stores_do_not_meet() {
    let mut scene = Scene::new();
    scene.write(RespectHost);
    let mut other = scene.host.here().within(|| network::Machine::open("corten-0123abcd").unwrap());
    let network = plan(2);
    let mut server = attachment(&network, 2);
    server.ports = scene.host.published(&server, 8081, 80);
    let place = scene.host.place();
    other.write_rules(RespectHost, [&network], []).unwrap();
    other.make_bridge(&network).unwrap();
    other.attach(&[server], place.fd()).unwrap();
    place.serve(80);
    assert_eq!(scene.friend.reach("10.9.0.1", 8080), "10.9.0.2");
    assert_eq!(scene.friend.reach("10.9.0.1", 8081), "10.9.0.2");
    assert_eq!(scene.stranger.reach("fd00:8::1", 8081), "fd00:8::2");
    other.remove_rules().unwrap();
    assert_eq!(scene.friend.reach("10.9.0.1", 8080), "10.9.0.2");
    scene.host.machine.remove_rules().unwrap();
    assert_eq!(scene.host.here().run("nft", &["list", "ruleset"]), "");
    let links = scene.host.here().run("ip", &["-br", "link"]);
    assert!(!links.contains("out-") && !links.contains("-out"), "{links}");
}
