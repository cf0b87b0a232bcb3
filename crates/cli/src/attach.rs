//! The foreground: what the container writes goes to our streams, what we read goes to it, signals are passed on. One poll(2)
//! for all of it, and nothing is lost: input waits while the container takes none, output is written before more is read.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use engine::{Connection, FromMonitor, Received};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno as Raw;
use sys::SignalSet;

use crate::terminal::{self, DetachKeys};

/// Signals that are passed on, as Docker's `--sig-proxy`: all that a process can be sent on purpose and that mean nothing to
/// this program itself.
const PASSED_ON: &[i32] = &[1, 2, 3, 10, 12, 14, 15, 18, 23];
const SIGWINCH: i32 = 28;
const CHUNK: usize = 32 * 1024;
/// Size of `signalfd_siginfo`; its first four bytes are the number.
const SIGNAL_RECORD: usize = 128;

/// How a foreground ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the container, or the further process.
    Exited(i32),
    /// The caller typed the detach keys.
    Detached,
    /// Nobody reads our output any more.
    OutputClosed,
    /// The monitor is gone.
    Lost,
}

/// What a foreground does.
pub(crate) struct Foreground<'a> {
    pub(crate) connection: Connection,
    /// Whether our input is passed on.
    pub(crate) input: bool,
    /// Whether the container has a terminal.
    pub(crate) tty: bool,
    pub(crate) keys: Option<DetachKeys>,
    /// Passes a signal on.
    pub(crate) signal: &'a dyn Fn(i32),
    /// Whether signals are passed on.
    pub(crate) proxy: bool,
}

/// Blocks what will be passed on; done before the container starts, so that no signal falls into the gap.
pub(crate) fn hold_signals(proxy: bool) -> SignalSet {
    let passed = PASSED_ON.iter().filter(|_| proxy);
    let set = passed.fold(SignalSet::empty(), |set, signal| set.with(*signal)).with(SIGWINCH);
    // Without it a signal ends this program, as it would have before.
    let _unblocked = sys::block_signals(set);
    set
}

/// What poll(2) waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Monitor,
    Input,
    Signals,
}

impl Foreground<'_> {
    /// Runs until one of the ends. The connection is left open: while a client is there, a monitor leaves the removal to it.
    pub(crate) fn run(&mut self, signals: SignalSet) -> End {
        let _raw = (self.tty && self.input).then(terminal::Raw::enter).flatten();
        let signalfd = sys::open_signalfd(signals).ok();
        if self.tty {
            self.resize();
        }
        let mut pending: Vec<u8> = Vec::new();
        loop {
            for source in self.wait(signalfd.as_ref(), !pending.is_empty()) {
                let end = match source {
                    Source::Monitor => self.hear(),
                    Source::Input => self.read_input(&mut pending),
                    Source::Signals => self.take_signal(signalfd.as_ref()),
                };
                if let Some(end) = end {
                    return end;
                }
            }
            self.flush_input(&mut pending);
        }
    }

    fn wait(&self, signalfd: Option<&OwnedFd>, pending: bool) -> Vec<Source> {
        let mut sources: Vec<(Source, BorrowedFd<'_>, PollFlags)> = Vec::new();
        let flags = if pending { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        sources.push((Source::Monitor, self.connection.as_fd(), flags));
        if self.input && !pending {
            sources.push((Source::Input, rustix::stdio::stdin(), PollFlags::IN));
        }
        sources.extend(signalfd.map(|signalfd| (Source::Signals, signalfd.as_fd(), PollFlags::IN)));
        let mut polled: Vec<PollFd<'_>> =
            sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        let _interrupted = poll(&mut polled, None);
        let ready = |polled: &PollFd<'_>| !polled.revents().difference(PollFlags::OUT).is_empty();
        sources
            .iter()
            .zip(&polled)
            .filter(|(_, polled)| ready(polled))
            .map(|((source, ..), _)| *source)
            .collect()
    }

    fn hear(&mut self) -> Option<End> {
        let (stream, bytes) = match self.connection.receive() {
            Ok(Received::Message(FromMonitor::Stdout(bytes))) => (rustix::stdio::stdout(), bytes),
            Ok(Received::Message(FromMonitor::Stderr(bytes))) => (rustix::stdio::stderr(), bytes),
            Ok(Received::Message(
                FromMonitor::Exited { code } | FromMonitor::ExecExited { code },
            )) => return Some(End::Exited(code)),
            Ok(Received::Message(_)) => return None,
            Ok(Received::Closed) | Err(_) => return Some(End::Lost),
        };
        match write_all(stream, bytes) {
            Err(Raw::PIPE) => Some(End::OutputClosed),
            _ => None,
        }
    }

    fn read_input(&mut self, pending: &mut Vec<u8>) -> Option<End> {
        let mut buffer = [0_u8; CHUNK];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Ok(0) => {
                self.input = false;
                let _gone = self.connection.end_stdin();
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                match &mut self.keys {
                    Some(keys) => match keys.filter(bytes) {
                        Some(bytes) => pending.extend(bytes),
                        None => return Some(End::Detached),
                    },
                    None => pending.extend_from_slice(bytes),
                }
            }
            Err(Raw::AGAIN | Raw::INTR) => {}
            Err(_) => self.input = false,
        }
        None
    }

    fn flush_input(&self, pending: &mut Vec<u8>) {
        if !pending.is_empty() && self.connection.try_write_stdin(pending).is_ok() {
            pending.clear();
        }
    }

    fn take_signal(&self, signalfd: Option<&OwnedFd>) -> Option<End> {
        let mut record = [0_u8; SIGNAL_RECORD];
        while let Some(signalfd) = signalfd
            && rustix::io::read(signalfd, &mut record[..]).is_ok_and(|count| count == SIGNAL_RECORD)
        {
            let number = record.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
            match number {
                SIGWINCH if self.tty => self.resize(),
                SIGWINCH => {}
                number if self.proxy => (self.signal)(number),
                _ => {}
            }
        }
        None
    }

    fn resize(&self) {
        if let Some((rows, columns)) = terminal::size() {
            let _gone = self.connection.resize(rows, columns);
        }
    }
}

