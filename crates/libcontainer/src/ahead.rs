//! Mounts that a container with a user namespace is lent before it asks: its root, whose ids are mapped, and whatever it binds.
//!
//! Each would be a question of the child's otherwise, and a helper process of the parent's ([`crate::lend`]): the child's rights
//! neither map ids nor reach the host's directories that are for root alone. What is bound is taken from where the parent sees it.
//!
//! ```text
//! parent                                      child
//! writes the id maps
//! Mapped              ------------------->
//! Mount (up to 32 mounts, in steps' order)->  keeps them by the number of their step
//! attaches networks, makes control groups     takes its steps
//! ```
//!
//! Start at [`lend`]; the child's side allocates nothing.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use sys::Errno;

use crate::error::StartError;
use crate::lend;
use crate::names::Names;
use crate::plan::Plan;
use crate::prepared::{Action, Prepared};
use crate::process::Process;
use crate::rootfs::clone_mapped;
use crate::wire::{self, At, Failed, MOST_DESCRIPTORS, Place, ProcessStep, ToChild};

/// Room for what is lent, by the number of the step that wants it; none in a container that is lent nothing ahead.
pub(crate) struct Ahead(Box<[Cell<Option<OwnedFd>>]>);

impl Ahead {
    /// For steps that begin with a root whose ids are mapped.
    pub(crate) fn of(steps: &[Action]) -> Self {
        let begins = |step: &Action| {
            matches!(step, Action::MappedRoot(_) | Action::Lent(_))
                || matches!(step, Action::DirectoryRoot(root) if root.is_lent)
        };
        let room = if steps.iter().any(begins) { steps.len() } else { 0 };
        Self((0..room).map(|_| Cell::new(None)).collect())
    }

    pub(crate) const fn is_used(&self) -> bool {
        !self.0.is_empty()
    }

    /// In the child: takes what the parent sends.
    pub(crate) fn receive(&self, steps: &[Action], socket: BorrowedFd<'_>) -> Result<(), Failed> {
        let mut places = self.0.iter().zip(steps).filter(|(_, step)| is_lent(step));
        let mut left = places.clone().count();
        while left > 0 {
            wire::await_parent_with(socket, ToChild::Mount, |mount| {
                let place = places.next().ok_or(Errno::from_raw(libc::EPROTO));
                place.at(ProcessStep::Talk)?.0.set(Some(mount));
                left = left.saturating_sub(1);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// In the child: what is for the step of that number.
    pub(crate) fn take(&self, number: u16) -> Option<OwnedFd> {
        self.0.get(usize::from(number)).and_then(Cell::take)
    }
}

/// In a container that is lent anything ahead.
const fn is_lent(step: &Action) -> bool {
    matches!(
        step,
        Action::MappedRoot(_) | Action::DirectoryRoot(_) | Action::Lent(_) | Action::Bind { .. }
    )
}

/// Makes all of it for the user namespace `users` and sends it to the child.
///
/// # Errors
/// Names the mount that the kernel refused.
pub(crate) fn lend(
    (child, socket): (&Process, BorrowedFd<'_>),
    (prepared, plan): (&Prepared, &Plan),
    users: BorrowedFd<'_>,
    names: &Names,
) -> Result<(), StartError> {
    let steps = &prepared.steps;
    let lent: Vec<usize> = (0..steps.len()).filter(|at| is_lent(&steps[*at])).collect();
    for some in lent.chunks(MOST_DESCRIPTORS) {
        let mount = |at: &usize| {
            if let Action::MappedRoot(root) = &steps[*at] {
                return root.make(users);
            }
            if let Action::DirectoryRoot(root) = &steps[*at] {
                return root.lend(users);
            }
            if let Action::Lent(lent) = &steps[*at] {
                return lent.make(users);
            }
            let number = u16::try_from(*at).unwrap_or(u16::MAX);
            bind(child, steps, number, users).map_err(|errno| {
                names.explain(Failed { at: Place::Step(number), errno }, Some(plan), None)
            })
        };
        let mounts = some.iter().map(mount).collect::<Result<Vec<_>, _>>()?;
        let borrowed: Vec<BorrowedFd<'_>> = mounts.iter().map(AsFd::as_fd).collect();
        wire::tell_child_with(socket, ToChild::Mount, &borrowed)
            .map_err(StartError::parent("talk with the child"))?;
    }
    Ok(())
}

fn bind(
    child: &Process,
    steps: &[Action],
    number: u16,
    users: BorrowedFd<'_>,
) -> Result<OwnedFd, Errno> {
    match steps.get(usize::from(number)) {
        Some(Action::Bind { source, keep_peers: false, .. }) if source.of_process.is_none() => {
            clone_mapped(source, Some(users))
        }
        Some(_) | None => lend::lend(child, steps, number),
    }
}
