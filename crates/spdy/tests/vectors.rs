//! Conversations of the original, captured: each is read frame by frame as an independent reader has read it, whatever pieces it comes in.
#![cfg(test)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use spdy::{Decoder, Encoder, Event, Frame, Headers, SynStream};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// One direction: where each frame begins, and what it is, as the dumps say it.
fn decode(bytes: &[u8], piece: usize) -> Vec<String> {
    let mut decoder = Decoder::new(64 << 10);
    let mut lines = Vec::new();
    let (mut at, mut frame_start, mut data) = (0, 0, Vec::new());
    let mut there = piece.min(bytes.len());
    loop {
        let mut input = &bytes[at..there];
        let event = decoder.next(&mut input).unwrap();
        at = there - input.len();
        let Some(event) = event else {
            if there == bytes.len() {
                break;
            }
            there = (there + piece).min(bytes.len());
            continue;
        };
        let text = match event {
            Event::Data { stream, bytes, last, finished } => {
                data.extend_from_slice(bytes);
                if !last {
                    continue;
                }
                let data = std::mem::take(&mut data);
                dumped_data(stream, finished, &data)
            }
            Event::Control(frame) => dumped(&frame),
            Event::Wrong { .. } | Event::Ignored { .. } => panic!("{event:?}"),
        };
        lines.push(format!("@{frame_start:<5} {text}"));
        frame_start = at;
    }
    assert!(decoder.between_frames());
    assert_eq!(at, bytes.len());
    lines
}

fn dumped_data(stream: u32, finished: bool, data: &[u8]) -> String {
    let mut hex = String::new();
    for byte in data.iter().take(100) {
        write!(hex, "{byte:02x}").unwrap();
    }
    format!("DATA stream={stream} flags={:#x} len={} {hex}", u8::from(finished), data.len())
}

fn dumped(frame: &Frame) -> String {
    let flags = |finished: &bool| format!("v3 flags={:#x}", u8::from(*finished));
    match frame {
        Frame::SynStream(syn) => format!(
            "SYN_STREAM {} stream={} assoc={} prio={} slot={} headers={}",
            flags(&syn.finished),
            syn.stream,
            syn.associated,
            syn.priority,
            syn.slot,
            dumped_headers(&syn.headers)
        ),
        Frame::SynReply { stream, finished, headers } => {
            let headers = dumped_headers(headers);
            format!("SYN_REPLY {} stream={stream} headers={headers}", flags(finished))
        }
        Frame::RstStream { stream, status } => {
            format!("RST_STREAM v3 flags=0x0 stream={stream} status={}", status.0)
        }
        Frame::Ping { id } => format!("PING v3 flags=0x0 id={id}"),
        Frame::GoAway { last, status } => {
            format!("GOAWAY v3 flags=0x0 last={last} status={status}")
        }
        Frame::Settings { .. } | Frame::Headers { .. } | Frame::WindowUpdate { .. } => {
            panic!("none is captured: {frame:?}")
        }
    }
}

fn dumped_headers(headers: &Headers) -> String {
    let pairs: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("('{name}', '{}')", std::str::from_utf8(value).unwrap()))
        .collect();
    format!("[{}]", pairs.join(", "))
}

/// Lines of one direction of a dump; long data is abridged there.
fn expected(dump: &str, direction: &str) -> Vec<String> {
    let lines = dump.lines().filter_map(|line| line.strip_prefix(direction));
    lines.map(|line| line.trim().trim_end_matches('…').to_owned()).collect()
}

fn same(read: &[String], expected: &[String]) {
    assert_eq!(read.len(), expected.len(), "{read:#?}");
    for (read, expected) in read.iter().zip(expected) {
        let read = read.trim_end();
        let abridged = expected.contains("DATA") && read.starts_with(expected.as_str());
        assert!(read == expected || abridged, "read {read}, expected {expected}");
    }
}

#[test]
fn every_conversation_is_read_frame_by_frame() {
    let mut conversations = 0;
    for directory in [vectors(), vectors().join("v0.1.0")] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".dump.txt") else { continue };
            let dump = std::fs::read_to_string(&path).unwrap();
            for (direction, side) in [("C>S", "c2s"), ("S>C", "s2c")] {
                let bytes = std::fs::read(format!("{name}.{side}.bin")).unwrap();
                let expected = expected(&dump, direction);
                assert!(!expected.is_empty());
                for piece in [usize::MAX, 1, 2, 3, 7, 19, 4096] {
                    same(&decode(&bytes, piece), &expected);
                }
            }
            conversations += 1;
        }
    }
    assert_eq!(conversations, 15);
}

#[test]
fn twelve_frames_of_one_framer_pass_one_inflater() {
    let text = std::fs::read_to_string(vectors().join("spdy_frames.json")).unwrap();
    let frames: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(frames.len(), 12);
    let mut decoder = Decoder::new(64 << 10);
    let mut encoder = Encoder::new(true);
    let mut again = Decoder::new(64 << 10);
    for frame in &frames {
        let (note, hex) = (frame["Note"].as_str().unwrap(), frame["Hex"].as_str().unwrap());
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let mut input = &bytes[..];
        let event = decoder.next(&mut input).unwrap().unwrap();
        assert!(input.is_empty(), "{note}");
        let kind = note.split([' ', '+']).next().unwrap().replace('_', "").to_lowercase();
        let shown = format!("{event:?}").to_lowercase();
        assert!(shown.contains(&kind), "{note}: {shown}");
        let Event::Control(control) = event else { continue };
        let read = if let Frame::SynStream(SynStream { headers, .. })
        | Frame::SynReply { headers, .. }
        | Frame::Headers { headers, .. } = &control
        {
            Some(headers)
        } else {
            None
        };
        if let Some(read) = read {
            let headers = frame["Headers"].as_object().unwrap();
            assert_eq!(read.len(), headers.len(), "{note}");
            for (name, value) in headers {
                assert_eq!(read.text(name), value.as_str(), "{note}");
            }
        }
        // Ours is byte for byte the same where nothing is compressed, and reads the same otherwise.
        let mut ours = Vec::new();
        encoder.control(&control, &mut ours).unwrap();
        if read.is_none() {
            assert_eq!(ours, bytes, "{note}");
        }
        assert_eq!(again.next(&mut &ours[..]).unwrap(), Some(Event::Control(control)), "{note}");
    }
}
