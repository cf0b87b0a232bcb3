//! JSON whose parts know their places, and whose strings are templates. Start at [`parse`]. RFC 8259.

use hcl_edit::template::Template;

use crate::number::Number;
use crate::problem::{Fault, Problem};
use crate::source::Place;
use crate::syntax::parse_template;

/// How deep arrays and objects may stand in each other.
const DEPTH: usize = 64;

/// A value and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) json: Json,
}

#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Node>),
    Object(Vec<(Text, Node)>),
}

/// A string, and what it is as a template where it holds sequences.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) raw: String,
    pub(crate) template: Option<Template>,
    pub(crate) place: Place,
}

impl Json {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Object(_) => "map",
        }
    }
}

/// Reads a whole text.
pub(crate) fn parse(file: usize, text: &str) -> Result<Node, Fault> {
    let text_bytes = text.as_bytes();
    let mut reader = Reader { file, text, bytes: text_bytes, at: 0, depth: 0 };
    let node = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.wrong("something follows the JSON value"));
    }
    Ok(node)
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn wrong(&self, why: &str) -> Fault {
        let place = Place { file: self.file, start: self.at, end: self.at };
        Fault::new(place, Problem::Syntax(why.to_owned()))
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn value(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.wrong("it is nested too deep"));
        }
        let next = self.peek();
        let start = self.at;
        let json = match next {
            Some(b'{') => self.object()?,
            Some(b'[') => self.list()?,
            Some(b'"') => Json::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        self.depth -= 1;
        Ok(Node { place: Place { file: self.file, start, end: self.at }, json })
    }

    fn object(&mut self) -> Result<Json, Fault> {
        self.at += 1;
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name in double quotes is missing"));
            }
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            members.push((name, self.value()?));
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a closing brace is missing"));
            }
        }
    }

    fn list(&mut self) -> Result<Json, Fault> {
        self.at += 1;
        let mut values = Vec::new();
        if self.take(b']') {
            return Ok(Json::List(values));
        }
        loop {
            values.push(self.value()?);
            if self.take(b']') {
                return Ok(Json::List(values));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a closing bracket is missing"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        written.parse().map(Json::Number).or(Err(self.wrong("this is no number")))
    }

    fn word(&mut self) -> Result<Json, Fault> {
        let words =
            [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        for (word, json) in words {
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
                self.at += word.len();
                return Ok(json);
            }
        }
        Err(self.wrong("a JSON value is missing"))
    }

    fn string(&mut self) -> Result<Text, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..0x20) | None => return Err(self.wrong("the string has no end")),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let written = self.text.get(start..self.at).unwrap_or_default();
        let Ok(raw) = serde_json::from_str::<String>(written) else {
            self.at = start;
            return Err(self.wrong("the string has a wrong escape"));
        };
        let place = Place { file: self.file, start, end: self.at };
        let template = parse_template(&raw, place)?;
        Ok(Text { raw, template, place })
    }
}
