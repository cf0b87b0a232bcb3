//! A network that is wanted, and what is decided of it: pure, but for the random bytes of its IPv6 addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use network::pool;
use spec::network::Cidr;

use super::config::{Driver, NetworkConfig, Subnet};
use super::{DEFAULT, Network, NetworkSettings};
use crate::error::EngineError;
use crate::names;

/// A network that is wanted.
#[derive(Clone, Debug)]
pub struct NetworkRequest {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub driver: String,
    /// Its addresses; some are chosen where none are given.
    pub subnets: Vec<SubnetRequest>,
    /// Whether there is no way out of it.
    pub internal: bool,
    /// Whether containers may be attached by hand: they always may, and `inspect` tells what was said.
    pub attachable: bool,
    /// Whether it has addresses of IPv4.
    pub ipv4: bool,
    /// Whether it has addresses of IPv6.
    pub ipv6: bool,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// Options of its driver, by Docker's names.
    pub options: BTreeMap<String, String>,
}

/// Addresses that are wanted.
#[derive(Clone, Debug, Default)]
pub struct SubnetRequest {
    /// All of them.
    pub subnet: Option<Cidr>,
    /// Who leads out.
    pub gateway: Option<IpAddr>,
    /// Those that containers get without asking.
    pub range: Option<Cidr>,
    /// Those that others have.
    pub reserved: BTreeMap<String, IpAddr>,
}

impl Default for NetworkRequest {
    fn default() -> Self {
        Self {
            name: String::new(),
            driver: "bridge".to_owned(),
            subnets: Vec::new(),
            internal: false,
            attachable: false,
            ipv4: true,
            ipv6: true,
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }
}

impl NetworkRequest {
    pub(super) fn wrong_name(&self, why: &str) -> EngineError {
        EngineError::value("network name", self.name.clone(), why)
    }

    /// As those of volumes, but one letter is enough, as with Docker.
    pub(super) fn check_name(&self) -> Result<(), EngineError> {
        let mut bytes = self.name.bytes();
        let is_name = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
            && self.name.len() < 256;
        let why = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at most 255 characters";
        if is_name { Ok(()) } else { Err(self.wrong_name(why)) }
    }

    /// How the network will be, beside those that there are and the routes that the machine has.
    pub(super) fn decide(
        &self,
        present: &[Network],
        routes: &[(Cidr, String)],
        settings: &NetworkSettings,
    ) -> Result<NetworkConfig, EngineError> {
        let driver = Driver::named(&self.driver)
            .ok_or_else(|| EngineError::NotYet(format!("network driver {:?}", self.driver)))?;
        let mut config = NetworkConfig {
            driver,
            internal: self.internal,
            attachable: self.attachable,
            labels: self.labels.clone(),
            options: self.options.clone(),
            mtu: settings.mtu,
            ..NetworkConfig::default()
        };
        if driver == Driver::Bridge {
            self.read_options(&mut config)?;
        } else {
            self.read_parent_options(&mut config)?;
        }
        if let Some(interface) = config.interface.as_ref().or(config.parent.as_ref())
            && let Some(holder) = present.iter().find(|other| other.interface() == *interface)
        {
            let why = format!("network {} has it", holder.name);
            return Err(EngineError::value("interface", interface.clone(), why));
        }
        let surroundings = Surroundings { present, routes, pools: &settings.address_pools };
        config.subnets = self.subnets(driver, &surroundings)?;
        Ok(config)
    }

