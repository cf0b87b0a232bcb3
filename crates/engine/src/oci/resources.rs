//! Limits in the terms of the runtime specification. Source: config-linux.md, "Control groups".

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use spec::runtime::{
    BlockIo, Cpu, DeviceRule, Memory, Pids, Resources, ThrottleDevice, WeightDevice,
};

use crate::config::{BlockIoLimits, DeviceRate, Limits};
use crate::error::EngineError;

/// Microseconds in which a share of a CPU is counted out.
const CPU_PERIOD_US: u64 = 100_000;
/// Docker refuses less: a container could not even start.
const LEAST_MEMORY_BYTES: u64 = 6 << 20;

/// What the runtime specification calls a limit, and the flag that asks for it.
const FLAGS: &[(&str, &str)] = &[
    ("blockIO.throttleReadBpsDevice", "device-read-bps"),
    ("blockIO.throttleReadIOPSDevice", "device-read-iops"),
    ("blockIO.throttleWriteBpsDevice", "device-write-bps"),
    ("blockIO.throttleWriteIOPSDevice", "device-write-iops"),
    ("blockIO.weight", "blkio-weight"),
    ("blockIO.weightDevice", "blkio-weight-device"),
    ("cpu.cpus", "cpuset-cpus"),
    ("cpu.mems", "cpuset-mems"),
    ("cpu.quota", "cpus, --cpu-quota, --cpu-period"),
    ("cpu.realtimePeriod", "cpu-rt-period"),
    ("cpu.realtimeRuntime", "cpu-rt-runtime"),
    ("cpu.shares", "cpu-shares"),
    ("memory.disableOOMKiller", "oom-kill-disable"),
    ("memory.limit", "memory"),
    ("memory.reservation", "memory-reservation"),
    ("memory.swap", "memory-swap"),
    ("memory.swappiness", "memory-swappiness"),
    ("pids.limit", "pids-limit"),
];

/// A warning about a limit that is left out, which begins with the flag that asked for it.
pub(crate) fn in_flags(warning: &str) -> String {
    let flag = warning.split_once(' ').and_then(|(setting, rest)| {
        let (_, flag) = FLAGS.iter().find(|(known, _)| *known == setting)?;
        Some(format!("--{flag} {rest}"))
    });
    flag.unwrap_or_else(|| warning.to_owned())
}

/// The limits of a container.
pub(crate) fn resources(
    limits: &Limits,
    devices: Vec<DeviceRule>,
) -> Result<Resources, EngineError> {
    Ok(Resources {
        devices,
        memory: Some(memory(limits)?).filter(|memory| *memory != Memory::default()),
        cpu: Some(cpu(limits)).filter(|cpu| *cpu != Cpu::default()),
        pids: limits.pids.filter(|pids| *pids != 0).map(|limit| Pids { limit: Some(limit) }),
        block_io: Some(block_io(&limits.block_io)?).filter(|block| *block != BlockIo::default()),
        ..Resources::default()
    })
}

fn memory(limits: &Limits) -> Result<Memory, EngineError> {
    let signed = |what: &'static str, bytes: u64| {
        i64::try_from(bytes)
            .map_err(|_too_large| EngineError::value(what, bytes.to_string(), "it is too large"))
    };
    let mut memory = Memory {
        swappiness: limits.memory_swappiness,
        disable_oom_killer: limits.oom_kill_disable.then_some(true),
        reservation: limits
            .memory_reservation_bytes
            .filter(|bytes| *bytes > 0)
            .map(|bytes| signed("memory-reservation", bytes))
            .transpose()?,
        ..Memory::default()
    };
    let Some(bytes) = limits.memory_bytes.filter(|bytes| *bytes > 0) else {
        if let Some(swap) = limits.memory_swap_bytes.filter(|swap| *swap > 0) {
            let why = "it needs a memory limit too";
            return Err(EngineError::value("memory swap", swap.to_string(), why));
        }
        return Ok(memory);
    };
    if bytes < LEAST_MEMORY_BYTES {
        return Err(EngineError::value("memory limit", bytes.to_string(), "the least is 6 MiB"));
    }
    let limit = signed("memory limit", bytes)?;
    // Docker gives as much swap as memory unless told otherwise.
    let swap = match limits.memory_swap_bytes {
        None | Some(0) => limit.saturating_mul(2),
        Some(swap) => swap,
    };
    if swap >= 0 && swap < limit {
        return Err(EngineError::value(
            "memory swap",
            swap.to_string(),
            "it counts memory and swap together, so it is at least the memory limit",
        ));
    }
    (memory.limit, memory.swap) = (Some(limit), Some(swap));
    Ok(memory)
}

