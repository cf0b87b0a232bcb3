//! JSON objects that are written as they were read, but for what was changed: keys keep their order, values that nobody here
//! knows keep every byte. Errors say where, never what: these documents hold secrets. Source: RFC 8259.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// Objects deeper than this are kept as text.
const MOST_DEPTH: u32 = 16;

/// An object.
#[derive(Clone, Default)]
pub(super) struct Object(Vec<(String, Json)>);

/// A value of it.
#[derive(Clone)]
pub(super) enum Json {
    /// An object, whose keys are kept in their order.
    Object(Object),
    /// A string.
    Text(String),
    /// Anything else, as it is written.
    Raw(Box<RawValue>),
}

impl Object {
    /// Reads a document; nothing but blanks is an empty object.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let place = |error: serde_json::Error| {
            if error.is_data() {
                return "it is no JSON object".to_owned();
            }
            format!("it is no JSON: line {}, column {}", error.line(), error.column())
        };
        Self::deepen(serde_json::from_str(text).map_err(place)?, 0).map_err(place)
    }

    fn deepen(flat: Flat, depth: u32) -> Result<Self, serde_json::Error> {
        let value = |raw: Box<RawValue>| match raw.get().as_bytes().first() {
            Some(b'{') if depth < MOST_DEPTH => {
                let flat = serde_json::from_str(raw.get())?;
                Ok(Json::Object(Self::deepen(flat, depth + 1)?))
            }
            Some(b'"') => Ok(Json::Text(serde_json::from_str(raw.get())?)),
            _ => Ok(Json::Raw(raw)),
        };
        let entries = flat.0.into_iter().map(|(key, raw)| Ok((key, value(raw)?)));
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        // The last of equal keys counts, as with every other reader.
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.0.iter_mut().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A string, or what an absent one is: nothing. Something else is an error.
    pub(super) fn text(&self, key: &str) -> Result<&str, String> {
        match self.get(key) {
            None => Ok(""),
            Some(Json::Text(text)) => Ok(text),
            Some(Json::Raw(raw)) if raw.get() == "null" => Ok(""),
            Some(Json::Object(_) | Json::Raw(_)) => Err(format!("{key}: it is no string")),
        }
    }

    /// An object in it, or none.
    pub(super) fn object(&self, key: &str) -> Result<Option<&Self>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(Json::Raw(raw)) if raw.get() == "null" => Ok(None),
            Some(Json::Text(_) | Json::Raw(_)) => Err(format!("{key}: it is no object")),
        }
    }

    /// Puts a value in the place of the one that has its key, or behind the others.
    pub(super) fn set(&mut self, key: &str, value: Json) {
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Keeps the keys that it is told to; whether any went.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|(key, _)| keep(key));
        self.0.len() != before
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The document, indented by tabs as Docker does.
    pub(super) fn to_text(&self) -> Result<String, serde_json::Error> {
        let mut bytes = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, format))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// One level of an object.
struct Flat(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Flat;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Flat(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.entries() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(object) => object.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Raw(raw) => raw.serialize(serializer),
        }
    }
}
