//! A line of a log file, taken apart: the forms that this program writes by hand, Docker's other spellings by serde.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use sys::find_byte;

use super::FileFormat;
use crate::outputs::Stream;

/// How long a time is that this program wrote.
const TIME: usize = 30;

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    text: Text<'a>,
    stream: Stream,
    time: Cow<'a, str>,
    attributes: Attributes<'a>,
}

#[derive(Clone, Debug)]
enum Text<'a> {
    /// As it stands in a JSON string.
    Escaped(&'a [u8]),
    /// As it stands, without its line end if it has one.
    Plain(&'a [u8], bool),
    Owned(String),
}

#[derive(Clone, Debug)]
enum Attributes<'a> {
    /// An object, or nothing.
    Json(&'a [u8]),
    Owned(BTreeMap<String, String>),
}

/// Docker's record, whatever its order and its blanks.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    log: String,
    #[serde(default)]
    stream: String,
    time: String,
    #[serde(default)]
    attrs: BTreeMap<String, String>,
}

impl<'a> Entry<'a> {
    /// A line without its line end; nothing when no logger wrote it, for instance after a crash of the machine.
    pub(super) fn parse(format: FileFormat, line: &'a [u8]) -> Option<Self> {
        match format {
            FileFormat::Json => Self::own_json(line).or_else(|| Self::any_json(line)),
            FileFormat::Kubernetes => Self::kubernetes(line),
        }
    }

    fn own_json(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"log\":\"")?;
        let (text, rest) = rest.split_at_checked(end_of_string(rest)?)?;
        let rest = rest.strip_prefix(b"\",\"stream\":\"std")?;
        let (stream, rest) = match rest.split_first_chunk::<4>()? {
            (b"out\"", rest) => (Stream::Stdout, rest),
            (b"err\"", rest) => (Stream::Stderr, rest),
            _ => return None,
        };
        let rest = rest.strip_suffix(b"\"}")?;
        let (rest, time) = rest.split_at_checked(rest.len().checked_sub(TIME)?)?;
        let rest = rest.strip_suffix(b",\"time\":\"")?;
        let attributes = match rest {
            [] => rest,
            _ => rest.strip_prefix(b",\"attrs\":").filter(|json| json.ends_with(b"}"))?,
        };
        let time = std::str::from_utf8(time).ok().filter(|time| !time.contains(['"', '\\']))?;
        Some(Self {
            text: Text::Escaped(text),
            stream,
            time: time.into(),
            attributes: Attributes::Json(attributes),
        })
    }

    fn any_json(line: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(line).ok()?;
        Some(Self {
            stream: if record.stream == "stderr" { Stream::Stderr } else { Stream::Stdout },
            text: Text::Owned(record.log),
            time: nine_digits(&record.time).into(),
            attributes: Attributes::Owned(record.attrs),
        })
    }

    fn kubernetes(line: &'a [u8]) -> Option<Self> {
        let mut words = line.splitn(4, |byte| *byte == b' ');
        let time = std::str::from_utf8(words.next()?).ok()?;
        let stream = match words.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let is_whole = match words.next()? {
            b"F" => true,
            b"P" => false,
            _ => return None,
        };
        Some(Self {
            text: Text::Plain(words.next().unwrap_or_default(), is_whole),
            stream,
            time: if time.len() == TIME { time.into() } else { nine_digits(time).into() },
            attributes: Attributes::Json(&[]),
        })
    }

    /// Whether it came from standard error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.stream == Stream::Stderr
    }

    /// When the monitor read it, RFC 3339 with nanoseconds.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.time
    }

    /// Appends its text, with its line end if it had one.
    pub fn append_text(&self, out: &mut Vec<u8>) {
        match &self.text {
            Text::Escaped(text) => unescape(out, text),
            Text::Plain(text, is_whole) => {
                out.extend_from_slice(text);
                out.extend(is_whole.then_some(b'\n'));
            }
            Text::Owned(text) => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// Its text, with its line end if it had one.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        self.append_text(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What stands beside the line.
    #[must_use]
    pub fn attributes(&self) -> BTreeMap<String, String> {
        match &self.attributes {
            Attributes::Json(json) => serde_json::from_slice(json).unwrap_or_default(),
            Attributes::Owned(attributes) => attributes.clone(),
        }
    }
}

/// Where the quotation mark is that ends a string.
fn end_of_string(json: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + find_byte(b'"', json.get(at..)?)?;
        let before = json.get(..end)?;
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(end);
        }
        at = end + 1;
    }
}

