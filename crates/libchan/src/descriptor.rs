//! Descriptors in messages: files, sockets, pipes. Start at [`Descriptor`].

mod io;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::net::UnixStream;

pub(crate) use io::FileIo;

use crate::attach::{self, Carried};
use crate::msgpack::extension::Role;
use crate::pump;
use crate::stream::ByteStream;

/// An open descriptor, of whatever kind.
///
/// In a message to a peer on the same machine, over a Unix socket ([`crate::connect`] with `unix://`, or
/// [`crate::Session::over_unix`]), the descriptor itself arrives: the same open file, with the same offset and flags. Everywhere else
/// its bytes are passed on, as those of a [`ByteStream`]: whoever receives a `Descriptor` then has one end of a pair of Unix sockets
/// ([`Descriptor::is_proxy`]). So it is, too, where the system refuses to pass it, or has no room for it at the peer.
///
/// Who expects a [`ByteStream`], [`crate::ByteReader`] or [`crate::ByteWriter`] gets that of a descriptor, too.
///
/// Flags of the open file are left as they are, since others may have it, too: nothing here sets `O_NONBLOCK`. What came from a
/// peer may be of any kind, and block whoever reads it, asks for its size or closes it (a pipe, a file of FUSE): read it as a
/// [`ByteStream`] on a runtime. Dropped, it is closed by a thread of its own.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let descriptor = libchan::Descriptor::from(std::fs::File::open("/dev/null")?);
/// let same: std::os::fd::OwnedFd = descriptor.into_owned_fd()?;
/// # drop(same); Ok(()) }
/// ```
pub struct Descriptor {
    file: OpenFile,
    is_proxy: bool,
}

impl Descriptor {
    /// Whether it stands for a descriptor elsewhere, whose bytes alone come and go: it is a Unix socket.
    #[must_use]
    pub fn is_proxy(&self) -> bool {
        self.is_proxy
    }

    /// The descriptor, for who closes it.
    ///
    /// # Errors
    /// The process has as many as it may, and something still sends this one.
    pub fn into_owned_fd(self) -> std::io::Result<OwnedFd> {
        self.file.into_owned_fd()
    }

    /// Its bytes, read and written without ever blocking the runtime: sockets, pipes and terminals when they are ready, what else there
    /// is by threads that may block.
    #[must_use]
    pub fn into_stream(self) -> ByteStream {
        ByteStream::new(FileIo::new(self.file))
    }

    /// One that has come.
    pub(crate) fn of_peer(file: OpenFile) -> Self {
        Self { file, is_proxy: false }
    }

    /// What a message had in its place.
    fn of(carried: Carried, role: Role) -> std::io::Result<Self> {
        let line = match carried {
            Carried::File(file) => return Ok(Self::of_peer(file)),
            Carried::Line(line) => line,
        };
        let (near, far) = UnixStream::pair()?;
        let far = far.into_std()?;
        far.set_nonblocking(false)?;
        tokio::spawn(pump::exchange(near, line, role.reversed()));
        Ok(Self { file: OpenFile::of_peer(far.into()), is_proxy: true })
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Descriptor");
        shown.field("file", &self.file).field("is_proxy", &self.is_proxy).finish()
    }
}

impl TryFrom<Descriptor> for OwnedFd {
    type Error = std::io::Error;

    fn try_from(descriptor: Descriptor) -> std::io::Result<Self> {
        descriptor.into_owned_fd()
    }
}

macro_rules! from {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Descriptor {
            fn from(file: $kind) -> Self {
                Self { file: OpenFile::own(file.into()), is_proxy: false }
            }
        }
    )*};
}

from!(
    OwnedFd,
    std::fs::File,
    std::io::PipeReader,
    std::io::PipeWriter,
    std::net::TcpListener,
    std::net::TcpStream,
    std::net::UdpSocket,
    std::os::unix::net::UnixDatagram,
    std::os::unix::net::UnixListener,
    std::os::unix::net::UnixStream
);

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pumped = || Some(pump::file(self.file.clone()));
        attach::serialize(serializer, Role::Duplex, Some(&self.file), pumped)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = attach::deserialize(deserializer, "a descriptor or a byte stream")?;
        let role = named.reference.role;
        let carried = named.into_bytes().map_err(serde::de::Error::custom)?;
        Self::of(carried, role).map_err(serde::de::Error::custom)
    }
}

/// A descriptor that several have until it is sent, and that the last one closes.
#[derive(Clone)]
pub(crate) struct OpenFile {
    file: Arc<OwnedFd>,
    /// Dropped after it, so that the last one is a keeper.
    keeper: Keeper,
}

/// What closes a descriptor. One that came from a peer is closed by a thread that may block: FLUSH of FUSE, and sockets with SO_LINGER,
/// wait for somebody else. fuse(4), socket(7).
#[derive(Clone)]
struct Keeper(Option<Arc<OwnedFd>>);

impl OpenFile {
    /// One of this program's.
    pub(crate) fn own(file: OwnedFd) -> Self {
        Self { file: Arc::new(file), keeper: Keeper(None) }
    }

    /// One that came from a peer.
    pub(crate) fn of_peer(file: OwnedFd) -> Self {
        let file = Arc::new(file);
        Self { keeper: Keeper(Some(Arc::clone(&file))), file }
    }

    fn into_owned_fd(self) -> std::io::Result<OwnedFd> {
        let Self { file, mut keeper } = self;
        drop(keeper.0.take());
        Arc::try_unwrap(file).or_else(|shared| shared.as_fd().try_clone_to_owned())
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.file, formatter)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let last = self.0.take().and_then(Arc::into_inner);
        if let (Some(file), Ok(runtime)) = (last, tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(file));
        }
    }
}
