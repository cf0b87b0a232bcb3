//! What a later entry of an archive replaces: moved beside the recipe, since the archive has its contents too.
//!
//! Start at [`Aside::keep`] while unpacking, and at [`Moved::find`] for where the contents are that once stood under a path.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::{ArchiveError, push_bytes, push_number, read_bytes, read_number};

/// Moves that are remembered, and bytes of all their paths. No honest writer comes near.
const MOST_MOVES: usize = 65_536;
const MOST_PATH_BYTES: usize = 16 << 20;
/// A path of the directory: a link of the archive may have led to one that is longer than the archive's own.
pub(super) const MOST_PATH: usize = 1 << 16;

/// Where replaced things go, and what went there.
#[derive(Debug)]
pub(crate) struct Aside {
    directory: OwnedFd,
    moves: Vec<Move>,
    path_bytes: usize,
    /// Contents that were written down so far.
    contents: u64,
    /// Why the archive cannot be made again.
    impossible: &'static str,
}

#[derive(Debug)]
struct Move {
    path: Vec<u8>,
    /// Contents that were written down before it.
    contents: u64,
}

impl Aside {
    /// Things go into `directory`, under numbers.
    pub(crate) const fn new(directory: OwnedFd) -> Self {
        Self { directory, moves: Vec::new(), path_bytes: 0, contents: 0, impossible: "" }
    }

    /// One more file's contents were written down.
    pub(crate) const fn count_contents(&mut self) {
        self.contents += 1;
    }

    /// Moves `name` of `parent`, a file or a directory whose path is `path`, aside. False when that is not done any more, and
    /// it may be removed.
    pub(crate) fn keep(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        path: Vec<u8>,
    ) -> Result<bool, Errno> {
        self.path_bytes = self.path_bytes.saturating_add(path.len());
        if self.moves.len() >= MOST_MOVES || self.path_bytes > MOST_PATH_BYTES {
            self.impossible = "it replaces more of its own files than is kept";
        }
        if !self.impossible.is_empty() {
            return Ok(false);
        }
        let to = self.moves.len().to_string();
        rustix::fs::renameat(parent, name, self.directory.as_fd(), &to)?;
        self.moves.push(Move { path, contents: self.contents });
        Ok(true)
    }

    /// What [`Moved::read`] reads.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_bytes(&mut bytes, self.impossible.as_bytes());
        push_number(&mut bytes, self.moves.len() as u64);
        for moved in &self.moves {
            push_bytes(&mut bytes, &moved.path);
            push_number(&mut bytes, moved.contents);
        }
        bytes
    }
}

/// What was moved aside, by its path.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// For each path the moves in order: number, and contents that were written down before.
    by_path: HashMap<Vec<u8>, Vec<(usize, u64)>>,
}

impl Moved {
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut text = Vec::new();
        read_bytes(from, &mut text, MOST_PATH)?;
        if !text.is_empty() {
            return Err(ArchiveError::Impossible(super::printable(&text)).into());
        }
        let count = read_number(from)?;
        if count > MOST_MOVES as u64 {
            return Err(ArchiveError::Damaged("it has too many moves").into());
        }
        let (mut by_path, mut left): (HashMap<Vec<u8>, Vec<_>>, _) =
            (HashMap::new(), MOST_PATH_BYTES);
        for number in 0.. {
            if number as u64 == count {
                break;
            }
            let mut path = Vec::new();
            read_bytes(from, &mut path, left)?;
            left -= path.len();
            let contents = read_number(from)?;
            by_path.entry(path).or_default().push((number, contents));
        }
        Ok(Self { by_path })
    }

    /// Where in the recipe's directory the contents number `contents` are, which once stood under `path`; nothing when that
    /// still has them.
    pub(super) fn find(&self, path: &[u8], contents: u64) -> Option<Vec<u8>> {
        if self.by_path.is_empty() {
            return None;
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends = slashes.map(|(end, _)| end).chain([path.len()]);
        // It was moved once, with itself or with a directory above it: by the first move after it was written.
        let first_after = |end: usize| {
            let moves = self.by_path.get(&path[..end])?;
            let index = moves.partition_point(|(_, before)| *before <= contents);
            moves.get(index).map(|(number, _)| (*number, end))
        };
        let (number, end) = ends.filter_map(first_after).min()?;
        Some([number.to_string().as_bytes(), &path[end..]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_found_by_the_first_move_after_them() {
        let moves = [(&b"a/b"[..], 2), (b"a", 4), (b"a/b", 6), (b"c", 6)];
        let mut bytes = vec![0];
        push_number(&mut bytes, moves.len() as u64);
        for (path, contents) in moves {
            push_bytes(&mut bytes, path);
            push_number(&mut bytes, contents);
        }
        let moved = Moved::read(&mut &bytes[..]).unwrap();
        let find = |path: &str, contents| {
            moved.find(path.as_bytes(), contents).map(|found| String::from_utf8(found).unwrap())
        };
        assert_eq!(find("a/b", 1).as_deref(), Some("0"));
        assert_eq!(find("a/b", 2).as_deref(), Some("1/b"));
        assert_eq!(find("a/x/y", 0).as_deref(), Some("1/x/y"));
        assert_eq!(find("a/b", 5).as_deref(), Some("2"));
        assert_eq!(find("a/b", 6), None);
        assert_eq!(find("c", 5).as_deref(), Some("3"));
        assert_eq!(find("cc", 0), None);
    }
}
