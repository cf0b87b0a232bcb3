//! What a call does that is answered here. Runs in a child of the monitor's, which ends with it.
//!
//! The caller's memory is read once, and only what was read is acted upon: it may be another one at every later look. Nothing that a
//! pointer leads to decides whether the kernel goes on by itself. Source: seccomp_unotify(2), "Design goals; use of
//! SECCOMP_USER_NOTIF_FLAG_CONTINUE".

use std::os::fd::BorrowedFd;

use libcontainer::seccomp::Architecture;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use sys::{Answer, Errno, Notification};

use super::caller::{Caller, Place, Rights, WORKING_DIRECTORY};
use super::information::system_information;
use super::mounts::{Mounts, mount, unmount};
use crate::running::Running;

/// Majors and minors, kernel admin-guide/devices.txt: null, zero, full, random, urandom, tty, and overlayfs's mark of what was
/// removed (filesystems/overlayfs.rst, "whiteouts and opaque directories"), which the kernel lets everybody make since Linux 5.8.
const HARMLESS: [(u32, u32); 7] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (0, 0)];

pub(super) fn answer(
    listener: BorrowedFd<'_>,
    call: &Notification,
    run: &Running,
    mounts: &Mounts,
) {
    let answer = carry_out(listener, call, run, mounts).unwrap_or_else(Answer::Error);
    let _gone = sys::answer_notification(listener, call.id, answer);
}

fn carry_out(
    listener: BorrowedFd<'_>,
    call: &Notification,
    run: &Running,
    mounts: &Mounts,
) -> Result<Answer, Errno> {
    let native = Architecture::native();
    let is = |name: &str| {
        native.number(name).is_some_and(|number| i64::from(number) == i64::from(call.number))
    };
    let [first, second, third, fourth, ..] = call.arguments;
    let caller = Caller::of(listener, call)?;
    if is("sysinfo") {
        let Some(limits) = &run.limits else { return Ok(Answer::Continue) };
        caller.write(first, &system_information(limits.view()))
    } else if is("mknodat") {
        // An int, in the lower half of its register.
        make_node(&caller, (half(first).cast_signed(), second), (third, fourth))
    } else if is("mknod") {
        make_node(&caller, (WORKING_DIRECTORY, first), (second, third))
    } else if is("mount") {
        mount(&caller, call.arguments, run, mounts)
    } else if is("umount2") {
        unmount(&caller, (first, second), run, mounts)
    } else {
        Ok(Answer::Continue)
    }
}

/// The lower half of a register: of an int the rest is nobody's.
fn half(register: u64) -> u32 {
    u32::try_from(register & u64::from(u32::MAX)).unwrap_or(0)
}

/// Makes a node where the caller means it, with the caller's ids and no right beyond its own but to make it.
fn make_node(
    caller: &Caller<'_>,
    (directory, path): (i32, u64),
    (mode, device): (u64, u64),
) -> Result<Answer, Errno> {
    let (mode, device) = (half(mode), half(device));
    let is_harmless = HARMLESS.iter().any(|(major, minor)| major << 8 | minor == device);
    if mode & libc::S_IFMT != libc::S_IFCHR || !is_harmless {
        // Registers decide that, and no pointer. What the container's own rights let it do, it does.
        return Ok(Answer::Continue);
    }
    let path = caller.text(path)?;
    let place = Place::of(caller, directory, &path)?;
    let who = caller.credentials()?;
    caller.still_waits()?;
    place.enter_mounts()?;
    place.stand()?;
    who.take(Rights::MAKE_NODES)?;
    let permissions = Mode::from_raw_mode(mode & 0o7777);
    mknodat(CWD, path.as_c_str(), FileType::CharacterDevice, permissions, device.into())?;
    Ok(Answer::Value(0))
}
