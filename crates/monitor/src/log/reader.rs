//! Reading a log over its rotated files: from a tail, between two times, and on as it grows.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use serde::Deserialize;

use super::FILE;

const BLOCK: u64 = 64 * 1024;
/// Looks at the files' names before a reader waits for the next change; a rotation takes as long as a few of them.
const MOST_LOOKS: u32 = 1000;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only so many, counted from the end.
    pub tail: Option<u64>,
    /// Only lines at or after this time, RFC 3339 as the log has it.
    pub since: Option<String>,
    /// Only lines before this time.
    pub until: Option<String>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The text, with its line end if it had one.
    #[serde(rename = "log")]
    pub text: String,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// When the monitor read it, RFC 3339 with nanoseconds.
    pub time: String,
}

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    cause: std::io::Error,
}

/// A position in the log.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    current: Option<BufReader<File>>,
    /// Older files that come after the current one, the oldest last.
    waiting: Vec<File>,
    selection: Selection,
    line: Vec<u8>,
    watch: Option<rustix::fd::OwnedFd>,
}

impl Reader {
    /// Opens the log in a container's directory; a log that does not exist yet is empty.
    ///
    /// # Errors
    /// When a file exists and cannot be read.
    pub fn open(container_dir: &Path, selection: Selection) -> Result<Self, ReadError> {
        let mut reader = Self {
            directory: container_dir.to_owned(),
            current: None,
            waiting: Vec::new(),
            selection,
            line: Vec::new(),
            watch: None,
        };
        let mut files = newer_files(container_dir, None).map_err(|cause| reader.error(cause))?;
        if let Some(tail) = reader.selection.tail {
            keep_tail(&mut files, tail).map_err(|cause| reader.error(cause))?;
        }
        reader.waiting = files;
        reader.current = reader.waiting.pop().map(BufReader::new);
        Ok(reader)
    }

    /// The next line; nothing at the end of what there is now. A line that is being written is not there yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            // What no monitor wrote, for instance after a crash of the machine, is passed over.
            let entry = serde_json::from_slice::<Entry>(&self.line).ok();
            self.line.clear();
            if let Some(entry) = entry.filter(|entry| self.selection.wants(entry)) {
                return Ok(Some(entry));
            }
        }
    }

    fn read_line(&mut self) -> Result<bool, ReadError> {
        loop {
            if let Some(current) = &mut self.current {
                let read = current.read_until(b'\n', &mut self.line);
                read.map_err(|cause| ReadError { path: self.directory.join(FILE), cause })?;
                if self.line.last() == Some(&b'\n') {
                    return Ok(true);
                }
            }
            if self.waiting.is_empty() {
                let current = self.current.as_ref().and_then(|file| identity(file.get_ref()));
                self.waiting = newer_files(&self.directory, current)
                    .map_err(|cause| ReadError { path: self.directory.join(FILE), cause })?;
                if self.waiting.is_empty() {
                    return Ok(false);
                }
                // The current file may have grown before it was replaced: it is read to its end once more.
                continue;
            }
            // A file that another one follows is finished: half a line at its end stays half.
            self.line.clear();
            self.current = self.waiting.pop().map(BufReader::new);
        }
    }

    /// Waits until something in the container's directory changed: the log grew, or the container ended. Returns after a
    /// second at the latest, since a monitor that was killed changes nothing.
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
            inotify::add_watch(&watch, &self.directory, events)
                .map_err(|errno| self.error(errno.into()))?;
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
        ReadError { path: self.directory.join(FILE), cause }
    }
}

/// The files after that one, or all, the newest first; none when they would not stand still.
fn newer_files(directory: &Path, after: Option<Identity>) -> std::io::Result<Vec<File>> {
    for _ in 0..MOST_LOOKS {
        if let Some(newer) = look(directory, after)? {
            return Ok(newer);
        }
    }
    Ok(Vec::new())
}

/// A rotation renames the last file first, then the one before it: whoever opens them one by one meanwhile sees a gap, or
/// one of them twice, or in the end another first one. Then this look was nothing.
fn look(directory: &Path, after: Option<Identity>) -> std::io::Result<Option<Vec<File>>> {
    let mut newer: Vec<File> = Vec::new();
    for number in 0.. {
        let Some(file) = open(directory, number)? else {
            if open(directory, number + 1)?.is_some() {
                return Ok(None);
            }
            break;
        };
        let about = identity(&file);
        if after.is_some() && about == after {
            break;
        }
        if newer.last().is_some_and(|last| identity(last) == about) {
            return Ok(None);
        }
        newer.push(file);
    }
    let first = open(directory, 0)?.and_then(|file| identity(&file));
    Ok((newer.first().map_or(after, identity) == first).then_some(newer))
}

