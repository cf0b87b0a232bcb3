//! Programs of the machine that listen. Sources: proc_pid_net(5), "tcp" and "udp"; net/sctp/proc.c, sctp_eps_seq_show.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use network::{PortMapping, Transport};

/// States of sockets that take connections or datagrams: TCP_LISTEN, and TCP_CLOSE of UDP.
const TABLES: [(&str, Transport, &str); 4] = [
    ("tcp", Transport::Tcp, "0A"),
    ("tcp6", Transport::Tcp, "0A"),
    ("udp", Transport::Udp, "07"),
    ("udp6", Transport::Udp, "07"),
];

/// State of an SCTP socket that takes connections.
const SCTP_LISTENING: &str = "10";

/// Addresses and ports that somebody listens at.
#[derive(Debug, Default)]
pub(super) struct Listeners(Vec<(Transport, IpAddr, u16)>);

impl Listeners {
    /// Those of the caller's network namespace.
    pub(super) fn here() -> Self {
        let mut all = Vec::new();
        let read = |name: &str| {
            std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default()
        };
        for (name, transport, state) in TABLES {
            let text = read(name);
            let found = text.lines().skip(1).filter_map(|line| listener(line, state));
            all.extend(found.map(|(address, port)| (transport, address, port)));
        }
        // Nothing where the kernel has no SCTP, or nobody has used it yet.
        let found = read("sctp/eps");
        let found = found.lines().skip(1).flat_map(sctp_listener);
        all.extend(found.map(|(address, port)| (Transport::Sctp, address, port)));
        Self(all)
    }

    /// Whether one of them is where a published port is.
    pub(super) fn has(&self, port: &PortMapping) -> bool {
        self.0.iter().any(|(transport, address, number)| {
            let is_family = address.is_ipv6() == port.address.is_ipv6()
                || *address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            let is_same = port.host_address.is_none_or(|own| own == *address);
            (*transport, *number) == (port.transport, port.host_port)
                && is_family
                && (is_same || address.is_unspecified())
        })
    }
}

/// `  0: 0100007F:1F90 00000000:0000 0A …`: each four bytes of an address as a number of this machine.
fn listener(line: &str, wanted: &str) -> Option<(IpAddr, u16)> {
    let mut words = line.split_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    let (_remote, state) = (words.next()?, words.next()?);
    if state != wanted {
        return None;
    }
    let mut octets = Vec::new();
    for start in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    let address = match octets.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// ` ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS`: one that is bound to several addresses has all of them.
fn sctp_listener(line: &str) -> Vec<(IpAddr, u16)> {
    let mut words = line.split_whitespace().skip(3);
    let (state, port) = (words.next(), words.nth(1).and_then(|port| port.parse().ok()));
    let Some(port) = port.filter(|_| state == Some(SCTP_LISTENING)) else { return Vec::new() };
    words.skip(2).filter_map(|address| Some((address.parse().ok()?, port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sctp_are_read() {
        let line = "85935645 eb1ff2f6 2   10  39   9100      0  1633 0.0.0.0 ";
        assert_eq!(sctp_listener(line), [("0.0.0.0".parse().unwrap(), 9100)]);
        let whole = "0000:0000:0000:0000:0000:0000:0000:0001";
        let line = format!("0 0 2   10  39   80      0  1633 10.0.0.1 {whole}");
        let [first, second] = ["10.0.0.1", "::1"].map(|text| (text.parse().unwrap(), 80));
        assert_eq!(sctp_listener(&line), [first, second]);
        for line in
            ["", "0 0 2 7 39 9100 0 1633 0.0.0.0", "0 0 2 10 39 x 0 1633 0.0.0.0", "0 0 2 10"]
        {
            assert_eq!(sctp_listener(line), [], "{line}");
        }
    }

    #[test]
    fn lines_are_read() {
        let number = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let line =
            format!("   0: {}:1F90 00000000:0000 0A 00000000:00000000", number([127, 0, 0, 1]));
        assert_eq!(listener(&line, "0A"), Some(("127.0.0.1".parse().unwrap(), 8080)));
        assert_eq!(listener(&line, "07"), None);
        let zero = "0".repeat(24);
        let line = format!(" 1: {zero}{}:0050 {zero}00000000:0000 0A", number([0, 0, 0, 1]));
        assert_eq!(listener(&line, "0A"), Some(("::1".parse().unwrap(), 80)));
        for line in ["", "  0:", " 0: 00:0 00:0 0A", " 0: zz:1F90 00000000:0000 0A"] {
            assert_eq!(listener(line, "0A"), None, "{line}");
        }
    }
}
