//! Files of containers elsewhere: `cp`, `export`, `diff`. An archive that comes is unpacked beside its place first; what it means is decided
//! as for a container of this machine.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use client_docker::{Answer, Request};
use engine::{CopyRequest, host_archive, host_put, host_source};
use serde_json::Value;

use super::super::archives::{into_output, pour, show_changes, to_stdout};
use super::super::cp::{END_BYTES, End, told_copied};
use super::{Far, list};
use crate::arguments::Matches;
use crate::failure::Failure;

/// A directory's bit of a mode, as Go's `os.FileMode` has it.
const GO_DIRECTORY: u64 = 1 << 31;
/// The same of a symbolic link.
const GO_LINK: u64 = 1 << 27;

pub(in crate::commands) fn export(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let archive = far.client.send(Request::get(&["containers", matches.word(0), "export"]))?;
    into_output("export", matches, |writer| pour("export", archive, writer))
}

pub(in crate::commands) fn diff(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = Request::get(&["containers", matches.word(0), "changes"]);
    let all: Vec<Value> = list::read(far, request)?;
    show_changes(all.iter().map(|change| {
        let letter = match change["Kind"].as_u64() {
            Some(0) => 'C',
            Some(1) => 'A',
            _ => 'D',
        };
        (letter, super::text(change, "Path"))
    }))
}

pub(in crate::commands) fn cp(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = CopyRequest { archive: matches.on("archive"), follow: matches.on("follow-link") };
    let (source, destination) = super::super::cp::ends(matches)?;
    match (source, destination) {
        (End::Container(name, path), End::Host("-")) => {
            let path = followed(far, (name, path), request.follow)?;
            to_stdout("cp", archive(far, name, &path)?)
        }
        (End::Host("-"), End::Container(name, path)) => {
            let mut input = std::io::stdin();
            put(far, (name, path), request, &mut input)?;
            Ok(0)
        }
        (End::Container(name, path), End::Host(to)) => {
            copy_out(far, (name, path), Path::new(to), request, matches)
        }
        (End::Host(from), End::Container(name, path)) => {
            copy_in(far, Path::new(from), (name, path), request, matches)
        }
        (End::Container(..), End::Container(..)) | (End::Host(_), End::Host(_)) => {
            Err(Failure::Words("one end of a copy is a container, the other is not".to_owned()))
        }
    }
}

fn archive<'f>(far: &'f Far, name: &str, path: &Path) -> Result<Answer<'f>, Failure> {
    let request = Request::get(&["containers", name, "archive"]);
    Ok(far.client.send(request.with("path", path.to_string_lossy()))?)
}

fn put(
    far: &Far,
    (name, path): (&str, &Path),
    request: CopyRequest,
    archive: &mut dyn Read,
) -> Result<(), Failure> {
    let asked = Request::put(&["containers", name, "archive"])
        .with("path", path.to_string_lossy())
        .with("noOverwriteDirNonDir", "true")
        .with_on("copyUIDGID", request.archive);
    Ok(far.client.done(asked.stream(archive))?)
}

/// What is at a path of a container, as its archive's header tells; nothing where there is nothing.
fn stat(far: &Far, name: &str, path: &Path) -> Result<Option<Value>, Failure> {
    let request = Request::head(&["containers", name, "archive"]);
    let answer = match far.client.send(request.with("path", path.to_string_lossy())) {
        Err(error) if error.status() == 404 => {
            // Whether the container is there, the answer does not say.
            far.get(&["containers", name, "json"])?;
            return Ok(None);
        }
        answer => answer?,
    };
    let header = answer.header("x-docker-container-path-stat").unwrap_or_default();
    let document = super::transfer::from_base64(header);
    let document = document.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    answer.bytes()?;
    document.map(Some).ok_or_else(|| {
        Failure::Words(format!(
            "{}: it does not tell what {name}:{} is",
            far.client.host(),
            path.display()
        ))
    })
}

