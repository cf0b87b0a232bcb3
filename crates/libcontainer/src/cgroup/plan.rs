//! From OCI resources to file writes: pure, validated whole before anything is touched.
//!
//! Start at [`plan`]; v1 and v2 each have their table of translations.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spec::runtime::{Memory, Resources};

use super::{
    CgroupPath, Controller, DeviceRules, Hierarchy, Layout, LayoutKind, PlanError,
    default_device_rules,
};

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
    pub warnings: Vec<Warning>,
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
    /// Whose file it is; `None` for the core files of v2 (`cgroup.…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
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
    /// Whether somebody asked for it, and is told when it is left out: see [`WhenMissing::Warn`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
}

impl Setting {
    fn new(controller: Option<Controller>, file: impl Into<String>, value: String) -> Self {
        Self {
            controller,
            file: file.into(),
            value,
            fallback: None,
            optional: false,
            missed: false,
        }
    }

    /// Without the file nothing is lost, so nobody is told.
    fn allow_missing(&mut self) {
        self.optional = true;
        self.missed = false;
    }
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

impl CgroupPlan {
    /// What people are told: the plan's own warnings, and those of `skipped`, see [`ControlGroup::skipped`], that somebody
    /// asked for.
    ///
    /// [`ControlGroup::skipped`]: super::ControlGroup::skipped
    pub fn told(&self, skipped: &[Setting]) -> Vec<String> {
        let missed = skipped.iter().filter(|setting| setting.missed);
        let missed = missed
            .map(|setting| format!("{} discarded: this kernel has no such file", setting.file));
        self.warnings.iter().map(ToString::to_string).chain(missed).collect()
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

/// A setting that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// In the words of the OCI specification, for example `memory.swap`.
    pub setting: String,
    /// The controller that is missing; `None` when the mounted version has no such setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.controller {
            Some(controller) => write!(
                f,
                "{} discarded: the {controller} controller is not available",
                self.setting
            ),
            None => write!(
                f,
                "{} discarded: control groups of this version have no such setting",
                self.setting
            ),
        }
    }
}

/// Plans a new group.
///
/// # Errors
/// A bad path, a value that no kernel takes, or what the machine lacks when [`WhenMissing::Refuse`] is asked for.
pub fn plan(resources: &Resources, request: &Request<'_>) -> Result<CgroupPlan, PlanError> {
    let mut plan = plan_update(resources, request)?;
    let mut rules = resources.devices.clone();
    if request.default_devices {
        rules.extend(default_device_rules());
    }
    let rules = DeviceRules::from_rules(&rules)?;
    if rules.allows_all() {
        return Ok(plan);
    }
    if plan.places.iter().any(|place| place.controllers.contains(&Controller::Devices)) {
        let writes = rules
            .v1_writes()
            .map(|(file, value)| Setting::new(Some(Controller::Devices), file, value));
        plan.settings.splice(0..0, writes);
    } else if plan.places.iter().any(|place| place.unified) {
        plan.devices = Some(rules);
    } else {
        // Never only a warning: without it a container could make and open any disk.
        return Err(PlanError::NoController {
            controller: Controller::Devices,
            setting: "devices",
        });
    }
    Ok(plan)
}

/// Plans the change of a group that exists: like [`plan`], but devices stay as they are.
///
/// # Errors
/// As [`plan`].
pub fn plan_update(resources: &Resources, request: &Request<'_>) -> Result<CgroupPlan, PlanError> {
    let path = parse_path(request.path)?;
    let places = places(&path, request.layout);
    let mut draft = Draft {
        layout: request.layout,
        when_missing: request.when_missing,
        settings: Vec::new(),
        warnings: Vec::new(),
    };
    let unified = request.layout.kind == LayoutKind::Unified;
    if unified {
        v2::translate(resources, &mut draft)?;
    } else {
        v1::translate(resources, &mut draft)?;
    }
    let memory = resources
        .memory
        .as_ref()
        .filter(|memory| unified && memory.check_before_update == Some(true));
    let refuse_below_use =
        memory.and_then(|memory| u64::try_from(memory.limit?).ok()).filter(|limit| *limit > 0);
    let Draft { settings, warnings, .. } = draft;
    Ok(CgroupPlan {
        path,
        kind: request.layout.kind,
        places,
        settings,
        devices: None,
        refuse_below_use,
        warnings,
    })
}

pub(super) fn parse_path(text: &str) -> Result<CgroupPath, PlanError> {
    text.parse().map_err(|fault| PlanError::Path { text: text.to_owned(), fault })
}

/// The group's directory in every hierarchy.
pub(super) fn places(path: &CgroupPath, layout: &Layout) -> Vec<Place> {
    let place = |hierarchy: &Hierarchy| {
        let own = if path.is_absolute() { "" } else { hierarchy.own.as_str() };
        let separator = if own.is_empty() { "" } else { "/" };
        Place {
            mount: hierarchy.mount.clone(),
            directory: format!("{own}{separator}{}", path.relative()),
            unified: hierarchy.unified,
            controllers: hierarchy.controllers.clone(),
        }
    };
    layout.hierarchies.iter().map(place).collect()
}

