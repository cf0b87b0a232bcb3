//! Two sessions over real connections, and a session against a captured client.
#![cfg(test)]

use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use spdy::{
    Decoder, Encoder, Error, Event, Frame, Headers, Incoming, Limits, Opening, Role, Session,
    Setting, Status, Stream, SynStream, Timer, session,
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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
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
async fn an_end_without_good_order_is_told_everywhere() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, mut incoming, driver) = start(near, Role::Client, &Limits::default(), never());
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.ping().await }
    });
    tokio::task::yield_now().await;
    drop(far);
    assert!(matches!(stream.receive.receive().await, Err(Error::Closed)));
    assert!(matches!(stream.receive.replied().await, Err(Error::Closed)));
    assert!(matches!(stream.send.send("x").await, Err(Error::Closed)));
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closed)));
    assert!(incoming.accept().await.is_none() && client.is_closed());
    // Whether writing or reading finds it out first is the kernel's affair.
    assert!(matches!(driver.await.unwrap(), Ok(()) | Err(Error::Connection(_))));
    drop(stream);
    assert_eq!(client.usage().streams, 0);

    let (near, mut far) = UnixStream::pair().unwrap();
    let (client, _incoming, driver) = start(near, Role::Client, &Limits::default(), never());
    far.write_all(b"\x80\x02\0\x01\0\0\0\0").await.unwrap();
    let mut told = Vec::new();
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    assert!(matches!(stream.receive.receive().await, Err(Error::Protocol(_))));
    far.read_to_end(&mut told).await.unwrap();
    assert!(told.ends_with(b"\x80\x03\0\x07\0\0\0\x08\0\0\0\0\0\0\0\x01"), "{told:x?}");
    drop(far);
    assert!(matches!(driver.await.unwrap(), Err(Error::Protocol(_))));
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

/// What one side does with one stream.
#[derive(Clone, Debug)]
enum Part {
    Send(usize),
    SendLarge(usize),
    Yield,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        4 => (0..200_usize).prop_map(Part::Send),
        1 => (0..300_000_usize).prop_map(Part::SendLarge),
        2 => Just(Part::Yield),
    ];
    vec(part, 0..20)
}

/// Sends what the parts say, and looks that the same comes back.
async fn exchange(stream: Stream, parts: Vec<Part>) {
    let (mut send, mut receive) = stream.split();
    let wanted: usize = parts
        .iter()
        .map(|part| match part {
            Part::Send(length) | Part::SendLarge(length) => *length,
            Part::Yield => 0,
        })
        .sum();
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        receive.read_to_end(&mut all).await.unwrap();
        all
    });
    let mut next = 0_u8;
    let mut sent = Vec::new();
    for part in parts {
        next = next.wrapping_add(1);
        match part {
            Part::Send(length) => {
                send.send_slice(&vec![next; length]).await.unwrap();
                sent.resize(sent.len() + length, next);
            }
            Part::SendLarge(length) => {
                send.send(vec![next; length]).await.unwrap();
                sent.resize(sent.len() + length, next);
            }
            Part::Yield => tokio::task::yield_now().await,
        }
    }
    send.finish().unwrap();
    assert_eq!(sent.len(), wanted);
    assert!(reading.await.unwrap() == sent);
}

