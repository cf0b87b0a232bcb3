//! What the monitor writes for others to read, and the truth that follows from it.
//!
//! `state.json` appears once the program runs, `exit.json` when it has ended. [`observe`] holds them against the kernel: a pid
//! counts only together with its start time and the boot it belongs to.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::OnceLock;

use libcontainer::Process;
use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use crate::claim::is_claimed;
use crate::health::HealthFile;

/// Version of both forms.
const VERSION: u32 = 1;
pub(crate) const STATE: &str = "state.json";
const EXIT: &str = "exit.json";
/// Marks in its state directory a container that was paused and stays so until it is resumed: written before its processes
/// are stopped.
pub const PAUSED: &str = "paused";
const HEALTH: &str = "health.json";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A container that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFile {
    /// Version of this form.
    pub version: u32,
    /// Which boot of the machine the pids belong to.
    pub boot_id: String,
    /// The container's first process.
    pub pid: i32,
    /// When it was made, in clock ticks since boot.
    pub start_time: u64,
    /// The monitor.
    pub monitor_pid: i32,
    /// When the monitor was made.
    pub monitor_start_time: u64,
    /// When the program began, RFC 3339.
    pub started_at: String,
    /// How often it was started again since somebody started it.
    #[serde(default)]
    pub restarts: u32,
    /// Whether the kernel killed a process of this run because memory ran out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oom_killed: bool,
    /// What its first process began with as its streams, as `/proc/PID/fd` names them; nothing for a terminal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<String>,
    /// How its last run ended, while it waits to be started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ExitFile>,
}

/// A container that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitFile {
    /// Version of this form.
    pub version: u32,
    /// Exit code; 128 + n where signal n ended it.
    pub code: i32,
    /// Whether the kernel killed a process of it because memory ran out.
    pub oom_killed: bool,
    /// When the program began, RFC 3339; empty when it never did.
    pub started_at: String,
    /// When it ended, RFC 3339.
    pub finished_at: String,
    /// Why it could not be started; empty when it was.
    pub error: String,
    /// How often it was started again since somebody started it.
    #[serde(default)]
    pub restarts: u32,
}

/// What is true of a container that a monitor was given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// A monitor is about to start it.
    Starting,
    /// Its first process lives.
    Running {
        /// Where and since when.
        state: StateFile,
        /// Whether its monitor lives too; without it nobody logs, and nobody will know the exit status.
        monitored: bool,
        /// Whether somebody has paused it.
        paused: bool,
    },
    /// It has ended, and its monitor will start it again.
    Restarting {
        /// How it ended, and how often it was started again.
        exit: ExitFile,
    },
    /// It has ended, and its monitor wrote down how.
    Exited(ExitFile),
    /// It has ended, and nobody knows how: the monitor was killed, or the machine went down.
    Lost {
        /// When it had been started, RFC 3339, where that is known.
        started_at: String,
        /// Whether the kernel is known to have killed a process of it because memory ran out.
        oom_killed: bool,
    },
}

impl StateFile {
    pub(crate) fn new(pid: i32, started_at: String) -> io::Result<Self> {
        let monitor_pid = rustix::process::getpid().as_raw_nonzero().get();
        let start_time = |pid| libcontainer::start_time(pid).unwrap_or(0);
        Ok(Self {
            version: VERSION,
            boot_id: boot_id()?.to_owned(),
            pid,
            start_time: start_time(pid),
            monitor_pid,
            monitor_start_time: start_time(monitor_pid),
            started_at,
            restarts: 0,
            oom_killed: false,
            streams: Vec::new(),
            waiting: None,
        })
    }

    fn lost(self) -> Life {
        Life::Lost { started_at: self.started_at, oom_killed: self.oom_killed }
    }

    /// Of a container that has ended and will be started again.
    pub(crate) fn waiting(exit: &ExitFile) -> io::Result<Self> {
        let state = Self::new(0, exit.started_at.clone())?;
        Ok(Self { restarts: exit.restarts, waiting: Some(exit.clone()), ..state })
    }

    /// Removes what an earlier run left.
    pub(crate) fn clear(state_dir: &Path) -> io::Result<()> {
        remove(&state_dir.join(STATE))
    }

    pub(crate) fn write(&self, state_dir: &Path) -> io::Result<()> {
        write(state_dir, STATE, &serde_json::to_vec(self)?)
    }
}

impl ExitFile {
    pub(crate) fn new(code: i32, oom_killed: bool, started_at: String, error: String) -> Self {
        let finished_at = crate::format_time(crate::now_ns());
        Self { version: VERSION, code, oom_killed, started_at, finished_at, error, restarts: 0 }
    }

    pub(crate) fn write(&self, container_dir: &Path) -> io::Result<()> {
        write(container_dir, EXIT, &serde_json::to_vec(self)?)
    }

    /// Removes what an earlier run left; the next one begins without.
    pub(crate) fn clear(container_dir: &Path) -> io::Result<()> {
        remove(&container_dir.join(EXIT))
    }
}

impl HealthFile {
    pub(crate) fn write(&self, state_dir: &Path) -> io::Result<()> {
        write(state_dir, HEALTH, &serde_json::to_vec(self)?)
    }

    /// What the health check of the container with this state directory says; nothing where there is none.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        read(&state_dir.join(HEALTH))
    }

    /// Removes what an earlier run left.
    pub(crate) fn clear(state_dir: &Path) -> io::Result<()> {
        remove(&state_dir.join(HEALTH))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Visible whole or not at all. Not flushed: after a power cut the container has ended anyway, and only its code is lost.
fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    write_unseen(directory, name, bytes)?;
    show(directory, name)
}

