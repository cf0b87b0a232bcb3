//! What a digest is made of, small enough to be kept: so that a later build can say which file is another one. Start at
//! [`differences`].

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::content::Sum;

/// Parts that are kept; of more files directories are told.
const MOST: usize = 300;

/// A file of a selection, or a directory with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its path in the tree.
    pub(crate) path: String,
    /// Sum of what is in it.
    pub(crate) content: String,
    /// Sum of its kind, mode, owner and attributes.
    pub(crate) facts: String,
}

/// A file as it goes into the digest.
pub(super) struct Piece {
    pub(super) path: Vec<u8>,
    pub(super) content: Sum,
    pub(super) facts: Sum,
}

/// Puts pieces together until they are few.
pub(super) fn parts(pieces: &[Piece]) -> Vec<Part> {
    let depth = if pieces.len() <= MOST {
        usize::MAX
    } else {
        let deepest = pieces.iter().map(|piece| names(&piece.path)).max().unwrap_or(0);
        let few = |depth: &usize| groups(pieces, *depth).count() <= MOST;
        (1..=deepest).take_while(few).last().unwrap_or(0)
    };
    groups(pieces, depth)
        .map(|group| {
            let path = group.first().map_or(&b""[..], |piece| cut(&piece.path, depth));
            Part {
                path: String::from_utf8_lossy(path).into_owned(),
                content: joined(group, |piece| &piece.content),
                facts: joined(group, |piece| &piece.facts),
            }
        })
        .collect()
}

/// Neighbours with the same first names.
fn groups(pieces: &[Piece], depth: usize) -> impl Iterator<Item = &[Piece]> {
    pieces.chunk_by(move |one, other| cut(&one.path, depth) == cut(&other.path, depth))
}

fn names(path: &[u8]) -> usize {
    path.split(|byte| *byte == b'/').count()
}

/// The first names of a path.
fn cut(path: &[u8], depth: usize) -> &[u8] {
    let mut slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    match depth.checked_sub(1) {
        None => b"",
        Some(before) => slashes.nth(before).map_or(path, |(at, _)| &path[..at]),
    }
}

fn joined(group: &[Piece], of: impl Fn(&Piece) -> &Sum) -> String {
    /// Enough to tell things apart.
    const BYTES: usize = 12;
    let mut hash = Sha256::new();
    for piece in group {
        hash.update(names(&piece.path).to_le_bytes());
        hash.update(piece.path.len().to_le_bytes());
        hash.update(&piece.path);
        hash.update(of(piece));
    }
    let whole: Sum = hash.finalize().into();
    spec::digest::hex(&whole[..BYTES])
}

/// What is another thing now: one line for each, in words.
pub(crate) fn differences(before: &[Part], now: &[Part]) -> Vec<String> {
    let mut lines = Vec::new();
    for part in now {
        let name = if part.path.is_empty() { "." } else { &part.path };
        match before.iter().find(|other| other.path == part.path) {
            None => lines.push(format!("{name} is new")),
            Some(other) if other.content != part.content => {
                lines.push(format!("{name} has other contents"));
            }
            Some(other) if other.facts != part.facts => {
                lines.push(format!("{name} has another mode or owner"));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|part| !now.iter().any(|other| other.path == part.path));
    lines.extend(gone.map(|part| format!("{} is gone", part.path)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: u32) -> Vec<Piece> {
        let piece = |number: u32| Piece {
            path: format!("d{:02}/e{}/f{number:06}", number * 40 / count, number * 400 / count)
                .into_bytes(),
            content: [1; 32],
            facts: [2; 32],
        };
        (0..count).map(piece).collect()
    }

    #[test]
    fn many_files_become_directories() {
        assert_eq!(parts(&pieces(300)).len(), 300);
        let many = parts(&pieces(4000));
        assert_eq!(many.len(), 40);
        assert_eq!(many[3].path, "d03");
        assert_eq!(parts(&[]), []);
        let flat: Vec<Piece> = (0..1000_u32)
            .map(|number| Piece {
                path: format!("{number:04}").into(),
                content: [0; 32],
                facts: [0; 32],
            })
            .collect();
        assert_eq!(parts(&flat).len(), 1);
    }

    #[test]
    fn what_changed_is_named() {
        let before = pieces(5);
        let mut now = pieces(5);
        now[1].content = [9; 32];
        now[2].facts = [9; 32];
        now[3].path = b"other".to_vec();
        assert_eq!(
            differences(&parts(&before), &parts(&now)),
            [
                "d08/e80/f000001 has other contents",
                "d16/e160/f000002 has another mode or owner",
                "other is new",
                "d24/e240/f000003 is gone",
            ]
        );
        let mut many = pieces(4000);
        let whole = parts(&many);
        many[55].content = [9; 32];
        assert_eq!(differences(&whole, &parts(&many)), ["d00 has other contents"]);
    }
}
