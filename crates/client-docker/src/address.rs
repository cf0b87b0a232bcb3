//! Where a server is: `unix:///PATH`, `tcp://HOST[:PORT]`, `ssh://[USER@]HOST[:PORT][/PATH]`. A [`Host`] that exists is valid.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Docker's port for TLS.
const PORT: u16 = 2376;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Another machine, by TLS with certificates of both sides.
    Tcp {
        /// Name or address.
        name: String,
        /// Port.
        port: u16,
    },
    /// Another machine, by ssh(1).
    Ssh {
        /// `HOST` or `USER@HOST`.
        target: String,
        /// Port, where it is not ssh's own choice.
        port: Option<u16>,
        /// The socket there, where it is not the usual one.
        socket: Option<String>,
    },
}

/// A text that says of no server where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid host {text:?}: {why}")]
pub struct BadHost {
    text: String,
    why: &'static str,
}

impl FromStr for Host {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let bad = |why| BadHost { text: text.to_owned(), why };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad("it is none of unix:///PATH, tcp://HOST:PORT, ssh://USER@HOST"));
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => Err(bad("behind unix:// stands an absolute path")),
            "tcp" => {
                let rest = rest.strip_suffix('/').unwrap_or(rest);
                let (name, port) = name_and_port(rest).map_err(bad)?;
                Ok(Self::Tcp { name, port: port.unwrap_or(PORT) })
            }
            "ssh" => ssh(rest).map_err(bad),
            "http" | "https" => Err(bad("a server is reached by tcp://HOST:PORT")),
            "fd" | "npipe" => Err(bad("this kind of address is not for a client on Linux")),
            _ => Err(bad("it is none of unix:///PATH, tcp://HOST:PORT, ssh://USER@HOST")),
        }
    }
}

fn ssh(rest: &str) -> Result<Host, &'static str> {
    let (authority, socket) = match rest.split_once('/') {
        Some((authority, "")) => (authority, None),
        Some((authority, path)) => (authority, Some(format!("/{path}"))),
        None => (rest, None),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password has no place in it: ssh asks keys and agents");
    }
    let (name, port) = name_and_port(place)?;
    // What began with a dash would be an option of ssh: CVE-2017-1000117.
    if name.starts_with('-') || user.is_some_and(|user| user.is_empty() || user.starts_with('-')) {
        return Err("neither user nor host is empty or begins with a dash");
    }
    let target = user.map_or_else(|| name.clone(), |user| format!("{user}@{name}"));
    Ok(Host::Ssh { target, port, socket })
}

/// `NAME`, `NAME:PORT`, `[ADDRESS]:PORT`.
fn name_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, behind) = rest.split_once(']').ok_or("an address has no closing bracket")?;
            (name, behind.strip_prefix(':').or_else(|| behind.is_empty().then_some("")))
        }
        None => match text.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') => (name, Some(port)),
            Some(_) => return Err("an address of IPv6 stands in brackets"),
            None => (text, Some("")),
        },
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err("it has no name of a host");
    }
    match port {
        Some("") => Ok((name.to_owned(), None)),
        Some(port) => match port.parse() {
            Ok(port) => Ok((name.to_owned(), Some(port))),
            Err(_no_port) => Err("behind the colon stands no port"),
        },
        None => Err("behind the colon stands no port"),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp { name, port } if name.contains(':') => {
                write!(formatter, "tcp://[{name}]:{port}")
            }
            Self::Tcp { name, port } => write!(formatter, "tcp://{name}:{port}"),
            Self::Ssh { target, port, socket } => {
                write!(formatter, "ssh://{target}")?;
                if let Some(port) = port {
                    write!(formatter, ":{port}")?;
                }
                formatter.write_str(socket.as_deref().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in [
            "unix:///run/x.sock",
            "tcp://host:2376",
            "tcp://[::1]:99",
            "ssh://host",
            "ssh://me@host:22",
            "ssh://me@host/run/x.sock",
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        assert_eq!("tcp://host/".parse::<Host>().unwrap().to_string(), "tcp://host:2376");
        assert_eq!("ssh://host/".parse::<Host>().unwrap().to_string(), "ssh://host");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "host",
            "unix://x",
            "tcp://",
            "tcp://host:port",
            "tcp://a b",
            "tcp://::1:99",
            "tcp://host/path",
            "ssh://-oProxyCommand=x",
            "ssh://me:secret@host",
            "ssh://-l@host",
            "ssh://@host",
            "https://host",
            "fd://",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
