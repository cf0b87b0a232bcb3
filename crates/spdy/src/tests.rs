//! A session against a peer whose every byte is written here, without a connection: what is wrong. Windows, limits and ends are in
//! `tests/`.

mod flow;
mod hostile;
mod life;

use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::outgoing::Outgoing;
use crate::sending::Piece;
use crate::state::{Over, State};
use crate::{
    Decoder, Encoder, Error, Event, Fault, Frame, Headers, Limits, Opening, Role, Setting, Status,
    SynStream, data_head, kind,
};

/// A server of ours, and the client that it speaks with.
struct Pair {
    state: State,
    encoder: Encoder,
    decoder: Decoder,
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn quiet() -> Limits {
    Limits { windows: false, ..Limits::default() }
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.push(name, value).unwrap();
    }
    headers
}

fn syn(stream: u32) -> Frame {
    Frame::SynStream(SynStream {
        stream,
        associated: 0,
        priority: 0,
        slot: 0,
        finished: false,
        unidirectional: false,
        headers: headers(&[("name", "value")]),
    })
}

fn reset(stream: u32, status: Status) -> Frame {
    Frame::RstStream { stream, status }
}

fn data(stream: u32, bytes: &[u8], finished: bool) -> Vec<u8> {
    let head = data_head(stream, u32::try_from(bytes.len()).unwrap(), finished);
    [&head[..], bytes].concat()
}

/// Gives the session bytes; returns whether it stands still, and how much was not taken.
fn input(state: &mut State, block: &Bytes) -> (bool, usize) {
    let mut input = &block[..];
    (state.input(block, &mut input), input.len())
}

impl Pair {
    fn new(limits: Limits) -> Self {
        let header_bytes = limits.header_bytes;
        let state = State::new(Role::Server, limits);
        Self { state, encoder: Encoder::new(true), decoder: Decoder::new(header_bytes) }
    }

    fn encoded(&mut self, frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encoder.control(frame, &mut bytes).unwrap();
        bytes
    }

    /// The client says a frame.
    fn say(&mut self, frame: &Frame) {
        let bytes = self.encoded(frame);
        self.bytes(&bytes);
    }

    /// The client says bytes; returns what was not taken.
    fn bytes(&mut self, bytes: &[u8]) -> usize {
        input(&mut self.state, &Bytes::copy_from_slice(bytes)).1
    }

    /// What the server says: control frames, and data as stream, length and FIN.
    fn heard(&mut self) -> (Vec<Frame>, Vec<(u32, usize, bool)>) {
        let mut batch = Outgoing::default();
        let mut bytes = Vec::new();
        loop {
            self.state.take_output(&mut batch);
            if batch.is_empty() {
                break;
            }
            while !batch.is_empty() {
                bytes.extend_from_slice(batch.front());
                batch.advance(batch.front().len());
            }
        }
        let (mut frames, mut pieces) = (Vec::new(), Vec::new());
        let mut input = &bytes[..];
        while let Some(event) = self.decoder.next(&mut input).unwrap() {
            match event {
                Event::Control(frame) => frames.push(frame),
                Event::Data { stream, bytes, finished, .. } => {
                    pieces.push((stream, bytes.len(), finished));
                }
                Event::Wrong { .. } | Event::Ignored { .. } => panic!("{event:?}"),
            }
        }
        assert!(input.is_empty());
        (frames, pieces)
    }

    fn answers(&mut self) -> Vec<Frame> {
        self.heard().0
    }

    /// The client opens a stream and the server accepts it.
    fn accepted(&mut self, stream: u32) {
        self.say(&syn(stream));
        let Poll::Ready(Some((accepted, _))) = self.state.poll_accept(&context()) else {
            panic!("no stream {stream}")
        };
        assert_eq!(accepted, stream);
        self.state.reply(stream, Headers::new(), false, false).unwrap();
        self.heard();
    }

    fn read(&mut self, stream: u32) -> Poll<Result<Option<usize>, Error>> {
        let read = self.state.poll_receive(stream, &context());
        read.map_ok(|data| data.map(|data| data.len()))
    }

    fn send(&mut self, stream: u32, length: usize) -> bool {
        match self.state.poll_ready(stream, &context()) {
            Poll::Ready(ready) => {
                ready.unwrap();
                let piece = Piece::Given(vec![7; length].into());
                self.state.send(stream, piece).unwrap();
                true
            }
            Poll::Pending => false,
        }
    }

    /// The session serves on.
    fn serves(&mut self) {
        self.say(&Frame::Ping { id: 77 });
        assert_eq!(self.answers(), [Frame::Ping { id: 77 }]);
    }
}

