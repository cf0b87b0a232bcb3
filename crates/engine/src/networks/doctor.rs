//! What is wrong with the machine's networks, and who reaches which published port. Looks only. Start at [`NetworksHandle::examine`].

mod listeners;
mod reach;

use network::{
    Attachment, DroppingChain, LiveInterface, Machine, PortMapping, PublishPolicy, RulesState, Way,
    kernel_setting,
};
use serde::Serialize;
use serde_json::{Value, json};
use spec::network::Cidr;

use super::{DEFAULT, Driver, Network, NetworkSettings, NetworksHandle};
use crate::error::EngineError;
use crate::state::State;
use listeners::Listeners;

pub use reach::Reach;

/// What brings back all that is ours.
const RELOAD: &str = "corten network reload";

/// What was found.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What holds for all networks.
    pub settings: NetworkSettings,
    /// Published ports of containers that run.
    pub ports: Vec<Reach>,
    /// What is not as it should be, or may surprise.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be, or may surprise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// What it is about.
    pub object: String,
    /// What is found of it.
    pub finding: String,
    /// What mends it.
    pub remedy: String,
    /// Whether something does not work that should.
    pub is_broken: bool,
    /// Whether it is about IPv6 or IPv4 alone.
    #[serde(skip)]
    is_v6: Option<bool>,
}

/// A container that runs, and a place of it.
struct Place {
    container: String,
    network: Network,
    given: Attachment,
    /// Whether its interface is there.
    is_inside: bool,
}

/// All that the checks look at.
struct Scene {
    settings: NetworkSettings,
    networks: Vec<Network>,
    places: Vec<Place>,
    rules: RulesState,
    missing: Vec<PortMapping>,
    dropping: Vec<DroppingChain>,
    routes: Vec<(Cidr, String)>,
    listeners: Listeners,
    detour: String,
    /// Whether the rules lead nothing in from ::1.
    is_loopback_kept: bool,
    is_resolver_missing: bool,
}

impl Diagnosis {
    /// As programs read it.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "Findings": self.findings,
            "Ports": self.ports,
            "Settings": self.settings.document(),
        })
    }

    /// Whether something does not work that should.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_broken)
    }
}

impl NetworksHandle<'_> {
    /// Looks at everything.
    ///
    /// # Errors
    /// When the store cannot be read, or the kernel does not answer.
    pub fn examine(&self) -> Result<Diagnosis, EngineError> {
        let mut machine = self.machine()?;
        let scene = self.scene(&mut machine)?;
        let mut findings = scene.of_the_machine();
        findings.extend(scene.of_networks(&mut machine)?);
        findings.extend(scene.of_chains());
        findings.extend(scene.of_listeners());
        let ports = scene.reaches(&findings);
        Ok(Diagnosis { settings: scene.settings, ports, findings })
    }

    fn scene(&self, machine: &mut Machine) -> Result<Scene, EngineError> {
        let networks = self.store().list()?;
        let networks =
            networks.into_iter().map(Network::read).collect::<Result<Vec<_>, EngineError>>()?;
        let mut places = Vec::new();
        for (id, given) in self.given()? {
            let Some(container) = self.still(&id)? else { continue };
            let State::Running { pid, .. } = container.state else { continue };
            let inside = super::shown::interfaces(pid);
            for given in given {
                let network = networks.iter().find(|own| own.id == given.network);
                let Some(network) = network.cloned() else { continue };
                let container = container.record.name.clone();
                let is_its = |one: &LiveInterface| one.name == given.interface;
                // Who has just ended lacks nothing.
                let is_inside = inside.as_ref().is_none_or(|all| all.iter().any(is_its));
                places.push(Place { container, network, given, is_inside });
            }
        }
        let looked = EngineError::network("look at", "the machine's network");
        let facts = (|| {
            let rules = machine.rules_state()?;
            let missing = match rules {
                RulesState::Missing => Vec::new(),
                RulesState::Present(_) | RulesState::NoDetour => {
                    machine.missing(places.iter().flat_map(|place| &place.given.ports))?
                }
            };
            let mut bridges: Vec<_> =
                places.iter().map(|place| place.given.bridge.clone()).collect();
            bridges.sort_unstable();
            bridges.dedup();
            let is_loopback_kept = machine.keeps_loopback()?;
            let dropping = machine.dropping_chains(&bridges)?;
            Ok((rules, missing, is_loopback_kept, dropping, machine.routes()?))
        })();
        let (rules, missing, is_loopback_kept, dropping, routes) = facts.map_err(looked)?;
        let has_names = places.iter().any(|place| place.network.name != DEFAULT);
        let state_dir = &self.engine.paths().state;
        Ok(Scene {
            settings: self.settings()?,
            networks,
            rules,
            missing,
            dropping,
            routes,
            listeners: Listeners::here(),
            detour: machine.detour().to_owned(),
            is_loopback_kept,
            is_resolver_missing: has_names && !network::resolver::runs(state_dir),
            places,
        })
    }
}

