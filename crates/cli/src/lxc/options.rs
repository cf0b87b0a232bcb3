//! The options of LXC's tools, with the names that LXC gave them: those that all have, and lists of one tool or a few.

use crate::arguments::{Flag, many, maybe, one, switch};

/// Of every tool.
pub(crate) const COMMON: &[Flag] = &[
    many("P", "lxcpath", "directory", "Directory of the containers (default: that of lxc.conf)"),
    one("o", "logfile", "file", "Append errors and warnings to this file"),
    one("l", "logpriority", "level", "How much is logged, from TRACE to FATAL"),
    switch("q", "quiet", "Say nothing on standard error"),
    switch("", "usage", "Print how it is called"),
    switch("", "version", "Print the version"),
];

/// Of tools about one container, which also is the first word.
pub(super) const NAMED: &[Flag] = &[one("n", "name", "name", "The container")];

pub(super) const RCFILE: &[Flag] =
    &[one("", "rcfile", "file", "Read this in the place of the container's configuration")];

/// The same where it has a letter.
pub(super) const RCFILE_F: &[Flag] =
    &[one("f", "rcfile", "file", "Read this in the place of the container's configuration")];

pub(super) const START: &[Flag] = &[
    switch("d", "daemon", "Leave it running (default)"),
    switch("F", "foreground", "Stay with it, with this terminal as its console"),
    one("p", "pidfile", "file", "File that gets the pid of its first process"),
    one("c", "console", "file", "Its console: a device, a file, or none"),
    one("L", "console-log", "file", "What its console shows is written there, too"),
    switch("C", "close-all-fds", "Pass no descriptors on; none ever are"),
    many("s", "define", "KEY=VALUE", "Set a key of the configuration for this run"),
    one("", "share-net", "name", "Share the network of that container"),
    one("", "share-ipc", "name", "Share the IPC objects of that container"),
    one("", "share-uts", "name", "Share the host name of that container"),
    one("", "share-pid", "name", "Share the processes of that container"),
];

pub(super) const END_ALONE: &[Flag] = &[switch("", "forget", "It has no record afterwards")];

pub(super) const EXECUTE: &[Flag] = &[
    switch("d", "daemon", "Leave it running"),
    many("s", "define", "KEY=VALUE", "Set a key of the configuration for this run"),
    one("u", "uid", "uid", "User of the program inside"),
    one("g", "gid", "gid", "Group of the program inside"),
    one("", "share-net", "name", "Share the network of that container"),
    one("", "share-ipc", "name", "Share the IPC objects of that container"),
    one("", "share-uts", "name", "Share the host name of that container"),
    one("", "share-pid", "name", "Share the processes of that container"),
];

pub(super) const STOP: &[Flag] = &[
    switch("r", "reboot", "Ask it to start anew"),
    switch("W", "nowait", "Ask, and do not wait"),
    one("t", "timeout", "seconds", "How long it may take before it is killed (default 60)"),
    switch("k", "kill", "Kill it at once"),
    switch("", "nolock", "Take no lock; none is ever in the way"),
    switch("", "nokill", "Do not kill it when it takes too long"),
];

pub(super) const ATTACH: &[Flag] = &[
    maybe(
        "e",
        "elevated-privileges",
        "what",
        "With more rights than the container: CGROUP, CAP, LSM, or all",
    ),
    one("a", "arch", "architecture", "What uname(2) says of the machine"),
    one(
        "s",
        "namespaces",
        "list",
        "Enter these alone: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP",
    ),
    switch(
        "R",
        "remount-sys-proc",
        "With --namespaces but not MOUNT: see the container's processes in /proc",
    ),
    switch("", "clear-env", "Begin with an empty environment"),
    switch("", "keep-env", "Keep this environment (default)"),
    one("L", "pty-log", "file", "What the terminal shows is written there, too"),
    many("v", "set-var", "NAME=VALUE", "Set a variable"),
    many("", "keep-var", "NAME", "Keep this variable with --clear-env"),
    one("u", "uid", "uid", "User of the program inside"),
    one("g", "gid", "gid", "Group of the program inside"),
    one("c", "context", "label", "SELinux label of the program"),
];

pub(super) const INFO: &[Flag] = &[
    many("c", "config", "key", "Show a key of the configuration"),
    switch("i", "ips", "Show addresses"),
    switch("p", "pid", "Show the pid of its first process"),
    switch("S", "stats", "Show what it uses"),
    switch("H", "no-humanize", "Numbers and values alone"),
    switch("s", "state", "Show its state"),
];

pub(super) const LS: &[Flag] = &[
    switch("1", "line", "One name a line"),
    switch("f", "fancy", "A table"),
    one(
        "F",
        "fancy-format",
        "columns",
        "A table of these: NAME, STATE, PID, RAM, SWAP, AUTOSTART, GROUPS, INTERFACE, IPV4, IPV6, UNPRIVILEGED",
    ),
    switch("", "active", "Those that run or stand still"),
    switch("", "running", "Those that run"),
    switch("", "frozen", "Those that stand still"),
    switch("", "stopped", "Those that do not run"),
    switch("", "defined", "Those that have a configuration"),
    maybe(
        "",
        "nesting",
        "levels",
        "Containers in containers that run, so many levels deep (default 5)",
    ),
    one("", "filter", "pattern", "Those whose names match a regular expression"),
    one("g", "groups", "names", "Those that are in all of these groups"),
];

pub(super) const WAIT: &[Flag] = &[
    one(
        "s",
        "state",
        "states",
        "States with | between: STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED",
    ),
    one("t", "timeout", "seconds", "How long to wait"),
];

