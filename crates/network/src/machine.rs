//! The machine's side: tables, bridges, containers that come and go. Start at [`Machine::open`]. All of it is derived from records, and
//! can be made again from them at any time.

mod change;
mod detour;
mod inside;
mod leaves;
mod live;
mod parents;
mod rates;

use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use spec::network::Cidr;
use sys::Errno;
use sys::netlink::Socket;

use crate::attachment::{Attachment, BridgePlan};
use crate::elements::{self, Change};
use crate::link::{Changes, LinkError, Links, NewLink, Port};
use crate::nft::{self, Batch, BatchError};
use crate::policy::PublishPolicy;
use crate::rules::{Rules, WayIn};
use crate::settings;

use inside::furnish;
pub use live::LiveInterface;

/// Index of the loopback interface in each network namespace.
const LOOPBACK: u32 = 1;

/// The part of the machine's network that is ours.
#[derive(Debug)]
pub struct Machine {
    pub(crate) rules: Rules,
    pub(crate) links: Links,
    pub(crate) filter: Socket,
}

/// Why a network is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There is no talking with the kernel.
    #[error("open a netlink socket")]
    Socket(#[source] Errno),
    /// An interface is refused.
    #[error("{object}")]
    Link {
        /// What it was for.
        object: String,
        /// Why.
        #[source]
        cause: LinkError,
    },
    /// The packet filter is refused.
    #[error("{object}")]
    Filter {
        /// What it was for.
        object: String,
        /// Why.
        #[source]
        cause: BatchError,
    },
    /// The packet filter cannot be read.
    #[error("look for table {table}")]
    Look {
        /// Its name.
        table: String,
        /// Why.
        #[source]
        cause: sys::netlink::Refusal,
    },
    /// A parameter of the kernel's network cannot be set.
    #[error("set {name}")]
    Setting {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The thread cannot go there, or come back.
    #[error("enter the container's network namespace")]
    Enter(#[source] Errno),
    /// This kernel is built without it, or its module is not there.
    #[error("{object}: this kernel has no {what}")]
    Lacking {
        /// What it was for.
        object: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A parameter of a container's interface is none.
    #[error("the parameter {0} is none of an interface")]
    NoSetting(String),
    /// A bridge that a container is to be attached to is not there.
    #[error("the interface {0} is not there")]
    NoBridge(String),
    /// It is to lead everywhere.
    #[error("the interface {0} has no address for a gateway")]
    NoGateway(String),
    /// What others are to be on is down.
    #[error("the interface {0} is down")]
    Down(String),
    /// One that containers were to be on is a port of a bridge, or has interfaces of another kind on it.
    #[error("the interface {0} is in use: by a bridge, or by interfaces of another kind on it")]
    Busy(String),
    /// One that is one container's.
    #[error("the interface {0} is another container's: in the mode passthru it is one's alone")]
    Alone(String),
}

impl Machine {
    /// Opens sockets in the caller's network namespace. `name` is that of our tables.
    ///
    /// # Errors
    /// [`NetworkError::Socket`].
    pub fn open(name: &str) -> Result<Self, NetworkError> {
        Ok(Self {
            rules: Rules::named(name),
            links: Links::here().map_err(NetworkError::Socket)?,
            filter: nft::open().map_err(NetworkError::Socket)?,
        })
    }

    /// Whether our tables are there. They are not at first, after a reboot, and after somebody flushed the ruleset.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn has_rules(&mut self) -> Result<bool, NetworkError> {
        for table in [&self.rules.inet, &self.rules.bridge] {
            let found = nft::has_table(&mut self.filter, table)
                .map_err(|cause| NetworkError::Look { table: table.to_string(), cause })?;
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the tables again, with these networks and containers in them, in one transaction: no packet sees half of it. Connections that
    /// there are go on: where they lead is the kernel's knowledge, not the tables'.
    ///
    /// # Errors
    /// When the kernel refuses; what was there before is there then.
    pub fn write_rules<'a>(
        &mut self,
        policy: PublishPolicy,
        networks: impl IntoIterator<Item = &'a BridgePlan>,
        containers: impl IntoIterator<Item = &'a [Attachment]>,
    ) -> Result<(), NetworkError> {
        let way_in = match policy {
            PublishPolicy::Open => WayIn::Open,
            PublishPolicy::RespectHost => WayIn::Detour(self.make_detour()?),
        };
        let mut batch = Batch::new();
        self.rules.remove(&mut batch);
        self.rules.install(&mut batch, way_in);
        for network in networks {
            elements::of_network(&mut batch, &self.rules, network, Change::Add);
        }
        for attachments in containers {
            of_container(&mut batch, &self.rules, attachments, Change::Add);
        }
        self.commit(batch, || "write the rules".to_owned())?;
        if policy == PublishPolicy::Open { self.remove_detour() } else { Ok(()) }
    }

    /// Removes the tables, and what was made beside them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_rules(&mut self) -> Result<(), NetworkError> {
        let mut batch = Batch::new();
        self.rules.remove(&mut batch);
        self.commit(batch, || "remove the rules".to_owned())?;
        self.remove_detour()
    }

    /// Networks that the machine has routes to, and over which interface: a new one that overlaps such a one would hide it.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn routes(&mut self) -> Result<Vec<(Cidr, String)>, NetworkError> {
        let failed = |cause| link_error("look at the machine's routes".to_owned(), cause);
        let interfaces = self.links.all().map_err(failed)?;
        let name = |index: u32| interfaces.iter().find(|found| found.index == index);
        let routes = self.links.routes().map_err(failed)?;
        Ok(routes
            .into_iter()
            .filter_map(|route| Some((route.to?, name(route.over)?.name.clone())))
            .collect())
    }

    /// Whether there is an interface of that name.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn has_interface(&mut self, name: &str) -> Result<bool, NetworkError> {
        let found = self.links.find(name);
        found
            .map(|found| found.is_some())
            .map_err(|cause| link_error(format!("look for {name}"), cause))
    }

    /// Makes a network's bridge unless it is there, and its elements in the tables.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn make_bridge(&mut self, network: &BridgePlan) -> Result<(), NetworkError> {
        let object = || format!("make the network interface {}", network.interface);
        let name = network.interface.as_str();
        let found = self.links.find(name).map_err(|cause| link_error(object(), cause))?;
        if found.is_none() {
            let mut changes = Changes::new();
            changes.bridge(&NewLink { name, hardware: network.hardware, mtu: network.mtu });
            self.links.carry_out(changes).map_err(|cause| link_error(object(), cause))?;
        }
        let made = self
            .configure_bridge(network)
            .and_then(|()| if found.is_none() { self.join_leaves(network) } else { Ok(()) });
        if made.is_err() && found.is_none() {
            let mut changes = Changes::new();
            changes.remove(name);
            // The first error tells more.
            let _kept = self.links.carry_out(changes);
        }
        made
    }

    fn configure_bridge(&mut self, network: &BridgePlan) -> Result<(), NetworkError> {
        let object = || format!("configure the network interface {}", network.interface);
        let index = self.index(&network.interface)?;
        settings::of_bridge(network)?;
        let mut changes = Changes::new();
        changes.without_own_address(index);
        for address in &network.addresses {
            changes.address(index, *address);
        }
        if network.addresses.iter().any(|address| address.is_v6()) {
            let link_local = IpAddr::V6(network.hardware.link_local());
            changes.address(index, Cidr::new(link_local, 64).unwrap_or(Cidr::host(link_local)));
        }
        changes.up(index);
        self.links.carry_out(changes).map_err(|cause| link_error(object(), cause))?;
        if network.addresses.iter().any(|address| address.is_v6()) {
            // From ::1 to a published port: the answer comes in by the bridge, and the kernel seeks loopback addresses by interface.
            let mut changes = Changes::new();
            changes.local_route(index, Cidr::host(IpAddr::V6(Ipv6Addr::LOCALHOST)));
            match self.links.carry_out(changes) {
                Err(error) if error.refusal.errno.raw() != libc::EEXIST => {
                    return Err(link_error(object(), error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let mut batch = Batch::new();
        elements::of_network(&mut batch, &self.rules, network, Change::Add);
        self.commit(batch, object)
    }

    /// Removes a network's bridge and its elements, as far as they are there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_bridge(&mut self, network: &BridgePlan) -> Result<(), NetworkError> {
        let object = || format!("remove the network interface {}", network.interface);
        self.remove_leaves(&network.interface)?;
        let found = self.links.find(&network.interface);
        if found.map_err(|cause| link_error(object(), cause))?.is_some() {
            let mut changes = Changes::new();
            changes.remove(&network.interface);
            self.links.carry_out(changes).map_err(|cause| link_error(object(), cause))?;
        }
        let mut batch = Batch::new();
        elements::of_network(&mut batch, &self.rules, network, Change::Remove);
        absent_is_well(self.commit(batch, object))
    }

    /// Attaches a container, whose network namespace this is, to its networks.
    ///
    /// # Errors
    /// When the kernel refuses; nothing of the container is left then.
    pub fn attach(
        &mut self,
        attachments: &[Attachment],
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let attached = self.attach_all(attachments, namespace);
        if attached.is_err() {
            // The first error tells more.
            let _kept = self.withdraw(attachments, namespace);
        }
        attached
    }

    fn attach_all(
        &mut self,
        attachments: &[Attachment],
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let mut inside = Links::inside(namespace).map_err(NetworkError::Socket)?;
        // A name server listens there before the container's first process is made.
        let mut changes = Changes::new();
        changes.up(LOOPBACK);
        let failed =
            |cause| link_error("set up the container's loopback interface".to_owned(), cause);
        inside.carry_out(changes).map_err(failed)?;
        let is_bridge_filtered = settings::is_bridge_filtered();
        for attachment in attachments {
            self.bring_in(attachment, namespace, is_bridge_filtered)?;
        }
        // Before any of them is up: what the kernel says to every neighbour of an interface that comes is kept from them.
        self.admit(attachments)?;
        for attachment in attachments {
            furnish(&mut inside, attachment)?;
            settings::of_interface(attachment, namespace)?;
        }
        Ok(())
    }

    /// Makes a container's interface.
    fn bring_in(
        &mut self,
        attachment: &Attachment,
        namespace: BorrowedFd<'_>,
        hairpin: bool,
    ) -> Result<(), NetworkError> {
        if attachment.kind.is_bridge() {
            self.plug(attachment, namespace, hairpin)?;
            self.bound(attachment)
        } else {
            self.plant(attachment, namespace)
        }
    }

    /// Puts the container into the tables. Who has which port is decided before, by records: an element that leads elsewhere is what
    /// somebody has left who was killed.
    fn admit(&mut self, attachments: &[Attachment]) -> Result<(), NetworkError> {
        let admitted = self.change(attachments, Change::Add);
        match admitted {
            Err(NetworkError::Filter { cause, .. })
                if cause.refusal.errno.raw() == libc::EEXIST =>
            {
                for port in attachments.iter().flat_map(|attachment| &attachment.ports) {
                    let mut batch = Batch::new();
                    let one = std::slice::from_ref(port);
                    elements::of_ports(&mut batch, &self.rules, one, Change::Remove);
                    absent_is_well(self.commit(batch, || "take a port back".to_owned()))?;
                }
                self.change(attachments, Change::Add)
            }
            admitted => admitted,
        }
    }

    fn change(&mut self, attachments: &[Attachment], change: Change) -> Result<(), NetworkError> {
        let mut batch = Batch::new();
        of_container(&mut batch, &self.rules, attachments, change);
        let action = if change == Change::Remove {
            "take the container out of"
        } else {
            "let the container into"
        };
        self.commit(batch, || format!("{action} its networks"))
    }

    /// Makes the pair of interfaces.
    fn plug(
        &mut self,
        attachment: &Attachment,
        namespace: BorrowedFd<'_>,
        hairpin: bool,
    ) -> Result<(), NetworkError> {
        let bridge = self.bridge_of(attachment)?;
        let port = Port { bridge, hairpin, isolated: attachment.isolated };
        let (name, mtu) = (attachment.host_interface.as_str(), attachment.mtu);
        // The host's end speaks for nobody.
        let [_, a, b, c, d, e] = attachment.hardware.octets();
        let hardware = spec::network::HardwareAddress::local([0xfe, a, b, c, d, e]);
        let here = NewLink { name, hardware, mtu };
        let there = NewLink { name: &attachment.interface, hardware: attachment.hardware, mtu };
        let mut changes = Changes::new();
        changes.pair(&here, port, &there, Some(namespace));
        self.links.carry_out(changes).map_err(|cause| {
            link_error(format!("attach {} to {}", attachment.interface, attachment.bridge), cause)
        })?;
        // Before the other end is up: it has no addresses yet.
        settings::of_port(name)
    }

    /// Sets the host's ends of a container's interfaces as the kernel wants them now, as far as they are there: whether the packet filters of IP
    /// see what bridges forward changes while it runs, when somebody loads `br_netfilter`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_ports(&mut self, attachments: &[Attachment]) -> Result<(), NetworkError> {
        let hairpin = settings::is_bridge_filtered();
        for attachment in attachments.iter().filter(|own| own.kind.is_bridge()) {
            let name = &attachment.host_interface;
            let mut changes = Changes::new();
            changes.port(name, hairpin, attachment.isolated);
            match self.links.carry_out(changes) {
                Err(error) if error.refusal.errno.raw() != libc::ENODEV => {
                    return Err(link_error(format!("set the interface {name}"), error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Takes a container out of its networks, as far as it is in them. Its interfaces go with its network namespace, too.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(&mut self, attachments: &[Attachment]) -> Result<(), NetworkError> {
        self.unplug(attachments).and(self.expel(attachments))
    }

    /// The same while the container runs, whose network namespace this is.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn withdraw(
        &mut self,
        attachments: &[Attachment],
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        parents::uproot(attachments, namespace).and(self.detach(attachments))
    }

    /// Removes an interface of the host, if it is there.
    fn remove_interface(&mut self, name: &str) -> Result<(), NetworkError> {
        let mut changes = Changes::new();
        changes.remove(name);
        match self.links.carry_out(changes) {
            Err(error) if error.refusal.errno.raw() != libc::ENODEV => {
                Err(link_error(format!("remove the interface {name}"), error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes a container out of the tables. Where some of it is missing the rest goes alone.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn expel(&mut self, attachments: &[Attachment]) -> Result<(), NetworkError> {
        match self.change(attachments, Change::Remove) {
            Err(NetworkError::Filter { cause, .. })
                if cause.refusal.errno.raw() == libc::ENOENT =>
            {
                let mut batch = Batch::new();
                of_container(&mut batch, &self.rules, attachments, Change::Remove);
                batch.split().into_iter().try_for_each(|one| {
                    absent_is_well(self.commit(one, || "take the container out".to_owned()))
                })
            }
            expelled => expelled,
        }
    }

    fn index(&mut self, name: &str) -> Result<u32, NetworkError> {
        let found =
            self.links.find(name).map_err(|cause| link_error(format!("look for {name}"), cause))?;
        found.map(|found| found.index).ok_or_else(|| NetworkError::NoBridge(name.to_owned()))
    }

    fn commit(&mut self, batch: Batch, object: impl Fn() -> String) -> Result<(), NetworkError> {
        let done = batch.commit(&mut self.filter);
        done.map_err(|cause| NetworkError::Filter { object: object(), cause })
    }
}

fn of_container(batch: &mut Batch, rules: &Rules, attachments: &[Attachment], change: Change) {
    let bridged = attachments.iter().enumerate().filter(|(_, own)| own.kind.is_bridge());
    for (place, attachment) in bridged {
        let others = attachments.iter().enumerate().filter(|(other, _)| *other != place);
        let others: Vec<_> = others
            .flat_map(|(_, other)| other.addresses.iter().map(|address| address.address()))
            .collect();
        elements::of_attachment(batch, rules, attachment, &others, change);
    }
}

/// What is gone already need not be removed.
fn absent_is_well(removed: Result<(), NetworkError>) -> Result<(), NetworkError> {
    match removed {
        Err(NetworkError::Filter { cause, .. }) if cause.refusal.errno.raw() == libc::ENOENT => {
            Ok(())
        }
        removed => removed,
    }
}

const fn link_error(object: String, cause: LinkError) -> NetworkError {
    NetworkError::Link { object, cause }
}
