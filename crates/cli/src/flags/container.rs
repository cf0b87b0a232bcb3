//! The flags of `run` and `create`, and those of Docker and Podman that are not there.

use crate::arguments::{Flag, many, one, switch};

/// What a container may use: `run` and `create` say it, `update` and `clone` say it anew.
pub(crate) const LIMITS: &[Flag] = &[
    one(
        "",
        "blkio-weight",
        "uint16",
        "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
    ),
    one("", "cpu-period", "int", "Limit CPU CFS (Completely Fair Scheduler) period"),
    one("", "cpu-quota", "int", "Limit CPU CFS (Completely Fair Scheduler) quota"),
    one("", "cpu-rt-period", "int", "Limit CPU real-time period in microseconds"),
    one("", "cpu-rt-runtime", "int", "Limit CPU real-time runtime in microseconds"),
    one("c", "cpu-shares", "int", "CPU shares (relative weight)"),
    one("", "cpus", "decimal", "Number of CPUs"),
    one("", "cpuset-cpus", "string", "CPUs in which to allow execution (0-3, 0,1)"),
    one("", "cpuset-mems", "string", "MEMs in which to allow execution (0-3, 0,1)"),
    one("m", "memory", "bytes", "Memory limit"),
    one("", "memory-reservation", "bytes", "Memory soft limit"),
    one(
        "",
        "memory-swap",
        "bytes",
        "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
    ),
    one("", "pids-limit", "int", "Tune container pids limit (set -1 for unlimited)"),
];

