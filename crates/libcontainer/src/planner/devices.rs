//! Device nodes in `/dev`: the ones that every container has, and those that the configuration adds.
//! Source: config-linux.md, "Default Devices"; "Devices".

use std::path::Path;

use spec::runtime::Device;

use super::{Steps, inside};
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
            fifo: false,
            major: *major,
            minor: *minor,
            mode: 0o666,
            uid: 0,
            gid: 0,
        };
        let mut nodes: Vec<DeviceNode> = DEFAULT.iter().map(node).collect();
        let mut elsewhere: Vec<DeviceNode> = Vec::new();
        for (number, device) in self.linux.devices.iter().enumerate() {
            let field = format!("linux.devices[{number}]");
            let path = inside(&device.path, &format!("{field}.path"))?;
            // The link below leads to the one of the container's own devpts.
            if path == Path::new("/dev/ptmx") {
                continue;
            }
            let (list, name) = match path.strip_prefix("/dev") {
                Ok(name) => (&mut nodes, name),
                Err(_elsewhere) => (&mut elsewhere, path.as_path()),
            };
            let added = extra(device, name, &field)?;
            list.retain(|known| known.name != added.name);
            list.push(added);
        }
        let taken = |name: &str| nodes.iter().any(|node| node.name == name);
        let links = LINKS
            .iter()
            .filter(|(name, _)| !taken(name))
            .map(|(name, to)| ((*name).to_owned(), (*to).to_owned()));
        let links = links.collect();
        self.steps.push(Step::Devices { nodes, links, elsewhere });
        Ok(())
    }
}

fn extra(device: &Device, name: &Path, field: &str) -> Result<DeviceNode, PlanError> {
    let name = name.to_str().filter(|name| !matches!(*name, "" | "/"));
    let name = name.ok_or_else(|| {
        let why = format!("{} is no name for a device", device.path.display());
        PlanError::field(format!("{field}.path"), why)
    })?;
    let (block, fifo) = match device.kind.as_str() {
        "c" | "u" => (false, false),
        "b" => (true, false),
        "p" => (false, true),
        other => {
            let why = format!("{other:?} is neither c, u, b nor p");
            return Err(PlanError::field(format!("{field}.type"), why));
        }
    };
    // mknod(2) makes a file of another kind out of the bits of one.
    let number = |number: u32| if fifo { 0 } else { number };
    Ok(DeviceNode {
        name: name.to_owned(),
        block,
        fifo,
        major: number(device.major),
        minor: number(device.minor),
        mode: device.file_mode.unwrap_or(0o666) & 0o7777,
        uid: device.uid.unwrap_or(0),
        gid: device.gid.unwrap_or(0),
    })
}
