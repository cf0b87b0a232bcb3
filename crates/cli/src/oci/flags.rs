//! The flags of the face, with the names that runc gave them.

use crate::arguments::{Flag, many, one, switch};

/// Where a container comes from, and who is told of it.
pub(super) const PLACE: &[Flag] = &[
    one("b", "bundle", "directory", "Directory of the bundle (default: the working directory)"),
    one(
        "",
        "console-socket",
        "socket",
        "Unix socket that gets the master of the container's terminal",
    ),
    one(
        "",
        "pidfd-socket",
        "socket",
        "Unix socket that gets a pidfd of the container's first process",
    ),
    one("", "pid-file", "file", "File that gets the pid of the container's first process"),
    switch("", "no-pivot", "Move the root instead of pivoting it: for a root in a ramdisk"),
];

pub(super) const CREATE: &[Flag] = &[
    switch("", "no-new-keyring", "Keep the caller's session keyring"),
    one("", "preserve-fds", "int", "Pass so many descriptors on, from 3 on"),
];

/// Whether this program stays with the container.
pub(super) const STAY: &[Flag] = &[
    switch("d", "detach", "Leave the container running"),
    switch("", "no-subreaper", "Do not adopt the container's orphans; this program never does"),
];

pub(super) const RUN: &[Flag] = &[switch("", "keep", "Keep the container after its end")];

/// What `checkpoint` and `restore` have in common.
pub(super) const CRIU: &[Flag] = &[
    one("", "image-path", "directory", "Directory of the images (default \"checkpoint\")"),
    one("", "work-path", "directory", "Directory of CRIU's log (default: that of the images)"),
    switch("", "tcp-established", "Allow established TCP connections"),
    switch("", "ext-unix-sk", "Allow Unix sockets whose other end is outside"),
    switch("", "shell-job", "Allow a session, or a terminal, of somebody outside"),
    switch("", "lazy-pages", "Copy memory when it is touched, see userfaultfd(2)"),
    switch("", "file-locks", "Allow file locks"),
    one(
        "",
        "manage-cgroups-mode",
        "soft|full|strict|ignore",
        "What is done about control groups (default \"soft\")",
    ),
    many("", "empty-ns", "namespace", "Make a namespace without what was in it: network, always"),
    switch("", "auto-dedup", "Free what a newer dump, or a restore, makes superfluous"),
];

pub(super) const CHECKPOINT: &[Flag] = &[
    one("", "parent-path", "directory", "Earlier images, relative to the new ones"),
    switch("", "leave-running", "Leave the container running"),
    switch("", "tcp-skip-in-flight", "Leave out TCP connections that are being made"),
    switch("", "link-remap", "Give open files without a name one for a while"),
    one("", "status-fd", "int", "Write a NUL byte there once pages can be asked for"),
    one("", "page-server", "ADDRESS:PORT", "Send memory there"),
    switch("", "pre-dump", "Write memory only, and leave the container running"),
];

pub(super) const RESTORE: &[Flag] = &[
    one("", "lsm-profile", "TYPE:NAME", "Another security profile than that of the dump"),
    one("", "lsm-mount-context", "context", "Another SELinux context for the mounts"),
];

pub(super) const SPEC: &[Flag] = &[
    one("b", "bundle", "directory", "Directory of the bundle (default: the working directory)"),
    switch("", "rootless", "For a user without rights"),
];

pub(super) const DELETE: &[Flag] =
    &[switch("f", "force", "Kill a container that runs; one that does not exist is no error")];

pub(super) const KILL: &[Flag] =
    &[switch("a", "all", "Send the signal to every process of the container")];

pub(super) const LIST: &[Flag] = &[
    one("f", "format", "table|json", "Form of the list (default \"table\")"),
    switch("q", "quiet", "Print ids only"),
];

pub(super) const PS: &[Flag] =
    &[one("f", "format", "table|json", "Form of the list (default \"table\")")];

pub(super) const EVENTS: &[Flag] = &[
    one("", "interval", "duration", "Time between two looks (default 5s)"),
    switch("", "stats", "Print what it uses now, and end"),
];

pub(super) const EXEC: &[Flag] = &[
    one(
        "",
        "console-socket",
        "socket",
        "Unix socket that gets the master of the process's terminal",
    ),
    one("", "pidfd-socket", "socket", "Unix socket that gets a pidfd of the process"),
    one("", "cwd", "directory", "Working directory of the process"),
    many("e", "env", "NAME=VALUE", "Set an environment variable"),
    switch("t", "tty", "Give the process a terminal"),
    one("u", "user", "UID[:GID]", "User and group of the process"),
    many("g", "additional-gids", "GID", "Supplementary group of the process"),
    one("p", "process", "file", "Configuration of the process, an OCI process object"),
    switch("d", "detach", "Leave the process running"),
    one("", "pid-file", "file", "File that gets the pid of the process"),
    one("", "process-label", "label", "SELinux label of the process"),
    one("", "apparmor", "profile", "AppArmor profile of the process"),
    switch("", "no-new-privs", "Set no_new_privs"),
    many("c", "cap", "capability", "Add a capability"),
    one("", "preserve-fds", "int", "Pass so many descriptors on, from 3 on"),
    many("", "cgroup", "[CONTROLLER,...:]PATH", "Run the process in a group below the container's"),
    switch("", "ignore-paused", "Join a container that stands still"),
    switch("", "no-subreaper", "Do not adopt the process's orphans; this program never does"),
];

pub(super) const UPDATE: &[Flag] = &[
    one("r", "resources", "file", "Limits as an OCI resources object; - for standard input"),
    one("", "blkio-weight", "int", "Weight of block I/O, 10 to 1000"),
    one("", "cpu-period", "int", "Microseconds of a CPU period"),
    one("", "cpu-quota", "int", "Microseconds of CPU time in a period; -1 is no limit"),
    one("", "cpu-burst", "int", "Microseconds of CPU time that may be saved up"),
    one("", "cpu-rt-period", "int", "Microseconds of a real-time period"),
    one("", "cpu-rt-runtime", "int", "Microseconds of real-time scheduling in a period"),
    one("", "cpu-share", "int", "Relative weight of CPU time"),
    one("", "cpuset-cpus", "list", "CPUs to run on"),
    one("", "cpuset-mems", "list", "Memory nodes to use"),
    one("", "cpu-idle", "int", "1 for SCHED_IDLE"),
    one("", "memory", "bytes", "Memory limit; -1 is no limit"),
    one("", "memory-reservation", "bytes", "Soft memory limit"),
    one("", "memory-swap", "bytes", "Limit of memory and swap together; -1 is no limit"),
    one("", "pids-limit", "int", "Number of processes; -1 is no limit"),
];
