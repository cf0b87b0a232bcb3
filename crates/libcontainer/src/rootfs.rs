//! The new root and what is mounted in it. Targets are reached by descriptors that cannot leave the root, whatever links an
//! image or a volume holds (CVE-2021-30465, CVE-2024-45310).
//!
//! Runs in the child: nothing here allocates. Sources: mount(2), openat2(2), overlayfs.rst, mount_namespaces(7).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, StatxAttributes, StatxFlags, XattrFlags, chmod, fstat,
    fstatfs, mkdirat, open, openat, setxattr, statx, symlinkat,
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
use sys::{Errno, MountAttributes, mount_setattr, open_in_root};

use crate::child::mount_flags;
use crate::cover;
use crate::descriptor_path::DescriptorPath;
use crate::id_map::IdMap;
use crate::prepared::{
    BindAttributes, BindSource, FileSystem, OverlayOptions, PAGE, Target, V1Mounts, V2Mount,
};
use crate::target::{DIRECTORY, Kind, Place};

/// statfs(2).
pub(crate) const PROC_SUPER_MAGIC: i64 = 0x9fa0;
/// As a target's path.
const PROC: &[u8] = b"proc";

/// The container's root, mounted in this namespace and not yet its root.
pub(crate) struct Root {
    directory: OwnedFd,
}

impl Root {
    /// Joins an image's layers. The host's other mounts never see it: this namespace's propagation is cut off. Where the host
    /// shows the same files already, its overlay is bound: two of one upper directory would not see what the other one does.
    /// Kernel filesystems/overlayfs.rst, "Sharing and copying layers".
    pub(crate) fn overlay(
        options: &OverlayOptions,
        at: &CStr,
        shared: Option<&CStr>,
    ) -> Result<Self, Errno> {
        if !bind_shared(shared, at)? {
            mount_overlay(options, at, MountFlags::empty())?;
        }
        Ok(Self { directory: open(at, DIRECTORY, Mode::empty())? })
    }

