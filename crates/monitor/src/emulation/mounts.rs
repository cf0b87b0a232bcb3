//! mount(2) of file systems that harm nobody, and umount2(2) of what was mounted so: for root of a container that may not mount by itself.
//!
//! A file system in memory or of terminals is made anew, in the container's user namespace. Of every other kind the container gets a
//! copy of the mount that it has, together with what is masked or can only be read below it: by the new one nothing can be seen or
//! written that could not be by the old one. What is mounted where is named by descriptors alone, and a path is looked up once.
//! Sources: mount(2), umount(2), fsopen(2), open_tree(2), mount_namespaces(7), kernel filesystems/sharedsubtree.rst.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FlockOperation, MemfdFlags, Mode, OFlags, ResolveFlags, Statx, StatxAttributes,
    StatxFlags, fcntl_lock, fstatfs, ftruncate, memfd_create, open, openat, openat2, statx,
};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use sys::{Answer, Errno, MountAttributes, Namespaces};

use super::caller::{Caller, Place, Rights, WORKING_DIRECTORY};
use super::kinds::{Kind, Setting, attributes, is_the_kernels};
use crate::running::Running;

/// Mounts of this kind that a container can have at once. What the kernel keeps for one is charged to nobody's limit.
const MOST: usize = 64;
/// Bytes of a mount's number.
const NUMBER: usize = size_of::<u64>();

/// `MNT_DETACH` and `UMOUNT_NOFOLLOW`, umount(2).
const LAZY: u64 = 2;
const NO_FOLLOW: u64 = 8;

/// `STATX_MNT_ID_UNIQUE`, Linux 6.8: a number that no other mount has had since the machine was started.
const UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// What was mounted here, and what mounts are labelled with.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The numbers of the mounts, in memory that the children of this process share.
    made: OwnedFd,
    label: Option<String>,
}

impl Mounts {
    pub(super) fn new(label: Option<String>) -> Result<Self, Errno> {
        Ok(Self { made: memfd_create("mounts", MemfdFlags::CLOEXEC)?, label })
    }

    /// The run is over, and its mounts with it.
    pub(super) fn forget(&self) {
        let _empty = ftruncate(&self.made, 0);
    }

    /// The numbers; nobody else changes them until this process ends.
    fn held(&self) -> Result<Vec<u64>, Errno> {
        fcntl_lock(&self.made, FlockOperation::LockExclusive)?;
        let mut bytes = [0; MOST * NUMBER];
        let length = rustix::io::pread(&self.made, &mut bytes[..], 0)?;
        let (words, _) = bytes.get(..length).unwrap_or_default().as_chunks::<NUMBER>();
        Ok(words.iter().copied().map(u64::from_ne_bytes).collect())
    }

    fn keep(&self, numbers: &[u64]) -> Result<(), Errno> {
        let bytes: Vec<u8> = numbers.iter().copied().flat_map(u64::to_ne_bytes).collect();
        rustix::io::pwrite(&self.made, &bytes, 0)?;
        Ok(ftruncate(&self.made, bytes.len() as u64)?)
    }
}

/// mount(2).
pub(super) fn mount(
    caller: &Caller<'_>,
    [_, target, kind, flags, data, _]: [u64; 6],
    run: &Running,
    mounts: &Mounts,
) -> Result<Answer, Errno> {
    if !is_of_container(caller, run)? {
        return Ok(Answer::Continue);
    }
    let asked = attributes(flags)?;
    let kind = Kind::named(caller.text(kind)?.to_bytes())?;
    let options = if data == 0 { String::new() } else { words(caller, data)? };
    let view = run.limits.as_ref().ok_or_else(refused)?.view();
    let options = kind.options(&options, view.memory().total)?;
    let target = caller.text(target)?;
    let place = Place::of(caller, WORKING_DIRECTORY, &target)?;
    let (source, table) = enter(caller, &place, kind)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let target = openat2(CWD, target, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    check_target(&target, table)?;
    let mut made = mounts.held()?;
    if made.len() >= MOST {
        return Err(Errno::from_raw(libc::ENOSPC));
    }
    let tree = match (kind, source) {
        (Kind::Copy(..), Some(source)) => copy(&source, asked)?,
        (Kind::Tmpfs, _) => {
            fresh("tmpfs", &options, mounts.label.as_deref(), asked | kind.always())?
        }
        (Kind::Devpts, _) => {
            fresh("devpts", &options, mounts.label.as_deref(), asked | kind.always())?
        }
        (Kind::Copy(..), None) => return Err(refused()),
    };
    made.push(about(&tree)?.stx_mnt_id);
    caller.still_waits()?;
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, c"", &target, c"", both)?;
    mounts.keep(&made)?;
    Ok(Answer::Value(0))
}

