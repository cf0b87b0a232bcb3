//! What can be wrong with an archive; every message says at which byte.

use std::io;

/// Why an archive cannot be read on. After it the reader refuses to continue.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The reader below failed.
    #[error("read archive at byte {at}")]
    Read {
        /// Offset in the archive.
        at: u64,
        /// Its error; a [`crate::compression::DecodeError`] may be inside.
        #[source]
        source: io::Error,
    },
    /// The archive ends where more must follow.
    #[error("truncated archive: it ends at byte {at} inside {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Length of the archive.
        at: u64,
    },
    /// The header's checksum is wrong: damage, or no tar archive at all.
    #[error("header at byte {at}: wrong checksum, the archive is damaged or no tar archive")]
    Checksum {
        /// Offset of the header.
        at: u64,
    },
    /// A field of a header.
    #[error("header at byte {at}: {field} {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What about it.
        problem: &'static str,
        /// Offset of the header.
        at: u64,
    },
    /// A record of a PAX header, or the order of extension headers.
    #[error("extension header at byte {at}: {problem}")]
    Extension {
        /// What about it.
        problem: &'static str,
        /// Offset of the header.
        at: u64,
    },
    /// An entry of a type that images cannot hold.
    #[error("header at byte {at}: entry type {flag:?} is not supported")]
    Kind {
        /// The header's type flag.
        flag: char,
        /// Offset of the header.
        at: u64,
    },
    /// Larger than allowed.
    #[error("header at byte {at}: {limit} over the limit of {most}")]
    Limit {
        /// Which of [`super::Limits`].
        limit: &'static str,
        /// Its value.
        most: u64,
        /// Offset of the header.
        at: u64,
    },
    /// A block of zeros, then something else: readers disagree on what follows.
    #[error("data at byte {at}, after the end of the archive")]
    AfterEnd {
        /// Offset of the first block that is not zero.
        at: u64,
    },
    /// What the archive is made of could not be written down.
    #[error("write down the archive's headers")]
    Tap {
        /// The tap's error.
        #[source]
        source: io::Error,
    },
    /// An error was returned before and the archive was read on.
    #[error("archive cannot be read on after an error")]
    Failed,
}

impl From<TarError> for io::Error {
    fn from(error: TarError) -> Self {
        let kind = if let TarError::Read { source, .. } | TarError::Tap { source } = &error {
            source.kind()
        } else if matches!(error, TarError::Truncated { .. }) {
            io::ErrorKind::UnexpectedEof
        } else {
            io::ErrorKind::InvalidData
        };
        Self::new(kind, error)
    }
}
