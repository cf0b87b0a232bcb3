//! What builds have been: a record of each, and what it told. Start at [`History`]; builds write theirs by `recording`.
//!
//! One file for each build in the store's root, which only grows: a line of JSON with what is known at its beginning, one for each event, and a
//! last one with how it went. It is locked as long as the build runs: what has no last line and no lock was killed. At most
//! [`MOST_RECORDS`] are shown, and few more kept; of what steps write at most [`MOST_LOG`]. No secret that the build was given is in them:
//! where a step printed one, stars stand in its place.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

mod logged;
mod mask;
mod recording;

use crate::event::Event;
use logged::Line;
pub(crate) use recording::{Recording, begin};

/// The directory in the store's root.
const DIRECTORY: &str = "build-history";
/// Records that are shown. So that not every build removes one, some more are kept.
pub const MOST_RECORDS: usize = 100;
/// Bytes of what steps write that stay; of what comes after them only the ends of steps.
pub const MOST_LOG: usize = 1024 * 1024;
/// Bytes of a record's line at most: its texts are cut.
const MOST_RECORD: u64 = 256 * 1024;
/// Digits of an id.
const ID_DIGITS: usize = 24;

/// A build that was, or is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildRecord {
    /// Its id: hexadecimal digits.
    pub id: String,
    /// What people know it by: its context, its file where that is not the usual one, and its target.
    pub name: String,
    /// Where its files were from; empty for an archive.
    pub context: String,
    /// Its Dockerfile, as it was named.
    pub dockerfile: String,
    /// The stage that was wanted.
    pub target: Option<String>,
    /// The machines that it was for, where any were named, with commas between them.
    pub platform: Option<String>,
    /// Names that the image was to have.
    pub tags: Vec<String>,
    /// The commit of a repository.
    pub commit: Option<String>,
    /// When it began, nanoseconds since 1970.
    pub begun_ns: i64,
    /// How long it took.
    pub took_ns: Option<u64>,
    /// How it went.
    pub state: BuildState,
    /// Steps that people see.
    pub steps: usize,
    /// Those of them that have ended.
    pub ended: usize,
    /// Those of them that the cache had.
    pub cached: usize,
    /// What the checks of the file found.
    pub warnings: usize,
    /// Why it failed.
    pub error: Option<String>,
    /// The place in the file, as [`dockerfile::render`] shows it.
    pub shown: Option<String>,
    /// The image.
    pub image: Option<String>,
}

/// How a build went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildState {
    /// It runs.
    #[default]
    Running,
    /// There is an image.
    Completed,
    /// A step failed, or it was refused.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// Its process ended before it did.
    Killed,
}

impl BuildState {
    /// As buildx writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Error",
            Self::Cancelled => "Canceled",
            Self::Killed => "Killed",
        }
    }
}

/// Why a record is not had.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none.
    #[error("no build {0:?} is recorded")]
    NotFound(String),
    /// There are several whose ids begin so.
    #[error("{0:?} is the beginning of several builds' ids")]
    Ambiguous(String),
    /// It runs, and writes.
    #[error("build {0} is running")]
    Running(String),
    /// The disk refuses.
    #[error("{action} {}", path.display())]
    File {
        /// Verb.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

/// The records of a store.
#[derive(Clone, Debug)]
pub struct History {
    directory: PathBuf,
}

impl History {
    /// Of the store with this root.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self { directory: root.join(DIRECTORY) }
    }

    /// All of them, the last one first. What is no record is passed over.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<BuildRecord>, HistoryError> {
        let mut stems = self.stems()?;
        stems.reverse();
        stems.truncate(MOST_RECORDS);
        Ok(stems.iter().filter_map(|stem| read(&self.path(stem))).collect())
    }

    /// The one that a text means: an id or its beginning; `^N`, the Nth before the last one; nothing at all, the last one.
    ///
    /// # Errors
    /// When there is none, or are several.
    pub fn find(&self, text: &str) -> Result<BuildRecord, HistoryError> {
        let none = || HistoryError::NotFound(text.to_owned());
        let mut records = self.list()?;
        if text.is_empty() || text.starts_with('^') {
            let back = match text.trim_start_matches('^') {
                "" => 0,
                number => number.parse::<usize>().map_err(|_no_number| none())?,
            };
            return if back < records.len() { Ok(records.swap_remove(back)) } else { Err(none()) };
        }
        records.retain(|record| record.id.starts_with(text));
        match records.len() {
            0 => Err(none()),
            1 => Ok(records.swap_remove(0)),
            _ => Err(HistoryError::Ambiguous(text.to_owned())),
        }
    }

    /// Tells again what a build told, each event with its time from the beginning of the build.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn tell(
        &self,
        record: &BuildRecord,
        hears: &mut dyn FnMut(Duration, &Event<'_>),
    ) -> Result<(), HistoryError> {
        let path = self.path(&stem_of(record));
        let failed = |cause| HistoryError::File { action: "read", path: path.clone(), cause };
        for line in BufReader::new(File::open(&path).map_err(failed)?).lines() {
            // What is no event is the record, or the last line of a build that was killed.
            let Ok(line) = serde_json::from_str::<Line>(&line.map_err(failed)?) else { continue };
            line.tell(hears);
        }
        Ok(())
    }

    /// Forgets one.
    ///
    /// # Errors
    /// When it runs, or the disk refuses.
    pub fn remove(&self, record: &BuildRecord) -> Result<(), HistoryError> {
        if record.state == BuildState::Running {
            return Err(HistoryError::Running(record.id.clone()));
        }
        let path = self.path(&stem_of(record));
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(HistoryError::File { action: "remove", path, cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Beginnings of the names of files, the oldest first: times of one width stand before the ids.
    fn stems(&self) -> Result<Vec<String>, HistoryError> {
        let path = self.directory.clone();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(HistoryError::File { action: "read", path, cause }),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut stems: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".log").map(str::to_owned)).collect();
        stems.sort_unstable();
        Ok(stems)
    }

    fn path(&self, stem: &str) -> PathBuf {
        self.directory.join(format!("{stem}.log"))
    }
}

fn stem_of(record: &BuildRecord) -> String {
    format!("{:020}-{}", record.begun_ns, record.id)
}

/// A line that is a record.
#[derive(Serialize, Deserialize)]
struct RecordLine {
    record: BuildRecord,
}

/// A record, with what its lock says of it.
fn read(path: &Path) -> Option<BuildRecord> {
    let mut file = File::open(path).ok()?;
    if let Some(ended) = last(&mut file) {
        return Some(ended);
    }
    let is_free = flock(&file, FlockOperation::NonBlockingLockShared) != Err(Errno::WOULDBLOCK);
    // It may have ended since.
    if is_free && let Some(ended) = last(&mut file) {
        return Some(ended);
    }
    let begun = first(&mut file)?;
    let state = if is_free { BuildState::Killed } else { BuildState::Running };
    Some(BuildRecord { state, ..begun })
}

fn first(file: &mut File) -> Option<BuildRecord> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut line = String::new();
    BufReader::new(file.take(MOST_RECORD)).read_line(&mut line).ok()?;
    Some(serde_json::from_str::<RecordLine>(&line).ok()?.record)
}

/// The last line, if it is the record of a build that has ended.
fn last(file: &mut File) -> Option<BuildRecord> {
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_RECORD))).ok()?;
    let mut end = Vec::new();
    file.take(MOST_RECORD).read_to_end(&mut end).ok()?;
    let line = end.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let record = serde_json::from_slice::<RecordLine>(line).ok()?.record;
    (record.state != BuildState::Running).then_some(record)
}
