//! Which files count, and in which order.

use super::*;

fn environment<'a>(
    variables: &'a [(&'a str, &'a str)],
) -> impl Fn(&str) -> Option<String> + use<'a> {
    move |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }
}

fn put(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(path, text).unwrap();
}

#[test]
fn places_are_the_users_and_the_machines() {
    let home = environment(&[("HOME", "/home/me")]);
    let places = Places::find(&home);
    assert_eq!(
        places.registries,
        ["/home/me/.config/containers/registries.conf", "/etc/containers/registries.conf"]
            .map(PathBuf::from)
    );
    assert_eq!(
        places.drop_ins.last().unwrap(),
        Path::new("/home/me/.config/containers/registries.conf.d")
    );
    assert_eq!(places.certificates.len(), 4);
    let named = environment(&[("CONTAINERS_REGISTRIES_CONF", "/x"), ("XDG_CONFIG_HOME", "/c")]);
    let places = Places::find(&named);
    assert_eq!(places.registries, [Path::new("/x")]);
    assert_eq!(places.certificates.last().unwrap(), Path::new("/c/containers/certs.d"));
    let own = environment(&[("CORTEN_REGISTRY_CONFIG", "/d"), ("HOME", "/home/me")]);
    let places = Places::find(&own);
    assert!(
        [places.hosts, places.registries, places.drop_ins, places.certificates]
            .iter()
            .all(|paths| matches!(paths.as_slice(), [path] if path.starts_with("/d")))
    );
    assert_eq!(places.daemon, Path::new("/d/daemon.json"));
}

#[test]
fn files_join_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let own = path.display().to_string();
    let variables = [("CORTEN_REGISTRY_CONFIG", own.as_str())];
    let places = Places::find(&environment(&variables));
    let (nothing, proxies) = rules(&places).unwrap();
    assert!(nothing.registries.is_empty() && proxies == Proxies::default());
    assert!(nothing.insecure.is_empty());

    put(path, "certs.d/docker.io/hosts.toml", "[host.'https://first.org']\nca = 'ca.pem'");
    put(path, "certs.d/_default/hosts.toml", "[host.'https://every.org']");
    put(path, "certs.d/a.org:5000/ca.crt", "");
    put(
        path,
        "registries.conf",
        "unqualified-search-registries = ['a.org']\n[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'second.org'",
    );
    put(
        path,
        "registries.conf.d/10.conf",
        "unqualified-search-registries = ['b.org']\n[aliases]\nx = 'a.org/x'",
    );
    put(path, "registries.conf.d/20.conf", "[aliases]\nx = 'b.org/x'");
    put(path, "registries.conf.d/30.off", "this is none");
    put(
        path,
        "daemon.json",
        "{\"registry-mirrors\": [\"https://third.org\"], \"insecure-registries\": [\"c.org\"], \"proxies\": {\"http-proxy\": \"http://p\"}}",
    );
    let (found, proxies) = rules(&places).unwrap();
    let hub = found.rule("docker.io", "library/x").unwrap();
    let mirrors: Vec<&str> = hub.mirrors.iter().map(|mirror| mirror.location.as_str()).collect();
    assert_eq!(mirrors, ["https://first.org"]);
    assert_eq!(hub.mirrors[0].tls.ca, [path.join("certs.d/docker.io/ca.pem")]);
    assert_eq!(found.rule("other.org", "x").unwrap().mirrors[0].location, "https://every.org");
    assert_eq!(found.search, ["b.org"]);
    assert_eq!(found.candidates("x:1").unwrap()[0].to_string(), "b.org/x:1");
    assert!(found.insecure.contains(&"c.org".to_owned()));
    assert_eq!(proxies.http, "http://p");

    let mut open = found.clone();
    allow_everything(&mut open);
    assert!(
        open.registries
            .iter()
            .all(|rule| rule.tls.insecure && rule.mirrors.iter().all(|mirror| mirror.tls.insecure))
    );
    demand_tls(&mut open);
    assert!(open.insecure.is_empty() && open.registries.iter().all(|rule| !rule.tls.insecure));

    put(path, "registries.conf.d/40.conf", "[[registry]]\nblocked = 1");
    let error = rules(&places).unwrap_err().line();
    assert!(error.starts_with(&format!("{own}/registries.conf.d/40.conf:")), "{error}");
    std::fs::remove_file(path.join("daemon.json")).unwrap();
    std::fs::create_dir(path.join("daemon.json")).unwrap();
    std::fs::remove_dir_all(path.join("registries.conf.d")).unwrap();
    let error = rules(&places).unwrap_err().line();
    assert_eq!(error, format!("read {own}/daemon.json: EISDIR"));
}

#[test]
fn proxies_are_the_environments_before_the_daemons() {
    let daemon = || Proxies { http: "dh".into(), https: "ds".into(), none: "dn".into() };
    let found = |variables: &[(&str, &str)]| {
        let found = proxies(&environment(variables), daemon());
        format!("{} {} {}", found.http, found.https, found.none)
    };
    assert_eq!(found(&[]), "dh ds dn");
    assert_eq!(found(&[("HTTP_PROXY", "H"), ("http_proxy", "h"), ("NO_PROXY", "N")]), "h ds N");
    assert_eq!(found(&[("HTTP_PROXY", "H"), ("HTTPS_PROXY", "S")]), "H S dn");
    let request = ("REQUEST_METHOD", "GET");
    assert_eq!(found(&[("HTTP_PROXY", "evil"), ("HTTPS_PROXY", "S"), request]), "dh S dn");
    assert_eq!(found(&[("http_proxy", "h"), ("ALL_PROXY", "A"), request]), "h A dn");
}

#[test]
fn certificates_are_those_that_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    put(path, "a.pem", "");
    put(path, "b.crt", "");
    put(path, "0a1b2c3d.0", "");
    let (here, file) = (path.display().to_string(), path.join("a.pem").display().to_string());
    let mut rules = HostRules::default();
    let variables = [("SSL_CERT_DIR", here.as_str()), ("SSL_CERT_FILE", file.as_str())];
    assert_eq!(trusted(&environment(&variables), &mut rules).unwrap(), [path.join("a.pem")]);
    assert_eq!(rules.ca, [path.join("a.pem"), path.join("b.crt")]);
    assert_eq!(trusted(&environment(&[]), &mut HostRules::default()).unwrap().len(), 6);
    let absent = environment(&[("SSL_CERT_FILE", "/nowhere.pem")]);
    let error = trusted(&absent, &mut HostRules::default()).unwrap_err();
    assert_eq!(error.line(), "read /nowhere.pem: ENOENT");
}
