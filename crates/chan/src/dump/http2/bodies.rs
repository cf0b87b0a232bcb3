//! What libchan makes of the streams of HTTP/2: whose sessions they are of, what their bodies say, and the messages in them. Start at
//! [`Bodies::open`] and [`Bodies::data`].

use std::collections::HashMap;

use bytes::Bytes;
use libchan::{Part, Parts};

use crate::dump::hpack::Field;
use crate::dump::streams::{MOST, Opening, Streams};
use crate::dump::wire::From;

/// Sessions of one connection that are told apart.
const MOST_SESSIONS: usize = 64;
/// The type of bodies that have parts.
const TYPE: &[u8] = b"application/vnd.libchan";

/// The streams of a connection.
pub(super) struct Bodies {
    /// By their tokens; those of the first are of none.
    sessions: Vec<(Bytes, Streams)>,
    streams: HashMap<u32, Stream>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { sessions: vec![(Bytes::new(), Streams::default())], streams: HashMap::new() }
    }
}

#[derive(Default)]
struct Stream {
    /// Where its session is.
    session: usize,
    is_control: bool,
    client: Body,
    server: Body,
}

/// What one side sends.
#[derive(Default)]
struct Body {
    /// Where it has some.
    parts: Option<Parts>,
    /// Of control, what is no whole word yet.
    word: Vec<u8>,
    is_over: bool,
}

impl Stream {
    fn body(&mut self, from: From) -> &mut Body {
        match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        }
    }
}

impl Bodies {
    /// A head: of a request, or of an answer.
    pub(super) fn open(&mut self, from: From, id: u32, fields: &[Field]) {
        let is_known = self.streams.contains_key(&id);
        if !is_known && self.streams.len() >= MOST {
            return;
        }
        let value = |name: &str| {
            let named = |(field, value): &Field| (field == name.as_bytes()).then(|| value.clone());
            fields.iter().find_map(named)
        };
        let session = self.session(value("libchan-session"));
        let stream = self.streams.entry(id).or_default();
        if value("content-type").is_some_and(|kind| kind == TYPE) && !stream.body(from).is_over {
            stream.body(from).parts.get_or_insert_default();
        }
        if is_known || from == From::Server {
            return;
        }
        let number = |name| std::str::from_utf8(&value(name)?).ok()?.parse::<u64>().ok();
        (stream.session, stream.is_control) = (session, value("libchan-control").is_some());
        let (number, parent) = (number("libchan-ref"), number("libchan-parent-ref"));
        if let (Some(_), Some((_, streams))) = (number, self.sessions.get_mut(session)) {
            streams.open(&Opening { id, opener: from, number, parent });
        }
    }

    /// Where the streams of a token are; beyond as many as are told apart nothing of them is known.
    fn session(&mut self, token: Option<Bytes>) -> usize {
        let Some(token) = token else { return 0 };
        let known = self.sessions.iter().position(|(known, _)| *known == token);
        known.unwrap_or_else(|| {
            if self.sessions.len() >= MOST_SESSIONS {
                return 0;
            }
            self.sessions.push((token, Streams::default()));
            self.sessions.len() - 1
        })
    }

    /// What the data of a frame means, as lines.
    pub(super) fn data(&mut self, from: From, id: u32, data: &[u8]) -> Vec<String> {
        let mut unknown = Stream::default();
        let Self { sessions, streams } = self;
        let stream = streams.get_mut(&id).unwrap_or(&mut unknown);
        let (session, is_control) = (stream.session, stream.is_control);
        let waiting: usize = sessions.iter().map(|(_, streams)| streams.waiting()).sum();
        let Some((_, streams)) = sessions.get_mut(session) else { return Vec::new() };
        let elsewhere = waiting - streams.waiting();
        let body = stream.body(from);
        let Some(parts) = &mut body.parts else { return streams.data(from, id, data, elsewhere) };
        let mut data = Bytes::copy_from_slice(data);
        let mut lines = Vec::new();
        loop {
            match parts.next(&mut data) {
                Ok(None) => return lines,
                Ok(Some(Part::Bytes(bytes))) if is_control => {
                    lines.push(format!("part bytes length={}", bytes.len()));
                    control(&mut body.word, &bytes, &mut lines);
                }
                Ok(Some(Part::Bytes(bytes))) => {
                    lines.push(format!("part bytes length={}", bytes.len()));
                    lines.extend(streams.data(from, id, &bytes, elsewhere));
                }
                Ok(Some(Part::End)) => {
                    lines.push("part end".to_owned());
                    streams.finish(from, id);
                }
                Ok(Some(Part::Open(numbers))) => {
                    let (number, parent) = (numbers.own, numbers.parent);
                    let below =
                        parent.map_or_else(String::new, |parent| format!(" parent={parent}"));
                    let place =
                        numbers.place.map_or_else(String::new, |place| format!(" place={place}"));
                    lines.push(format!("part open number={number}{below}{place}"));
                    streams.open(&Opening { id, opener: from, number: Some(number), parent });
                }
                Ok(Some(Part::Reset(status))) => {
                    lines.push(format!("part reset status={status}({})", spdy::Status(status)));
                }
                Err(why) => {
                    lines.push(format!("no part: {why}"));
                    body.parts = None;
                    return lines;
                }
            }
        }
    }

    /// Nothing more comes on a stream from one side.
    pub(super) fn finish(&mut self, from: From, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.body(from).is_over = true;
        if stream.client.is_over && stream.server.is_over {
            self.reset(id);
        }
    }

    /// Nothing more comes on a stream.
    pub(super) fn reset(&mut self, id: u32) {
        let Some(stream) = self.streams.remove(&id) else { return };
        if let Some((_, streams)) = self.sessions.get_mut(stream.session) {
            streams.reset(id);
        }
    }
}

/// The words of a control stream: a byte each, and the last two a number.
fn control(word: &mut Vec<u8>, bytes: &[u8], lines: &mut Vec<String>) {
    for byte in bytes {
        word.push(*byte);
        let line = match (&word[..], word.first_chunk::<9>()) {
            ([1], _) => "control: ping".to_owned(),
            ([2], _) => "control: the answer to a ping".to_owned(),
            ([3 | 4, ..], None) => continue,
            ([3, ..], Some([_, count @ ..])) => {
                format!("control: close, {} streams were opened", u64::from_be_bytes(*count))
            }
            ([4, ..], Some([_, place @ ..])) => {
                format!("control: the channel of place {} is lost", u64::from_be_bytes(*place))
            }
            _ => format!("control: {byte} is no word"),
        };
        word.clear();
        lines.push(line);
    }
}
