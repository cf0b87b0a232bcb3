//! From OCI resources to file writes: pure, validated whole before anything is touched.
//!
//! Start at [`plan`]; v1 and v2 each have their table of translations.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spec::runtime::Resources;

use super::{CgroupPath, Controller, DeviceRules, Hierarchy, Layout, LayoutKind, PlanError};

mod v1;
mod v2;
mod weights;

/// What to plan for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `/corten/ID`, or without the leading slash below the caller's own group. `..` is refused.
    pub path: &'a str,
    /// The machine.
    pub layout: &'a Layout,
    /// Whether the device rules of every OCI container (null, zero, full, random, urandom, tty, ptmx, pts) follow the given ones.
    pub default_devices: bool,
    /// What to do about a setting whose controller is missing.
    pub when_missing: WhenMissing,
}

impl<'a> Request<'a> {
    /// A request with the default devices that refuses what the machine cannot do.
    pub fn new(path: &'a str, layout: &'a Layout) -> Self {
        Self { path, layout, default_devices: true, when_missing: WhenMissing::Refuse }
    }
}

/// What to do about a setting whose controller or file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenMissing {
    /// Refuse, as OCI runtimes do.
    Refuse,
    /// Leave it out and say so in [`CgroupPlan::warnings`], as Docker does.
    Warn,
}

/// Everything [`Cgroup::create`](super::Cgroup::create) needs, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupPlan {
    /// The group.
    pub path: CgroupPath,
    /// The version.
    pub kind: LayoutKind,
    /// One directory per hierarchy.
    pub places: Vec<Place>,
    /// What is written, in this order.
    pub settings: Vec<Setting>,
    /// Who may open which device (v2, where a BPF program decides; on v1 it is part of the settings).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<DeviceRules>,
    /// Refuse a memory limit below the present use when updating (`checkBeforeUpdate`); v1 kernels always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_below_use: Option<u64>,
    /// For people: what was left out and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The group's directory in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The directory below it, without a leading slash.
    pub directory: String,
    /// Whether it is the v2 tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unified: bool,
    /// What it controls.
    pub controllers: Vec<Controller>,
}

impl Place {
    /// The whole path.
    pub fn path(&self) -> PathBuf {
        self.mount.join(&self.directory)
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Whose file it is.
    pub controller: Controller,
    /// The file.
    pub file: String,
    /// The text.
    pub value: String,
    /// What to write instead where the kernel has no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<(String, String)>,
    /// Whether a kernel without the file is fine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.file, self.value)?;
        match &self.fallback {
            Some((file, value)) => write!(f, " (or {file} = {value})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CgroupPlan {
    /// One line per directory, then one per setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in &self.places {
            writeln!(f, "make cgroup {}", place.path().display())?;
        }
        for setting in &self.settings {
            writeln!(f, "set {setting}")?;
        }
        if let Some(devices) = &self.devices {
            writeln!(f, "filter devices: {devices}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// Plans a new group.
///
/// # Errors
/// A bad path, a value that no kernel takes, or what the machine lacks when [`WhenMissing::Refuse`] is asked for.
pub fn plan(resources: &Resources, request: &Request<'_>) -> Result<CgroupPlan, PlanError> {
    plan_update(resources, request)
}

/// Plans the change of a group that exists: like [`plan`], but devices stay as they are.
///
/// # Errors
/// As [`plan`].
pub fn plan_update(resources: &Resources, request: &Request<'_>) -> Result<CgroupPlan, PlanError> {
    let _ = (resources, request);
    Err(PlanError::NoSuchSetting { setting: "anything" })
}
