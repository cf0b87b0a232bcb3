//! File systems that the root of a user namespace could not mount himself, mounted by the parent for him: the layers of an image, and what
//! a volume's options say. Ids on them are the container's, by a map of the mount, unless they are copies that have the machine's already.
//!
//! Start at [`LentMount::make`]; how they come to the child is in [`crate::ahead`]. Sources: fsopen(2), fsmount(2), mount_setattr(2)
//! "ID-mapped mounts".

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use serde::{Deserialize, Serialize};
use sys::{Errno, MountAttributes, mount_setattr};

use crate::error::StartError;
use crate::mapped_root::MappedRoot;
use crate::plan::Step;
use crate::prepared::{BindAttributes, Target, text};

/// What of a mount is lent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lent {
    /// An overlay of directories.
    Layers {
        /// On the host, the top one first.
        directories: Vec<std::path::PathBuf>,
        /// Whether their ids are the machine's.
        shifted: bool,
    },
    /// The file system as the step says it.
    FileSystem,
}

/// One, ready to be made.
pub(crate) struct LentMount {
    source: Source,
    pub(crate) target: Target,
    pub(crate) attributes: BindAttributes,
}

enum Source {
    Layers(MappedRoot),
    FileSystem {
        kind: CString,
        source: CString,
        options: Vec<(CString, Option<CString>)>,
        flags: u64,
    },
}

impl LentMount {
    /// Of a step that mounts a file system, where it is lent.
    pub(crate) fn new(step: &Step, label: Option<&str>) -> Result<Option<Self>, StartError> {
        let Step::Mount { kind, source, target, flags, data, lent: Some(lent), .. } = step else {
            return Ok(None);
        };
        let source = match lent {
            Lent::Layers { directories, shifted } => {
                Source::Layers(MappedRoot::of_layers(directories, *shifted, label)?)
            }
            Lent::FileSystem => Source::FileSystem {
                kind: text(kind)?,
                source: text(source)?,
                options: data
                    .split(',')
                    .filter(|word| !word.is_empty())
                    .map(option)
                    .collect::<Result<_, _>>()?,
                flags: *flags,
            },
        };
        let attributes = BindAttributes::setting(attributes(*flags));
        Ok(Some(Self { source, target: Target::new(target)?, attributes }))
    }

    /// Mounts it for the user namespace `users`; it is attached nowhere yet.
    ///
    /// # Errors
    /// Names what the kernel refused.
    pub(crate) fn make(&self, users: BorrowedFd<'_>) -> Result<OwnedFd, StartError> {
        match &self.source {
            Source::Layers(layers) => layers.make(users),
            Source::FileSystem { kind, source, options, flags } => {
                let kind_name = kind.to_string_lossy();
                let tree = mount(kind, source, (options, *flags)).map_err(|errno| {
                    let action = format!("mount a file system of type {kind_name}");
                    StartError::Parent { action, errno }
                })?;
                let map =
                    MountAttributes { user_namespace: Some(users), ..MountAttributes::default() };
                let mapped = mount_setattr(tree.as_fd(), c"", false, map);
                mapped.map_err(|errno| {
                    let action = format!(
                        "map the ids of a volume: {kind_name} knows no id-mapped mounts on this kernel"
                    );
                    StartError::Parent { action, errno }
                })?;
                Ok(tree)
            }
        }
    }
}

fn option(word: &str) -> Result<(CString, Option<CString>), StartError> {
    Ok(match word.split_once('=') {
        Some((name, value)) => (text(name)?, Some(text(value)?)),
        None => (text(word)?, None),
    })
}

fn mount(
    kind: &CString,
    source: &CString,
    (options, flags): (&[(CString, Option<CString>)], u64),
) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind.as_c_str(), FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"source", source.as_c_str())?;
    for (bit, name) in [(libc::MS_RDONLY, c"ro"), (libc::MS_SYNCHRONOUS, c"sync")] {
        if flags & bit != 0 {
            fsconfig_set_flag(context.as_fd(), name)?;
        }
    }
    for (name, value) in options {
        match value {
            Some(value) => fsconfig_set_string(context.as_fd(), name.as_c_str(), value.as_c_str())?,
            None => fsconfig_set_flag(context.as_fd(), name.as_c_str())?,
        }
    }
    fsconfig_create(context.as_fd())?;
    let flags = FsMountFlags::FSMOUNT_CLOEXEC;
    Ok(fsmount(context.as_fd(), flags, MountAttrFlags::empty())?)
}

/// Flags of mount(2) as attributes of a mount.
fn attributes(flags: u64) -> u64 {
    const PAIRS: [(u64, u64); 6] = [
        (libc::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
        (libc::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
        (libc::MS_NODEV, libc::MOUNT_ATTR_NODEV),
        (libc::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
        (libc::MS_NOATIME, libc::MOUNT_ATTR_NOATIME),
        (libc::MS_NODIRATIME, libc::MOUNT_ATTR_NODIRATIME),
    ];
    PAIRS.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |all, (_, bit)| all | bit)
}
