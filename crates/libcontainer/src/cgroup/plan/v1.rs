//! OCI resources in the files of v1. Source: kernel Documentation/admin-guide/cgroup-v1/.

use spec::runtime::{BlockIo, Cpu, Memory, Resources};

use super::values::{bad_value, block_weight, list, memory_limits, page_size, pids_max, rdma};
use super::{Controller, Draft, PlanError, Setting};

/// runc's own tests look for the first two words.
const INVALID_UNIFIED: &str = "invalid configuration: only v2 has such files";

pub(super) fn translate(resources: &Resources, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    if let Some((file, value)) = resources.unified.first_key_value() {
        return Err(bad_value("unified", &format!("{file}={value}"), INVALID_UNIFIED));
    }
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
        block_weights(block, draft)?;
        throttles(block, draft)?;
    }
    for huge in &resources.hugepage_limits {
        let size = page_size(&huge.page_size)?;
        let what = (Controller::Hugetlb, "hugepageLimits");
        draft.set(what, &format!("hugetlb.{size}.limit_in_bytes"), huge.limit)?;
        // Reservations count since Linux 5.7; without it mmap alone could take all pages.
        let reserved =
            draft.set(what, &format!("hugetlb.{size}.rsvd.limit_in_bytes"), huge.limit)?;
        reserved.into_iter().for_each(Setting::allow_missing);
    }
    if let Some(network) = &resources.network {
        if let Some(class) = network.class_id.filter(|class| *class != 0) {
            draft.set((Controller::NetCls, "network.classID"), "net_cls.classid", class)?;
        }
        for interface in &network.priorities {
            let value = format!("{} {}", interface.name, interface.priority);
            draft.set((Controller::NetPrio, "network.priorities"), "net_prio.ifpriomap", value)?;
        }
    }
    rdma(resources, draft)
}

fn memory(memory: &Memory, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    // The kernel keeps the sum apart from the limit here, so a change of one alone is fine.
    let (limit, both) = memory_limits(memory, draft.present.map(|_| 0))?;
    // On a new group this order works: the kernel keeps limit ≤ memory + swap at any moment. Updates retry, see `apply`.
    if let Some(limit) = limit {
        draft.set((Controller::Memory, "memory.limit"), "memory.limit_in_bytes", limit)?;
    }
    if let Some(both) = both {
        let setting =
            draft.set((Controller::Memory, "memory.swap"), "memory.memsw.limit_in_bytes", both)?;
        // Without swap accounting nothing limits swap anyway.
        setting.into_iter().filter(|_| both == -1).for_each(Setting::allow_missing);
    }
    if let Some(reservation) = memory.reservation.filter(|reservation| *reservation != 0) {
        draft.set(
            (Controller::Memory, "memory.reservation"),
            "memory.soft_limit_in_bytes",
            reservation,
        )?;
    }
    if let Some(swappiness) = memory.swappiness {
        if swappiness > 100 {
            return Err(bad_value("memory.swappiness", &swappiness, "it is not between 0 and 100"));
        }
        draft.set((Controller::Memory, "memory.swappiness"), "memory.swappiness", swappiness)?;
    }
    if memory.disable_oom_killer == Some(true) {
        draft.set((Controller::Memory, "memory.disableOOMKiller"), "memory.oom_control", 1)?;
    }
    if memory.kernel.is_some_and(|kernel| kernel > 0) {
        // Linux 5.16 took the limit away.
        draft.ignored("memory.kernel");
    }
    if let Some(tcp) = memory.kernel_tcp.filter(|tcp| *tcp != 0) {
        draft.set(
            (Controller::Memory, "memory.kernelTCP"),
            "memory.kmem.tcp.limit_in_bytes",
            tcp,
        )?;
    }
    // useHierarchy: always on since Linux 5.11.
    Ok(())
}

