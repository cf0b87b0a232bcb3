//! From the sources of an instruction to the files that they name. Start at [`select`].

use std::os::fd::{AsFd, BorrowedFd};

use dockerfile::Ignore;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::entry::{Entry, Kind, Seen};
use super::pattern::{Pattern, has_wildcard};
use super::resolve::{Nothing, names, resolve};
use super::walk::{Filter, Walk, sorted_names};
use super::{Tree, TreeKind};
use crate::{Cancel, StepError};

const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What an instruction names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice<'a> {
    /// Paths, with wildcards.
    pub(crate) sources: &'a [&'a str],
    /// `--exclude`.
    pub(crate) exclude: &'a [&'a str],
    /// `--parents`.
    pub(crate) parents: bool,
}

/// The files that an instruction names.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(super) tree: Tree,
    pub(super) inputs: Vec<Input>,
    /// Whether archives among what was named are unpacked.
    pub(super) unpacks: bool,
}

/// What one source, or one thing that a wildcard fits, stands for.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// Its path from the root of the tree, without links; empty is the root.
    pub(super) real: Vec<u8>,
    /// The name that it goes by, unless it is a directory, which has none: its contents are copied.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) seen: Seen,
    /// What is in the directory, or itself.
    pub(super) entries: Vec<Entry>,
}

impl Selection {
    /// The same, with archives among what was named unpacked where they go, as `ADD` does.
    pub(crate) fn unpacking(self, unpacks: bool) -> Self {
        Self { unpacks, ..self }
    }

    /// The same file under another name; an empty one is none, and needs a destination that is one.
    pub(crate) fn renamed(mut self, name: String) -> Self {
        let name = name.into_bytes();
        for input in self.inputs.iter_mut().filter(|input| !input.is_directory()) {
            input.entries.iter_mut().for_each(|entry| entry.below.clone_from(&name));
            input.name.clone_from(&name);
        }
        self
    }

    /// Whether archives among it are unpacked.
    pub(crate) fn is_unpacking(&self) -> bool {
        self.unpacks
    }

    /// Whether owners and extended attributes are kept.
    pub(super) fn keeps(&self) -> bool {
        self.tree.kind() == TreeKind::Image
    }
}

impl Input {
    /// Whether its contents are meant.
    pub(crate) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Where an entry is in the tree.
    pub(super) fn path(&self, entry: &Entry) -> Vec<u8> {
        if !self.is_directory() || entry.below.is_empty() {
            return self.real.clone();
        }
        if self.real.is_empty() {
            return entry.below.clone();
        }
        [&self.real[..], b"/", &entry.below].concat()
    }
}

/// Finds the files.
///
/// A source that is missing is an error; a wildcard that fits nothing is one when no other source gives anything, which is what
/// the classic builder does and many files lean on (`COPY go.mod go.su[m] ./`).
///
/// # Errors
/// [`StepError::NoSource`], [`StepError::Value`] for a pattern that is none, [`StepError::Path`].
pub(crate) fn select(
    tree: &Tree,
    choice: Choice<'_>,
    cancel: &Cancel,
) -> Result<Selection, StepError> {
    let exclude = patterns("--exclude", choice.exclude)?;
    let mut finder = Finder { tree, exclude, cancel, inputs: Vec::new(), has_excluded: false };
    let mut without: Option<(&str, bool)> = None;
    for source in choice.sources {
        let before = finder.inputs.len();
        let is_ignored =
            if choice.parents { finder.with_parents(source)? } else { finder.source(source)? };
        if finder.inputs.len() == before && without.is_none() {
            without = Some((source, is_ignored));
        }
    }
    match without {
        Some((source, is_ignored)) if finder.inputs.is_empty() && !finder.has_excluded => {
            Err(tree.absent(source, is_ignored))
        }
        Some(_) | None => {
            Ok(Selection { tree: tree.clone(), inputs: finder.inputs, unpacks: false })
        }
    }
}

