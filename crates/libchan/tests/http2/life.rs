//! Streams that are silent, streams that are over, and those that come before their turn.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::StatusCode;
use libchan::{ByteWriter, Error, Options, Receiver, Session};
use tokio::io::AsyncWriteExt;

use crate::hand::{ACCEPT, Client, Exchange, TOKEN, in_time, listen, part, read};

/// Reads until so many signs of life have come, and nothing else.
async fn hear_signs(body: &mut RecvStream, count: usize) {
    let mut heard = BytesMut::new();
    let sign = part(0, &[]);
    while heard.len() < count * sign.len() {
        let piece = in_time(body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        heard.extend_from_slice(&piece);
    }
    assert_eq!(heard, sign.repeat(heard.len() / sign.len()));
}

/// On whatever is open: a channel, what waits for a stream of the server's, the control stream, and a way that has ended while the other
/// one has not.
#[tokio::test]
async fn what_is_silent_gives_signs_of_life() {
    let mut options = Options::default();
    options.limits.stream_keep_alive = Some(Duration::from_millis(10));
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, mut answers) = client.session(&listener).await;
    hear_signs(&mut answers, 10).await;
    let spare = client.ask(&[("libchan-session", TOKEN), ACCEPT]).await;
    let mut spare_answer = in_time(spare.answer).await.unwrap().into_body();
    hear_signs(&mut spare_answer, 10).await;
    // Those do not take its place.
    let opened = session.open::<u8>().unwrap();
    drop(opened);
    let mut bytes = BytesMut::new();
    let ended = part(1, &[]);
    while !bytes.ends_with(&ended) {
        bytes.extend_from_slice(&in_time(spare_answer.data()).await.unwrap().unwrap());
        while bytes.ends_with(&part(0, &[])) {
            bytes.truncate(bytes.len() - part(0, &[]).len());
        }
    }
    hear_signs(&mut spare_answer, 10).await;
    let mut stream = client.stream("2").await;
    let mut answer = in_time(stream.answer).await.unwrap().into_body();
    hear_signs(&mut answer, 10).await;
    // The peer's, before and after what he says, are no part of it.
    for said in [part(0, &[]), part(0, &[7]), part(0, &[]), part(1, &[]), part(0, &[])] {
        stream.send.send_data(said, false).unwrap();
    }
    let mut numbers = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    assert_eq!(in_time(numbers.recv()).await, Ok(Some(7)));
    assert_eq!(in_time(numbers.recv()).await, Ok(None));
}

