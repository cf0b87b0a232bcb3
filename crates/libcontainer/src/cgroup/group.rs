//! A group that exists: the trait, and which implementation serves it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno as Raw;

use super::directory::{Directory, remove_one};
use super::plan::places;
use super::systemd::scope::{self, Scope};
use super::{
    CgroupError, CgroupPath, CgroupPlan, Entry, Layout, LayoutKind, OomEvents, Place,
    PresentLimits, Setting, Stats, SubGroup, tree, v1, v2,
};

/// What can be done with a group, on either version.
///
/// Life: [`Cgroup::create`] → [`entry`](Self::entry) and clone → any of freeze, thaw, update, stats → [`kill`](Self::kill)
/// → [`remove`](Self::remove).
pub trait ControlGroup: std::fmt::Debug {
    /// Descriptors through which a new child gets in, see [`Entry`].
    ///
    /// # Errors
    /// [`CgroupError::Open`].
    fn entry(&self) -> Result<Entry, CgroupError>;

    /// Like [`entry`](Self::entry), for a process that joins `pid` of the group: v2 lets nobody into a group that hands
    /// controllers down to groups inside, as systemd or a nested engine makes it do, so the way leads to where `pid` is.
    ///
    /// # Errors
    /// [`CgroupError::Open`] or [`CgroupError::Read`].
    fn entry_beside(&self, pid: i32) -> Result<Entry, CgroupError>;

    /// Like [`entry`](Self::entry), into groups below: in every hierarchy, or in those of a [`SubGroup`]'s controllers only. Nothing
    /// else is tried when the kernel lets nobody in there.
    ///
    /// # Errors
    /// [`CgroupError::Open`] for a group that is not there, [`CgroupError::NoSuchController`].
    fn entry_at(&self, groups: &[SubGroup]) -> Result<Entry, CgroupError>;

    /// Moves a process that exists, in every hierarchy. May take a grace period of the kernel (about 10 ms): the start path
    /// uses [`entry`](Self::entry).
    ///
    /// # Errors
    /// [`CgroupError::Join`].
    fn add_process(&self, pid: i32) -> Result<(), CgroupError>;

    /// Stops every process; returns once they stand still. A group that does not freeze in time is thawed again.
    ///
    /// # Errors
    /// [`CgroupError::TimedOut`], [`CgroupError::Unsupported`] on v1 without the freezer.
    fn freeze(&self, deadline: Duration) -> Result<(), CgroupError>;

    /// Lets every process go on.
    ///
    /// # Errors
    /// [`CgroupError::Set`].
    fn thaw(&self) -> Result<(), CgroupError>;

    /// Whether the group is frozen.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    fn is_frozen(&self) -> Result<bool, CgroupError>;

    /// Sends SIGKILL to every process of the group and of groups inside, frozen ones too; returns once it is sent to all.
    ///
    /// # Errors
    /// [`CgroupError::Kill`].
    fn kill(&self) -> Result<(), CgroupError>;

    /// The processes of the group and of groups inside, in the caller's pid namespace, sorted.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    fn processes(&self) -> Result<Vec<i32>, CgroupError>;

    /// What was used until now.
    ///
    /// # Errors
    /// [`CgroupError::Read`] or [`CgroupError::Unexpected`].
    fn stats(&self) -> Result<Stats, CgroupError>;

    /// Whether a process was killed for want of memory.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    fn oom_killed(&self) -> Result<bool, CgroupError>;

    /// A descriptor that tells of processes killed for want of memory.
    ///
    /// # Errors
    /// [`CgroupError::Unsupported`] without the memory controller, [`CgroupError::Open`].
    fn oom_events(&self) -> Result<OomEvents, CgroupError>;

    /// The limits that [`plan_update`](super::plan_update) counts from.
    ///
    /// # Errors
    /// [`CgroupError::Read`] or [`CgroupError::Unexpected`].
    fn present_limits(&self) -> Result<PresentLimits, CgroupError>;

    /// Whether `plan` may be carried out by [`update`](Self::update), as far as it asks to be careful.
    ///
    /// # Errors
    /// [`CgroupError::BelowUse`].
    fn check(&self, plan: &CgroupPlan) -> Result<(), CgroupError>;

