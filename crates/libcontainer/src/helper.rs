//! A process that lives to make one descriptor where its maker is not, and sends it: in namespaces that it joins or has to itself.
//! Nothing of it allocates.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use sys::{CloneArgs, Errno, clone3, exit_now};

use crate::create::end;
use crate::process::Process;
use crate::wire::{self, At, FromChild, ProcessStep};

/// What `make` makes in a process that is cloned so; that has ended when this returns.
///
/// # Errors
/// That of `make`, or of clone3(2).
pub(crate) fn made_by(
    args: CloneArgs<'_>,
    make: impl FnOnce() -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    let (ours, theirs) = wire::pair()?;
    let helper = clone3(args, || help(theirs.as_fd(), make))?;
    drop(theirs);
    let heard = wire::hear_child(ours.as_fd());
    let _status = end(&Process::new(helper.pid, helper.pidfd));
    match heard? {
        FromChild::Ready { descriptor: Some(made) } => Ok(made),
        FromChild::Failed(failed) => Err(failed.errno),
        FromChild::Ready { descriptor: None }
        | FromChild::Hooks
        | FromChild::Wish { .. }
        | FromChild::Terminal { .. }
        | FromChild::Trace { .. }
        | FromChild::Namespace { .. }
        | FromChild::Listener { .. }
        | FromChild::Closed => Err(Errno::from_raw(libc::EPIPE)),
    }
}

fn help(socket: BorrowedFd<'_>, make: impl FnOnce() -> Result<OwnedFd, Errno>) -> Infallible {
    let told =
        make().at(ProcessStep::Talk).and_then(|made| wire::send_ready(socket, Some(made.as_fd())));
    if let Err(failed) = told {
        wire::send_failed(socket, failed);
    }
    exit_now(0)
}
