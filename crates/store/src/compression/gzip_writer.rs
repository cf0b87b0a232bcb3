//! gzip on several threads: one member, whose deflate stream is made of blocks that are compressed at the same time.
//!
//! ```text
//! reader thread   --- block 0, 1, 2 … --->   compressing threads
//!       |                                          | one answer per block
//!       `-------- the answers, in order ---->   this thread writes
//! ```
//! Each block has the 32 KiB before it as its dictionary, as if one compressor had seen it all, and ends on a byte with an empty
//! stored block (a sync flush), so that blocks are joined by putting one after the other. Sources: RFC 1951, 3.2; RFC 1952, 2.3.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Bytes of a block before it is compressed. The result depends on it.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// How far back deflate looks.
const WINDOW_BYTES: usize = 32 * 1024;
/// No name, no time, no operating system: the same bytes everywhere. RFC 1952, 2.3.1.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty block of fixed codes that says it is the last one. RFC 1951, 3.2.3.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// Blocks beyond those that are being compressed: one is read, one is written.
const BLOCKS_BESIDE: usize = 2;

/// A block that waits for a thread.
struct Job {
    dictionary: Vec<u8>,
    bytes: Vec<u8>,
    answer: Sender<io::Result<Packed>>,
}

/// A block that is compressed.
struct Packed {
    bytes: Vec<u8>,
    crc: Crc,
}

/// Compresses all of `reader` into `writer`; gives `reader` back, read to its end.
pub(super) fn write<R: Read + Send>(
    reader: R,
    writer: &mut impl Write,
    level: u32,
    threads: usize,
) -> io::Result<R> {
    // The answers' channel is what bounds the blocks in memory: each has its place there before it is read.
    let (ordered, answers) = sync_channel(threads + BLOCKS_BESIDE);
    let (jobs, queue) = channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        let reading = scope.spawn(move || read(reader, &jobs, &ordered));
        for _ in 0..threads {
            scope.spawn(|| work(&queue, level));
        }
        let written = join(writer, answers);
        match reading.join() {
            Ok((reader, Ok(()))) => written.map(|()| reader),
            // A writer that fails first hangs up, which the reader does not call an error.
            Ok((_, Err(error))) => Err(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Cuts what is read into blocks, until it ends or nobody wants more.
fn read<R: Read>(
    mut reader: R,
    jobs: &Sender<Job>,
    ordered: &SyncSender<Receiver<io::Result<Packed>>>,
) -> (R, io::Result<()>) {
    let mut dictionary = Vec::new();
    loop {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        if let Err(error) = reader.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut bytes) {
            return (reader, Err(error));
        }
        if bytes.is_empty() {
            return (reader, Ok(()));
        }
        let tail = bytes[bytes.len().saturating_sub(WINDOW_BYTES)..].to_vec();
        let (answer, receiver) = channel();
        let job = Job { dictionary: std::mem::replace(&mut dictionary, tail), bytes, answer };
        if ordered.send(receiver).is_err() || jobs.send(job).is_err() {
            return (reader, Ok(()));
        }
    }
}

/// One compressing thread.
fn work(queue: &Mutex<Receiver<Job>>, level: u32) {
    loop {
        // The lock is held while waiting: one thread waits for a job, the others for the lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { dictionary, bytes, answer }) = next else { return };
        // Nobody waits for it when the writer has failed.
        let _nobody_waits = answer.send(pack(&dictionary, &bytes, level));
    }
}

/// A compressor of its own for each block: what it has seen before cannot show in what it makes.
fn pack(dictionary: &[u8], bytes: &[u8], level: u32) -> io::Result<Packed> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut compressor = Compress::new(Compression::new(level), false);
    if !dictionary.is_empty() {
        compressor.set_dictionary(dictionary)?;
    }
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let taken = usize::try_from(compressor.total_in()).unwrap_or(usize::MAX);
        compressor.compress_vec(&bytes[taken..], &mut packed, FlushCompress::Sync)?;
        // Room that is left means that the flush is complete. zlib.h, deflate.
        if packed.len() < packed.capacity() && compressor.total_in() == bytes.len() as u64 {
            return Ok(Packed { bytes: packed, crc });
        }
        packed.reserve(bytes.len() / 2 + 64);
    }
}

/// Puts the blocks one after the other.
fn join(
    writer: &mut impl Write,
    answers: Receiver<Receiver<io::Result<Packed>>>,
) -> io::Result<()> {
    writer.write_all(&HEADER)?;
    let mut crc = Crc::new();
    for answer in answers {
        // A thread that panicked has hung up; its panic is passed on by the scope.
        let packed = answer.recv().map_err(io::Error::other)??;
        crc.combine(&packed.crc);
        writer.write_all(&packed.bytes)?;
    }
    writer.write_all(&LAST_BLOCK)?;
    writer.write_all(&crc.sum().to_le_bytes())?;
    // The length modulo 2^32, as it is meant there. RFC 1952, 2.3.1.
    writer.write_all(&crc.amount().to_le_bytes())
}
