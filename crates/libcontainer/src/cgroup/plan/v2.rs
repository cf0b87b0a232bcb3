//! OCI resources in the files of v2. Source: kernel Documentation/admin-guide/cgroup-v2.rst.

use spec::runtime::{BlockIo, Cpu, Memory, Resources};

use super::values::{bad_value, block_weight, list, memory_limits, page_size, pids_max, rdma};
use super::weights::{cpu_weight, io_weight};
use super::{Controller, Draft, PlanError, Setting};

pub(super) fn translate(resources: &Resources, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    if let Some(memory_) = &resources.memory {
        memory(memory_, draft)?;
    }
    if let Some(cpu_) = &resources.cpu {
        cpu(cpu_, draft)?;
    }
    if let Some(limit) = resources.pids.as_ref().and_then(|pids| pids.limit) {
        draft.set((Controller::Pids, "pids.limit"), "pids.max", pids_max(limit))?;
    }
    if let Some(block) = &resources.block_io {
        block_io(block, draft)?;
    }
    for huge in &resources.hugepage_limits {
        let size = page_size(&huge.page_size)?;
        let what = (Controller::Hugetlb, "hugepageLimits");
        draft.set(what, &format!("hugetlb.{size}.max"), huge.limit)?;
        // Reservations count since Linux 5.7; without it mmap alone could take all pages.
        let reserved = draft.set(what, &format!("hugetlb.{size}.rsvd.max"), huge.limit)?;
        reserved.into_iter().for_each(Setting::allow_missing);
    }
    if let Some(network) = &resources.network {
        // Their place is taken by BPF programs and netfilter's cgroup match.
        if network.class_id.is_some_and(|class| class != 0) {
            draft.unknown("network.classID")?;
        }
        if !network.priorities.is_empty() {
            draft.unknown("network.priorities")?;
        }
    }
    rdma(resources, draft)?;
    unified(resources, draft)
}

fn limit_text(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

/// v2 counts swap alone. Under a lifted memory limit the number stands for swap as it is, as in runc.
pub(super) fn swap(limit: Option<i64>, both: i64) -> i64 {
    limit.filter(|limit| both > 0 && *limit > 0).map_or(both, |limit| both - limit)
}

fn memory(memory: &Memory, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    let present = draft.present.and_then(|present| present.memory_bytes);
    let (limit, both) = memory_limits(memory, present)?;
    if let Some(both) = both {
        let swap = swap(limit.or(present), both);
        let setting =
            draft.set((Controller::Memory, "memory.swap"), "memory.swap.max", limit_text(swap))?;
        // Without swap accounting there is no swap to limit for "none" and nothing to lift for "max".
        setting.into_iter().filter(|_| swap <= 0).for_each(Setting::allow_missing);
    }
    if let Some(limit) = limit {
        draft.set((Controller::Memory, "memory.limit"), "memory.max", limit_text(limit))?;
    }
    if let Some(reservation) = memory.reservation.filter(|reservation| *reservation != 0) {
        draft.set(
            (Controller::Memory, "memory.reservation"),
            "memory.low",
            limit_text(reservation),
        )?;
    }
    if memory.swappiness.is_some() {
        draft.unknown("memory.swappiness")?;
    }
    if memory.disable_oom_killer == Some(true) {
        draft.unknown("memory.disableOOMKiller")?;
    }
    if memory.kernel.is_some_and(|kernel| kernel > 0) {
        draft.ignored("memory.kernel");
    }
    if memory.kernel_tcp.is_some_and(|tcp| tcp > 0) {
        draft.ignored("memory.kernelTCP");
    }
    Ok(())
}

fn cpu(cpu: &Cpu, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        draft.set((Controller::Cpu, "cpu.shares"), "cpu.weight", cpu_weight(shares))?;
    }
    let quota = cpu.quota.filter(|quota| *quota != 0);
    // Said anew with a quota: systemd, told that there is none, has set its own meanwhile.
    let present = draft.present.filter(|_| quota.is_some());
    let period = cpu.period.filter(|period| *period != 0);
    let period = period.or(present.and_then(|present| present.cpu_period_us));
    let bandwidth = match (quota, period) {
        (None, None) => None,
        // A number alone keeps the kernel's period, 100,000 µs.
        (Some(quota), None) => Some(limit_text(quota)),
        (quota, Some(period)) => {
            // One line holds both, so the one that is not given is written as it is.
            let quota = quota.or(draft.present.and_then(|present| present.cpu_quota_us));
            Some(format!("{} {period}", limit_text(quota.unwrap_or(-1))))
        }
    };
    if let Some(bandwidth) = bandwidth {
        draft.set((Controller::Cpu, "cpu.quota"), "cpu.max", bandwidth)?;
    }
    if let Some(burst) = cpu.burst {
        draft.set((Controller::Cpu, "cpu.burst"), "cpu.max.burst", burst)?;
    }
    // An idle group takes no weight, so after it.
    if let Some(idle) = cpu.idle {
        draft.set((Controller::Cpu, "cpu.idle"), "cpu.idle", idle)?;
    }
    if cpu.realtime_period.is_some_and(|period| period != 0) {
        draft.unknown("cpu.realtimePeriod")?;
    }
    if cpu.realtime_runtime.is_some_and(|runtime| runtime != 0) {
        draft.unknown("cpu.realtimeRuntime")?;
    }
    if let Some(cpus) = cpu.cpus.as_deref().filter(|cpus| !cpus.is_empty()) {
        draft.set((Controller::Cpuset, "cpu.cpus"), "cpuset.cpus", list("cpu.cpus", cpus)?)?;
    }
    if let Some(mems) = cpu.mems.as_deref().filter(|mems| !mems.is_empty()) {
        draft.set((Controller::Cpuset, "cpu.mems"), "cpuset.mems", list("cpu.mems", mems)?)?;
    }
    Ok(())
}

