//! What can go wrong with control groups, one type per moment: finding, planning, acting.

use std::path::PathBuf;

use rustix::io::Errno as Raw;

use super::{BusError, CgroupPath, Controller, Errno, PathFault};

/// The machine's control groups could not be found.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A file of procfs or cgroupfs.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// Nothing is mounted.
    #[error("find control groups: no cgroup file system is mounted")]
    NotMounted,
}

/// The resources of a specification cannot be turned into settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The path of the group.
    #[error("cgroup path {text:?}")]
    Path {
        /// As given.
        text: String,
        /// Cause.
        #[source]
        fault: PathFault,
    },
    /// A string with a NUL byte.
    #[error("{field} holds a NUL byte")]
    Nul {
        /// Where, as in `cpu.cpus`.
        field: String,
    },
    /// A setting needs a controller that is not there.
    #[error("set {setting}: the {controller} controller is not available")]
    NoController {
        /// The controller.
        controller: Controller,
        /// In the words of the OCI specification, for example `memory.limit`.
        setting: &'static str,
    },
    /// A setting has no counterpart in the mounted version.
    #[error("set {setting}: control groups of this version have no such setting")]
    NoSuchSetting {
        /// In the words of the OCI specification.
        setting: &'static str,
    },
    /// A value that the kernel could not take.
    #[error("set {setting} to {value:?}: {reason}")]
    Value {
        /// In the words of the OCI specification.
        setting: &'static str,
        /// As given.
        value: String,
        /// Why not.
        reason: &'static str,
    },
}

/// An operation on a group failed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A directory could not be made.
    #[error("create cgroup {}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// Processes live in a group of this name already.
    #[error("create cgroup {}: container's cgroup is not empty: {processes} process(es) found", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// How many.
        processes: usize,
    },
    /// The group is there and frozen: a container in it would never start.
    #[error("create cgroup {}: container's cgroup unexpectedly frozen", path.display())]
    Frozen {
        /// The directory.
        path: PathBuf,
    },
    /// No group could be made by this user, and limits need one.
    #[error(
        "create cgroup {}: rootless needs no limits + no cgrouppath when no permission is granted for cgroups",
        path.display()
    )]
    NoPermission {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A setting was refused by the kernel.
    #[error("set {file} to {value:?}")]
    Set {
        /// The file.
        file: String,
        /// What was written.
        value: String,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// Processors or memory nodes that the group cannot have.
    #[error("set {file} to {value:?}: there are {present}")]
    NotAmong {
        /// The file.
        file: Box<str>,
        /// What was written.
        value: Box<str>,
        /// What there is, as a list of ranges.
        present: Box<str>,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A setting's file does not exist in this kernel.
    #[error("set {file} to {value:?}: this kernel has no {file}")]
    Absent {
        /// The file.
        file: String,
        /// What would have been written.
        value: String,
    },
    /// The new memory limit is below what is in use, and the plan asks to refuse that.
    #[error("rejecting {setting} limit {limit}: {used} bytes are in use")]
    BelowUse {
        /// `memory` or `memory+swap`.
        setting: &'static str,
        /// Bytes.
        limit: u64,
        /// Bytes.
        used: u64,
    },
    /// The device filter could not be loaded or attached.
    #[error("attach device filter to {}", path.display())]
    DeviceFilter {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// The group could not be given to the container's user.
    #[error("give {} to user {owner}", path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The user.
        owner: u32,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// systemd did not do its part.
    #[error("ask systemd")]
    Systemd {
        /// Cause.
        #[source]
        cause: Box<BusError>,
    },
    /// There is no such controller among the group's.
    #[error("unknown controller {name:?}")]
    NoSuchController {
        /// As asked for.
        name: String,
    },
    /// The group is gone, or never was.
    #[error("open cgroup {path}: it does not exist")]
    NotFound {
        /// As asked for.
        path: CgroupPath,
    },
    /// A file or directory of the group.
    #[error("open {}", path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A process could not be moved.
    #[error("move process {pid} to {}", path.display())]
    Join {
        /// The process.
        pid: i32,
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A file says something unknown.
    #[error("read {}: unexpected {text:?}", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// The part that was not understood.
        text: String,
    },
    /// Neither version offers this here.
    #[error("{operation}: {missing} is not available")]
    Unsupported {
        /// For example `freeze`.
        operation: &'static str,
        /// For example `the freezer controller`.
        missing: &'static str,
    },
    /// The group did not get where it should in time.
    #[error("{operation} cgroup {}: not done after {millis} ms", path.display())]
    TimedOut {
        /// For example `freeze`.
        operation: &'static str,
        /// The directory.
        path: PathBuf,
        /// How long was waited.
        millis: u64,
    },
    /// A signal could not be sent.
    #[error("kill process {pid}")]
    Kill {
        /// The process.
        pid: i32,
        /// Cause.
        #[source]
        errno: Errno,
    },
    /// A directory could not be removed.
    #[error("remove cgroup {}", path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        errno: Errno,
    },
}

impl CgroupError {
    /// Whether it says that this user may not.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refusal().is_some() || matches!(self, Self::NoPermission { .. })
    }

    /// Whether a value is wrong, by the kernel's word: it cannot take it whoever sets it.
    #[must_use]
    pub fn is_bad_value(&self) -> bool {
        let (Self::Set { errno, .. } | Self::NotAmong { errno, .. }) = self else {
            return false;
        };
        [Raw::INVAL, Raw::RANGE].map(Errno::from).contains(errno)
    }

    /// The kernel's answer, when it says that this user may not.
    pub(super) fn refusal(&self) -> Option<Errno> {
        let (Self::Create { errno, .. }
        | Self::Set { errno, .. }
        | Self::Open { errno, .. }
        | Self::DeviceFilter { errno, .. }) = self
        else {
            return None;
        };
        let refused = [Raw::ACCESS, Raw::PERM, Raw::ROFS].map(Errno::from);
        refused.contains(errno).then_some(*errno)
    }
}
