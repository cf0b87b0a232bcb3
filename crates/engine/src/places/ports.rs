//! Ports of the machine: claimed in the records, and held against what listens on the machine.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use network::forwarder::Outside;
use network::{OpenPort, PortMapping, Transport};
use rustix::net::ipproto;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use store::{Giving, PortAddress, PortHolder};

use super::Place;
use crate::config::{ContainerConfig, PublishedPort};
use crate::error::EngineError;
use crate::networks::{GatewayMode, GatewayModes};

/// Ports that the kernel gives to those who do not mind, ip(7) "ip_local_port_range".
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// What there is of SCTP in a network namespace, where the kernel has it.
const SCTP: &str = "/proc/thread-self/net/sctp";

/// With more than these one look at everybody's ports is cheaper than one for each.
const MANY: usize = 8;

/// Why a port is not to be had.
enum Unavailable {
    Container(PortHolder),
    Listener(io::Error),
}

/// Ports that places have already.
pub(super) fn had(places: &[Place]) -> Vec<PortMapping> {
    let given = places.iter().filter_map(|place| place.given.as_ref());
    given.flat_map(|given| given.ports.clone()).collect()
}

/// What ports are claimed by.
pub(super) struct Terms<'a> {
    /// Addresses of the machine where no other is wanted; none is each one.
    pub(super) usual: &'a [IpAddr],
    /// Ports that it has already: it keeps them.
    pub(super) had: &'a [PortMapping],
    /// How the container is reached.
    pub(super) modes: GatewayModes,
    /// State directory of a user, whose ports are led into his network by programs that listen outside; the network does not know the
    /// machine's addresses.
    pub(super) user: Option<&'a Path>,
}

/// Claims the ports of a container, and says where they lead, and which are open at its own addresses.
pub(super) fn claim(
    giving: &Giving<'_>,
    config: &ContainerConfig,
    own: &[IpAddr],
    terms: &Terms<'_>,
) -> Result<(Vec<PortMapping>, Vec<OpenPort>), EngineError> {
    let (mut mappings, mut open) = (Vec::new(), Vec::new());
    let wanted = wanted(config)?;
    look_ahead(giving, &wanted)?;
    // Without it the monitor says what is wrong.
    let outside = terms.user.and_then(|state| Outside::connect(state).ok());
    for mut port in wanted {
        for host_address in host_addresses(&port, terms.usual) {
            let fits = |address: &IpAddr| {
                host_address.is_none_or(|host| host.is_ipv4() == address.is_ipv4())
            };
            let own = own.iter().copied().filter(fits);
            let mode = |address: &IpAddr| terms.modes.of(address.is_ipv6());
            let (translated, others): (Vec<IpAddr>, Vec<IpAddr>) =
                own.partition(|address| mode(address).translates());
            for address in others.into_iter().filter(|own| mode(own) == GatewayMode::Routed) {
                let one = OpenPort { address, transport: port.transport, port: port.port };
                if !open.contains(&one) {
                    open.push(one);
                }
            }
            if translated.is_empty() {
                continue;
            }
            let kept = kept(&port, host_address, terms.had);
            // What it has it listens at itself.
            let listener = outside.as_ref().filter(|_| kept.is_none());
            let listener = listener.map(|outside| (outside, host_address));
            let host_ports = kept.or(port.host_ports);
            let wanted = PublishedPort { host_ports, ..port.clone() };
            let (inside, outside) =
                if terms.user.is_some() { (None, host_address) } else { (host_address, None) };
            let host_port = claim_one(giving, &wanted, (inside, listener), &translated)?;
            // At its other addresses the machine has the same one.
            port.host_ports = Some((host_port, host_port));
            mappings.extend(translated.into_iter().map(|address| PortMapping {
                host_address: inside.filter(|address| !address.is_unspecified()),
                outside: outside.filter(|address| !address.is_unspecified()),
                host_port,
                transport: port.transport,
                port: port.port,
                address,
            }));
        }
    }
    Ok((mappings, open))
}