/// umount2(2), of what [`mount`] has made. What is open in it stays until it is closed: a copy of /proc has mounts of its own below.
pub(super) fn unmount(
    caller: &Caller<'_>,
    (target, flags): (u64, u64),
    run: &Running,
    mounts: &Mounts,
) -> Result<Answer, Errno> {
    if !is_of_container(caller, run)? {
        return Ok(Answer::Continue);
    }
    let follows = flags & NO_FOLLOW == 0;
    if flags & !(LAZY | NO_FOLLOW) != 0 {
        return Err(refused());
    }
    let target = caller.text(target)?;
    let place = Place::of(caller, WORKING_DIRECTORY, &target)?;
    let descriptors = open("/proc/self/fd", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    enter(caller, &place, Kind::Tmpfs)?;
    let nofollow = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::PATH | OFlags::CLOEXEC | nofollow;
    let target = openat2(CWD, target, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    let about = about(&target)?;
    if !about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Err(Errno::from_raw(libc::EINVAL));
    }
    let mut made = mounts.held()?;
    let Some(known) = made.iter().position(|number| *number == about.stx_mnt_id) else {
        return Err(refused());
    };
    caller.still_waits()?;
    // By its descriptor: umount2(2) takes a path alone, and this one leads to nothing else.
    rustix::process::fchdir(&descriptors)?;
    rustix::mount::unmount(target.as_raw_fd().to_string(), UnmountFlags::DETACH)?;
    made.swap_remove(known);
    mounts.keep(&made)?;
    Ok(Answer::Value(0))
}

fn refused() -> Errno {
    Errno::from_raw(libc::EPERM)
}

/// Whether the caller is what calls are answered for: in the container's own namespaces. One in a user namespace of its own, where its
/// filter lets it make any, has the rights there that the kernel judges by.
fn is_of_container(caller: &Caller<'_>, run: &Running) -> Result<bool, Errno> {
    let first = run.process.pid().to_string();
    if !caller.shares("user", &first)? {
        return Ok(false);
    }
    if caller.shares("mnt", &first)? { Ok(true) } else { Err(refused()) }
}

fn words(caller: &Caller<'_>, address: u64) -> Result<String, Errno> {
    let text = caller.text(address)?;
    text.into_string().map_err(|_none_is_known| refused())
}

/// Becomes the caller, in its namespaces, with its root and ids, and the right to mount; gives the mount that a kind is a copy of, and the
/// table of all mounts.
fn enter(
    caller: &Caller<'_>,
    place: &Place,
    kind: Kind,
) -> Result<(Option<OwnedFd>, OwnedFd), Errno> {
    let own = open("/proc/self", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let users = if caller.shares("user", "self")? {
        None
    } else {
        Some(caller.open("ns/user", OFlags::RDONLY)?)
    };
    caller.still_waits()?;
    if let Some(users) = users {
        sys::enter_namespace(users.as_fd(), Namespaces::USER)?;
    }
    let who = caller.credentials()?;
    if who.uid != 0 {
        // Whoever else could cover /etc could become root by it.
        return Err(refused());
    }
    place.enter_mounts()?;
    let source = match kind {
        Kind::Copy(number, paths) => paths.iter().find_map(|path| own_mount(path, number)),
        Kind::Tmpfs | Kind::Devpts => None,
    };
    // Below another root it would show what is below that alone.
    let table = openat(own, "mountinfo", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    place.stand()?;
    who.take(Rights::MOUNT)?;
    Ok((source, table))
}

/// The container's own mount at a path below the root of its mount namespace, if it is one of that file system.
fn own_mount(path: &str, number: u64) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let own = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    let is_root = about(&own).ok()?.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    (is_root && file_system(&own).ok()? == number).then_some(own)
}

fn file_system(place: &OwnedFd) -> Result<u64, Errno> {
    // A number of 32 bits in a field with a sign.
    Ok(fstatfs(place)?.f_type.cast_unsigned() & u64::from(u32::MAX))
}

fn about(place: &OwnedFd) -> Result<Statx, Errno> {
    Ok(statx(place, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | UNIQUE)?)
}

/// Refuses what nothing may be mounted on: the roots of mounts, since what is there was put there by whoever runs the container; the kernel's
/// own file systems; and mounts that others are peers of, who would get it too.
fn check_target(target: &OwnedFd, table: OwnedFd) -> Result<(), Errno> {
    if about(target)?.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Err(Errno::from_raw(libc::EBUSY));
    }
    if is_the_kernels(file_system(target)?) {
        return Err(refused());
    }
    // The number that the table has, which a later mount may have again; this one is held by its descriptor.
    let number = statx(target, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?.stx_mnt_id;
    let mut text = String::new();
    let read = std::fs::File::from(table).read_to_string(&mut text);
    read.map_err(|_gone| Errno::from_raw(libc::ESRCH))?;
    if is_shared(&text, number) == Some(false) { Ok(()) } else { Err(refused()) }
}

/// Whether a mount of that number in a table has peers; nothing when it is not there. proc_pid_mountinfo(5).
fn is_shared(table: &str, number: u64) -> Option<bool> {
    let line = table
        .lines()
        .find(|line| line.split(' ').next().and_then(|first| first.parse().ok()) == Some(number))?;
    let optional = line.split(' ').skip(6).take_while(|word| *word != "-");
    Some(optional.into_iter().any(|word| word.starts_with("shared:")))
}

fn fresh(
    kind: &str,
    options: &[Setting],
    label: Option<&str>,
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", kind)?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, value.as_str())?;
    }
    if let Some(label) = label {
        fsconfig_set_string(&context, "context", label)?;
    }
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// A copy with all mounts below, which shares what is mounted in it with nobody. It can be read-only, and has all else as its model has it.
fn copy(model: &OwnedFd, asked: MountAttrFlags) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(model, c"", flags)?;
    let is_read_only = asked.contains(MountAttrFlags::MOUNT_ATTR_RDONLY);
    let set = if is_read_only { MountAttributes::RDONLY } else { 0 };
    let change =
        MountAttributes { set, propagation: libc::MS_PRIVATE, ..MountAttributes::default() };
    sys::mount_setattr(tree.as_fd(), c"", true, change)?;
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_seen_in_the_table() {
        let table = "20 1 0:5 / / rw - overlay overlay rw\n\
            21 20 0:6 / /a\\040b rw,nosuid shared:7 master:2 - ext4 /dev/x rw\n\
            22 20 0:6 / /c rw master:2 - ext4 /dev/shared:1 rw\n";
        assert_eq!(is_shared(table, 20), Some(false));
        assert_eq!(is_shared(table, 21), Some(true));
        assert_eq!(is_shared(table, 22), Some(false));
        assert_eq!(is_shared(table, 2), None);
    }

    #[test]
    fn numbers_are_kept() {
        let mounts = Mounts::new(None).unwrap();
        assert_eq!(mounts.held().unwrap(), [0; 0]);
        mounts.keep(&[3, 1 << 40, 5]).unwrap();
        assert_eq!(mounts.held().unwrap(), [3, 1 << 40, 5]);
        mounts.keep(&[3]).unwrap();
        assert_eq!(mounts.held().unwrap(), [3]);
        mounts.forget();
        assert_eq!(mounts.held().unwrap(), [0; 0]);
    }
}
