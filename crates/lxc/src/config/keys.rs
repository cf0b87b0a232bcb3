//! Every key that a container's configuration may have, as data. Start at [`find`].
//!
//! What a key's value is say the model's types; whether the engine heeds it says [`super::support`].

use super::legacy;
use super::problem::Problem;

/// One key of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// With `lxc.`; for keys of networks without `lxc.net.NUMBER.`.
    pub name: &'static str,
    /// How many values it takes, and of what names.
    pub form: Form,
    /// What LXC's tools show while it is not set.
    pub unset: &'static str,
    /// What an empty value sets, where it does not just forget.
    pub emptied: Option<&'static str>,
}

/// How values belong to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The last one counts.
    One,
    /// All count, in their order; an empty value forgets those before it.
    List,
    /// Any name behind the key's own; the last value of a name counts.
    Named,
    /// The same, but all values of a name count.
    NamedList,
    /// `lxc.include`: other files are read in its place.
    Order,
}

const fn one(name: &'static str, unset: &'static str) -> Key {
    Key { name, form: Form::One, unset, emptied: None }
}

const fn emptied(name: &'static str, unset: &'static str, emptied: &'static str) -> Key {
    Key { name, form: Form::One, unset, emptied: Some(emptied) }
}

const fn many(name: &'static str, form: Form) -> Key {
    Key { name, form, unset: "", emptied: None }
}

/// Where LXC mounts a container's root when nothing is said, as Debian's and Ubuntu's packages have it.
#[cfg(target_arch = "x86_64")]
pub const ROOT_MOUNT: &str = "/usr/lib/x86_64-linux-gnu/lxc/rootfs";
/// Where LXC mounts a container's root when nothing is said, as Debian's and Ubuntu's packages have it.
#[cfg(target_arch = "aarch64")]
pub const ROOT_MOUNT: &str = "/usr/lib/aarch64-linux-gnu/lxc/rootfs";
/// Where LXC mounts a container's root when nothing is said.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const ROOT_MOUNT: &str = "/usr/lib/lxc/rootfs";

/// All keys but those of networks, in the order of their names.
pub const KEYS: &[Key] = &[
    one("lxc.apparmor.allow_incomplete", "0"),
    one("lxc.apparmor.allow_nesting", "0"),
    one("lxc.apparmor.profile", ""),
    many("lxc.apparmor.raw", Form::List),
    one("lxc.arch", ""),
    emptied("lxc.autodev", "1", "0"),
    emptied("lxc.autodev.tmpfs.size", "0", "500000"),
    many("lxc.cap.drop", Form::List),
    many("lxc.cap.keep", Form::List),
    many("lxc.cgroup", Form::NamedList),
    one("lxc.cgroup.dir", ""),
    one("lxc.cgroup.dir.container", ""),
    one("lxc.cgroup.dir.container.inner", ""),
    one("lxc.cgroup.dir.monitor", ""),
    one("lxc.cgroup.dir.monitor.pivot", ""),
    one("lxc.cgroup.relative", "0"),
    many("lxc.cgroup2", Form::NamedList),
    one("lxc.console.buffer.size", "0"),
    one("lxc.console.logfile", ""),
    one("lxc.console.path", ""),
    one("lxc.console.rotate", "0"),
    one("lxc.console.size", "0"),
    many("lxc.environment", Form::List),
    many("lxc.environment.hooks", Form::List),
    many("lxc.environment.runtime", Form::List),
    one("lxc.ephemeral", "0"),
    one("lxc.execute.cmd", ""),
    many("lxc.group", Form::List),
    many("lxc.hook.autodev", Form::List),
    many("lxc.hook.clone", Form::List),
    many("lxc.hook.destroy", Form::List),
    many("lxc.hook.mount", Form::List),
    many("lxc.hook.post-stop", Form::List),
    many("lxc.hook.pre-mount", Form::List),
    many("lxc.hook.pre-start", Form::List),
    many("lxc.hook.start", Form::List),
    many("lxc.hook.start-host", Form::List),
    many("lxc.hook.stop", Form::List),
    one("lxc.hook.version", "0"),
    many("lxc.idmap", Form::List),
    many("lxc.include", Form::Order),
    one("lxc.init.cmd", ""),
    one("lxc.init.cwd", ""),
    one("lxc.init.gid", "0"),
    many("lxc.init.groups", Form::List),
    one("lxc.init.uid", "0"),
    one("lxc.keyring.session", "0"),
    one("lxc.log.file", ""),
    one("lxc.log.level", "NOTSET"),
    one("lxc.log.syslog", ""),
    emptied("lxc.monitor.signal.pdeath", "9", "0"),
    one("lxc.monitor.unshare", "0"),
    many("lxc.mount.auto", Form::List),
    many("lxc.mount.entry", Form::List),
    one("lxc.mount.fstab", ""),
    many("lxc.namespace.clone", Form::List),
    many("lxc.namespace.keep", Form::List),
    many("lxc.namespace.share", Form::Named),
    one("lxc.no_new_privs", "0"),
    many("lxc.prlimit", Form::Named),
    many("lxc.proc", Form::NamedList),
    one("lxc.pty.max", "0"),
    one("lxc.rootfs.managed", "1"),
    one("lxc.rootfs.mount", ROOT_MOUNT),
    one("lxc.rootfs.options", ""),
    one("lxc.rootfs.path", ""),
    one("lxc.sched.core", "0"),
    one("lxc.seccomp.allow_nesting", "0"),
    one("lxc.seccomp.notify.cookie", ""),
    one("lxc.seccomp.notify.proxy", ""),
    one("lxc.seccomp.profile", ""),
    one("lxc.selinux.context", ""),
    one("lxc.selinux.context.keyring", ""),
    one("lxc.signal.halt", "0"),
    one("lxc.signal.reboot", "0"),
    one("lxc.signal.stop", "0"),
    one("lxc.start.auto", "0"),
    one("lxc.start.delay", "0"),
    one("lxc.start.order", "0"),
    many("lxc.sysctl", Form::Named),
    one("lxc.time.offset.boot", "0ns"),
    one("lxc.time.offset.monotonic", "0ns"),
    one("lxc.tty.dir", ""),
    one("lxc.tty.max", "0"),
    one("lxc.uts.name", ""),
];

