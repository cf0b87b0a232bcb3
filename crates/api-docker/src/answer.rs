//! What a request is answered with.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::failure::Failure;
use crate::hijack::Hijack;
use crate::version::{ApiVersion, NEWEST};

/// Bytes of an answer as they come.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// What documents are.
pub(crate) const JSON: &str = "application/json";
/// What archives are.
pub(crate) const TAR: &str = "application/x-tar";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
pub(crate) enum Answer {
    /// By HTTP.
    Whole(Whole),
    /// The connection is taken over.
    Hijack(Hijack),
}

/// An answer by HTTP.
pub(crate) struct Whole {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => write!(f, "Answer({})", whole.status),
            Self::Hijack(_) => f.write_str("Answer(hijack)"),
        }
    }
}

impl Answer {
    /// A code and nothing else.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::Whole(Whole::empty(status))
    }

    /// It is done, and there is nothing to say.
    pub(crate) fn done() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// Text.
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::of(StatusCode::OK, TEXT, full(text.into()))
    }

    /// A document.
    pub(crate) fn json(document: &impl Serialize) -> Result<Self, Failure> {
        Self::json_with(StatusCode::OK, document)
    }

    /// A document behind another code than 200.
    pub(crate) fn json_with(
        status: StatusCode,
        document: &impl Serialize,
    ) -> Result<Self, Failure> {
        Ok(Self::of(status, JSON, full(line(document)?.into())))
    }

    /// Bytes that come by and by.
    pub(crate) fn stream(kind: &'static str, body: Body) -> Self {
        Self::of(StatusCode::OK, kind, body)
    }

    fn of(status: StatusCode, kind: &'static str, body: Body) -> Self {
        Self::Whole(Whole::of(status, kind, body))
    }

    /// The same with a header more.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let (Self::Whole(whole), Ok(value)) = (&mut self, HeaderValue::try_from(value)) {
            whole.headers.push((HeaderName::from_static(name), value));
        }
        self
    }
}

impl Whole {
    /// Its code.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    fn empty(status: StatusCode) -> Self {
        let body = Empty::new().map_err(|never| match never {}).boxed();
        Self { status, headers: Vec::new(), body }
    }

    fn of(status: StatusCode, kind: &'static str, body: Body) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(kind))];
        Self { status, headers, body }
    }
}

/// A list of documents that is written as they come.
#[derive(Debug, Default)]
pub(crate) struct JsonList {
    text: Vec<u8>,
}

impl JsonList {
    /// One more.
    pub(crate) fn push(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        self.text.push(if self.text.is_empty() { b'[' } else { b',' });
        serde_json::to_writer(&mut self.text, document)
            .map_err(|error| Failure::internal(error.to_string()))
    }

    /// All of them.
    pub(crate) fn answer(mut self) -> Answer {
        let rest: &[u8] = if self.text.is_empty() { b"[]\n" } else { b"]\n" };
        self.text.extend_from_slice(rest);
        Answer::of(StatusCode::OK, JSON, full(self.text.into()))
    }
}

/// A document in one line, as Go's encoder ends each.
pub(crate) fn line(document: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut text =
        serde_json::to_vec(document).map_err(|error| Failure::internal(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

impl From<Failure> for Whole {
    fn from(failure: Failure) -> Self {
        if failure.status == StatusCode::NOT_MODIFIED {
            return Self::empty(failure.status);
        }
        let document = serde_json::json!({ "message": failure.message });
        Self::of(failure.status, JSON, full(format!("{document}\n").into()))
    }
}

/// The answer on the wire; each says what it comes from.
pub(crate) fn response(whole: Whole, version: Option<ApiVersion>) -> Response<Body> {
    let mut response = Response::new(whole.body);
    *response.status_mut() = whole.status;
    let headers = response.headers_mut();
    for (name, value) in whole.headers {
        headers.insert(name, value);
    }
    let version = version.unwrap_or(NEWEST).to_string();
    if let Ok(version) = HeaderValue::try_from(version) {
        headers.insert(HeaderName::from_static("api-version"), version);
    }
    headers
        .insert(HeaderName::from_static("docker-experimental"), HeaderValue::from_static("true"));
    headers.insert(HeaderName::from_static("ostype"), HeaderValue::from_static("linux"));
    headers.insert(
        hyper::header::SERVER,
        HeaderValue::from_static(concat!("Corten/", env!("CARGO_PKG_VERSION"), " (linux)")),
    );
    response
}
