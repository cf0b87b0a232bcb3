//! A host and containers, as network namespaces.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use network::{Attachment, BridgePlan, Machine, PortMapping, Transport};
use spec::network::{Cidr, HardwareAddress};
use sys::Namespaces;

/// Who answers does so within this.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who has not answered by then is taken to be out of reach. Each test also sees an answer that does come.
const SILENCE: Duration = Duration::from_millis(700);

/// The test's own namespace is the host's.
pub(crate) struct Host {
    pub(crate) machine: Machine,
    namespace: OwnedFd,
}

/// A network namespace.
pub(crate) struct Place(OwnedFd);

/// Datagrams that arrive.
pub(crate) struct Heard(UdpSocket);

impl Heard {
    pub(crate) const fn socket(&self) -> &UdpSocket {
        &self.0
    }

    /// Who sent the next one, and where to.
    pub(crate) fn next(&self) -> String {
        let mut bytes = [0; 64];
        let (length, from) = self.0.recv_from(&mut bytes).unwrap();
        format!("{} to {}", from.ip(), std::str::from_utf8(&bytes[..length]).unwrap())
    }
}

fn current() -> OwnedFd {
    File::open("/proc/thread-self/ns/net").unwrap().into()
}

fn new_namespace() -> OwnedFd {
    sys::unshare_namespaces(u32::try_from(Namespaces::NETWORK.bits()).unwrap()).unwrap();
    sys::set_interface_up(b"lo").unwrap();
    current()
}

impl Host {
    pub(crate) fn new() -> Self {
        let namespace = new_namespace();
        Self { machine: Machine::open("corten").unwrap(), namespace }
    }

    /// An empty namespace beside it.
    pub(crate) fn place(&self) -> Place {
        let place = new_namespace();
        sys::enter_namespace(self.namespace.as_fd(), Namespaces::NETWORK).unwrap();
        Place(place)
    }

    pub(crate) fn here(&self) -> Place {
        Place(self.namespace.try_clone().unwrap())
    }

    /// A cable to another machine, as [`Place::wire`] has it.
    pub(crate) fn wire(&self, name: &str, own: (&str, &str), other: &Place, their: (&str, &str)) {
        self.here().wire(name, own, other, their);
    }

    /// A TCP port of every address of the machine that leads to a container.
    pub(crate) fn published(&self, to: &Attachment, host_port: u16, port: u16) -> Vec<PortMapping> {
        let mapping = |address: &Cidr| PortMapping {
            outside: None,
            host_address: None,
            host_port,
            transport: Transport::Tcp,
            port,
            address: address.address(),
        };
        to.addresses.iter().map(mapping).collect()
    }

    /// Rules, and a network.
    pub(crate) fn network(&mut self, plan: &BridgePlan) {
        self.machine.write_rules(network::PublishPolicy::Open, [], []).unwrap();
        self.machine.make_bridge(plan).unwrap();
    }

    /// A container in it.
    pub(crate) fn container(&mut self, attachments: &[Attachment]) -> Place {
        let place = self.place();
        self.machine.attach(attachments, place.0.as_fd()).unwrap();
        place
    }
}

