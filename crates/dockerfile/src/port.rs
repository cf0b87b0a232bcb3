//! Ports of `EXPOSE`: `80`, `80/udp`, `8000-8010/tcp`, and the forms with an address or a port of the host, which mean nothing.

use std::fmt;
use std::net::IpAddr;

/// A port that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExposedPort {
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

/// Protocols that have ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// Why a text is no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortProblem {
    /// The number is none from 0 to 65535.
    #[error("{0:?} is no number from 0 to 65535")]
    Number(String),
    /// The range ends before it begins.
    #[error("range {0:?} ends before it begins")]
    Range(String),
    /// The protocol.
    #[error("protocol {0:?} is none of tcp, udp and sctp")]
    Protocol(String),
    /// The address.
    #[error("{0:?} is no address")]
    Address(String),
    /// The ranges before and behind the colon are not of one length.
    #[error("ranges {0:?} and {1:?} are not of one length")]
    Lengths(String, String),
}

/// What an argument of `EXPOSE` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) ports: Vec<ExposedPort>,
    /// The protocol as it is written.
    pub(crate) written_protocol: Option<String>,
    /// Whether it has an address or a port of the host.
    pub(crate) has_host: bool,
}

impl ExposedPort {
    /// The ports that an argument of `EXPOSE` means, once its variables are put in.
    ///
    /// # Errors
    /// When a number, range, address or protocol is wrong.
    pub fn parse(text: &str) -> Result<Vec<Self>, PortProblem> {
        parse(text).map(|parsed| parsed.ports)
    }
}

impl fmt::Display for ExposedPort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.protocol)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

pub(crate) fn parse(text: &str) -> Result<Parsed, PortProblem> {
    let (host, container) = match text.rsplit_once(':') {
        Some((host, container)) => (Some(host), container),
        None => (None, text),
    };
    let (numbers, written_protocol) = match container.split_once('/') {
        Some((numbers, protocol)) => {
            (numbers, Some(protocol).filter(|protocol| !protocol.is_empty()))
        }
        None => (container, None),
    };
    let protocol = match written_protocol.map(str::to_ascii_lowercase).as_deref() {
        None | Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        Some(_) => {
            return Err(PortProblem::Protocol(written_protocol.unwrap_or_default().to_owned()));
        }
    };
    let (first, last) = range(numbers)?;
    let has_host = match host {
        Some(host) => check_host(host, numbers, last - first)?,
        None => false,
    };
    Ok(Parsed {
        ports: (first..=last).map(|number| ExposedPort { number, protocol }).collect(),
        written_protocol: written_protocol.map(str::to_owned),
        has_host,
    })
}

fn range(text: &str) -> Result<(u16, u16), PortProblem> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.ok_or_else(|| PortProblem::Number(text.to_owned()))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        return Err(PortProblem::Range(text.to_owned()));
    }
    Ok((first, last))
}

/// Whether there is anything before the port, when that is right.
fn check_host(host: &str, numbers: &str, length: u16) -> Result<bool, PortProblem> {
    let (address, ports) = match host.rsplit_once(':') {
        Some((address, ports)) => (address, ports),
        None => ("", host),
    };
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(PortProblem::Address(address.to_owned()));
    }
    if !ports.is_empty() {
        let (first, last) = range(ports)?;
        if last - first != length && length > 0 {
            return Err(PortProblem::Lengths(ports.to_owned(), numbers.to_owned()));
        }
    }
    Ok(!address.is_empty() || !ports.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_protocols() {
        let shown = |text: &str| {
            let ports = ExposedPort::parse(text)?;
            Ok::<_, PortProblem>(
                ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            )
        };
        for (text, ports) in [
            ("80", "80/tcp"),
            ("80/", "80/tcp"),
            ("80/UdP", "80/udp"),
            ("8-10/sctp", "8/sctp 9/sctp 10/sctp"),
            ("127.0.0.1:80:81", "81/tcp"),
            ("[::1]:8080:8081", "8081/tcp"),
            ("5000:5001", "5001/tcp"),
            ("5000-5009:80", "80/tcp"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(ports), "{text}");
        }
        for text in
            ["", "x", "80/icmp", "10-8", "-1", "+1", "65536", "/tcp", "1-2:1-3", "host:1:2", "80-"]
        {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
