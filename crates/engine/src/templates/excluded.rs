//! An archive without what a list excludes: LXC's metadata names so what whoever builds cannot make, device nodes above all.

use std::io::{BufWriter, PipeReader, Read, Write};

use store::tar::{Limits, Reader, Writer};

use super::failed;
use crate::error::EngineError;
use crate::pattern::Pattern;

/// The most patterns of a list.
const MOST_PATTERNS: usize = 10_000;

/// Patterns as tar's `--anchored --exclude` takes them: of whole paths, of which everything below goes as well.
pub(super) struct Excluded(Vec<Pattern>);

impl Excluded {
    /// One a line.
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        let lines = text.lines().map(inner).filter(|line| !line.is_empty());
        let patterns = lines.take(MOST_PATTERNS + 1).map(|line| {
            Pattern::glob(line).map_err(|error| failed("metadata", &format!("excludes: {error}")))
        });
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        if patterns.len() > MOST_PATTERNS {
            let why = format!("excludes: there are more than {MOST_PATTERNS} patterns");
            return Err(failed("metadata", &why));
        }
        Ok(Self(patterns))
    }

    fn has(&self, path: &str) -> bool {
        let path = inner(path);
        let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.any(|end| self.0.iter().any(|pattern| pattern.is_in(&path[..end])))
    }

    /// Lets `take` read the archive without them, as it is read itself. What is wrong with the archive counts before what `take` says; what that has
    /// made by then is undone.
    pub(super) fn without<T>(
        &self,
        archive: impl Read + Send,
        take: impl FnOnce(PipeReader) -> Result<T, EngineError>,
        undo: impl FnOnce(T),
    ) -> Result<T, EngineError> {
        let broken = |error: &(dyn std::error::Error + 'static)| {
            failed("archive", &libcontainer::chain(error))
        };
        let (read, write) = std::io::pipe().map_err(|error| broken(&error))?;
        std::thread::scope(|scope| {
            let copying = scope.spawn(move || self.copy(archive, write));
            let taken = take(read);
            let wrong = match copying.join() {
                // Who takes has hung up, and says why.
                Ok(Err(error)) if taken.is_ok() || !is_hung_up(&*error) => broken(&*error),
                Ok(_) => return taken,
                Err(_panicked) => failed("archive", "its reader panicked"),
            };
            if let Ok(made) = taken {
                undo(made);
            }
            Err(wrong)
        })
    }

    fn copy(
        &self,
        archive: impl Read,
        writer: impl Write,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut reader = Reader::new(archive, Limits::default());
        let mut writer = Writer::new(BufWriter::new(writer));
        while let Some(entry) = reader.next_entry()? {
            if !self.has(&String::from_utf8_lossy(&entry.path)) {
                let metadata = store::tar::Metadata::clone(&entry);
                writer.append(&metadata, entry)?;
            }
        }
        writer.finish()?.flush()?;
        Ok(())
    }
}

/// A path without what members of archives begin with, and directories end with.
fn inner(path: &str) -> &str {
    path.trim().trim_start_matches("./").trim_matches('/')
}

fn is_hung_up(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use store::tar::{Kind, Metadata};

    use super::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for name in names {
            let kind = if name.ends_with('/') { Kind::Directory } else { Kind::File };
            let size = if kind == Kind::File { 3 } else { 0 };
            let path = name.as_bytes().to_vec();
            let metadata = Metadata { path, kind, size, mode: 0o755, ..Metadata::default() };
            writer.append(&metadata, &b"abc"[..usize::try_from(size).unwrap()]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn left(text: &str, names: &[&str]) -> Vec<String> {
        let excluded = Excluded::parse(text).unwrap();
        let taken = excluded.without(
            &archive(names)[..],
            |read| {
                let mut reader = Reader::new(read, Limits::default());
                let mut left = Vec::new();
                while let Some(entry) = reader.next_entry().unwrap() {
                    left.push(String::from_utf8(entry.path.clone()).unwrap());
                }
                Ok(left)
            },
            drop,
        );
        taken.unwrap()
    }

    #[test]
    fn what_is_excluded_goes_with_all_that_is_below() {
        let names = ["./", "./dev/", "./dev/null", "./dev/tty1", "./etc/", "./etc/dev"];
        assert_eq!(left("./dev/tty?\ndev/null\n", &names), ["./", "./dev/", "./etc/", "./etc/dev"]);
        assert_eq!(left("/dev/", &names), ["./", "./etc/", "./etc/dev"]);
        assert_eq!(left("\n\n", &names), names);
        assert!(Excluded::parse("[").is_err());
    }

    #[test]
    fn a_damaged_archive_is_told_before_what_it_makes() {
        let excluded = Excluded::parse("x").unwrap();
        let whole = archive(&["a", "b"]);
        let drain = |mut read: PipeReader| {
            let mut bytes = Vec::new();
            let _any = read.read_to_end(&mut bytes);
            Ok(bytes)
        };
        let mut undone = false;
        assert!(excluded.without(&whole[..700], drain, |_bytes| undone = true).is_err());
        assert!(undone);
        // Who refuses has the last word.
        let big = archive(&["a"; 5000]);
        let refused = excluded.without(
            &big[..],
            |read| {
                drop(read);
                Err::<(), _>(failed("x", "full"))
            },
            drop,
        );
        assert!(refused.unwrap_err().to_string().contains("full"));
    }
}
