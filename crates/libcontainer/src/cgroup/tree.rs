//! A group's directories, one in each hierarchy of either version: made, filled, frozen, killed, removed.
//!
//! Start at [`Tree::create`] and [`Tree::open`]. Sources: cgroup-v1/cgroups.rst, cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, mkdir, open, rmdir};
use rustix::process::{Pid, Signal, kill_process};

use super::files::{children, number, read, write};
use super::{
    CgroupError, CgroupPath, CgroupPlan, ControlGroup, Controller, Entry, Errno, Layout, Place,
    Setting, Stats, device_filter, meters,
};

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
/// How long a state that the kernel announces nowhere is waited for between looks.
const BETWEEN_LOOKS: rustix::event::Timespec =
    rustix::event::Timespec { tv_sec: 0, tv_nsec: 200_000 };

/// The directories.
#[derive(Debug)]
pub(super) struct Tree {
    places: Vec<Place>,
    skipped: Vec<Setting>,
}

impl Tree {
    /// Makes the plan's directories and writes its settings; on an error nothing that was made is left.
    pub(super) fn create(plan: &CgroupPlan) -> Result<Self, CgroupError> {
        let mut tree = Self { places: Vec::new(), skipped: Vec::new() };
        match tree.make(plan) {
            Ok(()) => Ok(tree),
            Err(error) => {
                // The first error is the one that tells.
                let _kept = tree.remove(Duration::ZERO);
                Err(error)
            }
        }
    }

    /// The directories that exist.
    pub(super) fn open(path: &CgroupPath, layout: &Layout) -> Result<Self, CgroupError> {
        let places = super::plan::places(path, layout).into_iter();
        let places: Vec<Place> = places.filter(|place| place.path().is_dir()).collect();
        if places.is_empty() {
            return Err(CgroupError::NotFound { path: path.clone() });
        }
        Ok(Self { places, skipped: Vec::new() })
    }

    fn make(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        for place in &plan.places {
            make_place(place)?;
            self.places.push(place.clone());
        }
        self.set_all(plan)?;
        match (&plan.devices, self.places.iter().find(|place| place.unified)) {
            (Some(rules), Some(place)) => device_filter::attach(&place.path(), rules),
            _ => Ok(()),
        }
    }

    fn set_all(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        for setting in &plan.settings {
            if !self.set(setting)? {
                self.skipped.push(setting.clone());
            }
        }
        Ok(())
    }

    /// Writes one setting; false for an optional one whose file the kernel does not have.
    fn set(&self, setting: &Setting) -> Result<bool, CgroupError> {
        let place = match setting.controller {
            Some(controller) => self.carrier(controller),
            None => self.places.iter().find(|place| place.unified),
        };
        let absent =
            || CgroupError::Absent { file: setting.file.clone(), value: setting.value.clone() };
        let directory = place.ok_or_else(absent)?.path();
        let first = (&setting.file, &setting.value);
        let fallback = setting.fallback.as_ref().map(|(file, value)| (file, value));
        for (file, value) in std::iter::once(first).chain(fallback) {
            match write(&directory.join(file), value) {
                Ok(()) => return Ok(true),
                Err(Errno::NOENT) => {}
                Err(errno) => {
                    let (file, value) = (file.clone(), value.clone());
                    return Err(CgroupError::Set { file, value, errno });
                }
            }
        }
        if setting.optional { Ok(false) } else { Err(absent()) }
    }

    fn carrier(&self, controller: Controller) -> Option<&Place> {
        self.places.iter().find(|place| place.controllers.contains(&controller))
    }

