//! Programs that a user's command leaves behind outside of his namespaces; and the one of them that is this program again: it opens sockets there.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::pipe::{PipeFlags, pipe_with};
use sys::{CStringArray, Errno, exit_now};

use super::{KeeperError, open, system};
use crate::spawn::{CLIENT_FD, SPARE_FD};

/// Word behind those of a keeper.
pub(super) const OUTSIDE: &str = "outside";
/// Locked by the process while it lives.
const LOCK: &str = "outside.lock";

/// What is executed.
#[derive(Clone, Copy)]
pub(super) enum Program<'a> {
    /// A program of the host.
    At(&'a CStr),
    /// This one.
    Own(BorrowedFd<'a>),
}

/// Starts a program in a session of its own, with empty standard streams and two descriptors: 3 and 4. Gives its pid.
pub(super) fn start(
    program: Program<'_>,
    words: &[&str],
    given: [BorrowedFd<'_>; 2],
) -> Result<i32, Errno> {
    let words = words.iter().map(|word| CString::new(*word).unwrap_or_default()).collect();
    let (argv, environment) = (CStringArray::new(words), CStringArray::new(Vec::new()));
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let child = || {
        let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, SPARE_FD);
        let prepared = || -> Result<Option<OwnedFd>, Errno> {
            let _leader_already = rustix::process::setsid();
            rustix::process::chdir(c"/")?;
            let [first, second] = given;
            let (first, second) = (spare(first)?, spare(second)?);
            let own = match program {
                Program::At(_) => None,
                Program::Own(own) => Some(spare(own)?),
            };
            sys::close_on_exec_from(CLIENT_FD.into())?;
            for stream in 0..CLIENT_FD {
                sys::place_inherited(null.as_fd(), stream)?;
            }
            sys::place_inherited(first.as_fd(), CLIENT_FD)?;
            sys::place_inherited(second.as_fd(), CLIENT_FD + 1)?;
            sys::default_signals();
            sys::unblock_all_signals()?;
            Ok(own)
        };
        match (prepared(), program) {
            (Ok(Some(own)), _) => drop(sys::execveat(own.as_fd(), &argv, &environment)),
            (Ok(None), Program::At(path)) => drop(sys::execve(path, &argv, &environment)),
            (Ok(None) | Err(_), _) => {}
        }
        exit_now(127)
    };
    sys::fork(child)
}

/// Starts the process that opens sockets in the network namespace of the caller, unless it is there. It ends with the keeper.
pub(super) fn open_sockets(state: &Path, keeper: &OwnedFd) -> Result<(), KeeperError> {
    let lock = open(&state.join(LOCK))?;
    if flock(&lock, FlockOperation::NonBlockingLockShared).is_err() {
        return Ok(());
    }
    drop(lock);
    let program = libcontainer::protect::own_program().map_err(system("protect the program"))?;
    let (told, ready) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|errno| system("make a pipe")(errno.into()))?;
    let words = ["corten", "keeper", &state.display().to_string(), OUTSIDE];
    start(Program::Own(program.as_fd()), &words, [ready.as_fd(), keeper.as_fd()])
        .map_err(system("start the process that opens sockets"))?;
    drop(ready);
    // Without it ports are refused, and nothing else.
    let _closed = File::from(told).read(&mut [0]);
    Ok(())
}

/// Waits for the end of the one whose keeper has ended.
pub(super) fn await_end(state: &Path) -> Result<(), KeeperError> {
    super::locked(&state.join(LOCK), FlockOperation::LockShared).map(drop)
}

/// The process; gives its exit code.
pub(super) fn main() -> i32 {
    let ready = sys::inherited_fd(CLIENT_FD);
    let (Some(keeper), Some(state)) =
        (sys::inherited_fd(CLIENT_FD + 1), std::env::args_os().nth(2).map(PathBuf::from))
    else {
        return 2;
    };
    let Ok(lock) = open(&state.join(LOCK)) else { return 1 };
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return 1;
    }
    let served = network::forwarder::serve_outside(&state, keeper.as_fd(), || drop(ready));
    i32::from(served.is_err())
}
