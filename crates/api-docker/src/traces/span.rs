//! A request's span: whose part it is, and what is told of it. Sources: W3C Trace Context, section 3.2; OpenTelemetry's trace.proto.

use hyper::Request;
use serde_json::{Value, json};

/// The header by which a client tells of its own span.
const HEADER: &str = "traceparent";
/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// A span that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    trace: [u8; 16],
    own: [u8; 8],
    parent: Option<[u8; 8]>,
    began_ns: i64,
    method: String,
    path: String,
}

/// A span with its end.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) span: Span,
    /// The operation.
    pub(crate) name: &'static str,
    /// Its path with names of parameters.
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    /// Nanoseconds since 1970.
    pub(crate) ended_ns: i64,
}

/// A client's span, as its header says.
struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

impl Span {
    /// Begins: a client's part where it says so, else a trace of its own; nothing where the client does not want it told.
    pub(crate) fn begin<B>(request: &Request<B>) -> Option<Self> {
        let parent = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let parent = parent.and_then(parse);
        if parent.as_ref().is_some_and(|parent| !parent.is_sampled) {
            return None;
        }
        let (mut own, mut trace) = ([0; 8], [0; 16]);
        random(&mut own)?;
        match &parent {
            Some(parent) => trace = parent.trace,
            None => random(&mut trace)?,
        }
        Some(Self {
            trace,
            own,
            parent: parent.map(|parent| parent.span),
            began_ns: engine::now_ns(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
        })
    }
}

impl Ended {
    /// `Span` in OTLP's JSON: ids in hexadecimal digits, times as text.
    pub(super) fn document(&self) -> Value {
        let Self { span, name, route, status, ended_ns } = self;
        let number = status.to_string();
        let texts = [
            ("http.request.method", span.method.as_str()),
            ("http.route", route),
            ("url.path", &span.path),
        ];
        let mut attributes = attributes(texts.into_iter().filter(|(_, text)| !text.is_empty()));
        attributes
            .push(json!({ "key": "http.response.status_code", "value": { "intValue": number } }));
        let mut document = json!({
            "traceId": hex(&span.trace),
            "spanId": hex(&span.own),
            "name": name,
            "kind": SERVER,
            "flags": 1,
            "startTimeUnixNano": span.began_ns.to_string(),
            "endTimeUnixNano": ended_ns.max(&span.began_ns).to_string(),
            "attributes": attributes,
        });
        if let Some(parent) = &span.parent {
            document["parentSpanId"] = hex(parent).into();
        }
        // What a client did wrong is no error of a server's span.
        if *status >= 500 {
            document["status"] = json!({ "code": ERROR });
        }
        document
    }
}

/// `KeyValue`s.
pub(super) fn attributes<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    let pairs = pairs.into_iter();
    pairs.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } })).collect()
}

fn random(space: &mut [u8]) -> Option<()> {
    let filled =
        rustix::rand::getrandom(&mut *space, rustix::rand::GetRandomFlags::empty()).ok()?;
    (filled == space.len()).then_some(())
}

fn hex(bytes: &[u8]) -> String {
    spec::digest::hex(bytes)
}

/// `traceparent`; nothing where it says nothing. Versions to come may have more behind it.
fn parse(text: &str) -> Option<Parent> {
    let mut parts = text.trim().split('-');
    let version: [u8; 1] = bytes(parts.next()?)?;
    let (trace, span) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
    let [flags] = bytes(parts.next()?)?;
    let is_whole = version != [0xff] && (version != [0] || parts.next().is_none());
    let is_some = trace != [0; 16] && span != [0; 8];
    (is_whole && is_some).then_some(Parent { trace, span, is_sampled: flags & 1 == 1 })
}

/// Small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let is_plain = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() != 2 * N || !is_plain {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn begin(parent: &str) -> Option<Span> {
        Span::begin(&Request::builder().header(HEADER, parent).body(()).unwrap())
    }

    #[test]
    fn a_clients_trace_goes_on() {
        let span = begin(&format!("00-{TRACE}-b7ad6b7169203331-01")).unwrap();
        assert_eq!(
            (hex(&span.trace).as_str(), span.parent.map(|own| hex(&own)).as_deref()),
            (TRACE, Some("b7ad6b7169203331"))
        );
        assert!(begin(&format!("00-{TRACE}-b7ad6b7169203331-00")).is_none(), "it is not sampled");
        assert!(begin(&format!("01-{TRACE}-b7ad6b7169203331-01-more")).unwrap().parent.is_some());
    }

    #[test]
    fn what_is_no_parent_begins_a_trace() {
        for text in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            let span = begin(text).unwrap();
            assert!(span.parent.is_none() && hex(&span.trace) != TRACE, "{text}");
        }
    }
}
