//! What is wrong with frames and streams: one stream is reset, or where both sides no longer understand each other the session ends, and
//! everybody who waits is told.

use libchan::{ByteReader, Error, Limits, Receiver, Session, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{Heard, Peer, control, in_time};

const GOOD: u32 = 1;

/// A session with a channel that has received.
async fn session(limits: Limits) -> (Peer, Session, Receiver<u64>) {
    let (mut peer, session) = Peer::of_session(limits);
    peer.channel(GOOD, 2, None).await;
    peer.data(GOOD, &[7]).await;
    let mut good = session.accept::<u64>().await.unwrap().unwrap();
    assert_eq!(in_time("good", good.recv()).await, Ok(Some(7)));
    (peer, session, good)
}

async fn goes_on(peer: &mut Peer, good: &mut Receiver<u64>, what: &str) -> Vec<Heard> {
    peer.data(GOOD, &[8]).await;
    assert_eq!(in_time(what, good.recv()).await, Ok(Some(8)), "{what}");
    let mut heard = peer.ping().await;
    heard.retain(|heard| matches!(heard, Heard::Reset(..)));
    heard
}

#[tokio::test]
async fn headers_that_are_wrong_reset_their_stream() {
    let long = "x".repeat(100_000);
    for (what, headers, status) in [
        ("upper case", &[("Libchan-Ref", "3")][..], 1),
        ("an empty name", &[("", "3"), ("libchan-ref", "3")], 1),
        ("a blank in a name", &[("libchan ref", "3")], 1),
        ("too long", &[("libchan-ref", "3"), ("other", &long)], 11),
        ("none", &[], 5),
        ("no reference", &[("libchan-parent-ref", "2")], 5),
        ("no number", &[("libchan-ref", "xyz")], 5),
        ("nothing", &[("libchan-ref", "")], 5),
        ("less than nothing", &[("libchan-ref", "-1")], 5),
        ("with a sign", &[("libchan-ref", "+3")], 5),
        ("with blanks", &[("libchan-ref", " 3")], 5),
        ("too large", &[("libchan-ref", "18446744073709551616")], 5),
        ("hexadecimal", &[("libchan-ref", "0x3")], 5),
        ("no number of a parent", &[("libchan-ref", "3"), ("libchan-parent-ref", "x")], 5),
    ] {
        let (mut peer, session, mut good) = session(Limits::default()).await;
        peer.open(3, headers).await;
        in_time(what, peer.hear(&Heard::Reset(3, status))).await;
        goes_on(&mut peer, &mut good, what).await;
        // The block was read for all that follow, and none of these is a channel.
        peer.channel(5, 4, None).await;
        peer.data(5, &[9]).await;
        let mut next = session.accept::<u64>().await.unwrap().unwrap();
        assert_eq!(in_time(what, next.recv()).await, Ok(Some(9)), "{what}");
    }
}

#[tokio::test]
async fn of_two_references_the_first_counts() {
    let (mut peer, session, _good) = session(Limits::default()).await;
    let mut channel = {
        peer.channel(3, 3, None).await;
        session.accept::<Value>().await.unwrap().unwrap()
    };
    let twice = [("libchan-ref", "9"), ("libchan-ref", "10"), ("libchan-parent-ref", "3")];
    peer.open(5, &twice).await;
    peer.data(3, &[0xd6, 5, 0, 0, 0, 9]).await;
    assert!(matches!(channel.recv().await, Ok(Some(Value::Receiver(_)))));
}

/// What is said, and which streams are reset with which status.
type Row = (&'static str, Vec<u8>, &'static [(u32, u32)]);

#[tokio::test]
async fn frames_in_the_wrong_place_reset_their_stream() {
    let id = |stream: u32| stream.to_be_bytes();
    let pair = |stream: u32, value: u32| [id(stream), value.to_be_bytes()].concat();
    let data = |stream: u32| [&spdy::data_head(stream, 2, false)[..], b"ab"].concat();
    let rows: Vec<Row> = vec![
        ("unknown types", [control(5, 0, b""), control(10, 3, &[7; 999])].concat(), &[]),
        ("the last type", control(0x7fff, 255, &[1]), &[]),
        ("data on an unknown stream", data(77), &[(77, 2)]),
        ("data on one of ours", data(76), &[(76, 2)]),
        ("data on none", data(0), &[]),
        ("reset of an unknown stream", control(3, 0, &pair(77, 5)), &[]),
        ("a reply to nothing", control(2, 0, &id(78)), &[(78, 1)]),
        ("a window of an unknown stream", control(9, 0, &pair(77, 5)), &[(77, 2)]),
        ("an opening of 7 bytes", control(1, 0, &[0, 0, 0, 9, 0, 0, 0]), &[(9, 1)]),
        ("a reset of 5 bytes", control(3, 0, &[0, 0, 0, 9, 0]), &[(9, 1)]),
        ("a window beyond all", control(9, 0, &pair(3, 0x7fff_ffff)), &[(3, 7)]),
        ("data after FIN", [spdy::data_head(3, 0, true).to_vec(), data(3)].concat(), &[(3, 9)]),
        ("an answer to no ping", control(6, 0, &id(2)), &[]),
        ("settings that mean nothing", control(4, 0, &[0, 0, 0, 1, 0, 0, 0, 99, 0, 0, 0, 1]), &[]),
    ];
    for (what, bytes, told) in rows {
        let (mut peer, session, mut good) = session(Limits::default()).await;
        peer.channel(3, 3, None).await;
        let _channel = session.accept::<Value>().await.unwrap().unwrap();
        peer.say(&bytes).await;
        let told: Vec<Heard> = told.iter().map(|(id, why)| Heard::Reset(*id, *why)).collect();
        assert_eq!(goes_on(&mut peer, &mut good, what).await, told, "{what}");
    }
}

#[tokio::test]
async fn ids_that_cannot_be_are_refused() {
    let (mut peer, _session, mut good) = session(Limits::default()).await;
    for (stream, what) in [(4, "one of ours"), (0x7fff_fffe, "the last of ours")] {
        peer.channel(stream, 3, None).await;
        let told = goes_on(&mut peer, &mut good, what).await;
        assert_eq!(told, [Heard::Reset(stream, 1)], "{what}");
    }
    peer.channel(9, 3, None).await;
    peer.channel(7, 4, None).await;
    assert_eq!(goes_on(&mut peer, &mut good, "lower").await, [Heard::Reset(7, 1)]);
    peer.channel(9, 5, None).await;
    assert_eq!(goes_on(&mut peer, &mut good, "again").await, [Heard::Reset(9, 1)]);
}

#[tokio::test]
async fn more_streams_than_the_limits_are_refused() {
    let mut limits = Limits::default();
    (limits.streams, limits.parked) = (6, 2);
    let (mut peer, session, mut good) = session(limits).await;
    // Three that wait for a message.
    for (stream, number) in [(3, 3), (5, 4), (7, 5)] {
        peer.channel(stream, number, Some(2)).await;
    }
    in_time("parked", peer.hear(&Heard::Reset(7, 3))).await;
    // The same number again.
    peer.channel(9, 4, Some(2)).await;
    in_time("twice", peer.hear(&Heard::Reset(9, 1))).await;
    // With the good one, six are there after three more.
    for stream in [11, 13, 15, 17, 19] {
        peer.channel(stream, 10, None).await;
    }
    let told = goes_on(&mut peer, &mut good, "streams").await;
    assert_eq!(told, [Heard::Reset(17, 3), Heard::Reset(19, 3)]);
    // Room is there again as soon as one is over.
    drop(session.accept::<u64>().await.unwrap().unwrap());
    in_time("left", peer.hear(&Heard::Reset(11, 5))).await;
    peer.channel(21, 11, None).await;
    assert_eq!(goes_on(&mut peer, &mut good, "room").await, []);
}

#[tokio::test]
async fn a_stream_that_is_reset_before_it_is_named_is_there() {
    let (mut peer, session, mut good) = session(Limits::default()).await;
    peer.channel(3, 3, None).await;
    let mut channel = session.accept::<Value>().await.unwrap().unwrap();
    // At once, before anybody here has looked.
    peer.channel(5, 9, Some(3)).await;
    peer.control(3, 0, &[0, 0, 0, 5, 0, 0, 0, 5]).await;
    peer.data(3, &[0xd6, 5, 0, 0, 0, 9]).await;
    let Ok(Some(Value::Receiver(mut nested))) = in_time("named", channel.recv()).await else {
        panic!("no channel came")
    };
    assert_eq!(in_time("reset", nested.recv()).await.err(), Some(Error::Reset(5)));
    assert_eq!(goes_on(&mut peer, &mut good, "reset before").await, []);
}

#[tokio::test]
async fn what_waits_for_a_message_goes_with_its_channel() {
    let (mut peer, session, mut good) = session(Limits::default()).await;
    peer.channel(3, 3, None).await;
    let channel = session.accept::<Value>().await.unwrap().unwrap();
    // One that waits, one that waits under that, and one under another channel.
    peer.channel(5, 4, Some(3)).await;
    peer.channel(7, 5, Some(4)).await;
    peer.channel(9, 6, Some(2)).await;
    peer.ping().await;
    drop(channel);
    for (stream, why) in [(3, "left"), (5, "waits"), (7, "waits under it")] {
        in_time(why, peer.hear(&Heard::Reset(stream, 5))).await;
    }
    // And one that comes too late.
    peer.channel(11, 7, Some(3)).await;
    in_time("late", peer.hear(&Heard::Reset(11, 5))).await;
    assert_eq!(goes_on(&mut peer, &mut good, "orphans").await, []);
}

#[tokio::test]
async fn what_has_come_is_read_after_a_close() {
    let names_it = [0xd6, 5, 0, 0, 0, 9];
    let (mut peer, session, mut good) = session(Limits::default()).await;
    peer.channel(3, 3, None).await;
    peer.channel(5, 9, Some(3)).await;
    peer.channel(7, 10, Some(3)).await;
    peer.data(3, &[&[1, 2][..], &names_it, &[0xcd, 1]].concat()).await;
    peer.ping().await;
    let mut channel = session.accept::<Value>().await.unwrap().unwrap();
    assert!(matches!(channel.recv().await, Ok(Some(Value::Unsigned(1)))));
    channel.close();
    in_time("the close", peer.hear(&Heard::Reset(3, 5))).await;
    // The peer has not heard it yet.
    peer.data(3, &[1, 5]).await;
    assert_eq!(goes_on(&mut peer, &mut good, "closed").await, []);
    channel.close();
    assert!(matches!(channel.recv().await, Ok(Some(Value::Unsigned(2)))));
    let Ok(Some(Value::Receiver(mut nested))) = in_time("named", channel.recv()).await else {
        panic!("no channel came")
    };
    assert!(matches!(in_time("the end", channel.recv()).await, Ok(None)));
    in_time("nobody names it", peer.hear(&Heard::Reset(7, 5))).await;
    peer.data(5, &[7]).await;
    assert!(matches!(in_time("nested", nested.recv()).await, Ok(Some(Value::Unsigned(7)))));
}

#[tokio::test]
async fn bytes_that_are_read_to_their_end_end_in_good_order() {
    // How many bytes are read, of how many, and what the peer hears when nobody has the reader any more.
    for (said, is_ended, read, told) in [
        (&b"bytes"[..], true, None, Heard::Finished(5)),
        (b"bytes", true, Some(5), Heard::Finished(5)),
        (b"bytes", true, Some(2), Heard::Reset(5, 5)),
        (b"bytes", false, Some(5), Heard::Reset(5, 5)),
        (b"", true, Some(0), Heard::Finished(5)),
    ] {
        let (mut peer, session, mut good) = session(Limits::default()).await;
        peer.channel(3, 3, None).await;
        peer.channel(5, 9, Some(3)).await;
        peer.data(3, &[0xd6, 3, 0, 0, 0, 9]).await;
        let mut channel = session.accept::<ByteReader>().await.unwrap().unwrap();
        let mut reader = in_time("the reader", channel.recv()).await.unwrap().unwrap();
        peer.data(5, said).await;
        if is_ended {
            peer.finish(5).await;
        }
        peer.ping().await;
        let mut bytes = vec![0; read.unwrap_or_default()];
        match read {
            None => drop(reader.read_to_end(&mut bytes).await.unwrap()),
            Some(_) => drop(reader.read_exact(&mut bytes).await.unwrap()),
        }
        assert!(said.starts_with(&bytes));
        assert_eq!(peer.ping().await, [], "while somebody has it");
        drop(reader);
        let heard = peer.ping().await;
        assert_eq!(heard, [told], "{read:?} of {said:?}");
        goes_on(&mut peer, &mut good, "bytes").await;
    }
}

/// It has many answers coming, and takes none.
#[tokio::test(start_paused = true)]
async fn a_peer_that_asks_on_and_hears_nothing_is_given_up() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let session = Session::new(near, libchan::Side::Server, Limits::default());
    let ping = control(6, 0, &1001_u32.to_be_bytes());
    let asks = tokio::spawn(async move {
        let mut asked = 0;
        // Where nothing more is taken it waits.
        while far.write_all(&ping).await.is_ok() {
            asked += ping.len();
        }
        asked
    });
    // Meanwhile others are served.
    let (mut other, other_session) = Peer::of_session(Limits::default());
    other.channel(1, 2, None).await;
    let mut served = other_session.accept::<u64>().await.unwrap().unwrap();
    for number in 0..100 {
        other.data(1, &[number]).await;
        assert_eq!(served.recv().await, Ok(Some(u64::from(number))));
    }
    // Whose answers are not taken is not read, and says nothing by that: the limit is keep_alive.
    assert_eq!(session.ended().await, Err(Error::TimedOut));
    // What is under way both ways, one block that was read, and answers: 64 KiB, 64 KiB, 128 KiB and 64 KiB at most.
    let asked = asks.await.unwrap();
    assert!((1 << 17..5 << 16).contains(&asked), "{asked}");
}

