//! The new root and what is mounted in it. Targets are reached by descriptors that cannot leave the root, whatever links an
//! image or a volume holds (CVE-2021-30465, CVE-2024-45310).
//!
//! Runs in the child: nothing here allocates. Sources: mount(2), openat2(2), overlayfs.rst, mount_namespaces(7).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, chownat, fstat, fstatfs, mkdirat, mknodat, open, openat,
    symlinkat,
};
use rustix::io::Errno as Raw;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags,
};
use rustix::mount::{
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount, mount_bind, mount_bind_recursive,
    mount_change,
};
use rustix::mount::{move_mount, open_tree};
use sys::{Errno, MountAttributes, mount_setattr, open_in_root};

use crate::child::mount_flags;
use crate::descriptor_path::DescriptorPath;
use crate::prepared::{Node, OverlayOptions, Target, V1Mount};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// statfs(2).
const PROC_SUPER_MAGIC: i64 = 0x9fa0;

/// The container's root, mounted in this namespace and not yet its root.
pub(crate) struct Root {
    directory: OwnedFd,
}

/// A mount that was just made, seen from above.
pub(crate) struct Mounted {
    at: OwnedFd,
}

impl Root {
    /// Joins an image's layers. The host's other mounts never see it: this namespace's propagation is cut off.
    pub(crate) fn overlay(options: &OverlayOptions, at: &CStr) -> Result<Self, Errno> {
        match options {
            OverlayOptions::Joined(options) => {
                mount(c"overlay", at, c"overlay", MountFlags::empty(), options.as_c_str())?;
            }
            OverlayOptions::Single { lower, upper, work } => {
                let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
                for layer in lower {
                    fsconfig_set_string(context.as_fd(), c"lowerdir+", layer.as_c_str())?;
                }
                fsconfig_set_string(context.as_fd(), c"upperdir", upper.as_c_str())?;
                fsconfig_set_string(context.as_fd(), c"workdir", work.as_c_str())?;
                fsconfig_create(context.as_fd())?;
                let detached = fsmount(
                    context.as_fd(),
                    FsMountFlags::FSMOUNT_CLOEXEC,
                    MountAttrFlags::empty(),
                )?;
                move_mount(
                    detached.as_fd(),
                    c"",
                    rustix::fs::CWD,
                    at,
                    MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
                )?;
            }
        }
        Ok(Self { directory: open(at, DIRECTORY, Mode::empty())? })
    }

    /// pivot_root(2) wants a mount: the directory is bound onto itself, with everything mounted below it.
    pub(crate) fn bind(path: &CStr) -> Result<Self, Errno> {
        mount_bind_recursive(path, path)?;
        Ok(Self { directory: open(path, DIRECTORY, Mode::empty())? })
    }

    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Mounts a new file system.
    pub(crate) fn mount(
        &self,
        kind: &CStr,
        source: &CStr,
        target: &Target,
        flags: u64,
        data: &CStr,
        copy_up: bool,
    ) -> Result<(), Errno> {
        let at = self.make_directory(target)?;
        let name = DescriptorPath::of(at.as_fd());
        mount(source, name.as_c_str(), kind, mount_flags(flags), data)?;
        if copy_up {
            let mounted = open_in_root(
                self.directory.as_fd(),
                target.path.as_c_str(),
                DIRECTORY,
                Mode::empty(),
            )?;
            crate::copy_up::copy(at.as_fd(), mounted.as_fd())?;
        }
        Ok(())
    }

