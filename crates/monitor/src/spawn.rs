//! Starting a monitor: one exec of our own program, from a read-only mount that only it has.

use std::fs;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Resource, Rlimit, WaitOptions, getrlimit, setrlimit, waitpid};
use sys::{CStringArray, CloneArgs, Errno, clone3, execveat, exit_now};

use crate::connection::Connection;
use crate::files::{ExitFile, StateFile};
use crate::handoff::{FILE, HandOff};
use crate::health::HealthFile;
use crate::log::LogDriver;

/// The descriptor that a monitor is born with, by agreement of both ends, which are this program.
pub(crate) const CLIENT_FD: u8 = 3;
/// Spare numbers above those that are agreed, so that moving one never hits another.
pub(crate) const SPARE_FD: i32 = 10;

/// A monitor could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The hand-off.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: std::io::Error,
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
}

/// A monitor's process that waits for its hand-off. Dropped, it ends the process.
#[derive(Debug)]
pub struct Waiting {
    connection: Connection,
    pid: i32,
    contents: Option<OwnedFd>,
}

/// What a monitor makes while it waits for its hand-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing.
    Nothing,
    /// A network namespace, for a container that will have a new one.
    Network,
}

/// Word behind the others of a monitor that makes a network namespace ahead.
pub(crate) const NETWORK: &str = "network";

/// Monitors that this process has started, until their ends are taken: a command ends long before them, a server does not.
static CHILDREN: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Raises the soft limit of this process's descriptors to the hard one, for a server of many clients.
///
/// # Errors
/// What setrlimit(2) answers.
pub fn raise_descriptors() -> Result<(), Errno> {
    let most = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}

/// Takes the ends of monitors that this process has started, so that the kernel keeps nothing of them. For a process that lives on.
pub fn reap() {
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    children.retain(|pid| {
        let lives = Pid::from_raw(*pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        matches!(lives, Some(Ok(None)))
    });
}

/// Starts the process of a container's monitor, which waits for [`Waiting::give`]: half a millisecond that the caller can spend
/// on reading what goes into the hand-off. The names are for those who list processes. The caller may have other threads: the child touches no
/// lock and no memory of theirs until it is another program.
///
/// # Errors
/// When the process cannot be made.
pub fn prepare(id: &str, state_dir: &Path, ahead: Ahead) -> Result<Waiting, SpawnError> {
    let system = |action| move |errno: Errno| SpawnError::System { action, errno };
    let program = libcontainer::protect::own_program().map_err(system("protect the program"))?;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| system("make a socket pair")(errno.into()))?;
    let short = id.get(..12).unwrap_or(id);
    let mut words = vec![
        "corten".to_owned(),
        "monitor".to_owned(),
        short.to_owned(),
        state_dir.display().to_string(),
    ];
    words.extend((ahead == Ahead::Network).then(|| NETWORK.to_owned()));
    let argv = CStringArray::new(
        words.into_iter().map(|word| std::ffi::CString::new(word).unwrap_or_default()).collect(),
    );
    let environment = CStringArray::new(Vec::new());
    let null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| system("open /dev/null")(errno.into()))?;
    let newborn = Newborn { client: theirs.as_fd(), program: program.as_fd(), null: null.as_fd() };
    let child = || newborn.become_monitor(&argv, &environment);
    let home = crate::home::group();
    let born_in =
        |into_cgroup| CloneArgs { into_cgroup, waits_for_exec: true, ..CloneArgs::default() };
    let made = match &home {
        // A group that may not be joined keeps no container from running.
        Some(home) => {
            clone3(born_in(Some(home.as_fd())), child).or_else(|_| clone3(born_in(None), child))
        }
        None => clone3(born_in(None), child),
    };
    let made = made.map_err(system("make the monitor's process"))?;
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner).push(made.pid);
    Ok(Waiting { connection: Connection::over(ours), pid: made.pid, contents: None })
}

impl Waiting {
    /// The process.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// With contents that go to the monitor beside the hand-off, and are written nowhere: [`libcontainer::seal_contents`].
    #[must_use]
    pub fn with_contents(self, contents: Option<OwnedFd>) -> Self {
        Self { contents, ..self }
    }

    /// Writes the hand-off and gives it to the monitor. The connection is its first client, attached from birth: it misses no
    /// output, and hears whether the container started. Where the log's driver is passthrough the container is given the caller's
    /// own standard streams.
    ///
    /// # Errors
    /// When the hand-off cannot be written, or the process is gone. What happens after that comes as a message.
    pub fn give(
        self,
        handoff: &HandOff,
        input: bool,
        output: bool,
    ) -> Result<Connection, SpawnError> {
        let file = write_handoff(handoff)?;
        let connection = self.connection;
        let own = (handoff.log.driver == LogDriver::Passthrough)
            .then(|| [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]);
        connection
            .send_handoff(
                (file.as_fd(), self.contents.as_ref().map(AsFd::as_fd)),
                own,
                input,
                output,
            )
            .map_err(|errno| SpawnError::System { action: "greet the monitor", errno })?;
        Ok(connection)
    }
}

fn write_handoff(handoff: &HandOff) -> Result<fs::File, SpawnError> {
    let path = handoff.state_dir.join(FILE);
    let failed = |cause| SpawnError::Write { path: path.clone(), cause };
    let bytes = serde_json::to_vec(handoff).map_err(|error| failed(error.into()))?;
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    // Held by whoever works on it, through the descriptor that the monitor is sent: see `files::observe`.
    file.lock().map_err(failed)?;
    // In this order: whoever looks meanwhile sees the end of the last run, then a start.
    StateFile::clear(&handoff.state_dir).map_err(failed)?;
    HealthFile::clear(&handoff.state_dir).map_err(failed)?;
    ExitFile::clear(&handoff.container_dir).map_err(failed)?;
    file.set_len(0)
        .and_then(|()| file.write_all(&bytes))
        .and_then(|()| file.rewind())
        .map_err(failed)?;
    Ok(file)
}

/// What the new process has of its parent. Nothing here allocates: the parent may have more threads than it knows.
struct Newborn<'a> {
    client: BorrowedFd<'a>,
    program: BorrowedFd<'a>,
    null: BorrowedFd<'a>,
}

impl Newborn<'_> {
    /// A daemon: a session without a terminal, the root directory, no stream of its parent's, and nothing of how that one was run.
    fn become_monitor(
        &self,
        argv: &CStringArray,
        environment: &CStringArray,
    ) -> std::convert::Infallible {
        let _leader_already = rustix::process::setsid();
        rustix::process::umask(Mode::from_raw_mode(0o022));
        crate::surroundings::forget_caller();
        let errno = match self.inherit() {
            Ok(program) => execveat(program.as_fd(), argv, environment),
            Err(errno) => errno,
        };
        exit_now(errno.raw() & 0x7f)
    }

    /// Moves everything above the agreed numbers first, then into its place; the rest closes at exec.
    fn inherit(&self) -> Result<OwnedFd, Errno> {
        let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, SPARE_FD);
        let (client, program) = (spare(self.client)?, spare(self.program)?);
        let null = spare(self.null)?;
        rustix::process::chdir(c"/")?;
        sys::close_on_exec_from(CLIENT_FD.into())?;
        for stream in 0..CLIENT_FD {
            sys::place_inherited(null.as_fd(), stream)?;
        }
        sys::place_inherited(client.as_fd(), CLIENT_FD)?;
        Ok(program)
    }
}
