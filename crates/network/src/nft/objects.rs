//! Chains and sets.

use sys::netlink::Request;

/// Where in a packet's way a chain sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    /// `filter` or `nat`.
    pub(crate) kind: &'static str,
    /// NF_INET_PRE_ROUTING and so on.
    pub(crate) number: u32,
    /// Chains of lower numbers come first.
    pub(crate) priority: i32,
    /// For chains of one interface: its name.
    pub(crate) device: Option<String>,
}

/// A chain of rules; without a hook it is jumped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) name: &'static str,
    pub(crate) hook: Option<Hook>,
}

/// What a key or a value is, for the kernel a length, for `nft list` a way of writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Address4,
    Address6,
    EtherAddress,
    Protocol,
    Port,
    InterfaceName,
}

/// A set, or a map where it has values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) key: &'static [Kind],
    pub(crate) value: &'static [Kind],
    /// Whether its elements are ranges.
    pub(crate) has_ranges: bool,
}

impl Hook {
    pub(crate) const PREROUTING: u32 = 0;
    pub(crate) const INPUT: u32 = 1;
    pub(crate) const FORWARD: u32 = 2;
    pub(crate) const OUTPUT: u32 = 3;
    pub(crate) const POSTROUTING: u32 = 4;
    /// NF_NETDEV_INGRESS.
    pub(crate) const INGRESS: u32 = 0;
}

impl Chain {
    pub(super) fn describe(&self, request: Request) -> Request {
        let request = request.text(3, self.name);
        let Some(hook) = &self.hook else { return request };
        request
            .nested(4, |attributes| {
                let attributes = attributes
                    .network_number(1, hook.number)
                    .network_number(2, hook.priority.cast_unsigned());
                match &hook.device {
                    Some(device) => attributes.text(3, device),
                    None => attributes,
                }
            })
            // NF_ACCEPT
            .network_number(5, 1)
            .text(7, hook.kind)
    }
}

impl Kind {
    /// Bytes of it.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Address4 => 4,
            Self::Address6 => 16,
            Self::EtherAddress => 6,
            Self::Protocol => 1,
            Self::Port => 2,
            Self::InterfaceName => 16,
        }
    }

    /// Its number in nft's own table of types, which the kernel keeps and does not read.
    const fn number(self) -> u32 {
        match self {
            Self::Address4 => 7,
            Self::Address6 => 8,
            Self::EtherAddress => 9,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::InterfaceName => 41,
        }
    }
}

/// Fields of a key of several each fill up four bytes.
pub(super) fn length(fields: &[Kind]) -> usize {
    match fields {
        [one] => one.length(),
        fields => fields.iter().map(|field| field.length().next_multiple_of(4)).sum(),
    }
}

fn kind(fields: &[Kind]) -> u32 {
    // nft packs the types of a concatenation six bits each.
    fields.iter().fold(0, |packed, field| packed << 6 | field.number())
}

impl Set {
    pub(super) fn describe(&self, request: Request, id: u32) -> Request {
        let size = |fields| u32::try_from(length(fields)).unwrap_or(0);
        // NFT_SET_INTERVAL, NFT_SET_MAP
        let flags =
            if self.has_ranges { 0x4 } else { 0 } | if self.value.is_empty() { 0 } else { 0x8 };
        let mut request = request
            .text(2, self.name)
            .network_number(3, flags)
            .network_number(4, kind(self.key))
            .network_number(5, size(self.key));
        if !self.value.is_empty() {
            request =
                request.network_number(6, kind(self.value)).network_number(7, size(self.value));
        }
        request.network_number(10, id).bytes(13, &self.for_nft())
    }

    /// What nft tells itself of a set, which the kernel keeps and does not read: NFTNL_UDATA_SET_KEYBYTEORDER, a number of four bytes, is
    /// BYTEORDER_HOST_ENDIAN for names. Without it nft reads them from their end, where there is nothing.
    fn for_nft(&self) -> Vec<u8> {
        let is_text = self.key == [Kind::InterfaceName];
        let order: u32 = if is_text { 1 } else { 0 };
        [&[0, 4][..], &order.to_ne_bytes()].concat()
    }
}