fn patterns(what: &'static str, texts: &[&str]) -> Result<Option<Ignore>, StepError> {
    if texts.is_empty() {
        return Ok(None);
    }
    let read = Ignore::new(texts).map_err(|error| StepError::Value {
        what,
        value: error.text.clone(),
        why: error.problem.to_string(),
    })?;
    Ok(Some(read))
}

/// A path without `..`, as it is written: one that would lead out of the tree does not, and a link before it does not count.
fn cleaned(source: &str) -> Vec<&[u8]> {
    let mut cleaned: Vec<&[u8]> = Vec::new();
    for name in names(source.as_bytes()) {
        if name == b".." {
            cleaned.pop();
        } else {
            cleaned.push(name);
        }
    }
    cleaned
}

struct Finder<'a> {
    tree: &'a Tree,
    exclude: Option<Ignore>,
    cancel: &'a Cancel,
    inputs: Vec<Input>,
    /// Whether `--exclude` has left out a source of its own.
    has_excluded: bool,
}

impl Finder<'_> {
    /// Says whether something was there that a `.dockerignore` leaves out.
    fn source(&mut self, source: &str) -> Result<bool, StepError> {
        let names = cleaned(source);
        let Some(first) = names.iter().position(|name| has_wildcard(name)) else {
            let (is_there, is_ignored) = self.named(&names.join(&b'/'))?;
            return if is_there { Ok(false) } else { Err(self.tree.absent(source, is_ignored)) };
        };
        let patterns: Result<Vec<Pattern>, _> =
            names[first..].iter().map(|name| Pattern::new(name)).collect();
        let patterns = patterns.map_err(|_bad| StepError::Value {
            what: "source",
            value: source.to_owned(),
            why: "what stands in brackets is no set of characters".to_owned(),
        })?;
        let head = names[..first].join(&b'/');
        let found = resolve(self.tree.root(), &head, &mut Nothing)
            .map_err(|errno| self.tree.unless_absent(source, errno.into()))?;
        let mut fitting = Fitting { patterns: &patterns, found: Vec::new() };
        let at = openat(&found.parent, &found.name[..], LISTED, Mode::empty())
            .map_err(|errno| self.tree.unless_absent(source, errno.into()))?;
        fitting
            .look(at.as_fd(), 0, &head)
            .map_err(|errno| self.tree.unless_absent(source, errno.into()))?;
        let mut has_ignored = false;
        for path in fitting.found {
            has_ignored |= self.named(&path)?.1;
        }
        Ok(has_ignored)
    }

    /// Takes what a path leads to. Says whether it was there, and whether only a `.dockerignore` has kept it away.
    fn named(&mut self, path: &[u8]) -> Result<(bool, bool), StepError> {
        let missing = |errno| {
            matches!(errno, Errno::NOENT | Errno::NOTDIR).then_some((false, false)).ok_or_else(
                || StepError::Path {
                    action: "find",
                    path: super::path_of(path),
                    cause: errno.into(),
                },
            )
        };
        let found = match resolve(self.tree.root(), path, &mut Nothing) {
            Ok(found) => found,
            Err(errno) => return missing(errno),
        };
        let Some(stat) = found.stat else { return Ok((false, false)) };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let at = openat(&found.parent, &found.name[..], LISTED, Mode::empty());
            let at = match at {
                Ok(at) => at,
                Err(errno) => return missing(errno),
            };
            return self.directory(at.as_fd(), found.real, &stat, None);
        }
        let Some(kind) = Kind::of(&stat) else { return Ok((true, false)) };
        if self.tree.ignore().is_some_and(|ignore| ignore.excludes(&lossy(&found.real))) {
            return Ok((false, true));
        }
        if self.exclude.as_ref().is_some_and(|exclude| exclude.excludes(&lossy(name))) {
            self.has_excluded = true;
            return Ok((true, false));
        }
        let (name, seen) = (name.to_vec(), Seen::of(&stat));
        let entries = vec![Entry { below: name.clone(), kind, seen }];
        self.inputs.push(Input { real: found.real, name, kind, seen, entries });
        Ok((true, false))
    }

    /// Takes what is in a directory. As [`Finder::named`].
    fn directory(
        &mut self,
        at: BorrowedFd<'_>,
        real: Vec<u8>,
        stat: &Stat,
        only: Option<&Ignore>,
    ) -> Result<(bool, bool), StepError> {
        let filter = Filter { ignore: self.tree.ignore(), exclude: self.exclude.as_ref(), only };
        let walked = Walk::below(at, &real, filter, self.cancel)?;
        // A directory that is left out is there for what is in it, whatever `--exclude` takes of that.
        let is_ignored = filter.start(&real).is_ignored();
        let holds_something = || {
            let filter = Filter { exclude: None, ..filter };
            let walked = Walk::below(at, &real, filter, self.cancel)?;
            Ok::<_, StepError>(!walked.entries.is_empty())
        };
        let is_hidden = is_ignored
            && walked.entries.is_empty()
            && (filter.exclude.is_none() || !holds_something()?);
        if is_hidden || (only.is_some() && walked.entries.is_empty()) {
            return Ok((false, is_ignored || walked.has_ignored));
        }
        let (kind, seen, entries) = (Kind::Directory, Seen::of(stat), walked.entries);
        self.inputs.push(Input { real, name: Vec::new(), kind, seen, entries });
        Ok((true, false))
    }

    /// `--parents`: what is in the directory before `/./`, or in the root, that fits the rest, with its directories.
    fn with_parents(&mut self, source: &str) -> Result<bool, StepError> {
        let (parent, rest) = source.split_once("/./").unwrap_or(("", source));
        let rest = cleaned(rest);
        let text = String::from_utf8_lossy(&rest.join(&b'/')).into_owned();
        let only =
            if text.is_empty() { None } else { patterns("source", &["*", &format!("!{text}")])? };
        let found = resolve(self.tree.root(), &cleaned(parent).join(&b'/'), &mut Nothing)
            .map_err(|errno| self.tree.unless_absent(source, errno.into()))?;
        let stat = found.stat.ok_or_else(|| self.tree.absent(source, false))?;
        let at = openat(&found.parent, &found.name[..], LISTED, Mode::empty())
            .map_err(|errno| self.tree.unless_absent(source, errno.into()))?;
        let (is_there, is_ignored) =
            self.directory(at.as_fd(), found.real, &stat, only.as_ref())?;
        if !is_there && !rest.iter().any(|name| has_wildcard(name)) {
            return Err(self.tree.absent(source, is_ignored));
        }
        Ok(is_ignored)
    }
}

/// Paths that fit patterns, name by name.
struct Fitting<'a> {
    patterns: &'a [Pattern],
    found: Vec<Vec<u8>>,
}

impl Fitting<'_> {
    fn look(&mut self, at: BorrowedFd<'_>, depth: usize, path: &[u8]) -> Result<(), Errno> {
        let Some(pattern) = self.patterns.get(depth) else { return Ok(()) };
        let listed = openat(at, ".", LISTED, Mode::empty())?;
        for name in sorted_names(&listed)?.into_iter().filter(|name| pattern.fits(name)) {
            let path =
                if path.is_empty() { name.clone() } else { [path, b"/", &name[..]].concat() };
            if depth + 1 == self.patterns.len() {
                self.found.push(path);
                continue;
            }
            let is_directory = statat(at, &name[..], AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| Kind::of(&stat) == Some(Kind::Directory));
            if is_directory {
                let next = openat(at, &name[..], LISTED, Mode::empty())?;
                self.look(next.as_fd(), depth + 1, &path)?;
            }
        }
        Ok(())
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
