//! What `create`, `run` and `exec` share about a process: its descriptors, its terminal, the files that tell its pid.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use libcontainer::{Process, Stdio};

use super::{Session, console};
use crate::arguments::Matches;
use crate::failure::Failure;

/// How many descriptors are open without a gap, from 3 on. Called first of all.
pub(super) fn inherited_descriptors() -> u32 {
    (0..).take_while(|count| sys::is_open(count + 3)).last().map_or(0, |last| last + 1)
}

/// `--preserve-fds`, behind those that are passed anyway. The caller passed each of them: a file of ours must not fill a gap
/// (CVE-2024-21626).
pub(super) fn preserved(session: &Session, matches: &Matches, passed: u32) -> Result<u32, Failure> {
    let count = match matches.value("preserve-fds") {
        Some(text) => text.parse().map_err(|_wrong| {
            Failure::Words(format!("--preserve-fds {text}: it is no number of descriptors"))
        })?,
        None => 0_u32,
    };
    let all = passed.saturating_add(count);
    if all > session.inherited {
        let missing = session.inherited + 3;
        let what = if count > 0 { format!("--preserve-fds {count}") } else { "LISTEN_FDS".into() };
        return Err(Failure::Words(format!("{what}: descriptor {missing} is not open")));
    }
    Ok(all)
}

/// The caller's streams, or a terminal.
pub(super) fn stdio(terminal: bool) -> Stdio<'static> {
    if terminal {
        return Stdio::Terminal;
    }
    Stdio::Streams {
        stdin: rustix::stdio::stdin(),
        stdout: rustix::stdio::stdout(),
        stderr: rustix::stdio::stderr(),
    }
}

/// Whether somebody will hold the terminal: runc's three rules.
pub(super) fn check_terminal(
    matches: &Matches,
    terminal: bool,
    leaves: bool,
) -> Result<(), Failure> {
    let socket = matches.is_given("console-socket");
    let wrong = match (terminal, leaves, socket) {
        (true, true, false) => {
            "cannot allocate tty if runtime will detach without setting console socket"
        }
        (false, _, true) | (true, false, true) => {
            "cannot use console socket if runtime will not detach or allocate tty"
        }
        _ => return Ok(()),
    };
    Err(Failure::Words(wrong.to_owned()))
}

/// Whether [`announce`] tells anybody.
pub(super) fn is_announced(matches: &Matches) -> bool {
    ["console-socket", "pidfd-socket", "pid-file"].iter().any(|flag| matches.is_given(flag))
}

/// Tells the caller's files and sockets about a process that was made; gives a terminal's master back that nobody took.
pub(super) fn announce(
    matches: &Matches,
    process: &Process,
    master: Option<OwnedFd>,
) -> Result<Option<OwnedFd>, Failure> {
    let left = match (matches.value("console-socket"), master) {
        (Some(socket), Some(master)) => {
            console::send(socket, b"/dev/ptmx", master.as_fd())?;
            None
        }
        (_, master) => {
            master.iter().for_each(|master| console::keep_newlines(master.as_fd()));
            master
        }
    };
    if let Some(socket) = matches.value("pidfd-socket") {
        console::send(socket, process.pid().to_string().as_bytes(), process.pidfd())?;
    }
    if let Some(file) = matches.value("pid-file") {
        write_pid(file, process.pid())?;
    }
    Ok(left)
}

/// Whole or not at all: somebody may be waiting for it.
fn write_pid(file: &str, pid: i32) -> Result<(), Failure> {
    let path = std::path::Path::new(file);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Failure::Words(format!("--pid-file {file}: it is no file")))?;
    let new = path.with_file_name(format!(".{name}"));
    std::fs::File::create(&new)
        .and_then(|mut file| file.write_all(pid.to_string().as_bytes()))
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(Failure::file("write", file))
}
