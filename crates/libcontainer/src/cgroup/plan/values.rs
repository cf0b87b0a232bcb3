//! Single values of a configuration: what makes sense, and in what words.

use spec::runtime::{Memory, Resources};

use super::{Controller, Draft, PlanError};

pub(super) fn bad_value(
    setting: &'static str,
    value: &(impl ToString + ?Sized),
    reason: &'static str,
) -> PlanError {
    PlanError::Value { setting, value: value.to_string(), reason }
}

/// Memory limits that make sense together: `(limit, memory + swap)`, each absent, −1 or positive. Counted from `present`
/// where the limit is not given; without one a sum alone is refused.
pub(super) fn memory_limits(
    memory: &Memory,
    present: Option<i64>,
) -> Result<(Option<i64>, Option<i64>), PlanError> {
    for (setting, value) in [
        ("memory.limit", memory.limit),
        ("memory.swap", memory.swap),
        ("memory.reservation", memory.reservation),
    ] {
        if let Some(value) = value.filter(|value| *value < -1) {
            return Err(bad_value(setting, &value, "less than -1"));
        }
    }
    let limit = memory.limit.filter(|limit| *limit != 0);
    let both = memory.swap.filter(|both| *both != 0);
    match (limit.or(present), both) {
        (None, Some(both)) if both > 0 => {
            Err(bad_value("memory.swap", &both, "there is no memory.limit to count it from"))
        }
        (Some(counted), Some(both)) if both > 0 && both < counted => Err(bad_value(
            "memory.swap",
            &both,
            "it counts memory and swap, so it cannot be less than memory.limit",
        )),
        // A lifted memory limit lifts the other one, or the kernel would refuse it.
        (Some(-1), None) if limit.is_some() => Ok((limit, Some(-1))),
        _ => Ok((limit, both)),
    }
}

/// Most tasks that a kernel of 64 bits can have (PID_MAX_LIMIT of linux/threads.h). It answers EINVAL to a larger `pids.max`.
const MOST_TASKS: i64 = 4 << 20;

/// How many tasks there may be; `None` where nothing bounds them: a negative limit, or one that the kernel could not reach
/// anyway. 0 is 1 as in systemd's `TasksMax`, which knows no 0: no task at all could not run anything.
pub(super) fn tasks(limit: i64) -> Option<i64> {
    match limit {
        0 => Some(1),
        limit => Some(limit).filter(|limit| (1..=MOST_TASKS).contains(limit)),
    }
}

/// The text of [`tasks`] for `pids.max`.
pub(super) fn pids_max(limit: i64) -> String {
    tasks(limit).map_or_else(|| "max".to_owned(), |limit| limit.to_string())
}

/// `0-3,7`: what the kernel's cpulist parser takes, without its rarely known strides.
pub(super) fn list<'a>(setting: &'static str, text: &'a str) -> Result<&'a str, PlanError> {
    let number = |text: &str| {
        text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let range = |range: &str| match range.split_once('-') {
        Some((first, last)) => {
            number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
        }
        None => number(range).is_some(),
    };
    if text.split(',').all(range) {
        Ok(text)
    } else {
        Err(bad_value(setting, &text, "it is no list like 0-3,7"))
    }
}

pub(super) fn block_weight(
    setting: &'static str,
    weight: Option<u16>,
) -> Result<Option<u16>, PlanError> {
    match weight.filter(|weight| *weight != 0) {
        Some(weight) if !(10..=1000).contains(&weight) => {
            Err(bad_value(setting, &weight, "it is not between 10 and 1000"))
        }
        weight => Ok(weight),
    }
}

/// `2MB`, `1GB`, `64KB`: part of a file name, so nothing else.
pub(super) fn page_size(text: &str) -> Result<&str, PlanError> {
    let digits = ["KB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit));
    match digits {
        Some(digits)
            if digits.starts_with(|c: char| ('1'..='9').contains(&c))
                && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(text)
        }
        _ => Err(bad_value("hugepageLimits.pageSize", &text, "it is no size like 2MB")),
    }
}

/// `rdma.max` has one form in both versions.
pub(super) fn rdma(resources: &Resources, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    for (device, limits) in &resources.rdma {
        if device.is_empty() || device.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad_value("rdma", &device, "it is no device name"));
        }
        let amount =
            |limit: Option<u32>| limit.map_or_else(|| "max".to_owned(), |limit| limit.to_string());
        let value = format!(
            "{device} hca_handle={} hca_object={}",
            amount(limits.hca_handles),
            amount(limits.hca_objects)
        );
        draft.set((Controller::Rdma, "rdma"), "rdma.max", value)?;
    }
    Ok(())
}
