//! What streams bring, cut into lines and put into a sink; what happens when the sink is busy, or loses something.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sys::find_byte;

use super::files::Files;
use super::journald::Journald;
use super::syslog::Syslog;
use super::{Line, LogDriver, LogRules, Part, Put, Sink};
use crate::outputs::Stream;

/// A line without an end is cut here, as Docker cuts it.
pub(super) const MOST_LINE: usize = 16 * 1024;
/// How long the end of a container waits for a busy receiver.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// What a line that waits costs beside its text.
const OVERHEAD: usize = 64;

pub(crate) struct Log {
    /// Nothing where nothing is logged.
    sink: Option<Box<dyn Sink>>,
    pieces: [Pieces; 2],
    lines: u64,
    time: String,
    /// Lines that wait for the sink; nothing where the container waits for it.
    waiting: Option<Waiting>,
    lost: Lost,
}

/// The beginning of a line whose end has not come.
#[derive(Default)]
struct Pieces {
    text: Vec<u8>,
    /// The line, and how many parts of it are logged already.
    cut: Option<(u64, u32)>,
}

struct Waiting {
    most_bytes: usize,
    bytes: usize,
    lines: VecDeque<Queued>,
}

/// A line that waits.
struct Queued {
    stream: Stream,
    text: Box<[u8]>,
    part: Option<Part>,
    time: Box<str>,
}

#[derive(Default)]
struct Lost {
    lines: u64,
    bytes: u64,
    why: &'static str,
}

impl Log {
    /// Opens the place that the rules name.
    ///
    /// # Errors
    /// When it is a socket and nobody listens, or a file that was asked for cannot be opened. A disk that is full is no reason
    /// not to run.
    pub(crate) fn open(container_dir: &Path, rules: &LogRules) -> Result<Self, String> {
        let sink: Option<Box<dyn Sink>> = match &rules.driver {
            LogDriver::None | LogDriver::Passthrough => None,
            LogDriver::Files(files) => Some(Box::new(Files::open(container_dir, files)?)),
            LogDriver::Journald(journald) => Some(Box::new(Journald::connect(journald)?)),
            LogDriver::Syslog(syslog) => Some(Box::new(Syslog::connect(syslog)?)),
        };
        let waiting = rules.buffer_bytes.map(|most| Waiting {
            most_bytes: usize::try_from(most).unwrap_or(usize::MAX),
            bytes: 0,
            lines: VecDeque::new(),
        });
        Ok(Self::into(sink, waiting))
    }

    fn into(sink: Option<Box<dyn Sink>>, waiting: Option<Waiting>) -> Self {
        Self {
            sink,
            pieces: Default::default(),
            // Another number after each start: parts of lines are told apart by it in the journal.
            lines: crate::now_ns().unsigned_abs(),
            time: String::new(),
            waiting,
            lost: Lost::default(),
        }
    }