/// A plan's settings while they are gathered.
struct Draft<'a> {
    layout: &'a Layout,
    when_missing: WhenMissing,
    settings: Vec<Setting>,
    warnings: Vec<Warning>,
}

impl Draft<'_> {
    /// Adds a write for `what`, unless its controller is missing. Returns it for refinement.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, as they come")]
    fn set(
        &mut self,
        what: (Controller, &'static str),
        file: &str,
        value: impl ToString,
    ) -> Result<Option<&mut Setting>, PlanError> {
        let (controller, setting) = what;
        if self.layout.carrier(controller).is_none() {
            return match self.when_missing {
                WhenMissing::Refuse => Err(PlanError::NoController { controller, setting }),
                WhenMissing::Warn => {
                    self.warnings.push(Warning {
                        setting: setting.to_owned(),
                        controller: Some(controller),
                    });
                    Ok(None)
                }
            };
        }
        let mut write = Setting::new(Some(controller), file, value.to_string());
        write.optional = self.when_missing == WhenMissing::Warn;
        write.missed = write.optional;
        self.settings.push(write);
        Ok(self.settings.last_mut())
    }

    /// The mounted version knows nothing like `setting`.
    fn unknown(&mut self, setting: &'static str) -> Result<(), PlanError> {
        match self.when_missing {
            WhenMissing::Refuse => Err(PlanError::NoSuchSetting { setting }),
            WhenMissing::Warn => {
                self.ignored(setting);
                Ok(())
            }
        }
    }

    /// Nobody can have `setting` any more, so nobody is refused for it.
    fn ignored(&mut self, setting: &'static str) {
        self.warnings.push(Warning { setting: setting.to_owned(), controller: None });
    }
}

fn bad_value(
    setting: &'static str,
    value: &(impl ToString + ?Sized),
    reason: &'static str,
) -> PlanError {
    PlanError::Value { setting, value: value.to_string(), reason }
}

/// Memory limits that make sense together: `(limit, memory + swap)`, each absent, −1 or positive.
fn memory_limits(memory: &Memory) -> Result<(Option<i64>, Option<i64>), PlanError> {
    for (setting, value) in [
        ("memory.limit", memory.limit),
        ("memory.swap", memory.swap),
        ("memory.reservation", memory.reservation),
    ] {
        if let Some(value) = value.filter(|value| *value < -1) {
            return Err(bad_value(setting, &value, "less than -1"));
        }
    }
    let limit = memory.limit.filter(|limit| *limit != 0);
    let both = memory.swap.filter(|both| *both != 0);
    match (limit, both) {
        (None, Some(both)) if both > 0 => {
            Err(bad_value("memory.swap", &both, "there is no memory.limit to count it from"))
        }
        (Some(limit), Some(both)) if both > 0 && both < limit => Err(bad_value(
            "memory.swap",
            &both,
            "it counts memory and swap, so it cannot be less than memory.limit",
        )),
        // A lifted memory limit lifts the other one, or the kernel would refuse it.
        (Some(-1), None) => Ok((limit, Some(-1))),
        pair => Ok(pair),
    }
}

/// `0-3,7`: what the kernel's cpulist parser takes, without its rarely known strides.
fn list<'a>(setting: &'static str, text: &'a str) -> Result<&'a str, PlanError> {
    let number = |text: &str| {
        text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let range = |range: &str| match range.split_once('-') {
        Some((first, last)) => {
            number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
        }
        None => number(range).is_some(),
    };
    if text.split(',').all(range) {
        Ok(text)
    } else {
        Err(bad_value(setting, &text, "it is no list like 0-3,7"))
    }
}

fn block_weight(setting: &'static str, weight: Option<u16>) -> Result<Option<u16>, PlanError> {
    match weight.filter(|weight| *weight != 0) {
        Some(weight) if !(10..=1000).contains(&weight) => {
            Err(bad_value(setting, &weight, "it is not between 10 and 1000"))
        }
        weight => Ok(weight),
    }
}

/// `2MB`, `1GB`, `64KB`: part of a file name, so nothing else.
fn page_size(text: &str) -> Result<&str, PlanError> {
    let digits = ["KB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit));
    match digits {
        Some(digits)
            if digits.starts_with(|c: char| ('1'..='9').contains(&c))
                && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(text)
        }
        _ => Err(bad_value("hugepageLimits.pageSize", &text, "it is no size like 2MB")),
    }
}

/// `rdma.max` has one form in both versions.
fn rdma(resources: &Resources, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    for (device, limits) in &resources.rdma {
        if device.is_empty() || device.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad_value("rdma", &device, "it is no device name"));
        }
        let amount =
            |limit: Option<u32>| limit.map_or_else(|| "max".to_owned(), |limit| limit.to_string());
        let value = format!(
            "{device} hca_handle={} hca_object={}",
            amount(limits.hca_handles),
            amount(limits.hca_objects)
        );
        draft.set((Controller::Rdma, "rdma"), "rdma.max", value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
