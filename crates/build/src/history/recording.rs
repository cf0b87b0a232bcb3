//! A build that writes down what it tells. Nothing that goes wrong here is a reason for a build to fail. Start at [`begin`].

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::now_ns;
use rustix::fs::{FlockOperation, flock};

use super::logged::Line;
use super::mask::Mask;
use super::{
    BuildRecord, BuildState, History, ID_DIGITS, MOST_LOG, MOST_RECORD, MOST_RECORDS, RecordLine,
    stem_of,
};
use crate::Built;
use crate::error::BuildError;
use crate::event::{Event, Progress, StepKind};
use crate::fetching::without_credentials;
use crate::kept::FailedStep;
use crate::key::digest_of;
use crate::request::{BuildRequest, ContextSource, DockerfileSource};

/// So much is written at once.
const PIECE: usize = 16 * 1024;
/// A line that does not end is cut here.
const LONGEST_LINE: usize = 16 * 1024;
/// What has been told for so long is written.
const DELAY: Duration = Duration::from_millis(500);
/// Records that are kept beside those that are shown.
const SPARE: usize = 10;
/// Said once where the log is full.
const CLIPPED: &str = "[what builds write after this is not kept]\n";

/// Writes down what a build tells, and tells it on.
pub(crate) struct Recording<'a> {
    progress: &'a dyn Progress,
    began: Instant,
    mask: Mask,
    state: Mutex<State>,
}

struct State {
    record: BuildRecord,
    log: Log,
    /// Lines that have not ended, of steps and their outputs.
    unfinished: BTreeMap<(usize, bool), Vec<u8>>,
    /// Whether people see a step.
    is_seen: Vec<bool>,
}

struct Log {
    /// Locked: the build lives.
    file: Option<File>,
    text: String,
    bytes: usize,
    is_clipped: bool,
    written: Duration,
}

/// Begins a record; the oldest go.
pub(crate) fn begin<'a>(
    root: &Path,
    request: &BuildRequest,
    progress: &'a dyn Progress,
) -> Recording<'a> {
    let history = History::of(root);
    let record = record_of(request);
    let file = made(&history, &record).ok();
    sweep(&history);
    let (text, written) = (line_of(&record), Duration::ZERO);
    let mut log = Log { file, text, bytes: 0, is_clipped: false, written };
    log.write(written);
    let state = State { record, log, unfinished: BTreeMap::new(), is_seen: Vec::new() };
    let secrets = request.secrets.iter().map(|secret| secret.content.as_slice());
    Recording { progress, began: Instant::now(), mask: Mask::of(secrets), state: Mutex::new(state) }
}

