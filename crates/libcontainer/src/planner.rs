//! From an OCI configuration to a [`Plan`]: pure, validated whole before the kernel is touched. Start at [`plan`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use spec::runtime::{Linux, Mount, NamespaceKind, Spec};

use crate::cgroup::{self, CgroupPlan, Choices, Existing, Layout, Request, WhenMissing};
use crate::error::PlanError;
use crate::options;
use crate::plan::{NamespacePlan, PLAN_VERSION, Plan, ProcessPlan, Step};
use crate::seccomp::Program;

mod devices;
mod hooks;
mod mounts;
mod namespaces;
mod net_devices;
mod process;
mod resctrl;
mod root;
mod scheduling;
pub(crate) mod sysctl;
mod text;

pub use root::RootSource;
pub use scheduling::LINUX32;

/// What a configuration does not say.
#[derive(Clone, Debug)]
pub struct Context {
    /// The container's id, for hooks and listeners.
    pub id: String,
    /// Directory that relative paths start from.
    pub bundle: PathBuf,
    /// Where the root file system comes from.
    pub root: RootSource,
    /// Options of its mount as in mount(8), of those that every mount can have.
    pub root_options: Vec<String>,
    /// Path of the groups when the configuration names none.
    pub cgroup_path: String,
    /// The hierarchies of this machine.
    pub layout: Layout,
    /// The configuration's filter, compiled before; nothing has it compiled here.
    pub seccomp: Option<Program>,
    /// Whether process 1 stays ours.
    pub init: bool,
    /// What is done about a limit that this machine cannot set.
    pub when_missing: WhenMissing,
    /// Whether the root is moved instead of pivoted: for a host whose own root is a ramfs.
    pub no_pivot: bool,
    /// How the groups are made.
    pub cgroups: Choices,
    /// Terminals that the configuration has no place for.
    pub terminals: TerminalChoices,
}

/// Terminals beside that of the first process, and where all of them are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalChoices {
    /// How many: `/dev/tty1` and so on.
    pub count: u16,
    /// Name of a directory below `/dev` that they and the console are in, with links in their usual places; empty is none.
    pub directory: String,
}

impl Context {
    /// A bundle as it stands: its own root, groups named by the id below the caller's own, and no limit passed over.
    #[must_use]
    pub fn new(id: impl Into<String>, bundle: impl Into<PathBuf>, layout: Layout) -> Self {
        let id = id.into();
        Self {
            cgroup_path: id.clone(),
            id,
            bundle: bundle.into(),
            root: RootSource::Spec,
            root_options: Vec::new(),
            layout,
            seccomp: None,
            init: false,
            when_missing: WhenMissing::Refuse,
            no_pivot: false,
            cgroups: Choices { existing: Existing::Join, ..Choices::default() },
            terminals: TerminalChoices::default(),
        }
    }
}

/// Plans a container. That no string holds a NUL byte is seen to where a document is read, [`Spec::from_json`].
///
/// # Errors
/// Names the field that is wrong, and what is wrong with it.
pub fn plan(spec: &Spec, context: &Context) -> Result<Plan, PlanError> {
    let nothing = Linux::default();
    let linux = spec.linux.as_ref().unwrap_or(&nothing);
    let namespaces = namespaces::plan(linux)?;
    let mut process = process::plan_first(spec.process.as_ref())?;
    process.init = context.init;
    process.warnings.extend(mounts::ignored(&spec.mounts));
    everybodys(&mut process, linux)?;
    process.seccomp = match (&context.seccomp, &linux.seccomp) {
        (Some(compiled), _) => Some(compiled.clone()),
        (None, Some(profile)) => {
            Some(crate::seccomp::compile(profile).map_err(PlanError::Seccomp)?)
        }
        (None, None) => None,
    };
    let path = linux.cgroups_path.as_deref().unwrap_or(&context.cgroup_path);
    let id = context.id.as_str();
    process.seccomp = process.seccomp.map(|program| program.for_container(id, &context.bundle));
    process.keyring = Some(keyring_name(id));
    let resources = linux.resources.clone().unwrap_or_default();
    let request = Request {
        when_missing: context.when_missing,
        manager: &context.cgroups.manager,
        existing: context.cgroups.existing,
        unprivileged: context.cgroups.unprivileged,
        optional: context.cgroups.unprivileged && linux.cgroups_path.is_none(),
        owner: group_owner(spec, linux, &namespaces),
        gives_v1: context.cgroups.gives_v1,
        annotations: Some(&spec.annotations),
        ..Request::new(path, &context.layout)
    };
    let cgroup = cgroup::plan(&resources, &request).map_err(PlanError::Cgroup)?;
    let steps = Steps::new((spec, linux), context, &namespaces, &cgroup).all(&process)?;
    Ok(Plan {
        version: PLAN_VERSION,
        hooks: hooks::plan(spec, id, &context.bundle)?,
        mount_label: text::mount_label(linux)?,
        resctrl: linux.intel_rdt.as_ref().map(|given| resctrl::plan(given, id)).transpose()?,
        net_devices: net_devices::plan(&linux.net_devices, &namespaces)?,
        namespaces,
        cgroup,
        steps,
        process,
    })
}