    /// Binds a file or directory of the host, making the target of the same kind when it is missing.
    pub(crate) fn bind_in(
        &self,
        source: &CStr,
        target: &Target,
        recursive: bool,
        create_source: bool,
    ) -> Result<Mounted, Errno> {
        let from = match open(source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Err(Raw::NOENT) if create_source => {
                rustix::fs::mkdir(source, Mode::from_raw_mode(0o755))?;
                open(source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?
            }
            opened => opened?,
        };
        let is_directory = FileType::from_raw_mode(fstat(&from)?.st_mode) == FileType::Directory;
        let at = if is_directory { self.make_directory(target)? } else { self.make_file(target)? };
        let (from_name, at_name) =
            (DescriptorPath::of(from.as_fd()), DescriptorPath::of(at.as_fd()));
        if recursive {
            mount_bind_recursive(from_name.as_c_str(), at_name.as_c_str())?;
        } else {
            mount_bind(from_name.as_c_str(), at_name.as_c_str())?;
        }
        // The descriptor from before still means the directory below the mount; this one is the mount's own root.
        let at = open_in_root(
            self.directory.as_fd(),
            target.path.as_c_str(),
            OFlags::PATH,
            Mode::empty(),
        )?;
        Ok(Mounted { at })
    }

    pub(crate) fn propagate(
        &self,
        target: &Target,
        flags: MountPropagationFlags,
    ) -> Result<(), Errno> {
        let at = open_in_root(
            self.directory.as_fd(),
            target.path.as_c_str(),
            OFlags::PATH,
            Mode::empty(),
        )?;
        mount_change(DescriptorPath::of(at.as_fd()).as_c_str(), flags).map_err(Errno::from)
    }

    /// Fills `/dev`, which an earlier step has mounted empty, so that nobody's link can stand in the way.
    pub(crate) fn devices(
        &self,
        nodes: &[Node],
        links: &[(std::ffi::CString, std::ffi::CString)],
    ) -> Result<(), Errno> {
        let dev = Self {
            directory: open_in_root(self.directory.as_fd(), c"dev", DIRECTORY, Mode::empty())?,
        };
        // The modes of the nodes are what the plan says.
        let umask = rustix::process::umask(Mode::empty());
        let outcome = nodes.iter().try_for_each(|node| dev.device(node));
        rustix::process::umask(umask);
        outcome?;
        links
            .iter()
            .try_for_each(|(name, to)| symlinkat(to.as_c_str(), &dev.directory, name.as_c_str()))
            .map_err(Errno::from)
    }

    fn device(&self, node: &Node) -> Result<(), Errno> {
        let kind = if node.block { FileType::BlockDevice } else { FileType::CharacterDevice };
        self.make_parents(&node.target)?;
        let name = node.target.path.as_c_str();
        match mknodat(&self.directory, name, kind, Mode::from_raw_mode(node.mode), node.device) {
            // In a user namespace no node can be made, but the host's can be bound.
            Err(Raw::PERM) => return self.bind_host_device(node),
            done => done?,
        }
        if node.uid != 0 || node.gid != 0 {
            let (uid, gid) = (
                rustix::process::Uid::from_raw(node.uid),
                rustix::process::Gid::from_raw(node.gid),
            );
            chownat(&self.directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    fn bind_host_device(&self, node: &Node) -> Result<(), Errno> {
        let host = open(c"/dev", DIRECTORY, Mode::empty())?;
        let from = openat(
            &host,
            node.target.path.as_c_str(),
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let at = self.make_file(&node.target)?;
        let (from_name, at_name) =
            (DescriptorPath::of(from.as_fd()), DescriptorPath::of(at.as_fd()));
        mount_bind(from_name.as_c_str(), at_name.as_c_str()).map_err(Errno::from)
    }

    /// A tmpfs with one directory for each hierarchy. The caller's cgroup namespace begins at the container's groups, so a
    /// fresh mount of a hierarchy shows them as its root. cgroup_namespaces(7).
    pub(crate) fn cgroup_v1(
        &self,
        target: &Target,
        hierarchies: &[V1Mount],
        read_only: bool,
    ) -> Result<(), Errno> {
        let at = self.make_directory(target)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(c"tmpfs", DescriptorPath::of(at.as_fd()).as_c_str(), c"tmpfs", flags, c"mode=755")?;
        let directory =
            open_in_root(self.directory.as_fd(), target.path.as_c_str(), DIRECTORY, Mode::empty())?;
        let kept = if read_only { flags | MountFlags::RDONLY } else { flags };
        for hierarchy in hierarchies {
            mkdirat(&directory, hierarchy.name.as_c_str(), Mode::from_raw_mode(0o755))?;
            let place = openat(&directory, hierarchy.name.as_c_str(), DIRECTORY, Mode::empty())?;
            let name = DescriptorPath::of(place.as_fd());
            mount(c"cgroup", name.as_c_str(), c"cgroup", kept, hierarchy.controllers.as_c_str())?;
            for link in &hierarchy.links {
                symlinkat(hierarchy.name.as_c_str(), &directory, link.as_c_str())?;
            }
        }
        if read_only {
            let set =
                MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
            mount_setattr(directory.as_fd(), c"", false, set)?;
        }
        Ok(())
    }

    /// The target as a directory, made with its parents where missing.
    pub(crate) fn make_directory(&self, target: &Target) -> Result<OwnedFd, Errno> {
        let root = self.directory.as_fd();
        match open_in_root(root, target.path.as_c_str(), DIRECTORY, Mode::empty()) {
            Err(errno) if errno.raw() == libc::ENOENT => {}
            opened => return opened,
        }
        let parent = self.make_parents(target)?;
        let Some(name) = target.names.last() else { return Err(Errno::from_raw(libc::EINVAL)) };
        match mkdirat(&parent, name.as_c_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Raw::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        open_in_root(root, target.path.as_c_str(), DIRECTORY, Mode::empty())
    }

    /// The target as a file that is no directory, made empty where missing.
    pub(crate) fn make_file(&self, target: &Target) -> Result<OwnedFd, Errno> {
        let root = self.directory.as_fd();
        match open_in_root(root, target.path.as_c_str(), OFlags::PATH, Mode::empty()) {
            Err(errno) if errno.raw() == libc::ENOENT => {}
            opened => return opened,
        }
        let parent = self.make_parents(target)?;
        let Some(name) = target.names.last() else { return Err(Errno::from_raw(libc::EINVAL)) };
        match mknodat(
            &parent,
            name.as_c_str(),
            FileType::RegularFile,
            Mode::from_raw_mode(0o644),
            0,
        ) {
            Ok(()) | Err(Raw::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        open_in_root(root, target.path.as_c_str(), OFlags::PATH, Mode::empty())
    }

    /// The target's directory. Each one is looked up from the root again: what was a directory a moment ago may be a link.
    fn make_parents(&self, target: &Target) -> Result<OwnedFd, Errno> {
        let root = self.directory.as_fd();
        let mut parent = open_in_root(root, c".", DIRECTORY, Mode::empty())?;
        for (path, name) in target.parents.iter().zip(&target.names) {
            parent = match open_in_root(root, path.as_c_str(), DIRECTORY, Mode::empty()) {
                Err(errno) if errno.raw() == libc::ENOENT => {
                    mkdirat(&parent, name.as_c_str(), Mode::from_raw_mode(0o755))?;
                    open_in_root(root, path.as_c_str(), DIRECTORY, Mode::empty())?
                }
                opened => opened?,
            };
        }
        Ok(parent)
    }
}

impl Mounted {
    /// Sets flags on the mount, or on the tree below it.
    pub(crate) fn set(
        &self,
        attributes: MountAttributes<'_>,
        recursive: bool,
    ) -> Result<(), Errno> {
        if attributes.set == 0 && attributes.clear == 0 {
            return Ok(());
        }
        mount_setattr(self.at.as_fd(), c"", recursive, attributes)
    }
}

/// Covers a file with `/dev/null` and a directory with an empty file system. What is not there needs no cover.
pub(crate) fn mask(path: &CStr, trusted: bool) -> Result<(), Errno> {
    let Some(at) = open_protected(path, trusted)? else { return Ok(()) };
    if FileType::from_raw_mode(fstat(&at)?.st_mode) == FileType::Directory {
        let flags =
            MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        return mount(
            c"tmpfs",
            DescriptorPath::of(at.as_fd()).as_c_str(),
            c"tmpfs",
            flags,
            c"size=0k",
        )
        .map_err(Errno::from);
    }
    // Opened and looked at before it is used: an image may have put something else in its place (CVE-2025-31133).
    let null =
        open(c"/dev/null", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fstat(&null)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice
        || stat.st_rdev != rustix::fs::makedev(1, 3)
    {
        return Err(Errno::from_raw(libc::ENODEV));
    }
    let cover = open_tree(
        null.as_fd(),
        c"",
        OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH,
    )?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(cover.as_fd(), c"", at.as_fd(), c"", flags).map_err(Errno::from)
}

/// Makes a path read-only by a bind mount of itself.
pub(crate) fn read_only(path: &CStr, trusted: bool) -> Result<(), Errno> {
    let Some(at) = open_protected(path, trusted)? else { return Ok(()) };
    // A detached copy is changed before it is attached: the path is never writable through it.
    let copy = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let cover = open_tree(at.as_fd(), c"", copy | OpenTreeFlags::AT_RECURSIVE)?;
    let flags = MountAttributes::RDONLY
        | MountAttributes::NOSUID
        | MountAttributes::NODEV
        | MountAttributes::NOEXEC;
    mount_setattr(
        cover.as_fd(),
        c"",
        true,
        MountAttributes { set: flags, ..MountAttributes::default() },
    )?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(cover.as_fd(), c"", at.as_fd(), c"", flags).map_err(Errno::from)
}

/// The path without following a link at its end; nothing where it does not exist.
fn open_protected(path: &CStr, trusted: bool) -> Result<Option<OwnedFd>, Errno> {
    let at = match open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(at) => at,
        Err(Raw::NOENT | Raw::NOTDIR | Raw::ACCESS) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    // Below /proc it must be procfs indeed, not what a mount of the image's choice shows there (CVE-2023-27561).
    let under_proc = path.to_bytes().starts_with(b"/proc/");
    if trusted && under_proc && fstatfs(&at)?.f_type != PROC_SUPER_MAGIC {
        return Err(Errno::from_raw(libc::EXDEV));
    }
    Ok(Some(at))
}

/// The root and nothing below it.
pub(crate) fn read_only_root() -> Result<(), Errno> {
    let set = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
    let root = open(c"/", DIRECTORY, Mode::empty())?;
    mount_setattr(root.as_fd(), c"", false, set)
}
