//! `COPY` and `ADD`.

use std::ops::Range;

use crate::command_line::array;
use crate::error::Cause;
use crate::flags::{Flags, Takes};
use crate::heredoc::{Heredoc, opening};
use crate::logical::Logical;
use crate::mode::Mode;
use crate::source::{Span, Spanned};
use crate::words;

/// Flags of both.
const COMMON: [(&str, Takes); 4] = [
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Boolean),
    ("exclude", Takes::Values),
];

/// `COPY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// What it has in common with `ADD`.
    pub transfer: Transfer,
    /// `--from`: a stage, a context or an image, instead of the build context.
    pub from: Option<Spanned<String>>,
    /// `--parents`: sources keep their directories, from `/./` on where that stands.
    pub parents: bool,
}

/// `ADD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add {
    /// What it has in common with `COPY`.
    pub transfer: Transfer,
    /// `--checksum` of the one URL: a digest, or a commit of git.
    pub checksum: Option<Spanned<String>>,
    /// `--keep-git-dir`.
    pub keep_git_dir: Option<bool>,
    /// `--unpack`; by default archives of the context are unpacked and those of URLs are not.
    pub unpack: Option<bool>,
}

/// What goes where, and as whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// `--chown`.
    pub chown: Option<Spanned<String>>,
    /// `--chmod`, a [`Mode`] once its variables are put in.
    pub chmod: Option<Spanned<String>>,
    /// `--link`: the layer depends on nothing below it.
    pub link: bool,
    /// `--exclude`: patterns as in a `.dockerignore`.
    pub exclude: Vec<Spanned<String>>,
    /// Paths, URLs and documents, in order.
    pub sources: Vec<TransferSource>,
    /// Where to.
    pub destination: Spanned<String>,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferSource {
    /// A path or a URL.
    Path(Spanned<String>),
    /// A document of the file itself.
    Document(Heredoc),
}

impl Transfer {
    /// Sources that are paths or URLs.
    pub fn paths(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.sources.iter().filter_map(|source| match source {
            TransferSource::Path(path) => Some(path),
            TransferSource::Document(_) => None,
        })
    }
}

/// Whether a source of `ADD` is fetched by HTTP.
pub(crate) fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

type Reading<T> = Result<T, (Span, Cause)>;

pub(crate) fn copy(
    logical: &Logical,
    arguments: Range<usize>,
    flags: Vec<Spanned<String>>,
    documents: Vec<Heredoc>,
) -> Reading<Copy> {
    let known =
        [COMMON.as_slice(), &[("from", Takes::Value), ("parents", Takes::Boolean)]].concat();
    let mut flags = Flags::read(flags, &known)?;
    let from = flags.filled("from");
    if let Some(from) = from.as_ref().filter(|from| from.value.contains('$')) {
        return Err((from.span, Cause::FromVariable));
    }
    let parents = flags.boolean("parents").unwrap_or(false);
    Ok(Copy { transfer: transfer(logical, arguments, flags, documents)?, from, parents })
}

pub(crate) fn add(
    logical: &Logical,
    arguments: Range<usize>,
    flags: Vec<Spanned<String>>,
    documents: Vec<Heredoc>,
) -> Reading<Add> {
    let own =
        [("checksum", Takes::Value), ("keep-git-dir", Takes::Boolean), ("unpack", Takes::Boolean)];
    let known = [COMMON.as_slice(), &own].concat();
    let mut flags = Flags::read(flags, &known)?;
    let checksum = flags.filled("checksum");
    let keep_git_dir = flags.boolean("keep-git-dir");
    let unpack = flags.boolean("unpack");
    let transfer = transfer(logical, arguments, flags, documents)?;
    if let Some(checksum) = &checksum
        && transfer.sources.len() != 1
    {
        return Err((checksum.span, Cause::ChecksumSources));
    }
    Ok(Add { transfer, checksum, keep_git_dir, unpack })
}

fn transfer(
    logical: &Logical,
    arguments: Range<usize>,
    mut flags: Flags,
    documents: Vec<Heredoc>,
) -> Reading<Transfer> {
    let chmod = flags.filled("chmod");
    if let Some(chmod) =
        chmod.as_ref().filter(|mode| !mode.value.contains(['$', '\'', '"', '\\', '`']))
    {
        chmod
            .value
            .parse::<Mode>()
            .map_err(|problem| (chmod.span, Cause::Mode { text: chmod.value.clone(), problem }))?;
    }
    let (mut sources, destination) = places(logical, arguments, documents)?;
    if sources.is_empty() {
        return Err((logical.span, Cause::NoDestination));
    }
    sources.shrink_to_fit();
    Ok(Transfer {
        chown: flags.filled("chown"),
        chmod,
        link: flags.boolean("link").unwrap_or(false),
        exclude: flags.values("exclude"),
        sources,
        destination,
    })
}

/// Sources and the destination.
fn places(
    logical: &Logical,
    arguments: Range<usize>,
    documents: Vec<Heredoc>,
) -> Reading<(Vec<TransferSource>, Spanned<String>)> {
    let none = || (logical.span, Cause::NoDestination);
    if let Some(mut words) = array(logical, arguments.clone())? {
        let destination = words.pop().ok_or_else(none)?;
        return Ok((words.into_iter().map(TransferSource::Path).collect(), destination));
    }
    let mut documents = documents.into_iter();
    let mut places = Vec::new();
    for part in words_of(logical, arguments) {
        let word = logical.part(part);
        let opens = if word.value.contains("<<") {
            opening(&word.value).map_err(|problem| {
                (word.span, Cause::Expand { text: word.value.clone(), problem: Box::new(problem) })
            })?
        } else {
            None
        };
        match opens.and_then(|_| documents.next()) {
            Some(document) => places.push(TransferSource::Document(document)),
            None => places.push(TransferSource::Path(word)),
        }
    }
    match places.pop().ok_or_else(none)? {
        TransferSource::Path(destination) => Ok((places, destination)),
        TransferSource::Document(document) => Err((document.name.span, Cause::HeredocDestination)),
    }
}

/// Words between blanks; `<<` and the word behind it are one.
fn words_of(logical: &Logical, arguments: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for part in words::plain(&logical.text, arguments) {
        match found.last_mut() {
            Some(last) if is_open(&logical.text[last.clone()]) => last.end = part.end,
            _ => found.push(part),
        }
    }
    found
}

/// `<<` or `<<-`, with its descriptor, and nothing behind.
fn is_open(word: &str) -> bool {
    matches!(word.trim_start_matches(|letter: char| letter.is_ascii_digit()), "<<" | "<<-")
}
