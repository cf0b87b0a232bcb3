//! Whether the kernel has killed for want of memory, and whether that was told: at the moment it happens where there is a limit, else with
//! the end.

use std::os::fd::{AsFd, BorrowedFd};

use libcontainer::cgroup::{Cgroup, CgroupPlan, Controller, OomEvents};

/// Whether processes of a run were killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    None,
    /// For the first time in this run.
    First,
    Again,
}

#[derive(Debug)]
pub(crate) struct Oom {
    events: Option<OomEvents>,
    told: bool,
}

impl Oom {
    /// Watches a group that has a limit of memory; without one it is the machine's memory that ends, which a watch would cost every
    /// container.
    pub(crate) fn watch(cgroup: &Cgroup, plan: &CgroupPlan) -> Self {
        let has_limit =
            plan.settings.iter().any(|setting| setting.controller == Some(Controller::Memory));
        // Without the controller the end is looked at alone.
        Self { events: has_limit.then(|| cgroup.oom_events().ok()).flatten(), told: false }
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there: whether processes were killed since the last time.
    pub(crate) fn read(&mut self) -> News {
        let Some(events) = &mut self.events else { return News::None };
        let news = events.read();
        if news.as_ref().map_or(true, |news| news.ended) {
            self.events = None;
        }
        if !news.is_ok_and(|news| news.killed) {
            return News::None;
        }
        if std::mem::replace(&mut self.told, true) { News::Again } else { News::First }
    }

    /// Whether that was told of this run already.
    pub(crate) const fn is_told(&self) -> bool {
        self.told
    }
}
