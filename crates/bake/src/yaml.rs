//! YAML as far as Compose files have it: one document of maps, lists and scalars, with anchors and merge keys. Start at [`parse`].

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::problem::{Fault, Problem};
use crate::source::Place;

/// So deep may maps and lists stand in each other.
const DEPTH: usize = 64;
/// So many values a document may have once its anchors are put in.
const VALUES: usize = 100_000;

/// A value and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) yaml: Yaml,
}

#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    Null,
    /// Any scalar, as it is written; what it means is known where it is used.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let found = self.members().iter().rev().find(|(known, _)| known == name);
        found.map(|(_, node)| node).filter(|node| !matches!(node.yaml, Yaml::Null))
    }

    pub(crate) fn members(&self) -> &[(String, Self)] {
        match &self.yaml {
            Yaml::Map(members) => members,
            Yaml::Null | Yaml::Scalar(_) | Yaml::List(_) => &[],
        }
    }

    fn weight(&self) -> usize {
        1 + match &self.yaml {
            Yaml::Null | Yaml::Scalar(_) => 0,
            Yaml::List(nodes) => nodes.iter().map(Self::weight).sum(),
            Yaml::Map(members) => members.iter().map(|(_, node)| node.weight()).sum(),
        }
    }
}

/// Reads the first document of a text.
pub(crate) fn parse(file: usize, text: &str) -> Result<Node, Fault> {
    let parser = Parser::new_from_str(text);
    let mut reader =
        Reader { file, text, parser, anchors: BTreeMap::new(), values: 0, offsets: Vec::new() };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, span) => {
                let place = reader.place(span);
                return Ok(Node { place, yaml: Yaml::Null });
            }
            (event, span) => return reader.node(&event, span, 0),
        }
    }
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    values: usize,
    /// The byte of each character, made when a place is first asked for.
    offsets: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let start = self.offset(error.marker().index());
                let place = Place { file: self.file, start, end: start };
                Err(Fault::new(place, Problem::Syntax(error.info().to_owned())))
            }
            None => {
                let place = Place { file: self.file, start: self.text.len(), end: self.text.len() };
                Err(Fault::new(place, Problem::Syntax("the text ends too early".to_owned())))
            }
        }
    }

    fn offset(&mut self, index: usize) -> usize {
        if self.offsets.is_empty() {
            self.offsets = self.text.char_indices().map(|(at, _)| at).collect();
        }
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    fn place(&mut self, span: Span) -> Place {
        let (start, end) = (self.offset(span.start.index()), self.offset(span.end.index()));
        Place { file: self.file, start, end }
    }

    fn node(&mut self, event: &Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        let place = self.place(span);
        self.values += 1;
        if depth > DEPTH || self.values > VALUES {
            let problem =
                Problem::Syntax("the document is nested too deep or too large".to_owned());
            return Err(Fault::new(place, problem));
        }
        let refuse = |what: &str| Err(Fault::new(place, Problem::Compose(what.to_owned())));
        let (anchor, yaml) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(anchor).cloned() else {
                    return refuse("an alias within its own anchor");
                };
                self.values = self.values.saturating_add(node.weight());
                return Ok(node);
            }
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag))
                if !tag.is_yaml_core_schema() =>
            {
                return refuse(&format!("tag {tag}"));
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_null = *style == ScalarStyle::Plain
                    && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                (*anchor, if is_null { Yaml::Null } else { Yaml::Scalar(text.to_string()) })
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
        let node = Node { place, yaml };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Yaml, Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Yaml::List(nodes)),
                (event, span) => nodes.push(self.node(&event, span, depth + 1)?),
            }
        }
    }

    /// A merge key gives what the map itself does not have.
    fn map(&mut self, depth: usize) -> Result<Yaml, Fault> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        loop {
            let (name, place) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(name, ..), span) => (name.to_string(), self.place(span)),
                (_, span) => {
                    let place = self.place(span);
                    return Err(Fault::new(
                        place,
                        Problem::Compose("a key that is no string".to_owned()),
                    ));
                }
            };
            let (event, span) = self.next()?;
            let node = self.node(&event, span, depth + 1)?;
            if name == "<<" {
                match node.yaml {
                    Yaml::Map(more) => merged.extend(more),
                    Yaml::List(nodes) => {
                        merged.extend(nodes.iter().rev().flat_map(Node::members).cloned());
                    }
                    Yaml::Null | Yaml::Scalar(_) => {}
                }
            } else if members.iter().any(|(known, _)| *known == name) {
                return Err(Fault::new(place, Problem::Twice(format!("key {name}"))));
            } else {
                members.push((name, node));
            }
        }
        for (name, node) in merged {
            if !members.iter().any(|(known, _)| *known == name) {
                members.push((name, node));
            }
        }
        Ok(Yaml::Map(members))
    }
}
