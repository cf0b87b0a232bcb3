//! Files of containers and volumes shown on the host, because somebody asked for it.
//!
//! Each lies below one directory, which is bound onto itself and private while anything is in it: nothing spreads to other mount
//! namespaces. What is shown cannot lend the host rights that a container made up: set-user-id bits and devices do not work there.
//! A container has one overlay, however often it is shown or started: the host binds that of a running one, and the next start
//! binds that of the host (`bind_shared` in `rootfs.rs`). Removing a mount's directory takes with it the copies that other mount
//! namespaces were born with. Start at [`HostMounts`]. Sources: mount_namespaces(7), open_tree(2), umount(2), overlayfs.rst.

use std::ffi::CString;
use std::fs::{DirBuilder, File, read_dir, remove_dir};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstatfs, open};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use spec::runtime::IdMapping;
use sys::{Errno, MountAttributes, Namespaces, mount_setattr};

use crate::error::StartError;
use crate::mapped_root;
use crate::options;
use crate::planner::RootSource;
use crate::prepared::{OverlayOptions, path, text};
use crate::process::Process;
use crate::rootfs::{attach_to, clone_at, clone_tree, is_mount, mount_overlay};
use crate::selinux;

/// statfs(2).
const OVERLAYFS_SUPER_MAGIC: i64 = 0x794c_7630;
const PLACE: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PROTECTED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const FAMILIES: [&str; 2] = ["containers", "volumes"];

/// Why something cannot be shown, or not any less.
#[derive(Debug, thiserror::Error)]
pub enum HostMountError {
    /// The kernel or the disk.
    #[error("{action} {}", place.display())]
    Refused {
        /// `mount on`, `unmount` …
        action: &'static str,
        /// Where.
        place: PathBuf,
        /// Why not.
        #[source]
        errno: Errno,
    },
    /// The first process of the container has another root now.
    #[error("its root is not the one that it was started with")]
    Moved,
    /// A path or an option that no system call takes.
    #[error(transparent)]
    Words(#[from] StartError),
}

impl HostMountError {
    /// Whether somebody uses what is mounted.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { errno, .. } if errno.raw() == libc::EBUSY)
    }
}

type Done<T> = Result<T, HostMountError>;

fn refused(action: &'static str, place: &Path) -> impl FnOnce(Errno) -> HostMountError + use<> {
    let place = place.to_owned();
    move |errno| HostMountError::Refused { action, place, errno }
}

/// What is shown of the containers or the volumes of one state directory, each by its name.
#[derive(Clone, Debug)]
pub struct HostMounts {
    state: PathBuf,
    family: &'static str,
}

impl HostMounts {
    /// Those of containers.
    #[must_use]
    pub fn of_containers(state: &Path) -> Self {
        Self { state: state.to_owned(), family: FAMILIES[0] }
    }

    /// Those of volumes.
    #[must_use]
    pub fn of_volumes(state: &Path) -> Self {
        Self { state: state.to_owned(), family: FAMILIES[1] }
    }

    fn directory(&self) -> PathBuf {
        self.state.join("mounts")
    }

    /// Where it is shown if it is.
    #[must_use]
    pub fn place(&self, name: &str) -> PathBuf {
        self.directory().join(self.family).join(name)
    }

