//! Networks: one interface each, `lxc.net.NUMBER.KEY`. Start at [`Network`].
//!
//! The type comes first: it forgets what was said before it, and decides which keys there are.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use super::address::{
    Gateway, HardwareAddress, InterfaceName, Ipv4Interface, Ipv6Interface, Route,
};
use super::item::{Item, Value, items, words};
use super::keys::{Form, Key, NETWORK_KEYS};
use super::numbers::{Switch, up_to};
use super::problem::BadValue;

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `type`: nothing until it is set.
    pub kind: Option<NetworkType>,
    /// `flags`: the interface is up.
    pub up: Option<Up>,
    /// `link`: the host's interface or bridge that it hangs on, or that is moved inside; of type `phys` with a final `+` every
    /// interface that begins so.
    pub link: Option<InterfaceName>,
    /// `l2proxy`: the host answers for its addresses on the link.
    pub l2_proxy: Option<Switch>,
    /// `name`: what it is called inside.
    pub name: Option<InterfaceName>,
    /// `hwaddr`.
    pub hardware: Option<HardwareAddress>,
    /// `mtu`.
    pub mtu: Option<NonZeroU32>,
    /// `ipv4.address`.
    pub ipv4: Vec<Ipv4Interface>,
    /// `ipv4.gateway`.
    pub ipv4_gateway: Option<Gateway<Ipv4Addr>>,
    /// `ipv6.address`.
    pub ipv6: Vec<Ipv6Interface>,
    /// `ipv6.gateway`.
    pub ipv6_gateway: Option<Gateway<Ipv6Addr>>,
    /// `script.up`: a program of the host's that is run when it is there.
    pub script_up: Option<PathBuf>,
    /// `script.down`: and before it goes.
    pub script_down: Option<PathBuf>,
    /// Of type `veth` alone.
    pub veth: Veth,
    /// `macvlan.mode`.
    pub macvlan_mode: Option<MacvlanMode>,
    /// `ipvlan.mode`.
    pub ipvlan_mode: Option<IpvlanMode>,
    /// `ipvlan.isolation`.
    pub ipvlan_isolation: Option<IpvlanIsolation>,
    /// `vlan.id`.
    pub vlan: Option<VlanId>,
}

/// Keys of networks that are pairs of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Veth {
    /// `veth.mode`.
    pub mode: Option<VethMode>,
    /// `veth.pair`: the name of the host's end.
    pub pair: Option<InterfaceName>,
    /// `veth.n_rxqueues`.
    pub receive_queues: Option<NonZeroU32>,
    /// `veth.n_txqueues`.
    pub transmit_queues: Option<NonZeroU32>,
    /// `veth.ipv4.route`: what the host reaches by it.
    pub ipv4_routes: Vec<Route<Ipv4Addr>>,
    /// `veth.ipv6.route`.
    pub ipv6_routes: Vec<Route<Ipv6Addr>>,
    /// `veth.vlan.id`: the VLAN of frames without a tag, at the bridge's port.
    pub vlan: Option<PortVlan>,
    /// `veth.vlan.tagged.id`: VLANs whose frames come with their tag.
    pub tagged_vlans: Vec<VlanId>,
}

/// What a network is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkType {
    /// The host's network namespace is the container's.
    None,
    /// Loopback alone.
    Empty,
    /// A pair of interfaces, one of them at a bridge or routed to.
    Veth,
    /// One of several interfaces with addresses of their own on one of the host's.
    Macvlan,
    /// The same that share the hardware address.
    Ipvlan,
    /// A VLAN of one of the host's.
    Vlan,
    /// An interface of the host's itself.
    Physical,
}

const TYPES: &[(&str, NetworkType)] = &[
    ("none", NetworkType::None),
    ("empty", NetworkType::Empty),
    ("veth", NetworkType::Veth),
    ("macvlan", NetworkType::Macvlan),
    ("ipvlan", NetworkType::Ipvlan),
    ("vlan", NetworkType::Vlan),
    ("phys", NetworkType::Physical),
];
words!(NetworkType, TYPES);

/// The one flag that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Up;
words!(Up, &[("up", Up)]);

/// How the host's end of a pair is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "LXC's names")]
pub enum VethMode {
    Bridge,
    Router,
}
words!(VethMode, &[("bridge", VethMode::Bridge), ("router", VethMode::Router)]);

/// Who hears whom on one link, ip-link(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum MacvlanMode {
    Private,
    Vepa,
    Bridge,
    PassThrough,
}
words!(
    MacvlanMode,
    &[
        ("private", MacvlanMode::Private),
        ("vepa", MacvlanMode::Vepa),
        ("bridge", MacvlanMode::Bridge),
        ("passthru", MacvlanMode::PassThrough),
    ]
);

/// On which layer frames find their interface, ip-link(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum IpvlanMode {
    L3,
    L3s,
    L2,
}
words!(IpvlanMode, &[("l3", IpvlanMode::L3), ("l3s", IpvlanMode::L3s), ("l2", IpvlanMode::L2)]);

