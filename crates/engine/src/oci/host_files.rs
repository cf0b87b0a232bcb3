//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container: files of its directory that are bound over the image's.
//! Source: hosts(5), resolv.conf(5).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use spec::runtime::Mount;

use crate::config::{ContainerConfig, HostRules, NetworkMode};
use crate::error::EngineError;

/// Below `/etc`.
pub(super) const NAMES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];

/// `/etc/hosts` and its like, kept in the container's directory.
#[derive(Clone, Debug)]
pub(crate) struct HostFiles {
    directory: PathBuf,
    names: Vec<&'static str>,
}

impl HostFiles {
    /// The files of that directory, for targets that nothing else is mounted on and that the image shall not keep.
    pub(crate) fn of(directory: &Path, config: &ContainerConfig) -> Self {
        let is_free = |name: &&str| match *name {
            "hosts" if config.hosts.no_hosts => false,
            "hostname" if config.hosts.no_hostname => false,
            name => !config.mounts.iter().any(|mount| mount.target == Path::new("/etc").join(name)),
        };
        Self { directory: directory.to_owned(), names: NAMES.into_iter().filter(is_free).collect() }
    }

    /// Writes them. A start writes them again: they hold nothing that the container may keep.
    pub(crate) fn write(
        &self,
        hostname: &str,
        config: &ContainerConfig,
    ) -> Result<(), EngineError> {
        let labels = crate::labels::labels(config);
        for name in &self.names {
            let path = self.directory.join(name);
            let text = match *name {
                "hostname" => format!("{hostname}\n"),
                "hosts" => hosts(hostname, config),
                // A host without one has no name servers to tell.
                _ => {
                    let hosts = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
                    resolver(&config.hosts, hosts)
                }
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "read by nobody before the container starts"
            )]
            std::fs::write(&path, text).map_err(EngineError::file("write", &path))?;
            if let Some(labels) = &labels {
                store::relabel(&path, "", &labels.files, &[])?;
            }
        }
        Ok(())
    }

    /// Makes those that no start has written yet, empty, so that they can be mounted.
    pub(crate) fn write_missing(&self) -> Result<(), EngineError> {
        for name in &self.names {
            let path = self.directory.join(name);
            let made = std::fs::File::options().append(true).create(true).open(&path);
            made.map(drop).map_err(EngineError::file("make", &path))?;
        }
        Ok(())
    }

    pub(super) fn mounts(&self) -> impl Iterator<Item = Mount> {
        let options = ["rbind", "rprivate"].map(str::to_owned);
        self.names.iter().map(move |name| Mount {
            destination: Path::new("/etc").join(name),
            kind: Some("bind".to_owned()),
            source: Some(self.directory.join(name)),
            options: options.to_vec(),
            ..Mount::default()
        })
    }
}

fn hosts(hostname: &str, config: &ContainerConfig) -> String {
    // The whole name comes first: it is the one that an address stands for, hosts(5).
    let names = match config.domainname.as_str() {
        "" => hostname.to_owned(),
        domain => format!("{hostname}.{domain} {hostname}"),
    };
    let own = || {
        format!(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.1.1\t{names}\n"
        )
    };
    let mut text = match config.network {
        // In the host's network the host's names hold.
        NetworkMode::Host => std::fs::read_to_string("/etc/hosts").unwrap_or_else(|_absent| own()),
        NetworkMode::None | NetworkMode::Container(_) => own(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for extra in &config.hosts.extra_hosts {
        if let Some((name, address)) = extra.split_once(':') {
            let _infallible = writeln!(text, "{address}\t{name}");
        }
    }
    text
}

/// The host's file, or with what the caller wants in the place of what the host has of its kind.
fn resolver(rules: &HostRules, hosts: String) -> String {
    if !rules.changes_resolver() {
        return hosts;
    }
    let of = |keys: &[&str]| {
        let lines = hosts.lines().map(str::split_whitespace);
        let values = lines.filter_map(|mut words| {
            keys.contains(&words.next()?).then(|| words.map(str::to_owned).collect::<Vec<_>>())
        });
        values.collect::<Vec<_>>()
    };
    let or = |given: &[String], keys: &[&str]| {
        if given.is_empty() {
            // Of search lists the last one counts.
            of(keys).pop().unwrap_or_default()
        } else {
            given.to_vec()
        }
    };
    let servers =
        if rules.dns.is_empty() { of(&["nameserver"]).concat() } else { rules.dns.clone() };
    let search = or(&rules.dns_search, &["search", "domain"]);
    let options = if rules.dns_options.is_empty() {
        of(&["options"]).concat()
    } else {
        rules.dns_options.clone()
    };
    let mut text = String::new();
    for server in &servers {
        let _infallible = writeln!(text, "nameserver {server}");
    }
    if !search.is_empty() && search != ["."] {
        let _infallible = writeln!(text, "search {}", search.join(" "));
    }
    if !options.is_empty() {
        let _infallible = writeln!(text, "options {}", options.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_takes_the_place_of_its_kind() {
        let host = "# by hand\ndomain old\nsearch a.example b.example\nnameserver 192.0.2.1\noptions ndots:5\nnameserver ::1\n";
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(resolver(&HostRules::default(), host.to_owned()), host);
        let rules = HostRules { dns: words(&["192.0.2.9"]), ..HostRules::default() };
        assert_eq!(
            resolver(&rules, host.to_owned()),
            "nameserver 192.0.2.9\nsearch a.example b.example\noptions ndots:5\n"
        );
        let rules = HostRules {
            dns_search: words(&["."]),
            dns_options: words(&["use-vc"]),
            ..HostRules::default()
        };
        let text = "nameserver 192.0.2.1\nnameserver ::1\noptions use-vc\n";
        assert_eq!(resolver(&rules, host.to_owned()), text);
    }

    #[test]
    fn names_of_hosts() {
        let mut config = ContainerConfig { domainname: "example.org".into(), ..Default::default() };
        config.hosts.extra_hosts = vec!["db:::1".into()];
        let text = hosts("web", &config);
        assert!(text.ends_with("127.0.1.1\tweb.example.org web\n::1\tdb\n"), "{text}");
    }
}
