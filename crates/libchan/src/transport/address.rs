//! Where a transport connects to or listens: a URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The original's port.
const PORT: u16 = 9323;

/// Where a transport connects to or listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A name in this process.
    Memory(String),
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
    /// The same with TLS.
    Tls(String),
    /// A WebSocket.
    WebSocket {
        /// Host and port.
        host: String,
        /// Path on the server, beginning with a slash.
        path: String,
        /// Whether it is one over TLS.
        is_secure: bool,
    },
    /// HTTP/2.
    Http2 {
        /// Host and port.
        host: String,
        /// Path on the server, beginning with a slash.
        path: String,
        /// Whether it is over TLS.
        is_secure: bool,
    },
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It has none of the schemes that are known.
    #[error(
        "it begins with none of memory://, unix://, tcp://, tls://, ws://, wss://, http:// and https://"
    )]
    Scheme,
    /// It names no host, or no path of a socket.
    #[error("it names no place")]
    Empty,
    /// What follows the colon is no port.
    #[error("{0:?} is no port")]
    Port(String),
}

impl Address {
    /// Whether it has TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Unix(_) | Self::Tcp(_) => false,
            Self::Tls(_) => true,
            Self::WebSocket { is_secure, .. } | Self::Http2 { is_secure, .. } => *is_secure,
        }
    }

    /// Whether the bytes of a single connection carry a session there, as [`crate::connect_bytes`] gives them.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        !matches!(self, Self::Memory(_) | Self::Http2 { .. })
    }

    /// The same with another host and port; a name and a socket's path stay.
    pub(super) fn at(&self, host: String) -> Self {
        match self {
            Self::Memory(name) => Self::Memory(name.clone()),
            Self::Unix(path) => Self::Unix(path.clone()),
            Self::Tcp(_) => Self::Tcp(host),
            Self::Tls(_) => Self::Tls(host),
            Self::WebSocket { path, is_secure, .. } => {
                Self::WebSocket { host, path: path.clone(), is_secure: *is_secure }
            }
            Self::Http2 { path, is_secure, .. } => {
                Self::Http2 { host, path: path.clone(), is_secure: *is_secure }
            }
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(url: &str) -> Result<Self, BadAddress> {
        let (scheme, rest) = url.split_once("://").ok_or(BadAddress::Scheme)?;
        if rest.is_empty() {
            return Err(BadAddress::Empty);
        }
        Ok(match scheme {
            "memory" => Self::Memory(rest.to_owned()),
            "unix" => Self::Unix(rest.into()),
            "tcp" => Self::Tcp(with_port(rest, PORT)?),
            "tls" => Self::Tls(with_port(rest, PORT)?),
            "ws" | "wss" | "http" | "https" => {
                let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
                let is_secure = scheme.ends_with('s') && scheme != "ws";
                let host = with_port(host, if is_secure { 443 } else { 80 })?;
                let path = path.to_owned();
                if scheme.starts_with("http") {
                    Self::Http2 { host, path, is_secure }
                } else {
                    Self::WebSocket { host, path, is_secure }
                }
            }
            _ => return Err(BadAddress::Scheme),
        })
    }
}

/// A host with its port, or the usual one. An IPv6 address is in brackets, RFC 3986 section 3.2.2.
fn with_port(text: &str, usual: u16) -> Result<String, BadAddress> {
    let after_host = text.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match text[after_host..].rfind(':') {
        Some(at) => (&text[..after_host + at], Some(&text[after_host + at + 1..])),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(BadAddress::Empty);
    }
    let parse =
        |port: &str| port.parse::<u16>().map_err(|_no_number| BadAddress::Port(port.to_owned()));
    Ok(format!("{host}:{}", port.map_or(Ok(usual), parse)?))
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(name) => write!(formatter, "memory://{name}"),
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(host) => write!(formatter, "tcp://{host}"),
            Self::Tls(host) => write!(formatter, "tls://{host}"),
            Self::WebSocket { host, path, is_secure } => {
                write!(formatter, "{}://{host}{path}", if *is_secure { "wss" } else { "ws" })
            }
            Self::Http2 { host, path, is_secure } => {
                write!(formatter, "{}://{host}{path}", if *is_secure { "https" } else { "http" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (url, shown) in [
            ("memory://name", "memory://name"),
            ("unix:///run/x.sock", "unix:///run/x.sock"),
            ("tcp://host", "tcp://host:9323"),
            ("tls://[::1]:5", "tls://[::1]:5"),
            ("tcp://[::1]", "tcp://[::1]:9323"),
            ("ws://host/a/b", "ws://host:80/a/b"),
            ("wss://host:444", "wss://host:444/"),
            ("http://host/a?b", "http://host:80/a?b"),
            ("https://[::1]", "https://[::1]:443/"),
        ] {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), shown);
        }
        for (url, wrong) in [
            ("host:9323", BadAddress::Scheme),
            ("httpx://host", BadAddress::Scheme),
            ("tcp://", BadAddress::Empty),
            ("tcp://:1", BadAddress::Empty),
            ("tcp://host:x", BadAddress::Port("x".to_owned())),
            ("ws://host:70000/", BadAddress::Port("70000".to_owned())),
        ] {
            assert_eq!(url.parse::<Address>(), Err(wrong), "{url}");
        }
    }
}
