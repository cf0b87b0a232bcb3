//! What sysinfo(2) tells of a container: the same as its `/proc/meminfo`, `/proc/uptime` and `/proc/loadavg` where it has its own.

use std::time::Instant;

use crate::limits::View;

/// The kernel's `struct sysinfo` of a machine with 64 bits, sysinfo(2), as it is in the container: memory and swap by its limits,
/// processes and time by its own.
pub(super) fn system_information(view: &View) -> Vec<u8> {
    let now = Instant::now();
    let memory = view.memory();
    let loads = view.loads(now).fixed();
    // What cannot be read is the machine's.
    let processes = view.tasks().unwrap_or_else(|| u64::from(rustix::system::sysinfo().procs));
    // The field has 16 bits, and padding behind it.
    let processes = u16::try_from(processes).unwrap_or(u16::MAX);
    let words = [
        now.saturating_duration_since(view.began()).as_secs(),
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
