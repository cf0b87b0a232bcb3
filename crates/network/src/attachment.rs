//! What is decided of a network and of a container's place in it, as plain data: records and hand-offs hold it.

use std::net::IpAddr;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use spec::network::{Cidr, HardwareAddress};

/// A network on this machine: a bridge, and what its containers may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgePlan {
    /// Name of the interface.
    pub interface: String,
    /// Its hardware address.
    pub hardware: HardwareAddress,
    /// Its own addresses: the gateways of the containers.
    pub addresses: Vec<Cidr>,
    /// Networks whose containers leave the machine with its address.
    pub masquerade: Vec<Cidr>,
    /// Networks whose containers leave the machine with that address, and which of its interfaces they leave by does not matter.
    #[serde(default)]
    pub sources: Vec<(Cidr, IpAddr)>,
    /// Networks whose containers are reached at their own addresses: at the ports that are open, and by an echo request.
    #[serde(default)]
    pub routed: Vec<Cidr>,
    /// Networks whose containers are reached at every port of their own addresses from outside.
    #[serde(default)]
    pub unprotected: Vec<Cidr>,
    /// Addresses of others in the network, its gateway where the bridge is not: no container may use them.
    #[serde(default)]
    pub reserved: Vec<IpAddr>,
    /// Bytes of the largest packet.
    pub mtu: u32,
    /// Whether there is no way out.
    pub internal: bool,
    /// Whether containers may speak with each other.
    pub neighbours: bool,
}

/// What the containers of a network have interfaces on that is the machine's, not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentPlan {
    /// Name of the interface.
    pub interface: String,
    /// How it is made where it is not there; nothing where it must be.
    pub made: Option<MadeParent>,
    /// What its containers' interfaces are.
    pub kind: LinkKind,
}

/// An interface that is made for a network, and goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MadeParent {
    /// A network of its own on another interface's cable: IEEE 802.1Q.
    Vlan {
        /// The other interface.
        lower: String,
        /// Number of the network, 1 to 4,094.
        id: u16,
    },
    /// One that leads nowhere.
    Dummy,
}

/// What a container's interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// An end of a pair whose other end is a port of the network's bridge.
    #[default]
    Bridge,
    /// A hardware address of its own on an interface of the machine.
    Macvlan(MacvlanMode),
    /// IP addresses of its own on an interface of the machine, with that one's hardware address.
    Ipvlan(IpvlanMode, IpvlanFlag),
}

/// Whom a macvlan interface speaks with, of those on the same interface of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// All of them.
    #[default]
    Bridge,
    /// Nobody.
    Private,
    /// Those that the switch outside sends its frames back to.
    Vepa,
    /// It is alone, and has that interface's hardware address.
    Passthru,
}

/// What an ipvlan interface does with packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanMode {
    /// It asks for its neighbours' hardware addresses.
    #[default]
    L2,
    /// The machine forwards them.
    L3,
    /// The same, through the machine's packet filters.
    L3s,
}

/// Whom an ipvlan interface speaks with, of those on the same interface of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanFlag {
    /// All of them.
    #[default]
    Bridge,
    /// Nobody.
    Private,
    /// Those that the switch outside sends its frames back to.
    Vepa,
}

/// How fast a container may be, in bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// What it receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<NonZeroU64>,
    /// What it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<NonZeroU64>,
}

/// A parameter of the kernel for a container's interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSetting {
    /// Below `net`, with dots, and `IFNAME` for the interface: `ipv4.conf.IFNAME.log_martians`.
    pub name: String,
    /// What is written.
    pub value: String,
}

/// A container's place in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Id of the network.
    pub network: String,
    /// What the network is called.
    pub network_name: String,
    /// What the interface is.
    #[serde(default, skip_serializing_if = "LinkKind::is_bridge")]
    pub kind: LinkKind,
    /// Interface of the network: its bridge, or what the container's interface is on.
    pub bridge: String,
    /// Name of the interface's end on the host. Where the network has no bridge there is none, and it only tells this place from others.
    pub host_interface: String,
    /// Name of the interface in the container.
    pub interface: String,
    /// Its hardware address.
    pub hardware: HardwareAddress,
    /// Its addresses.
    pub addresses: Vec<Cidr>,
    /// Further ones that hold on the link alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpAddr>,
    /// Bytes of the largest packet.
    pub mtu: u32,
    /// Who leads out of the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<IpAddr>,
    /// Those of them that the bridge is not: they are asked for like any neighbour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_gateways: Vec<IpAddr>,
    /// Hardware address of the network's bridge.
    pub bridge_hardware: HardwareAddress,
    /// Whether what is meant for elsewhere leaves by this network.
    #[serde(default)]
    pub is_default: bool,
    /// Whether it speaks with the bridge alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
    /// Ports of the machine that lead here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortMapping>,
    /// Ports that can be reached at the container's own addresses from everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenPort>,
    /// Interfaces of the machine; what comes by them reaches published ports at the container's own addresses, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<String>,
    /// How fast it may be.
    #[serde(default, skip_serializing_if = "Rates::are_none")]
    pub rates: Rates,
    /// Parameters of its interface.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<InterfaceSetting>,
}

/// A port that can be reached at the container's own address, without NAT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPort {
    /// Address of the container.
    pub address: IpAddr,
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// Its port.
    pub port: u16,
}

/// What ports belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 9260.
    Sctp,
}

/// One port of the machine that leads to one of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Address of the machine; nothing is each one of the family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_address: Option<IpAddr>,
    /// Where this is a user's network, the address of the machine outside at which another program leads in; rules do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<IpAddr>,
    /// Port of the machine.
    pub host_port: u16,
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// Port of the container.
    pub port: u16,
    /// Address of the container.
    pub address: IpAddr,
}

impl Attachment {
    /// Its hardware address, where it is of its own.
    #[must_use]
    pub const fn own_hardware(&self) -> Option<HardwareAddress> {
        if self.kind.shares_hardware() { None } else { Some(self.hardware) }
    }
}

impl PortMapping {
    /// The address that clients connect to; nothing is each one of the family.
    #[must_use]
    pub fn published_at(&self) -> Option<IpAddr> {
        self.outside.or(self.host_address)
    }
}

impl LinkKind {
    /// Whether its network is a bridge of ours.
    #[must_use]
    pub const fn is_bridge(&self) -> bool {
        matches!(self, Self::Bridge)
    }

    /// Whether its hardware address is that of what it is on.
    #[must_use]
    pub const fn shares_hardware(self) -> bool {
        matches!(self, Self::Ipvlan(..) | Self::Macvlan(MacvlanMode::Passthru))
    }

    /// Whether the machine forwards what it sends, so that nobody has to be asked for a way.
    pub(crate) const fn is_routed(self) -> bool {
        matches!(self, Self::Ipvlan(IpvlanMode::L3 | IpvlanMode::L3s, _))
    }
}

impl Rates {
    /// Whether it may be as fast as it can.
    #[must_use]
    pub const fn are_none(&self) -> bool {
        self.ingress.is_none() && self.egress.is_none()
    }
}

impl LinkKind {
    /// Docker's word for the driver of such a network.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Macvlan(_) => "macvlan",
            Self::Ipvlan(..) => "ipvlan",
        }
    }
}

impl Transport {
    /// IPPROTO_TCP and so on.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// As people write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}
