//! What a container may take: files of control groups as the engine's limits where it has such, the group itself, and kernel settings.
//!
//! Of both versions those of the machine's count, as for LXC. Source: kernel Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.

use std::path::Path;

use engine::config::{GroupFile, Limits};
use libcontainer::cgroup::CgroupPath;

use super::{Draft, GroupVersion, devices};

/// Less than this the engine refuses: a container could not even start.
const LEAST_MEMORY_BYTES: u64 = 6 << 20;
/// No limit of swap.
const UNLIMITED_SWAP: i64 = -1;
/// Files whose lines are rules that belong together.
const RULES: [&str; 2] = ["devices.allow", "devices.deny"];

/// What a file's value is to the engine.
enum Taken {
    /// A limit.
    Limit,
    /// Nothing: it is written as it is.
    File,
}

/// A value is none for its file.
struct Wrong(String);

type Result<T> = std::result::Result<T, Wrong>;

pub(super) fn map(draft: &mut Draft<'_>) {
    group(draft);
    let config = draft.config;
    let resources = &config.resources;
    let groups = draft.around.groups;
    let (files, other, others) = match groups {
        GroupVersion::One => (&resources.cgroup1, GroupVersion::Two, &resources.cgroup2),
        GroupVersion::Two => (&resources.cgroup2, GroupVersion::One, &resources.cgroup1),
    };
    let prefix = groups.key();
    let mut rules = Vec::new();
    let mut swap = None;
    for (name, value) in files.iter() {
        if RULES.contains(&name) {
            rules.push((name, value.as_str()));
            continue;
        }
        let limits = &mut draft.engine.limits;
        let taken = match groups {
            GroupVersion::One => version_one(limits, name, value),
            GroupVersion::Two => version_two(limits, (name, value), &mut swap),
        };
        match taken {
            Ok(Taken::Limit) => {}
            Ok(Taken::File) => draft.engine.group_files.push(GroupFile {
                unified: groups == GroupVersion::Two,
                name: name.to_owned(),
                value: value.clone(),
            }),
            Err(Wrong(why)) => draft.refuse(format!("{prefix}.{name}"), why),
        }
    }
    settle_memory(draft, prefix, swap);
    match devices::rules(&rules) {
        Ok(rules) => draft.engine.device_rules = rules,
        Err((name, why)) => draft.refuse(format!("{prefix}.{name}"), why),
    }
    let mut told: Vec<&str> = others.iter().map(|(name, _)| name).collect();
    told.dedup();
    for name in told {
        let why = "this machine's control groups are of the other version";
        draft.tell(format!("{}.{name}", other.key()), why);
    }
    for (name, setting) in resources.sysctls.iter() {
        draft.engine.sysctls.insert(name.to_owned(), setting.0.clone());
    }
}

/// The group that the container's own is made in.
fn group(draft: &mut Draft<'_>) {
    let resources = &draft.config.resources;
    let is_relative = resources.relative.is_some_and(|switch| switch.0);
    let root = match (is_relative, draft.around.own_group) {
        (false, _) => Path::new("/"),
        (true, Some(own)) => own,
        (true, None) => {
            let why = "the group of whoever starts it is not the same in all hierarchies";
            draft.refuse("lxc.cgroup.relative", why);
            return;
        }
    };
    let below = resources.directory.as_ref().map(|own| own.0.as_path());
    if !is_relative && below.is_none() {
        return;
    }
    let path = root.join(below.unwrap_or(Path::new("")));
    match path.to_string_lossy().parse::<CgroupPath>() {
        Ok(path) => path.as_str().clone_into(&mut draft.engine.cgroup_parent),
        // The root itself.
        Err(_) if path == Path::new("/") => {}
        Err(fault) => draft.refuse("lxc.cgroup.dir", fault.to_string()),
    }
}

fn version_one(limits: &mut Limits, name: &str, value: &str) -> Result<Taken> {
    match name {
        "memory.limit_in_bytes" => limits.memory_bytes = bytes(value, "-1")?,
        "memory.memsw.limit_in_bytes" => {
            let both = bytes(value, "-1")?;
            limits.memory_swap_bytes = Some(both.map_or(Ok(UNLIMITED_SWAP), signed)?);
        }
        "memory.soft_limit_in_bytes" => limits.memory_reservation_bytes = bytes(value, "-1")?,
        "memory.swappiness" => limits.memory_swappiness = Some(number(value)?),
        "memory.oom_control" => limits.oom_kill_disable = number::<u8>(value)? != 0,
        "cpu.shares" => limits.cpu_shares = Some(number(value)?),
        "cpu.cfs_quota_us" => limits.cpu_quota_us = Some(number(value)?),
        "cpu.cfs_period_us" => limits.cpu_period_us = Some(number(value)?),
        "cpu.rt_runtime_us" => limits.cpu_rt_runtime_us = Some(number(value)?),
        "cpu.rt_period_us" => limits.cpu_rt_period_us = Some(number(value)?),
        "blkio.weight" => limits.block_io.weight = Some(number(value)?),
        _ => return of_both(limits, name, value),
    }
    Ok(Taken::Limit)
}

