//! A filter's listener: the descriptor by which somebody else answers system calls, sent to the socket that the profile names.
//!
//! One message: the state of the container process as JSON, the descriptor beside it. The parent sends, so that the path is the
//! host's. Sources: config-linux.md "The Container Process State", seccomp_unotify(2).

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sys::Errno;

/// Who answers, and what it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// The socket.
    pub path: PathBuf,
    /// The profile's own words.
    pub metadata: String,
    /// The container's id.
    pub container: String,
    /// The container's bundle.
    pub bundle: PathBuf,
}

/// Whose filter it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confined {
    /// The process under the filter.
    pub(crate) pid: i32,
    /// The container's first process.
    pub(crate) first: i32,
}

impl Listener {
    /// Sends the descriptor. Nobody is waited for: a listener that does not accept at once is an error.
    pub(crate) fn deliver(&self, descriptor: &OwnedFd, confined: Confined) -> Result<(), Errno> {
        let Confined { pid, first } = confined;
        let status = if pid == first { "creating" } else { "running" };
        let state = json!({
            "ociVersion": "1.3.0", "fds": ["seccompFd"], "pid": pid, "metadata": self.metadata,
            "state": {
                "ociVersion": "1.3.0", "id": self.container, "status": status, "pid": first, "bundle": self.bundle,
            },
        });
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(&self.path)?)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let text = state.to_string();
        let sent =
            sendmsg(&socket, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
        // A stream may take less than all; this much fits into the smallest buffer.
        if sent == text.len() { Ok(()) } else { Err(Errno::from_raw(libc::EMSGSIZE)) }
    }
}
