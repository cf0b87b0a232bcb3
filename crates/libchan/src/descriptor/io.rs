//! Bytes of any descriptor, whose open file others may have, too: its flags are left alone, and nothing blocks the runtime.
//!
//! | | how |
//! |---|---|
//! | sockets | when they are ready, each call with MSG_DONTWAIT |
//! | pipes, terminals, what has no type (eventfd) | when they are ready, by a thread that may block: another reader may have been faster |
//! | files, directories, devices | by a thread that may block, at the open file's own offset |
//!
//! Sources: recv(2), poll(2), pipe(7), statx(2), epoll(7).

use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, FileType, OFlags, StatxFlags, statx};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;

use super::OpenFile;

/// Bytes of one call.
const CALL_BYTES: usize = 64 << 10;
/// Bytes that a pipe that is ready takes without blocking: PIPE_BUF, pipe(7).
const PIPE_BYTES: usize = 4096;
/// Major numbers of terminals: Linux's devices.txt, 4 and 5 char, 136-143 char.
const TERMINALS: [std::ops::RangeInclusive<u32>; 2] = [4..=5, 136..=143];

/// The bytes of a descriptor.
pub(crate) struct FileIo {
    kind: Kind,
    /// How it was opened: what cannot be read is at its end, and nothing is waited for that never comes.
    mode: OFlags,
    /// Where the runtime can watch it. Dropped before the file.
    watched: Option<AsyncFd<Arc<OwnedFd>>>,
    reading: Option<Work<Vec<u8>>>,
    /// Read, and not yet taken.
    rest: Vec<u8>,
    writing: Option<Work<()>>,
    file: OpenFile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socket,
    /// It is waited for until it is ready.
    Pollable,
    /// It is always ready, and blocks.
    Blocking,
}

/// What a thread that may block does.
type Work<T> = JoinHandle<std::io::Result<T>>;

impl FileIo {
    pub(crate) fn new(file: OpenFile) -> Self {
        let mut kind = kind(&file);
        let on_runtime = tokio::runtime::Handle::try_current().is_ok();
        let watched = match kind {
            Kind::Socket | Kind::Pollable if on_runtime => watch(&file),
            Kind::Socket | Kind::Pollable | Kind::Blocking => None,
        };
        if watched.is_none() {
            kind = Kind::Blocking;
        }
        let flags = rustix::fs::fcntl_getfl(&file).unwrap_or(OFlags::RDWR);
        let mode = flags & OFlags::RWMODE;
        Self { kind, mode, watched, reading: None, rest: Vec::new(), writing: None, file }
    }

    /// Ready when one call would not block, if nobody else is faster.
    fn poll_ready(&self, flags: PollFlags, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let Some(watched) = &self.watched else { return Poll::Ready(Ok(())) };
        loop {
            let mut guard = if flags.contains(PollFlags::IN) {
                ready!(watched.poll_read_ready(context))?
            } else {
                ready!(watched.poll_write_ready(context))?
            };
            // An end or an error is something to call for, too.
            let mut polled = [PollFd::new(&self.file, flags)];
            match poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                Ok(0) => guard.clear_ready(),
                Ok(_) => return Poll::Ready(Ok(())),
                Err(Errno::INTR) => {}
                Err(errno) => return Poll::Ready(Err(errno.into())),
            }
        }
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Some(watched) = &self.watched else { return Poll::Ready(Ok(())) };
        let size = buffer.remaining().min(CALL_BYTES);
        loop {
            let mut guard = ready!(watched.poll_read_ready(context))?;
            let bytes = buffer.initialize_unfilled_to(size);
            match rustix::net::recv(&self.file, bytes, RecvFlags::DONTWAIT) {
                Ok((read, _)) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(errno) => return Poll::Ready(Err(errno.into())),
            }
        }
    }

    fn poll_send(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let Some(watched) = &self.watched else { return Poll::Ready(Ok(0)) };
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            let mut guard = ready!(watched.poll_write_ready(context))?;
            match rustix::net::send(&self.file, bytes, flags) {
                Ok(sent) => return Poll::Ready(Ok(sent)),
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(errno) => return Poll::Ready(Err(errno.into())),
            }
        }
    }

    /// Until what was written is with the file.
    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let Some(work) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let done = ready!(Pin::new(work).poll(context));
        self.writing = None;
        Poll::Ready(done.unwrap_or_else(|gone| Err(Error::other(gone))))
    }
}