    /// Changes limits. Those that the kernel took before it refused one are taken back, but that of a device that had none.
    ///
    /// # Errors
    /// [`CgroupError::Set`], [`CgroupError::Absent`], [`CgroupError::BelowUse`].
    fn update(&mut self, plan: &CgroupPlan) -> Result<(), CgroupError>;

    /// Settings that this kernel has no file for and that were marked optional.
    fn skipped(&self) -> &[Setting];

    /// Removes the group and the groups inside; waits up to `deadline` for processes that are on their way out.
    /// Groups above stay, since others may be about to use them.
    ///
    /// # Errors
    /// [`CgroupError::Remove`].
    fn remove(&self, deadline: Duration) -> Result<(), CgroupError>;
}

/// A group of either version.
#[derive(Debug)]
pub struct Cgroup(Box<dyn ControlGroup>);

impl std::ops::Deref for Cgroup {
    type Target = dyn ControlGroup;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

impl std::ops::DerefMut for Cgroup {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_mut()
    }
}

/// A group that is half made; unless it is finished, nothing is left of it.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    plan: &'a CgroupPlan,
    /// The group in the tree of the hybrid layout.
    tree: Option<Directory>,
    /// The group where nothing is left to do.
    whole: Option<Box<dyn ControlGroup>>,
    made: Vec<PathBuf>,
    entrance: Option<OwnedFd>,
    /// Whether systemd has started the unit.
    started: bool,
}

impl Begun<'_> {
    /// What `clone3` with `CLONE_INTO_CGROUP` takes.
    pub(crate) fn entrance(&self) -> Option<BorrowedFd<'_>> {
        self.entrance.as_ref().map(AsFd::as_fd)
    }

    /// Makes the rest. systemd starts units around a process: the child's, `pid`. After an error the processes inside have
    /// to go before this value does: it removes what was made.
    pub(crate) fn finish(&mut self, pid: Option<i32>) -> Result<Cgroup, CgroupError> {
        let plan = self.plan;
        if let Some(unit) = &plan.unit {
            scope::start(unit, pid)?;
            self.started = true;
        }
        let group: Box<dyn ControlGroup> = match (self.whole.take(), plan.kind) {
            (Some(group), _) => group,
            (None, LayoutKind::Unified) => Box::new(v2::Group::create(plan, &mut self.made)?),
            (None, LayoutKind::Legacy | LayoutKind::Hybrid) => {
                Box::new(v1::Groups::create(plan, self.tree.take(), &mut self.made)?)
            }
        };
        (self.started, _) = (false, self.made.clear());
        Ok(Cgroup::wrap(plan, group))
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(unit) = self.plan.unit.as_ref().filter(|_| self.started) {
            let _gone = scope::stop(unit);
        }
        // Groups above may be in use by others by now: busy is fine.
        for path in self.made.iter().rev() {
            let _busy = remove_one(path);
        }
    }
}

impl Cgroup {
    /// Makes the group in every hierarchy and applies the settings. One of the same name is dealt with as the plan says.
    ///
    /// # Errors
    /// [`CgroupError::Create`], [`CgroupError::InUse`], [`CgroupError::Set`] …; what was made is removed again.
    /// [`CgroupError::Systemd`] for a plan with a scope: it needs a process, see [`create_around`](Self::create_around).
    pub fn create(plan: &CgroupPlan) -> Result<Self, CgroupError> {
        Self::begin(plan)?.finish(None)
    }

