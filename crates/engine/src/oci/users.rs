//! A user namespace in the OCI configuration: its maps, and what of the rest depends on them. Sources: config-linux.md, "User
//! namespace mappings"; user_namespaces(7); icmp(7), "ping_group_range".

use std::path::PathBuf;

use libcontainer::{Lent, Plan, Step};
use spec::runtime::{IdMapping, Mount, Namespace, NamespaceKind, Spec};

use crate::config::{ContainerConfig, IdRange, IdRanges, MountConfig, UserMaps};
use crate::error::EngineError;
use crate::mounts::Origin;
use crate::users::Account;

/// The users of a container that has not the machine's.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    /// Which ids are which.
    pub(crate) maps: UserMaps,
    /// First process of the container whose namespace is joined; nothing for a new one.
    pub(crate) joined: Option<i32>,
    /// Whether its files have the machine's ids on the disk.
    pub(crate) shifted: bool,
}

impl Users {
    /// What an id inside is on the machine.
    pub(crate) fn outside(&self, (uid, gid): (u32, u32)) -> Option<(u32, u32)> {
        Some((outside(&self.maps.uids, uid)?, outside(&self.maps.gids, gid)?))
    }

    /// Whether who runs in it exists there.
    pub(crate) fn demand(&self, account: &Account) -> Result<(), EngineError> {
        let missing = |what, id: u32| {
            let why =
                "the container's user namespace has no such id: --userns auto:size=N gives more";
            Err(EngineError::value(what, id.to_string(), why))
        };
        if outside(&self.maps.uids, account.uid).is_none() {
            return missing("user", account.uid);
        }
        let groups = [account.gid].into_iter().chain(account.groups.iter().copied());
        let lacks = |gid: &u32| outside(&self.maps.gids, *gid).is_none();
        groups.into_iter().find(lacks).map_or(Ok(()), |gid| missing("group", gid))
    }

    /// Has mounted for it what its root could not mount.
    pub(crate) fn lend(&self, plan: &mut Plan, mounts: &[MountConfig], origins: &[Origin]) {
        for (mount, origin) in mounts.iter().zip(origins) {
            let what = match origin {
                Origin::FileSystem { kind, .. } if !matches!(kind.as_str(), "tmpfs" | "ramfs") => {
                    Lent::FileSystem
                }
                Origin::Layers(layers) => {
                    Lent::Layers { directories: layers.clone(), shifted: self.shifted }
                }
                Origin::FileSystem { .. } | Origin::Path { .. } | Origin::Memory => continue,
            };
            for step in &mut plan.steps {
                if let Step::Mount { target, lent, .. } = step
                    && *target == mount.target
                {
                    *lent = Some(what.clone());
                }
            }
        }
    }

    /// The maps of a mount with ranges of ids: those with an `@` count from the container's own.
    pub(super) fn of_mount(&self, ranges: &IdRanges) -> [Vec<IdMapping>; 2] {
        [(&ranges.uids, &self.maps.uids), (&ranges.gids, &self.maps.gids)].map(|(ranges, own)| {
            if ranges.is_empty() {
                return own.clone();
            }
            ranges.iter().flat_map(|range| of_range(range, own)).collect()
        })
    }
}

/// A mount of files whose ids on the disk are the container's.
pub(super) fn mapped(mut mount: Mount, users: Option<&Users>) -> Mount {
    if users.is_some_and(|users| !users.shifted) {
        mount.options.push("idmap".to_owned());
    }
    mount
}

/// Gives a configuration its user namespace.
pub(super) fn enter(spec: &mut Spec, config: &ContainerConfig, users: &Users) {
    let Some(linux) = spec.linux.as_mut() else { return };
    let path = users.joined.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/user")));
    linux.namespaces.push(Namespace { kind: NamespaceKind::User, path });
    linux.uid_mappings.clone_from(&users.maps.uids);
    linux.gid_mappings.clone_from(&users.maps.gids);
    // Both ends must be groups that are there.
    let name = "net.ipv4.ping_group_range";
    if !config.sysctls.contains_key(name)
        && let Some(range) = linux.sysctl.get_mut(name)
    {
        let last = contiguous(&users.maps.gids).saturating_sub(1).min(i32::MAX as u32);
        *range = format!("0 {last}");
    }
    let has_terminals = |option: &str| {
        let group = option.strip_prefix("gid=").and_then(|gid| gid.parse().ok());
        group.is_none_or(|gid| outside(&users.maps.gids, gid).is_some())
    };
    for mount in spec.mounts.iter_mut().filter(|mount| mount.kind.as_deref() == Some("devpts")) {
        mount.options.retain(|option| has_terminals(option));
    }
}

fn outside(maps: &[IdMapping], id: u32) -> Option<u32> {
    maps.iter().find_map(|map| {
        let offset = id.checked_sub(map.container_id).filter(|offset| *offset < map.size)?;
        map.host_id.checked_add(offset)
    })
}

/// How many ids there are from 0 on, without a gap.
fn contiguous(maps: &[IdMapping]) -> u32 {
    let mut sorted: Vec<&IdMapping> = maps.iter().collect();
    sorted.sort_by_key(|map| map.container_id);
    sorted.iter().fold(0, |next, map| {
        if map.container_id == next { next.saturating_add(map.size) } else { next }
    })
}

fn of_range(range: &IdRange, own: &[IdMapping]) -> Vec<IdMapping> {
    if !range.relative {
        let (container_id, host_id, size) = (range.file, range.host, range.count);
        return vec![IdMapping { container_id, host_id, size }];
    }
    let end = |first: u32, size: u32| u64::from(first) + u64::from(size);
    let part = |map: &IdMapping| {
        let first = range.host.max(map.container_id);
        let last = end(range.host, range.count).min(end(map.container_id, map.size));
        let size = last.checked_sub(first.into()).and_then(|size| u32::try_from(size).ok())?;
        (size > 0).then_some(IdMapping {
            container_id: range.file + (first - range.host),
            host_id: map.host_id + (first - map.container_id),
            size,
        })
    };
    own.iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(container_id: u32, host_id: u32, size: u32) -> IdMapping {
        IdMapping { container_id, host_id, size }
    }

    #[test]
    fn ids_have_a_number_outside_or_none() {
        let maps = [map(0, 100_000, 10), map(10, 5, 1)];
        assert_eq!(outside(&maps, 9), Some(100_009));
        assert_eq!(outside(&maps, 10), Some(5));
        assert_eq!(outside(&maps, 11), None);
        assert_eq!(contiguous(&maps), 11);
        assert_eq!(contiguous(&[map(1, 0, 5)]), 0);
    }

    #[test]
    fn ranges_of_mounts_count_from_the_container() {
        let own = [map(0, 100_000, 10), map(10, 500_000, 10)];
        let range = IdRange { file: 1000, host: 5, count: 10, relative: true };
        assert_eq!(of_range(&range, &own), [map(1000, 100_005, 5), map(1005, 500_000, 5)]);
        let fixed = IdRange { relative: false, ..range };
        assert_eq!(of_range(&fixed, &own), [map(1000, 5, 10)]);
    }
}
