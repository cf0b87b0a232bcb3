//! Documents as Go's decoder takes them: what is `null` is absent, a field's name is known in any case, objects that are given
//! twice are joined, and what has no known name is ignored. Only for documents that cannot be read as they stand, because of any
//! of these: it is slower.
//! Source: Go's package encoding/json, "Unmarshal".

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Error, Map, Value};

use crate::nul::place_of_nul;

/// Reads `text`, strictly first. An error is the one of the strict reading where the loose one finds nothing else. A NUL byte in
/// a string is refused by the name of its field.
pub(super) fn read<T: DeserializeOwned + Serialize>(text: &[u8]) -> Result<T, Error> {
    /// It has no other form in JSON.
    const NUL: &[u8] = br"\u0000";
    let document = read_any(text)?;
    // Hardly any document has a backslash.
    let may_hold = text.contains(&b'\\') && text.windows(NUL.len()).any(|words| words == NUL);
    match may_hold.then(|| place_of_nul(&document)).flatten() {
        Some(place) => Err(Error::custom(format_args!("{place}: holds a NUL byte"))),
        None => Ok(document),
    }
}

fn read_any<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let strict = match serde_json::from_slice(text) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    let Ok(value) = serde_json::from_slice(text) else { return Err(strict) };
    // The strict one knows the place in the text.
    T::deserialize(Loose(value)).map_err(|loose| {
        if strict.to_string().starts_with(&loose.to_string()) { strict } else { loose }
    })
}

struct Loose(Value);

impl Loose {
    fn visit_object<'de, V: Visitor<'de>>(
        fields: Map<String, Value>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let present = fields.into_iter().filter(|(_, value)| !value.is_null());
        visitor.visit_map(MapDeserializer::new(present.map(|(name, value)| (name, Self(value)))))
    }
}

impl<'de> Deserializer<'de> for Loose {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => Self::visit_object(fields, visitor),
            Value::Array(values) => {
                visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(Self)))
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Value::Object(given) = self.0 {
            return Self::visit_object(known(given, fields), visitor);
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Loose {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The fields by the names that their reader knows; others it would refuse.
fn known(given: Map<String, Value>, fields: &[&str]) -> Map<String, Value> {
    let mut known = Map::new();
    for (name, value) in given {
        let Some(field) = fields.iter().find(|field| field.eq_ignore_ascii_case(&name)) else {
            continue;
        };
        match (known.get_mut(*field), value) {
            (Some(Value::Object(first)), Value::Object(second)) => first.extend(second),
            (_, value) => {
                known.insert((*field).to_owned(), value);
            }
        }
    }
    known
}