/// Whole it is answered as ever, and cut it is told.
#[tokio::test]
async fn a_channel_that_had_ended_before_a_close_ends_so() {
    for (rest, is_whole) in [(&[1][..], true), (&[1, 0xcd, 1], false)] {
        let (mut peer, session, _good) = session(Limits::default()).await;
        peer.channel(3, 3, None).await;
        peer.data(3, rest).await;
        peer.finish(3).await;
        peer.ping().await;
        let mut channel = session.accept::<u64>().await.unwrap().unwrap();
        channel.close();
        assert_eq!(in_time("the value", channel.recv()).await, Ok(Some(1)));
        let end = in_time("the end", channel.recv()).await;
        assert_eq!(end == Ok(None), is_whole, "{end:?}");
        let told = if is_whole { Heard::Finished(3) } else { Heard::Reset(3, 1) };
        in_time("the answer", peer.hear(&told)).await;
    }
}

#[tokio::test]
async fn what_both_sides_share_ends_the_session() {
    let garbage = [&[0, 0, 0, 3, 0, 0, 0, 0, 0, 0][..], b"no zlib at all, that is"].concat();
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("another version", vec![0x80, 2, 0, 1, 0, 0, 0, 0], "version 2"),
        ("no compression", control(1, 0, &garbage), "inflate"),
        ("a ping of 5 bytes", control(6, 0, &[0; 5]), "5 bytes"),
        ("a reset of 3 bytes", control(3, 0, &[0; 3]), "3 bytes"),
        ("settings that lie", control(4, 0, &[0, 0, 0, 9]), "type 4"),
        ("a million settings", control(4, 0, &[0; 1 << 20]), "settings"),
        ("an opening of stream 0", control(1, 0, &[0; 7]), "stream 0"),
        ("a window beyond all", control(9, 0, &[0, 0, 0, 0, 127, 255, 255, 255]), "window"),
    ];
    for (what, bytes, told) in rows {
        let (mut peer, session, good) = session(Limits::default()).await;
        peer.say(&bytes).await;
        ends(what, told, &session, good).await;
        in_time(what, peer.hear(&Heard::GoAway(1))).await;
        in_time(what, peer.hear(&Heard::End)).await;
        peer.end().await;
        assert!(matches!(in_time(what, session.ended()).await, Err(Error::Protocol(_))));
    }
    // A block that inflates to far more than is kept.
    let (mut peer, session, good) = session(Limits::default()).await;
    let bomb = "x".repeat(2 << 20);
    peer.open(3, &[("libchan-ref", "3"), ("other", &bomb)]).await;
    ends("a bomb", "header_bytes", &session, good).await;
}

