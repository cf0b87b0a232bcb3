//! What is answered to a request. The files' contents come from elsewhere; one is made when a reader begins and kept for him, so that
//! who reads in pieces reads one file.
//!
//! Nothing that a container asks makes this grow: what is kept is bounded by [`MOST_KEPT`] and [`MOST_BYTES`], the oldest goes first, and
//! a reader whose content has gone gets a new one. So opening never fails.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::tree::{DIRECTORY, DIRECTORY_MODE, FILE_MODE, File, names, node_of};
use super::wire::{
    DIRECT_IO, Fields, LEAST_MINOR, MAJOR, MINOR, MOST_WRITTEN, NO_FLUSH, Operation, Out, Request,
    entry_length, put_attributes, put_entry,
};

/// Readers whose content is kept, and the bytes of all of it.
const MOST_KEPT: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// Readers who begin within this time share a content: thousands a second cost no more than twenty.
const SHARED_FOR: Duration = Duration::from_millis(50);
/// How long the kernel may know names and the directory without asking again: they never change. A year, in seconds.
const VALID: u64 = 365 * 24 * 3600;

/// What comes behind the answer's own bytes.
#[derive(Debug, Default)]
pub(super) struct Content(Option<(Rc<[u8]>, Range<usize>)>);

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        let bytes = self.0.as_ref().and_then(|(bytes, range)| bytes.get(range.clone()));
        bytes.unwrap_or_default()
    }
}

/// A reader's content.
#[derive(Debug)]
struct Kept {
    reader: u64,
    bytes: Rc<[u8]>,
}

/// Who answers, and what is kept for readers.
#[derive(Debug)]
pub(super) struct Answers {
    kept: VecDeque<Kept>,
    /// What was made last, of each file.
    last: [Option<(Instant, Rc<[u8]>)>; File::ALL.len()],
    next_reader: u64,
    /// Seconds since 1970, for the files' times.
    made: u64,
}

/// Where contents come from: what a file says at that time.
pub(super) trait Contents {
    fn content(&mut self, file: File, now: Instant) -> Vec<u8>;
}

impl Answers {
    /// Readers count from `first_reader` on.
    pub(super) fn new(first_reader: u64, made: u64) -> Self {
        let last = [const { None }; File::ALL.len()];
        Self { kept: VecDeque::new(), last, next_reader: first_reader, made }
    }

    /// Readers of others are told from these.
    pub(super) const fn count_from(&mut self, first_reader: u64) {
        self.next_reader = first_reader;
    }

    /// Writes the answer to `out` and gives the content behind it; nothing for a request that has no answer.
    pub(super) fn answer(
        &mut self,
        request: Request<'_>,
        contents: &mut impl Contents,
        now: Instant,
        out: &mut Out,
    ) -> Option<Content> {
        out.clear();
        let mut content = Content::default();
        let done = match request.operation {
            Operation::Forget | Operation::BatchForget => return None,
            Operation::Begin => begin(request.body, out),
            Operation::LookUp => self.look_up(request, out),
            Operation::GetAttributes => self.attributes(request.node, contents, now, out),
            Operation::Open => self.open(request, out),
            Operation::Read => self.read(request, contents, now).map(|read| content = read),
            Operation::Release => self.release(request, now),
            Operation::OpenDirectory => open_directory(request.node, out),
            Operation::ReadDirectory => read_directory(request, out),
            Operation::FileSystem => {
                file_system(out);
                Ok(())
            }
            Operation::Access => access(request.body),
            Operation::ReleaseDirectory | Operation::End => Ok(()),
            // To an interrupt it means that none needs to be sent: every request is answered at once.
            Operation::Interrupt | Operation::Other => Err(libc::ENOSYS),
        };
        out.finish(request.unique, done.err().unwrap_or(0), content.bytes().len());
        Some(content)
    }

    fn look_up(&self, request: Request<'_>, out: &mut Out) -> Result<(), i32> {
        let name = request.body.name().ok_or(libc::EINVAL)?;
        let known = node_of(name).filter(|_| request.node == DIRECTORY).ok_or(libc::ENOENT)?;
        // The node, its generation, and how long its name and its attributes are known: its size not at all.
        for value in [known, 0, VALID, 0] {
            out.u64(value);
        }
        out.u64(0);
        put_attributes(out, (known, FILE_MODE), 0, self.made);
        Ok(())
    }

    /// With the size of what a reader would read now, which he then does. A read(2) would do without, as with files of procfs; sendfile(2)
    /// and splice(2), which cat(1) of busybox uses, go through the page cache, and no further than the size that the kernel knows. It
    /// asks for it at every open(2), which also empties the cache.
    fn attributes(
        &mut self,
        node: u64,
        contents: &mut impl Contents,
        now: Instant,
        out: &mut Out,
    ) -> Result<(), i32> {
        let (valid, mode, size) = match File::of_node(node) {
            Some(file) => (0, FILE_MODE, self.fresh(file, contents, now).len() as u64),
            None if node == DIRECTORY => (VALID, DIRECTORY_MODE, 0),
            None => return Err(libc::ENOENT),
        };
        out.u64(valid);
        out.u64(0);
        put_attributes(out, (node, mode), size, self.made);
        Ok(())
    }

