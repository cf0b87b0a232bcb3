//! The two numbers of an owner: a running container with a user namespace has its files by the machine's ids, and everybody else
//! knows the container's.

use libcontainer::FileIds;
use store::{IdShift, StoreError};

use super::Side;
use crate::config::UserMaps;
use crate::error::EngineError;

impl Side {
    /// From the machine's ids to the container's.
    pub(super) fn to_disk(&self) -> Option<IdShift> {
        self.users.as_ref().map(UserMaps::to_container)
    }

    /// The way back; an id that the container has not is its root's.
    pub(super) fn to_machine(&self) -> Option<IdShift> {
        self.users.as_ref().map(UserMaps::to_machine)
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
        let taken = self.users.as_ref().map(|maps| FileIds::take(maps.root())).transpose();
        Ok(taken.map_err(failed)?)
    }
}
