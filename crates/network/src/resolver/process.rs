//! The process: one for a state directory, as long as it is needed.

use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno as Raw;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use sys::Errno;

use crate::channel;
use crate::resolver::host::HostFile;
use crate::resolver::protocol::SOCKET;
use crate::resolver::server::Server;

/// Held by the one that runs. Never removed: two could hold two files of the name.
const LOCK: &str = "resolver.lock";
/// Monitors that wait to be heard: all of a machine do when a resolver has ended.
const BACKLOG: i32 = 4096;

/// Why a resolver has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nobody was registered for some seconds.
    NobodyLeft,
    /// Another one runs, or is about to.
    AnotherRuns,
}

/// What a resolver cannot do without.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The lock.
    #[error("lock {}", path.display())]
    Lock {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        errno: Errno,
    },
    /// The socket.
    #[error("listen in {}", state_dir.display())]
    Listen {
        /// The state directory.
        state_dir: PathBuf,
        /// Why not.
        #[source]
        errno: Errno,
    },
    /// Waiting.
    #[error("wait for questions")]
    Wait(#[source] Errno),
}

/// Whether one runs for a state directory.
#[must_use]
pub fn runs(state_dir: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let Ok(lock) = open(state_dir.join(LOCK), flags, Mode::empty()) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Raw::WOULDBLOCK)
}

/// Answers the containers of a state directory until nobody is registered any more; to be run in the host's network namespace, by a
/// process of one thread. `resolv_conf` names the servers for what it does not know. `ready` is called once monitors can register, here or with
/// the one that runs.
///
/// # Errors
/// When it cannot begin.
pub fn run(
    state_dir: &Path,
    resolv_conf: impl Into<HostFile>,
    ready: impl FnOnce(),
) -> Result<Ended, RunError> {
    let path = state_dir.join(LOCK);
    let failed = |errno: Raw| RunError::Lock { path: path.clone(), errno: errno.into() };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let lock = open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Raw::WOULDBLOCK) => {
            ready();
            return Ok(Ended::AnotherRuns);
        }
        Err(errno) => return Err(failed(errno)),
    }
    allow_many_descriptors();
    let failed =
        |errno: Raw| RunError::Listen { state_dir: state_dir.to_owned(), errno: errno.into() };
    let mut server = begin(state_dir, resolv_conf.into()).map_err(failed)?;
    lay_down_rights();
    ready();
    let served = server.serve().map_err(|errno| RunError::Wait(errno.into()));
    // Before the lock: the next one makes its own.
    let _absent = channel::unlink(state_dir, SOCKET);
    drop(lock);
    served.map(|()| Ended::NobodyLeft)
}

fn begin(state_dir: &Path, resolv_conf: HostFile) -> Result<Server, Raw> {
    let (listener, succeeds) = channel::listen_at(state_dir, SOCKET, BACKLOG)?;
    Server::new(listener, resolv_conf, succeeds)
}

/// From here on everything is read that strangers send, and nothing is done that takes a right. What is not granted there need not be
/// laid down: capset(2), prctl(2) PR_SET_NO_NEW_PRIVS.
pub(crate) fn lay_down_rights() {
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let _fewer_anyway = set_capabilities(None, none);
    let _older = set_no_new_privs(true);
}

/// Each container takes three, each question that is handed on one.
pub(crate) fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    // With fewer it serves fewer.
    let _best_effort =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
