//! The only unsafe code of Corten: system calls that rustix lacks, each wrapped so that its caller needs none.
//!
//! One module per family of calls. Nothing here decides anything: arguments in, the kernel's answer out. What rustix has is
//! used from rustix. Start at [`clone3`] and [`execve`].

// Sets of processors and of signals are words of 64 bits here, and the kernel's are `unsigned long`s: the same bytes everywhere but there.
#[cfg(all(target_pointer_width = "32", target_endian = "big"))]
compile_error!("Corten does not know machines of 32 bits that put the high byte first");

mod bpf;
mod bytes;
mod clone;
mod errno;
mod exec;
mod fd;
mod file_ids;
mod heap;
mod interface;
mod keyring;
mod landlock;
mod mount;
pub mod netlink;
mod notification;
mod page;
mod path;
mod quota;
mod resident;
mod seccomp;
mod signal;
mod task;

pub use bpf::{attach_device_program, replace_device_programs};
pub use bytes::find_byte;
pub use clone::{
    CloneArgs, Cloned, Namespaces, clone3, enter_namespace, fork, has_machines_users, is_namespace,
    unshare_file_system, unshare_namespaces,
};
pub use errno::Errno;
pub use exec::{CStringArray, execve, execveat, exit_now};
pub use fd::{
    close_all_but, close_from, close_inherited, close_on_exec_from, inherited_fd, is_open,
    place_inherited, unread_by_peer,
};
pub use file_ids::set_file_system_ids;
pub use heap::{release_idle_memory, trim_heap};
pub use interface::set_interface_up;
pub use keyring::{SessionKeyring, join_session_keyring};
pub use landlock::{
    LandlockRuleset, allow_landlock_path, allow_landlock_port, create_landlock_ruleset,
    landlock_version, restrict_by_landlock,
};
pub use mount::{MountAttributes, mount_setattr};
pub use notification::{
    Answer, Notification, answer_notification, notification_waits, receive_notification,
};
pub use page::SharedPage;
pub use path::{open_in_root, open_without_links};
pub use quota::{
    ProjectQuota, SET_PROJECT_COMMAND, next_project_quota, project, project_quotas, set_project,
    set_project_limit,
};
pub use resident::Resident;
pub use seccomp::{FilterInstruction, load_seccomp_filter};
pub use signal::{
    SignalSet, block_signals, blocked_signals, default_signals, open_signalfd, restore_signals,
    send_signal, signal_child, unblock_all_signals, unblock_signals, wait_for_signal,
    wait_for_signal_within,
};
pub use task::{
    SchedulerAttributes, cpu_affinity, io_priority, set_cpu_affinity, set_io_priority,
    set_memory_policy, set_personality, set_scheduler, share_core, time_of_children,
};
