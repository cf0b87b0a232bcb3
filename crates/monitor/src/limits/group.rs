//! Files of the container's control group and of those above it, of either version. Nothing here judges what they say; what is not there
//! is not known. They are read by their paths on the machine, where no process of the container can put anything in their place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use libcontainer::cgroup::{CgroupPlan, Controller, Place};

/// More of a file is not looked at.
const MOST_BYTES: u64 = 1 << 20;
/// Levels of groups that are looked at, upwards and downwards, and groups inside.
const MOST_LEVELS: usize = 32;
const MOST_GROUPS: usize = 64;

/// The group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    places: Vec<Place>,
}

impl Group {
    pub(super) fn of(plan: &CgroupPlan) -> Self {
        Self { places: plan.places.clone() }
    }

    #[cfg(test)]
    pub(super) const fn at(places: Vec<Place>) -> Self {
        Self { places }
    }

    /// Where a controller's files are, and whether they are those of v2.
    pub(super) fn place(&self, controller: Controller) -> Option<(&Place, bool)> {
        // The hybrid layout has a v2 tree beside the hierarchies, with no controllers.
        let carries = |place: &&Place| place.controllers.contains(&controller);
        let place = self.places.iter().find(carries).or(match self.places.as_slice() {
            [only] if only.unified => Some(only),
            _ => None,
        })?;
        Some((place, place.unified))
    }

    /// The group in the v2 tree, of either layout.
    pub(super) fn unified(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.unified)
    }

    /// A file of the group, by the name that it has in v1 and in v2.
    pub(super) fn read(&self, controller: Controller, [v1, v2]: [&str; 2]) -> Option<String> {
        let (place, is_unified) = self.place(controller)?;
        read(&place.path().join(if is_unified { v2 } else { v1 }))
    }

    /// What `look` finds in the directory of the group and in each above it, the group's own first.
    pub(super) fn upwards<'a, T: 'a>(
        &'a self,
        controller: Controller,
        look: impl Fn(&Path, bool) -> Option<T> + 'a,
    ) -> impl Iterator<Item = T> + 'a {
        self.place(controller).into_iter().flat_map(move |(place, is_unified)| {
            let above = Path::new(&place.directory).ancestors().take(MOST_LEVELS);
            let paths: Vec<PathBuf> = above.map(|above| place.mount.join(above)).collect();
            let found: Vec<T> = paths.iter().filter_map(|path| look(path, is_unified)).collect();
            found
        })
    }

    /// The directories of the group and of those inside, as far as they are looked at.
    pub(super) fn inside(&self, controller: Controller) -> (Vec<PathBuf>, bool) {
        // Whoever looks for tasks finds them in every hierarchy.
        let any = || self.places.first().map(|place| (place, place.unified));
        let Some((place, is_unified)) = self.place(controller).or_else(any) else {
            return (Vec::new(), false);
        };
        let mut found = vec![place.path()];
        let mut at = 0;
        while let Some(directory) = found.get(at) {
            let Ok(entries) = std::fs::read_dir(directory) else { break };
            let entries =
                entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let room = MOST_GROUPS.saturating_sub(found.len());
            let more: Vec<PathBuf> = entries.take(room).map(|entry| entry.path()).collect();
            found.extend(more);
            at += 1;
        }
        (found, is_unified)
    }
}

/// A file's text, as far as it is looked at.
pub(super) fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned()),
    )
}

/// The number of a line `KEY NUMBER`.
pub(super) fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}
