//! The new root and what is mounted in it. Targets are reached by descriptors that cannot leave the root, whatever links an
//! image or a volume holds (CVE-2021-30465, CVE-2024-45310).
//!
//! Runs in the child: nothing here allocates. Sources: mount(2), openat2(2), overlayfs.rst, mount_namespaces(7).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, chownat, fstat, fstatfs, mkdirat, mknodat, open, openat,
    symlinkat,
};
use rustix::io::Errno as Raw;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags,
};
use rustix::mount::{
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount,
    mount_bind_recursive, mount_change,
};
use rustix::mount::{move_mount, open_tree};
use sys::{Errno, MountAttributes, mount_setattr, open_in_root, open_without_links};

use crate::child::mount_flags;
use crate::descriptor_path::DescriptorPath;
use crate::prepared::{FileSystem, Node, OverlayOptions, Target, V1Mount};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// statfs(2).
pub(crate) const PROC_SUPER_MAGIC: i64 = 0x9fa0;
/// As a target's path.
const PROC: &[u8] = b"proc";

/// The container's root, mounted in this namespace and not yet its root.
pub(crate) struct Root {
    directory: OwnedFd,
}

impl Root {
    /// Joins an image's layers. The host's other mounts never see it: this namespace's propagation is cut off.
    pub(crate) fn overlay(options: &OverlayOptions, at: &CStr) -> Result<Self, Errno> {
        match options {
            OverlayOptions::Joined(options) => {
                mount(c"overlay", at, c"overlay", MountFlags::empty(), options.as_c_str())?;
            }
            OverlayOptions::Single { lower, upper, work, volatile } => {
                let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
                for layer in lower {
                    fsconfig_set_string(context.as_fd(), c"lowerdir+", layer.as_c_str())?;
                }
                fsconfig_set_string(context.as_fd(), c"upperdir", upper.as_c_str())?;
                fsconfig_set_string(context.as_fd(), c"workdir", work.as_c_str())?;
                if *volatile {
                    fsconfig_set_flag(context.as_fd(), c"volatile")?;
                }
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

    /// The root of the calling process.
    pub(crate) fn here() -> Result<Self, Errno> {
        Ok(Self { directory: open(c"/", DIRECTORY, Mode::empty())? })
    }

    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Mounts a new file system.
    pub(crate) fn mount(&self, file_system: &FileSystem) -> Result<(), Errno> {
        let FileSystem { kind, source, target, flags, data, copy_up } = file_system;
        let at = if matches!(kind.to_bytes(), b"proc" | b"sysfs") {
            self.make_directory_without_links(target)?
        } else {
            self.make_directory(target)?
        };
        let name = DescriptorPath::of(at.as_fd());
        let flags = mount_flags(*flags);
        mount(source.as_c_str(), name.as_c_str(), kind.as_c_str(), flags, data.as_c_str())?;
        if *copy_up {
            let path = target.path.as_c_str();
            let mounted = open_in_root(self.directory.as_fd(), path, DIRECTORY, Mode::empty())?;
            crate::copy_up::copy(at.as_fd(), mounted.as_fd())?;
        }
        Ok(())
    }

    /// Attaches mounts of the host to a target of the same kind, which is made when it is missing. Their flags are set before
    /// they can be seen.
    pub(crate) fn attach(
        &self,
        tree: BorrowedFd<'_>,
        target: &Target,
        (attributes, recursive): (MountAttributes<'_>, bool),
    ) -> Result<(), Errno> {
        // A process that trusts /proc must find procfs there (CVE-2019-16884).
        if target.path.as_bytes() == PROC && fstatfs(tree)?.f_type != PROC_SUPER_MAGIC {
            return Err(Errno::from_raw(libc::EXDEV));
        }
        let kind = FileType::from_raw_mode(fstat(tree)?.st_mode);
        let at = if kind == FileType::Directory {
            self.make_directory(target)?
        } else {
            self.make_file(target)?
        };
        if attributes.set != 0 || attributes.clear != 0 {
            mount_setattr(tree, c"", recursive, attributes)?;
        }
        attach_to(tree, at.as_fd())
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
        if !node.target.parents.is_empty() {
            self.make_parents(&node.target)?;
        }
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
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        attach_to(open_tree(&from, c"", flags)?.as_fd(), at.as_fd())
    }

    /// A tmpfs with one directory for each hierarchy, the container's own group bound to it.
    pub(crate) fn cgroup_v1(
        &self,
        target: &Target,
        hierarchies: &[V1Mount],
        read_only: bool,
    ) -> Result<(), Errno> {
        let at = self.make_directory(target)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let name = DescriptorPath::of(at.as_fd());
        mount(c"tmpfs", name.as_c_str(), c"tmpfs", flags, c"mode=755")?;
        let directory =
            open_in_root(self.directory.as_fd(), target.path.as_c_str(), DIRECTORY, Mode::empty())?;
        let mut set = MountAttributes {
            set: MountAttributes::NOSUID | MountAttributes::NODEV | MountAttributes::NOEXEC,
            ..MountAttributes::default()
        };
        if read_only {
            set.set |= MountAttributes::RDONLY;
        }
        for hierarchy in hierarchies {
            let group = clone_tree(&hierarchy.source, false)?;
            mount_setattr(group.as_fd(), c"", false, set)?;
            let name = hierarchy.name.as_c_str();
            mkdirat(&directory, name, Mode::from_raw_mode(0o755))?;
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            move_mount(group.as_fd(), c"", directory.as_fd(), name, flags)?;
            for link in &hierarchy.links {
                symlinkat(name, &directory, link.as_c_str())?;
            }
        }
        if read_only {
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

    /// The same for what processes trust to be where it belongs: an image cannot lead it elsewhere by a link
    /// (CVE-2019-19921, CVE-2023-27561).
    fn make_directory_without_links(&self, target: &Target) -> Result<OwnedFd, Errno> {
        let open = || {
            let (root, path) = (self.directory.as_fd(), target.path.as_c_str());
            open_without_links(root, path, DIRECTORY, Mode::empty())
        };
        match open() {
            Err(errno) if errno.raw() == libc::ENOENT => {
                self.make_directory(target)?;
                open()
            }
            opened => opened,
        }
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

/// A copy of a path's mount, or of the mounts below it too, attached nowhere yet.
pub(crate) fn clone_tree(source: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    open_tree(CWD, source, flags).map_err(Errno::from)
}

/// Puts a detached mount on what `at` refers to, whatever its path leads to by now.
pub(crate) fn attach_to(tree: BorrowedFd<'_>, at: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", at, c"", flags).map_err(Errno::from)
}
