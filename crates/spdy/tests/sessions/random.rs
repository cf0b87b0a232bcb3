//! Whatever two sessions of ours say to each other at random comes back, over pipes and sockets, in one thread and in several; frames of any
//! kind are read as they were written.

use proptest::collection::vec;
use proptest::prelude::*;
use spdy::{
    Decoder, Encoder, Event, Frame, Headers, Limits, Opening, Role, Setting, Status, Stream,
    SynStream,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};

use super::{echo, never, start};

fn runtime(threads: bool) -> Runtime {
    let mut builder =
        if threads { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.worker_threads(3).enable_all().build().unwrap()
}

/// What one side does with one stream.
#[derive(Clone, Debug)]
enum Part {
    Send(usize),
    SendLarge(usize),
    /// As a writer of tokio's.
    Write(usize),
    Yield,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        4 => (0..200_usize).prop_map(Part::Send),
        1 => (0..150_000_usize).prop_map(Part::SendLarge),
        1 => (0..100_000_usize).prop_map(Part::Write),
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
            Part::Send(length) | Part::SendLarge(length) | Part::Write(length) => *length,
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
            Part::Write(length) => {
                send.write_all(&vec![next; length]).await.unwrap();
                sent.resize(sent.len() + length, next);
            }
            Part::Yield => tokio::task::yield_now().await,
        }
    }
    send.shutdown().await.unwrap();
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
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_comes_back(
        scripts in vec((any::<bool>(), parts()), 1..8),
        windows in any::<(bool, bool)>(),
        small in any::<bool>(),
        pipe in 100..5000_usize,
        connection in 0..3_u8,
        threads in any::<bool>(),
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
        runtime(threads).block_on(async {
            if connection == 0 {
                let (near, far) = UnixStream::pair().unwrap();
                talk(near, far, limits, scripts).await;
            } else if connection == 1 {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (far, _) = listener.accept().await.unwrap();
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
