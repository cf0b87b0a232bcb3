//! Device nodes in `/dev`: the ones that every container has, and those that the configuration adds.
//! Source: config-linux.md, "Default Devices"; "Devices".

use std::path::Path;

use spec::runtime::Device;

use super::Steps;
use crate::error::PlanError;
use crate::plan::{DeviceNode, Step};

/// Name, major and minor number; Documentation/admin-guide/devices.txt.
const DEFAULT: &[(&str, u32, u32)] = &[
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];

impl Steps<'_> {
    pub(super) fn devices(&mut self) -> Result<(), PlanError> {
        let node = |(name, major, minor): &(&str, u32, u32)| DeviceNode {
            name: (*name).to_owned(),
            block: false,
            major: *major,
            minor: *minor,
            mode: 0o666,
            uid: 0,
            gid: 0,
        };
        let mut nodes: Vec<DeviceNode> = DEFAULT.iter().map(node).collect();
        for (number, device) in self.linux.devices.iter().enumerate() {
            let added = extra(device, &format!("linux.devices[{number}]"))?;
            nodes.retain(|known| known.name != added.name);
            nodes.push(added);
        }
        let taken = |name: &str| nodes.iter().any(|node| node.name == name);
        let links = LINKS
            .iter()
            .filter(|(name, _)| !taken(name))
            .map(|(name, to)| ((*name).to_owned(), (*to).to_owned()));
        let links = links.collect();
        self.steps.push(Step::Devices { nodes, links });
        Ok(())
    }
}

fn extra(device: &Device, field: &str) -> Result<DeviceNode, PlanError> {
    let name = device
        .path
        .strip_prefix("/dev")
        .ok()
        .and_then(Path::to_str)
        .filter(|name| !name.is_empty() && !name.contains(".."));
    let name = name.ok_or_else(|| {
        PlanError::field(
            format!("{field}.path"),
            format!("{} is not below /dev", device.path.display()),
        )
    })?;
    let block = match device.kind.as_str() {
        "c" | "u" => false,
        "b" => true,
        other => {
            return Err(PlanError::field(
                format!("{field}.type"),
                format!("{other:?} is neither c, u nor b"),
            ));
        }
    };
    Ok(DeviceNode {
        name: name.to_owned(),
        block,
        major: device.major,
        minor: device.minor,
        mode: device.file_mode.unwrap_or(0o666) & 0o7777,
        uid: device.uid.unwrap_or(0),
        gid: device.gid.unwrap_or(0),
    })
}
