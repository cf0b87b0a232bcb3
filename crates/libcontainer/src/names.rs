//! A process's last steps in words: what they are about, kept where the child's numbers are explained, perhaps by another command
//! than the one that made the child.

use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use crate::error::{PlanError, StartError};
use crate::hints;
use crate::hooks::{HookFailure, Moment, Occasion};
use crate::plan::{Plan, ProcessPlan, Step};
use crate::scheduling::SchedulingPlan;
use crate::seccomp::{Confined, Listener};
use crate::wire::{Failed, Place, ProcessStep};

/// What the last steps of a process are about, for their errors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Names {
    program: String,
    label: Option<String>,
    /// Paths of Landlock's rules.
    landlock: Option<Vec<String>>,
    cwd: String,
    limits: Vec<String>,
    scheduling: SchedulingPlan,
    listener: Option<Listener>,
}

/// runtime.md, "Start": without `process` it must generate an error.
pub(crate) fn nothing_to_start() -> PlanError {
    PlanError::field("process", "is missing: there is nothing to start")
}

impl Names {
    pub(crate) fn of(process: &ProcessPlan) -> Self {
        Self {
            program: process.args.first().cloned().unwrap_or_default(),
            label: process.selinux_label.clone(),
            landlock: process.landlock.as_ref().map(|plan| {
                plan.paths.iter().map(|rule| rule.path.display().to_string()).collect()
            }),
            cwd: process.cwd.display().to_string(),
            limits: process.rlimits.iter().map(|limit| limit.resource.clone()).collect(),
            scheduling: process.scheduling.clone(),
            listener: process.seccomp.as_ref().and_then(|program| program.listener.clone()),
        }
    }

    /// Whether there is a program to begin; the error tells the field that is missing.
    pub(crate) fn can_begin(&self) -> Result<(), PlanError> {
        if self.program.is_empty() { Err(nothing_to_start()) } else { Ok(()) }
    }

    /// Sends the descriptor of a filter that notifies to its listener.
    pub(crate) fn deliver(&self, fd: &OwnedFd, confined: Confined) -> Result<(), StartError> {
        let Some(listener) = &self.listener else { return Ok(()) };
        let action = || format!("send the seccomp listener to {}", listener.path.display());
        let sent = listener.deliver(fd, confined);
        sent.map_err(|errno| StartError::Parent { action: action(), errno })
    }

    /// The child's numbers in words: which step it was, on what object.
    pub(crate) fn explain(
        &self,
        failed: Failed,
        plan: Option<&Plan>,
        hooks: Option<(&Occasion<'_>, Moment)>,
    ) -> StartError {
        let Failed { at, errno } = failed;
        let program = self.program.clone();
        let why = match at {
            Place::Process(ProcessStep::Exec)
                if matches!(errno.raw(), libc::ENOENT | libc::ENOTDIR) =>
            {
                let has_path = program.contains('/');
                return StartError::NotFound { program, has_path };
            }
            Place::Process(ProcessStep::Exec) => {
                let label = self.label.as_deref().filter(|_| errno.raw() == libc::EACCES);
                let label = label.map(Box::from);
                let walled = self.landlock.is_some() && errno.raw() == libc::EACCES;
                return StartError::NotExecutable { program, label, walled, errno };
            }
            Place::Process(ProcessStep::OwnProgram) => return StartError::OwnProgram { program },
            Place::Hook(number, end) => match hooks {
                Some((occasion, moment)) => {
                    return occasion.error(moment, HookFailure { number, end, errno });
                }
                None => None,
            },
            Place::Process(ProcessStep::User | ProcessStep::BecomeRootInside)
                if errno.raw() == libc::EINVAL =>
            {
                Some("its ids are not mapped in the user namespace".to_owned())
            }
            Place::Process(ProcessStep::Groups) if errno.raw() == libc::EPERM => {
                let why = "a user who maps only his own group may set none, user_namespaces(7)";
                Some(why.to_owned())
            }
            // landlock_restrict_self(2), EPERM.
            Place::Process(ProcessStep::Landlock) if errno.raw() == libc::EPERM => {
                Some("without CAP_SYS_ADMIN it needs no-new-privileges".to_owned())
            }
            Place::Process(step) => self.scheduling.hint(step, errno).map(str::to_owned),
            // setrlimit(2), EPERM.
            Place::Limit(_) if errno.raw() == libc::EPERM => {
                Some("to raise it takes CAP_SYS_RESOURCE".to_owned())
            }
            Place::Landlock(number) if errno.raw() == libc::ENOENT => {
                let path = self.landlock_path(number);
                Some(format!("it is not in the container; with ?{path} it may be missing"))
            }
            Place::Landlock(_) if errno.raw() == libc::ELOOP => {
                Some("it leads round in a circle, or through a link of /proc".to_owned())
            }
            Place::Limit(_) | Place::Landlock(_) => None,
            Place::Step(number) => step_of(plan, number).and_then(|step| {
                let lost = || hints::of_lost_rights(errno);
                hints::hint(step, errno).map(str::to_owned).or_else(lost)
            }),
        };
        let step = self.object(at, plan);
        StartError::Child {
            step: why.map_or_else(|| step.clone(), |why| format!("{step}: {why}")),
            errno,
        }
    }

    /// A child that ended without a word.
    pub(crate) fn vanished(&self, at: Place, plan: Option<&Plan>, how: String) -> StartError {
        StartError::Vanished { step: self.object(at, plan), how }
    }

    fn landlock_path(&self, number: u16) -> &str {
        let mut paths = self.landlock.iter().flatten();
        paths.nth(number.into()).map_or("", String::as_str)
    }

    /// A place in words.
    fn object(&self, at: Place, plan: Option<&Plan>) -> String {
        match at {
            Place::Process(step @ ProcessStep::WorkingDirectory) => {
                format!("{} {}", step.words(), self.cwd)
            }
            Place::Process(step @ ProcessStep::Exec) => {
                format!("{} {}", step.words(), self.program)
            }
            Place::Process(step) => {
                self.scheduling.object_of(step).unwrap_or_else(|| step.words().to_owned())
            }
            Place::Limit(number) => {
                let limit = self.limits.get(usize::from(number)).map_or("", String::as_str);
                format!("set the resource limit {limit}")
            }
            Place::Landlock(number) => {
                format!("allow {} by Landlock", self.landlock_path(number))
            }
            Place::Hook(number, _) => format!("run hook #{number}"),
            Place::Step(number) => {
                step_of(plan, number).map_or_else(|| format!("step {number}"), ToString::to_string)
            }
        }
    }
}

fn step_of(plan: Option<&Plan>, number: u16) -> Option<&Step> {
    plan.and_then(|plan| plan.steps.get(usize::from(number)))
}
