//! The process: one for a state directory, as long as a monitor has ports there.

use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno as Raw;
use sys::Errno;

use super::server::Server;
use super::{BACKLOG, FORWARDER};
use crate::channel;
use crate::resolver::process::{allow_many_descriptors, lay_down_rights};

/// Held by the one that runs. Never removed: two could hold two files of the name.
const LOCK: &str = "forwarder.lock";

/// Forwards until no monitor is there any more; by a process of one thread in the network namespace where containers are reached. `ready` is
/// called once monitors can come, to this one or to the one that runs.
///
/// # Errors
/// When it cannot begin, or wait.
pub fn run(state_dir: &Path, ready: impl FnOnce()) -> Result<(), Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let lock = open(state_dir.join(LOCK), flags, Mode::RUSR | Mode::WUSR)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Raw::WOULDBLOCK) => {
            ready();
            return Ok(());
        }
        Err(errno) => return Err(errno.into()),
    }
    allow_many_descriptors();
    let (listener, _succeeds) = channel::listen_at(state_dir, FORWARDER, BACKLOG)?;
    let mut server = Server::new(listener)?;
    lay_down_rights();
    ready();
    let served = server.serve();
    // Before the lock: the next one makes its own.
    let _absent = channel::unlink(state_dir, FORWARDER);
    drop(lock);
    Ok(served?)
}
