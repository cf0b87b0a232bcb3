//! Requests as OpenTelemetry sees them: a span for each, sent to a collector over OTLP's HTTP in JSON by a thread of its own. Off where
//! nobody asks for it. Start at [`Span::begin`] and [`Traces::end`]. Sources: opentelemetry.io/docs/specs/otlp, sections "OTLP/HTTP" and "JSON Protobuf
//! Encoding"; its semantic conventions for HTTP servers.

mod span;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use registry::Courier;
use serde_json::json;

use crate::log::Log;

pub(crate) use span::{Ended, Span};

/// Spans that wait at most; further ones are lost, and counted. This and the two below are what SDKs have where nobody says otherwise.
const WAITING: usize = 2048;
/// Spans of one message.
const BATCH: usize = 512;
/// How long the first of a message waits for others.
const DELAY: Duration = Duration::from_secs(5);
/// How long a server that ends waits for the last message.
const FAREWELL: Duration = Duration::from_secs(2);
/// Who speaks: the instrumentation's scope.
const SCOPE: &str = "corten.api";

/// Where spans go.
#[derive(Debug)]
pub struct TraceConfig {
    /// Who brings them to the collector.
    pub courier: Courier,
    /// What the collector is told of this process: `service.name` and so on.
    pub resource: BTreeMap<String, String>,
}

/// Spans on their way.
#[derive(Debug)]
pub(crate) struct Traces {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Span(Box<Ended>),
    /// Nothing comes behind this; it is answered when all is sent.
    End(SyncSender<()>),
}

impl Traces {
    /// Begins to send.
    ///
    /// # Errors
    /// When no thread can be made.
    pub(crate) fn start(config: TraceConfig, log: Arc<Log>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let exporter = Exporter { config, log, lost: Arc::clone(&lost), is_failing: false };
        std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || exporter.run(&receiver))?;
        Ok(Self { sender, lost })
    }

    /// It was answered.
    pub(crate) fn end(&self, ended: Ended) {
        let sent = self.sender.try_send(Message::Span(Box::new(ended)));
        if matches!(sent, Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Spans that never arrived.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until the last ones are sent, but not for long.
    pub(crate) fn finish(&self) {
        let (done, all) = sync_channel(1);
        if self.sender.try_send(Message::End(done)).is_ok() {
            let _late = all.recv_timeout(FAREWELL);
        }
    }
}

struct Exporter {
    config: TraceConfig,
    log: Arc<Log>,
    lost: Arc<AtomicU64>,
    /// Whether the last message did not arrive: an outage is told once.
    is_failing: bool,
}

impl Exporter {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let (batch, end) = gather(receiver, first);
            if !batch.is_empty() {
                self.send(&batch);
            }
            if let Some(done) = end {
                let _impatient = done.send(());
                return;
            }
        }
    }

    fn send(&mut self, batch: &[Ended]) {
        let body = document(&self.config.resource, batch).to_string();
        match self.config.courier.send(crate::answer::JSON, body.as_bytes()) {
            Ok(()) => self.is_failing = false,
            Err(error) => {
                self.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    self.log.always(&format!("traces are lost: {}", engine::chain(&error)));
                }
            }
        }
    }
}

/// What comes within the delay; behind it who waits for the end.
fn gather(receiver: &Receiver<Message>, first: Message) -> (Vec<Ended>, Option<SyncSender<()>>) {
    let until = Instant::now() + DELAY;
    let mut batch = Vec::new();
    let mut next = first;
    loop {
        match next {
            Message::Span(span) => batch.push(*span),
            Message::End(done) => return (batch, Some(done)),
        }
        if batch.len() == BATCH {
            return (batch, None);
        }
        next = match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return (batch, None);
            }
        };
    }
}

/// `ExportTraceServiceRequest`.
fn document(resource: &BTreeMap<String, String>, batch: &[Ended]) -> serde_json::Value {
    let spans: Vec<_> = batch.iter().map(Ended::document).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": span::attributes(resource.iter().map(|(name, value)| (name.as_str(), value.as_str()))) },
        "scopeSpans": [{
            "scope": { "name": SCOPE, "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] })
}
