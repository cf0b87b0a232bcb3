//! The last steps of a process to its program, seen by whoever starts it. Start at [`Gate::open`].

use std::os::fd::BorrowedFd;

use spec::runtime::Status;
use sys::Errno;

use crate::error::StartError;
use crate::hooks::{Moment, Occasion};
use crate::names::Names;
use crate::plan::HookPlan;
use crate::process::Process;
use crate::progress::Trace;
use crate::seccomp::Confined;
use crate::wire::{self, FromChild, Place, ProcessStep, ToChild};

/// The way to a process that waits to become its program.
pub(crate) struct Gate<'a> {
    pub(crate) socket: BorrowedFd<'a>,
    /// Where it is, for its maker; whoever else comes is told.
    pub(crate) trace: Option<&'a Trace>,
}

impl Gate<'_> {
    /// Tells the process to become its program; returns once it runs.
    pub(crate) fn open(
        &self,
        process: &Process,
        names: &Names,
        hooks: Option<&HookPlan>,
    ) -> Result<(), StartError> {
        let (socket, pid) = (self.socket, process.pid());
        let hooks = hooks.filter(|plan| !plan.hooks.start_container.is_empty());
        let occasion =
            hooks.map(|plan| Occasion::new(plan, Status::Created, Some(pid))).transpose()?;
        let descriptors = occasion.as_ref().map(|occasion| occasion.files.descriptors());
        tell_to_go(socket, descriptors.as_ref().map_or(&[], |both| both))?;
        self.watch(process, names, occasion.as_ref())
    }

    /// Hears the process out that was told to go, until its program runs.
    pub(crate) fn watch(
        &self,
        process: &Process,
        names: &Names,
        occasion: Option<&Occasion<'_>>,
    ) -> Result<(), StartError> {
        let (socket, pid) = (self.socket, process.pid());
        let mut handed = None;
        loop {
            match wire::hear_child(socket).map_err(StartError::parent("hear the child"))? {
                FromChild::Closed => {
                    let trace = self.trace.or(handed.as_ref());
                    let runs = trace.is_some_and(|trace| trace.program_runs(process));
                    let place = trace.map_or(Place::Process(ProcessStep::Gate), Trace::place);
                    let vanished = || names.vanished(place, None, NO_LONGER_THERE.to_owned());
                    return if runs { Ok(()) } else { Err(vanished()) };
                }
                FromChild::Trace { file } => handed = file.map(Trace::received),
                FromChild::Listener { descriptor: Some(listener) } => {
                    // Dropped at once: a copy of ours would hide from the kernel that whoever should answer is gone.
                    names.deliver(&listener, Confined { pid, first: pid })?;
                }
                FromChild::Failed(failed) => {
                    let hooks = occasion.map(|ran| (ran, Moment::StartContainer));
                    return Err(names.explain(failed, None, hooks));
                }
                FromChild::Hooks
                | FromChild::Wish { .. }
                | FromChild::Terminal { .. }
                | FromChild::Ready { .. }
                | FromChild::Namespace { .. }
                | FromChild::Listener { descriptor: None } => {
                    return Err(StartError::parent("hear the child")(Errno::from_raw(
                        libc::EPROTO,
                    )));
                }
            }
        }
    }
}

/// How a process ended that is not ours to wait for.
const NO_LONGER_THERE: &str = "before its program ran";

/// Opens the gate, with the files that hooks write to.
///
/// # Errors
/// When nobody is there.
pub(crate) fn tell_to_go(
    socket: BorrowedFd<'_>,
    files: &[BorrowedFd<'_>],
) -> Result<(), StartError> {
    wire::tell_child_with(socket, ToChild::Go, files).map_err(StartError::parent("open the gate"))
}
