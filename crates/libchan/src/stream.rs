//! Streams of bytes, which a message may carry: [`ByteStream`] both ways, [`ByteReader`] and [`ByteWriter`] one way.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, join};

use crate::attach::{self, Carried};
use crate::descriptor::FileIo;
use crate::line::Line;
use crate::msgpack::extension::Role;
use crate::pair::pair;
use crate::pump;

/// What bytes are read from and written to.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Nothing once it was sent to somebody. The lock is for that alone, which has no more than a reference.
struct Held(Mutex<Option<Box<dyn Io>>>);

impl Held {
    fn new(io: impl Io + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(io))))
    }

    fn of(carried: Carried) -> Self {
        match carried {
            Carried::Line(line) => Self::new(line),
            Carried::File(file) => Self::new(FileIo::new(file)),
        }
    }

    fn take(&self) -> Option<Box<dyn Io>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<T>(
        &mut self,
        action: impl FnOnce(Pin<&mut dyn Io>) -> Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        match self.0.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(io) => action(Pin::new(io.as_mut())),
            None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
        }
    }

    fn serialize<S: Serializer>(&self, serializer: S, role: Role) -> Result<S::Ok, S::Error> {
        attach::serialize(serializer, role, None, || Some(pump::bytes(self.take()?, role)))
    }

    fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
        what: &'static str,
    ) -> Result<Carried, D::Error> {
        let carried = attach::deserialize(from, what)?.into_bytes();
        carried.map_err(serde::de::Error::custom)
    }
}

/// A stream of which only what comes is used: dropped at its end it ends in good order, and before the peer hears that nobody reads.
struct Read(Line);

impl Drop for Read {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(None)) = self.0.input.poll_receive(&mut context) {
            self.0.out.finish();
        }
    }
}

impl AsyncRead for Read {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

/// Bytes both ways, each with an end of its own: `shutdown` ends what is written.
///
/// A file, a socket or whatever else is read and written becomes one by [`ByteStream::new`]. In a message it goes to the peer, who
/// reads what is written here and writes what is read here.
pub struct ByteStream(Held);

/// Bytes that are read. In a message it goes to the peer, who reads them. Dropped before its end, whoever writes hears that nobody reads.
pub struct ByteReader(Held);

/// Bytes that are written. In a message it goes to the peer, who writes them.
pub struct ByteWriter(Held);

impl ByteStream {
    fn of(carried: Carried) -> Self {
        Self(Held::of(carried))
    }

    /// Of anything that is read and written.
    #[must_use]
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Held::new(io))
    }

    /// Two of which each reads what is written to the other one, up to 64 KiB before the writer waits. Where one goes to a peer, and is
    /// cut on its way, reading the other one fails: only a good end looks like one.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let (near, far) = pair();
        (Self::new(near), Self::new(far))
    }
}

impl ByteReader {
    pub(crate) fn of(carried: Carried) -> Self {
        match carried {
            Carried::Line(line) => Self(Held::new(join(Read(line), tokio::io::sink()))),
            Carried::File(_) => Self(Held::of(carried)),
        }
    }

    /// Of anything that is read.
    #[must_use]
    pub fn new(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self(Held::new(join(reader, tokio::io::sink())))
    }
}

impl ByteWriter {
    pub(crate) fn of(carried: Carried) -> Self {
        Self(Held::of(carried))
    }

    /// Of anything that is written.
    #[must_use]
    pub fn new(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Held::new(join(tokio::io::empty(), writer)))
    }
}

macro_rules! reads {
    ($($kind:ty),*) => {$(
        impl AsyncRead for $kind {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<std::io::Result<()>> {
                self.0.with(|io| io.poll_read(context, buffer))
            }
        }
    )*};
}

macro_rules! writes {
    ($($kind:ty),*) => {$(
        impl AsyncWrite for $kind {
            fn poll_write(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<std::io::Result<usize>> {
                self.0.with(|io| io.poll_write(context, bytes))
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<std::io::Result<()>> {
                self.0.with(|io| io.poll_flush(context))
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<std::io::Result<()>> {
                self.0.with(|io| io.poll_shutdown(context))
            }
        }
    )*};
}

macro_rules! travels {
    ($($kind:ident, $role:ident, $what:literal);*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer, Role::$role)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Held::deserialize(deserializer, $what).map(Self::of)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($kind)).finish_non_exhaustive()
            }
        }
    )*};
}

reads!(ByteStream, ByteReader);
writes!(ByteStream, ByteWriter);
travels!(
    ByteStream, Duplex, "a byte stream";
    ByteReader, ReadByReceiver, "a byte stream to read from";
    ByteWriter, WrittenByReceiver, "a byte stream to write to"
);
