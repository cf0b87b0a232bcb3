//! Calls that somebody outside answers in the kernel's place, see [`AskedCall`]: a prefix to a filter, which asks for these alone.
//! Sources: seccomp_unotify(2), linux/filter.h.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Architecture, Instruction, Listener, Program, action};

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_ALU | BPF_AND | BPF_K`, `BPF_RET | BPF_K`.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;
/// Places in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// A call that is answered from outside. Programs of another architecture than the machine's own make theirs without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedCall {
    /// mknod(2) and mknodat(2) of character devices.
    Mknod,
    /// mount(2) of what is not mounted yet, and umount2(2).
    Mount,
    /// sysinfo(2).
    Sysinfo,
}

impl AskedCall {
    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mknod => "mknod",
            Self::Mount => "mount",
            Self::Sysinfo => "sysinfo",
        }
    }

    /// Names, and what becomes of each.
    const fn rows(self) -> &'static [(&'static str, When)] {
        const ASK: u32 = action::NOTIFY;
        match self {
            Self::Mknod => {
                const MODE: Masked =
                    Masked { argument: 1, mask: libc::S_IFMT, value: libc::S_IFCHR };
                &[
                    ("mknod", When { is: Some(MODE), gives: ASK }),
                    ("mknodat", When { is: Some(Masked { argument: 2, ..MODE }), gives: ASK }),
                ]
            }
            // Changes of mounts that are there stay the filter's. With ENOSYS programs take mount(2) instead of the newer call.
            Self::Mount => &[
                (
                    "mount",
                    When { is: Some(Masked { argument: 3, mask: CHANGES, value: 0 }), gives: ASK },
                ),
                ("umount2", When { is: None, gives: ASK }),
                ("fsopen", When { is: None, gives: action::NOT_IMPLEMENTED }),
            ],
            Self::Sysinfo => &[("sysinfo", When { is: None, gives: ASK })],
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
struct When {
    /// Only where that holds; else it is as if nothing was said of it.
    is: Option<Masked>,
    /// What the filter gives.
    gives: u32,
}

/// That an argument has a value, as far as the mask goes. Of a register the lower half counts.
#[derive(Clone, Copy, Debug)]
struct Masked {
    argument: u8,
    mask: u32,
    value: u32,
}

/// MS_REMOUNT, MS_BIND and MS_MOVE, linux/mount.h: an int's, though the argument is a long.
const CHANGES: u32 = 0x20 | 0x1000 | 0x2000;

impl Program {
    /// The same filter, which asks at a socket for these calls; the socket is told later. Nothing when it asks somebody already: a
    /// process has one listener.
    #[must_use]
    pub fn asking(mut self, calls: &[AskedCall]) -> Option<Self> {
        if self.listener.is_some() {
            return None;
        }
        let native = Architecture::native();
        let rows = calls.iter().flat_map(|call| call.rows());
        let rows = rows.filter_map(|(name, when)| Some((native.number(name)?, *when)));
        let checks: Vec<Instruction> =
            rows.flat_map(|(number, when)| check(number, when)).collect();
        // At most 27 instructions: every jump fits.
        let beyond = u8::try_from(checks.len()).unwrap_or(u8::MAX);
        let own = [
            instruction(LOAD, 0, ARCHITECTURE),
            instruction(JUMP_IF_EQUAL, beyond, native.audit()),
        ];
        self.instructions.splice(0..0, own.into_iter().chain(checks));
        self.flags |= action::NEW_LISTENER;
        self.listener = Some(Listener::default());
        Some(self)
    }

    /// The same filter, whose asked calls no signal interrupts once somebody has begun to answer (Linux 5.19): one that was carried out is not
    /// begun anew.
    #[must_use]
    pub fn undisturbed(mut self) -> Self {
        self.flags |= action::WAIT_KILLABLE;
        self
    }

    /// The same filter; where it asks and nobody has said whom, at this socket.
    #[must_use]
    pub fn asking_at(mut self, path: impl FnOnce() -> PathBuf) -> Self {
        if let Some(listener) = &mut self.listener
            && listener.path.as_os_str().is_empty()
        {
            listener.path = path();
        }
        self
    }
}

fn check(number: u32, when: When) -> Vec<Instruction> {
    let load = instruction(LOAD, 0, NUMBER);
    let give = instruction(RETURN, 0, when.gives);
    let Some(Masked { argument, mask, value }) = when.is else {
        return vec![load, instruction(JUMP_IF_EQUAL, 1, number), give];
    };
    vec![
        load,
        instruction(JUMP_IF_EQUAL, 4, number),
        instruction(LOAD, 0, Architecture::native().low_word(argument)),
        instruction(AND, 0, mask),
        instruction(JUMP_IF_EQUAL, 1, value),
        give,
    ]
}

/// One that goes on to the next, or jumps so far where a comparison does not hold.
const fn instruction(code: u16, otherwise: u8, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: otherwise, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_listener_is_all_that_there_is() {
        let asking = Program::allowing().asking(&[AskedCall::Sysinfo]).unwrap();
        assert_eq!((asking.flags, asking.instructions.len()), (8, 6));
        assert_eq!(asking.clone().asking(&[AskedCall::Mknod]), None);
        let placed = asking.asking_at(|| "/run/x".into()).asking_at(|| "/run/y".into());
        assert_eq!(placed.listener.unwrap().path, std::path::Path::new("/run/x"));
        let both = Program::allowing().asking(&[AskedCall::Mknod, AskedCall::Sysinfo]).unwrap();
        assert_eq!(both.instructions.len(), 2 + 6 + 6 + 3 + 1);
        assert_eq!(both.instructions[1].jf, 15, "another architecture is not asked for");
        assert_eq!(Program::allowing().asking_at(|| "/x".into()), Program::allowing());
        let mounts = Program::allowing().asking(&[AskedCall::Mount]).unwrap();
        assert_eq!(mounts.instructions.len(), 2 + 6 + 3 + 3 + 1);
        assert_eq!(mounts.undisturbed().flags, 8 | 32);
    }
}
