//! `process.scheduler`, `process.ioPriority`, `process.execCPUAffinity`, `linux.memoryPolicy` and `linux.personality`.
//!
//! What the kernel would refuse for every machine is refused here, by its field. Sources: config.md "Linux Process",
//! config-linux.md "Memory policy" and "Personality", sched_setattr(2), set_mempolicy(2).

use spec::runtime::{ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Process, Scheduler};

use crate::error::PlanError;
use crate::number_set::NumberSet;
use crate::scheduling::{
    ExecProcessors, IO_CLASSES, IoPriorityPlan, MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES,
    MemoryPolicyPlan, POLICIES, SCHEDULER_FLAGS, SchedulerPlan, SchedulingPlan,
};

/// A table of names and numbers.
type Names<N> = [(&'static str, N)];

/// Nanoseconds that a task under SCHED_DEADLINE runs at least: sched_setattr(2), EINVAL.
const LEAST_RUNTIME: u64 = 1024;

pub(super) fn plan(process: &Process, field: &str) -> Result<SchedulingPlan, PlanError> {
    let within = |name: &str| format!("{field}.{name}");
    Ok(SchedulingPlan {
        scheduler: process
            .scheduler
            .as_ref()
            .map(|given| scheduler(given, &within("scheduler")))
            .transpose()?,
        io_priority: process
            .io_priority
            .as_ref()
            .map(|given| io_priority(given, &within("ioPriority")))
            .transpose()?,
        memory: None,
        core: None,
        exec_processors: process
            .exec_cpu_affinity
            .as_ref()
            .map(|given| exec_processors(given, &within("execCPUAffinity")))
            .transpose()?
            .unwrap_or_default(),
    })
}

fn scheduler(given: &Scheduler, field: &str) -> Result<SchedulerPlan, PlanError> {
    let wrong = |name: &str, why: String| Err(PlanError::field(format!("{field}.{name}"), why));
    let policy = given.policy.as_str();
    if policy == "SCHED_ISO" {
        return wrong("policy", "Linux reserves SCHED_ISO and does not have it".to_owned());
    }
    let number = number(POLICIES, policy, &format!("{field}.policy"), "scheduling policy")?;
    let flags = bits(SCHEDULER_FLAGS, &given.flags, &format!("{field}.flags"), "scheduling flag")?;
    if !(-20..=19).contains(&given.nice) && matches!(policy, "SCHED_OTHER" | "SCHED_BATCH") {
        return wrong("nice", format!("{} is not within -20 to 19", given.nice));
    }
    let real_time = matches!(policy, "SCHED_FIFO" | "SCHED_RR");
    if !real_time && given.priority != 0 {
        return wrong("priority", format!("is for SCHED_FIFO and SCHED_RR, not for {policy}"));
    }
    let priority = u32::try_from(given.priority).ok().filter(|priority| *priority <= 99);
    let Some(priority) = priority.filter(|priority| !real_time || *priority > 0) else {
        return wrong("priority", format!("{} is not within 1 to 99", given.priority));
    };
    let Scheduler { runtime, deadline, period, .. } = *given;
    if policy == "SCHED_DEADLINE" {
        if runtime < LEAST_RUNTIME || runtime > deadline || (period != 0 && deadline > period) {
            let why = format!(
                "{runtime}, deadline {deadline} and period {period} do not fit: \
                 {LEAST_RUNTIME} <= runtime <= deadline <= period"
            );
            return wrong("runtime", why);
        }
    } else if let Some((name, _)) =
        [("runtime", runtime), ("deadline", deadline), ("period", period)]
            .into_iter()
            .find(|(_, value)| *value != 0)
    {
        return wrong(name, format!("is for SCHED_DEADLINE, not for {policy}"));
    }
    Ok(SchedulerPlan {
        policy: number,
        flags,
        nice: given.nice,
        priority,
        runtime,
        deadline,
        period,
    })
}

fn io_priority(given: &IoPriority, field: &str) -> Result<IoPriorityPlan, PlanError> {
    let class = number(IO_CLASSES, &given.class, &format!("{field}.class"), "I/O class")?;
    let level = u8::try_from(given.priority).ok().filter(|level| *level <= 7).ok_or_else(|| {
        PlanError::field(
            format!("{field}.priority"),
            format!("{} is not within 0 to 7", given.priority),
        )
    })?;
    Ok(IoPriorityPlan { class, level })
}

fn exec_processors(given: &ExecCpuAffinity, field: &str) -> Result<ExecProcessors, PlanError> {
    let list = |name: &str, text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.map(|text| set(text, &format!("{field}.{name}"))).transpose()
    };
    Ok(ExecProcessors {
        entering: list("initial", &given.initial)?,
        inside: list("final", &given.last)?,
    })
}

pub(super) fn memory_policy(given: &MemoryPolicy) -> Result<MemoryPolicyPlan, PlanError> {
    let field = |name: &str| format!("linux.memoryPolicy.{name}");
    let mode = number(MEMORY_POLICY_MODES, &given.mode, &field("mode"), "memory policy mode")?;
    let flags = bits(MEMORY_POLICY_FLAGS, &given.flags, &field("flags"), "memory policy flag")?;
    let text = Some(given.nodes.as_str()).filter(|text| !text.is_empty());
    let nodes = text.map(str::parse::<NumberSet>).transpose().map_err(|bad| {
        PlanError::field(field("nodes"), format!("invalid memory policy nodes: {bad}"))
    })?;
    // What set_mempolicy(2) says of each mode; MPOL_PREFERRED does with and without.
    let count = nodes.as_ref().map_or(0, NumberSet::count);
    let needed = match given.mode.as_str() {
        "MPOL_DEFAULT" | "MPOL_LOCAL" if count > 0 => "0 nodes",
        "MPOL_BIND" | "MPOL_INTERLEAVE" | "MPOL_WEIGHTED_INTERLEAVE" | "MPOL_PREFERRED_MANY"
            if count == 0 =>
        {
            "at least one node"
        }
        _ => return Ok(MemoryPolicyPlan { mode: mode | flags, nodes }),
    };
    let why = format!("the {} mode requires {needed} but got {count}", given.mode);
    Err(PlanError::field(field("nodes"), why))
}

/// `PER_LINUX32` of linux/personality.h: uname(2) says that the machine has 32 bits.
pub const LINUX32: u32 = 8;

/// The execution domain's number, linux/personality.h.
pub(super) fn personality(given: &Personality) -> Result<u32, PlanError> {
    let field = |name: &str| format!("linux.personality.{name}");
    if let Some(flag) = given.flags.first() {
        return Err(PlanError::field(field("flags"), format!("{flag:?}: there are no flags")));
    }
    number(
        &[("LINUX", 0), ("LINUX32", LINUX32)],
        &given.domain,
        &field("domain"),
        "execution domain",
    )
}

fn set(text: &str, field: &str) -> Result<NumberSet, PlanError> {
    text.parse()
        .map_err(|bad: crate::number_set::BadNumberSet| PlanError::field(field, bad.to_string()))
}

fn number<N: Copy>(names: &Names<N>, name: &str, field: &str, what: &str) -> Result<N, PlanError> {
    let known = names.iter().find(|(known, _)| *known == name);
    known
        .map(|(_, number)| *number)
        .ok_or_else(|| PlanError::field(field, format!("invalid {what} {name:?}")))
}

fn bits<N: Copy + Default + std::ops::BitOr<Output = N>>(
    names: &Names<N>,
    given: &[String],
    field: &str,
    what: &str,
) -> Result<N, PlanError> {
    given.iter().try_fold(N::default(), |bits, name| Ok(bits | number(names, name, field, what)?))
}
