//! v1 hierarchies, with the v2 tree beside them in the hybrid layout: the tree has the group too, without controllers, for
//! what it does better (kill, list, wait).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno as Raw;
use rustix::process::{Pid, Signal, kill_process};

use super::apply::{apply, change};
use super::directory::{Directory, look_until};
use super::tree;
use super::{
    CgroupError, CgroupPlan, ControlGroup, Controller, Entry, Existing, OomEvents, Place,
    PresentLimits, Setting, Stats, SubGroup, stats,
};

#[derive(Debug)]
pub(super) struct Groups {
    /// One per hierarchy, the tree last.
    directories: Vec<Directory>,
    skipped: Vec<Setting>,
}

impl Groups {
    /// Makes the group in the v2 tree, where there is one.
    pub(super) fn make_tree(
        plan: &CgroupPlan,
        made: &mut Vec<PathBuf>,
    ) -> Result<Option<Directory>, CgroupError> {
        let place = plan.places.iter().find(|place| place.unified);
        place.map(|place| Directory::make(place, existing(plan), made)).transpose()
    }

    /// No group in any hierarchy.
    pub(super) fn nowhere() -> Self {
        Self { directories: Vec::new(), skipped: Vec::new() }
    }

    /// Makes the rest, and applies the settings.
    pub(super) fn create(
        plan: &CgroupPlan,
        tree: Option<Directory>,
        made: &mut Vec<PathBuf>,
    ) -> Result<Self, CgroupError> {
        let mut directories = Vec::with_capacity(plan.places.len());
        let mut refused = None;
        for place in plan.places.iter().filter(|place| !place.unified) {
            let directory = match Directory::make(place, existing(plan), made) {
                Ok(directory) => directory,
                Err(error) if plan.optional && error.refusal().is_some() => {
                    refused = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if place.controllers.contains(&Controller::Cpuset) {
                fill_cpuset(&directory, plan)?;
            }
            directories.push(directory);
        }
        match tree {
            Some(tree) => directories.push(tree),
            // Made by systemd meanwhile.
            None if plan.unit.is_some() => directories.extend(Self::make_tree(plan, made)?),
            None => {}
        }
        let carried = |setting: &&Setting| {
            setting.controller.is_none_or(|controller| {
                directories.iter().any(|directory| directory.carries(controller))
            })
        };
        let settings: Vec<Setting> = match refused {
            None => plan.settings.clone(),
            Some(error) if !plan.limits().all(|setting| carried(&setting)) => {
                return Err(plan.no_permission(error));
            }
            Some(_) => plan.settings.iter().filter(carried).cloned().collect(),
        };
        let skipped = apply(&directories, &settings, plan.unprivileged)?;
        if let Some((rules, tree)) =
            plan.devices.as_ref().zip(directories.iter().find(|directory| directory.place.unified))
        {
            tree::filter_devices(tree, rules).or_else(|error| plan.pass_over(error))?;
        }
        if let Some(owner) = plan.owner {
            directories.iter().try_for_each(|directory| give(directory, owner))?;
        }
        Ok(Self { directories, skipped })
    }

    /// `None` when no hierarchy has the group.
    pub(super) fn open(places: &[Place]) -> Result<Option<Self>, CgroupError> {
        let mut directories = Vec::with_capacity(places.len());
        for place in places {
            match Directory::open(place) {
                Ok(directory) => directories.push(directory),
                Err(errno) if errno == Raw::NOENT.into() => {}
                Err(errno) => return Err(CgroupError::Open { path: place.path(), errno }),
            }
        }
        Ok((!directories.is_empty()).then_some(Self { directories, skipped: Vec::new() }))
    }

    fn with(&self, controller: Controller) -> Option<&Directory> {
        self.directories.iter().find(|directory| directory.carries(controller))
    }

    fn tree(&self) -> Option<&Directory> {
        self.directories.iter().find(|directory| directory.place.unified)
    }

    /// Where the processes are listed: any hierarchy does, since all are entered together.
    fn list(&self) -> Result<Vec<i32>, CgroupError> {
        self.tree()
            .or_else(|| self.with(Controller::Freezer))
            .or(self.directories.first())
            .map_or(Ok(Vec::new()), Directory::processes)
    }

    /// SIGKILL by hand, for kernels without `cgroup.kill` (before Linux 5.14) and the legacy layout: standing still, so that
    /// nobody forks past it.
    fn kill_each(&self) -> Result<(), CgroupError> {
        // The usual end, and it saves two changes of the freezer: each stops all processors to patch the scheduler.
        if self.list()?.is_empty() {
            return Ok(());
        }
        let freezer = self.with(Controller::Freezer);
        let mut known = Vec::new();
        loop {
            // Whoever cannot be frozen in time is killed all the same.
            let _better = freezer.map(|_| self.freeze(Duration::from_millis(500)));
            let present = self.list()?;
            for pid in present.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                match kill_process(pid, Signal::KILL) {
                    Ok(()) | Err(Raw::SRCH) => {}
                    Err(errno) => {
                        return Err(CgroupError::Kill {
                            pid: pid.as_raw_nonzero().get(),
                            errno: errno.into(),
                        });
                    }
                }
            }
            if let Some(freezer) = freezer {
                freezer.command("freezer.state", "THAWED")?;
            }
            // Done once nobody is new: the others are dead or dying.
            if present.iter().all(|pid| known.contains(pid)) {
                return Ok(());
            }
            known = present;
        }
    }
}

/// What systemd has made is ours.
fn existing(plan: &CgroupPlan) -> Option<Existing> {
    plan.unit.is_none().then_some(plan.existing)
}

/// Gives a group away, but for those of block devices, whose limits do not hold for groups inside. kernel blkio-controller.rst,
/// "Hierarchical Cgroups".
fn give(group: &Directory, owner: u32) -> Result<(), CgroupError> {
    if group.place.unified {
        return tree::give_tree(group, owner);
    }
    if group.place.controllers.contains(&Controller::Blkio) {
        return Ok(());
    }
    tree::give(group, owner, [".", "tasks", "cgroup.procs"])
}

/// A v1 cpuset starts empty, and no task can enter it before it has CPUs and memory nodes. A group above that was made here
/// hands its own on (`cgroup.clone_children`); others do not, so their values are copied downwards.
fn fill_cpuset(group: &Directory, plan: &CgroupPlan) -> Result<(), CgroupError> {
    const FILES: [&str; 2] = ["cpuset.mems", CPUS];
    // The file that is filled last: another container may be filling the group above at this moment, and a group that was made
    // meanwhile has got the first file only.
    const CPUS: &str = "cpuset.cpus";
    // A list of its own says nothing about the groups above, which have to allow it.
    let has_list = plan.settings.iter().any(|setting| setting.file == CPUS);
    if !has_list && !group.read(CPUS)?.trim().is_empty() {
        return Ok(());
    }
    let place = &group.place;
    for file in FILES {
        let mut above = String::new();
        for end in place
            .directory
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([place.directory.len()])
            .collect::<Vec<_>>()
        {
            let place = Place { directory: place.directory[..end].to_owned(), ..place.clone() };
            let directory = Directory::open(&place)
                .map_err(|errno| CgroupError::Open { path: place.path(), errno })?;
            let own = directory.read(file)?;
            if !own.trim().is_empty() {
                above = own;
                continue;
            }
            if above.is_empty() {
                let root = Place { directory: String::new(), ..place.clone() };
                let root = Directory::open(&root)
                    .map_err(|errno| CgroupError::Open { path: root.path(), errno })?;
                above = root.read(file)?;
            }
            directory.command(file, above.trim())?;
        }
    }
    Ok(())
}

impl ControlGroup for Groups {
    fn entry(&self) -> Result<Entry, CgroupError> {
        let legacy = self.directories.iter().filter(|directory| !directory.place.unified);
        let open = |directory: &Directory| {
            directory.open_to_write("tasks").map_err(|errno| CgroupError::Open {
                path: directory.path().join("tasks"),
                errno: errno.into(),
            })
        };
        let tree = self.tree().map(tree::entrance).transpose()?;
        Ok(Entry::new(tree, legacy.map(open).collect::<Result<_, _>>()?))
    }

