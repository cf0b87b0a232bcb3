//! Blobs on their way to the registry: in chunks, and from the byte that the registry has when a connection breaks.
//!
//! ```text
//! begin ── POST ─▶ location ── send ─▶ PATCH ─▶ next location … finish ─▶ PUT ?digest=
//!                                 ▲  broken, 416, 5xx │
//!                                 └── GET location ◀──┘   how many bytes are there?
//! ```
//! Never hashes what it sends: the registry checks the digest at the end. distribution (Docker's registry, up to 3.0 at least) gives an
//! upload up that is asked about after it took a part of a chunk: its locations hold the offset, and any other one counts as damage.
//! There an upload goes on between chunks only, and is begun anew otherwise. Start at [`Repository::begin_upload`]. Source:
//! distribution-spec, "Pushing blobs"; distribution, handlers/blobupload.go.

use spec::Digest;
use ureq::http::{HeaderValue, Method, header};

use super::Repository;
use crate::address::{Address, Scheme, percent_encode};
use crate::endpoint::Reach;
use crate::host::{Ask, Host, Target, failure_of};
use crate::http::{Answer, Failure};
use crate::{Kind, RegistryError};

/// What came of the wish to take a blob over from another repository.
#[derive(Debug)]
pub enum Mount {
    /// It is there.
    Done,
    /// It has to be sent.
    Upload(Upload),
}

/// A blob on its way to the registry.
#[derive(Debug)]
pub struct Upload {
    repository: Repository,
    host: Host,
    /// The address for the next request, and the same as text.
    address: Address,
    location: String,
    offset: u64,
    least_chunk: u64,
}

/// Where an upload stands, by the registry's answer.
struct Standing {
    address: Address,
    /// Bytes that are there; `None` where the answer does not say.
    offset: Option<u64>,
    least_chunk: Option<u64>,
}

impl Repository {
    /// Asks for a blob that repository `from` (its path) of the same registry has.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn mount_blob(&self, digest: &Digest, from: &str) -> Result<Mount, RegistryError> {
        let words = format!("mount blob {}@{digest} from {from}", self.name());
        let host = self.origin()?;
        let query =
            format!("?mount={}&from={}", percent_encode(&digest.to_string()), percent_encode(from));
        let mut ask = Self::push(host, Ask::new(&words, Method::POST, uploads(host, &query)));
        ask.scopes.push(format!("repository:{from}:pull"));
        let standing = host.ask(&ask, |answer| match answer.status {
            201 => Ok(None),
            202 => standing(&answer, host).map(Some),
            _ => Err(failure_of(answer, host.name())),
        });
        match standing {
            Ok(None) => Ok(Mount::Done),
            Ok(Some(standing)) => Ok(Mount::Upload(self.upload(host, standing, 0))),
            // A token that would reach into the other repository is refused to who may not read it: then it is sent.
            Err(error) if matches!(error.kind(), Kind::Denied | Kind::Unauthorized) => {
                self.begin_upload().map(Mount::Upload)
            }
            Err(error) => Err(error),
        }
    }

    /// Begins to send a blob.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn begin_upload(&self) -> Result<Upload, RegistryError> {
        let words = format!("begin an upload to {}", self.name());
        let host = self.origin()?;
        let ask = Self::push(host, Ask::new(&words, Method::POST, uploads(host, "")));
        let standing = host.ask(&ask, |answer| match answer.status {
            202 => standing(&answer, host),
            _ => Err(failure_of(answer, host.name())),
        })?;
        Ok(self.upload(host, standing, 0))
    }

    /// Goes on with an upload of an earlier command by its [`Upload::location`]; nothing when the registry has forgotten it.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn resume_upload(&self, location: &str) -> Result<Option<Upload>, RegistryError> {
        let host = self.origin()?;
        let address = Address::parse(location).map_err(|bad| {
            RegistryError::Invalid(format!("go on with an upload: its address {bad}"))
        })?;
        match ask_standing(self, host, &address) {
            // `0-0` is one byte or none, and nobody can tell which: a new upload costs nothing.
            Ok(Standing { offset: None | Some(0 | 1), .. }) => Ok(None),
            Ok(standing) => {
                let offset = standing.offset.unwrap_or(0);
                Ok(Some(self.upload(host, standing, offset)))
            }
            Err(error) if forgets(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn upload(&self, host: &Host, standing: Standing, offset: u64) -> Upload {
        let Standing { address, least_chunk, .. } = standing;
        Upload {
            repository: self.clone(),
            host: host.clone(),
            location: address.full(),
            address,
            offset,
            least_chunk: least_chunk.unwrap_or(0),
        }
    }
}

/// Whatever status says it: the upload is no more.
fn lost(what: &str, error: RegistryError) -> RegistryError {
    let RegistryError::Status { registry, words, .. } = error else { return error };
    RegistryError::Status { what: what.to_owned(), registry, status: 404, words }
}

/// Whether the registry knows an upload no more: 404, or that its state makes no sense.
fn forgets(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Status { status: 400 | 404 | 416, .. })
}

