//! Network interfaces of the host that move into a container's network namespace.
//!
//! The parent moves them once that namespace exists and before the child is let into its control groups: what comes after may
//! set parameters of theirs. They keep what the kernel keeps and, beyond that, their permanent global addresses, and are up
//! when they arrive. Nothing brings them back: when the namespace ends, the kernel returns those that are hardware and
//! destroys the others. Start at [`bring_in`]. Sources: config-linux.md "Network Devices", rtnetlink(7),
//! network_namespaces(7).

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use serde::{Deserialize, Serialize};
use sys::Errno;
use sys::netlink::{Answer, CREATE_NEW, DUMP, Protocol, Refusal, Request, Socket, number};

use crate::error::StartError;

/// An interface that moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetDevicePlan {
    /// Its name on the host.
    pub name: String,
    /// Its name inside; `%d` in it stands for the first number that is free.
    pub inside: String,
}

impl fmt::Display for NetDevicePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "move the network device {} in", self.name)?;
        if self.name == self.inside { Ok(()) } else { write!(f, " as {}", self.inside) }
    }
}

const NEWLINK: u16 = 16;
const GETLINK: u16 = 18;
const NEWADDR: u16 = 20;
const GETADDR: u16 = 22;

const IFLA_IFNAME: u16 = 3;
const IFLA_NET_NS_FD: u16 = 28;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;

const IFA_F_PERMANENT: u32 = 0x80;
/// IFA_F_NODAD, IFA_F_MANAGETEMPADDR, IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN: what whoever gave the address has asked for.
const ASKED_FOR: u32 = 0x02 | 0x100 | 0x200 | 0x400;
const RT_SCOPE_UNIVERSE: u8 = 0;
const IFF_UP: u32 = 1;

/// Numbers that are tried for `%d`.
const NUMBERS: u32 = 4096;

/// Moves the interfaces into a namespace. The caller, which has one thread, is where it was when this returns.
pub(crate) fn bring_in(
    devices: &[NetDevicePlan],
    namespace: BorrowedFd<'_>,
) -> Result<(), StartError> {
    let talking = |errno| StartError::Parent { action: "talk with rtnetlink".to_owned(), errno };
    let mut outside = Socket::open(Protocol::Route).map_err(talking)?;
    let mut inside = Socket::open_in(namespace, Protocol::Route).map_err(talking)?;
    devices.iter().try_for_each(|device| {
        let step = |step: &'static str| {
            move |refusal: Refusal| {
                let action = format!("{device}: {step}");
                StartError::Parent { action, errno: refusal.errno }
            }
        };
        let index = index_of(&mut outside, &device.name).map_err(step("find it"))?;
        let name = free_name(&mut inside, &device.inside).map_err(step("look for its name"))?;
        let name = name.ok_or(Errno::from_raw(libc::EEXIST).into()).map_err(step("name it"))?;
        let addresses = addresses(&mut outside, index).map_err(step("read its addresses"))?;
        let moved = Request::new(NEWLINK, 0, &link(index, 0, 0))
            .bytes(IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes())
            .text(IFLA_IFNAME, &name);
        outside.ask(moved).map_err(step("move it"))?;
        let index = index_of(&mut inside, &name).map_err(step("find it inside"))?;
        for address in &addresses {
            address.add(&mut inside, index).map_err(step("give it its addresses"))?;
        }
        let up = Request::new(NEWLINK, 0, &link(index, IFF_UP, IFF_UP));
        inside.ask(up).map_err(step("set it up"))?;
        Ok(())
    })
}

fn index_of(route: &mut Socket, name: &str) -> Result<u32, Refusal> {
    let named = Request::new(GETLINK, 0, &link(0, 0, 0)).text(IFLA_IFNAME, name);
    let answer = route.ask(named)?;
    let index = answer.first().map(|found| found.number_at(4)).filter(|index| *index > 0);
    index.ok_or(Errno::from_raw(libc::ENODEV).into())
}

/// The name, or with `%d` the first of its kind, unless it is taken.
fn free_name(route: &mut Socket, name: &str) -> Result<Option<String>, Refusal> {
    let candidates: Box<dyn Iterator<Item = String>> = if name.contains("%d") {
        Box::new((0..NUMBERS).map(|number| name.replace("%d", &number.to_string())))
    } else {
        Box::new(std::iter::once(name.to_owned()))
    };
    for candidate in candidates {
        match index_of(route, &candidate) {
            Err(refusal) if refusal.errno.raw() == libc::ENODEV => return Ok(Some(candidate)),
            Ok(_taken) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(None)
}

/// An address that moves along.
struct Address {
    family: u8,
    prefix: u8,
    flags: u32,
    values: Vec<(u16, Vec<u8>)>,
}

/// Permanent addresses of every family with global scope. Read before the interface goes down, which ends those of IPv6.
fn addresses(route: &mut Socket, index: u32) -> Result<Vec<Address>, Refusal> {
    let answer = route.ask(Request::new(GETADDR, DUMP, &[0; 8]))?;
    Ok(answer.iter().filter(|answer| answer.number_at(4) == index).filter_map(address).collect())
}

fn address(answer: &Answer) -> Option<Address> {
    let [family, prefix, short_flags, scope, ..] = *answer.head() else { return None };
    let attributes = answer.attributes();
    let flags = attributes.get(IFA_FLAGS).map(|bytes| number(Some(bytes)));
    let flags = flags.unwrap_or_else(|| short_flags.into());
    let value = |kind| attributes.get(kind).map(|value| (kind, value.to_vec()));
    let values = [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST].into_iter().filter_map(value).collect();
    (flags & IFA_F_PERMANENT != 0 && scope == RT_SCOPE_UNIVERSE).then_some(Address {
        family,
        prefix,
        flags: flags & ASKED_FOR,
        values,
    })
}

impl Address {
    fn add(&self, route: &mut Socket, index: u32) -> Result<(), Refusal> {
        let mut head = vec![self.family, self.prefix, 0, RT_SCOPE_UNIVERSE];
        head.extend(index.to_ne_bytes());
        let request = Request::new(NEWADDR, CREATE_NEW, &head).number(IFA_FLAGS, self.flags);
        let add = |request: Request, (kind, value): &(u16, Vec<u8>)| request.bytes(*kind, value);
        route.ask(self.values.iter().fold(request, add)).map(drop)
    }
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32, change: u32) -> Vec<u8> {
    [0, index, flags, change].iter().flat_map(|number| number.to_ne_bytes()).collect()
}