fn cpu(limits: &Limits) -> Cpu {
    let cpus = limits.nano_cpus.filter(|cpus| *cpus > 0);
    let share =
        |cpus: u64| i64::try_from(cpus / (1_000_000_000 / CPU_PERIOD_US)).unwrap_or(i64::MAX);
    let list = |list: &String| Some(list.clone()).filter(|list| !list.is_empty());
    Cpu {
        shares: limits.cpu_shares.filter(|shares| *shares > 0),
        quota: cpus.map(share).or(limits.cpu_quota_us.filter(|quota| *quota != 0)),
        period: cpus.map(|_| CPU_PERIOD_US).or(limits.cpu_period_us.filter(|us| *us > 0)),
        realtime_runtime: limits.cpu_rt_runtime_us.filter(|us| *us != 0),
        realtime_period: limits.cpu_rt_period_us.filter(|us| *us > 0),
        cpus: list(&limits.cpuset_cpus),
        mems: list(&limits.cpuset_mems),
        ..Cpu::default()
    }
}

fn block_io(limits: &BlockIoLimits) -> Result<BlockIo, EngineError> {
    let throttles = |what: &'static str, rates: &[DeviceRate]| {
        let throttle = |rate: &DeviceRate| {
            let (major, minor) = block_device(what, rate)?;
            Ok(ThrottleDevice { major, minor, rate: rate.rate })
        };
        rates.iter().map(throttle).collect::<Result<Vec<_>, EngineError>>()
    };
    let weighed = |rate: &DeviceRate| {
        let (major, minor) = block_device("blkio-weight-device", rate)?;
        let weight = u16::try_from(rate.rate).ok();
        Ok(WeightDevice { major, minor, weight, leaf_weight: None })
    };
    Ok(BlockIo {
        weight: limits.weight.filter(|weight| *weight != 0),
        weight_device: limits
            .weight_devices
            .iter()
            .map(weighed)
            .collect::<Result<_, EngineError>>()?,
        throttle_read_bps_device: throttles("device-read-bps", &limits.read_bps)?,
        throttle_write_bps_device: throttles("device-write-bps", &limits.write_bps)?,
        throttle_read_iops_device: throttles("device-read-iops", &limits.read_iops)?,
        throttle_write_iops_device: throttles("device-write-iops", &limits.write_iops)?,
        ..BlockIo::default()
    })
}

/// Major and minor number, see makedev(3).
fn block_device(what: &'static str, rate: &DeviceRate) -> Result<(i64, i64), EngineError> {
    let wrong = |why: String| EngineError::value(what, rate.path.display().to_string(), why);
    let about = std::fs::metadata(&rate.path)
        .map_err(|error| wrong(format!("there is no such device ({})", sys::Errno::from(error))))?;
    if !about.file_type().is_block_device() {
        return Err(wrong("it is no block device".to_owned()));
    }
    let number = about.rdev();
    Ok((rustix::fs::major(number).into(), rustix::fs::minor(number).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_name_flags() {
        let told = "memory.swap discarded: this kernel has no memory.swap.max";
        let shown = "--memory-swap discarded: this kernel has no memory.swap.max";
        assert_eq!(in_flags(told), shown);
        assert_eq!(in_flags("memory.high discarded: why"), "memory.high discarded: why");
    }

    #[test]
    fn limits_become_resources() {
        let limits = Limits {
            memory_bytes: Some(64 << 20),
            nano_cpus: Some(1_500_000_000),
            pids: Some(10),
            ..Limits::default()
        };
        let made = resources(&limits, Vec::new()).unwrap();
        let memory = made.memory.unwrap();
        assert_eq!((memory.limit, memory.swap), (Some(64 << 20), Some(128 << 20)));
        let cpu = made.cpu.unwrap();
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
        assert!(
            resources(&Limits { memory_bytes: Some(1024), ..Limits::default() }, Vec::new())
                .is_err()
        );
    }
}
