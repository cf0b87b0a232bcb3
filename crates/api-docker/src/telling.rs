//! What is told of a request once its answer begins: it is counted, and there are a line of the log and a span where they are wanted.

use std::time::Instant;

use hyper::Request;

use crate::operation::Place;
use crate::shared::Shared;
use crate::traces::{Ended, Span};

/// A request that is being answered.
pub(crate) struct Telling {
    began: Instant,
    /// Its operation; nothing where nobody knows it.
    place: Option<Place>,
    /// Who asks what, where requests are told.
    line: Option<String>,
    span: Option<Span>,
}

impl Telling {
    /// It has come.
    pub(crate) fn begin<B>(
        shared: &Shared,
        request: &Request<B>,
        peer: Option<(u32, u32)>,
        place: Option<Place>,
    ) -> Self {
        let line = shared.log.tells_requests().then(|| {
            let who = peer.map_or_else(String::new, |(user, group)| format!("{user}:{group} "));
            let path = request.uri().path_and_query().map_or("", |path| path.as_str());
            format!("{who}{} {path}", request.method())
        });
        let span = shared.traces.as_ref().and_then(|_wanted| Span::begin(request));
        Self { began: Instant::now(), place, line, span }
    }

    /// It is answered with that code.
    pub(crate) fn end(self, shared: &Shared, status: u16) {
        let took = self.began.elapsed();
        let operation = self.place.map_or("none", |place| place.name);
        shared.metrics.count(operation, status, took);
        if let (Some(traces), Some(span)) = (&shared.traces, self.span) {
            let route = self.place.map_or("", |place| place.path);
            let ended_ns = engine::now_ns();
            traces.end(Ended { span, name: operation, route, status, ended_ns });
        }
        if let Some(line) = self.line {
            let took = took.as_secs_f64() * 1e3;
            shared.log.always(&format!("{line} {operation} {status} {took:.3}ms"));
        }
    }
}
