//! A filter that is narrower than the default one, for services: what a program that serves does not need, and what kernel bugs were
//! found in. It is the default profile less some names, so that it never allows what that one refuses.
//!
//! Compiled ahead of time for a container without capabilities, see [`super::default_profile`]: `hardened_x86_64.bpf`.

use spec::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg, SyscallRule};

use super::architecture::Architecture;
use super::default_profile::default_profile_for;
use super::{Program, wire};

/// Looking into other processes, other machines' binary interfaces, clocks, mounts and their listing, and calls with a history: each
/// with no use in a program that serves.
#[rustfmt::skip]
const WITHOUT: &[&str] = &[
    "adjtimex", "clock_adjtime", "clock_adjtime64", "fanotify_mark", "kcmp", "listmount", "memfd_secret", "modify_ldt", "name_to_handle_at",
    "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "remap_file_pages", "socketcall", "statmount", "vmsplice",
];

/// AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, by which the C library asks for addresses. linux/socket.h.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// The profile for a container whose bounding set has these capabilities (`CAP_…`): of the machine's own binary interface alone.
#[must_use]
pub fn hardened_profile<S: AsRef<str>>(capabilities: &[S]) -> Seccomp {
    let native = Architecture::native();
    let mut profile = default_profile_for(native, capabilities);
    profile.architectures = vec![native.name()];
    for rule in &mut profile.syscalls {
        rule.names.retain(|name| name != "socket" && !WITHOUT.contains(&name.as_str()));
    }
    profile.syscalls.retain(|rule| !rule.names.is_empty());
    profile.syscalls.extend(FAMILIES.map(|value| SyscallRule {
        names: vec!["socket".to_owned()],
        action: SeccompAction::Allow,
        errno_ret: None,
        args: vec![SyscallArg { index: 0, value, value_two: 0, op: SeccompOperator::Equal }],
    }));
    profile
}

/// The profile as it was compiled ahead of time: without capabilities on x86_64.
#[must_use]
pub fn hardened_program<S: AsRef<str>>(capabilities: &[S]) -> Option<Program> {
    if !cfg!(target_arch = "x86_64") || !capabilities.is_empty() {
        return None;
    }
    let (words, _) = include_bytes!("hardened_x86_64.bpf").as_chunks::<8>();
    let instructions = words.iter().copied().map(wire::from_bytes).collect();
    Some(Program { instructions, flags: 0, listener: None })
}

#[cfg(test)]
mod tests {
    use super::super::compile;
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_program_compiled_ahead_of_time_is_fresh() {
        let none: [&str; 0] = [];
        let fresh = compile(&hardened_profile(&none)).unwrap();
        let ahead = hardened_program(&none).unwrap();
        assert_eq!(ahead, fresh, "run the example seccomp_default, see default_profile.rs");
    }

    #[test]
    fn every_name_that_is_left_out_is_one_of_the_default_profile() {
        let known: Vec<_> = super::super::system_call_names().collect();
        for name in WITHOUT {
            assert!(known.contains(name), "{name}");
        }
    }
}
