//! The family `chan`: what the crate of that name does, on this process's input and output. No store, no engine.

use chan::{
    Answers, Between, ChanError, Ground, Look, Outcome, Place, Receiving, Recorded, Sending,
    TlsFiles,
};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;
use crate::request::{number, wrong};
use crate::signals::{Held, Order};
use crate::words::duration_ns;

pub(super) fn send(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let sending = Sending {
        place: place(matches, 0, matches.on("listen")),
        messages: matches.words.get(1..).unwrap_or_default().to_vec(),
        count: count(matches)?,
    };
    // What it was to send is not sent: whoever started it hears of the signal.
    held(matches, |ground| chan::send(ground, sending), Held::end_by)
}

pub(super) fn recv(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    receive(session, matches, matches.on("listen"))
}

pub(super) fn serve(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    receive(session, matches, true)
}

fn receive(_session: &Session, matches: &Matches, listens: bool) -> Result<i32, Failure> {
    let receiving = Receiving {
        place: place(matches, 0, listens),
        count: count(matches)?,
        answers: Answers {
            replies: matches.values("reply").map(str::to_owned).collect(),
            program: matches.value("exec").map(str::to_owned),
        },
    };
    until_stopped(matches, |ground| chan::receive(ground, receiving))
}

pub(super) fn relay(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    until_stopped(matches, |ground| chan::relay(ground, between(matches)))
}

/// Two places, or files.
pub(super) fn dump(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let look = Look { is_full: matches.on("full"), plain };
    let mut places = matches.words.iter().map(|word| word.contains("://"));
    match (places.next(), places.next()) {
        (Some(true), Some(true)) => {
            until_stopped(matches, |ground| chan::dump(ground, between(matches), look))
        }
        (Some(false), None | Some(false)) => {
            let recorded = Recorded { files: matches.words.clone() };
            held(matches, |ground| chan::dump_files(ground, recorded, look), Held::end_by)
        }
        _ => Err(Failure::Words(
            "chan dump takes two URLs, or one or two files: nothing else can be looked at"
                .to_owned(),
        )),
    }
}

fn between(matches: &Matches) -> Between {
    Between { listen: place(matches, 0, true), connect: place(matches, 1, false) }
}

fn place(matches: &Matches, word: usize, listens: bool) -> Place {
    let file = |flag| matches.text(flag).map(Into::into);
    let tls = TlsFiles {
        authority: file("tlscacert"),
        certificate: file("tlscert"),
        key: file("tlskey"),
        demands_certificates: matches.on("tlsverify"),
    };
    Place { url: matches.word(word).to_owned(), listens, tls }
}

fn count(matches: &Matches) -> Result<Option<u64>, Failure> {
    let count: Option<u64> = number(matches, "count")?;
    if count == Some(0) {
        return Err(wrong("count", "0", "nothing would be done"));
    }
    Ok(count)
}

/// A command that goes on until it is told to stop has done what it should by then.
fn until_stopped(
    matches: &Matches,
    act: impl FnOnce(Ground) -> Result<Outcome, ChanError>,
) -> Result<i32, Failure> {
    held(matches, act, |_held, _signal| 0)
}

fn held(
    matches: &Matches,
    act: impl FnOnce(Ground) -> Result<Outcome, ChanError>,
    stopped: impl FnOnce(Held, i32) -> i32,
) -> Result<i32, Failure> {
    let timeout = matches.value("timeout").map(|text| {
        let nanoseconds = duration_ns(text).and_then(|ns| u64::try_from(ns).ok());
        let nanoseconds = nanoseconds.filter(|ns| *ns > 0);
        let wrong = || wrong("timeout", text, "it is no duration such as 30s or 5m");
        nanoseconds.map(std::time::Duration::from_nanos).ok_or_else(wrong)
    });
    // Before anything that has a thread of its own.
    let held = Held::endings();
    let ground = Ground {
        input: Box::new(std::io::stdin()),
        output: Box::new(std::io::stdout()),
        talk: |words| output::talk(&plain(words)),
        report: |error| output::error(&chain(error), None),
        stop: held.as_fd().and_then(|signals| signals.try_clone_to_owned().ok()),
        is_verbose: matches.on("verbose"),
        timeout: timeout.transpose()?,
    };
    match act(ground) {
        Ok(Outcome::Done) => Ok(0),
        Ok(Outcome::Failed) => Ok(1),
        Ok(Outcome::Stopped) => Ok(match held.next() {
            Some(Order::End(signal)) => stopped(held, signal),
            _ => 0,
        }),
        Err(ChanError::Output(cause)) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Unread)
        }
        Err(error) => Err(Failure::Words(chain(&error))),
    }
}

/// The error with its causes; those of the system by their names, as everywhere else.
fn chain(error: &ChanError) -> String {
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let errno = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        let cause_words = errno
            .map_or_else(|| cause.to_string(), |number| sys::Errno::from_raw(number).to_string());
        // Libraries there are whose errors say what their causes say.
        if !words.ends_with(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        next = cause.source();
    }
    words
}
