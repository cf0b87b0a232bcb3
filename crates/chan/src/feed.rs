//! What is read that may take its time: standard input, files, pipes. By a thread of its own, which ends with the program. Start at
//! [`Feed::bytes`] and [`Lines`].

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{mpsc, oneshot};

/// Bytes of a piece.
const PIECE: usize = 32 << 10;
/// Pieces, or lines, that are read ahead.
const AHEAD: usize = 4;
/// The longest line: that of a message which no peer takes.
const LONGEST: u64 = 64 << 20;

/// Bytes as they come.
#[derive(Debug)]
pub(crate) struct Feed {
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
    rest: Bytes,
    /// Dropped with it.
    _over: Option<oneshot::Sender<std::convert::Infallible>>,
}

impl Feed {
    /// With what ends when whoever reads it lets it go.
    pub(crate) fn told(
        reader: impl Read + Send + 'static,
    ) -> (Self, oneshot::Receiver<std::convert::Infallible>) {
        let (tell, over) = oneshot::channel();
        (Self { _over: Some(tell), ..Self::bytes(reader) }, over)
    }

    pub(crate) fn bytes(mut reader: impl Read + Send + 'static) -> Self {
        let (send, pieces) = mpsc::channel(AHEAD);
        std::thread::spawn(move || {
            let mut buffer = vec![0; PIECE];
            loop {
                let piece = match reader.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(size) => Ok(Bytes::copy_from_slice(buffer.get(..size).unwrap_or_default())),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = piece.is_err();
                if send.blocking_send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        Self { pieces, rest: Bytes::new(), _over: None }
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.pieces.poll_recv(context)) {
                Some(piece) => self.rest = piece?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let size = self.rest.len().min(buffer.remaining());
        buffer.put_slice(self.rest.get(..size).unwrap_or_default());
        self.rest.advance(size);
        Poll::Ready(Ok(()))
    }
}

/// Lines that are not empty, with their numbers.
#[derive(Debug)]
pub(crate) struct Lines(mpsc::Receiver<std::io::Result<(u64, Vec<u8>)>>);

impl Lines {
    pub(crate) fn of(reader: impl Read + Send + 'static) -> Self {
        let (send, lines) = mpsc::channel(AHEAD);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut number = 0;
            loop {
                let line = read_line(&mut reader);
                number += 1;
                let line = match line {
                    Ok(None) => return,
                    Ok(Some(line)) if line.trim_ascii().is_empty() => continue,
                    Ok(Some(line)) => Ok((number, line)),
                    Err(error) => Err(error),
                };
                let is_last = line.is_err();
                if send.blocking_send(line).is_err() || is_last {
                    return;
                }
            }
        });
        Self(lines)
    }

    pub(crate) async fn next(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        self.0.recv().await.transpose()
    }
}

fn read_line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let size = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    if size as u64 == LONGEST && line.last() != Some(&b'\n') {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "a line is longer than 64 MiB"));
    }
    Ok((size > 0).then_some(line))
}
