//! The attacks, each with the walls that stand in its way, and how the outermost of them is taken out. What they do is in `programs/`.

/// How a container becomes one in which an attack is not held, so that the test is known to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Falls {
    /// With these flags of `corten run`.
    With(&'static [&'static str]),
    /// In a root made by chroot(8) with a directory of the host left open, without any container: no flag takes this wall out.
    InAChroot,
    /// Nothing takes it out but a terminal, which another test gives it.
    OnATerminal,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Attack {
    /// As the program calls it.
    pub(crate) name: &'static str,
    /// What it tries.
    pub(crate) tries: &'static str,
    /// What stands in its way in a default container, outermost first.
    pub(crate) walls: &'static str,
    /// Where it is not held.
    pub(crate) falls: Falls,
    /// Only the container with limits is asked.
    pub(crate) is_hungry: bool,
}

const NOTHING: &[&str] = &[];
const ADMIN: &[&str] = &["--cap-add", "SYS_ADMIN"];
const UNFILTERED: &[&str] = &["--security-opt", "seccomp=unconfined"];
const UNMASKED: &[&str] = &["--security-opt", "systempaths=unconfined"];
const UNMASKED_MEMORY: &[&str] =
    &["--security-opt", "systempaths=unconfined", "--cap-add", "SYS_RAWIO"];
const PRIVILEGED: &[&str] = &["--privileged"];
const ON_HOST_PIDS: &[&str] = &["--pid", "host"];
const TRACER: &[&str] = &["--pid", "host", "--cap-add", "SYS_PTRACE"];
const NICE: &[&str] = &["--pid", "host", "--cap-add", "SYS_NICE"];
const ON_HOST_IPC: &[&str] = &["--ipc", "host"];
const ON_HOST_NETWORK: &[&str] = &["--network", "host"];
const ROOM: &[&str] = &[
    "--pids-limit",
    "-1",
    "--memory",
    "1g",
    "--shm-size",
    "128m",
    "--tmpfs",
    "/scratch",
    "--ulimit",
    "nofile=1024:1024",
];

const fn attack(
    name: &'static str,
    tries: &'static str,
    walls: &'static str,
    falls: &'static [&'static str],
) -> Attack {
    Attack { name, tries, walls, falls: Falls::With(falls), is_hungry: false }
}

const fn without_container(name: &'static str, tries: &'static str, walls: &'static str) -> Attack {
    Attack { name, tries, walls, falls: Falls::InAChroot, is_hungry: false }
}

const fn hungry(name: &'static str, tries: &'static str, walls: &'static str) -> Attack {
    Attack { name, tries, walls, falls: Falls::With(ROOM), is_hungry: true }
}

