//! Which ids of the machine are which of a container: the maps of each mode. Pure. Source: user_namespaces(7), Podman's documentation of
//! `--userns`.

use spec::runtime::IdMapping;
use store::{IdSpan, RootView};

use crate::config::{KeptUser, UserMaps};
use crate::id_pool::OwnIds;
use crate::shifted::NOBODY;

/// What a container of a user has at least, as with Podman.
const LEAST: u32 = 1024;

/// The caller is somebody inside, and everybody else has the places that are left. The machine's root is 0:0 unless somebody says
/// otherwise, a user is whom he is outside.
pub(crate) fn kept(kept: &KeptUser, user: Option<OwnIds>) -> UserMaps {
    let (uid, gid) = kept_ids(kept, user);
    let maps = |own: u32, all: u32| {
        let all = all.min(kept.size.unwrap_or(u32::MAX));
        let map = |container_id, host_id, size| IdMapping { container_id, host_id, size };
        // One beyond them all has a place there, too.
        let before = own.min(all.saturating_sub(1));
        let behind = own.saturating_add(1);
        let maps =
            [map(0, 1, before), map(own, 0, 1), map(behind, behind, all.saturating_sub(behind))];
        if own == 0 {
            return vec![map(0, 0, all)];
        }
        maps.into_iter().filter(|map| map.size > 0).collect()
    };
    let (uids, gids) = user.map_or((u32::MAX, u32::MAX), |user| (user.uids, user.gids));
    UserMaps { uids: maps(uid, uids), gids: maps(gid, gids) }
}

/// Who the caller is inside.
pub(crate) fn kept_ids(kept: &KeptUser, user: Option<OwnIds>) -> (u32, u32) {
    let (uid, gid) = user.map_or((0, 0), |user| user.user);
    (kept.uid.unwrap_or(uid), kept.gid.unwrap_or(gid))
}

/// All that a user has but himself.
pub(crate) fn without_own(user: OwnIds) -> UserMaps {
    let map =
        |count: u32| vec![IdMapping { container_id: 0, host_id: 1, size: count.saturating_sub(1) }];
    UserMaps { uids: map(user.uids), gids: map(user.gids) }
}

/// As many ids as an image names: all but nobody's, which nearly each has and nothing needs.
pub(crate) fn needed(view: &RootView) -> u32 {
    let ids = ["etc/passwd", "etc/group"].into_iter().flat_map(|file| {
        let text = String::from_utf8_lossy(&view.read(file).unwrap_or_default()).into_owned();
        text.lines().flat_map(named).collect::<Vec<_>>()
    });
    ids.filter(|id| *id < NOBODY).map(|id| id + 1).max().unwrap_or(0).max(LEAST)
}

/// The numbers of a line: passwd(5) has the user and his group, group(5) the group.
fn named(line: &str) -> Vec<u32> {
    line.split(':').skip(2).take(2).filter_map(|field| field.parse().ok()).collect()
}

/// What somebody wants, and for the other ids of so many as were leased those.
pub(crate) fn fill(leased: IdSpan, wanted: &UserMaps) -> UserMaps {
    let of = |wanted: &[IdMapping]| {
        let mut sorted = wanted.to_vec();
        sorted.sort_by_key(|map| map.container_id);
        let (mut inside, mut outside) = (0, leased.first);
        let mut maps = Vec::with_capacity(2 * sorted.len() + 1);
        for map in &sorted {
            let before = map.container_id.min(leased.size).saturating_sub(inside);
            if before > 0 {
                maps.push(IdMapping { container_id: inside, host_id: outside, size: before });
                outside += before;
            }
            maps.push(*map);
            inside = map.container_id.saturating_add(map.size);
        }
        if inside < leased.size {
            let size = leased.size - inside;
            maps.push(IdMapping { container_id: inside, host_id: outside, size });
        }
        maps
    };
    UserMaps { uids: of(&wanted.uids), gids: of(&wanted.gids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(maps: &[IdMapping]) -> Vec<(u32, u32, u32)> {
        maps.iter().map(|map| (map.container_id, map.host_id, map.size)).collect()
    }

    #[test]
    fn leased_ids_fill_what_nobody_wants() {
        let leased = IdSpan { first: 100_000, size: 1000 };
        let of = |wanted: &[(u32, u32, u32)]| {
            let map = |&(container_id, host_id, size)| IdMapping { container_id, host_id, size };
            let uids = wanted.iter().map(map).collect();
            rows(&fill(leased, &UserMaps { uids, gids: Vec::new() }).uids)
        };
        assert_eq!(of(&[]), [(0, 100_000, 1000)]);
        assert_eq!(of(&[(0, 7, 1)]), [(0, 7, 1), (1, 100_000, 999)]);
        assert_eq!(
            of(&[(500, 7, 10), (0, 3, 1)]),
            [(0, 3, 1), (1, 100_000, 499), (500, 7, 10), (510, 100_499, 490)]
        );
        assert_eq!(of(&[(5000, 7, 10)]), [(0, 100_000, 1000), (5000, 7, 10)]);
        assert_eq!(of(&[(990, 7, 100)]), [(0, 100_000, 990), (990, 7, 100)]);
    }

    #[test]
    fn the_caller_is_somebody_inside() {
        let user = OwnIds { user: (1500, 1600), uids: 65_537, gids: 65_537 };
        let of = |uid, size, user| rows(&kept(&KeptUser { uid, gid: None, size }, user).uids);
        assert_eq!(of(None, None, None), [(0, 0, u32::MAX)]);
        assert_eq!(of(Some(5), Some(100), None), [(0, 1, 5), (5, 0, 1), (6, 6, 94)]);
        assert_eq!(of(Some(5), Some(3), None), [(0, 1, 2), (5, 0, 1)]);
        let own = [(0, 1, 1500), (1500, 0, 1), (1501, 1501, 64_036)];
        assert_eq!(of(None, None, Some(user)), own);
        let gids = rows(&kept(&KeptUser::default(), Some(user)).gids);
        assert_eq!(gids, [(0, 1, 1600), (1600, 0, 1), (1601, 1601, 63_936)]);
        assert_eq!(of(Some(100_000), None, Some(user)), [(0, 1, 65_536), (100_000, 0, 1)]);
        assert_eq!(of(Some(0), None, Some(user)), [(0, 0, 65_537)]);
        assert_eq!(rows(&without_own(user).uids), [(0, 1, 65_536)]);
    }

    #[test]
    fn lines_name_ids() {
        assert_eq!(named("www:x:33:34:www:/var/www:/bin/sh"), [33, 34]);
        assert_eq!(named("staff:x:50:ann"), [50]);
        assert!(named("# nothing").is_empty());
    }
}