/// What else `run` and `create` share.
pub(crate) const CONTAINER: &[Flag] = &[
    many("", "add-host", "list", "Add a custom host-to-IP mapping (host:ip)"),
    many(
        "",
        "annotation",
        "map",
        "Add an annotation to the container (passed through to the OCI runtime)",
    ),
    many("a", "attach", "list", "Attach to STDIN, STDOUT or STDERR"),
    many("", "blkio-weight-device", "list", "Block IO weight (relative device weight)"),
    many("", "cap-add", "list", "Add Linux capabilities"),
    many("", "cap-drop", "list", "Drop Linux capabilities"),
    one("", "cgroup-parent", "string", "Optional parent cgroup for the container"),
    one("", "cgroupns", "string", "Cgroup namespace to use (host|private)"),
    one("", "cidfile", "string", "Write the container ID to the file"),
    many(
        "",
        "config",
        "config",
        "Give the container a config (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])",
    ),
    many(
        "",
        "device",
        "list",
        "Add a host device to the container, or a CDI device (vendor.com/class=name)",
    ),
    many("", "device-cgroup-rule", "list", "Add a rule to the cgroup allowed devices list"),
    many("", "device-read-bps", "list", "Limit read rate (bytes per second) from a device"),
    many("", "device-read-iops", "list", "Limit read rate (IO per second) from a device"),
    many("", "device-write-bps", "list", "Limit write rate (bytes per second) to a device"),
    many("", "device-write-iops", "list", "Limit write rate (IO per second) to a device"),
    switch(
        "",
        "disable-content-trust",
        "Has no effect: signatures are verified as the policy says (default true)",
    ),
    many("", "dns", "list", "Set custom DNS servers"),
    many("", "dns-option", "list", "Set DNS options"),
    many("", "dns-search", "list", "Set custom DNS search domains"),
    one("", "domainname", "string", "Container NIS domain name"),
    one("", "entrypoint", "string", "Overwrite the default ENTRYPOINT of the image"),
    many("e", "env", "list", "Set environment variables"),
    many("", "env-file", "list", "Read in a file of environment variables"),
    many(
        "",
        "env-merge",
        "list",
        "Set a variable in which ${NAME} stands for what the image says (Podman)",
    ),
    switch("", "explain", "Print what would be done, step by step, and do nothing"),
    many("", "expose", "list", "Expose a port or a range of ports"),
    one(
        "",
        "gpus",
        "gpu-request",
        "GPU devices to add to the container ('all' to pass all GPUs), by their CDI names",
    ),
    many("", "group-add", "list", "Add additional groups to join"),
    one("", "health-cmd", "string", "Command to run to check health"),
    one("", "health-interval", "duration", "Time between running the check (default 30s)"),
    one(
        "",
        "health-on-failure",
        "string",
        "What to do with an unhealthy container: \"none\", \"kill\", \"restart\" or \"stop\" (default \"none\")",
    ),
    one("", "health-retries", "int", "Consecutive failures needed to report unhealthy (default 3)"),
    one(
        "",
        "health-start-interval",
        "duration",
        "Time between running the check during the start period (default 5s)",
    ),
    one(
        "",
        "health-start-period",
        "duration",
        "Start period for the container to initialize, in which failures do not count (default 0s)",
    ),
    one("", "health-timeout", "duration", "Maximum time to allow one check to run (default 30s)"),
    one("h", "hostname", "string", "Container host name"),
    switch(
        "",
        "http-proxy",
        "Pass the caller's proxy variables into the container (default: those of Docker's config.json)",
    ),
    switch(
        "",
        "init",
        "Run an init inside the container that forwards signals and reaps processes",
    ),
    switch("i", "interactive", "Keep STDIN open even if not attached"),
    one("", "ip", "ip", "IPv4 address (e.g., 172.30.100.104)"),
    one("", "ip6", "ip", "IPv6 address (e.g., 2001:db8::33)"),
    one("", "ipc", "string", "IPC mode to use: private, shareable, host, none or container:NAME"),
    one("", "isolation", "string", "Container isolation technology: default"),
    many("l", "label", "list", "Set meta data on a container"),
    many("", "label-file", "list", "Read in a line delimited file of labels"),
    many("", "link", "list", "Add link to another container: NAME[:ALIAS]"),
    many("", "link-local-ip", "list", "Container IPv4/IPv6 link-local addresses"),
    one("", "log-driver", "string", "Logging driver for the container"),
    many("", "log-opt", "list", "Log driver options"),
    one("", "mac-address", "string", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    one("", "memory-swappiness", "int", "Tune container memory swappiness (0 to 100) (default -1)"),
    many("", "mount", "mount", "Attach a filesystem mount to the container"),
    one("", "name", "string", "Assign a name to the container"),
    many(
        "",
        "network",
        "network",
        "Connect a container to networks (NAME[,ip=,alias=,bandwidth=,...]), or to none, host, container:NAME or cni:NAME",
    ),
    many("", "network-alias", "list", "Add network-scoped alias for the container"),
    switch("", "no-healthcheck", "Disable any container-specified HEALTHCHECK"),
    switch("", "no-hostname", "Leave /etc/hostname as the image has it"),
    switch("", "no-hosts", "Leave /etc/hosts as the image has it"),
    switch("", "oom-kill-disable", "Disable OOM Killer"),
    one("", "oom-score-adj", "int", "Tune host's OOM preferences (-1000 to 1000)"),
    one("", "pid", "string", "PID namespace to use: host or container:NAME"),
    one("", "pidfile", "path", "Write the pid of the first process to the file"),
    one("", "platform", "string", "Image for this platform: OS/ARCHITECTURE[/VARIANT]"),
    switch("", "privileged", "Give extended privileges to this container"),
    many("p", "publish", "list", "Publish a container's port(s) to the host"),
    switch("P", "publish-all", "Publish all exposed ports to random ports"),
    one("", "pull", "string", "Pull image before running (\"always\", \"missing\", \"never\")"),
    switch("q", "quiet", "Suppress the pull output"),
    switch("", "read-only", "Mount the container's root filesystem as read only"),
    switch(
        "",
        "read-only-tmpfs",
        "With --read-only, mount a writable tmpfs on /run, /tmp and /var/tmp",
    ),
    switch("", "replace", "Remove the container that has the name first"),
    many("", "requires", "list", "Containers that are started before this one"),
    one(
        "",
        "restart",
        "string",
        "Restart policy to apply when a container exits: no, on-failure[:N], on-unhealthy[:N], always, unless-stopped (default \"no\")",
    ),
    switch("", "rm", "Automatically remove the container when it exits"),
    one("", "runtime", "string", "Runtime to use for this container: corten"),
    switch(
        "",
        "rootfs",
        "The first argument is a directory, not an image; what the container changes goes elsewhere",
    ),
    many(
        "",
        "secret",
        "secret",
        "Give the container a secret (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])",
    ),
    many("", "security-opt", "list", "Security Options"),
    one("", "shm-size", "bytes", "Size of /dev/shm (default 64m)"),
    one("", "stop-signal", "string", "Signal to stop the container"),
    one("", "stop-timeout", "int", "Timeout (in seconds) to stop a container"),
    many(
        "",
        "storage-opt",
        "list",
        "Storage driver options for the container: size=BYTES, on XFS or ext4 with project quotas",
    ),
    many("", "sysctl", "map", "Sysctl options"),
    one(
        "",
        "timeout",
        "int",
        "Seconds that the container may run before it is killed (default 0: without end)",
    ),
    many("", "tmpfs", "list", "Mount a tmpfs directory"),
    switch("t", "tty", "Allocate a pseudo-TTY"),
    one("", "tz", "string", "Time zone of the container, such as Europe/Zurich, or local"),
    many("", "ulimit", "ulimit", "Ulimit options"),
    one("", "umask", "string", "Umask of the container's processes (default 0022)"),
    many("", "unsetenv", "list", "Leave out a variable of the image"),
    switch("", "unsetenv-all", "Leave out all variables of the image"),
    one("u", "user", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
    one("", "userns", "string", "User namespace to use: host"),
    one("", "uts", "string", "UTS namespace to use: host"),
    many("v", "volume", "list", "Bind mount a volume"),
    one("", "volume-driver", "string", "Optional volume driver for the container (only \"local\")"),
    many("", "volumes-from", "list", "Mount volumes from the specified container(s)"),
    one("w", "workdir", "string", "Working directory inside the container"),
];

/// Flags of Docker's `run` and `create` that do not exist here yet: they are refused by name. Docker 28's, with their letters.
const LATER: &[(&str, &str)] =
    &[("", "link"), ("", "link-local-ip"), ("", "network-alias"), ("", "use-api-socket")];

/// The same of Podman's.
#[rustfmt::skip]
const LATER_OF_PODMAN: &[&str] = &[
    "arch", "authfile", "cert-dir", "cgroup-conf", "cgroups", "chrootdirs",
    "conmon-pidfile", "creds", "decryption-key", "env-host", "gidmap", "group-entry",
    "health-log-destination", "health-max-log-count", "health-max-log-size", "health-startup-cmd", "health-startup-interval", "health-startup-retries",
    "health-startup-success", "health-startup-timeout", "hosts-file", "hostuser", "image-volume", "init-ctr",
    "init-path", "os", "passwd", "passwd-entry", "personality", "pod",
    "pod-id-file", "preserve-fd", "preserve-fds", "rdt-class", "retry", "retry-delay",
    "rmi", "sdnotify", "seccomp-policy", "shm-size-systemd",
    "subgidname", "subuidname", "systemd", "tls-verify", "uidmap", "variant",
];

/// The same of `start`.
const LATER_OF_START: &[&str] = &["checkpoint", "checkpoint-dir"];

/// The whole name of a flag that Docker has and Corten has not yet, by its name or its letter.
pub(crate) fn later(command: &str, spelling: &str) -> Option<&'static str> {
    let found = LATER.iter().find(|(letter, name)| *name == spelling || *letter == spelling);
    let of_podman = || LATER_OF_PODMAN.iter().find(|name| **name == spelling).copied();
    match command {
        "run" | "create" => found.map(|(_, name)| *name).or_else(of_podman),
        "start" => LATER_OF_START.iter().find(|name| **name == spelling).copied(),
        _ => None,
    }
}