pub(crate) fn write_all(stream: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Raw> {
    while !bytes.is_empty() {
        match rustix::io::write(stream, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Raw::INTR) => {}
            Err(Raw::AGAIN) => {
                let mut polled = [PollFd::from_borrowed_fd(stream, PollFlags::OUT)];
                let _interrupted = poll(&mut polled, None);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// A terminal whose master we hold: what it says goes out, what we read goes in, until the process has ended.
#[expect(clippy::too_many_lines, reason = "one poll loop; each source is one block")]
pub(crate) fn relay_terminal(
    mut connection: Connection,
    master: &OwnedFd,
    mut keys: Option<DetachKeys>,
    signals: SignalSet,
) -> End {
    let _raw = terminal::Raw::enter();
    let signalfd = sys::open_signalfd(signals).ok();
    let mut input = true;
    let mut output = true;
    let mut exited = None;
    let resize = || {
        if let Some((rows, columns)) = terminal::size() {
            let size = rustix::termios::Winsize {
                ws_row: rows,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            let _gone = rustix::termios::tcsetwinsize(master, size);
        }
    };
    resize();
    let mut buffer = [0_u8; CHUNK];
    loop {
        if let (Some(end), false) = (exited, output) {
            return end;
        }
        let nothing = rustix::stdio::stdin();
        let mut polled = vec![
            PollFd::from_borrowed_fd(
                connection.as_fd(),
                if exited.is_none() { PollFlags::IN } else { PollFlags::empty() },
            ),
            PollFd::from_borrowed_fd(
                master.as_fd(),
                if output { PollFlags::IN } else { PollFlags::empty() },
            ),
            PollFd::from_borrowed_fd(
                nothing,
                if input { PollFlags::IN } else { PollFlags::empty() },
            ),
        ];
        polled.extend(signalfd.as_ref().map(|signalfd| PollFd::new(signalfd, PollFlags::IN)));
        let _interrupted = poll(&mut polled, None);
        let ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
        drop(polled);
        let is_ready = |place: usize| ready.get(place).copied().unwrap_or(false);
        if output && is_ready(1) {
            match rustix::io::read(master, &mut buffer[..]) {
                Ok(count) if count > 0 => {
                    if write_all(rustix::stdio::stdout(), buffer.get(..count).unwrap_or_default())
                        .is_err()
                    {
                        return End::OutputClosed;
                    }
                }
                Err(Raw::AGAIN | Raw::INTR) => {}
                // The last slave is closed: EIO.
                _ => output = false,
            }
        }
        if input && is_ready(2) {
            match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
                Ok(count) if count > 0 => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    let Some(bytes) = keys
                        .as_mut()
                        .map_or_else(|| Some(bytes.to_vec()), |keys| keys.filter(bytes))
                    else {
                        return End::Detached;
                    };
                    let _gone = write_all(master.as_fd(), &bytes);
                }
                Err(Raw::AGAIN | Raw::INTR) => {}
                _ => input = false,
            }
        }
        if is_ready(3) {
            let mut record = [0_u8; SIGNAL_RECORD];
            while signalfd
                .as_ref()
                .is_some_and(|signalfd| rustix::io::read(signalfd, &mut record[..]).is_ok())
            {
                resize();
            }
        }
        if exited.is_none() && is_ready(0) {
            exited = match connection.receive() {
                Ok(Received::Message(FromMonitor::ExecExited { code })) => Some(End::Exited(code)),
                Ok(Received::Message(_)) => None,
                Ok(Received::Closed) | Err(_) => Some(End::Lost),
            };
        }
    }
}
