//! A process in the foreground: signals are passed on to it, its terminal is the caller's, its exit code is ours.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::failure::Failure;
use crate::signals::{Held, Order};
use crate::terminal::{self, Raw};

/// What is taken before the process is made, so that no signal falls into the gap.
pub(super) struct Foreground {
    held: Held,
}

impl Foreground {
    pub(super) fn take(terminal: bool) -> Self {
        Self { held: Held::take(true, terminal) }
    }

    /// Serves the process until it ends; gives its exit code.
    pub(super) fn serve(self, process: &Process, master: Option<&OwnedFd>) -> Result<i32, Failure> {
        let raw = master.and_then(|_| Raw::enter_with_newlines());
        if let Some(master) = master {
            resize(master);
        }
        let mut input = master.is_some();
        let mut output = master.is_some();
        loop {
            let [ended, signal, typed, printed] = self.wait(process, master, input, output)?;
            if printed {
                // EIO: the last end of the slave was closed, pty(7).
                output = master.is_some_and(|master| copy(master.as_fd(), rustix::stdio::stdout()));
            }
            if typed {
                input = master.is_some_and(|master| copy(rustix::stdio::stdin(), master.as_fd()));
            }
            if signal {
                self.pass_on(process, master);
            }
            if ended && !(printed && output) {
                break;
            }
        }
        drop(raw);
        process.wait().map_err(|errno| Failure::Words(format!("wait for the process: {errno}")))
    }

    /// What there is to do.
    fn wait(
        &self,
        process: &Process,
        master: Option<&OwnedFd>,
        input: bool,
        output: bool,
    ) -> Result<[bool; 4], Failure> {
        let stdin = rustix::stdio::stdin();
        let watched: [Option<BorrowedFd<'_>>; 4] = [
            Some(process.pidfd()),
            self.held.as_fd(),
            Some(stdin).filter(|_| input),
            master.map(AsFd::as_fd).filter(|_| output),
        ];
        let mut polled: Vec<PollFd<'_>> = watched
            .iter()
            .flatten()
            .map(|descriptor| PollFd::from_borrowed_fd(*descriptor, PollFlags::IN))
            .collect();
        loop {
            match poll(&mut polled, None::<&Timespec>) {
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(errno) => {
                    let errno = sys::Errno::from(errno);
                    return Err(Failure::Words(format!("wait for the process: {errno}")));
                }
            }
        }
        let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
        Ok(watched.map(|watched| watched.is_some() && ready.next().unwrap_or(false)))
    }

    fn pass_on(&self, process: &Process, master: Option<&OwnedFd>) {
        match (self.held.next(), master) {
            (Some(Order::Resize), Some(master)) => resize(master),
            (Some(Order::PassOn(number) | Order::End(number)), _) => {
                // Ended meanwhile.
                let _gone = process.signal(number);
            }
            (Some(Order::Resize) | None, _) => {}
        }
    }
}

fn resize(master: &OwnedFd) {
    if let Some((rows, columns)) = terminal::size() {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let _hung_up = tcsetwinsize(master, size);
    }
}

/// Moves what there is; whether there may be more later. Its space is on the stack of those only that have a terminal.
#[inline(never)]
fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    let mut space = [0_u8; 32 * 1024];
    let Ok(count) = rustix::io::read(from, &mut space[..]) else { return false };
    let mut rest = &space[..count];
    while !rest.is_empty() {
        match rustix::io::write(to, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(_gone) => return false,
        }
    }
    count > 0
}
