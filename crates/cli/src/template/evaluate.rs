//! A tree is filled in with a value.

use serde_json::Value;

use super::TemplateError;
use super::functions::{call, is_true, print};
use super::parser::{Node, Operand, Pipeline};

pub(super) fn render(nodes: &[Node], value: &Value) -> Result<String, TemplateError> {
    let mut scope = Scope { variables: vec![(String::new(), value.clone())], out: String::new() };
    scope.nodes(nodes, value)?;
    Ok(scope.out)
}

struct Scope {
    /// Innermost last; the one without a name is `$`.
    variables: Vec<(String, Value)>,
    out: String,
}

impl Scope {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), TemplateError> {
        let outer = self.variables.len();
        for node in nodes {
            self.node(node, dot)?;
        }
        self.variables.truncate(outer);
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<(), TemplateError> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.declares.is_none() {
                    self.out.push_str(&print(&value));
                }
            }
            Node::If { condition, then, otherwise } => {
                let outer = self.variables.len();
                let branch =
                    if is_true(&self.pipeline(condition, dot)?) { then } else { otherwise };
                self.nodes(branch, dot)?;
                self.variables.truncate(outer);
            }
            Node::With { value, then, otherwise } => {
                let outer = self.variables.len();
                let inner = self.pipeline(value, dot)?;
                if is_true(&inner) {
                    self.nodes(then, &inner)?;
                } else {
                    self.nodes(otherwise, dot)?;
                }
                self.variables.truncate(outer);
            }
            Node::Range { variables, over, body, otherwise } => {
                self.range(variables, over, (body, otherwise), dot)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only lists and maps can be gone through")]
    fn range(
        &mut self,
        variables: &[String],
        over: &Pipeline,
        (body, otherwise): (&[Node], &[Node]),
        dot: &Value,
    ) -> Result<(), TemplateError> {
        // Go goes through a map in the order of its keys, which is how they are kept here.
        let items: Vec<(Value, Value)> = match self.pipeline(over, dot)? {
            Value::Array(items) => {
                items.into_iter().enumerate().map(|(place, item)| (place.into(), item)).collect()
            }
            Value::Object(items) => {
                items.into_iter().map(|(key, item)| (key.into(), item)).collect()
            }
            Value::Null => Vec::new(),
            other => {
                return Err(TemplateError(format!("range can't iterate over {}", print(&other))));
            }
        };
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
            self.nodes(body, &item)?;
            self.variables.truncate(outer);
        }
        Ok(())
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
        if let Operand::Function(name) = first {
            let mut arguments = rest
                .iter()
                .map(|operand| self.operand(operand, dot))
                .collect::<Result<Vec<_>, _>>()?;
            arguments.extend(piped);
            return call(name, &arguments);
        }
        if !rest.is_empty() || piped.is_some() {
            return Err(TemplateError("can't give argument to non-function".to_owned()));
        }
        self.operand(first, dot)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        match operand {
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Field(fields) => select(dot, fields),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                select(&known.ok_or_else(|| undefined(name))?.1, fields)
            }
            Operand::Function(name) => call(name, &[]),
            Operand::Nested(pipeline, fields) => select(&self.pipeline(pipeline, dot)?, fields),
        }
    }
}

fn undefined(name: &str) -> TemplateError {
    TemplateError(format!("undefined variable \"${name}\""))
}

/// A field that an object does not have is an error, as of Go's structures: a typing error shows.
#[expect(clippy::wildcard_enum_match_arm, reason = "only maps have fields")]
fn select(value: &Value, fields: &[String]) -> Result<Value, TemplateError> {
    let mut value = value;
    for field in fields {
        value = match value {
            Value::Object(object) => object
                .get(field)
                .ok_or_else(|| TemplateError(format!("map has no entry for key {field:?}")))?,
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
    }
    Ok(value.clone())
}
