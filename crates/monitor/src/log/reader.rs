//! Reading a log over its rotated files: from a tail, between two times, and on as it grows.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use sys::find_byte;

use super::entry::Entry;
use super::files::beside;
use super::members::{Content, Member, keep_tail, newer, skip_to};
use super::{FILE, FileFormat, UNORDERED};
use crate::{format_time, now_ns};

/// What is read at once.
const BLOCK: usize = 256 * 1024;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only so many, counted from the end.
    pub tail: Option<u64>,
    /// Only lines at or after this time, RFC 3339 as the log has it.
    pub since: Option<String>,
    /// Only lines before this time.
    pub until: Option<String>,
    /// Whether `since` was over when the selection was made.
    is_past: bool,
}

impl Selection {
    /// The last lines, between two times as the log has them.
    #[must_use]
    pub fn new(tail: Option<u64>, since: Option<String>, until: Option<String>) -> Self {
        let is_past = since.as_ref().is_some_and(|since| *since <= format_time(now_ns()));
        Self { tail, since, until, is_past }
    }

    /// Whether a line of this time is wanted. Those after the first one that is are wanted too: a clock that was set back gives
    /// later lines earlier times.
    pub fn wants(&mut self, time: &str) -> bool {
        let is_early = self.since.as_deref().is_some_and(|since| time < since);
        if is_early || self.is_late(time) {
            return false;
        }
        self.since = None;
        true
    }

    /// What comes from now on is newer than all that was there, whatever its time is.
    pub fn caught_up(&mut self) {
        if self.is_past {
            self.since = None;
        }
    }

    fn is_late(&self, time: &str) -> bool {
        self.until.as_deref().is_some_and(|until| time >= until)
    }
}

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    cause: std::io::Error,
}

/// What a reader found.
#[derive(Debug)]
pub enum Next<'a> {
    /// A line that is wanted.
    Line(Entry<'a>),
    /// One that is not.
    Passed,
    /// Nothing more is there now. A line that is being written is not there yet.
    End,
}

/// A position in the log.
pub struct Reader {
    container_dir: PathBuf,
    path: PathBuf,
    format: FileFormat,
    current: Option<Lines>,
    /// Older files that come after the current one, the oldest last.
    waiting: Vec<Member>,
    selection: Selection,
    /// Whether times stand in order, so that nothing follows the first line that is too late.
    is_ordered: bool,
    is_over: bool,
    watch: Option<rustix::fd::OwnedFd>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, format, selection, .. } = self;
        out.debug_struct("Reader")
            .field("path", path)
            .field("format", format)
            .field("selection", selection)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the log of a container: a file, or the one in its directory. A log that does not exist yet is empty.
    ///
    /// # Errors
    /// When a file exists and cannot be read.
    pub fn open(
        container_dir: &Path,
        (path, format): (Option<&Path>, FileFormat),
        selection: Selection,
    ) -> Result<Self, ReadError> {
        let path = path.map_or_else(|| container_dir.join(FILE), Path::to_owned);
        let mut reader = Self {
            container_dir: container_dir.to_owned(),
            is_ordered: format == FileFormat::Json && !beside(&path, UNORDERED).exists(),
            path,
            format,
            current: None,
            waiting: Vec::new(),
            selection,
            is_over: false,
            watch: None,
        };
        reader.begin().map_err(|cause| reader.error(cause))?;
        Ok(reader)
    }

    fn begin(&mut self) -> std::io::Result<()> {
        let mut members = newer(&self.path, None)?;
        if let Some(tail) = self.selection.tail {
            keep_tail(&mut members, tail)?;
        }
        if let Some(since) = self.selection.since.as_ref().filter(|_| self.is_ordered) {
            skip_to(&mut members, since, self.format)?;
        }
        self.waiting = members;
        self.current = self.waiting.pop().map(Lines::of);
        Ok(())
    }

    /// The next line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_line(&mut self) -> Result<Next<'_>, ReadError> {
        let Some(range) = self.find_line().map_err(|cause| self.error(cause))? else {
            self.selection.caught_up();
            return Ok(Next::End);
        };
        let line = self.current.as_ref().and_then(|current| current.buffer.get(range));
        let Some(entry) = line.and_then(|line| Entry::parse(self.format, line)) else {
            return Ok(Next::Passed);
        };
        self.is_over = self.is_ordered && self.selection.is_late(entry.time());
        Ok(if self.selection.wants(entry.time()) { Next::Line(entry) } else { Next::Passed })
    }

    fn find_line(&mut self) -> std::io::Result<Option<Range<usize>>> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if let Some(line) = self.current.as_mut().map(Lines::next).transpose()?.flatten() {
                return Ok(Some(line));
            }
            if self.waiting.is_empty() {
                let current = self.current.as_ref().and_then(|current| current.member.identity);
                self.waiting = newer(&self.path, current)?;
                if self.waiting.is_empty() {
                    return Ok(None);
                }
                // The current file may have grown before it was replaced: it is read to its end once more.
                continue;
            }
            // A file that another one follows is finished: half a line at its end stays half.
            self.current = self.waiting.pop().map(Lines::of);
        }
    }

    /// Whether no line can follow that is wanted.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits until something in the log's directory or the container's changed: the log grew, or the container ended. Returns
    /// after a second at the latest, since a monitor that was killed changes nothing.
    ///
    /// # Errors
    /// When the directory cannot be watched.
    pub fn wait(&mut self) -> Result<(), ReadError> {
        use rustix::fs::inotify::{CreateFlags, WatchFlags};
        if self.watch.is_none() {
            let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
                .map_err(|errno| self.error(errno.into()))?;
            let events = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF;
            for directory in [Some(self.container_dir.as_path()), self.path.parent()] {
                let Some(directory) = directory else { continue };
                inotify::add_watch(&watch, directory, events)
                    .map_err(|errno| self.error(errno.into()))?;
            }
            self.watch = Some(watch);
            // What happened before the watch began was not told: look first.
            return Ok(());
        }
        let Some(watch) = &self.watch else { return Ok(()) };
        let second = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut polled = [rustix::event::PollFd::new(watch, rustix::event::PollFlags::IN)];
        let _interrupted = rustix::event::poll(&mut polled, Some(&second));
        let mut space = [0_u8; 4096];
        while rustix::io::read(watch, &mut space[..]).is_ok_and(|count| count > 0) {}
        Ok(())
    }

    fn error(&self, cause: std::io::Error) -> ReadError {
        ReadError { path: self.path.clone(), cause }
    }
}

