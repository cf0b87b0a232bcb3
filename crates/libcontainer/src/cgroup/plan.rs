//! From OCI resources to file writes: pure, validated whole before anything is touched.
//!
//! Start at [`plan`]; v1 and v2 each have their table of translations.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spec::runtime::Resources;

use super::{
    CgroupError, CgroupPath, Controller, DeviceRules, Existing, Hierarchy, Layout, LayoutKind,
    Manager, PlanError, Request, Unit, WhenMissing, default_device_rules,
};

mod systemd;
mod v1;
mod v2;
mod values;
mod weights;

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
    /// Refuse the new memory limit when so much is in use (`checkBeforeUpdate`); v1 kernels always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_below_use: Option<u64>,
    /// The same for the limit of memory and swap together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_sum_below_use: Option<u64>,
    /// For people: what was left out and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What to do about a group of the same name.
    #[serde(default)]
    pub existing: Existing,
    /// Whether device rules that the kernel does not let the caller set are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unprivileged: bool,
    /// Whether the container does without where no group can be made for want of permission, and no limit is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Host user that gets the group, to make groups inside (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The unit whose groups these are, where systemd makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
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

    /// Whether the hierarchy is the one of controller `name`, or the one named `name`, as in `/proc/PID/cgroup`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        if self.unified {
            return name.is_empty();
        }
        let named = name.strip_prefix("name=").unwrap_or(name);
        self.controllers.iter().any(|controller| controller.name() == name)
            || self.mount.file_name().is_some_and(|file| file == named)
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
    /// What it is for, in the words of the OCI specification, for example `memory.swap`; empty for files given by name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
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
            of: String::new(),
        }
    }

    /// For people: why it was left out.
    fn told(&self, unprivileged: bool) -> String {
        let Self { file, of, .. } = self;
        let what = if of.is_empty() || of == "unified" { file } else { of };
        match &self.fallback {
            // A weight of a device is refused where no scheduler that heeds weights runs on it, though the file is there.
            Some((other, _)) => {
                format!("{what} discarded: neither {file} nor {other} of this kernel takes it")
            }
            // The kernel may have it, and the controller is not delegated: kernel cgroup-v2.rst, "Delegation".
            None if unprivileged => {
                format!("{what} discarded: {file} is not delegated to this user")
            }
            None => format!("{what} discarded: this kernel has no {file}"),
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
    /// The settings that somebody asked for: all but device rules, which every container has.
    pub(super) fn limits(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.controller != Some(Controller::Devices))
    }

    /// Passes over what an ordinary user may not do and his container does not need: only root loads device programs, and his
    /// container cannot make devices anyway; of the hybrid layout's v2 tree no limit depends.
    pub(super) fn pass_over(&self, error: CgroupError) -> Result<(), CgroupError> {
        if self.unprivileged && error.is_refusal() { Ok(()) } else { Err(error) }
    }

    /// What is told where limits are asked for, and no group can be made for want of permission.
    pub(super) fn no_permission(&self, error: CgroupError) -> CgroupError {
        match error.refusal().filter(|_| self.optional) {
            Some(errno) => CgroupError::NoPermission { path: self.path.as_str().into(), errno },
            None => error,
        }
    }

    pub(super) fn carries(&self, controller: Controller) -> bool {
        self.places.iter().any(|place| place.controllers.contains(&controller))
    }

    /// What people are told: the plan's own warnings, and those of `skipped`, see [`ControlGroup::skipped`], that somebody
    /// asked for.
    ///
    /// [`ControlGroup::skipped`]: super::ControlGroup::skipped
    pub fn told(&self, skipped: &[Setting]) -> Vec<String> {
        let missed = skipped.iter().filter(|setting| setting.missed);
        let missed = missed.map(|setting| setting.told(self.unprivileged));
        self.warnings.iter().map(ToString::to_string).chain(missed).collect()
    }
}

impl fmt::Display for CgroupPlan {
    /// One line per directory, then one per setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(unit) = &self.unit {
            writeln!(f, "{unit}")?;
        }
        for place in &self.places {
            writeln!(f, "make cgroup {}", place.path().display())?;
        }
        for setting in &self.settings {
            writeln!(f, "set {setting}")?;
        }
        if let Some(owner) = self.owner {
            writeln!(f, "give it to user {owner}")?;
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
    /// Why, where neither is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Warning {
    fn new(setting: &str, controller: Option<Controller>, reason: Option<&str>) -> Self {
        Self { setting: setting.to_owned(), controller, reason: reason.map(str::to_owned) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} discarded: ", self.setting)?;
        match (&self.reason, self.controller) {
            (Some(reason), _) => f.write_str(reason),
            (None, Some(controller)) => {
                write!(f, "the {controller} controller is not available")
            }
            (None, None) => f.write_str("control groups of this version have no such setting"),
        }
    }
}

/// Plans a new group.
///
/// # Errors
/// A bad path, a value that no kernel takes, or what the machine lacks when [`WhenMissing::Refuse`] is asked for.
pub fn plan(resources: &Resources, request: &Request<'_>) -> Result<CgroupPlan, PlanError> {
    let (path, unit) = match request.manager {
        Manager::Direct => (parse_path(request.path)?, None),
        Manager::Systemd(systemd) => {
            let (path, unit) = systemd::place(request, systemd)?;
            (path, Some(unit))
        }
    };
    let mut plan = CgroupPlan {
        kind: request.layout.kind,
        places: places(&path, request.layout),
        path,
        settings: Vec::new(),
        devices: None,
        refuse_below_use: None,
        refuse_sum_below_use: None,
        warnings: Vec::new(),
        existing: request.existing,
        unprivileged: request.unprivileged,
        optional: request.optional,
        owner: request
            .owner
            .filter(|_| request.gives_v1 || request.layout.kind == LayoutKind::Unified),
        unit,
    };
    translate(resources, &mut plan, request.when_missing, None)?;
    let mut rules = resources.devices.clone();
    if request.default_devices {
        rules.extend(default_device_rules());
    }
    let rules = DeviceRules::from_rules(&rules)?;
    if let Some(unit) = &mut plan.unit {
        systemd::limit_devices(unit, &rules);
    }
    limit_devices(rules, &mut plan)?;
    Ok(plan)
}

