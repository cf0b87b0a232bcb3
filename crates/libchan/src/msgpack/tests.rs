//! The original's own encoding of values, and what no message may be.

use serde::{Deserialize, Serialize};

use super::read::{Malformed, from_slice};
use super::scan::{Scan, Scanned};
use super::write::append;
use crate::generation::Generation;
use crate::limits::Limits;
use crate::time::Time;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vector {
    name: String,
    go_type: String,
    hex: Option<String>,
    hex_prefix: Option<String>,
    total_len: Option<usize>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../tests/vectors/msgpack.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn whole(vector: &Vector) -> Vec<u8> {
    let Some(prefix) = &vector.hex_prefix else { return bytes(vector.hex.as_ref().unwrap()) };
    let mut whole = bytes(prefix);
    let last = *whole.last().unwrap();
    whole.resize(vector.total_len.unwrap(), last);
    whole
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, value).unwrap();
    out
}

/// Reads a message as a type and writes it again.
fn again<T: for<'de> Deserialize<'de> + Serialize>(message: &[u8]) -> Vec<u8> {
    written(&from_slice::<T>(message).unwrap())
}

#[derive(Serialize, Deserialize)]
struct Blob(#[serde(with = "serde_bytes")] Vec<u8>);

mod serde_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        <&[u8]>::deserialize(from).map(<[u8]>::to_vec)
    }
}

#[test]
fn what_the_original_writes_is_read_and_written_alike() {
    for vector in vectors() {
        let message = whole(&vector);
        let again = match vector.go_type.as_str() {
            "<nil>" => again::<()>(&message),
            "bool" => again::<bool>(&message),
            "int" | "int64" | "time.Duration" => again::<i64>(&message),
            "uint" | "uint64" => again::<u64>(&message),
            // We write all floats so that the original reads them into any field.
            "float32" => {
                assert_eq!(from_slice::<f32>(&message), Ok(1.5));
                continue;
            }
            "float64" => again::<f64>(&message),
            "string" => again::<String>(&message),
            // What is nil there is empty here.
            "[]uint8" | "[]string" if message == [0xc0] => {
                assert_eq!(from_slice::<Vec<String>>(&message), Ok(Vec::new()));
                assert!(from_slice::<Blob>(&message).unwrap().0.is_empty());
                continue;
            }
            "[]uint8" => again::<Blob>(&message),
            "[]string" => again::<Vec<String>>(&message),
            "[]interface {}" if vector.name == "[]any 16" => again::<Vec<u64>>(&message),
            "[]interface {}" => again::<(Option<u8>, bool, String, i8, f64, Blob)>(&message),
            "map[string]interface {}" => {
                again::<std::collections::BTreeMap<String, String>>(&message)
            }
            "ext" if message[..2] == [0xc7, 12] => again::<Time>(&message),
            "ext" => {
                let scanned =
                    Scan::default().go_on(&message, &Limits::default(), Generation::Third).unwrap();
                assert_eq!(scanned, Some(Scanned { size: message.len(), references: vec![] }));
                continue;
            }
            other => panic!("{other}"),
        };
        assert_eq!(again, message, "{}", vector.name);
    }
}

#[test]
fn times_are_the_originals() {
    let time = Time { seconds: 1_402_333_200, nanoseconds: 123_456_789 };
    assert_eq!(written(&time), bytes("c70c06000000005395e810075bcd15"));
    assert_eq!(from_slice::<Time>(&written(&time)), Ok(time));
    let before = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1500);
    assert_eq!(Time::from(before), Time { seconds: -2, nanoseconds: 500_000_000 });
    assert_eq!(std::time::SystemTime::try_from(Time::from(before)).unwrap(), before);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Round(f64),
    Square { side: u8, tags: Option<Vec<String>> },
    Pair(i8, i8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Drawing {
    name: String,
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, Shape>,
}

#[test]
fn what_rust_has_comes_back() {
    let shapes = [
        Shape::Nothing,
        Shape::Round(0.5),
        Shape::Square { side: 200, tags: Some(vec!["a".to_owned()]) },
        Shape::Pair(-1, 1),
    ];
    let more =
        shapes.into_iter().zip('a'..).map(|(shape, name)| (name.to_string(), shape)).collect();
    let drawing = Drawing { name: "all".to_owned(), more };
    assert_eq!(from_slice(&written(&drawing)), Ok(drawing));
}

#[test]
fn every_cut_waits_and_every_piece_is_taken_where_it_was_left() {
    let limits = Limits::default();
    for vector in vectors().iter().filter(|vector| vector.hex_prefix.is_none()) {
        let message = whole(vector);
        let mut scan = Scan::default();
        for end in 0..message.len() {
            assert_eq!(
                scan.go_on(&message[..end], &limits, Generation::Third),
                Ok(None),
                "{} {end}",
                vector.name
            );
        }
        let scanned = scan.go_on(&message, &limits, Generation::Third).unwrap().unwrap();
        assert_eq!(scanned.size, message.len(), "{}", vector.name);
    }
}

#[test]
fn what_is_beyond_a_limit_or_no_message_is_told_before_it_is_read() {
    let limits = Limits { message_bytes: 1000, depth: 3, values: 10, ..Limits::default() };
    let told =
        |hex: &str| Scan::default().go_on(&bytes(hex), &limits, Generation::Third).unwrap_err();
    assert_eq!(told("91919191"), Malformed::Limit("depth"));
    assert_eq!(told("ddffffffff"), Malformed::Limit("message_bytes"));
    assert_eq!(told("dfffffffff"), Malformed::Limit("message_bytes"));
    assert_eq!(told("dbffffffff"), Malformed::Limit("message_bytes"));
    assert_eq!(told("c6ffffffff"), Malformed::Limit("message_bytes"));
    assert_eq!(told("c9ffffffff01"), Malformed::Limit("message_bytes"));
    assert_eq!(told("9b0001020304050607080900"), Malformed::Limit("values"));
    assert_eq!(told("c1"), Malformed::Marker);
    assert_eq!(told("d40400"), Malformed::Extension(4));
    assert_eq!(told("d61100000000"), Malformed::Extension(17));
    assert_eq!(told("d6ff00000000"), Malformed::Extension(-1));
}
