//! The last steps of every process, the container's first and those that join: from a privileged child of the monitor to the
//! user's program. Runs in the child: nothing here allocates.
//!
//! The order is the kernel's: what needs a right comes before the right is given up. Start at [`become_process`]. Sources:
//! capabilities(7) "Effect of user ID changes on capabilities", seccomp(2), prctl(2), execve(2).

use std::convert::Infallible;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fchown, fstat, open};
use rustix::io::Errno as Raw;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use sys::Errno;

use crate::capability;
use crate::home;
use crate::hooks::{HookFailure, ReceivedFiles};
use crate::plan::CapabilityPlan;
use crate::prepared::PreparedProcess;
use crate::progress::Progress;
use crate::rootfs::Root;
use crate::wire::{self, At, Failed, Place, ProcessStep};

/// Sets of capabilities have 64 bits.
const NO_CAPABILITY_BEYOND: usize = 64;

/// In a new user namespace the child has every capability but is nobody until it says who it is.
pub(crate) fn become_root_inside() -> Result<(), Failed> {
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    rustix::thread::set_thread_res_gid(gid, gid, gid).at(ProcessStep::BecomeRootInside)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).at(ProcessStep::BecomeRootInside)
}

/// Becomes the program; returns only a failure.
pub(crate) fn become_process(
    process: &PreparedProcess,
    (socket, progress): (BorrowedFd<'_>, &Progress),
    stdio: Option<[BorrowedFd<'_>; 3]>,
    terminal: Option<BorrowedFd<'_>>,
    hooks: &ReceivedFiles,
) -> Result<Infallible, Failed> {
    progress.step(ProcessStep::NewSession);
    rustix::process::setsid().at(ProcessStep::NewSession)?;
    progress.step(ProcessStep::Stdio);
    take_stdio(process, stdio, terminal)?;
    surround(process, progress)?;
    progress.step(ProcessStep::WorkingDirectory);
    let directory = working_directory(process);
    if process.home_missing {
        home::complete(&process.envp, process.uid);
    }
    let landlock = process.landlock.as_ref().map(|rules| rules.make(progress)).transpose()?;
    // The last that opens anything is done: with a limit of a few descriptors it would be refused its next one.
    set_limits(process, progress)?;
    progress.step(ProcessStep::Descriptors);
    // Whatever the monitor or its parent had open ends at exec (CVE-2024-21626). Before the filter: profiles older than Linux 5.9
    // do not know close_range(2).
    sys::close_on_exec_from(process.close_from).at(ProcessStep::Descriptors)?;
    // Without no_new_privs only a privileged process may confine itself: before the rights go. seccomp(2), landlock(7).
    if !process.no_new_privileges {
        confine(process, landlock.as_ref(), (socket, progress))?;
    }
    let capabilities = process.capabilities.map(within_reach);
    if let Some(sets) = &capabilities {
        progress.step(ProcessStep::BoundingSet);
        drop_from_bounding_set(sets.bounding).at(ProcessStep::BoundingSet)?;
        rustix::thread::set_keep_capabilities(true).at(ProcessStep::KeepCapabilities)?;
    }
    progress.step(ProcessStep::User);
    set_user(process)?;
    match directory {
        // Of a directory that only the user himself may enter; root of a user namespace is nobody to other owners.
        Err(Failed { errno, .. }) if errno.raw() == libc::EACCES => working_directory(process)?,
        entered => entered?,
    }
    if let Some(sets) = &capabilities {
        progress.step(ProcessStep::Capabilities);
        set_capabilities(sets)?;
    }
    if process.no_new_privileges {
        progress.step(ProcessStep::NoNewPrivileges);
        rustix::thread::set_no_new_privs(true).at(ProcessStep::NoNewPrivileges)?;
        confine(process, landlock.as_ref(), (socket, progress))?;
    }
    sys::default_signals();
    if !process.start_hooks.is_empty() {
        progress.step(ProcessStep::StartHooks);
        hooks.run(&process.start_hooks, &process.envp).map_err(HookFailure::failed)?;
    }
    if process.init {
        return crate::init::run(process, progress);
    }
    progress.step(ProcessStep::Signals);
    sys::unblock_all_signals().at(ProcessStep::Signals)?;
    execute(process, progress)
}

/// What is set while the process has all its rights.
fn surround(process: &PreparedProcess, progress: &Progress) -> Result<(), Failed> {
    if !process.keep_keyring {
        progress.step(ProcessStep::Keyring);
        keyring(process).at(ProcessStep::Keyring)?;
    }
    progress.step(ProcessStep::Label);
    label(process).at(ProcessStep::Label)?;
    progress.step(ProcessStep::Processors);
    process.processors.apply()?;
    process.scheduling.apply(progress)?;
    if let Some(domain) = process.personality {
        progress.step(ProcessStep::Personality);
        sys::set_personality(domain).at(ProcessStep::Personality)?;
    }
    Ok(())
}

fn take_stdio(
    process: &PreparedProcess,
    stdio: Option<[BorrowedFd<'_>; 3]>,
    terminal: Option<BorrowedFd<'_>>,
) -> Result<(), Failed> {
    let [stdin, stdout, stderr] = match (terminal, stdio) {
        (Some(terminal), _) => {
            if !process.leaves_terminal {
                rustix::process::ioctl_tiocsctty(terminal).at(ProcessStep::ControllingTerminal)?;
            }
            [terminal; 3]
        }
        (None, Some(stdio)) => stdio,
        (None, None) => return Ok(()),
    };
    place_streams([stdin, stdout, stderr])?;
    take_own_null().at(ProcessStep::Stdio)?;
    if process.uid != 0 {
        for stream in [stdin, stdout, stderr] {
            give_stream(stream, process.uid, terminal.is_some()).at(ProcessStep::Stdio)?;
        }
    }
    Ok(())
}

/// Those that have their numbers already stay.
pub(crate) fn place_streams([stdin, stdout, stderr]: [BorrowedFd<'_>; 3]) -> Result<(), Failed> {
    rustix::stdio::dup2_stdin(stdin)
        .and_then(|()| rustix::stdio::dup2_stdout(stdout))
        .and_then(|()| rustix::stdio::dup2_stderr(stderr))
        .at(ProcessStep::Stdio)
}

/// Streams that are the `/dev/null` of whoever made this process become the container's own: the file behind a descriptor is the
/// host's, and root inside could change its mode and owner for everybody, fchmod(2). A container that has none keeps them.
fn take_own_null() -> Result<(), Errno> {
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let given = streams.map(is_null);
    if given == [false; 3] {
        return Ok(());
    }
    // Whoever was root in there before may have put anything in its place, which is not to be waited for.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let Ok(own) = open(c"/dev/null", flags | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(());
    };
    if !is_null(own.as_fd()) {
        return Ok(());
    }
    rustix::fs::fcntl_setfl(&own, OFlags::RDWR)?;
    let [stdin, stdout, stderr] = given;
    if stdin {
        rustix::stdio::dup2_stdin(&own)?;
    }
    if stdout {
        rustix::stdio::dup2_stdout(&own)?;
    }
    if stderr {
        rustix::stdio::dup2_stderr(&own)?;
    }
    Ok(())
}

/// Whether it is the device of that name, wherever its file is. Kernel admin-guide/devices.txt.
fn is_null(file: BorrowedFd<'_>) -> bool {
    fstat(file).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && stat.st_rdev == rustix::fs::makedev(1, 3)
    })
}

/// Makes a stream the user's, who may open `/dev/stdout` again. Pipes and the container's own terminal only: anything else,
/// the host's `/dev/null` above all, is not ours to give.
fn give_stream(stream: BorrowedFd<'_>, uid: u32, terminal: bool) -> Result<(), Errno> {
    if terminal || FileType::from_raw_mode(fstat(stream)?.st_mode) == FileType::Fifo {
        match fchown(stream, Some(Uid::from_raw(uid)), None) {
            // In a user namespace the pipe's owner, outside, has no name.
            Ok(()) | Err(Raw::PERM) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// A kernel without keyrings has no keys to leak, and a quota that is used up must not stop a container.
///
/// With SELinux the keyring has the label of the process, which could not use it otherwise: proc_pid_attr(5), keycreate.
fn keyring(process: &PreparedProcess) -> Result<(), Errno> {
    const KEYS: &CStr = c"/proc/self/attr/keycreate";
    if let Some(label) = &process.selinux {
        write_label(KEYS, label.to_bytes())?;
    }
    match session_keyring(process.keyring.as_deref()) {
        Err(errno) if matches!(errno.raw(), libc::ENOSYS | libc::EDQUOT | libc::EPERM) => {}
        other => other?,
    }
    if process.selinux.is_some() {
        // Keys that the program makes are its own affair. One byte, or write(2) would not reach the kernel's handler.
        write_label(KEYS, b"\0")?;
    }
    Ok(())
}

/// The container's own by its name, or a new one. A keyring of that name may be there already and belong to somebody else, who
/// could read what the container keeps in it: whoever may search a keyring can join it, keyctl(2).
fn session_keyring(name: Option<&CStr>) -> Result<(), Errno> {
    let keyring = sys::join_session_keyring(name)?;
    if name.is_none() {
        return Ok(());
    }
    match keyring.owner()? {
        // Of a keyring in possession the owner decides who else may find it: `exec` may, with the user that it begins with.
        owner if owner == rustix::process::geteuid().as_raw() => keyring.let_owner_search(),
        _ => sys::join_session_keyring(None).map(drop),
    }
}

fn label(process: &PreparedProcess) -> Result<(), Errno> {
    let labels = [
        (c"/proc/self/attr/apparmor/exec", &process.apparmor),
        (c"/proc/self/attr/exec", &process.selinux),
    ];
    for (path, label) in labels {
        let Some(label) = label else { continue };
        write_label(path, label.to_bytes())?;
    }
    Ok(())
}

pub(crate) fn write_label(path: &CStr, label: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    // It must be procfs, or the label would be written to a file of the image's choice (CVE-2019-16884).
    if rustix::fs::fstatfs(&file)?.f_type != PROC_SUPER_MAGIC {
        return Err(Errno::from_raw(libc::EXDEV));
    }
    rustix::io::write(&file, label).map(drop).map_err(Errno::from)
}

/// statfs(2).
const PROC_SUPER_MAGIC: i64 = 0x9fa0;

/// Enters the working directory, which is made when it is missing and the process is a container's first one. The look-up cannot leave
/// the root, not even by a link of procfs to a directory of the host that somebody left open (CVE-2024-21626).
fn working_directory(process: &PreparedProcess) -> Result<(), Failed> {
    let Some(target) = &process.cwd else {
        return rustix::process::chdir(c"/").at(ProcessStep::WorkingDirectory);
    };
    let directory = Root::here().and_then(|root| {
        if process.makes_cwd { root.make_directory(target) } else { root.open_directory(target) }
    });
    let directory = directory.at(ProcessStep::WorkingDirectory)?;
    rustix::process::fchdir(directory).at(ProcessStep::WorkingDirectory)
}

fn set_limits(process: &PreparedProcess, progress: &Progress) -> Result<(), Failed> {
    for (number, (resource, limit)) in process.rlimits.iter().enumerate() {
        let at = Place::Limit(u16::try_from(number).unwrap_or(u16::MAX));
        progress.reach(at);
        rustix::process::setrlimit(*resource, *limit)
            .map_err(|errno| Failed { at, errno: errno.into() })?;
    }
    Ok(())
}

/// The walls that hold for whatever rights come later. The filter is the last: it may refuse the calls of the other.
fn confine(
    process: &PreparedProcess,
    landlock: Option<&OwnedFd>,
    (socket, progress): (BorrowedFd<'_>, &Progress),
) -> Result<(), Failed> {
    if let Some(ruleset) = landlock {
        if process.init {
            // Afterwards its own files of procfs may be closed to it.
            let _unseen = crate::init::take_name();
        }
        progress.step(ProcessStep::Landlock);
        sys::restrict_by_landlock(ruleset.as_fd()).at(ProcessStep::Landlock)?;
    }
    progress.step(ProcessStep::Seccomp);
    seccomp(process, socket)
}

fn seccomp(process: &PreparedProcess, socket: BorrowedFd<'_>) -> Result<(), Failed> {
    match &process.seccomp {
        Some((program, flags)) => {
            match sys::load_seccomp_filter(program, *flags).at(ProcessStep::Seccomp)? {
                Some(listener) => wire::send_listener(socket, listener.as_fd()),
                None => Ok(()),
            }
        }
        None => Ok(()),
    }
}

/// What the process does not have itself cannot be given: config.md, "capabilities", lets a runtime pass over it. In a user
/// namespace of its own it has more than its maker.
fn within_reach(sets: CapabilityPlan) -> CapabilityPlan {
    let own =
        rustix::thread::capabilities(None).map_or(capability::all(), |own| own.permitted.bits());
    CapabilityPlan {
        bounding: sets.bounding & own,
        effective: sets.effective & own,
        inheritable: sets.inheritable & own,
        permitted: sets.permitted & own,
        ambient: sets.ambient & own,
    }
}

fn drop_from_bounding_set(keep: u64) -> Result<(), Errno> {
    for number in (0..capability::COUNT).filter(|number| keep >> number & 1 == 0) {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        )) {
            // Newer than this kernel.
            Ok(()) | Err(Raw::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    // Capabilities that this program does not know yet are nobody's to keep.
    for number in capability::COUNT..NO_CAPABILITY_BEYOND {
        if rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        ))
        .is_err()
        {
            break;
        }
    }
    Ok(())
}

fn set_user(process: &PreparedProcess) -> Result<(), Failed> {
    let (uid, gid) = (Uid::from_raw(process.uid), Gid::from_raw(process.gid));
    match rustix::thread::set_thread_groups(&process.groups) {
        // A user namespace whose maps an unprivileged user wrote has setgroups(2) switched off. user_namespaces(7).
        Err(Raw::PERM) if process.groups.is_empty() || process.groups_denied => {}
        done => done.at(ProcessStep::Groups)?,
    }
    rustix::thread::set_thread_res_gid(gid, gid, gid).at(ProcessStep::User)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).at(ProcessStep::User)?;
    rustix::process::umask(Mode::from_raw_mode(process.umask));
    Ok(())
}

fn set_capabilities(sets: &CapabilityPlan) -> Result<(), Failed> {
    rustix::thread::set_keep_capabilities(false).at(ProcessStep::KeepCapabilities)?;
    let set = CapabilitySet::from_bits_retain;
    let three = CapabilitySets {
        effective: set(sets.effective),
        permitted: set(sets.permitted),
        inheritable: set(sets.inheritable),
    };
    rustix::thread::set_capabilities(None, three).at(ProcessStep::Capabilities)?;
    rustix::thread::clear_ambient_capability_set().at(ProcessStep::Ambient)?;
    for number in (0..capability::COUNT).filter(|number| sets.ambient >> number & 1 == 1) {
        rustix::thread::configure_capability_in_ambient_set(set(1 << number), true)
            .at(ProcessStep::Ambient)?;
    }
    Ok(())
}

/// Whether one of the candidates may be the program, as far as that can be told before the working directory is entered and the
/// user is who it will be: a file that is there, and that somebody may execute.
pub(crate) fn find_program(process: &PreparedProcess) -> Result<(), Failed> {
    if process.init || process.programs.is_empty() {
        return Ok(());
    }
    let mut told = Raw::NOENT;
    for program in &process.programs {
        if !program.as_bytes().starts_with(b"/") {
            return Ok(());
        }
        match rustix::fs::stat(program.as_c_str()) {
            Err(Raw::NOENT | Raw::NOTDIR) => {}
            // What execve(2) says of everything else than a file, and of a file without a bit to be executed by.
            Ok(about)
                if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile
                    || about.st_mode & 0o111 == 0 =>
            {
                told = Raw::ACCESS;
            }
            // Root may see less than the user does, on file systems of users.
            Ok(_) | Err(_) => return Ok(()),
        }
    }
    Err(told).at(ProcessStep::Exec)
}

/// Tries each candidate: what is missing in one directory of PATH may be in the next. The refusal that tells most is told.
pub(crate) fn execute(
    process: &PreparedProcess,
    progress: &Progress,
) -> Result<Infallible, Failed> {
    progress.step(ProcessStep::Exec);
    let mut told = Errno::from_raw(libc::ENOENT);
    for program in &process.programs {
        if is_own_program(program, process.own_program) {
            return Err(Raw::PERM).at(ProcessStep::OwnProgram);
        }
        let errno = sys::execve(program.as_c_str(), &process.argv, &process.envp);
        if !matches!(errno.raw(), libc::ENOENT | libc::ENOTDIR) {
            told = errno;
            // A file that is there and may not be executed hides nothing behind it, as in execvp(3).
            if errno.raw() != libc::EACCES {
                break;
            }
        }
    }
    Err(told).at(ProcessStep::Exec)
}

/// Whether a path leads to this program, as `/proc/self/exe` does until exec: nobody means that, except to get at its file
/// (CVE-2019-5736).
fn is_own_program(path: &CStr, own: Option<(u64, u64)>) -> bool {
    let Some(own) = own else { return false };
    rustix::fs::stat(path).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == own)
}
