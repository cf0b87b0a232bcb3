//! Mounts as `--mount` wants them, Docker's `HostConfig.Mounts`.

use serde_json::{Value, json};

use super::{Content, Document, path};
use crate::config::{Below, ContainerConfig, MountConfig, MountSource};

/// Those that were written out, and those that can be written in no other way.
pub(super) fn requested_mounts(config: &ContainerConfig) -> Content {
    let is_requested = |mount: &&MountConfig| {
        mount.is_written_out
            || matches!(
                mount.source,
                MountSource::Bind { create: false, .. } | MountSource::Image { .. }
            )
    };
    Content::List(config.mounts.iter().filter(is_requested).map(document).collect())
}

fn document(mount: &MountConfig) -> Document {
    let (kind, source, (name, options)) = match &mount.source {
        MountSource::Bind { path: source, create } => {
            ("bind", path(source), ("BindOptions", bind(mount, *create)))
        }
        MountSource::Volume { name, anonymous, .. } => {
            let name = if *anonymous { String::new() } else { name.clone() };
            ("volume", name, ("VolumeOptions", volume(mount)))
        }
        MountSource::Tmpfs => ("tmpfs", String::new(), ("TmpfsOptions", tmpfs(mount))),
        MountSource::Image { name, .. } => {
            let options = Document::new().with_filled("Subpath", mount.subpath.clone());
            ("image", name.clone(), ("ImageOptions", options))
        }
    };
    let is_read_only = mount.read_only && kind != "image";
    let document = Document::new()
        .with("Type", kind)
        .with_filled("Source", source)
        .with("Target", path(&mount.target))
        .with_filled("ReadOnly", is_read_only);
    if options.is_bare() { document } else { document.with(name, options) }
}

fn bind(mount: &MountConfig, create: bool) -> Document {
    Document::new()
        .with_filled("Propagation", mount.options.first().cloned().unwrap_or_default())
        .with_filled("NonRecursive", mount.below == Below::Left)
        .with_filled("CreateMountpoint", create)
        .with_filled("ReadOnlyNonRecursive", mount.read_only && mount.below == Below::Writable)
}

fn volume(mount: &MountConfig) -> Document {
    let MountSource::Volume { copy, labels, driver_options, .. } = &mount.source else {
        return Document::new();
    };
    let driver = json!({ "Name": "local", "Options": driver_options });
    Document::new()
        .with_filled("NoCopy", !copy)
        .with_filled("Labels", json!(labels))
        .with_filled("DriverConfig", if driver_options.is_empty() { Value::Null } else { driver })
        .with_filled("Subpath", mount.subpath.clone())
}

fn tmpfs(mount: &MountConfig) -> Document {
    let value = |name: &str| {
        let mut all = mount.options.iter().filter_map(|option| option.strip_prefix(name));
        all.next()
    };
    let size = value("size=").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
    let mode = value("mode=").and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0);
    let others = mount.options.iter();
    let others = others.filter(|own| !own.starts_with("size=") && !own.starts_with("mode="));
    let others: Vec<Vec<&str>> = others.map(|own| own.splitn(2, '=').collect()).collect();
    Document::new()
        .with_filled("SizeBytes", size)
        .with_filled("Mode", mode)
        .with_filled("Options", json!(others))
}
