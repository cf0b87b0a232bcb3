//! The texts of the default profiles, made for the parser that is there. Sources: apparmor.d(5), "ABI", "Signal rules", "Quotes".

use std::path::Path;

/// The default profiles' text, with the places that differ.
const TEMPLATE: &str = include_str!("default.profile");
/// Of an application.
const NO_MOUNTS: &str = "  # Mounts are made before the program begins. What hides parts of /proc and /sys stays where it is.
  deny mount,
  deny remount,
  deny pivot_root,
";
/// Shared memory's alone.
const FEW_SETTINGS: &str = "  deny /proc/sys/[^k]** wlkx,
  deny /proc/sys/k[^e]** wlkx,
  deny /proc/sys/kernel/[^s]** wlkx,
  deny /proc/sys/kernel/s[^h]** wlkx,
  deny /proc/sys/kernel/sh[^m]** wlkx,
";
/// Of a system: its init mounts file systems, and each of its services may have mounts of its own.
const MOUNTS: &str = "  # It mounts what its user namespace lets it. What hides parts of /proc and /sys stays where it is.
  mount,
  remount,
  pivot_root,
";
/// Its networks', its names, and those of System V's IPC.
const SETTINGS: &str = "  deny /proc/sys/[^kn]** wlkx,
  deny /proc/sys/n[^e]** wlkx,
  deny /proc/sys/ne[^t]** wlkx,
  deny /proc/sys/k[^e]** wlkx,
  deny /proc/sys/kernel/[^dhms]** wlkx,
  deny /proc/sys/kernel/d[^o]** wlkx,
  deny /proc/sys/kernel/h[^o]** wlkx,
  deny /proc/sys/kernel/ho[^s]** wlkx,
  deny /proc/sys/kernel/m[^s]** wlkx,
  deny /proc/sys/kernel/s[^eh]** wlkx,
  deny /proc/sys/kernel/se[^m]** wlkx,
  deny /proc/sys/kernel/sh[^m]** wlkx,
";
/// Whose names runtimes have where a distribution gives them a profile: crun(1) and runc(8) may kill what they run.
const RUNTIMES: [&str; 3] = ["unconfined", "runc", "crun"];
/// What the rules were written for. The parser knows the line since release 3.0, which brings the file; older ones refuse it.
const ABI: &str = "/etc/apparmor.d/abi/3.0";

/// A profile of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Containers that are told nothing.
    Application,
    /// Whole systems that are told nothing.
    System,
}

impl Standard {
    pub(crate) const ALL: [Self; 2] = [Self::Application, Self::System];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Application => "corten-default",
            Self::System => "corten-system",
        }
    }

    /// File of the state directory with the name of what was loaded as this one in this boot.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Application => "apparmor",
            Self::System => "apparmor-system",
        }
    }

    /// That of a name, where it is one's.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standard| standard.name() == name)
    }

    const fn whose(self) -> &'static str {
        match self {
            Self::Application => "Corten's containers",
            Self::System => "Corten's whole systems",
        }
    }

    const fn mounts(self) -> &'static str {
        match self {
            Self::Application => NO_MOUNTS,
            Self::System => MOUNTS,
        }
    }

    const fn settings(self) -> &'static str {
        match self {
            Self::Application => FEW_SETTINGS,
            Self::System => SETTINGS,
        }
    }
}

/// What of a machine decides about the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Whether the parser pins what rules mean.
    pub(crate) has_abi: bool,
    /// The profile that confines the engine itself.
    pub(crate) own: Option<String>,
}

impl Circumstances {
    /// Those of this machine.
    pub(crate) fn here() -> Self {
        Self { has_abi: Path::new(ABI).exists(), own: libcontainer::apparmor::own_label() }
    }
}

/// The text of one of ours under that name.
pub(crate) fn text(standard: Standard, name: &str, circumstances: &Circumstances) -> String {
    let abi = if circumstances.has_abi { "abi <abi/3.0>,\n" } else { "" };
    let own = circumstances.own.iter().map(String::as_str);
    let peers: String = RUNTIMES
        .into_iter()
        .chain(own)
        .map(|peer| format!("  signal (receive) peer={},\n", quoted(peer)))
        .collect();
    TEMPLATE
        .replace("@WHOSE@", standard.whose())
        .replace("@ABI@\n", abi)
        .replace("@MOUNTS@\n", standard.mounts())
        .replace("@SETTINGS@\n", standard.settings())
        .replace("@PEERS@\n", &peers)
        .replace("@NAME@", &quoted(name))
}

/// A name that stands for itself, whatever patterns it holds. What no text can hold is a blank that one character matches.
fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for character in name.chars() {
        match character {
            '*' | '?' | '[' | ']' | '{' | '}' | '^' | ',' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            '"' | '\0' | '\n' | '\r' => text.push('?'),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

/// Whether people can call a profile so: what begins with a slash would confine a program of that path, and with a colon it is in
/// another namespace.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.bytes().all(is_plain)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name != libcontainer::apparmor::UNCONFINED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_for_the_parser_and_for_who_stops_containers() {
        let old = text(Standard::Application, "corten-default", &Circumstances::default());
        assert!(!old.contains("abi <") && !old.contains("@NAME@"), "{old}");
        assert!(old.contains("\nprofile \"corten-default\" flags="), "{old}");
        assert!(old.contains("\n  signal (receive) peer=\"unconfined\",\n"), "{old}");
        let own = Some("/usr/bin/a,b{c}".to_owned());
        let new = text(Standard::Application, "web", &Circumstances { has_abi: true, own });
        assert!(new.contains("\nabi <abi/3.0>,\nprofile \"web\" flags="), "{new}");
        assert!(new.contains("  signal (receive) peer=\"/usr/bin/a\\,b\\{c\\}\",\n"), "{new}");
        assert!(new.contains("ptrace (trace, tracedby, read, readby) peer=\"web\","), "{new}");
    }

    #[test]
    fn a_system_mounts_and_sets_what_is_its_own() {
        let here = Circumstances::default();
        let [application, system] = Standard::ALL.map(|standard| text(standard, "x", &here));
        assert!(application.contains("\n  deny mount,\n") && !system.contains("deny mount"));
        assert!(system.contains("\n  mount,\n") && system.contains("sysrq-trigger rwlkx"));
        assert!(system.contains("# What Corten's whole systems may do"), "{system}");
        for text in [&application, &system] {
            assert!(!text.contains('@') || text.matches('@').count() == 1, "{text}");
        }
        assert_eq!(Standard::named("corten-system"), Some(Standard::System));
    }

    #[test]
    fn names() {
        for good in ["web", "corten-default", "a.b_c-1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "/usr/bin/x", ":ns:x", "unconfined", "-x", "a b", "a//&b", "x\n"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
