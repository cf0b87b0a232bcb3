//! nf_tables, as much as our own tables take: tables, chains, rules, sets, maps and their elements, in one transaction.
//!
//! Knows no network; start at [`Batch`]. Nothing here reads a rule back: rules are derived from records and are made again, never
//! mended. Sources: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h, nft(8).

pub(crate) mod chains;
mod elements;
pub(crate) mod expression;
mod objects;

use std::fmt;

use sys::Errno;
use sys::netlink::{APPEND, CREATE, DUMP, Protocol, Refusal, Request, Socket};

pub(crate) use elements::{Element, Value};
pub(crate) use expression::{Expression, Verdict};
pub(crate) use objects::{Chain, Hook, Kind, Set};

/// NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;

const NEW_TABLE: u16 = 0;
const GET_TABLE: u16 = 1;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const GET_CHAIN: u16 = 4;
const GET_RULE: u16 = 7;
const NEW_RULE: u16 = 6;
const NEW_SET: u16 = 9;
const NEW_ELEMENT: u16 = 12;
const GET_ELEMENT: u16 = 13;
const DELETE_ELEMENT: u16 = 14;

/// NFTA_LIST_ELEM.
const ITEM: u16 = 1;

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// NFPROTO_INET: IPv4 and IPv6.
    Inet,
    /// NFPROTO_IPV4 alone.
    Ip4,
    /// NFPROTO_IPV6 alone.
    Ip6,
    /// NFPROTO_BRIDGE: frames that a bridge forwards.
    Bridge,
    /// NFPROTO_NETDEV: what one interface receives.
    Device,
}

/// A table by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) family: Family,
    pub(crate) name: String,
}

/// A transaction in the making: all of it happens, or nothing.
#[derive(Debug)]
pub(crate) struct Batch {
    requests: Vec<Request>,
    /// What each request does, in words, for whoever hears that it is refused.
    steps: Vec<Step>,
}

/// What a request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    action: &'static str,
    object: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.object)
    }
}

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub struct BatchError {
    step: String,
    /// The kernel's answer.
    #[source]
    pub refusal: Refusal,
}

impl Family {
    const fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip4 => 2,
            Self::Ip6 => 10,
            Self::Device => 5,
            Self::Bridge => 7,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "inet",
            Self::Ip4 => "ip",
            Self::Ip6 => "ip6",
            Self::Bridge => "bridge",
            Self::Device => "netdev",
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

impl Table {
    /// `struct nfgenmsg`, without a resource.
    fn head(&self) -> [u8; 4] {
        [self.family.number(), 0, 0, 0]
    }

    fn request(&self, message: u16, flags: u16) -> Request {
        Request::new(SUBSYSTEM << 8 | message, flags, &self.head()).text(1, &self.name)
    }
}

impl Batch {
    pub(crate) fn new() -> Self {
        let begin = Request::new(BATCH_BEGIN, 0, &batch_head());
        Self { requests: vec![begin], steps: Vec::new() }
    }

    /// Makes a table; leaves one that is there.
    pub(crate) fn table(&mut self, table: &Table) {
        let request = table.request(NEW_TABLE, CREATE);
        self.push("make table", table.to_string(), request);
    }

    /// Removes a table with all that is in it; there must be one.
    pub(crate) fn remove_table(&mut self, table: &Table) {
        let request = table.request(DELETE_TABLE, 0);
        self.push("remove table", table.to_string(), request);
    }

    /// Makes a chain.
    pub(crate) fn chain(&mut self, table: &Table, chain: &Chain) {
        let request = chain.describe(table.request(NEW_CHAIN, CREATE));
        self.push("make chain", format!("{table} {}", chain.name), request);
    }

    /// Adds a rule at the end of a chain.
    pub(crate) fn rule(&mut self, table: &Table, chain: &str, expressions: &[Expression]) {
        let request = table.request(NEW_RULE, CREATE | APPEND).text(2, chain);
        let request = request.nested(4, |list| {
            expressions
                .iter()
                .fold(list, |list, expression| list.nested(ITEM, |item| expression.encode(item)))
        });
        self.push("add a rule to chain", format!("{table} {chain}"), request);
    }

