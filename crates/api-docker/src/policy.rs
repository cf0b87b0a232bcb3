//! Limits of a socket: which operations may be asked for, by whom, on which objects, and what containers may be made.
//!
//! A file has a table `[[socket]]` for each; docs/serve.md describes it. What it does not allow is refused. Start at [`Policy::read`]; requests come by
//! [`guard`], new containers by [`Policy::limit`].

mod builds;
mod containers;
mod guard;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use guard::{guard, limited};

use crate::accounts;
use crate::operation::{Effect, Operation};

/// What a socket is limited to.
#[derive(Clone, Debug)]
pub struct Policy {
    operations: BTreeSet<&'static str>,
    users: Option<BTreeSet<u32>>,
    groups: BTreeSet<u32>,
    labels: BTreeMap<String, String>,
    images: Option<Vec<String>>,
    mounts: Option<Vec<AllowedMount>>,
    privileged: bool,
}

/// A directory of the host that containers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedMount {
    path: PathBuf,
    read_only: bool,
}

/// A refusal, by the rule it comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by the rule {rule:?} of this socket: {why}")]
pub(crate) struct Refusal {
    /// `operations`, `labels`, `images` …
    pub(crate) rule: &'static str,
    /// What is not allowed.
    pub(crate) why: String,
}

impl Refusal {
    pub(crate) fn new(rule: &'static str, why: impl Into<String>) -> Self {
        Self { rule, why: why.into() }
    }
}

/// A socket of a policy's file: where it is, and its limits.
#[derive(Clone, Debug)]
pub struct LimitedSocket {
    /// Path of the socket.
    pub path: PathBuf,
    /// Its group.
    pub group: Option<u32>,
    /// Its permissions.
    pub mode: u32,
    /// What may be asked for.
    pub policy: Policy,
}

/// A policy's file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It is not understood.
    #[error("understand {}: {why}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    socket: Vec<Socket>,
}

/// One table, as people write it. What is not known is refused: a rule that is spelled wrong would be none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Socket {
    path: PathBuf,
    group: Option<String>,
    #[serde(default = "default_mode")]
    mode: String,
    operations: Vec<String>,
    users: Option<Vec<String>>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    images: Option<Vec<String>>,
    mounts: Option<Vec<String>>,
    #[serde(default)]
    privileged: bool,
}

fn default_mode() -> String {
    "0660".to_owned()
}

impl Policy {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or says something that is not known.
    pub fn read(path: &Path) -> Result<Vec<LimitedSocket>, PolicyError> {
        let text = fs::read_to_string(path)
            .map_err(|cause| PolicyError::Read { path: path.to_owned(), cause })?;
        understand(&text).map_err(|why| PolicyError::Form { path: path.to_owned(), why })
    }

    /// Whether an operation may be asked for by a process of that user and group; nobody is known over TCP.
    pub(crate) fn allows(
        &self,
        operation: Operation,
        peer: Option<(u32, u32)>,
    ) -> Result<(), Refusal> {
        let name = operation.place().name;
        if !self.operations.contains(name) {
            return Err(Refusal::new("operations", format!("{name} is not among them")));
        }
        let is_named = self.users.is_none() && self.groups.is_empty();
        let is_known = peer.is_some_and(|(user, group)| {
            self.users.as_ref().is_some_and(|users| users.contains(&user))
                || self.groups.contains(&group)
        });
        if is_named || is_known {
            return Ok(());
        }
        let who = peer.map_or_else(
            || "nobody who is known".to_owned(),
            |(user, group)| format!("user {user} of group {group}"),
        );
        Err(Refusal::new("users", format!("{who} is not among them")))
    }

    /// Whether containers are limited in what they may do to the machine.
    const fn limits_containers(&self) -> bool {
        !self.privileged
    }
}

fn understand(text: &str) -> Result<Vec<LimitedSocket>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.socket.into_iter().map(limits).collect()
}

fn limits(socket: Socket) -> Result<LimitedSocket, String> {
    let mode = u32::from_str_radix(&socket.mode, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("the mode {:?} is none", socket.mode))?;
    let group = |text: &String| {
        accounts::group(text).ok_or_else(|| format!("there is no group {text:?} on this machine"))
    };
    let user = |text: &String| {
        accounts::user(text).ok_or_else(|| format!("there is no user {text:?} on this machine"))
    };
    let users = socket.users.as_ref().map(|users| users.iter().map(user).collect());
    let mounts = socket.mounts.as_ref().map(|mounts| mounts.iter().map(mount).collect());
    Ok(LimitedSocket {
        path: socket.path,
        group: socket.group.as_ref().map(group).transpose()?,
        mode,
        policy: Policy {
            operations: operations(&socket.operations)?,
            users: users.transpose()?,
            groups: socket.groups.iter().map(group).collect::<Result<_, _>>()?,
            labels: socket.labels,
            images: socket.images,
            mounts: mounts.transpose()?,
            privileged: socket.privileged,
        },
    })
}

