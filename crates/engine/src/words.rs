//! Times, and what stands beside lines of a log, as Docker tells them to people.

use std::collections::BTreeMap;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// "3 minutes", "About an hour".
#[must_use]
pub fn duration(seconds: i64) -> String {
    match seconds {
        i64::MIN..1 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 => format!("{} minutes", seconds / MINUTE),
        _ => match (seconds + HOUR / 2) / HOUR {
            1 => "About an hour".to_owned(),
            hours @ 2..48 => format!("{hours} hours"),
            hours @ 48..336 => format!("{} days", hours / 24),
            hours @ 336..1440 => format!("{} weeks", hours / 24 / 7),
            hours @ 1440..17520 => format!("{} months", hours / 24 / 30),
            _ => format!("{} years", seconds / DAY / 365),
        },
    }
}

/// Seconds since 1970 of a time that the engine wrote.
#[must_use]
pub fn seconds_of(rfc3339: &str) -> i64 {
    rfc3339.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second)
}

/// Seconds since 1970, now.
#[must_use]
pub fn now() -> i64 {
    monitor::now_ns() / 1_000_000_000
}

/// What stands beside a line of a log, `NAME=VALUE` with commas between.
#[must_use]
pub fn log_details(attributes: BTreeMap<String, String>) -> String {
    let words = attributes
        .into_iter()
        .map(|(name, value)| format!("{}={}", query_escaped(&name), query_escaped(&value)));
    words.collect::<Vec<_>>().join(",")
}

/// As in the query of a URL, where blanks are plus signs: Go's `url.QueryEscape`.
#[must_use]
pub fn query_escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
