//! `save`, `export`, `import`, `commit` and `diff`: archives that come and go, and what containers leave.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use engine::{ChangeKind, CommitRequest, Import};
use rustix::termios::isatty;
use spec::Reference;
use spec::image::{Platform, RunConfig};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;

/// Headers are small and contents come by the kilobyte.
const BUFFER_BYTES: usize = 256 * 1024;

pub(super) fn save(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let platform = platform(matches)?;
    into_output("save", matches, |writer| {
        let saved = engine.images().save(&matches.words, platform.as_ref(), writer);
        saved.map_err(|error| Failure::Doing { what: "save".to_owned(), error })
    })
}

pub(super) fn export(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    archive_to_output("export", matches, engine.containers().export(matches.word(0))?)
}

/// An archive into the file of `--output`, or to standard output.
pub(super) fn archive_to_output(
    command: &'static str,
    matches: &Matches,
    archive: impl Read,
) -> Result<i32, Failure> {
    into_output(command, matches, |writer| pour(command, archive, writer))
}

/// An archive to standard output.
pub(super) fn to_stdout(command: &'static str, archive: impl Read) -> Result<i32, Failure> {
    let stdout = rustix::stdio::stdout();
    if isatty(stdout) {
        let words = "refusing to write an archive to a terminal: redirect it";
        return Err(Failure::Words(format!("{command}: {words}")));
    }
    buffered(command, "standard output", stdout, |writer| pour(command, archive, writer))?;
    Ok(0)
}

pub(super) fn pour(
    command: &'static str,
    mut archive: impl Read,
    mut writer: &mut dyn Write,
) -> Result<(), Failure> {
    std::io::copy(&mut archive, &mut writer)
        .map(drop)
        .map_err(|error| Failure::Words(format!("{command}: {}", engine::chain(&error))))
}

/// Lets `write` write to the file of `--output`, which exists only once it is whole, or to standard output.
pub(super) fn into_output(
    command: &'static str,
    matches: &Matches,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    into_place(command, matches.value("output").filter(|path| !path.is_empty()), write)?;
    Ok(0)
}

/// Lets `write` write to a file, which exists only once it is whole, or to standard output.
pub(super) fn into_place(
    command: &'static str,
    path: Option<&str>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path else {
        let stdout = rustix::stdio::stdout();
        if isatty(stdout) {
            let words = "refusing to write an archive to a terminal: use the -o flag or redirect";
            return Err(Failure::Words(format!("{command}: {words}")));
        }
        return buffered(command, "standard output", stdout, write);
    };
    let place = Path::new(path);
    // A device or a pipe is written to as it is.
    if std::fs::metadata(place).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        let opened = File::options().write(true).open(place);
        let opened = opened.map_err(Failure::file(command, path))?;
        return buffered(command, path, opened.as_fd(), write);
    }
    let partial = Partial::make(place).map_err(Failure::file(command, path))?;
    buffered(command, path, partial.file.as_fd(), write)?;
    partial.keep(place).map_err(Failure::file(command, path))
}

fn buffered(
    command: &'static str,
    path: &str,
    to: BorrowedFd<'_>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = to.try_clone_to_owned().map_err(Failure::file(command, path))?;
    let sink = Sink { file: File::from(file), unread: false };
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, sink);
    let written =
        write(&mut writer).and_then(|()| writer.flush().map_err(Failure::file(command, path)));
    // What is still buffered after a failure is not wanted any more.
    let (sink, _rest) = writer.into_parts();
    if sink.unread { Err(Failure::Unread) } else { written }
}

/// Where an archive goes; knows when its reader has gone, however the failure is told by those between.
struct Sink {
    file: File,
    unread: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes);
        self.unread |= matches!(&written, Err(error) if error.kind() == ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file beside the one that is wanted, removed unless it is kept.
struct Partial {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    fn make(place: &Path) -> std::io::Result<Self> {
        let name = place.file_name().ok_or(std::io::ErrorKind::IsADirectory)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let path = place.with_file_name(hidden);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file, kept: false })
    }

    fn keep(mut self, place: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.path, place)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // The failure that is on its way tells more.
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

pub(super) fn import(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let path = matches.word(0);
    let import = Import {
        reference: reference(matches)?,
        config: engine::changes(&RunConfig::default(), matches.values("change"))?,
        platform: platform(matches)?,
        created: engine::format_time(engine::now_ns()),
        created_by: String::new(),
        comment: matches.value("message").unwrap_or("Imported from -").to_owned(),
    };
    let archive: Box<dyn Read + Send> = if path == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(Failure::file("import", path))?)
    };
    let image = engine
        .images()
        .import(archive, &import)
        .map_err(|error| Failure::Doing { what: format!("import {path}"), error })?;
    output::line(&image.id.to_string());
    Ok(0)
}

pub(super) fn commit(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let text = |flag| matches.value(flag).unwrap_or_default().to_owned();
    let request = CommitRequest {
        reference: reference(matches)?,
        author: text("author"),
        message: text("message"),
        changes: matches.values("change").map(str::to_owned).collect(),
        pause: matches.value("pause") != Some("false"),
        config: None,
    };
    let image = engine.containers().commit(matches.word(0), &request)?;
    output::line(&image.id.to_string());
    Ok(0)
}

pub(super) fn diff(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let changes = session.engine()?.containers().changes(matches.word(0))?;
    show_changes(changes.iter().map(|change| {
        let letter = match change.kind {
            ChangeKind::Added => 'A',
            ChangeKind::Changed => 'C',
            ChangeKind::Deleted => 'D',
        };
        (letter, format!("/{}", String::from_utf8_lossy(&change.path)))
    }))
}

pub(super) fn show_changes(changes: impl Iterator<Item = (char, String)>) -> Result<i32, Failure> {
    let lines = changes.map(|(letter, path)| format!("{letter} {}\n", plain(&path)));
    output::write(&lines.collect::<String>())?;
    Ok(0)
}

/// The name of the new image, the second word.
pub(super) fn reference(matches: &Matches) -> Result<Option<Reference>, Failure> {
    let name = matches.words.get(1).filter(|name| !name.is_empty());
    let parsed = name.map(|name| name.parse::<Reference>()).transpose();
    let parsed = parsed.map_err(|error| Failure::Words(error.to_string()))?;
    if parsed.as_ref().is_some_and(|name| name.digest().is_some()) {
        return Err(Failure::Words("a name with a digest cannot be given".to_owned()));
    }
    Ok(parsed.map(|name| name.pinned()))
}

fn platform(matches: &Matches) -> Result<Option<Platform>, Failure> {
    let text = matches.value("platform").filter(|text| !text.is_empty());
    text.map(str::parse)
        .transpose()
        .map_err(|error: spec::image::BadPlatform| Failure::Words(error.to_string()))
}