/// `PATH` or `PATH:ro`.
fn mount(text: &String) -> Result<AllowedMount, String> {
    let (path, read_only) =
        text.strip_suffix(":ro").map_or((text.as_str(), false), |path| (path, true));
    let path = PathBuf::from(path);
    let is_plain = path.components().all(|part| {
        matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_))
    });
    if path.is_absolute() && is_plain {
        Ok(AllowedMount { path, read_only })
    } else {
        Err(format!("the mount {text:?} is no absolute path"))
    }
}

/// Words: `all`, `reads`, `changes`, a family such as `Container`, an operation such as `ContainerList`; with `!` before it one is taken away.
fn operations(words: &[String]) -> Result<BTreeSet<&'static str>, String> {
    let mut allowed = BTreeSet::new();
    let (away, added): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with('!'));
    for word in added {
        allowed.extend(named(word)?);
    }
    for word in away {
        for name in named(word.trim_start_matches('!'))? {
            allowed.remove(name);
        }
    }
    // Clients begin with it, and it tells nothing of anybody.
    allowed.extend(["SystemPing", "SystemPingHead", "SystemVersion"]);
    Ok(allowed)
}

fn named(word: &str) -> Result<Vec<&'static str>, String> {
    let is_meant = |operation: &Operation| {
        let place = operation.place();
        match word {
            "all" => true,
            "reads" => place.effect == Effect::Reads,
            "changes" => place.effect == Effect::Changes,
            _ => place.name == word || operation.family() == word,
        }
    };
    let found: Vec<_> =
        Operation::ALL.iter().filter(|own| is_meant(own)).map(|own| own.place().name).collect();
    if found.is_empty() {
        return Err(format!(
            "{word:?} is no operation, no family of them, and none of all, reads, changes"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{ContainerOperation, SystemOperation};

    fn policy(text: &str) -> Result<Policy, String> {
        understand(&format!("[[socket]]\npath = \"/s\"\n{text}"))
            .map(|mut sockets| sockets.pop().unwrap().policy)
    }

    const LIST: Operation = Operation::Container(ContainerOperation::List);
    const CREATE: Operation = Operation::Container(ContainerOperation::Create);
    const EXPORT: Operation = Operation::Container(ContainerOperation::Export);

    #[test]
    fn what_is_not_allowed_is_refused() {
        let reads = policy("operations = [\"reads\", \"!ContainerExport\"]").unwrap();
        assert_eq!(reads.allows(LIST, None), Ok(()));
        for refused in [CREATE, EXPORT] {
            assert_eq!(reads.allows(refused, Some((0, 0))).unwrap_err().rule, "operations");
        }
        let nothing = policy("operations = []").unwrap();
        assert!(nothing.allows(LIST, None).is_err());
        assert_eq!(nothing.allows(Operation::System(SystemOperation::Ping), None), Ok(()));
        let family = policy("operations = [\"Container\", \"SystemInfo\"]").unwrap();
        assert_eq!(family.allows(CREATE, None), Ok(()));
    }

    #[test]
    fn only_who_is_named_may_ask() {
        let policy =
            policy("operations = [\"all\"]\nusers = [\"17\"]\ngroups = [\"root\"]").unwrap();
        assert_eq!(policy.allows(LIST, Some((17, 99))), Ok(()));
        assert_eq!(policy.allows(LIST, Some((18, 0))), Ok(()));
        for peer in [Some((18, 99)), None] {
            assert_eq!(policy.allows(LIST, peer).unwrap_err().rule, "users");
        }
    }

    #[test]
    fn what_is_spelled_wrong_is_told() {
        for (text, word) in [
            ("operations = [\"Containers\"]", "Containers"),
            ("operations = [\"all\"]\nlabel = {}", "label"),
            ("operations = [\"all\"]\nmode = \"999\"", "999"),
            ("operations = [\"all\"]\ngroup = \"no such group\"", "no such group"),
            ("operations = [\"all\"]\nmounts = [\"a/../b\"]", "a/../b"),
            ("users = []", "operations"),
        ] {
            let why = policy(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