    fn entry_at(&self, groups: &[SubGroup]) -> Result<Entry, CgroupError> {
        let known = |name: &str| match name {
            "" => self.tree().is_some(),
            name => self.directories.iter().any(|directory| directory.place.is_called(name)),
        };
        if let Some(name) =
            groups.iter().flat_map(|group| &group.controllers).find(|name| !known(name))
        {
            return Err(CgroupError::NoSuchController { name: name.clone() });
        }
        let place = |place: &Place| {
            let of = |group: &&SubGroup| {
                group.controllers.is_empty()
                    || group.controllers.iter().any(|name| place.is_called(name))
            };
            groups.iter().rev().find(of).map_or_else(|| place.clone(), |group| group.below(place))
        };
        let places: Vec<Place> =
            self.directories.iter().map(|directory| place(&directory.place)).collect();
        let open = |place: &Place| {
            Directory::open(place).map_err(|errno| CgroupError::Open { path: place.path(), errno })
        };
        let directories = places.iter().map(open).collect::<Result<_, _>>()?;
        Self { directories, skipped: Vec::new() }.entry()
    }

    /// v1 has no rule against processes beside groups inside, and the tree of the hybrid layout hands nothing down.
    fn entry_beside(&self, _pid: i32) -> Result<Entry, CgroupError> {
        self.entry()
    }