/// What is finished here, and what the peer never ends, goes when its room is needed; the oldest first.
#[tokio::test]
async fn what_only_the_peer_could_end_takes_nobodys_room() {
    let mut options = Options::default();
    options.limits.streams = 3;
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    let mut channel = client.stream("3").await;
    let mut writers = in_time(session.accept::<ByteWriter>()).await.unwrap().unwrap();
    let tokened = ("libchan-session", TOKEN);
    let mut bodies = Vec::new();
    for number in 10_u8..20 {
        let text = number.to_string();
        let nested = [tokened, ("libchan-ref", &text), ("libchan-parent-ref", "3")];
        let Exchange { send, answer } = client.ask(&nested).await;
        let answer = in_time(answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{number}");
        // Extension 2: something to write to.
        let named = part(0, &[0xd6, 2, 0, 0, 0, number]);
        channel.send.send_data(named, false).unwrap();
        let mut writer = in_time(writers.recv()).await.unwrap().unwrap();
        writer.write_all(&[number]).await.unwrap();
        writer.shutdown().await.unwrap();
        bodies.push((send, answer.into_body(), number));
        let (_, body, number) = bodies.last_mut().unwrap();
        hear(body, &[part(0, &[]), part(0, &[*number]), part(1, &[])].concat()).await;
    }
    // There is room for two beside the channel.
    for (_send, body, number) in &mut bodies[..8] {
        let (told, error) = in_time(read(body)).await;
        assert_eq!((&told[..], error.is_none()), (&part(3, &[0, 0, 0, 5])[..], true), "{number}");
    }
    // The same of what is opened here.
    let mut spares = Vec::new();
    for _ in 0..10 {
        let Exchange { send, answer } = client.ask(&[tokened, ACCEPT]).await;
        let mut body = in_time(answer).await.unwrap().into_body();
        hear(&mut body, &part(0, &[])).await;
        drop(session.open::<u8>().unwrap());
        let mut heard = BytesMut::new();
        while !heard.ends_with(&part(1, &[])) {
            heard.extend_from_slice(&in_time(body.data()).await.unwrap().unwrap());
        }
        spares.push((send, body));
    }
    // One that somebody still has does not go.
    let kept = [(); 3].map(|()| session.open::<u8>().unwrap());
    assert_eq!(session.open::<u8>().unwrap_err(), Error::Limit("streams"));
    drop(kept);
}

async fn hear(body: &mut RecvStream, expected: &[u8]) {
    let mut heard = BytesMut::new();
    while heard.len() < expected.len() {
        let piece = in_time(body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        heard.extend_from_slice(&piece);
    }
    assert_eq!(heard, expected);
}

async fn next(session: &Session) -> u8 {
    let mut channel: Receiver<u8> = in_time(session.accept()).await.unwrap().unwrap();
    in_time(channel.recv()).await.unwrap().unwrap()
}

/// Opens channels of these places, each of which says its place.
async fn open(client: &mut Client, places: &[u8]) -> Vec<Exchange> {
    let mut opened = Vec::new();
    for place in places {
        let text = place.to_string();
        let headers =
            [("libchan-session", TOKEN), ("libchan-ref", &text), ("libchan-place", &text)];
        let mut exchange = client.ask(&headers).await;
        exchange.send.send_data(part(0, &[*place]), false).unwrap();
        opened.push(exchange);
    }
    opened
}

/// The word of the control stream for a channel that is over before its time.
fn lost(place: u8) -> Bytes {
    part(0, &[4, 0, 0, 0, 0, 0, 0, 0, place])
}

#[tokio::test]
async fn channels_are_accepted_in_the_order_in_which_they_were_opened() {
    let mut options = Options::default();
    options.limits.streams = 8;
    // Nothing is accepted because it was waited for long enough.
    options.limits.reference_wait = Duration::from_secs(3600);
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, mut control, _answers) = client.session(&listener).await;
    let _early = open(&mut client, &[3, 2, 1]).await;
    assert_eq!([next(&session).await, next(&session).await, next(&session).await], [1, 2, 3]);
    // Those that were lost on the way.
    let _later = open(&mut client, &[7, 6]).await;
    for place in [4, 5] {
        control.send_data(lost(place), false).unwrap();
    }
    assert_eq!([next(&session).await, next(&session).await], [6, 7]);
    // One whose place was given to another one is nobody's to wait for, either.
    let _again = open(&mut client, &[7]).await;
    assert_eq!(next(&session).await, 7);
    // No more is kept than a session may have.
    let _far = open(&mut client, &[100]).await;
    for place in 101..109 {
        control.send_data(lost(place), false).unwrap();
    }
    assert_eq!(next(&session).await, 100);
    assert!(!session.is_closed());
}

#[tokio::test]
async fn a_channel_that_never_comes_is_not_waited_for_for_ever() {
    let mut options = Options::default();
    options.limits.reference_wait = Duration::from_millis(10);
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    for place in [2, 4, 5, 7] {
        let _early = open(&mut client, &[place]).await;
        assert_eq!(next(&session).await, place);
    }
}

/// Whoever opened a channel says that it was lost.
#[tokio::test]
async fn a_channel_that_is_over_before_its_time_is_told() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, mut answers) = client.session(&listener).await;
    hear(&mut answers, &part(0, &[])).await;
    let spare = client.ask(&[("libchan-session", TOKEN), ACCEPT]).await;
    let _opened = session.open::<u8>().unwrap();
    let mut body = in_time(spare.answer).await.unwrap().into_body();
    let mut numbers = [0; 24];
    (numbers[7], numbers[23]) = (2, 1);
    hear(&mut body, &[part(0, &[]), part(2, &numbers)].concat()).await;
    let mut send = spare.send;
    send.send_reset(h2::Reason::CANCEL);
    hear(&mut answers, &lost(1)).await;
}

/// More waits on two streams than a session may keep: the fuller one of those that nobody reads goes, and the other one goes on.
#[tokio::test]
async fn what_is_too_much_for_a_session_goes_with_a_stream_that_nobody_reads() {
    let mut options = Options::default();
    options.limits.session_bytes = 48 << 10;
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    let mut full = client.stream("2").await;
    let mut unread = in_time(session.accept::<libchan::Value>()).await.unwrap().unwrap();
    let mut other = client.stream("3").await;
    let mut read_later = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    // The beginning of a long message: its reader would have to wait for the rest.
    let begin = [&[0xc6, 0, 1, 0, 0][..], &[0; 40 << 10]].concat();
    full.send.send_data(part(0, &begin), false).unwrap();
    other.send.send_data(part(0, &[7; 10 << 10]), false).unwrap();
    let mut body = full.answer.await.unwrap().into_body();
    let (bytes, error) = in_time(read(&mut body)).await;
    assert!(bytes.ends_with(&part(3, &[0, 0, 0, 3])) && error.is_none(), "{error:?}");
    let told = in_time(unread.recv()).await;
    assert!(matches!(told, Err(Error::Limit("session_bytes"))), "{told:?}");
    for _ in 0..10 << 10 {
        assert_eq!(in_time(read_later.recv()).await, Ok(Some(7)));
    }
    other.send.send_data(part(1, &[]), true).unwrap();
    assert_eq!(in_time(read_later.recv()).await, Ok(None));
}
