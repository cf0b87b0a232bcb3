//! What the kernel keeps for a task beside its identity: how it is scheduled, on which processors, with memory of which nodes,
//! and what it is told about the machine; what its children have used. Sources: sched_setattr(2), sched_setaffinity(2), ioprio_set(2),
//! set_mempolicy(2), personality(2), getrusage(2).

use std::time::Duration;

use crate::Errno;

/// What sched_setattr(2) takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerAttributes {
    /// `SCHED_…`.
    pub policy: u32,
    /// `SCHED_FLAG_…`.
    pub flags: u64,
    /// Nice value of SCHED_OTHER and SCHED_BATCH.
    pub nice: i32,
    /// Priority of SCHED_FIFO and SCHED_RR.
    pub priority: u32,
    /// Nanoseconds, for SCHED_DEADLINE.
    pub runtime: u64,
    /// Nanoseconds, for SCHED_DEADLINE.
    pub deadline: u64,
    /// Nanoseconds, for SCHED_DEADLINE.
    pub period: u64,
}

/// Sets the calling thread's scheduling policy and its attributes.
///
/// # Errors
/// EPERM without CAP_SYS_NICE, or for SCHED_DEADLINE on fewer processors than there are; EINVAL for values that do not fit
/// together; EBUSY when SCHED_DEADLINE would take more time than there is.
pub fn set_scheduler(attributes: SchedulerAttributes) -> Result<(), Errno> {
    let SchedulerAttributes { policy, flags, nice, priority, runtime, deadline, period } =
        attributes;
    let mut attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0),
        sched_policy: policy,
        sched_flags: flags,
        sched_nice: nice,
        sched_priority: priority,
        sched_runtime: runtime,
        sched_deadline: deadline,
        sched_period: period,
    };
    // SAFETY: the kernel reads `size` bytes of the structure, which is that long and holds integers only; a kernel that knows
    // a shorter form writes its size there, to memory that is ours alone.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw mut attributes, 0) };
    result(done)
}

/// Allows the calling thread the processors whose bits are set, as far as its control groups allow them too.
///
/// # Errors
/// EINVAL when none is left.
pub fn set_cpu_affinity(mask: &[u64]) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many bytes as the slice is long.
    let done =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(mask), mask.as_ptr()) };
    result(done)
}

/// Writes to `mask` which processors the calling thread may use, and gives the number of words that were written.
///
/// # Errors
/// EINVAL when the mask is shorter than the kernel's.
pub fn cpu_affinity(mask: &mut [u64]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most as many bytes as the slice is long, and any bits are valid ones.
    let bytes = unsafe {
        libc::syscall(libc::SYS_sched_getaffinity, 0, size_of_val(mask), mask.as_mut_ptr())
    };
    // A kernel of 32 bits may end within a word of ours.
    usize::try_from(bytes)
        .map(|bytes| bytes.div_ceil(size_of::<u64>()))
        .map_err(|_negative| Errno::last())
}

/// Sets the calling thread's I/O priority: the class in bits 13 to 15, the level below.
///
/// # Errors
/// EPERM for the real-time class without CAP_SYS_ADMIN and CAP_SYS_NICE, EINVAL for a value that is none.
pub fn set_io_priority(value: u16) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: this call takes integers only.
    let done =
        unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, i32::from(value)) };
    result(done)
}

/// Has the calling thread run beside threads of its own group of processes alone, on the threads of one core: a new group, or without
/// `from` that of another process, by its id as the caller sees it.
///
/// # Errors
/// EINVAL from a kernel without core scheduling, ENODEV from a machine whose cores have one thread each, EPERM for a process that the
/// caller may not look at. Kernel: prctl(2), PR_SCHED_CORE, Linux 5.14.
pub fn share_core(from: Option<i32>) -> Result<(), Errno> {
    // linux/prctl.h; the last argument says that it is about one thread.
    const PR_SCHED_CORE: libc::c_long = 62;
    const CREATE: libc::c_long = 1;
    const SHARE_FROM: libc::c_long = 3;
    const THREAD: libc::c_long = 0;
    let (command, pid) = from.map_or((CREATE, 0), |pid| (SHARE_FROM, libc::c_long::from(pid)));
    // SAFETY: with these commands this option takes integers only.
    let done = unsafe {
        libc::syscall(libc::SYS_prctl, PR_SCHED_CORE, command, pid, THREAD, 0 as libc::c_long)
    };
    result(done)
}

/// The calling thread's I/O priority, in the same form; 0 where none was set.
///
/// # Errors
/// ENOSYS from a kernel without block devices.
pub fn io_priority() -> Result<u16, Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: this call takes integers only.
    let answer = unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) };
    u16::try_from(answer).map_err(|_negative| Errno::last())
}

/// Sets the calling thread's memory policy: a mode with its flags, and a bit for each node.
///
/// # Errors
/// EINVAL for nodes that do not exist or do not fit the mode; ENOSYS from a kernel without NUMA.
pub fn set_memory_policy(mode: u32, nodes: &[u64]) -> Result<(), Errno> {
    // The kernel takes one bit less than it is told. mm/mempolicy.c, get_nodes.
    let bits = nodes.len() * 64 + 1;
    // SAFETY: the kernel reads `bits - 1` bits, which is what the slice holds.
    let done = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, nodes.as_ptr(), bits) };
    result(done)
}

/// Sets the calling process's execution domain.
///
/// # Errors
/// EINVAL from a kernel that cannot.
pub fn set_personality(domain: u32) -> Result<(), Errno> {
    // SAFETY: this call takes an integer only.
    let previous = unsafe { libc::personality(libc::c_ulong::from(domain)) };
    if previous < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Processor time of all children that have ended and were waited for, and of theirs: in user mode and in the kernel.
#[must_use]
pub fn time_of_children() -> Duration {
    // SAFETY: the structure is all integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure, which `usage` is. It cannot fail: the address is valid and so is the question.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let duration = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

fn result(done: libc::c_long) -> Result<(), Errno> {
    if done < 0 { Err(Errno::last()) } else { Ok(()) }
}
