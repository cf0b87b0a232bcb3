//! The foreground: what the container writes goes to our streams, what we read goes to it, signals are passed on. One poll(2)
//! for all of it, and nothing is lost: input waits while the container takes none, output is written before more is read.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use engine::{Connection, DetachKeys, FromMonitor, Received};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno as Raw;

use crate::signals::{Held, Order, SIGHUP};
use crate::terminal;

const CHUNK: usize = 32 * 1024;

/// How a foreground ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the container, or the further process.
    Exited(i32),
    /// The caller typed the detach keys.
    Detached,
    /// All input was given, and nothing else was wanted.
    InputGiven,
    /// Nobody reads our output any more.
    OutputClosed,
    /// The monitor is gone.
    Lost,
    /// By a signal that is not passed on, or by the end of the caller's terminal.
    Signalled(i32),
}

/// Which of the container's outputs are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Shown {
    /// Both of them.
    pub(crate) const ALL: Self = Self { stdout: true, stderr: true };

    pub(crate) const fn anything(self) -> bool {
        self.stdout || self.stderr
    }
}

/// What a foreground is connected with: a container's monitor here, or a server elsewhere.
pub(crate) trait Streams: AsFd {
    /// What has come, now that something has.
    fn hear(&mut self) -> Heard<'_>;

    /// Whether more of it is here already, of which poll(2) knows nothing.
    fn has_more(&self) -> bool {
        false
    }

    /// Says that there is no more input.
    fn end_input(&self);

    /// Passes on as much input as there is room for, and takes it away from `pending`.
    fn give_input(&self, pending: &mut Vec<u8>);

    /// Says how large the terminal is.
    fn resize(&self, rows: u16, columns: u16);
}

/// What came.
pub(crate) enum Heard<'a> {
    /// Of one of the outputs.
    Output { is_error: bool, bytes: &'a [u8] },
    /// The end of the container, or of the further process.
    Exited(i32),
    /// Nothing that concerns a foreground.
    Nothing,
    /// The end of the connection.
    Closed,
}

impl Streams for Connection {
    fn hear(&mut self) -> Heard<'_> {
        match self.receive() {
            Ok(Received::Message(FromMonitor::Stdout(bytes))) => {
                Heard::Output { is_error: false, bytes }
            }
            Ok(Received::Message(FromMonitor::Stderr(bytes))) => {
                Heard::Output { is_error: true, bytes }
            }
            Ok(Received::Message(
                FromMonitor::Exited { code } | FromMonitor::ExecExited { code },
            )) => Heard::Exited(code),
            Ok(Received::Message(_)) => Heard::Nothing,
            Ok(Received::Closed) | Err(_) => Heard::Closed,
        }
    }

    fn end_input(&self) {
        let _gone = self.end_stdin();
    }

    fn give_input(&self, pending: &mut Vec<u8>) {
        if self.try_write_stdin(pending).is_ok() {
            pending.clear();
        }
    }

    fn resize(&self, rows: u16, columns: u16) {
        let _gone = Self::resize(self, rows, columns);
    }
}

/// What a foreground does.
pub(crate) struct Foreground<'a, S = Connection> {
    pub(crate) connection: S,
    /// Whether our input is passed on.
    pub(crate) input: bool,
    /// Whether the container has a terminal.
    pub(crate) tty: bool,
    pub(crate) shown: Shown,
    pub(crate) keys: Option<DetachKeys>,
    /// Passes a signal on.
    pub(crate) signal: &'a dyn Fn(i32),
}

/// What poll(2) waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Monitor,
    Input,
    Signals,
}

