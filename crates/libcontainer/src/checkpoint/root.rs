//! The root of a plan, for CRIU: a mount that is attached nowhere, until CRIU attaches it where nobody else sees it.

use std::os::fd::OwnedFd;

use rustix::mount::MountAttrFlags;

use super::error::CheckpointError;
use crate::directory_root::DirectoryRoot;
use crate::plan::{Plan, Step};
use crate::prepared::{self, OverlayOptions};
use crate::rootfs::{make_overlay, shared_tree};
use crate::selinux;

/// Gives that which the host shows, or a new one: two of one upper directory would not see what the other one does. Linux 6.5.
///
/// # Errors
/// [`CheckpointError::Root`] when the kernel refuses it.
pub(super) fn detached(plan: &Plan) -> Result<OwnedFd, CheckpointError> {
    let refused = CheckpointError::system("mount the root");
    let wrong = |cause| CheckpointError::Root(Box::new(cause));
    let directory = plan.steps.iter().find_map(|step| {
        let Step::DirectoryRoot { path, .. } = step else { return None };
        Some(DirectoryRoot::new(path, None, false))
    });
    if let Some(directory) = directory {
        return directory.map_err(wrong)?.take(None).map_err(refused);
    }
    let found = plan.steps.iter().find_map(|step| {
        let Step::OverlayRoot { lower, upper, work, volatile, shared, .. } = step else {
            return None;
        };
        Some((lower, (upper, work), *volatile, shared))
    });
    let Some((lower, (upper, work), volatile, shared)) = found else {
        return Err(refused(sys::Errno::from_raw(libc::ENOENT)));
    };
    let shared = shared.as_deref().map(prepared::path).transpose().map_err(wrong)?;
    let label = plan.mount_label.as_deref().filter(|_| selinux::enabled());
    let options =
        OverlayOptions::single(lower, Some((upper, work)), volatile, label).map_err(wrong)?;
    let tree = shared_tree(shared.as_deref()).and_then(|tree| match tree {
        Some(tree) => Ok(tree),
        None => make_overlay(&options, MountAttrFlags::empty()),
    });
    tree.map_err(refused)
}
