//! The namespaces of a configuration. Source: config-linux.md, "Namespaces", "User namespace mappings".

use std::collections::BTreeSet;

use spec::runtime::{IdMapping, Linux, Namespace, NamespaceKind};

use crate::error::PlanError;
use crate::plan::NamespacePlan;

pub(super) fn plan(linux: &Linux) -> Result<NamespacePlan, PlanError> {
    let mut plan = NamespacePlan::default();
    let mut seen = BTreeSet::new();
    for Namespace { kind, path } in &linux.namespaces {
        if !seen.insert(*kind) {
            return Err(PlanError::field("linux.namespaces", format!("{kind:?} is there twice")));
        }
        match path {
            None => plan.create.push(*kind),
            Some(path) if path.as_os_str().is_empty() => plan.create.push(*kind),
            Some(path) if path.is_absolute() => plan.join.push((*kind, path.clone())),
            Some(path) => {
                return Err(PlanError::field(
                    "linux.namespaces",
                    format!("{} is not absolute", path.display()),
                ));
            }
        }
    }
    let user = plan.create.contains(&NamespaceKind::User);
    if user && (linux.uid_mappings.is_empty() || linux.gid_mappings.is_empty()) {
        return Err(PlanError::field(
            "linux.uidMappings",
            "a new user namespace needs uidMappings and gidMappings",
        ));
    }
    if user {
        for (field, mappings) in
            [("uidMappings", &linux.uid_mappings), ("gidMappings", &linux.gid_mappings)]
        {
            if !mappings.iter().any(|map| map.container_id == 0 && map.size > 0) {
                let why = "id 0 inside is not mapped: nobody could set the container up";
                return Err(PlanError::field(format!("linux.{field}"), why));
            }
        }
        plan.uid_mappings.clone_from(&linux.uid_mappings);
        plan.gid_mappings.clone_from(&linux.gid_mappings);
    }
    // The kernel's order: the user namespace owns what is made after it.
    plan.create.sort_unstable();
    Ok(plan)
}

/// User and group of the machine that are root in the container's user namespace; one that is joined has its maps in the
/// configuration too.
pub(super) fn root_ids(linux: &Linux) -> Result<(u32, u32), PlanError> {
    let host = |field: &str, mappings: &[IdMapping]| {
        let root = mappings.iter().find(|map| map.container_id == 0 && map.size > 0);
        root.map(|map| map.host_id).ok_or_else(|| {
            let why = "id 0 inside is not mapped: layers of images could not be shown";
            PlanError::field(format!("linux.{field}"), why)
        })
    };
    Ok((host("uidMappings", &linux.uid_mappings)?, host("gidMappings", &linux.gid_mappings)?))
}