/// What it is, its bytes, and what is answered.
type Case = (&'static str, fn(&mut Pair) -> Vec<u8>, Vec<Frame>);

fn frames_of_no_stream() -> Vec<Case> {
    vec![
        ("an unknown control frame", |_| control(5, b"anything at all"), vec![]),
        ("CREDENTIAL", |_| control(10, &[0; 3000]), vec![]),
        ("an unknown one without a payload", |_| control(0x7fff, b""), vec![]),
        ("a lower id", |pair| pair.encoded(&syn(1)), vec![reset(1, Status::PROTOCOL_ERROR)]),
        ("our parity", |pair| pair.encoded(&syn(8)), vec![reset(8, Status::PROTOCOL_ERROR)]),
        (
            "data for a stream that never was",
            |_| data(9, b"hello", false),
            vec![reset(9, Status::INVALID_STREAM)],
        ),
        (
            "an acceptance of a stream that never was",
            |pair| {
                let headers = Headers::new();
                pair.encoded(&Frame::SynReply { stream: 2, finished: false, headers })
            },
            vec![reset(2, Status::INVALID_STREAM)],
        ),
        (
            "a window for a stream that never was",
            |pair| pair.encoded(&Frame::WindowUpdate { stream: 99, delta: 1 }),
            vec![reset(99, Status::INVALID_STREAM)],
        ),
    ]
}

fn wrong_frames() -> Vec<Case> {
    vec![
        (
            "a reset of a wrong length",
            |_| control(kind::RST_STREAM, &[0, 0, 0, 3, 0, 0, 0, 5, 9]),
            vec![reset(3, Status::PROTOCOL_ERROR)],
        ),
        (
            "a stream without room for its headers",
            |_| control(kind::SYN_STREAM, &[0, 0, 0, 5, 0, 0]),
            vec![reset(5, Status::PROTOCOL_ERROR)],
        ),
        (
            "headers that end too early",
            |_| control(kind::SYN_STREAM, &[0, 0, 0, 5, 0, 0, 0, 0, 0, 0]),
            vec![reset(5, Status::PROTOCOL_ERROR)],
        ),
        (
            "headers that are too long",
            |pair| {
                let mut frame = syn(5);
                if let Frame::SynStream(syn) = &mut frame {
                    syn.headers.push("long", vec![b'x'; 70_000]).unwrap();
                }
                pair.encoded(&frame)
            },
            vec![reset(5, Status::FRAME_TOO_LARGE)],
        ),
        ("a reset of nothing", |pair| pair.encoded(&reset(1, Status::CANCEL)), vec![]),
        ("a reset of the future", |pair| pair.encoded(&reset(99, Status::CANCEL)), vec![]),
        ("an echo of a ping that never was", |pair| pair.encoded(&Frame::Ping { id: 2 }), vec![]),
    ]
}

#[test]
fn what_is_wrong_with_one_stream_resets_that_one() {
    let cases = frames_of_no_stream().into_iter().chain(wrong_frames());
    for (what, make, answers) in cases {
        for piece in [usize::MAX, 1] {
            let mut pair = Pair::new(quiet());
            pair.accepted(3);
            let bytes = make(&mut pair);
            let (mut at, mut there) = (0, 0);
            while there < bytes.len() {
                there = there.saturating_add(piece).min(bytes.len());
                at = there - pair.bytes(&bytes[at..there]);
            }
            assert_eq!(at, bytes.len(), "{what}");
            assert_eq!(pair.answers(), answers, "{what}");
            pair.serves();
            // Headers are in step, and other streams go on.
            pair.accepted(101);
            pair.bytes(&data(101, b"hello", false));
            assert!(matches!(pair.read(101), Poll::Ready(Ok(Some(5)))), "{what}");
        }
    }
}

/// A control frame of any payload.
fn control(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x80, 3][..], &kind.to_be_bytes(), &[0], &length[1..], payload].concat()
}

#[test]
fn an_upper_case_name_leaves_the_headers_in_step() {
    // Stored blocks show the plain form, so that one letter of it can be changed on its way.
    let mut pair = Pair::new(quiet());
    pair.encoder = Encoder::new(false);
    let mut bytes = pair.encoded(&syn(1));
    let at = bytes.windows(4).position(|part| part == b"name").unwrap();
    bytes[at] = b'N';
    pair.bytes(&bytes);
    assert_eq!(pair.answers(), [reset(1, Status::PROTOCOL_ERROR)]);
    pair.serves();
    pair.accepted(3);
    assert!(pair.state.arrivals.is_empty());
}

