//! What a monitor says, as its clients hear it.

use std::os::fd::OwnedFd;

use crate::message::{kind, read_number};

/// What the monitor says.
#[derive(Debug)]
pub enum FromMonitor<'a> {
    /// The program runs.
    Started {
        /// Its pid on the host.
        pid: i32,
        /// One line for each limit that this machine could not set, or not show.
        warnings: &'a str,
    },
    /// It could not be started.
    StartFailed {
        /// The exit code that a command gives for it.
        code: u8,
        /// The error in one line.
        error: &'a str,
    },
    /// Output.
    Stdout(&'a [u8]),
    /// Error output.
    Stderr(&'a [u8]),
    /// The container has ended.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A further process runs.
    ExecStarted {
        /// Its pid on the host.
        pid: i32,
        /// Master of its terminal.
        console: Option<OwnedFd>,
    },
    /// It could not be started.
    ExecFailed {
        /// The exit code that a command gives for it.
        code: u8,
        /// The error in one line.
        error: &'a str,
    },
    /// The further process has ended.
    ExecExited {
        /// Its exit code.
        code: i32,
    },
    /// The container stands still for this connection.
    Frozen,
    /// It could not be made to.
    FreezeFailed {
        /// The error in one line.
        error: &'a str,
    },
    /// It goes on, unless somebody else wants it to stand still.
    Thawed,
    /// The container is not in the state for it: paused already, not paused, waiting to be started again, or without a check.
    NotNow,
    /// The health check that was asked for has run.
    Checked {
        /// The exit code of its probe; −1 for one that had to be ended or could not be started.
        code: i32,
    },
    /// What was said about restarts counts.
    Held,
    /// This connection is attached to the console (0), or to that terminal beside it.
    Terminal {
        /// Which.
        number: u16,
    },
    /// It has the places in networks that it had.
    NetworksFailed {
        /// Why.
        error: &'a str,
    },
    /// The monitor is of an older release and does not speak this one's language; nothing more comes.
    Refused {
        /// The newest version that it understands.
        version: u8,
    },
}

/// What a look at the socket brought.
#[derive(Debug)]
pub enum Received<'a> {
    /// A message.
    Message(FromMonitor<'a>),
    /// The monitor is gone.
    Closed,
}

/// Understands a packet; nothing where it is empty, or of a kind that is not known.
pub(crate) fn decode(packet: &[u8], console: Option<OwnedFd>) -> Option<FromMonitor<'_>> {
    let (kind, rest) = packet.split_first()?;
    let code = rest.first().copied().unwrap_or(125);
    Some(match *kind {
        kind::STARTED => {
            let warnings = std::str::from_utf8(packet.get(5..)?).ok()?;
            FromMonitor::Started { pid: read_number(packet)?, warnings }
        }
        kind::START_FAILED => FromMonitor::StartFailed { code, error: str_of(rest)? },
        kind::STDOUT => FromMonitor::Stdout(rest),
        kind::STDERR => FromMonitor::Stderr(rest),
        kind::EXITED => FromMonitor::Exited { code: read_number(packet)? },
        kind::EXEC_STARTED => FromMonitor::ExecStarted { pid: read_number(packet)?, console },
        kind::EXEC_FAILED => FromMonitor::ExecFailed { code, error: str_of(rest)? },
        kind::EXEC_EXITED => FromMonitor::ExecExited { code: read_number(packet)? },
        kind::FROZEN => FromMonitor::Frozen,
        kind::FREEZE_FAILED => FromMonitor::FreezeFailed { error: str_of(rest)? },
        kind::THAWED => FromMonitor::Thawed,
        kind::CHECKED => FromMonitor::Checked { code: read_number(packet)? },
        kind::HELD => FromMonitor::Held,
        kind::TERMINAL => {
            FromMonitor::Terminal { number: u16::from_ne_bytes(rest.try_into().ok()?) }
        }
        kind::NETWORKS_FAILED => FromMonitor::NetworksFailed { error: str_of(rest)? },
        kind::NOT_NOW => FromMonitor::NotNow,
        kind::REFUSED => FromMonitor::Refused { version: code },
        _ => return None,
    })
}

/// The words of a failure, behind its code.
fn str_of(rest: &[u8]) -> Option<&str> {
    std::str::from_utf8(rest.get(1..)?).ok()
}
