//! A user's own machine: a user, a mount and a network namespace in which an engine may do what root does on the whole machine. A process,
//! the keeper, holds them for as long as a command or a monitor of that user lives, and a program connects the network with the host's.
//!
//! ```text
//! command                             keeper
//! clone              ------------>    waits
//! writes the id maps, connects the network by pasta or slirp4netns
//! one byte           ------------>    executes itself, holds `keeper.pid` locked, waits for `keeper.users`
//! starts the process that opens sockets outside, which ends with the keeper
//! setns
//! ```
//!
//! Where the keeper was killed while somebody lives in the namespaces, the next one moves into them. Start at [`enter`]. Sources: user_namespaces(7), setns(2), newuidmap(1), pasta(1), slirp4netns(1).

mod helper;
mod outside;
mod ranges;
mod survivors;
mod trial;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use sys::{CStringArray, CloneArgs, Cloned, Errno, Namespaces};

use crate::spawn::CLIENT_FD;

pub use outside::find as find_program;
pub use ranges::{UserIds, ids_of};
pub use trial::{TrialError, attempt};

/// Locked by who makes the keeper or looks for it.
const MAKING: &str = "keeper.making";
/// Locked by the keeper; its pid is in it.
const PID: &str = "keeper.pid";
/// There once the user was warned: in each session once is enough.
const WARNED: &str = "keeper.warned";
/// Shared by all who live in the namespaces.
const USERS: &str = "keeper.users";

/// What a user has of his own.
const ALL: Namespaces = Namespaces::USER.with(Namespaces::MOUNT).with(Namespaces::NETWORK);

/// What monitors of a user are told of his namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeeperRules {
    /// File that is held locked by who lives in them.
    pub users: PathBuf,
    /// Why nothing connects them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The first port of the host at which he may listen.
    #[serde(default)]
    pub first_port: u16,
}

/// What came of [`enter`].
#[derive(Debug)]
pub struct Entered {
    /// What monitors are told.
    pub rules: KeeperRules,
    /// Held for as long as the process needs the namespaces.
    pub users: File,
    /// What the user is told once.
    pub warning: Option<String>,
}

/// Why a user has no namespaces of his own.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// A file of the state directory.
    #[error("{action} {}", path.display())]
    File {
        /// `make`, `lock`, `read`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Errno,
    },
    /// A system call.
    #[error("{action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// The ids.
    #[error("map the user's ids")]
    Map(#[source] Box<libcontainer::StartError>),
}

/// Moves this process into the namespaces of its user, and makes them where they are not: whoever calls it is root there. It has one thread.
/// The state directory is his alone.
///
/// # Errors
/// When the kernel lets him have none, or a program that is needed fails.
pub fn enter(state: &Path) -> Result<Entered, KeeperError> {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first_port = first.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(state);
    made.map_err(file("make", state))?;
    // First: a keeper that is about to end does so before the next look.
    let users = locked(&state.join(USERS), FlockOperation::LockShared)?;
    let _making = locked(&state.join(MAKING), FlockOperation::LockExclusive)?;
    let (keeper, warning) = match living(state)? {
        Some(keeper) => (keeper, None),
        None => make(state)?,
    };
    helper::open_sockets(state, &keeper)?;
    let directory = rustix::process::getcwd(Vec::new());
    sys::enter_namespace(keeper.as_fd(), ALL).map_err(system("enter the user's namespaces"))?;
    // setns(2) leads to the root.
    let _gone_meanwhile = directory.map(|path| rustix::process::chdir(path.as_c_str()));
    let refused = fs::read_to_string(state.join(outside::REFUSED)).ok();
    let rules = KeeperRules { users: state.join(USERS), refused, first_port };
    Ok(Entered { rules, users, warning: warning.filter(|_| is_first(&state.join(WARNED))) })
}

/// Where questions for names are led to the host's server, which may be at a loopback address of the host. slirp4netns has it by itself, pasta is given it:
/// slirp4netns(1), "DESCRIPTION".
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);

/// Keeps the namespaces that this process lives in, until what is returned is dropped.
pub(crate) fn share(rules: &KeeperRules) -> Option<File> {
    locked(&rules.users, FlockOperation::LockShared).ok()
}

/// The same, for those that only know the state directory; nothing where it is not a user's.
pub(crate) fn share_of(state: &Path) -> Option<File> {
    let path = state.join(USERS);
    path.exists().then(|| locked(&path, FlockOperation::LockShared).ok()).flatten()
}