/// The registry knows the upload no more.
pub(crate) const fn is_forgotten(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Status { status: 404, .. })
}

/// What it has does not fit what we say: a digest, an offset, a state.
pub(crate) const fn is_refused(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Status { status: 400 | 416, .. } | RegistryError::Dishonest { .. }
    )
}

fn uploads(host: &Host, query: &str) -> Target {
    Target::Api(format!("/{}/blobs/uploads/{query}", host.endpoint.path))
}

impl Upload {
    /// Where it can be gone on with: an address for [`Repository::resume_upload`], for a journal.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Bytes that the registry has.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The least that a chunk may have, the last one excepted (`OCI-Chunk-Min-Length`).
    #[must_use]
    pub fn least_chunk(&self) -> u64 {
        self.least_chunk
    }

    /// Sends the bytes that follow; asks the registry how many it has when the connection breaks on the way, and sends the rest.
    ///
    /// # Errors
    /// `Kind::NotFound` when the registry has given up what came before these bytes: then the blob has to be begun anew.
    pub fn send(&mut self, chunk: &[u8]) -> Result<(), RegistryError> {
        let start = self.offset;
        let end = start + chunk.len() as u64;
        let words = format!("send bytes {start}-{end} of a blob to {}", self.repository.name());
        let limits = self.host.shared.settings.limits;
        let mut tried = 0;
        while self.offset < end {
            let before = self.offset;
            let done = usize::try_from(before - start).unwrap_or(usize::MAX);
            let failure = match self.patch(&words, chunk.get(done..).unwrap_or_default()) {
                Ok(standing) => {
                    self.move_on(standing, end, &words)?;
                    if self.offset > before {
                        tried = 0;
                        continue;
                    }
                    Failure::Dishonest(format!("{} took no byte", self.host.name()))
                }
                Err(failure) => failure,
            };
            tried += 1;
            let is_stale = matches!(failure, Failure::Status { status: 400 | 416, .. });
            let helps = failure.may_pass() || is_stale;
            if !helps || tried >= limits.tries || !self.host.pause(&failure, tried) {
                return Err(failure.into_error(&words));
            }
            match self.ask_where(before, end, &words) {
                // Nothing is lost that is not at hand.
                Err(error) if forgets(&error) && start == 0 => {
                    let anew = self.repository.begin_upload()?;
                    self.offset = 0;
                    self.set_address(anew.address);
                    continue;
                }
                Err(error) if forgets(&error) => return Err(lost(&words, error)),
                other => other?,
            }
            if self.offset > before {
                tried = 0;
            } else if is_stale && self.offset == before && tried > 1 {
                return Err(failure.into_error(&words));
            }
        }
        Ok(())
    }

    fn patch(&self, words: &str, bytes: &[u8]) -> Result<Standing, Failure> {
        let (first, last) = (self.offset, self.offset + bytes.len() as u64 - 1);
        let range = HeaderValue::from_str(&format!("{first}-{last}"));
        let range = range.map_err(|bad| Failure::Invalid(bad.to_string()))?;
        let octets = HeaderValue::from_static("application/octet-stream");
        let ask = Ask::new(words, Method::PATCH, Target::At(self.address.clone()));
        let ask = Ask { body: bytes, is_slow: true, ..ask }
            .header(header::CONTENT_RANGE, range)
            .header(header::CONTENT_TYPE, octets);
        let answer = self.host.try_once(&Repository::push(&self.host, ask))?;
        match answer.status {
            201 | 202 | 204 => standing(&answer, &self.host),
            _ => Err(failure_of(answer, self.host.name())),
        }
    }

    /// Takes over where the registry stands after a chunk that was sent up to `end`.
    fn move_on(&mut self, standing: Standing, end: u64, words: &str) -> Result<(), RegistryError> {
        let offset = standing.offset.unwrap_or(end);
        self.check(offset, self.offset, end, words)?;
        self.offset = offset;
        self.set_address(standing.address);
        Ok(())
    }

