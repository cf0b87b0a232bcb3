//! Bytes of a blob as they come, counted: not one more than were promised, and an error where there is one less.
//!
//! Never checks the digest: whoever reads all of it does. Start at [`Body::new`].

use std::io::Read;
use std::time::Duration;

use crate::http::{Answer, NetworkError};

/// Bytes of a blob as they come. A read fails when the connection breaks, ends early, or stalls.
pub struct Body {
    reader: ureq::BodyReader<'static>,
    start: u64,
    left: u64,
    has_ranges: bool,
    /// The registry's or the mirror's name.
    source: String,
    /// Who sends, after redirects.
    host: String,
    idle: Duration,
}

impl Body {
    /// The body of an answer that is bytes `start` to `end` of a blob.
    pub(super) fn new(
        answer: Answer,
        source: &str,
        start: u64,
        end: u64,
        has_ranges: bool,
    ) -> Self {
        Self {
            host: answer.address.origin.authority(),
            idle: answer.idle,
            // The length is counted here.
            reader: answer.body.into_with_config().limit(u64::MAX).reader(),
            start,
            left: end - start,
            has_ranges,
            source: source.to_owned(),
        }
    }

    /// Which byte of the blob it begins with.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Whether the server can be asked for parts.
    #[must_use]
    pub fn has_ranges(&self) -> bool {
        self.has_ranges
    }

    /// Whom it comes from, the registry or a mirror by name: see [`super::Repository::distrust`].
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// At the end: there is nothing more, and the connection is free for the next request.
    fn finish(&mut self) -> std::io::Result<()> {
        let more = self.reader.read(&mut [0]);
        match more.map_err(|error| NetworkError::of_read(error, &self.host, self.idle).into_io())? {
            0 => Ok(()),
            _ => Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("{} sends more than it promised", self.host),
            )),
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.reader.read(&mut buffer[..most]);
        let count =
            read.map_err(|error| NetworkError::of_read(error, &self.host, self.idle).into_io())?;
        if count == 0 {
            return Err(NetworkError::Cut { host: self.host.clone() }.into_io());
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.finish()?;
        }
        Ok(count)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { start, left, source, .. } = self;
        f.debug_struct("Body")
            .field("start", start)
            .field("left", left)
            .field("source", source)
            .finish_non_exhaustive()
    }
}
