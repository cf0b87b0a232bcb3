//! Recording which system calls a container makes: it runs under a filter that tells each of them, for as long as whoever records is
//! there. What is proposed of it is a profile for `--security-opt seccomp=FILE`. Start at [`Containers::record_calls`].
//!
//! The filter stays on the container's processes: without anybody who answers they could make no call any more. So the container
//! ends with the command that records it, whatever ends that, see [`monitor::Connection::guard`].

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use libcontainer::seccomp::{Calls, Recorder};
use monitor::{Connection, FromMonitor, Received};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::seccomp::{UNDISTURBED_SINCE, waits_undisturbed};
use crate::start::Attach;
use crate::state::{Action, Allowed};

/// Socket in the state directory at which filters find who records; further processes of the container look for it.
const SOCKET: &str = "calls.sock";

/// What a recording has to show.
#[derive(Debug)]
pub struct Recorded {
    /// The calls of all its processes.
    pub calls: Calls,
    /// What people are told of limits that it did not have.
    pub warnings: Vec<String>,
}

impl Containers<'_> {
    /// Starts a container that stands still, and notes its calls until it has ended for good. When `asked` becomes readable it is
    /// stopped, as by `stop`. `begun` is told when it runs.
    ///
    /// # Errors
    /// When it runs already, does not start, or the kernel is older than Linux 5.19. It does not run then.
    pub fn record_calls(
        &self,
        text: &str,
        asked: Option<BorrowedFd<'_>>,
        begun: impl FnOnce(&str),
    ) -> Result<Recorded, EngineError> {
        check_kernel()?;
        let (lock, mut container) = self.locked(text)?;
        if container.allow(Action::Start)? == Allowed::Already {
            let why = "running: it has its filter already, stop it first";
            return Err(container.refuse(Action::Start, why));
        }
        let (id, name) = (container.record.id.clone(), container.record.name.clone());
        container.dirs.make_state()?;
        let state = container.dirs.state.clone();
        let door = Door::open(state.join(SOCKET))?;
        let recorder = Recorder::listen(&state, SOCKET)
            .map_err(|errno| EngineError::file("listen at", &door.0)(errno.into()))?;
        container.config.security.recorder = Some(door.0.clone());
        let (over, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|errno| EngineError::file("make a pipe for", &door.0)(errno.into()))?;
        std::thread::scope(|scope| {
            use std::os::fd::AsFd;
            let recording = scope.spawn(|| recorder.run(over.as_fd()));
            let run = || {
                let mut connection =
                    self.start_locked(lock, container, (Attach::default(), None))?;
                // From here on nobody is left to itself.
                let guarded = connection.guard();
                guarded.map_err(|errno| {
                    EngineError::file("speak with the monitor in", &state)(errno.into())
                })?;
                let warnings = self.started(&id, &name, &mut connection)?;
                begun(&name);
                self.until_it_ends((&name, &mut connection), asked)?;
                self.ended(&id)?;
                Ok(warnings)
            };
            let warnings = run();
            drop(end);
            let calls = recording.join().unwrap_or_default();
            warnings.map(|warnings| Recorded { calls, warnings })
        })
    }

    fn until_it_ends(
        &self,
        (name, connection): (&str, &mut Connection),
        asked: Option<BorrowedFd<'_>>,
    ) -> Result<(), EngineError> {
        use std::os::fd::AsFd;
        loop {
            let mut polled = vec![PollFd::from_borrowed_fd(connection.as_fd(), PollFlags::IN)];
            polled.extend(asked.map(|asked| PollFd::from_borrowed_fd(asked, PollFlags::IN)));
            if poll(&mut polled, None::<&Timespec>).is_err() {
                continue;
            }
            let ready: Vec<bool> = polled.iter().map(|one| !one.revents().is_empty()).collect();
            if ready.first() == Some(&true) {
                match connection.receive() {
                    Ok(Received::Message(FromMonitor::Exited { .. }) | Received::Closed)
                    | Err(_) => {
                        return Ok(());
                    }
                    Ok(Received::Message(_)) => {}
                }
            }
            if ready.get(1) == Some(&true) {
                // The connection tells the end.
                self.stop(name, None, None)?;
                return Ok(());
            }
        }
    }
}

/// Where further processes of this container are recorded too; nothing when nobody records.
pub(crate) fn recorder_of(container: &Container) -> Option<PathBuf> {
    let path = container.dirs.state.join(SOCKET);
    path.exists().then_some(path)
}

/// Before a start that nobody records: a recording that was killed leaves its socket.
pub(crate) fn forget(container: &Container) {
    if container.config.security.recorder.is_none() {
        let _absent = std::fs::remove_file(container.dirs.state.join(SOCKET));
    }
}

fn check_kernel() -> Result<(), EngineError> {
    if waits_undisturbed()? {
        return Ok(());
    }
    Err(EngineError::NotYet(format!(
        "recording system calls on a kernel before Linux {UNDISTURBED_SINCE}"
    )))
}

/// The socket's name, for as long as somebody records.
struct Door(PathBuf);

impl Door {
    /// One that was left by a recording that was killed is nobody's: the container's lock is held.
    fn open(path: PathBuf) -> Result<Self, EngineError> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(EngineError::file("remove", &path)(error))
            }
            _ => Ok(Self(path)),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}