/// The file as it will be, under a name that nobody opens.
pub(crate) fn write_unseen(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<fs::File> {
    let mut file = fs::File::create(directory.join(format!("{name}.new")))?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Puts what was written unseen into its place.
pub(crate) fn show(directory: &Path, name: &str) -> io::Result<()> {
    fs::rename(directory.join(format!("{name}.new")), directory.join(name))
}

/// The truth about a container, from its files and the kernel. Never wrong after anything of it was killed, or after a reboot.
///
/// # Errors
/// When a file exists and cannot be read.
pub fn observe(state_dir: &Path, container_dir: &Path) -> io::Result<Life> {
    if let Some(state) = find_claimed(CWD, state_dir)? {
        return Ok(Life::Running { state, monitored: true, paused: false });
    }
    let mut seen = look(state_dir, container_dir)?;
    // The files are read one after the other, and a container may be started, or end, in between. What is lost stays lost:
    // a second look that sees it too is the truth.
    while let Life::Lost { .. } = seen {
        let again = look(state_dir, container_dir)?;
        if again == seen {
            break;
        }
        seen = again;
    }
    Ok(seen)
}

/// The state that a living monitor claims: the container runs, and nobody has paused it. Nothing where one has to look further, with
/// [`observe`]. The state directory may be below one that is open: a list of thousands need not walk there for each.
///
/// # Errors
/// When the file exists and cannot be read.
pub fn find_claimed(at: BorrowedFd<'_>, state_dir: &Path) -> io::Result<Option<StateFile>> {
    let path = state_dir.join(STATE);
    let mut file = match openat(at, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => fs::File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !is_claimed(&file)? {
        return Ok(None);
    }
    let state: StateFile = read_from(&mut file)?;
    Ok((boot_id()? == state.boot_id).then_some(state))
}

fn look(state_dir: &Path, container_dir: &Path) -> io::Result<Life> {
    if let Some(exit) = read::<ExitFile>(&container_dir.join(EXIT))? {
        return Ok(Life::Exited(exit));
    }
    let Some(state) = read::<StateFile>(&state_dir.join(STATE))? else {
        let starting = monitor_lives(state_dir)?;
        return Ok(if starting {
            Life::Starting
        } else {
            Life::Lost { started_at: String::new(), oom_killed: false }
        });
    };
    if boot_id()? != state.boot_id {
        return Ok(state.lost());
    }
    if let Some(exit) = state.waiting {
        if monitor_lives(state_dir)? {
            return Ok(Life::Restarting { exit });
        }
        // Its monitor was killed while it waited, or has just written the last word.
        return Ok(Life::Exited(read::<ExitFile>(&container_dir.join(EXIT))?.unwrap_or(exit)));
    }
    // Where the process ended a moment ago, its monitor is writing: it has the last word, and the process need not be asked.
    let monitored = monitor_lives(state_dir)?;
    let lives =
        || Process::find(state.pid, state.start_time).is_some_and(|process| !has_ended(&process));
    if monitored || lives() {
        let paused = state_dir.join(PAUSED).exists();
        return Ok(Life::Running { state, monitored, paused });
    }
    match read::<ExitFile>(&container_dir.join(EXIT))? {
        Some(exit) => Ok(Life::Exited(exit)),
        None => Ok(state.lost()),
    }
}

fn has_ended(process: &Process) -> bool {
    let zero = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut polled =
        [rustix::event::PollFd::from_borrowed_fd(process.pidfd(), rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&zero)).is_ok_and(|ready| ready > 0)
}

/// The lock on the hand-off tells whether a monitor works on it. Not its pid: a monitor that was killed keeps that, as a zombie,
/// for as long as its parent pleases.
fn monitor_lives(state_dir: &Path) -> io::Result<bool> {
    let file = match fs::File::open(state_dir.join(crate::handoff::FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    is_claimed(&file)
}

/// Returns once no monitor works on the hand-off any more: the container has ended, and how is written down.
///
/// # Errors
/// When the file exists and cannot be opened or locked.
pub fn wait_for_end(state_dir: &Path) -> io::Result<()> {
    match fs::File::open(state_dir.join(crate::handoff::FILE)) {
        Ok(file) => file.lock_shared(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::File::open(path) {
        Ok(mut file) => read_from(&mut file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_from<T: serde::de::DeserializeOwned>(file: &mut fs::File) -> io::Result<T> {
    // Lists read thousands: most files end within the first read(2), and need neither a look at their size nor a second one.
    let mut space = [0; 4096];
    let count = file.read(&mut space)?;
    let begin = space.get(..count).unwrap_or_default();
    if count < space.len() {
        return serde_json::from_slice(begin).map_err(io::Error::from);
    }
    let mut bytes = begin.to_vec();
    file.read_to_end(&mut bytes)?;
    serde_json::from_slice(&bytes).map_err(io::Error::from)
}

/// The same for as long as this process lives.
fn boot_id() -> io::Result<&'static str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    if let Some(known) = BOOT.get() {
        return Ok(known);
    }
    let read = fs::read_to_string(BOOT_ID)?;
    Ok(BOOT.get_or_init(|| read.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Claim, Claims};

    #[test]
    fn a_state_of_an_older_release_is_read_and_marked() {
        let directory = tempfile::tempdir().unwrap();
        let text = r#"{"version":1,"boot_id":"b","pid":7,"start_time":8,"monitor_pid":9,"monitor_start_time":10,"started_at":"s"}"#;
        write(directory.path(), STATE, text.as_bytes()).unwrap();
        let state = || read::<StateFile>(&directory.path().join(STATE)).unwrap().unwrap();
        let older = state();
        assert!(!older.oom_killed);
        let mut claim = Claim::make(&older, directory.path(), Claims::No).unwrap();
        claim.mark_oom_killed(directory.path()).unwrap();
        assert_eq!(state(), StateFile { oom_killed: true, ..older });
    }
}