impl Recording<'_> {
    /// Writes the end down.
    pub(crate) fn end(self, built: &Result<Built, BuildError>) {
        let took = self.began.elapsed();
        let State { mut record, mut log, .. } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        record.took_ns = Some(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        match built {
            Ok(built) => {
                record.state = BuildState::Completed;
                record.image = Some(built.image.id.to_string());
            }
            Err(BuildError::Cancelled) => record.state = BuildState::Cancelled,
            Err(error) => {
                record.state = BuildState::Failed;
                record.error = Some(cut(self.mask.over(&engine::chain(error))));
                record.shown = error.shown().map(|shown| cut(self.mask.over(shown)));
            }
        }
        log.text.push_str(&line_of(&record));
        log.write(took);
    }

    /// The commit of the context.
    pub(crate) fn has_commit(&self, commit: &str) {
        self.lock().record.commit = Some(commit.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Recording<'_> {
    fn tell(&self, event: &Event<'_>) {
        self.lock().take(event, self.began.elapsed(), &self.mask);
        self.progress.tell(event);
    }

    fn failed(&self, failed: &FailedStep<'_>) {
        self.progress.failed(failed);
    }
}

impl State {
    fn take(&mut self, event: &Event<'_>, at: Duration, mask: &Mask) {
        self.count(event);
        if let Event::Output { step, is_error, bytes } = *event {
            self.output((step, is_error), bytes, (at, mask));
        } else {
            if let Event::Done { step, .. }
            | Event::Failed { step, .. }
            | Event::Cancelled { step } = *event
            {
                self.finish((step, false), (at, mask));
                self.finish((step, true), (at, mask));
            }
            if let Some(line) = Line::of(event, at, mask) {
                self.log.text.push_str(&line.to_text());
            }
        }
        // Of a build that is killed while a step runs the log tells at least that.
        let is_due = matches!(event, Event::Running { .. })
            || self.log.text.len() >= PIECE
            || at.saturating_sub(self.log.written) >= DELAY;
        if is_due {
            self.log.write(at);
        }
    }

    /// What of it is in the record itself.
    fn count(&mut self, event: &Event<'_>) {
        let is_seen = |step: usize| self.is_seen.get(step).copied().unwrap_or(false);
        match *event {
            Event::Warnings(warnings) => self.record.warnings = warnings.len(),
            Event::Steps(steps) => {
                self.is_seen = steps.iter().map(|step| step.kind != StepKind::Setting).collect();
                self.record.steps = self.is_seen.iter().filter(|is_seen| **is_seen).count();
            }
            Event::Cached { step } => self.record.cached += usize::from(is_seen(step)),
            Event::Done { step, .. } => self.record.ended += usize::from(is_seen(step)),
            Event::Started { .. }
            | Event::Running { .. }
            | Event::Missed { .. }
            | Event::Output { .. }
            | Event::Transfer { .. }
            | Event::Failed { .. }
            | Event::Cancelled { .. }
            | Event::Image { .. } => {}
        }
    }

    fn output(&mut self, of: (usize, bool), bytes: &[u8], (at, mask): (Duration, &Mask)) {
        if self.log.is_clipped {
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = self.unfinished.entry(of).or_default();
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                self.finish(of, (at, mask));
            }
        }
    }

    /// A line has ended: what a secret is can be seen in a whole line only.
    fn finish(&mut self, of: (usize, bool), (at, mask): (Duration, &Mask)) {
        let line = self.unfinished.remove(&of).unwrap_or_default();
        if line.is_empty() || self.log.is_clipped {
            return;
        }
        let text = mask.over(&String::from_utf8_lossy(&line));
        self.log.is_clipped = self.log.bytes + self.log.text.len() + text.len() > MOST_LOG;
        let text = if self.log.is_clipped { CLIPPED.to_owned() } else { text };
        self.log.text.push_str(&Line::output(of, text, at).to_text());
    }
}

impl Log {
    fn write(&mut self, at: Duration) {
        self.written = at;
        self.bytes += self.text.len();
        if let Some(file) = &mut self.file {
            let _full = file.write_all(self.text.as_bytes());
        }
        self.text.clear();
    }
}

/// The file of a build, locked.
fn made(history: &History, record: &BuildRecord) -> std::io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(&history.directory)?;
    let path = history.path(&stem_of(record));
    let file = File::options().append(true).create_new(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

fn line_of(record: &BuildRecord) -> String {
    let line = RecordLine { record: record.clone() };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// A text that is not too long for a record.
fn cut(mut text: String) -> String {
    // Half of it each, where every letter takes six in JSON.
    let most = usize::try_from(MOST_RECORD / 16).unwrap_or(usize::MAX);
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}

/// Forgets the oldest ones, a few at once.
fn sweep(history: &History) {
    let stems = history.stems().unwrap_or_default();
    if stems.len() < MOST_RECORDS + SPARE {
        return;
    }
    for stem in stems.iter().take(stems.len() - MOST_RECORDS) {
        let path = history.path(stem);
        let is_over = File::open(&path)
            .is_ok_and(|file| flock(file, FlockOperation::NonBlockingLockExclusive).is_ok());
        if is_over {
            let _gone = fs::remove_file(path);
        }
    }
}

fn record_of(request: &BuildRequest) -> BuildRecord {
    let context = match &request.context {
        ContextSource::Directory(path) => path.display().to_string(),
        ContextSource::Git(text) | ContextSource::Url(text) => without_credentials(text),
        ContextSource::Archive(_) | ContextSource::Empty => String::new(),
    };
    let dockerfile = match &request.dockerfile {
        DockerfileSource::Usual => "Dockerfile".to_owned(),
        DockerfileSource::InContext(name) => name.clone(),
        DockerfileSource::File(path) => path.display().to_string(),
        DockerfileSource::Text(_) => "-".to_owned(),
    };
    let begun_ns = now_ns();
    let id = new_id(begun_ns);
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
    let tags: Vec<String> = request.tags.iter().map(spec::Reference::familiar).collect();
    let nameless = || tags.first().cloned().unwrap_or_else(|| "-".to_owned());
    let mut name = if context.is_empty() { nameless() } else { last(&context) };
    if request.dockerfile != DockerfileSource::Usual && dockerfile != "Dockerfile" {
        name = format!("{name}/{}", last(&dockerfile));
    }
    if let Some(target) = &request.target {
        name = format!("{name} ({target})");
    }
    BuildRecord {
        id,
        name,
        context,
        dockerfile,
        target: request.target.clone(),
        platform: (!request.platforms.is_empty()).then(|| {
            request.platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }),
        tags,
        begun_ns,
        ..BuildRecord::default()
    }
}

/// Digits that no other build has.
fn new_id(begun_ns: i64) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{begun_ns} {} {number}", std::process::id());
    digest_of(seed.as_bytes()).hex().chars().take(ID_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Progress for Nobody {
        fn tell(&self, _event: &Event<'_>) {}
    }

    fn request() -> BuildRequest {
        BuildRequest {
            context: ContextSource::Directory("/src/app".into()),
            target: Some("test".to_owned()),
            ..BuildRequest::default()
        }
    }

    fn steps() -> Vec<crate::Step> {
        let step = |kind| crate::Step {
            kind,
            stage: "0".to_owned(),
            place: (1, 2),
            line: 1,
            text: "RUN x".to_owned(),
        };
        vec![step(StepKind::Load), step(StepKind::Setting), step(StepKind::Run)]
    }

    #[test]
    fn a_build_is_written_down_as_it_goes() {
        let root = tempfile::tempdir().unwrap();
        let history = History::of(root.path());
        assert!(history.list().unwrap().is_empty());
        let recording = begin(root.path(), &request(), &Nobody);
        recording.tell(&Event::Steps(&steps()));
        recording.tell(&Event::Output { step: 2, is_error: false, bytes: b"half a" });
        recording.tell(&Event::Output { step: 2, is_error: false, bytes: b" line\nrest" });
        let running = history.find("").unwrap();
        assert_eq!((running.state, running.name.as_str()), (BuildState::Running, "app (test)"));
        assert!(matches!(history.remove(&running), Err(super::super::HistoryError::Running(_))));
        recording.tell(&Event::Done { step: 2, layer: None, took: Duration::ZERO });
        recording.end(&Err(BuildError::Request("no".to_owned())));
        let ended = history.find(&running.id[..6]).unwrap();
        assert_eq!((ended.state, ended.error.as_deref()), (BuildState::Failed, Some("no")));
        assert_eq!((ended.steps, ended.ended, ended.cached), (2, 1, 0));
        let mut said = Vec::new();
        let mut hears = |_: Duration, event: &Event<'_>| {
            if let Event::Output { bytes, .. } = event {
                said.push(String::from_utf8_lossy(bytes).into_owned());
            }
        };
        history.tell(&ended, &mut hears).unwrap();
        assert_eq!(said, ["half a line\n", "rest"]);
        history.remove(&ended).unwrap();
        assert_eq!(fs::read_dir(&history.directory).unwrap().count(), 0);
    }

    #[test]
    fn one_whose_process_ended_was_killed() {
        let root = tempfile::tempdir().unwrap();
        let history = History::of(root.path());
        drop(begin(root.path(), &request(), &Nobody));
        assert_eq!(history.find("^0").unwrap().state, BuildState::Killed);
        assert!(history.find("^1").is_err() && history.find("x").is_err());
    }

    #[test]
    fn records_and_logs_are_bounded() {
        let root = tempfile::tempdir().unwrap();
        let history = History::of(root.path());
        for _ in 0..MOST_RECORDS + 2 * SPARE + 3 {
            begin(root.path(), &request(), &Nobody).end(&Err(BuildError::Cancelled));
        }
        let records = history.list().unwrap();
        assert_eq!(records.len(), MOST_RECORDS);
        assert!(fs::read_dir(&history.directory).unwrap().count() < MOST_RECORDS + SPARE);
        assert!(records.windows(2).all(|pair| pair[0].begun_ns >= pair[1].begun_ns));
        let recording = begin(root.path(), &request(), &Nobody);
        recording.tell(&Event::Steps(&steps()));
        let line = vec![b'x'; 100_000];
        for _ in 0..100 {
            recording.tell(&Event::Output { step: 2, is_error: true, bytes: &line });
        }
        recording.end(&Err(BuildError::Cancelled));
        let log = history.path(&stem_of(&history.find("").unwrap()));
        let bytes = fs::metadata(log).unwrap().len();
        assert!(bytes > 900_000 && bytes < MOST_LOG as u64 + 50_000, "{bytes}");
    }
}
