//! Bounds of sizes: who has some, and what helps where there can be none. What they are is in the store.

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::oci::volume_names;

impl Containers<'_> {
    /// Whether there is a bound on what a container writes: on its own layer or a volume.
    pub(crate) fn is_bounded(&self, config: &ContainerConfig) -> Result<bool, EngineError> {
        if config.bound_bytes().is_some() {
            return Ok(true);
        }
        for (name, ..) in volume_names(config) {
            let volume = self.engine.store.volumes().find(name)?;
            if volume.is_some_and(|volume| volume.bound_bytes().is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a file system of that kind needs; `asleep` is one that counts already.
pub(crate) fn hint(file_system: &str, asleep: bool) -> String {
    match file_system {
        "xfs" => "mount it with the option prjquota (the machine's root: rootflags=prjquota on the kernel's command line)".to_owned(),
        "ext4" if asleep => "mount it with the option prjquota".to_owned(),
        "ext4" => "unmount it, tune2fs -O project,quota its device, and mount it with the option prjquota; the kernel needs \
                   CONFIG_QFMT_V2"
            .to_owned(),
        _ => "have the store (--root) on XFS, or on ext4 made with -O project,quota, mounted with the option prjquota".to_owned(),
    }
}