/// Looks at the numbers that are wanted at once, where they are many.
fn look_ahead(giving: &Giving<'_>, wanted: &[PublishedPort]) -> Result<(), EngineError> {
    for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
        let ports = wanted.iter().filter(|port| port.transport == transport);
        let ranges: Vec<_> = ports.map(|port| port.host_ports.unwrap_or(EPHEMERAL)).collect();
        let first = ranges.iter().map(|(first, _)| *first).min();
        let last = ranges.iter().map(|(_, last)| *last).max();
        if let (Some(first), Some(last)) = (first, last)
            && ranges.len() > MANY
        {
            giving.look_at_ports(transport.word(), first..=last)?;
        }
    }
    Ok(())
}

/// The machine's addresses of a port; nothing is each one. Docker's 0.0.0.0 as the usual address is that, too.
fn host_addresses(port: &PublishedPort, usual: &[IpAddr]) -> Vec<Option<IpAddr>> {
    if port.host_address.is_some() || usual.is_empty() {
        return vec![port.host_address];
    }
    if usual.contains(&Ipv4Addr::UNSPECIFIED.into()) {
        return vec![None];
    }
    usual.iter().copied().map(Some).collect()
}

/// The machine's port that it had for the same.
fn kept(
    port: &PublishedPort,
    host_address: Option<IpAddr>,
    had: &[PortMapping],
) -> Option<(u16, u16)> {
    let (first, last) = port.host_ports.unwrap_or(EPHEMERAL);
    let host_address = host_address.filter(|own| !own.is_unspecified());
    let had = had.iter().find(|had| {
        (had.port, had.transport, had.published_at()) == (port.port, port.transport, host_address)
            && (first..=last).contains(&had.host_port)
    })?;
    Some((had.host_port, had.host_port))
}

/// Those that were asked for, and with `--publish-all` every other one that the image or somebody says is there. Those that can be at one place alone
/// come first.
pub(super) fn wanted(config: &ContainerConfig) -> Result<Vec<PublishedPort>, EngineError> {
    let mut wanted: Vec<PublishedPort> = Vec::with_capacity(config.ports.len());
    let mut seen = HashSet::new();
    wanted.extend(config.ports.iter().filter(|port| seen.insert(*port)).cloned());
    if config.publish_all {
        for text in &config.exposed_ports {
            let Some((port, transport)) = exposed(text) else { continue };
            let is_there = wanted.iter().any(|own| (own.port, own.transport) == (port, transport));
            if !is_there {
                wanted.push(PublishedPort {
                    host_address: None,
                    host_ports: None,
                    port,
                    transport,
                });
            }
        }
    }
    wanted.sort_by_key(|port| {
        let (first, last) = port.host_ports.unwrap_or(EPHEMERAL);
        last.saturating_sub(first)
    });
    Ok(wanted)
}

/// `PORT/PROTOCOL`.
fn exposed(text: &str) -> Option<(u16, Transport)> {
    let (port, word) = text.split_once('/').unwrap_or((text, "tcp"));
    let transports = [Transport::Tcp, Transport::Udp, Transport::Sctp];
    let transport = transports.into_iter().find(|transport| transport.word() == word);
    Some((port.parse().ok()?, transport?))
}

