//! Ports of the host that lead into a user's network: sockets that listen outside are had from the process there and handed to the forwarder, one
//! process for all containers of a state directory. Who finds none starts one; when it ends all find that out by their connections.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use network::PortMapping;
use network::forwarder::{Forwarding, Outside, Place};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use sys::{Cloned, Errno};

use crate::again;
use crate::serve::Source;
use crate::spawn::CLIENT_FD;
use crate::start::Refused;

/// Word by which this program is called for it, in the place of a container's id.
pub(crate) const FORWARD: &str = "forwarder";
/// How long one that begins is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at one that is about to end, or to begin.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
/// After what did not succeed.
const LATER: Duration = Duration::from_secs(1);

/// Ports that lead in. Dropped, they do no more.
#[derive(Debug)]
pub(crate) struct Forwards {
    state_dir: PathBuf,
    forwarder: Option<Forwarding>,
    led: Vec<PortMapping>,
    /// The forwarder that this process has started, to be reaped.
    child: Option<Cloned>,
    again_at: Option<Instant>,
}

impl Forwards {
    /// None yet.
    pub(crate) const fn of(state_dir: PathBuf) -> Self {
        Self { state_dir, forwarder: None, led: Vec::new(), child: None, again_at: None }
    }

    pub(crate) fn ports(&self) -> Vec<PortMapping> {
        self.led.clone()
    }

    /// Has these of the host's ports lead in, and no others. Those that did before do, where one is refused.
    pub(crate) fn change<'a>(
        &mut self,
        ports: impl Iterator<Item = &'a PortMapping>,
    ) -> Result<(), Refused> {
        let mut wanted: Vec<PortMapping> = Vec::new();
        for port in ports {
            if !wanted.iter().any(|other| place(other) == place(port)) {
                wanted.push(port.clone());
            }
        }
        if wanted.is_empty() && self.led.is_empty() {
            return Ok(());
        }
        let before = self.ports();
        let changed = self.lead(&wanted);
        if changed.is_err() {
            // The first error tells more.
            let _kept = self.lead(&before);
        }
        changed
    }

    fn lead(&mut self, wanted: &[PortMapping]) -> Result<(), Refused> {
        let led = self.try_to_lead(wanted);
        // It was about to end: the next one is asked.
        if led.is_err() && self.forwarder.as_ref().is_some_and(is_gone) {
            return self.try_to_lead(wanted);
        }
        led
    }

    fn try_to_lead(&mut self, wanted: &[PortMapping]) -> Result<(), Refused> {
        let lost = |errno| Refused::engine("ask the forwarder of ports", errno);
        self.connect().map_err(lost)?;
        let Some(forwarder) = &self.forwarder else { return Ok(()) };
        let is_in = |ports: &[PortMapping], port: &PortMapping| {
            ports.iter().any(|other| is_same(other, port))
        };
        // Others may be where these were.
        for port in self.led.extract_if(.., |port| !is_in(wanted, port)) {
            forwarder.remove(place(&port)).map_err(lost)?;
        }
        let mut outside = None;
        for port in wanted {
            if is_in(&self.led, port) {
                continue;
            }
            add(forwarder, &mut outside, &self.state_dir, port).map_err(|errno| {
                let what = format!("publish port {}/{}", port.host_port, port.transport.word());
                Refused::engine(&what, errno)
            })?;
            self.led.push(port.clone());
        }
        Ok(())
    }

    /// Connects to the forwarder, which is started where there is none. What led in by one that is gone does no more.
    fn connect(&mut self) -> Result<(), Errno> {
        if self.forwarder.as_ref().is_some_and(|forwarder| !is_gone(forwarder)) {
            return Ok(());
        }
        self.forwarder = None;
        self.led.clear();
        let until = Instant::now() + PATIENCE;
        loop {
            let errno = match Forwarding::connect(&self.state_dir) {
                Err(errno) if matches!(errno.raw(), libc::ENOENT | libc::ECONNREFUSED) => errno,
                done => {
                    self.forwarder = Some(done?);
                    return Ok(());
                }
            };
            if Instant::now() >= until {
                return Err(errno);
            }
            again::reap(&mut self.child, false);
            if self.child.is_none() {
                self.child = begin(&self.state_dir);
            }
            // One that is about to end still holds its lock.
            let _nobody = poll(&mut [], Some(&LOOK));
        }
    }

    /// What is to be waited for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Source, BorrowedFd<'_>, PollFlags)> {
        let forwarder = self.forwarder.as_ref().map(AsFd::as_fd);
        let child = self.child.as_ref().map(|child| child.pidfd.as_fd());
        forwarder.into_iter().chain(child).map(|own| (Source::Forwarder, own, PollFlags::IN))
    }

    /// When it is tried again.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.again_at
    }

    /// Tries again when that is due.
    pub(crate) fn act_in_time(&mut self, now: Instant) {
        if self.again_at.is_some_and(|at| at <= now) {
            self.come_again();
        }
    }

    /// The forwarder has ended, or the child has.
    pub(crate) fn react(&mut self) {
        again::reap(&mut self.child, false);
        if self.forwarder.as_ref().is_some_and(is_gone) {
            self.come_again();
        }
    }

    /// Hands everything to the next forwarder.
    fn come_again(&mut self) {
        let wanted = self.ports();
        self.again_at = None;
        if self.lead(&wanted).is_err() {
            self.led = wanted;
            self.forwarder = None;
            self.again_at = Some(Instant::now() + LATER);
        }
    }
}

