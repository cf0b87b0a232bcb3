//! Both outputs of a container over one connection, taken apart: each piece comes behind a header of eight bytes, its stream and its
//! length. Pieces are given on as they come, not when they are whole.

/// Bytes of a header.
const HEADER: usize = 8;

/// What came, taken apart as far as it came.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    header: Vec<u8>,
    is_error: bool,
    left: usize,
}

/// A piece of one of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Whether it is of the error output, or the engine's own words.
    pub is_error: bool,
    /// What was written.
    pub bytes: &'a [u8],
}

impl Frames {
    /// The next piece of `bytes`, which are cut by it; nothing where a header is not whole yet.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        while self.left == 0 {
            let taken = (HEADER - self.header.len()).min(bytes.len());
            let (header, rest) = bytes.split_at(taken);
            self.header.extend_from_slice(header);
            *bytes = rest;
            let [stream, _, _, _, length @ ..] = self.header.first_chunk::<HEADER>()?;
            self.is_error = *stream >= 2;
            self.left = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            self.header.clear();
        }
        if bytes.is_empty() {
            return None;
        }
        let (piece, rest) = bytes.split_at(self.left.min(bytes.len()));
        self.left -= piece.len();
        *bytes = rest;
        Some(Piece { is_error: self.is_error, bytes: piece })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_as_they_come_however_they_are_cut() {
        let wire = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x00\x02\0\0\0\0\0\0\x02er\x01\0\0\0\0\0\0\x01!";
        for size in 1..=wire.len() {
            let (mut frames, mut out, mut err) = (Frames::default(), Vec::new(), Vec::new());
            for mut bytes in wire.chunks(size) {
                while let Some(piece) = frames.next(&mut bytes) {
                    if piece.is_error { &mut err } else { &mut out }.extend_from_slice(piece.bytes);
                }
                assert!(bytes.is_empty());
            }
            assert_eq!((&out[..], &err[..]), (&b"out!"[..], &b"er"[..]), "{size}");
        }
    }
}
