//! Limits of memory, CPUs, processes and block devices.

use engine::config::{BlockIoLimits, DeviceRate, Limits};
use engine::{EngineError, parse};

use super::{number, wrong};
use crate::arguments::Matches;
use crate::failure::Failure;

/// What `run` and `create` take.
pub(super) fn limits(matches: &Matches, limits: &mut Limits) -> Result<(), Failure> {
    changeable(matches, limits)?;
    limits.memory_swappiness = match number::<i64>(matches, "memory-swappiness")? {
        None | Some(-1) => None,
        Some(value @ 0..=100) => Some(value.unsigned_abs()),
        Some(value) => {
            let why = "it is not within 0 to 100, nor -1 for the kernel's own";
            return Err(wrong("memory-swappiness", &value.to_string(), why));
        }
    };
    limits.oom_kill_disable = matches.on("oom-kill-disable");
    devices(matches, &mut limits.block_io)?;
    Ok(parse::check_limits(limits)?)
}

/// What `update` takes, too.
pub(crate) fn changeable(matches: &Matches, limits: &mut Limits) -> Result<(), Failure> {
    memory(matches, limits)?;
    cpus(matches, limits)?;
    limits.pids = number(matches, "pids-limit")?;
    limits.block_io.weight = number(matches, "blkio-weight")?;
    Ok(())
}

fn memory(matches: &Matches, limits: &mut Limits) -> Result<(), Failure> {
    limits.memory_bytes =
        matches.value("memory").map(|text| parse::bytes("memory limit", text)).transpose()?;
    limits.memory_swap_bytes = match matches.value("memory-swap") {
        None => None,
        Some("-1") => Some(-1),
        Some(text) => Some(
            i64::try_from(parse::bytes("memory swap", text)?)
                .map_err(|_too_large| wrong("memory swap", text, "it is too large"))?,
        ),
    };
    limits.memory_reservation_bytes = matches
        .value("memory-reservation")
        .map(|text| parse::bytes("memory-reservation", text))
        .transpose()?;
    Ok(())
}

fn cpus(matches: &Matches, limits: &mut Limits) -> Result<(), Failure> {
    limits.nano_cpus = matches.value("cpus").map(parse::nano_cpus).transpose()?;
    limits.cpu_shares = number(matches, "cpu-shares")?;
    limits.cpu_period_us = number(matches, "cpu-period")?;
    limits.cpu_quota_us = number(matches, "cpu-quota")?;
    limits.cpu_rt_period_us = number(matches, "cpu-rt-period")?;
    limits.cpu_rt_runtime_us = number(matches, "cpu-rt-runtime")?;
    limits.cpuset_cpus =
        matches.text("cpuset-cpus").map(parse::cpu_list).transpose()?.unwrap_or_default();
    limits.cpuset_mems =
        matches.text("cpuset-mems").map(parse::cpu_list).transpose()?.unwrap_or_default();
    Ok(())
}

fn devices(matches: &Matches, limits: &mut BlockIoLimits) -> Result<(), Failure> {
    type Read = fn(&'static str, &str) -> Result<DeviceRate, EngineError>;
    let rates = |flag: &'static str, read: Read| {
        matches.values(flag).map(|text| read(flag, text)).collect::<Result<Vec<_>, _>>()
    };
    limits.weight_devices = matches
        .values("blkio-weight-device")
        .map(parse::device_weight)
        .collect::<Result<_, _>>()?;
    limits.read_bps = rates("device-read-bps", parse::device_bytes)?;
    limits.write_bps = rates("device-write-bps", parse::device_bytes)?;
    limits.read_iops = rates("device-read-iops", parse::device_operations)?;
    limits.write_iops = rates("device-write-iops", parse::device_operations)?;
    Ok(())
}