    /// The same around process `pid`, which systemd puts into the unit that a plan of its own names.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_around(plan: &CgroupPlan, pid: i32) -> Result<Self, CgroupError> {
        Self::begin(plan)?.finish(Some(pid))
    }

    /// Makes what clone3 needs, so that the rest can be made while the child is on its way: on v2 the whole group, else the
    /// group in the tree of the hybrid layout, and nothing where systemd makes it.
    pub(crate) fn begin(plan: &CgroupPlan) -> Result<Begun<'_>, CgroupError> {
        let made = Vec::with_capacity(plan.places.len());
        let (tree, whole, entrance, started) = (None, None, None, false);
        let mut begun = Begun { plan, tree, whole, made, entrance, started };
        if plan.unit.is_some() {
            refuse_occupied(plan)?;
            return Ok(begun);
        }
        match plan.kind {
            LayoutKind::Unified => match v2::Group::create(plan, &mut begun.made) {
                Ok(group) => {
                    begun.entrance = group.entry()?.tree;
                    begun.whole = Some(Box::new(group));
                }
                Err(error) => begun.whole = Some(Box::new(do_without(plan, error)?)),
            },
            LayoutKind::Legacy | LayoutKind::Hybrid => {
                match v1::Groups::make_tree(plan, &mut begun.made) {
                    Ok(tree) => begun.tree = tree,
                    Err(error) => plan.pass_over(error)?,
                }
                begun.entrance = begun.tree.as_ref().map(tree::entrance).transpose()?;
            }
        }
        Ok(begun)
    }

    /// Opens a group that exists.
    ///
    /// # Errors
    /// [`CgroupError::NotFound`] when no hierarchy has it.
    pub fn open(path: &CgroupPath, layout: &Layout) -> Result<Self, CgroupError> {
        let group = open(&places(path, layout), layout.kind)?;
        group.map(Self).ok_or_else(|| CgroupError::NotFound { path: path.clone() })
    }

    /// Opens the group that a plan has made.
    ///
    /// # Errors
    /// [`CgroupError::NotFound`] when no hierarchy has it: a plan that is optional may have made none.
    pub fn reopen(plan: &CgroupPlan) -> Result<Self, CgroupError> {
        match open(&plan.places, plan.kind)? {
            Some(group) => Ok(Self::wrap(plan, group)),
            None => Err(CgroupError::NotFound { path: plan.path.clone() }),
        }
    }

    /// The way to where process `pid` is, on v2: for a container that has left the group of its plan, which is gone since.
    pub(crate) fn entry_of(plan: &CgroupPlan, pid: i32) -> Result<Entry, CgroupError> {
        match plan.places.as_slice() {
            [place] if plan.kind == LayoutKind::Unified => v2::entry_of(place, pid),
            _ => Err(CgroupError::NotFound { path: plan.path.clone() }),
        }
    }

    /// Stops the unit of a plan whose groups are gone, which systemd may still know as failed.
    ///
    /// # Errors
    /// [`CgroupError::Systemd`].
    pub fn forget(plan: &CgroupPlan) -> Result<(), CgroupError> {
        plan.unit.as_ref().map_or(Ok(()), scope::stop)
    }

    fn wrap(plan: &CgroupPlan, group: Box<dyn ControlGroup>) -> Self {
        match &plan.unit {
            Some(unit) => Self(Box::new(Scope::new(plan, unit, group))),
            None => Self(group),
        }
    }
}

fn open(places: &[Place], kind: LayoutKind) -> Result<Option<Box<dyn ControlGroup>>, CgroupError> {
    Ok(match kind {
        LayoutKind::Unified => v2::Group::open(places)?.map(|group| Box::new(group) as _),
        LayoutKind::Legacy | LayoutKind::Hybrid => {
            v1::Groups::open(places)?.map(|group| Box::new(group) as _)
        }
    })
}

/// systemd would put the process beside those that are there.
fn refuse_occupied(plan: &CgroupPlan) -> Result<(), CgroupError> {
    plan.places.iter().try_for_each(|place| match Directory::open(place) {
        Ok(directory) => directory.refuse_occupied(plan.existing),
        Err(errno) if errno == Raw::NOENT.into() => Ok(()),
        Err(errno) => Err(CgroupError::Open { path: place.path(), errno }),
    })
}

/// No group at all, where the plan allows for that and `error` is the want of permission to make one.
fn do_without(plan: &CgroupPlan, error: CgroupError) -> Result<v1::Groups, CgroupError> {
    if plan.optional && error.is_refusal() && plan.limits().next().is_none() {
        return Ok(v1::Groups::nowhere());
    }
    Err(plan.no_permission(error))
}
