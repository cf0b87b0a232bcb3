//! This program again, as a child: for what takes memory, time or the store, which a monitor does not have.

use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno as Raw;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use sys::{CStringArray, CloneArgs, Cloned, clone3, execve, exit_now};

use crate::spawn::{CLIENT_FD, SPARE_FD};

/// Starts it with these arguments, in a session of its own, with empty standard streams and at most one descriptor more, the one that
/// [`sys::inherited_fd`] gives for [`CLIENT_FD`].
pub(crate) fn start(
    arguments: impl IntoIterator<Item = Vec<u8>>,
    inherited: Option<OwnedFd>,
) -> Option<Cloned> {
    let arguments = arguments.into_iter().map(|word| CString::new(word).unwrap_or_default());
    let argv = CStringArray::new(arguments.collect());
    let environment = CStringArray::new(Vec::new());
    // Where it is put is another number.
    let spare = |descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, SPARE_FD);
    let inherited = inherited.map(spare).transpose().ok()?;
    let child = || -> Infallible {
        let _leader_already = rustix::process::setsid();
        let _unblocked = sys::unblock_all_signals();
        let is_alone = sys::close_on_exec_from(CLIENT_FD.into()).is_ok();
        let is_placed = inherited
            .as_ref()
            .is_none_or(|inherited| sys::place_inherited(inherited.as_fd(), CLIENT_FD).is_ok());
        if is_alone && is_placed {
            execve(c"/proc/self/exe", &argv, &environment);
        }
        exit_now(1)
    };
    clone3(CloneArgs { waits_for_exec: true, ..CloneArgs::default() }, child).ok()
}

/// Takes note of the end of a child, if it has ended, or once it has.
pub(crate) fn reap(child: &mut Option<Cloned>, is_waited_for: bool) {
    let Some(running) = child else { return };
    let now = if is_waited_for { WaitIdOptions::empty() } else { WaitIdOptions::NOHANG };
    match waitid(WaitId::PidFd(running.pidfd.as_fd()), WaitIdOptions::EXITED | now) {
        Ok(None) | Err(Raw::INTR) => {}
        Ok(Some(_)) | Err(_) => *child = None,
    }
}