    /// Whether it is shown, as the caller's mount namespace has it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        is_mounted(&self.place(name))
    }

    /// Everything that has a place, shown or left by somebody who was killed.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = read_dir(self.directory().join(self.family)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Shows the files of a container that nobody can start meanwhile, as they are with these maps of users and of groups, of one
    /// that has a user namespace. What is shown already stays.
    ///
    /// # Errors
    /// When the overlay is refused. Nothing is left then.
    pub fn show_layers(
        &self,
        name: &str,
        (root, label): (&RootSource, Option<&str>),
        users: Option<[&[IdMapping]; 2]>,
    ) -> Done<PathBuf> {
        let (lower, upper, work, volatile) = match root {
            RootSource::Overlay { lower, upper, work, volatile, .. } => {
                (lower, upper, work, volatile)
            }
            RootSource::Directory { path, .. } => return self.show_directory(name, path),
            RootSource::Spec => return Err(HostMountError::Moved),
        };
        let label = label.filter(|_| selinux::enabled());
        if let Some(users) = users {
            let tree = mapped_root::of_source(root, label, users)?;
            return self.show(name, |place| attach_protected(tree.as_fd(), place));
        }
        let options = OverlayOptions::new(lower, Some((upper, work)), *volatile, label)?;
        self.show(name, |place| {
            let at = path(place)?;
            mount_overlay(&options, &at, PROTECTED).map_err(refused("mount an overlay on", place))
        })
    }

    /// Shows a directory of the host that is a container's root, as it is on the disk, whether the container runs or not.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn show_directory(&self, name: &str, directory: &Path) -> Done<PathBuf> {
        let source = path(directory)?;
        self.show(name, |place| {
            let tree =
                clone_tree(&source, false).map_err(refused("copy the mount of", directory))?;
            attach_protected(tree.as_fd(), place)
        })
    }

    /// Shows the files of a container that runs, those of its own overlay: neither its volumes nor what else is mounted in it.
    /// Gives nothing when it has ended; it may have been started again by then.
    ///
    /// # Errors
    /// When the kernel refuses, or the container has moved its root elsewhere.
    pub fn show_root_of(&self, name: &str, process: &Process) -> Done<Option<PathBuf>> {
        if self.has(name) {
            return Ok(Some(self.place(name)));
        }
        let shown = self.show(name, |place| {
            let tree = root_of(process, place)?;
            let at = open(place, PLACE, Mode::empty())
                .map_err(|errno| refused("open", place)(errno.into()))?;
            attach_to(tree.as_fd(), at.as_fd()).map_err(refused("mount on", place))
        });
        if process.has_ended() {
            // Its next start may have come before it could see this one.
            self.hide(name, true)?;
            return Ok(None);
        }
        shown.map(Some)
    }

    /// Shows a file system of its own.
    ///
    /// # Errors
    /// When it is refused.
    pub fn show_file_system(
        &self,
        name: &str,
        (kind, device): (&str, &str),
        words: &[String],
    ) -> Done<PathBuf> {
        let parsed = options::parse(words);
        let flags = MountFlags::from_bits_retain(u32::try_from(parsed.flags).unwrap_or(0));
        let (device, kind, data) = (text(device)?, text(kind)?, text(&parsed.data)?);
        self.show(name, |place| {
            mount(device.as_c_str(), place, kind.as_c_str(), flags | PROTECTED, data.as_c_str())
                .map_err(|errno| refused("mount on", place)(errno.into()))
        })
    }

    fn show(&self, name: &str, make: impl FnOnce(&Path) -> Done<()>) -> Done<PathBuf> {
        let _lock = self.lock()?;
        let place = self.place(name);
        if is_mounted(&place) {
            return Ok(place);
        }
        let failed = |errno: std::io::Error| refused("make", &place)(errno.into());
        self.make_private()?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&place);
        let shown = made.map_err(failed).and_then(|()| make(&place));
        if let Err(error) = shown {
            let _kept = remove_dir(&place);
            self.tidy();
            return Err(error);
        }
        Ok(place)
    }

    /// Shows it no longer; gives whether it was shown. With `at_once` those who use it keep what they have, and everybody else has
    /// nothing more.
    ///
    /// # Errors
    /// [`HostMountError::is_busy`] where somebody uses it.
    pub fn hide(&self, name: &str, at_once: bool) -> Done<bool> {
        let place = self.place(name);
        if place.symlink_metadata().is_err() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        let flags = if at_once { UnmountFlags::DETACH } else { UnmountFlags::empty() };
        let mut was_shown = false;
        while is_mounted(&place) {
            unmount(&place, flags | UnmountFlags::NOFOLLOW)
                .map_err(|errno| refused("unmount", &place)(errno.into()))?;
            was_shown = true;
        }
        let _not_empty = remove_dir(&place);
        self.tidy();
        Ok(was_shown)
    }

    /// Held while anything is made or taken away.
    fn lock(&self) -> Done<File> {
        let failed = |errno: Errno| refused("lock", &self.state)(errno);
        let directory = File::open(&self.state).map_err(|error| failed(error.into()))?;
        flock(&directory, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
        Ok(directory)
    }

    /// Has what is mounted below stay in this mount namespace.
    fn make_private(&self) -> Done<()> {
        let directory = self.directory();
        let failed = |errno: rustix::io::Errno| refused("make private", &directory)(errno.into());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| refused("make", &directory)(error.into()))?;
        if !is_mounted(&directory) {
            mount_bind(&directory, &directory).map_err(failed)?;
        }
        mount_change(&directory, MountPropagationFlags::PRIVATE).map_err(failed)
    }

    /// Takes the directory away once nothing is in it: whoever unmounts it before is told that it is busy.
    fn tidy(&self) {
        let directory = self.directory();
        for family in FAMILIES {
            let _not_empty = remove_dir(directory.join(family));
        }
        let is_empty = read_dir(&directory).is_ok_and(|mut entries| entries.next().is_none());
        if is_empty && is_mounted(&directory) {
            let _busy = unmount(&directory, UnmountFlags::NOFOLLOW);
        }
        let _not_empty = remove_dir(&directory);
    }
}

