//! The two numbers of an owner: a running container with a user namespace has its files by the machine's ids, and everybody else
//! knows the container's.

use libcontainer::FileIds;
use spec::runtime::IdMapping;
use store::{IdShift, Shifted, StoreError};

use super::Side;
use crate::config::UserMaps;
use crate::error::EngineError;

/// Who owns what nobody inside does: proc_sys_kernel(5), "overflowuid".
const NOBODY: u32 = 65_534;

impl Side {
    /// From the machine's ids to those that are on the disk.
    pub(super) fn to_disk(&self) -> Option<IdShift> {
        let maps = self.users.as_ref()?;
        Some(shift(maps, (NOBODY, NOBODY), |map| (map.host_id, map.container_id)))
    }

    /// The way back; an id that the container has not is its root's.
    pub(super) fn to_machine(&self) -> Option<IdShift> {
        let maps = self.users.as_ref()?;
        Some(shift(maps, root_of(maps), |map| (map.container_id, map.host_id)))
    }

    /// What an owner in the container is on the machine.
    pub(super) fn owner(&self, owner: (u32, u32)) -> (u32, u32) {
        self.to_machine().map_or(owner, |ids| ids.of(owner))
    }

    /// Has the calling thread make files as the container's root, where the machine's may not.
    pub(super) fn act(&self) -> Result<Option<FileIds>, EngineError> {
        let failed = |errno| StoreError::File {
            action: "make files as the root of",
            path: self.name.clone().into(),
            errno,
        };
        let taken = self.users.as_ref().map(|maps| FileIds::take(root_of(maps))).transpose();
        Ok(taken.map_err(failed)?)
    }
}

/// From the first number of a pair that `ends` gives to the second.
fn shift(maps: &UserMaps, others: (u32, u32), ends: impl Fn(&IdMapping) -> (u32, u32)) -> IdShift {
    let range = |map: &IdMapping| {
        let (from, to) = ends(map);
        Shifted { from, to, count: map.size }
    };
    let ranges = |maps: &[IdMapping]| maps.iter().map(range).collect();
    IdShift::new(ranges(&maps.uids), ranges(&maps.gids), others)
}

fn root_of(maps: &UserMaps) -> (u32, u32) {
    let root = |maps: &[IdMapping]| {
        maps.iter().find(|map| map.container_id == 0).map_or(NOBODY, |map| map.host_id)
    };
    (root(&maps.uids), root(&maps.gids))
}
