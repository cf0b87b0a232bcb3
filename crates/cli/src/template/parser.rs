//! Pieces become a tree.

use std::collections::BTreeMap;

use serde_json::Value;

use super::TemplateError;
use super::lexer::{Piece, Word};

/// Templates in templates: more is an attack on the stack.
const DEEPEST: usize = 100;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If {
        condition: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    With {
        value: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        variables: Vec<String>,
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Break,
    Continue,
    /// Another template, and what is its dot.
    Call {
        name: String,
        dot: Option<Pipeline>,
    },
}

/// A template, and the ones that it defines.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    pub(super) definitions: BTreeMap<String, Vec<Node>>,
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// The variable that the result goes to, and whether it is a new one.
    pub(super) declares: Option<(String, bool)>,
    pub(super) commands: Vec<Vec<Operand>>,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Constant(Value),
    Nested(Box<Pipeline>, Vec<String>),
}

pub(super) fn parse(pieces: Vec<Piece>) -> Result<Parsed, TemplateError> {
    let mut parser =
        Parser { pieces: pieces.into_iter(), definitions: BTreeMap::new(), depth: 0, ranges: 0 };
    match parser.nodes()? {
        (nodes, Stop::End) => Ok(Parsed { nodes, definitions: parser.definitions }),
        (_, Stop::Word(word, _)) => Err(TemplateError(format!("unexpected {{{{{word}}}}}"))),
    }
}

/// What ended a list of nodes.
enum Stop {
    End,
    /// `end` or `else`, with what follows it.
    Word(String, Vec<Word>),
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    definitions: BTreeMap<String, Vec<Node>>,
    /// Blocks around this place, and how many of them are a `range`.
    depth: usize,
    ranges: usize,
}

impl Parser {
    fn nodes(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        if self.depth > DEEPEST {
            return Err(TemplateError("too many blocks in blocks".to_owned()));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let words = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(words) => words,
            };
            let Some((first, rest)) = words.split_first() else {
                return Err(TemplateError("missing value for command".to_owned()));
            };
            let keyword = if let Word::Name(name) = first { name.as_str() } else { "" };
            match keyword {
                "end" | "else" => {
                    return Ok((nodes, Stop::Word(keyword.to_owned(), rest.to_vec())));
                }
                "if" | "with" | "range" => nodes.push(self.block(keyword, rest)?),
                "break" | "continue" if self.ranges == 0 => {
                    return Err(TemplateError(format!("{{{{{keyword}}}}} outside {{{{range}}}}")));
                }
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                "template" => nodes.push(call(rest)?),
                "define" => self.define(rest)?,
                "block" => {
                    let call = call(rest)?;
                    self.define(rest.get(..1).unwrap_or_default())?;
                    nodes.push(call);
                }
                _ => nodes.push(Node::Print(pipeline(&words)?)),
            }
        }
        Ok((nodes, Stop::End))
    }

    /// Nodes one block further in.
    fn inner(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        self.depth += 1;
        let nodes = self.nodes();
        self.depth -= 1;
        nodes
    }

    fn define(&mut self, head: &[Word]) -> Result<(), TemplateError> {
        let [Word::Text(name)] = head else {
            return Err(TemplateError("a template's name is missing".to_owned()));
        };
        // A range around a definition is not around its call.
        let ranges = std::mem::take(&mut self.ranges);
        let inner = self.inner();
        self.ranges = ranges;
        let (nodes, stop) = inner?;
        if !matches!(&stop, Stop::Word(word, _) if word == "end") {
            return Err(TemplateError(format!("template {name:?} has no {{{{end}}}}")));
        }
        self.definitions.insert(name.clone(), nodes);
        Ok(())
    }

    fn block(&mut self, name: &str, head: &[Word]) -> Result<Node, TemplateError> {
        self.ranges += usize::from(name == "range");
        let inner = self.inner();
        self.ranges -= usize::from(name == "range");
        let (then, stop) = inner?;
        let otherwise = match stop {
            Stop::End => {
                return Err(TemplateError(format!(
                    "unexpected end of the template: {{{{{name}}}}} has no {{{{end}}}}"
                )));
            }
            Stop::Word(word, _) if word == "end" => Vec::new(),
            Stop::Word(_, rest) => self.otherwise(&rest)?,
        };
        Ok(match name {
            "if" => Node::If { condition: pipeline(head)?, then, otherwise },
            "with" => Node::With { value: pipeline(head)?, then, otherwise },
            _ => {
                let (variables, over) = range_variables(head);
                Node::Range { variables, over: pipeline(over)?, body: then, otherwise }
            }
        })
    }

    /// What follows `else`, up to the end.
    fn otherwise(&mut self, rest: &[Word]) -> Result<Vec<Node>, TemplateError> {
        match rest.split_first() {
            // `else if` is an `if` inside the `else`, and both have one end.
            Some((Word::Name(inner), rest)) if matches!(inner.as_str(), "if" | "with") => {
                self.depth += 1;
                let block = self.block(inner, rest);
                self.depth -= 1;
                Ok(vec![block?])
            }
            Some(_) => Err(TemplateError("unexpected words after {{else}}".to_owned())),
            None => match self.inner()? {
                (nodes, Stop::Word(word, _)) if word == "end" => Ok(nodes),
                _ => Err(TemplateError("{{else}} has no {{end}}".to_owned())),
            },
        }
    }
}

