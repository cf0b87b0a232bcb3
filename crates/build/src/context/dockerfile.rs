//! Where the instructions are, and what a context leaves out.
//!
//! Files of a context are found inside of it: a link that leads out is followed inside. They are regular files and small.

use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;

use dockerfile::Ignore;
use rustix::fs::{FileType, Mode, OFlags, fstat};

use super::{Context, ContextError, refused};
use crate::DockerfileSource;

/// More is no list of instructions.
const MOST_BYTES: u64 = 16 << 20;
/// In this order; the last one is what BuildKit looks for as well.
const USUAL: [&str; 3] = ["Dockerfile", "Containerfile", "dockerfile"];

/// The instructions of a build.
#[derive(Debug)]
pub(crate) struct Instructions {
    /// What messages call them.
    pub(crate) name: String,
    /// Their text.
    pub(crate) bytes: Vec<u8>,
    /// What the context leaves out.
    pub(crate) ignore: Ignore,
}

/// Finds the instructions, and what the context leaves out: `NAME.dockerignore` beside them, or else what is at the context's root.
///
/// # Errors
/// [`ContextError::NoFile`], and [`ContextError::Refused`] for a list that cannot be read.
pub(crate) fn dockerfile(
    context: &Context,
    source: &DockerfileSource,
) -> Result<Instructions, ContextError> {
    let named = |name: &str, bytes, ignore: Option<Ignore>| {
        let ignore = match ignore {
            Some(ignore) => ignore,
            None => self::ignore(context.root())?,
        };
        Ok(Instructions { name: name.to_owned(), bytes, ignore })
    };
    let missing = |name: &str| {
        let name = name.to_owned();
        |cause: io::Error| ContextError::NoFile { name, cause }
    };
    let own = |name: &str| parsed(context.root(), &format!("{name}.dockerignore"));
    match source {
        DockerfileSource::Text(bytes) => named(USUAL[0], bytes.clone(), None),
        DockerfileSource::Usual | DockerfileSource::InContext(_)
            if context.dockerfile.is_some() =>
        {
            // The context is nothing else, whatever it is called in it.
            named(USUAL[0], context.dockerfile.clone().unwrap_or_default(), None)
        }
        DockerfileSource::Usual => {
            for name in USUAL {
                if let Some(bytes) = in_context(context.root(), name).map_err(missing(name))? {
                    return named(name, bytes, own(name)?);
                }
            }
            Err(missing(USUAL[0])(io::ErrorKind::NotFound.into()))
        }
        DockerfileSource::InContext(name) => {
            let found = in_context(context.root(), name).map_err(missing(name))?;
            let bytes = found.ok_or_else(|| missing(name)(io::ErrorKind::NotFound.into()))?;
            named(name, bytes, own(name)?)
        }
        DockerfileSource::File(path) => {
            let name = path.display().to_string();
            let file = std::fs::File::open(path).map_err(missing(&name))?;
            let bytes = read_whole(file).map_err(missing(&name))?;
            named(&name, bytes, beside(path)?)
        }
    }
}

/// What is left out of a context whose instructions do not say it.
///
/// # Errors
/// [`ContextError::Refused`] for a list that cannot be read.
pub(crate) fn ignore(root: BorrowedFd<'_>) -> Result<Ignore, ContextError> {
    for name in [".dockerignore", ".containerignore"] {
        if let Some(ignore) = parsed(root, name)? {
            return Ok(ignore);
        }
    }
    Ok(Ignore::default())
}

fn parsed(root: BorrowedFd<'_>, name: &str) -> Result<Option<Ignore>, ContextError> {
    let what = || format!("read {name}");
    let Some(bytes) = in_context(root, name).map_err(refused(what()))? else { return Ok(None) };
    Ignore::parse(&bytes).map(Some).map_err(refused(what()))
}

fn beside(path: &Path) -> Result<Option<Ignore>, ContextError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".dockerignore");
    let what = || format!("read {}", name.display());
    let bytes = match std::fs::File::open(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.and_then(read_whole).map_err(refused(what()))?,
    };
    Ignore::parse(&bytes).map(Some).map_err(refused(what()))
}

/// Nothing when it is not there.
fn in_context(root: BorrowedFd<'_>, name: &str) -> io::Result<Option<Vec<u8>>> {
    // A pipe must not hold us, nor a terminal become ours.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match sys::open_in_root(root, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(errno) => {
            let error = io::Error::from(errno);
            let is_absent =
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            return if is_absent { Ok(None) } else { Err(error) };
        }
    };
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    read_whole(std::fs::File::from(file)).map(Some)
}

pub(super) fn read_whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB"));
    }
    Ok(bytes)
}
