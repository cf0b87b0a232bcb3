//! When and where a process runs: its scheduler, its I/O priority, its processors and its memory nodes.
//!
//! The plan is plain data that the child uses as it is: [`SchedulingPlan::apply`] allocates nothing, and makes a system call
//! only for what is asked for. Sources: sched(7), ioprio_set(2), sched_setaffinity(2), numa(7).

use std::fmt;

use serde::{Deserialize, Serialize};
use sys::{Errno, SchedulerAttributes};

use crate::number_set::NumberSet;
use crate::progress::Progress;
use crate::wire::{At, Failed, ProcessStep};

/// Scheduling policies by name, linux/sched.h.
pub(crate) const POLICIES: &[(&str, u32)] = &[
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", DEADLINE),
];

const DEADLINE: u32 = 6;

/// What is done with [`CoreGroup`].
const CORE: &str = "share the threads of a core with nobody else's processes";

/// Flags of sched_setattr(2). The clamps of utilisation have no value in a configuration: the kernel refuses them.
pub(crate) const SCHEDULER_FLAGS: &[(&str, u64)] = &[
    ("SCHED_FLAG_RESET_ON_FORK", 0x01),
    ("SCHED_FLAG_RECLAIM", 0x02),
    ("SCHED_FLAG_DL_OVERRUN", 0x04),
    ("SCHED_FLAG_KEEP_POLICY", 0x08),
    ("SCHED_FLAG_KEEP_PARAMS", 0x10),
    ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20),
    ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
];

/// Classes of ioprio_set(2).
pub(crate) const IO_CLASSES: &[(&str, u8)] =
    &[("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)];

/// Memory policies by name, linux/mempolicy.h.
pub const MEMORY_POLICY_MODES: &[(&str, u32)] = &[
    ("MPOL_DEFAULT", 0),
    ("MPOL_PREFERRED", 1),
    ("MPOL_BIND", 2),
    ("MPOL_INTERLEAVE", 3),
    ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5),
    ("MPOL_WEIGHTED_INTERLEAVE", 6),
];

/// Flags that a memory policy's mode can carry, linux/mempolicy.h.
pub const MEMORY_POLICY_FLAGS: &[(&str, u32)] = &[
    ("MPOL_F_NUMA_BALANCING", 1 << 13),
    ("MPOL_F_RELATIVE_NODES", 1 << 14),
    ("MPOL_F_STATIC_NODES", 1 << 15),
];

/// What is asked for; nothing leaves a process as its parent is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulingPlan {
    /// Policy and attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<SchedulerPlan>,
    /// Class and level of input and output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_priority: Option<IoPriorityPlan>,
    /// Nodes that memory comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryPolicyPlan>,
    /// Processors of a process that joins.
    #[serde(skip_serializing_if = "ExecProcessors::is_empty")]
    pub exec_processors: ExecProcessors,
    /// Beside whom it runs on the threads of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreGroup>,
}

/// Whose processes run beside each other on one core, prctl(2) PR_SCHED_CORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreGroup {
    /// Those that descend from this one.
    Own,
    /// Those of the first process of its pid namespace.
    First,
}

/// Scheduling policy, see sched(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerPlan {
    /// `SCHED_…` of linux/sched.h.
    pub policy: u32,
    /// `SCHED_FLAG_…` of linux/sched.h.
    pub flags: u64,
    /// −20 (first) to 19 (last).
    pub nice: i32,
    /// 1 (last) to 99 (first), for real-time policies.
    pub priority: u32,
    /// Nanoseconds of each period, for SCHED_DEADLINE.
    pub runtime: u64,
    /// Nanoseconds from the begin of each period, for SCHED_DEADLINE.
    pub deadline: u64,
    /// Nanoseconds, for SCHED_DEADLINE; 0 is the deadline.
    pub period: u64,
}

/// I/O priority, see ioprio_set(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoPriorityPlan {
    /// 1 is real-time, 2 best-effort, 3 idle.
    pub class: u8,
    /// 0 (first) to 7 (last).
    pub level: u8,
}