#[test]
fn what_both_share_ends_the_session() {
    let bomb = |pair: &mut Pair| {
        let mut frame = syn(5);
        if let Frame::SynStream(syn) = &mut frame {
            syn.headers.push("bomb", vec![0; 2 << 20]).unwrap();
        }
        pair.encoded(&frame)
    };
    let window = |stream, delta| Frame::WindowUpdate { stream, delta };
    let settings = |value| Frame::Settings {
        clear: false,
        values: vec![Setting { flags: 0, id: Setting::INITIAL_WINDOW_SIZE, value }],
    };
    let mut other = Pair::new(quiet());
    let cases = [
        (b"\x80\x02\0\x01\0\0\0\x0c".to_vec(), Fault::Version(2)),
        (control(kind::PING, &[0; 5]), Fault::Length { kind: kind::PING, length: 5 }),
        (control(kind::GOAWAY, &[0; 4]), Fault::Length { kind: kind::GOAWAY, length: 4 }),
        (control(kind::SETTINGS, &[0; 3]), Fault::Length { kind: kind::SETTINGS, length: 3 }),
        (control(kind::SETTINGS, &[0; 12]), Fault::Length { kind: kind::SETTINGS, length: 12 }),
        (control(kind::SETTINGS, &[0; 2000]), Fault::Limit { name: "settings" }),
        (control(kind::RST_STREAM, &[0; 3]), Fault::Length { kind: kind::RST_STREAM, length: 3 }),
        (other.encoded(&syn(0)), Fault::StreamZero(kind::SYN_STREAM)),
        (bomb(&mut Pair::new(quiet())), Fault::Limit { name: "header_bytes" }),
        (control(kind::SYN_REPLY, b"\0\0\0\x02GET / HTTP/1.1"), Fault::Compression),
        (other.encoded(&window(0, 0x7fff_ffff)), Fault::Window),
        (other.encoded(&settings(1 << 31)), Fault::Window),
    ];
    for (bytes, fault) in cases {
        let mut pair = Pair::new(quiet());
        pair.bytes(&bytes);
        assert!(matches!(pair.state.life.over, Some(Over::Fault(found)) if found == fault));
        assert!(matches!(pair.answers()[..], [Frame::GoAway { last: 0, status: 1 }]), "{fault}");
        let opened = pair.state.open(Headers::new(), Opening::default());
        assert!(matches!(opened, Err(Error::Protocol(found)) if found == fault));
    }
}

#[test]
fn a_connection_that_ends_inside_of_a_frame_is_told() {
    let mut pair = Pair::new(quiet());
    let whole = [pair.encoded(&syn(1)), data(1, b"four", true), pair.encoded(&syn(3))].concat();
    let mut between = 0;
    for cut in 0..=whole.len() {
        let mut pair = Pair::new(quiet());
        let (_, left) = input(&mut pair.state, &Bytes::copy_from_slice(&whole[..cut]));
        pair.state.input_ended(left);
        match pair.state.life.over {
            Some(Over::Closed) => between += 1,
            Some(Over::Fault(fault)) => assert_eq!(fault, Fault::Truncated),
            None => panic!("not over at {cut}"),
        }
    }
    assert_eq!(between, 4);
}

#[test]
fn a_stream_of_ours_is_accepted_once_and_before_its_data() {
    let mut pair = Pair::new(quiet());
    let open = |pair: &mut Pair| {
        let stream = pair.state.open(headers(&[("a", "b")]), Opening::default()).unwrap();
        let said = pair.answers();
        assert!(matches!(&said[..], [Frame::SynStream(syn)] if syn.stream == stream));
        stream
    };
    let accepting = |stream| Frame::SynReply {
        stream,
        finished: false,
        headers: headers(&[(":status", "200")]),
    };
    let early = open(&mut pair);
    pair.bytes(&data(early, b"x", false));
    assert_eq!(pair.answers(), [reset(early, Status::PROTOCOL_ERROR)]);
    let twice = open(&mut pair);
    pair.say(&accepting(twice));
    let replied = pair.state.poll_replied(twice, &context());
    assert!(matches!(replied, Poll::Ready(Ok(headers)) if headers.text(":status") == Some("200")));
    pair.bytes(&data(twice, b"x", true));
    assert_eq!(pair.answers(), []);
    pair.bytes(&data(twice, b"y", false));
    assert_eq!(pair.answers(), [reset(twice, Status::STREAM_ALREADY_CLOSED)]);
    let used = open(&mut pair);
    pair.say(&accepting(used));
    pair.say(&accepting(used));
    assert_eq!(pair.answers(), [reset(used, Status::STREAM_IN_USE)]);
    pair.serves();
}
