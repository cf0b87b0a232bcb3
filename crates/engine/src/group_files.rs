//! Files of control groups that a caller writes by their names, behind the limits that the engine knows: what they mean is his.
//!
//! A file of the version that the machine has no controllers of is left out, and told: its configuration may be for several machines.
//! Source: kernel Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.

use libcontainer::Plan;
use libcontainer::cgroup::{Controller, LayoutKind, Setting};

use crate::config::{ContainerConfig, GroupFile};
use crate::error::EngineError;

/// Names that are the engine's to write: who is in the group, and what is in groups below.
const OURS: [&str; 7] = [
    "cgroup.procs",
    "cgroup.threads",
    "cgroup.type",
    "cgroup.subtree_control",
    "cgroup.freeze",
    "cgroup.kill",
    "tasks",
];

/// Adds them to a plan.
///
/// # Errors
/// Names the file that is none.
pub(crate) fn add(plan: &mut Plan, config: &ContainerConfig) -> Result<(), EngineError> {
    let is_unified = plan.cgroup.kind == LayoutKind::Unified;
    for GroupFile { unified, name, value } in &config.group_files {
        let wrong = |why: &str| Err(EngineError::value("control group file", name.clone(), why));
        if name.contains('/') || name.starts_with('.') || value.contains('\0') {
            return wrong("it is no name of a file");
        }
        if OURS.contains(&name.as_str()) {
            return wrong("it is not the caller's to write");
        }
        if *unified != is_unified {
            let version = if *unified { 2 } else { 1 };
            let told =
                format!("{name} is left out: it is a file of control groups of version {version}");
            plan.process.warnings.push(told);
            continue;
        }
        let prefix = name.split('.').next().unwrap_or_default();
        let controller = match prefix {
            "cgroup" if is_unified => None,
            _ => match Controller::of_file(prefix, is_unified) {
                Some(controller) => Some(controller),
                None => return wrong("no controller is called so"),
            },
        };
        plan.cgroup.settings.push(Setting {
            controller,
            file: name.clone(),
            value: value.clone(),
            fallback: None,
            optional: false,
            missed: false,
            of: String::new(),
        });
    }
    Ok(())
}
