//! Keys of LXC before 2.1 and what they are called now. Source: lxc-update-config(1), lxc.container.conf(5) of LXC 2.0.

use super::problem::Problem;

/// Old names, and new ones where there are.
pub(crate) const RENAMED: &[(&str, Option<&str>)] = &[
    ("lxc.aa_allow_incomplete", Some("lxc.apparmor.allow_incomplete")),
    ("lxc.aa_profile", Some("lxc.apparmor.profile")),
    ("lxc.console", Some("lxc.console.path")),
    ("lxc.devttydir", Some("lxc.tty.dir")),
    ("lxc.haltsignal", Some("lxc.signal.halt")),
    ("lxc.id_map", Some("lxc.idmap")),
    ("lxc.init_cmd", Some("lxc.init.cmd")),
    ("lxc.init_gid", Some("lxc.init.gid")),
    ("lxc.init_uid", Some("lxc.init.uid")),
    ("lxc.kmsg", None),
    ("lxc.limit", Some("lxc.prlimit")),
    ("lxc.logfile", Some("lxc.log.file")),
    ("lxc.loglevel", Some("lxc.log.level")),
    ("lxc.mount", Some("lxc.mount.fstab")),
    ("lxc.network", Some("lxc.net")),
    ("lxc.pivotdir", None),
    ("lxc.pts", Some("lxc.pty.max")),
    ("lxc.rebootsignal", Some("lxc.signal.reboot")),
    ("lxc.rootfs", Some("lxc.rootfs.path")),
    ("lxc.rootfs.backend", None),
    ("lxc.se_context", Some("lxc.selinux.context")),
    ("lxc.seccomp", Some("lxc.seccomp.profile")),
    ("lxc.stopsignal", Some("lxc.signal.stop")),
    ("lxc.syslog", Some("lxc.log.syslog")),
    ("lxc.tty", Some("lxc.tty.max")),
    ("lxc.utsname", Some("lxc.uts.name")),
];

/// What becomes of an old key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Successor {
    /// Another name.
    Key(String),
    /// The key of a network: of the one that is named, or of the one that was begun last.
    Network(Option<String>, String),
    /// Nothing.
    None,
}

/// What becomes of a key; nothing when it is none of before LXC 2.1.
pub(crate) fn successor(key: &str) -> Option<Successor> {
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == key) {
        return Some(new.map_or(Successor::None, |new| Successor::Key(new.to_owned())));
    }
    if let Some(name) = key.strip_prefix("lxc.limit.") {
        return Some(Successor::Key(format!("lxc.prlimit.{name}")));
    }
    let rest = key.strip_prefix("lxc.network.")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.split_at(digits) {
        ("", key) => Some(Successor::Network(None, network_key(key))),
        (number, "") => Some(Successor::Key(format!("lxc.net.{number}"))),
        (number, key) => {
            let key = network_key(key.strip_prefix('.')?);
            Some(Successor::Network(Some(number.to_owned()), key))
        }
    }
}

fn network_key(key: &str) -> String {
    match key {
        "ipv4" | "ipv6" => format!("{key}.address"),
        other => other.to_owned(),
    }
}

/// The refusal of an old key; nothing when it is none.
pub(crate) fn named(key: &str) -> Option<Problem> {
    let renamed = |successor| Problem::Renamed { key: key.to_owned(), successor };
    Some(match successor(key)? {
        Successor::Key(new) => renamed(new),
        Successor::Network(number, rest) => {
            renamed(format!("lxc.net.{}.{rest}", number.as_deref().unwrap_or("NUMBER")))
        }
        Successor::None => Problem::Gone { key: key.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn old_keys_are_named_with_their_successors() {
        let refusal = |key| keys::find(key).map(|_| ()).expect_err(key).to_string();
        assert_eq!(
            refusal("lxc.utsname"),
            "key lxc.utsname is of LXC before 2.1 and is called lxc.uts.name now"
        );
        for (key, new) in [
            ("lxc.limit.nofile", "lxc.prlimit.nofile"),
            ("lxc.network.ipv4", "lxc.net.NUMBER.ipv4.address"),
            ("lxc.network.ipv4.gateway", "lxc.net.NUMBER.ipv4.gateway"),
            ("lxc.network.2.ipv6", "lxc.net.2.ipv6.address"),
            ("lxc.network.2", "lxc.net.2"),
        ] {
            assert!(
                refusal(key).ends_with(&format!("called {new} now")),
                "{key}: {}",
                refusal(key)
            );
        }
        assert!(refusal("lxc.kmsg").ends_with("has no successor"));
    }

    #[test]
    fn successors_exist() {
        for (old, new) in RENAMED {
            assert!(new.is_none_or(|new| keys::find(new).is_ok()), "{old}");
        }
    }
}
