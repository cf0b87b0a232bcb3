//! Two sessions over real connections, and a session against a captured client.
#![cfg(test)]

mod ends;
mod random;

use std::path::Path;
use std::sync::Arc;

use spdy::{
    Decoder, Error, Event, Frame, Headers, Incoming, Limits, Opening, Role, Session, Status, Timer,
    session,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A clock that stands still until the test says that the time is over.
fn by_hand() -> (Timer, Arc<Notify>) {
    let notify = Arc::new(Notify::new());
    let over = notify.clone();
    let timer = Timer::new(move |_| {
        let over = over.clone();
        async move { over.notified().await }
    });
    (timer, notify)
}

fn never() -> Timer {
    Timer::new(|_| std::future::pending())
}

type Running = JoinHandle<Result<(), Error>>;

fn start(
    io: impl AsyncRead + AsyncWrite + Send + 'static,
    role: Role,
    limits: &Limits,
    timer: Timer,
) -> (Session, Incoming, Running) {
    let (session, incoming, driver) = session(io, role, limits.clone(), timer);
    (session, incoming, tokio::spawn(driver))
}

/// Answers each stream with what it says, until nothing comes any more.
async fn echo(mut incoming: Incoming) {
    while let Some(arrival) = incoming.accept().await {
        let mut stream = arrival.reply(Headers::new()).unwrap();
        tokio::spawn(async move {
            while let Ok(Some(data)) = stream.receive.receive().await {
                if stream.send.send(data).await.is_err() {
                    return;
                }
            }
            // A stream that was reset cannot be finished.
            let _ = stream.send.finish();
        });
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_captured_client_is_answered_as_the_original_does() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let said = std::fs::read(vectors.join("raw-reset-ping-goaway.c2s.bin")).unwrap();
    let answered = std::fs::read(vectors.join("raw-reset-ping-goaway.s2c.bin")).unwrap();
    let (here, mut peer) = UnixStream::pair().unwrap();
    let limits = Limits { windows: false, ..Limits::default() };
    let (server, mut incoming, driver) = start(here, Role::Server, &limits, never());
    drop(server);
    let serving = tokio::spawn(async move {
        while let Some(arrival) = incoming.accept().await {
            let mut headers = Headers::new();
            headers.push(":status", "200").unwrap();
            arrival.reply(headers).unwrap().reset(Status::CANCEL);
        }
    });
    // As the original writes: field by field, and only GOAWAY when all is answered.
    let mut heard = Vec::new();
    let (mut ours, mut theirs) = (Decoder::new(1 << 16), Decoder::new(1 << 16));
    let expected = frames(&mut theirs, &answered);
    for piece in said[..93].chunks(3) {
        peer.write_all(piece).await.unwrap();
    }
    let mut bytes = Vec::new();
    while heard.len() < expected.len() {
        peer.read_buf(&mut bytes).await.unwrap();
        let mut input = &bytes[..];
        while let Some(Event::Control(frame)) = ours.next(&mut input).unwrap() {
            heard.push(frame);
        }
        let taken = bytes.len() - input.len();
        bytes.drain(..taken);
    }
    assert_eq!(heard.len(), 5);
    // Resets and answers of different streams may change places, those of one stream not.
    for stream in [1, 3] {
        let of = |frames: &[Frame]| -> Vec<Frame> {
            let about = |frame: &&Frame| {
                matches!(frame, Frame::SynReply { stream: other, .. }
                    | Frame::RstStream { stream: other, .. } if *other == stream)
            };
            frames.iter().filter(about).cloned().collect()
        };
        assert_eq!(of(&heard), of(&expected));
    }
    assert!(heard.contains(&Frame::Ping { id: 1 }));
    peer.write_all(&said[93..]).await.unwrap();
    // The client takes nothing more, so this side says the same, and closes.
    peer.read_to_end(&mut bytes).await.unwrap();
    let mut input = &bytes[..];
    let end = ours.next(&mut input).unwrap();
    assert_eq!(end, Some(Event::Control(Frame::GoAway { last: 3, status: 0 })));
    drop(peer);
    driver.await.unwrap().unwrap();
    serving.await.unwrap();
}

fn frames(decoder: &mut Decoder, mut bytes: &[u8]) -> Vec<Frame> {
    let mut found = Vec::new();
    while let Some(event) = decoder.next(&mut bytes).unwrap() {
        let Event::Control(frame) = event else { panic!("{event:?}") };
        found.push(frame);
    }
    found
}

#[tokio::test(flavor = "current_thread")]
async fn an_unread_stream_stands_in_nobodys_way() {
    for windows in [false, true] {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (timer, over) = by_hand();
        let limits = Limits { windows, stream_bytes: 64 << 10, ..Limits::default() };
        let (client, nobody, client_driver) = start(near, Role::Client, &limits, never());
        let (server, mut incoming, server_driver) = start(far, Role::Server, &limits, timer);
        drop((nobody, server));
        let mut stuck = client.open(Headers::new(), Opening::default()).unwrap();
        let mut unread = incoming.accept().await.unwrap().reply(Headers::new()).unwrap();
        let serving = tokio::spawn(echo(incoming));
        // The windows have to be known before they can hold anything back.
        client.ping().await.unwrap();
        let flooding = tokio::spawn(async move {
            loop {
                if let Err(error) = stuck.send.send(vec![0; 10_000]).await {
                    return error;
                }
            }
        });
        if !windows {
            // Time passes only here.
            over.notify_one();
        }
        let mut other = client.open(Headers::new(), Opening::default()).unwrap();
        for round in 0..100_u8 {
            other.send.send(vec![round; 3000]).await.unwrap();
            let mut back = vec![0; 3000];
            other.receive.read_exact(&mut back).await.unwrap();
            assert_eq!(back, [round; 3000]);
        }
        other.send.finish().unwrap();
        assert_eq!(other.receive.receive().await.unwrap(), None);
        if windows {
            assert!(!flooding.is_finished());
            unread.reset(Status::CANCEL);
        } else {
            let told = unread.receive.receive().await;
            assert!(matches!(told, Err(Error::Limit { name: "stream_bytes" })), "{told:?}");
        }
        let told = flooding.await.unwrap();
        let wanted = if windows { Status::CANCEL } else { Status::FLOW_CONTROL_ERROR };
        assert!(matches!(told, Error::Reset(status) if status == wanted), "{told}");
        drop((unread, other));
        client.close();
        client_driver.await.unwrap().unwrap();
        server_driver.await.unwrap().unwrap();
        serving.await.unwrap();
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_stream_that_nobody_accepts_is_refused() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, nobody, client_driver) = start(near, Role::Client, &Limits::default(), never());
    let (server, mut incoming, server_driver) =
        start(far, Role::Server, &Limits::default(), never());
    let refused =
        |told: Result<Headers, Error>| matches!(told, Err(Error::Reset(Status::REFUSED_STREAM)));
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    drop(incoming.accept().await.unwrap());
    assert!(refused(stream.receive.replied().await));
    let mut waits = client.open(Headers::new(), Opening::default()).unwrap();
    client.ping().await.unwrap();
    drop(incoming);
    assert!(refused(waits.receive.replied().await));
    let mut late = client.open(Headers::new(), Opening::default()).unwrap();
    assert!(refused(late.receive.replied().await));
    // The other direction: both sides open streams, and one that is unidirectional needs no answer.
    let mut nobody = nobody;
    let opening = Opening { unidirectional: true, associated: 5, priority: 3, finished: false };
    let mut told = server.open(Headers::new(), opening).unwrap();
    told.send.send("news").await.unwrap();
    told.send.finish().unwrap();
    assert_eq!(told.receive.receive().await.unwrap(), None);
    let arrival = nobody.accept().await.unwrap();
    assert_eq!((arrival.id(), arrival.associated, arrival.priority), (2, 5, 3));
    assert!(arrival.is_unidirectional());
    let mut heard = arrival.reply(Headers::new()).unwrap();
    assert!(matches!(heard.send.send("x").await, Err(Error::Finished)));
    let mut text = String::new();
    heard.receive.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "news");
    drop((stream, waits, late, told, heard));
    assert_eq!(client.usage().streams + server.usage().streams, 0);
    // The last handles are gone: both sides end by themselves.
    drop((client, server, nobody));
    client_driver.await.unwrap().unwrap();
    server_driver.await.unwrap().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_send_that_is_cancelled_has_sent_nothing() {
    let (near, far) = tokio::io::duplex(64);
    let limits = Limits { out_bytes: 1000, ..Limits::default() };
    let (client, nobody, driver) = start(near, Role::Client, &limits, never());
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    let mut sent = 0;
    loop {
        let sending = stream.send.send(vec![1; 700]);
        tokio::select! {
            biased;
            done = sending => done.unwrap(),
            () = tokio::task::yield_now() => break,
        }
        sent += 700;
    }
    assert!(sent >= 700);
    let (server, mut incoming, other) = start(far, Role::Server, &limits, never());
    let mut reader = incoming.accept().await.unwrap().reply(Headers::new()).unwrap();
    stream.send.send("end").await.unwrap();
    stream.send.finish().unwrap();
    let mut all = Vec::new();
    reader.receive.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [&vec![1; sent][..], b"end"].concat());
    reader.send.finish().unwrap();
    drop((stream, reader, client, nobody, server, incoming));
    driver.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
}