    /// Makes a set or map.
    pub(crate) fn set(&mut self, table: &Table, set: &Set) {
        let id = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        let request = set.describe(table.request(NEW_SET, CREATE), id);
        self.push("make set", format!("{table} {}", set.name), request);
    }

    /// Adds elements, whether they are there or not.
    pub(crate) fn add(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(("add elements to set", NEW_ELEMENT, CREATE), table, set, elements);
    }

    /// Removes elements; they must be there.
    pub(crate) fn remove(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(("remove elements of set", DELETE_ELEMENT, 0), table, set, elements);
    }

    fn elements(
        &mut self,
        (action, message, flags): (&'static str, u16, u16),
        table: &Table,
        set: &str,
        elements: &[Element],
    ) {
        // An attribute, the list too, has at most 65,535 bytes.
        for some in elements.chunks(elements::MOST_AT_ONCE) {
            let request = table.request(message, flags).text(2, set);
            let request = request.nested(3, |list| {
                some.iter()
                    .fold(list, |list, element| list.nested(ITEM, |item| element.encode(item)))
            });
            self.push(action, format!("{table} {set}"), request);
        }
    }

    fn push(&mut self, action: &'static str, object: String, request: Request) {
        self.requests.push(request);
        self.steps.push(Step { action, object });
    }

    /// Each step as a transaction of its own.
    pub(crate) fn split(self) -> Vec<Self> {
        let Self { requests, steps } = self;
        let steps = steps.into_iter();
        // The first request is the beginning of the batch.
        requests
            .into_iter()
            .skip(1)
            .zip(steps)
            .map(|(request, step)| {
                let mut one = Self::new();
                one.requests.push(request);
                one.steps.push(step);
                one
            })
            .collect()
    }

    /// Carries it out.
    ///
    /// # Errors
    /// The first step that the kernel refuses; nothing has happened then.
    pub(crate) fn commit(mut self, socket: &mut Socket) -> Result<(), BatchError> {
        if self.steps.is_empty() {
            return Ok(());
        }
        self.requests.push(Request::new(BATCH_END, 0, &batch_head()));
        socket.carry_out_batch(self.requests).map_err(|refusal| {
            // The first request is the beginning of the batch.
            let step = refusal.place.checked_sub(1).and_then(|place| self.steps.get(place));
            let step = step.map_or_else(|| "change nf_tables".to_owned(), ToString::to_string);
            BatchError { step, refusal }
        })
    }
}

/// Whether there is a table of that name.
///
/// # Errors
/// When the kernel does not answer.
pub(crate) fn has_table(socket: &mut Socket, table: &Table) -> Result<bool, Refusal> {
    match socket.ask(table.request(GET_TABLE, 0)) {
        Ok(_found) => Ok(true),
        Err(refusal) if refusal.errno.raw() == libc::ENOENT => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// The elements of a set or map, in no order; none where there is no such set.
///
/// # Errors
/// When the kernel does not answer.
pub(crate) fn elements_of(
    socket: &mut Socket,
    table: &Table,
    set: &str,
) -> Result<Vec<Element>, Refusal> {
    match socket.ask(table.request(GET_ELEMENT, DUMP).text(2, set)) {
        Ok(answers) => Ok(answers
            .iter()
            .flat_map(|answer| answer.attributes().nested(3))
            .filter_map(|(_, item)| Element::decode(item))
            .collect()),
        Err(refusal) if refusal.errno.raw() == libc::ENOENT => Ok(Vec::new()),
        Err(refusal) => Err(refusal),
    }
}

/// Opens a socket for the caller's network namespace.
///
/// # Errors
/// EPROTONOSUPPORT where the kernel lacks nf_tables.
pub(crate) fn open() -> Result<Socket, Errno> {
    Socket::open(Protocol::Netfilter)
}

/// `struct nfgenmsg` of a batch: its resource is the subsystem, in the network's order.
const fn batch_head() -> [u8; 4] {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    [0, 0, high, low]
}
