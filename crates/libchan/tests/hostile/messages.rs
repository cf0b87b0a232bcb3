//! What is wrong with a message ends its channel: the peer gets a reset, whoever receives an error, and other channels go on.

use std::time::Duration;

use libchan::{Error, Limits, Receiver, Sender, Session, Value};
use serde::de::DeserializeOwned;

use crate::peer::{Heard, Peer, in_time};

/// The stream of the channel that goes on, and that of the one that is attacked.
const GOOD: u32 = 1;
const BAD: u32 = 3;

/// A session with a good channel, which has received, and one that is attacked.
async fn attacked<T: DeserializeOwned + Send + 'static>(
    limits: Limits,
) -> (Peer, Session, Receiver<u64>, Receiver<T>) {
    let (mut peer, session) = Peer::of_session(limits);
    peer.channel(GOOD, 2, None).await;
    peer.data(GOOD, &[7]).await;
    let mut good = session.accept::<u64>().await.unwrap().unwrap();
    assert_eq!(in_time("good", good.recv()).await, Ok(Some(7)));
    peer.channel(BAD, 3, None).await;
    let bad = session.accept::<T>().await.unwrap().unwrap();
    (peer, session, good, bad)
}

async fn goes_on(peer: &mut Peer, good: &mut Receiver<u64>, what: &str) {
    peer.data(GOOD, &[8]).await;
    assert_eq!(in_time(what, good.recv()).await, Ok(Some(8)), "{what}");
    peer.ping().await;
}

/// Streams that are named before, the message, what is told here.
type Row = (&'static str, &'static [u64], Vec<u8>, &'static str);

/// One message as a value of that type, and its error; the peer is told by a reset with PROTOCOL_ERROR.
async fn is_told<T: DeserializeOwned + Send + std::fmt::Debug + 'static>(
    (what, opened, message, told): Row,
) {
    let mut limits = Limits::default();
    limits.reference_wait = Duration::from_millis(50);
    let (mut peer, _session, mut good, mut bad) = attacked::<T>(limits).await;
    for (stream, number) in (5..).step_by(2).zip(opened) {
        peer.channel(stream, *number, Some(3)).await;
    }
    // Read while it is said: what nobody reads is ended for that.
    let said = async { tokio::join!(peer.data(BAD, &message), bad.recv()).1 };
    let error = in_time(what, said).await.expect_err(what);
    assert!(error.to_string().contains(told), "{what}: {error}");
    assert_eq!(bad.recv().await.err(), Some(error), "{what}: it stays so");
    in_time(what, peer.hear(&Heard::Reset(BAD, 1))).await;
    goes_on(&mut peer, &mut good, what).await;
}

fn extension(code: i8, size: usize) -> Vec<u8> {
    let size = u16::try_from(size).unwrap().to_be_bytes();
    [&[0xc8][..], &size, &code.to_be_bytes(), &vec![0; usize::from(u16::from_be_bytes(size))]]
        .concat()
}

#[tokio::test]
async fn what_is_no_message_is_told() {
    let million = [&[0xdd][..], &2_000_000_u32.to_be_bytes(), &vec![0xc0; 2_000_000]].concat();
    let named = |number: u8| vec![0xd6, 5, 0, 0, 0, number];
    let twice = [&[0x92][..], &named(9), &named(9)].concat();
    let later = [named(9), named(9)].concat();
    let rows: Vec<Row> = vec![
        ("the marker of nothing", &[], vec![0xc1], "byte c1"),
        ("it within an array", &[], vec![0x92, 1, 0xc1], "byte c1"),
        ("text of 4 GiB", &[], vec![0xdb, 255, 255, 255, 255], "message_bytes"),
        ("bytes of 4 GiB", &[], vec![0xc6, 255, 255, 255, 255], "message_bytes"),
        ("an array of 4 Gi", &[], vec![0xdd, 255, 255, 255, 255], "message_bytes"),
        ("a map of 4 Gi", &[], vec![0xdf, 255, 255, 255, 255], "message_bytes"),
        ("a map of 2 Gi", &[], vec![0xdf, 127, 255, 255, 255], "message_bytes"),
        ("an extension of 4 GiB", &[], vec![0xc9, 255, 255, 255, 255, 1], "message_bytes"),
        ("text of 16 MiB", &[], vec![0xdb, 1, 0, 0, 0], "message_bytes"),
        ("deep arrays", &[], vec![0x91; 100_000], "depth"),
        ("deep maps", &[], [0x81, 1].repeat(1000), "depth"),
        ("deep keys", &[], vec![0x81; 1000], "depth"),
        ("two million nils", &[], million, "values"),
        ("extension 0", &[], extension(0, 4), "extension 0"),
        ("extension 7", &[], extension(7, 4), "extension 7"),
        ("extension 127", &[], extension(127, 4), "extension 127"),
        ("extension -1", &[], extension(-1, 8), "extension -1"),
        ("no reference", &[0], extension(5, 0), "extension 5"),
        ("a reference of 3 bytes", &[0], extension(5, 3), "extension 5"),
        ("a reference of 5 bytes", &[0], extension(4, 5), "extension 4"),
        ("a reference of 16 bytes", &[0], extension(1, 16), "extension 1"),
        ("a reference of 60,000 bytes", &[0], extension(2, 60_000), "extension 2"),
        ("a time of 8 bytes", &[], extension(6, 8), "no time"),
        ("a time of 13 bytes", &[], extension(6, 13), "no time"),
        ("a stream that never comes", &[], named(9), "timed out"),
        ("another one comes", &[8], named(9), "timed out"),
        (
            "more than can be",
            &[],
            [&[0xdd, 0, 0, 8, 0][..], &named(9).repeat(2048)].concat(),
            "parked",
        ),
        ("two in one message", &[9], twice, "named twice"),
    ];
    for row in rows {
        is_told::<Value>(row).await;
    }
    // The first of both is a message.
    let mut limits = Limits::default();
    limits.reference_wait = Duration::from_millis(50);
    let (mut peer, _session, mut good, mut bad) = attacked::<Value>(limits).await;
    peer.channel(5, 9, Some(3)).await;
    peer.data(BAD, &later).await;
    assert!(matches!(bad.recv().await, Ok(Some(Value::Receiver(_)))));
    assert_eq!(in_time("later", bad.recv()).await.err(), Some(Error::TimedOut));
    goes_on(&mut peer, &mut good, "later").await;
}

