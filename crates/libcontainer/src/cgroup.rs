//! Control groups: what a container may use, and the one handle on all of its processes.
//!
//! [`Layout::detect`] finds what is mounted, [`plan`] turns OCI resources into a list of file writes (pure), and
//! [`Cgroup::create`] performs it. Nothing here knows containers, namespaces or images.
//!
//! ```text
//! let layout = Layout::detect()?;                                   // once per start; part of the hand-off inside the plan
//! let plan = plan(&resources, &Request::new("/corten/ID", &layout))?;
//! let cgroup = Cgroup::create(&plan)?;                              // mkdir in every hierarchy, limits; undone on error
//! let entry = cgroup.entry()?;                                      // before clone3
//! clone3(CLONE_INTO_CGROUP, entry.into_cgroup())                    // v2, and the unified tree of the hybrid layout
//!     child: entry.enter()                                          // v1: first thing, before it makes a cgroup namespace
//! …
//! cgroup.kill()?; cgroup.remove()?;
//! ```
//!
//! **Why the child enters by itself.** Writing another process's id to `cgroup.procs` takes the kernel's
//! `cgroup_threadgroup_rwsem` for writing, which waits for an RCU grace period when nobody wrote lately: 7 to 11 ms on an
//! idle machine. A thread that writes `0` to `tasks` moves only itself and takes no such lock (Linux 5.5), and
//! `CLONE_INTO_CGROUP` (Linux 5.7) takes it for reading: 0.1 ms for nine hierarchies.
//!
//! Sources: cgroups(7), kernel Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst, OCI config-linux.md "Control groups".

mod apply;
mod device_program;
mod devices;
mod directory;
mod entry;
mod error;
mod group;
mod layout;
mod oom;
mod path;
mod plan;
mod request;
mod stats;
mod sub_group;
mod systemd;
mod tree;
mod v1;
mod v2;

pub use devices::{Access, Device, DeviceKind, DeviceRules, default_device_rules};
pub use entry::Entry;
pub(crate) use entry::enter;
pub use error::{CgroupError, DetectError, PlanError};
pub(crate) use group::Begun;
pub use group::{Cgroup, ControlGroup};
pub(crate) use layout::unescape;
pub use layout::{Controller, Hierarchy, Layout, LayoutKind};
pub use oom::{OomEvents, OomNews};
pub use path::{CgroupPath, PathFault};
pub use plan::{CgroupPlan, Place, PresentLimits, Setting, Warning, plan, plan_update};
pub use request::{Choices, Existing, Manager, Request, WhenMissing};
pub use stats::{
    BlockFigure, BlockStats, CpuStats, DeviceStats, HugepageStats, MemoryStats, MemoryUse,
    PidsStats, Pressure, Stats, Waits,
};
pub use sub_group::{BadSubGroup, SubGroup};
#[cfg(fuzzing)]
pub(crate) use systemd::fuzzing;
pub use systemd::{AdoptError, Bus, BusError, Property, Systemd, Unit, Value, adopt};

use sys::Errno;
