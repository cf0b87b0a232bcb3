//! A filter's listener: the descriptor by which somebody else answers system calls, sent to the socket that the profile names.
//!
//! One message: the state of the container process as JSON, the descriptor beside it. The parent sends, so that the path is the
//! host's. Sources: config-linux.md "The Container Process State", seccomp_unotify(2).

use std::io::{IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind,
    connect, listen, recvmsg, sendmsg, socket_with,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sys::Errno;

/// Filters that wait to be taken.
const BACKLOG: i32 = 64;

/// What is read at once of the words beside a listener.
const MESSAGE: usize = 4096;
/// Longer than the longest filter, in words.
const LONGEST: u64 = 256 << 10;

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

/// Where the listeners of filters come in.
#[derive(Debug)]
pub struct Door(OwnedFd);

impl Door {
    /// Listens in a directory, at a socket of that name.
    ///
    /// # Errors
    /// EADDRINUSE when the name is taken.
    pub fn listen(directory: &Path, name: &str) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let door = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let (_directory, address) = address(&directory.join(name))?;
        bind(&door, &address)?;
        listen(&door, BACKLOG)?;
        Ok(Self(door))
    }

    /// The next listener, if one is there.
    #[must_use]
    pub fn receive(&self) -> Option<OwnedFd> {
        self.accept().map(|(listener, ..)| listener)
    }

    /// The same, with the words that its profile says about it ([`Listener::metadata`]).
    pub(super) fn receive_with_words(&self) -> Option<(OwnedFd, String)> {
        let (listener, sender, mut text) = self.accept()?;
        let mut rest = Vec::new();
        // Whoever sends has sent all of it at once, and is gone.
        std::fs::File::from(sender).take(LONGEST).read_to_end(&mut rest).ok()?;
        text.extend(rest);
        let state: serde_json::Value = serde_json::from_slice(&text).ok()?;
        Some((listener, state["metadata"].as_str()?.to_owned()))
    }

    /// A listener, who sends it, and the beginning of what is said of it.
    fn accept(&self) -> Option<(OwnedFd, OwnedFd, Vec<u8>)> {
        // Whoever connects is this program, and has the descriptor in its first message.
        let sender = accept_with(&self.0, SocketFlags::CLOEXEC).ok()?;
        let mut words = [0_u8; MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut words)];
        let length = loop {
            match recvmsg(&sender, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Raw::INTR) => {}
                Err(_) => return None,
                Ok(received) => break received.bytes,
            }
        };
        let mut listener = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                listener = descriptors.next();
            }
        }
        Some((listener?, sender, words.get(..length)?.to_vec()))
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
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
        let (_directory, address) = address(&self.path)?;
        connect(&socket, &address)?;
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

/// A socket's address through a descriptor of its directory, which is to be kept for as long as the address is: a path may be longer
/// than the 107 bytes that an address has. unix(7), "Pathname sockets".
pub(super) fn address(path: &Path) -> Result<(OwnedFd, SocketAddrUnix), Errno> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::from_raw(libc::EINVAL));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let directory =
        open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let through = format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok((directory, SocketAddrUnix::new(Path::new(&through).join(name))?))
}
