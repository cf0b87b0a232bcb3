//! `linux.netDevices`: which interfaces move, and how they are called inside. Source: config-linux.md, "Network Devices".

use std::collections::{BTreeMap, BTreeSet};

use spec::runtime::{NamespaceKind, NetDevice};

use crate::error::PlanError;
use crate::net_devices::NetDevicePlan;
use crate::plan::NamespacePlan;

/// IFNAMSIZ with its NUL, net/if.h.
const LONGEST_NAME: usize = 15;

pub(super) fn plan(
    devices: &BTreeMap<String, NetDevice>,
    namespaces: &NamespacePlan,
) -> Result<Vec<NetDevicePlan>, PlanError> {
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let refused = |why: &str| PlanError::field("linux.netDevices", why);
    let makes = namespaces.create.contains(&NamespaceKind::Network);
    let joins = |kind| namespaces.join.iter().any(|(joined, _)| *joined == kind);
    if !makes && !joins(NamespaceKind::Network) {
        return Err(refused("need a network namespace of its own"));
    }
    if makes && joins(NamespaceKind::User) {
        return Err(refused(
            "cannot move into a network namespace that is made inside a joined user namespace",
        ));
    }
    let mut seen = BTreeSet::new();
    let mut plans = Vec::new();
    for (name, NetDevice { name: inside }) in devices {
        let inside = inside.as_ref().filter(|inside| !inside.is_empty()).unwrap_or(name);
        if !is_name(name) || name.contains('%') {
            return Err(refused(&format!("{name:?} is no name of a network device")));
        }
        let field = || format!("linux.netDevices.{name}.name");
        if !is_name(inside) || !is_pattern(inside) {
            let why = format!("{inside:?} is no name of a network device");
            return Err(PlanError::field(field(), why));
        }
        if !inside.contains('%') && !seen.insert(inside) {
            let why = format!("{inside:?} is there twice");
            return Err(PlanError::field(field(), why));
        }
        plans.push(NetDevicePlan { name: name.clone(), inside: inside.clone() });
    }
    Ok(plans)
}

/// The kernel's rule: net/core/dev.c, dev_valid_name.
fn is_name(name: &str) -> bool {
    let bad = |byte: u8| {
        byte == b'/' || byte == b':' || byte == 0 || byte.is_ascii_whitespace() || byte == 0x0b
    };
    !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && !name.bytes().any(bad)
}

/// At most one `%`, and only as `%d`: net/core/dev.c, __dev_alloc_name.
fn is_pattern(name: &str) -> bool {
    match name.split_once('%') {
        None => true,
        Some((_, rest)) => rest.starts_with('d') && !rest.contains('%'),
    }
}
