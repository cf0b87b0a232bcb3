//! What a container is called and what it knows by name: labels, annotations, hosts, name servers, ports, groups.

use std::collections::BTreeMap;

use engine::config::{ContainerConfig, HostRules};
use engine::{EngineError, parse};

use crate::arguments::Matches;
use crate::failure::Failure;

/// `--label-file` first: what `--label` says counts.
pub(super) fn labels(matches: &Matches) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for path in matches.values("label-file") {
        let text = std::fs::read_to_string(path).map_err(Failure::file("read label-file", path))?;
        for line in text.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                labels.extend([parse::label(line)?]);
            }
        }
    }
    for text in matches.values("label") {
        labels.extend([parse::label(text)?]);
    }
    Ok(labels)
}

pub(super) fn names(matches: &Matches, config: &mut ContainerConfig) -> Result<(), Failure> {
    let all = |flag: &'static str, read: fn(&str) -> Result<String, EngineError>| {
        matches.values(flag).map(read).collect::<Result<Vec<_>, _>>()
    };
    config.hosts = HostRules {
        dns: all("dns", parse::name_server)?,
        dns_search: all("dns-search", parse::search_domain)?,
        dns_options: all("dns-option", parse::resolver_option)?,
        extra_hosts: all("add-host", parse::extra_host)?,
        no_hosts: matches.on("no-hosts"),
        no_hostname: matches.on("no-hostname"),
    };
    if config.hosts.no_hosts && !config.hosts.extra_hosts.is_empty() {
        let given = matches.value("add-host").unwrap_or_default();
        return Err(super::wrong("add-host", given, "--no-hosts leaves /etc/hosts as it is"));
    }
    let domain = matches.value("domainname").unwrap_or_default();
    config.domainname = parse::domain_name(domain)?;
    for text in matches.values("expose") {
        config.exposed_ports.extend(parse::exposed_ports(text)?);
    }
    for text in matches.values("annotation") {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if name.is_empty() {
            return Err(super::wrong("annotation", text, "it is not of the form NAME=value"));
        }
        config.annotations.insert(name.to_owned(), value.to_owned());
    }
    config.groups = matches.values("group-add").map(str::to_owned).collect();
    Ok(())
}
