//! What a selection is, for the cache: names, kinds, modes and contents; owners and extended attributes where they count; never times,
//! never which files are one file. Start at [`digest`].

use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{Mode, OFlags, readlinkat};
use sha2::{Digest as _, Sha256};
use spec::Digest;

use super::content::{self, Sum, gone_or};
use super::entry::{Entry, Kind};
use super::memory::now_s;
use super::parts::{Part, Piece, parts};
use super::{Input, Memory, Selection};
use crate::{Cancel, StepError};

/// Less is read sooner than what is remembered of it.
pub(super) const WORTH_BYTES: u64 = 32 << 20;

/// What counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DigestRules<'a> {
    /// Whether owners do: of stages and images, unless `--chown` gives others.
    pub(crate) owners: bool,
    /// What is known of files that were read before; for contexts, whose files have inodes that stay.
    pub(crate) memory: Option<&'a Memory>,
}

/// What a selection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digested {
    /// All of it.
    pub(crate) digest: Digest,
    /// What it is made of.
    pub(crate) parts: Vec<Part>,
}

/// Finds out what a selection is: reads its files, with as many threads as there are processors where that is worth it.
///
/// # Errors
/// [`StepError::Changed`] when a file is not what was selected, [`StepError::Path`], [`StepError::Cancelled`].
pub(crate) fn digest(
    selection: &Selection,
    rules: DigestRules<'_>,
    cancel: &Cancel,
) -> Result<Digested, StepError> {
    let all: Vec<(&Input, &Entry)> = selection
        .inputs
        .iter()
        .flat_map(|input| input.entries.iter().map(move |entry| (input, entry)))
        .collect();
    let bytes: u64 = all.iter().map(|(_, entry)| entry.seen.size).sum();
    let memory = rules.memory.filter(|_| bytes >= WORTH_BYTES);
    let rules = DigestRules { memory, ..rules };
    let reader = Reader { selection, rules, cancel, started_s: now_s() };
    let pieces = reader.all(&all)?;
    let mut hash = Sha256::new();
    let mut rest = pieces.iter();
    for input in &selection.inputs {
        hash.update([b'>', input.kind.letter()]);
        hash.update(input.entries.len().to_le_bytes());
        for (entry, piece) in input.entries.iter().zip(rest.by_ref()) {
            hash.update(entry.below.len().to_le_bytes());
            hash.update(&entry.below);
            hash.update(piece.facts);
            hash.update(piece.content);
        }
    }
    Ok(Digested { digest: Digest::sha256(hash.finalize().into()), parts: parts(&pieces) })
}

struct Reader<'a> {
    selection: &'a Selection,
    rules: DigestRules<'a>,
    cancel: &'a Cancel,
    started_s: i64,
}

impl Reader<'_> {
    /// In the order of the entries.
    fn all(&self, entries: &[(&Input, &Entry)]) -> Result<Vec<Piece>, StepError> {
        /// What one thread reads as fast as another one is started.
        const ALONE_BYTES: u64 = 256 * 1024;
        const ALONE: usize = 64;
        let bytes: u64 = entries.iter().map(|(_, entry)| entry.seen.size).sum();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if threads == 1 || (entries.len() < ALONE && bytes < ALONE_BYTES) || entries.len() < 2 {
            return entries.iter().map(|(input, entry)| self.piece(input, entry)).collect();
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Piece)>> = Mutex::new(Vec::with_capacity(entries.len()));
        let work = || self.some(entries, &next, &done);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            others.into_iter().fold(own, |outcome, other| {
                // A thread that panicked has said so.
                outcome.and(other.join().unwrap_or(Err(StepError::Cancelled)))
            })
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, piece)| piece).collect())
    }

    /// What one thread does.
    fn some(
        &self,
        entries: &[(&Input, &Entry)],
        next: &AtomicUsize,
        done: &Mutex<Vec<(usize, Piece)>>,
    ) -> Result<(), StepError> {
        /// Taken at once.
        const FEW: usize = 32;
        loop {
            let start = next.fetch_add(FEW, Ordering::Relaxed);
            let end = entries.len().min(start.saturating_add(FEW));
            let Some(mine) = entries.get(start..end).filter(|mine| !mine.is_empty()) else {
                return Ok(());
            };
            let mut pieces = Vec::with_capacity(mine.len());
            for (number, (input, entry)) in mine.iter().enumerate() {
                let piece = self.piece(input, entry).inspect_err(|_| {
                    // The others need not go on.
                    next.store(entries.len(), Ordering::Relaxed);
                })?;
                pieces.push((start + number, piece));
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut pieces);
        }
    }

    fn piece(&self, input: &Input, entry: &Entry) -> Result<Piece, StepError> {
        let path = input.path(entry);
        let content = match entry.kind {
            Kind::File => self.file(&path, entry)?,
            Kind::Link => self.link(&path, entry)?,
            Kind::Directory | Kind::Pipe => [0; 32],
            Kind::Character | Kind::Block => Sha256::digest(entry.seen.node.to_le_bytes()).into(),
        };
        let facts = self.facts(&path, entry)?;
        Ok(Piece { path, content, facts })
    }

    fn file(&self, path: &[u8], entry: &Entry) -> Result<Sum, StepError> {
        if let Some(sum) = self.rules.memory.and_then(|memory| memory.get(&entry.seen)) {
            return Ok(sum);
        }
        if self.cancel.is_cancelled() {
            return Err(StepError::Cancelled);
        }
        let sum = content::sum(self.selection.tree.root(), path, entry, self.cancel)?;
        if let Some(memory) = self.rules.memory {
            memory.put(&entry.seen, sum, self.started_s);
        }
        Ok(sum)
    }

    fn link(&self, path: &[u8], entry: &Entry) -> Result<Sum, StepError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let link = sys::open_without_links(self.selection.tree.root(), path, flags, Mode::empty())
            .map_err(|errno| gone_or(path, errno))?;
        content::check(link.as_fd(), path, &entry.seen)?;
        let text = readlinkat(&link, "", Vec::new())
            .map_err(|errno| content::failed("read link", path, errno))?;
        Ok(Sha256::digest(text.as_bytes()).into())
    }

    /// Kind, mode, owner and attributes.
    fn facts(&self, path: &[u8], entry: &Entry) -> Result<Sum, StepError> {
        let mut hash = Sha256::new();
        hash.update([entry.kind.letter()]);
        if entry.kind != Kind::Link {
            hash.update(entry.seen.mode.to_le_bytes());
        }
        if self.rules.owners {
            hash.update(entry.seen.uid.to_le_bytes());
            hash.update(entry.seen.gid.to_le_bytes());
        }
        if self.selection.keeps() && matches!(entry.kind, Kind::File | Kind::Directory) {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
            let root = self.selection.tree.root();
            let file = sys::open_without_links(root, path, flags, Mode::empty())
                .map_err(|errno| gone_or(path, errno))?;
            let attributes = store::attributes(file.as_fd()).map_err(|errno| StepError::Path {
                action: "read attributes of",
                path: super::path_of(path),
                cause: errno.into(),
            })?;
            for text in attributes.iter().flat_map(|(name, value)| [name, value]) {
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
        }
        Ok(hash.finalize().into())
    }
}