/// By this name runc's users know it.
pub(crate) fn keyring_name(id: &str) -> String {
    format!("_ses.{id}")
}

/// What every process of a container has.
fn everybodys(process: &mut ProcessPlan, linux: &Linux) -> Result<(), PlanError> {
    let policy = linux.memory_policy.as_ref();
    process.scheduling.memory = policy.map(scheduling::memory_policy).transpose()?;
    process.personality = linux.personality.as_ref().map(scheduling::personality).transpose()?;
    Ok(())
}

/// Plans a process that joins the running container of a configuration. Limits, rights, labels and scheduling that it leaves
/// open are those of the container's first process; memory policy and execution domain are the container's. Its filter is not
/// compiled here.
///
/// # Errors
/// Names the field that is wrong, and what is wrong with it.
pub fn plan_joining(
    process: &spec::runtime::Process,
    spec: &Spec,
) -> Result<ProcessPlan, PlanError> {
    text::refuse_nul("process", process)?;
    let first = spec.process.as_ref();
    let process = first.map_or_else(|| process.clone(), |first| process::inherit(process, first));
    let mut plan = process::plan(&process, "process")?;
    if let Some(linux) = &spec.linux {
        everybodys(&mut plan, linux)?;
    }
    Ok(plan)
}

/// Plans a process that joins a running container, as it stands.
///
/// # Errors
/// Names the field that is wrong, and what is wrong with it.
pub fn plan_process(process: &spec::runtime::Process) -> Result<ProcessPlan, PlanError> {
    text::refuse_nul("process", process)?;
    process::plan(process, "process")
}

/// Who gets the container's group: its root, if it sees that group alone, may write to it, and is somebody else outside.
/// config-linux.md, "Cgroup ownership".
fn group_owner(spec: &Spec, linux: &Linux, namespaces: &NamespacePlan) -> Option<u32> {
    let makes = |kind| namespaces.create.contains(&kind);
    let mut mounts = spec.mounts.iter().filter(|mount| mounts::is_cgroup(mount));
    let writable = mounts.any(|mount| !mount.options.iter().any(|option| option == "ro"));
    if !writable || !makes(NamespaceKind::User) || !makes(NamespaceKind::Cgroup) {
        return None;
    }
    linux.uid_mappings.iter().find(|map| map.container_id == 0).map(|map| map.host_id)
}

/// Collects the child's steps.
struct Steps<'a> {
    spec: &'a Spec,
    linux: &'a Linux,
    context: &'a Context,
    namespaces: &'a NamespacePlan,
    cgroup: &'a CgroupPlan,
    steps: Vec<Step>,
    /// Mounts of the control groups that come once these were entered.
    views: Vec<(&'a Mount, PathBuf)>,
    /// What closes the mounts that had to be filled first.
    seals: Vec<Step>,
}

impl<'a> Steps<'a> {
    fn new(
        (spec, linux): (&'a Spec, &'a Linux),
        context: &'a Context,
        namespaces: &'a NamespacePlan,
        cgroup: &'a CgroupPlan,
    ) -> Self {
        let (steps, views, seals) = (Vec::new(), Vec::new(), Vec::new());
        Self { spec, linux, context, namespaces, cgroup, steps, views, seals }
    }
}