impl Place {
    pub(crate) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Does something in a thread that lives here.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                sys::enter_namespace(self.0.as_fd(), Namespaces::NETWORK).unwrap();
                work()
            });
            thread.join().unwrap()
        })
    }

    /// A cable to another machine, and addresses at both of its ends.
    pub(crate) fn wire(
        &self,
        name: &str,
        (own, own6): (&str, &str),
        other: &Place,
        (their, their6): (&str, &str),
    ) {
        let namespace = format!("/proc/{}/fd/{}", std::process::id(), other.fd().as_raw_fd());
        let link =
            ["link", "add", name, "type", "veth", "peer", "name", "far", "netns", &namespace];
        assert_eq!(self.run("ip", &link), "");
        for (place, name, addresses) in [(self, name, [own, own6]), (other, "far", [their, their6])]
        {
            place.run("ip", &["link", "set", name, "up"]);
            for address in addresses {
                let mut add = vec!["address", "add", address, "dev", name];
                add.extend(address.contains(':').then_some("nodad"));
                assert_eq!(place.run("ip", &add), "");
            }
        }
    }

    /// What a program prints that runs here.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.within(|| {
            let output = Command::new(program).args(arguments).output().unwrap();
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        })
    }

    /// Answers each connection with the address of its other side.
    pub(crate) fn serve(&self, port: u16) {
        let listener = self.within(|| TcpListener::bind(("::", port)).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let peer = stream.peer_addr().unwrap().ip().to_canonical();
                let _gone = stream.write_all(peer.to_string().as_bytes());
            }
        });
    }

    /// Hears datagrams.
    pub(crate) fn listen(&self, address: &str) -> Heard {
        let socket = self.within(|| UdpSocket::bind(address).unwrap());
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Heard(socket)
    }

    /// Sends a datagram that says where it is sent.
    pub(crate) fn send(&self, from: &str, to: &str) {
        let (destination, _) = to.rsplit_once(':').unwrap();
        self.within(|| {
            let socket = UdpSocket::bind(from).unwrap();
            socket.send_to(destination.as_bytes(), to).unwrap();
        });
    }

    /// The answer of a server.
    pub(crate) fn reach(&self, address: &str, port: u16) -> String {
        let answer = self.try_to_reach(address, port, PATIENCE);
        answer.unwrap_or_else(|error| panic!("{address} port {port}: {error}"))
    }

    /// Whether no server answers.
    pub(crate) fn misses(&self, address: &str, port: u16) -> bool {
        self.try_to_reach(address, port, SILENCE).is_err()
    }

    fn try_to_reach(
        &self,
        address: &str,
        port: u16,
        patience: Duration,
    ) -> std::io::Result<String> {
        let address = SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
        self.within(|| {
            let mut stream = TcpStream::connect_timeout(&address, patience)?;
            stream.set_read_timeout(Some(patience))?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        })
    }
}

pub(crate) fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

/// A network with the addresses 10.N.0.0/24 and fd00:N::/64.
pub(crate) fn plan(number: u8) -> BridgePlan {
    BridgePlan {
        interface: format!("br{number}"),
        hardware: HardwareAddress::local([2, 0, 0, 0, number, 1]),
        addresses: vec![
            cidr(&format!("10.{number}.0.1/24")),
            cidr(&format!("fd00:{number}::1/64")),
        ],
        masquerade: vec![
            cidr(&format!("10.{number}.0.0/24")),
            cidr(&format!("fd00:{number}::/64")),
        ],
        sources: Vec::new(),
        routed: Vec::new(),
        unprotected: Vec::new(),
        reserved: Vec::new(),
        mtu: 1500,
        internal: false,
        neighbours: true,
    }
}

/// A container with the addresses 10.N.0.H and fd00:N::H in it.
pub(crate) fn attachment(network: &BridgePlan, host: u8) -> Attachment {
    let at = |cidr: Cidr| Cidr::new(cidr.at(host.into()), cidr.prefix()).unwrap();
    let [_, _, _, _, number, _] = network.hardware.octets();
    Attachment {
        network: network.interface.clone(),
        network_name: network.interface.clone(),
        link_local: Vec::new(),
        kind: network::LinkKind::Bridge,
        rates: network::Rates::default(),
        settings: Vec::new(),
        bridge: network.interface.clone(),
        host_interface: format!("v{number}_{host}"),
        interface: "eth0".to_owned(),
        hardware: HardwareAddress::local([2, 0, 0, 0, number, host]),
        addresses: network.addresses.iter().map(|address| at(*address)).collect(),
        mtu: 1500,
        gateways: network.addresses.iter().map(|address| address.address()).collect(),
        foreign_gateways: Vec::new(),
        bridge_hardware: network.hardware,
        is_default: true,
        isolated: !network.neighbours,
        ports: Vec::new(),
        open: Vec::new(),
        trusted: Vec::new(),
    }
}
