//! Objects as Docker's documents: what `inspect` prints, field names, order and all. Source: `docker inspect` of Docker 20.10
//! (API 1.41), without the fields that API 1.44 has no more.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

mod container;
mod create;
mod host_config;
mod image;
mod listed;
mod network;
mod requested;
mod run_config;
mod secret;
mod volume;

pub use create::restart_document;
pub(crate) use network::{Member, allocations, network, network_in_list};
pub(crate) use secret::secret;
pub(crate) use volume::volume;

/// A time that has not come.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An object of a document; its fields keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    name: Cow<'static, str>,
    content: Content,
    /// Docker leaves some fields out where they are empty. Templates know them all the same.
    is_optional: bool,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Value(Value),
    Object(Document),
    List(Vec<Document>),
}

impl Document {
    pub(crate) const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// With one field more.
    pub(crate) fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        content: impl Into<Content>,
    ) -> Self {
        let name = name.into();
        self.fields.push(Field { name, content: content.into(), is_optional: false });
        self
    }

    /// With a field that is printed when it is not empty.
    pub(crate) fn with_filled(mut self, name: &'static str, content: impl Into<Content>) -> Self {
        let name = name.into();
        self.fields.push(Field { name, content: content.into(), is_optional: true });
        self
    }

    /// With a field that is there when it is known.
    fn with_asked(self, name: &'static str, content: Option<impl Into<Value>>) -> Self {
        match content {
            Some(content) => self.with(name, content),
            None => self,
        }
    }

    /// Without a field.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|field| field.name != name);
    }

    /// With a field, in the place of one of that name.
    pub fn set(&mut self, name: &'static str, value: Value) {
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.content = value.into(),
            None => {
                self.fields.push(Field {
                    name: name.into(),
                    content: value.into(),
                    is_optional: false,
                });
            }
        }
    }

    /// The documents in it, with their names.
    pub fn objects(&mut self) -> impl Iterator<Item = (&str, &mut Self)> {
        self.fields.iter_mut().filter_map(|field| match &mut field.content {
            Content::Object(object) => Some((&*field.name, object)),
            Content::Value(_) | Content::List(_) => None,
        })
    }

    /// A document in it.
    pub fn object(&mut self, name: &str) -> Option<&mut Self> {
        self.objects().find(|(own, _)| *own == name).map(|(_, object)| object)
    }

    /// A value in it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|field| field.name == name).and_then(|field| match &field.content {
            Content::Value(value) => Some(value),
            Content::Object(_) | Content::List(_) => None,
        })
    }

    /// Whether nothing of it is printed.
    fn is_bare(&self) -> bool {
        !self.fields.iter().any(|field| !field.is_optional || field.content.is_filled())
    }

    /// Documents as Docker indents them.
    #[must_use]
    pub fn indented(documents: &[Self]) -> String {
        let mut text = Vec::new();
        let formatter = PrettyFormatter::with_indent(b"    ");
        // Nothing refuses to be written into memory.
        let _written =
            documents.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter));
        String::from_utf8(text).unwrap_or_default()
    }

    /// As a value for templates, with every field.
    #[must_use]
    pub fn value(&self) -> Value {
        let fields = self.fields.iter();
        Value::Object(
            fields.map(|field| (field.name.clone().into_owned(), field.content.value())).collect(),
        )
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in
            self.fields.iter().filter(|field| !field.is_optional || field.content.is_filled())
        {
            match &field.content {
                Content::Value(value) => map.serialize_entry(&field.name, value)?,
                Content::Object(object) => map.serialize_entry(&field.name, object)?,
                Content::List(list) => map.serialize_entry(&field.name, list)?,
            }
        }
        map.end()
    }
}

/// As it was written: fields keep their order. What a server says is printed so.
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Content::deserialize(deserializer)? {
            Content::Object(document) => Ok(document),
            Content::Value(_) | Content::List(_) => Err(D::Error::custom("it is no object")),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// What reads a content.
struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut document = Document::new();
        while let Some((name, content)) = map.next_entry::<String, Content>()? {
            document.fields.push(Field { name: name.into(), content, is_optional: false });
        }
        Ok(Content::Object(document))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut all = Vec::new();
        while let Some(content) = list.next_element::<Content>()? {
            all.push(content);
        }
        let is_of_objects =
            !all.is_empty() && all.iter().all(|own| matches!(own, Content::Object(_)));
        if !is_of_objects {
            return Ok(Content::Value(all.iter().map(Content::value).collect()));
        }
        let documents = all.into_iter().filter_map(|content| match content {
            Content::Object(document) => Some(document),
            Content::Value(_) | Content::List(_) => None,
        });
        Ok(Content::List(documents.collect()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(value.into())
    }
}

impl Content {
    fn value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Object(object) => object.value(),
            Self::List(list) => list.iter().map(Document::value).collect(),
        }
    }

    fn is_filled(&self) -> bool {
        match self {
            Self::Value(Value::Null) => false,
            Self::Value(Value::Bool(value)) => *value,
            Self::Value(Value::Number(number)) => number.as_i64() != Some(0),
            Self::Value(Value::String(text)) => !text.is_empty(),
            Self::Value(Value::Array(list)) => !list.is_empty(),
            Self::Value(Value::Object(map)) => !map.is_empty(),
            Self::Object(object) => !object.fields.is_empty(),
            Self::List(list) => !list.is_empty(),
        }
    }
}

impl<T: Into<Value>> From<T> for Content {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl From<Document> for Content {
    fn from(object: Document) -> Self {
        Self::Object(object)
    }
}

/// A list; nothing where it is empty, as Go writes one that was never made.
fn list_or_null(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { list.to_vec().into() }
}

fn path(path: impl AsRef<std::path::Path>) -> String {
    path.as_ref().display().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_keep_their_order_and_empty_ones_are_left_out() {
        let inner = Document::new().with("Z", 1).with("A", "x");
        let document = Document::new()
            .with("B", Value::Null)
            .with_filled("Empty", "")
            .with("A", inner)
            .with_filled("None", Value::Null)
            .with("Docs", Content::List(vec![Document::new().with("Y", true)]));
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(text, r#"{"B":null,"A":{"Z":1,"A":"x"},"Docs":[{"Y":true}]}"#);
        let again: Document = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        let all = json!({
            "A": { "A": "x", "Z": 1 }, "B": null, "Docs": [{ "Y": true }], "Empty": "", "None": null,
        });
        assert_eq!(document.value(), all);
    }
}