    /// Where to freeze: file, and the words for "stand" and "go".
    fn freezer(&self) -> Result<(PathBuf, [&'static str; 2]), CgroupError> {
        if let Some(place) = self.carrier(Controller::Freezer) {
            return Ok((place.path().join("freezer.state"), ["FROZEN", "THAWED"]));
        }
        let unified = self.places.iter().find(|place| place.unified);
        let missing =
            CgroupError::Unsupported { operation: "freeze", missing: "the freezer controller" };
        Ok((unified.ok_or(missing)?.path().join("cgroup.freeze"), ["1", "0"]))
    }

    fn set_frozen(&self, frozen: bool) -> Result<PathBuf, CgroupError> {
        let (file, [stand, go]) = self.freezer()?;
        let value = if frozen { stand } else { go };
        write(&file, value).map_err(|errno| CgroupError::Set {
            file: file.display().to_string(),
            value: value.to_owned(),
            errno,
        })?;
        Ok(file)
    }
}

impl ControlGroup for Tree {
    fn entry(&self) -> Result<Entry, CgroupError> {
        let mut entry = Entry { tree: None, tasks: Vec::with_capacity(self.places.len()) };
        for place in &self.places {
            let path = place.path();
            if place.unified {
                entry.tree = Some(open_at(path, OFlags::PATH | OFlags::DIRECTORY)?);
            } else {
                entry.tasks.push(open_at(path.join("tasks"), OFlags::WRONLY)?);
            }
        }
        Ok(entry)
    }

    fn add_process(&self, pid: i32) -> Result<(), CgroupError> {
        for place in &self.places {
            let path = place.path();
            write(&path.join("cgroup.procs"), &pid.to_string())
                .map_err(|errno| CgroupError::Join { pid, path, errno })?;
        }
        Ok(())
    }

    fn freeze(&self, deadline: Duration) -> Result<(), CgroupError> {
        let end = Instant::now() + deadline;
        loop {
            // A process that is being made while v1 freezes escapes the first pass: the write is repeated until all stand.
            let path = self.set_frozen(true)?;
            if self.is_frozen()? {
                return Ok(());
            }
            if Instant::now() > end {
                self.thaw()?;
                let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                return Err(CgroupError::TimedOut { operation: "freeze", path, millis });
            }
            pause();
        }
    }

    fn thaw(&self) -> Result<(), CgroupError> {
        self.set_frozen(false).map(drop)
    }

    fn is_frozen(&self) -> Result<bool, CgroupError> {
        let (file, [stand, _]) = self.freezer()?;
        let (file, word) = match file.file_name().and_then(|name| name.to_str()) {
            // Asked for is not yet reached: cgroup-v2.rst, "cgroup.events".
            Some("cgroup.freeze") => (file.with_file_name("cgroup.events"), "frozen 1"),
            _ => (file, stand),
        };
        let text = read(&file).map_err(|errno| CgroupError::Read { path: file, errno })?;
        Ok(text.lines().any(|line| line.trim() == word))
    }

    fn kill(&self) -> Result<(), CgroupError> {
        if let [place] = self.places.as_slice()
            && place.unified
            && write(&place.path().join("cgroup.kill"), "1").is_ok()
        {
            // Linux 5.14: one write, and no process can be made meanwhile.
            return Ok(());
        }
        for pid in self.processes()? {
            let Some(number) = Pid::from_raw(pid) else { continue };
            match kill_process(number, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(errno) => return Err(CgroupError::Kill { pid, errno }),
            }
        }
        // A frozen process of v1 dies only when it is let go.
        if self.carrier(Controller::Freezer).is_some() {
            self.thaw()?;
        }
        Ok(())
    }

    fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        let mut pids = Vec::new();
        for place in &self.places {
            collect(&place.path(), &mut pids)?;
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    fn stats(&self) -> Result<Stats, CgroupError> {
        meters::read_all(&self.places)
    }

    fn oom_killed(&self) -> Result<bool, CgroupError> {
        let Some(place) = self.carrier(Controller::Memory) else { return Ok(false) };
        let file = if place.unified { "memory.events" } else { "memory.oom_control" };
        let path = place.path().join(file);
        match read(&path) {
            Ok(text) => Ok(number(&text, "oom_kill").is_some_and(|kills| kills > 0)),
            Err(Errno::NOENT | Errno::NODEV) => Ok(false),
            Err(errno) => Err(CgroupError::Read { path, errno }),
        }
    }

    fn update(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError> {
        if let (Some(limit), Some(memory)) = (plan.refuse_below_use, self.stats()?.memory)
            && memory.current_bytes > limit
        {
            return Err(CgroupError::BelowUse { limit, used: memory.current_bytes });
        }
        self.set_all(plan)
    }

    fn skipped(&self) -> &[Setting] {
        &self.skipped
    }

    fn remove(&self, deadline: Duration) -> Result<(), CgroupError> {
        let end = Instant::now() + deadline;
        let mut outcome = Ok(());
        for place in &self.places {
            let path = place.path();
            // Every hierarchy is tried; the first error is told.
            if let Err(errno) = remove_directory(&path, end) {
                outcome = outcome.and(Err(CgroupError::Remove { path, errno }));
            }
        }
        outcome
    }
}

/// Makes one directory, and those above it where they are missing.
fn make_place(place: &Place) -> Result<(), CgroupError> {
    let path = place.path();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |errno| CgroupError::Create { path, errno }
    };
    match mkdir(&path, DIRECTORY_MODE) {
        // Only a cpuset, and a controller of v2, wants anything from the groups above.
        Ok(()) if !needs_inheritance(place) => return Ok(()),
        Ok(()) | Err(Errno::NOENT) => {}
        Err(Errno::EXIST) => take_over(&path)?,
        Err(errno) => return Err(failed(&path)(errno)),
    }
    let mut at = place.mount.clone();
    for name in Path::new(&place.directory) {
        let above = at.clone();
        at.push(name);
        match mkdir(&at, DIRECTORY_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(&at)(errno)),
        }
        inherit(place, &above, &at).map_err(failed(&at))?;
    }
    Ok(())
}

/// A crash may have left an empty group of that name; one with processes belongs to somebody.
fn take_over(path: &Path) -> Result<(), CgroupError> {
    let mut pids = Vec::new();
    collect(path, &mut pids)?;
    if !pids.is_empty() {
        return Err(CgroupError::InUse { path: path.to_owned() });
    }
    let failed = |errno| CgroupError::Create { path: path.to_owned(), errno };
    remove_directory(path, Instant::now()).map_err(failed)?;
    mkdir(path, DIRECTORY_MODE).map_err(failed)
}

fn needs_inheritance(place: &Place) -> bool {
    place.controllers.contains(&Controller::Cpuset)
        || (place.unified && !place.controllers.is_empty())
}

/// A new v1 cpuset has no CPUs and no memory, and takes no process before it has; a new v2 group has no controllers before
/// its parent hands them down.
fn inherit(place: &Place, above: &Path, below: &Path) -> Result<(), Errno> {
    if place.unified {
        for controller in &place.controllers {
            // One that cannot be handed down is missed only by a setting that needs it, which then names its file.
            let word = format!("+{}", controller.unified_name());
            let _unavailable = write(&above.join("cgroup.subtree_control"), &word);
        }
        return Ok(());
    }
    if place.controllers.contains(&Controller::Cpuset) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if read(&below.join(file))?.trim().is_empty() {
                write(&below.join(file), read(&above.join(file))?.trim())?;
            }
        }
    }
    Ok(())
}

fn open_at(path: PathBuf, flags: OFlags) -> Result<OwnedFd, CgroupError> {
    open(&path, flags | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| CgroupError::Open { path, errno })
}

fn collect(directory: &Path, pids: &mut Vec<i32>) -> Result<(), CgroupError> {
    let path = directory.join("cgroup.procs");
    match read(&path) {
        Ok(text) => pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
        // Gone meanwhile, or a threaded group, whose processes stand in the group above.
        Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(CgroupError::Read { path, errno }),
    }
    let path = directory.to_owned();
    let below = children(directory).map_err(|errno| CgroupError::Read { path, errno })?;
    below.iter().try_for_each(|child| collect(child, pids))
}

/// Removes a directory and the groups inside. The last process may still be on its way out.
fn remove_directory(path: &Path, end: Instant) -> Result<(), Errno> {
    loop {
        match rmdir(path) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::BUSY) => {}
            Err(errno) => return Err(errno),
        }
        for child in children(path)? {
            remove_directory(&child, end)?;
        }
        match rmdir(path) {
            Err(Errno::BUSY) if Instant::now() < end => pause(),
            Err(Errno::NOENT) => return Ok(()),
            done => return done,
        }
    }
}

fn pause() {
    // Interrupted early is as good.
    let _slept = rustix::event::poll(&mut [], Some(&BETWEEN_LOOKS));
}