/// The keeper itself, or the process outside; gives its exit code.
#[must_use]
pub fn keeper_main() -> i32 {
    if std::env::args_os().nth(3).is_some_and(|word| word == helper::OUTSIDE) {
        return helper::main();
    }
    // The lock on its own file, by agreement with `make`.
    let own = sys::inherited_fd(CLIENT_FD);
    let Some(state) = std::env::args_os().nth(2).map(PathBuf::from) else { return 2 };
    let ended = locked(&state.join(USERS), FlockOperation::LockExclusive);
    outside::disconnect(&state);
    // First: whoever gets the other lock makes a keeper of its own.
    drop(own);
    i32::from(ended.is_err())
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeeperError {
    let path = path.to_owned();
    move |cause| KeeperError::File { action, path, cause: cause.into() }
}

fn system(action: &'static str) -> impl FnOnce(Errno) -> KeeperError {
    move |errno| KeeperError::System { action, errno }
}

pub(crate) fn locked(path: &Path, how: FlockOperation) -> Result<File, KeeperError> {
    let opened = open(path)?;
    loop {
        match flock(&opened, how) {
            Err(rustix::io::Errno::INTR) => {}
            done => {
                done.map_err(|errno| file("lock", path)(errno.into()))?;
                return Ok(opened);
            }
        }
    }
}

fn open(path: &Path) -> Result<File, KeeperError> {
    let mut options = File::options();
    let opened = options.read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(file("make", path))
}

/// The keeper, if it lives: it holds its file locked.
fn living(state: &Path) -> Result<Option<OwnedFd>, KeeperError> {
    let path = state.join(PID);
    let mut own = open(&path)?;
    if flock(&own, FlockOperation::NonBlockingLockExclusive).is_ok() {
        return Ok(None);
    }
    let mut text = String::new();
    own.read_to_string(&mut text).map_err(file("read", &path))?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Ok(pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()))
}

/// Makes the keeper and all that it keeps. Where somebody still lives in what one before kept, it keeps that.
fn make(state: &Path) -> Result<(OwnedFd, Option<String>), KeeperError> {
    let path = state.join(PID);
    let mut own = locked(&path, FlockOperation::LockExclusive)?;
    helper::await_end(state)?;
    let program = libcontainer::protect::own_program().map_err(system("protect the program"))?;
    let pipe = || {
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|errno| system("make a pipe")(errno.into()))
    };
    let ((wait, go), (ended, alive), (entered, tell)) = (pipe()?, pipe()?, pipe()?);
    let survivor = survivors::find(&state.join(USERS));
    let namespaces = if survivor.is_some() { Namespaces::default() } else { ALL };
    let args = CloneArgs { namespaces, ..CloneArgs::default() };
    let words = ["corten", "keeper", &state.display().to_string()]
        .map(|word| std::ffi::CString::new(word).unwrap_or_default());
    let argv = (CStringArray::new(words.to_vec()), CStringArray::new(Vec::new()));
    let Cloned { pid, pidfd } = sys::clone3(args, || {
        let joined = survivor.as_ref().map_or(Ok(()), |one| sys::enter_namespace(one.as_fd(), ALL));
        let errno = match joined.and_then(|()| Ok(rustix::io::write(&tell, b"e").map(drop)?)) {
            Ok(()) => become_keeper((&argv.0, &argv.1), &own, (&wait, &alive), program.as_fd()),
            Err(errno) => errno,
        };
        sys::exit_now(errno.raw() & 0x7f)
    })
    .map_err(system("make a user namespace"))?;
    drop((wait, alive, tell));
    let prepare = || {
        if File::from(entered).read(&mut [0]).ok() != Some(1) {
            return Err(system("enter the user's namespaces")(Errno::from_raw(libc::EPERM)));
        }
        let warning = if survivor.is_some() { None } else { ranges::map(pid)? };
        outside::disconnect(state);
        outside::connect(state, pid, &ended)?;
        own.set_len(0)
            .and_then(|()| own.write_all(pid.to_string().as_bytes()))
            .map_err(file("write", &path))?;
        rustix::io::write(&go, b"g").map_err(|errno| system("let the keeper go")(errno.into()))?;
        Ok(warning)
    };
    let ready = prepare();
    if ready.is_err() {
        outside::disconnect(state);
        drop(go);
        let _gone =
            rustix::process::waitpid(Pid::from_raw(pid), rustix::process::WaitOptions::empty());
    }
    ready.map(|warning| (pidfd, warning))
}

/// Whether nobody has made that file before.
fn is_first(path: &Path) -> bool {
    File::options().write(true).create_new(true).open(path).is_ok()
}

/// In the new namespaces, of one thread. Returns only what went wrong.
fn become_keeper(
    (argv, environment): (&CStringArray, &CStringArray),
    own: &File,
    (wait, alive): (&OwnedFd, &OwnedFd),
    program: std::os::fd::BorrowedFd<'_>,
) -> Errno {
    let prepared = || -> Result<OwnedFd, Errno> {
        let mut byte = [0];
        // Whoever makes it is gone.
        if rustix::io::read(wait, &mut byte)? == 0 {
            return Err(Errno::from_raw(libc::ECANCELED));
        }
        let _leader_already = rustix::process::setsid();
        sys::default_signals();
        sys::unblock_all_signals()?;
        sys::set_interface_up(b"lo")?;
        rustix::process::chdir(c"/")?;
        let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, 10);
        let (own, alive, program) = (spare(own.as_fd())?, spare(alive.as_fd())?, spare(program)?);
        sys::close_on_exec_from(3)?;
        let null =
            rustix::fs::open(c"/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
        for stream in 0..CLIENT_FD {
            sys::place_inherited(null.as_fd(), stream)?;
        }
        sys::place_inherited(own.as_fd(), CLIENT_FD)?;
        // Its end tells slirp4netns that nobody is there any more.
        sys::place_inherited(alive.as_fd(), CLIENT_FD + 1)?;
        Ok(program)
    };
    match prepared() {
        Ok(program) => sys::execveat(program.as_fd(), argv, environment),
        Err(errno) => errno,
    }
}
