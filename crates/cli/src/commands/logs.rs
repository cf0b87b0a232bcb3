//! `logs`.

use engine::State;
use engine::log::{Reader, Selection};

use crate::arguments::Matches;
use crate::attach::write_all;
use crate::failure::Failure;
use crate::program::Session;
use crate::words::log_time;

/// Output is gathered up to this before it is written.
const GATHERED: usize = 64 * 1024;

pub(super) fn logs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
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
    let selection = Selection { tail, since: time("since")?, until: time("until")? };
    let until = selection.until.clone();
    let engine = session.engine()?;
    let containers = engine.containers();
    let container = containers.get(matches.word(0))?;
    let id = container.record.id.as_str();
    let failed = |error: engine::log::ReadError| Failure::Words(engine::chain(&error));
    let mut reader = Reader::open(&container.dirs.container, selection).map_err(failed)?;
    let mut out = Printer {
        timestamps: matches.on("timestamps"),
        tty: container.config.tty,
        streams: [Vec::new(), Vec::new()],
    };
    loop {
        // Looked at before the log: what is written after the end was seen does not exist.
        let runs = matches.on("follow")
            && matches!(
                containers.get(id).map(|container| container.state),
                Ok(State::Running { monitored: true, .. } | State::Starting | State::Restarting(_))
            );
        while let Some(entry) = reader.next_entry().map_err(failed)? {
            out.print(&entry)?;
        }
        out.flush()?;
        if !runs
            || until.as_ref().is_some_and(|until| engine::format_time(engine::now_ns()) >= *until)
        {
            return Ok(0);
        }
        reader.wait().map_err(failed)?;
    }
}

struct Printer {
    timestamps: bool,
    tty: bool,
    streams: [Vec<u8>; 2],
}

impl Printer {
    fn print(&mut self, entry: &engine::log::Entry) -> Result<(), Failure> {
        let place = usize::from(entry.stream == "stderr" && !self.tty);
        // The order of the two streams is kept: what went to the other one goes out first.
        if self.streams.get(1 - place).is_some_and(|other| !other.is_empty()) {
            self.flush()?;
        }
        let Some(stream) = self.streams.get_mut(place) else { return Ok(()) };
        if self.timestamps {
            stream.extend_from_slice(entry.time.as_bytes());
            stream.push(b' ');
        }
        stream.extend_from_slice(entry.text.as_bytes());
        if stream.len() < GATHERED { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let [out, err] = &mut self.streams;
        let written = write_all(rustix::stdio::stdout(), out)
            .and_then(|()| write_all(rustix::stdio::stderr(), err));
        out.clear();
        err.clear();
        written.map_err(|errno| match errno {
            rustix::io::Errno::PIPE => Failure::Unread,
            errno => Failure::file("write", "the output")(errno.into()),
        })
    }
}
