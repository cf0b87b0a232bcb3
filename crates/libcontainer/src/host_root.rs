//! What a root does to mounts of the host: where the root is moved instead of pivoted, and where the container has no mount
//! namespace of its own. Runs in the parent. Sources: proc_pid_mountinfo(5), statx(2).

use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::mount::{UnmountFlags, unmount};
use sys::Errno;

use crate::cgroup::unescape;
use crate::error::StartError;
use crate::plan::{Plan, Step};
use crate::prepared::path;

const TABLE: &str = "/proc/self/mountinfo";

/// A root that is bound in the caller's own mount namespace, as it was before.
#[derive(Debug)]
pub(crate) struct HostRoot {
    path: PathBuf,
    mount: u64,
}

impl HostRoot {
    /// Of a plan without a mount namespace.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        if !plan.steps.contains(&Step::ChangeRoot) {
            return None;
        }
        let bound = |step: &Step| {
            if let Step::BindRoot { path } = step { Some(path.clone()) } else { None }
        };
        let path = plan.steps.iter().find_map(bound)?;
        let mount = mount_id(&path)?;
        Some(Self { path, mount })
    }

    /// Takes away what a container that failed has mounted, with everything below it.
    pub(crate) fn undo(&self) {
        while mount_id(&self.path).is_some_and(|mount| mount != self.mount) {
            if unmount(&self.path, UnmountFlags::DETACH).is_err() {
                return;
            }
        }
    }
}

fn mount_id(path: &PathBuf) -> Option<u64> {
    statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok().map(|stat| stat.stx_mnt_id)
}

/// Every mount of a whole procfs or sysfs. One that is partly covered reveals nothing.
pub(crate) fn revealing() -> Result<Vec<CString>, StartError> {
    let table = fs::read_to_string(TABLE)
        .map_err(|error| StartError::Open { path: TABLE.into(), errno: Errno::from(error) })?;
    let at = |row: &str| {
        let (left, right) = row.split_once(" - ")?;
        let mut fields = left.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let kind = right.split(' ').next()?;
        (root == "/" && matches!(kind, "proc" | "sysfs")).then(|| unescape(point))
    };
    table.lines().filter_map(at).map(|point| path(&point)).collect()
}
