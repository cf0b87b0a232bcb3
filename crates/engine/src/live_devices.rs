//! Devices of the machine that a running container is given, and that are taken away again. Source: mknod(2), kernel
//! Documentation/admin-guide/cgroup-v1/devices.rst.
//!
//! Until its end: the next run has those of its configuration.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, major, minor, mknodat, openat, stat, statat,
    unlinkat,
};
use rustix::io::Errno;

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::{Action, State};

impl Containers<'_> {
    /// Lets a running container use a device of the machine, and makes a node for it at a path inside.
    ///
    /// # Errors
    /// For what is no device, containers with users of their own, whose file systems have no devices, and machines whose groups let
    /// nobody add one.
    pub fn add_device(
        &self,
        container: &Container,
        device: &Path,
        inside: &Path,
    ) -> Result<(), EngineError> {
        container.allow(Action::Exec)?;
        if container.config.sharing.users.is_inside() {
            let why = "a container with users of its own cannot open devices that are made in it";
            return Err(EngineError::value("device", device.display().to_string(), why));
        }
        let found =
            stat(device).map_err(|errno| EngineError::file("look at", device)(errno.into()))?;
        let rule = rule_of(&found).ok_or_else(|| {
            EngineError::value("device", device.display().to_string(), "it is no device")
        })?;
        let (parent, name) = place(container, inside)?;
        self.write_group_file(container, "devices.allow", &format!("{rule} rwm"))?;
        let kind = FileType::from_raw_mode(found.st_mode);
        let mode = Mode::from_raw_mode(found.st_mode);
        match mknodat(&parent, &name, kind, mode, found.st_rdev) {
            // It is there already, perhaps the same.
            Err(Errno::EXIST) if is_same(&parent, &name, &found) => Ok(()),
            made => made.map_err(|errno| EngineError::file("make", inside)(errno.into())),
        }
    }

    /// Takes a device away again, by the path of its node inside.
    ///
    /// # Errors
    /// When there is no such node, or it is no device.
    pub fn remove_device(&self, container: &Container, inside: &Path) -> Result<(), EngineError> {
        container.allow(Action::Exec)?;
        let (parent, name) = place(container, inside)?;
        let failed = |errno: Errno| EngineError::file("remove", inside)(errno.into());
        let found = statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let rule = rule_of(&found).ok_or_else(|| {
            EngineError::value("device", inside.display().to_string(), "it is no device")
        })?;
        self.write_group_file(container, "devices.deny", &format!("{rule} rwm"))?;
        unlinkat(&parent, &name, AtFlags::empty()).map_err(failed)
    }
}

/// As the devices controller has it; nothing for what is no device.
fn rule_of(status: &Stat) -> Option<String> {
    let kind = match FileType::from_raw_mode(status.st_mode) {
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        FileType::RegularFile
        | FileType::Directory
        | FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::Unknown => return None,
    };
    Some(format!("{kind} {}:{}", major(status.st_rdev), minor(status.st_rdev)))
}

fn is_same(parent: &OwnedFd, name: &Path, wanted: &Stat) -> bool {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| {
        found.st_rdev == wanted.st_rdev
            && rule_of(&found).is_some()
            && rule_of(&found) == rule_of(wanted)
    })
}

/// The directory of a path inside, and its last part. Links in the container end in it.
fn place(container: &Container, inside: &Path) -> Result<(OwnedFd, PathBuf), EngineError> {
    let State::Running { pid, .. } = container.state else {
        return Err(container.refuse(Action::Exec, "not running"));
    };
    let wrong = || {
        EngineError::value("device", inside.display().to_string(), "it is no path of a file inside")
    };
    let (Some(parent), Some(Component::Normal(name))) =
        (inside.parent(), inside.components().next_back())
    else {
        return Err(wrong());
    };
    let failed = |errno: Errno| EngineError::file("open", inside)(errno.into());
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, &root, flags, Mode::empty()).map_err(failed)?;
    let opened = sys::open_in_root(root.as_fd(), parent, flags, Mode::empty());
    let parent = opened.map_err(|errno| EngineError::file("open", inside)(errno.into()))?;
    Ok((parent, PathBuf::from(name)))
}
