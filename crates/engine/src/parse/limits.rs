//! Limits of block devices, CPU time and memory, and rules for devices.

use spec::runtime::DeviceRule;

use super::{Parsed, bytes};
use crate::config::{DeviceRate, Limits};
use crate::error::EngineError;

/// `PATH:RATE` as `--device-read-bps` takes it, with a unit.
///
/// # Errors
/// When the path is none below /dev, or the rate no number above 0.
pub fn device_bytes(what: &'static str, text: &str) -> Parsed<DeviceRate> {
    device_rate(what, text, |rate| bytes(what, rate).ok())
}

/// `PATH:RATE` as `--device-read-iops` takes it.
///
/// # Errors
/// When the path is none below /dev, or the rate no number above 0.
pub fn device_operations(what: &'static str, text: &str) -> Parsed<DeviceRate> {
    device_rate(what, text, |rate| rate.parse().ok())
}

/// `--blkio-weight-device PATH:WEIGHT`.
///
/// # Errors
/// When the path is none below /dev, or the weight none.
pub fn device_weight(text: &str) -> Parsed<DeviceRate> {
    const WHAT: &str = "blkio-weight-device";
    let weighed = device_rate(WHAT, text, |weight| weight.parse().ok())?;
    if (10..=1000).contains(&weighed.rate) {
        return Ok(weighed);
    }
    Err(EngineError::value(WHAT, text, "the weight is not within 10 to 1000"))
}

fn device_rate(
    what: &'static str,
    text: &str,
    number: impl Fn(&str) -> Option<u64>,
) -> Parsed<DeviceRate> {
    let wrong = |why: &str| EngineError::value(what, text, why);
    let (path, rate) = text
        .rsplit_once(':')
        .filter(|(path, _)| path.starts_with("/dev/"))
        .ok_or_else(|| wrong("it is not of the form /dev/NAME:NUMBER"))?;
    let rate = number(rate).filter(|rate| *rate > 0);
    let rate = rate.ok_or_else(|| wrong("what follows the device is no number above 0"))?;
    Ok(DeviceRate { path: path.into(), rate })
}

/// `--device-cgroup-rule 'TYPE MAJOR:MINOR ACCESS'`.
///
/// # Errors
/// When it is not of that form.
pub fn device_rule(text: &str) -> Parsed<DeviceRule> {
    let wrong = || {
        let why = "it is not of the form 'TYPE MAJOR:MINOR ACCESS', such as 'c 1:3 rwm'";
        EngineError::value("device-cgroup-rule", text, why)
    };
    let [kind, numbers, access] =
        text.split(' ').collect::<Vec<_>>().try_into().map_err(|_parts| wrong())?;
    let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| match text {
        "*" => Ok(None),
        text => text.parse::<u32>().map(|number| Some(number.into())).map_err(|_no| wrong()),
    };
    let is_access = (1..=3).contains(&access.len())
        && access.chars().all(|letter| matches!(letter, 'r' | 'w' | 'm'));
    if !matches!(kind, "a" | "b" | "c") || !is_access {
        return Err(wrong());
    }
    Ok(DeviceRule {
        allow: true,
        kind: Some(kind.to_owned()),
        major: number(major)?,
        minor: number(minor)?,
        access: Some(access.to_owned()),
    })
}

/// What Docker refuses of limits that concern each other.
///
/// # Errors
/// Names the one that is wrong.
pub fn check_limits(limits: &Limits) -> Parsed<()> {
    let wrong = |what: &'static str, value: String, why: &str| {
        Err(EngineError::value(what, value, why.to_owned()))
    };
    if let Some(weight) = limits.block_io.weight.filter(|weight| *weight != 0)
        && !(10..=1000).contains(&weight)
    {
        return wrong("blkio-weight", weight.to_string(), "it is not within 10 to 1000");
    }
    let is_given = |number: Option<u64>| number.is_some_and(|number| number != 0);
    let quota = limits.cpu_quota_us.filter(|quota| *quota != 0);
    if is_given(limits.nano_cpus) && (is_given(limits.cpu_period_us) || quota.is_some()) {
        let cpus = super::cpus_text(limits.nano_cpus.unwrap_or_default());
        return wrong("cpus", cpus, "it excludes --cpu-period and --cpu-quota");
    }
    if let Some(period) = limits.cpu_period_us.filter(|period| *period != 0)
        && !(1000..=1_000_000).contains(&period)
    {
        return wrong("cpu-period", period.to_string(), "it is not within 1000 to 1000000");
    }
    if let Some(quota) = quota.filter(|quota| (1..1000).contains(quota) || *quota < -1) {
        return wrong("cpu-quota", quota.to_string(), "the least is 1000; -1 is no limit");
    }
    if let (Some(period), Some(runtime)) = (limits.cpu_rt_period_us, limits.cpu_rt_runtime_us)
        && period != 0
        && i64::try_from(period).is_ok_and(|period| runtime > period)
    {
        return wrong("cpu-rt-runtime", runtime.to_string(), "it is more than --cpu-rt-period");
    }
    check_memory(limits)
}

/// A share of processors that this machine does not have would limit nothing here.
///
/// # Errors
/// When there are fewer.
pub fn check_processors(limits: &Limits) -> Parsed<()> {
    let Some(nano_cpus) = limits.nano_cpus else { return Ok(()) };
    let there = u64::try_from(crate::machine_cpus()).unwrap_or(u64::MAX);
    if nano_cpus <= there.saturating_mul(1_000_000_000) {
        return Ok(());
    }
    let why =
        format!("the range is from 0.01 to {there}.00, as there are only {there} CPUs available");
    Err(EngineError::value("cpus", super::cpus_text(nano_cpus), why))
}

fn check_memory(limits: &Limits) -> Parsed<()> {
    let Some(reservation) = limits.memory_reservation_bytes.filter(|bytes| *bytes != 0) else {
        return Ok(());
    };
    let wrong = |why| Err(EngineError::value("memory-reservation", reservation.to_string(), why));
    if reservation < 6 << 20 {
        return wrong("the least is 6 MiB");
    }
    if limits.memory_bytes.is_some_and(|limit| limit > 0 && limit < reservation) {
        return wrong("it is more than the memory limit");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_rules() {
        let rate = device_bytes("device-read-bps", "/dev/sda:1mb").unwrap();
        assert_eq!((rate.path, rate.rate), ("/dev/sda".into(), 1 << 20));
        assert_eq!(device_operations("device-read-iops", "/dev/sda:7").unwrap().rate, 7);
        for bad in ["/dev/sda", "sda:1", "/dev/sda:0", "/dev/sda:-1", "/dev/sda:x"] {
            assert!(device_bytes("device-read-bps", bad).is_err(), "{bad}");
            assert!(device_operations("device-read-iops", bad).is_err(), "{bad}");
            assert!(device_weight(bad).is_err(), "{bad}");
        }
        assert!(device_weight("/dev/sda:9").is_err() && device_weight("/dev/sda:1000").is_ok());
        let rule = device_rule("c 1:* rw").unwrap();
        assert_eq!((rule.major, rule.minor, rule.access.as_deref()), (Some(1), None, Some("rw")));
        for bad in ["", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 q", "c -1:3 r", "c 1:3 r ", "c  1:3 r"]
        {
            assert!(device_rule(bad).is_err(), "{bad}");
        }
    }
}
