//! A group that exists: the trait, and which implementation serves it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use super::directory::{Directory, remove_one};
use super::plan::places;
use super::{
    CgroupError, CgroupPath, CgroupPlan, Entry, Layout, LayoutKind, Place, Setting, Stats, tree,
    v1, v2,
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

    /// Changes limits.
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
}

impl Begun<'_> {
    /// What `clone3` with `CLONE_INTO_CGROUP` takes.
    pub(crate) fn entrance(&self) -> Option<BorrowedFd<'_>> {
        self.entrance.as_ref().map(AsFd::as_fd)
    }

    /// Makes the rest. After an error the processes inside have to go before this value does: it removes what was made.
    pub(crate) fn finish(&mut self) -> Result<Cgroup, CgroupError> {
        let group = match self.whole.take() {
            Some(group) => group,
            None => Box::new(v1::Groups::create(self.plan, self.tree.take(), &mut self.made)?),
        };
        self.made.clear();
        Ok(Cgroup(group))
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // Groups above may be in use by others by now: busy is fine.
        for path in self.made.iter().rev() {
            let _busy = remove_one(path);
        }
    }
}

impl Cgroup {
    /// Makes the group in every hierarchy and applies the settings. An empty group of the same name, left by a crash, is replaced.
    ///
    /// # Errors
    /// [`CgroupError::Create`], [`CgroupError::InUse`], [`CgroupError::Set`] …; what was made is removed again.
    pub fn create(plan: &CgroupPlan) -> Result<Self, CgroupError> {
        Self::begin(plan)?.finish()
    }

    /// Makes what clone3 needs, so that the rest can be made while the child is on its way: on v2 the whole group, else the
    /// group in the tree of the hybrid layout.
    pub(crate) fn begin(plan: &CgroupPlan) -> Result<Begun<'_>, CgroupError> {
        let made = Vec::with_capacity(plan.places.len());
        let mut begun = Begun { plan, tree: None, whole: None, made, entrance: None };
        match plan.kind {
            LayoutKind::Unified => {
                let group = v2::Group::create(plan, &mut begun.made)?;
                begun.entrance = group.entry()?.tree;
                begun.whole = Some(Box::new(group));
            }
            LayoutKind::Legacy | LayoutKind::Hybrid => {
                begun.tree = v1::Groups::make_tree(plan, &mut begun.made)?;
                begun.entrance = begun.tree.as_ref().map(tree::entrance).transpose()?;
            }
        }
        Ok(begun)
    }

    /// Opens the group that was made by a plan.
    ///
    /// # Errors
    /// [`CgroupError::NotFound`] when no hierarchy has it.
    pub fn reopen(plan: &CgroupPlan) -> Result<Self, CgroupError> {
        Self::open_places(&plan.path, plan.kind, &plan.places)
    }

    /// Opens a group that exists.
    ///
    /// # Errors
    /// [`CgroupError::NotFound`] when no hierarchy has it.
    pub fn open(path: &CgroupPath, layout: &Layout) -> Result<Self, CgroupError> {
        Self::open_places(path, layout.kind, &places(path, layout))
    }

    fn open_places(
        path: &CgroupPath,
        kind: LayoutKind,
        places: &[Place],
    ) -> Result<Self, CgroupError> {
        let group: Option<Box<dyn ControlGroup>> = match kind {
            LayoutKind::Unified => v2::Group::open(places)?.map(|group| Box::new(group) as _),
            LayoutKind::Legacy | LayoutKind::Hybrid => {
                v1::Groups::open(places)?.map(|group| Box::new(group) as _)
            }
        };
        group.map(Self).ok_or_else(|| CgroupError::NotFound { path: path.clone() })
    }
}
