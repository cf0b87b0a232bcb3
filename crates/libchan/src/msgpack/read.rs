//! From a message to a type, by serde. What the original writes for "nothing" is an empty one where something is wanted.

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::extension;
use super::head::{Head, Kind, head};
use crate::limits::Limits;

/// Why bytes are no message, or not the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The one byte that begins nothing.
    #[error("no value begins with the byte c1")]
    Marker,
    /// The code of an extension that is not known, or whose payload is of the wrong size.
    #[error("extension {0} is not registered, or of the wrong size")]
    Extension(i8),
    /// Extensions 4 and 5 of the second generation.
    #[error("a network connection cannot be handed over")]
    Connection,
    /// More than a session takes, by the name of the limit.
    #[error("message is beyond the limit {0}")]
    Limit(&'static str),
    /// The message ends within a value.
    #[error("message ends too early")]
    End,
    /// Another type than was expected.
    #[error("{0}")]
    Type(String),
}

impl serde::de::Error for Malformed {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Type(message.to_string())
    }
}

/// The value that a message is.
///
/// # Errors
/// It is not of that type.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Malformed> {
    let mut reader = Reader { bytes, plain: None };
    T::deserialize(&mut reader)
}

/// The value of the message that `bytes` begin with, and the message's size: of one that is small, whole, right, and names no stream,
/// as most are. Nothing of any other one, which is to be scanned.
pub(crate) fn plain<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Option<(T, usize)> {
    let bounds = Bounds { depth: limits.depth, values: limits.values.min(PLAIN_VALUES) };
    let mut reader = Reader { bytes, plain: Some(bounds) };
    let value = T::deserialize(&mut reader).ok()?;
    let size = bytes.len() - reader.bytes.len();
    (size <= limits.message_bytes).then_some((value, size))
}

/// What is read at most of a message that may turn out to be incomplete, and would be read once more.
const PLAIN_VALUES: usize = 1000;

/// What is left of a message.
pub(crate) struct Reader<'de> {
    bytes: &'de [u8],
    /// Of one that was not scanned before.
    plain: Option<Bounds>,
}

/// What may still come.
struct Bounds {
    /// Arrays and maps inside each other.
    depth: usize,
    values: usize,
}

impl<'de> Reader<'de> {
    fn head(&mut self) -> Result<Kind, Malformed> {
        let Head { kind, size } = head(self.bytes)?.ok_or(Malformed::End)?;
        self.bytes = self.bytes.get(size..).ok_or(Malformed::End)?;
        if let Some(bounds) = &mut self.plain {
            bounds.values = bounds.values.checked_sub(1).ok_or(Malformed::Limit("values"))?;
            if let Kind::Extension { code, .. } = kind
                && code != extension::TIME
            {
                return Err(Malformed::Extension(code));
            }
        }
        Ok(kind)
    }

