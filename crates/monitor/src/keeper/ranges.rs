//! Which ids a user's own namespace has: he is root, and those that `/etc/subuid` and `/etc/subgid` give him follow. Source: subuid(5).

use rustix::process::{getgid, getuid};
use spec::runtime::IdMapping;

use super::KeeperError;

/// What the files of ids say of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// His name in `/etc/passwd`.
    pub name: Option<String>,
    /// How many further ids he has for users.
    pub uids: u64,
    /// And for groups.
    pub gids: u64,
    /// The first id from which on nobody has any: where a range may begin.
    pub free_from: u64,
}

/// What `/etc/subuid` and `/etc/subgid` give a user.
#[must_use]
pub fn ids_of(user: u32) -> UserIds {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let (name, uids, gids) = (name_of(user), read("/etc/subuid"), read("/etc/subgid"));
    let count = |text: &str| {
        ranges(text, name.as_deref(), user).iter().map(|(_, count)| u64::from(*count)).sum()
    };
    let (own_uids, own_gids) = (count(&uids), count(&gids));
    UserIds { uids: own_uids, gids: own_gids, free_from: free_from(&[uids, gids].concat()), name }
}

/// Behind all ranges of all users; useradd(8) begins at 100,000.
fn free_from(text: &str) -> u64 {
    let end = |line: &str| {
        let (count, line) = (line.rsplit_once(':')?.1.trim().parse::<u64>().ok()?, line);
        let first = line.split(':').nth(1)?.trim().parse::<u64>().ok()?;
        Some(first + count)
    };
    text.lines().filter_map(end).max().unwrap_or(0).max(100_000)
}

/// Writes both maps. Without ranges his own id is the only one; says so then.
pub(super) fn map(pid: i32) -> Result<Option<String>, KeeperError> {
    let user = getuid().as_raw();
    let name = name_of(user);
    let of = |file: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        ranges(&text, name.as_deref(), user)
    };
    let (uids, gids) = (of("/etc/subuid"), of("/etc/subgid"));
    // Ids without groups, or the reverse, are of no use.
    let is_whole = !uids.is_empty() && !gids.is_empty();
    let all = |own: u32, ranges: &[(u32, u32)]| mappings(own, if is_whole { ranges } else { &[] });
    libcontainer::map_ids(pid, &all(user, &uids), &all(getgid().as_raw(), &gids))
        .map_err(|error| KeeperError::Map(Box::new(error)))?;
    Ok((!is_whole).then(|| warning(name.as_deref(), user, uids.is_empty())))
}

fn warning(name: Option<&str>, user: u32, is_without_uids: bool) -> String {
    let file = if is_without_uids { "/etc/subuid" } else { "/etc/subgid" };
    let user = name.map_or_else(|| user.to_string(), str::to_owned);
    format!(
        "{file} has no line for {user}: containers have one id, and images whose files have other owners cannot be unpacked (usermod --add-subuids and --add-subgids give more)"
    )
}

/// passwd(5).
fn name_of(user: u32) -> Option<String> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

fn ranges(text: &str, name: Option<&str>, user: u32) -> Vec<(u32, u32)> {
    let number = user.to_string();
    let is_his = |owner: &str| owner == number || Some(owner) == name;
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (is_his(owner) && count > 0).then_some((first, count))
    };
    text.lines().filter_map(range).collect()
}

fn mappings(own: u32, ranges: &[(u32, u32)]) -> Vec<IdMapping> {
    let mut next = 0;
    let mut mapping = |host_id, size| {
        let container_id = next;
        next += size;
        IdMapping { container_id, host_id, size }
    };
    let mut all = vec![mapping(own, 1)];
    all.extend(ranges.iter().map(|(first, count)| mapping(*first, *count)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_range_may_begin() {
        assert_eq!(free_from(""), 100_000);
        assert_eq!(free_from("bob:1:2\nann:100000:65536\n# x\nann:x:1\n"), 165_536);
        assert_eq!(free_from("ann:100000:65536\nbob:165536:65536\nann:100000:65536"), 231_072);
    }

    #[test]
    fn the_users_ranges() {
        let text = "bob:1:2\nann:100000:65536\n1500:300000:10\n# ann:1:1\nann:5:0\nann:x:1\n";
        assert_eq!(ranges(text, Some("ann"), 1500), [(100_000, 65_536), (300_000, 10)]);
        assert_eq!(ranges(text, None, 1500), [(300_000, 10)]);
        let maps = mappings(1500, &[(100_000, 65_536), (300_000, 10)]);
        let rows: Vec<_> =
            maps.iter().map(|map| (map.container_id, map.host_id, map.size)).collect();
        assert_eq!(rows, [(0, 1500, 1), (1, 100_000, 65_536), (65_537, 300_000, 10)]);
    }
}
