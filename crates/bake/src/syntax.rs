//! Files as trees, whether they were written as HCL or as JSON. Start at [`parse`].

use hcl_edit::Span;
use hcl_edit::structure::Structure;
use hcl_edit::template::Template;

use crate::json::{self, Json, Node, Text};
use crate::problem::{Fault, Problem};
use crate::source::Place;

/// What stands in a file or in a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) value: Expression,
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) kind: String,
    pub(crate) labels: Vec<String>,
    pub(crate) place: Place,
    pub(crate) body: Body,
}

/// An expression, with the file that it stands in.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) file: usize,
    pub(crate) written: Written,
}

#[derive(Clone, Debug)]
pub(crate) enum Written {
    Hcl(Box<hcl_edit::expr::Expression>),
    /// Its strings are templates.
    Json(Box<Node>),
}

/// Blocks that have a name, in JSON as members of an object.
const NAMED: &[&str] = &["variable", "function", "group", "target"];

impl Body {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl Expression {
    pub(crate) fn place(&self) -> Place {
        match &self.written {
            Written::Hcl(expression) => Place::new(self.file, expression.span()),
            Written::Json(node) => node.place,
        }
    }
}

/// Reads a file as its name says, or as HCL and then as JSON.
pub(crate) fn parse(file: usize, name: &str, text: &str) -> Result<Body, Fault> {
    if has_ending(name, ".json") {
        return parse_json(file, text);
    }
    match parse_hcl(file, text) {
        Err(fault) if !has_ending(name, ".hcl") => parse_json(file, text).or(Err(fault)),
        result => result,
    }
}

/// Whether a name ends so.
pub(crate) fn has_ending(name: &str, ending: &str) -> bool {
    name.ends_with(ending)
}

fn parse_hcl(file: usize, text: &str) -> Result<Body, Fault> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| syntax(file, text, &error))?;
    Ok(take_body(file, body))
}

/// Reads one HCL expression that stands in a string.
pub(crate) fn parse_expression(
    text: &str,
    place: Place,
) -> Result<hcl_edit::expr::Expression, Fault> {
    hcl_edit::parser::parse_expr(text)
        .map_err(|error| Fault::new(place, Problem::Syntax(error.message().to_owned())))
}

/// Reads a template that stands in a string; nothing when it holds no sequence.
pub(crate) fn parse_template(text: &str, place: Place) -> Result<Option<Template>, Fault> {
    if !text.contains("${") && !text.contains("%{") {
        return Ok(None);
    }
    hcl_edit::parser::parse_template(text)
        .map(Some)
        .map_err(|error| Fault::new(place, Problem::Syntax(error.message().to_owned())))
}

fn syntax(file: usize, text: &str, error: &hcl_edit::parser::Error) -> Fault {
    let start = error.location().offset().min(text.len());
    Fault::new(Place { file, start, end: start }, Problem::Syntax(error.message().to_owned()))
}

fn take_body(file: usize, body: hcl_edit::structure::Body) -> Body {
    let mut taken = Body::default();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => taken.attributes.push(Attribute {
                name: attribute.key.as_str().to_owned(),
                place: Place::new(file, attribute.key.span()),
                value: Expression { file, written: Written::Hcl(Box::new(attribute.value)) },
            }),
            Structure::Block(block) => {
                let span = block.labels.first().and_then(Span::span).or(block.ident.span());
                taken.blocks.push(Block {
                    kind: block.ident.as_str().to_owned(),
                    labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
                    place: Place::new(file, span),
                    body: take_body(file, block.body),
                });
            }
        }
    }
    taken
}

fn parse_json(file: usize, text: &str) -> Result<Body, Fault> {
    let root = json::parse(file, text)?;
    let mut body = Body::default();
    for (name, node) in members(root)? {
        if !NAMED.contains(&name.raw.as_str()) {
            body.attributes.push(json_attribute(file, name, node));
            continue;
        }
        for part in listed(node) {
            for (label, node) in members(part)? {
                for part in listed(node) {
                    let kind = name.raw.clone();
                    let place = label.place;
                    let labels = vec![label.raw.clone()];
                    let block = Block { body: json_body(file, &kind, part)?, kind, labels, place };
                    body.blocks.push(block);
                }
            }
        }
    }
    Ok(body)
}

/// The body of a block: attributes, and the validations of a variable.
fn json_body(file: usize, kind: &str, node: Node) -> Result<Body, Fault> {
    let mut body = Body::default();
    for (name, node) in members(node)? {
        if kind == "variable" && name.raw == "validation" {
            for part in listed(node) {
                let inner = json_body(file, "validation", part)?;
                let kind = name.raw.clone();
                body.blocks.push(Block {
                    kind,
                    labels: Vec::new(),
                    place: name.place,
                    body: inner,
                });
            }
        } else if let Some(twice) = body.attribute(&name.raw) {
            return Err(Fault::new(name.place, Problem::Twice(twice.name.clone())));
        } else {
            body.attributes.push(json_attribute(file, name, node));
        }
    }
    Ok(body)
}

fn json_attribute(file: usize, name: Text, node: Node) -> Attribute {
    let value = Expression { file, written: Written::Json(Box::new(node)) };
    Attribute { name: name.raw, place: name.place, value }
}

fn members(node: Node) -> Result<Vec<(Text, Node)>, Fault> {
    match node.json {
        Json::Object(members) => {
            Ok(members.into_iter().filter(|(name, _)| name.raw != "//").collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
            Err(Fault::new(
                node.place,
                Problem::Type {
                    what: "a block".to_owned(),
                    wanted: "object".to_owned(),
                    found: node.json.kind().to_owned(),
                },
            ))
        }
    }
}

/// A block may be given as an object or as a list of them.
fn listed(node: Node) -> Vec<Node> {
    match node.json {
        Json::List(nodes) => nodes,
        json @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_)) => {
            vec![Node { json, place: node.place }]
        }
    }
}
