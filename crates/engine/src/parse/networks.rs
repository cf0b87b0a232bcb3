//! `--network` and `--publish`, as Docker writes them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use network::Transport;

use super::mounts::csv;
use super::{Parsed, rates};
use crate::config::{NetworkMode, NetworkWish, PublishedPort};
use crate::error::EngineError;

/// The network of whoever names none, as the machine's settings have it.
pub const DEFAULT_NETWORK: &str = "default";

/// `--network`: `none`, `host`, `container:NAME`, or a network: `NAME`, `cni:NAME`, or `[name=]NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…,
/// bandwidth=…,ingress=…,egress=…,driver-opt=NAME=VALUE`; an option with commas in quotes.
///
/// # Errors
/// For an option that is unknown, or a value that it cannot have.
pub fn network(text: &str) -> Parsed<(NetworkMode, Option<NetworkWish>)> {
    let wrong = |why: &str| EngineError::value("network", text, why);
    let named = |name: &str| NetworkWish { network: name.to_owned(), ..NetworkWish::default() };
    match text.split_once(':') {
        None if text == "none" => return Ok((NetworkMode::None, None)),
        None if text == "host" => return Ok((NetworkMode::Host, None)),
        Some(("container", name)) if !name.is_empty() => {
            return Ok((NetworkMode::Container(name.to_owned()), None));
        }
        _ if text.is_empty() => return Err(wrong("it is empty")),
        _ if !text.contains('=') => return Ok(in_network(named(text))),
        _ => {}
    }
    let mut wish = NetworkWish::default();
    let options = csv(text).ok_or_else(|| wrong("a quote is not closed"))?;
    for (place, option) in options.iter().enumerate() {
        let (name, value) = match option.split_once('=') {
            Some(pair) => pair,
            None if place == 0 => ("name", option.as_str()),
            None => return Err(wrong("an option is not of the form NAME=VALUE")),
        };
        if name == "name" {
            value.clone_into(&mut wish.network);
        } else {
            network_option(&mut wish, name, value)?;
        }
    }
    if wish.network.is_empty() {
        return Err(wrong("the option name is missing"));
    }
    Ok(in_network(wish))
}

/// One option of a place in a network: `alias`, `ip`, `ip6`, `link-local-ip`, `mac-address`, `gw-priority`, `bandwidth`,
/// `ingress`, `egress`, `driver-opt`.
///
/// # Errors
/// For an option that is unknown, or a value that it cannot have.
pub fn network_option(wish: &mut NetworkWish, name: &str, value: &str) -> Parsed<()> {
    let wrong = |why: &str| EngineError::value("network option", format!("{name}={value}"), why);
    match name {
        "alias" => wish.aliases.push(alias(value)?),
        "ip" => wish.ipv4 = Some(value.parse().map_err(|_bad| wrong("it is no IPv4 address"))?),
        "ip6" => wish.ipv6 = Some(value.parse().map_err(|_bad| wrong("it is no IPv6 address"))?),
        "link-local-ip" => wish.link_local.push(link_local(value)?),
        "mac-address" => wish.hardware = Some(hardware(value)?),
        "gw-priority" => {
            wish.gateway_priority = value.parse().map_err(|_bad| wrong("it is no number"))?;
        }
        "bandwidth" | "ingress" | "egress" => bound(wish, name, value)?,
        "driver-opt" => {
            let (option, value) =
                value.split_once('=').ok_or_else(|| wrong("it is not of the form NAME=VALUE"))?;
            match option {
                "com.docker.network.endpoint.ifname" => wish.interface = Some(interface(value)?),
                "com.docker.network.endpoint.sysctls" => wish.settings = rates::settings(value)?,
                "bandwidth" | "ingress" | "egress" => bound(wish, option, value)?,
                _ => return Err(wrong("the driver-opt is unknown")),
            }
            wish.options.insert(option.to_owned(), value.to_owned());
        }
        _ => {
            return Err(wrong(
                "an option is not one of name, alias, ip, ip6, link-local-ip, mac-address, gw-priority, bandwidth, ingress, egress, driver-opt",
            ));
        }
    }
    Ok(())
}

/// `network create --opt NAME=VALUE`: which ones there are, the driver says.
///
/// # Errors
/// When one is of another form.
pub fn driver_options<'t>(
    texts: impl Iterator<Item = &'t str>,
) -> Parsed<BTreeMap<String, String>> {
    let why = "it is not of the form NAME=VALUE";
    texts
        .map(|text| match text.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(EngineError::value("network option", text, why)),
        })
        .collect()
}

/// How fast a container may be: both ways, or what it receives, or what it sends.
fn bound(wish: &mut NetworkWish, name: &str, value: &str) -> Parsed<()> {
    let rate = Some(rates::rate(name, value)?);
    if name != "egress" {
        wish.rates.ingress = rate;
    }
    if name != "ingress" {
        wish.rates.egress = rate;
    }
    Ok(())
}