/// Keys of one network, in the order of their names.
pub const NETWORK_KEYS: &[Key] = &[
    one("flags", ""),
    one("hwaddr", ""),
    many("ipv4.address", Form::List),
    one("ipv4.gateway", ""),
    many("ipv6.address", Form::List),
    one("ipv6.gateway", ""),
    one("ipvlan.isolation", "bridge"),
    one("ipvlan.mode", "l3"),
    one("l2proxy", "0"),
    one("link", ""),
    one("macvlan.mode", "private"),
    one("mtu", ""),
    one("name", ""),
    one("script.down", ""),
    one("script.up", ""),
    one("type", "empty"),
    many("veth.ipv4.route", Form::List),
    many("veth.ipv6.route", Form::List),
    one("veth.mode", "bridge"),
    one("veth.n_rxqueues", ""),
    one("veth.n_txqueues", ""),
    one("veth.pair", ""),
    one("veth.vlan.id", ""),
    many("veth.vlan.tagged.id", Form::List),
    one("vlan.id", "0"),
];

/// What a key of a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'key> {
    /// A key of [`KEYS`].
    Plain(&'static Key),
    /// A name behind a key of [`KEYS`] that takes such.
    Named(&'static Key, &'key str),
    /// `lxc.hook`: all hooks at once.
    Hooks,
    /// `lxc.net`: all networks at once.
    Networks,
    /// `lxc.net.NUMBER`: one network as a whole.
    Network(u32),
    /// A key of [`NETWORK_KEYS`] of one network.
    OfNetwork(u32, &'static Key),
}

/// What a key is.
///
/// # Errors
/// [`Problem::UnknownKey`] with the nearest one, [`Problem::Renamed`] or [`Problem::Gone`] for keys of before LXC 2.1.
pub fn find(key: &str) -> Result<Known<'_>, Problem> {
    if let Ok(at) = KEYS.binary_search_by(|known| known.name.cmp(key)) {
        return Ok(Known::Plain(&KEYS[at]));
    }
    match key {
        "lxc.hook" => return Ok(Known::Hooks),
        "lxc.net" => return Ok(Known::Networks),
        _ => {}
    }
    if let Some(known) = key.strip_prefix("lxc.net.").and_then(of_network) {
        return Ok(known);
    }
    let named = KEYS.iter().filter(|known| matches!(known.form, Form::Named | Form::NamedList));
    for known in named {
        let name = key.strip_prefix(known.name).and_then(|rest| rest.strip_prefix('.'));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return Ok(Known::Named(known, name));
        }
    }
    Err(legacy::named(key).unwrap_or_else(|| unknown(key)))
}

