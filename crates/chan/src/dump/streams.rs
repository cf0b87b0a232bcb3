//! What libchan makes of streams: which are channels, which are bytes, and the messages on them. Start at [`Streams::data`].

use std::collections::HashMap;

use libchan::{Item, Items, Limits, Time};

use super::wire::From;
use crate::json::Json;
use crate::notation::{self, Kind};

/// Streams that are remembered; of those beyond it the bytes are shown.
pub(super) const MOST: usize = 10_000;

/// Bytes of messages that are not whole, on all streams together.
const MOST_WAITING: usize = 64 << 20;

/// The streams of a connection.
#[derive(Default)]
pub(super) struct Streams {
    /// Whether its opener speaks as the original did in 2014.
    is_old: bool,
    streams: HashMap<u32, Stream>,
    /// What messages have named, by who has opened it.
    named: HashMap<(From, u64), Use>,
    /// The streams of those numbers.
    numbers: HashMap<(From, u64), u32>,
    /// Bytes of messages that are not whole.
    waiting: usize,
}

/// What a stream says of itself when it is opened.
pub(super) struct Opening {
    /// The protocol's number.
    pub(super) id: u32,
    pub(super) opener: From,
    /// libchan's, and that of the channel it belongs to; 0 is that of none.
    pub(super) number: Option<u64>,
    pub(super) parent: Option<u64>,
}

struct Stream {
    opener: From,
    number: Option<u64>,
    what: Option<Use>,
    client: Reading,
    server: Reading,
}

/// What a stream is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Channel,
    Bytes,
}

/// Messages of one direction.
enum Reading {
    Messages(Box<Items>),
    /// It has had something that is none.
    Broken,
    /// Nothing more comes.
    Over,
}

impl Reading {
    fn new() -> Self {
        Self::Messages(Box::new(Items::new(Limits::default())))
    }

    /// Bytes of a message that is not whole.
    fn waiting(&self) -> usize {
        if let Self::Messages(items) = self { items.waiting() } else { 0 }
    }
}

impl Stream {
    fn reading(&mut self, from: From) -> &mut Reading {
        match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        }
    }
}

impl Streams {
    pub(super) fn open(&mut self, opening: &Opening) {
        let Opening { id, opener, number, parent } = *opening;
        if self.streams.len() >= MOST {
            return;
        }
        let parent = parent.filter(|parent| *parent > 0);
        let what = match (number, parent) {
            (Some(_), None) => Some(Use::Channel),
            (Some(own), Some(_)) => self.named.remove(&(opener, own)),
            (None, _) => None,
        };
        // One that is opened twice begins anew.
        self.reset(id);
        if let Some(own) = number {
            self.numbers.insert((opener, own), id);
        }
        let (client, server) = (Reading::new(), Reading::new());
        self.streams.insert(id, Stream { opener, number, what, client, server });
    }

    /// Its opener speaks as the original did in 2014.
    pub(super) fn is_of_2014(&mut self) {
        self.is_old = true;
    }

    /// Nothing more comes on a stream.
    pub(super) fn reset(&mut self, stream: u32) {
        let Some(stream) = self.streams.remove(&stream) else { return };
        self.waiting -= stream.client.waiting() + stream.server.waiting();
        if let Some(number) = stream.number {
            self.numbers.remove(&(stream.opener, number));
        }
    }

    /// Nothing more comes on a stream from one side.
    pub(super) fn finish(&mut self, from: From, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let over = std::mem::replace(stream.reading(from), Reading::Over);
        self.waiting -= over.waiting();
        if matches!((&stream.client, &stream.server), (Reading::Over, Reading::Over)) {
            self.reset(id);
        }
    }

    /// Bytes of messages that are not whole.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// What the data of a frame means, as lines, where so many bytes wait elsewhere.
    pub(super) fn data(
        &mut self,
        from: From,
        id: u32,
        data: &[u8],
        elsewhere: usize,
    ) -> Vec<String> {
        if data.is_empty() {
            return Vec::new();
        }
        let Some(stream) = self.streams.get_mut(&id) else { return guess(data) };
        let number = stream.number.map_or_else(String::new, |number| format!(" {number}"));
        match stream.what {
            Some(Use::Channel) => {
                let mut names = Names { is_old: self.is_old, found: Vec::new() };
                let before = format!("channel{number}: ");
                let reading = stream.reading(from);
                self.waiting -= reading.waiting();
                let mut lines = messages(reading, data, &before, &mut names);
                if self.waiting + reading.waiting() + elsewhere > MOST_WAITING {
                    *reading = Reading::Broken;
                    lines.push(format!(
                        "{before}messages that are not whole are beyond {MOST_WAITING} bytes"
                    ));
                }
                self.waiting += reading.waiting();
                names.found.into_iter().for_each(|(number, what)| self.name((from, number), what));
                lines
            }
            Some(Use::Bytes) => {
                text(data).map(|text| format!("bytes{number}: {text}")).into_iter().collect()
            }
            None => guess(data),
        }
    }

