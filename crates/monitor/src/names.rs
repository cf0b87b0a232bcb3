//! A run's name server: sockets inside the container that this process keeps, and its connection to the resolver, one process for all
//! containers of a state directory. Who finds none starts one; when it ends all find that out by their connections, and questions wait in the
//! sockets meanwhile.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use network::NameSockets;
use network::resolver::{Answer, ConnectError, HostFile, Registration};
use rustix::event::PollFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use sys::Cloned;

use crate::again;
use crate::handoff::NameRules;
use crate::serve::{Source, wait};
use crate::spawn::CLIENT_FD;

/// Word by which this program is called for it, in the place of a container's id.
pub(crate) const RESOLVE: &str = "resolver";
/// The file that names the servers for what containers are not called.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long a start waits until its names are known: a resolver takes some milliseconds to begin.
const PATIENCE: Duration = Duration::from_secs(2);
/// When all find that the resolver has ended, one starts the next and the others find it running.
const SPREAD: Duration = Duration::from_millis(64);
/// After what no resolver has answered to.
const LATER: Duration = Duration::from_secs(1);

/// The name server of a run.
#[derive(Debug)]
pub(crate) struct Names {
    rules: NameRules,
    sockets: NameSockets,
    state: State,
    /// The one that this process has started, to be reaped.
    resolver: Option<Cloned>,
}

#[derive(Debug)]
enum State {
    /// Nobody has asked anything, and nobody is to know this container.
    Unasked,
    /// A resolver begins; the pipe ends when it listens, or is gone.
    Beginning(OwnedFd),
    /// The names are sent.
    Sent(Registration),
    /// The names are known.
    Known(Registration),
    /// Somebody tries again then.
    Again(Instant),
}

impl Names {
    /// Makes the sockets, and where others are to know the container, tells the resolver.
    pub(crate) fn open(
        rules: NameRules,
        namespace: BorrowedFd<'_>,
    ) -> Result<Self, network::NameSocketsError> {
        let sockets = NameSockets::open(namespace)?;
        let mut names = Self { rules, sockets, state: State::Unasked, resolver: None };
        if names.rules.is_known {
            names.connect();
        }
        Ok(names)
    }

    /// Waits until the names are known, so that who hears of the start can ask for them. A resolver that does not come keeps nobody from running.
    pub(crate) fn settle(&mut self) {
        let until = Instant::now() + PATIENCE;
        while matches!(self.state, State::Beginning(_) | State::Sent(_) | State::Again(_)) {
            let now = Instant::now();
            if now >= until {
                return;
            }
            self.act_in_time(now);
            let next = self.deadline().unwrap_or(until).min(until);
            let timeout = crate::serve::left(next);
            let sources: Vec<_> = self.sources().collect();
            for source in wait(&sources, Some(&timeout)) {
                self.react(source);
            }
        }
    }

    /// What is to be waited for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Source, BorrowedFd<'_>, PollFlags)> {
        let (first, second) = match &self.state {
            State::Unasked => (Some(self.sockets.udp.as_fd()), Some(self.sockets.tcp.as_fd())),
            State::Beginning(pipe) => (Some(pipe.as_fd()), None),
            State::Sent(registration) | State::Known(registration) => {
                (Some(registration.as_fd()), None)
            }
            State::Again(_) => (None, None),
        };
        let names = first.into_iter().chain(second).map(|own| (Source::Names, own, PollFlags::IN));
        let resolver = self.resolver.as_ref().map(|child| child.pidfd.as_fd());
        names.chain(resolver.map(|pidfd| (Source::Resolver, pidfd, PollFlags::IN)))
    }

    /// When it is tried again.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Again(at) => Some(at),
            State::Unasked | State::Beginning(_) | State::Sent(_) | State::Known(_) => None,
        }
    }

    /// Tries again when that is due.
    pub(crate) fn act_in_time(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.connect();
        }
    }

    /// One of the sources is ready.
    pub(crate) fn react(&mut self, source: Source) {
        match (source, &self.state) {
            (Source::Resolver, _) => again::reap(&mut self.resolver, false),
            (_, State::Unasked | State::Beginning(_)) => self.connect(),
            (_, State::Sent(registration) | State::Known(registration)) => {
                match registration.answer() {
                    Ok(None) => {}
                    Ok(Some(Answer::Registered)) => self.state = self.take_known(),
                    Ok(Some(Answer::Refused { .. })) => self.try_again(LATER),
                    Err(_gone) => self.try_again(spread()),
                }
            }
            (_, State::Again(_)) => {}
        }
    }

    fn take_known(&mut self) -> State {
        match std::mem::replace(&mut self.state, State::Unasked) {
            State::Sent(registration) | State::Known(registration) => State::Known(registration),
            other @ (State::Unasked | State::Beginning(_) | State::Again(_)) => other,
        }
    }

    /// From now on the container is called so, and is in these networks.
    pub(crate) fn change(&mut self, rules: NameRules) {
        self.rules = rules;
        match std::mem::replace(&mut self.state, State::Unasked) {
            State::Known(registration) | State::Sent(registration) => {
                match registration.update(&self.rules.member) {
                    Ok(()) => self.state = State::Sent(registration),
                    Err(_gone) => self.try_again(Duration::ZERO),
                }
            }
            State::Unasked if self.rules.is_known => self.connect(),
            other @ (State::Unasked | State::Beginning(_) | State::Again(_)) => self.state = other,
        }
    }

    fn try_again(&mut self, after: Duration) {
        self.state = State::Again(Instant::now() + after);
    }

    fn connect(&mut self) {
        let NameRules { state_dir, member, .. } = &self.rules;
        match Registration::connect(state_dir, member, &self.sockets) {
            Ok(registration) => self.state = State::Sent(registration),
            Err(ConnectError::NotRunning) => self.begin_resolver(),
            Err(_busy) => self.try_again(LATER),
        }
    }

    fn begin_resolver(&mut self) {
        // One that this process has started has come too late, or another one's is ending.
        if self.resolver.is_some() {
            return self.try_again(spread());
        }
        match begin(&self.rules.state_dir) {
            Some((child, pipe)) => {
                self.resolver = Some(child);
                self.state = State::Beginning(pipe);
            }
            None => self.try_again(LATER),
        }
    }
}

/// Each monitor its own part of a short time.
fn spread() -> Duration {
    SPREAD * (std::process::id() % 64) / 64
}

/// Starts a resolver, which outlives this process. The pipe ends when it listens or has ended.
fn begin(state_dir: &Path) -> Option<(Cloned, OwnedFd)> {
    let (ready, theirs) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    let own = ["corten", "monitor", RESOLVE].map(|word| word.as_bytes().to_vec());
    let state_dir = state_dir.as_os_str().as_bytes().to_vec();
    Some((again::start(own.into_iter().chain([state_dir]), Some(theirs))?, ready))
}

/// What the child does; its exit code.
pub(crate) fn resolve(state_dir: &Path) -> i32 {
    let Some(ready) = sys::inherited_fd(CLIENT_FD) else { return 2 };
    // Where it is a user's, his namespaces are kept: it would be found by who lives in the next ones.
    let kept = crate::keeper::share_of(state_dir);
    let loopback = kept.is_some().then_some(crate::keeper::NAME_SERVER.into());
    let file = HostFile { path: PathBuf::from(RESOLV_CONF), loopback };
    let ended = network::resolver::run(state_dir, file, || drop(ready));
    i32::from(ended.is_err())
}