    /// Logs what a stream brought: whole lines at once, the rest when its end comes. Gives how much was taken: less than all
    /// when the sink is busy.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> usize {
        if self.sink.is_none() {
            return bytes.len();
        }
        self.time = crate::format_time(crate::now_ns());
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let room = MOST_LINE - self.pieces[stream as usize].text.len();
            let window = rest.get(..room).unwrap_or(rest);
            let piece = match find_byte(b'\n', window) {
                Some(end) => window.get(..=end).unwrap_or(window),
                None if window.len() == room => window,
                None => {
                    self.pieces[stream as usize].text.extend_from_slice(window);
                    at = bytes.len();
                    break;
                }
            };
            if !self.piece(stream, piece) {
                break;
            }
            at += piece.len();
        }
        if let Some(sink) = &mut self.sink {
            sink.flush();
        }
        at
    }

    /// Puts a line that ends with this, or the part of it that fits; false when the sink is busy.
    fn piece(&mut self, stream: Stream, piece: &[u8]) -> bool {
        let is_last = piece.last() == Some(&b'\n');
        let pieces = &mut self.pieces[stream as usize];
        let part = part(&mut self.lines, pieces.cut, is_last);
        let taken = if pieces.text.is_empty() {
            self.put(stream, piece, part)
        } else {
            let mut text = std::mem::take(&mut pieces.text);
            let before = text.len();
            text.extend_from_slice(piece);
            let taken = self.put(stream, &text, part);
            text.truncate(if taken { 0 } else { before });
            self.pieces[stream as usize].text = text;
            taken
        };
        if taken {
            let cut = part.filter(|part| !part.is_last).map(|part| (part.line, part.ordinal));
            self.pieces[stream as usize].cut = cut;
        }
        taken
    }

    /// Puts a line, or has it wait; false when nothing can be done but wait.
    fn put(&mut self, stream: Stream, text: &[u8], part: Option<Part>) -> bool {
        let line = Line { stream, text, part, time: &self.time };
        let Some(sink) = &mut self.sink else { return true };
        let put = match &self.waiting {
            Some(waiting) if !waiting.lines.is_empty() => Put::Busy,
            _ => self.lost.tell_then_put(sink.as_mut(), &line),
        };
        match (put, &mut self.waiting) {
            (Put::Taken, _) => {}
            (Put::Lost, _) => self.lost.add(text, sink.why_lost()),
            (Put::Busy, None) => return false,
            (Put::Busy, Some(waiting)) => {
                if !waiting.push(&line) {
                    self.lost.add(text, "its receiver was too slow");
                }
            }
        }
        true
    }

    /// What has to become writable before more can be logged.
    pub(crate) fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        self.sink.as_ref().and_then(|sink| sink.waits_for())
    }

    /// It is writable: what waits goes on.
    pub(crate) fn resume(&mut self) {
        let Some(sink) = &mut self.sink else { return };
        sink.resume();
        let Some(waiting) = &mut self.waiting else { return };
        while let Some(line) = waiting.lines.front() {
            // They came before what was lost: that is told behind them.
            match sink.put(&line.as_line()) {
                Put::Busy => return,
                Put::Taken => {}
                Put::Lost => self.lost.add(&line.text, sink.why_lost()),
            }
            waiting.pop();
        }
        if self.lost.lines > 0 {
            self.tell_lost();
        }
        if let Some(sink) = &mut self.sink {
            sink.flush();
        }
    }

    /// The stream is closed: what has no line end is logged without one.
    pub(crate) fn end_stream(&mut self, stream: Stream) {
        let pieces = &mut self.pieces[stream as usize];
        if pieces.text.is_empty() || self.sink.is_none() {
            return;
        }
        let text = std::mem::take(&mut pieces.text);
        let part = part(&mut self.lines, pieces.cut, true);
        self.time = crate::format_time(crate::now_ns());
        if self.put(stream, &text, part) {
            self.pieces[stream as usize].cut = None;
        } else {
            self.pieces[stream as usize].text = text;
        }
        if let Some(sink) = &mut self.sink {
            sink.flush();
        }
    }

    /// Nothing more comes: what waits for a busy receiver has a while to go.
    pub(crate) fn finish(&mut self, deadline: Instant) {
        loop {
            self.resume();
            self.end_stream(Stream::Stdout);
            self.end_stream(Stream::Stderr);
            if self.lost.lines > 0 && self.waits_for().is_none() {
                self.tell_lost();
            }
            if !self.wait(deadline) {
                return;
            }
        }
    }

    fn tell_lost(&mut self) {
        let time = crate::format_time(crate::now_ns());
        if let Some(sink) = &mut self.sink {
            let _busy_or_gone = self.lost.tell(sink.as_mut(), &time);
            sink.flush();
        }
    }

    /// Until when the end of a container waits for its log.
    pub(crate) fn last_moment() -> Instant {
        Instant::now() + END_PATIENCE
    }

    /// Waits until more can be logged; false when nothing is to wait for, or the time is over.
    pub(crate) fn wait(&self, deadline: Instant) -> bool {
        let Some(busy) = self.waits_for() else { return false };
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut polled = [PollFd::from_borrowed_fd(busy, PollFlags::OUT)];
        poll(&mut polled, Some(&left)).is_ok_and(|ready| ready > 0)
    }

    /// Gives memory back that only a burst needs.
    pub(crate) fn shrink(&mut self) {
        for pieces in &mut self.pieces {
            pieces.text.shrink_to_fit();
        }
        if let Some(sink) = &mut self.sink {
            sink.shrink();
        }
    }
}

/// Which part of a line the next one is; nothing for a line that is whole.
fn part(lines: &mut u64, cut: Option<(u64, u32)>, is_last: bool) -> Option<Part> {
    match cut {
        None if is_last => None,
        None => {
            *lines = lines.wrapping_add(1);
            Some(Part { line: *lines, ordinal: 1, is_last })
        }
        Some((line, before)) => Some(Part { line, ordinal: before.saturating_add(1), is_last }),
    }
}

impl Queued {
    fn as_line(&self) -> Line<'_> {
        Line { stream: self.stream, text: &self.text, part: self.part, time: &self.time }
    }
}

impl Waiting {
    /// False when there is no room: the line is dropped.
    fn push(&mut self, line: &Line<'_>) -> bool {
        let bytes = self.bytes + line.text.len() + OVERHEAD;
        if bytes > self.most_bytes {
            return false;
        }
        self.bytes = bytes;
        self.lines.push_back(Queued {
            stream: line.stream,
            text: line.text.into(),
            part: line.part,
            time: line.time.into(),
        });
        true
    }

    fn pop(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.bytes = self.bytes.saturating_sub(line.text.len() + OVERHEAD);
        }
        if self.lines.is_empty() {
            self.lines.shrink_to_fit();
        }
    }
}

impl Lost {
    fn add(&mut self, text: &[u8], why: &'static str) {
        self.lines = self.lines.saturating_add(1);
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        self.why = why;
    }

    /// A line goes in only after the loss of those before it has been told.
    fn tell_then_put(&mut self, sink: &mut dyn Sink, line: &Line<'_>) -> Put {
        match self.tell(sink, line.time) {
            Put::Taken => sink.put(line),
            refused @ (Put::Busy | Put::Lost) => refused,
        }
    }

    fn tell(&mut self, sink: &mut dyn Sink, time: &str) -> Put {
        if self.lines == 0 {
            return Put::Taken;
        }
        let words = format!(
            "corten: {} lines ({} bytes) of this log were lost: {}\n",
            self.lines, self.bytes, self.why
        );
        let line = Line { stream: Stream::Stderr, text: words.as_bytes(), part: None, time };
        let told = sink.put(&line);
        if told == Put::Taken {
            *self = Self::default();
        }
        told
    }
}
