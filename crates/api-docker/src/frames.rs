//! How both outputs of a container go over one connection: each piece behind a header of eight bytes, its stream and its length. With a
//! terminal there is one output, and no header.

/// Bytes of a header.
pub const HEADER: usize = 8;

/// Which of a container's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What it writes to its standard output.
    Stdout,
    /// What it writes to its standard error.
    Stderr,
    /// What the engine has to say in the middle of it.
    Engine,
}

impl Stream {
    const fn number(self) -> u8 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
            Self::Engine => 3,
        }
    }
}

/// The header of a piece; nothing where it is longer than a header can say.
#[must_use]
pub fn header(stream: Stream, length: usize) -> Option<[u8; HEADER]> {
    let [a, b, c, d] = u32::try_from(length).ok()?.to_be_bytes();
    Some([stream.number(), 0, 0, 0, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_stream_and_length() {
        assert_eq!(header(Stream::Stderr, 0x0102), Some([2, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(header(Stream::Stdout, usize::MAX), None);
    }
}