    fn add_process(&self, pid: i32) -> Result<(), CgroupError> {
        self.directories.iter().try_for_each(|directory| directory.add_process(pid))
    }

    fn freeze(&self, deadline: Duration) -> Result<(), CgroupError> {
        let Some(freezer) = self.with(Controller::Freezer) else {
            return self
                .tree()
                .ok_or(NO_FREEZER)
                .and_then(|directory| tree::freeze(directory, deadline));
        };
        let until = Instant::now() + deadline;
        // A task that forks while the group is freezing may be missed; the state stays FREEZING until it is written again.
        // kernel Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst.
        let frozen = look_until(until, || {
            freezer.command("freezer.state", "FROZEN")?;
            Ok(freezer.read("freezer.state")?.trim() == "FROZEN")
        });
        match frozen {
            Ok(true) => Ok(()),
            Ok(false) => {
                freezer.command("freezer.state", "THAWED")?;
                let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                Err(CgroupError::TimedOut {
                    operation: "freeze",
                    path: freezer.path().to_owned(),
                    millis,
                })
            }
            Err(error) => Err(error),
        }
    }

    fn thaw(&self) -> Result<(), CgroupError> {
        match (self.with(Controller::Freezer), self.tree()) {
            (Some(freezer), _) => freezer.command("freezer.state", "THAWED"),
            (None, Some(directory)) => tree::thaw(directory),
            (None, None) => Err(NO_FREEZER),
        }
    }

    fn is_frozen(&self) -> Result<bool, CgroupError> {
        match (self.with(Controller::Freezer), self.tree()) {
            (Some(freezer), _) => Ok(freezer.read("freezer.state")?.trim() == "FROZEN"),
            (None, Some(directory)) => tree::is_frozen(directory),
            (None, None) => Ok(false),
        }
    }

    fn kill(&self) -> Result<(), CgroupError> {
        match self.tree().map(tree::kill) {
            Some(Ok(true)) => {
                // Signals reach frozen tasks of v1 only once they are thawed.
                self.with(Controller::Freezer)
                    .map_or(Ok(()), |freezer| freezer.command("freezer.state", "THAWED"))
            }
            Some(Err(error)) => Err(error),
            Some(Ok(false)) | None => self.kill_each(),
        }
    }

    fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        self.list()
    }

    fn stats(&self) -> Result<Stats, CgroupError> {
        stats::v1::read(|controller| self.with(controller))
    }

    fn oom_killed(&self) -> Result<bool, CgroupError> {
        self.with(Controller::Memory)
            .map_or(Ok(false), |memory| Ok(stats::v1::oom_kills(memory)? > 0))
    }

    fn oom_events(&self) -> Result<OomEvents, CgroupError> {
        let memory = self.with(Controller::Memory).ok_or(CgroupError::Unsupported {
            operation: "watch for want of memory",
            missing: "the memory controller",
        })?;
        OomEvents::v1(memory)
    }

    fn present_limits(&self) -> Result<PresentLimits, CgroupError> {
        let mut present = PresentLimits::default();
        if let Some(cpu) = self.with(Controller::Cpu) {
            present.cpu_quota_us = cpu.read("cpu.cfs_quota_us")?.trim().parse().ok();
            present.cpu_period_us = Some(stats::number(cpu, "cpu.cfs_period_us")?);
        }
        Ok(present)
    }

    /// The kernel refuses a limit below the use by itself.
    fn check(&self, _plan: &CgroupPlan) -> Result<(), CgroupError> {
        Ok(())
    }

    fn update(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        self.skipped = change(&self.directories, &plan.settings, plan.unprivileged)?;
        Ok(())
    }

    fn skipped(&self) -> &[Setting] {
        &self.skipped
    }

    fn remove(&self, deadline: Duration) -> Result<(), CgroupError> {
        let until = Instant::now() + deadline;
        let mut outcome = Ok(());
        for directory in &self.directories {
            // Goes on after an error: what can go, goes.
            outcome = outcome.and(directory.remove(until));
        }
        outcome
    }
}

const NO_FREEZER: CgroupError =
    CgroupError::Unsupported { operation: "freeze", missing: "the freezer controller" };
