//! What a request is answered with.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::failure::Failure;
use crate::version::{ApiVersion, NEWEST};

/// Bytes of an answer as they come.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// An answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A code and nothing else.
    Empty(StatusCode),
    /// A document.
    Json(StatusCode, Bytes),
    /// Text.
    Text(StatusCode, &'static str),
}

impl Answer {
    /// A document.
    pub(crate) fn json(document: &impl Serialize) -> Result<Self, Failure> {
        Self::json_with(StatusCode::OK, document)
    }

    /// A document behind another code than 200.
    pub(crate) fn json_with(
        status: StatusCode,
        document: &impl Serialize,
    ) -> Result<Self, Failure> {
        let mut text = serde_json::to_vec(document).map_err(|error| Failure {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: error.to_string(),
        })?;
        // As Go's encoder ends each.
        text.push(b'\n');
        Ok(Self::Json(status, text.into()))
    }
}

/// The answer on the wire; each says what it comes from.
pub(crate) fn response(
    answered: Result<Answer, Failure>,
    version: Option<ApiVersion>,
) -> Response<Body> {
    let answer = answered.unwrap_or_else(|failure| {
        if failure.status == StatusCode::NOT_MODIFIED {
            return Answer::Empty(failure.status);
        }
        let document = serde_json::json!({ "message": failure.message });
        Answer::Json(failure.status, format!("{document}\n").into())
    });
    let (status, kind, bytes) = match answer {
        Answer::Empty(status) => (status, None, Bytes::new()),
        Answer::Json(status, bytes) => (status, Some("application/json"), bytes),
        Answer::Text(status, text) => (status, Some("text/plain; charset=utf-8"), text.into()),
    };
    let body = Full::new(bytes).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let version = version.unwrap_or(NEWEST).to_string();
    if let Ok(version) = HeaderValue::try_from(version) {
        headers.insert(HeaderName::from_static("api-version"), version);
    }
    headers
        .insert(HeaderName::from_static("docker-experimental"), HeaderValue::from_static("false"));
    headers.insert(HeaderName::from_static("ostype"), HeaderValue::from_static("linux"));
    headers.insert(
        hyper::header::SERVER,
        HeaderValue::from_static(concat!("Corten/", env!("CARGO_PKG_VERSION"), " (linux)")),
    );
    response
}
