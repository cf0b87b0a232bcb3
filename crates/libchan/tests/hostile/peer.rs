//! A peer that says what it wants, byte by byte, and hears what is answered.

use std::collections::VecDeque;
use std::time::Duration;

use libchan::{Limits, Session, Side};
use spdy::{Decoder, Event, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

/// Long enough that nothing right takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What begins a stream of zlib with the dictionary of SPDY/3.
const ZLIB: [u8; 6] = [0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2];

pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_late| panic!("{what} does not end"))
}

/// A client of a session.
pub(crate) struct Peer {
    read: ReadHalf<DuplexStream>,
    write: Option<WriteHalf<DuplexStream>>,
    decoder: Decoder,
    input: Vec<u8>,
    /// Heard, and not looked at yet.
    heard: VecDeque<Heard>,
    has_headers: bool,
    pings: u32,
}

/// What a peer hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A stream, what it is associated with, and its headers.
    Open(u32, u32, Vec<(String, String)>),
    Reply(u32),
    Reset(u32, u32),
    Data(u32, Vec<u8>),
    Finished(u32),
    Ping(u32),
    GoAway(u32),
    /// The connection's end.
    End,
}

impl Peer {
    /// With the session that it is a peer of.
    pub(crate) fn of_session(limits: Limits) -> (Self, Session) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (read, write) = tokio::io::split(far);
        let peer = Self {
            read,
            write: Some(write),
            decoder: Decoder::new(64 << 10),
            input: Vec::new(),
            heard: VecDeque::new(),
            has_headers: false,
            pings: 1001,
        };
        (peer, Session::new(near, Side::Server, limits))
    }

    /// Bytes as they are. A session that is over by then does not take them all.
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        let Some(write) = &mut self.write else { return };
        // Who says much has to hear meanwhile.
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut block = vec![0; 1 << 16];
            tokio::select! {
                written = write.write(rest) => match written {
                    Ok(size) if size > 0 => rest = &rest[size..],
                    _ => return,
                },
                read = self.read.read(&mut block) => match read {
                    Ok(size) if size > 0 => self.input.extend_from_slice(&block[..size]),
                    _ => return,
                },
            }
        }
    }

    pub(crate) async fn control(&mut self, kind: u16, flags: u8, payload: &[u8]) {
        self.say(&control(kind, flags, payload)).await;
    }

    /// Opens a stream with these headers, which are written as they are.
    pub(crate) async fn open(&mut self, stream: u32, headers: &[(&str, &str)]) {
        let block = self.block(headers);
        let payload = [&stream.to_be_bytes()[..], &[0; 6], &block].concat();
        self.control(1, 0, &payload).await;
    }

    /// Opens a channel, or where it has a parent what is to be named in a message.
    pub(crate) async fn channel(&mut self, stream: u32, number: u64, parent: Option<u64>) {
        let (number, parent) = (number.to_string(), parent.map(|parent| parent.to_string()));
        let mut headers = vec![("libchan-ref", number.as_str())];
        headers.extend(parent.iter().map(|parent| ("libchan-parent-ref", parent.as_str())));
        self.open(stream, &headers).await;
    }

    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8]) {
        self.say(&spdy::data_head(stream, u32::try_from(bytes.len()).unwrap(), false)).await;
        self.say(bytes).await;
    }

    pub(crate) async fn finish(&mut self, stream: u32) {
        self.say(&spdy::data_head(stream, 0, true)).await;
    }

    /// Says nothing more.
    pub(crate) async fn end(&mut self) {
        if let Some(mut write) = self.write.take() {
            write.shutdown().await.unwrap();
        }
    }

    /// Headers that are not compressed, RFC 1951 section 3.2.4.
    pub(crate) fn block(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
        let mut plain = length(headers.len()).to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&length(text.len()));
            plain.extend_from_slice(text.as_bytes());
        }
        let mut block = if self.has_headers { Vec::new() } else { ZLIB.to_vec() };
        self.has_headers = true;
        for part in plain.chunks(0xffff) {
            let length = u16::try_from(part.len()).unwrap();
            block.push(0);
            block.extend_from_slice(&length.to_le_bytes());
            block.extend_from_slice(&(!length).to_le_bytes());
            block.extend_from_slice(part);
        }
        block
    }

    /// Hears until that comes; what came before is not needed any more.
    pub(crate) async fn hear(&mut self, wanted: &Heard) {
        loop {
            let heard = self.next().await;
            if heard == *wanted {
                return;
            }
            assert_ne!(heard, Heard::End, "{wanted:?} does not come");
        }
    }

    /// Asks for a sign of life; gives what came until it has come.
    pub(crate) async fn ping(&mut self) -> Vec<Heard> {
        self.pings += 2;
        let id = self.pings;
        self.control(6, 0, &id.to_be_bytes()).await;
        let mut all = Vec::new();
        loop {
            let heard = self.next().await;
            if heard == Heard::Ping(id) {
                return all;
            }
            assert_ne!(heard, Heard::End, "the session has ended after {all:?}");
            all.push(heard);
        }
    }

    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            self.decode();
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            let mut block = vec![0; 1 << 16];
            match in_time("the session's answer", self.read.read(&mut block)).await {
                Ok(size) if size > 0 => self.input.extend_from_slice(&block[..size]),
                _ => return Heard::End,
            }
        }
    }

    fn decode(&mut self) {
        let mut input = &self.input[..];
        while let Some(event) = self.decoder.next(&mut input).unwrap() {
            match event {
                Event::Data { stream, bytes, finished, .. } => {
                    if !bytes.is_empty() {
                        self.heard.push_back(Heard::Data(stream, bytes.to_vec()));
                    }
                    if finished {
                        self.heard.push_back(Heard::Finished(stream));
                    }
                }
                Event::Control(frame) => self.heard.extend(heard(&frame)),
                Event::Wrong { .. } | Event::Ignored { .. } => panic!("{event:?}"),
            }
        }
        self.input = input.to_vec();
    }
}

fn heard(frame: &Frame) -> Option<Heard> {
    match frame {
        Frame::SynReply { stream, .. } => Some(Heard::Reply(*stream)),
        Frame::RstStream { stream, status } => Some(Heard::Reset(*stream, status.0)),
        Frame::Ping { id } => Some(Heard::Ping(*id)),
        Frame::GoAway { status, .. } => Some(Heard::GoAway(*status)),
        Frame::SynStream(syn) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = syn.headers.iter().map(|(name, value)| (name.to_owned(), text(value)));
            Some(Heard::Open(syn.stream, syn.associated, headers.collect()))
        }
        Frame::Headers { .. } | Frame::Settings { .. } | Frame::WindowUpdate { .. } => None,
    }
}

/// A control frame.
pub(crate) fn control(kind: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x80, 3][..], &kind.to_be_bytes(), &[flags], &length, payload].concat()
}
