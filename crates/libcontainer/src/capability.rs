//! Capabilities by name. Source: capabilities(7), linux/capability.h.

use crate::plan::CapabilityPlan;

/// Names without `CAP_`, by number.
#[rustfmt::skip]
const NAMES: [&str; 41] = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
    "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
    "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
];

/// What Docker gives a container by default.
#[rustfmt::skip]
pub const DEFAULT: [&str; 14] = [
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
];

/// The bit of a capability by its name, with or without `CAP_`, in any case; nothing for an unknown one.
#[must_use]
pub fn bit(name: &str) -> Option<u64> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    NAMES.iter().position(|known| *known == bare).map(|number| 1 << number)
}

/// Names of the capabilities in a set, `CAP_CHOWN` first.
pub fn names(set: u64) -> impl Iterator<Item = String> {
    NAMES
        .iter()
        .enumerate()
        .filter(move |(number, _)| set >> number & 1 == 1)
        .map(|(_, name)| format!("CAP_{name}"))
}

/// What is told of capabilities that a configuration gives and the caller has not: they cannot be given, and config.md,
/// "capabilities", lets a runtime go on without them. A process in another user namespace has others than its maker, so that
/// nothing is told of its own.
pub(crate) fn out_of_reach(sets: CapabilityPlan) -> Vec<String> {
    let own = rustix::thread::capabilities(None).map_or(all(), |own| own.permitted.bits());
    beyond(sets, own)
}

fn beyond(sets: CapabilityPlan, own: u64) -> Vec<String> {
    let CapabilityPlan { bounding, effective, inheritable, permitted, ambient } = sets;
    let asked = bounding | effective | inheritable | permitted | ambient;
    names(asked & !own)
        .map(|name| format!("process.capabilities: ignoring unavailable capability {name:?}"))
        .collect()
}

/// Every capability that this program knows.
#[must_use]
pub const fn all() -> u64 {
    (1 << NAMES.len()) - 1
}

/// How many capabilities this program knows.
pub(crate) const COUNT: usize = NAMES.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_lacks_is_told_once() {
        let sets = CapabilityPlan { bounding: 0b111, effective: 0b11, ..CapabilityPlan::default() };
        let told = ["process.capabilities: ignoring unavailable capability \"CAP_DAC_OVERRIDE\""];
        assert_eq!(beyond(sets, 0b101), told);
        assert_eq!(beyond(sets, all()), Vec::<String>::new());
    }

    #[test]
    fn numbers_are_the_kernels() {
        assert_eq!(
            (bit("CAP_CHOWN"), bit("sys_admin"), bit("CAP_CHECKPOINT_RESTORE")),
            (Some(1), Some(1 << 21), Some(1 << 40))
        );
        assert_eq!(bit("CAP_NOTHING"), None);
        let default: u64 = DEFAULT.iter().filter_map(|name| bit(name)).sum();
        assert_eq!(default, 0xa804_25fb, "Docker's default set");
        assert_eq!(names(default).count(), 14);
    }
}
