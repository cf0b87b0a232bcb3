//! `GET /containers/{name}/logs`: what a container has written, and what it writes from now on.

mod journal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::log::{Entry, FileFormat, Next, Reader, Selection};
use engine::{JournalEntry, LogPlace, Phase};
use hyper::StatusCode;
use spec::ContainerId;
use tokio::time::{Instant, sleep, sleep_until};

use super::attach;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::flow::outgoing;
use crate::frames::{HEADER, Stream, header};
use crate::handlers::Call;
use crate::query::Query;
use crate::relay::Client;
use crate::shared::{Shared, blocking};
use journal::Journal;

/// Bytes that are gathered before they are sent.
const GATHERED: usize = 128 * 1024;
/// Between looks whether a container that is silent still runs: a monitor that was killed says nothing.
const GLANCE: Duration = Duration::from_secs(10);

/// Which lines are shown, and how.
#[derive(Clone, Copy, Debug)]
struct Form {
    stdout: bool,
    stderr: bool,
    timestamps: bool,
    details: bool,
    /// A terminal's bytes go without headers.
    tty: bool,
}

/// A log that is about to be read.
struct Log {
    id: ContainerId,
    tty: bool,
    place: Place,
    container_dir: PathBuf,
}

/// Where it is.
enum Place {
    Files(Option<PathBuf>, FileFormat),
    Journal,
}

/// What reads it.
enum Source {
    Files(Box<Reader>),
    Journal(Box<Journal>),
}

/// A line of a log, wherever it was.
trait Line {
    fn is_error(&self) -> bool;
    fn time(&self) -> &str;
    /// What the container's options wanted beside it, as it is shown.
    fn details(&self) -> String;
    fn append_text(&self, out: &mut Vec<u8>);
}

impl Line for Entry<'_> {
    fn is_error(&self) -> bool {
        Entry::is_error(self)
    }

    fn time(&self) -> &str {
        Entry::time(self)
    }

    fn details(&self) -> String {
        engine::words::log_details(self.attributes())
    }

    fn append_text(&self, out: &mut Vec<u8>) {
        Entry::append_text(self, out);
    }
}

impl Line for JournalEntry {
    fn is_error(&self) -> bool {
        JournalEntry::is_error(self)
    }

    fn time(&self) -> &str {
        JournalEntry::time(self)
    }

    fn details(&self) -> String {
        engine::words::log_details(self.attributes())
    }

    fn append_text(&self, out: &mut Vec<u8>) {
        JournalEntry::append_text(self, out);
    }
}

