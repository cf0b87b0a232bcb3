//! The v2 tree with its controllers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as Raw;
use rustix::process::{Pid, Signal, kill_process};

use super::apply::{apply, change};
use super::directory::{Directory, read_all};
use super::tree;
use super::{
    CgroupError, CgroupPlan, ControlGroup, Controller, Entry, Errno, Existing, OomEvents, Place,
    PresentLimits, Setting, Stats, SubGroup, stats,
};

#[derive(Debug)]
pub(super) struct Group {
    directory: Directory,
    skipped: Vec<Setting>,
}

impl Group {
    pub(super) fn create(plan: &CgroupPlan, made: &mut Vec<PathBuf>) -> Result<Self, CgroupError> {
        let [place] = plan.places.as_slice() else {
            return Err(CgroupError::Unsupported {
                operation: "create cgroup",
                missing: "the v2 tree",
            });
        };
        let existing = plan.unit.is_none().then_some(plan.existing);
        let directory = Directory::make(place, existing, made)?;
        let enabled = enable(&directory);
        let directories = [directory];
        let skipped = match (apply(&directories, &plan.settings, plan.unprivileged), enabled) {
            (Ok(skipped), _) => skipped,
            // The file is missing because its controller could not be handed down: that is what to tell.
            (Err(CgroupError::Absent { .. }), Err(cause)) => return Err(cause),
            (Err(error), _) => return Err(error),
        };
        let [directory] = directories;
        if let Some(rules) = &plan.devices {
            let was_there = plan.unit.is_some() || plan.existing == Existing::Join;
            let filter = if was_there { tree::refilter_devices } else { tree::filter_devices };
            filter(&directory, rules).or_else(|error| plan.pass_over(error))?;
        }
        if let Some(owner) = plan.owner {
            tree::give_tree(&directory, owner)?;
        }
        Ok(Self { directory, skipped })
    }

    /// `None` when there is no such group.
    pub(super) fn open(places: &[Place]) -> Result<Option<Self>, CgroupError> {
        let [place] = places else { return Ok(None) };
        match Directory::open(place) {
            Ok(directory) => Ok(Some(Self { directory, skipped: Vec::new() })),
            Err(errno) if errno == Raw::NOENT.into() => Ok(None),
            Err(errno) => Err(CgroupError::Open { path: place.path(), errno }),
        }
    }
}

/// Hands every controller down from the root, unless the group has them all already: one read for all but the first group.
/// Free of the grace period that moving tasks costs, as long as the group is empty.
fn enable(group: &Directory) -> Result<(), CgroupError> {
    let wanted = &group.place.controllers;
    let has = |offered: &str, controller: Controller| {
        offered.split_whitespace().any(|name| name == controller.unified_name())
    };
    let offered = group.read("cgroup.controllers")?;
    if wanted.iter().all(|controller| has(&offered, *controller)) {
        return Ok(());
    }
    let mut first_error = Ok(());
    let names = &group.place.directory;
    for end in [0].into_iter().chain(names.match_indices('/').map(|(at, _)| at)) {
        let place = Place { directory: names[..end].to_owned(), ..group.place.clone() };
        let above = Directory::open(&place)
            .map_err(|errno| CgroupError::Open { path: place.path(), errno })?;
        let offered = above.read("cgroup.controllers")?;
        let names: Vec<String> = wanted
            .iter()
            .filter(|controller| has(&offered, **controller))
            .map(|controller| format!("+{}", controller.unified_name()))
            .collect();
        if names.is_empty() || above.write("cgroup.subtree_control", &names.join(" ")).is_ok() {
            continue;
        }
        // All or none is the kernel's rule; one that cannot be handed down must not keep the others back.
        for name in names {
            if let Err(errno) = above.write("cgroup.subtree_control", &name) {
                let file =
                    above.path().join("cgroup.subtree_control").to_string_lossy().into_owned();
                first_error = first_error.and(Err(CgroupError::Set { file, value: name, errno }));
            }
        }
    }
    first_error
}

/// Where process `pid` is in the tree, without the leading slash.
fn membership(pid: i32) -> Result<String, CgroupError> {
    let path = PathBuf::from(format!("/proc/{pid}/cgroup"));
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let text = rustix::fs::openat(rustix::fs::CWD, &path, flags, Mode::empty())
        .map_err(Errno::from)
        .and_then(|file| read_all(&file))
        .map_err(|errno| CgroupError::Read { path, errno })?;
    let at = text.lines().find_map(|line| line.strip_prefix("0::/"));
    Ok(at.unwrap_or_default().to_owned())
}

fn entry_at(place: &Place) -> Result<Entry, CgroupError> {
    let group =
        Directory::open(place).map_err(|errno| CgroupError::Open { path: place.path(), errno })?;
    Ok(Entry::new(Some(tree::entrance(&group)?), Vec::new()))
}

