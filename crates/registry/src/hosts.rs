//! Which hosts serve a registry's name, and how each is reached.
//!
//! The formats are other engines' and are read as these read them, each by a pure function from text to rules: nothing here opens
//! a file. Who has several files joins what they say by [`HostRules::merge`], the most telling one first, and then asks
//! [`HostRules::rule`] and [`HostRules::candidates`]. Sources: containerd's docs/hosts.md, containers-registries.conf(5),
//! dockerd's "daemon configuration file".

use std::path::{Path, PathBuf};

use spec::Reference;
use spec::reference::BadReference;

mod daemon_json;
mod hosts_toml;
mod registries_conf;
mod tables;

pub use daemon_json::{Daemon, Proxies};
pub use hosts_toml::{hosts_toml, registry_of_directory};
pub use registries_conf::RegistriesConf;

/// The prefix that every name has.
pub(crate) const EVERY: &str = "*";
/// Where names without a registry come from.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// Everything that configuration files and flags say on registries.
#[derive(Clone, Debug, Default)]
pub struct HostRules {
    /// Rules by registry name (`docker.io`, `localhost:5000`), the more specific first.
    pub registries: Vec<RegistryRule>,
    /// Directories of certificates by host, `certs.d`: `HOST[:PORT]/{*.crt,*.cert,*.key}`.
    pub certs_d: Vec<PathBuf>,
    /// Further certificates that are trusted for every host (PEM files).
    pub ca: Vec<PathBuf>,
    /// Networks (CIDR) and hosts that may be spoken to without TLS, or with certificates that nobody knows.
    pub insecure: Vec<String>,
    /// Where names without a registry are looked for; `docker.io` where it is empty.
    pub search: Vec<String>,
    /// Whole names of short ones, both without tag and digest: `busybox` is `docker.io/library/busybox`.
    pub aliases: Vec<(String, String)>,
}

/// What is said of one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryRule {
    /// Name of the registry, or its name and the beginning of a path: `docker.io`, `example.org/team`. `*.example.org` is every
    /// host below that domain, `*` is every one.
    pub prefix: String,
    /// Whether images of it are refused.
    pub blocked: bool,
    /// What the prefix becomes when the registry itself is asked; empty where nothing changes. As [`Mirror::location`].
    pub location: String,
    /// As [`Mirror::override_path`], of the registry itself.
    pub override_path: bool,
    /// Header fields sent with each request to the registry itself.
    pub headers: Vec<(String, String)>,
    /// Asked in order, before the registry itself.
    pub mirrors: Vec<Mirror>,
    /// Whether only mirrors are asked.
    pub mirrors_only: bool,
    /// How the registry itself is reached.
    pub tls: TlsRule,
}

/// A host that has copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// With a scheme, `https://host[:port][/path]`: the API is below that path (`/path/v2/…`), the repository's path stays, as in
    /// hosts.toml. Without, `host[:port][/path]`: it takes the place of the rule's prefix in the repository's name, as in
    /// registries.conf.
    pub location: String,
    /// Whether it is asked by digest only.
    pub digests_only: bool,
    /// Whether it is asked by tag only.
    pub tags_only: bool,
    /// Whether the path replaces `/v2`, as `override_path` of hosts.toml.
    pub override_path: bool,
    /// Whether it is told whose copies are wanted (`?ns=docker.io`), as containerd does with hosts of hosts.toml.
    pub namespace: bool,
    /// How it is reached.
    pub tls: TlsRule,
    /// Header fields sent with each request.
    pub headers: Vec<(String, String)>,
}

/// How a host is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsRule {
    /// Plain HTTP, or certificates that nobody knows, are accepted.
    pub insecure: bool,
    /// Further trusted certificates (PEM files).
    pub ca: Vec<PathBuf>,
    /// Client certificates and their keys (PEM files; the key may be in the certificate's file).
    pub client: Vec<(PathBuf, Option<PathBuf>)>,
}

/// A file of somebody's that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {why}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct BadRules {
    /// Which.
    pub file: PathBuf,
    /// Where in it, counted from 1.
    pub line: Option<usize>,
    /// The key, and what is wrong with it.
    pub why: String,
}

impl BadRules {
    fn new(file: &Path, why: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, why: why.into() }
    }
}

impl HostRules {
    /// Adds what a less telling source says: of one and the same prefix it fills what is still open (mirrors as a whole, the
    /// location), and its prohibitions and its certificates count beside the others.
    pub fn merge(&mut self, lower: Self) {
        for rule in lower.registries {
            match self.registries.iter_mut().find(|known| known.prefix == rule.prefix) {
                Some(known) => known.fill(rule),
                None => self.registries.push(rule),
            }
        }
        // Stable: equals stay in the order of their sources.
        self.registries.sort_by_key(|rule| std::cmp::Reverse(rule.weight()));
        self.certs_d.extend(lower.certs_d);
        self.ca.extend(lower.ca);
        self.insecure.extend(lower.insecure);
        if self.search.is_empty() {
            self.search = lower.search;
        }
        for (name, target) in lower.aliases {
            if self.aliases.iter().all(|(known, _)| *known != name) {
                self.aliases.push((name, target));
            }
        }
    }

