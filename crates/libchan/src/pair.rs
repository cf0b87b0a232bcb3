//! Two ends in memory of which each reads what is written to the other one, as [`crate::ByteStream::pair`] gives them.
//!
//! One that is dropped has ended what was written to it, as a pipe's end does. Where bytes come from elsewhere and were cut there, that
//! would look complete: whoever passes them on drops his end by [`cut`], and the other end reads an error.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Bytes that each end holds before the writer waits.
const PAIR_BYTES: usize = 64 << 10;

thread_local! {
    /// Whether what is dropped just now is cut. The end may be within anything else that is read and written.
    static CUTTING: Cell<bool> = const { Cell::new(false) };
}

/// One of both ends.
#[derive(Debug)]
pub(crate) struct End {
    io: DuplexStream,
    /// Both ends'.
    is_cut: Arc<AtomicBool>,
}

/// Both ends.
pub(crate) fn pair() -> (End, End) {
    let (near, far) = tokio::io::duplex(PAIR_BYTES);
    let is_cut = Arc::new(AtomicBool::new(false));
    (End { io: near, is_cut: Arc::clone(&is_cut) }, End { io: far, is_cut })
}

/// Drops what has not come to a good end.
pub(crate) fn cut<T>(io: T) {
    let before = CUTTING.replace(true);
    drop(io);
    CUTTING.set(before);
}

impl Drop for End {
    fn drop(&mut self) {
        // Before the end of the bytes, which comes with the fields.
        if CUTTING.get() {
            self.is_cut.store(true, Ordering::SeqCst);
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let is_none_wanted = buffer.remaining() == 0;
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        let is_end = buffer.filled().len() == before && !is_none_wanted;
        if is_end && self.is_cut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