fn cpu(cpu: &Cpu, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    if let Some(period) = cpu.realtime_period.filter(|period| *period != 0) {
        draft.set((Controller::Cpu, "cpu.realtimePeriod"), "cpu.rt_period_us", period)?;
    }
    if let Some(runtime) = cpu.realtime_runtime.filter(|runtime| *runtime != 0) {
        draft.set((Controller::Cpu, "cpu.realtimeRuntime"), "cpu.rt_runtime_us", runtime)?;
    }
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        // The kernel would take the nearest without a word.
        if !(2..=262_144).contains(&shares) {
            return Err(bad_value("cpu.shares", &shares, "it is not between 2 and 262144"));
        }
        draft.set((Controller::Cpu, "cpu.shares"), "cpu.shares", shares)?;
    }
    if let Some(period) = cpu.period.filter(|period| *period != 0) {
        draft.set((Controller::Cpu, "cpu.period"), "cpu.cfs_period_us", period)?;
    }
    if let Some(quota) = cpu.quota.filter(|quota| *quota != 0) {
        draft.set((Controller::Cpu, "cpu.quota"), "cpu.cfs_quota_us", quota.max(-1))?;
    }
    // Not more than the quota, so after it.
    if let Some(burst) = cpu.burst {
        let setting = draft.set((Controller::Cpu, "cpu.burst"), "cpu.cfs_burst_us", burst)?;
        // Since Linux 5.14. Less may be used without it, never more.
        setting.into_iter().for_each(Setting::allow_missing);
    }
    // An idle group takes no shares, so after them.
    if let Some(idle) = cpu.idle {
        draft.set((Controller::Cpu, "cpu.idle"), "cpu.idle", idle)?;
    }
    if let Some(cpus) = cpu.cpus.as_deref().filter(|cpus| !cpus.is_empty()) {
        draft.set((Controller::Cpuset, "cpu.cpus"), "cpuset.cpus", list("cpu.cpus", cpus)?)?;
    }
    if let Some(mems) = cpu.mems.as_deref().filter(|mems| !mems.is_empty()) {
        draft.set((Controller::Cpuset, "cpu.mems"), "cpuset.mems", list("cpu.mems", mems)?)?;
    }
    Ok(())
}

fn block_weights(block: &BlockIo, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    let mut weight = |setting: &'static str,
                      value: Option<u16>,
                      device: Option<(i64, i64)>|
     -> Result<(), PlanError> {
        let Some(value) = block_weight(setting, value)? else { return Ok(()) };
        let (suffix, value) = match device {
            Some((major, minor)) => ("_device", format!("{major}:{minor} {value}")),
            None => ("", value.to_string()),
        };
        let write = draft.set(
            (Controller::Blkio, setting),
            &format!("blkio.bfq.weight{suffix}"),
            &value,
        )?;
        // CFQ's file, until Linux 5.0.
        write.into_iter().for_each(|write| {
            write.fallback = Some((format!("blkio.weight{suffix}"), value.clone()));
        });
        Ok(())
    };
    weight("blockIO.weight", block.weight, None)?;
    for device in &block.weight_device {
        weight("blockIO.weightDevice", device.weight, Some((device.major, device.minor)))?;
    }
    // Leaf weights were CFQ's too; nothing took their place.
    if let Some(leaf) = block_weight("blockIO.leafWeight", block.leaf_weight)? {
        draft.set((Controller::Blkio, "blockIO.leafWeight"), "blkio.leaf_weight", leaf)?;
    }
    for device in &block.weight_device {
        if let Some(leaf) = block_weight("blockIO.weightDevice", device.leaf_weight)? {
            let value = format!("{}:{} {leaf}", device.major, device.minor);
            draft.set(
                (Controller::Blkio, "blockIO.weightDevice"),
                "blkio.leaf_weight_device",
                value,
            )?;
        }
    }
    Ok(())
}

fn throttles(block: &BlockIo, draft: &mut Draft<'_>) -> Result<(), PlanError> {
    let throttles = [
        (
            "blockIO.throttleReadBpsDevice",
            "blkio.throttle.read_bps_device",
            &block.throttle_read_bps_device,
        ),
        (
            "blockIO.throttleWriteBpsDevice",
            "blkio.throttle.write_bps_device",
            &block.throttle_write_bps_device,
        ),
        (
            "blockIO.throttleReadIOPSDevice",
            "blkio.throttle.read_iops_device",
            &block.throttle_read_iops_device,
        ),
        (
            "blockIO.throttleWriteIOPSDevice",
            "blkio.throttle.write_iops_device",
            &block.throttle_write_iops_device,
        ),
    ];
    for (setting, file, devices) in throttles {
        for device in devices {
            draft.set(
                (Controller::Blkio, setting),
                file,
                format!("{}:{} {}", device.major, device.minor, device.rate),
            )?;
        }
    }
    Ok(())
}
