//! Addresses of requests, taken apart: whom they go to, and what is asked there.
//!
//! Never resolves a name. Start at [`Address::parse`] and [`Address::join`]. Sources: RFC 3986 section 5.2, RFC 9110 sections 4.2
//! and 10.2.2.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ureq::http::Uri;

/// With TLS or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Https,
    Http,
}

/// Whom a request goes to. Secrets are meant for one of these and never leave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    /// In lower case; an IPv6 address stands in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// An absolute address of `http` or `https`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) origin: Origin,
    /// Path and query.
    pub(crate) target: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("is no address")]
    Form,
    #[error("is neither http nor https")]
    Scheme,
    #[error("holds a user's name")]
    UserInfo,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl Origin {
    /// Host, and the port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Address {
    pub(crate) fn new(origin: Origin, target: impl Into<String>) -> Self {
        Self { origin, target: target.into() }
    }

    /// Reads an absolute address.
    pub(crate) fn parse(text: &str) -> Result<Self, BadAddress> {
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_bad| BadAddress::Form)?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            Some(_) => return Err(BadAddress::Scheme),
            None => return Err(BadAddress::Form),
        };
        let authority = uri.authority().ok_or(BadAddress::Form)?;
        // A name before the host makes `https://registry@elsewhere/` look like the registry. RFC 9110 section 4.2.4.
        if authority.as_str().contains('@') {
            return Err(BadAddress::UserInfo);
        }
        let host = authority.host().to_ascii_lowercase();
        // All of it is host and port: of `7[:1]:4` the crate takes `7[` for the host, of `[::1]a` only what is in brackets.
        let rest = authority.as_str().get(host.len()..).ok_or(BadAddress::Form)?;
        if host.is_empty() || (!host.starts_with('[') && host.contains(['[', ']'])) {
            return Err(BadAddress::Form);
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => scheme.default_port(),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_bad| BadAddress::Form)?
            }
            _ => return Err(BadAddress::Form),
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self::new(Origin { scheme, host, port }, target))
    }

    /// Where a `Location` or a `Link` in an answer from here leads.
    pub(crate) fn join(&self, location: &str) -> Result<Self, BadAddress> {
        let location = location.split('#').next().unwrap_or_default();
        let lower = location.get(..8).unwrap_or(location).to_ascii_lowercase();
        if lower.starts_with("https://") || lower.starts_with("http://") {
            return Self::parse(location);
        }
        if location.is_empty() || has_scheme(location) {
            return Err(if location.is_empty() { BadAddress::Form } else { BadAddress::Scheme });
        }
        let scheme = self.origin.scheme.name();
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let path = self.path();
        let target = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{path}{location}"),
            _ => format!("{}{location}", &path[..=path.rfind('/').unwrap_or(0)]),
        };
        Self::parse(&format!("{scheme}://{}{target}", self.origin.authority()))
    }

    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// With one more parameter at the end of the query.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> Self {
        let separator = match self.target.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        let target = format!("{}{separator}{name}={}", self.target, percent_encode(value));
        Self::new(self.origin.clone(), target)
    }

    /// Everything, for the wire and for a journal.
    pub(crate) fn full(&self) -> String {
        let Origin { scheme, .. } = &self.origin;
        format!("{}://{}{}", scheme.name(), self.origin.authority(), self.target)
    }
}

/// Whether text begins like `ftp:`; a colon after a slash or a question mark belongs to a path or a query.
fn has_scheme(text: &str) -> bool {
    let end = text.find([':', '/', '?']);
    end.is_some_and(|end| text.as_bytes().get(end) == Some(&b':'))
}

/// For a value in a query or a form: everything but RFC 3986's unreserved characters becomes `%XX`.
pub(crate) fn percent_encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&spec::digest::hex(&[byte]).to_ascii_uppercase());
        }
    }
    text
}

/// Whether a host is this machine by its name alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// The address that a host is, with or without brackets.
pub(crate) fn ip(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// Parts `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

impl fmt::Display for Address {
    /// Without the query: it may hold a signature or an upload's state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.origin.scheme.name(), self.origin.authority(), self.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_joined() {
        let base = Address::parse("http://Example.org:5000/v2/a/b?x=1").unwrap();
        for (location, want) in [
            ("/c?d=e#f", "http://example.org:5000/c?d=e"),
            ("//other/x", "http://other/x"),
            ("HTTPS://other:443/x", "https://other/x"),
            ("?y=2", "http://example.org:5000/v2/a/b?y=2"),
            ("c", "http://example.org:5000/v2/a/c"),
            ("http://[::1]:80/", "http://[::1]/"),
        ] {
            assert_eq!(base.join(location).unwrap().full(), want, "{location}");
        }
        assert_eq!(base.join("ftp://x/"), Err(BadAddress::Scheme));
        assert_eq!(base.join("https://a@b/"), Err(BadAddress::UserInfo));
        assert_eq!(base.join("https://a:70000/"), Err(BadAddress::Form));
        for odd in ["https://7[:1]:4/x", "https://[::1]a/x", "https://[::1]:/x", "https://a:+1/x"] {
            assert_eq!(base.join(odd), Err(BadAddress::Form), "{odd}");
        }
        assert_eq!(base.join(""), Err(BadAddress::Form));
        assert!(base.join("/a b\r\nc").is_err());
    }

    #[test]
    fn a_parameter_is_added() {
        let plain = Address::parse("https://a/b").unwrap();
        assert_eq!(plain.with_parameter("d", "s:1").full(), "https://a/b?d=s%3A1");
        let query = Address::parse("https://a/b?c=1").unwrap();
        assert_eq!(query.with_parameter("d", "é").full(), "https://a/b?c=1&d=%C3%A9");
        assert_eq!(query.to_string(), "https://a/b");
    }

    #[test]
    fn ports_are_split() {
        assert_eq!(split_port("a:5000"), ("a", Some(5000)));
        assert_eq!(split_port("[::1]:5000"), ("[::1]", Some(5000)));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("a"), ("a", None));
        assert!(is_loopback("127.3.4.5") && is_loopback("[::1]") && is_loopback("LOCALHOST"));
        assert!(!is_loopback("localhost.example.org"));
    }
}