    /// A message has named a stream of its sender's.
    fn name(&mut self, number: (From, u64), what: Use) {
        let stream = self.numbers.get(&number).and_then(|id| self.streams.get_mut(id));
        match stream {
            Some(stream) => stream.what = Some(what),
            // It comes later.
            None if self.named.len() < MOST => drop(self.named.insert(number, what)),
            None => {}
        }
    }
}

/// The numbers that a message names.
#[derive(Default)]
struct Names {
    /// [`Streams::is_old`].
    is_old: bool,
    found: Vec<(u64, Use)>,
}

/// The messages that further bytes end.
fn messages(reading: &mut Reading, data: &[u8], before: &str, names: &mut Names) -> Vec<String> {
    let Reading::Messages(items) = reading else {
        return vec![format!("{before}what follows no message")];
    };
    items.push(data);
    let mut lines = Vec::new();
    loop {
        match items.next() {
            Ok(Some(item)) => lines.push(format!("{before}{}", json(item, names))),
            Ok(None) => {
                if items.waiting() > 0 {
                    lines.push(format!(
                        "{before}{} bytes of a message that goes on",
                        items.waiting()
                    ));
                }
                return lines;
            }
            Err(error) => {
                lines.push(format!("{before}no message: {error}"));
                *reading = Reading::Broken;
                return lines;
            }
        }
    }
}

/// Of a stream of which nothing is known: messages where all of it are some, and they do not look like text.
fn guess(data: &[u8]) -> Vec<String> {
    let mut items = Items::new(Limits::default());
    items.push(data);
    let mut lines = Vec::new();
    while let Ok(Some(item)) = items.next() {
        let is_likely = matches!(item, Item::Map(_) | Item::Extension { .. });
        if lines.is_empty() && !is_likely {
            break;
        }
        lines.push(format!("perhaps a message: {}", json(item, &mut Names::default())));
    }
    if !lines.is_empty() && items.waiting() == 0 {
        return lines;
    }
    text(data).map(|text| format!("perhaps bytes: {text}")).into_iter().collect()
}

fn text(data: &[u8]) -> Option<Json> {
    String::from_utf8(data.to_vec()).ok().map(Json::Text)
}

/// A message in JSON, and the numbers that it names.
fn json(item: Item, names: &mut Names) -> Json {
    match item {
        Item::Nil => Json::Null,
        Item::Bool(value) => Json::Bool(value),
        Item::Signed(value) => Json::Signed(value),
        Item::Unsigned(value) => notation::of_unsigned(value),
        Item::Float(value) => notation::of_float(value),
        Item::Text(text) => Json::Text(text),
        Item::Bytes(bytes) => notation::of_bytes(&bytes),
        Item::Array(values) => {
            Json::Array(values.into_iter().map(|value| json(value, names)).collect())
        }
        Item::Map(pairs) => {
            let pair = |(key, value)| (json(key, names), json(value, names));
            notation::of_map(pairs.into_iter().map(pair).collect())
        }
        Item::Extension { code, payload } => extension(code, &payload, names),
        // What a later library has.
        other => Json::text(format!("{other:?}")),
    }
}

/// The extensions of 2016, those of 2014 with a byte for the direction, and what is neither as it is.
fn extension(code: i8, payload: &[u8], names: &mut Names) -> Json {
    let unknown = || {
        let digits: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        Json::pair("$extension", Json::Array(vec![Json::Signed(code.into()), Json::Text(digits)]))
    };
    let named = match (code, payload) {
        (6, payload) => return time(payload).map_or_else(unknown, notation::of_time),
        (1, [1, number @ ..]) if matches!(number.len(), 4 | 8) => Some((Kind::Receiver, number)),
        (1, [2, number @ ..]) if matches!(number.len(), 4 | 8) => Some((Kind::Sender, number)),
        (1, number) => Some((Kind::Stream, number)),
        (2, number) if names.is_old => Some((Kind::Stream, number)),
        (2, number) => Some((Kind::Writer, number)),
        (3, number) => Some((Kind::Reader, number)),
        (4, number) => Some((Kind::Sender, number)),
        (5, number) => Some((Kind::Receiver, number)),
        _ => None,
    };
    let named = named.and_then(|(kind, number)| Some((kind, reference(number)?)));
    let Some((kind, number)) = named else { return unknown() };
    names.found.push((
        number,
        match kind {
            Kind::Sender | Kind::Receiver => Use::Channel,
            Kind::Reader | Kind::Writer | Kind::Stream | Kind::Descriptor => Use::Bytes,
        },
    ));
    Json::pair(kind.key(), notation::of_unsigned(number))
}

fn reference(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        4 => bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes).into()),
        8 => bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        _ => None,
    }
}

fn time(payload: &[u8]) -> Option<Time> {
    let payload: &[u8; 12] = payload.try_into().ok()?;
    let seconds = i64::from_be_bytes(*payload.first_chunk()?);
    let nanoseconds = u32::from_be_bytes(*payload.last_chunk()?);
    (nanoseconds < 1_000_000_000).then_some(Time { seconds, nanoseconds })
}