    fn open(&mut self, mut request: Request<'_>, out: &mut Out) -> Result<(), i32> {
        File::of_node(request.node).ok_or(libc::ENOENT)?;
        let flags = request.body.u32().ok_or(libc::EINVAL)?.cast_signed();
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(libc::EACCES);
        }
        out.u64(self.next_reader);
        self.next_reader = self.next_reader.wrapping_add(1);
        out.u32(DIRECT_IO | NO_FLUSH);
        out.u32(0);
        Ok(())
    }

    /// struct fuse_read_in: reader, offset, size.
    fn read(
        &mut self,
        request: Request<'_>,
        contents: &mut impl Contents,
        now: Instant,
    ) -> Result<Content, i32> {
        let (number, file) = File::of_node(request.node).ok_or(libc::EISDIR)?;
        let mut body = request.body;
        let fields = body.u64().zip(body.u64()).zip(body.u32());
        let ((reader, offset), size) = fields.ok_or(libc::EINVAL)?;
        let known = self.kept.iter().find(|kept| kept.reader == reader);
        let bytes = match known.filter(|_| offset > 0) {
            Some(kept) => Rc::clone(&kept.bytes),
            // Who goes back to the beginning sees what is true by now, as in the kernel's own files.
            None => {
                let bytes = self.fresh((number, file), contents, now);
                self.keep(reader, &bytes);
                bytes
            }
        };
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let length = usize::try_from(size).unwrap_or(0).min(bytes.len() - begin);
        Ok(Content(Some((bytes, begin..begin + length))))
    }

    fn fresh(
        &mut self,
        (number, file): (usize, File),
        contents: &mut impl Contents,
        now: Instant,
    ) -> Rc<[u8]> {
        let last = self.last.get(number).and_then(Option::as_ref);
        if let Some((made, bytes)) = last
            && now.saturating_duration_since(*made) < SHARED_FOR
        {
            return Rc::clone(bytes);
        }
        let mut bytes = contents.content(file, now);
        bytes.truncate(MOST_BYTES);
        let bytes: Rc<[u8]> = bytes.into();
        if let Some(last) = self.last.get_mut(number) {
            *last = Some((now, Rc::clone(&bytes)));
        }
        bytes
    }

    fn keep(&mut self, reader: u64, bytes: &Rc<[u8]>) {
        self.kept.retain(|kept| kept.reader != reader);
        self.kept.push_back(Kept { reader, bytes: Rc::clone(bytes) });
        let mut sum: usize = self.kept.iter().map(|kept| kept.bytes.len()).sum();
        while sum > MOST_BYTES || self.kept.len() > MOST_KEPT {
            let Some(oldest) = self.kept.pop_front() else { return };
            sum -= oldest.bytes.len();
        }
    }

    fn release(&mut self, request: Request<'_>, now: Instant) -> Result<(), i32> {
        let mut body = request.body;
        let reader = body.u64().ok_or(libc::EINVAL)?;
        self.kept.retain(|kept| kept.reader != reader);
        if self.kept.is_empty() {
            self.kept.shrink_to_fit();
            for last in &mut self.last {
                last.take_if(|(made, _)| now.saturating_duration_since(*made) >= SHARED_FOR);
            }
        }
        Ok(())
    }
}

/// struct fuse_init_in: major, minor, bytes read ahead, flags. None of the flags is wanted.
fn begin(mut body: Fields<'_>, out: &mut Out) -> Result<(), i32> {
    let (major, minor) = body.u32().zip(body.u32()).ok_or(libc::EINVAL)?;
    if major < MAJOR || major == MAJOR && minor < LEAST_MINOR {
        return Err(libc::EPROTO);
    }
    let ahead = body.u32().unwrap_or(0);
    // To a later major version the number alone is an answer: the kernel asks again by this one.
    for value in [MAJOR, MINOR, ahead, 0] {
        out.u32(value);
    }
    // Requests in the background, and from how many on there are many.
    out.u16(16);
    out.u16(12);
    out.u32(MOST_WRITTEN);
    // The times' granularity, then what no flag asks for.
    out.u32(1);
    out.put(&[0; 36]);
    Ok(())
}

fn open_directory(node: u64, out: &mut Out) -> Result<(), i32> {
    if node != DIRECTORY {
        return Err(libc::ENOTDIR);
    }
    out.put(&[0; 16]);
    Ok(())
}

fn read_directory(request: Request<'_>, out: &mut Out) -> Result<(), i32> {
    if request.node != DIRECTORY {
        return Err(libc::ENOTDIR);
    }
    let mut body = request.body;
    let fields = body.u64().zip(body.u64()).zip(body.u32());
    let ((_reader, offset), size) = fields.ok_or(libc::EINVAL)?;
    let room = usize::try_from(size).unwrap_or(0);
    let all = [".", ".."].into_iter().chain(names());
    for (number, name) in all.enumerate().skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
        let name = name.as_bytes();
        if out.body() + entry_length(name) > room {
            break;
        }
        let node = node_of(name).unwrap_or(DIRECTORY);
        let kind = if node == DIRECTORY { libc::DT_DIR } else { libc::DT_REG };
        put_entry(out, (node, kind.into()), number as u64 + 1, name);
    }
    Ok(())
}

/// struct fuse_kstatfs: blocks of all kinds, files, free ones; the size of a block, the longest name, the size of a fragment; padding.
fn file_system(out: &mut Out) {
    for value in [0, 0, 0, File::ALL.len() as u64, 0] {
        out.u64(value);
    }
    for value in [MOST_WRITTEN, 255, MOST_WRITTEN, 0] {
        out.u32(value);
    }
    out.put(&[0; 24]);
}

fn access(mut body: Fields<'_>) -> Result<(), i32> {
    let mask = body.u32().ok_or(libc::EINVAL)?.cast_signed();
    if mask & libc::W_OK != 0 { Err(libc::EROFS) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