impl Steps<'_> {
    fn all(mut self, process: &ProcessPlan) -> Result<Vec<Step>, PlanError> {
        if let Some(value) = self.spec.process.as_ref().and_then(|process| process.oom_score_adj) {
            if !(-1000..=1000).contains(&value) {
                return Err(PlanError::field(
                    "process.oomScoreAdj",
                    format!("{value} is not within -1000 to 1000"),
                ));
            }
            self.steps.push(Step::OomScoreAdjust { value });
        }
        self.time_namespace()?;
        self.names()?;
        self.root()?;
        self.mounts()?;
        self.terminals(process.terminal);
        self.enter_groups();
        self.sysctls()?;
        self.cgroup_views();
        self.hooks();
        let change = self.change_of_root()?;
        self.steps.push(change);
        self.protected_paths()?;
        if self.spec.root.as_ref().is_some_and(|root| root.readonly) {
            self.steps.push(Step::ReadOnlyRoot);
        }
        let flags = self.root_propagation()?;
        if flags & (libc::MS_SHARED | libc::MS_UNBINDABLE) != 0 {
            self.steps.push(Step::Propagation { target: "/".into(), flags });
        }
        Ok(self.steps)
    }

    /// In this order: the console is `/dev/pts/0`, and `/dev/ttyN` is `/dev/pts/N` where there is one.
    fn terminals(&mut self, console: bool) {
        let TerminalChoices { count, directory } = &self.context.terminals;
        if console {
            self.steps.push(Step::Console { directory: directory.clone() });
        }
        if *count > 0 {
            self.steps.push(Step::Terminals { count: *count, directory: directory.clone() });
        }
    }

    fn change_of_root(&self) -> Result<Step, PlanError> {
        let private = self.linux.rootfs_propagation.is_some()
            && self.root_propagation()? & libc::MS_PRIVATE != 0;
        match (self.has_own(NamespaceKind::Mount), self.context.no_pivot) {
            (false, _) => Ok(Step::ChangeRoot),
            (true, false) => Ok(Step::PivotRoot),
            (true, true) if private => {
                let why = "private is not safe without pivot_root: unmounting would reach the host";
                Err(PlanError::field("linux.rootfsPropagation", why))
            }
            (true, true) => Ok(Step::MoveRoot),
        }
    }

    /// What can only be done in a mount namespace of its own, or would be done to the host.
    fn refuse_for_the_host(&self) -> Result<(), PlanError> {
        let needs = [
            ("linux.maskedPaths", !self.linux.masked_paths.is_empty()),
            ("linux.readonlyPaths", !self.linux.readonly_paths.is_empty()),
            ("linux.rootfsPropagation", self.linux.rootfs_propagation.is_some()),
            ("root", self.context.root != RootSource::Spec),
        ];
        match needs.into_iter().find(|(_, given)| *given) {
            Some((field, _)) => {
                Err(PlanError::field(field, "needs a mount namespace of the container's own"))
            }
            None => Ok(()),
        }
    }

    fn hooks(&mut self) {
        let Some(hooks) = &self.spec.hooks else { return };
        let creation = [&hooks.prestart, &hooks.create_runtime, &hooks.create_container];
        if creation.iter().any(|hooks| !hooks.is_empty()) {
            self.steps.push(Step::Hooks);
        }
    }

    /// MS_SHARED …; private where nothing is asked for.
    fn root_propagation(&self) -> Result<u64, PlanError> {
        let Some(name) = self.linux.rootfs_propagation.as_deref().filter(|name| !name.is_empty())
        else {
            return Ok(libc::MS_PRIVATE);
        };
        options::propagation(name).ok_or_else(|| {
            PlanError::field("linux.rootfsPropagation", format!("{name:?} is no propagation"))
        })
    }

    fn makes(&self, kind: NamespaceKind) -> bool {
        self.namespaces.create.contains(&kind)
    }

    fn has_own(&self, kind: NamespaceKind) -> bool {
        self.makes(kind) || self.namespaces.join.iter().any(|(joined, _)| *joined == kind)
    }

    fn time_namespace(&mut self) -> Result<(), PlanError> {
        if !self.makes(NamespaceKind::Time) {
            return if self.linux.time_offsets.is_empty() {
                Ok(())
            } else {
                Err(PlanError::field("linux.timeOffsets", "there is no new time namespace"))
            };
        }
        let mut offsets = String::new();
        for (clock, offset) in &self.linux.time_offsets {
            if !matches!(clock.as_str(), "monotonic" | "boottime") {
                return Err(PlanError::field(
                    "linux.timeOffsets",
                    format!("{clock:?} is no clock with an offset"),
                ));
            }
            offsets.push_str(&format!("{clock} {} {}\n", offset.secs, offset.nanosecs));
        }
        self.steps.push(Step::TimeNamespace { offsets });
        Ok(())
    }

    fn names(&mut self) -> Result<(), PlanError> {
        let own = self.has_own(NamespaceKind::Uts);
        for (field, name) in
            [("hostname", &self.spec.hostname), ("domainname", &self.spec.domainname)]
        {
            let Some(name) = name.clone().filter(|name| !name.is_empty()) else { continue };
            if !own {
                return Err(PlanError::field(
                    field,
                    "cannot be set without a UTS namespace of its own",
                ));
            }
            // The kernel's limit: uname(2), __NEW_UTS_LEN.
            if name.len() > 64 {
                return Err(PlanError::field(field, "is longer than 64 bytes"));
            }
            self.steps.push(if field == "hostname" {
                Step::HostName { name }
            } else {
                Step::DomainName { name }
            });
        }
        if self.makes(NamespaceKind::Network) {
            self.steps.push(Step::LoopbackUp);
        }
        Ok(())
    }

    /// Shared and slave roots let mounts of the host arrive; everything else is cut off.
    fn mounts_arrive(&self) -> bool {
        if !self.has_own(NamespaceKind::Mount) {
            return true;
        }
        let propagation = self.linux.rootfs_propagation.as_deref();
        propagation.is_some_and(|name| name.ends_with("shared") || name.ends_with("slave"))
    }

    /// As late as it can be: the parent makes the groups meanwhile. What the container can make large, the copy of a directory
    /// into memory, counts against its limits; the mounts before are a few fixed structures of the kernel. With a user
    /// namespace the child enters first of all, with the caller's rights; with an overlay the caller has the machine's, which
    /// count for the doors that it opened: cgroups(7), "Cgroups delegation", of Linux 5.17.
    fn enter_groups(&mut self) {
        let with_callers_rights =
            self.has_own(NamespaceKind::User) && self.context.root == RootSource::Spec;
        if with_callers_rights || self.steps.contains(&Step::EnterGroups) {
            return;
        }
        let copies = |step: &Step| matches!(step, Step::Mount { copy_up: true, .. });
        let at = self.steps.iter().position(copies).unwrap_or(self.steps.len());
        self.steps.insert(at, Step::EnterGroups);
    }

    fn protected_paths(&mut self) -> Result<(), PlanError> {
        self.steps.append(&mut self.seals);
        for path in &self.linux.readonly_paths {
            self.steps.push(Step::ReadOnly { path: inside(path, "linux.readonlyPaths")? });
        }
        let mut covered = BTreeSet::new();
        for path in &self.linux.masked_paths {
            let path = inside(path, "linux.maskedPaths")?;
            if covered.insert(path.clone()) {
                self.steps.push(Step::Mask { path });
            }
        }
        Ok(())
    }
}

/// An absolute path without `..`, so that a target is what it says.
pub(crate) fn inside(path: &Path, field: &str) -> Result<PathBuf, PlanError> {
    let wrong = |why: &str| PlanError::field(field, format!("{} {why}", path.display()));
    if !path.is_absolute() {
        return Err(wrong("is not absolute"));
    }
    if path.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(wrong("holds \"..\""));
    }
    // Rebuilt from its components, so that "//a/./b" and "/a/b" are one path.
    Ok(path.components().collect())
}
