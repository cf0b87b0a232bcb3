//! The architectures of a profile: names, audit tokens, layout of arguments, and system call numbers by name.
//! Sources: config-linux.md "Seccomp", linux/audit.h, seccomp(2), the header of `syscalls.txt`.

use std::collections::HashMap;

/// The bit that marks an x32 call among those of AUDIT_ARCH_X86_64. seccomp(2), "architecture".
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// Where the private calls of arm begin (`breakpoint`, `set_tls` …): far above the common table.
pub(super) const ARM_PRIVATE: u32 = 0x000f_0000;

const LITTLE_ENDIAN: u32 = 0x4000_0000;
const BITS_64: u32 = 0x8000_0000;
const N32: u32 = 0x2000_0000;

/// An architecture that a profile can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the OCI's without SCMP_ARCH_")]
#[rustfmt::skip]
pub enum Architecture {
    X86, X86_64, X32, Arm, Aarch64, Loongarch64, M68k, Mips, Mips64, Mips64n32, Mipsel, Mipsel64, Mipsel64n32,
    Parisc, Parisc64, Ppc, Ppc64, Ppc64le, Riscv64, S390, S390x, Sh, Sheb,
}

/// What there is to know of an architecture.
struct Facts {
    architecture: Architecture,
    /// Without `SCMP_ARCH_`.
    name: &'static str,
    /// `AUDIT_ARCH_…`: the ELF machine and the flags above.
    audit: u32,
    wide: bool,
    /// Index of its column in `syscalls.txt`.
    column: usize,
    /// What is added to the numbers of the table.
    base: u32,
    /// Its socketcall(2) and ipc(2) carry other calls.
    multiplexes: bool,
}

const fn facts(architecture: Architecture) -> &'static Facts {
    &FACTS[architecture as usize]
}

const fn row(
    (architecture, name): (Architecture, &'static str),
    audit: u32,
    column: usize,
    base: u32,
    multiplexes: bool,
) -> Facts {
    // The two ABIs with 32-bit pointers on 64-bit machines are compared by their lower words, as libseccomp does.
    let wide =
        audit & BITS_64 != 0 && audit & N32 == 0 && !matches!(architecture, Architecture::X32);
    Facts { architecture, name, audit, wide, column, base, multiplexes }
}

use Architecture as A;

/// In the order of the enum.
#[rustfmt::skip]
static FACTS: [Facts; 23] = [
    row((A::X86, "X86"), 3 | LITTLE_ENDIAN, 0, 0, true),
    row((A::X86_64, "X86_64"), 62 | BITS_64 | LITTLE_ENDIAN, 1, 0, false),
    row((A::X32, "X32"), 62 | BITS_64 | LITTLE_ENDIAN, 2, X32_BIT, false),
    row((A::Arm, "ARM"), 40 | LITTLE_ENDIAN, 3, 0, false),
    row((A::Aarch64, "AARCH64"), 183 | BITS_64 | LITTLE_ENDIAN, 4, 0, false),
    row((A::Loongarch64, "LOONGARCH64"), 258 | BITS_64 | LITTLE_ENDIAN, 5, 0, false),
    row((A::M68k, "M68K"), 4, 6, 0, true),
    row((A::Mips, "MIPS"), 8, 7, 4000, true),
    row((A::Mips64, "MIPS64"), 8 | BITS_64, 8, 5000, false),
    row((A::Mips64n32, "MIPS64N32"), 8 | BITS_64 | N32, 9, 6000, false),
    row((A::Mipsel, "MIPSEL"), 8 | LITTLE_ENDIAN, 7, 4000, true),
    row((A::Mipsel64, "MIPSEL64"), 8 | BITS_64 | LITTLE_ENDIAN, 8, 5000, false),
    row((A::Mipsel64n32, "MIPSEL64N32"), 8 | BITS_64 | LITTLE_ENDIAN | N32, 9, 6000, false),
    row((A::Parisc, "PARISC"), 15, 10, 0, false),
    row((A::Parisc64, "PARISC64"), 15 | BITS_64, 11, 0, false),
    row((A::Ppc, "PPC"), 20, 12, 0, true),
    row((A::Ppc64, "PPC64"), 21 | BITS_64, 13, 0, true),
    row((A::Ppc64le, "PPC64LE"), 21 | BITS_64 | LITTLE_ENDIAN, 13, 0, true),
    row((A::Riscv64, "RISCV64"), 243 | BITS_64 | LITTLE_ENDIAN, 14, 0, false),
    row((A::S390, "S390"), 22, 15, 0, true),
    row((A::S390x, "S390X"), 22 | BITS_64, 16, 0, true),
    row((A::Sh, "SH"), 42 | LITTLE_ENDIAN, 17, 0, true),
    row((A::Sheb, "SHEB"), 42, 17, 0, true),
];

/// What this program runs on.
#[cfg(target_arch = "x86_64")]
const NATIVE: Architecture = Architecture::X86_64;
#[cfg(target_arch = "x86")]
const NATIVE: Architecture = Architecture::X86;
#[cfg(target_arch = "aarch64")]
const NATIVE: Architecture = Architecture::Aarch64;
#[cfg(target_arch = "arm")]
const NATIVE: Architecture = Architecture::Arm;
#[cfg(target_arch = "riscv64")]
const NATIVE: Architecture = Architecture::Riscv64;
#[cfg(all(target_arch = "powerpc64", target_endian = "little"))]
const NATIVE: Architecture = Architecture::Ppc64le;
#[cfg(all(target_arch = "powerpc64", target_endian = "big"))]
const NATIVE: Architecture = Architecture::Ppc64;
#[cfg(target_arch = "s390x")]
const NATIVE: Architecture = Architecture::S390x;
#[cfg(target_arch = "loongarch64")]
const NATIVE: Architecture = Architecture::Loongarch64;

impl Architecture {
    /// The architecture that this program was built for.
    #[must_use]
    pub const fn native() -> Self {
        NATIVE
    }

    /// By its name in a profile: `SCMP_ARCH_X86_64`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let bare = name.strip_prefix("SCMP_ARCH_")?;
        FACTS.iter().find(|facts| facts.name == bare).map(|facts| facts.architecture)
    }

    /// Its name in a profile.
    #[must_use]
    pub fn name(self) -> String {
        format!("SCMP_ARCH_{}", facts(self).name)
    }

    /// Every architecture.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|facts| facts.architecture)
    }

    /// What `seccomp_data.arch` holds under it, `AUDIT_ARCH_…`.
    #[must_use]
    pub const fn audit(self) -> u32 {
        facts(self).audit
    }

    /// The number of a system call, or nothing where the architecture lacks it.
    #[must_use]
    pub fn number(self, name: &str) -> Option<u32> {
        Table::get().number(self, name)
    }

    /// Arguments are compared as 64-bit values, not by their lower words only.
    pub(super) const fn is_wide(self) -> bool {
        facts(self).wide
    }

    /// Where the lower word of an argument is in `seccomp_data`.
    pub(super) const fn low_word(self, argument: u8) -> u32 {
        let high_first = facts(self).audit & LITTLE_ENDIAN == 0;
        16 + 8 * argument as u32 + if high_first { 4 } else { 0 }
    }

    /// Where the upper word of an argument is in `seccomp_data`.
    pub(super) const fn high_word(self, argument: u8) -> u32 {
        self.low_word(argument) ^ 4
    }

    /// The call that carries `name` on this architecture and the value of its first argument, see socketcall(2), ipc(2).
    pub(super) fn carrier(self, name: &str) -> Option<(&'static str, u64)> {
        let within =
            |table: &[(&str, u64)]| table.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        if !facts(self).multiplexes {
            return None;
        }
        within(SOCKET_CALLS)
            .map(|value| ("socketcall", value))
            .or_else(|| within(IPC_CALLS).map(|value| ("ipc", value)))
    }
}

