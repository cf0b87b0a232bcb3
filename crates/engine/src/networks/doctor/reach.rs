//! Who reaches a published port, and why.

use network::{PortMapping, PublishPolicy, Way, kernel_setting};
use serde::Serialize;

use super::{Finding, Place, Scene, shown};

/// Who reaches one published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reach {
    /// Address, port and protocol: of the machine, or of the container where addresses are not translated.
    pub port: String,
    /// The container.
    pub container: String,
    /// Its address and port.
    pub leads_to: String,
    /// Whether the machine itself reaches it.
    pub host: bool,
    /// Whether other containers do, by the machine's address.
    pub containers: bool,
    /// Whether others do: `everybody`, `no`, or whom the machine lets in.
    pub outside: String,
    /// Why not, or how.
    pub why: Vec<String>,
}

impl Scene {
    /// One for each port; `findings` are of this scene.
    pub(super) fn reaches(&self, findings: &[Finding]) -> Vec<Reach> {
        let mut all = Vec::new();
        for place in &self.places {
            all.extend(place.given.ports.iter().map(|port| self.reach(place, port, findings)));
            all.extend(place.given.open.iter().map(|open| {
                let port = PortMapping {
                    host_address: Some(open.address),
                    outside: None,
                    host_port: open.port,
                    transport: open.transport,
                    port: open.port,
                    address: open.address,
                };
                self.reach(place, &port, findings)
            }));
        }
        all
    }

    fn reach(&self, place: &Place, port: &PortMapping, findings: &[Finding]) -> Reach {
        let mut why = self.broken(place, port, findings);
        let is_translated = port.host_address != Some(port.address);
        let works = why.is_empty();
        let is_here = port.published_at().is_some_and(|address| address.is_loopback());
        let host = works && self.host_reaches(place, port, &mut why);
        let forwarded = self.obstacles(place, port.address.is_ipv6());
        let is_forwarded = works && !is_here && forwarded.is_empty();
        if is_here {
            why.push("it is published at a loopback address".to_owned());
        } else if works {
            why.extend(forwarded);
        }
        let outside = if !is_forwarded {
            "no".to_owned()
        } else if is_translated {
            self.let_in(port.address.is_ipv6(), &mut why)
        } else {
            why.push("at the container's own address: who has a route to it".to_owned());
            "everybody".to_owned()
        };
        Reach {
            port: format!("{}/{}", crate::host_place(port), port.transport.word()),
            container: place.container.clone(),
            leads_to: std::net::SocketAddr::new(port.address, port.port).to_string(),
            host,
            containers: is_forwarded,
            outside,
            why,
        }
    }

    /// Findings that nobody gets by.
    fn broken(&self, place: &Place, port: &PortMapping, findings: &[Finding]) -> Vec<String> {
        let own = [
            "the packet filter's rules".to_owned(),
            format!("network {}", place.network.name),
            format!("container {}", place.container),
            format!("{}/{}", crate::host_place(port), port.transport.word()),
        ];
        let is_v6 = port.address.is_ipv6();
        let broken = findings
            .iter()
            .filter(|finding| finding.is_broken && finding.is_v6.is_none_or(|own| own == is_v6));
        broken
            .filter(|finding| own.contains(&finding.object))
            .map(|finding| format!("{}: {}", finding.object, finding.finding))
            .collect()
    }

    /// The machine itself, by a loopback address where the port has one.
    fn host_reaches(&self, place: &Place, port: &PortMapping, why: &mut Vec<String>) -> bool {
        let is_loopback = port.host_address.is_none_or(|own| own.is_loopback());
        let (name, wanted, address) = if port.address.is_ipv6() {
            ("bridge/bridge-nf-call-ip6tables".to_owned(), "0", "[::1]")
        } else {
            (format!("ipv4/conf/{}/route_localnet", place.given.bridge), "1", "127.0.0.1")
        };
        let is_set = kernel_setting(&name).is_none_or(|value| value == wanted);
        let is_kept = port.address.is_ipv6() && self.is_loopback_kept;
        if !is_loopback || (is_set && !is_kept) {
            return true;
        }
        let (name, tense) = (name.replace('/', "."), if is_set { "was" } else { "is" });
        let when = if is_set { " when the rules were made" } else { "" };
        why.push(format!("not at {address}: net.{name} {tense} not {wanted}{when}"));
        // Its other addresses are as good.
        port.host_address.is_none()
    }

    /// What keeps a packet from being forwarded to the container.
    fn obstacles(&self, place: &Place, is_v6: bool) -> Vec<String> {
        let name = if is_v6 { "ipv6/conf/all/forwarding" } else { "ipv4/ip_forward" };
        let off = (kernel_setting(name).as_deref() == Some("0"))
            .then(|| format!("net.{} is 0", name.replace('/', ".")));
        let others = self.dropping.iter().filter(|chain| {
            chain.way == Way::Forward
                && is_of(chain.family, is_v6)
                && chain.unnamed.contains(&place.given.bridge)
        });
        off.into_iter().chain(others.map(|chain| format!("{} drops it", shown(chain)))).collect()
    }

    /// Whom of those outside.
    fn let_in(&self, is_v6: bool, why: &mut Vec<String>) -> String {
        let input = self
            .dropping
            .iter()
            .filter(|chain| chain.way == Way::Input && is_of(chain.family, is_v6))
            .map(shown)
            .collect::<Vec<_>>();
        match self.settings.publish_policy {
            PublishPolicy::Open => "everybody".to_owned(),
            PublishPolicy::RespectHost if input.is_empty() => {
                why.push("as far as the machine's input rules say nothing else".to_owned());
                "everybody".to_owned()
            }
            PublishPolicy::RespectHost => {
                why.push(format!("whom {} lets in", input.join(", ")));
                "some".to_owned()
            }
        }
    }
}

/// Whether chains of that family see packets of the other.
fn is_of(family: &str, is_v6: bool) -> bool {
    family == "inet" || (family == "ip6") == is_v6
}
