//! libcontainer: from an OCI runtime configuration to an isolated process, and its life.
//!
//! [`plan`] turns a configuration into a [`Plan`], a list of typed steps in the kernel's order, without touching the kernel;
//! [`create`] walks it up to a gate; [`Created::start`] lets the program begin; [`join`] runs further processes inside.
//! It knows no image, no network set-up and no async runtime. Whoever reads `plan.rs` knows what a container is.
#![forbid(unsafe_code)]

mod ahead;
mod apart;
pub mod apparmor;
mod boot_id;
pub mod capability;
pub mod cgroup;
pub mod checkpoint;
mod child;
mod console;
mod container;
mod copy_up;
mod cover;
mod create;
mod descriptor_path;
mod directory_root;
mod error;
mod explain;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub mod faults;
mod features;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod given;
mod helper;
mod hints;
mod home;
mod hooks;
mod host_mounts;
mod host_root;
mod id_map;
mod identity;
mod init;
mod inside_ids;
mod join;
mod joins;
mod landlock;
mod lend;
mod lent;
mod mapped_root;
mod names;
mod net_devices;
mod nodes;
mod number_set;
mod options;
mod pipes;
mod plan;
mod planner;
mod prepared;
mod process;
mod progress;
pub mod protect;
mod resctrl;
mod rootfs;
mod scheduling;
pub mod seccomp;
mod selinux;
mod show;
mod shown;
mod spare;
mod surroundings;
mod target;
mod threshold;
mod wire;

pub use apart::{Apart, Ending};
pub use container::{
    BadName, Container, ContainerError, ContainerName, Executed, Execution, Request, Runtime,
    Waiting,
};
pub use create::{Created, Stdio, create, create_at_once, create_with};
pub use error::{HookError, PlanError, StartError, chain};
pub use features::features;
pub use given::{Gift, GivenFile, read_content, seal_contents};
pub use host_mounts::{HostMountError, HostMounts};
pub use inside_ids::FileIds;
pub use join::{Joined, join, join_through};
pub use landlock::{LandlockPath, LandlockPlan, LandlockScope};
pub use lent::Lent;
pub use mapped_root::maps_ids;
pub use net_devices::NetDevicePlan;
pub use number_set::{BadNumberSet, NumberSet};
pub use pipes::Pipes;
pub use plan::*;
pub use planner::{
    Context, LINUX32, RootSource, TerminalChoices, plan, plan_joining, plan_process,
};
pub use process::{Process, start_time};
pub use resctrl::{Resctrl, ResctrlError, ResctrlPlan};
pub use scheduling::{
    CoreGroup, ExecProcessors, IoPriorityPlan, MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES,
    MemoryPolicyPlan, SchedulerPlan, SchedulingPlan,
};
pub use selinux::{
    enabled as selinux_is_enabled, has_levels as selinux_has_levels, knows as selinux_knows,
    with_socket_label as with_selinux_socket_label,
};
pub use spare::SpareNetwork;
pub use surroundings::Surroundings;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Writes the id maps of a process's new user namespace; where the kernel does not let the caller, newuidmap(1) and newgidmap(1) do.
///
/// # Errors
/// When they refuse, or are not there.
pub fn map_ids(
    pid: i32,
    uids: &[spec::runtime::IdMapping],
    gids: &[spec::runtime::IdMapping],
) -> Result<(), StartError> {
    id_map::write(pid, uids, gids)
}
