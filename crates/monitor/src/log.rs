//! The container's log: lines of its output, into files in a bounded number of bounded sizes, the journal, or a receiver of syslog.
//!
//! A [`Log`] cuts what a stream brings into lines and hands them to a [`Sink`], of which there is one for each kind of place. In
//! files, `container.log` is written to; when it is full it becomes `container.log.1`, and so on until the last one is dropped;
//! where the rules say so a child of the monitor compresses it to `container.log.1.gz`. The [`Reader`] belongs to whoever runs
//! `logs`.

mod compress;
mod encode;
mod entry;
mod files;
mod journald;
mod lines;
mod members;
mod reader;
mod rules;
mod socket;
mod syslog;

pub(crate) use compress::{COMPRESS, compress};
pub use entry::Entry;
pub(crate) use lines::Log;
pub use reader::{Next, ReadError, Reader, Selection};
pub use rules::{
    FileFormat, FileRules, JournaldRules, LogDriver, LogRules, SyslogAddress, SyslogFormat,
    SyslogRules,
};

use std::os::fd::BorrowedFd;

use crate::outputs::Stream;

/// Name of the file that is written to.
pub(crate) const FILE: &str = "container.log";
/// What is appended to the file's name once its times do not stand in order: the clock was set back.
pub(crate) const UNORDERED: &str = "unordered";

/// A line, or a part of one that is too long.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) stream: Stream,
    /// With its line end, if it has one.
    pub(crate) text: &'a [u8],
    pub(crate) part: Option<Part>,
    /// When it was read: RFC 3339 with nanoseconds.
    pub(crate) time: &'a str,
}

/// Which part of a line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The same for all parts of a line, another one for the next.
    pub(crate) line: u64,
    /// From 1.
    pub(crate) ordinal: u32,
    pub(crate) is_last: bool,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Taken,
    /// Nothing was taken: there is no room now, see [`Sink::waits_for`].
    Busy,
    /// It cannot be logged.
    Lost,
}

/// A place for lines. It never blocks.
pub(crate) trait Sink {
    /// Takes a line; perhaps it is only gathered.
    fn put(&mut self, line: &Line<'_>) -> Put;

    /// All lines that were read at once have been put: what was gathered goes where it belongs.
    fn flush(&mut self) {}

    /// What has to become writable before it goes on.
    fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// That is writable.
    fn resume(&mut self) {}

    /// Why lines are lost here.
    fn why_lost(&self) -> &'static str;

    /// Gives memory back that only a burst needs.
    fn shrink(&mut self) {}
}