impl AsyncRead for FileIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.mode == OFlags::WRONLY {
            return Poll::Ready(Ok(()));
        }
        if self.kind == Kind::Socket {
            return self.poll_receive(context, buffer);
        }
        while self.rest.is_empty() {
            let Some(work) = &mut self.reading else {
                ready!(self.poll_ready(PollFlags::IN, context))?;
                let (file, size) = (self.file.clone(), buffer.remaining().min(CALL_BYTES));
                self.reading = Some(tokio::task::spawn_blocking(move || read(&file, size)));
                continue;
            };
            let done = ready!(Pin::new(work).poll(context));
            self.reading = None;
            match done.unwrap_or_else(|gone| Err(Error::other(gone))) {
                Ok(bytes) if bytes.is_empty() => return Poll::Ready(Ok(())),
                Ok(bytes) => self.rest = bytes,
                // Its open file is one that never blocks, and somebody else was faster.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let size = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..size]);
        self.rest.drain(..size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FileIo {
    /// An error may be told by the next call.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.mode == OFlags::RDONLY {
            return Poll::Ready(Err(Errno::BADF.into()));
        }
        let most = match self.kind {
            Kind::Socket => return self.poll_send(context, bytes),
            Kind::Pollable => PIPE_BYTES,
            Kind::Blocking => CALL_BYTES,
        };
        ready!(self.poll_written(context))?;
        ready!(self.poll_ready(PollFlags::OUT, context))?;
        let part = bytes[..bytes.len().min(most)].to_vec();
        let (file, size) = (self.file.clone(), part.len());
        self.writing = Some(tokio::task::spawn_blocking(move || write(&file, &part)));
        Poll::Ready(Ok(size))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.poll_written(context)
    }

    /// The peer of a socket reads the end; for everything else the end is that it is closed.
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(self.poll_written(context))?;
        if self.kind != Kind::Socket {
            return Poll::Ready(Ok(()));
        }
        match rustix::net::shutdown(&self.file, Shutdown::Write) {
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(errno) => Poll::Ready(Err(errno.into())),
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, since what it is given may give it another descriptor later: this always gives the same one"
)]
fn watch(file: &OpenFile) -> Option<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::new(Arc::clone(&file.file)).ok()
}

/// What it is, without asking whoever serves its file system: FUSE's may never answer.
fn kind(file: &OpenFile) -> Kind {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let Ok(status) = statx(file, c"", flags, StatxFlags::TYPE) else { return Kind::Blocking };
    let is_terminal = || TERMINALS.iter().any(|majors| majors.contains(&status.stx_rdev_major));
    match FileType::from_raw_mode(status.stx_mode.into()) {
        FileType::Socket => Kind::Socket,
        FileType::Fifo => Kind::Pollable,
        FileType::CharacterDevice if is_terminal() => Kind::Pollable,
        // What the kernel makes without a file system has no type.
        FileType::Unknown => Kind::Pollable,
        FileType::RegularFile
        | FileType::Directory
        | FileType::Symlink
        | FileType::CharacterDevice
        | FileType::BlockDevice => Kind::Blocking,
    }
}

/// One read of what is there. May block.
fn read(file: &OpenFile, size: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let read = rustix::io::retry_on_intr(|| rustix::io::read(file, &mut bytes))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Writes all. May block.
fn write(file: &OpenFile, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::OUT)], None)?;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