/// linux/net.h.
#[rustfmt::skip]
const SOCKET_CALLS: &[(&str, u64)] = &[
    ("socket", 1), ("bind", 2), ("connect", 3), ("listen", 4), ("accept", 5), ("getsockname", 6), ("getpeername", 7),
    ("socketpair", 8), ("send", 9), ("recv", 10), ("sendto", 11), ("recvfrom", 12), ("shutdown", 13), ("setsockopt", 14),
    ("getsockopt", 15), ("sendmsg", 16), ("recvmsg", 17), ("accept4", 18), ("recvmmsg", 19), ("sendmmsg", 20),
];

/// linux/ipc.h.
#[rustfmt::skip]
const IPC_CALLS: &[(&str, u64)] = &[
    ("semop", 1), ("semget", 2), ("semctl", 3), ("semtimedop", 4), ("msgsnd", 11), ("msgrcv", 12), ("msgget", 13),
    ("msgctl", 14), ("shmat", 21), ("shmdt", 22), ("shmget", 23), ("shmctl", 24),
];

/// The table of numbers, read once for each compilation.
pub(super) struct Table(HashMap<&'static str, &'static str>);

impl Table {
    pub(super) fn get() -> Self {
        let lines = include_str!("syscalls.txt").lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(|line| line.split_once(' ')).collect())
    }

    /// The number of a system call, or nothing where the architecture lacks it.
    pub(super) fn number(&self, architecture: Architecture, name: &str) -> Option<u32> {
        let Facts { column, base, .. } = facts(architecture);
        let number = self.0.get(name)?.split(' ').nth(*column)?;
        Some(base + number.parse::<u32>().ok()?)
    }

    /// Every name.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

/// Every system call name of every architecture, unsorted.
pub fn system_call_names() -> impl Iterator<Item = &'static str> {
    Table::get().names().collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_the_order_of_the_enum() {
        for (index, facts) in FACTS.iter().enumerate() {
            assert_eq!(facts.architecture as usize, index, "{}", facts.name);
            assert_eq!(
                Architecture::from_name(&facts.architecture.name()),
                Some(facts.architecture)
            );
        }
    }

    #[test]
    fn each_line_has_a_number_or_a_dash_for_each_column() {
        for line in include_str!("syscalls.txt").lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split(' ').collect();
            assert_eq!(fields.len(), 19, "{line}");
            for field in &fields[1..] {
                assert!(*field == "-" || field.parse::<u32>().is_ok(), "{line}");
            }
        }
    }
}
