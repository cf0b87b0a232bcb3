//! Lines into the log. A full disk never stops the container: what cannot be written is counted, and told when there is room.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ftruncate, open};

use super::FILE;
use crate::handoff::LogRules;
use crate::outputs::Stream;

/// A line without an end is cut here, as Docker cuts it.
const MOST_LINE: usize = 16 * 1024;

pub(crate) struct Writer {
    path: PathBuf,
    rules: LogRules,
    /// Nothing while it cannot be opened, or nothing is logged.
    file: Option<File>,
    size: u64,
    lost_bytes: u64,
    partial: [Vec<u8>; 2],
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(container_dir: &Path, rules: &LogRules) -> Self {
        let path = container_dir.join(FILE);
        let mut writer = Self {
            path,
            rules: rules.clone(),
            file: None,
            size: 0,
            lost_bytes: 0,
            partial: [Vec::new(), Vec::new()],
            out: Vec::new(),
        };
        if rules.enabled {
            writer.open();
        }
        writer
    }

    fn open(&mut self) {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        self.file = open(&self.path, flags, Mode::from_raw_mode(0o640)).ok().map(File::from);
        self.size =
            self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len());
    }

    /// Logs what a stream brought: whole lines at once, the rest when its end comes.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if !self.rules.enabled {
            return;
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            self.line(stream, line);
            rest = after;
        }
        self.partial[stream as usize].extend_from_slice(rest);
        while self.partial[stream as usize].len() >= MOST_LINE {
            let mut whole = std::mem::take(&mut self.partial[stream as usize]);
            let after = whole.split_off(MOST_LINE);
            self.record(stream, &whole);
            self.partial[stream as usize] = after;
        }
        self.flush();
    }

    fn line(&mut self, stream: Stream, line: &[u8]) {
        if self.partial[stream as usize].is_empty() && line.len() <= MOST_LINE {
            return self.record(stream, line);
        }
        let mut whole = std::mem::take(&mut self.partial[stream as usize]);
        whole.extend_from_slice(line);
        for part in whole.chunks(MOST_LINE) {
            self.record(stream, part);
        }
    }

    /// The stream is closed: what has no line end is logged without one.
    pub(crate) fn end_stream(&mut self, stream: Stream) {
        let rest = std::mem::take(&mut self.partial[stream as usize]);
        if !rest.is_empty() {
            self.record(stream, &rest);
        }
        self.flush();
    }

    pub(crate) fn finish(&mut self) {
        self.end_stream(Stream::Stdout);
        self.end_stream(Stream::Stderr);
    }

    fn record(&mut self, stream: Stream, line: &[u8]) {
        record(&mut self.out, stream, line);
        if self.out.len() > 2 * MOST_LINE {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.out.is_empty() {
            return;
        }
        if self.size > 0 && self.size.saturating_add(self.out.len() as u64) > self.rules.max_bytes {
            self.rotate();
        }
        if self.file.is_none() {
            self.open();
        }
        if self.lost_bytes > 0 {
            let words = format!(
                "corten: {} bytes of this log were lost: its disk was full\n",
                self.lost_bytes
            );
            let mut told = Vec::new();
            record(&mut told, Stream::Stderr, words.as_bytes());
            if self.append(&told) {
                self.lost_bytes = 0;
            }
        }
        let out = std::mem::take(&mut self.out);
        if self.lost_bytes > 0 || !self.append(&out) {
            self.lost_bytes = self.lost_bytes.saturating_add(out.len() as u64);
        }
        // Kept for the next time, unless a burst has blown it up.
        self.out = out;
        self.out.clear();
        self.out.shrink_to(4 * MOST_LINE);
    }

    /// All or nothing: half a line would spoil the file.
    fn append(&mut self, bytes: &[u8]) -> bool {
        let Some(file) = &self.file else { return false };
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(file, rest) {
                Ok(0) => break,
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_full) => break,
            }
        }
        if rest.is_empty() {
            self.size = self.size.saturating_add(bytes.len() as u64);
            return true;
        }
        let _kept = ftruncate(file, self.size);
        false
    }

    fn rotate(&mut self) {
        let numbered = |number: u32| PathBuf::from(format!("{}.{number}", self.path.display()));
        let last = self.rules.max_files.saturating_sub(1);
        for number in (1..last).rev() {
            // A file that is not there yet has nothing to move.
            let _absent = std::fs::rename(numbered(number), numbered(number + 1));
        }
        let moved = if last == 0 {
            std::fs::remove_file(&self.path)
        } else {
            std::fs::rename(&self.path, numbered(1))
        };
        if moved.is_ok() {
            self.file = None;
            self.size = 0;
        }
    }
}

fn record(out: &mut Vec<u8>, stream: Stream, line: &[u8]) {
    out.extend_from_slice(b"{\"log\":\"");
    escape(out, line);
    let name = if stream == Stream::Stdout { "stdout" } else { "stderr" };
    out.extend_from_slice(
        format!(
            "\",\"stream\":\"{name}\",\"time\":\"{}\"}}\n",
            crate::format_time(crate::now_ns())
        )
        .as_bytes(),
    );
}

/// As a JSON string; bytes that are no UTF-8 become U+FFFD, as Docker writes them. RFC 8259, section 7.
fn escape(out: &mut Vec<u8>, line: &[u8]) {
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                control if control < ' ' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
                }
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json() {
        let mut out = Vec::new();
        record(&mut out, Stream::Stderr, b"a\"\\\t\x01\xff\xc3\xa4\n");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (value["log"].as_str(), value["stream"].as_str()),
            (Some("a\"\\\t\u{1}\u{fffd}ä\n"), Some("stderr"))
        );
    }

    #[test]
    fn files_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let rules = LogRules { enabled: true, max_bytes: 1000, max_files: 3 };
        let mut writer = Writer::new(directory.path(), &rules);
        for number in 0..200 {
            writer.write(Stream::Stdout, format!("line {number}\n").as_bytes());
        }
        let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 3);
        assert!(files.iter().all(|file| file.metadata().unwrap().len() <= 1000));
    }

    #[test]
    fn a_line_comes_out_whole_whatever_its_pieces() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(directory.path(), &LogRules::default());
        for piece in [&b"a"[..], b"b", b"c\nd"] {
            writer.write(Stream::Stdout, piece);
        }
        writer.write(Stream::Stdout, &[b'x'; MOST_LINE]);
        writer.finish();
        let text = std::fs::read_to_string(directory.path().join(FILE)).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let logs: Vec<_> = lines.iter().map(|line| line["log"].as_str().unwrap().len()).collect();
        assert_eq!(logs, [4, MOST_LINE, 1]);
    }
}
