//! Ids of the machine that containers may have for themselves: the lines of `/etc/subuid` and `/etc/subgid` of one owner, or where there
//! are none, ids that nobody else has. Sources: subuid(5), subgid(5); systemd's "Users, Groups, UIDs and GIDs", which calls those unused.

use store::IdSpan;

use crate::engine::Engine;
use crate::error::EngineError;

/// Whose lines are taken: the first who has some in both files. The second is Podman's, the third Docker's.
const OWNERS: [&str; 3] = ["corten", "containers", "dockremap"];
/// Who has no ids gets half of all that there are, which no distribution gives its users.
pub(crate) const HINT: &str = "echo corten:2147483648:2147483647 | tee -a /etc/subuid /etc/subgid";
/// 4,094 containers' ids of 65,536 each, below what some programs take for negative.
const UNUSED: IdSpan = IdSpan { first: 1_879_048_192, size: 268_304_384 };
/// So many ids, from 0 on, a distribution gives to users of its own: what a container has beyond them is its containers'.
const OF_A_SYSTEM: u32 = 65_536;
const FILES: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

impl Engine {
    /// What there is, for users and groups alike.
    ///
    /// # Errors
    /// When nobody wrote lines for containers, and somebody has ids that are otherwise nobody's; for a user who has no other ids than his
    /// own.
    pub(crate) fn id_pool(&self) -> Result<Vec<IdSpan>, EngineError> {
        let first = match self.keeper {
            None if self.is_nested() => OF_A_SYSTEM,
            None => return pool(),
            Some(_) => 1,
        };
        let size = own_count().saturating_sub(first);
        if size == 0 { Err(EngineError::NoOwnIds) } else { Ok(vec![IdSpan { first, size }]) }
    }

    /// Whether it serves the root of a container with users of its own, who is nobody on the machine.
    pub(crate) fn is_nested(&self) -> bool {
        self.keeper.is_none() && own_count() < u32::MAX
    }

    /// Whether containers have users of their own where that is best and nobody says anything. Inside of a container they have
    /// those of that one, whose root may not enter control groups for others.
    pub(crate) fn maps_users(&self) -> bool {
        self.keeper.is_none() && !self.is_nested()
    }
}

/// The ids that this process knows, by their numbers here: those of a user who is not root begin with himself, who is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnIds {
    /// Who 0 is on the machine.
    pub(crate) user: (u32, u32),
    /// How many there are from 0 on.
    pub(crate) uids: u32,
    pub(crate) gids: u32,
}

impl OwnIds {
    pub(crate) fn read() -> Self {
        let ((user, uids), (group, gids)) = (own("uid_map"), own("gid_map"));
        Self { user: (user, group), uids, gids }
    }
}

/// How many ids there are of both kinds.
pub(crate) fn own_count() -> u32 {
    let own = OwnIds::read();
    own.uids.min(own.gids)
}

/// user_namespaces(7), "Defining user and group ID mappings".
fn own(file: &str) -> (u32, u32) {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    first_and_count(&text)
}

fn first_and_count(text: &str) -> (u32, u32) {
    let numbers = |line: &str| {
        let mut words = line.split_whitespace().map(str::parse::<u32>);
        Some((words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?))
    };
    let mut maps: Vec<_> = text.lines().filter_map(numbers).collect();
    maps.sort_unstable();
    let first = maps.first().map_or(0, |(_, outside, _)| *outside);
    let count =
        maps.iter().fold(
            0_u32,
            |next, (inside, _, size)| {
                if *inside == next { next.saturating_add(*size) } else { next }
            },
        );
    (first, count)
}

fn pool() -> Result<Vec<IdSpan>, EngineError> {
    let [uids, gids] = FILES.map(|file| std::fs::read_to_string(file).unwrap_or_default());
    of(&uids, &gids).or_else(|| unused([&uids, &gids])).ok_or(EngineError::NoIdRanges)
}

/// The ids that are nobody's, unless a line says that they are somebody's.
fn unused(texts: [&str; 2]) -> Option<Vec<IdSpan>> {
    let span = |line: &str| {
        let mut fields = line.trim().split(':').skip(1);
        Some(IdSpan { first: fields.next()?.parse().ok()?, size: fields.next()?.parse().ok()? })
    };
    let taken: Vec<IdSpan> = texts.into_iter().flat_map(str::lines).filter_map(span).collect();
    common(&taken, &[UNUSED]).is_empty().then(|| vec![UNUSED])
}

/// What a file gives to a name.
pub(crate) fn of_name(file: &str, name: &str) -> Vec<IdSpan> {
    lines(&std::fs::read_to_string(file).unwrap_or_default(), name)
}

fn of(uids: &str, gids: &str) -> Option<Vec<IdSpan>> {
    OWNERS.iter().find_map(|owner| {
        let both = common(&lines(uids, owner), &lines(gids, owner));
        (!both.is_empty()).then_some(both)
    })
}

fn lines(text: &str, owner: &str) -> Vec<IdSpan> {
    let span = |line: &str| {
        let mut fields = line.trim().split(':');
        let is_his = fields.next() == Some(owner);
        let (first, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (is_his && size > 0).then_some(IdSpan { first, size })
    };
    text.lines().filter_map(span).collect()
}

/// Ids that are in both: a container has the same of users and of groups.
fn common(uids: &[IdSpan], gids: &[IdSpan]) -> Vec<IdSpan> {
    let end = |span: &IdSpan| u64::from(span.first) + u64::from(span.size);
    let pairs = uids.iter().flat_map(|uid| gids.iter().map(move |gid| (uid, gid)));
    let overlap = pairs.filter_map(|(uid, gid)| {
        let first = uid.first.max(gid.first);
        let size = end(uid).min(end(gid)).checked_sub(first.into())?;
        let size = u32::try_from(size).ok().filter(|size| *size > 0)?;
        Some(IdSpan { first, size })
    });
    overlap.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_owner_with_ids_in_both_files() {
        let span = |first, size| IdSpan { first, size };
        let uids = "root:1:2\ncontainers:100000:200000\ndockremap:5:5\ncontainers:x:1\n";
        assert_eq!(of(uids, "containers:100000:200000"), Some(vec![span(100_000, 200_000)]));
        assert_eq!(of(uids, "containers:150000:300000"), Some(vec![span(150_000, 150_000)]));
        assert_eq!(of(uids, "dockremap:5:2"), Some(vec![span(5, 2)]));
        assert_eq!(of(uids, ""), None);
        assert_eq!(
            of("corten:7:1\ncontainers:1:1", "corten:7:1\ncontainers:1:1"),
            Some(vec![span(7, 1)])
        );
        assert_eq!(of("corten:0:0", "corten:0:0"), None);
    }

    #[test]
    fn a_users_own_ids() {
        let map = " 0 1500 1\n 1 100000 65536\n 65537 300000 10\n 70000 5 5\n";
        assert_eq!(first_and_count(map), (1500, 65_547));
        assert_eq!(first_and_count(" 0 0 4294967295\n"), (0, u32::MAX));
        assert_eq!(first_and_count(""), (0, 0));
    }

    #[test]
    fn without_lines_ids_are_taken_that_nobody_has() {
        assert_eq!(unused(["", "a:100000:65536"]), Some(vec![UNUSED]));
        assert_eq!(unused(["a:1879048191:1", "b:2147352576:1"]), Some(vec![UNUSED]));
        assert_eq!(unused(["a:1879048191:2", ""]), None);
        assert_eq!(unused(["", "b:2147352575:1"]), None);
    }
}