/// A further name of a container: one that messages of DNS have room for.
fn alias(text: &str) -> Parsed<String> {
    let is_name = !text.is_empty()
        && text.len() < 254
        && text.split('.').all(|label| !label.is_empty() && label.len() < 64)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_name {
        return Ok(text.to_owned());
    }
    let why = "only [a-zA-Z0-9_.-] are allowed, at most 63 between dots and 253 in all";
    Err(EngineError::value("network-alias", text, why))
}

fn link_local(text: &str) -> Parsed<IpAddr> {
    let wrong = || EngineError::value("link-local-ip", text, "it is no link-local address");
    let address: IpAddr = text.parse().map_err(|_bad| wrong())?;
    let is_such = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if is_such { Ok(address) } else { Err(wrong()) }
}

/// `--link NAME[:ALIAS]`, as alias and name.
///
/// # Errors
/// When one of them is no name.
pub fn link(text: &str) -> Parsed<(String, String)> {
    let (name, other) = text.split_once(':').unwrap_or((text, text));
    let is_name = |text: &str| alias(text).is_ok();
    let [name, other] = [name, other].map(|text| text.strip_prefix('/').unwrap_or(text));
    if is_name(name) && is_name(other) {
        return Ok((other.to_owned(), name.to_owned()));
    }
    Err(EngineError::value("link", text, "it is not of the form NAME[:ALIAS]"))
}

fn in_network(wish: NetworkWish) -> (NetworkMode, Option<NetworkWish>) {
    (NetworkMode::Networks(wish.network.clone()), Some(wish))
}

/// `--mac-address`.
///
/// # Errors
/// When it is none, or one of many interfaces.
pub fn hardware(text: &str) -> Parsed<spec::network::HardwareAddress> {
    let wrong = |why: &str| EngineError::value("MAC address", text, why);
    let address: spec::network::HardwareAddress =
        text.parse().map_err(|_bad| wrong("it is not of the form 02:42:ac:11:00:02"))?;
    if address.is_multicast() {
        return Err(wrong("it is the address of many interfaces, not of one"));
    }
    Ok(address)
}

fn interface(text: &str) -> Parsed<String> {
    if is_interface_name(text) && !matches!(text, "lo" | "all" | "default") {
        return Ok(text.to_owned());
    }
    Err(EngineError::value("interface name", text, NO_INTERFACE_NAME))
}

/// What is wanted of an interface's name.
pub(crate) const NO_INTERFACE_NAME: &str =
    "an interface's name has 1 to 15 characters, and no / : or %";

/// Whether an interface can be called so: IFNAMSIZ, and dev_valid_name of the kernel. A `%` would be a pattern.
pub(crate) fn is_interface_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 16
        && !matches!(text, "." | "..")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'%'))
}

/// `--publish [ADDRESS:][HOST_PORT[-HOST_PORT]:]PORT[-PORT][/PROTOCOL]`, or `published=…,target=…,protocol=…,host-ip=…`; each of its ports.
///
/// # Errors
/// When it is of no such form, or its ranges have different lengths.
pub fn published(text: &str) -> Parsed<Vec<PublishedPort>> {
    if text.contains('=') {
        return long_published(text);
    }
    let wrong = |why: &str| EngineError::value("published port", text, why);
    let (ports, transport) = match text.rsplit_once('/') {
        Some((ports, word)) => (
            ports,
            transport(word).ok_or_else(|| wrong("the protocol is not one of tcp, udp, sctp"))?,
        ),
        None => (text, Transport::Tcp),
    };
    let (rest, container) =
        ports.rsplit_once(':').map_or((None, ports), |(rest, last)| (Some(rest), last));
    let (address, host) = match rest {
        None => (None, None),
        Some(rest) => match rest.rsplit_once(':') {
            // Of an address of IPv6 the colons are its own.
            Some((address, host)) if !rest.ends_with(']') => (Some(address), Some(host)),
            _ if rest.ends_with(']') => (Some(rest), None),
            _ => (None, Some(rest)),
        },
    };
    let address = address.filter(|address| !address.is_empty()).map(|address| {
        let inner = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        inner
            .unwrap_or(address)
            .parse::<IpAddr>()
            .map_err(|_bad| wrong("the address is no IP address"))
    });
    let host = host.filter(|host| !host.is_empty()).map(|host| {
        range(host).ok_or_else(|| wrong("the machine's port is not within 1 to 65535"))
    });
    let container =
        range(container).ok_or_else(|| wrong("the container's port is not within 1 to 65535"))?;
    pairs(address.transpose()?, host.transpose()?, container, transport)
        .ok_or_else(|| wrong("the two ranges have different lengths"))
}

fn long_published(text: &str) -> Parsed<Vec<PublishedPort>> {
    let wrong = |why: &str| EngineError::value("published port", text, why);
    let (mut address, mut host, mut container, mut protocol) = (None, None, None, Transport::Tcp);
    for option in text.split(',') {
        let (name, value) = option
            .split_once('=')
            .ok_or_else(|| wrong("an option is not of the form NAME=VALUE"))?;
        match name {
            "target" => {
                container = Some(range(value).ok_or_else(|| wrong("target is no port"))?);
            }
            "published" => host = Some(range(value).ok_or_else(|| wrong("published is no port"))?),
            "protocol" => {
                protocol = transport(value)
                    .ok_or_else(|| wrong("the protocol is not one of tcp, udp, sctp"))?;
            }
            "host-ip" => {
                address = Some(value.parse().map_err(|_bad| wrong("host-ip is no IP address"))?);
            }
            "mode" if matches!(value, "host" | "ingress") => {}
            _ => {
                return Err(wrong(
                    "an option is not one of target, published, protocol, host-ip, mode",
                ));
            }
        }
    }
    let container = container.ok_or_else(|| wrong("the option target is missing"))?;
    pairs(address, host, container, protocol)
        .ok_or_else(|| wrong("the two ranges have different lengths"))
}

