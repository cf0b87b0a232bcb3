//! What containers have written, made layers that they share: the part that clones and snapshots have in common. The store keeps the
//! layers; which of them a container has, its configuration says, the lowest first.
//!
//! Start at [`Containers::take_written`].

use std::path::PathBuf;

use store::{FrozenCopy, FrozenId};

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::{Action, State};

/// So many frozen layers a container has at most. The kernel stacks 500 directories (overlayfs, OVL_MAX_STACK), of which an image may
/// take a part, and looks a name that is not there up in each.
pub const MOST_FROZEN: usize = 100;

/// All that a container has written, for somebody else.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Layers that it has too.
    pub(crate) layers: Vec<FrozenId>,
    /// A copy of what one that runs goes on to write.
    pub(crate) copy: Option<FrozenCopy>,
}

impl Taken {
    /// All of its layers, the lowest first.
    pub(crate) fn all(&self) -> Vec<FrozenId> {
        let copy = self.copy.as_ref().map(FrozenCopy::id);
        self.layers.iter().chain(copy).cloned().collect()
    }
}

impl Containers<'_> {
    /// The frozen layers of a container, the top one first.
    pub(crate) fn frozen_directories(&self, config: &ContainerConfig) -> Vec<PathBuf> {
        let frozen = self.engine.store.frozen();
        config.frozen.iter().rev().map(|id| frozen.place(id)).collect()
    }

    /// All that a container has written, the top directory first.
    pub(crate) fn own_directories(&self, container: &Container) -> Vec<PathBuf> {
        let mut own = vec![container.dirs.upper.clone()];
        own.extend(self.frozen_directories(&container.config));
        own
    }

    /// Takes what a container has written, for a clone or a snapshot. One that stands still goes on with an empty layer above it, and
    /// nothing is copied; one that runs stands still while what it has written since its last frozen layer is copied, by reflink where
    /// the file system can. The caller holds its lock.
    ///
    /// # Errors
    /// When it is about to start, its files are mounted on the host, it has [`MOST_FROZEN`] layers, or the disk refuses; it is as it was
    /// then.
    pub(crate) fn take_written(
        &self,
        container: &Container,
        action: Action,
    ) -> Result<Taken, EngineError> {
        container.allow(action)?;
        crate::roots::demand_layer(&container.config, "a copy of what was written")?;
        if let State::Running { paused, .. } = container.state {
            let layers = container.config.frozen.clone();
            check_depth(container, (layers.len() + 1, MOST_FROZEN))?;
            let copy = || Ok(self.engine.store.frozen().copy(&container.dirs.upper, None)?);
            let copied = if paused { copy() } else { self.while_it_stands_still(container, copy) };
            return Ok(Taken { layers, copy: Some(copied?) });
        }
        Ok(Taken { layers: self.freeze(container, MOST_FROZEN)?, copy: None })
    }

    /// Freezes what a container that stands still has written, and gives its layers, `most` at most. The caller holds its lock.
    ///
    /// # Errors
    /// As [`Containers::take_written`].
    pub(crate) fn freeze(
        &self,
        container: &Container,
        most: usize,
    ) -> Result<Vec<FrozenId>, EngineError> {
        let (id, frozen) = (&container.record.id, self.engine.store.frozen());
        if self.shown().has(id.as_str()) {
            let why = "its files are mounted on the host: corten unmount it first";
            return Err(EngineError::value("container", &container.record.name, why));
        }
        let mut config = container.config.clone();
        if frozen.is_unwritten(id)? {
            return Ok(config.frozen);
        }
        if let Some(topmost) = config.frozen.last()
            && frozen.complete(id, topmost)?
        {
            return Ok(config.frozen);
        }
        check_depth(container, (config.frozen.len() + 1, most))?;
        let layer = FrozenId::random()?;
        config.frozen.push(layer.clone());
        let json = config
            .to_json()
            .map_err(|cause| EngineError::Record { name: container.record.name.clone(), cause })?;
        frozen.freeze(id, &layer, &json)?;
        Ok(config.frozen)
    }
}

fn check_depth(container: &Container, (layers, most): (usize, usize)) -> Result<(), EngineError> {
    if layers <= most {
        return Ok(());
    }
    let why = format!(
        "clones and snapshots have made {MOST_FROZEN} layers of it, and no more are stacked: corten commit makes an image of it, and a container of that has none"
    );
    Err(EngineError::value("container", &container.record.name, why))
}