/// A file, line by line.
struct Lines {
    member: Member,
    buffer: Vec<u8>,
    /// What of it was read and not given.
    filled: Range<usize>,
}

impl Lines {
    fn of(member: Member) -> Self {
        Self { member, buffer: vec![0; BLOCK], filled: 0..0 }
    }

    /// Where the next whole line is in the buffer, without its end.
    fn next(&mut self) -> std::io::Result<Option<Range<usize>>> {
        let mut seen = 0;
        loop {
            let rest = self.buffer.get(self.filled.clone()).unwrap_or_default();
            if let Some(place) = find_byte(b'\n', rest.get(seen..).unwrap_or_default()) {
                let start = self.filled.start;
                let end = start + seen + place;
                self.filled.start = end + 1;
                if self.member.passed_over == 0 {
                    return Ok(Some(start..end));
                }
                self.member.passed_over -= 1;
                seen = 0;
                continue;
            }
            seen = rest.len();
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn fill(&mut self) -> std::io::Result<bool> {
        let length = self.filled.len();
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..length;
        if length == self.buffer.len() {
            self.buffer.resize(2 * length, 0);
        }
        let space = self.buffer.get_mut(length..).unwrap_or_default();
        let count = match &mut self.member.content {
            Content::Plain(file) => file.read(space)?,
            Content::Packed { unpacked, .. } => unpacked.read(space)?,
        };
        self.filled.end = length + count;
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{FileRules, Log, LogDriver, LogRules};
    use crate::outputs::Stream;

    fn rules(max_bytes: u64, max_files: u32) -> LogRules {
        let files = FileRules { max_bytes, max_files, ..FileRules::default() };
        LogRules { driver: LogDriver::Files(files), buffer_bytes: None }
    }

    fn next(reader: &mut Reader) -> Option<String> {
        loop {
            match reader.next_line().unwrap() {
                Next::Line(entry) => return Some(entry.text()),
                Next::Passed => {}
                Next::End => return None,
            }
        }
    }

    fn read(directory: &Path, selection: Selection) -> Vec<String> {
        let mut reader = Reader::open(directory, (None, FileFormat::Json), selection).unwrap();
        std::iter::from_fn(|| next(&mut reader)).collect()
    }

    fn numbers(range: Range<u32>) -> Vec<String> {
        range.map(|number| format!("{number}\n")).collect()
    }

    #[test]
    fn reads_over_rotations_and_from_the_tail() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::open(directory.path(), &rules(4000, 5)).unwrap();
        for line in numbers(0..100) {
            log.write(Stream::Stdout, line.as_bytes());
        }
        let all = numbers(0..100);
        let packed = directory.path().join("container.log.1");
        for is_packed in [false, true] {
            if is_packed {
                super::super::compress(&packed).unwrap();
                assert!(!packed.exists());
            }
            assert_eq!(read(directory.path(), Selection::default()), all);
            for tail in [0, 1, 49, 50, 51, 99, 100, 1000] {
                let first = 100_usize.saturating_sub(usize::try_from(tail).unwrap());
                let selection = Selection { tail: Some(tail), ..Selection::default() };
                assert_eq!(read(directory.path(), selection), all[first..], "tail {tail}");
            }
        }
    }

    #[test]
    fn goes_on_into_the_file_that_a_rotation_began() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::open(directory.path(), &rules(200, 50)).unwrap();
        log.write(Stream::Stdout, b"first\n");
        let mut reader =
            Reader::open(directory.path(), (None, FileFormat::Json), Selection::default()).unwrap();
        assert_eq!(next(&mut reader).unwrap(), "first\n");
        assert_eq!(next(&mut reader), None);
        for (number, line) in numbers(0..20).iter().enumerate() {
            log.write(Stream::Stdout, line.as_bytes());
            // Whoever has read a file knows it again after it was compressed.
            if number == 10 {
                assert_eq!(next(&mut reader).unwrap(), "0\n");
                for file in 1..6 {
                    super::super::compress(&beside(
                        &directory.path().join(FILE),
                        &file.to_string(),
                    ))
                    .unwrap();
                }
            }
        }
        for line in numbers(1..20) {
            assert_eq!(next(&mut reader).unwrap(), line);
        }
    }

    /// A log of lines at given times.
    fn with_times(directory: &Path, times: impl Iterator<Item = (u32, i64)>) {
        let mut out = Vec::new();
        for (number, time_ns) in times {
            let (text, time) = (format!("{number}\n"), crate::format_time(time_ns));
            let line = crate::log::Line {
                stream: Stream::Stdout,
                text: text.as_bytes(),
                part: None,
                time: &time,
            };
            crate::log::encode::record(&mut out, FileFormat::Json, &line, "");
        }
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(directory.join(FILE), out).unwrap();
    }

    #[test]
    fn a_time_is_found_by_halves() {
        let directory = tempfile::tempdir().unwrap();
        with_times(directory.path(), (0..20_000).map(|number| (number, i64::from(number) * 1000)));
        for (since, until) in
            [(0, 20_000), (1, 2), (9_999, 10_001), (19_999, 20_000), (20_000, 30_000)]
        {
            let time = |number: i32| Some(format_time(i64::from(number) * 1000));
            let selection = Selection::new(None, time(since), time(until));
            assert_eq!(
                read(directory.path(), selection),
                numbers(since.unsigned_abs()..until.min(20_000).unsigned_abs())
            );
        }
    }

    #[test]
    fn a_clock_that_was_set_back_hides_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let hour = 3_600_000_000_000;
        let now = crate::now_ns();
        with_times(
            directory.path(),
            (0..20_000).map(|number| (number, now + hour + i64::from(number))),
        );
        let mut log = Log::open(directory.path(), &rules(100_000_000, 3)).unwrap();
        log.write(Stream::Stdout, b"20000\n");
        let since = |since_ns| Selection::new(None, Some(format_time(since_ns)), None);
        assert_eq!(read(directory.path(), since(now)), numbers(0..20_001));
        // What was written after the first line that is wanted is wanted, whatever its time.
        assert_eq!(read(directory.path(), since(now + hour)), numbers(0..20_001));
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing_from_who_follows() {
        let directory = tempfile::tempdir().unwrap();
        let hour = 3_600_000_000_000;
        let now = now_ns();
        for (since_ns, is_seen) in [(now - hour, true), (now + hour, false)] {
            with_times(directory.path(), std::iter::once((0, now - 3 * hour)));
            let selection = Selection::new(None, Some(format_time(since_ns)), None);
            let mut reader =
                Reader::open(directory.path(), (None, FileFormat::Json), selection).unwrap();
            assert_eq!(next(&mut reader), None);
            with_times(directory.path(), [(0, now - 3 * hour), (1, now - 2 * hour)].into_iter());
            assert_eq!(next(&mut reader).is_some(), is_seen);
        }
    }
}
