//! Lines into files. A full disk never stops the container: what cannot be written is counted, and told when there is room.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ftruncate, open};

use super::compress::Compressor;
use super::{FILE, FileRules, Line, Put, Sink, UNORDERED, encode};
use crate::outputs::Stream;

/// What is gathered before it is written.
const GATHERED: usize = 128 * 1024;
/// How much of it is kept between bursts.
const KEPT: usize = 16 * 1024;
/// `…Z"}` and a line end.
const TIME_AT_END: usize = 34;

pub(super) struct Files {
    path: PathBuf,
    rules: FileRules,
    /// The JSON of what stands beside each line.
    attributes: String,
    /// Nothing while it cannot be opened.
    file: Option<File>,
    size: u64,
    lost_bytes: u64,
    out: Vec<u8>,
    /// The latest time in the files.
    latest: String,
    /// Whether times stand in order.
    is_ordered: bool,
    compressor: Compressor,
}

impl Files {
    /// # Errors
    /// When a file with a path of its own cannot be opened.
    pub(super) fn open(container_dir: &Path, rules: &FileRules) -> Result<Self, String> {
        if let Some(path) = &rules.path {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
            open(path, flags, Mode::from_raw_mode(0o640))
                .map_err(|errno| format!("open {}: {}", path.display(), sys::Errno::from(errno)))?;
        }
        let path = rules.path.clone().unwrap_or_else(|| container_dir.join(FILE));
        let attributes = if rules.attributes.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&rules.attributes).unwrap_or_default()
        };
        let mut files = Self {
            is_ordered: !beside(&path, UNORDERED).exists(),
            path,
            rules: rules.clone(),
            attributes,
            file: None,
            size: 0,
            lost_bytes: 0,
            out: Vec::new(),
            latest: String::new(),
            compressor: Compressor::default(),
        };
        files.open_file();
        files.latest = files.last_time().unwrap_or_default();
        Ok(files)
    }

    fn open_file(&mut self) {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        self.file = open(&self.path, flags, Mode::from_raw_mode(0o640)).ok().map(File::from);
        self.size =
            self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len());
    }

    /// That of the last line of an earlier run.
    fn last_time(&self) -> Option<String> {
        let start = self.size.checked_sub(TIME_AT_END as u64)?;
        let mut file = File::open(&self.path).ok()?;
        let mut end = String::new();
        file.seek(SeekFrom::Start(start)).ok()?;
        file.read_to_string(&mut end).ok()?;
        end.strip_suffix("\"}\n").map(|time| time.trim_start_matches('"').to_owned())
    }

    /// A clock that was set back is written down: readers look for times by halves only where they stand in order.
    fn note_time(&mut self, time: &str) {
        if time == self.latest {
            return;
        }
        if time < self.latest.as_str() && self.is_ordered {
            self.is_ordered = File::create(beside(&self.path, UNORDERED)).is_err();
        }
        self.latest.clear();
        self.latest.push_str(time);
    }

    fn write_out(&mut self, end: usize) {
        if self.file.is_none() {
            self.open_file();
        }
        if self.lost_bytes > 0 {
            let words = format!(
                "corten: {} bytes of this log were lost: its disk was full\n",
                self.lost_bytes
            );
            let mut told = Vec::new();
            let line = Line {
                stream: Stream::Stderr,
                text: words.as_bytes(),
                part: None,
                time: &self.latest,
            };
            encode::record(&mut told, self.rules.format, &line, &self.attributes);
            if self.append(&told) == told.len() {
                self.lost_bytes = 0;
            }
        }
        let out = std::mem::take(&mut self.out);
        let bytes = out.get(..end).unwrap_or(&out);
        let kept = if self.lost_bytes > 0 { 0 } else { self.append(bytes) };
        self.lost_bytes = self.lost_bytes.saturating_add((bytes.len() - kept) as u64);
        self.out = out;
        self.out.drain(..end);
    }

    /// Appends the whole lines that there is room for: half a line would spoil the file. How many bytes they are.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let Some(file) = &self.file else { return 0 };
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(file, rest) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(_full) => break,
            }
        }
        let whole = bytes.get(..written).unwrap_or(bytes);
        let kept = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        self.size = self.size.saturating_add(kept as u64);
        if kept < written {
            let _kept = ftruncate(file, self.size);
        }
        kept
    }

    fn rotate(&mut self) {
        // It works on the file that is moved now.
        self.compressor.wait();
        let numbered = |number: u32| beside(&self.path, &number.to_string());
        let packed = |number: u32| beside(&self.path, &format!("{number}.gz"));
        let last = self.rules.max_files.saturating_sub(1);
        let moved = if last == 0 {
            std::fs::remove_file(&self.path)
        } else {
            let _absent = std::fs::remove_file(numbered(last));
            let _absent = std::fs::remove_file(packed(last));
            for number in (1..last).rev() {
                // A file that is not there yet has nothing to move.
                let _absent = std::fs::rename(numbered(number), numbered(number + 1));
                let _absent = std::fs::rename(packed(number), packed(number + 1));
            }
            std::fs::rename(&self.path, numbered(1))
        };
        if moved.is_ok() {
            self.file = None;
            self.size = 0;
            if self.rules.compress && last > 0 {
                self.compressor.start(&numbered(1));
            }
        }
    }
}

impl Sink for Files {
    fn put(&mut self, line: &Line<'_>) -> Put {
        self.note_time(line.time);
        let before = self.out.len();
        encode::record(&mut self.out, self.rules.format, line, &self.attributes);
        let size = self.size.saturating_add(self.out.len() as u64);
        if size > self.rules.max_bytes && self.size.saturating_add(before as u64) > 0 {
            self.write_out(before);
            self.rotate();
        }
        if self.out.len() >= GATHERED {
            self.write_out(self.out.len());
        }
        Put::Taken
    }

    fn flush(&mut self) {
        if !self.out.is_empty() {
            self.write_out(self.out.len());
        }
        self.compressor.reap();
    }

    fn why_lost(&self) -> &'static str {
        "its disk was full"
    }

    fn shrink(&mut self) {
        self.out.shrink_to(KEPT);
    }
}

/// The file with a word appended to its name.
pub(super) fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    name.into()
}
