//! What a network is on the machine: a bridge of its own, or an interface that is there.

use network::{BridgePlan, LinkKind, Machine, MadeParent, NetworkError, ParentPlan};
use spec::network::Cidr;

use super::{Driver, GatewayMode, Network, Subnet};

impl Network {
    /// What its containers' interfaces are.
    #[must_use]
    pub const fn kind(&self) -> LinkKind {
        match self.config.driver {
            Driver::Bridge | Driver::Host | Driver::Null => LinkKind::Bridge,
            Driver::Macvlan => LinkKind::Macvlan(self.config.macvlan_mode),
            Driver::Ipvlan => LinkKind::Ipvlan(self.config.ipvlan_mode, self.config.ipvlan_flag),
        }
    }

    /// Makes what it is on the machine, where that is not there: a new one.
    pub(crate) fn make(&self, machine: &mut Machine) -> Result<(), NetworkError> {
        match self.bridge() {
            Some(plan) => machine.make_bridge(&plan),
            None => machine.make_parent(&self.parent()),
        }
    }

    /// Makes it again where it is not there: after a reboot, or where somebody has removed it.
    pub(crate) fn restore(&self, machine: &mut Machine) -> Result<(), NetworkError> {
        match self.bridge() {
            Some(plan) => machine.make_bridge(&plan),
            None => machine.restore_parent(&self.parent()).map(drop),
        }
    }

    /// Removes what was made for it.
    pub(crate) fn unmake(&self, machine: &mut Machine) -> Result<(), NetworkError> {
        match self.bridge() {
            Some(plan) => machine.remove_bridge(&plan),
            None => machine.remove_parent(&self.parent()),
        }
    }

    /// The bridge that it is, if it is one.
    #[must_use]
    pub fn bridge(&self) -> Option<BridgePlan> {
        let config = &self.config;
        if config.driver != Driver::Bridge {
            return None;
        }
        let all = |wanted: &dyn Fn(&Subnet) -> bool| -> Vec<Cidr> {
            config.subnets.iter().filter(|own| wanted(own)).map(|own| own.subnet).collect()
        };
        let mode = |subnet: &Subnet| config.modes.of(subnet.subnet.is_v6());
        let leaves =
            |subnet: &Subnet| config.masquerade && !config.internal && mode(subnet).translates();
        let source = |subnet: &Subnet| {
            config.sources.iter().copied().find(|own| own.is_ipv6() == subnet.subnet.is_v6())
        };
        let own = |subnet: &&Subnet| !self.has_foreign_gateway(subnet);
        let gateways = config.subnets.iter().filter(own);
        let others = config.subnets.iter().filter(|subnet| !own(subnet));
        let sources = config.subnets.iter().filter(|subnet| leaves(subnet));
        Some(BridgePlan {
            interface: self.interface(),
            hardware: self.hardware(),
            addresses: gateways
                .filter_map(|subnet| Cidr::new(subnet.gateway?, subnet.subnet.prefix()))
                .collect(),
            masquerade: all(&|own| leaves(own) && source(own).is_none()),
            sources: sources.filter_map(|own| Some((own.subnet, source(own)?))).collect(),
            routed: all(&|own| !config.internal && mode(own) == GatewayMode::Routed),
            unprotected: all(&|own| !config.internal && mode(own) == GatewayMode::NatUnprotected),
            reserved: others.filter_map(|subnet| subnet.gateway).collect(),
            mtu: config.mtu,
            internal: config.internal,
            neighbours: config.neighbours,
        })
    }

    fn parent(&self) -> ParentPlan {
        let made = match &self.config.parent {
            None => Some(MadeParent::Dummy),
            Some(name) => vlan(name),
        };
        ParentPlan { interface: self.interface(), made, kind: self.kind() }
    }
}

/// `eth0.10` is VLAN 10 on eth0, where there is no such interface.
fn vlan(name: &str) -> Option<MadeParent> {
    let (lower, id) = name.rsplit_once('.')?;
    let id = id.parse().ok().filter(|id| (1..=4094).contains(id))?;
    Some(MadeParent::Vlan { lower: lower.to_owned(), id })
}
