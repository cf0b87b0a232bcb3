//! Which ids of a file system are which in a container.

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::runtime::IdMapping;

/// Ranges of users and of groups; where there is none of a kind, all ids of it are themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdRanges {
    /// Of users.
    pub uids: Vec<IdRange>,
    /// Of groups.
    pub gids: Vec<IdRange>,
}

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The first one in the file system.
    pub file: u32,
    /// The one that it is on this machine.
    pub host: u32,
    /// How many.
    pub count: u32,
    /// Whether the machine's ids are counted from the container's user namespace.
    #[serde(default)]
    pub relative: bool,
}

impl IdRanges {
    /// The maps of user_namespaces(7) that a mount is given by mount_setattr(2).
    pub(crate) fn mappings(&self) -> [Vec<IdMapping>; 2] {
        [&self.uids, &self.gids].map(|ranges| {
            if ranges.is_empty() {
                return vec![IdMapping { container_id: 0, host_id: 0, size: u32::MAX }];
            }
            let mapping = |range: &IdRange| IdMapping {
                container_id: range.file,
                host_id: range.host,
                size: range.count,
            };
            ranges.iter().map(mapping).collect()
        })
    }
}

/// As `idmap=` takes it.
impl fmt::Display for IdRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |ranges: &[IdRange]| {
            let one = |range: &IdRange| {
                let sign = if range.relative { "@" } else { "" };
                format!("{sign}{}-{}-{}", range.file, range.host, range.count)
            };
            ranges.iter().map(one).collect::<Vec<_>>().join("#")
        };
        let kinds = [("uids", &self.uids), ("gids", &self.gids)];
        let kinds = kinds.iter().filter(|(_, ranges)| !ranges.is_empty());
        let kinds: Vec<_> =
            kinds.map(|(kind, ranges)| format!("{kind}={}", text(ranges))).collect();
        f.write_str(&kinds.join(";"))
    }
}