fn of_network(rest: &str) -> Option<Known<'_>> {
    let (number, key) =
        rest.split_once('.').map_or((rest, None), |(number, key)| (number, Some(key)));
    if !number.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let number: u32 = number.parse().ok().filter(|number| *number < i32::MAX.unsigned_abs())?;
    let Some(key) = key else { return Some(Known::Network(number)) };
    let at = NETWORK_KEYS.binary_search_by(|known| known.name.cmp(key)).ok()?;
    Some(Known::OfNetwork(number, &NETWORK_KEYS[at]))
}

fn unknown(key: &str) -> Problem {
    // Longer ones are nobody's slip, and measuring distances takes time by their square.
    const MOST_BYTES: usize = 64;
    let plain = KEYS.iter().map(|known| known.name.to_owned());
    let (before, of_network) = network_prefix(key);
    let networks = NETWORK_KEYS.iter().map(|known| format!("{before}{}", known.name));
    let names = plain.chain(networks.filter(|_| of_network));
    let closest = (key.len() <= MOST_BYTES).then(|| spec::suggest::closest(key, names));
    Problem::UnknownKey {
        key: key.to_owned(),
        closest: closest.and_then(|found| found.into_iter().next()),
    }
}

/// `lxc.net.0.` of `lxc.net.0.anything`.
fn network_prefix(key: &str) -> (&str, bool) {
    let rest = key.strip_prefix("lxc.net.").unwrap_or_default();
    match rest.find('.') {
        Some(at) => (&key[..key.len() - rest.len() + at + 1], true),
        None => ("", false),
    }
}

/// Names that keys below a prefix have after it: `drop` and `keep` for `lxc.cap`.
pub fn below(prefix: &str) -> impl Iterator<Item = &'static str> {
    let rest = move |name: &'static str| name.strip_prefix(prefix)?.strip_prefix('.');
    KEYS.iter().filter_map(move |known| rest(known.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_as_the_search_wants_them() {
        for table in [KEYS, NETWORK_KEYS] {
            assert!(table.is_sorted_by(|a, b| a.name < b.name));
        }
    }

    #[test]
    fn keys_are_found() {
        let name = |key| match find(key) {
            Ok(Known::Plain(known)) => known.name.to_owned(),
            Ok(Known::Named(known, name)) => format!("{} {name}", known.name),
            Ok(Known::OfNetwork(number, known)) => format!("{number} {}", known.name),
            other => format!("{other:?}"),
        };
        for (key, wanted) in [
            ("lxc.cgroup.dir", "lxc.cgroup.dir"),
            ("lxc.cgroup.dir.container.inner", "lxc.cgroup.dir.container.inner"),
            ("lxc.cgroup.devices.allow", "lxc.cgroup devices.allow"),
            ("lxc.cgroup2.memory.max", "lxc.cgroup2 memory.max"),
            ("lxc.namespace.share.net", "lxc.namespace.share net"),
            ("lxc.net.12.veth.vlan.tagged.id", "12 veth.vlan.tagged.id"),
        ] {
            assert_eq!(name(key), wanted);
        }
        assert_eq!(find("lxc.net.3").ok(), Some(Known::Network(3)));
        for bad in [
            "lxc.net.0.",
            "lxc.net.x.type",
            "lxc.net.4294967296.type",
            "lxc.sysctl.",
            "lxc.",
            "lxc.net.+1.type",
        ] {
            assert!(find(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_nearest_key_is_named() {
        for (key, wanted) in [
            ("lxc.rootf.path", "lxc.rootfs.path"),
            ("lxc.utsname.", "lxc.uts.name"),
            ("lxc.net.7.hwadr", "lxc.net.7.hwaddr"),
        ] {
            let Err(Problem::UnknownKey { closest, .. }) = find(key) else { panic!("{key}") };
            assert_eq!(closest.as_deref(), Some(wanted), "{key}");
        }
    }

    #[test]
    fn keys_below_others_are_listed() {
        assert_eq!(below("lxc.cap").collect::<Vec<_>>(), ["drop", "keep"]);
        assert_eq!(below("lxc.cgroup.dir").count(), 4);
    }
}
