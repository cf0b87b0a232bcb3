//! Descriptors for the caller's sockets: the master of a terminal, or a pidfd, beside a few bytes that name it. Source: runc's
//! docs/terminals.md, unix(7) "SCM_RIGHTS".

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};
use rustix::termios::{OptionalActions, OutputModes, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// Lets a terminal that this program serves print lines that end as the container wrote them: the caller's own terminal adds the
/// carriage returns, a file or a pipe is to have none. ONLCR, termios(3).
pub(super) fn keep_newlines(master: BorrowedFd<'_>) {
    if let Ok(mut modes) = tcgetattr(master) {
        modes.output_modes.remove(OutputModes::ONLCR);
        // A terminal that is gone needs no settings.
        let _gone = tcsetattr(master, OptionalActions::Now, &modes);
    }
}

/// Sends one descriptor with its name.
pub(super) fn send(path: &str, name: &[u8], descriptor: BorrowedFd<'_>) -> Result<(), Failure> {
    let sent = || -> Result<(), rustix::io::Errno> {
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&socket, &[IoSlice::new(name)], &mut control, SendFlags::NOSIGNAL).map(drop)
    };
    sent().map_err(|errno| Failure::file("send a descriptor to", path)(errno.into()))
}