/// In the order of the programs.
pub(crate) const ATTACKS: &[Attack] = &[
    without_container(
        "chroot-escape",
        "leave the root by a chroot below it",
        "pivot_root; the old root is unmounted",
    ),
    without_container(
        "chroot-by-descriptor",
        "the same with an open directory",
        "pivot_root; the old root is unmounted",
    ),
    attack(
        "file-handle",
        "open the host's file by its handle (shocker)",
        "no CAP_DAC_READ_SEARCH; seccomp",
        &["--cap-add", "DAC_READ_SEARCH"],
    ),
    without_container(
        "open-descriptor",
        "a directory of the host that was left open (CVE-2024-21626)",
        "nothing is left open",
    ),
    attack(
        "root-of-a-process",
        "the root of a process of the host, by /proc",
        "pid namespace; no CAP_SYS_PTRACE",
        TRACER,
    ),
    attack(
        "join-mounts",
        "setns into the host's mounts",
        "pid namespace; no CAP_SYS_ADMIN; seccomp",
        &["--pid", "host", "--cap-add", "SYS_PTRACE", "--cap-add", "SYS_ADMIN"],
    ),
    attack(
        "disk",
        "mknod and read the host's disk",
        "devices group",
        &["--device-cgroup-rule", "b *:* rm"],
    ),
    attack("memory-device", "mknod /dev/mem", "devices group; no CAP_SYS_RAWIO", PRIVILEGED),
    attack("port-device", "mknod /dev/port", "devices group; no CAP_SYS_RAWIO", PRIVILEGED),
    attack(
        "kernel-log-device",
        "mknod /dev/kmsg",
        "devices group",
        &["--device-cgroup-rule", "c 1:11 rwm", "--cap-add", "SYSLOG"],
    ),
    attack(
        "console-device",
        "mknod the machine's console",
        "devices group",
        &["--device-cgroup-rule", "c 5:1 rwm"],
    ),
    attack(
        "loop-control",
        "mknod /dev/loop-control",
        "devices group",
        &["--device-cgroup-rule", "c 10:237 rwm"],
    ),
    attack("nodes-that-are-there", "any other node in /dev", "its own /dev", PRIVILEGED),
    attack(
        "sysrq-trigger",
        "press a key of the machine's keyboard",
        "/proc/sysrq-trigger is read-only",
        UNMASKED,
    ),
    attack(
        "core-pattern",
        "a program that the kernel runs for each crash",
        "/proc/sys is read-only",
        UNMASKED,
    ),
    attack(
        "kernel-parameters",
        "open any file of /proc/sys for writing",
        "/proc/sys is read-only",
        UNMASKED,
    ),
    attack(
        "files-of-proc",
        "open any other file of /proc for writing",
        "/proc/irq, bus, fs, dynamic_debug are read-only",
        UNMASKED,
    ),
    attack("files-of-sys", "open any file of /sys for writing", "/sys is read-only", PRIVILEGED),
    attack("memory-as-file", "read /proc/kcore", "it is masked; no CAP_SYS_RAWIO", UNMASKED_MEMORY),
    attack("keys-as-file", "read /proc/keys", "it is masked", UNMASKED),
    attack(
        "masked-files",
        "read timer_list, interrupts and their like",
        "they are masked",
        UNMASKED,
    ),
    attack("firmware", "read /sys/firmware and its like", "it is masked", UNMASKED),
    attack(
        "release-agent",
        "a program that the kernel runs for an empty group (CVE-2022-0492)",
        "control groups are read-only",
        PRIVILEGED,
    ),
    attack(
        "control-groups",
        "make a control group (CVE-2023-25809)",
        "control groups are read-only",
        PRIVILEGED,
    ),
    attack("mount", "mount a tmpfs", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("mount-proc", "mount a /proc without masks", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("mount-proc-by-descriptor", "the same by fsopen", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("remount-writable", "remount /proc/sys writable", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("mount-attributes", "the same by mount_setattr", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("copied-tree", "the same for a copy by open_tree", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("unmask", "unmount a mask", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack(
        "unmount-root",
        "unmount the root",
        "no CAP_SYS_ADMIN; seccomp; nothing is below it",
        ADMIN,
    ),
    attack("pivot-root", "another root", "no CAP_SYS_ADMIN; seccomp", PRIVILEGED),
    attack(
        "mount-of-the-kernel",
        "mount tracefs, debugfs and their like",
        "no CAP_SYS_ADMIN; seccomp",
        ADMIN,
    ),
    attack(
        "mount-control-groups",
        "mount a hierarchy of control groups again",
        "no CAP_SYS_ADMIN; seccomp",
        ADMIN,
    ),
    attack(
        "cover-proc",
        "a false /proc for who joins from outside",
        "no CAP_SYS_ADMIN; seccomp; who answers refuses it",
        ADMIN,
    ),
    attack(
        "cover-through-link",
        "the same by a target that becomes a link",
        "no CAP_SYS_ADMIN; seccomp; who answers looks it up once",
        ADMIN,
    ),
    attack(
        "cover-by-other-words",
        "the same by words that change while they are read",
        "no CAP_SYS_ADMIN; seccomp; who answers reads them once",
        ADMIN,
    ),
    attack(
        "bind-without-masks",
        "/proc at another place, without what covers it",
        "no CAP_SYS_ADMIN; seccomp",
        ADMIN,
    ),
    attack("make-shared", "mounts that others get", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack(
        "user-namespace",
        "every capability in a user namespace of its own",
        "seccomp",
        UNFILTERED,
    ),
    attack("user-namespace-by-clone", "the same by clone", "seccomp", UNFILTERED),
    attack(
        "user-namespace-by-clone3",
        "the same by clone3, whose flags no filter sees",
        "seccomp",
        UNFILTERED,
    ),
    attack(
        "calls-of-i386",
        "the same by the numbers of 32 bits",
        "seccomp, for all of a machine's numbers",
        UNFILTERED,
    ),
    attack(
        "calls-of-x32",
        "the same by the numbers of x32",
        "seccomp, for all of a machine's numbers",
        UNFILTERED,
    ),
    attack(
        "network-namespace",
        "a network namespace of its own",
        "no CAP_SYS_ADMIN; seccomp",
        ADMIN,
    ),
    attack("host-name", "set the host's name", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack(
        "load-module",
        "init_module",
        "no CAP_SYS_MODULE; seccomp",
        &["--cap-add", "SYS_MODULE"],
    ),
    attack(
        "load-module-by-descriptor",
        "finit_module",
        "no CAP_SYS_MODULE; seccomp",
        &["--cap-add", "SYS_MODULE"],
    ),
    attack(
        "remove-module",
        "delete_module",
        "no CAP_SYS_MODULE; seccomp",
        &["--cap-add", "SYS_MODULE"],
    ),
    attack("load-kernel", "kexec_load", "no CAP_SYS_BOOT; seccomp", PRIVILEGED),
    attack("load-kernel-by-descriptor", "kexec_file_load", "no CAP_SYS_BOOT; seccomp", PRIVILEGED),
    attack(
        "reboot",
        "reboot",
        "no CAP_SYS_BOOT; pid namespace; seccomp",
        &["--cap-add", "SYS_BOOT"],
    ),
    attack("swap", "swapon", "no CAP_SYS_ADMIN; seccomp", PRIVILEGED),
    attack("accounting", "acct", "no CAP_SYS_PACCT; seccomp", &["--cap-add", "SYS_PACCT"]),
    attack("quotas", "quotactl", "no CAP_SYS_ADMIN; seccomp", ADMIN),
    attack("time-zone", "settimeofday", "no CAP_SYS_TIME; seccomp", &["--cap-add", "SYS_TIME"]),
    attack("clock-rate", "adjtimex", "no CAP_SYS_TIME", &["--cap-add", "SYS_TIME"]),
    attack(
        "kernel-log",
        "syslog: read the kernel's log",
        "no CAP_SYSLOG; seccomp",
        &["--cap-add", "SYSLOG"],
    ),
    attack("bpf", "load what the kernel runs", "no CAP_SYS_ADMIN or CAP_BPF; seccomp", ADMIN),
    attack("perf-of-all", "perf_event_open for every process", "no CAP_PERFMON; seccomp", ADMIN),
    attack("perf-of-oneself", "perf_event_open for itself", "seccomp", UNFILTERED),
    attack("fault-handler", "userfaultfd, which wins races in the kernel", "seccomp", UNFILTERED),
    attack("call-ring", "io_uring, whose calls no filter sees", "seccomp", UNFILTERED),
    attack("some-ports", "ioperm", "no CAP_SYS_RAWIO; seccomp", &["--cap-add", "SYS_RAWIO"]),
    attack("all-ports", "iopl", "no CAP_SYS_RAWIO; seccomp", &["--cap-add", "SYS_RAWIO"]),
    attack("old-personality", "memory without random places", "seccomp", UNFILTERED),
    attack(
        "watch-files",
        "fanotify for all of the host's file system",
        "no CAP_SYS_ADMIN; seccomp",
        ADMIN,
    ),
    attack(
        "precedence",
        "run before every other process",
        "no CAP_SYS_NICE",
        &["--cap-add", "SYS_NICE"],
    ),
    attack("vsock", "a socket to the machine's own host", "seccomp", UNFILTERED),
    attack("ciphers", "a socket of the kernel's ciphers", "seccomp", UNFILTERED),
    attack(
        "read-memory",
        "process_vm_readv of a process of the host",
        "pid namespace; no CAP_SYS_PTRACE",
        TRACER,
    ),
    attack(
        "read-memory-as-file",
        "the same by /proc/PID/mem",
        "pid namespace; no CAP_SYS_PTRACE",
        TRACER,
    ),
    attack("trace", "ptrace a process of the host", "pid namespace; no CAP_SYS_PTRACE", TRACER),
    attack(
        "take-descriptor",
        "pidfd_getfd of a process of the host",
        "pid namespace; no CAP_SYS_PTRACE",
        TRACER,
    ),
    attack("send-signal", "signal a process of the host", "pid namespace", ON_HOST_PIDS),
    attack("change-limits", "change its limits", "pid namespace", ON_HOST_PIDS),
    attack("change-priority", "change its priority", "pid namespace; no CAP_SYS_NICE", NICE),
    attack(
        "memory-of-system-v",
        "shared memory of the host, by its key",
        "ipc namespace",
        ON_HOST_IPC,
    ),
    attack(
        "memory-of-posix",
        "shared memory of the host, by its name",
        "its own /dev/shm",
        ON_HOST_IPC,
    ),
    attack("keys-of-the-user", "a key of the host's root", "seccomp", UNFILTERED),
    without_container(
        "keys-of-the-session",
        "a key of whoever started the container",
        "a session keyring of its own; seccomp",
    ),
    attack("further-key", "use up root's quota of keys", "seccomp", UNFILTERED),
    attack(
        "abstract-socket",
        "a socket without a path, of the host (CVE-2020-15257)",
        "network namespace",
        ON_HOST_NETWORK,
    ),
    attack("loopback", "a service at 127.0.0.1 of the host", "network namespace", ON_HOST_NETWORK),
    attack("raw-frames", "frames of any sender", "network namespace", ON_HOST_NETWORK),
    attack(
        "interfaces",
        "change an interface",
        "no CAP_NET_ADMIN; network namespace",
        &["--cap-add", "NET_ADMIN"],
    ),
    attack(
        "audit",
        "the kernel's audit",
        "pid namespace; no CAP_AUDIT_CONTROL",
        &["--pid", "host", "--cap-add", "AUDIT_CONTROL"],
    ),
    Attack {
        name: "type-words",
        tries: "type for whoever shares the terminal (TIOCSTI)",
        walls: "a terminal of its own, or none",
        falls: Falls::OnATerminal,
        is_hungry: false,
    },
    attack("console-keys", "keys of the machine's console (TIOCLINUX)", "its own /dev", PRIVILEGED),
    attack(
        "set-user-id",
        "more rights by a program with the setuid bit",
        "no_new_privs, where it is asked for",
        NOTHING,
    ),
    hungry("processes", "300 processes", "--pids-limit"),
    hungry("memory", "256 MiB of memory", "--memory"),
    hungry("files-in-memory", "96 MiB in /dev/shm", "--shm-size, 64 MiB by default"),
    hungry("inodes", "2,000 files in a tmpfs", "nr_inodes"),
    hungry("open-files", "300 open files", "--ulimit nofile"),
];
