//! Whether a request goes through a proxy, by the rules that Go's programs follow, so that one environment serves all tools.
//!
//! Never connects. Start at [`proxy_for`]. Source: golang.org/x/net/http/httpproxy, documentation of `Config`.

use std::net::IpAddr;

use crate::address::{Origin, Scheme, ip, is_loopback};

/// The address of the proxy for an origin; nothing where it is reached directly.
pub(crate) fn proxy_for(
    origin: &Origin,
    http_proxy: &str,
    https_proxy: &str,
    no_proxy: &str,
) -> Option<String> {
    let proxy = match origin.scheme {
        Scheme::Https => https_proxy.trim(),
        Scheme::Http => http_proxy.trim(),
    };
    if proxy.is_empty() || is_loopback(&origin.host) {
        return None;
    }
    if no_proxy.split(',').any(|rule| is_exempt(rule.trim(), origin)) {
        return None;
    }
    Some(if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") })
}

fn is_exempt(rule: &str, origin: &Origin) -> bool {
    let rule = rule.to_ascii_lowercase();
    if rule.is_empty() {
        return false;
    }
    if rule == "*" {
        return true;
    }
    let address = ip(&origin.host);
    if rule.contains('/') {
        return address.is_some_and(|address| in_network(address, &rule) == Some(true));
    }
    // A bare IPv6 address has colons of its own.
    if let Ok(wanted) = rule.parse::<IpAddr>() {
        return address == Some(wanted);
    }
    let (name, port) = crate::address::split_port(&rule);
    if port.is_some_and(|port| port != origin.port) {
        return false;
    }
    if let Some(wanted) = ip(name) {
        return address == Some(wanted);
    }
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    let host = origin.host.trim_end_matches('.');
    match name.strip_prefix('.') {
        Some(domain) => has_domain(host, domain),
        None => host == name || has_domain(host, name),
    }
}

/// Whether a host is below a domain.
fn has_domain(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Whether an address is in a network like `10.0.0.0/8`; nothing where that is no network.
pub(crate) fn in_network(address: IpAddr, network: &str) -> Option<bool> {
    let (base, bits) = network.split_once('/')?;
    let (base, bits): (IpAddr, u32) = (base.parse().ok()?, bits.parse().ok()?);
    match (base, address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Some(u32::from(base) & mask == u32::from(address) & mask)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Some(u128::from(base) & mask == u128::from(address) & mask)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Some(false),
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn proxied(address: &str, no_proxy: &str) -> bool {
        let origin = Address::parse(address).unwrap().origin;
        proxy_for(&origin, "plain:3128", "http://tls:3128", no_proxy).is_some()
    }

    #[test]
    fn the_scheme_chooses() {
        let origin = |text| Address::parse(text).unwrap().origin;
        let http = proxy_for(&origin("http://a/"), "p:1", "", "");
        assert_eq!(http.as_deref(), Some("http://p:1"));
        assert_eq!(proxy_for(&origin("https://a/"), "p:1", "", ""), None);
    }

    #[test]
    fn exemptions_are_those_of_go() {
        for (address, no_proxy, want) in [
            ("https://example.org/", "", true),
            ("https://example.org/", "*", false),
            ("https://example.org/", "example.org", false),
            ("https://a.example.org/", "example.org", false),
            ("https://example.org/", ".example.org", true),
            ("https://a.example.org/", "x, .example.org", false),
            ("https://a.example.org/", "*.example.org", false),
            ("https://badexample.org/", "example.org", true),
            ("https://example.org/", "example.org:443", false),
            ("https://example.org:444/", "example.org:443", true),
            ("https://10.1.2.3/", "10.0.0.0/8", false),
            ("https://11.1.2.3/", "10.0.0.0/8", true),
            ("https://10.1.2.3/", "10.1.2.3", false),
            ("https://[fd00::1]/", "fd00::/8", false),
            ("https://[fd00::1]/", "fd00::1", false),
            ("https://[fd00::1]/", "10.0.0.0/0", true),
            ("https://1.2.3.4/", "0.0.0.0/0", false),
            ("https://localhost/", "", false),
            ("http://127.0.0.9:5000/", "", false),
            ("http://[::1]:5000/", "", false),
        ] {
            assert_eq!(proxied(address, no_proxy), want, "{address} {no_proxy:?}");
        }
    }
}
