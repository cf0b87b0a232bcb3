//! Files as people have them, and what they come to.

use proptest::prelude::*;

use super::*;

const HOSTS: &str = r#"
# Two mirrors, then the registry.
server = "https://registry-1.docker.io"
ca = "hub.pem"

[host."https://zeta.example.org/cache/"]
  capabilities = ["pull", "resolve"]
  ca = ["zeta.pem", "/etc/ssl/other.pem"]
  client = [["zeta.cert", "zeta.key"], ["both.pem", ""]]
  [host."https://zeta.example.org/cache/".header]
    x-team = ["a", "b"]

[host."http://alpha.example.org:5000"]
  capabilities = ["pull"]
  override_path = true
  client = "alone.pem"
  dial_timeout = "1s"

[host."https://registry-1.docker.io"]
  skip_verify = true

[host."https://store.example.org"]
  capabilities = ["push"]
"#;

#[test]
fn hosts_keep_their_order_and_what_is_said_of_them() {
    let file = Path::new("/c/docker.io/hosts.toml");
    let rule = hosts_toml(HOSTS, file, "docker.io").unwrap();
    assert_eq!(rule.location, "https://registry-1.docker.io");
    assert_eq!(rule.tls.ca, [Path::new("/c/docker.io/hub.pem")]);
    assert!(rule.tls.insecure, "its own host says so");
    let [zeta, alpha] = rule.mirrors.as_slice() else { panic!("{rule:#?}") };
    assert_eq!(zeta.location, "https://zeta.example.org/cache");
    assert_eq!(zeta.tls.ca, ["/c/docker.io/zeta.pem", "/etc/ssl/other.pem"].map(PathBuf::from));
    let in_directory = |name: &str| Path::new("/c/docker.io").join(name);
    assert_eq!(
        zeta.tls.client,
        [
            (in_directory("zeta.cert"), Some(in_directory("zeta.key"))),
            (in_directory("both.pem"), None)
        ]
    );
    let headers = [("x-team", "a"), ("x-team", "b")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(zeta.headers, headers);
    assert!(zeta.namespace && !zeta.digests_only && !zeta.override_path && !zeta.tls.insecure);
    assert_eq!(alpha.location, "http://alpha.example.org:5000");
    assert!(alpha.digests_only && alpha.override_path && alpha.tls.insecure);
    assert_eq!(alpha.tls.client, [(in_directory("alone.pem"), None)]);

    let own = hosts_toml("server = 'https://docker.io/'", file, "docker.io").unwrap();
    assert_eq!(own.location, "");
    let own = "[host.\"https://localhost:5000\"]\nca = 'x.pem'";
    let own = hosts_toml(own, file, "localhost:5000").unwrap();
    assert!(own.mirrors.is_empty() && own.location.is_empty() && own.tls.ca.len() == 1);
    assert_eq!(registry_of_directory("_default"), "*");
    assert_eq!(registry_of_directory("example.org_5000_"), "example.org:5000");
    assert_eq!(registry_of_directory("example.org:5000"), "example.org:5000");
    assert_eq!(registry_of_directory("under_score_"), "under_score_");
}

const CONF: &str = r#"
unqualified-search-registries = ["example.org", "docker.io"]
short-name-mode = "permissive"

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "near.example.org/hub"
insecure = true
[[registry.mirror]]
location = "far.example.org"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "docker.io/library"
location = "example.org/official"
mirror-by-digest-only = true
[[registry.mirror]]
location = "near.example.org/official"

[[registry]]
prefix = "*.bad.example.org"
blocked = true

[[registry]]
location = "localhost:5000"
insecure = true

[aliases]
"debian" = "docker.io/library/debian"
"team/tool" = "example.org/team/tool"
"#;

fn conf(texts: &[&str]) -> HostRules {
    let mut conf = RegistriesConf::default();
    for text in texts {
        conf.add(text, Path::new("registries.conf")).unwrap();
    }
    conf.into_rules()
}

#[test]
fn the_longest_prefix_rules() {
    let rules = conf(&[CONF]);
    for (domain, path, prefix) in [
        ("docker.io", "me/app", Some("docker.io")),
        ("docker.io", "library/busybox", Some("docker.io/library")),
        ("docker.io", "libraryx/busybox", Some("docker.io")),
        ("docker.io:443", "me/app", None),
        ("a.b.bad.example.org", "x", Some("*.bad.example.org")),
        ("bad.example.org", "x", None),
        ("notbad.example.org", "x", None),
        ("localhost:5000", "x", Some("localhost:5000")),
        ("localhost", "x", None),
    ] {
        let found = rules.rule(domain, path).map(|rule| rule.prefix.as_str());
        assert_eq!(found, prefix, "{domain}/{path}");
    }
    let hub = rules.rule("docker.io", "me/app").unwrap();
    assert_eq!(hub.location, "");
    assert!(
        hub.mirrors[0].tls.insecure && !hub.mirrors[0].namespace && !hub.mirrors[0].digests_only
    );
    assert!(hub.mirrors[1].tags_only && !hub.mirrors[1].digests_only);
    let library = rules.rule("docker.io", "library/x").unwrap();
    assert!(library.mirrors[0].digests_only && library.location == "example.org/official");
    assert!(rules.rule("x.bad.example.org", "y").unwrap().blocked);

    let mut rules = rules;
    let every = hosts_toml("[host.'https://all.example.org']", Path::new("h"), "*").unwrap();
    rules.merge(HostRules { registries: vec![every], ..HostRules::default() });
    assert_eq!(rules.rule("elsewhere.org", "x").unwrap().mirrors.len(), 1);
    assert_eq!(rules.rule("localhost:5000", "x").unwrap().prefix, "localhost:5000");
}

#[test]
fn names_become_candidates() {
    let rules = conf(&[CONF]);
    let digest = format!("debian@sha256:{}", "0".repeat(64));
    for (text, candidates) in [
        ("localhost/a", vec!["localhost/a:latest"]),
        ("quay.io/a:1", vec!["quay.io/a:1"]),
        ("debian:12", vec!["docker.io/library/debian:12"]),
        (&digest, vec![&*format!("docker.io/library/{digest}")]),
        ("team/tool", vec!["example.org/team/tool:latest"]),
        ("busybox:1", vec!["example.org/busybox:1", "docker.io/library/busybox:1"]),
        ("me/app", vec!["example.org/me/app:latest", "docker.io/me/app:latest"]),
    ] {
        let found = rules.candidates(text).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, candidates, "{text}");
    }
    assert!(rules.candidates("no good").is_err() && rules.candidates("").is_err());
    let plain = HostRules::default().candidates("busybox").unwrap();
    assert_eq!(plain[0].to_string(), "docker.io/library/busybox:latest");
}

