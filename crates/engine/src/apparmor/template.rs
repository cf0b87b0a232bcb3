//! The text of the default profile, made for the parser that is there. Sources: apparmor.d(5), "ABI", "Signal rules", "Quotes".

use std::path::Path;

/// The default profile's text, with the places that differ.
const TEMPLATE: &str = include_str!("default.profile");
/// Whose names runtimes have where a distribution gives them a profile: crun(1) and runc(8) may kill what they run.
const RUNTIMES: [&str; 3] = ["unconfined", "runc", "crun"];
/// What the rules were written for. The parser knows the line since release 3.0, which brings the file; older ones refuse it.
const ABI: &str = "/etc/apparmor.d/abi/3.0";

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

/// The text of a profile of that name.
pub(crate) fn text(name: &str, circumstances: &Circumstances) -> String {
    let abi = if circumstances.has_abi { "abi <abi/3.0>,\n" } else { "" };
    let own = circumstances.own.iter().map(String::as_str);
    let peers: String = RUNTIMES
        .into_iter()
        .chain(own)
        .map(|peer| format!("  signal (receive) peer={},\n", quoted(peer)))
        .collect();
    TEMPLATE.replace("@ABI@\n", abi).replace("@PEERS@\n", &peers).replace("@NAME@", &quoted(name))
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
        let old = text("corten-default", &Circumstances::default());
        assert!(!old.contains("abi <") && !old.contains("@NAME@"), "{old}");
        assert!(old.contains("\nprofile \"corten-default\" flags="), "{old}");
        assert!(old.contains("\n  signal (receive) peer=\"unconfined\",\n"), "{old}");
        let own = Some("/usr/bin/a,b{c}".to_owned());
        let new = text("web", &Circumstances { has_abi: true, own });
        assert!(new.contains("\nabi <abi/3.0>,\nprofile \"web\" flags="), "{new}");
        assert!(new.contains("  signal (receive) peer=\"/usr/bin/a\\,b\\{c\\}\",\n"), "{new}");
        assert!(new.contains("ptrace (trace, tracedby, read, readby) peer=\"web\","), "{new}");
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