/// The first port of those that it may be which nobody has.
fn claim_one(
    giving: &Giving<'_>,
    port: &PublishedPort,
    (host_address, listener): (Option<IpAddr>, Option<(&Outside, Option<IpAddr>)>),
    addresses: &[IpAddr],
) -> Result<u16, EngineError> {
    let (first, last) = port.host_ports.unwrap_or(EPHEMERAL);
    let count = u32::from(last.saturating_sub(first)) + 1;
    // Where any will do not each start tries the same ones.
    let start = if port.host_ports.is_none() { crate::names::random_number()? % count } else { 0 };
    let mut why = None;
    for step in 0..count {
        let number = u32::from(first) + (start + step) % count;
        let Ok(number) = u16::try_from(number) else { continue };
        let outside = listener.map_or(Ok(()), |(outside, at)| {
            listens_nobody_outside(outside, (port.transport, number), at, addresses)
        });
        if let Err(error) = outside {
            why = Some((number, Unavailable::Listener(error)));
            continue;
        }
        match available(giving, port.transport, host_address, addresses, number)? {
            Ok(()) => return Ok(number),
            Err(unavailable) => why = Some((number, unavailable)),
        }
    }
    let why = match why {
        Some((_, Unavailable::Container(PortHolder::Other(holder)))) => {
            format!("container {holder} has it")
        }
        Some((_, Unavailable::Container(PortHolder::Itself))) => {
            "another port of the container is published there".to_owned()
        }
        Some((_, Unavailable::Listener(error))) if error.kind() == io::ErrorKind::AddrInUse => {
            "a program of the machine listens there".to_owned()
        }
        Some((_, Unavailable::Listener(error))) => {
            let error = sys::Errno::from(error);
            format!("nobody can listen there: {error}")
        }
        None => "there is none".to_owned(),
    };
    let shown = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let shown = host_address.map_or(shown.clone(), |address| SocketText(address, &shown).text());
    Err(EngineError::value("published port", format!("{shown}/{}", port.transport.word()), why))
}

struct SocketText<'a>(IpAddr, &'a str);

impl SocketText<'_> {
    fn text(&self) -> String {
        match self.0 {
            IpAddr::V4(address) => format!("{address}:{}", self.1),
            IpAddr::V6(address) => format!("[{address}]:{}", self.1),
        }
    }
}

/// Gives the container a port of the machine, for addresses of its own, unless somebody has it.
fn available(
    giving: &Giving<'_>,
    transport: Transport,
    host_address: Option<IpAddr>,
    addresses: &[IpAddr],
    port: u16,
) -> Result<Result<(), Unavailable>, EngineError> {
    let every: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let mut given = Vec::new();
    for every in every {
        if !addresses.iter().any(|address| address.is_ipv6() == every.is_ipv6()) {
            continue;
        }
        let address = host_address.unwrap_or(every);
        if let Err(error) = listens_nobody(transport, address, port) {
            return Ok(Err(Unavailable::Listener(error)));
        }
        let (address, every) = (address.to_string(), every.to_string());
        let at = PortAddress { address: &address, every: &every };
        if let Some(holder) = giving.port_holder(at, transport.word(), port)? {
            return Ok(Err(Unavailable::Container(holder)));
        }
        given.push(address);
    }
    for address in given {
        giving.give_port(&address, transport.word(), port);
    }
    Ok(Ok(()))
}

/// The same of the machine, where this is a user's network.
fn listens_nobody_outside(
    outside: &Outside,
    (transport, port): (Transport, u16),
    at: Option<IpAddr>,
    addresses: &[IpAddr],
) -> io::Result<()> {
    let every: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    for every in every {
        if !addresses.iter().any(|address| address.is_ipv6() == every.is_ipv6()) {
            continue;
        }
        let address = SocketAddr::new(at.unwrap_or(every), port);
        let socket = outside.listen(network::forwarder::Place { transport, address })?;
        // Who wants these addresses by name is told that there are none.
        if socket.is_none() && at.is_some() {
            return Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        }
    }
    Ok(())
}

/// A program that listens there would hear nobody any more.
fn listens_nobody(transport: Transport, address: IpAddr, port: u16) -> io::Result<()> {
    let address = SocketAddr::new(address, port);
    match transport {
        Transport::Tcp => TcpListener::bind(address).map(drop),
        Transport::Udp => UdpSocket::bind(address).map(drop),
        Transport::Sctp => listens_nobody_sctp(address),
    }
}

/// The same as the standard library does for TCP. sctp(7).
fn listens_nobody_sctp(address: SocketAddr) -> io::Result<()> {
    // A kernel without SCTP has nobody who listens; and a socket would have it load the module, for nobody.
    if !fs::exists(SCTP).unwrap_or(false) {
        return Ok(());
    }
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
    let socket = socket_with(family, kind, flags, Some(ipproto::SCTP))?;
    // Connections that have ended are nobody who listens.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    Ok(listen(&socket, 1)?)
}
