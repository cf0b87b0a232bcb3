//! A tree is filled in with a value.

use serde_json::Value;

use super::TemplateError;
use super::functions::{call, is_true, print};
use super::names;
use super::parser::{Node, Operand, Parsed, Pipeline};

/// Templates that call templates: more is an endless one.
const DEEPEST: usize = 100;
/// Numbers that `range` counts up to.
const MOST_TURNS: u64 = 1_000_000;

pub(super) fn render(
    parsed: &Parsed,
    value: &Value,
    label: Option<&dyn Fn(&str) -> String>,
) -> Result<String, TemplateError> {
    let mut scope = Scope {
        parsed,
        label,
        variables: vec![(String::new(), value.clone())],
        out: String::new(),
        nothing: None,
        depth: 0,
    };
    scope.nodes(&parsed.nodes, value)?;
    Ok(scope.out)
}

/// What follows a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Scope<'a> {
    parsed: &'a Parsed,
    /// The labels of a list's row.
    label: Option<&'a dyn Fn(&str) -> String>,
    /// Innermost last; the one without a name is `$`.
    variables: Vec<(String, Value)>,
    out: String,
    /// How the last field that was null prints, where Go's structure would not print `<nil>`.
    nothing: Option<&'static str>,
    depth: usize,
}

impl Scope<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        let outer = self.variables.len();
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(node, dot)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.variables.truncate(outer);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, TemplateError> {
        let outer = self.variables.len();
        let flow = match node {
            Node::Text(text) => {
                self.out.push_str(text);
                Flow::Next
            }
            Node::Print(pipeline) => {
                self.nothing = None;
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.declares.is_none() {
                    let nothing = self.nothing.filter(|_| value.is_null());
                    self.out.push_str(&nothing.map_or_else(|| print(&value), str::to_owned));
                }
                // A variable lives on behind its declaration.
                return Ok(Flow::Next);
            }
            Node::If { condition, then, otherwise } => {
                let branch =
                    if is_true(&self.pipeline(condition, dot)?) { then } else { otherwise };
                self.nodes(branch, dot)?
            }
            Node::With { value, then, otherwise } => {
                let inner = self.pipeline(value, dot)?;
                if is_true(&inner) {
                    self.nodes(then, &inner)?
                } else {
                    self.nodes(otherwise, dot)?
                }
            }
            Node::Range { variables, over, body, otherwise } => {
                self.range(variables, over, (body, otherwise), dot)?
            }
            Node::Break => Flow::Break,
            Node::Continue => Flow::Continue,
            Node::Call { name, dot: argument } => {
                self.call_template(name, argument.as_ref(), dot)?;
                Flow::Next
            }
        };
        self.variables.truncate(outer);
        Ok(flow)
    }

    /// Another template: it sees no variables of this one.
    fn call_template(
        &mut self,
        name: &str,
        argument: Option<&Pipeline>,
        dot: &Value,
    ) -> Result<(), TemplateError> {
        let parsed = self.parsed;
        let nodes = parsed
            .definitions
            .get(name)
            .ok_or_else(|| TemplateError(format!("template {name:?} not defined")))?;
        if self.depth >= DEEPEST {
            return Err(TemplateError(format!("template {name:?} calls itself without an end")));
        }
        let inner = argument.map(|argument| self.pipeline(argument, dot)).transpose()?;
        let inner = inner.unwrap_or(Value::Null);
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), inner.clone())]);
        self.depth += 1;
        let done = self.nodes(nodes, &inner);
        self.depth -= 1;
        self.variables = outer;
        done.map(drop)
    }

    fn range(
        &mut self,
        variables: &[String],
        over: &Pipeline,
        (body, otherwise): (&[Node], &[Node]),
        dot: &Value,
    ) -> Result<Flow, TemplateError> {
        let items = items(self.pipeline(over, dot)?)?;
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            let outer = self.variables.len();
            match variables {
                [value] => self.variables.push((value.clone(), item.clone())),
                [first, second] => {
                    self.variables.extend([(first.clone(), key), (second.clone(), item.clone())]);
                }
                _ => {}
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(outer);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let mut result = None;
        for command in &pipeline.commands {
            result = Some(self.command(command, dot, result)?);
        }
        let value = result.unwrap_or(Value::Null);
        match &pipeline.declares {
            Some((name, true)) => self.variables.push((name.clone(), value.clone())),
            Some((name, false)) => {
                let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
                known.ok_or_else(|| undefined(name))?.1 = value.clone();
            }
            None => {}
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let Some((first, rest)) = command.split_first() else { return Ok(Value::Null) };
        match first {
            Operand::Function(name) if matches!(name.as_str(), "and" | "or") => {
                self.until(name == "or", rest, dot, piped)
            }
            Operand::Function(name) => {
                let mut arguments = rest
                    .iter()
                    .map(|operand| self.operand(operand, dot))
                    .collect::<Result<Vec<_>, _>>()?;
                arguments.extend(piped);
                call(name, &arguments)
            }
            Operand::Field(fields) if self.label.is_some() && *fields == ["Label"] => {
                let name = rest.first().map(|operand| self.operand(operand, dot)).transpose()?;
                match (name.or(piped), self.label) {
                    (Some(Value::String(name)), Some(label)) => Ok(label(&name).into()),
                    _ => Err(TemplateError(".Label wants the name of a label".to_owned())),
                }
            }
            _ if !rest.is_empty() || piped.is_some() => {
                Err(TemplateError("can't give argument to non-function".to_owned()))
            }
            Operand::Field(_)
            | Operand::Variable(..)
            | Operand::Constant(_)
            | Operand::Nested(..) => self.operand(first, dot),
        }
    }

    /// `and` and `or`: what follows the one that decides is not looked at.
    fn until(
        &mut self,
        truth: bool,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let mut last = None;
        for operand in operands {
            let value = self.operand(operand, dot)?;
            if is_true(&value) == truth {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| {
            let name = if truth { "or" } else { "and" };
            TemplateError(format!("wrong number of args for {name}: want at least 1 got 0"))
        })
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        match operand {
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Field(fields) => self.select(dot, fields),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = known.ok_or_else(|| undefined(name))?.1.clone();
                self.select(&value, fields)
            }
            Operand::Function(name) => call(name, &[]),
            Operand::Nested(pipeline, fields) => {
                let value = self.pipeline(pipeline, dot)?;
                self.select(&value, fields)
            }
        }
    }

    /// A field that an object does not have is an error, as of Go's structures: a typing error shows.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only maps have fields")]
    fn select(&mut self, value: &Value, fields: &[String]) -> Result<Value, TemplateError> {
        let mut value = value;
        let mut inside = "";
        for field in fields {
            let object = match value {
                Value::Object(object) => object,
                Value::Null => {
                    return Err(TemplateError(format!("nil data; no entry for key {field:?}")));
                }
                _ => {
                    return Err(TemplateError(format!(
                        "can't evaluate field {field} in {}",
                        print(value)
                    )));
                }
            };
            let found = object
                .get(field)
                .or_else(|| names::in_json(field).find_map(|name| object.get(name)));
            let missing = names::is_map(inside).then_some("<no value>");
            value = match found {
                Some(found) => found,
                None if missing.is_some() || names::may_be_nothing(field) => {
                    self.nothing = missing;
                    &Value::Null
                }
                None => {
                    return Err(TemplateError(format!("map has no entry for key {field:?}")));
                }
            };
            if found.is_some_and(Value::is_null) {
                self.nothing = names::is_list(field).then_some("[]");
            }
            inside = field;
        }
        Ok(value.clone())
    }
}

/// What `range` goes through, with the keys. Go goes through a map in the order of its keys, which is how they are kept here.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only lists, maps and numbers can be gone through"
)]
fn items(over: Value) -> Result<Vec<(Value, Value)>, TemplateError> {
    match over {
        Value::Array(items) => {
            Ok(items.into_iter().enumerate().map(|(place, item)| (place.into(), item)).collect())
        }
        Value::Object(items) => {
            Ok(items.into_iter().map(|(key, item)| (key.into(), item)).collect())
        }
        Value::Null => Ok(Vec::new()),
        Value::Number(number) if number.as_u64().is_some_and(|number| number <= MOST_TURNS) => {
            Ok((0..number.as_u64().unwrap_or(0)).map(|turn| (turn.into(), turn.into())).collect())
        }
        other => Err(TemplateError(format!("range can't iterate over {}", print(&other)))),
    }
}

fn undefined(name: &str) -> TemplateError {
    TemplateError(format!("undefined variable \"${name}\""))
}