/// Memory policy, see set_mempolicy(2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPolicyPlan {
    /// `MPOL_…` with `MPOL_F_…`, of linux/mempolicy.h.
    pub mode: u32,
    /// The nodes; nothing for a mode without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NumberSet>,
}

/// Processors of a process that joins. With neither it may use every one that its control groups allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecProcessors {
    /// While it enters the container's control groups. After that the kernel decides, unless `inside` says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entering: Option<NumberSet>,
    /// From then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<NumberSet>,
}

impl ExecProcessors {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entering.is_none() && self.inside.is_none()
    }
}

/// The processors that a process gets once it is in its control groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Processors {
    /// All that the groups allow: what the caller of this program is bound to is none of the container's business.
    Every,
    /// Those that it has then.
    Kept,
    /// These.
    Given(NumberSet),
}

/// As many words as it takes for the processors of the largest kernel: NR_CPUS of x86, 8192.
pub(crate) const WORDS: usize = 128;

/// Bits of processors that this kernel does not know, or that the groups do not allow, are no error.
const EVERY: [u64; WORDS] = [u64::MAX; WORDS];

impl Processors {
    /// Of a process that joins.
    pub(crate) fn of_exec(plan: &ExecProcessors) -> Self {
        match plan {
            ExecProcessors { inside: Some(given), .. } => Self::Given(given.clone()),
            ExecProcessors { entering: Some(_), inside: None } => Self::Kept,
            ExecProcessors { entering: None, inside: None } => Self::Every,
        }
    }

    pub(crate) fn apply(&self) -> Result<(), Failed> {
        match self {
            Self::Every => {
                // Best effort: bound as its caller is, a container runs nevertheless.
                let _bound = sys::set_cpu_affinity(&EVERY);
                Ok(())
            }
            Self::Kept => Ok(()),
            Self::Given(set) => sys::set_cpu_affinity(set.words()).at(ProcessStep::Processors),
        }
    }
}

