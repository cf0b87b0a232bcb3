//! From rules to hosts: whom a repository is asked of, in which order, and how each is reached. Deciding only; nothing connects
//! here.
//!
//! Start at [`plan`]. Sources: containers-registries.conf(5), containerd's hosts.md, Docker's documentation of insecure registries.

use std::net::ToSocketAddrs;

use crate::address::{Scheme, ip, is_loopback, split_port};
use crate::hosts::{HostRules, Mirror, RegistryRule, TlsRule};
use crate::http::Trust;
use crate::proxy::in_network;

/// The name of Docker's registry, and the host that serves it.
const DOCKER: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// Whether a host is spoken to with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In any case.
    Https,
    /// Where it can: what answers first is remembered.
    HttpsFirst,
    /// Never: a setting says `http://`.
    Http,
}

/// One host, for one repository.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// By which name credentials are kept and people speak of it.
    pub(crate) registry: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) reach: Reach,
    /// Before the repository: `/v2`.
    pub(crate) root: String,
    /// Repository's path there.
    pub(crate) path: String,
    /// Sent as `ns`: whose copies are wanted.
    pub(crate) namespace: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) trust: Trust,
    pub(crate) digests_only: bool,
    pub(crate) tags_only: bool,
    pub(crate) is_mirror: bool,
}

/// Whom a repository is asked of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) mirrors: Vec<Endpoint>,
    /// The registry itself; what is written goes there.
    pub(crate) origin: Endpoint,
    pub(crate) mirrors_only: bool,
}

/// Decides for a repository; the refusal in words where images of it are blocked.
pub(crate) fn plan(rules: &HostRules, domain: &str, path: &str) -> Result<Plan, String> {
    let name = format!("{domain}/{path}");
    let none = RegistryRule::default();
    let rule = rules.rule(domain, path);
    if rule.is_some_and(|rule| rule.blocked) {
        return Err(format!("images of {name} are blocked by the settings"));
    }
    let rule = rule.unwrap_or(&none);
    let rest = rest_after(&rule.prefix, &name, path);
    let origin = if rule.location.is_empty() {
        endpoint(rules, Place { authority: domain, ..Place::default() }, path, &rule.tls)
    } else {
        at_location(rules, &rule.location, rule.override_path, rest, &rule.tls)
    };
    let mut origin = origin.ok_or_else(|| format!("location {:?} is no host", rule.location))?;
    origin.headers.clone_from(&rule.headers);
    // Whatever host serves it, people log in at the registry's name.
    if rule.location.is_empty() || origin.host == DOCKER.1 {
        domain.clone_into(&mut origin.registry);
        origin.trust.add_directories(&rules.certs_d, &[domain]);
    }
    let mirrors = rule.mirrors.iter().map(|mirror| mirror_endpoint(rules, mirror, domain, rest));
    let mirrors = mirrors.collect::<Result<Vec<_>, _>>()?;
    Ok(Plan { mirrors, origin, mirrors_only: rule.mirrors_only })
}

/// What of a repository's name stands after the prefix of its rule.
fn rest_after<'a>(prefix: &str, name: &'a str, path: &'a str) -> &'a str {
    if prefix.starts_with('*') {
        return path;
    }
    name.strip_prefix(prefix).map_or(path, |rest| rest.trim_start_matches('/'))
}

fn mirror_endpoint(
    rules: &HostRules,
    mirror: &Mirror,
    domain: &str,
    rest: &str,
) -> Result<Endpoint, String> {
    let endpoint = at_location(rules, &mirror.location, mirror.override_path, rest, &mirror.tls);
    let mut endpoint =
        endpoint.ok_or_else(|| format!("mirror {:?} of {domain} is no host", mirror.location))?;
    endpoint.headers.clone_from(&mirror.headers);
    endpoint.digests_only = mirror.digests_only;
    endpoint.tags_only = mirror.tags_only;
    endpoint.is_mirror = true;
    endpoint.namespace = mirror.namespace.then(|| domain.to_owned());
    Ok(endpoint)
}

