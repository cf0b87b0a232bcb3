//! The `process` of a configuration: who it is, what it may, what it executes.

use std::collections::BTreeSet;

use spec::runtime::{Capabilities, Process, Rlimit, User};

use crate::capability;
use crate::error::PlanError;
use crate::plan::{CapabilityPlan, ProcessPlan, RlimitPlan};

/// Where programs are looked for when the environment has no PATH; execvp(3).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Where nothing else is said, as in other runtimes.
const UMASK: u32 = 0o022;

/// Names of getrlimit(2), without their prefix.
pub(crate) const RESOURCES: &[&str] = &[
    "AS",
    "CORE",
    "CPU",
    "DATA",
    "FSIZE",
    "LOCKS",
    "MEMLOCK",
    "MSGQUEUE",
    "NICE",
    "NOFILE",
    "NPROC",
    "RSS",
    "RTPRIO",
    "RTTIME",
    "SIGPENDING",
    "STACK",
];

pub(super) fn plan(process: &Process, field: &str) -> Result<ProcessPlan, PlanError> {
    let program = process.args.first().filter(|program| !program.is_empty());
    let program =
        program.ok_or_else(|| PlanError::field(format!("{field}.args"), "name no program"))?;
    if !process.cwd.is_absolute() {
        return Err(PlanError::field(
            format!("{field}.cwd"),
            format!("{} is not absolute", process.cwd.display()),
        ));
    }
    if let Some(wrong) =
        process.env.iter().find(|variable| !variable.contains('=') || variable.starts_with('='))
    {
        return Err(PlanError::field(
            format!("{field}.env"),
            format!("{wrong:?} is not of the form NAME=value"),
        ));
    }
    let env = environment(&process.env);
    let mut warnings = Vec::new();
    Ok(ProcessPlan {
        args: process.args.clone(),
        programs: candidates(program, &process.env),
        home_missing: !env.iter().any(|variable| variable.starts_with("HOME=")),
        env,
        cwd: process.cwd.clone(),
        uid: process.user.uid,
        gid: process.user.gid,
        groups: process.user.additional_gids.clone(),
        umask: process.user.umask.unwrap_or(UMASK),
        capabilities: process
            .capabilities
            .as_ref()
            .map(|sets| capabilities(sets, field, &mut warnings)),
        warnings,
        rlimits: process
            .rlimits
            .iter()
            .map(|limit| rlimit(limit, field))
            .collect::<Result<_, _>>()?,
        no_new_privileges: process.no_new_privileges,
        seccomp: None,
        landlock: None,
        apparmor_profile: process.apparmor_profile.clone().filter(|profile| !profile.is_empty()),
        selinux_label: process.selinux_label.clone().filter(|label| !label.is_empty()),
        terminal: process.terminal,
        leaves_terminal: false,
        console_size: process.console_size,
        init: false,
        preserved_descriptors: 0,
        keep_keyring: false,
        keyring: None,
        scheduling: super::scheduling::plan(process, field)?,
        personality: None,
    })
}

/// Of the container's first process. Without one a container can be created but not started: config.md, "Process".
pub(super) fn plan_first(process: Option<&Process>) -> Result<ProcessPlan, PlanError> {
    match process {
        Some(process) => plan(process, "process"),
        None => Ok(ProcessPlan { cwd: "/".into(), umask: UMASK, ..ProcessPlan::default() }),
    }
}

/// What `process` leaves open, as `first` has it.
pub(super) fn inherit(process: &Process, first: &Process) -> Process {
    let given = |label: &Option<String>| label.clone().filter(|label| !label.is_empty());
    let rlimits = if process.rlimits.is_empty() { &first.rlimits } else { &process.rlimits };
    Process {
        user: User { umask: process.user.umask.or(first.user.umask), ..process.user.clone() },
        capabilities: process.capabilities.clone().or_else(|| first.capabilities.clone()),
        rlimits: rlimits.clone(),
        apparmor_profile: given(&process.apparmor_profile)
            .or_else(|| first.apparmor_profile.clone()),
        selinux_label: given(&process.selinux_label).or_else(|| first.selinux_label.clone()),
        scheduler: process.scheduler.clone().or_else(|| first.scheduler.clone()),
        io_priority: process.io_priority.clone().or_else(|| first.io_priority.clone()),
        exec_cpu_affinity: process
            .exec_cpu_affinity
            .clone()
            .or_else(|| first.exec_cpu_affinity.clone()),
        ..process.clone()
    }
}

/// A name without a slash is looked for in every directory of PATH, in its order.
fn candidates(program: &str, env: &[String]) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    let path = env
        .iter()
        .rev()
        .find_map(|variable| variable.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH);
    // An empty element is the working directory, execvp(3).
    path.split(':')
        .map(|directory| {
            if directory.is_empty() {
                format!("./{program}")
            } else {
                format!("{directory}/{program}")
            }
        })
        .collect()
}

/// Names that are no capability are passed over, as config.md demands, and so are ambient ones that the kernel would refuse
/// because they are not permitted and inheritable too: capabilities(7).
fn capabilities(sets: &Capabilities, field: &str, warnings: &mut Vec<String>) -> CapabilityPlan {
    let mut bits = |set: &str, names: &[String]| {
        names.iter().fold(0, |bits, name| {
            let bit = capability::bit(name);
            if bit.is_none() {
                warnings.push(format!(
                    "{field}.capabilities.{set}: ignoring unknown capability {name:?}"
                ));
            }
            bits | bit.unwrap_or(0)
        })
    };
    let plan = CapabilityPlan {
        bounding: bits("bounding", &sets.bounding),
        effective: bits("effective", &sets.effective),
        inheritable: bits("inheritable", &sets.inheritable),
        permitted: bits("permitted", &sets.permitted),
        ambient: bits("ambient", &sets.ambient),
    };
    let possible = plan.ambient & plan.inheritable & plan.permitted;
    warnings.extend(capability::names(plan.ambient & !possible).map(|name| {
        format!("can't raise ambient capability {name}: it is not permitted and inheritable")
    }));
    CapabilityPlan { ambient: possible, ..plan }
}

/// Each variable once, where and as it stands last; an empty HOME is none.
fn environment(given: &[String]) -> Vec<String> {
    let name = |variable: &str| variable.split('=').next().unwrap_or_default().to_owned();
    let mut seen = BTreeSet::new();
    let mut kept: Vec<String> =
        given.iter().rev().filter(|variable| seen.insert(name(variable))).cloned().collect();
    kept.reverse();
    kept.retain(|variable| variable != "HOME=");
    kept
}

fn rlimit(limit: &Rlimit, field: &str) -> Result<RlimitPlan, PlanError> {
    let field = format!("{field}.rlimits");
    let name = limit.kind.strip_prefix("RLIMIT_").filter(|name| RESOURCES.contains(name));
    let name =
        name.ok_or_else(|| PlanError::field(&*field, format!("{:?} is no resource", limit.kind)))?;
    if limit.soft > limit.hard {
        return Err(PlanError::field(
            field,
            format!(
                "{}: the soft limit {} is above the hard limit {}",
                limit.kind, limit.soft, limit.hard
            ),
        ));
    }
    let value = |value: u64| (value != u64::MAX).then_some(value);
    Ok(RlimitPlan {
        resource: name.to_ascii_lowercase(),
        soft: value(limit.soft),
        hard: value(limit.hard),
    })
}