fn has(stat: &Value, bit: u64) -> bool {
    stat["mode"].as_u64().is_some_and(|mode| mode & bit != 0)
}

/// Where a link leads to, where that is meant.
fn followed(far: &Far, (name, path): (&str, &Path), follow: bool) -> Result<PathBuf, Failure> {
    if follow
        && let Some(found) = stat(far, name, path)?
        && has(&found, GO_LINK)
    {
        let target = super::text(&found, "linkTarget");
        let base = path.parent().unwrap_or(Path::new("/"));
        return Ok(base.join(target));
    }
    Ok(path.to_path_buf())
}

fn copy_out(
    far: &Far,
    (name, path): (&str, &Path),
    to: &Path,
    request: CopyRequest,
    matches: &Matches,
) -> Result<i32, Failure> {
    let absolute = std::path::absolute(to).map_err(Failure::file("find", to.display()))?;
    let source = followed(far, (name, path), request.follow)?;
    let shown = absolute.display().to_string();
    let archive = archive(far, name, &source)?;
    let place = if absolute.is_dir() {
        absolute.as_path()
    } else {
        absolute.parent().unwrap_or(Path::new("/"))
    };
    let beside =
        Beside::make(place).map_err(Failure::file("make a directory in", place.display()))?;
    // An archive of what is in a directory is that of the directory, whose name is a dot.
    let text = source.as_os_str().as_bytes();
    let last = if text.ends_with(b"/.") || text == b"/" || text == b"." {
        OsString::from(".")
    } else {
        source.file_name().unwrap_or_default().to_owned()
    };
    let copied = host_put(archive, (&beside.0, Path::new(&last)), to, request)?;
    told_copied(matches, &copied, &shown);
    Ok(0)
}

fn copy_in(
    far: &Far,
    from: &Path,
    (name, path): (&str, &Path),
    request: CopyRequest,
    matches: &Matches,
) -> Result<i32, Failure> {
    let shown = format!("{name}:{}", path.display());
    let source = host_source(from, request.follow)?;
    let path = followed(far, (name, path), true)?;
    let wants_directory = {
        let text = path.as_os_str().as_bytes();
        text.ends_with(b"/") || text.ends_with(b"/.")
    };
    let found = stat(far, name, &path)?;
    let wrong = |why: &str| Failure::Words(format!("copy to {shown}: {why}"));
    let is_directory = found.as_ref().is_some_and(|found| has(found, GO_DIRECTORY));
    let (into, entry) = match (&found, is_directory) {
        (Some(_), true) if source.contents => (path.clone(), b".".to_vec()),
        (Some(_), true) => (path.clone(), source.name.clone()),
        (Some(_), false) if source.is_directory => {
            return Err(wrong("a directory cannot be copied over a file"));
        }
        (Some(_), false) if wants_directory => return Err(wrong("it is no directory")),
        (None, _) if wants_directory && !source.is_directory => {
            return Err(wrong("there is no such directory"));
        }
        _ => {
            let own = path.file_name().ok_or_else(|| wrong("it has no name"))?.as_bytes().to_vec();
            (path.parent().unwrap_or(Path::new("/")).to_path_buf(), own)
        }
    };
    let archive = host_archive(from, request.follow, &entry)?;
    let mut counted = Counted { archive, bytes: 0 };
    let into = PathBuf::from(OsString::from_vec([b"/", into.as_os_str().as_bytes()].concat()));
    put(far, (name, &into), request, &mut counted)?;
    let copied = engine::Copied {
        archive_bytes: counted.bytes.saturating_sub(END_BYTES),
        ..engine::Copied::default()
    };
    told_copied(matches, &copied, &shown);
    Ok(0)
}

/// Counts what is read.
struct Counted<R> {
    archive: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.archive.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// A directory that what comes is unpacked in first, and that is gone at the end.
struct Beside(PathBuf);

impl Beside {
    fn make(place: &Path) -> std::io::Result<Self> {
        let path = place.join(format!(".corten-cp.{}", std::process::id()));
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // The failure that is on its way tells more.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