/// Where a request goes, as a setting says it.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    scheme: Option<Scheme>,
    authority: &'a str,
    /// Before `/v2`, or in its place.
    root: &'a str,
    override_path: bool,
}

/// With a scheme, the path of a location stands before the calls of the API (containerd); without one it is the beginning of the
/// repository's name (containers-registries.conf).
fn at_location(
    rules: &HostRules,
    location: &str,
    override_path: bool,
    rest: &str,
    tls: &TlsRule,
) -> Option<Endpoint> {
    let location = location.trim_end_matches('/');
    let (scheme, after) = match location.split_once("://") {
        Some(("https", after)) => (Some(Scheme::Https), after),
        Some(("http", after)) => (Some(Scheme::Http), after),
        Some(_) => return None,
        None => (None, location),
    };
    let (authority, path) = match after.find('/') {
        Some(at) => after.split_at(at),
        None => (after, ""),
    };
    if scheme.is_some() || override_path {
        let place = Place { scheme, authority, root: path, override_path };
        return endpoint(rules, place, rest, tls);
    }
    let path = format!("{path}/{rest}");
    let place = Place { authority, ..Place::default() };
    endpoint(rules, place, path.trim_matches('/'), tls)
}

fn endpoint(rules: &HostRules, place: Place<'_>, path: &str, tls: &TlsRule) -> Option<Endpoint> {
    let authority = if place.authority == DOCKER.0 { DOCKER.1 } else { place.authority };
    let (host, port) = split_port(authority);
    let v6 = host.starts_with('[');
    if host.is_empty() || host.contains(['@', '?', '#', ' ']) || (!v6 && host.contains(':')) {
        return None;
    }
    let insecure = tls.insecure || is_insecure(&rules.insecure, authority);
    let reach = match place.scheme {
        Some(Scheme::Http) => Reach::Http,
        _ if insecure => Reach::HttpsFirst,
        None if is_loopback(host) => Reach::HttpsFirst,
        Some(Scheme::Https) | None => Reach::Https,
    };
    let mut tls = tls.clone();
    tls.ca.extend(rules.ca.iter().cloned());
    let mut trust = Trust::new(&tls, !insecure, reach != Reach::Https);
    trust.add_directories(&rules.certs_d, &[authority]);
    Some(Endpoint {
        registry: authority.to_owned(),
        host: host.to_ascii_lowercase(),
        port,
        reach,
        root: if place.override_path {
            place.root.to_owned()
        } else {
            format!("{}/v2", place.root)
        },
        path: path.to_owned(),
        namespace: None,
        headers: Vec::new(),
        trust,
        digests_only: false,
        tags_only: false,
        is_mirror: false,
    })
}

