//! What a call does that is answered here. Runs in a child of the monitor's, which ends with it.
//!
//! The caller's memory is read once, and only what was read is acted upon: it may be another one at every later look. Nothing that a
//! pointer leads to decides whether the kernel goes on by itself. Source: seccomp_unotify(2), "Design goals; use of
//! SECCOMP_USER_NOTIF_FLAG_CONTINUE".

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::cgroup::Stats;
use libcontainer::seccomp::Architecture;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open, readlinkat};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use sys::{Answer, Errno, Namespaces, Notification};

use crate::running::Running;

/// Majors and minors, kernel admin-guide/devices.txt: null, zero, full, random, urandom, tty, and overlayfs's mark of what was
/// removed (filesystems/overlayfs.rst, "whiteouts and opaque directories"), which the kernel lets everybody make since Linux 5.8.
const HARMLESS: [(u32, u32); 7] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (0, 0)];

/// Longest path with its end, linux/limits.h `PATH_MAX`.
const LONGEST_PATH: usize = 4096;

/// `AT_FDCWD`.
const WORKING_DIRECTORY: i32 = libc::AT_FDCWD;

/// Rights that concern files, and that the caller keeps where it has them: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER and
/// CAP_FSETID. capabilities(7).
const OF_FILES: u64 = 0b11110;
/// CAP_MKNOD.
const MAKE_NODES: u64 = 1 << 27;

pub(super) fn answer(listener: BorrowedFd<'_>, call: &Notification, run: &Running) {
    let answer = carry_out(listener, call, run).unwrap_or_else(Answer::Error);
    let _gone = sys::answer_notification(listener, call.id, answer);
}

fn carry_out(
    listener: BorrowedFd<'_>,
    call: &Notification,
    run: &Running,
) -> Result<Answer, Errno> {
    let native = Architecture::native();
    let is = |name: &str| {
        native.number(name).is_some_and(|number| i64::from(number) == i64::from(call.number))
    };
    let [first, second, third, fourth, ..] = call.arguments;
    let caller = Caller { listener, call };
    if is("sysinfo") {
        return caller.write(first, &system_information(run));
    }
    let (directory, path, mode, device) = if is("mknodat") {
        // An int, in the lower half of its register.
        let number = u32::try_from(first & u64::from(u32::MAX)).unwrap_or(0);
        (number.cast_signed(), second, third, fourth)
    } else if is("mknod") {
        (WORKING_DIRECTORY, first, second, third)
    } else {
        return Ok(Answer::Continue);
    };
    let half = |register: u64| u32::try_from(register & u64::from(u32::MAX)).unwrap_or(0);
    let (mode, device) = (half(mode), half(device));
    let is_harmless = HARMLESS.iter().any(|(major, minor)| major << 8 | minor == device);
    if mode & libc::S_IFMT != libc::S_IFCHR || !is_harmless {
        // Registers decide that, and no pointer. What the container's own rights let it do, it does.
        return Ok(Answer::Continue);
    }
    caller.make_node((directory, path), mode, device)
}

/// The process that waits for its call.
struct Caller<'a> {
    listener: BorrowedFd<'a>,
    call: &'a Notification,
}

impl Caller<'_> {
    fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = format!("/proc/{}/{name}", self.call.pid);
        Ok(open(path, flags | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Whatever was opened until now was this process's: its number belonged to nobody else meanwhile.
    fn still_waits(&self) -> Result<(), Errno> {
        let waits = sys::notification_waits(self.listener, self.call.id);
        if waits { Ok(()) } else { Err(Errno::from_raw(libc::ESRCH)) }
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<Answer, Errno> {
        let memory = self.open("mem", OFlags::WRONLY)?;
        self.still_waits()?;
        match rustix::io::pwrite(&memory, bytes, address) {
            Ok(length) if length == bytes.len() => Ok(Answer::Value(0)),
            _ => Err(Errno::from_raw(libc::EFAULT)),
        }
    }

    fn text(&self, address: u64) -> Result<CString, Errno> {
        let memory = self.open("mem", OFlags::RDONLY)?;
        self.still_waits()?;
        let mut bytes = [0_u8; LONGEST_PATH];
        let length = rustix::io::pread(&memory, &mut bytes[..], address);
        let length = length.map_err(|_unmapped| Errno::from_raw(libc::EFAULT))?;
        let read = bytes.get(..length).unwrap_or_default();
        match read.iter().position(|byte| *byte == 0) {
            Some(end) => CString::new(read.get(..end).unwrap_or_default())
                .map_err(|_never| Errno::from_raw(libc::EINVAL)),
            // The rest is in memory that is not there, or it is too long.
            None if length < LONGEST_PATH => Err(Errno::from_raw(libc::EFAULT)),
            None => Err(Errno::from_raw(libc::ENAMETOOLONG)),
        }
    }

    /// Makes a node where the caller means it, with the caller's ids and no right beyond its own but to make it.
    fn make_node(
        &self,
        (directory, path): (i32, u64),
        mode: u32,
        device: u32,
    ) -> Result<Answer, Errno> {
        let path = self.text(path)?;
        let base = match directory {
            _ if path.as_bytes().starts_with(b"/") => "root".to_owned(),
            WORKING_DIRECTORY => "cwd".to_owned(),
            number => format!("fd/{number}"),
        };
        let places = OFlags::PATH | OFlags::DIRECTORY;
        let bad = |errno: Errno| {
            if errno.raw() == libc::ENOENT { Errno::from_raw(libc::EBADF) } else { errno }
        };
        let base = self.open(&base, places).map_err(bad)?;
        let root = self.open("root", places)?;
        let mounts = self.open("ns/mnt", OFlags::RDONLY)?;
        let who = Credentials::read(self.call.pid)?;
        self.still_waits()?;
        sys::enter_namespace(mounts.as_fd(), Namespaces::MOUNT)?;
        rustix::process::fchdir(&root)?;
        rustix::process::chroot(c".")?;
        rustix::process::fchdir(&base)?;
        who.take()?;
        let permissions = Mode::from_raw_mode(mode & 0o7777);
        mknodat(CWD, path.as_c_str(), FileType::CharacterDevice, permissions, device.into())?;
        Ok(Answer::Value(0))
    }
}

/// Who calls, as far as files are concerned.
#[derive(Debug, Default, PartialEq, Eq)]
struct Credentials {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    umask: u32,
    capabilities: u64,
}

impl Credentials {
    fn read(pid: u32) -> Result<Self, Errno> {
        let none =
            |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::ESRCH));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).map_err(none)?;
        let mut who = Self::parse(&status).ok_or(Errno::from_raw(libc::ESRCH))?;
        let namespace = |of: &str| readlinkat(CWD, format!("/proc/{of}/ns/user"), Vec::new());
        // In a user namespace of its own its rights are no rights out here.
        let is_ours = namespace(&pid.to_string())? == namespace("self")?;
        who.capabilities &= if is_ours { OF_FILES } else { 0 };
        Ok(who)
    }

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

    fn take(&self) -> Result<(), Errno> {
        let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        rustix::thread::set_keep_capabilities(true)?;
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        let rights = CapabilitySet::from_bits_retain(self.capabilities | MAKE_NODES);
        let inheritable = CapabilitySet::empty();
        let sets = CapabilitySets { effective: rights, permitted: rights, inheritable };
        rustix::thread::set_capabilities(None, sets)?;
        rustix::process::umask(Mode::from_raw_mode(self.umask));
        Ok(())
    }
}

