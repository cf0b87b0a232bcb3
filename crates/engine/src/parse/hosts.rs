//! `--dns`, `--add-host` and their like.

use std::net::{IpAddr, Ipv6Addr};

use super::Parsed;
use crate::error::EngineError;

/// `--dns ADDRESS`; an IPv6 address may have a zone.
///
/// # Errors
/// When it is no address.
pub fn name_server(text: &str) -> Parsed<String> {
    let address = text.trim();
    let plain = address.split_once('%').map_or(address, |(address, _zone)| address);
    match (plain.parse::<IpAddr>(), address.contains('%')) {
        (Ok(IpAddr::V6(_)), _) | (Ok(IpAddr::V4(_)), false) => Ok(address.to_owned()),
        _ => Err(EngineError::value("dns", text, "it is no IP address, such as 192.0.2.1")),
    }
}

/// `--dns-search DOMAIN`, or `.` for none.
///
/// # Errors
/// When it is no domain name.
pub fn search_domain(text: &str) -> Parsed<String> {
    let domain = text.trim();
    if domain == "." || is_domain(domain) {
        return Ok(domain.to_owned());
    }
    Err(EngineError::value("dns-search", text, "it is no domain name, such as example.org"))
}

/// `--domainname NAME`.
///
/// # Errors
/// When it is no domain name.
pub fn domain_name(text: &str) -> Parsed<String> {
    if text.is_empty() || (text.len() <= 64 && is_domain(text)) {
        return Ok(text.to_owned());
    }
    Err(EngineError::value("domainname", text, "it is no domain name of at most 64 letters"))
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 255 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// `--dns-option OPTION`: a line of resolv.conf(5) is made of it.
///
/// # Errors
/// When it is empty or holds a space.
pub fn resolver_option(text: &str) -> Parsed<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(EngineError::value("dns-option", text, "it is no option of resolv.conf, such as ndots:2"))
}

/// Word for the host as the container reaches it, in the place of an address.
pub(crate) const HOST_GATEWAY: &str = "host-gateway";

/// `--add-host NAME:ADDRESS`, or with `=`; brackets around an IPv6 address are left out. As Docker keeps it.
///
/// # Errors
/// When a part is missing, or is no address.
pub fn extra_host(text: &str) -> Parsed<String> {
    let wrong = |why: &str| EngineError::value("add-host", text, why);
    // Whichever comes first: an address has colons, too.
    let (name, address) = text
        .split_once('=')
        .filter(|(name, _)| !name.contains(':'))
        .or_else(|| text.split_once(':'))
        .ok_or_else(|| wrong("it is not of the form NAME:ADDRESS"))?;
    if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
        return Err(wrong("it has no name"));
    }
    if address == HOST_GATEWAY {
        return Ok(format!("{name}:{address}"));
    }
    let inner = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    let is_address = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => address.parse::<IpAddr>().is_ok(),
    };
    if !is_address {
        return Err(wrong("the address is no IP address, such as 192.0.2.1"));
    }
    Ok(format!("{name}:{}", inner.unwrap_or(address)))
}

/// `--expose PORT[-PORT][/PROTOCOL]`: each of the ports as `PORT/PROTOCOL`.
///
/// # Errors
/// When it is no port, no ascending range, or the protocol is unknown.
pub fn exposed_ports(text: &str) -> Parsed<Vec<String>> {
    let wrong = |why: &str| EngineError::value("expose", text, why);
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(wrong("the protocol is not one of tcp, udp, sctp"));
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if 0 < first && first <= last => {
            Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
        }
        _ => Err(wrong("it is not of the form PORT[-PORT][/PROTOCOL] within 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        assert!(name_server("fe80::1%eth0").is_ok() && name_server("192.0.2.1").is_ok());
        assert!(name_server("192.0.2").is_err() && name_server("192.0.2.1%x").is_err());
        assert!(search_domain(".").is_ok() && search_domain("a.example.").is_ok());
        assert!(search_domain("a b").is_err() && search_domain("").is_err());
        assert_eq!(extra_host("a:192.0.2.1").unwrap(), "a:192.0.2.1");
        assert_eq!(extra_host("a=[::1]").unwrap(), "a:::1");
        assert_eq!(extra_host("a:::1").unwrap(), "a:::1");
        for bad in ["a", "a:", ":192.0.2.1", "a:b", "a b:192.0.2.1", "a:[192.0.2.1]"] {
            assert!(extra_host(bad).is_err(), "{bad}");
        }
        assert_eq!(extra_host("a=host-gateway").unwrap(), "a:host-gateway");
        assert_eq!(exposed_ports("80").unwrap(), ["80/tcp"]);
        assert_eq!(exposed_ports("7-8/udp").unwrap(), ["7/udp", "8/udp"]);
        for bad in ["", "0", "8-7", "80/icmp", "65536", "a", "1-", "80/"] {
            assert!(exposed_ports(bad).is_err(), "{bad}");
        }
        assert!(resolver_option("ndots:2").is_ok() && resolver_option("a\nb").is_err());
        assert!(domain_name("example.org").is_ok() && domain_name("a..b").is_err());
    }
}
