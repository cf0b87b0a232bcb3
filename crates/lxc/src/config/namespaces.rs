//! Namespaces: new ones, the host's, those of others; ids and clocks in them.

use spec::runtime::NamespaceKind;

use super::item::{Item, Table, Value, blanks, name_of, word};
use super::limits::Setting;
use super::numbers::{ClockOffset, Switch, unsigned};
use super::problem::BadValue;

/// Keys of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// `lxc.namespace.clone`: the only ones that are new. Empty: all but the user namespace, which new ids bring.
    pub clone: Kinds,
    /// `lxc.namespace.keep`: those that stay the host's; all others are new.
    pub keep: Kinds,
    /// `lxc.namespace.share.KIND`: whose it is: a process, a container, or a path.
    pub share: Table<Setting>,
    /// `lxc.idmap`: ids inside and out, user_namespaces(7).
    pub id_maps: Vec<IdMap>,
    /// `lxc.time.offset.boot`, time_namespaces(7).
    pub boot_offset: ClockOffset,
    /// `lxc.time.offset.monotonic`.
    pub monotonic_offset: ClockOffset,
    /// `lxc.sched.core`: no other container's processes run beside its own on one core's threads, prctl(2) PR_SCHED_CORE.
    pub core_scheduling: Option<Switch>,
}

/// Kinds of namespaces by LXC's names, in LXC's order.
pub(crate) const KINDS: &[(&str, NamespaceKind)] = &[
    ("user", NamespaceKind::User),
    ("mnt", NamespaceKind::Mount),
    ("pid", NamespaceKind::Pid),
    ("uts", NamespaceKind::Uts),
    ("ipc", NamespaceKind::Ipc),
    ("net", NamespaceKind::Network),
    ("cgroup", NamespaceKind::Cgroup),
    ("time", NamespaceKind::Time),
];

/// A set of kinds of namespaces, in LXC's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds(pub Vec<NamespaceKind>);

impl Item for Kinds {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let mut named = self.0.clone();
        for name in blanks(text) {
            named.push(word(KINDS, name)?);
        }
        self.0 = KINDS.iter().map(|(_, kind)| *kind).filter(|kind| named.contains(kind)).collect();
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn show(&self) -> Option<String> {
        let names = self.0.iter().map(|kind| name_of(KINDS, kind).to_owned() + "\n");
        Some(names.collect())
    }

    fn write(&self) -> Vec<String> {
        self.0.iter().map(|kind| name_of(KINDS, kind).to_owned()).collect()
    }
}

/// Whose ids a map is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// Users.
    User,
    /// Groups.
    Group,
}

/// A range of ids inside and where it begins outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// Whose.
    pub kind: IdKind,
    /// The first one inside.
    pub inside: u32,
    /// The first one of the namespace in which the container is started.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

const ID_KINDS: &[(&str, IdKind)] = &[("u", IdKind::User), ("g", IdKind::Group)];

impl Value for IdMap {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong = || BadValue::Not("u or g, the first id inside, the first outside, how many");
        let parts: Vec<&str> = blanks(text).collect();
        let [kind, inside, outside, count] = parts[..] else { return Err(wrong()) };
        let kind = word(ID_KINDS, kind)?;
        // What the kernel takes: user_namespaces(7).
        let number = |text| {
            u32::try_from(unsigned(text)?).map_err(|_wide| BadValue::MoreThan(u64::from(u32::MAX)))
        };
        let map = Self {
            kind,
            inside: number(inside)?,
            outside: number(outside)?,
            count: number(count)?,
        };
        let fits = |first: u32| first.checked_add(map.count).is_some();
        if map.count == 0 || !fits(map.inside) || !fits(map.outside) {
            Err(wrong())
        } else {
            Ok(map)
        }
    }

    fn show(&self) -> String {
        format!("{} {} {} {}", name_of(ID_KINDS, &self.kind), self.inside, self.outside, self.count)
    }
}

impl IdMap {
    /// Whether an id, inside or outside, is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: u32, b: u32| {
            let (a, b) = (u64::from(a), u64::from(b));
            a < b + u64::from(other.count) && b < a + u64::from(self.count)
        };
        self.kind == other.kind
            && (meet(self.inside, other.inside) || meet(self.outside, other.outside))
    }
}
