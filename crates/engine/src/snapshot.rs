//! Snapshots: what a container was at a moment, its files and its configuration. It goes back there by `restore`, or another container
//! begins there. A snapshot holds frozen layers (`frozen.rs`), so that it costs what was written since and no copy; snapshots go with
//! their container.
//!
//! Start at [`Containers::snapshot`]. Source: lxc-snapshot(1).

use spec::ContainerId;
use store::{NewSnapshot, Snapshot, StoreError};

use crate::checkpoints::is_name;
use crate::cloning::{CloneRequest, Source};
use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::frozen::{MOST_FROZEN, Taken};
use crate::life::Container;
use crate::state::Action;

/// A snapshot that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// Its name: a letter or digit, then letters, digits, `_`, `.` and `-`. Otherwise it is `snap0`, `snap1` and so on, the first that is free.
    pub name: Option<String>,
    /// Words about it.
    pub comment: String,
}

impl Containers<'_> {
    /// Makes a snapshot of a container, and gives its name. One that runs stands still while what it has written is copied; nothing is copied
    /// of one that does not.
    ///
    /// # Errors
    /// When there is no such container, it is about to start, the name is taken or none, or the disk refuses. The container is as it was
    /// then.
    pub fn snapshot(&self, text: &str, request: &SnapshotRequest) -> Result<String, EngineError> {
        if let Some(name) = &request.name {
            check_name(name)?;
        }
        let (_lock, container) = self.locked(text)?;
        let container = self.until_started(container)?;
        let id = &container.record.id;
        let taken_names = self.engine.store.frozen().snapshots(id)?;
        let is_taken = |name: &str| taken_names.iter().any(|one| one.name == name);
        let name = match &request.name {
            Some(name) if is_taken(name) => {
                return Err(StoreError::Exists { what: "snapshot", name: name.clone() }.into());
            }
            Some(name) => name.clone(),
            // Its lock is held: nobody takes another one meanwhile.
            None => free_name(is_taken),
        };
        let taken = self.take_written(&container, Action::Snapshot)?;
        let config = ContainerConfig { frozen: taken.all(), ..(*container.config).clone() };
        let config = config
            .to_json()
            .map_err(|cause| EngineError::Record { name: container.record.name.clone(), cause })?;
        self.engine.store.frozen().add_snapshot(&NewSnapshot {
            container: id,
            name: &name,
            made_ns: monitor::now_ns(),
            comment: &request.comment,
            config: &config,
            layers: &taken.layers,
            copy: taken.copy.as_ref(),
        })?;
        self.tell(&container, "snapshot", &[("snapshot", name.clone())]);
        Ok(name)
    }

    /// The snapshots of a container, the oldest first.
    ///
    /// # Errors
    /// When there is no such container, or the store cannot be read.
    pub fn snapshots(&self, text: &str) -> Result<Vec<Snapshot>, EngineError> {
        let id = self.engine.store.containers().get(text)?.id;
        Ok(self.engine.store.frozen().snapshots(&id)?)
    }

    pub(crate) fn snapshot_names(&self, id: &ContainerId) -> Result<Vec<String>, EngineError> {
        let snapshots = self.engine.store.frozen().snapshots(id)?;
        Ok(snapshots.into_iter().map(|snapshot| snapshot.name).collect())
    }

    /// Brings a container that stands still back to a snapshot of it: its files, and its configuration with limits, restart policy and
    /// autostart. Its name, its volumes and its places in networks stay what they are. What it has written since is gone, but for what
    /// other snapshots and clones have of it.
    ///
    /// # Errors
    /// When there is no such container or snapshot, it runs, or the disk refuses: the container has all of its files then.
    pub fn restore_snapshot(&self, text: &str, name: &str) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(text)?;
        container.allow(Action::Restore)?;
        let id = &container.record.id;
        let frozen = self.engine.store.frozen();
        let snapshot = frozen.snapshot(id, name)?;
        let layers = config_of(&container, &snapshot)?.frozen;
        // Then one transaction says where it is, and what was written goes with the layer that nobody has behind it.
        self.freeze(&container, MOST_FROZEN + 1)?;
        frozen.restore(id, &snapshot.config, &layers)?;
        if let Some(top) = layers.last() {
            frozen.dress_root(id, &frozen.place(top))?;
        }
        self.tell(&container, "restore", &[("snapshot", name.to_owned())]);
        Ok(())
    }

    /// Makes a new container of a snapshot: the request says how, as for a clone.
    ///
    /// # Errors
    /// As [`Containers::clone_of`], and when there is no such snapshot.
    pub fn clone_of_snapshot(
        &self,
        text: &str,
        name: &str,
        request: &CloneRequest,
    ) -> Result<(ContainerId, Vec<String>), EngineError> {
        let (lock, container) = self.locked(text)?;
        let frozen = self.engine.store.frozen();
        let snapshot = frozen.snapshot(&container.record.id, name)?;
        let config = config_of(&container, &snapshot)?;
        let layers = config.frozen.clone();
        let root = layers.last().map(|top| frozen.place(top));
        let original = Container { config: Box::new(config), ..container };
        let source =
            Source { original, taken: Taken { layers, copy: None }, root, lock: Some(lock) };
        self.make_clone(source, request)
    }

    /// Removes a snapshot; what nobody else has of its files goes with it.
    ///
    /// # Errors
    /// When there is no such container or snapshot, or the disk refuses.
    pub fn remove_snapshot(&self, text: &str, name: &str) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(text)?;
        self.engine.store.frozen().remove_snapshot(&container.record.id, name)?;
        self.tell(&container, "snapshot-remove", &[("snapshot", name.to_owned())]);
        Ok(())
    }
}

fn free_name(is_taken: impl Fn(&str) -> bool) -> String {
    let mut names = (0..).map(|number: u64| format!("snap{number}"));
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

fn config_of(container: &Container, snapshot: &Snapshot) -> Result<ContainerConfig, EngineError> {
    serde_json::from_str(&snapshot.config)
        .map_err(|cause| EngineError::Record { name: container.record.name.clone(), cause })
}

fn check_name(name: &str) -> Result<(), EngineError> {
    if is_name(name) {
        return Ok(());
    }
    let why = "it begins with a letter or digit; letters, digits, _ . and - follow";
    Err(EngineError::value("snapshot name", name, why))
}
