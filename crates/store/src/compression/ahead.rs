//! A reader that runs ahead of its consumer on a thread of its own, by a bounded number of buffers.
//!
//! Never outlives the call of [`read_ahead`]: the thread is scoped. Buffers go round: full ones to the consumer, empty ones
//! back, so nothing is allocated once it runs.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Bytes in one buffer.
const BUFFER_BYTES: usize = 256 * 1024;
/// Buffers that may wait for the consumer.
const BUFFERS: usize = 6;

/// The consumer's end: reads what the thread has read.
#[derive(Debug)]
pub struct Ahead {
    full: Receiver<io::Result<Filled>>,
    empty: Sender<Vec<u8>>,
    current: Filled,
    position: usize,
    ended: bool,
}

/// A buffer and how much of it was read; an empty one is the end.
#[derive(Debug, Default)]
struct Filled {
    bytes: Vec<u8>,
    length: usize,
}

/// Runs `consume` on this thread while `reader` is read on another; gives back what `consume` returned, and `reader`.
///
/// When `consume` returns early the thread stops at its next buffer.
pub fn read_ahead<R: Read + Send, T>(reader: R, consume: impl FnOnce(Ahead) -> T) -> (T, R) {
    let (full_sender, full) = sync_channel(BUFFERS);
    let (empty, empty_receiver) = channel();
    for _ in 0..BUFFERS {
        // The receiver is in this very function: it cannot have hung up.
        let _ = empty.send(vec![0; BUFFER_BYTES]);
    }
    thread::scope(|scope| {
        let producer = scope.spawn(move || produce(reader, &full_sender, &empty_receiver));
        let result =
            consume(Ahead { full, empty, current: Filled::default(), position: 0, ended: false });
        match producer.join() {
            Ok(reader) => (result, reader),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn produce<R: Read>(
    mut reader: R,
    full: &SyncSender<io::Result<Filled>>,
    empty: &Receiver<Vec<u8>>,
) -> R {
    while let Ok(mut bytes) = empty.recv() {
        let (length, failure) = fill(&mut reader, &mut bytes);
        let ended = length == 0 && failure.is_none();
        // What was read before an error comes first, so that the consumer meets the error where it happened.
        let hung_up = (length > 0 || ended) && full.send(Ok(Filled { bytes, length })).is_err();
        if let Some(error) = failure {
            let _ = full.send(Err(error));
            break;
        }
        if ended || hung_up {
            break;
        }
    }
    reader
}

fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut length = 0;
    while length < bytes.len() {
        match reader.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.current.length {
            if self.ended {
                return Ok(0);
            }
            let Ok(next) = self.full.recv() else {
                self.ended = true;
                continue;
            };
            let next = next.inspect_err(|_| self.ended = true)?;
            self.ended = next.length == 0;
            self.position = 0;
            let used = std::mem::replace(&mut self.current, next).bytes;
            // The first one is no buffer yet: to read nothing into it would look like the end.
            if !used.is_empty() {
                // The thread may be gone already; then nobody wants the buffer back.
                let _ = self.empty.send(used);
            }
        }
        let count = buffer.len().min(self.current.length - self.position);
        buffer[..count].copy_from_slice(&self.current.bytes[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}