impl SchedulingPlan {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { scheduler, io_priority, memory, exec_processors, core } = self;
        scheduler.is_none()
            && io_priority.is_none()
            && memory.is_none()
            && exec_processors.is_empty()
            && core.is_none()
    }

    /// In words, for a plan that is printed.
    pub(crate) fn lines(&self) -> Vec<String> {
        let ExecProcessors { entering, inside } = &self.exec_processors;
        let processors = [("entering", entering), ("inside", inside)].into_iter();
        let processors = processors.filter_map(|(when, set)| {
            set.as_ref().map(|set| format!("run what joins on the CPUs {set} when {when}"))
        });
        let io_priority = self.io_priority.map(|IoPriorityPlan { class, level }| {
            format!("set the I/O priority {} {level}", name(IO_CLASSES, class))
        });
        let memory = self.memory.as_ref().map(ToString::to_string);
        let scheduler = self.scheduler.map(|scheduler| scheduler.to_string());
        let core = self.core.map(|_| CORE.to_owned());
        processors.chain(io_priority).chain(memory).chain(core).chain(scheduler).collect()
    }

    /// A step of [`Self::apply`] or [`Processors::apply`], with its object.
    pub(crate) fn object_of(&self, step: ProcessStep) -> Option<String> {
        let scheduler = self.scheduler.as_ref().filter(|_| step == ProcessStep::Scheduler);
        let memory = self.memory.as_ref().filter(|_| step == ProcessStep::MemoryPolicy);
        let inside = self.exec_processors.inside.as_ref();
        let processors = inside.filter(|_| step == ProcessStep::Processors);
        if self.core.is_some() && step == ProcessStep::Core {
            return Some(CORE.to_owned());
        }
        match (scheduler, memory, processors) {
            (Some(scheduler), ..) => Some(scheduler.to_string()),
            (_, Some(memory), _) => Some(memory.to_string()),
            (_, _, Some(set)) => Some(format!("run on the CPUs {set}")),
            (None, None, None) => None,
        }
    }

    /// Why such a step is refused: sched_setattr(2), EPERM.
    pub(crate) fn hint(&self, step: ProcessStep, errno: Errno) -> Option<&'static str> {
        if step == ProcessStep::Core {
            return Some(match errno.raw() {
                libc::EINVAL => "this kernel has no core scheduling (CONFIG_SCHED_CORE)",
                libc::ENODEV => "the machine's cores have one thread each",
                _ => return None,
            });
        }
        if step != ProcessStep::Scheduler || errno.raw() != libc::EPERM {
            return None;
        }
        Some(match self.scheduler?.policy {
            DEADLINE => {
                "process scheduler can't be used together with AllowedCPUs, nor without CAP_SYS_NICE"
            }
            _ => "CAP_SYS_NICE is missing",
        })
    }

    /// While the process still has its rights, and no filter. The policy comes last: under SCHED_DEADLINE the processors
    /// cannot be changed any more.
    pub(crate) fn apply(&self, progress: &Progress) -> Result<(), Failed> {
        if let Some(IoPriorityPlan { class, level }) = self.io_priority {
            let value = u16::from(class) << 13 | u16::from(level);
            progress.step(ProcessStep::IoPriority);
            sys::set_io_priority(value).at(ProcessStep::IoPriority)?;
        }
        if let Some(MemoryPolicyPlan { mode, nodes }) = &self.memory {
            let words = nodes.as_ref().map_or(&[][..], NumberSet::words);
            progress.step(ProcessStep::MemoryPolicy);
            sys::set_memory_policy(*mode, words).at(ProcessStep::MemoryPolicy)?;
        }
        if let Some(core) = self.core {
            progress.step(ProcessStep::Core);
            let from = if core == CoreGroup::First { Some(1) } else { None };
            sys::share_core(from).at(ProcessStep::Core)?;
        }
        if let Some(scheduler) = self.scheduler {
            progress.step(ProcessStep::Scheduler);
            sys::set_scheduler(scheduler.into()).at(ProcessStep::Scheduler)?;
        }
        Ok(())
    }
}

impl fmt::Display for SchedulerPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schedule by {}", name(POLICIES, self.policy))?;
        for (flag, _) in SCHEDULER_FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0) {
            write!(f, " {flag}")?;
        }
        let numbers = [
            ("nice", i64::from(self.nice)),
            ("priority", self.priority.into()),
            ("runtime", self.runtime.cast_signed()),
            ("deadline", self.deadline.cast_signed()),
            ("period", self.period.cast_signed()),
        ];
        numbers
            .iter()
            .filter(|(_, value)| *value != 0)
            .try_for_each(|(name, value)| write!(f, ", {name} {value}"))
    }
}

impl fmt::Display for MemoryPolicyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = MEMORY_POLICY_FLAGS.iter();
        let (mode, set): (u32, Vec<_>) =
            flags.fold((self.mode, Vec::new()), |(mode, mut set), (flag, bit)| {
                set.extend((mode & bit != 0).then_some(*flag));
                (mode & !bit, set)
            });
        write!(f, "take memory by {}", name(MEMORY_POLICY_MODES, mode))?;
        set.iter().try_for_each(|flag| write!(f, " {flag}"))?;
        self.nodes.as_ref().map_or(Ok(()), |nodes| write!(f, " of the nodes {nodes}"))
    }
}

fn name<N: Copy + PartialEq>(names: &[(&'static str, N)], number: N) -> &'static str {
    names.iter().find(|(_, known)| *known == number).map_or("an unknown one", |(name, _)| name)
}

impl From<SchedulerPlan> for SchedulerAttributes {
    fn from(plan: SchedulerPlan) -> Self {
        let SchedulerPlan { policy, flags, nice, priority, runtime, deadline, period } = plan;
        Self { policy, flags, nice, priority, runtime, deadline, period }
    }
}