impl<S: Streams> Foreground<'_, S> {
    /// Runs until one of the ends. The connection is left open: while a client is there, a monitor leaves the removal to it.
    pub(crate) fn run(&mut self, held: &Held) -> End {
        let raw = (self.tty && self.input).then(terminal::Raw::enter).flatten();
        if self.tty {
            self.resize();
        }
        let mut pending: Vec<u8> = Vec::new();
        loop {
            for source in self.wait(held.as_fd(), !pending.is_empty()) {
                let end = match source {
                    Source::Monitor => self.hear(),
                    Source::Input => match self.read_input(&mut pending) {
                        // A raw terminal has no key for the end of input: it is gone.
                        None if raw.is_some() && !self.input => Some(self.hang_up(held)),
                        end => end,
                    },
                    Source::Signals => self.take_signals(held),
                };
                if let Some(end) = end {
                    return end;
                }
            }
            self.flush_input(&mut pending);
        }
    }

    fn wait(&self, signals: Option<BorrowedFd<'_>>, pending: bool) -> Vec<Source> {
        if self.connection.has_more() {
            return vec![Source::Monitor];
        }
        let mut sources: Vec<(Source, BorrowedFd<'_>, PollFlags)> = Vec::new();
        let flags = if pending { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        sources.push((Source::Monitor, self.connection.as_fd(), flags));
        if self.input && !pending {
            sources.push((Source::Input, rustix::stdio::stdin(), PollFlags::IN));
        }
        sources.extend(signals.map(|signals| (Source::Signals, signals, PollFlags::IN)));
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
        let (stream, bytes) = match self.connection.hear() {
            Heard::Output { is_error: false, .. } if !self.shown.stdout => return None,
            Heard::Output { is_error: true, .. } if !self.shown.stderr => return None,
            Heard::Output { is_error: false, bytes } => (rustix::stdio::stdout(), bytes),
            Heard::Output { is_error: true, bytes } => (rustix::stdio::stderr(), bytes),
            Heard::Exited(code) => return Some(End::Exited(code)),
            Heard::Nothing => return None,
            Heard::Closed => return Some(End::Lost),
        };
        match write_all(stream, bytes) {
            // EIO: a terminal that hung up, see vhangup(2).
            Err(Raw::PIPE | Raw::IO) => Some(End::OutputClosed),
            _ => None,
        }
    }

    fn read_input(&mut self, pending: &mut Vec<u8>) -> Option<End> {
        let mut buffer = [0_u8; CHUNK];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Ok(0) => {
                self.input = false;
                self.connection.end_input();
                return (!self.shown.anything()).then_some(End::InputGiven);
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
        if !pending.is_empty() {
            self.connection.give_input(pending);
        }
    }

    fn take_signals(&self, held: &Held) -> Option<End> {
        while let Some(order) = held.next() {
            match order {
                Order::Resize if self.tty => self.resize(),
                Order::Resize => {}
                Order::PassOn(number) => (self.signal)(number),
                Order::End(number) => return Some(End::Signalled(number)),
            }
        }
        None
    }

    /// What the session's leader learns by SIGHUP the container learns too.
    fn hang_up(&self, held: &Held) -> End {
        if held.passes_on() {
            (self.signal)(SIGHUP);
        }
        End::Signalled(SIGHUP)
    }

    fn resize(&self) {
        if let Some((rows, columns)) = terminal::size() {
            self.connection.resize(rows, columns);
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

/// A terminal whose master we hold: what it says goes out, what we read goes in if `input` says so, until the process has
/// ended.
#[expect(clippy::too_many_lines, reason = "one poll loop; each source is one block")]
pub(crate) fn relay_terminal(
    mut connection: Connection,
    master: &OwnedFd,
    mut input: bool,
    mut keys: Option<DetachKeys>,
    held: &Held,
) -> End {
    let raw = input.then(terminal::Raw::enter).flatten();
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
        polled.extend(held.as_fd().map(|signals| PollFd::from_borrowed_fd(signals, PollFlags::IN)));
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
                // A raw terminal has no key for the end of input: it is gone.
                _ if raw.is_some() => return End::Signalled(SIGHUP),
                _ => input = false,
            }
        }
        while is_ready(3)
            && let Some(order) = held.next()
        {
            match order {
                Order::Resize => resize(),
                Order::PassOn(number) | Order::End(number) => return End::Signalled(number),
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
