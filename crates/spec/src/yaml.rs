//! YAML as far as documents of the container world have it: one document of maps, lists and scalars, with anchors and merge keys. Start at
//! [`parse`], or at [`from_str`] for a type. Bounded: neither depth nor aliases make a small text large. Source: YAML 1.2.2.

use std::collections::BTreeMap;
use std::fmt::Display;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

/// So deep may maps and lists stand in each other.
const DEPTH: usize = 64;
/// So many values a document may have once its anchors are put in.
const VALUES: usize = 100_000;

/// A value, and from which byte of the text to which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The first byte.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
    /// What is there.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or a word for it.
    Null,
    /// Any other scalar.
    Scalar {
        /// As it is written.
        text: String,
        /// Whether it is in no quotes, and may be a number.
        is_plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<(String, Node)>),
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no YAML, or too large.
    #[error("{0}")]
    Syntax(String),
    /// YAML that no such document has.
    #[error("{0} is not offered")]
    Unusual(String),
    /// A key is there twice.
    #[error("key {0} is there twice")]
    Twice(String),
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct YamlError {
    /// The first byte of it.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
    /// What.
    pub fault: Fault,
}

impl Node {
    /// What a map has, or nothing.
    #[must_use]
    pub fn members(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(members) => members,
            Value::Null | Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar { .. } => 0,
            Value::List(nodes) => nodes.iter().map(Self::weight).sum(),
            Value::Map(members) => members.iter().map(|(_, node)| node.weight()).sum(),
        }
    }
}

/// Reads the first document of a text.
///
/// # Errors
/// When it is none, or has what is not offered.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let parser = Parser::new_from_str(text);
    let mut reader =
        Reader { text, parser, anchors: BTreeMap::new(), values: 0, offsets: Vec::new() };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, span) => {
                let (start, end) = reader.place(span);
                return Ok(Node { start, end, value: Value::Null });
            }
            (event, span) => return reader.node(&event, span, 0),
        }
    }
}

/// Reads a value of a type from the first document of a text. Where it wants a text, a number that is in no quotes is one.
///
/// # Errors
/// When it is no document, or none of that type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    T::deserialize(Read(&parse(text)?))
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    values: usize,
    /// The byte of each character, made when a place is first asked for.
    offsets: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let start = self.offset(error.marker().index());
                Err(wrong((start, start), Fault::Syntax(error.info().to_owned())))
            }
            None => {
                let end = self.text.len();
                Err(wrong((end, end), Fault::Syntax("the text ends too early".to_owned())))
            }
        }
    }

    fn offset(&mut self, index: usize) -> usize {
        if self.offsets.is_empty() {
            self.offsets = self.text.char_indices().map(|(at, _)| at).collect();
        }
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    fn place(&mut self, span: Span) -> (usize, usize) {
        (self.offset(span.start.index()), self.offset(span.end.index()))
    }

    fn count(
        &mut self,
        place: (usize, usize),
        values: usize,
        depth: usize,
    ) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(values);
        if depth > DEPTH || self.values > VALUES {
            let what = "the document is nested too deep or too large".to_owned();
            return Err(wrong(place, Fault::Syntax(what)));
        }
        Ok(())
    }

    fn node(&mut self, event: &Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let place = self.place(span);
        self.count(place, 1, depth)?;
        let refuse = |what: &str| Err(wrong(place, Fault::Unusual(what.to_owned())));
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let Some(weight) = self.anchors.get(anchor).map(Node::weight) else {
                    return refuse("an alias within its own anchor");
                };
                self.count(place, weight, depth)?;
                return self.anchors.get(anchor).cloned().map_or_else(|| refuse("an alias"), Ok);
            }
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag))
                if !tag.is_yaml_core_schema() =>
            {
                return refuse(&format!("tag {tag}"));
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = *style == ScalarStyle::Plain;
                let is_null =
                    is_plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let scalar = Value::Scalar { text: text.to_string(), is_plain };
                (*anchor, if is_null { Value::Null } else { scalar })
            }
            Event::SequenceStart(anchor, _) => (*anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (*anchor, self.map(depth)?),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return refuse("a document without a value"),
        };
        let node = Node { start: place.0, end: place.1, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(nodes)),
                (event, span) => nodes.push(self.node(&event, span, depth + 1)?),
            }
        }
    }

    /// A merge key gives what the map itself does not have.
    fn map(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        loop {
            let (name, place) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(name, ..), span) => (name.to_string(), self.place(span)),
                (_, span) => {
                    let what = "a key that is no string".to_owned();
                    return Err(wrong(self.place(span), Fault::Unusual(what)));
                }
            };
            let (event, span) = self.next()?;
            let node = self.node(&event, span, depth + 1)?;
            if name == "<<" {
                match node.value {
                    Value::Map(more) => merged.extend(more),
                    Value::List(nodes) => {
                        merged.extend(nodes.iter().rev().flat_map(Node::members).cloned());
                    }
                    Value::Null | Value::Scalar { .. } => {}
                }
            } else if members.iter().any(|(known, _)| *known == name) {
                return Err(wrong(place, Fault::Twice(name)));
            } else {
                members.push((name, node));
            }
        }
        for (name, node) in merged {
            if !members.iter().any(|(known, _)| *known == name) {
                members.push((name, node));
            }
        }
        Ok(Value::Map(members))
    }
}