#[test]
fn a_later_file_replaces_what_has_its_name() {
    let rules = conf(&[
        CONF,
        "[[registry]]\nprefix = 'docker.io'\nblocked = true\n[aliases]\ndebian = ''",
        "unqualified-search-registries = ['quay.io']",
    ]);
    let hub = rules.rule("docker.io", "me/app").unwrap();
    assert!(hub.blocked && hub.mirrors.is_empty());
    assert_eq!(rules.search, ["quay.io"]);
    assert_eq!(rules.aliases.len(), 1);
    assert_eq!(rules.registries.len(), 4);
    assert!(conf(&[CONF, "unqualified-search-registries = []"]).search.is_empty());
}

#[test]
fn dockers_daemon_says_mirrors_insecure_hosts_and_proxies() {
    let text = r#"{ "registry-mirrors": ["https://hub.example.org/", "http://10.0.0.1:5000"],
        "insecure-registries": ["10.0.0.0/8", "http://test.example.org:5000", "::1/128"], "debug": true, "data-root": "/x",
        "proxies": { "https-proxy": "http://proxy:3128", "no-proxy": "localhost" } }"#;
    let daemon = Daemon::parse(text, Path::new("daemon.json")).unwrap();
    let [hub] = daemon.rules.registries.as_slice() else { panic!("{daemon:?}") };
    assert_eq!((hub.prefix.as_str(), hub.mirrors.len()), ("docker.io", 2));
    assert_eq!(hub.mirrors[0].location, "https://hub.example.org");
    assert!(hub.mirrors[1].tls.insecure && !hub.mirrors[0].tls.insecure);
    assert_eq!(daemon.rules.insecure, ["10.0.0.0/8", "test.example.org:5000", "::1/128"]);
    assert_eq!(daemon.proxies.https, "http://proxy:3128");
    assert!(daemon.proxies.http.is_empty() && daemon.proxies.none == "localhost");
    assert!(Daemon::parse("  \n", Path::new("d")).unwrap().rules.registries.is_empty());
}

#[test]
fn sources_join_and_the_first_one_wins() {
    let hosts = hosts_toml("[host.'https://a.org']", Path::new("h"), "docker.io").unwrap();
    let mut rules = HostRules { registries: vec![hosts], ..HostRules::default() };
    let second = "[[registry]]\nprefix='docker.io'\nlocation='b.org'\nblocked=true\n[[registry.mirror]]\nlocation='c.org'";
    rules.merge(conf(&[second]));
    let hub = rules.rule("docker.io", "x").unwrap();
    assert!(hub.blocked, "a prohibition holds whoever says it");
    assert_eq!((hub.mirrors.len(), hub.mirrors[0].location.as_str()), (1, "https://a.org"));
    assert_eq!(hub.location, "b.org");
}

