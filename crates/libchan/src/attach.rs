//! What a message carries beside data. While a message is written or read, this thread knows for which session: a channel that
//! comes by writes the number of a stream in its place, or takes the stream of that number.
//!
//! ```text
//! write   without any session: most messages name no stream; then with one, without taking anything: the message may be too long, or no
//!         message at all; then once more, with the same numbers, and each channel leaves what is to be done with its stream
//! read    when all streams that the message names are there; what nobody took is reset
//! ```

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use crate::channel::{Receiver, Sender};
use crate::descriptor::OpenFile;
use crate::error::Error;
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::msgpack::extension::{self, Reference, Role, TIME};
use crate::msgpack::read::{Malformed, from_slice};
use crate::msgpack::write::{Unwritable, append};
use crate::passing::Parked;
use crate::session::Inner;

/// What becomes of the stream of something that was attached.
pub(crate) type Attach = Box<dyn FnOnce(Line, u64, &Arc<Inner>) + Send>;

thread_local! {
    static WRITING: RefCell<Option<Writing>> = const { RefCell::new(None) };
    static READING: RefCell<Option<Reading>> = const { RefCell::new(None) };
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What is kept of a thread's room for messages between them.
const KEPT_BYTES: usize = 4 << 10;

/// What is known while a message is written.
struct Writing {
    session: Arc<Inner>,
    /// Streams that are to be opened before the message is sent.
    numbered: Vec<Numbered>,
    /// Whether what is attached is taken, and how much was.
    taken: Option<Vec<Attach>>,
}

struct Reading {
    session: Arc<Inner>,
    lines: Vec<(u64, Option<Parked>)>,
}

/// Something that has a stream.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) reference: Reference,
    /// What goes to the peer instead of its bytes, if he takes it.
    pub(crate) descriptor: Option<OpenFile>,
}

/// A message that names no stream, in room that the next one has again.
#[derive(Debug)]
pub(crate) struct Plain(Vec<u8>);

impl Plain {
    /// Writes a value; nothing where it names a stream, is none or is too long: then [`write`] says so.
    pub(crate) fn write<T: Serialize + ?Sized>(value: &T, limits: &Limits) -> Option<Self> {
        // A value that is written within another one may be anything.
        let is_free = WRITING.with_borrow(Option::is_none);
        let mut plain = Self(ROOM.take());
        plain.0.clear();
        let is_written = is_free && append(&mut plain.0, value).is_ok();
        (is_written && plain.0.len() <= limits.message_bytes).then_some(plain)
    }

    /// Whether it is one that is better copied than kept.
    pub(crate) fn is_small(&self) -> bool {
        self.0.capacity() <= KEPT_BYTES
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.0).into()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if self.is_small() {
            let bytes = std::mem::take(&mut self.0);
            // A thread that ends has no use for it any more.
            let _ending = ROOM.try_with(|room| room.set(bytes));
        }
    }
}

/// A message, and the streams that it names.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) numbered: Vec<Numbered>,
}

impl Written {
    /// How many of its streams stand for descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        self.numbered.iter().filter(|numbered| numbered.descriptor.is_some()).count()
    }
}

/// Writes a value without taking anything out of it.
pub(crate) fn write<T: Serialize + ?Sized>(
    session: &Arc<Inner>,
    value: &T,
) -> Result<Written, Error> {
    let writing = Writing { session: Arc::clone(session), numbered: Vec::new(), taken: None };
    let mut bytes = Vec::new();
    let (written, writing) = write_as(writing, value, &mut bytes);
    written.map_err(|unwritable| Error::Value(unwritable.0))?;
    if bytes.len() > session.limits.message_bytes {
        return Err(Error::Limit("message_bytes"));
    }
    Ok(Written { bytes, numbered: writing.map(|writing| writing.numbered).unwrap_or_default() })
}

/// Takes out of a value that was written before what was attached to it, in the order of its streams.
pub(crate) fn take<T: Serialize + ?Sized>(
    session: &Arc<Inner>,
    value: &T,
    numbered: Vec<Numbered>,
) -> Vec<Attach> {
    let writing = Writing { session: Arc::clone(session), numbered, taken: Some(Vec::new()) };
    let (_again, writing) = write_as(writing, value, &mut Vec::new());
    writing.and_then(|writing| writing.taken).unwrap_or_default()
}

fn write_as<T: Serialize + ?Sized>(
    writing: Writing,
    value: &T,
    bytes: &mut Vec<u8>,
) -> (Result<(), Unwritable>, Option<Writing>) {
    let before = WRITING.replace(Some(writing));
    let written = append(bytes, value);
    (written, WRITING.replace(before))
}

