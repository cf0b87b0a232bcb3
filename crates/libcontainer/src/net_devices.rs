//! Network interfaces of the host that move into a container's network namespace.
//!
//! The parent moves them once that namespace exists and before the child is let into its control groups: what comes after may
//! set parameters of theirs. They keep what the kernel keeps and, beyond that, their permanent global addresses, and are up
//! when they arrive. Nothing brings them back: when the namespace ends, the kernel returns those that are hardware and
//! destroys the others. Start at [`bring_in`]. Sources: config-linux.md "Network Devices", rtnetlink(7),
//! network_namespaces(7).

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use serde::{Deserialize, Serialize};
use sys::{Errno, Namespaces};

use crate::error::StartError;
use crate::netlink::{CREATE_NEW, DUMP, Message, Route, number};
use crate::spare;

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
    let mut outside = Route::open().map_err(talking)?;
    let mut inside = open_inside(namespace).map_err(talking)?;
    devices.iter().try_for_each(|device| {
        let step = |step: &'static str| {
            move |errno| StartError::Parent { action: format!("{device}: {step}"), errno }
        };
        let index = index_of(&mut outside, &device.name).map_err(step("find it"))?;
        let name = free_name(&mut inside, &device.inside).map_err(step("look for its name"))?;
        let name = name.ok_or(Errno::from_raw(libc::EEXIST)).map_err(step("name it"))?;
        let addresses = addresses(&mut outside, index).map_err(step("read its addresses"))?;
        let fd = namespace.as_raw_fd().to_ne_bytes();
        let attributes = [(IFLA_NET_NS_FD, &fd[..]), (IFLA_IFNAME, &terminated(&name)[..])];
        outside.ask(NEWLINK, 0, &link(index, 0, 0), &attributes).map_err(step("move it"))?;
        let index = index_of(&mut inside, &name).map_err(step("find it inside"))?;
        for address in &addresses {
            address.add(&mut inside, index).map_err(step("give it its addresses"))?;
        }
        inside.ask(NEWLINK, 0, &link(index, IFF_UP, IFF_UP), &[]).map_err(step("set it up"))?;
        Ok(())
    })
}

/// A socket speaks with the namespace it was made in, wherever its owner goes afterwards.
fn open_inside(namespace: BorrowedFd<'_>) -> Result<Route, Errno> {
    let own = spare::current()?;
    sys::enter_namespace(namespace, Namespaces::NETWORK)?;
    let route = Route::open();
    sys::enter_namespace(own.as_fd(), Namespaces::NETWORK)?;
    route
}

fn index_of(route: &mut Route, name: &str) -> Result<u32, Errno> {
    let answer = route.ask(GETLINK, 0, &link(0, 0, 0), &[(IFLA_IFNAME, &terminated(name)[..])])?;
    let index = answer.first().map(|found| found.number_at(4)).filter(|index| *index > 0);
    index.ok_or(Errno::from_raw(libc::ENODEV))
}

/// The name, or with `%d` the first of its kind, unless it is taken.
fn free_name(route: &mut Route, name: &str) -> Result<Option<String>, Errno> {
    let candidates: Box<dyn Iterator<Item = String>> = if name.contains("%d") {
        Box::new((0..NUMBERS).map(|number| name.replace("%d", &number.to_string())))
    } else {
        Box::new(std::iter::once(name.to_owned()))
    };
    for candidate in candidates {
        match index_of(route, &candidate) {
            Err(errno) if errno.raw() == libc::ENODEV => return Ok(Some(candidate)),
            Ok(_taken) => {}
            Err(errno) => return Err(errno),
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
fn addresses(route: &mut Route, index: u32) -> Result<Vec<Address>, Errno> {
    let answer = route.ask(GETADDR, DUMP, &[0; 8], &[])?;
    Ok(answer.iter().filter(|message| message.number_at(4) == index).filter_map(address).collect())
}

fn address(message: &Message) -> Option<Address> {
    let [family, prefix, short_flags, scope, ..] = *message.head() else { return None };
    let flags = message.attribute(IFA_FLAGS).map(|bytes| number(Some(bytes)));
    let flags = flags.unwrap_or_else(|| short_flags.into());
    let value = |kind| message.attribute(kind).map(|value| (kind, value.to_vec()));
    let values = [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST].into_iter().filter_map(value).collect();
    (flags & IFA_F_PERMANENT != 0 && scope == RT_SCOPE_UNIVERSE).then_some(Address {
        family,
        prefix,
        flags: flags & ASKED_FOR,
        values,
    })
}

impl Address {
    fn add(&self, route: &mut Route, index: u32) -> Result<(), Errno> {
        let mut head = vec![self.family, self.prefix, 0, RT_SCOPE_UNIVERSE];
        head.extend(index.to_ne_bytes());
        let flags = self.flags.to_ne_bytes();
        let values = self.values.iter().map(|(kind, value)| (*kind, value.as_slice()));
        let attributes: Vec<_> = values.chain([(IFA_FLAGS, &flags[..])]).collect();
        route.ask(NEWADDR, CREATE_NEW, &head, &attributes).map(drop)
    }
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32, change: u32) -> Vec<u8> {
    [0, index, flags, change].iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn terminated(name: &str) -> Vec<u8> {
    name.bytes().chain([0]).collect()
}
