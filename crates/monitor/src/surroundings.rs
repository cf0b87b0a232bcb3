//! What the kernel hands from a process to its children, of whoever has called the program: a container starts the same way whoever starts it,
//! and however often it is started again. Start at [`forget_caller`].
//!
//! What bounds a caller bounds his containers, too: hard limits stay, and what he has not the right to undo. Sources: getrlimit(2), sched(7),
//! ioprio_set(2), personality(2), capabilities(7) "The securebits flags", prctl(2) PR_SET_TIMERSLACK, proc_pid_oom_score_adj(5).

use std::num::NonZeroU64;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::CapabilitiesSecureBits;
use sys::SchedulerAttributes;

/// Soft limits that are the hard ones: whoever may raise them does not have to.
const RAISED: [Resource; 11] = [
    Resource::As,
    Resource::Cpu,
    Resource::Data,
    Resource::Fsize,
    Resource::Locks,
    Resource::Memlock,
    Resource::Msgqueue,
    Resource::Nproc,
    Resource::Rss,
    Resource::Rttime,
    Resource::Sigpending,
];
/// Soft limits with values of their own, as far as the hard ones allow. The stack is the kernel's default: without a limit, processes of 32 bits
/// would have their memory elsewhere, setarch(8). Open files are as many as Docker's and Podman's containers have: programs that close all
/// that they might have open take long over more. Nobody wants the core of a program that is in a container, unless he asks.
const GIVEN: [(Resource, u64); 5] = [
    (Resource::Stack, 8 << 20),
    (Resource::Nofile, 1 << 20),
    (Resource::Core, 0),
    (Resource::Nice, 0),
    (Resource::Rtprio, 0),
];
/// The kernel's own default. include/linux/init_task.h
const TIMER_SLACK_NS: u64 = 50_000;

/// Makes the calling process what it would be of anybody else, as far as it has the right to. For a child that is not another program yet:
/// nothing here allocates.
pub(crate) fn forget_caller() {
    for resource in RAISED {
        limit(resource, u64::MAX);
    }
    for (resource, soft) in GIVEN {
        limit(resource, soft);
    }
    // Each of these is refused to somebody, who keeps what he has: a user may not be quicker than he was, for example.
    let _kept = sys::set_scheduler(SchedulerAttributes::default());
    let _kept = sys::set_io_priority(0);
    let _kept = sys::set_personality(0);
    let _kept = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NS));
    let _kept = rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::empty());
    if let Ok(score) =
        open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
    {
        let _kept = rustix::io::write(score, b"0");
    }
}

fn limit(resource: Resource, soft: u64) {
    let Rlimit { current, maximum } = getrlimit(resource);
    let wanted = Some(soft).filter(|soft| *soft != u64::MAX);
    // No limit is more than any.
    let wanted = match (wanted, maximum) {
        (Some(wanted), Some(most)) => Some(wanted.min(most)),
        (wanted, most) => wanted.or(most),
    };
    if wanted != current {
        let _kept = setrlimit(resource, Rlimit { current: wanted, maximum });
    }
}
