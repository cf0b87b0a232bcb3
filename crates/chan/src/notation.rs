//! How JSON says what only messages have. Both ways: what is printed can be sent.
//!
//! ```text
//! {"$bytes": "aGk="}                         bytes, in base64
//! {"$time": "2014-06-09T17:00:00.5Z"}        a moment; [seconds, nanoseconds] where RFC 3339 has no year for it
//! {"$float": "NaN"}                          Infinity, -Infinity
//! {"$map": [[1, "one"], [null, "none"]]}     a map whose keys are not all texts, or not all different
//! {"$sender": …}, {"$receiver": …}           a channel that the message's receiver sends to, or receives from
//! {"$reader": …}, {"$writer": …}             bytes that the message's receiver reads, or writes
//! {"$stream": …}                             bytes both ways
//! {"$descriptor": …}                         a file, a socket, a pipe: [`crate::descriptor`]
//! {"$$sender": 1}                            a key that begins with $, without one of them
//! ```
//!
//! Each is an object with that key alone. What stands for … is whoever's that has the other end: [`crate::attach`] and [`crate::show`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use libchan::Time;

use crate::json::Json;

/// What an object stands for.
#[derive(Debug)]
pub(crate) enum Special<'a> {
    Bytes(Vec<u8>),
    Time(Time),
    Float(f64),
    Map(Vec<[&'a Json; 2]>),
    Attached(Kind, &'a Json),
}

/// What a message carries beside data, named by what its receiver does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sender,
    Receiver,
    Reader,
    Writer,
    Stream,
    Descriptor,
}

/// Why an object says nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadNotation {
    /// A key that begins with a dollar sign, and is none of the notation's.
    #[error("the key {0:?} has no meaning: a key that begins with $ is written with one more")]
    Unknown(String),
    /// A key of the notation, among others.
    #[error("{0:?} stands with other keys: a key that begins with $ is written with one more")]
    NotAlone(String),
    /// Something else behind it than it takes.
    #[error("{key:?} takes {wanted}")]
    Content {
        /// The key.
        key: &'static str,
        /// What stands behind it.
        wanted: &'static str,
    },
    /// Standard input is read once.
    #[error("standard input is read already")]
    InputTaken,
    /// A file that cannot be opened.
    #[error("open {path}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Sender, Self::Receiver, Self::Reader, Self::Writer, Self::Stream, Self::Descriptor];

    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Sender => "$sender",
            Self::Receiver => "$receiver",
            Self::Reader => "$reader",
            Self::Writer => "$writer",
            Self::Stream => "$stream",
            Self::Descriptor => "$descriptor",
        }
    }
}

/// What an object stands for; nothing for a plain one.
pub(crate) fn special(pairs: &[(String, Json)]) -> Result<Option<Special<'_>>, BadNotation> {
    let reserved = |key: &String| key.starts_with('$') && !key.starts_with("$$");
    let Some((key, value)) = pairs.iter().find(|(key, _)| reserved(key)) else { return Ok(None) };
    let special = match key.as_str() {
        "$bytes" => bytes(value).map(Special::Bytes).ok_or(("$bytes", "base64")),
        "$time" => time(value)
            .map(Special::Time)
            .ok_or(("$time", "a time of RFC 3339, or [seconds, nanoseconds]")),
        "$float" => float(value)
            .map(Special::Float)
            .ok_or(("$float", "\"NaN\", \"Infinity\" or \"-Infinity\"")),
        "$map" => map(value).map(Special::Map).ok_or(("$map", "an array of pairs")),
        other => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.key() == other);
            let kind = kind.ok_or_else(|| BadNotation::Unknown(key.clone()))?;
            Ok(Special::Attached(kind, value))
        }
    };
    if pairs.len() > 1 {
        return Err(BadNotation::NotAlone(key.clone()));
    }
    special.map(Some).map_err(|(key, wanted)| BadNotation::Content { key, wanted })
}

/// A plain object's key as it is in the message.
pub(crate) fn plain_key(key: &str) -> &str {
    if key.starts_with("$$") { key.get(1..).unwrap_or_default() } else { key }
}

pub(crate) fn of_bytes(bytes: &[u8]) -> Json {
    Json::pair("$bytes", Json::text(STANDARD.encode(bytes)))
}

/// Text where it is some.
pub(crate) fn of_data(bytes: Vec<u8>) -> Json {
    String::from_utf8(bytes).map_or_else(|error| of_bytes(error.as_bytes()), Json::Text)
}

pub(crate) fn of_time(time: Time) -> Json {
    let nanoseconds = i32::try_from(time.nanoseconds);
    let stamp = nanoseconds.ok().and_then(|part| Timestamp::new(time.seconds, part).ok());
    let parts =
        || Json::Array(vec![Json::Signed(time.seconds), Json::Signed(time.nanoseconds.into())]);
    Json::pair("$time", stamp.map_or_else(parts, |stamp| Json::text(stamp.to_string())))
}

pub(crate) fn of_unsigned(value: u64) -> Json {
    i64::try_from(value).map_or(Json::Unsigned(value), Json::Signed)
}

pub(crate) fn of_float(value: f64) -> Json {
    let name = match value {
        value if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        value => return Json::Float(value),
    };
    Json::pair("$float", Json::text(name))
}

/// An object where all keys are texts and different.
pub(crate) fn of_map(pairs: Vec<(Json, Json)>) -> Json {
    let mut seen = std::collections::HashSet::new();
    let is_object = pairs.iter().all(|(key, _)| matches!(key, Json::Text(key) if seen.insert(key)));
    if !is_object {
        let pair = |(key, value)| Json::Array(vec![key, value]);
        return Json::pair("$map", Json::Array(pairs.into_iter().map(pair).collect()));
    }
    let named = |(key, value)| match key {
        Json::Text(key) if key.starts_with('$') => Some((format!("${key}"), value)),
        Json::Text(key) => Some((key, value)),
        Json::Null
        | Json::Bool(_)
        | Json::Signed(_)
        | Json::Unsigned(_)
        | Json::Float(_)
        | Json::Array(_)
        | Json::Object(_) => None,
    };
    Json::Object(pairs.into_iter().filter_map(named).collect())
}

fn bytes(value: &Json) -> Option<Vec<u8>> {
    let Json::Text(text) = value else { return None };
    STANDARD.decode(text).ok()
}

fn time(value: &Json) -> Option<Time> {
    // RFC 3339 has no year beyond 9999.
    let parts = |seconds, nanoseconds: u32| {
        (nanoseconds < 1_000_000_000).then_some(Time { seconds, nanoseconds })
    };
    if let Json::Text(text) = value {
        let nanoseconds = text.parse::<Timestamp>().ok()?.as_nanosecond();
        let second = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
        return parts(second, u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?);
    }
    match pair(value)? {
        [Json::Signed(seconds), Json::Signed(nanoseconds)] => {
            parts(*seconds, u32::try_from(*nanoseconds).ok()?)
        }
        _ => None,
    }
}

fn float(value: &Json) -> Option<f64> {
    let Json::Text(name) = value else { return None };
    match name.as_str() {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn map(value: &Json) -> Option<Vec<[&Json; 2]>> {
    let Json::Array(pairs) = value else { return None };
    pairs.iter().map(pair).collect()
}

fn pair(value: &Json) -> Option<[&Json; 2]> {
    let Json::Array(pair) = value else { return None };
    match pair.as_slice() {
        [key, value] => Some([key, value]),
        _ => None,
    }
}