    /// Reads what is inside an array or map.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        if let Some(bounds) = &mut self.plain {
            bounds.depth = bounds.depth.checked_sub(1).ok_or(Malformed::Limit("depth"))?;
        }
        let value = read(self);
        if let Some(bounds) = &mut self.plain {
            bounds.depth += 1;
        }
        value
    }

    fn take(&mut self, size: usize) -> Result<&'de [u8], Malformed> {
        let (taken, left) = self.bytes.split_at_checked(size).ok_or(Malformed::End)?;
        self.bytes = left;
        Ok(taken)
    }

    /// An extension with its code, which is the byte before the payload.
    fn take_extension(&mut self, head: &'de [u8], size: usize) -> Result<&'de [u8], Malformed> {
        self.take(size)?;
        let begin = head.len() - self.bytes.len() - size - 1;
        head.get(begin..=begin + size).ok_or(Malformed::End)
    }

    /// A text of at most 31 bytes, as the names of fields are, where one is next and right.
    #[inline]
    fn short_text(&mut self) -> Option<&'de str> {
        let (&marker @ 0xa0..=0xbf, rest) = self.bytes.split_first()? else { return None };
        let (text, left) = rest.split_at_checked(usize::from(marker & 0x1f))?;
        let text = std::str::from_utf8(text).ok()?;
        if let Some(bounds) = &mut self.plain {
            bounds.values = bounds.values.checked_sub(1)?;
        }
        self.bytes = left;
        Some(text)
    }

    fn is_nil(&self) -> bool {
        self.bytes.first() == Some(&0xc0)
    }

    /// Takes a nil, if one is next.
    fn passes_nil(&mut self) -> bool {
        let is_nil = self.is_nil();
        if is_nil {
            self.bytes = self.bytes.get(1..).unwrap_or_default();
        }
        is_nil
    }

    fn values<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Malformed> {
        self.inside(|reader| {
            let mut values = Values { reader, left: count };
            let value = visitor.visit_seq(&mut values)?;
            values.skip()?;
            Ok(value)
        })
    }

    fn pairs<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Malformed> {
        self.inside(|reader| {
            let mut values = Values { reader, left: 2 * count };
            let value = visitor.visit_map(&mut values)?;
            values.skip()?;
            Ok(value)
        })
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let whole = self.bytes;
        match self.head()? {
            Kind::Nil => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(value),
            Kind::Signed(value) => visitor.visit_i64(value),
            Kind::Unsigned(value) => visitor.visit_u64(value),
            Kind::Float(value) => visitor.visit_f64(value),
            Kind::Text(size) => match std::str::from_utf8(self.take(size)?) {
                Ok(text) => visitor.visit_borrowed_str(text),
                // The original's strings are any bytes.
                Err(_) => visitor
                    .visit_borrowed_bytes(&whole[whole.len() - self.bytes.len() - size..][..size]),
            },
            Kind::Bytes(size) => visitor.visit_borrowed_bytes(self.take(size)?),
            Kind::Array(count) => self.values(count, visitor),
            Kind::Map(count) => self.pairs(count, visitor),
            Kind::Extension { size, .. } => {
                visitor.visit_newtype_struct(Coded(self.take_extension(whole, size)?))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if self.passes_nil() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.short_text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if let Some(text) = self.short_text() {
            return visitor.visit_borrowed_str(text);
        }
        if self.passes_nil() {
            return visitor.visit_borrowed_str("");
        }
        let Ok(Some(Head { kind: Kind::Bytes(size), size: before })) = head(self.bytes) else {
            return self.deserialize_any(visitor);
        };
        self.take(before)?;
        let bytes = self.take(size)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => Err(serde::de::Error::invalid_value(Unexpected::Bytes(bytes), &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if self.passes_nil() {
            return visitor.visit_borrowed_bytes(&[]);
        }
        let Ok(Some(Head { kind: Kind::Text(size), size: before })) = head(self.bytes) else {
            return self.deserialize_any(visitor);
        };
        self.take(before)?;
        visitor.visit_borrowed_bytes(self.take(size)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if self.passes_nil() { self.values(0, visitor) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        if self.passes_nil() { self.pairs(0, visitor) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        if name != extension::NAME {
            return visitor.visit_newtype_struct(self);
        }
        let whole = self.bytes;
        match self.head()? {
            Kind::Extension { size, .. } => {
                visitor.visit_borrowed_bytes(self.take_extension(whole, size)?)
            }
            Kind::Nil
            | Kind::Bool(_)
            | Kind::Signed(_)
            | Kind::Unsigned(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::Bytes(_)
            | Kind::Array(_)
            | Kind::Map(_) => {
                Err(serde::de::Error::invalid_type(Unexpected::Other("data"), &visitor))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        let Ok(Some(Head { kind: Kind::Map(1), size })) = head(self.bytes) else {
            return visitor.visit_enum(Variant { reader: self, has_contents: false });
        };
        self.take(size)?;
        self.inside(|reader| visitor.visit_enum(Variant { reader, has_contents: true }))
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct tuple
        tuple_struct struct ignored_any
    }
}

/// The values of an array, or keys and values of a map.
struct Values<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
}

impl<'de> Values<'_, 'de> {
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    /// Passes over what nobody wanted.
    fn skip(&mut self) -> Result<(), Malformed> {
        while self.next(std::marker::PhantomData::<serde::de::IgnoredAny>)?.is_some() {}
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for Values<'_, 'de> {
    type Error = Malformed;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Malformed> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Values<'_, 'de> {
    type Error = Malformed;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Malformed> {
        self.next(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Malformed> {
        self.next(seed)?.ok_or(Malformed::End)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left / 2)
    }
}

/// An enumeration's variant: its name, or a map of its name to its contents.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    has_contents: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Malformed;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Malformed> {
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Malformed;

    fn unit_variant(self) -> Result<(), Malformed> {
        if self.has_contents {
            serde::de::IgnoredAny::deserialize(self.reader)?;
        }
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Malformed> {
        if self.has_contents {
            return seed.deserialize(self.reader);
        }
        seed.deserialize(().into_deserializer())
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _size: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.reader.deserialize_map(visitor)
    }
}

/// An extension, for who takes anything.
struct Coded<'de>(&'de [u8]);

impl<'de> Deserializer<'de> for Coded<'de> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_borrowed_bytes(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
