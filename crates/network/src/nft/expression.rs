//! Expressions of a rule. They work on registers of four bytes; a key of several fields lies in registers one behind the other.

use sys::netlink::Request;

/// First of the registers of four bytes, NFT_REG32_00.
const FIRST: u32 = 8;
/// NFT_REG_VERDICT.
const VERDICT: u32 = 0;

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The chains of its hook that come later see it.
    Accept,
    Drop,
    /// Another chain goes on, and comes back here.
    Jump(&'static str),
}

/// What is known of a packet without looking into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// Name of the interface it came by, 16 bytes.
    InputName,
    /// Name of the interface it leaves by, 16 bytes.
    OutputName,
    /// NFPROTO_IPV4 or NFPROTO_IPV6, one byte.
    Family,
    /// IPPROTO_TCP and so on, one byte.
    Protocol,
    /// EtherType, two bytes.
    EtherType,
}

/// Where in a packet bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Link,
    Network,
    Transport,
}

/// Of whom the routing table is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
}

/// One expression. Register numbers count from 0, in steps of four bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// Puts something known of the packet into a register.
    Meta(Meta, u32),
    /// Puts bytes of the packet into registers.
    Payload { base: Base, offset: u32, length: u32, register: u32 },
    /// Writes registers into the packet, and mends the checksum of TCP or UDP at that offset.
    Write { base: Base, offset: u32, length: u32, register: u32, checksum_at: u32 },
    /// Keeps those bits of a register of that many bytes.
    Mask { register: u32, mask: Vec<u8> },
    /// Goes on if a register is this.
    Is(u32, Vec<u8>),
    /// Goes on if a register is not this.
    IsNot(u32, Vec<u8>),
    /// Goes on if the key at a register is in the set.
    In(&'static str, u32),
    /// Goes on if the key at a register is not in the set.
    NotIn(&'static str, u32),
    /// Looks the key at a register up in a map and puts what is found into the other register; ends the rule where there is nothing.
    Map { map: &'static str, key: u32, to: u32 },
    /// Puts a value into registers.
    Immediate(u32, Vec<u8>),
    /// The state of the packet's connection, as bits, into a register.
    ConnectionState(u32),
    /// The status of the packet's connection, as bits, into a register.
    ConnectionStatus(u32),
    /// The mark of the packet's connection into a register.
    ConnectionMark(u32),
    /// Marks the packet's connection with what is in a register.
    MarkConnection(u32),
    /// The kind of an address by the routing table, RTN_LOCAL and so on, into a register.
    AddressKind(Side, u32),
    /// Sends the connection to address and port in registers.
    DestinationNat { is_v6: bool, address: u32, port: u32 },
    /// Lets the connection come from the address in registers.
    SourceNat { is_v6: bool, address: u32 },
    /// Lets the connection come from the address of the interface it leaves by.
    Masquerade,
    /// Sends a copy of the packet to the address in registers, by the interface whose index is in that register.
    Duplicate { address: u32, device: u32 },
    /// Takes the packet for one of no connection.
    Untracked,
    /// Ends the rule.
    Verdict(Verdict),
}

impl Meta {
    const fn key(self) -> u32 {
        match self {
            Self::EtherType => 1,
            Self::InputName => 6,
            Self::OutputName => 7,
            Self::Family => 15,
            Self::Protocol => 16,
        }
    }
}

impl Base {
    const fn number(self) -> u32 {
        match self {
            Self::Link => 0,
            Self::Network => 1,
            Self::Transport => 2,
        }
    }
}

impl Verdict {
    /// As attributes of `struct nft_verdict`.
    pub(super) fn encode(&self, request: Request) -> Request {
        // NF_DROP, NF_ACCEPT, NFT_JUMP.
        let (code, chain): (i32, _) = match self {
            Self::Drop => (0, None),
            Self::Accept => (1, None),
            Self::Jump(chain) => (-3, Some(*chain)),
        };
        request.nested(2, |verdict| {
            let verdict = verdict.network_number(1, code.cast_unsigned());
            chain.map_or(verdict.clone(), |chain| verdict.text(2, chain))
        })
    }
}

impl Expression {
    /// As the attributes of one expression: its name, and its data.
    pub(super) fn encode(&self, item: Request) -> Request {
        item.text(1, self.name()).nested(2, |data| self.data(data))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Meta(..) => "meta",
            Self::Payload { .. } | Self::Write { .. } => "payload",
            Self::Mask { .. } => "bitwise",
            Self::Is(..) | Self::IsNot(..) => "cmp",
            Self::In(..) | Self::NotIn(..) | Self::Map { .. } => "lookup",
            Self::Immediate(..) | Self::Verdict(_) => "immediate",
            Self::ConnectionState(_)
            | Self::ConnectionStatus(_)
            | Self::ConnectionMark(_)
            | Self::MarkConnection(_) => "ct",
            Self::AddressKind(..) => "fib",
            Self::DestinationNat { .. } | Self::SourceNat { .. } => "nat",
            Self::Duplicate { .. } => "dup",
            Self::Masquerade => "masq",
            Self::Untracked => "notrack",
        }
    }

    fn data(&self, data: Request) -> Request {
        let family = |is_v6: bool| if is_v6 { 10 } else { 2 };
        match self {
            Self::Meta(meta, to) => data.network_number(1, at(*to)).network_number(2, meta.key()),
            Self::Payload { base, offset, length, register } => data
                .network_number(1, at(*register))
                .network_number(2, base.number())
                .network_number(3, *offset)
                .network_number(4, *length),
            Self::Write { base, offset, length, register, checksum_at } => data
                .network_number(5, at(*register))
                .network_number(2, base.number())
                .network_number(3, *offset)
                .network_number(4, *length)
                // NFT_PAYLOAD_CSUM_INET
                .network_number(6, 1)
                .network_number(7, *checksum_at),
            Self::Mask { register, mask } => data
                .network_number(1, at(*register))
                .network_number(2, at(*register))
                .network_number(3, u32::try_from(mask.len()).unwrap_or(0))
                .nested(4, |value| value.bytes(1, mask))
                .nested(5, |value| value.bytes(1, &vec![0; mask.len()])),
            Self::Is(register, value) => compare(data, *register, 0, value),
            Self::IsNot(register, value) => compare(data, *register, 1, value),
            Self::In(set, key) => data.text(1, set).network_number(2, at(*key)),
            // NFT_LOOKUP_F_INV
            Self::NotIn(set, key) => {
                data.text(1, set).network_number(2, at(*key)).network_number(5, 1)
            }
            Self::Map { map, key, to } => {
                data.text(1, map).network_number(2, at(*key)).network_number(3, at(*to))
            }
            Self::Immediate(to, value) => {
                data.network_number(1, at(*to)).nested(2, |inner| inner.bytes(1, value))
            }
            Self::Verdict(verdict) => {
                data.network_number(1, VERDICT).nested(2, |inner| verdict.encode(inner))
            }
            // NFT_CT_STATE, NFT_CT_STATUS and NFT_CT_MARK
            Self::ConnectionState(to) => data.network_number(1, at(*to)).network_number(2, 0),
            Self::ConnectionStatus(to) => data.network_number(1, at(*to)).network_number(2, 2),
            Self::ConnectionMark(to) => data.network_number(1, at(*to)).network_number(2, 3),
            Self::MarkConnection(from) => data.network_number(4, at(*from)).network_number(2, 3),
            Self::AddressKind(side, to) => data
                .network_number(1, at(*to))
                // NFT_FIB_RESULT_ADDRTYPE; NFTA_FIB_F_SADDR or NFTA_FIB_F_DADDR
                .network_number(2, 3)
                .network_number(3, if *side == Side::Source { 1 } else { 2 }),
            Self::DestinationNat { is_v6, address, port } => data
                // NFT_NAT_DNAT
                .network_number(1, 1)
                .network_number(2, family(*is_v6))
                .network_number(3, at(*address))
                .network_number(5, at(*port)),
            // NFT_NAT_SNAT
            Self::SourceNat { is_v6, address } => data
                .network_number(1, 0)
                .network_number(2, family(*is_v6))
                .network_number(3, at(*address)),
            Self::Duplicate { address, device } => {
                data.network_number(1, at(*address)).network_number(2, at(*device))
            }
            Self::Masquerade | Self::Untracked => data,
        }
    }
}

const fn at(register: u32) -> u32 {
    FIRST + register
}

fn compare(data: Request, register: u32, operator: u32, value: &[u8]) -> Request {
    data.network_number(1, at(register))
        .network_number(2, operator)
        .nested(3, |inner| inner.bytes(1, value))
}
