//! From a type to a message, by serde.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::extension;

/// Why a value is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unwritable(pub(crate) String);

impl fmt::Display for Unwritable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl serde::ser::Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Appends a value to `out`.
///
/// # Errors
/// It has what no message can have, as a length of more than 32 bits. What was appended has to go then.
pub(crate) fn append<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), Unwritable> {
    value.serialize(&mut Writer { out, is_extension: false })
}

/// Where values are appended.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Whether the next bytes are an extension, the code first.
    is_extension: bool,
}

impl<'a> Writer<'a> {
    fn put<const SIZE: usize>(&mut self, marker: u8, bytes: [u8; SIZE]) {
        self.out.push(marker);
        self.out.extend_from_slice(&bytes);
    }

    /// A marker with a length: within the marker where it is at most `most`, of two or four bytes after `wide` and the one that follows.
    fn count(&mut self, count: usize, (small, most): (u8, u8), wide: u8) -> Result<(), Unwritable> {
        match (u8::try_from(count), u16::try_from(count), u32::try_from(count)) {
            (Ok(few), ..) if few <= most => self.out.push(small | few),
            (_, Ok(count), _) => self.put(wide, count.to_be_bytes()),
            (.., Ok(count)) => self.put(wide + 1, count.to_be_bytes()),
            _ => return Err(Unwritable("more than 4,294,967,295 of something".to_owned())),
        }
        Ok(())
    }

    /// What a length that may not be known yet is followed by.
    fn many<'w>(
        &'w mut self,
        count: Option<usize>,
        small: (u8, u8),
        wide: u8,
    ) -> Result<Many<'w, 'a>, Unwritable> {
        let at = self.out.len();
        match count {
            Some(count) => self.count(count, small, wide)?,
            None => self.put(wide + 1, [0; 4]),
        }
        Ok(Many { writer: self, unknown: count.is_none().then_some(at + 1), count: 0 })
    }

    /// A marker with a length of one, two or four bytes.
    fn length(&mut self, length: usize, marker: u8) -> Result<(), Unwritable> {
        match u8::try_from(length) {
            Ok(length) => {
                self.put(marker, [length]);
                Ok(())
            }
            Err(_) => self.count(length, (0, 0), marker + 1),
        }
    }

    fn extension(&mut self, coded: &[u8]) -> Result<(), Unwritable> {
        let Some((code, payload)) = coded.split_first() else {
            return Err(Unwritable("extension without a code".to_owned()));
        };
        match payload.len() {
            size @ (1 | 2 | 4 | 8 | 16) => {
                self.out.push(0xd4 + u8::try_from(size.ilog2()).unwrap_or(0));
            }
            size => self.length(size, 0xc7)?,
        }
        self.out.push(*code);
        self.out.extend_from_slice(payload);
        Ok(())
    }

    /// A map of one pair whose key is written.
    fn variant(&mut self, name: &str) -> Result<(), Unwritable> {
        self.out.push(0x81);
        self.serialize_str(name)
    }
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Many<'w, 'a>;
    type SerializeTuple = Many<'w, 'a>;
    type SerializeTupleStruct = Many<'w, 'a>;
    type SerializeTupleVariant = Many<'w, 'a>;
    type SerializeMap = Many<'w, 'a>;
    type SerializeStruct = Many<'w, 'a>;
    type SerializeStructVariant = Many<'w, 'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.out.push(if value { 0xc3 } else { 0xc2 });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        match (i8::try_from(value), i16::try_from(value), i32::try_from(value)) {
            (Ok(value), ..) if value >= -32 => self.out.push(value.cast_unsigned()),
            (Ok(value), ..) => self.put(0xd0, value.to_be_bytes()),
            (_, Ok(value), _) => self.put(0xd1, value.to_be_bytes()),
            (.., Ok(value)) => self.put(0xd2, value.to_be_bytes()),
            _ => self.put(0xd3, value.to_be_bytes()),
        }
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        match (u8::try_from(value), u16::try_from(value), u32::try_from(value)) {
            (Ok(value), ..) if value < 0x80 => self.out.push(value),
            (Ok(value), ..) => self.put(0xcc, [value]),
            (_, Ok(value), _) => self.put(0xcd, value.to_be_bytes()),
            (.., Ok(value)) => self.put(0xce, value.to_be_bytes()),
            _ => self.put(0xcf, value.to_be_bytes()),
        }
        Ok(())
    }

    /// The original reads no shorter one into a field.
    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        self.put(0xcb, value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        if value.len() < 32 {
            self.count(value.len(), (0xa0, 31), 0xda)?;
        } else {
            self.length(value.len(), 0xd9)?;
        }
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        if self.is_extension {
            return self.extension(value);
        }
        self.length(value.len(), 0xc4)?;
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.out.push(0xc0);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _number: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.is_extension = name == extension::NAME;
        let written = value.serialize(&mut *self);
        self.is_extension = false;
        written
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.variant(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Many<'w, 'a>, Unwritable> {
        self.many(count, (0x90, 15), 0xdc)
    }

    fn serialize_tuple(self, count: usize) -> Result<Many<'w, 'a>, Unwritable> {
        self.serialize_seq(Some(count))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        count: usize,
    ) -> Result<Many<'w, 'a>, Unwritable> {
        self.serialize_seq(Some(count))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _number: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Many<'w, 'a>, Unwritable> {
        self.variant(variant)?;
        self.serialize_seq(Some(count))
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Many<'w, 'a>, Unwritable> {
        self.many(count, (0x80, 15), 0xde)
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        count: usize,
    ) -> Result<Many<'w, 'a>, Unwritable> {
        self.serialize_map(Some(count))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _number: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Many<'w, 'a>, Unwritable> {
        self.variant(variant)?;
        self.serialize_map(Some(count))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Values or pairs of values after their number.
pub(crate) struct Many<'w, 'a> {
    writer: &'w mut Writer<'a>,
    /// Where the number is to be written once it is known.
    unknown: Option<usize>,
    count: u32,
}

impl Many<'_, '_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.count += 1;
        value.serialize(&mut *self.writer)
    }

    fn pair<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unwritable> {
        self.writer.serialize_str(name)?;
        self.value(value)
    }

    fn finish(self) {
        let place = self.unknown.and_then(|at| self.writer.out.get_mut(at..)?.first_chunk_mut());
        if let Some(place) = place {
            *place = self.count.to_be_bytes();
        }
    }
}

macro_rules! values {
    ($($kind:ident::$method:ident),*) => {$(
        impl $kind for Many<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.value(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

values!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl SerializeMap for Many<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.value(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.finish();
        Ok(())
    }
}

macro_rules! fields {
    ($($kind:ident),*) => {$(
        impl $kind for Many<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.pair(name, value)
            }

            fn end(self) -> Result<(), Unwritable> {
                Ok(())
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);
