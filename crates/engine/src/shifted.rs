//! Containers whose ids the kernel cannot map: a user's, who may map ids of no file system of the machine, and those of a store on a file
//! system that knows no id-mapped mounts. Their files have the machine's ids on the disk, beginning with copies of their image's layers
//! (the store's `shifted`); what comes out of them is turned back.
//!
//! Whether a container is one is decided when it is made. Start at [`Containers::copy_layers`]. Source: mount_setattr(2), "ID-mapped
//! mounts".

use std::path::PathBuf;

use spec::ContainerId;
use spec::runtime::IdMapping;
use store::{IdShift, Shifted};

use crate::config::{ContainerConfig, MountSource, UserMaps};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::id_pool;

/// Who owns what nobody inside does: proc_sys_kernel(5), "overflowuid".
pub(crate) const NOBODY: u32 = 65_534;
/// The last number that is an id.
const LAST: u32 = u32::MAX - 1;
/// Says in the state directory what the kernel of this boot can.
const MAPS: &str = "id-mapped-mounts";

impl UserMaps {
    /// From the machine's ids to the container's.
    pub(crate) fn to_container(&self) -> IdShift {
        let range =
            |map: &IdMapping| Shifted { from: map.host_id, to: map.container_id, count: map.size };
        self.shift(range, (NOBODY, NOBODY))
    }

    /// The way back; an id that the container has not is its root's.
    pub(crate) fn to_machine(&self) -> IdShift {
        self.shift(outwards, self.root())
    }

    /// The same for files that were made by others: an id that the container has not is nobody's of its own.
    fn of_layers(&self) -> IdShift {
        let own = [&self.uids, &self.gids].map(|maps| unmapped(maps));
        let root = self.root();
        self.shift(outwards, (own[0].unwrap_or(root.0), own[1].unwrap_or(root.1)))
    }

    /// Whose ids on the machine its root's are.
    pub(crate) fn root(&self) -> (u32, u32) {
        let root = |maps: &[IdMapping]| {
            maps.iter().find(|map| map.container_id == 0).map_or(NOBODY, |map| map.host_id)
        };
        (root(&self.uids), root(&self.gids))
    }

    fn shift(&self, range: impl Fn(&IdMapping) -> Shifted, others: (u32, u32)) -> IdShift {
        let ranges = |maps: &[IdMapping]| maps.iter().map(&range).collect();
        IdShift::new(ranges(&self.uids), ranges(&self.gids), others)
    }
}

fn outwards(map: &IdMapping) -> Shifted {
    Shifted { from: map.container_id, to: map.host_id, count: map.size }
}

/// An id of this machine, or of this user's own, that is none of the container's.
fn unmapped(maps: &[IdMapping]) -> Option<u32> {
    let own = id_pool::own_count();
    let ends = maps.iter().filter_map(|map| map.host_id.checked_add(map.size));
    let is_taken = |id: u32| {
        maps.iter().any(|map| id.checked_sub(map.host_id).is_some_and(|offset| offset < map.size))
    };
    [LAST].into_iter().chain(ends).chain([0]).find(|id| *id < own && !is_taken(*id))
}