#[tokio::test]
async fn what_is_of_another_type_is_told() {
    let named = |code: u8| vec![0xd6, code, 0, 0, 0, 9];
    is_told::<Sender<u64>>(("to receive from", &[9], named(5), "to receive from instead")).await;
    is_told::<Receiver<u64>>(("to send to", &[9], named(4), "to send to instead")).await;
    is_told::<Receiver<u64>>(("bytes", &[9], named(1), "both ways instead")).await;
    is_told::<libchan::ByteStream>(("a channel", &[9], named(4), "to send to instead")).await;
    is_told::<Sender<u64>>(("a number", &[], vec![5], "data")).await;
    is_told::<u64>(("a channel for a number", &[9], named(4), "invalid type")).await;
    is_told::<String>(("text that is no UTF-8", &[], vec![0xa2, 0xff, 0xfe], "invalid")).await;
    let mut wrong = vec![0xc7, 12, 6];
    wrong.extend_from_slice(&[0; 8]);
    wrong.extend_from_slice(&1_000_000_000_u32.to_be_bytes());
    is_told::<libchan::Time>(("a second of nanoseconds", &[], wrong, "no time")).await;
    let seconds = [vec![0xc7, 12, 6], vec![0x7f; 8], vec![0; 4]].concat();
    let (mut peer, _session, _good, mut bad) = attacked::<Value>(Limits::default()).await;
    peer.data(BAD, &seconds).await;
    assert!(matches!(bad.recv().await, Ok(Some(Value::Time(_)))), "one far away is one");
    peer.data(BAD, &[0xa2, 0xff, 0xfe]).await;
    let bytes = bad.recv().await;
    assert!(matches!(&bytes, Ok(Some(Value::Bytes(bytes))) if *bytes == [0xff, 0xfe]), "{bytes:?}");
}

/// What was named in a message that is wrong is reset, too: nothing of it stays.
#[tokio::test]
async fn streams_of_a_wrong_message_go_with_it() {
    let (mut peer, _session, mut good, mut bad) = attacked::<u64>(Limits::default()).await;
    peer.channel(5, 9, Some(3)).await;
    peer.data(BAD, &[0xd6, 4, 0, 0, 0, 9]).await;
    assert!(bad.recv().await.is_err());
    in_time("reset", peer.hear(&Heard::Reset(5, 5))).await;
    goes_on(&mut peer, &mut good, "streams of a wrong message").await;
}

#[tokio::test]
async fn what_nobody_reads_is_ended_alone() {
    let mut limits = Limits::default();
    limits.queue_bytes = 100_000;
    let (mut peer, _session, mut good, mut bad) = attacked::<Value>(limits).await;
    peer.data(BAD, &[0xc0; 300_000]).await;
    goes_on(&mut peer, &mut good, "unread").await;
    let mut received = in_time("unread", bad.recv()).await;
    while let Ok(Some(_)) = received {
        received = in_time("unread", bad.recv()).await;
    }
    assert_eq!(received.err(), Some(Error::Limit("queue_bytes")));
}

#[tokio::test]
async fn a_message_that_fin_cuts_is_told() {
    for cut in [&[0x92, 1][..], &[0xdb, 0, 0, 1, 0, b'x'], &[0xd6, 4, 0], &[0xcf], &[0xc9, 0]] {
        let (mut peer, _session, mut good, mut bad) = attacked::<Value>(Limits::default()).await;
        peer.data(BAD, &[5]).await;
        peer.data(BAD, cut).await;
        peer.finish(BAD).await;
        assert!(matches!(bad.recv().await, Ok(Some(Value::Unsigned(5)))));
        let told = in_time("cut", bad.recv()).await.unwrap_err();
        assert!(matches!(&told, Error::Protocol(why) if why.contains("too early")), "{told:?}");
        in_time("reset", peer.hear(&Heard::Reset(BAD, 1))).await;
        goes_on(&mut peer, &mut good, "cut by FIN").await;
    }
}
