//! One request and its answer: connections that are shared between threads, a limit on silence, redirects that take no secret along.
//!
//! Never asks twice and knows no token: that is `host`'s. Start at [`Http::exchange`]. Sources: RFC 9110 sections 10.2.2, 15.4 and
//! 17.3 (redirects), Docker's documentation of certs.d.

mod agents;
mod failure;
mod trust;

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::address::{Address, Scheme};

pub(crate) use agents::Http;
pub(crate) use failure::{Failure, error_of};
pub use failure::{NetworkError, Stage, Told};
pub(crate) use trust::Trust;

/// Redirects that one request may follow.
const MOST_REDIRECTS: usize = 10;
/// Bytes of an answer's header.
pub(crate) const MOST_HEADER_BYTES: usize = 64 << 10;
/// Bytes of a redirect's body that are read so that the connection can be used again.
const MOST_DRAINED_BYTES: u64 = 64 << 10;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) address: Address,
    /// Sent wherever a redirect leads.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent to the first address' origin only: logins, tokens, a mirror's own fields.
    pub(crate) secrets: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: &'a [u8],
    /// Whether the server has much to do before it answers.
    pub(crate) is_slow: bool,
}

/// What comes back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Who answered, after redirects.
    pub(crate) address: Address,
    pub(crate) body: ureq::Body,
    /// The limit of silence, for the words of a stall.
    pub(crate) idle: Duration,
}

impl Http {
    /// Sends a request and follows redirects: at most ten, none twice, none from https to http.
    pub(crate) fn exchange(&self, request: &Request<'_>, trust: &Trust) -> Result<Answer, Failure> {
        let mut address = request.address.clone();
        let mut visited = vec![address.clone()];
        loop {
            let own = address.origin == request.address.origin;
            let answer = if own {
                self.send(request, &address, &request.secrets, trust)
            } else {
                self.send(request, &address, &[], &trust.for_others())
            }?;
            let Some(location) = redirect(&answer, &request.method) else { return Ok(answer) };
            let next = address.join(&location).map_err(|bad| {
                Failure::Dishonest(format!("{} redirects to what {bad}", address.origin.host))
            })?;
            check_redirect(&address, &next, &visited)?;
            if !request.body.is_empty() && next.origin != address.origin {
                let (from, to) = (&address.origin.host, &next.origin.host);
                return Err(Failure::Dishonest(format!("{from} redirects what we send to {to}")));
            }
            drain(answer);
            visited.push(next.clone());
            address = next;
        }
    }
}

fn redirect(answer: &Answer, method: &Method) -> Option<String> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    // Only 307 and 308 promise that method and body stay what they are. RFC 9110 section 15.4.
    let follows = match answer.status {
        301..=303 => reads,
        307 | 308 => true,
        _ => false,
    };
    let location = || Some(answer.headers.get(header::LOCATION)?.to_str().ok()?.to_owned());
    follows.then(location).flatten()
}

fn check_redirect(from: &Address, to: &Address, visited: &[Address]) -> Result<(), Failure> {
    let host = &from.origin.host;
    let why = if from.origin.scheme == Scheme::Https && to.origin.scheme == Scheme::Http {
        format!("{host} redirects from https to http ({to})")
    } else if visited.contains(to) {
        format!("{host} redirects in a circle ({to})")
    } else if visited.len() > MOST_REDIRECTS {
        format!("{host} redirects more than {MOST_REDIRECTS} times")
    } else {
        return Ok(());
    };
    Err(Failure::Dishonest(why))
}

/// Reads a short body to its end, so that the connection can serve the next request.
fn drain(answer: Answer) {
    let mut reader = answer.body.into_with_config().limit(MOST_DRAINED_BYTES).reader();
    // A body that is longer or breaks costs the connection, nothing else.
    let _ = std::io::copy(&mut reader, &mut std::io::sink());
}

impl Answer {
    /// A field of the header as text.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// Length of the body where the header says it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.field("content-length").and_then(|value| value.parse().ok())
    }

    /// The whole body, which may have `most` bytes.
    pub(crate) fn read(self, most: u64) -> Result<Vec<u8>, Failure> {
        let host = self.address.origin.authority();
        let idle = self.idle;
        let too_long = || {
            Failure::Dishonest(format!("{host} answers with more than the {most} bytes allowed"))
        };
        if self.length().is_some_and(|length| length > most) {
            return Err(too_long());
        }
        let mut bytes = Vec::new();
        let reader = self.body.into_with_config().limit(u64::MAX).reader();
        let read = reader.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| NetworkError::of_read(error, &host, idle))?;
        if bytes.len() as u64 > most {
            return Err(too_long());
        }
        Ok(bytes)
    }

    /// What a body says as far as it can be had, for words in an error.
    pub(crate) fn read_some(self, most: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut reader = self.body.into_with_config().limit(u64::MAX).reader().take(most);
        // Words are a help; a connection that breaks on them changes nothing.
        let _ = reader.read_to_end(&mut bytes);
        bytes
    }
}