/// Whether the settings let a host be insecure: by its name, with or without the port, or by a network that it is in. A name is
/// resolved only where networks are listed, as Docker does it.
pub(crate) fn is_insecure(rules: &[String], authority: &str) -> bool {
    let (host, port) = split_port(authority);
    let named =
        |rule: &&String| rule.eq_ignore_ascii_case(authority) || rule.eq_ignore_ascii_case(host);
    if rules.iter().find(named).is_some() {
        return true;
    }
    let networks: Vec<&String> = rules.iter().filter(|rule| rule.contains('/')).collect();
    if networks.is_empty() {
        return false;
    }
    let addresses = match ip(host) {
        Some(address) => vec![address],
        None => (host, port.unwrap_or(443))
            .to_socket_addrs()
            .map(|found| found.map(|address| address.ip()).collect())
            .unwrap_or_default(),
    };
    let inside =
        |address| networks.iter().any(|network| in_network(address, network) == Some(true));
    addresses.into_iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(registries: Vec<RegistryRule>) -> HostRules {
        HostRules { registries, ..HostRules::default() }
    }

    fn rule(prefix: &str, location: &str) -> RegistryRule {
        RegistryRule {
            prefix: prefix.to_owned(),
            location: location.to_owned(),
            ..RegistryRule::default()
        }
    }

    fn shown(endpoint: &Endpoint) -> String {
        let port = endpoint.port.map(|port| format!(":{port}")).unwrap_or_default();
        let Endpoint { host, root, path, reach, registry, .. } = endpoint;
        format!("{reach:?} {host}{port}{root}/{path} as {registry}")
    }

    #[test]
    fn a_registry_without_rules() {
        let none = HostRules::default();
        for (domain, want) in [
            ("docker.io", "Https registry-1.docker.io/v2/a/b as docker.io"),
            ("example.org", "Https example.org/v2/a/b as example.org"),
            ("localhost:5000", "HttpsFirst localhost:5000/v2/a/b as localhost:5000"),
            ("[::1]:5000", "HttpsFirst [::1]:5000/v2/a/b as [::1]:5000"),
        ] {
            let plan = plan(&none, domain, "a/b").unwrap();
            assert_eq!(shown(&plan.origin), want);
            assert!(plan.mirrors.is_empty());
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        let all = rules(vec![
            rule("*", "any.example.org"),
            rule("*.example.org", "wild.example.org"),
            rule("a.example.org", "one.example.org/x"),
            rule("a.example.org/team", "two.example.org"),
        ]);
        let origin = |domain, path| shown(&plan(&all, domain, path).unwrap().origin);
        let any = "Https any.example.org/v2/p/q as any.example.org";
        assert_eq!(origin("docker.io", "p/q"), any);
        assert_eq!(
            origin("b.example.org", "p/q"),
            "Https wild.example.org/v2/p/q as wild.example.org"
        );
        assert_eq!(
            origin("a.example.org", "p/q"),
            "Https one.example.org/v2/x/p/q as one.example.org"
        );
        assert_eq!(
            origin("a.example.org", "teams/q"),
            "Https one.example.org/v2/x/teams/q as one.example.org"
        );
        assert_eq!(
            origin("a.example.org", "team/q"),
            "Https two.example.org/v2/q as two.example.org"
        );
    }

    #[test]
    fn mirrors_are_asked_where_their_settings_say() {
        let mirror = |location: &str, override_path, namespace| Mirror {
            location: location.to_owned(),
            override_path,
            namespace,
            ..Mirror::default()
        };
        let mut docker = rule("docker.io", "");
        docker.mirrors = vec![
            mirror("https://m1.example.org/cache", false, true),
            mirror("http://m2.example.org:81/own/path", true, false),
            mirror("m3.example.org/docker", false, false),
        ];
        let plan = plan(&rules(vec![docker]), "docker.io", "library/a").unwrap();
        let mirrors: Vec<String> = plan.mirrors.iter().map(shown).collect();
        assert_eq!(
            mirrors,
            [
                "Https m1.example.org/cache/v2/library/a as m1.example.org",
                "Http m2.example.org:81/own/path/library/a as m2.example.org:81",
                "Https m3.example.org/v2/docker/library/a as m3.example.org",
            ]
        );
        assert_eq!(plan.mirrors[0].namespace.as_deref(), Some("docker.io"));
        assert_eq!(plan.mirrors[1].namespace, None);
    }

    #[test]
    fn what_is_blocked_or_makes_no_sense_is_refused() {
        let mut blocked = rule("example.org/bad", "");
        blocked.blocked = true;
        let all = rules(vec![blocked, rule("x.org", "ftp://y.org")]);
        assert!(plan(&all, "example.org", "bad/a").unwrap_err().contains("blocked"));
        assert!(plan(&all, "example.org", "badly").is_ok());
        assert!(plan(&all, "x.org", "a").unwrap_err().contains("ftp://y.org"));
    }

    #[test]
    fn insecure_hosts_are_named_or_in_a_network() {
        let list: Vec<String> =
            ["a.example.org", "b.example.org:5000", "10.0.0.0/8"].map(str::to_owned).into();
        assert!(is_insecure(&list, "a.example.org:1"));
        assert!(is_insecure(&list, "b.example.org:5000"));
        assert!(!is_insecure(&list, "[2001:db8::1]:5001"));
        assert!(is_insecure(&list, "10.9.9.9:5000"));
        assert!(!is_insecure(&list, "11.9.9.9:5000"));
    }
}