fn limit_devices(rules: DeviceRules, plan: &mut CgroupPlan) -> Result<(), PlanError> {
    if rules.allows_all() {
        return Ok(());
    }
    if plan.carries(Controller::Devices) {
        let writes = rules
            .v1_writes()
            .map(|(file, value)| Setting::new(Some(Controller::Devices), file, value));
        plan.settings.splice(0..0, writes);
    } else if plan.places.iter().any(|place| place.unified) {
        plan.devices = Some(rules);
    } else if !plan.unprivileged {
        // Never only a warning: without it a container could make and open any disk.
        return Err(PlanError::NoController {
            controller: Controller::Devices,
            setting: "devices",
        });
    }
    Ok(())
}

/// What a group has before a change that names only a part of it, see
/// [`present_limits`](super::ControlGroup::present_limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresentLimits {
    /// Microseconds of CPU time per period; −1 is no limit.
    pub cpu_quota_us: Option<i64>,
    /// Microseconds.
    pub cpu_period_us: Option<u64>,
    /// Memory; −1 is no limit.
    pub memory_bytes: Option<i64>,
}

/// Plans the change of the group that `made` made: a value that is absent or 0 stays as it is, −1 lifts a limit. Devices
/// stay as they are.
///
/// # Errors
/// As [`plan`].
pub fn plan_update(
    resources: &Resources,
    made: &CgroupPlan,
    present: PresentLimits,
    when_missing: WhenMissing,
) -> Result<CgroupPlan, PlanError> {
    if let Some(field) = spec::nul::place_of_nul(resources) {
        return Err(PlanError::Nul { field });
    }
    let mut plan = CgroupPlan {
        settings: Vec::new(),
        devices: None,
        refuse_below_use: None,
        refuse_sum_below_use: None,
        warnings: Vec::new(),
        ..made.clone()
    };
    if let Some(unit) = &mut plan.unit {
        unit.properties.clear();
    }
    translate(resources, &mut plan, when_missing, Some(present))?;
    Ok(plan)
}

fn translate(
    resources: &Resources,
    plan: &mut CgroupPlan,
    when_missing: WhenMissing,
    present: Option<PresentLimits>,
) -> Result<(), PlanError> {
    let mut draft = Draft {
        places: &plan.places,
        when_missing,
        present,
        settings: Vec::new(),
        warnings: Vec::new(),
    };
    let unified = plan.kind == LayoutKind::Unified;
    let adapted;
    let mut resources = resources;
    if let Some(unit) = &mut plan.unit {
        let mut rounded = systemd::round_quota(resources, present);
        systemd::limit(&rounded, unified, unit, &mut draft)?;
        systemd::leave_idle(&mut rounded, unified, unit);
        adapted = rounded;
        resources = &adapted;
    }
    if unified {
        v2::translate(resources, &mut draft)?;
    } else {
        v1::translate(resources, &mut draft)?;
    }
    let Draft { settings, warnings, .. } = draft;
    (plan.settings, plan.warnings) = (settings, warnings);
    let checked = resources.memory.as_ref();
    let checked = checked.filter(|memory| unified && memory.check_before_update == Some(true));
    let positive = |limit: Option<i64>| u64::try_from(limit?).ok().filter(|limit| *limit > 0);
    plan.refuse_below_use = checked.and_then(|memory| positive(memory.limit));
    plan.refuse_sum_below_use = checked.and_then(|memory| positive(memory.swap));
    Ok(())
}

pub(super) fn parse_path(text: &str) -> Result<CgroupPath, PlanError> {
    text.parse().map_err(|fault| PlanError::Path { text: text.to_owned(), fault })
}

/// The group's directory in every hierarchy.
pub(super) fn places(path: &CgroupPath, layout: &Layout) -> Vec<Place> {
    let place = |hierarchy: &Hierarchy| {
        let own = match path.is_absolute() {
            true => "",
            // Our own group has us in it, so that it cannot hand controllers down: cgroups(7), "no internal processes". What
            // is beside it can have them.
            false if layout.kind == LayoutKind::Unified => {
                hierarchy.own.rsplit_once('/').map_or("", |(above, _)| above)
            }
            false => hierarchy.own.as_str(),
        };
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
    places: &'a [Place],
    when_missing: WhenMissing,
    /// What a change of a group that exists starts from.
    present: Option<PresentLimits>,
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
        if !self.places.iter().any(|place| place.controllers.contains(&controller)) {
            return match self.when_missing {
                WhenMissing::Refuse => Err(PlanError::NoController { controller, setting }),
                WhenMissing::Warn => {
                    self.warnings.push(Warning::new(setting, Some(controller), None));
                    Ok(None)
                }
            };
        }
        let mut write = Setting::new(Some(controller), file, value.to_string());
        write.optional = self.when_missing == WhenMissing::Warn;
        write.missed = write.optional;
        setting.clone_into(&mut write.of);
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
        self.warnings.push(Warning::new(setting, None, None));
    }

    /// `setting` is not done, for `reason`.
    fn warn(&mut self, setting: &'static str, reason: &'static str) {
        self.warnings.push(Warning::new(setting, None, Some(reason)));
    }
}

#[cfg(test)]
mod tests;
