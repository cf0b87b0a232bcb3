//! The default filter: what Docker's default profile allows (moby/profiles, seccomp/default.json, state of June 2026), arranged
//! by what each permission depends on.
//!
//! The filter for Docker's default capabilities is compiled ahead of time: `default_x86_64.bpf` holds its instructions, eight
//! bytes each, most significant first. `cargo run -p libcontainer --example seccomp_default > default_x86_64.bpf` writes it anew
//! when the test in this file says that it is stale.

use spec::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg, SyscallRule};

use super::architecture::Architecture;
use super::{Program, wire};
use crate::capability;

/// Allowed to everyone. `ptrace` and its kin bypassed filters before Linux 4.8; this program needs a newer kernel anyway.
const ALWAYS: &str = "
    _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown
    chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
    eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark
    fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock
    fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex
    futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu
    getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer
    getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32
    getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
    io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr
    listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier
    memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep
    newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect
    poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64
    recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir
    rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
    semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
    set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
    setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
    setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4
    sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat
    sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
    timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
    timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime
    utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
    process_vm_readv process_vm_writev ptrace";

/// Allowed with a capability in the bounding set.
#[rustfmt::skip]
const WITH_CAPABILITY: &[(&str, &str)] = &[
    ("CAP_BPF", "bpf"),
    ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    ("CAP_PERFMON", "perf_event_open"),
    ("CAP_SYSLOG", "syslog"),
    ("CAP_SYS_ADMIN", "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd
        setdomainname sethostname setns syslog umount umount2 unshare"),
    ("CAP_SYS_BOOT", "reboot"),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "delete_module finit_module init_module"),
    ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    ("CAP_SYS_PACCT", "acct"),
    ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
    ("CAP_SYS_RAWIO", "ioperm iopl"),
    ("CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    ("CAP_SYS_TTY_CONFIG", "vhangup"),
];

/// Allowed on some machines.
#[rustfmt::skip]
const ON_ARCHITECTURE: &[(&[Architecture], &str)] = &[
    (&[Architecture::X86_64, Architecture::X32], "arch_prctl modify_ldt"),
    (&[Architecture::X86], "modify_ldt"),
    (&[Architecture::Arm, Architecture::Aarch64],
        "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"),
    (&[Architecture::Ppc64le], "swapcontext sync_file_range2"),
    (&[Architecture::Riscv64], "riscv_flush_icache"),
    (&[Architecture::S390, Architecture::S390x], "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"),
];

/// Other ABIs that run on a machine.
#[rustfmt::skip]
const COMPANIONS: &[(Architecture, &[Architecture])] = &[
    (Architecture::X86_64, &[Architecture::X86, Architecture::X32]),
    (Architecture::Aarch64, &[Architecture::Arm]),
    (Architecture::Mips64, &[Architecture::Mips, Architecture::Mips64n32]),
    (Architecture::Mips64n32, &[Architecture::Mips, Architecture::Mips64]),
    (Architecture::Mipsel64, &[Architecture::Mipsel, Architecture::Mipsel64n32]),
    (Architecture::Mipsel64n32, &[Architecture::Mipsel, Architecture::Mipsel64]),
    (Architecture::S390x, &[Architecture::S390]),
    (Architecture::Riscv64, &[]),
    (Architecture::Loongarch64, &[]),
];

/// The kernel's crypto API, attack surface without use in containers. linux/socket.h.
const AF_ALG: u64 = 38;
/// The one family between the two.
const AF_NFC: u64 = 39;
/// Sockets to the hypervisor, which pass by the network namespace. linux/socket.h.
const AF_VSOCK: u64 = 40;

/// PER_LINUX, PER_LINUX32, both with UNAME26, and the question for the present one. personality(2).
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. clone(2).
const CLONE_NEW_NAMESPACES: u64 = 0x7e02_0000;

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The default profile for a container whose bounding set has these capabilities (`CAP_…`).
#[must_use]
pub fn default_profile<S: AsRef<str>>(capabilities: &[S]) -> Seccomp {
    default_profile_for(Architecture::native(), capabilities)
}

/// [`default_profile`] for another native architecture.
#[must_use]
pub fn default_profile_for<S: AsRef<str>>(native: Architecture, capabilities: &[S]) -> Seccomp {
    let has = |wanted: &str| capabilities.iter().any(|name| name.as_ref() == wanted);
    let mut syscalls = vec![allow(ALWAYS, Vec::new())];
    syscalls.extend(
        ON_ARCHITECTURE
            .iter()
            .filter(|(architectures, _)| architectures.contains(&native))
            .map(|(_, names)| allow(names, Vec::new())),
    );
    syscalls.extend(
        WITH_CAPABILITY
            .iter()
            .filter(|(capability, _)| has(capability))
            .map(|(_, names)| allow(names, Vec::new())),
    );
    syscalls.push(allow("socket", vec![first(SeccompOperator::Less, AF_ALG)]));
    syscalls.push(allow("socket", vec![first(SeccompOperator::Equal, AF_NFC)]));
    syscalls.push(allow("socket", vec![first(SeccompOperator::Greater, AF_VSOCK)]));
    for personality in PERSONALITIES {
        syscalls.push(allow("personality", vec![first(SeccompOperator::Equal, personality)]));
    }
    if !has("CAP_SYS_ADMIN") {
        // On s390 the stack comes before the flags. clone(2), "C library/kernel differences".
        let index = u32::from(matches!(native, Architecture::S390 | Architecture::S390x));
        let flags =
            SyscallArg { index, ..first(SeccompOperator::MaskedEqual, CLONE_NEW_NAMESPACES) };
        syscalls.push(allow("clone", vec![flags]));
        // Its flags are behind a pointer; with ENOSYS the C library falls back to clone.
        let action = SeccompAction::Errno;
        let names = vec!["clone3".to_owned()];
        syscalls.push(SyscallRule { names, action, errno_ret: Some(ENOSYS), args: Vec::new() });
    }
    let companions = COMPANIONS.iter().find(|(machine, _)| *machine == native);
    let companions = companions.map(|(_, others)| others.iter().map(|other| other.name()));
    Seccomp {
        default_action: SeccompAction::Errno,
        default_errno_ret: Some(EPERM),
        architectures: std::iter::once(native.name())
            .chain(companions.into_iter().flatten())
            .collect(),
        flags: Vec::new(),
        listener_path: None,
        listener_metadata: None,
        syscalls,
    }
}

/// The default profile as it was compiled ahead of time: for Docker's default capabilities on x86_64.
#[must_use]
pub fn default_program<S: AsRef<str>>(capabilities: &[S]) -> Option<Program> {
    let given = |name: &str| capabilities.iter().any(|given| given.as_ref() == name);
    let only_default = capabilities.iter().all(|name| capability::DEFAULT.contains(&name.as_ref()));
    if !cfg!(target_arch = "x86_64")
        || !only_default
        || !capability::DEFAULT.iter().all(|name| given(name))
    {
        return None;
    }
    let (words, _) = include_bytes!("default_x86_64.bpf").as_chunks::<8>();
    let instructions = words.iter().copied().map(wire::from_bytes).collect();
    Some(Program { instructions, flags: 0, listener: None })
}

fn allow(names: &str, args: Vec<SyscallArg>) -> SyscallRule {
    let names = names.split_ascii_whitespace().map(str::to_owned).collect();
    SyscallRule { names, action: SeccompAction::Allow, errno_ret: None, args }
}

/// A comparison of the first argument; for a mask, with 0.
const fn first(op: SeccompOperator, value: u64) -> SyscallArg {
    SyscallArg { index: 0, value, value_two: 0, op }
}

#[cfg(test)]
mod tests {
    use super::super::compile;
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_program_compiled_ahead_of_time_is_fresh() {
        let fresh = compile(&default_profile(&capability::DEFAULT)).unwrap();
        let ahead = default_program(&capability::DEFAULT).unwrap();
        assert_eq!(ahead, fresh, "run the example seccomp_default, see the head of this file");
        let mut other_order = capability::DEFAULT;
        other_order.reverse();
        assert_eq!(default_program(&other_order).unwrap(), fresh);
    }

    #[test]
    fn every_name_is_known() {
        let known: Vec<_> = super::super::system_call_names().collect();
        let all: Vec<_> = capability::names(capability::all()).collect();
        for native in Architecture::all() {
            for rule in default_profile_for(native, &all).syscalls {
                for name in rule.names {
                    assert!(known.contains(&name.as_str()), "{name}");
                }
            }
        }
    }
}
