//! Who waits for a call to be answered: its memory, where it stands, and what it may do with files.

use std::ffi::{CStr, CString};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, open, openat, readlinkat};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use sys::{Answer, Errno, Namespaces, Notification};

/// `AT_FDCWD`.
pub(super) const WORKING_DIRECTORY: i32 = libc::AT_FDCWD;

/// Longest path with its end, linux/limits.h `PATH_MAX`; options of a mount are no longer.
const LONGEST_TEXT: usize = 4096;

/// Bits of capabilities, capabilities(7).
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights(u64);

impl Rights {
    /// Rights that concern files, and that the caller keeps where it has them: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER and
    /// CAP_FSETID.
    const OF_FILES: u64 = 0b11110;
    /// CAP_MKNOD.
    pub(super) const MAKE_NODES: Self = Self(1 << 27);
    /// CAP_SYS_ADMIN.
    pub(super) const MOUNT: Self = Self(1 << 21);
}

/// The process that waits for its call.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    listener: BorrowedFd<'a>,
    id: u64,
    /// Its directory in /proc: once the process is gone nothing is found in there, whoever has its number then.
    process: OwnedFd,
}

impl<'a> Caller<'a> {
    pub(super) fn of(listener: BorrowedFd<'a>, call: &Notification) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let process = open(format!("/proc/{}", call.pid), flags, Mode::empty())?;
        let caller = Self { listener, id: call.id, process };
        caller.still_waits()?;
        Ok(caller)
    }

    pub(super) fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        Ok(openat(&self.process, name, flags | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Whatever was opened until now was this process's, and it waits at this call.
    pub(super) fn still_waits(&self) -> Result<(), Errno> {
        let waits = sys::notification_waits(self.listener, self.id);
        if waits { Ok(()) } else { Err(Errno::from_raw(libc::ESRCH)) }
    }

    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Result<Answer, Errno> {
        let memory = self.open("mem", OFlags::WRONLY)?;
        self.still_waits()?;
        match rustix::io::pwrite(&memory, bytes, address) {
            Ok(length) if length == bytes.len() => Ok(Answer::Value(0)),
            _ => Err(Errno::from_raw(libc::EFAULT)),
        }
    }

    /// The text at an address, once.
    pub(super) fn text(&self, address: u64) -> Result<CString, Errno> {
        let memory = self.open("mem", OFlags::RDONLY)?;
        self.still_waits()?;
        let mut bytes = [0_u8; LONGEST_TEXT];
        let length = rustix::io::pread(&memory, &mut bytes[..], address);
        let length = length.map_err(|_unmapped| Errno::from_raw(libc::EFAULT))?;
        let read = bytes.get(..length).unwrap_or_default();
        match CStr::from_bytes_until_nul(read) {
            Ok(text) => Ok(text.to_owned()),
            // The rest is in memory that is not there, or it is too long.
            Err(_) if length < LONGEST_TEXT => Err(Errno::from_raw(libc::EFAULT)),
            Err(_) => Err(Errno::from_raw(libc::ENAMETOOLONG)),
        }
    }

    /// Whether it is in the same namespace of a kind (`user`, `mnt`) as another process of the machine.
    pub(super) fn shares(&self, kind: &str, other: &str) -> Result<bool, Errno> {
        let own = readlinkat(&self.process, format!("ns/{kind}"), Vec::new())?;
        Ok(own == readlinkat(CWD, format!("/proc/{other}/ns/{kind}"), Vec::new())?)
    }

    /// Its ids as they are in the user namespace that this process is in now.
    pub(super) fn credentials(&self) -> Result<Credentials, Errno> {
        let mut status = String::new();
        let file = self.open("status", OFlags::RDONLY)?;
        let read = std::fs::File::from(file).read_to_string(&mut status);
        read.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::ESRCH)))?;
        let mut who = Credentials::parse(&status).ok_or(Errno::from_raw(libc::ESRCH))?;
        // In another user namespace its rights are no rights out here.
        who.capabilities &= if self.shares("user", "self")? { Rights::OF_FILES } else { 0 };
        Ok(who)
    }
}

/// Where a path of a caller's begins: its mount namespace, its root, and a directory.
#[derive(Debug)]
pub(super) struct Place {
    mounts: OwnedFd,
    root: OwnedFd,
    base: OwnedFd,
}

impl Place {
    /// Of a path that is looked up from a descriptor of the caller's, or from where it is.
    pub(super) fn of(caller: &Caller<'_>, directory: i32, path: &CStr) -> Result<Self, Errno> {
        let base = match directory {
            _ if path.to_bytes().starts_with(b"/") => "root".to_owned(),
            WORKING_DIRECTORY => "cwd".to_owned(),
            number => format!("fd/{number}"),
        };
        let places = OFlags::PATH | OFlags::DIRECTORY;
        let bad = |errno: Errno| {
            if errno.raw() == libc::ENOENT { Errno::from_raw(libc::EBADF) } else { errno }
        };
        Ok(Self {
            base: caller.open(&base, places).map_err(bad)?,
            root: caller.open("root", places)?,
            mounts: caller.open("ns/mnt", OFlags::RDONLY)?,
        })
    }

    /// Goes into the mount namespace, whose root is this process's then.
    pub(super) fn enter_mounts(&self) -> Result<(), Errno> {
        sys::enter_namespace(self.mounts.as_fd(), Namespaces::MOUNT)
    }

    /// Makes the caller's root and directory this process's.
    pub(super) fn stand(&self) -> Result<(), Errno> {
        rustix::process::fchdir(&self.root)?;
        rustix::process::chroot(c".")?;
        Ok(rustix::process::fchdir(&self.base)?)
    }
}

/// Who calls, as far as files are concerned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) uid: u32,
    gid: u32,
    groups: Vec<u32>,
    umask: u32,
    capabilities: u64,
}

impl Credentials {
    /// proc_pid_status(5): real, effective, saved and file system ids; the last are those that count.
    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let last = |name: &str| field(name)?.split_whitespace().nth(3)?.parse().ok();
        let groups = field("Groups")?.split_whitespace().map(str::parse);
        Some(Self {
            uid: last("Uid")?,
            gid: last("Gid")?,
            groups: groups.collect::<Result<_, _>>().ok()?,
            umask: u32::from_str_radix(field("Umask")?, 8).ok()?,
            capabilities: u64::from_str_radix(field("CapEff")?, 16).ok()?,
        })
    }

    /// Becomes that, with one right more.
    pub(super) fn take(&self, more: Rights) -> Result<(), Errno> {
        let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        rustix::thread::set_keep_capabilities(true)?;
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        let rights = CapabilitySet::from_bits_retain(self.capabilities | more.0);
        let inheritable = CapabilitySet::empty();
        let sets = CapabilitySets { effective: rights, permitted: rights, inheritable };
        rustix::thread::set_capabilities(None, sets)?;
        rustix::process::umask(Mode::from_raw_mode(self.umask));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_files_count() {
        let status = "Name:\tx\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nCapEff:\t0000000000000002\n";
        let expected =
            Credentials { uid: 4, gid: 8, groups: vec![9, 10], umask: 0o27, capabilities: 2 };
        assert_eq!(Credentials::parse(status), Some(expected));
        assert_eq!(Credentials::parse("Name:\tx\n"), None);
    }
}