    fn set_address(&mut self, address: Address) {
        self.location = address.full();
        self.address = address;
    }

    /// Asks how many bytes are there, which are `before` at least and `end` at most.
    fn ask_where(&mut self, before: u64, end: u64, words: &str) -> Result<(), RegistryError> {
        let standing = ask_standing(&self.repository, &self.host, &self.address)?;
        // `0-0` is what an empty upload answers, too.
        let offset = match standing.offset {
            Some(1) if before == 0 => 0,
            Some(offset) => offset,
            None => before,
        };
        self.check(offset, before, end, words)?;
        self.offset = offset;
        self.set_address(standing.address);
        Ok(())
    }

    fn check(&self, offset: u64, least: u64, most: u64, words: &str) -> Result<(), RegistryError> {
        if (least..=most).contains(&offset) {
            return Ok(());
        }
        let name = self.host.name();
        let why = format!("{name} says that it has {offset} bytes; {least} to {most} were sent");
        Err(RegistryError::Dishonest { what: words.to_owned(), why })
    }

    /// Ends it: the registry checks the digest.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn finish(self, digest: &Digest) -> Result<(), RegistryError> {
        let words = format!("finish blob {}@{digest}", self.repository.name());
        let limits = self.host.shared.settings.limits;
        let address = self.address.with_parameter("digest", &digest.to_string());
        let ask = Ask::new(&words, Method::PUT, Target::At(address));
        let ask = Repository::push(&self.host, Ask { is_slow: true, ..ask });
        let mut tried = 0;
        loop {
            tried += 1;
            let failure = match self.host.try_once(&ask) {
                Ok(answer) if matches!(answer.status, 200 | 201 | 204) => return Ok(()),
                Ok(answer) => failure_of(answer, self.host.name()),
                Err(failure) => failure,
            };
            // It may have got there, and only the answer was lost: then the upload is no more, and the blob is there.
            let is_gone = tried > 1 && matches!(failure, Failure::Status { status: 404, .. });
            if (failure.may_pass() || is_gone) && self.repository.has_blob(digest)?.is_some() {
                return Ok(());
            }
            if !failure.may_pass() || tried >= limits.tries || !self.host.pause(&failure, tried) {
                return Err(failure.into_error(&words));
            }
        }
    }
}

fn ask_standing(
    repository: &Repository,
    host: &Host,
    address: &Address,
) -> Result<Standing, RegistryError> {
    let words = format!("ask how far an upload to {} is", repository.name());
    let ask = Ask::new(&words, Method::GET, Target::At(address.clone()));
    host.ask(&Repository::push(host, ask), |answer| match answer.status {
        200 | 202 | 204 => {
            let mut standing = standing(&answer, host)?;
            standing.offset = standing.offset.or(Some(0));
            Ok(standing)
        }
        _ => Err(failure_of(answer, host.name())),
    })
}

fn standing(answer: &Answer, host: &Host) -> Result<Standing, Failure> {
    let name = host.name();
    let address = match answer.field("location") {
        Some(location) => answer.address.join(location).map_err(|bad| {
            Failure::Dishonest(format!("the upload's address that {name} gives {bad}"))
        })?,
        None => return Err(Failure::Dishonest(format!("{name} does not say where to upload to"))),
    };
    if host.endpoint.reach == Reach::Https && address.origin.scheme == Scheme::Http {
        let why = format!("{name} wants the upload without TLS ({address})");
        return Err(Failure::Dishonest(why));
    }
    let offset = match answer.field("range") {
        Some(range) => Some(parse_range(range).ok_or_else(|| {
            let range = crate::words::clean(range);
            Failure::Dishonest(format!("{name} says that it has the bytes {range:?}"))
        })?),
        None => None,
    };
    let least_chunk = answer.field("oci-chunk-min-length").and_then(|text| text.parse().ok());
    Ok(Standing { address, offset, least_chunk })
}

/// How many bytes `0-LAST` are. Some servers write `bytes=` before it.
fn parse_range(text: &str) -> Option<u64> {
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let last: i64 = text.strip_prefix("0-")?.parse().ok()?;
    // distribution answers `0--1` in some releases when nothing is there.
    u64::try_from(last.checked_add(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_uploads() {
        assert_eq!(parse_range("0-99"), Some(100));
        assert_eq!(parse_range("bytes=0-99"), Some(100));
        assert_eq!(parse_range("0--1"), Some(0));
        for bad in ["", "1-2", "0-", "0-x", "99"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
