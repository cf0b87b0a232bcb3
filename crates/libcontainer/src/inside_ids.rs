//! Acting on files as the root of a container with a user namespace while keeping the machine's rights.
//!
//! What is reached by an id-mapped mount can be made by ids only that the map has: the machine's root has none there, and the
//! kernel refuses him with EOVERFLOW. Source: Documentation/filesystems/idmappings.rst, "mapped_fsuid".

use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
use rustix::thread::{CapabilitySets, capabilities, set_capabilities};
use sys::Errno;

/// The calling thread makes files as somebody else until this is dropped. Nothing here allocates.
#[derive(Debug)]
pub struct FileIds {
    capabilities: CapabilitySets,
    dumpable: DumpableBehavior,
}

impl FileIds {
    /// Takes these ids, of a user and of a group, on the machine.
    ///
    /// # Errors
    /// EPERM when the caller may not.
    pub fn take((uid, gid): (u32, u32)) -> Result<Self, Errno> {
        // First: what fails half-way is undone.
        let own = Self { capabilities: capabilities(None)?, dumpable: dumpable_behavior()? };
        sys::set_file_system_ids(uid, gid)?;
        // Those about files went with the change of the user.
        set_capabilities(None, own.capabilities)?;
        set_dumpable_behavior(own.dumpable)?;
        Ok(own)
    }
}

impl Drop for FileIds {
    fn drop(&mut self) {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        // Back to one's own nothing is refused.
        let _kept = sys::set_file_system_ids(user.as_raw(), group.as_raw());
        let _kept = set_capabilities(None, self.capabilities);
        let _kept = set_dumpable_behavior(self.dumpable);
    }
}
