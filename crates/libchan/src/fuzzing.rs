//! What fuzz/ reaches beyond the public items: messages by themselves, the bytes of a WebSocket, and a session whose peer is any bytes.
//! Exists with `--cfg fuzzing`, as cargo-fuzz sets it, and in tests: no release holds this module.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, join, sink};

use crate::generation::Generation;
use crate::limits::Limits;
use crate::msgpack::read::from_slice;
use crate::msgpack::scan::{Scan, Scanned};
use crate::msgpack::write::append;
use crate::session::{Session, Side};
use crate::transport::{Options, websocket};
use crate::value::Value;

/// A type with something of everything that is data.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    number: i64,
    unsigned: Option<u16>,
    float: f64,
    text: String,
    list: Vec<(u8, String)>,
    inner: Option<Box<Self>>,
    choice: Choice,
    time: Option<crate::time::Time>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
enum Choice {
    #[default]
    Nothing,
    One(u32),
    Several(u32, String),
    Named {
        name: String,
    },
}

fn limits() -> Limits {
    Limits {
        message_bytes: 4096,
        depth: 16,
        values: 500,
        streams: 8,
        parked: 4,
        queue_bytes: 1024,
        session_bytes: 8192,
        partial_bytes: 8192,
        keep_alive: None,
        reference_wait: Duration::from_millis(1),
        ..Limits::default()
    }
}

/// Any bytes as a message: its bounds are the same in pieces as at once, what it is read as fits into them, and is the same when it is
/// written and read again.
///
/// # Panics
/// When that is not so.
pub fn message(bytes: &[u8]) {
    let limits = limits();
    for generation in [Generation::Third, Generation::Second] {
        let whole = Scan::default().go_on(bytes, &limits, generation);
        let mut scan = Scan::default();
        let mut pieces = Ok(None);
        for end in 0..=bytes.len() {
            pieces = scan.go_on(&bytes[..end], &limits, generation);
            if !matches!(pieces, Ok(None)) {
                break;
            }
        }
        assert_eq!(pieces, whole);
        let Ok(Some(Scanned { size, references })) = whole else { continue };
        assert!(size <= bytes.len() && size <= limits.message_bytes);
        assert!(references.len() <= limits.parked);
        let message = &bytes[..size];
        if references.is_empty() && generation == Generation::Third {
            read_and_written::<Value>(message);
        }
        read_and_written::<Record>(message);
        read_and_written::<Vec<Record>>(message);
    }
}

fn read_and_written<T: Serialize + for<'de> Deserialize<'de> + std::fmt::Debug>(message: &[u8]) {
    let Ok(value) = from_slice::<T>(message) else { return };
    let mut written = Vec::new();
    assert_eq!(append(&mut written, &value).map_err(|unwritable| unwritable.0), Ok(()));
    let limits = Limits::default();
    let scanned = Scan::default().go_on(&written, &limits, Generation::Third);
    assert!(matches!(scanned, Ok(Some(scanned)) if scanned.size == written.len()));
    let again = from_slice::<T>(&written).map(|again| shown(&again));
    assert_eq!(again, Ok(shown(&value)));
}

