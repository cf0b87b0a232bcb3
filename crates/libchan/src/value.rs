//! Any message, for who passes messages on without knowing them.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::attach::{self, Carried, Named};
use crate::channel::{Receiver, Sender};
use crate::descriptor::Descriptor;
use crate::msgpack::extension::Role;
use crate::stream::{ByteReader, ByteStream, ByteWriter};
use crate::time::{self, Time};

/// Any message or part of one. Sent on, the channels and streams in it go on to the next peer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A number that was written as a signed one.
    Signed(i64),
    /// A number that was written as an unsigned one.
    Unsigned(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes, and text that is no UTF-8.
    Bytes(Vec<u8>),
    /// Values in order.
    Array(Vec<Self>),
    /// Pairs of values in order, of which the first is text as a rule.
    Map(Vec<(Self, Self)>),
    /// A moment.
    Time(Time),
    /// A channel to send to.
    Sender(Sender<Self>),
    /// A channel to receive from.
    Receiver(Receiver<Self>),
    /// A byte stream both ways.
    Stream(ByteStream),
    /// A byte stream to read from.
    Reader(ByteReader),
    /// A byte stream to write to.
    Writer(ByteWriter),
    /// A file, a socket or whatever else, where a descriptor has come.
    Descriptor(Descriptor),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(pairs) => {
                serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
            }
            Self::Time(time) => time.serialize(serializer),
            Self::Sender(sender) => sender.serialize(serializer),
            Self::Receiver(receiver) => receiver.serialize(serializer),
            Self::Stream(stream) => stream.serialize(serializer),
            Self::Reader(reader) => reader.serialize(serializer),
            Self::Writer(writer) => writer.serialize(serializer),
            Self::Descriptor(descriptor) => descriptor.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = values.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            map.push(pair);
        }
        Ok(Value::Map(map))
    }

    /// An extension.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, coded: D) -> Result<Value, D::Error> {
        let coded = <&[u8]>::deserialize(coded)?;
        match attach::named(coded).map_err(D::Error::custom)? {
            Some(named) => of_stream(named).map_err(D::Error::custom),
            None => time::of_extension(coded)
                .map(Value::Time)
                .ok_or_else(|| D::Error::custom("extension is no time")),
        }
    }
}

fn of_stream(named: Named) -> Result<Value, crate::msgpack::read::Malformed> {
    Ok(match named.reference.role {
        Role::SentByReceiver => Value::Sender(named.into_sender()?),
        Role::ReceivedByReceiver => Value::Receiver(named.into_receiver()?),
        Role::ReadByReceiver => Value::Reader(ByteReader::of(named.into_bytes()?)),
        Role::WrittenByReceiver => Value::Writer(ByteWriter::of(named.into_bytes()?)),
        Role::Duplex => match named.into_bytes()? {
            Carried::Line(line) => Value::Stream(ByteStream::new(line)),
            Carried::File(file) => Value::Descriptor(Descriptor::of_peer(file)),
        },
    })
}