impl Drop for Forwards {
    /// The ports are free then, and not a moment later.
    fn drop(&mut self) {
        if let Some(forwarder) = &self.forwarder {
            for port in &self.led {
                let _gone = forwarder.remove(place(port));
            }
        }
    }
}

/// What the child does; its exit code.
pub(crate) fn forward(state_dir: &Path) -> i32 {
    let Some(ready) = sys::inherited_fd(CLIENT_FD) else { return 2 };
    // The namespaces are kept: it would be found by who lives in the next ones.
    let _kept = crate::keeper::share_of(state_dir);
    i32::from(network::forwarder::run(state_dir, || drop(ready)).is_err())
}

/// Starts a forwarder, which outlives this process, and waits until it listens.
fn begin(state_dir: &Path) -> Option<Cloned> {
    let (ready, theirs) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    let own = ["corten", "monitor", FORWARD].map(|word| word.as_bytes().to_vec());
    let state_dir = state_dir.as_os_str().as_bytes().to_vec();
    let child = again::start(own.into_iter().chain([state_dir]), Some(theirs))?;
    let patience = Timespec::try_from(PATIENCE).ok();
    let _told = poll(&mut [PollFd::new(&ready, PollFlags::IN)], patience.as_ref());
    Some(child)
}

fn add(
    forwarder: &Forwarding,
    outside: &mut Option<Outside>,
    state_dir: &Path,
    port: &PortMapping,
) -> Result<(), Errno> {
    let outside = match outside {
        Some(outside) => outside,
        none => none.insert(Outside::connect(state_dir)?),
    };
    let at = place(port);
    outside.listen(at)?.map_or(Ok(()), |socket| forwarder.add(at, target(port), &socket))
}

fn is_gone(forwarder: &Forwarding) -> bool {
    let mut sources = [PollFd::new(forwarder, PollFlags::IN)];
    poll(&mut sources, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) != Ok(0)
}

/// Where it listens.
fn place(port: &PortMapping) -> Place {
    let every = if port.address.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let address = port.published_at().unwrap_or(every);
    Place { transport: port.transport, address: SocketAddr::new(address, port.host_port) }
}

/// Where it leads: to the container, or where a plugin takes it over from the network's own machine.
fn target(port: &PortMapping) -> SocketAddr {
    match port.address {
        address if !address.is_unspecified() => SocketAddr::new(address, port.port),
        address if address.is_ipv4() => (std::net::Ipv4Addr::LOCALHOST, port.host_port).into(),
        _ => (std::net::Ipv6Addr::LOCALHOST, port.host_port).into(),
    }
}

fn is_same(one: &PortMapping, other: &PortMapping) -> bool {
    (place(one), target(one)) == (place(other), target(other))
}
