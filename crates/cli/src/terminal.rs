//! The caller's terminal: raw while a container has it, and given back as it was. Source: termios(3).

use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

/// How the terminal was before: for a panic, which does not drop anything where panics abort.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode, until it is dropped or the program panics.
#[derive(Debug)]
pub(crate) struct Raw(());

impl Raw {
    /// Nothing when standard input is no terminal.
    pub(crate) fn enter() -> Option<Self> {
        Self::make(Termios::make_raw)
    }

    /// The same, but what is printed still gets its carriage returns here: for a terminal inside that adds none.
    pub(crate) fn enter_with_newlines() -> Option<Self> {
        Self::make(|raw| {
            let output = raw.output_modes;
            raw.make_raw();
            raw.output_modes = output;
        })
    }

    fn make(change: impl FnOnce(&mut Termios)) -> Option<Self> {
        let stdin = rustix::stdio::stdin();
        let before = tcgetattr(stdin).ok()?;
        let mut raw = before.clone();
        change(&mut raw);
        *BEFORE.lock().ok()? = Some(before);
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // First: its words are to stand on a terminal that begins new lines.
            give_back();
            others(panic);
        }));
        tcsetattr(stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Held by nobody who could panic.
    let before = BEFORE.try_lock().ok().and_then(|mut before| before.take());
    if let Some(before) = before {
        // A terminal that is gone needs no settings.
        let _gone = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &before);
    }
}

/// Whether standard input is a terminal.
pub(crate) fn is_terminal() -> bool {
    isatty(rustix::stdio::stdin())
}

/// A line that is typed but not shown. Nothing when it is given up, by the interrupt key or the end of the input.
pub(crate) fn read_secret() -> std::io::Result<Option<String>> {
    // Raw, not only silent: the interrupt key would end the program before the terminal is given back.
    let _raw = Raw::enter().ok_or(std::io::ErrorKind::Unsupported)?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        let stdin = rustix::stdio::stdin();
        if rustix::io::retry_on_intr(|| rustix::io::read(stdin, &mut byte))? == 0 {
            return Ok(None);
        }
        match byte {
            [b'\r' | b'\n'] => break,
            // Interrupt; end of input. termios(3), VINTR and VEOF.
            [0x03 | 0x04] => return Ok(None),
            // Erase: the last letter, which may be several bytes. VERASE.
            [0x08 | 0x7f] => while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {},
            // Kill: the whole line. VKILL.
            [0x15] => line.clear(),
            [other] => line.push(other),
        }
    }
    Ok(Some(String::from_utf8(line).map_err(|_binary| std::io::ErrorKind::InvalidData)?))
}

/// Rows and columns of the first stream that is a terminal.
pub(crate) fn size() -> Option<(u16, u16)> {
    let streams: [BorrowedFd<'static>; 3] =
        [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    streams
        .into_iter()
        .find_map(|stream| tcgetwinsize(stream).ok())
        .map(|size| (size.ws_row, size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).unwrap();
        rustix::stdio::dup2_stdin(&slave).unwrap();
        let modes = || tcgetattr(&slave).unwrap().local_modes;
        let before = modes();
        let raw = Raw::enter();
        assert_ne!(modes(), before);
        // As where panics abort: nothing is dropped.
        std::mem::forget(raw);
        std::panic::catch_unwind(|| panic!("on purpose")).unwrap_err();
        assert_eq!(modes(), before);
    }
}