    /// The most specific rule for a repository: that of the longest prefix, `*` last. A prefix ends where a component of the
    /// name does, so `example.org` says nothing of `example.org:5000`.
    #[must_use]
    pub fn rule(&self, domain: &str, path: &str) -> Option<&RegistryRule> {
        let fitting = self.registries.iter().filter(|rule| rule.fits(domain, path));
        // The first of equals, as `merge` orders them.
        fitting.rev().max_by_key(|rule| rule.weight())
    }

    /// What a name as people write it can stand for, in the order in which it is to be tried: with a registry, itself; a known
    /// short name, its target; any other, that name in each registry of the search list.
    ///
    /// # Errors
    /// When the text is no reference.
    pub fn candidates(&self, text: &str) -> Result<Vec<Reference>, BadReference> {
        // Whether or not there is a registry in front, the text must be sound.
        let plain: Reference = text.parse()?;
        if names_registry(text) {
            return Ok(vec![plain]);
        }
        let at = text.find(['@', ':']).unwrap_or(text.len());
        let (name, version) = text.split_at(at);
        if let Some((_, target)) = self.aliases.iter().find(|(known, _)| known == name) {
            return Ok(vec![format!("{target}{version}").parse()?]);
        }
        if self.search.is_empty() {
            return Ok(vec![plain]);
        }
        self.search.iter().map(|registry| format!("{registry}/{text}").parse()).collect()
    }
}

impl RegistryRule {
    fn fill(&mut self, lower: Self) {
        self.blocked |= lower.blocked;
        self.mirrors_only |= lower.mirrors_only;
        if self.location.is_empty() {
            self.location = lower.location;
            self.override_path |= lower.override_path;
        }
        if self.headers.is_empty() {
            self.headers = lower.headers;
        }
        if self.mirrors.is_empty() {
            self.mirrors = lower.mirrors;
        }
        self.tls.add(lower.tls);
    }

    /// The longer counts; of two that are as long, the one that names a host before the one with a wildcard.
    fn weight(&self) -> (usize, bool) {
        let length = if self.prefix == EVERY { 0 } else { self.prefix.len() };
        (length, !self.prefix.starts_with('*'))
    }

    fn fits(&self, domain: &str, path: &str) -> bool {
        if self.prefix == EVERY {
            return true;
        }
        let (host, beginning) = self.prefix.split_once('/').unwrap_or((&self.prefix, ""));
        let is_host = match host.strip_prefix('*') {
            // With the dot: `*.example.org` is not `badexample.org`, and not `example.org`.
            Some(below) => domain.len() > below.len() && domain.ends_with(below),
            None => domain == host,
        };
        let is_path = beginning.is_empty()
            || path
                .strip_prefix(beginning)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_host && is_path
    }
}

impl TlsRule {
    fn add(&mut self, other: Self) {
        self.insecure |= other.insecure;
        self.ca.extend(other.ca);
        self.client.extend(other.client);
    }
}

/// Whether a name begins with a registry, by distribution's rule: the part before the first slash has a dot, a colon or an
/// upper-case letter, or is `localhost`.
fn names_registry(name: &str) -> bool {
    name.split_once('/').is_some_and(|(first, _)| is_registry(first))
}

fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.bytes().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_uppercase())
}

/// Checks `host[:port]`, or `[v6][:port]`, without a user in front, and gives it in lower case.
fn authority(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    let after_address = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("its address is not closed by ]")?.1,
        None => text,
    };
    if text.is_empty() || text.starts_with(':') {
        return Err("it names no host");
    }
    if text.contains('@') {
        return Err("it may not name a user");
    }
    if !text.bytes().all(allowed) {
        return Err("its host has characters that no host has");
    }
    match after_address.split_once(':') {
        Some((_, port)) if port.parse::<u16>().is_err() => Err("its port is no number up to 65535"),
        _ => Ok(text.to_ascii_lowercase()),
    }
}

/// A base address, `https://` where no scheme is given; without a slash at its end.
fn address(text: &str) -> Result<String, &'static str> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        Some(_) => return Err("its scheme is neither http nor https"),
        None => ("https", text),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if path.contains(['?', '#']) || path.bytes().any(|byte| byte <= b' ') {
        return Err("its path may hold no query, no fragment and no space");
    }
    Ok(format!("{scheme}://{}{}", authority(host)?, path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests;
