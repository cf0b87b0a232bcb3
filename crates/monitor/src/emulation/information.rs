//! What sysinfo(2) tells of a container.

use libcontainer::cgroup::Stats;

use crate::running::Running;

/// The kernel's `struct sysinfo` of a machine with 64 bits, sysinfo(2), as it is in the container: memory and swap by its limits,
/// processes and time by its own.
pub(super) fn system_information(run: &Running) -> Vec<u8> {
    // What cannot be read is the machine's.
    let stats = run.cgroup.stats().unwrap_or_default();
    let machine = rustix::system::sysinfo();
    let loads = machine.loads;
    let memory = Memory::of(&stats, Memory::of_machine(&machine));
    let processes = stats.pids.map_or(u64::from(machine.procs), |pids| pids.current);
    // The field has 16 bits, and padding behind it.
    let processes = u16::try_from(processes).unwrap_or(u16::MAX);
    let words = [
        run.began.elapsed().as_secs(),
        loads[0],
        loads[1],
        loads[2],
        memory.total,
        memory.free,
        memory.shared,
        memory.buffers,
        memory.swap,
        memory.free_swap,
    ];
    let mut all: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
    all.extend(processes.to_ne_bytes());
    all.extend([0; 6]);
    // No high memory; the unit is a byte.
    all.extend([0; 16]);
    all.extend(1_u32.to_ne_bytes());
    all.extend([0; 4]);
    all
}

/// How much memory the container has, in bytes.
pub(super) fn memory_bytes(run: &Running) -> u64 {
    let stats = run.cgroup.stats().unwrap_or_default();
    Memory::of(&stats, Memory::of_machine(&rustix::system::sysinfo())).total
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    total: u64,
    free: u64,
    shared: u64,
    buffers: u64,
    swap: u64,
    free_swap: u64,
}

impl Memory {
    fn of_machine(machine: &rustix::system::Sysinfo) -> Self {
        let unit = u64::from(machine.mem_unit.max(1));
        let bytes = |units: u64| units.saturating_mul(unit);
        Self {
            total: bytes(machine.totalram),
            free: bytes(machine.freeram),
            shared: bytes(machine.sharedram),
            buffers: bytes(machine.bufferram),
            swap: bytes(machine.totalswap),
            free_swap: bytes(machine.freeswap),
        }
    }

    /// What a group with limits has of the machine's.
    fn of(stats: &Stats, machine: Self) -> Self {
        let Some(memory) = &stats.memory else { return machine };
        let Some(limit) = memory.limit_bytes.filter(|limit| *limit < machine.total) else {
            return machine;
        };
        let free = limit.saturating_sub(memory.current_bytes);
        let with_swap = memory.with_swap.as_ref().and_then(|both| both.limit_bytes);
        let swap =
            with_swap.map_or(machine.swap, |both| both.saturating_sub(limit).min(machine.swap));
        let free_swap = swap.saturating_sub(memory.swap_bytes.unwrap_or(0)).min(machine.free_swap);
        Self { total: limit, free: free.min(machine.free), shared: 0, buffers: 0, swap, free_swap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_groups_where_it_has_a_limit() {
        let machine =
            Memory { total: 1000, free: 900, shared: 5, buffers: 6, swap: 50, free_swap: 40 };
        let mut stats = Stats::default();
        assert_eq!(Memory::of(&stats, machine), machine);
        let used = libcontainer::cgroup::MemoryStats { current_bytes: 30, ..Default::default() };
        stats.memory = Some(used.clone());
        assert_eq!(Memory::of(&stats, machine), machine, "no limit");
        stats.memory = Some(libcontainer::cgroup::MemoryStats { limit_bytes: Some(100), ..used });
        let seen = Memory::of(&stats, machine);
        assert_eq!((seen.total, seen.free, seen.swap, seen.free_swap), (100, 70, 50, 40));
    }
}