/// One port of the container may have any of a range of the machine's; of several each has its own.
fn pairs(
    host_address: Option<IpAddr>,
    host: Option<(u16, u16)>,
    (first, last): (u16, u16),
    transport: Transport,
) -> Option<Vec<PublishedPort>> {
    let port = |port, host_ports| PublishedPort { host_address, host_ports, port, transport };
    match host {
        _ if first == last => Some(vec![port(first, host)]),
        None => Some((first..=last).map(|number| port(number, None)).collect()),
        Some((host_first, host_last)) if host_last - host_first == last - first => Some(
            (first..=last)
                .zip(host_first..=host_last)
                .map(|(number, host)| port(number, Some((host, host))))
                .collect(),
        ),
        Some(_) => None,
    }
}

fn transport(word: &str) -> Option<Transport> {
    [Transport::Tcp, Transport::Udp, Transport::Sctp]
        .into_iter()
        .find(|transport| transport.word().eq_ignore_ascii_case(word))
}

/// `PORT[-PORT]`.
fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| is_number && *number > 0)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Vec<String> {
        let ports = published(text).unwrap();
        let show = |port: &PublishedPort| {
            let host = port.host_ports.map_or("any".to_owned(), |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            });
            let address = port.host_address.map_or("*".to_owned(), |address| address.to_string());
            format!("{address} {host} {} {}", port.port, port.transport.word())
        };
        ports.iter().map(show).collect()
    }

    #[test]
    fn every_form_of_a_published_port() {
        for (text, shown) in [
            ("80", "* any 80 tcp"),
            ("8080:80", "* 8080 80 tcp"),
            ("8080:80/udp", "* 8080 80 udp"),
            ("8000-8100:80", "* 8000-8100 80 tcp"),
            ("127.0.0.1:8080:80", "127.0.0.1 8080 80 tcp"),
            ("127.0.0.1::80", "127.0.0.1 any 80 tcp"),
            (":8080:80", "* 8080 80 tcp"),
            ("[::1]:8080:80/SCTP", "::1 8080 80 sctp"),
            ("[::1]::80", "::1 any 80 tcp"),
            ("::1:8080:80", "::1 8080 80 tcp"),
            ("target=80", "* any 80 tcp"),
            ("published=8080,target=80,protocol=udp,mode=host", "* 8080 80 udp"),
            ("host-ip=::,published=1-9,target=80", ":: 1-9 80 tcp"),
        ] {
            assert_eq!(ports(text), [shown], "{text}");
        }
        assert_eq!(ports("80-81"), ["* any 80 tcp", "* any 81 tcp"]);
        assert_eq!(ports("90-91:80-81"), ["* 90 80 tcp", "* 91 81 tcp"]);
    }

    #[test]
    fn what_is_no_published_port() {
        for text in [
            "",
            "x",
            "0",
            "65536",
            "80:",
            ":",
            "80/icmp",
            "90-92:80-81",
            "81-80",
            "a:80:80",
            "1.2.3:80:80",
            "+80",
            "80/",
            "published=80",
            "target=80,x=1",
            "target=0",
            "[::1:80:80",
        ] {
            assert!(published(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks() {
        let (mode, wish) = network("web").unwrap();
        assert_eq!(mode, NetworkMode::Networks("web".to_owned()));
        assert_eq!(wish.unwrap().network, "web");
        assert_eq!(network("host").unwrap(), (NetworkMode::Host, None));
        assert_eq!(network("container:x").unwrap().0, NetworkMode::Container("x".to_owned()));
        let text = "name=web,alias=a,alias=b,ip=10.0.0.2,ip6=fd00::2,mac-address=02:00:00:00:00:01,gw-priority=-1,driver-opt=com.docker.network.endpoint.ifname=wan0";
        let wish = network(text).unwrap().1.unwrap();
        assert_eq!((wish.aliases.len(), wish.gateway_priority), (2, -1));
        assert_eq!(wish.interface.as_deref(), Some("wan0"));
        assert_eq!(link("db:/store").unwrap(), ("store".to_owned(), "db".to_owned()));
        for text in ["", ":x", "db:", "db:a b"] {
            assert!(link(text).is_err(), "{text}");
        }
        for text in [
            "",
            "name=",
            "name=a,alias=",
            "name=a,alias=a..b",
            "name=a,link-local-ip=10.0.0.1",
            "ip=10.0.0.2",
            "name=a,ip=x",
            "name=a,b",
            "name=a,x=1",
            "name=a,mac-address=01:00:00:00:00:01",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