fn wrong((start, end): (usize, usize), fault: Fault) -> YamlError {
    YamlError { start, end, fault }
}

impl serde::de::Error for YamlError {
    fn custom<T: Display>(message: T) -> Self {
        wrong((0, 0), Fault::Syntax(message.to_string()))
    }
}

/// A value for types that are read from one.
struct Read<'a>(&'a Node);

impl<'a> IntoDeserializer<'a, YamlError> for Read<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Read<'_> {
    /// The error of a part that knows no place has this one's.
    fn placed(&self, error: YamlError) -> YamlError {
        if error.start == 0 && error.end == 0 {
            return wrong((self.0.start, self.0.end), error.fault);
        }
        error
    }
}

impl<'de> Deserializer<'de> for Read<'de> {
    type Error = YamlError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        let read = match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, is_plain: false } => visitor.visit_str(text),
            Value::Scalar { text, .. } => match text.as_str() {
                "true" | "True" | "TRUE" => visitor.visit_bool(true),
                "false" | "False" | "FALSE" => visitor.visit_bool(false),
                text => match number(text) {
                    Some(number) if number >= 0 => visitor.visit_u64(number.unsigned_abs()),
                    Some(number) => visitor.visit_i64(number),
                    None => visitor.visit_str(text),
                },
            },
            Value::List(nodes) => visitor.visit_seq(SeqDeserializer::new(nodes.iter().map(Read))),
            Value::Map(members) => visitor.visit_map(MapDeserializer::new(
                members.iter().map(|(name, node)| (name.as_str(), Read(node))),
            )),
        };
        read.map_err(|error| self.placed(error))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        match &self.0.value {
            Value::Scalar { text, .. } => visitor.visit_str(text),
            Value::Null | Value::List(_) | Value::Map(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        match &self.0.value {
            Value::Null => visitor.visit_none(),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => visitor.visit_some(self),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// A number as YAML 1.2 has it, and in octal with a 0 before it, as YAML 1.1 has it and modes of files are written.
fn number(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (digits, base) = match digits.split_at_checked(2) {
        Some(("0x", digits)) => (digits, 16),
        Some(("0o", digits)) => (digits, 8),
        _ if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        _ => (digits, 10),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = i64::from_str_radix(digits, base).ok().filter(|_| is_number)?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Document {
        name: String,
        mode: Option<u32>,
        low: i32,
        is: bool,
        list: Vec<String>,
        more: BTreeMap<String, String>,
    }

    #[test]
    fn a_type_is_read_as_the_text_means_it() {
        let text = "---\n# a comment\nname: 0\nmode: 0666\nlow: -7\nis: true\nlist: [a, \"1\", 2.0, 0x1]\n\
            more: &all {a: 'b', c: null-}\nunknown: {x: [1, ~]}\n";
        let read: Document = from_str(text).unwrap();
        assert_eq!(
            (read.name.as_str(), read.mode, read.low, read.is),
            ("0", Some(0o666), -7, true)
        );
        assert_eq!(read.list, ["a", "1", "2.0", "0x1"]);
        assert_eq!(read.more["c"], "null-");
        let merged: Document = from_str("more: {<<: {a: x, b: y}, a: z}\nmode: ~").unwrap();
        assert_eq!((merged.more["a"].as_str(), merged.more["b"].as_str()), ("z", "y"));
        assert_eq!(merged.mode, None);
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        for (text, start, words) in [
            ("name: a\nname: b", 8, "key name is there twice"),
            ("name: [a\n", 9, ""),
            ("name: !ruby/object x", 6, "tag !ruby/object is not offered"),
            ("mode: many", 6, "invalid type: string \"many\", expected u32"),
            ("list:\n- a\n- {b: c}\n", 12, "invalid type: map, expected a string"),
            ("? [a]\n: b\n", 2, "a key that is no string is not offered"),
        ] {
            let error = from_str::<Document>(text).unwrap_err();
            assert!(error.to_string().contains(words), "{text:?}: {error}");
            assert_eq!(error.start, start, "{text:?}: {error}");
        }
    }

    #[test]
    fn a_small_text_does_not_become_large() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for text in [laughs.as_str(), &deep, "a: &a [*a]"] {
            let error = parse(text).unwrap_err().to_string();
            // The parser has a limit of its own, too.
            let expected =
                ["too deep or too large", "an alias within its own anchor", "recursion limit"];
            assert!(expected.iter().any(|words| error.contains(words)), "{error}");
        }
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("0644", Some(0o644)),
            ("0o644", Some(0o644)),
            ("0xfF", Some(255)),
            ("08", None),
            ("0.5.0", None),
            ("--7", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
