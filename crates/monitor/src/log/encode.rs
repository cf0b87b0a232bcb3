//! Lines as files have them: runs of plain bytes are copied, the rest is looked at.

use super::{FileFormat, Line};
use crate::outputs::Stream;

/// Bytes that are looked at together: as wide as the processor's registers may be.
const STRIDE: usize = 32;

/// Appends a line. `attributes` is the JSON of what stands beside it, or empty.
pub(super) fn record(out: &mut Vec<u8>, format: FileFormat, line: &Line<'_>, attributes: &str) {
    match format {
        FileFormat::Json => json(out, line, attributes),
        FileFormat::Kubernetes => kubernetes(out, line),
    }
}

fn json(out: &mut Vec<u8>, line: &Line<'_>, attributes: &str) {
    out.reserve(line.text.len() + attributes.len() + 96);
    out.extend_from_slice(b"{\"log\":\"");
    match line.text.split_last() {
        Some((b'\n', text)) => {
            escape(out, text);
            out.extend_from_slice(b"\\n");
        }
        _ => escape(out, line.text),
    }
    out.extend_from_slice(match line.stream {
        Stream::Stdout => b"\",\"stream\":\"stdout\"",
        Stream::Stderr => b"\",\"stream\":\"stderr\"",
    });
    if !attributes.is_empty() {
        out.extend_from_slice(b",\"attrs\":");
        out.extend_from_slice(attributes.as_bytes());
    }
    out.extend_from_slice(b",\"time\":\"");
    out.extend_from_slice(line.time.as_bytes());
    out.extend_from_slice(b"\"}\n");
}

/// As a JSON string; bytes that are no UTF-8 become U+FFFD, as Docker writes them. RFC 8259, section 7.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let run = plain(rest);
        let (plain, after) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((special, after_it)) = after.split_first() else { return };
        if *special >= 0x80 {
            let end = after.iter().position(u8::is_ascii).unwrap_or(after.len());
            let (foreign, next) = after.split_at_checked(end).unwrap_or((after, &[]));
            for chunk in foreign.utf8_chunks() {
                out.extend_from_slice(chunk.valid().as_bytes());
                if !chunk.invalid().is_empty() {
                    out.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
            rest = next;
            continue;
        }
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
                out.extend_from_slice(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    digit(control >> 4),
                    digit(*control),
                ]);
            }
        }
        rest = after_it;
    }
}

/// How many bytes at the beginning stand in a JSON string as they are.
fn plain(bytes: &[u8]) -> usize {
    let is_special = |byte: u8| !(b' '..0x80).contains(&byte) || byte == b'"' || byte == b'\\';
    let mut at = 0;
    let (strides, _) = bytes.as_chunks::<STRIDE>();
    for stride in strides {
        // Without a branch inside, the compiler makes vector instructions of it.
        if stride.iter().fold(false, |any, byte| any | is_special(*byte)) {
            break;
        }
        at += STRIDE;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

fn kubernetes(out: &mut Vec<u8>, line: &Line<'_>) {
    let text = line.text.strip_suffix(b"\n").unwrap_or(line.text);
    out.reserve(text.len() + 48);
    out.extend_from_slice(line.time.as_bytes());
    out.extend_from_slice(match line.stream {
        Stream::Stdout => b" stdout ",
        Stream::Stderr => b" stderr ",
    });
    // What has no line end yet goes on in the next line.
    out.extend_from_slice(if text.len() == line.text.len() { b"P " } else { b"F " });
    out.extend_from_slice(text);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-01-31T12:00:00.000000000Z";

    fn encoded(format: FileFormat, text: &[u8], attributes: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let line = Line { stream: Stream::Stderr, text, part: None, time: TIME };
        record(&mut out, format, &line, attributes);
        out
    }

    #[test]
    fn records_are_json() {
        let long = [b"x".repeat(100), b"\"".to_vec(), "ä€".repeat(50).into_bytes()].concat();
        for (text, expected) in [
            (&b"a\"\\\t\x01\x1f\xff\xc3\xa4\n"[..], "a\"\\\t\u{1}\u{1f}\u{fffd}ä\n"),
            (b"", ""),
            (b"\r\n", "\r\n"),
            (b"\xc3", "\u{fffd}"),
            (&long, std::str::from_utf8(&long).unwrap()),
        ] {
            let value: serde_json::Value =
                serde_json::from_slice(&encoded(FileFormat::Json, text, "{\"a\":\"b\"}")).unwrap();
            assert_eq!(value["log"], expected);
            assert_eq!(value["stream"], "stderr");
            assert_eq!((&value["attrs"]["a"], &value["time"]), (&"b".into(), &TIME.into()));
        }
    }

    #[test]
    fn parts_are_marked_for_kubernetes() {
        let text =
            |bytes: &[u8]| String::from_utf8(encoded(FileFormat::Kubernetes, bytes, "")).unwrap();
        assert_eq!(text(b"whole\n"), format!("{TIME} stderr F whole\n"));
        assert_eq!(text(b"half"), format!("{TIME} stderr P half\n"));
    }
}
