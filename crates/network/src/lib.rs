//! Bridges, addresses, NAT, published ports and names for containers: netlink and nf_tables spoken directly.
//!
//! Rules are fixed ([`rules`]); what there is are elements of their sets ([`elements`]). Knows no record: start at [`Machine::open`], which is
//! told what there is to be. Sources: rtnetlink(7), nft(8).
#![forbid(unsafe_code)]

mod attachment;
mod channel;
pub mod cni;
mod described;
mod elements;
mod epoll;
mod examine;
pub mod forwarder;
mod leaf;
mod link;
mod machine;
mod moved;
mod nft;
mod policy;
pub mod pool;
mod redirect;
pub mod resolver;
mod rules;
mod settings;

pub use attachment::{
    Attachment, BridgePlan, InterfaceSetting, IpvlanFlag, IpvlanMode, LinkKind, MacvlanMode,
    MadeParent, OpenPort, ParentPlan, PortMapping, Rates, Transport,
};
pub use described::{Family, OwnAddress, OwnInterface, OwnInterfaces, OwnLink, WayOut};
pub use examine::{DroppingChain, InterfaceState, RulesState, Way, kernel_setting};
pub use leaf::host_interface;
pub use link::{LinkError, Traffic};
pub use machine::{LiveInterface, Machine, NetworkError};
pub use moved::{give_interface, take_interface};
pub use nft::BatchError;
pub use policy::PublishPolicy;
pub use redirect::{NAME_SERVER, NameSockets, NameSocketsError};
pub use settings::in_the_way_of_loopback;
