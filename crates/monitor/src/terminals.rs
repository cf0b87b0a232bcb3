//! A container's terminals: its console, and `/dev/tty1` and on beside it. This process has their masters and reads them all the time, so
//! that nothing in the container stands still because nobody looks: what was shown last is kept for who comes later, and goes to all
//! who look.
//!
//! A client that is not read from slows its terminal down, as it does the console's: see `outputs.rs`. This process has the other ends
//! open, too. A getty that ends, or hangs its terminal up, leaves it as it was for the next one: pts(4).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno as Raw;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::behind::Behind;
use crate::clients::Clients;
use crate::input::Input;
use crate::kept::Kept;
use crate::message::{MOST_DATA, kind};
use crate::run::Monitor;

/// The number of the console, in what clients say.
pub(crate) const CONSOLE: u16 = 0;
/// In the place of a number: the first beside the console that nobody looks at.
pub(crate) const FREE: u16 = u16::MAX;
/// What is kept of one: some screens.
const KEPT: usize = 8 * 1024;
/// What is read at once. A terminal gives no more.
const CHUNK: usize = 4096;
/// So often one is read after the end.
const MOST_READS: usize = 32;

/// Those beside the console.
#[derive(Default)]
pub(crate) struct Terminals(Vec<Terminal>);

struct Terminal {
    number: u16,
    master: OwnedFd,
    /// Keeps it from hanging up.
    _slave: OwnedFd,
    input: Input,
    kept: Kept,
    /// What was read last, as long as somebody is behind.
    packet: Vec<u8>,
    behind: Behind,
}

/// The other end of a terminal, with which it is open whatever closes it.
pub(crate) fn other_end(master: &OwnedFd) -> Result<OwnedFd, Raw> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    ioctl_tiocgptpeer(master, flags)
}

impl Terminals {
    /// That of `/dev/tty1` first.
    pub(crate) fn new(masters: Vec<OwnedFd>) -> Result<Self, Raw> {
        let numbered = (1..).zip(masters);
        let terminals = numbered.map(|(number, master)| Terminal::new(number, master));
        Ok(Self(terminals.collect::<Result<_, _>>()?))
    }

    fn get(&self, number: u16) -> Option<&Terminal> {
        self.0.iter().find(|terminal| terminal.number == number)
    }

    fn get_mut(&mut self, number: u16) -> Option<&mut Terminal> {
        self.0.iter_mut().find(|terminal| terminal.number == number)
    }

    /// What is typed on one.
    pub(crate) fn input(&self, number: u16) -> Option<&Input> {
        self.get(number).map(|terminal| &terminal.input)
    }

    pub(crate) fn input_mut(&mut self, number: u16) -> Option<&mut Input> {
        self.get_mut(number).map(|terminal| &mut terminal.input)
    }

    /// Descriptors to wait for; none while clients are behind.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (u16, BorrowedFd<'_>)> {
        let ready = self.0.iter().filter(|terminal| terminal.behind.is_empty());
        ready.map(|terminal| (terminal.number, terminal.master.as_fd()))
    }

    /// Those that are to take input.
    pub(crate) fn writable(&self) -> impl Iterator<Item = (u16, BorrowedFd<'_>)> {
        self.0.iter().filter_map(|terminal| Some((terminal.number, terminal.input.writable()?)))
    }

    /// Whether a client's socket is full.
    pub(crate) fn is_behind(&self, client: u32) -> bool {
        self.0.iter().any(|terminal| terminal.behind.contains(client))
    }

    /// Reads one, and passes on what it shows.
    pub(crate) fn read(&mut self, number: u16, clients: &mut Clients) {
        if let Some(terminal) = self.get_mut(number).filter(|terminal| terminal.behind.is_empty()) {
            terminal.read(clients, Pass::Now);
        }
    }

    pub(crate) fn flush_input(&mut self, number: u16) {
        if let Some(input) = self.input_mut(number) {
            input.flush();
        }
    }

    /// Tries again to reach the clients that were busy.
    pub(crate) fn pass_on(&mut self, clients: &mut Clients) {
        for terminal in self.0.iter_mut().filter(|terminal| !terminal.behind.is_empty()) {
            terminal.behind.send_again(&terminal.packet, clients);
            if terminal.behind.is_empty() {
                terminal.packet = Vec::new();
            }
        }
    }

    /// Reads what is left after the end; it waits in the clients' queues.
    pub(crate) fn drain(&mut self, clients: &mut Clients) {
        for terminal in &mut self.0 {
            terminal.behind.owe(&terminal.packet, clients);
            for _read in 0..MOST_READS {
                if !terminal.read(clients, Pass::InTime) {
                    break;
                }
            }
        }
    }

    pub(crate) fn resize(&self, number: u16, size: Winsize) {
        if let Some(terminal) = self.get(number) {
            // A terminal that is gone has no size.
            let _gone = tcsetwinsize(&terminal.master, size);
        }
    }
}

/// When a packet has to reach its clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Now,
    InTime,
}

impl Terminal {
    fn new(number: u16, master: OwnedFd) -> Result<Self, Raw> {
        rustix::io::ioctl_fionbio(&master, true)?;
        let slave = other_end(&master)?;
        let input = Input::new(Some(rustix::io::fcntl_dupfd_cloexec(&master, 0)?), false);
        let (kept, packet) = (Kept::new(KEPT), Vec::new());
        Ok(Self { number, master, _slave: slave, input, kept, packet, behind: Behind::default() })
    }

    /// False when nothing was there.
    fn read(&mut self, clients: &mut Clients, pass: Pass) -> bool {
        let mut space = [kind::STDOUT; 1 + CHUNK];
        let [_, room @ ..] = &mut space;
        let Ok(count @ 1..) = rustix::io::read(&self.master, &mut *room) else { return false };
        self.kept.push(room.get(..count).unwrap_or_default());
        let packet = space.get(..=count).unwrap_or_default();
        let number = self.number;
        match pass {
            Pass::Now => {
                self.behind.send(packet, clients, |client| client.terminal == number);
                if !self.behind.is_empty() {
                    self.packet = packet.to_vec();
                }
            }
            Pass::InTime => clients.owe_all(packet, |client| client.terminal == number),
        }
        true
    }
}

impl Monitor {
    /// Attaches a client to the console, or to the terminal of that number; what it has shown comes first.
    pub(crate) fn attach_to_terminal(&mut self, id: u32, number: u16) {
        let number = if number == FREE { self.free_terminal() } else { number };
        let kept = self.run.as_ref().and_then(|run| match number {
            CONSOLE => run.console_shows(),
            number => run.terminals.get(number).map(|terminal| terminal.kept.bytes()),
        });
        let Some(kept) = kept else { return self.clients.owe(id, &[kind::NOT_NOW], None) };
        let [a, b] = number.to_ne_bytes();
        self.clients.owe(id, &[kind::TERMINAL, a, b], None);
        for chunk in kept.chunks(MOST_DATA) {
            self.clients.owe(id, &[&[kind::STDOUT], chunk].concat(), None);
        }
        if let Some(client) = self.clients.get_mut(id) {
            client.look_at(number);
        }
    }

    /// The first that nobody looks at, or a number that none has.
    fn free_terminal(&self) -> u16 {
        let terminals = self.run.iter().flat_map(|run| &run.terminals.0);
        let is_free = |number: &u16| self.clients.iter().all(|client| client.terminal != *number);
        terminals.map(|terminal| terminal.number).find(is_free).unwrap_or(FREE)
    }
}
