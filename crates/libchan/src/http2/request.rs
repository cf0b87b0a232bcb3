//! The heads of requests: written by clients, read by servers.

use std::fmt;

use h2::ext::Protocol;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode, Uri};

use super::Numbers;
use crate::generation::{PARENT, REFERENCE};

/// The header with a session's token.
const SESSION: &str = "libchan-session";
/// Of a session's control stream.
const CONTROL: &str = "libchan-control";
/// Of a request that waits for a stream of the server's.
const ACCEPT: &str = "libchan-accept";
/// A channel's place among those of the client's.
const PLACE: &str = "libchan-place";
/// The type of both bodies, and the protocol of extended CONNECT.
const TYPE: &str = "application/vnd.libchan";
const PROTOCOL: &str = "libchan";

/// What names a session. Who knows it can open streams of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token([u8; 16]);

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Control,
    Accept,
    Stream(Numbers),
}

impl Token {
    /// Another one each time.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_none| std::io::Error::other("no random bytes"))?;
        Ok(Self(bytes))
    }

    /// Small letters alone: a balancer that chooses a server by it sees one text for one token.
    fn read(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let text: &[u8; 32] = text.try_into().ok()?;
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    /// It is a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

/// A client's request.
pub(super) fn write(uri: &Uri, by_connect: bool, token: Token, purpose: Purpose) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = uri.clone();
    *request.version_mut() = http::Version::HTTP_2;
    if by_connect {
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static(PROTOCOL));
    } else {
        *request.method_mut() = Method::POST;
    }
    let headers = request.headers_mut();
    mark(headers);
    let mut put = |name: &'static str, value: String| {
        // Digits and letters are right.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put(SESSION, token.to_string());
    match purpose {
        Purpose::Control => put(CONTROL, "1".to_owned()),
        Purpose::Accept => put(ACCEPT, "1".to_owned()),
        Purpose::Stream(Numbers { own, parent, place }) => {
            put(REFERENCE, own.to_string());
            if let Some(parent) = parent {
                put(PARENT, parent.to_string());
            }
            if let Some(place) = place {
                put(PLACE, place.to_string());
            }
        }
    }
    request
}

/// Says what the bodies are.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TYPE));
}

/// What a server is asked for.
///
/// # Errors
/// It is none of ours: the status that says what is wrong.
pub(super) fn read<B>(request: &Request<B>, path: &str) -> Result<(Token, Purpose), StatusCode> {
    let protocol = request.extensions().get::<Protocol>();
    match (request.method(), protocol.map(Protocol::as_str)) {
        (&Method::POST, None) | (&Method::CONNECT, Some(PROTOCOL)) => {}
        _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
    }
    if request.uri().path() != path {
        return Err(StatusCode::NOT_FOUND);
    }
    purpose(request.headers()).ok_or(StatusCode::BAD_REQUEST)
}

fn purpose(headers: &HeaderMap) -> Option<(Token, Purpose)> {
    let token = Token::read(one(headers, SESSION)??)?;
    let (control, accept) = (one(headers, CONTROL)?, one(headers, ACCEPT)?);
    let (own, parent) = (one(headers, REFERENCE)?, one(headers, PARENT)?);
    let place = one(headers, PLACE)?;
    let purpose = match (control, accept, own) {
        (Some(b"1"), None, None) => Purpose::Control,
        (None, Some(b"1"), None) => Purpose::Accept,
        (None, None, Some(own)) => {
            let own = number(own)?;
            let optional =
                |text: Option<&[u8]>| text.map(|text| number(text).ok_or(())).transpose();
            let numbers =
                Numbers { own, parent: optional(parent).ok()?, place: optional(place).ok()? };
            return Some((token, Purpose::Stream(numbers)));
        }
        _ => return None,
    };
    (parent.is_none() && place.is_none()).then_some((token, purpose))
}

/// A header that may be there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<Option<&'a [u8]>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(HeaderValue::as_bytes);
    values.next().is_none().then_some(first)
}

/// Digits alone, and no zero before them.
fn number(text: &[u8]) -> Option<u64> {
    let is_plain = text.first().is_some_and(u8::is_ascii_digit) && text.first() != Some(&b'0');
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "http://host/a";

    #[test]
    fn what_is_written_is_read() {
        let token = Token::random().unwrap();
        assert_ne!(token, Token::random().unwrap());
        for purpose in [
            Purpose::Control,
            Purpose::Accept,
            Purpose::Stream(Numbers { own: 2, parent: None, place: Some(1) }),
            Purpose::Stream(Numbers { own: u64::MAX, parent: Some(1), place: None }),
        ] {
            for by_connect in [false, true] {
                let request = write(&PATH.parse().unwrap(), by_connect, token, purpose);
                assert_eq!(read(&request, "/a"), Ok((token, purpose)));
                assert_eq!(read(&request, "/b"), Err(StatusCode::NOT_FOUND));
            }
        }
    }

    #[test]
    fn what_is_no_request_of_ours_is_refused() {
        let token = "0123456789abcdef0123456789abcdef";
        for headers in [
            &[][..],
            &[(SESSION, token)],
            &[(CONTROL, "1")],
            &[(SESSION, &token[1..]), (CONTROL, "1")],
            &[(SESSION, "0123456789ABCDEF0123456789ABCDEF"), (CONTROL, "1")],
            &[(SESSION, token), (SESSION, token), (CONTROL, "1")],
            &[(SESSION, token), (CONTROL, "1"), (ACCEPT, "1")],
            &[(SESSION, token), (CONTROL, "1"), (PARENT, "2")],
            &[(SESSION, token), (CONTROL, "1"), (PLACE, "2")],
            &[(SESSION, token), (REFERENCE, "2"), (PLACE, "0")],
            &[(SESSION, token), (CONTROL, "2")],
            &[(SESSION, token), (REFERENCE, "0")],
            &[(SESSION, token), (REFERENCE, "+2")],
            &[(SESSION, token), (REFERENCE, "02")],
            &[(SESSION, token), (REFERENCE, "0x2")],
            &[(SESSION, token), (REFERENCE, "18446744073709551616")],
            &[(SESSION, token), (REFERENCE, "2"), (REFERENCE, "3")],
            &[(SESSION, token), (REFERENCE, "2"), (PARENT, "x")],
            &[(SESSION, token), (PARENT, "2")],
        ] {
            let mut request = Request::post(PATH);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let read = read(&request.body(()).unwrap(), "/a");
            assert_eq!(read, Err(StatusCode::BAD_REQUEST), "{headers:?}");
        }
        let get = Request::get(PATH).body(()).unwrap();
        assert_eq!(read(&get, "/a"), Err(StatusCode::METHOD_NOT_ALLOWED));
    }
}