/// Puts a mount there with the flags that the host wants of it.
fn attach_protected(tree: BorrowedFd<'_>, place: &Path) -> Done<()> {
    let protected = MountAttributes {
        set: MountAttributes::NOSUID | MountAttributes::NODEV,
        ..MountAttributes::default()
    };
    let failed = |errno: Errno| refused("mount on", place)(errno);
    mount_setattr(tree, c"", false, protected).map_err(failed)?;
    let at = open(place, PLACE, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    attach_to(tree, at.as_fd()).map_err(failed)
}

fn is_mounted(place: &Path) -> bool {
    path(place).is_ok_and(|place: CString| is_mount(CWD, &place).unwrap_or(false))
}

/// A copy of the mount that a process has as its root, with the flags that the host wants of it.
///
/// Its container may be privileged, and have put other mounts there. That they are files of its own is what it may decide anyway;
/// file systems that answer as they like, or not at all, are refused.
fn root_of(process: &Process, place: &Path) -> Done<OwnedFd> {
    let name = format!("/proc/{}/root", process.pid());
    let failed = |errno: Errno| refused("copy the container's root to", place)(errno);
    let root = open(name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| failed(errno.into()))?;
    if process.has_ended() {
        return Err(failed(Errno::from_raw(libc::ESRCH)));
    }
    let kind = fstatfs(&root).map_err(|errno| failed(errno.into()))?.f_type;
    if kind != OVERLAYFS_SUPER_MAGIC || !is_mount(root.as_fd(), c"").map_err(failed)? {
        return Err(HostMountError::Moved);
    }
    let tree = clone_inside(process.pidfd(), root.as_fd()).map_err(failed)?;
    let own = MountAttributes {
        set: MountAttributes::NOSUID | MountAttributes::NODEV,
        clear: MountAttributes::RDONLY | MountAttributes::NOEXEC | MountAttributes::NOSYMFOLLOW,
        propagation: libc::MS_PRIVATE,
        ..MountAttributes::default()
    };
    mount_setattr(tree.as_fd(), c"", false, own).map_err(failed)?;
    Ok(tree)
}

/// A mount is copied by who is in its mount namespace: a thread of our own goes there, looks up no path, and ends. open_tree(2),
/// EINVAL.
fn clone_inside(pidfd: BorrowedFd<'_>, root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let enter = || {
        sys::unshare_file_system()?;
        sys::enter_namespace(pidfd, Namespaces::MOUNT)?;
        clone_at(root)
    };
    std::thread::scope(|scope| scope.spawn(enter).join())
        .unwrap_or_else(|_panic| Err(Errno::from_raw(libc::EAGAIN)))
}
