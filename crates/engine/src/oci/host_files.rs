//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container: files of its directory that are bound over the image's.
//! Source: hosts(5), resolv.conf(5).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use monitor::NetworkPlan;
use monitor::keeper::KeeperRules;
use network::NAME_SERVER;
use spec::network::Cidr;
use spec::runtime::Mount;

use crate::config::{ContainerConfig, HostRules, NetworkMode};
use crate::error::EngineError;
use crate::parse::HOST_GATEWAY;

/// Below `/etc`.
pub(super) const NAMES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];

/// `/etc/hosts` and its like, kept in the container's directory.
#[derive(Clone, Debug)]
pub(crate) struct HostFiles {
    directory: PathBuf,
    names: Vec<&'static str>,
    /// Where a user's networks reach the host's name server, if it is a user's.
    name_server: Option<IpAddr>,
}

/// Links that a container has no more, and those that it has now.
#[derive(Debug, Default)]
pub(crate) struct HostLinks {
    /// What their lines of `/etc/hosts` end with.
    pub(crate) gone: Vec<String>,
    pub(crate) new: Vec<(IpAddr, String)>,
}

impl HostFiles {
    /// The files of that directory, for targets that nothing else is mounted on and that the image shall not keep.
    pub(crate) fn of(directory: &Path, config: &ContainerConfig) -> Self {
        let is_free = |name: &&str| match *name {
            "hosts" if config.hosts.no_hosts => false,
            "hostname" if config.hosts.no_hostname => false,
            "resolv.conf" if config.plain_network => false,
            name => !config.mounts.iter().any(|mount| mount.target == Path::new("/etc").join(name)),
        };
        let names = NAMES.into_iter().filter(is_free).collect();
        Self { directory: directory.to_owned(), names, name_server: None }
    }

    /// Those of a user who is not root: loopback addresses of the host are none of his networks.
    pub(crate) fn in_networks_of(self, keeper: Option<&KeeperRules>) -> Self {
        Self { name_server: keeper.map(|_| monitor::keeper::NAME_SERVER.into()), ..self }
    }