/// Who reaches whom on one link, ip-link(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum IpvlanIsolation {
    Bridge,
    Private,
    Vepa,
}
words!(
    IpvlanIsolation,
    &[
        ("bridge", IpvlanIsolation::Bridge),
        ("private", IpvlanIsolation::Private),
        ("vepa", IpvlanIsolation::Vepa),
    ]
);

/// The number of a VLAN, 802.1Q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanId(pub u16);

const MOST_VLAN: u64 = 4094;

impl Value for VlanId {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        Ok(Self(u16::try_from(up_to(text, MOST_VLAN)?).unwrap_or(u16::MAX)))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// The VLAN of frames without a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortVlan {
    /// Such frames are dropped.
    None,
    /// They are of this one.
    Id(VlanId),
}

impl Value for PortVlan {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text == "none" { Ok(Self::None) } else { VlanId::read(text).map(Self::Id) }
    }

    fn show(&self) -> String {
        match self {
            // What LXC keeps for it, and shows.
            Self::None => "-1".to_owned(),
            Self::Id(id) => id.show(),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Id(id) => id.show(),
        }
    }
}

items!(Network, Item, item, item_mut {
    "flags" => up,
    "hwaddr" => hardware,
    "ipv4.address" => ipv4,
    "ipv4.gateway" => ipv4_gateway,
    "ipv6.address" => ipv6,
    "ipv6.gateway" => ipv6_gateway,
    "ipvlan.isolation" => ipvlan_isolation,
    "ipvlan.mode" => ipvlan_mode,
    "l2proxy" => l2_proxy,
    "link" => link,
    "macvlan.mode" => macvlan_mode,
    "mtu" => mtu,
    "name" => name,
    "script.down" => script_down,
    "script.up" => script_up,
    "type" => kind,
    "veth.ipv4.route" => veth.ipv4_routes,
    "veth.ipv6.route" => veth.ipv6_routes,
    "veth.mode" => veth.mode,
    "veth.n_rxqueues" => veth.receive_queues,
    "veth.n_txqueues" => veth.transmit_queues,
    "veth.pair" => veth.pair,
    "veth.vlan.id" => veth.vlan,
    "veth.vlan.tagged.id" => veth.tagged_vlans,
    "vlan.id" => vlan,
});

/// The type that a key is for, if it is for one alone.
fn wants(key: &str) -> Option<(NetworkType, &'static str)> {
    let (first, _) = key.split_once('.')?;
    let found = TYPES.iter().find(|(name, _)| *name == first);
    found.map(|(name, kind)| (*kind, *name))
}

impl Network {
    /// Takes a value in.
    pub(crate) fn set(&mut self, key: &'static Key, text: &str) -> Result<(), BadValue> {
        match wants(key.name) {
            Some((kind, name)) if self.kind != Some(kind) => return Err(BadValue::OnlyFor(name)),
            Some(_) | None => {}
        }
        if key.name == "type" {
            *self = Self { kind: Some(NetworkType::read(text)?), ..Self::default() };
            return Ok(());
        }
        self.item_mut(key.name).map_or(Ok(()), |item| item.set(text))
    }

    /// Forgets a value; with the type everything.
    pub(crate) fn clear(&mut self, key: &'static Key) {
        if key.name == "type" {
            *self = Self::default();
        } else if let Some(item) = self.item_mut(key.name) {
            item.clear();
        }
    }

    /// A value as LXC shows it; nothing for keys of other types.
    pub(crate) fn show(&self, key: &'static Key) -> Option<String> {
        if wants(key.name).is_some_and(|(kind, _)| self.kind != Some(kind)) {
            return None;
        }
        let shown = self.item(key.name).and_then(Item::show);
        // Loopback has no other name.
        let lo = key.name == "name" && self.kind == Some(NetworkType::Empty);
        Some(shown.unwrap_or_else(|| if lo { "lo" } else { key.unset }.to_owned()))
    }

    /// Keys and texts that make this network; the type first.
    pub(crate) fn write(&self) -> Vec<(&'static str, String)> {
        let (kinds, others): (Vec<&Key>, Vec<&Key>) =
            NETWORK_KEYS.iter().partition(|key| key.name == "type");
        let mut entries = Vec::new();
        for key in kinds.into_iter().chain(others).filter(|key| key.form != Form::Order) {
            let texts = self.item(key.name).map(Item::write).unwrap_or_default();
            entries.extend(texts.into_iter().map(|text| (key.name, text)));
        }
        entries
    }

    /// Keys that a network of its type has.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        let kind = self.kind;
        let has = move |name: &str| wants(name).is_none_or(|(wanted, _)| kind == Some(wanted));
        NETWORK_KEYS.iter().map(|key| key.name).filter(move |name| has(name))
    }
}
