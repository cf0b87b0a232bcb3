//! Pieces become a tree.

use serde_json::Value;

use super::TemplateError;
use super::lexer::{Piece, Word};

/// Templates in templates: more is an attack on the stack.
const DEEPEST: usize = 100;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If { condition: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    With { value: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    Range { variables: Vec<String>, over: Pipeline, body: Vec<Node>, otherwise: Vec<Node> },
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

pub(super) fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, TemplateError> {
    let mut pieces = pieces.into_iter();
    match nodes(&mut pieces, 0)? {
        (nodes, Stop::End) => Ok(nodes),
        (_, Stop::Word(word, _)) => Err(TemplateError(format!("unexpected {{{{{word}}}}}"))),
    }
}

/// What ended a list of nodes.
enum Stop {
    End,
    /// `end` or `else`, with what follows it.
    Word(String, Vec<Word>),
}

fn nodes(
    pieces: &mut impl Iterator<Item = Piece>,
    depth: usize,
) -> Result<(Vec<Node>, Stop), TemplateError> {
    if depth > DEEPEST {
        return Err(TemplateError("too many blocks in blocks".to_owned()));
    }
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.next() {
        let words = match piece {
            Piece::Text(text) => {
                nodes.push(Node::Text(text));
                continue;
            }
            Piece::Action(words) => words,
        };
        match words.split_first() {
            None => return Err(TemplateError("missing value for command".to_owned())),
            Some((Word::Name(name), rest)) if matches!(name.as_str(), "end" | "else") => {
                return Ok((nodes, Stop::Word(name.clone(), rest.to_vec())));
            }
            Some((Word::Name(name), rest)) if matches!(name.as_str(), "if" | "with" | "range") => {
                nodes.push(block(name, rest, pieces, depth)?);
            }
            Some(_) => nodes.push(Node::Print(pipeline(&words)?)),
        }
    }
    Ok((nodes, Stop::End))
}

fn block(
    name: &str,
    head: &[Word],
    pieces: &mut impl Iterator<Item = Piece>,
    depth: usize,
) -> Result<Node, TemplateError> {
    let (then, stop) = nodes(pieces, depth + 1)?;
    let otherwise = match stop {
        Stop::End => {
            return Err(TemplateError(format!(
                "unexpected end of the template: {{{{{name}}}}} has no {{{{end}}}}"
            )));
        }
        Stop::Word(word, _) if word == "end" => Vec::new(),
        Stop::Word(_, rest) => match rest.split_first() {
            // `else if` is an `if` inside the `else`, and both have one end.
            Some((Word::Name(inner), rest)) if matches!(inner.as_str(), "if" | "with") => {
                vec![block(inner, rest, pieces, depth + 1)?]
            }
            Some(_) => return Err(TemplateError("unexpected words after {{else}}".to_owned())),
            None => match nodes(pieces, depth + 1)? {
                (nodes, Stop::Word(word, _)) if word == "end" => nodes,
                _ => return Err(TemplateError("{{else}} has no {{end}}".to_owned())),
            },
        },
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
    Ok(commands)
}
