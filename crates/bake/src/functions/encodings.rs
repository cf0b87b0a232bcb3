//! Base64, URLs, JSON, CSV, digests and identifiers.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

use super::digests::{hex, md5, sha1};
use super::{Answer, Arguments, Native};
use crate::comma;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("base64decode", 1, 1, |arguments| {
        let bytes = STANDARD.decode(arguments.text(0)?).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|error| error.utf8_error().to_string())?;
        Ok(Value::Text(text))
    }),
    ("base64encode", 1, 1, |arguments| Ok(Value::Text(STANDARD.encode(arguments.text(0)?)))),
    ("csvdecode", 1, 1, csv),
    ("jsondecode", 1, 1, |arguments| {
        let json: serde_json::Value =
            serde_json::from_str(&arguments.text(0)?).map_err(|error| error.to_string())?;
        Ok(Value::from_json(&json))
    }),
    ("jsonencode", 1, 1, |arguments| Ok(Value::Text(arguments.value(0).to_json()))),
    ("md5", 1, 1, |arguments| Ok(Value::Text(hex(&md5(arguments.text(0)?.as_bytes()))))),
    ("sha1", 1, 1, |arguments| Ok(Value::Text(hex(&sha1(arguments.text(0)?.as_bytes()))))),
    ("sha256", 1, 1, |arguments| Ok(Value::Text(hex(&sha2::Sha256::digest(arguments.text(0)?))))),
    ("sha512", 1, 1, |arguments| Ok(Value::Text(hex(&sha2::Sha512::digest(arguments.text(0)?))))),
    ("urlencode", 1, 1, |arguments| Ok(Value::Text(url(&arguments.text(0)?)))),
    ("uuidv4", 0, 0, |arguments| Ok(Value::Text(uuid((arguments.machine.random)(), 4)))),
    ("uuidv5", 2, 2, |arguments| {
        let space = space(&arguments.text(0)?)?;
        let name = arguments.text(1)?;
        let digest = sha1(&[&space[..], name.as_bytes()].concat());
        let mut first = [0; 16];
        first.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
        Ok(Value::Text(uuid(first, 5)))
    }),
];

/// Of a query: a space is a plus.
fn url(text: &str) -> String {
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

/// A UUID of a version. RFC 9562, 4.
fn uuid(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| digits.get(part).unwrap_or_default().to_owned()).join("-")
}

/// A name space: one of the four of RFC 9562, appendix A, by name, or any by its digits.
fn space(name: &str) -> Result<[u8; 16], String> {
    let known = ["dns", "url", "oid"].iter().position(|known| *known == name);
    let digits = match (known, name) {
        (Some(0), _) => "6ba7b8109dad11d180b400c04fd430c8".to_owned(),
        (Some(1), _) => "6ba7b8119dad11d180b400c04fd430c8".to_owned(),
        (Some(_), _) => "6ba7b8129dad11d180b400c04fd430c8".to_owned(),
        (None, "x500") => "6ba7b8149dad11d180b400c04fd430c8".to_owned(),
        (None, name) => name.replace('-', ""),
    };
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
    number.map(u128::to_be_bytes).ok_or_else(|| format!("{name:?} is no name space"))
}

/// A list of maps, by the names of the first line.
fn csv(arguments: &Arguments<'_>) -> Answer {
    let text = arguments.text(0)?;
    let mut lines = records(&text)?.into_iter();
    let names = lines.next().ok_or("the first line is missing")?;
    let mut rows = Vec::new();
    for fields in lines {
        if fields.len() != names.len() {
            return Err(format!("a line has {} fields, not {}", fields.len(), names.len()));
        }
        let row = names.iter().cloned().zip(fields.into_iter().map(Value::Text));
        rows.push(Value::Map(row.collect::<BTreeMap<_, _>>()));
    }
    Ok(Value::List(rows))
}

/// Lines, where a quoted field may hold line ends.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let mut pending = String::new();
    for line in text.lines() {
        if !pending.is_empty() {
            pending.push('\n');
        }
        pending.push_str(line);
        if pending.matches('"').count().is_multiple_of(2) {
            let record = std::mem::take(&mut pending);
            if !record.is_empty() {
                records.push(comma::fields(&record)?);
            }
        }
    }
    if pending.is_empty() { Ok(records) } else { Err("a quote is not closed".to_owned()) }
}