    fn subnets(
        &self,
        driver: Driver,
        surroundings: &Surroundings<'_>,
    ) -> Result<Vec<Subnet>, EngineError> {
        let present = surroundings.present;
        let mut subnets: Vec<Subnet> = Vec::new();
        let own =
            || present.iter().flat_map(|other| other.config.subnets.iter().map(|own| own.subnet));
        for request in &self.subnets {
            let subnet = match request.subnet {
                Some(subnet) => subnet,
                None => surroundings.chosen(&self.name, &subnets, false)?,
            };
            subnets.push(request.settle(subnet)?);
        }
        let has = |subnets: &[Subnet], v6: bool| subnets.iter().any(|own| own.subnet.is_v6() == v6);
        if self.ipv4 && !has(&subnets, false) {
            let subnet = surroundings.chosen(&self.name, &subnets, false)?;
            subnets.insert(0, SubnetRequest::default().settle(subnet)?);
        }
        // On an interface of the machine there is no gateway of ours that would have an address that we choose.
        if self.ipv6 && driver == Driver::Bridge && !has(&subnets, true) && has_ipv6() {
            let subnet = if surroundings.has_pool(true) {
                surroundings.chosen(&self.name, &subnets, true)?
            } else {
                pool::unique_local(names::random()?)
            };
            subnets.push(SubnetRequest::default().settle(subnet)?);
        }
        for (place, subnet) in subnets.iter().enumerate() {
            let subnet = subnet.subnet;
            let mut earlier = subnets.iter().take(place).map(|own| own.subnet);
            if earlier.any(|other| other.overlaps(subnet))
                || own().any(|other| other.overlaps(subnet))
            {
                let holder = present.iter().find(|other| {
                    other.config.subnets.iter().any(|own| own.subnet.overlaps(subnet))
                });
                let holder = holder.map_or("itself", |holder| holder.name.as_str());
                return Err(EngineError::Overlap {
                    subnet: subnet.to_string(),
                    holder: holder.to_owned(),
                });
            }
        }
        Ok(subnets)
    }
}

/// What a new network's addresses may not overlap, and where they come from.
struct Surroundings<'a> {
    present: &'a [Network],
    routes: &'a [(Cidr, String)],
    pools: &'a [pool::Pool],
}

impl Surroundings<'_> {
    /// Whether somebody said where addresses of that family come from.
    fn has_pool(&self, is_v6: bool) -> bool {
        self.pools.iter().any(|pool| pool.base.is_v6() == is_v6)
    }

    /// The next one that neither a network nor the machine has.
    fn chosen(&self, name: &str, subnets: &[Subnet], is_v6: bool) -> Result<Cidr, EngineError> {
        let own = self.present.iter().flat_map(|other| other.config.subnets.iter()).chain(subnets);
        let routed =
            self.routes.iter().map(|(network, _)| *network).filter(|network| network.prefix() > 0);
        let taken: Vec<_> = own.map(|own| own.subnet).chain(routed).collect();
        pool::first_free(&self.pools_for(name, is_v6), &taken).ok_or_else(|| {
            let why = "every network of the address pools is in use: give one by --subnet";
            EngineError::value("network", name, why)
        })
    }

    fn pools_for(&self, name: &str, is_v6: bool) -> Vec<pool::Pool> {
        let own = self.pools.iter().filter(|pool| pool.base.is_v6() == is_v6);
        if self.has_pool(is_v6) {
            return own.copied().collect();
        }
        let pools = pool::default_pools();
        if name != DEFAULT {
            return pools.into_iter().skip(1).collect();
        }
        let whole = pools.first().map(|first| pool::Pool { size: first.base.prefix(), ..*first });
        whole.into_iter().chain(pools).collect()
    }
}

impl SubnetRequest {
    fn settle(&self, subnet: Cidr) -> Result<Subnet, EngineError> {
        if !subnet.is_network() {
            let why = format!("its network is {}", subnet.network());
            return Err(EngineError::value("subnet", subnet.to_string(), why));
        }
        let within = |what, address: IpAddr| {
            if subnet.contains(address) {
                return Ok(address);
            }
            let why = format!("it is not in the subnet {subnet}");
            Err(EngineError::value(what, address.to_string(), why))
        };
        let range = self.range.map(|range| {
            within("IP range", range.network().address())?;
            within("IP range", range.last())?;
            Ok::<_, EngineError>(range.network())
        });
        for address in self.reserved.values() {
            within("aux address", *address)?;
        }
        let gateway = self.gateway.unwrap_or_else(|| subnet.at(1));
        Ok(Subnet {
            subnet,
            gateway: Some(within("gateway", gateway)?),
            range: range.transpose()?,
            reserved: self.reserved.clone(),
        })
    }
}

fn has_ipv6() -> bool {
    std::path::Path::new("/proc/sys/net/ipv6").exists()
}
