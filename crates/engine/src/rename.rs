//! Another name for a container, in its record and in what is told of it.

use spec::ContainerName;

use crate::config::NetworkMode;
use crate::containers::Containers;
use crate::error::EngineError;

impl Containers<'_> {
    /// Gives a container another name, whatever its state.
    ///
    /// # Errors
    /// When there is no such container, the name is none or its own, or another container has it.
    pub fn rename(&self, text: &str, name: &str) -> Result<(), EngineError> {
        let wanted = name.strip_prefix('/').unwrap_or(name);
        let parsed: ContainerName = wanted.parse().map_err(|_bad| {
            EngineError::value(
                "container name",
                name,
                "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two characters and at most 255",
            )
        })?;
        let (_lock, mut container) = self.locked(text)?;
        let old = container.record.name.clone();
        if old == wanted {
            return Err(EngineError::value("container name", name, "it is the container's own"));
        }
        self.engine.store.containers().rename(&container.record.id, &parsed)?;
        wanted.clone_into(&mut container.record.name);
        // One that has just ended tells nothing more.
        if let Some(mut monitor) = self.monitor_of(&container)? {
            let _gone = monitor.set_name(wanted);
            if matches!(container.config.network, NetworkMode::Networks(_)) {
                // Others ask for it by that name from now on.
                self.change_places(&container, |_giving| Ok(()))?;
            }
        }
        self.tell(&container, "rename", &[("oldName", format!("/{old}"))]);
        Ok(())
    }
}
