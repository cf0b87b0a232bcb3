//! A resolver in a process of its own, containers that are registered with it, and other name servers.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use network::NameSockets;
use network::resolver::{Answer, ConnectError, Member, Membership, Registration, run};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use crate::support::{Host, Place};

/// Who answers does so within this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const STATE: &str = "CORTEN_TEST_RESOLVER_STATE";

/// A machine with a resolver.
pub(crate) struct Scene {
    pub(crate) host: Host,
    pub(crate) state: TempDir,
    pub(crate) resolver: Child,
    ready: UnixDatagram,
}

/// A container, as its monitor sees it.
pub(crate) struct Container {
    pub(crate) place: Place,
    pub(crate) sockets: NameSockets,
    pub(crate) member: Member,
    pub(crate) registration: Registration,
}

/// dnsmasq.
pub(crate) struct NameServer {
    child: Child,
    lines: Receiver<String>,
}

/// Not a test: the process that other tests start.
#[test]
#[ignore = "the resolver that other tests start"]
fn resolver() {
    #[expect(clippy::disallowed_methods, reason = "how the test that starts it says where")]
    let Ok(state) = std::env::var(STATE) else { return };
    let state = PathBuf::from(state);
    let ready = || {
        let socket = UnixDatagram::unbound().unwrap();
        socket.send_to(b"ready", state.join("ready")).unwrap();
    };
    run(&state, &state.join("resolv.conf"), ready).unwrap();
}

impl Scene {
    pub(crate) fn new() -> Self {
        let host = Host::new();
        let state = tempfile::tempdir().unwrap();
        let ready = UnixDatagram::bind(state.path().join("ready")).unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        let resolver = start(state.path());
        let scene = Self { host, state, resolver, ready };
        scene.resolv_conf("nameserver 127.0.0.53\n");
        scene.wait_until_ready();
        scene
    }

    fn wait_until_ready(&self) {
        self.ready.recv(&mut [0; 16]).unwrap();
    }

    /// Ends the resolver as nothing else can.
    pub(crate) fn kill(&mut self) {
        self.resolver.kill().unwrap();
        self.resolver.wait().unwrap();
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.resolver = start(self.state.path());
        self.wait_until_ready();
    }

    /// Replaces the host's resolv.conf as programs do.
    pub(crate) fn resolv_conf(&self, text: &str) {
        let at = |name: &str| self.state.path().join(name);
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(at("resolv.conf.new"), text).unwrap();
        std::fs::rename(at("resolv.conf.new"), at("resolv.conf")).unwrap();
    }

    /// A container that is called so.
    pub(crate) fn container(&self, member: Member) -> Container {
        let place = self.host.place();
        let sockets = NameSockets::open(place.fd()).unwrap();
        let registration = self.register(&member, &sockets);
        Container { place, sockets, member, registration }
    }

    pub(crate) fn register(&self, member: &Member, sockets: &NameSockets) -> Registration {
        let registration = Registration::connect(self.state.path(), member, sockets).unwrap();
        assert_eq!(answer(&registration).unwrap(), Answer::Registered);
        registration
    }
}

fn start(state: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "names::scene::resolver", "--ignored"])
        .env(STATE, state)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _gone = self.resolver.kill();
        let _gone = self.resolver.wait();
    }
}

/// Waits for the resolver to say something, or to end.
pub(crate) fn answer(registration: &Registration) -> Result<Answer, ConnectError> {
    loop {
        let mut fds = [PollFd::new(registration, PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).unwrap();
        assert_eq!(poll(&mut fds, Some(&patience)).unwrap(), 1, "no answer of the resolver");
        if let Some(answer) = registration.answer()? {
            return Ok(answer);
        }
    }
}

/// A container in the network 10.N.0.0/24, fd00:N::/64.
pub(crate) fn member(network: u8, names: &[&str], last: u8) -> Member {
    let addresses = [format!("10.{network}.0.{last}/24"), format!("fd00:{network}::{last}/64")];
    let place = Membership {
        network: format!("id{network}"),
        network_name: format!("net{network}"),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Membership::default()
    };
    Member { networks: vec![place], ..Member::default() }
}

impl Container {
    /// What dig shows of the answer, one record a line.
    pub(crate) fn dig(&self, arguments: &[&str]) -> String {
        let fixed = ["@127.0.0.11", "+tries=1", "+time=15", "+noall", "+answer"];
        self.place.run("dig", &[&fixed, arguments].concat())
    }

    /// The data of the records, sorted.
    pub(crate) fn short(&self, arguments: &[&str]) -> Vec<String> {
        let answer = self.dig(&[&["+short"], arguments].concat());
        let mut lines: Vec<_> = answer.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Status, flags and counts.
    pub(crate) fn head(&self, arguments: &[&str]) -> String {
        self.dig(&[&["+comments"], arguments].concat())
    }

    /// Says that it is called otherwise.
    pub(crate) fn update(&self, member: &Member) {
        self.registration.update(member).unwrap();
        assert_eq!(answer(&self.registration).unwrap(), Answer::Registered);
    }
}

impl NameServer {
    /// Starts one at an address of a namespace.
    pub(crate) fn start(place: &Place, address: &str, arguments: &[&str]) -> Self {
        let listen = format!("--listen-address={address}");
        let fixed = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--user=root",
            "--pid-file=",
            "--log-queries",
            "--log-facility=-",
            "--local-ttl=100",
        ];
        let mut command = Command::new("dnsmasq");
        command.arg(listen).args(fixed).args(arguments).stderr(Stdio::piped());
        let mut child = place.within(|| command.spawn()).unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _nobody = sender.send(line);
            }
        });
        let mut server = Self { child, lines };
        server.until("started, version");
        server
    }

    /// What it has logged, up to a line with these words.
    pub(crate) fn until(&mut self, words: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("dnsmasq never said {words:?}: {seen:?}"));
            seen.push(line);
            if seen.last().is_some_and(|line| line.contains(words)) {
                return seen;
            }
        }
    }

    /// The names that it was asked for so far.
    pub(crate) fn asked(&mut self, place: &Place, address: &str) -> Vec<String> {
        let server = format!("@{address}");
        place.run("dig", &[&server, "+short", "+tries=1", "end-of-list"]);
        let lines = self.until("end-of-list");
        let queries =
            lines.iter().filter_map(|line| line.split_once("query[")?.1.split(' ').nth(1));
        queries.filter(|name| *name != "end-of-list").map(str::to_owned).collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