impl Scene {
    /// Whether packets of a family are to be forwarded: what is on an interface of the machine's sends them by itself.
    fn forwards(&self, is_v6: bool) -> bool {
        let bridged = self.places.iter().filter(|place| place.given.kind.is_bridge());
        let mut addresses = bridged.flat_map(|place| &place.given.addresses);
        addresses.any(|address| address.is_v6() == is_v6)
    }

    /// Rules, forwarding, the resolver.
    fn of_the_machine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let wanted = self.settings.publish_policy;
        let table = "the packet filter's rules";
        match self.rules {
            RulesState::Missing if self.places.is_empty() => {}
            RulesState::Missing => {
                findings.push(broken(table, "somebody has removed them", RELOAD));
            }
            RulesState::NoDetour => {
                let finding = format!("interface {} is not there or down", self.detour);
                findings.push(broken(table, &finding, RELOAD));
            }
            RulesState::Present(policy) if policy != wanted => {
                let finding = format!("they are those of the publish policy {}", policy.word());
                findings.push(broken(table, &finding, RELOAD));
            }
            RulesState::Present(_) => {}
        }
        for (is_v6, name) in [(false, "ipv4/ip_forward"), (true, "ipv6/conf/all/forwarding")] {
            if self.forwards(is_v6) && kernel_setting(name).as_deref() == Some("0") {
                let family = if is_v6 { "IPv6" } else { "IPv4" };
                let finding = format!("the machine forwards nothing of {family}");
                let name = name.replace('/', ".");
                findings.push(broken(
                    &format!("net.{name}"),
                    &finding,
                    &format!("sysctl -w net.{name}=1"),
                ));
            }
        }
        findings.extend(self.of_the_detour());
        let filtered = kernel_setting("bridge/bridge-nf-call-ip6tables");
        let has_ports = self
            .places
            .iter()
            .any(|place| place.given.ports.iter().any(|port| port.address.is_ipv6()));
        if has_ports && filtered.as_deref() == Some("1") {
            findings.push(note(
                "net.bridge.bridge-nf-call-ip6tables",
                "ports that are published cannot be reached at [::1]; every other address works",
                "sysctl -w net.bridge.bridge-nf-call-ip6tables=0, where no other program needs it",
            ));
        } else if has_ports && self.is_loopback_kept {
            findings.push(note(
                "net.bridge.bridge-nf-call-ip6tables",
                "it was 1 when the rules were made: ports that are published cannot be reached at [::1]",
                RELOAD,
            ));
        }
        if self.is_resolver_missing {
            findings.push(broken(
                "the resolver",
                "containers do not find each other by name",
                "restart a container of the network: its monitor starts the resolver",
            ));
        }
        findings
    }

    /// Senders are looked for where packets come in a second time.
    fn of_the_detour(&self) -> Option<Finding> {
        if self.settings.publish_policy != PublishPolicy::RespectHost {
            return None;
        }
        let value = |name: &str| {
            let value = kernel_setting(&format!("ipv4/conf/{name}/rp_filter"));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let strictest: u8 = value("all").max(value(&self.detour));
        let name = format!("net.ipv4.conf.{}.rp_filter", self.detour);
        (strictest == 1).then(|| {
            let remedy = format!("sysctl -w {name}=2");
            broken(&name, "the kernel drops what comes from outside to published ports", &remedy)
        })
    }

    /// Bridges, interfaces, routes, elements.
    fn of_networks(&self, machine: &mut Machine) -> Result<Vec<Finding>, EngineError> {
        let mut findings = Vec::new();
        let looked = || EngineError::network("look at", "the machine's interfaces");
        for network in &self.networks {
            let object = format!("network {}", network.name);
            let bridge = network.interface();
            if network.config.driver != Driver::Bridge {
                continue;
            }
            let is_used = self.places.iter().any(|place| place.network.id == network.id);
            if is_used {
                let state = machine.interface_state(&bridge).map_err(looked())?;
                if !state.is_some_and(|state| state.is_up) {
                    let finding = format!("interface {bridge} is not there or down");
                    findings.push(broken(&object, &finding, RELOAD));
                }
            }
            for (to, over) in self.overlapping(network, &bridge) {
                let finding = format!("its addresses overlap the route to {to} over {over}");
                let remedy = "make a network with another --subnet, and move its containers there";
                findings
                    .push(Finding { is_v6: Some(to.is_v6()), ..broken(&object, &finding, remedy) });
            }
        }
        for place in self.places.iter().filter(|place| place.given.kind.is_bridge()) {
            let name = &place.given.host_interface;
            let state = machine.interface_state(name).map_err(looked())?;
            let is_well =
                state.is_some_and(|state| state.is_up && state.bridge == place.given.port_of());
            if !is_well {
                let finding = format!(
                    "its interface {name} is not there, down, or no port of {}",
                    place.given.bridge
                );
                let remedy = format!("corten restart {}", place.container);
                findings.push(broken(&format!("container {}", place.container), &finding, &remedy));
            }
        }
        findings.extend(self.of_parents(machine)?);
        for port in &self.missing {
            let place = format!("{}/{}", crate::host_place(port), port.transport.word());
            findings.push(broken(
                &place,
                "it leads nowhere: its element is not in the rules",
                RELOAD,
            ));
        }
        Ok(findings)
    }

    /// Interfaces on others of the machine: they go with those, and do not come back with them.
    fn of_parents(&self, machine: &mut Machine) -> Result<Vec<Finding>, EngineError> {
        let mut findings = Vec::new();
        let looked = || EngineError::network("look at", "the machine's interfaces");
        for place in self.places.iter().filter(|place| !place.given.kind.is_bridge()) {
            let (object, parent) = (format!("container {}", place.container), &place.given.bridge);
            let state = machine.interface_state(parent).map_err(looked())?;
            if !state.is_some_and(|state| state.is_up) {
                let finding =
                    format!("interface {parent}, which its own is on, is not there or down");
                let remedy = format!("ip link set {parent} up; corten restart {}", place.container);
                findings.push(broken(&object, &finding, &remedy));
            } else if !place.is_inside {
                let own = &place.given.interface;
                let finding =
                    format!("it has no interface {own} any more, though {parent} is there");
                let (network, container) = (&place.network.name, &place.container);
                let remedy = format!(
                    "corten restart {container} (or network disconnect and connect {network} {container})"
                );
                findings.push(broken(&object, &finding, &remedy));
            }
        }
        Ok(findings)
    }

    /// Routes over others' interfaces that lead to a network's addresses: a VPN that came later.
    fn overlapping(&self, network: &Network, bridge: &str) -> Vec<(Cidr, String)> {
        let own = |name: &str| {
            name == bridge || self.networks.iter().any(|other| other.interface() == name)
        };
        let overlaps = |to: &Cidr| {
            let subnets = &network.config.subnets;
            to.prefix() > 0 && subnets.iter().any(|subnet| subnet.subnet.overlaps(*to))
        };
        let routes = self.routes.iter().filter(|(to, over)| overlaps(to) && !own(over));
        routes.cloned().collect()
    }

    /// Chains of others.
    fn of_chains(&self) -> Vec<Finding> {
        let forward = self.dropping.iter().filter(|chain| chain.way == Way::Forward);
        let unnamed = forward.filter(|chain| !chain.unnamed.is_empty());
        unnamed
            .map(|chain| {
                let bridges = chain.unnamed.join(", ");
                let finding = format!("it drops what no rule accepts, and none names {bridges}");
                broken(&shown(chain), &finding, &remedy(chain))
            })
            .collect()
    }

    /// Programs of the machine that hear nobody any more.
    fn of_listeners(&self) -> Vec<Finding> {
        let ports = self.places.iter().flat_map(|place| &place.given.ports);
        ports
            .filter(|port| self.listeners.has(port))
            .map(|port| {
                note(
                    &format!("{}/{}", crate::host_place(port), port.transport.word()),
                    "a program of the machine listens there, too, and hears nobody",
                    "stop it, or publish another port",
                )
            })
            .collect()
    }
}