    /// Writes them. A start writes them again: they hold nothing that the container may keep.
    pub(crate) fn write(
        &self,
        hostname: &str,
        config: &ContainerConfig,
        plan: Option<&NetworkPlan>,
        linked: &[(IpAddr, String)],
    ) -> Result<(), EngineError> {
        let labels = crate::labels::labels(config);
        for name in &self.names {
            let path = self.directory.join(name);
            let text = match *name {
                "hostname" => format!("{hostname}\n"),
                "hosts" => hosts(hostname, config, plan) + &lines_of(linked),
                _ => self.resolv_conf(config, plan),
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

    /// Gives them to the container's root.
    pub(crate) fn give(&self, (uid, gid): (u32, u32)) -> Result<(), EngineError> {
        self.names.iter().try_for_each(|name| {
            let path = self.directory.join(name);
            std::os::unix::fs::chown(&path, Some(uid), Some(gid))
                .map_err(EngineError::file("change owner of", &path))
        })
    }

    /// Brings them in line with other places in networks. Of `/etc/hosts` the container keeps what it has changed itself.
    pub(crate) fn rewrite(
        &self,
        hostname: &str,
        config: &ContainerConfig,
        (before, after): (&[Cidr], &NetworkPlan),
        links: &HostLinks,
    ) -> Result<(), EngineError> {
        for name in &self.names {
            let path = self.directory.join(name);
            let text = match *name {
                "hosts" => {
                    let text = std::fs::read_to_string(&path);
                    let text = text.map_err(EngineError::file("read", &path))?;
                    let text = with_addresses(&text, &names_of(hostname, config), before, after);
                    with_links(&text, links)
                }
                "resolv.conf" => self.resolv_conf(config, Some(after)),
                _ => continue,
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "the same file: it is bound into the container"
            )]
            std::fs::write(&path, text).map_err(EngineError::file("write", &path))?;
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

    fn resolv_conf(&self, config: &ContainerConfig, plan: Option<&NetworkPlan>) -> String {
        // A host without one has no name servers to tell.
        let host = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        resolv_conf(config, plan, reached(host, self.name_server))
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

/// What the container's own addresses are called. The whole name comes first: it is the one that an address stands for, hosts(5).
pub(crate) fn names_of(hostname: &str, config: &ContainerConfig) -> String {
    match config.domainname.as_str() {
        "" => hostname.to_owned(),
        domain => format!("{hostname}.{domain} {hostname}"),
    }
}

fn hosts(hostname: &str, config: &ContainerConfig, plan: Option<&NetworkPlan>) -> String {
    let names = names_of(hostname, config);
    let own = || {
        let mut text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n".to_owned();
        let mut addresses = addresses(plan).peekable();
        if addresses.peek().is_none() {
            let _infallible = writeln!(text, "127.0.1.1\t{names}");
        }
        for address in addresses {
            let _infallible = writeln!(text, "{}\t{names}", address.address());
        }
        text
    };
    let mut text = match config.network {
        // In the host's network the host's names hold.
        NetworkMode::Host => std::fs::read_to_string("/etc/hosts").unwrap_or_else(|_absent| own()),
        NetworkMode::None | NetworkMode::Container(_) | NetworkMode::Networks(_) => own(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for extra in &config.hosts.extra_hosts {
        let Some((name, address)) = extra.split_once(':') else { continue };
        if address != HOST_GATEWAY {
            let _infallible = writeln!(text, "{address}\t{name}");
            continue;
        }
        for gateway in host_gateways(config, plan) {
            let _infallible = writeln!(text, "{gateway}\t{name}");
        }
    }
    text
}

/// The host as the container reaches it.
fn host_gateways(config: &ContainerConfig, plan: Option<&NetworkPlan>) -> Vec<IpAddr> {
    if config.network == NetworkMode::Host {
        return vec![Ipv4Addr::LOCALHOST.into()];
    }
    let first = plan.and_then(|plan| plan.places.first());
    first.map(|place| place.gateways.clone()).unwrap_or_default()
}

fn addresses(plan: Option<&NetworkPlan>) -> impl Iterator<Item = Cidr> {
    let places = plan.map(|plan| plan.places.as_slice()).unwrap_or_default();
    places.iter().flat_map(|place| place.addresses.iter().copied())
}

/// Lines of addresses that it had and has no more go, those of new ones come.
fn with_addresses(text: &str, names: &str, before: &[Cidr], after: &NetworkPlan) -> String {
    let is_gone = |line: &str| {
        let first = line.split_whitespace().next().and_then(|word| word.parse::<IpAddr>().ok());
        first.is_some_and(|address| {
            before.iter().any(|own| own.address() == address)
                && !addresses(Some(after)).any(|own| own.address() == address)
        })
    };
    let mut new = String::new();
    for line in text.lines().filter(|line| !is_gone(line)) {
        let _infallible = writeln!(new, "{line}");
    }
    for address in addresses(Some(after)).filter(|own| !before.contains(own)) {
        let _infallible = writeln!(new, "{}\t{names}", address.address());
    }
    new
}

fn lines_of(linked: &[(IpAddr, String)]) -> String {
    linked.iter().map(|(address, names)| format!("{address}\t{names}\n")).collect()
}

fn with_links(text: &str, links: &HostLinks) -> String {
    let is_gone = |line: &str| {
        let names = line.split_once('\t').map(|(_, names)| names);
        names.is_some_and(|names| links.gone.iter().any(|gone| gone == names))
    };
    let kept = text.lines().filter(|line| !is_gone(line)).map(|line| format!("{line}\n"));
    kept.collect::<String>() + &lines_of(&links.new)
}

/// The host's file, with another address for servers at loopback addresses.
fn reached(host: String, loopback: Option<IpAddr>) -> String {
    let Some(instead) = loopback else { return host };
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let is_loopback = words.next() == Some("nameserver")
            && words
                .next()
                .and_then(|word| word.parse().ok())
                .is_some_and(|at: IpAddr| at.is_loopback());
        if is_loopback { format!("nameserver {instead}\n") } else { format!("{line}\n") }
    };
    host.lines().map(line).collect()
}

/// That of the host, or the resolver's address where the container asks it.
fn resolv_conf(config: &ContainerConfig, plan: Option<&NetworkPlan>, host: String) -> String {
    if plan.is_none_or(|plan| plan.names.is_none()) {
        return resolver(&config.hosts, host);
    }
    let mut rules = HostRules { dns: vec![NAME_SERVER.to_string()], ..config.hosts.clone() };
    if rules.dns_options.is_empty() {
        rules.dns_options = options_of(&host);
    }
    // Names of one label are names of containers first: they are asked for as they are.
    if !rules.dns_options.iter().any(|option| option.starts_with("ndots:")) {
        rules.dns_options.push("ndots:0".to_owned());
    }
    resolver(&rules, host)
}

fn options_of(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::split_whitespace);
    let options = lines.filter_map(|mut words| (words.next()? == "options").then_some(words));
    options.flatten().map(str::to_owned).collect()
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

    fn plan(addresses: &[&str], gateway: &str) -> NetworkPlan {
        let hardware = "02:00:00:00:00:01".parse().unwrap();
        let place = network::Attachment {
            network: String::new(),
            network_name: String::new(),
            bridge: String::new(),
            host_interface: String::new(),
            interface: String::new(),
            hardware,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            link_local: Vec::new(),
            mtu: 1500,
            gateways: vec![gateway.parse().unwrap()],
            foreign_gateways: Vec::new(),
            bridge_hardware: hardware,
            is_default: true,
            isolated: false,
            ports: Vec::new(),
            open: Vec::new(),
            trusted: Vec::new(),
            kind: network::LinkKind::default(),
            rates: network::Rates::default(),
            settings: Vec::new(),
        };
        NetworkPlan { places: vec![place], ..NetworkPlan::default() }
    }

    #[test]
    fn what_somebody_wrote_into_hosts_stays() {
        let config = ContainerConfig {
            hosts: HostRules {
                extra_hosts: vec!["out:host-gateway".to_owned()],
                ..HostRules::default()
            },
            network: NetworkMode::Networks("web".to_owned()),
            ..ContainerConfig::default()
        };
        let before = plan(&["10.0.0.2/24", "fd00::2/64"], "10.0.0.1");
        let text = hosts("shop", &config, Some(&before)) + "192.0.2.1 mine\n";
        assert!(text.contains("10.0.0.2\tshop\nfd00::2\tshop\n10.0.0.1\tout\n"), "{text}");
        let after = plan(&["10.0.0.2/24", "10.1.0.9/24"], "10.0.0.1");
        let had = before.places[0].addresses.clone();
        let text = with_addresses(&text, "shop", &had, &after);
        assert!(
            text.ends_with("10.0.0.2\tshop\n10.0.0.1\tout\n192.0.2.1 mine\n10.1.0.9\tshop\n"),
            "{text}"
        );
    }

    #[test]
    fn names_of_hosts() {
        let mut config = ContainerConfig { domainname: "example.org".into(), ..Default::default() };
        config.hosts.extra_hosts = vec!["db:::1".into()];
        let text = hosts("web", &config, None);
        assert!(text.ends_with("127.0.1.1\tweb.example.org web\n::1\tdb\n"), "{text}");
    }
}
