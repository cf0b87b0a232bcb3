//! Mounts, as clients write them in `HostConfig.Mounts`.

use std::collections::BTreeMap;

use engine::config::{Below, MountConfig, MountSource};
use engine::{EngineError, parse};
use serde::Deserialize;

use crate::version::ApiVersion;

/// A mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Mount {
    #[serde(rename = "Type")]
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    bind_options: Option<BindOptions>,
    volume_options: Option<VolumeOptions>,
    tmpfs_options: Option<TmpfsOptions>,
    image_options: Option<ImageOptions>,
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
    /// Makes it what clients of the version mean.
    ///
    /// # Errors
    /// For what the version does not have, and must not be passed over.
    pub(super) fn settle_version(&mut self, version: ApiVersion) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("mount", self.target.clone(), why);
        let subpath = self.volume_options.as_ref().is_some_and(|own| !own.subpath.is_empty());
        if !version.has(45) && subpath {
            return Err(wrong("VolumeOptions.Subpath needs API v1.45 or newer"));
        }
        if !version.has(48) && self.kind == "image" {
            return Err(wrong("Mount type \"Image\" needs API v1.48 or newer"));
        }
        if version.has(42) {
            let kind = self.kind.as_str();
            for (is_given, name, of) in [
                (self.volume_options.is_some(), "VolumeOptions", "volume"),
                (self.bind_options.is_some(), "BindOptions", "bind"),
                (self.tmpfs_options.is_some(), "TmpfsOptions", "tmpfs"),
            ] {
                if is_given && kind != of {
                    let why = format!("{name} must not be specified on mount type {kind:?}");
                    return Err(wrong(&why));
                }
            }
        }
        let Some(options) = &mut self.bind_options else { return Ok(()) };
        if !version.has(44) && options.read_only_force_recursive {
            let why = "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer";
            return Err(EngineError::value("mount", self.target.clone(), why));
        }
        options.non_recursive &= version.has(40);
        options.create_mountpoint &= version.has(42);
        Ok(())
    }

    /// Whether it is a volume, and says nothing of a driver.
    pub(super) fn names_no_driver(&self) -> bool {
        let options = self.volume_options.as_ref();
        self.kind == "volume" && options.is_none_or(|own| own.driver_config.name.is_empty())
    }

    /// What the engine is told of it.
    ///
    /// # Errors
    /// For what no mount can be.
    pub(crate) fn config(self) -> Result<MountConfig, EngineError> {
        let target = self.target.clone();
        let wrong = |why: &'static str| EngineError::value("mount", target.clone(), why);
        let mut mount = MountConfig::new(MountSource::Tmpfs, self.target.into());
        mount.read_only = self.read_only;
        mount.source = match self.kind.as_str() {
            "bind" => {
                let options = self.bind_options.unwrap_or_default();
                mount.below = options.below().map_err(wrong)?;
                mount.options.extend(Some(options.propagation).filter(|word| !word.is_empty()));
                let create = options.create_mountpoint;
                MountSource::Bind { path: self.source.into(), create }
            }
            "volume" => {
                let volume = self.volume_options.unwrap_or_default();
                if !matches!(volume.driver_config.name.as_str(), "" | "local") {
                    return Err(wrong("there is the volume driver local alone"));
                }
                mount.subpath = volume.subpath;
                MountSource::Volume {
                    anonymous: self.source.is_empty(),
                    name: self.source,
                    copy: !volume.no_copy,
                    labels: volume.labels,
                    driver_options: volume.driver_config.options,
                }
            }
            "tmpfs" if !self.source.is_empty() => return Err(wrong("a tmpfs has no source")),
            "tmpfs" => {
                mount.options = self.tmpfs_options.unwrap_or_default().words();
                MountSource::Tmpfs
            }
            "image" => {
                mount.subpath = self.image_options.unwrap_or_default().subpath;
                MountSource::Image { name: self.source, id: String::new(), layers: Vec::new() }
            }
            _ => return Err(wrong("its type is not one of bind, volume, tmpfs, image")),
        };
        parse::written_out(mount)
    }
}

impl TmpfsOptions {
    /// As of fstab(5).
    fn words(&self) -> Vec<String> {
        let size = (self.size_bytes > 0).then(|| format!("size={}", self.size_bytes));
        let mode = (self.mode > 0).then(|| format!("mode={:o}", self.mode));
        let others = self.options.iter().map(|words| words.join("="));
        size.into_iter().chain(mode).chain(others).collect()
    }
}
