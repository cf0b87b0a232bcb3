//! The signals that a foreground holds: some are passed on to the container, some end this program, but only after the
//! terminal was given back. Start at [`Held::take`]. Source: signal(7), signalfd(2).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{Signal, getpid, kill_process};
use sys::SignalSet;

/// Sent by a terminal that hangs up, to the session's leader.
pub(crate) const SIGHUP: i32 = 1;
const SIGCONT: i32 = 18;
const SIGURG: i32 = 23;
const SIGWINCH: i32 = 28;
/// Signals that end a process and that it can be sent on purpose; not those that a fault of its own raises, nor SIGPIPE,
/// which is ignored.
const ENDING: &[i32] = &[SIGHUP, 2, 3, 10, 12, 14, 15, 16, 24, 25, 26, 27, 29, 30];
/// Size of `signalfd_siginfo`; its first four bytes are the number.
const RECORD: usize = 128;

/// What a signal asks of a foreground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The window has another size.
    Resize,
    /// The container is to get it.
    PassOn(i32),
    /// This program is to end with it.
    End(i32),
}

/// Blocked signals, read one by one; unblocked by [`Held::release`].
#[derive(Debug)]
pub(crate) struct Held {
    set: SignalSet,
    /// None without descriptors left: the signals then wait until the release.
    signalfd: Option<OwnedFd>,
    pass_on: bool,
}

impl Held {
    /// Blocks what will be passed on, and what would end the program while the terminal is raw. Done before the container
    /// starts, so that no signal falls into the gap.
    pub(crate) fn take(pass_on: bool, tty: bool) -> Self {
        let mut set = SignalSet::empty().with(SIGWINCH);
        if pass_on || tty {
            set = ENDING.iter().fold(set, |set, signal| set.with(*signal));
        }
        if pass_on {
            set = set.with(SIGCONT).with(SIGURG);
        }
        // Without it a signal ends this program, as it would have before.
        let _unblocked = sys::block_signals(set);
        Self { set, signalfd: sys::open_signalfd(set).ok(), pass_on }
    }

    /// Blocks what asks a server to end.
    pub(crate) fn endings() -> Self {
        const SIGINT: i32 = 2;
        const SIGTERM: i32 = 15;
        let set = SignalSet::empty().with(SIGHUP).with(SIGINT).with(SIGTERM);
        let _unblocked = sys::block_signals(set);
        Self { set, signalfd: sys::open_signalfd(set).ok(), pass_on: false }
    }

    /// Readable when a signal waits.
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.signalfd.as_ref().map(AsFd::as_fd)
    }

    /// Whether the container gets what this program is sent.
    pub(crate) fn passes_on(&self) -> bool {
        self.pass_on
    }

    /// The next signal that waits.
    pub(crate) fn next(&self) -> Option<Order> {
        let mut record = [0_u8; RECORD];
        let count = rustix::io::read(self.signalfd.as_ref()?, &mut record[..]).ok()?;
        let number =
            record.first_chunk().filter(|_| count == RECORD).map(|n| i32::from_ne_bytes(*n))?;
        Some(match number {
            SIGWINCH => Order::Resize,
            number if self.pass_on => Order::PassOn(number),
            number => Order::End(number),
        })
    }

    /// Lets signals end this program again. Those that still wait were meant for a container that has ended.
    pub(crate) fn release(self) {
        while self.next().is_some() {}
        let _never_fails = sys::unblock_signals(self.set);
    }

    /// Ends this program by a signal that it had held, so that whoever started it sees which one it was. Gives the exit code
    /// for the case that the signal is ignored.
    pub(crate) fn end_by(self, number: i32) -> i32 {
        self.release();
        if let Some(signal) = Signal::from_named_raw(number) {
            let _ignored = kill_process(getpid(), signal);
        }
        128 + number
    }
}
