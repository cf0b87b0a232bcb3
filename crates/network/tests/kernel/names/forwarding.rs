//! What the resolver does not know itself.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::scene::{NameServer, Scene, member};

const HOST: &str = "127.0.0.53";

#[test]
fn the_hosts_name_server_is_asked_and_its_answers_are_kept() {
    let scene = Scene::new();
    let here = scene.host.here();
    let mut server = NameServer::start(&here, HOST, &["--address=/example.test/192.0.2.1"]);
    let web = scene.container(member(1, &["web"], 2));
    let other = scene.container(member(2, &["other"], 2));
    for container in [&web, &other, &web] {
        assert_eq!(container.short(&["a.example.test"]), ["192.0.2.1"]);
        assert_eq!(container.short(&["+tcp", "A.Example.test"]), ["192.0.2.1"]);
    }
    assert_eq!(server.asked(&here, HOST), ["a.example.test"]);
    // What does not exist does not; names of one label are asked for, too.
    assert!(web.head(&["nobody.test"]).contains("status: REFUSED"));
    assert_eq!(server.asked(&here, HOST), ["nobody.test"]);
    let _ = web.head(&["single"]);
    assert!(server.asked(&here, HOST).contains(&"single".to_owned()));
}

#[test]
fn the_hosts_resolv_conf_is_followed() {
    let scene = Scene::new();
    let here = scene.host.here();
    let _first = NameServer::start(&here, HOST, &["--address=/example.test/192.0.2.1"]);
    let _second = NameServer::start(&here, "127.0.0.54", &["--address=/example.test/192.0.2.2"]);
    let web = scene.container(member(1, &["web"], 2));
    assert_eq!(web.short(&["example.test"]), ["192.0.2.1"]);
    scene.resolv_conf("# by hand\nnameserver 127.0.0.54\n");
    assert_eq!(web.short(&["example.test"]), ["192.0.2.2"]);
    // What the first one said still holds.
    scene.resolv_conf("nameserver 127.0.0.53\n");
    assert_eq!(web.short(&["example.test"]), ["192.0.2.1"]);
}

#[test]
fn a_server_that_is_not_there_or_silent_is_passed_over() {
    let scene = Scene::new();
    let here = scene.host.here();
    let _server = NameServer::start(&here, HOST, &["--address=/example.test/192.0.2.1"]);
    let _silent = here.within(|| UdpSocket::bind("127.0.0.60:53").unwrap());
    let servers = ["127.0.0.61", "127.0.0.60", HOST].map(|server| server.parse().unwrap());
    let mut own = member(1, &["web"], 2);
    own.upstream.servers = Some(servers.to_vec());
    own.upstream.timeout = Some(1);
    let web = scene.container(own);
    let start = Instant::now();
    assert_eq!(web.short(&["example.test"]), ["192.0.2.1"]);
    assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
    // The one that answered is asked first from now on.
    let start = Instant::now();
    assert_eq!(web.short(&["b.example.test"]), ["192.0.2.1"]);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
}

#[test]
fn large_answers_are_asked_for_and_given_by_tcp() {
    let scene = Scene::new();
    let here = scene.host.here();
    let text = format!("--txt-record=large.test,{}", ["x".repeat(250).as_str(); 12].join(","));
    let _server = NameServer::start(&here, HOST, &[&text]);
    let web = scene.container(member(1, &["web"], 2));
    let cut = web.head(&["+ignore", "large.test", "TXT"]);
    assert!(cut.contains("flags: qr tc") && cut.contains("ANSWER: 0,"), "{cut}");
    let room = web.head(&["+ignore", "+bufsize=4096", "large.test", "TXT"]);
    assert!(!room.contains(" tc ") && room.contains("ANSWER: 1,"), "{room}");
    let plain = web.head(&["+ignore", "+noedns", "large.test", "TXT"]);
    assert!(plain.contains(" tc ") && !plain.contains("EDNS"), "{plain}");
    // By itself dig comes back by TCP.
    assert!(web.dig(&["large.test", "TXT"]).len() > 3000);
}

/// CVE-2024-29018: names inside of an internal network are nobody's business outside.
#[test]
fn an_internal_network_tells_nobody_anything() {
    let scene = Scene::new();
    let here = scene.host.here();
    let mut server = NameServer::start(&here, HOST, &["--address=/#/192.0.2.1"]);
    let mut closed = member(1, &["web"], 2);
    closed.networks[0].is_internal = true;
    let web = scene.container(closed.clone());
    let names = ["secret", "secret.example.test", "web.secret"];
    let check = || {
        for name in names {
            for way in ["+notcp", "+tcp"] {
                assert!(web.head(&[way, name]).contains("status: SERVFAIL"), "{name}");
            }
        }
        assert!(web.head(&["-x", "10.1.0.77"]).contains("status: SERVFAIL"));
        assert_eq!(web.short(&["web"]), ["10.1.0.2"]);
    };
    check();
    assert!(server.asked(&here, HOST).is_empty());
    // Nor by a server that it names itself, unless that is in the network, too.
    closed.upstream.servers = Some(vec![HOST.parse().unwrap()]);
    web.update(&closed);
    check();
    assert!(server.asked(&here, HOST).is_empty());
    here.run("ip", &["address", "add", "10.1.0.53/24", "dev", "lo"]);
    let _inside = NameServer::start(&here, "10.1.0.53", &["--address=/#/192.0.2.7"]);
    closed.upstream.servers = Some(vec![HOST.parse().unwrap(), "10.1.0.53".parse().unwrap()]);
    web.update(&closed);
    assert_eq!(web.short(&["secret"]), ["192.0.2.7"]);
    assert!(server.asked(&here, HOST).is_empty());
    // With a way out besides it may ask.
    closed.networks.extend(member(2, &["web"], 2).networks);
    closed.upstream.servers = None;
    web.update(&closed);
    assert_eq!(web.short(&["secret"]), ["192.0.2.1"]);
}

/// `options ndots:1` is for names that the search list completes.
#[test]
fn short_names_go_through_the_search_list_where_that_is_asked_for() {
    let scene = Scene::new();
    let here = scene.host.here();
    let mut server = NameServer::start(&here, HOST, &["--address=/#/192.0.2.1"]);
    let mut own = member(1, &["web"], 2);
    own.upstream.ndots = Some(1);
    let web = scene.container(own);
    assert!(web.head(&["single"]).contains("ANSWER: 0,"));
    assert_eq!(web.short(&["single.test"]), ["192.0.2.1"]);
    assert_eq!(server.asked(&here, HOST), ["single.test"]);
}