fn broken(object: &str, finding: &str, remedy: &str) -> Finding {
    Finding { is_broken: true, ..note(object, finding, remedy) }
}

fn note(object: &str, finding: &str, remedy: &str) -> Finding {
    let [object, finding, remedy] = [object, finding, remedy].map(str::to_owned);
    Finding { object, finding, remedy, is_broken: false, is_v6: None }
}

/// As nft(8) writes it.
fn shown(chain: &DroppingChain) -> String {
    format!("chain {} {} {}", chain.family, chain.table, chain.chain)
}

/// By the tool of whoever made the chain.
fn remedy(chain: &DroppingChain) -> String {
    let each = |command: &dyn Fn(&str) -> String| {
        chain.unnamed.iter().map(|bridge| command(bridge)).collect::<Vec<_>>().join("; ")
    };
    match (chain.family, chain.table.as_str()) {
        ("inet", "firewalld") => each(&|bridge| {
            format!(
                "firewall-cmd --permanent --zone=trusted --add-interface={bridge}; firewall-cmd --reload"
            )
        }),
        ("ip" | "ip6", "filter") => {
            let program = if chain.family == "ip" { "iptables" } else { "ip6tables" };
            each(&|bridge| {
                format!(
                    "{program} -I {0} -o {bridge} -j ACCEPT; {program} -I {0} -i {bridge} -j ACCEPT (with ufw: ufw route allow out on {bridge}; ufw route allow in on {bridge})",
                    chain.chain
                )
            })
        }
        (family, table) => each(&|bridge| {
            let rule = format!("nft insert rule {family} {table} {}", chain.chain);
            format!("{rule} oifname {bridge} accept; {rule} iifname {bridge} accept")
        }),
    }
}