fn open(directory: &Path, number: u32) -> std::io::Result<Option<File>> {
    match File::open(directory.join(numbered(number))) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn numbered(number: u32) -> String {
    if number == 0 { FILE.to_owned() } else { format!("{FILE}.{number}") }
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(file: &File) -> Option<Identity> {
    file.metadata().ok().map(|about| (about.dev(), about.ino()))
}

impl Selection {
    /// Times in one form compare as their texts do.
    fn wants(&self, entry: &Entry) -> bool {
        self.since.as_ref().is_none_or(|since| entry.time >= *since)
            && self.until.as_ref().is_none_or(|until| entry.time < *until)
    }
}

/// Seeks the files, of which the first is the newest, so that `tail` lines remain; drops those that have none of them.
fn keep_tail(files: &mut Vec<File>, tail: u64) -> std::io::Result<()> {
    let mut missing = tail;
    for number in 0..files.len() {
        let Some(file) = files.get_mut(number) else { break };
        let size = file.metadata()?.len();
        let (offset, found) = offset_of_tail(file, size, missing)?;
        file.seek(SeekFrom::Start(offset))?;
        missing -= found;
        if missing == 0 {
            files.truncate(number + 1);
            break;
        }
    }
    Ok(())
}

/// Where the last `wanted` lines begin, and how many lines follow from there. Reads backwards in blocks.
fn offset_of_tail(file: &mut File, size: u64, wanted: u64) -> std::io::Result<(u64, u64)> {
    if wanted == 0 {
        return Ok((size, 0));
    }
    let mut ends = 0;
    let mut end = size;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.by_ref().take(end - start).read_to_end(&mut block)?;
        for (place, byte) in block.iter().enumerate().rev() {
            if *byte == b'\n' {
                // The end of the line before the first wanted one.
                if ends == wanted {
                    return Ok((start + place as u64 + 1, wanted));
                }
                ends += 1;
            }
        }
        end = start;
    }
    Ok((0, ends))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::LogRules;
    use crate::log::Writer;
    use crate::outputs::Stream;

    fn texts(directory: &Path, tail: Option<u64>) -> Vec<String> {
        let mut reader =
            Reader::open(directory, Selection { tail, ..Selection::default() }).unwrap();
        std::iter::from_fn(|| reader.next_entry().unwrap()).map(|entry| entry.text).collect()
    }

    #[test]
    fn reads_over_rotations_and_from_the_tail() {
        let directory = tempfile::tempdir().unwrap();
        let rules = LogRules { enabled: true, max_bytes: 4000, max_files: 5 };
        let mut writer = Writer::new(directory.path(), &rules);
        for number in 0..100 {
            writer.write(Stream::Stdout, format!("{number}\n").as_bytes());
        }
        let all: Vec<String> = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(texts(directory.path(), None), all);
        for tail in [0, 1, 49, 50, 51, 99, 100, 1000] {
            let first = 100_usize.saturating_sub(usize::try_from(tail).unwrap());
            assert_eq!(texts(directory.path(), Some(tail)), all[first..], "tail {tail}");
        }
    }

    #[test]
    fn goes_on_into_the_file_that_a_rotation_began() {
        let directory = tempfile::tempdir().unwrap();
        let rules = LogRules { enabled: true, max_bytes: 200, max_files: 50 };
        let mut writer = Writer::new(directory.path(), &rules);
        writer.write(Stream::Stdout, b"first\n");
        let mut reader = Reader::open(directory.path(), Selection::default()).unwrap();
        assert_eq!(reader.next_entry().unwrap().unwrap().text, "first\n");
        assert_eq!(reader.next_entry().unwrap(), None);
        for number in 0..20 {
            writer.write(Stream::Stdout, format!("{number}\n").as_bytes());
        }
        for number in 0..20 {
            assert_eq!(reader.next_entry().unwrap().unwrap().text, format!("{number}\n"));
        }
    }
}