/// What a JSON string says. An escape that is none stands as it is.
fn unescape(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(place) = find_byte(b'\\', rest) {
        let (plain, escape) = rest.split_at_checked(place).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let (length, byte) = match escape {
            [_, b'n', ..] => (2, b'\n'),
            [_, b't', ..] => (2, b'\t'),
            [_, b'r', ..] => (2, b'\r'),
            [_, b'b', ..] => (2, 8),
            [_, b'f', ..] => (2, 12),
            [_, byte @ (b'"' | b'\\' | b'/'), ..] => (2, *byte),
            [_, b'u', b'0', b'0', high, low, ..] if *high < b'8' => {
                (6, hexadecimal(*high) << 4 | hexadecimal(*low))
            }
            _ => {
                let (character, length) = unicode(escape);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = escape.get(length..).unwrap_or_default();
                continue;
            }
        };
        out.push(byte);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// `\uXXXX`, or two of them that are one character, and how long that is. Docker escapes U+2028 so, and `<`, `>` and `&`.
fn unicode(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return ('\u{fffd}', escape.len().min(2)) };
    let both = [Some(first), unit(6)];
    match char::decode_utf16(both.into_iter().flatten()).next() {
        Some(Ok(character)) => (character, 6 * character.len_utf16()),
        _ => ('\u{fffd}', 6),
    }
}

/// Times compare as texts once they are of one length: Go leaves zeros at the end out.
fn nine_digits(time: &str) -> String {
    let Some(short) = time.strip_suffix('Z') else { return time.to_owned() };
    match short.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<9}Z"),
        None => format!("{short}.000000000Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Line, encode};

    const TIME: &str = "2026-01-31T12:00:00.000000000Z";

    fn round_trip(text: &[u8], attributes: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let line = Line { stream: Stream::Stderr, text, part: None, time: TIME };
        encode::record(&mut out, FileFormat::Json, &line, attributes);
        let line = out.strip_suffix(b"\n").unwrap();
        let entry = Entry::own_json(line).expect("our own form");
        let by_serde = Entry::any_json(line).expect("JSON");
        assert_eq!((entry.text(), entry.time()), (by_serde.text(), by_serde.time()));
        assert_eq!(entry.attributes(), by_serde.attributes());
        assert!(entry.is_error());
        let mut text = Vec::new();
        entry.append_text(&mut text);
        text
    }

    #[test]
    fn what_is_written_is_read() {
        let every_byte: Vec<u8> = (0..0x80).collect();
        for text in
            [&b""[..], b"\n", b"\\", b"\\\\\"", b"a\\nb\n", &every_byte, "äöü€😀\n".as_bytes()]
        {
            assert_eq!(round_trip(text, ""), text);
            assert_eq!(round_trip(text, r#"{"a":"\"}","b":"c"}"#), text);
        }
        assert_eq!(round_trip(b"a\xffb\n", ""), "a\u{fffd}b\n".as_bytes());
    }

    #[test]
    fn what_others_write_is_read() {
        let parse = |text: &'static str| Entry::parse(FileFormat::Json, text.as_bytes());
        let entry = parse(r#"{"log":"\u003ca\ud83d\ude00\u20ac\n","stream":"stdout","time":"2026-01-31T12:00:00.12Z"}"#).unwrap();
        assert_eq!(entry.time(), "2026-01-31T12:00:00.120000000Z");
        assert_eq!(entry.text(), "<a😀€\n");
        let entry = parse(r#"{"time":"2026-01-31T12:00:00Z", "log":"x"}"#).unwrap();
        assert_eq!((entry.text().as_str(), entry.time()), ("x", TIME));
        for broken in ["", "{", "{\"log\":\"x", r#"{"log":"x","stream":"stdout","time":""#, "null"]
        {
            assert!(parse(broken).is_none(), "{broken}");
        }
        let own = format!(r#"{{"log":"\u20ac\/\q\u12","stream":"stdout","time":"{TIME}"}}"#);
        assert_eq!(
            Entry::parse(FileFormat::Json, own.as_bytes()).unwrap().text(),
            "€/\u{fffd}\u{fffd}12"
        );
        let entry =
            Entry::parse(FileFormat::Kubernetes, b"2026-01-31T12:00:00Z stderr P a b").unwrap();
        assert_eq!((entry.text().as_str(), entry.time()), ("a b", TIME));
    }
}