/// The way to where process `pid` is, in the tree of `place`.
pub(super) fn entry_of(place: &Place, pid: i32) -> Result<Entry, CgroupError> {
    let place = Place { directory: membership(pid)?, ..place.clone() };
    // What is outside of our own cgroup namespace has no path here: cgroup_namespaces(7).
    if place.directory.split('/').any(|name| name == "..") {
        return Err(CgroupError::Open { path: place.path(), errno: Raw::NOENT.into() });
    }
    entry_at(&place)
}

impl ControlGroup for Group {
    fn entry(&self) -> Result<Entry, CgroupError> {
        Ok(Entry::new(Some(tree::entrance(&self.directory)?), Vec::new()))
    }

    fn entry_at(&self, groups: &[SubGroup]) -> Result<Entry, CgroupError> {
        let Some(group) = groups.last() else { return self.entry() };
        if let Some(name) = groups.iter().flat_map(|group| &group.controllers).next() {
            return Err(CgroupError::NoSuchController { name: name.clone() });
        }
        entry_at(&group.below(&self.directory.place))
    }

    fn entry_beside(&self, pid: i32) -> Result<Entry, CgroupError> {
        // cgroups(7), "no internal processes" rule.
        if self.directory.read("cgroup.subtree_control")?.trim().is_empty() {
            return self.entry();
        }
        let at = membership(pid)?;
        let own = &self.directory.place;
        // Somewhere else it has no business, and its path no meaning here.
        let inside =
            at.strip_prefix(own.directory.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let place = Place { directory: at.to_owned(), ..own.clone() };
        if !inside || at.split('/').any(|name| name == "..") {
            return self.entry();
        }
        entry_at(&place)
    }

    fn add_process(&self, pid: i32) -> Result<(), CgroupError> {
        self.directory.add_process(pid)
    }

    fn freeze(&self, deadline: Duration) -> Result<(), CgroupError> {
        tree::freeze(&self.directory, deadline)
    }

    fn thaw(&self) -> Result<(), CgroupError> {
        tree::thaw(&self.directory)
    }

    fn is_frozen(&self) -> Result<bool, CgroupError> {
        tree::is_frozen(&self.directory)
    }

    fn kill(&self) -> Result<(), CgroupError> {
        if tree::kill(&self.directory)? {
            return Ok(());
        }
        // Before Linux 5.14. SIGKILL ends frozen tasks of v2 without thawing, so new ones stop appearing.
        let _not_needed = tree::freeze(&self.directory, Duration::from_millis(500));
        let mut known = Vec::new();
        loop {
            let present = self.processes()?;
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
            if present.iter().all(|pid| known.contains(pid)) {
                return tree::thaw(&self.directory);
            }
            known = present;
        }
    }

    fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        self.directory.processes()
    }

    fn stats(&self) -> Result<Stats, CgroupError> {
        stats::v2::read(&self.directory)
    }

    fn oom_killed(&self) -> Result<bool, CgroupError> {
        Ok(stats::v2::oom_kills(&self.directory)? > 0)
    }

    fn oom_events(&self) -> Result<OomEvents, CgroupError> {
        OomEvents::v2(&self.directory)
    }

    fn present_limits(&self) -> Result<PresentLimits, CgroupError> {
        let number = |word: Option<&str>| match word {
            Some("max") => Some(-1),
            word => word?.trim().parse::<i64>().ok(),
        };
        let mut present = PresentLimits::default();
        if let Some(text) = self.directory.read_if_there("cpu.max")? {
            let mut words = text.split_whitespace();
            present.cpu_quota_us = number(words.next());
            present.cpu_period_us = words.next().and_then(|word| word.parse().ok());
        }
        if let Some(text) = self.directory.read_if_there("memory.max")? {
            present.memory_bytes = number(Some(text.trim()));
        }
        Ok(present)
    }

    fn check(&self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        for (setting, limit) in
            [("memory+swap", plan.refuse_sum_below_use), ("memory", plan.refuse_below_use)]
        {
            let Some(limit) = limit else { continue };
            let used = stats::number(&self.directory, "memory.current")?;
            if used >= limit {
                return Err(CgroupError::BelowUse { setting, limit, used });
            }
        }
        Ok(())
    }

    fn update(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        self.check(plan)?;
        self.skipped =
            change(std::slice::from_ref(&self.directory), &plan.settings, plan.unprivileged)?;
        Ok(())
    }

    fn skipped(&self) -> &[Setting] {
        &self.skipped
    }

    fn remove(&self, deadline: Duration) -> Result<(), CgroupError> {
        self.directory.remove(Instant::now() + deadline)
    }
}