fn block_io(block: &BlockIo, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    let mut weight = |setting: &'static str,
                      value: Option<u16>,
                      device: Option<(i64, i64)>|
     -> Result<(), PlanError> {
        let Some(value) = block_weight(setting, value)? else { return Ok(()) };
        let target = device
            .map_or_else(|| "default".to_owned(), |(major, minor)| format!("{major}:{minor}"));
        // BFQ's own file takes the v1 scale. It is there once the scheduler is in the kernel (`modprobe bfq`), used by a device
        // or not; without it there is iocost's, on the v2 scale: a weight of 500 is `default 4950` there. A device takes a
        // weight of its own only while BFQ or iocost (`io.cost.qos`) runs on it, and says EOPNOTSUPP else.
        let write = draft.set(
            (Controller::Blkio, setting),
            "io.bfq.weight",
            format!("{target} {value}"),
        )?;
        let neutral = ("io.weight".to_owned(), format!("{target} {}", io_weight(value)));
        write.into_iter().for_each(|write| write.fallback = Some(neutral.clone()));
        Ok(())
    };
    weight("blockIO.weight", block.weight, None)?;
    for device in &block.weight_device {
        weight("blockIO.weightDevice", device.weight, Some((device.major, device.minor)))?;
    }
    if block.leaf_weight.is_some_and(|leaf| leaf != 0)
        || block.weight_device.iter().any(|device| device.leaf_weight.is_some())
    {
        draft.unknown("blockIO.leafWeight")?;
    }
    let throttles = [
        ("blockIO.throttleReadBpsDevice", "rbps", &block.throttle_read_bps_device),
        ("blockIO.throttleWriteBpsDevice", "wbps", &block.throttle_write_bps_device),
        ("blockIO.throttleReadIOPSDevice", "riops", &block.throttle_read_iops_device),
        ("blockIO.throttleWriteIOPSDevice", "wiops", &block.throttle_write_iops_device),
    ];
    for (setting, key, devices) in throttles {
        for device in devices {
            // 0 lifts the limit in v1.
            let rate = if device.rate == 0 { "max".to_owned() } else { device.rate.to_string() };
            draft.set(
                (Controller::Blkio, setting),
                "io.max",
                format!("{}:{} {key}={rate}", device.major, device.minor),
            )?;
        }
    }
    Ok(())
}

/// Files given by name: after all others, so that they win.
fn unified(resources: &Resources, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    for (file, value) in &resources.unified {
        let Some((prefix, _)) = file
            .split_once('.')
            .filter(|(prefix, _)| !prefix.is_empty() && !file.contains(['/', '\0']))
        else {
            return Err(bad_value("unified", &file, "it is no file name like memory.high"));
        };
        let controller = Controller::from_unified_name(prefix);
        if prefix != "cgroup" && controller.is_none() {
            return Err(bad_value("unified", &file, "no controller of this name is known"));
        }
        for line in value.lines() {
            match controller {
                Some(controller) => {
                    draft.set((controller, "unified"), file, line)?;
                }
                None => draft.settings.push(Setting::new(None, file, line.to_owned())),
            }
        }
    }
    Ok(())
}