pub(super) const DESTROY: &[Flag] = &[
    switch("s", "snapshots", "Its snapshots, too"),
    switch("f", "force", "Kill it first where it runs"),
];

pub(super) const CREATE: &[Flag] = &[
    one("f", "config", "file", "What the configuration begins with (default: lxc.default_config)"),
    one("t", "template", "name", "What fills the root: a script, or none"),
    one("B", "bdev", "kind", "What keeps the root: dir, or none"),
    one("", "dir", "directory", "Where the root is (default: rootfs beside the configuration)"),
    one("", "lvname", "name", "Of volumes; refused"),
    one("", "vgname", "name", "Of volumes; refused"),
    one("", "thinpool", "name", "Of volumes; refused"),
    one("", "rbdname", "name", "Of block devices; refused"),
    one("", "rbdpool", "name", "Of block devices; refused"),
    one("", "zfsroot", "path", "Of data sets; refused"),
    one("", "fstype", "type", "Of images of disks; refused"),
    one("", "fssize", "size", "Of images of disks; refused"),
];

pub(super) const COPY: &[Flag] = &[
    one("N", "newname", "name", "The copy's name"),
    one("p", "newpath", "directory", "Directory of the copy (default: that of the original)"),
    switch("R", "rename", "Give the container another name in the place of a copy"),
    switch("s", "snapshot", "An overlay over the original's root"),
    switch("a", "allowrunning", "Although the original runs"),
    switch("F", "foreground", "Stay with an ephemeral one"),
    switch("d", "daemon", "Leave an ephemeral one running (default)"),
    switch("e", "ephemeral", "Start it, and remove it at its end"),
    many(
        "m",
        "mount",
        "KIND=SOURCE[:TARGET]",
        "Mount a directory into an ephemeral one: bind or overlay",
    ),
    one("B", "backingstorage", "kind", "What keeps the copy's root: dir or overlay"),
    switch("t", "tmpfs", "Keep what an ephemeral one writes in memory"),
    one("L", "fssize", "size", "Of block devices; refused"),
    switch("D", "keepdata", "Keep an ephemeral one's files"),
    switch("K", "keepname", "Keep the original's host name"),
    switch("M", "keepmac", "Keep the original's hardware addresses"),
];

pub(super) const SNAPSHOT: &[Flag] = &[
    switch("L", "list", "List them"),
    one("r", "restore", "snapshot", "Restore it"),
    one("N", "newname", "name", "Restore it as a container of this name"),
    one("d", "destroy", "snapshot", "Remove it, or ALL"),
    one("c", "comment", "file", "What to say of a new one"),
    switch("C", "showcomments", "List what was said of them, too"),
];

pub(super) const AUTOSTART: &[Flag] = &[
    switch("k", "kill", "Kill them in the place of starting them"),
    switch("L", "list", "List them, with their delays"),
    switch("r", "reboot", "Ask those that run to start anew"),
    switch("s", "shutdown", "Stop those that run"),
    switch("a", "all", "Whatever their groups are"),
    switch("A", "ignore-auto", "Although lxc.start.auto is not set"),
    many(
        "g",
        "groups",
        "names",
        "Those of these groups, with commas between, one group after the other; empty is those without",
    ),
    one("t", "timeout", "seconds", "How long each may take to stop (default 60)"),
];

pub(super) const CONSOLE: &[Flag] = &[
    one("t", "tty", "number", "Terminal; 0 is the console"),
    one("e", "escape", "key", "Key that goes before q to leave, such as ^a"),
];

pub(super) const MONITOR: &[Flag] = &[switch("Q", "quit", "End LXC's monitor; there is none")];

pub(super) const TOP: &[Flag] = &[
    one("d", "delay", "seconds", "Time between two looks (default 3)"),
    switch("b", "batch", "Lines for a file"),
    one("s", "sort", "key", "By n name, c CPU, b block devices, m memory, s swap, k kernel memory"),
    switch("r", "reverse", "The other way round"),
];

pub(super) const UNSHARE: &[Flag] = &[
    one(
        "s",
        "namespaces",
        "list",
        "New ones of these: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP",
    ),
    one("u", "user", "uid", "User, where USER is new"),
    one("H", "hostname", "name", "Host name, where UTSNAME is new"),
    many("i", "ifname", "name", "Move this interface there, where NETWORK is new"),
    switch("d", "daemon", "Do not wait for it"),
    switch("M", "remount", "Mount /proc and /dev/shm anew"),
];

pub(super) const USERNSEXEC: &[Flag] = &[
    many("m", "map", "[ugb:]INSIDE:OUTSIDE:COUNT", "Which ids inside are which outside"),
    switch("s", "script", "Say what is done"),
];

pub(super) const CHECKPOINT: &[Flag] = &[
    switch("r", "restore", "Go on from a checkpoint"),
    one("D", "checkpoint-dir", "directory", "Where the checkpoint is"),
    switch("v", "verbose", "CRIU's log in full"),
    one("A", "action-script", "program", "A program that CRIU runs on the way"),
    switch("s", "stop", "Stop it once it is written"),
    switch("p", "pre-dump", "Write memory alone, and leave it running"),
    one("", "predump-dir", "directory", "Memory that was written before"),
    switch("d", "daemon", "Leave it running (default)"),
    switch("F", "foreground", "Stay with it"),
];

pub(super) const CONFIG: &[Flag] = &[switch("l", "list", "List the keys")];

pub(super) const UPDATE_CONFIG: &[Flag] =
    &[one("c", "config", "file", "The configuration of before LXC 2.1")];