pub(super) async fn logs(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let (stdout, stderr) = (query.is_on("stdout"), query.is_on("stderr"));
    if !stdout && !stderr {
        return Err(Failure::bad("Bad parameters: you must choose at least one stream"));
    }
    let (selection, until) = selection(query)?;
    let follow = query.is_on("follow");
    let log = find(&call.shared, call.name()).await?;
    let form = Form {
        stdout,
        stderr,
        timestamps: query.is_on("timestamps"),
        details: query.is_on("details"),
        tty: log.tty,
    };
    let kind = attach::kind(log.tty, call.routed.version);
    let shared = Arc::clone(&call.shared);
    let source = open(&shared, &log, (selection, follow)).await?;
    let (out, body) = outgoing();
    tokio::spawn(async move {
        let over = async {
            match until.filter(|_| follow) {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = send(&shared, &log, source, (form, follow), &out) => ended,
            () = out.gone() => Ok(()),
            () = over => Ok(()),
        };
        if let Err(failure) = ended {
            shared.log.always(&format!("logs of {}: {}", log.id.short(), failure.message));
            out.fail(failure.message).await;
        }
    });
    Ok(Answer::stream(kind, body))
}

/// Which lines are wanted, and when no more can come.
fn selection(query: &Query) -> Result<(Selection, Option<Instant>), Failure> {
    let tail = match query.text("tail") {
        None | Some("all") => None,
        // Docker shows everything for what is no number, and for one below zero.
        Some(text) => text.parse().ok(),
    };
    // Zero is no time.
    let time = |name| query.time_ns(name).map(|time| time.filter(|time| *time != 0));
    let (since, until) = (time("since")?, time("until")?);
    let left = |until: i64| {
        let left = u64::try_from(until.saturating_sub(engine::now_ns())).unwrap_or(0);
        Instant::now().checked_add(Duration::from_nanos(left))
    };
    let text = |time: Option<i64>| time.map(engine::format_time);
    Ok((Selection::new(tail, text(since), text(until)), until.and_then(left)))
}

async fn find(shared: &Arc<Shared>, name: String) -> Result<Log, Failure> {
    shared
        .with(move |engine| {
            let container = engine.containers().get(&name)?;
            let place = match container.log_place()? {
                LogPlace::Files(path, format) => Place::Files(path, format),
                LogPlace::Journal => Place::Journal,
                LogPlace::Nowhere => {
                    let words = "configured logging driver does not support reading";
                    let status = StatusCode::NOT_IMPLEMENTED;
                    return Err(Failure { status, message: words.to_owned() });
                }
            };
            Ok(Log {
                tty: container.config.tty,
                id: container.record.id,
                place,
                container_dir: container.dirs.container,
            })
        })
        .await
}

async fn open(
    shared: &Arc<Shared>,
    log: &Log,
    (selection, follow): (Selection, bool),
) -> Result<Source, Failure> {
    let Place::Files(path, format) = &log.place else {
        let journal = Journal::open(shared, &log.id, (selection, follow)).await?;
        return Ok(Source::Journal(Box::new(journal)));
    };
    let (directory, path, format) = (log.container_dir.clone(), path.clone(), *format);
    blocking(move || Reader::open(&directory, (path.as_deref(), format), selection))
        .await?
        .map(|reader| Source::Files(Box::new(reader)))
        .map_err(|error| Failure::internal(engine::chain(&error)))
}

/// Shows a client that attaches what was written before.
pub(super) async fn show(
    shared: &Arc<Shared>,
    id: &str,
    client: &mut Client,
) -> Result<(), Failure> {
    let log = find(shared, id.to_owned()).await?;
    let source = open(shared, &log, (Selection::default(), false)).await?;
    let (stdout, stderr) = client.shows();
    let form = Form { stdout, stderr, timestamps: false, details: false, tty: log.tty };
    let failed = |error: std::io::Error| Failure::internal(error.to_string());
    let mut reader = match source {
        Source::Files(reader) => *reader,
        Source::Journal(mut journal) => {
            while let Some(lines) = journal.next(shared, &log.id, form).await? {
                client.send(&lines).await.map_err(failed)?;
            }
            return Ok(());
        }
    };
    loop {
        let batch = read(reader, form).await?;
        client.send(&batch.bytes).await.map_err(failed)?;
        if batch.is_end {
            return Ok(());
        }
        reader = batch.reader;
    }
}

/// Some lines as they are sent.
struct Batch {
    reader: Reader,
    bytes: Bytes,
    /// Whether nothing more is there now.
    is_end: bool,
}

async fn read(mut reader: Reader, form: Form) -> Result<Batch, Failure> {
    blocking(move || {
        let mut bytes = Vec::new();
        let mut is_end = false;
        while !is_end && bytes.len() < GATHERED {
            match reader.next_line() {
                Ok(Next::Line(entry)) => append(&mut bytes, &entry, form),
                Ok(Next::Passed) => {}
                Ok(Next::End) => is_end = true,
                Err(error) => return Err(Failure::internal(engine::chain(&error))),
            }
        }
        Ok(Batch { reader, bytes: bytes.into(), is_end })
    })
    .await?
}

/// Sends lines until the log's end, or as long as the container runs.
async fn send(
    shared: &Arc<Shared>,
    log: &Log,
    source: Source,
    (form, follow): (Form, bool),
    out: &crate::flow::Outgoing,
) -> Result<(), Failure> {
    let mut reader = match source {
        Source::Files(reader) => *reader,
        Source::Journal(mut journal) => {
            while let Some(lines) = journal.next(shared, &log.id, form).await? {
                if out.send(lines).await.is_err() {
                    break;
                }
            }
            return Ok(());
        }
    };
    // Before the first look: what is written after it is told.
    let mut watches = if follow { watches(shared, log)? } else { Vec::new() };
    loop {
        // Looked at before the log: what is written after the end was seen does not exist.
        let runs = follow && runs(shared, log.id.as_str()).await;
        loop {
            let batch = read(reader, form).await?;
            let is_end = batch.is_end;
            reader = batch.reader;
            if out.send(batch.bytes).await.is_err() {
                return Ok(());
            }
            if is_end {
                break;
            }
        }
        let [first, others @ ..] = &mut watches[..] else { return Ok(()) };
        if !runs || reader.is_over() {
            return Ok(());
        }
        let other = async {
            match others.first_mut() {
                Some(other) => other.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = first.changed() => {}
            () = other => {}
            () = sleep(GLANCE) => {}
        }
    }
}

fn watches(shared: &Shared, log: &Log) -> Result<Vec<crate::watch::Watch>, Failure> {
    let own = match &log.place {
        Place::Files(path, _) => path.as_ref().and_then(|path| path.parent()),
        Place::Journal => None,
    };
    [Some(log.container_dir.as_path()), own]
        .into_iter()
        .flatten()
        .map(|directory| shared.watches.add(directory))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::internal(format!("watch the log: {error}")))
}

async fn runs(shared: &Arc<Shared>, id: &str) -> bool {
    let id = id.to_owned();
    let phase = shared.with(move |engine| Ok(engine.containers().get(&id)?.state.phase())).await;
    phase.is_ok_and(|phase| match phase {
        Phase::Starting | Phase::Running | Phase::Paused | Phase::Restarting => true,
        Phase::Created | Phase::Exited => false,
    })
}

fn append(out: &mut Vec<u8>, entry: &impl Line, form: Form) {
    let stream = if entry.is_error() { Stream::Stderr } else { Stream::Stdout };
    let is_wanted = match stream {
        Stream::Stderr => form.stderr,
        Stream::Stdout | Stream::Engine => form.stdout,
    };
    if !is_wanted {
        return;
    }
    let start = out.len();
    if !form.tty {
        out.extend_from_slice(&[0; HEADER]);
    }
    if form.timestamps {
        out.extend_from_slice(entry.time().as_bytes());
        out.push(b' ');
    }
    if form.details {
        out.extend_from_slice(entry.details().as_bytes());
        out.push(b' ');
    }
    entry.append_text(out);
    if !form.tty
        && let Some(header) = header(stream, out.len() - start - HEADER)
        && let Some(space) = out.get_mut(start..start + HEADER)
    {
        space.copy_from_slice(&header);
    }
}