async fn talk(
    near: impl AsyncRead + AsyncWrite + Send + 'static,
    far: impl AsyncRead + AsyncWrite + Send + 'static,
    limits: (Limits, Limits),
    scripts: Vec<(bool, Vec<Part>)>,
) {
    let (client, client_incoming, client_driver) = start(near, Role::Client, &limits.0, never());
    let (server, server_incoming, server_driver) = start(far, Role::Server, &limits.1, never());
    let echoes = [tokio::spawn(echo(client_incoming)), tokio::spawn(echo(server_incoming))];
    let mut talks = Vec::new();
    for (from_client, parts) in scripts {
        let opener = if from_client { &client } else { &server };
        let stream = opener.open(Headers::new(), Opening::default()).unwrap();
        talks.push(tokio::spawn(exchange(stream, parts)));
    }
    for talk in talks {
        talk.await.unwrap();
    }
    let usage = (client.clone(), server.clone());
    client.close();
    server.close();
    client_driver.await.unwrap().unwrap();
    server_driver.await.unwrap().unwrap();
    for echo in echoes {
        echo.await.unwrap();
    }
    for session in [&usage.0, &usage.1] {
        let left = session.usage();
        assert_eq!((left.held_bytes, left.lingering), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_comes_back(
        scripts in vec((any::<bool>(), parts()), 1..8),
        windows in any::<(bool, bool)>(),
        small in any::<bool>(),
        pipe in 1..5000_usize,
        unix in any::<bool>(),
    ) {
        // Without windows a stream that is full stops all until it is read, and two that wait for each other wait for ever.
        let both = windows.0 && windows.1;
        let limits = |windows| Limits {
            windows,
            stream_bytes: if both { 4 << 10 } else { 1 << 30 },
            session_bytes: if both { 16 << 20 } else { 1 << 30 },
            out_bytes: if small { 1000 } else { 256 << 10 },
            ..Limits::default()
        };
        let limits = (limits(windows.0), limits(windows.1));
        runtime().block_on(async {
            if unix {
                let (near, far) = UnixStream::pair().unwrap();
                talk(near, far, limits, scripts).await;
            } else {
                let (near, far) = tokio::io::duplex(pipe);
                talk(near, far, limits, scripts).await;
            }
        });
    }

    #[test]
    fn frames_are_read_as_they_were_written(
        frames in vec(frame(), 1..20),
        pieces in vec(1..40_usize, 1..10),
        compress in any::<bool>(),
    ) {
        let mut encoder = Encoder::new(compress);
        let mut bytes = Vec::new();
        for frame in &frames {
            encoder.control(frame, &mut bytes).unwrap();
        }
        let mut decoder = Decoder::new(1 << 20);
        let (mut at, mut there, mut found) = (0, 0, Vec::new());
        for piece in pieces.iter().cycle() {
            there = (there + piece).min(bytes.len());
            let mut input = &bytes[at..there];
            while let Some(event) = decoder.next(&mut input).unwrap() {
                let Event::Control(frame) = event else { panic!("{event:?}") };
                found.push(frame);
            }
            at = there - input.len();
            if at == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(found, frames);
        prop_assert!(decoder.between_frames());
    }
}

fn headers() -> impl Strategy<Value = Headers> {
    vec(("[!-~]{1,12}", vec(any::<u8>(), 0..200)), 0..8).prop_map(|pairs| {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push(&name, value).unwrap();
        }
        headers
    })
}

fn frame() -> impl Strategy<Value = Frame> {
    let id = || 0..=spdy::LARGEST_ID;
    let setting = (any::<u8>(), 0..1_u32 << 24, any::<u32>())
        .prop_map(|(flags, id, value)| Setting { flags, id, value });
    prop_oneof![
        (id(), id(), 0..8_u8, any::<(u8, bool, bool)>(), headers()).prop_map(
            |(stream, associated, priority, (slot, finished, unidirectional), headers)| {
                Frame::SynStream(SynStream {
                    stream,
                    associated,
                    priority,
                    slot,
                    finished,
                    unidirectional,
                    headers,
                })
            }
        ),
        (id(), any::<bool>(), headers()).prop_map(|(stream, finished, headers)| {
            Frame::SynReply { stream, finished, headers }
        }),
        (id(), any::<bool>(), headers()).prop_map(|(stream, finished, headers)| {
            Frame::Headers { stream, finished, headers }
        }),
        (id(), any::<u32>())
            .prop_map(|(stream, status)| Frame::RstStream { stream, status: Status(status) }),
        (any::<bool>(), vec(setting, 0..10))
            .prop_map(|(clear, values)| Frame::Settings { clear, values }),
        any::<u32>().prop_map(|id| Frame::Ping { id }),
        (id(), any::<u32>()).prop_map(|(last, status)| Frame::GoAway { last, status }),
        (id(), id()).prop_map(|(stream, delta)| Frame::WindowUpdate { stream, delta }),
    ]
}