    /// An overlay that was made elsewhere. It covers the root of this mount namespace, the one directory that the container's root
    /// surely reaches: paths go on to mean what is below it, until the roots change places.
    pub(crate) fn lent(tree: BorrowedFd<'_>) -> Result<Self, Errno> {
        move_mount(tree, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        Ok(Self { directory: openat(tree, c".", DIRECTORY, Mode::empty())? })
    }

    /// pivot_root(2) wants a mount: the directory is bound onto itself, with everything mounted below it.
    pub(crate) fn bind(path: &CStr) -> Result<Self, Errno> {
        mount_bind_recursive(path, path)?;
        Ok(Self { directory: open(path, DIRECTORY, Mode::empty())? })
    }

    /// A directory of the host, as it is.
    pub(crate) fn open(path: &std::path::Path) -> Result<Self, Errno> {
        Ok(Self { directory: open(path, DIRECTORY, Mode::empty())? })
    }

    /// The root of the calling process.
    pub(crate) fn here() -> Result<Self, Errno> {
        Ok(Self { directory: open(c"/", DIRECTORY, Mode::empty())? })
    }

    /// Changes what its mount has.
    pub(crate) fn set_attributes(&self, attributes: MountAttributes<'_>) -> Result<(), Errno> {
        mount_setattr(self.directory(), c"", false, attributes)
    }

    /// Below another root, which nobody's link can lead out of.
    pub(crate) fn below(directory: OwnedFd) -> Self {
        Self { directory }
    }

    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Mounts a directory of the root over itself, with attributes of its own before anybody sees it.
    pub(crate) fn part(
        &self,
        target: &Target,
        attributes: &BindAttributes,
        mode: Option<u32>,
    ) -> Result<(), Errno> {
        let place = self.place(target, Kind::Directory)?;
        if let Some(mode) = mode.filter(|_| place.made) {
            let name = DescriptorPath::of(place.at.as_fd());
            chmod(name.as_c_str(), Mode::from_raw_mode(mode))?;
        }
        let tree = clone_at(place.at.as_fd())?;
        set_attributes(tree.as_fd(), attributes)?;
        attach_to(tree.as_fd(), place.at.as_fd())
    }

    /// Mounts a new file system.
    pub(crate) fn mount(&self, file_system: &FileSystem) -> Result<(), Errno> {
        let FileSystem { kind, source, target, flags, data, copy_up, keep_mode, label } =
            file_system;
        let place = if matches!(kind.to_bytes(), b"proc" | b"sysfs") {
            Place { at: self.make_directory_without_links(target)?, made: false }
        } else {
            self.place(target, Kind::Directory)?
        };
        let name = DescriptorPath::of(place.at.as_fd());
        let (source, name, kind) = (source.as_c_str(), name.as_c_str(), kind.as_c_str());
        let mount = |options: &CStr| mount(source, name, kind, mount_flags(*flags), options);
        if *keep_mode && !place.made {
            with_mode_of(&place.at, data, mount)?;
        } else {
            mount(data)?;
        }
        if !*copy_up && label.is_none() {
            return Ok(());
        }
        let path = target.path.as_c_str();
        let mounted = open_in_root(self.directory.as_fd(), path, DIRECTORY, Mode::empty())?;
        if *copy_up {
            crate::copy_up::copy(place.at.as_fd(), mounted.as_fd())?;
        }
        label.as_ref().map_or(Ok(()), |label| {
            let name = DescriptorPath::of(mounted.as_fd());
            let value = label.to_bytes_with_nul();
            setxattr(name.as_c_str(), c"security.selinux", value, XattrFlags::empty())
        })?;
        Ok(())
    }

    /// The v2 tree, or where the kernel refuses it to a user namespace, the host's own bound: cgroup_namespaces(7).
    pub(crate) fn cgroup_v2(&self, tree: &V2Mount) -> Result<(), Errno> {
        let V2Mount { target, flags, data, group, attributes } = tree;
        let place = self.place(target, Kind::Directory)?;
        let name = DescriptorPath::of(place.at.as_fd());
        let (name, flags) = (name.as_c_str(), mount_flags(*flags));
        match mount(c"cgroup", name, c"cgroup2", flags, data.as_c_str()) {
            Err(Raw::PERM | Raw::BUSY) => {
                let bound = match clone_tree(group, true) {
                    // A user who may make no groups has none.
                    Err(errno) if errno.raw() == libc::ENOENT => cover::empty_file_system(None)?,
                    bound => bound?,
                };
                set_attributes(bound.as_fd(), attributes)?;
                attach_to(bound.as_fd(), place.at.as_fd())
            }
            done => Ok(done?),
        }
    }

    /// Attaches mounts of the host to a target of the same kind, which is made when it is missing. Their flags are set before
    /// they can be seen.
    pub(crate) fn attach(
        &self,
        tree: BorrowedFd<'_>,
        target: &Target,
        attributes: &BindAttributes,
    ) -> Result<(), Errno> {
        // A process that trusts /proc must find procfs there (CVE-2019-16884).
        if target.path.as_bytes() == PROC && fstatfs(tree)?.f_type != PROC_SUPER_MAGIC {
            return Err(Errno::from_raw(libc::EXDEV));
        }
        let is_directory = FileType::from_raw_mode(fstat(tree)?.st_mode) == FileType::Directory;
        let kind = if is_directory { Kind::Directory } else { Kind::File };
        let place = self.place(target, kind)?;
        set_attributes(tree, attributes)?;
        attach_to(tree, place.at.as_fd())
    }

    /// Makes a mount read-only that had to be filled first.
    pub(crate) fn seal(&self, target: &Target) -> Result<(), Errno> {
        let path = target.path.as_c_str();
        let at = open_in_root(self.directory.as_fd(), path, OFlags::PATH, Mode::empty())?;
        let set = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
        mount_setattr(at.as_fd(), c"", false, set)
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

    /// A tmpfs with one directory for each hierarchy, the container's own group bound to it.
    pub(crate) fn cgroup_v1(
        &self,
        target: &Target,
        hierarchies: &V1Mounts,
        read_only: bool,
    ) -> Result<(), Errno> {
        let at = self.place(target, Kind::Directory)?.at;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let name = DescriptorPath::of(at.as_fd());
        mount(c"tmpfs", name.as_c_str(), c"tmpfs", flags, hierarchies.options.as_c_str())?;
        let directory =
            open_in_root(self.directory.as_fd(), target.path.as_c_str(), DIRECTORY, Mode::empty())?;
        let mut set = MountAttributes {
            set: MountAttributes::NOSUID | MountAttributes::NODEV | MountAttributes::NOEXEC,
            ..MountAttributes::default()
        };
        let read_only_set = MountAttributes { set: set.set | MountAttributes::RDONLY, ..set };
        if read_only {
            set = read_only_set;
        }
        for hierarchy in &hierarchies.list {
            let (group, set) = match (clone_tree(&hierarchy.source, false), &hierarchy.callers) {
                (Err(errno), Some(callers)) if errno.raw() == libc::ENOENT => {
                    (clone_tree(callers, false)?, read_only_set)
                }
                (group, _) => (group?, set),
            };
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
}

/// Mounts an overlay with these flags, of which only those may be given that are the same bits for mount(2) and fsmount(2): the
/// four from MS_RDONLY to MS_NOEXEC.
pub(crate) fn mount_overlay(
    options: &OverlayOptions,
    at: &CStr,
    flags: MountFlags,
) -> Result<(), Errno> {
    match options {
        OverlayOptions::Joined(options) => {
            mount(c"overlay", at, c"overlay", flags, options.as_c_str())?;
        }
        OverlayOptions::Single { .. } => {
            let detached = make_overlay(options, MountAttrFlags::from_bits_retain(flags.bits()))?;
            let from = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            move_mount(detached.as_fd(), c"", CWD, at, from)?;
        }
    }
    Ok(())
}

/// An overlay of options one by one, attached nowhere yet.
pub(crate) fn make_overlay(
    options: &OverlayOptions,
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let OverlayOptions::Single { lower, upper, volatile, label, user_attributes } = options else {
        return Err(Errno::from_raw(libc::EINVAL));
    };
    let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in lower {
        fsconfig_set_string(context.as_fd(), c"lowerdir+", layer.as_c_str())?;
    }
    if let Some((upper, work)) = upper {
        fsconfig_set_string(context.as_fd(), c"upperdir", upper.as_c_str())?;
        fsconfig_set_string(context.as_fd(), c"workdir", work.as_c_str())?;
    }
    if let Some(label) = label {
        fsconfig_set_string(context.as_fd(), c"context", label.as_c_str())?;
    }
    if *volatile {
        fsconfig_set_flag(context.as_fd(), c"volatile")?;
    }
    if *user_attributes {
        fsconfig_set_flag(context.as_fd(), c"userxattr")?;
    }
    fsconfig_create(context.as_fd())?;
    Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Binds what the host has mounted at `shared`, if it has, without what the host is protected by there.
fn bind_shared(shared: Option<&CStr>, at: &CStr) -> Result<bool, Errno> {
    let Some(tree) = shared_tree(shared)? else { return Ok(false) };
    move_mount(tree.as_fd(), c"", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(true)
}

/// A copy of it that is attached nowhere yet.
pub(crate) fn shared_tree(shared: Option<&CStr>) -> Result<Option<OwnedFd>, Errno> {
    let Some(shared) = shared else { return Ok(None) };
    let place = match open(shared, DIRECTORY, Mode::empty()) {
        Err(Raw::NOENT) => return Ok(None),
        opened => opened?,
    };
    if !is_mount(place.as_fd(), c"")? {
        return Ok(None);
    }
    let tree = clone_at(place.as_fd())?;
    let protections = MountAttributes::NOSUID | MountAttributes::NODEV;
    let clear = MountAttributes { clear: protections, ..MountAttributes::default() };
    mount_setattr(tree.as_fd(), c"", false, clear)?;
    Ok(Some(tree))
}

/// Whether a path is where something is mounted: statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8. No server is asked.
pub(crate) fn is_mount(directory: BorrowedFd<'_>, path: &CStr) -> Result<bool, Errno> {
    let flags = AtFlags::EMPTY_PATH
        | AtFlags::SYMLINK_NOFOLLOW
        | AtFlags::NO_AUTOMOUNT
        | AtFlags::STATX_DONT_SYNC;
    let about = statx(directory, path, flags, StatxFlags::empty())?;
    Ok(about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// A copy of the one mount that a descriptor is in, from where it is, attached nowhere yet.
pub(crate) fn clone_at(directory: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(directory, c"", flags).map_err(Errno::from)
}

/// A copy of a path's mount, or of the mounts below it too, attached nowhere yet.
pub(crate) fn clone_tree(source: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    open_tree(CWD, source, flags).map_err(Errno::from)
}

/// The same for a path below a directory, where others may put links while it is looked up.
fn clone_tree_within(directory: &CStr, path: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    let directory = open(directory, DIRECTORY, Mode::empty())?;
    let source = open_in_root(directory.as_fd(), path, OFlags::PATH, Mode::empty())?;
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags |= OpenTreeFlags::AT_EMPTY_PATH;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    open_tree(source.as_fd(), c"", flags).map_err(Errno::from)
}

/// The same with its ids mapped; `own` is the container's user namespace. Before it is attached a mount can be mapped, and no
/// longer after: mount_setattr(2), "MOUNT_ATTR_IDMAP".
pub(crate) fn clone_mapped(
    source: &BindSource,
    own: Option<BorrowedFd<'_>>,
) -> Result<OwnedFd, Errno> {
    let BindSource { path, within, recursive, id_map, of_process: _ } = source;
    let tree = match within {
        None => clone_tree(path, *recursive)?,
        Some(directory) => clone_tree_within(directory, path, *recursive)?,
    };
    if let Some(IdMap { namespace, recursive }) = id_map {
        let user_namespace = namespace.as_ref().map(OwnedFd::as_fd).or(own);
        if user_namespace.is_none() {
            return Err(Errno::from_raw(libc::EINVAL));
        }
        let map = MountAttributes { user_namespace, ..MountAttributes::default() };
        mount_setattr(tree.as_fd(), c"", *recursive, map)?;
    }
    Ok(tree)
}

/// Puts a detached mount on what `at` refers to, whatever its path leads to by now.
pub(crate) fn attach_to(tree: BorrowedFd<'_>, at: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", at, c"", flags).map_err(Errno::from)
}

/// Changes what a detached bind has. What it would lose of its source only because nobody asked for it, it keeps where the
/// kernel holds on to it: mount_namespaces(7), "Restrictions on mount namespaces". Links are not among what is held.
fn set_attributes(tree: BorrowedFd<'_>, attributes: &BindAttributes) -> Result<(), Errno> {
    let BindAttributes { own, unless_locked, tree: all } = *attributes;
    let clear = |more| MountAttributes { clear: own.clear | more, ..own };
    if own.set | own.clear | unless_locked != 0 {
        match mount_setattr(tree, c"", false, clear(unless_locked)) {
            Err(errno) if errno.raw() == libc::EPERM && unless_locked != 0 => {
                let never_locked = unless_locked & MountAttributes::NOSYMFOLLOW;
                mount_setattr(tree, c"", false, clear(never_locked))?;
            }
            done => done?,
        }
    }
    if all.set | all.clear | all.propagation != 0 {
        mount_setattr(tree, c"", true, all)
    } else {
        Ok(())
    }
}

/// Mounts with the mode of the directory that is covered, before the options that are given, of which a later one counts:
/// tmpfs(5). Its text is on the stack of those only that need it.
#[inline(never)]
fn with_mode_of(
    directory: &OwnedFd,
    given: &CStr,
    mount: impl FnOnce(&CStr) -> Result<(), Raw>,
) -> Result<(), Errno> {
    let mode = fstat(directory)?.st_mode & 0o7777;
    let mut text = [0; PAGE];
    let start = b"mode=";
    text[..start.len()].copy_from_slice(start);
    let mut end = start.len();
    for shift in [9, 6, 3, 0] {
        text[end] = b'0' + u8::try_from(mode >> shift & 7).unwrap_or(0);
        end += 1;
    }
    let given = given.to_bytes();
    if !given.is_empty() {
        text[end] = b',';
        end += 1;
    }
    let room = text.get_mut(end..end + given.len()).filter(|_| end + given.len() < PAGE);
    room.ok_or(Errno::from_raw(libc::E2BIG))?.copy_from_slice(given);
    mount(CStr::from_bytes_until_nul(&text).unwrap_or(c"")).map_err(Errno::from)
}
