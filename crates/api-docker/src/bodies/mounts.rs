//! Mounts, as clients write them in `HostConfig.Mounts`.

use std::collections::BTreeMap;

use engine::EngineError;
use engine::config::{Below, MountConfig, MountSource};
use serde::Deserialize;

/// A mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Mount {
    #[serde(rename = "Type")]
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    bind_options: BindOptions,
    volume_options: VolumeOptions,
    tmpfs_options: TmpfsOptions,
    image_options: ImageOptions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct BindOptions {
    propagation: String,
    non_recursive: bool,
    create_mountpoint: bool,
    read_only_non_recursive: bool,
    read_only_force_recursive: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct VolumeOptions {
    no_copy: bool,
    labels: BTreeMap<String, String>,
    driver_config: DriverConfig,
    subpath: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DriverConfig {
    name: String,
    options: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TmpfsOptions {
    size_bytes: u64,
    mode: u32,
    options: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ImageOptions {
    subpath: String,
}

impl BindOptions {
    fn below(&self) -> Result<Below, &'static str> {
        match (self.non_recursive, self.read_only_non_recursive) {
            (_, true) if self.read_only_force_recursive => {
                Err("what is below it cannot be read-only and not")
            }
            (true, _) => Ok(Below::Left),
            (false, true) => Ok(Below::Writable),
            (false, false) => Ok(Below::Included),
        }
    }
}

impl Mount {
    /// What the engine is told of it.
    ///
    /// # Errors
    /// For what no mount can be.
    pub(crate) fn config(self) -> Result<MountConfig, EngineError> {
        let wrong = |why: &'static str| EngineError::value("mount", self.target.clone(), why);
        if !self.target.starts_with('/') {
            return Err(wrong("its target is not absolute"));
        }
        let mut options = Vec::new();
        let mut below = Below::Included;
        let mut subpath = String::new();
        let source = match self.kind.as_str() {
            "bind" => {
                if !self.source.starts_with('/') {
                    return Err(wrong("its source is not absolute"));
                }
                let propagation = self.bind_options.propagation.clone();
                options.extend(Some(propagation).filter(|word| !word.is_empty()));
                below = self.bind_options.below().map_err(wrong)?;
                let create = self.bind_options.create_mountpoint;
                MountSource::Bind { path: self.source.clone().into(), create }
            }
            "volume" => {
                let volume = &self.volume_options;
                if !matches!(volume.driver_config.name.as_str(), "" | "local") {
                    return Err(wrong("there is the volume driver local alone"));
                }
                subpath.clone_from(&volume.subpath);
                MountSource::Volume {
                    name: self.source.clone(),
                    anonymous: self.source.is_empty(),
                    copy: !volume.no_copy,
                    labels: volume.labels.clone(),
                    driver_options: volume.driver_config.options.clone(),
                }
            }
            "tmpfs" => {
                let tmpfs = &self.tmpfs_options;
                if !self.source.is_empty() {
                    return Err(wrong("a tmpfs has no source"));
                }
                options
                    .extend((tmpfs.size_bytes > 0).then(|| format!("size={}", tmpfs.size_bytes)));
                options.extend((tmpfs.mode > 0).then(|| format!("mode={:o}", tmpfs.mode)));
                options.extend(tmpfs.options.iter().map(|words| words.join("=")));
                MountSource::Tmpfs
            }
            "image" => {
                subpath.clone_from(&self.image_options.subpath);
                MountSource::Image { name: self.source.clone(), id: String::new() }
            }
            _ => return Err(wrong("its type is not one of bind, volume, tmpfs, image")),
        };
        let mut mount = MountConfig::new(source, self.target.clone().into());
        mount.read_only = self.read_only;
        mount.options = options;
        mount.below = below;
        mount.subpath = subpath;
        Ok(mount)
    }
}
