//! Who heeds which key: the one place that decides it. What is refused is refused by name when a container that has the key
//! is started or made, never passed over.
//!
//! A key that is heeded may have values that are not: [`crate::mapping`] refuses those, with their key and the reason.

use super::keys::{self, Known};

/// Who heeds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The engine, by these fields of [`engine::config::ContainerConfig`].
    Engine(&'static str),
    /// Nobody needs to: it is so for every container, and another value is refused.
    Always(&'static str),
    /// Whoever starts, stops and lists containers, by this field of [`crate::mapping::Tools`].
    Tools(&'static str),
    /// A container that sets it does not start, for this reason.
    Refused(&'static str),
}

use Support::{Always, Engine, Refused, Tools};

const LABELLED_KEYRINGS: &str = "a session keyring has the label of its processes";
const NAMED_GROUP: &str =
    "a container's own group has a name of the engine's, below that of lxc.cgroup.dir";
const NO_ROUTER: &str =
    "the machine does not answer for a container's addresses: name a bridge by link";
const NO_SCRIPTS: &str = "no script is run for an interface: lxc.hook.start-host and lxc.hook.post-stop are run on the host";
const ONE_QUEUE: &str = "a pair has one queue each way";
const BRIDGES_VLANS: &str = "the VLANs of a port are its bridge's to set";
const MOUNTED_OUTSIDE: &str =
    "the root is mounted from outside: lxc.hook.pre-start prepares what it is made of";
const NO_PROXY: &str =
    "nobody here speaks the protocol of LXC's proxies; --security-opt emulate= has calls answered";

/// Every key; those of networks are written `lxc.net.*.KEY`.
const SUPPORT: &[(&str, Support)] = &[
    ("lxc.apparmor.allow_incomplete", Always("kernels that mediate no mounts are too old anyway")),
    (
        "lxc.apparmor.allow_nesting",
        Engine("security.profile_of_systems; with users of its own: security.nesting"),
    ),
    ("lxc.apparmor.profile", Engine("security.apparmor")),
    (
        "lxc.apparmor.raw",
        Refused(
            "profiles are loaded whole, by corten apparmor load, and named by lxc.apparmor.profile",
        ),
    ),
    ("lxc.arch", Engine("bits_32")),
    ("lxc.autodev", Always("every container has a /dev of its own")),
    ("lxc.autodev.tmpfs.size", Engine("mounts")),
    ("lxc.cap.drop", Engine("cap_add, cap_drop")),
    ("lxc.cap.keep", Engine("cap_add, cap_drop")),
    ("lxc.cgroup", Engine("limits, device_rules; other files: group_files")),
    ("lxc.cgroup.dir", Engine("cgroup_parent")),
    ("lxc.cgroup.dir.container", Refused(NAMED_GROUP)),
    ("lxc.cgroup.dir.container.inner", Refused(NAMED_GROUP)),
    ("lxc.cgroup.dir.monitor", Refused("a monitor stays in the group of whoever started it")),
    (
        "lxc.cgroup.dir.monitor.pivot",
        Refused(
            "a monitor is in none of its container's groups, so that it never has to leave one",
        ),
    ),
    ("lxc.cgroup.relative", Engine("cgroup_parent")),
    ("lxc.cgroup2", Engine("limits, device_rules; other files: group_files")),
    ("lxc.console.buffer.size", Engine("terminals.console_kept_bytes")),
    ("lxc.console.logfile", Engine("terminals.console_file; hooks: tools.hook_environment")),
    ("lxc.console.path", Engine("tty, terminals.console_device")),
    ("lxc.console.rotate", Engine("terminals.console_file")),
    ("lxc.console.size", Engine("terminals.console_file")),
    ("lxc.environment", Engine("env; hooks: tools.hook_environment")),
    ("lxc.environment.hooks", Tools("hook_environment")),
    ("lxc.environment.runtime", Engine("env")),
    ("lxc.ephemeral", Tools("ephemeral")),
    ("lxc.execute.cmd", Engine("command")),
    ("lxc.group", Tools("start.groups")),
    ("lxc.hook.autodev", Engine("inside_hooks")),
    ("lxc.hook.clone", Tools("hooks.clone")),
    ("lxc.hook.destroy", Tools("hooks.destroy")),
    ("lxc.hook.mount", Engine("inside_hooks")),
    ("lxc.hook.post-stop", Tools("hooks.post_stop")),
    ("lxc.hook.pre-mount", Refused(MOUNTED_OUTSIDE)),
    ("lxc.hook.pre-start", Tools("hooks.pre_start")),
    ("lxc.hook.start", Engine("inside_hooks")),
    ("lxc.hook.start-host", Tools("hooks.start_host")),
    ("lxc.hook.stop", Tools("hooks.stop")),
    ("lxc.hook.version", Tools("hooks.version, hook_environment")),
    ("lxc.idmap", Engine("sharing.users")),
    ("lxc.include", Always("the files are read where it stands")),
    ("lxc.init.cmd", Engine("command")),
    ("lxc.init.cwd", Engine("workdir")),
    ("lxc.init.gid", Engine("user")),
    ("lxc.init.groups", Engine("groups")),
    ("lxc.init.uid", Engine("user")),
    ("lxc.keyring.session", Always("every container has a session keyring of its own")),
    ("lxc.log.file", Tools("monitor.log_file")),
    ("lxc.log.level", Tools("monitor.log_level, hook_environment")),
    ("lxc.log.syslog", Tools("monitor.syslog")),
    ("lxc.monitor.signal.pdeath", Always("a container outlives its monitor")),
    ("lxc.monitor.unshare", Tools("monitor.unshare")),
    ("lxc.mount.auto", Engine("kernel_access; proc: security.unmasked_paths; shmounts: mounts")),
    ("lxc.mount.entry", Engine("mounts")),
    ("lxc.mount.fstab", Engine("mounts")),
    ("lxc.namespace.clone", Engine("sharing, network")),
    ("lxc.namespace.keep", Engine("sharing, network")),
    ("lxc.namespace.share", Engine("sharing, network")),
    ("lxc.no_new_privs", Engine("security.no_new_privileges")),
    ("lxc.prlimit", Engine("ulimits")),
    ("lxc.proc", Engine("oom_score_adj")),
    ("lxc.pty.max", Engine("terminals.most_pseudo")),
    ("lxc.rootfs.managed", Tools("root_managed")),
    ("lxc.rootfs.mount", Tools("hook_environment")),
    ("lxc.rootfs.options", Engine("rootfs; ro: read_only")),
    ("lxc.rootfs.path", Engine("rootfs")),
    ("lxc.sched.core", Engine("own_cores")),
    ("lxc.seccomp.allow_nesting", Always("a filter is loaded whether there is one already or not")),
    ("lxc.seccomp.notify.cookie", Refused(NO_PROXY)),
    ("lxc.seccomp.notify.proxy", Refused(NO_PROXY)),
    ("lxc.seccomp.profile", Engine("security.seccomp")),
    ("lxc.selinux.context", Engine("security.labels")),
    ("lxc.selinux.context.keyring", Refused(LABELLED_KEYRINGS)),
    ("lxc.signal.halt", Engine("stop_signal")),
    ("lxc.signal.reboot", Tools("signals.reboot")),
    ("lxc.signal.stop", Tools("signals.stop")),
    ("lxc.start.auto", Tools("start.enabled")),
    ("lxc.start.delay", Tools("start.delay_s")),
    ("lxc.start.order", Tools("start.order")),
    ("lxc.sysctl", Engine("sysctls")),
    ("lxc.time.offset.boot", Engine("clocks")),
    ("lxc.time.offset.monotonic", Engine("clocks")),
    ("lxc.tty.dir", Engine("terminals.directory")),
    ("lxc.tty.max", Engine("terminals.count")),
    ("lxc.uts.name", Engine("hostname")),
    ("lxc.net.*.flags", Engine("interfaces")),
    ("lxc.net.*.hwaddr", Engine("interfaces")),
    ("lxc.net.*.ipv4.address", Engine("interfaces")),
    ("lxc.net.*.ipv4.gateway", Engine("interfaces")),
    ("lxc.net.*.ipv6.address", Engine("interfaces")),
    ("lxc.net.*.ipv6.gateway", Engine("interfaces")),
    ("lxc.net.*.ipvlan.isolation", Engine("interfaces")),
    ("lxc.net.*.ipvlan.mode", Engine("interfaces")),
    ("lxc.net.*.l2proxy", Refused(NO_ROUTER)),
    ("lxc.net.*.link", Engine("interfaces")),
    ("lxc.net.*.macvlan.mode", Engine("interfaces")),
    ("lxc.net.*.mtu", Engine("interfaces")),
    ("lxc.net.*.name", Engine("interfaces")),
    ("lxc.net.*.script.down", Refused(NO_SCRIPTS)),
    ("lxc.net.*.script.up", Refused(NO_SCRIPTS)),
    ("lxc.net.*.type", Engine("network; others than none and empty: interfaces")),
    ("lxc.net.*.veth.ipv4.route", Engine("interfaces")),
    ("lxc.net.*.veth.ipv6.route", Engine("interfaces")),
    ("lxc.net.*.veth.mode", Engine("interfaces")),
    ("lxc.net.*.veth.n_rxqueues", Refused(ONE_QUEUE)),
    ("lxc.net.*.veth.n_txqueues", Refused(ONE_QUEUE)),
    ("lxc.net.*.veth.pair", Engine("interfaces")),
    ("lxc.net.*.veth.vlan.id", Refused(BRIDGES_VLANS)),
    ("lxc.net.*.veth.vlan.tagged.id", Refused(BRIDGES_VLANS)),
    ("lxc.net.*.vlan.id", Engine("interfaces")),
];

/// What a key that nobody decided on would be.
const UNDECIDED: Support = Refused("nobody heeds it");

/// Who heeds a key: a name of [`keys::KEYS`], or `lxc.net.*.` and one of [`keys::NETWORK_KEYS`].
#[must_use]
pub fn support(key: &str) -> Support {
    let found = SUPPORT.iter().find(|(name, _)| *name == key);
    found.map_or(UNDECIDED, |(_, support)| *support)
}

/// Who heeds a key as it stands in a configuration: `lxc.net.3.link` is `lxc.net.*.link`, and `lxc.sysctl.a` is `lxc.sysctl`. Nothing
/// for what is no key.
#[must_use]
pub fn support_of(key: &str) -> Option<Support> {
    Some(match keys::find(key).ok()? {
        Known::Plain(known) | Known::Named(known, _) => support(known.name),
        Known::OfNetwork(_, known) => support(&format!("lxc.net.*.{}", known.name)),
        Known::Hooks | Known::Networks | Known::Network(_) => return None,
    })
}

impl Support {
    /// Why a container that sets the key does not start; nothing where it may.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::Engine(_) | Self::Always(_) | Self::Tools(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{KEYS, NETWORK_KEYS};

    #[test]
    fn every_key_is_decided_on_once() {
        let networks = NETWORK_KEYS.iter().map(|key| format!("lxc.net.*.{}", key.name));
        let all: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).chain(networks).collect();
        let decided: Vec<&str> = SUPPORT.iter().map(|(name, _)| *name).collect();
        assert_eq!(decided, all);
    }
}
