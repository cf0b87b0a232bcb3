//! The talk with a container's monitor, without a thread that waits.

use std::io;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use engine::{Connection, FromMonitor, Received};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::descriptor::{Descriptor, waited};
use crate::frames::Stream;

/// Bytes of input in one message at most.
pub(crate) const INPUT: usize = 32 * 1024;

/// A connection to a monitor.
#[derive(Debug)]
pub(crate) struct Talk {
    connection: AsyncFd<Descriptor<Connection>>,
}

/// What a monitor says of a container or of a further process.
#[derive(Debug)]
pub(crate) enum Said {
    /// Output.
    Output(Stream, Bytes),
    /// It runs; with a terminal its master comes along.
    Started(i32, Option<OwnedFd>),
    /// It could not be started: the code that commands end with, and why.
    Failed(u8, String),
    /// It has ended.
    Exited(i32),
    /// Something else.
    Other,
    /// The monitor is gone.
    Closed,
}

impl Talk {
    pub(crate) fn over(connection: Connection) -> io::Result<Self> {
        Ok(Self { connection: waited(connection, Interest::READABLE | Interest::WRITABLE)? })
    }

    /// Until it says something, or takes input again where some waits.
    pub(crate) async fn ready(&self, input_waits: bool) {
        let wanted =
            if input_waits { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        // What is wrong with it the next look tells.
        let _ready = self.connection.ready(wanted).await;
    }

    /// What it says, if it says anything now.
    pub(crate) fn try_hear(&mut self) -> Option<Said> {
        let heard = self.connection.try_io_mut(Interest::READABLE, |heard| {
            heard.0.try_receive().map(said).map_err(io::Error::from)
        });
        match heard {
            Ok(said) => Some(said),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => Some(Said::Closed),
        }
    }

    /// The next thing that it says.
    pub(crate) async fn hear(&mut self) -> Said {
        loop {
            match self.try_hear() {
                Some(said) => return said,
                None => self.ready(false).await,
            }
        }
    }

    /// Gives as much of the input as one message holds, if the container takes any now. Gives how much it took.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(INPUT);
        let piece = bytes.get(..count).unwrap_or_default();
        let written = self.connection.try_io(Interest::WRITABLE, |heard| {
            heard.0.try_write_stdin(piece).map_err(io::Error::from)
        });
        match written {
            Ok(()) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // Nobody takes it any more.
            Err(_) => bytes.len(),
        }
    }

    /// The connection itself.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection.get_ref().0
    }
}

fn said(received: Received<'_>) -> Said {
    let message = match received {
        Received::Message(message) => message,
        Received::Closed => return Said::Closed,
    };
    match message {
        FromMonitor::Stdout(bytes) => Said::Output(Stream::Stdout, Bytes::copy_from_slice(bytes)),
        FromMonitor::Stderr(bytes) => Said::Output(Stream::Stderr, Bytes::copy_from_slice(bytes)),
        FromMonitor::Started { pid, .. } => Said::Started(pid, None),
        FromMonitor::ExecStarted { pid, console } => Said::Started(pid, console),
        FromMonitor::StartFailed { code, error } | FromMonitor::ExecFailed { code, error } => {
            Said::Failed(code, error.to_owned())
        }
        FromMonitor::Exited { code } | FromMonitor::ExecExited { code } => Said::Exited(code),
        FromMonitor::Refused { .. } => Said::Closed,
        FromMonitor::Frozen
        | FromMonitor::FreezeFailed { .. }
        | FromMonitor::Thawed
        | FromMonitor::NotNow
        | FromMonitor::Checked { .. }
        | FromMonitor::Held
        | FromMonitor::Terminal { .. }
        | FromMonitor::NetworksFailed { .. } => Said::Other,
    }
}
