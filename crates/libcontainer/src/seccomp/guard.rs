//! Keeps what a container may write bounded: without this, whoever owns a file in the first user namespace moves it to a project
//! that has no limit. Sources: ioctl_xfs_fssetxattr(2), seccomp(2), linux/filter.h.

use super::{Instruction, Program};

/// `BPF_LD | BPF_W | BPF_ABS`.
const LOAD: u16 = 0x20;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;

/// Places in `struct seccomp_data`; of the second argument the half that the kernel looks at.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const COMMAND: u32 = if cfg!(target_endian = "little") { 24 } else { 28 };

/// `SECCOMP_RET_ERRNO` with EPERM.
const REFUSE: u32 = 0x0005_0001;

/// Every way of this machine to call ioctl(2): `AUDIT_ARCH_…` of linux/audit.h, and the number of the call there.
#[cfg(target_arch = "x86_64")]
const CALLS: &[(u32, u32)] =
    &[(0xc000_003e, 16), (0xc000_003e, 0x4000_0000 + 514), (0x4000_0003, 54)];
#[cfg(target_arch = "aarch64")]
const CALLS: &[(u32, u32)] = &[(0xc000_00b7, 29), (0x4000_0028, 54)];
#[cfg(target_arch = "x86")]
const CALLS: &[(u32, u32)] = &[(0x4000_0003, 54)];
#[cfg(target_arch = "arm")]
const CALLS: &[(u32, u32)] = &[(0x4000_0028, 54)];
#[cfg(target_arch = "riscv64")]
const CALLS: &[(u32, u32)] = &[(0xc000_00f3, 29)];
#[cfg(target_arch = "loongarch64")]
const CALLS: &[(u32, u32)] = &[(0xc000_0102, 29)];
#[cfg(all(target_arch = "powerpc64", target_endian = "little"))]
const CALLS: &[(u32, u32)] = &[(0xc000_0015, 54)];
#[cfg(all(target_arch = "powerpc64", target_endian = "big"))]
const CALLS: &[(u32, u32)] = &[(0x8000_0015, 54), (20, 54)];
#[cfg(target_arch = "s390x")]
const CALLS: &[(u32, u32)] = &[(0x8000_0016, 54), (22, 54)];

impl Program {
    /// The same filter, which also refuses FS_IOC_FSSETXATTR. file_setattr(2), Linux 6.17, is for the profile to refuse, as
    /// Docker's does. Other calls than ioctl(2) stay in the kernel's cache of what is always allowed.
    #[must_use]
    pub fn keeping_projects(mut self) -> Self {
        let calls = CALLS.iter().flat_map(|(architecture, number)| {
            [
                instruction(LOAD, 0, ARCHITECTURE),
                instruction(JUMP_IF_EQUAL, 5, *architecture),
                instruction(LOAD, 0, NUMBER),
                instruction(JUMP_IF_EQUAL, 3, *number),
                instruction(LOAD, 0, COMMAND),
                instruction(JUMP_IF_EQUAL, 1, sys::SET_PROJECT_COMMAND),
                instruction(RETURN, 0, REFUSE),
            ]
        });
        self.instructions.splice(0..0, calls);
        self
    }
}

/// One that goes on to the next, or jumps so far where a comparison does not hold.
const fn instruction(code: u16, otherwise: u8, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: otherwise, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Architecture;

    #[test]
    fn the_calls_are_those_of_the_table_of_system_calls() {
        assert!(!CALLS.is_empty());
        for (audit, number) in CALLS {
            let mut numbers = Architecture::all()
                .filter(|architecture| architecture.audit() == *audit)
                .filter_map(|architecture| architecture.number("ioctl"));
            assert!(numbers.any(|own| own == *number), "{audit:x} {number}");
        }
        assert_eq!(CALLS[0].0, Architecture::native().audit());
    }
}