fn version_two(
    limits: &mut Limits,
    (name, value): (&str, &str),
    swap: &mut Option<Option<u64>>,
) -> Result<Taken> {
    match name {
        "memory.max" => limits.memory_bytes = bytes(value, "max")?,
        "memory.swap.max" => *swap = Some(bytes(value, "max")?),
        "memory.low" => limits.memory_reservation_bytes = bytes(value, "max")?,
        "cpu.max" => {
            let mut words = value.split_whitespace();
            limits.cpu_quota_us = match words.next() {
                Some("max") | None => None,
                Some(quota) => Some(number(quota)?),
            };
            if let Some(period) = words.next() {
                limits.cpu_period_us = Some(number(period)?);
            }
        }
        _ => return of_both(limits, name, value),
    }
    Ok(Taken::Limit)
}

fn of_both(limits: &mut Limits, name: &str, value: &str) -> Result<Taken> {
    let list =
        || engine::parse::cpu_list(value).map_err(|_error| Wrong(no(value, "list such as 0-3,7")));
    match name {
        "cpuset.cpus" => limits.cpuset_cpus = list()?,
        "cpuset.mems" => limits.cpuset_mems = list()?,
        "pids.max" if value == "max" => limits.pids = None,
        "pids.max" => limits.pids = Some(number(value)?),
        _ => return Ok(Taken::File),
    }
    Ok(Taken::Limit)
}

/// What the engine's limits of memory have to do with each other.
fn settle_memory(draft: &mut Draft<'_>, prefix: &str, swap: Option<Option<u64>>) {
    let limits = &mut draft.engine.limits;
    let Some(memory) = limits.memory_bytes else {
        // Without the one the engine takes no other; the kernel does.
        if let Some(swap) = swap {
            let value = swap.map_or_else(|| "max".to_owned(), |bytes| bytes.to_string());
            let name = "memory.swap.max".to_owned();
            draft.engine.group_files.push(GroupFile { unified: true, name, value });
        }
        if let Some(both) = draft.engine.limits.memory_swap_bytes.take().filter(|both| *both > 0) {
            let (name, value) = ("memory.memsw.limit_in_bytes".to_owned(), both.to_string());
            draft.engine.group_files.push(GroupFile { unified: false, name, value });
        }
        return;
    };
    // Swap is bounded where somebody says so; the engine by itself would bound it.
    let both = match swap {
        None => limits.memory_swap_bytes.unwrap_or(UNLIMITED_SWAP),
        Some(None) => UNLIMITED_SWAP,
        Some(Some(swap)) => i64::try_from(memory.saturating_add(swap)).unwrap_or(UNLIMITED_SWAP),
    };
    limits.memory_swap_bytes = Some(both);
    let is_less = u64::try_from(both).is_ok_and(|both| both < memory);
    let file = match draft.around.groups {
        GroupVersion::One => "memory.limit_in_bytes",
        GroupVersion::Two => "memory.max",
    };
    if memory < LEAST_MEMORY_BYTES {
        draft.refuse(format!("{prefix}.{file}"), "the least is 6 MiB: less does not even start");
    } else if is_less {
        let why = "it counts memory and swap together, so it is at least the limit of memory";
        draft.refuse(format!("{prefix}.memory.memsw.limit_in_bytes"), why);
    }
}

fn no(value: &str, what: &str) -> String {
    format!("{value:?} is no {what}")
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T> {
    value.trim().parse().map_err(|_error| Wrong(no(value, "number that it can have")))
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number)
        .map_err(|_error| Wrong(no(&number.to_string(), "number that it can have")))
}

/// Bytes as the kernel reads them: a number with K, M, G, T, P or E behind; nothing for the word that is no limit.
fn bytes(value: &str, unlimited: &str) -> Result<Option<u64>> {
    const UNITS: [char; 6] = ['k', 'm', 'g', 't', 'p', 'e'];
    let value = value.trim();
    if value == unlimited {
        return Ok(None);
    }
    let last = value.chars().next_back().map(|last| last.to_ascii_lowercase());
    let unit = last.and_then(|last| UNITS.iter().position(|unit| *unit == last));
    let (digits, factor) = match unit {
        Some(at) => (&value[..value.len() - 1], 1024_u64.pow(u32::try_from(at).unwrap_or(0) + 1)),
        None => (value, 1),
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(factor));
    let bytes = bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
    bytes.map(Some).ok_or_else(|| Wrong(no(value, "number of bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_as_the_kernel_reads_them() {
        for (text, expected) in [
            ("max", None),
            ("1", Some(1)),
            ("512M", Some(512 << 20)),
            ("2g", Some(2 << 30)),
            ("7E", Some(7 << 60)),
        ] {
            assert!(bytes(text, "max").is_ok_and(|bytes| bytes == expected), "{text}");
        }
        for bad in ["", "M", "-1", "1.5G", "8E", "é", "12é"] {
            assert!(bytes(bad, "max").is_err(), "{bad}");
        }
    }
}
