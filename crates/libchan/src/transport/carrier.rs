//! The bytes of a Unix socket, and descriptors beside them. What is to leave goes with the first byte that is written afterwards; what
//! has come is there before the bytes that it came with. Sources: unix(7), "SCM_RIGHTS"; sendmsg(2), recvmsg(2), epoll(7).

use std::io::{Error, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use crate::passing::{MOST_PER_CALL, Passing};

/// Room for one read at first, which has to be cleared before, and the most: it follows what comes.
const LEAST_READ: usize = 4 << 10;
const MOST_READ: usize = 128 << 10;

/// A Unix socket.
#[derive(Debug)]
pub(crate) struct Carrier {
    socket: UnixStream,
    passing: Arc<Passing>,
    /// Bytes that the next read asks for.
    expected: usize,
}

impl Carrier {
    /// Carries at most so many descriptors on their way, each way.
    pub(crate) fn new(socket: UnixStream, limit: usize) -> Self {
        Self { socket, passing: Arc::new(Passing::new(limit)), expected: LEAST_READ }
    }

    /// What its session shares with it.
    pub(crate) fn passing(&self) -> Arc<Passing> {
        Arc::clone(&self.passing)
    }

    /// Does one call when the socket is ready for it. `call` says whether the socket is ready for another one as far as it saw, too:
    /// it is not when a buffer was not filled, epoll(7), "Questions and answers", 9.
    fn try_io<T>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> std::io::Result<(T, bool)>,
    ) -> std::io::Result<T> {
        let mut done = None;
        let tried = self.socket.try_io(interest, || {
            let (value, is_ready) = call()?;
            done = Some(value);
            // Taken for what it means: the runtime waits for the next event.
            if is_ready { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        });
        match (done, tried) {
            (Some(value), _) => Ok(value),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_send(
        &self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        loop {
            ready!(self.socket.poll_write_ready(context))?;
            let sent = self.try_io(Interest::WRITABLE, || {
                let (wanted, sent) = self.send(slices);
                sent.map(|size| (size, size == wanted)).map_err(Error::from)
            });
            match sent {
                Err(error) if is_to_be_repeated(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Sends some bytes, of which so many were to be sent.
    fn send(&self, slices: &[IoSlice<'_>]) -> (usize, Result<usize, Errno>) {
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        let Some((files, has_more)) = self.passing.leaving() else {
            return (wanted, send(&self.socket, slices));
        };
        let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_PER_CALL))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let first = slices.iter().find_map(|slice| slice.first_chunk::<1>());
        let (wanted, sent) = if let (true, Some(byte)) = (has_more, first) {
            (1, sendmsg(&self.socket, &[IoSlice::new(byte)], &mut control))
        } else {
            (wanted, sendmsg(&self.socket, slices, &mut control))
        };
        match sent {
            Ok(_) => self.passing.have_left(files.len()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Too many are on their way for this user, or one may not be passed: none is from now on, and their bytes are.
            // unix(7), "ETOOMANYREFS".
            Err(_) => {
                self.passing.stop();
                return (wanted, send(&self.socket, slices));
            }
        }
        (wanted, sent)
    }

    /// Reads, and keeps descriptors that come; whether there can be more to read at once.
    fn receive(&self, bytes: &mut [u8]) -> std::io::Result<(usize, bool)> {
        let wanted = bytes.len();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_PER_CALL))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let mut slices = [IoSliceMut::new(bytes)];
        let received = rustix::net::recvmsg(&self.socket, &mut slices, &mut control, flags)?;
        let is_truncated = received.flags.contains(ReturnFlags::CTRUNC);
        let mut has_descriptors = is_truncated;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                has_descriptors = true;
                self.passing.arrived(files, false)?;
            }
        }
        if is_truncated {
            self.passing.arrived(std::iter::empty(), true)?;
        }
        // A read ends behind bytes that descriptors came with, whatever follows them.
        let is_all = received.bytes > 0 && received.bytes < wanted && !has_descriptors;
        Ok((received.bytes, !is_all))
    }
}

fn is_to_be_repeated(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn send(socket: &UnixStream, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
    match slices {
        [bytes] => rustix::net::send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT),
        slices => sendmsg(socket, slices, &mut SendAncillaryBuffer::default()),
    }
}

fn sendmsg(
    socket: &UnixStream,
    slices: &[IoSlice<'_>],
    control: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> Result<usize, Errno> {
    rustix::net::sendmsg(socket, slices, control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

impl AsyncRead for Carrier {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let size = self.expected.min(buffer.remaining());
        let read = loop {
            ready!(self.socket.poll_read_ready(context))?;
            let bytes = buffer.initialize_unfilled_to(size);
            match self.try_io(Interest::READABLE, || self.receive(bytes)) {
                Err(error) if is_to_be_repeated(&error) => {}
                read => break read?,
            }
        };
        buffer.advance(read);
        if read == self.expected {
            self.expected = (read * 4).min(MOST_READ);
        } else if read < self.expected / 8 {
            self.expected = (self.expected / 2).max(LEAST_READ);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.poll_send(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.poll_send(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match rustix::net::shutdown(&self.socket, Shutdown::Write) {
            // The peer was faster.
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(errno) => Poll::Ready(Err(errno.into())),
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.passing.end();
    }
}
