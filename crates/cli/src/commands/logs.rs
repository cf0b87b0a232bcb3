//! `logs`: what a container has written, from files or from the journal.

mod journal;

use std::time::{Duration, Instant};

use engine::log::{FileFormat, Next, Reader, Selection};
use engine::{Container, Engine, LogPlace, State};

use crate::arguments::Matches;
use crate::attach::write_all;
use crate::failure::Failure;
use crate::program::Session;
use crate::words::log_time;

/// Output is gathered up to this before it is written.
const GATHERED: usize = 256 * 1024;

pub(super) fn logs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let selection = selection(matches)?;
    let engine = session.engine()?;
    let container = engine.containers().get(matches.word(0))?;
    let mut out = Printer {
        timestamps: matches.on("timestamps"),
        details: matches.on("details"),
        tty: container.config.tty,
        is_error: false,
        gathered: Vec::new(),
    };
    let follow = matches.on("follow");
    match container.log_place()? {
        LogPlace::Files(path, format) => {
            let place = (path.as_deref(), format);
            files(&engine, &container, place, (selection, follow), &mut out)
        }
        LogPlace::Journal => journal::read(&engine, &container, (selection, follow), &mut out),
        LogPlace::Nowhere => {
            Err(Failure::Words("configured logging driver does not support reading".to_owned()))
        }
    }
}

fn selection(matches: &Matches) -> Result<Selection, Failure> {
    let time = |flag: &'static str| {
        let parsed = matches.text(flag).map(|text| {
            log_time(text).ok_or_else(|| {
                Failure::Words(format!("invalid value {text:?} for --{flag}: it is no time"))
            })
        });
        parsed.transpose()
    };
    let tail = match matches.text("tail") {
        None | Some("all") => None,
        // Docker shows everything for a number below zero.
        Some(text) => u64::try_from(text.parse::<i64>().map_err(|_no_number| {
            Failure::Words(format!("invalid value {text:?} for --tail: it is no number"))
        })?)
        .ok(),
    };
    Ok(Selection::new(tail, time("since")?, time("until")?))
}

/// Whether something may still be logged.
fn runs(engine: &Engine, id: &str) -> bool {
    matches!(
        engine.containers().get(id).map(|container| container.state),
        Ok(State::Running { monitored: true, .. } | State::Starting | State::Restarting(_))
    )
}

/// When `until` is over: a wait lasts as long as it lasts, whatever becomes of the clock meanwhile.
fn over_at(until: Option<&str>) -> Option<Instant> {
    let until = until?.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    let left = until.saturating_sub(i128::from(engine::now_ns())).max(0);
    Instant::now().checked_add(Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)))
}

fn is_past(over_at: Option<Instant>) -> bool {
    over_at.is_some_and(|at| Instant::now() >= at)
}

fn files(
    engine: &Engine,
    container: &Container,
    place: (Option<&std::path::Path>, FileFormat),
    (selection, follow): (Selection, bool),
    out: &mut Printer,
) -> Result<i32, Failure> {
    let over_at = over_at(selection.until.as_deref());
    let failed = |error: engine::log::ReadError| Failure::Words(engine::chain(&error));
    let mut reader = Reader::open(&container.dirs.container, place, selection).map_err(failed)?;
    loop {
        // Looked at before the log: what is written after the end was seen does not exist.
        let runs = follow && runs(engine, container.record.id.as_str());
        loop {
            match reader.next_line().map_err(failed)? {
                Next::Line(entry) => {
                    let details = || entry.attributes().into_iter().collect();
                    out.begin(entry.is_error(), entry.time(), details)?;
                    entry.append_text(&mut out.gathered);
                }
                Next::Passed => {}
                Next::End => break,
            }
        }
        out.flush()?;
        if !runs || reader.is_over() || is_past(over_at) {
            return Ok(0);
        }
        reader.wait().map_err(failed)?;
    }
}

/// Lines on their way to the two streams.
struct Printer {
    timestamps: bool,
    details: bool,
    tty: bool,
    /// Where that goes which is gathered.
    is_error: bool,
    gathered: Vec<u8>,
}

impl Printer {
    /// Begins a line; its text follows.
    fn begin(
        &mut self,
        is_error: bool,
        time: &str,
        details: impl FnOnce() -> Vec<(String, String)>,
    ) -> Result<(), Failure> {
        let is_error = is_error && !self.tty;
        // The order of the two streams is kept: what went to the other one goes out first.
        if is_error != self.is_error || self.gathered.len() >= GATHERED {
            self.flush()?;
            self.is_error = is_error;
        }
        if self.timestamps {
            self.gathered.extend_from_slice(time.as_bytes());
            self.gathered.push(b' ');
        }
        if self.details {
            let words = engine::words::log_details(details().into_iter().collect());
            self.gathered.extend_from_slice(words.as_bytes());
            self.gathered.push(b' ');
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let stream = if self.is_error { rustix::stdio::stderr() } else { rustix::stdio::stdout() };
        let written = write_all(stream, &self.gathered);
        self.gathered.clear();
        written.map_err(|errno| match errno {
            rustix::io::Errno::PIPE => Failure::Unread,
            errno => Failure::file("write", "the output")(errno.into()),
        })
    }
}