/// `template "name" pipeline`.
fn call(words: &[Word]) -> Result<Node, TemplateError> {
    let [Word::Text(name), dot @ ..] = words else {
        return Err(TemplateError("a template's name is missing".to_owned()));
    };
    let dot = if dot.is_empty() { None } else { Some(pipeline(dot)?) };
    Ok(Node::Call { name: name.clone(), dot })
}

fn range_variables(head: &[Word]) -> (Vec<String>, &[Word]) {
    match head {
        [
            Word::Variable(key, _),
            Word::Comma,
            Word::Variable(value, _),
            Word::Declare | Word::Assign,
            over @ ..,
        ] => (vec![key.clone(), value.clone()], over),
        [Word::Variable(value, _), Word::Declare | Word::Assign, over @ ..] => {
            (vec![value.clone()], over)
        }
        over => (Vec::new(), over),
    }
}

fn pipeline(words: &[Word]) -> Result<Pipeline, TemplateError> {
    let (declares, words) = match words {
        [Word::Variable(name, fields), declare @ (Word::Declare | Word::Assign), rest @ ..]
            if fields.is_empty() =>
        {
            (Some((name.clone(), *declare == Word::Declare)), rest)
        }
        words => (None, words),
    };
    let mut at = 0;
    let commands = commands(words, &mut at, 0)?;
    if at < words.len() {
        return Err(TemplateError("unexpected right parenthesis".to_owned()));
    }
    Ok(Pipeline { declares, commands })
}

/// Commands up to the end or a closing parenthesis.
fn commands(
    words: &[Word],
    at: &mut usize,
    depth: usize,
) -> Result<Vec<Vec<Operand>>, TemplateError> {
    if depth > DEEPEST {
        return Err(TemplateError("too many parentheses".to_owned()));
    }
    let mut commands = vec![Vec::new()];
    while let Some(word) = words.get(*at) {
        let operand = match word {
            Word::Close(_) => break,
            Word::Pipe => {
                *at += 1;
                commands.push(Vec::new());
                continue;
            }
            Word::Open => {
                *at += 1;
                let inner = self::commands(words, at, depth + 1)?;
                let Some(Word::Close(fields)) = words.get(*at) else {
                    return Err(TemplateError("unclosed left parenthesis".to_owned()));
                };
                Operand::Nested(
                    Box::new(Pipeline { declares: None, commands: inner }),
                    fields.clone(),
                )
            }
            Word::Field(fields) => Operand::Field(fields.clone()),
            Word::Variable(name, fields) => Operand::Variable(name.clone(), fields.clone()),
            Word::Name(name) => match name.as_str() {
                "true" => Operand::Constant(Value::Bool(true)),
                "false" => Operand::Constant(Value::Bool(false)),
                "nil" => Operand::Constant(Value::Null),
                name => Operand::Function(name.to_owned()),
            },
            Word::Text(text) => Operand::Constant(Value::String(text.clone())),
            Word::Integer(number) => Operand::Constant((*number).into()),
            Word::Float(number) => Operand::Constant((*number).into()),
            Word::Declare | Word::Assign | Word::Comma => {
                return Err(TemplateError("unexpected word in a command".to_owned()));
            }
        };
        *at += 1;
        if let Some(command) = commands.last_mut() {
            command.push(operand);
        }
    }
    if commands.iter().any(Vec::is_empty) {
        return Err(TemplateError("missing value for command".to_owned()));
    }
    let is_nil =
        |command: &Vec<Operand>| matches!(command.first(), Some(Operand::Constant(Value::Null)));
    if commands.iter().any(is_nil) {
        return Err(TemplateError("nil is not a command".to_owned()));
    }
    Ok(commands)
}
