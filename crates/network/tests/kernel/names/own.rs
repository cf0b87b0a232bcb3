//! What containers are called.

use network::resolver::Link;

use super::scene::{NameServer, Scene, member};

#[test]
fn names_aliases_and_addresses_are_known_at_once() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web", "0123456789ab", "www"], 2));
    let _other = scene.container(member(1, &["web2", "www"], 3));
    let elsewhere = scene.container(member(2, &["db"], 2));
    for way in ["+notcp", "+tcp"] {
        assert_eq!(web.short(&[way, "WEB"]), ["10.1.0.2"]);
        assert_eq!(web.short(&[way, "0123456789ab", "AAAA"]), ["fd00:1::2"]);
        assert_eq!(web.short(&[way, "web2.net1"]), ["10.1.0.3"]);
        assert_eq!(web.short(&[way, "www"]), ["10.1.0.2", "10.1.0.3"]);
        assert_eq!(web.short(&[way, "-x", "10.1.0.3"]), ["web2.net1."]);
        assert_eq!(web.short(&[way, "-x", "fd00:1::3"]), ["web2.net1."]);
    }
    assert_eq!(elsewhere.short(&["db"]), ["10.2.0.2"]);
    // Not a name of this network; nobody else is there to be asked.
    assert!(elsewhere.head(&["web"]).contains("status: SERVFAIL"));
    assert!(web.dig(&["web"]).contains("10\tIN\tA\t10.1.0.2"));
}

/// moby#20335: who asks for an address of a kind that is not there waited for a name server far away.
#[test]
fn a_known_name_without_such_an_address_has_none() {
    let scene = Scene::new();
    let mut only_v4 = member(1, &["web"], 2);
    only_v4.networks[0].addresses.truncate(1);
    let web = scene.container(only_v4);
    for kind in ["AAAA", "MX", "HTTPS", "ANY"] {
        let head = web.head(&["web", kind]);
        assert!(head.contains("status: NOERROR") && head.contains("ANSWER: 0,"), "{kind}: {head}");
    }
}

#[test]
fn every_shared_name_comes_first_sometimes() {
    let scene = Scene::new();
    let first = scene.container(member(1, &["a", "www"], 2));
    let _second = scene.container(member(1, &["b", "www"], 3));
    let comes_first = |address: &str| {
        let starts = || first.dig(&["+short", "www"]).starts_with(address);
        (0..100).any(|_| starts())
    };
    assert!(comes_first("10.1.0.2") && comes_first("10.1.0.3"));
}

#[test]
fn names_come_change_and_go_with_those_who_have_them() {
    let scene = Scene::new();
    let asker = scene.container(member(1, &["asker"], 2));
    let mut linked = member(1, &["linked"], 4);
    linked.networks[0].links = vec![Link { alias: "db".to_owned(), name: "one".to_owned() }];
    let linked = scene.container(linked);
    let other = scene.container(member(1, &["one"], 3));
    assert_eq!(asker.short(&["one"]), ["10.1.0.3"]);
    assert_eq!(linked.short(&["db"]), ["10.1.0.3"]);
    assert!(asker.head(&["db"]).contains("SERVFAIL"));
    let mut renamed = member(1, &["two"], 3);
    renamed.networks.extend(member(2, &["two"], 9).networks);
    other.update(&renamed);
    assert!(asker.head(&["one"]).contains("SERVFAIL"));
    assert_eq!(asker.short(&["two"]), ["10.1.0.3"]);
    let neighbour = scene.container(member(2, &["neighbour"], 2));
    assert_eq!(neighbour.short(&["two"]), ["10.2.0.9"]);
    drop(other);
    let gone = |_: &u32| asker.head(&["two"]).contains("SERVFAIL");
    assert!((0..1000).any(|turn| gone(&turn)));
}

/// Its own name server has port 53 of every address, and 127.0.0.11 is still ours.
#[test]
fn a_container_may_be_a_name_server() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    web.place.run("ip", &["address", "add", "10.1.0.2/24", "dev", "lo"]);
    let own = ["--address=/web/192.0.2.9"];
    let _server = NameServer::start(&web.place, "0.0.0.0", &own);
    for way in ["+notcp", "+tcp"] {
        assert_eq!(web.short(&[way, "web"]), ["10.1.0.2"]);
        for theirs in ["@10.1.0.2", "@127.0.0.1"] {
            let answer = web.place.run("dig", &[theirs, "+short", way, "web"]);
            assert_eq!(answer.trim(), "192.0.2.9", "{theirs}");
        }
    }
    // The kernel's table of connections is in use there, and nothing changes.
    let rules = "add table ip t\nadd chain ip t c { type nat hook output priority 0; }\n\
        add rule ip t c ct state new counter\n";
    let path = scene.state.path().join("rules");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&path, rules).unwrap();
    assert_eq!(web.place.run("nft", &["-f", path.to_str().unwrap()]), "");
    for way in ["+notcp", "+tcp"] {
        assert_eq!(web.short(&[way, "web"]), ["10.1.0.2"]);
    }
    assert!(web.place.run("nft", &["list", "ruleset"]).contains("127.0.0.11"));
}

/// Somebody has emptied the container's packet filter.
#[test]
fn the_way_to_the_resolver_can_be_made_again() {
    let scene = Scene::new();
    let web = scene.container(member(1, &["web"], 2));
    web.place.run("nft", &["flush", "ruleset"]);
    let refused = web.place.run("dig", &["@127.0.0.11", "+tries=1", "+time=1", "web"]);
    assert!(refused.contains("refused") || refused.contains("no servers"), "{refused}");
    for _ in 0..2 {
        web.sockets.map_again(web.place.fd()).unwrap();
        assert_eq!(web.short(&["+notcp", "web"]), ["10.1.0.2"]);
        assert_eq!(web.short(&["+tcp", "web"]), ["10.1.0.2"]);
        let rules = web.place.run("nft", &["list", "ruleset"]);
        assert_eq!(rules.matches("127.0.0.11").count(), 4, "{rules}");
    }
}
