//! Blobs on their way here: whole, or from one byte to another; and whether the registry has one.
//!
//! Never asks a descriptor's `urls` (CVE-2020-15157) and believes no length but the descriptor's. Start at
//! [`Repository::open_blob`]. Sources: distribution-spec, "Pulling blobs"; RFC 9110 section 14.

use std::io::Read;

use spec::Digest;
use spec::image::Descriptor;
use ureq::http::{HeaderValue, Method, header};

use super::{Body, Repository};
use crate::host::{Ask, Host, Target, failure_of};
use crate::http::{Answer, Failure, NetworkError};
use crate::{RegistryError, checksum};

/// Which bytes are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    from: u64,
    to: u64,
    size: u64,
}

impl Repository {
    /// Fetches a short blob, at most `most` bytes, and checks length and digest.
    ///
    /// # Errors
    /// As [`Repository::manifest`].
    pub fn small_blob(&self, blob: &Descriptor, most: u64) -> Result<Vec<u8>, RegistryError> {
        let words = format!("get blob {}@{}", self.name(), blob.digest);
        if blob.size > most {
            let why = format!("it has {} bytes, and {most} are allowed", blob.size);
            return Err(RegistryError::Dishonest { what: words, why });
        }
        let wanted = Wanted { from: 0, to: blob.size, size: blob.size };
        self.read(true, |host, tries| {
            let ask = Self::pull(host, blob_ask(&words, Method::GET, host, &blob.digest), tries);
            host.ask(&ask, |answer| {
                let (name, idle) = (answer.address.origin.authority(), answer.idle);
                let mut bytes = Vec::new();
                let mut body = opened(answer, host, wanted)?;
                body.read_to_end(&mut bytes).map_err(|error| broken(error, &name, idle))?;
                let digest = checksum::of(blob.digest.algorithm(), &bytes);
                if digest != blob.digest {
                    let why = format!("the bytes that came have digest {digest}");
                    return Err(Failure::Dishonest(why));
                }
                Ok(bytes)
            })
        })
    }

    /// Opens a blob at byte `from`, up to but not with `to` where that is said. Where the server knows no ranges the body begins
    /// at 0, and has the whole blob, whatever was asked: see [`Body::start`].
    ///
    /// # Errors
    /// As [`Repository::manifest`].
    pub fn open_blob(
        &self,
        blob: &Descriptor,
        from: u64,
        to: Option<u64>,
    ) -> Result<Body, RegistryError> {
        let words = format!("get blob {}@{}", self.name(), blob.digest);
        let size = blob.size;
        let wanted = Wanted { from, to: to.unwrap_or(size), size };
        if from > wanted.to || wanted.to > size || (from == wanted.to && size != 0) {
            let why = format!("{words}: it has no bytes {from} to {} of {size}", wanted.to);
            return Err(RegistryError::Invalid(why));
        }
        self.read(true, |host, tries| {
            let mut ask = blob_ask(&words, Method::GET, host, &blob.digest);
            if from > 0 || wanted.to < size {
                let range = format!("bytes={from}-{}", wanted.to - 1);
                ask = ask.header(header::RANGE, field(&range)?);
            }
            host.ask(&Self::pull(host, ask, tries), |answer| opened(answer, host, wanted))
        })
    }

    /// Whether the registry itself has a blob (HEAD), and its length.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn has_blob(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        let words = format!("look for blob {}@{digest}", self.name());
        let host = self.origin()?;
        let ask = blob_ask(&words, Method::HEAD, host, digest);
        // With the right to write: whoever asks this is about to.
        host.ask(&Self::push(host, ask), |answer| match answer.status {
            200 => Ok(answer.length()),
            404 => Ok(None),
            _ => Err(failure_of(answer, host.name())),
        })
    }
}

fn blob_ask<'a>(words: &'a str, method: Method, host: &Host, digest: &Digest) -> Ask<'a> {
    let path = format!("/{}/blobs/{digest}", host.endpoint.path);
    Ask::new(words, method, Target::Api(path))
}

fn field(value: &str) -> Result<HeaderValue, RegistryError> {
    HeaderValue::from_str(value).map_err(|bad| RegistryError::Invalid(bad.to_string()))
}

/// A broken body within a call that tries again by itself.
fn broken(error: std::io::Error, host: &str, idle: std::time::Duration) -> Failure {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return Failure::Dishonest(error.to_string());
    }
    match error.downcast::<NetworkError>() {
        Ok(inner) => Failure::Network(inner),
        Err(error) => Failure::Network(NetworkError::of_read(error, host, idle)),
    }
}

/// Looks at the answer's header: it has to promise exactly the bytes that were wanted, or all.
fn opened(answer: Answer, host: &Host, wanted: Wanted) -> Result<Body, Failure> {
    let (start, end, has_ranges) = match answer.status {
        200 => (0, wanted.size, answer.field("accept-ranges") == Some("bytes")),
        206 => {
            let (start, end) = range_of(&answer, wanted)?;
            (start, end, true)
        }
        416 => {
            let why = format!("{} has no byte {} of {}", host.name(), wanted.from, wanted.size);
            return Err(Failure::Dishonest(why));
        }
        _ => return Err(failure_of(answer, host.name())),
    };
    if let Some(length) = answer.length()
        && length != end - start
    {
        let why = format!("{} sends {length} bytes instead of {}", host.name(), end - start);
        return Err(Failure::Dishonest(why));
    }
    Ok(Body::new(answer, host.name(), start, end, has_ranges))
}

/// A server may send less than was asked for (RFC 9110 section 15.3.7), and then the body ends early; never something else.
fn range_of(answer: &Answer, wanted: Wanted) -> Result<(u64, u64), Failure> {
    let text = answer.field("content-range").unwrap_or_default();
    let Wanted { from, to, size } = wanted;
    match parse_content_range(text) {
        Some((first, last, total))
            if first == from && total == size && last >= first && last < to =>
        {
            Ok((first, last + 1))
        }
        _ => {
            let text = crate::words::clean(text);
            let why = format!(
                "bytes {from}-{} of {size} were asked for, {text:?} came",
                to.saturating_sub(1)
            );
            Err(Failure::Dishonest(why))
        }
    }
}

/// `bytes FIRST-LAST/TOTAL`
fn parse_content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    Some((number(first)?, number(last)?, number(total)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 0-9/10"), Some((0, 9, 10)));
        for bad in ["", "bytes */10", "bytes 0-9/*", "bytes +0-9/10", "0-9/10", "bytes 9/10"] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