impl Containers<'_> {
    /// Whether a new container with users of its own has the machine's ids on the disk.
    pub(crate) fn shifts_ids(&self) -> Result<bool, EngineError> {
        if self.engine.keeper.is_some() {
            return Ok(true);
        }
        let paths = self.engine.paths();
        let known = paths.state.join(MAPS);
        if let Ok(text) = std::fs::read_to_string(&known) {
            return Ok(text == "no");
        }
        let tried = self.engine.store.in_scratch(libcontainer::maps_ids)?;
        // Where nobody can try, the start says why.
        let can = tried.unwrap_or(true);
        store::write_atomic(&paths.state, MAPS, if can { b"yes" } else { b"no" })?;
        Ok(!can)
    }

    /// The maps of a container that has the machine's ids on the disk; nothing for any other one.
    pub(crate) fn maps_on_disk(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
    ) -> Result<Option<UserMaps>, EngineError> {
        if config.sharing.shifted { self.users_at_rest(config, id) } else { Ok(None) }
    }

    /// What ids on the disk are for a container.
    pub(crate) fn ids_read(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
    ) -> Result<Option<IdShift>, EngineError> {
        Ok(self.maps_on_disk(config, id)?.map(|maps| maps.to_container()))
    }

    /// What ids of an image are on the disk of a container.
    pub(crate) fn ids_written(&self, made: &Made) -> Result<Option<IdShift>, EngineError> {
        Ok(self.maps_on_disk(&made.config, &made.id)?.map(|maps| maps.of_layers()))
    }

    /// Makes the copies of layers that a container lacks whose ids the kernel cannot map.
    pub(crate) fn copy_layers(&self, made: &Made) -> Result<(), EngineError> {
        let Some(ids) = self.ids_written(made)? else { return Ok(()) };
        let in_place = crate::roots::in_place(&made.config).is_some();
        if made.config.rootfs.is_some() && !in_place {
            let why = "ids of a directory cannot be mapped here, and it is not copied";
            return Err(EngineError::value("rootfs", made.config.sharing.users.to_string(), why));
        }
        let mut layers = match in_place {
            true => Vec::new(),
            false => self.lower(&made.config, made.image.as_ref()),
        };
        for mount in &made.config.mounts {
            layers.extend(self.layers_of_mount(&mount.source)?);
        }
        if self.engine.store.shifted(&ids).make(&made.id, &layers)? {
            self.engine.settle_later()?;
        }
        Ok(())
    }

    /// The layers of an image that is mounted, the top one first; nothing for anything else.
    pub(crate) fn layers_of_mount(
        &self,
        source: &MountSource,
    ) -> Result<Vec<PathBuf>, EngineError> {
        let images = self.engine.store.images();
        Ok(match source {
            MountSource::Image { name, id, layers } if layers.is_empty() => {
                let image = self.engine.images().resolve(if id.is_empty() { name } else { id })?;
                images.layer_paths(&image)
            }
            MountSource::Image { layers, .. } => images.directories_of(layers),
            MountSource::Bind { .. } | MountSource::Volume { .. } | MountSource::Tmpfs => {
                Vec::new()
            }
        })
    }

    /// What lies below a container's own files on the disk, the top one first.
    pub(crate) fn lower_on_disk(&self, made: &Made) -> Result<Vec<PathBuf>, EngineError> {
        let layers = self.lower(&made.config, made.image.as_ref());
        let Some(ids) = self.ids_written(made)? else { return Ok(layers) };
        let copies = self.engine.store.shifted(&ids);
        Ok(layers.iter().map(|layer| copies.place(layer)).collect())
    }

    /// Where the copy is of a layer, or of what is in one, that a container has in its place.
    pub(crate) fn place_on_disk(&self, made: &Made, path: PathBuf) -> Result<PathBuf, EngineError> {
        let Some(ids) = self.ids_written(made)? else { return Ok(path) };
        Ok(self.engine.store.shifted(&ids).place(&path))
    }

    /// Gives what was made for a new container to its root.
    pub(crate) fn give_to_root(&self, made: &Made) -> Result<(), EngineError> {
        let Some(maps) = self.maps_on_disk(&made.config, &made.id)? else { return Ok(()) };
        let (uid, gid) = maps.root();
        let upper = &made.dirs.upper;
        std::os::unix::fs::chown(upper, Some(uid), Some(gid))
            .map_err(EngineError::file("change owner of", upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(container_id: u32, host_id: u32, size: u32) -> IdMapping {
        IdMapping { container_id, host_id, size }
    }

    #[test]
    fn ids_go_both_ways() {
        let maps = UserMaps { uids: vec![map(0, 1, 5), map(5, 0, 1)], gids: vec![map(0, 7, 3)] };
        assert_eq!(maps.root(), (1, 7));
        assert_eq!(maps.to_machine().of((5, 2)), (0, 9));
        assert_eq!(maps.to_machine().of((9, 9)), (1, 7));
        assert_eq!(maps.to_container().of((0, 9)), (5, 2));
        assert_eq!(maps.to_container().of((6, 6)), (NOBODY, NOBODY));
    }

    #[test]
    fn nobodys_id_is_none_of_the_containers() {
        // Whoever runs the tests has all ids of the machine, or some of them from 0 on.
        let maps = [map(0, 1, 5)];
        let id = unmapped(&maps).unwrap();
        assert!(id == 0 || id > 5, "{id}");
        assert_eq!(unmapped(&[map(0, 0, u32::MAX)]), None);
    }
}
