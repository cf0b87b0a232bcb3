//! The system of an image, as os-release(5) names it.

use super::RootFiles;
use super::package::text;

/// What a system calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// `ID`: `debian`, `alpine`.
    pub id: String,
    /// `VERSION_ID`; empty where it rolls.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
}

impl System {
    /// `debian-12`, as qualifiers of package URLs have it.
    pub(super) fn distribution(&self) -> String {
        match (self.id.as_str(), self.version.as_str()) {
            ("", _) => String::new(),
            (id, "") => id.to_owned(),
            (id, version) => format!("{id}-{version}"),
        }
    }

    /// The name space of packages.
    pub(super) fn space<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.id.is_empty() { usual } else { &self.id }
    }
}

/// Reads the first of both files that is there.
pub(super) fn read(files: &RootFiles<'_>) -> Option<System> {
    let bytes =
        ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| (files.read)(path))?;
    let text = text(&bytes);
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let found = lines.rfind(|(name, _)| *name == key).map(|(_, value)| value);
        unquote(found.unwrap_or_default())
    };
    let system =
        System { id: value("ID"), version: value("VERSION_ID"), name: value("PRETTY_NAME") };
    (!system.id.is_empty()).then_some(system)
}

/// Shell quotes, and backslashes within them.
fn unquote(value: &str) -> String {
    let inner =
        ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut out = String::new();
    let mut letters = inner.unwrap_or(value).chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}
