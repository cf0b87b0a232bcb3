//! Room on the disk: what takes it, what gives it back, and whether all of it is as it should be.
//!
//! Start at [`Room::usage`], [`Room::prune_images`] with its neighbours, and [`Room::check`]. Nothing is chosen here: what a
//! prune may take is the engine's to say, and is held against the records again under the write lock. Rows go before files, as
//! everywhere in the store: a crash leaves garbage, never a row without what it stands for.

use crate::Store;

mod check;
mod disk;
mod prune;
mod usage;

pub use check::{Checked, Finding, Problem, Remedy};
pub use prune::{Candidate, Pruned};
pub use usage::{
    ContainerUsage, ImageUsage, LayerUsage, TransferUsage, UploadUsage, Usage, VolumeUsage,
};

/// Blocks of a directory with all that is in it.
pub(crate) fn allocated_bytes(directory: &std::path::Path) -> Result<u64, crate::StoreError> {
    Ok(disk::Disk::default().tree(directory)?.allocated_bytes)
}

/// Handle on the room.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    store: &'a Store,
}

impl<'a> Room<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }
}
