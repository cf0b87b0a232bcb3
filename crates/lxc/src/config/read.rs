//! Reading configuration files with what they include. Start at [`super::Document::open`]; [`from_disk`] is how files of the machine get in.
//!
//! Everything is bounded by [`Limits`]; files that include each other in a circle are refused with the circle's names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use super::keys::{self, Form, Known};
use super::problem::{ConfigError, Place, Problem, Unreadable};
use super::text::{Line, Text, entry};

/// What a configuration may cost its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line.
    pub line_bytes: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files, each counted as often as it is included.
    pub bytes: u64,
    /// Lines of all files.
    pub lines: usize,
    /// Files and directories that are included.
    pub files: usize,
    /// How deep files include each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 << 10,
            file_bytes: 16 << 20,
            bytes: 64 << 20,
            lines: 1_000_000,
            files: 1000,
            depth: 16,
        }
    }
}

/// What an include leads to.
#[derive(Clone, Debug)]
pub enum Included {
    /// A file.
    File(Contents),
    /// A directory, with the files in it that count, in their order. LXC takes them in the order in which the directory has them,
    /// which nobody can know; by name is one such order.
    Directory(Vec<PathBuf>),
}

/// A file's contents.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What tells the file from all others, whatever path led there: device and inode.
    pub identity: (u64, u64),
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// How includes are opened: the path as it is written, and how long a file may be.
pub type Opener<'a> = dyn FnMut(&Path, u64) -> Result<Included, Unreadable> + 'a;

/// An include or the file itself, open at the moment.
struct Open {
    identity: (u64, u64),
    path: PathBuf,
}

/// Walks through a file and what it includes.
pub(crate) struct Reader<'a> {
    limits: Limits,
    opener: &'a mut Opener<'a>,
    open: Vec<Open>,
    files: usize,
    bytes: u64,
    lines: usize,
}

/// What a reader finds, in its order.
pub(crate) enum Found<'a> {
    /// An entry whose key exists and is no order.
    Entry { key: &'a str, value: &'a str },
    /// A line that is not LXC's.
    Foreign,
}

/// Who is told of it.
pub(crate) type Sink<'a> = dyn FnMut(&Place, Found<'_>) -> Result<(), Problem> + 'a;

impl<'a> Reader<'a> {
    pub(crate) fn new(limits: Limits, opener: &'a mut Opener<'a>) -> Self {
        Self { limits, opener, open: Vec::new(), files: 0, bytes: 0, lines: 0 }
    }

    /// Reads the file at a path, which errors name.
    pub(crate) fn read(&mut self, path: &Path, sink: &mut Sink<'_>) -> Result<Text, ConfigError> {
        let cause = match (self.opener)(path, self.limits.file_bytes) {
            Ok(Included::File(contents)) => return self.file(path, &contents, sink),
            Ok(Included::Directory(_)) => Unreadable::Kind,
            Err(cause) => cause,
        };
        Err(refused(path, Problem::Open(cause)))
    }

    /// Reads a text; the path is for errors.
    pub(crate) fn file(
        &mut self,
        path: &Path,
        contents: &Contents,
        sink: &mut Sink<'_>,
    ) -> Result<Text, ConfigError> {
        let Contents { identity, bytes } = contents;
        if bytes.len() as u64 > self.limits.file_bytes {
            return Err(refused(path, Problem::FileTooLong(self.limits.file_bytes)));
        }
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.limits.bytes {
            return Err(refused(path, Problem::TooManyBytes(self.limits.bytes)));
        }
        self.open.push(Open { identity: *identity, path: path.to_owned() });
        let text = Text::read(bytes);
        let mut place = Place { file: Arc::from(path), line: 0 };
        for line in text.lines() {
            place.line += 1;
            self.line(line, &place, sink)?;
        }
        self.open.pop();
        Ok(text)
    }

    fn line(&mut self, line: &[u8], place: &Place, sink: &mut Sink<'_>) -> Result<(), ConfigError> {
        let at = |problem| ConfigError { place: place.clone(), problem: Box::new(problem) };
        self.lines += 1;
        if self.lines > self.limits.lines {
            return Err(at(Problem::TooManyLines(self.limits.lines)));
        }
        if line.len() > self.limits.line_bytes {
            return Err(at(Problem::LineTooLong(self.limits.line_bytes)));
        }
        let found = match entry(line).map_err(at)? {
            Line::Silent => return Ok(()),
            Line::Foreign => Found::Foreign,
            Line::Entry { key, value } => match keys::find(key).map_err(at)? {
                Known::Plain(known) if known.form == Form::Order => {
                    return self.include(value, place, sink);
                }
                Known::Plain(_)
                | Known::Named(..)
                | Known::Hooks
                | Known::Networks
                | Known::Network(_)
                | Known::OfNetwork(..) => Found::Entry { key, value },
            },
        };
        sink(place, found).map_err(at)
    }