/// Small numbers are written in one way, whether they came as signed ones or not.
fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").replace("Unsigned(", "Number(").replace("Signed(", "Number(")
}

/// Runs a future that waits for nothing but itself.
fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(work);
        let ended = async {
            while runtime.metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let in_time = async { tokio::time::timeout(Duration::from_secs(10), ended).await };
        assert!(runtime.block_on(in_time).is_ok(), "a task is left");
    }
}

/// Any bytes as frames of a WebSocket, and as the head of one: no more comes out than went in, and it ends.
///
/// # Panics
/// When that is not so.
pub fn websocket(bytes: &[u8]) {
    run(async {
        let mut opened = websocket::opened(join(bytes, sink())).await;
        let mut read = Vec::new();
        let _end = opened.read_to_end(&mut read).await;
        assert!(read.len() <= bytes.len());
        let _refused = websocket::accept(join(bytes, sink()), "/", &Options::default()).await;
    });
}

/// A server whose peer is any bytes: everything that is accepted is received and read, and all of it ends.
///
/// # Panics
/// When a task is left.
pub fn session(bytes: &[u8]) {
    let bytes = bytes.to_vec();
    run(async {
        let peer = join(std::io::Cursor::new(bytes), sink());
        let session = Session::new(peer, Side::Server, limits());
        let mut works = tokio::task::JoinSet::new();
        while let Ok(Some(mut channel)) = session.accept::<Value>().await {
            works.spawn(async move {
                while let Ok(Some(value)) = channel.recv().await {
                    take(value).await;
                }
            });
        }
        works.join_all().await;
        let _fault = session.ended().await;
    });
}

/// Uses what was in a message.
async fn take(value: Value) {
    match value {
        Value::Array(values) => {
            for value in values {
                Box::pin(take(value)).await;
            }
        }
        Value::Map(pairs) => {
            for (name, value) in pairs {
                Box::pin(take(name)).await;
                Box::pin(take(value)).await;
            }
        }
        Value::Sender(sender) => drop(sender.send(Value::Nil).await),
        Value::Receiver(mut receiver) => {
            while let Ok(Some(value)) = receiver.recv().await {
                Box::pin(take(value)).await;
            }
        }
        Value::Stream(mut stream) => drop(stream.read_to_end(&mut Vec::new()).await),
        Value::Reader(mut reader) => drop(reader.read_to_end(&mut Vec::new()).await),
        Value::Writer(_)
        | Value::Descriptor(_)
        | Value::Nil
        | Value::Bool(_)
        | Value::Signed(_)
        | Value::Unsigned(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Time(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    const CONVERSATIONS: &[&[u8]] = &[
        include_bytes!("../../spdy/tests/vectors/big.c2s.bin"),
        include_bytes!("../../spdy/tests/vectors/mirror.c2s.bin"),
        include_bytes!("../../spdy/tests/vectors/nest.c2s.bin"),
        include_bytes!("../../spdy/tests/vectors/rexec-cat.c2s.bin"),
        include_bytes!("../../spdy/tests/vectors/sum.c2s.bin"),
        include_bytes!("../../spdy/tests/vectors/v0.1.0/rexec-ls.c2s.bin"),
    ];

    const MESSAGES: &[&[u8]] = &[
        b"\x83\xa6number\xd1\x00\x80\xa4text\xd9\x01x\xa4list\x91\x92\x05\xa1y",
        b"\x82\xa6choice\x81\xa5Named\x81\xa4name\xa1z\xa5inner\x81\xa8unsigned\xcd\x01\x00",
        b"\x92\xc7\x0c\x06\0\0\0\0\x53\x95\xe7\x50\x07\x5b\xcd\x15\xcb\x3f\xf0\0\0\0\0\0\0",
        b"\xde\0\x01\xc0\xdf\0\0\0\x01\xc4\x01\xff\xdd\0\0\0\x02\xc2\xc3",
        b"\x94\xd6\x05\0\0\0\x09\xd7\x04\0\0\0\x01\0\0\0\x09\xc7\x05\x01\x02\0\0\0\x07\xff",
    ];

    /// Frames of a WebSocket from a client, whose mask is nothing.
    const FRAMES: &[&[u8]] = &[
        b"\x82\x85\0\0\0\0hello\x89\x80\0\0\0\0\x88\x82\0\0\0\0\x03\xe8",
        b"\x02\x83\0\0\0\0abc\x80\xfe\0\x03\0\0\0\0def\x81\x81\0\0\0\0x",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x82\x81\0\0\0\0x",
    ];

    /// One of these, with bytes changed, taken away and put in.
    fn changed(of: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
        let place = any::<prop::sample::Index>;
        let change = prop_oneof![
            (place(), any::<u8>()).prop_map(|(at, byte)| (at, Some(byte), 0)),
            (place(), 0..20_usize).prop_map(|(at, size)| (at, None, size)),
        ];
        (prop::sample::select(of), vec(change, 0..5)).prop_map(|(bytes, changes)| {
            let mut bytes = bytes.to_vec();
            for (at, byte, size) in changes {
                let at = at.index(bytes.len().max(1)).min(bytes.len());
                match byte {
                    Some(byte) if at < bytes.len() => bytes[at] = byte,
                    Some(byte) => bytes.push(byte),
                    None if size % 2 == 0 => drop(bytes.drain(at..(at + size).min(bytes.len()))),
                    None => drop(bytes.splice(at..at, vec![0x91; size])),
                }
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn messages_are_read_as_they_are_written(bytes in changed(MESSAGES)) {
            super::message(&bytes);
        }

        #[test]
        fn websockets_end(bytes in changed(FRAMES)) {
            super::websocket(&bytes);
        }

        #[test]
        fn sessions_end(bytes in changed(CONVERSATIONS)) {
            super::session(&bytes);
        }
    }
}