/// Writes a number in the place of something that has a stream, or for which a descriptor may go to the peer.
pub(crate) fn serialize<S: Serializer>(
    serializer: S,
    role: Role,
    descriptor: Option<&OpenFile>,
    take: impl FnOnce() -> Option<Attach>,
) -> Result<S::Ok, S::Error> {
    let reference = WRITING.with_borrow_mut(|writing| {
        let writing = writing.as_mut().ok_or("a channel travels by a session only")?;
        let generation = writing.session.generation();
        let Some(taken) = &mut writing.taken else {
            let reference = Reference { role, number: writing.session.next_number() };
            writing.numbered.push(Numbered { reference, descriptor: descriptor.cloned() });
            return Ok((reference, generation));
        };
        let reference = writing.numbered.get(taken.len()).map(|numbered| numbered.reference);
        taken.push(take().ok_or("it was sent before")?);
        let reference = reference.ok_or("the value is another one each time it is written")?;
        Ok((reference, generation))
    });
    let (reference, generation) = reference.map_err(S::Error::custom::<&str>)?;
    reference.serialize(serializer, generation)
}

/// Reads a message whose streams are all there.
pub(crate) fn read<T: for<'de> serde::Deserialize<'de>>(
    session: &Arc<Inner>,
    lines: Vec<(u64, Parked)>,
    bytes: &[u8],
) -> Result<T, Malformed> {
    if lines.is_empty() {
        // It names no stream, so that nothing asks for one.
        return from_slice(bytes);
    }
    let lines = lines.into_iter().map(|(number, line)| (number, Some(line))).collect();
    let before = READING.replace(Some(Reading { session: Arc::clone(session), lines }));
    let read = from_slice(bytes);
    let reading = READING.replace(before);
    for (_, line) in reading.into_iter().flat_map(|reading| reading.lines) {
        if let Some(line) = line {
            line.reset(Reason::Cancelled);
        }
    }
    read
}

/// A stream that a message names.
#[derive(Debug)]
pub(crate) struct Named {
    parked: Parked,
    pub(crate) session: Arc<Inner>,
    pub(crate) reference: Reference,
}

/// What is read and written of a stream that a message names.
#[derive(Debug)]
pub(crate) enum Carried {
    Line(Line),
    /// The descriptor that has come instead.
    File(OpenFile),
}

impl Named {
    /// For who sends to it.
    pub(crate) fn into_sender<T: Serialize>(self) -> Result<Sender<T>, Malformed> {
        let (session, number) = (Arc::clone(&self.session), self.reference.number);
        let mut line = self.into_line(Role::SentByReceiver)?;
        line.brings_no_message();
        Ok(Sender::of_line(line, &session, number))
    }

    /// For who receives from it.
    pub(crate) fn into_receiver<T: DeserializeOwned>(self) -> Result<Receiver<T>, Malformed> {
        let session = Arc::clone(&self.session);
        Ok(Receiver::of_line(self.into_line(Role::ReceivedByReceiver)?, &session))
    }

    /// For who reads or writes bytes. The original takes each of them as both.
    pub(crate) fn into_bytes(self) -> Result<Carried, Malformed> {
        match (self.reference.role, self.parked) {
            (Role::Duplex | Role::WrittenByReceiver | Role::ReadByReceiver, parked) => {
                Ok(match parked {
                    Parked::Line(mut line) => {
                        line.brings_no_message();
                        Carried::Line(line)
                    }
                    Parked::Offered(offered) => Carried::File(offered.accept()),
                })
            }
            (role @ (Role::SentByReceiver | Role::ReceivedByReceiver), parked) => {
                refuse(role, parked)
            }
        }
    }

    fn into_line(self, role: Role) -> Result<Line, Malformed> {
        match self.parked {
            Parked::Line(line) if self.reference.role == role => Ok(line),
            parked @ (Parked::Line(_) | Parked::Offered(_)) => refuse(self.reference.role, parked),
        }
    }
}

fn refuse<T>(role: Role, parked: Parked) -> Result<T, Malformed> {
    parked.reset(Reason::Cancelled);
    Err(Malformed::custom(format!("{} instead of what was expected", role.describe())))
}

/// Takes the stream that is named next.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
) -> Result<Named, D::Error> {
    deserializer.deserialize_newtype_struct(extension::NAME, Naming(what))
}

struct Naming(&'static str);

impl Visitor<'_> for Naming {
    type Value = Named;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_bytes<E: serde::de::Error>(self, coded: &[u8]) -> Result<Named, E> {
        named(coded).map_err(E::custom)?.ok_or_else(|| E::custom("a time is no stream"))
    }
}

/// The stream that an extension names, the code first; nothing for a time.
pub(crate) fn named(coded: &[u8]) -> Result<Option<Named>, Malformed> {
    let (code, payload) = coded.split_first().ok_or(Malformed::End)?;
    if code.cast_signed() == TIME {
        return Ok(None);
    }
    READING.with_borrow_mut(|reading| {
        let elsewhere = || Malformed::custom("a channel travels by a session only");
        let Reading { session, lines } = reading.as_mut().ok_or_else(elsewhere)?;
        let reference = extension::reference(code.cast_signed(), payload, session.generation())?;
        let Some(reference) = reference else { return Ok(None) };
        let place = lines.iter_mut().find(|(number, _)| *number == reference.number);
        let parked = place.and_then(|(_, line)| line.take());
        let parked = parked.ok_or_else(|| Malformed::custom("a stream is named twice"))?;
        Ok(Some(Named { parked, session: Arc::clone(session), reference }))
    })
}
