//! Whose users a container has: those of the machine, or other ids of it. Sources: user_namespaces(7), subuid(5).

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::runtime::IdMapping;

/// A container's user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserMode {
    /// What the machine's settings say. A container that is made has what they said then.
    #[default]
    Unsaid,
    /// The machine's own.
    Host,
    /// One with ids that no other container has.
    Auto(AutoUsers),
    /// One in which the caller's ids are what they are outside, or those.
    KeepId(KeptUser),
    /// One with all ids that a user has but his own.
    NoMap,
    /// That of another container, by its id.
    Container(String),
    /// One with these ids; without any it is as [`UserMode::Auto`].
    Private(UserMaps),
}

/// How ids are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoUsers {
    /// How many; nothing is what most images need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// What somebody wants of them.
    #[serde(flatten)]
    pub wanted: UserMaps,
}

/// Which ids inside are which of the machine's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserMaps {
    /// Users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uids: Vec<IdMapping>,
    /// Groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gids: Vec<IdMapping>,
}

/// Who the caller is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptUser {
    /// User; nothing is the same as outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// How many ids; nothing is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

impl UserMode {
    /// Whether it is a namespace beside the machine's own.
    pub(crate) const fn is_inside(&self) -> bool {
        !matches!(self, Self::Unsaid | Self::Host)
    }
}

/// As `--userns` takes it; what nobody has said is empty.
impl fmt::Display for UserMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => Ok(()),
            Self::Host => f.write_str("host"),
            Self::NoMap => f.write_str("nomap"),
            Self::Private(_) => f.write_str("private"),
            Self::Container(id) => write!(f, "container:{id}"),
            Self::Auto(AutoUsers { size, wanted }) => {
                let size = size.iter().map(|size| format!("size={size}"));
                let of = |name: &'static str, maps: &[IdMapping]| {
                    let one = |map: &IdMapping| format!("{name}={}", text(map));
                    maps.iter().map(one).collect::<Vec<_>>()
                };
                let maps = [of("uidmapping", &wanted.uids), of("gidmapping", &wanted.gids)];
                options(f, "auto", size.chain(maps.into_iter().flatten()))
            }
            Self::KeepId(KeptUser { uid, gid, size }) => {
                let named = [("uid", uid), ("gid", gid), ("size", size)];
                let given = named.into_iter().filter_map(|(name, value)| Some((name, (*value)?)));
                options(f, "keep-id", given.map(|(name, value)| format!("{name}={value}")))
            }
        }
    }
}

/// `INSIDE:OUTSIDE:COUNT`.
pub(crate) fn text(map: &IdMapping) -> String {
    format!("{}:{}:{}", map.container_id, map.host_id, map.size)
}

fn options(
    f: &mut fmt::Formatter<'_>,
    mode: &str,
    options: impl Iterator<Item = String>,
) -> fmt::Result {
    let options: Vec<String> = options.collect();
    f.write_str(mode)?;
    if options.is_empty() { Ok(()) } else { write!(f, ":{}", options.join(",")) }
}
