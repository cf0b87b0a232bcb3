//! `cp`.

use std::path::Path;

use engine::{Copied, CopyRequest};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::size;

/// Longer than an archive of nothing: its two last blocks.
pub(super) const END_BYTES: u64 = 1024;

/// One end of a copy.
pub(super) enum End<'t> {
    Container(&'t str, &'t Path),
    Host(&'t str),
}

/// Docker's: what has a colon names a container, unless it begins as a path does.
fn end(text: &str) -> End<'_> {
    match text.split_once(':') {
        Some((name, path)) if !text.starts_with(['.', '/']) && !name.is_empty() => {
            End::Container(name, Path::new(path))
        }
        _ => End::Host(text),
    }
}

/// Both ends of a copy, one of them a container's.
pub(super) fn ends(matches: &Matches) -> Result<(End<'_>, End<'_>), Failure> {
    let (source, destination) = (end(matches.word(0)), end(matches.word(1)));
    let words = |text: &str| Failure::Words(text.to_owned());
    for end in [&source, &destination] {
        match end {
            End::Host("") => return Err(words("source and destination cannot be empty")),
            End::Container(name, path) if path.as_os_str().is_empty() => {
                return Err(Failure::Words(format!("{name}: it has no path behind the colon")));
            }
            End::Container(..) | End::Host(_) => {}
        }
    }
    match (&source, &destination) {
        (End::Container(..), End::Container(..)) => {
            Err(words("copying between containers is not supported"))
        }
        (End::Host(_), End::Host(_)) => Err(words("must specify at least one container source")),
        (End::Container(..), End::Host(_)) | (End::Host(_), End::Container(..)) => {
            Ok((source, destination))
        }
    }
}

/// Says what was copied.
pub(super) fn told_copied(matches: &Matches, copied: &Copied, to: &str) {
    if !matches.on("quiet") {
        let bytes = size(copied.archive_bytes + END_BYTES);
        output::talk(&format!("Successfully copied {bytes} to {to}"));
    }
}

pub(super) fn cp(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let request = CopyRequest { archive: matches.on("archive"), follow: matches.on("follow-link") };
    let (source, destination) = ends(matches)?;
    let words = |text: &str| Failure::Words(text.to_owned());
    let (copied, to) = match (source, destination) {
        (End::Container(name, path), End::Host("-")) => {
            let archive =
                session.engine()?.containers().copy_as_archive((name, path), request.follow)?;
            return super::archives::to_stdout("cp", archive);
        }
        (End::Host("-"), End::Container(name, path)) => {
            session
                .engine()?
                .containers()
                .copy_archive_in(std::io::stdin().lock(), (name, path))?;
            return Ok(0);
        }
        (End::Container(name, path), End::Host(to)) => {
            let copied =
                session.engine()?.containers().copy_out((name, path), Path::new(to), request)?;
            let absolute = std::path::absolute(to).map_err(Failure::file("find", to))?;
            (copied, absolute.display().to_string())
        }
        (End::Host(from), End::Container(name, path)) => {
            let copied =
                session.engine()?.containers().copy_in(Path::new(from), (name, path), request)?;
            (copied, format!("{name}:{}", path.display()))
        }
        (End::Container(..), End::Container(..)) => {
            return Err(words("copying between containers is not supported"));
        }
        (End::Host(_), End::Host(_)) => {
            return Err(words("must specify at least one container source"));
        }
    };
    told_copied(matches, &copied, &to);
    Ok(0)
}
