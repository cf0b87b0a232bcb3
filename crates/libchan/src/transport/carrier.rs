//! The bytes of a Unix socket, and descriptors beside them once the peer has asked for that. What is to leave goes with the first byte that is written afterwards; what
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
    SendAncillaryMessage, SendFlags,
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

    /// Nothing where no descriptor goes with the bytes.
    fn poll_send(
        &self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<Option<usize>>> {
        while self.passing.has_leaving() {
            ready!(self.socket.poll_write_ready(context))?;
            match self.try_io(Interest::WRITABLE, || self.send(slices)) {
                Err(error) if is_to_be_repeated(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Sends some bytes with descriptors; whether the socket can take more.
    fn send(&self, slices: &[IoSlice<'_>]) -> std::io::Result<(Option<usize>, bool)> {
        let (files, has_more) = self.passing.leaving();
        let first = slices.iter().find_map(|slice| slice.first_chunk::<1>());
        let (false, Some(first)) = (files.is_empty(), first) else { return Ok((None, true)) };
        let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_PER_CALL))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let one = [IoSlice::new(first)];
        let slices = if has_more { &one } else { slices };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::net::sendmsg(&self.socket, slices, &mut control, flags) {
            Ok(size) => {
                self.passing.have_left(files.len());
                Ok((Some(size), size == slices.iter().map(|slice| slice.len()).sum::<usize>()))
            }
            Err(errno @ (Errno::AGAIN | Errno::INTR)) => Err(errno.into()),
            // Too many are on their way for this user, or one may not be passed: none is from now on, and their bytes are.
            // unix(7), "ETOOMANYREFS". What is wrong with the connection is told for the bytes alone, too.
            Err(_) => {
                self.passing.stop();
                Ok((None, true))
            }
        }
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

impl AsyncRead for Carrier {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.passing.is_expecting() {
            return Pin::new(&mut self.socket).poll_read(context, buffer);
        }
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
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match ready!(self.poll_send(context, &[IoSlice::new(bytes)]))? {
            Some(size) => Poll::Ready(Ok(size)),
            None => Pin::new(&mut self.socket).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        match ready!(self.poll_send(context, slices))? {
            Some(size) => Poll::Ready(Ok(size)),
            None => Pin::new(&mut self.socket).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.passing.end();
    }
}