/// Whoever waits is told, and what is begun is refused.
async fn ends(what: &str, told: &str, session: &Session, mut good: Receiver<u64>) {
    for error in [
        in_time(what, good.recv()).await.unwrap_err(),
        in_time(what, session.accept::<u64>()).await.unwrap_err(),
        session.open::<u64>().unwrap_err(),
        in_time(what, session.ping()).await.unwrap_err(),
    ] {
        assert!(matches!(&error, Error::Protocol(why) if why.contains(told)), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_a_frame_is_told() {
    for rest in [&[0x80][..], &control(6, 0, &[0; 4])[..9], &[0, 0, 0, 1, 0, 0, 0, 9, 1, 2]] {
        let (mut peer, session, mut good) = session(Limits::default()).await;
        peer.say(rest).await;
        peer.end().await;
        // Whole messages of the cut frame are messages.
        let mut received = in_time("cut", good.recv()).await;
        while let Ok(Some(_)) = received {
            received = in_time("cut", good.recv()).await;
        }
        assert!(matches!(received, Err(Error::Protocol(_))), "{received:?}");
        assert!(matches!(session.accept::<u64>().await, Err(Error::Protocol(_))));
    }
    // Between frames it has only ended, and not in good order.
    let (mut peer, session, mut good) = session(Limits::default()).await;
    peer.end().await;
    assert_eq!(in_time("end", good.recv()).await, Err(Error::Closed));
    assert!(in_time("end", session.accept::<u64>()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_peer_that_is_silent_is_given_up() {
    let mut limits = Limits::default();
    // Far more than an answer takes on a machine that has much else to do.
    limits.keep_alive = Some(std::time::Duration::from_millis(500));
    let (mut peer, session, mut good) = session(limits).await;
    // Idle, and there.
    let mut asked = 0;
    while asked < 2 {
        if let Heard::Ping(id) = peer.next().await {
            asked += 1;
            peer.control(6, 0, &id.to_be_bytes()).await;
        }
    }
    // From here on it says nothing, and the connection stays.
    assert_eq!(in_time("silence", good.recv()).await, Err(Error::Closed));
    assert!(in_time("silence", session.accept::<u64>()).await.unwrap().is_none());
    assert_eq!(in_time("silence", session.ended()).await, Err(Error::TimedOut));
}

#[tokio::test]
async fn channels_go_on_after_goaway() {
    let (mut peer, session, mut good) = session(Limits::default()).await;
    peer.channel(3, 3, None).await;
    peer.control(7, 0, &[0; 8]).await;
    goes_on(&mut peer, &mut good, "GOAWAY").await;
    // What came before it is accepted.
    let mut last = session.accept::<u64>().await.unwrap().unwrap();
    assert!(in_time("GOAWAY", session.accept::<u64>()).await.unwrap().is_none());
    assert!(session.open::<u64>().is_err());
    peer.data(3, &[1]).await;
    peer.finish(3).await;
    assert_eq!(last.recv().await, Ok(Some(1)));
    assert_eq!(last.recv().await, Ok(None));
    peer.finish(GOOD).await;
    assert_eq!(good.recv().await, Ok(None));
    drop(last);
    in_time("GOAWAY", session.ended()).await.unwrap();
}
