//! Devices of the host that a container may use. Source: config-linux.md, "Devices"; stat(2), makedev(3).

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use spec::runtime::{Device, DeviceRule};

use crate::config::{ContainerConfig, DeviceConfig};
use crate::error::EngineError;

/// Directories of `/dev` that a container has of its own.
const OWN: &[&str] = &["pts", "shm", "mqueue", "fd", "console"];

/// Device nodes, and the rules that go with them.
pub(super) fn of(config: &ContainerConfig) -> Result<(Vec<Device>, Vec<DeviceRule>), EngineError> {
    let all = Some("rwm".to_owned());
    if config.privileged {
        return Ok((
            every_device(),
            vec![DeviceRule { allow: true, access: all, ..DeviceRule::default() }],
        ));
    }
    let mut devices = Vec::new();
    let mut rules = vec![DeviceRule { allow: false, access: all, ..DeviceRule::default() }];
    for wanted in &config.devices {
        for device in found(wanted)? {
            rules.push(DeviceRule {
                allow: true,
                kind: Some(device.kind.clone()),
                major: Some(device.major.into()),
                minor: Some(device.minor.into()),
                access: Some(wanted.access.clone()),
            });
            devices.push(device);
        }
    }
    for rule in &config.device_rules {
        rules.push(crate::parse::device_rule(rule)?);
    }
    Ok((devices, rules))
}

/// One device, or those in a directory.
fn found(wanted: &DeviceConfig) -> Result<Vec<Device>, EngineError> {
    let wrong = |why: String| EngineError::value("device", wanted.host.display().to_string(), why);
    let about = fs::metadata(&wanted.host)
        .map_err(|error| wrong(format!("there is no such device ({})", sys::Errno::from(error))))?;
    if about.is_dir() {
        let mut devices = Vec::new();
        walk(&wanted.host, &wanted.container, &mut devices);
        return Ok(devices);
    }
    device(&about, &wanted.container)
        .map(|device| vec![device])
        .ok_or_else(|| wrong("it is no device".to_owned()))
}

fn every_device() -> Vec<Device> {
    let mut devices = Vec::new();
    walk(Path::new("/dev"), Path::new("/dev"), &mut devices);
    devices
}

fn walk(host: &Path, container: &Path, devices: &mut Vec<Device>) {
    for entry in fs::read_dir(host).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let top = host == Path::new("/dev");
        if top && OWN.iter().any(|own| *own == name) {
            continue;
        }
        let inside: PathBuf = container.join(&name);
        match fs::symlink_metadata(entry.path()) {
            Ok(about) if about.is_dir() => walk(&entry.path(), &inside, devices),
            Ok(about) => devices.extend(device(&about, &inside)),
            Err(_gone) => {}
        }
    }
}

pub(super) fn device(about: &fs::Metadata, path: &Path) -> Option<Device> {
    let kind = match about.file_type() {
        kind if kind.is_char_device() => "c",
        kind if kind.is_block_device() => "b",
        _ => return None,
    };
    let number = about.rdev();
    Some(Device {
        kind: kind.to_owned(),
        path: path.to_owned(),
        major: rustix::fs::major(number),
        minor: rustix::fs::minor(number),
        file_mode: Some(about.mode() & 0o7777),
        uid: Some(about.uid()),
        gid: Some(about.gid()),
    })
}
