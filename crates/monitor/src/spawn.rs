//! Starting a monitor: one exec of our own program, from a read-only mount that only it has.

use std::fs;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use sys::{CStringArray, CloneArgs, Errno, clone3, execveat, exit_now};

use crate::connection::Connection;
use crate::files::{ExitFile, StateFile};
use crate::handoff::{FILE, HandOff};
use crate::message::{VERSION, kind};

/// Descriptors that a monitor is born with, by agreement of both ends, which are this program.
pub(crate) const HANDOFF_FD: u8 = 3;
pub(crate) const CLIENT_FD: u8 = 4;
/// Spare numbers above those that are agreed, so that moving one never hits another.
const SPARE_FD: i32 = 10;

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

/// Writes the hand-off and starts the monitor on it. The connection is its first client, attached from birth: it misses no
/// output, and hears whether the container started. The caller has one thread.
///
/// # Errors
/// When the hand-off cannot be written or the process cannot be made. What happens after that comes as a message.
pub fn spawn(handoff: &HandOff, input: bool, output: bool) -> Result<Connection, SpawnError> {
    let file = write_handoff(handoff)?;
    let system = |action| move |errno: Errno| SpawnError::System { action, errno };
    let program = libcontainer::protect::own_program().map_err(system("protect the program"))?;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| system("make a socket pair")(errno.into()))?;
    let connection = Connection::over(ours);
    let hello = [kind::HELLO, VERSION];
    connection
        .send_raw(&hello)
        .and_then(|()| connection.attach(input, output))
        .map_err(system("greet the monitor"))?;

    let short = handoff.id.get(..12).unwrap_or(&handoff.id);
    let words = [
        "corten".to_owned(),
        "monitor".to_owned(),
        short.to_owned(),
        handoff.state_dir.display().to_string(),
    ];
    let argv = CStringArray::new(
        words.into_iter().map(|word| std::ffi::CString::new(word).unwrap_or_default()).collect(),
    );
    let environment = CStringArray::new(Vec::new());
    let null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| system("open /dev/null")(errno.into()))?;
    let newborn = Newborn {
        handoff: file.as_fd(),
        client: theirs.as_fd(),
        program: program.as_fd(),
        null: null.as_fd(),
    };
    let child = || newborn.become_monitor(&argv, &environment);
    clone3(CloneArgs::default(), child).map_err(system("make the monitor's process"))?;
    Ok(connection)
}

fn write_handoff(handoff: &HandOff) -> Result<fs::File, SpawnError> {
    let path = handoff.state_dir.join(FILE);
    let failed = |cause| SpawnError::Write { path: path.clone(), cause };
    let bytes = serde_json::to_vec(handoff).map_err(|error| failed(error.into()))?;
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    // Held by whoever works on it, through the descriptor that the monitor inherits: see `files::observe`.
    file.lock().map_err(failed)?;
    // In this order: whoever looks meanwhile sees the end of the last run, then a start.
    StateFile::clear(&handoff.state_dir).map_err(failed)?;
    ExitFile::clear(&handoff.container_dir).map_err(failed)?;
    file.set_len(0)
        .and_then(|()| file.write_all(&bytes))
        .and_then(|()| file.rewind())
        .map_err(failed)?;
    Ok(file)
}

/// What the new process has of its parent. Nothing here allocates: the parent may have more threads than it knows.
struct Newborn<'a> {
    handoff: BorrowedFd<'a>,
    client: BorrowedFd<'a>,
    program: BorrowedFd<'a>,
    null: BorrowedFd<'a>,
}

impl Newborn<'_> {
    /// A daemon: a session without a terminal, the root directory, no stream of its parent's.
    fn become_monitor(
        &self,
        argv: &CStringArray,
        environment: &CStringArray,
    ) -> std::convert::Infallible {
        let _leader_already = rustix::process::setsid();
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let errno = match self.inherit() {
            Ok(program) => execveat(program.as_fd(), argv, environment),
            Err(errno) => errno,
        };
        exit_now(errno.raw() & 0x7f)
    }

    /// Moves everything above the agreed numbers first, then into its place; the rest closes at exec.
    fn inherit(&self) -> Result<OwnedFd, Errno> {
        let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, SPARE_FD);
        let (handoff, client) = (spare(self.handoff)?, spare(self.client)?);
        let (program, null) = (spare(self.program)?, spare(self.null)?);
        rustix::process::chdir(c"/")?;
        sys::close_on_exec_from(HANDOFF_FD.into())?;
        for stream in 0..HANDOFF_FD {
            sys::place_inherited(null.as_fd(), stream)?;
        }
        sys::place_inherited(handoff.as_fd(), HANDOFF_FD)?;
        sys::place_inherited(client.as_fd(), CLIENT_FD)?;
        Ok(program)
    }
}