    fn include(
        &mut self,
        value: &str,
        place: &Place,
        sink: &mut Sink<'_>,
    ) -> Result<(), ConfigError> {
        let at = |problem| ConfigError { place: place.clone(), problem: Box::new(problem) };
        if value.is_empty() {
            return Ok(());
        }
        let path = Path::new(value);
        // As LXC has it: a directory that packages put files into may be missing.
        let missing = |problem: &Problem| value.ends_with('/') && is_missing(problem);
        match self.opened(path) {
            Ok(Included::File(contents)) => self.included(path, &contents, place, sink),
            Ok(Included::Directory(files)) => self.directory(&files, place, sink),
            Err(problem) if missing(&problem) => Ok(()),
            Err(problem) => Err(at(problem)),
        }
    }

    fn directory(
        &mut self,
        files: &[PathBuf],
        place: &Place,
        sink: &mut Sink<'_>,
    ) -> Result<(), ConfigError> {
        let at = |problem| ConfigError { place: place.clone(), problem: Box::new(problem) };
        for path in files {
            match self.opened(path).map_err(at)? {
                Included::File(contents) => self.included(path, &contents, place, sink)?,
                Included::Directory(_) => return Err(at(not_included(path, Unreadable::Kind))),
            }
        }
        Ok(())
    }

    fn opened(&mut self, path: &Path) -> Result<Included, Problem> {
        self.files += 1;
        if self.files > self.limits.files {
            return Err(Problem::TooManyFiles(self.limits.files));
        }
        (self.opener)(path, self.limits.file_bytes).map_err(|cause| not_included(path, cause))
    }

    fn included(
        &mut self,
        path: &Path,
        contents: &Contents,
        place: &Place,
        sink: &mut Sink<'_>,
    ) -> Result<(), ConfigError> {
        let at = |problem| ConfigError { place: place.clone(), problem: Box::new(problem) };
        if let Some(first) = self.open.iter().position(|open| open.identity == contents.identity) {
            let names = self.open[first..].iter().map(|open| open.path.clone());
            return Err(at(Problem::Circle(names.chain([path.to_owned()]).collect())));
        }
        if self.open.len() > self.limits.depth {
            return Err(at(Problem::TooDeep(self.limits.depth)));
        }
        self.file(path, contents, sink).map(|_text| ())
    }
}

fn not_included(path: &Path, cause: Unreadable) -> Problem {
    Problem::Include { path: path.to_owned(), cause }
}

fn is_missing(problem: &Problem) -> bool {
    let Problem::Include { cause: Unreadable::Io(error), .. } = problem else { return false };
    error.kind() == std::io::ErrorKind::NotFound
}

fn refused(path: &Path, problem: Problem) -> ConfigError {
    ConfigError { place: Place { file: Arc::from(path), line: 0 }, problem: Box::new(problem) }
}

/// Files in a directory count when their names end so and have more.
const SUFFIX: &[u8] = b".conf";

/// Opens what a path leads to on this machine: a file, a device such as `/dev/null`, or a directory. A relative path begins at the
/// working directory, as it does for LXC.
///
/// # Errors
/// When it cannot be opened or read, is a pipe or a socket, or has more bytes than `most_bytes`.
pub fn from_disk(path: &Path, most_bytes: u64) -> Result<Included, Unreadable> {
    // A pipe that nobody writes to would be waited for without the third flag.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty()).map_err(std::io::Error::from)?);
    let status = fstat(&file).map_err(std::io::Error::from)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => directory(path).map(Included::Directory),
        FileType::RegularFile | FileType::CharacterDevice => {
            let mut bytes = Vec::new();
            file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > most_bytes {
                return Err(Unreadable::TooLong(most_bytes));
            }
            Ok(Included::File(Contents { identity: (status.st_dev, status.st_ino), bytes }))
        }
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::BlockDevice
        | FileType::Unknown => Err(Unreadable::Kind),
    }
}

fn directory(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.len() > SUFFIX.len() && bytes.ends_with(SUFFIX) {
            files.push(path.join(name));
        }
    }
    files.sort();
    Ok(files)
}