#[test]
fn refusals_of_hosts_toml_name_file_line_and_key() {
    let file = Path::new("/etc/r");
    let hosts = |text: &str| hosts_toml(text, file, "a.org").unwrap_err().to_string();
    for (said, wanted) in [
        (hosts("\nserver = 1"), "/etc/r:2: server: it is of type integer, not a string"),
        (
            hosts("server = 'ftp://x'"),
            "/etc/r:1: server: \"ftp://x\": its scheme is neither http nor https",
        ),
        (
            hosts("\n\n[host.'https://me@x.org']"),
            "/etc/r:3: https://me@x.org: it may not name a user",
        ),
        (
            hosts("[host.'https://x.org']\ncapabilities = ['fly']"),
            "/etc/r:2: capabilities: \"fly\" is none of pull, resolve, push, referrers",
        ),
        (
            hosts("client = [['a','b','c']]"),
            "/etc/r:1: client: it is neither a file, nor a list of files or of pairs of certificate and key",
        ),
        (hosts("[header]\nx = \"a\\nb\""), "/etc/r:2: x: no header field can be so"),
    ] {
        assert_eq!(said, wanted);
    }
}

#[test]
fn refusals_of_the_others_name_file_line_and_key() {
    let file = Path::new("/etc/r");
    let conf = |text: &str| RegistriesConf::default().add(text, file).unwrap_err().to_string();
    let daemon = |text: &str| Daemon::parse(text, file).unwrap_err().to_string();
    for (said, wanted) in [
        (
            conf("[registries.search]\nregistries = ['a']"),
            "/etc/r:1: registries: this is version 1 of the format; write unqualified-search-registries and [[registry]] instead",
        ),
        (
            conf("[[registry]]\nlocation = 'https://x.org'"),
            "/etc/r:2: location: \"https://x.org\": a scheme does not belong here; see insecure",
        ),
        (
            conf("[[registry]]\nprefix = 'x.org/a:tag'"),
            "/etc/r:2: prefix: \"x.org/a:tag\": rules for a single tag or digest are not supported",
        ),
        (
            conf("[[registry]]\nprefix = 'x.org'\ninsecure = 'yes'"),
            "/etc/r:3: insecure: it is of type string, not true or false",
        ),
        (conf("[registry]\nprefix = 3"), "/etc/r:2: prefix: it is of type integer, not a string"),
        (
            conf("unqualified-search-registries = ['hub']"),
            "/etc/r:1: unqualified-search-registries: \"hub\": it is no registry's name",
        ),
        (
            conf("unqualified-search-registries = ['a..example']"),
            "/etc/r:1: unqualified-search-registries: \"a..example\": it is no registry's name",
        ),
        (
            conf("[aliases]\na = 'b'"),
            "/etc/r:2: a: \"b\" is no repository with its registry, without tag and digest",
        ),
        (
            daemon("{\"registry-mirrors\": \"x\"}"),
            "/etc/r: registry-mirrors: it is no list of strings",
        ),
        (
            daemon("{\"registry-mirrors\": [\"https://x.org/y\"]}"),
            "/etc/r: registry-mirrors: \"https://x.org/y\": a mirror of docker.io may have no path",
        ),
        (
            daemon("{\"insecure-registries\": [\"10.0.0.0/99\"]}"),
            "/etc/r: insecure-registries: \"10.0.0.0/99\": its network has no such length",
        ),
    ] {
        assert_eq!(said, wanted);
    }
    assert!(conf("a = ").starts_with("/etc/r:1: "), "{}", conf("a = "));
    assert!(daemon("{\n\"a\"").starts_with("/etc/r:2: it is no JSON: "), "{}", daemon("{\n\"a\""));
    assert!(conf("[[registry]]").contains("needs a prefix or a location"));
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "([a-z]{1,4} = |\\[{1,2}|\\]{1,2}|host|registry|mirror|aliases|\\.|[\"'{}:/*@,]|https://|true|[0-9]|\n|\\PC){0,40}") {
        let file = Path::new("f");
        let _ = hosts_toml(&text, file, "a.org");
        let _ = hosts_toml(&format!("[host.\"{text}\"]\nca = \"{text}\""), file, "*");
        let _ = RegistriesConf::default().add(&text, file);
        let _ = RegistriesConf::default().add(&format!("[[registry]]\nprefix = \"{text}\"\n[aliases]\n\"{text}\" = \"{text}\""), file);
        let _ = Daemon::parse(&text, file);
        let _ = Daemon::parse(&format!("{{\"registry-mirrors\": [{0:?}], \"insecure-registries\": [{0:?}]}}", text), file);
        let _ = registry_of_directory(&text);
        let _ = conf(&[CONF]).candidates(&text);
    }
}