/// The kernel's `struct sysinfo` of a machine with 64 bits, sysinfo(2), as it is in the container: memory and swap by its limits,
/// processes and time by its own.
fn system_information(run: &Running) -> Vec<u8> {
    // What cannot be read is the machine's.
    let stats = run.cgroup.stats().unwrap_or_default();
    let machine = rustix::system::sysinfo();
    let loads = machine.loads;
    let unit = u64::from(machine.mem_unit.max(1));
    let bytes = |units: u64| units.saturating_mul(unit);
    let memory = Memory::of(
        &stats,
        Memory {
            total: bytes(machine.totalram),
            free: bytes(machine.freeram),
            shared: bytes(machine.sharedram),
            buffers: bytes(machine.bufferram),
            swap: bytes(machine.totalswap),
            free_swap: bytes(machine.freeswap),
        },
    );
    let processes = stats.pids.map_or(u64::from(machine.procs), |pids| pids.current);
    // The field has 16 bits, and padding behind it.
    let processes = u16::try_from(processes).unwrap_or(u16::MAX);
    let words = [
        run.began.elapsed().as_secs(),
        loads[0],
        loads[1],
        loads[2],
        memory.total,
        memory.free,
        memory.shared,
        memory.buffers,
        memory.swap,
        memory.free_swap,
    ];
    let mut all: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
    all.extend(processes.to_ne_bytes());
    all.extend([0; 6]);
    // No high memory; the unit is a byte.
    all.extend([0; 16]);
    all.extend(1_u32.to_ne_bytes());
    all.extend([0; 4]);
    all
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    total: u64,
    free: u64,
    shared: u64,
    buffers: u64,
    swap: u64,
    free_swap: u64,
}

impl Memory {
    /// What a group with limits has of the machine's.
    fn of(stats: &Stats, machine: Self) -> Self {
        let Some(memory) = &stats.memory else { return machine };
        let Some(limit) = memory.limit_bytes.filter(|limit| *limit < machine.total) else {
            return machine;
        };
        let free = limit.saturating_sub(memory.current_bytes);
        let with_swap = memory.with_swap.as_ref().and_then(|both| both.limit_bytes);
        let swap =
            with_swap.map_or(machine.swap, |both| both.saturating_sub(limit).min(machine.swap));
        let free_swap = swap.saturating_sub(memory.swap_bytes.unwrap_or(0)).min(machine.free_swap);
        Self { total: limit, free: free.min(machine.free), shared: 0, buffers: 0, swap, free_swap }
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

    #[test]
    fn memory_is_the_groups_where_it_has_a_limit() {
        let machine =
            Memory { total: 1000, free: 900, shared: 5, buffers: 6, swap: 50, free_swap: 40 };
        let mut stats = Stats::default();
        assert_eq!(Memory::of(&stats, machine), machine);
        let used = libcontainer::cgroup::MemoryStats { current_bytes: 30, ..Default::default() };
        stats.memory = Some(used.clone());
        assert_eq!(Memory::of(&stats, machine), machine, "no limit");
        stats.memory = Some(libcontainer::cgroup::MemoryStats { limit_bytes: Some(100), ..used });
        let seen = Memory::of(&stats, machine);
        assert_eq!((seen.total, seen.free, seen.swap, seen.free_swap), (100, 70, 50, 40));
    }
}
