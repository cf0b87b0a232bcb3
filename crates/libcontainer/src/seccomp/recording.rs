//! Which system calls a container makes: a filter of its own in which every call that is allowed, or refused with an errno, asks first,
//! and who answers. What comes of it is a profile that allows just these. Start at [`Program::recorded_by`] and [`Recorder`].
//!
//! The answer is what the container's own filter says, which comes with the listener, and is told registers alone as in the kernel: what
//! that refuses stays refused.
//! Once nobody answers any more every call of the container fails (ENOSYS): whoever records sees to it that it ends then.
//! Sources: seccomp(2) "SECCOMP_RET_USER_NOTIF", seccomp_unotify(2).

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sys::{Answer, Errno};

use super::architecture::Table;
use super::judge::judge;
use super::{Architecture, Door, Instruction, Listener, Program, action, wire};
use crate::wire::LISTENER_FLAGS;

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_RET | BPF_K`.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Places in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

impl Program {
    /// A filter that refuses nothing.
    #[must_use]
    pub fn allowing() -> Self {
        Self { instructions: vec![give(action::ALLOW)], flags: 0, listener: None }
    }

    /// The same filter, in which each call that ends neither process nor thread is first told to who listens at the socket `path`.
    #[must_use]
    pub fn recorded_by(mut self, path: &Path) -> Self {
        let metadata = wire::text(&self.instructions);
        for instruction in &mut self.instructions {
            let gives = instruction.k;
            let is_told = matches!(gives, action::ALLOW | action::LOG) || errno(gives).is_some();
            if instruction.code == RETURN && is_told {
                instruction.k = action::NOTIFY;
            }
        }
        // By this call the listener itself travels. No program gives it these flags.
        let native = Architecture::native();
        if let Some(number) = native.number("sendmsg") {
            let own = [
                instruction(LOAD, 0, ARCHITECTURE),
                instruction(JUMP_IF_EQUAL, 5, native.audit()),
                instruction(LOAD, 0, NUMBER),
                instruction(JUMP_IF_EQUAL, 3, number),
                instruction(LOAD, 0, native.low_word(2)),
                instruction(JUMP_IF_EQUAL, 1, LISTENER_FLAGS),
                give(action::ALLOW),
            ];
            self.instructions.splice(0..0, own);
        }
        self.flags |= action::NEW_LISTENER | action::WAIT_KILLABLE;
        self.listener = Some(Listener { path: path.to_owned(), metadata, ..Listener::default() });
        self
    }
}

/// One that goes on to the next, or jumps so far where a comparison does not hold.
const fn instruction(code: u16, otherwise: u8, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: otherwise, k }
}

const fn give(value: u32) -> Instruction {
    Instruction { code: RETURN, jt: 0, jf: 0, k: value }
}

/// The errno that a filter refuses a call with, if it does.
fn errno(gives: u32) -> Option<Errno> {
    let data = i32::try_from(gives & action::DATA).ok()?;
    (gives & !action::DATA == action::ERRNO).then(|| Errno::from_raw(data))
}

/// Answers the filters that [`Program::recorded_by`] made.
#[derive(Debug)]
pub struct Recorder {
    door: Door,
    /// With the filter that each is of, as it is without anybody who records.
    listeners: Vec<(OwnedFd, Vec<Instruction>)>,
    calls: Calls,
}

/// The calls that were made: of each architecture (`AUDIT_ARCH_…`) the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    allowed: BTreeSet<(u32, u32)>,
    refused: BTreeSet<(u32, u32, i32)>,
}

/// Names of calls by architecture.
pub type CallNames = BTreeMap<Architecture, BTreeSet<&'static str>>;

impl Recorder {
    /// Listens in a directory, at a socket of that name.
    ///
    /// # Errors
    /// EADDRINUSE when the name is taken.
    pub fn listen(directory: &Path, name: &str) -> Result<Self, Errno> {
        let door = Door::listen(directory, name)?;
        Ok(Self { door, listeners: Vec::new(), calls: Calls::default() })
    }

    /// Answers until nobody has the other end of `until`.
    #[must_use]
    pub fn run(mut self, until: BorrowedFd<'_>) -> Calls {
        while self.turn(until) {}
        self.calls
    }

    /// Waits once and answers what waits; false when it is over.
    fn turn(&mut self, until: BorrowedFd<'_>) -> bool {
        let mut polled = vec![
            PollFd::from_borrowed_fd(until, PollFlags::IN),
            PollFd::from_borrowed_fd(self.door.as_fd(), PollFlags::IN),
        ];
        polled.extend(self.listeners.iter().map(|(fd, _)| PollFd::new(fd, PollFlags::IN)));
        if poll(&mut polled, None::<&Timespec>).is_err() {
            return true;
        }
        let ready: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        let (first, listeners) = ready.split_at(2);
        for ((listener, program), ready) in self.listeners.iter().zip(listeners) {
            if ready.contains(PollFlags::IN) {
                answer(listener.as_fd(), program, &mut self.calls);
            }
        }
        // Nobody is under that filter any more.
        let mut ended =
            listeners.iter().map(|ready| ready.intersects(PollFlags::HUP | PollFlags::ERR));
        self.listeners.retain(|_| !ended.next().unwrap_or(false));
        if first.get(1).is_some_and(|ready| !ready.is_empty()) {
            let received = self.door.receive_with_words();
            // Without its filter nothing of it is answered with more than a refusal.
            self.listeners.extend(
                received
                    .map(|(listener, words)| (listener, wire::parse(&words).unwrap_or_default())),
            );
        }
        first.first().is_some_and(|ready| ready.is_empty())
    }
}

fn answer(listener: BorrowedFd<'_>, program: &[Instruction], calls: &mut Calls) {
    // Who was killed meanwhile needs no answer.
    let Ok(call) = sys::receive_notification(listener) else { return };
    let Ok(number) = u32::try_from(call.number) else { return };
    let refusal = judge(program, &call).map_or(Some(Errno::from_raw(libc::EPERM)), errno);
    let answer = match refusal {
        None => {
            calls.allowed.insert((call.architecture, number));
            Answer::Continue
        }
        Some(errno) => {
            calls.refused.insert((call.architecture, number, errno.raw()));
            Answer::Error(errno)
        }
    };
    let _gone = sys::answer_notification(listener, call.id, answer);
}

impl Calls {
    /// The names of the calls by architecture, and those that have none here.
    #[must_use]
    pub fn named(&self) -> (CallNames, Vec<(u32, u32)>) {
        let table = Table::get();
        let (mut named, mut nameless) = (BTreeMap::<_, BTreeSet<_>>::new(), Vec::new());
        for architecture in Architecture::all() {
            let made = |number| self.allowed.contains(&(architecture.audit(), number));
            let names = table.names();
            let names = names.filter(|name| table.number(architecture, name).is_some_and(made));
            let names: BTreeSet<&str> = names.collect();
            if !names.is_empty() {
                named.insert(architecture, names);
            }
        }
        let known = |audit: u32, number: u32| {
            named.iter().any(|(architecture, names): (&Architecture, &BTreeSet<&str>)| {
                architecture.audit() == audit
                    && names.iter().any(|name| table.number(*architecture, name) == Some(number))
            })
        };
        nameless.extend(self.allowed.iter().filter(|(audit, number)| !known(*audit, *number)));
        (named, nameless)
    }

    /// The calls that the container's filter refused, by their names where they have one, and with what.
    #[must_use]
    pub fn refused(&self) -> Vec<(String, Errno)> {
        let table = Table::get();
        let name = |audit: u32, number: u32| {
            let mut known = Architecture::all().filter(|known| known.audit() == audit);
            let found = known.find_map(|architecture| {
                let mut names = table.names();
                names.find(|name| table.number(architecture, name) == Some(number))
            });
            found.map_or_else(|| format!("{number} of architecture {audit:#x}"), str::to_owned)
        };
        let refused = self.refused.iter();
        refused
            .map(|(audit, number, errno)| (name(*audit, *number), Errno::from_raw(*errno)))
            .collect()
    }
}

impl FromIterator<(u32, u32)> for Calls {
    fn from_iter<T: IntoIterator<Item = (u32, u32)>>(calls: T) -> Self {
        Self { allowed: calls.into_iter().collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_or_refused_asks() {
        let program = Program {
            instructions: vec![give(action::ALLOW), give(action::LOG), give(0x0005_0001)],
            flags: 0,
            listener: None,
        };
        let recorded = program.recorded_by(Path::new("/run/x"));
        let given: Vec<u32> =
            recorded.instructions.iter().rev().take(3).map(|last| last.k).collect();
        assert_eq!(given, [action::NOTIFY; 3]);
        assert_eq!(recorded.flags, 40);
        let listener = recorded.listener.unwrap();
        assert_eq!(listener.path, Path::new("/run/x"));
        assert_eq!(listener.metadata, "000600007fff0000000600007ffc00000006000000050001");
    }

    #[test]
    fn numbers_have_names() {
        let native = Architecture::X86_64.audit();
        let x32 = super::super::architecture::X32_BIT;
        let calls: Calls =
            [(native, 0), (native, 1), (native, x32), (native, 9999), (7, 1)].into_iter().collect();
        let (named, nameless) = calls.named();
        assert_eq!(named[&Architecture::X86_64], BTreeSet::from(["read", "write"]));
        assert_eq!(named[&Architecture::X32], BTreeSet::from(["read"]));
        assert_eq!(nameless, [(7, 1), (native, 9999)]);
    }
}
