//! Who is in the tables of the packet filter, for whoever writes them anew from records: a container is in the records for a moment longer than in its
//! networks. Its monitor says so by a file before it takes the container out, and neither happens while the tables are written.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno as Raw;

/// In the state directory of all containers.
const LOCK: &str = "network.lock";
/// In that of one container.
const LEFT: &str = "left";

/// Looks at the lock, half a millisecond between them: writing takes some milliseconds. The life of containers does not hang on whoever stands still there.
const MOST_LOOKS: u32 = 2000;

/// Keeps monitors from letting containers into the tables, and from taking them out, until it is dropped; for a second at most. `state_dir` is that of
/// all containers.
///
/// # Errors
/// When the file cannot be made or locked.
pub fn hold_tables(state_dir: &Path) -> io::Result<File> {
    let file = open_lock(state_dir)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Err(Raw::INTR) => {}
            done => return done.map(|()| file).map_err(io::Error::from),
        }
    }
}

/// Whether a container, whose own state directory this is, has left the tables. One that is being removed has no such directory any more.
#[must_use]
pub fn has_left(state_dir: &Path) -> bool {
    !state_dir.exists() || state_dir.join(LEFT).exists()
}

/// Says that it is about to be in them; whoever writes them waits until the result is dropped.
pub(crate) fn come(all: &Path, own: &Path) -> Option<File> {
    let held = share_tables(all);
    let _absent = fs::remove_file(own.join(LEFT));
    held
}

/// Says that it is about to leave them. On a full disk it may be put into them again, until somebody writes them once more.
pub(crate) fn leave(all: &Path, own: &Path) -> Option<File> {
    let held = share_tables(all);
    let _full = File::create(own.join(LEFT));
    held
}

fn share_tables(state_dir: &Path) -> Option<File> {
    let file = open_lock(state_dir).ok()?;
    for _ in 0..MOST_LOOKS {
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Some(file),
            Err(Raw::WOULDBLOCK | Raw::INTR) => {}
            Err(_) => return None,
        }
        let moment = Timespec { tv_sec: 0, tv_nsec: 500_000 };
        let _interrupted = poll(&mut [], Some(&moment));
    }
    None
}

fn open_lock(state_dir: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(open(state_dir.join(LOCK), flags, Mode::RUSR | Mode::WUSR)?))
}
