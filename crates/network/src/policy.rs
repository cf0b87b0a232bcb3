//! Whose rules a published port obeys. Start at [`PublishPolicy`]; what it needs of interfaces is in [`Detour`].

use serde::{Deserialize, Serialize};
use spec::network::HardwareAddress;

/// Whether the machine's own rules for what it receives hold for published ports, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishPolicy {
    /// They do not: a published port is open, as Docker has it.
    #[default]
    Open,
    /// They do: what comes from outside passes the machine's input chains with the machine's address and port before it is translated.
    RespectHost,
}

/// A pair of interfaces that a packet takes which the machine's input chains have let in: out by the one, in again by the other, where it is
/// translated as if it came only now.
///
/// ```text
/// client -> eth0 -> prerouting (untouched) -> input: the machine's chains -> ours: copied to `out`, the original dropped
///                   container <- forward <- prerouting (translated) <- `back` <-------+
/// ```
/// What follows on the connection is translated as it comes in by eth0, since the kernel keeps connections by their addresses alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detour {
    /// Where copies are sent.
    pub(crate) out: String,
    /// Where they come in.
    pub(crate) back: String,
}

impl PublishPolicy {
    /// As people write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::RespectHost => "respect-host",
        }
    }

    /// What people wrote.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Open, Self::RespectHost].into_iter().find(|policy| policy.word() == word)
    }
}

impl Detour {
    /// The hardware address of both of its ends.
    pub(crate) const HARDWARE: HardwareAddress = HardwareAddress::local([2, 0, 0, 0, 0, 1]);

    /// That of the tables of a name.
    pub(crate) fn of_tables(name: &str) -> Self {
        // An interface's name has at most 15 bytes.
        match name.strip_prefix("corten-") {
            None => Self { out: "corten-out".to_owned(), back: "corten-in".to_owned() },
            Some(rest) => {
                let rest: String = rest.chars().take(8).collect();
                Self { out: format!("out-{rest}"), back: format!("in-{rest}") }
            }
        }
    }
}
