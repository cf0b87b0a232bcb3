//! Expressions and what they make. Start at [`evaluate`]. What names mean is asked of [`Resolver`].
//!
//! The language is HCL's (its native syntax specification); operators are in `operators.rs`, templates in `template.rs`.

use std::collections::BTreeMap;

use hcl_edit::Span;
use hcl_edit::expr::{
    Conditional, Expression as Hcl, ForExpr, FuncCall, ObjectKey, Traversal, TraversalOperator,
};
use hcl_edit::template::HeredocTemplate;

use crate::json::{Json, Node, Text};
use crate::operators;
use crate::problem::{Fault, Problem, closest};
use crate::resolver::Resolver;
use crate::source::Place;
use crate::syntax::{Expression, Written};
use crate::template;
use crate::value::Value;

/// Names that are known in a part of an expression only: of loops, of a function's parameters, of a matrix.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'a> {
    names: &'a [(String, Value)],
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(names: &'a [(String, Value)]) -> Self {
        Self { names, outer: None }
    }

    pub(crate) fn inside(names: &'a [(String, Value)], outer: &'a Scope<'a>) -> Self {
        Self { names, outer: Some(outer) }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        let here = self.names.iter().rev().find(|(known, _)| known == name);
        here.map(|(_, value)| value).or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }

    fn known(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.names.iter().map(|(name, _)| name.as_str()).collect();
        names.extend(self.outer.map(Scope::known).unwrap_or_default());
        names
    }
}

/// Where expressions are evaluated: in which file, and, when they stand in a string of JSON, at which place.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'a, 'r> {
    pub(crate) resolver: &'a Resolver<'r>,
    pub(crate) file: usize,
    pub(crate) fixed: Option<Place>,
    /// Where the text begins that expressions' places are counted in.
    pub(crate) base: usize,
}

/// What an expression makes.
pub(crate) fn evaluate(
    resolver: &Resolver<'_>,
    expression: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Fault> {
    let evaluator = Evaluator { resolver, file: expression.file, fixed: None, base: 0 };
    match &expression.written {
        Written::Hcl(hcl) => evaluator.value(hcl, scope),
        Written::Json(node) => evaluator.json(node, scope),
    }
}

impl Evaluator<'_, '_> {
    pub(crate) fn place(&self, part: &dyn Span) -> Place {
        let span = part.span().map(|span| span.start + self.base..span.end + self.base);
        self.fixed.unwrap_or_else(|| Place::new(self.file, span))
    }

    fn json(&self, node: &Node, scope: &Scope<'_>) -> Result<Value, Fault> {
        let _entered = self.resolver.budget.enter(node.place)?;
        Ok(match &node.json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(*number),
            Json::Text(text) => self.json_text(text, scope)?,
            Json::List(nodes) => Value::List(
                nodes.iter().map(|node| self.json(node, scope)).collect::<Result<_, _>>()?,
            ),
            Json::Object(members) => {
                let mut values = BTreeMap::new();
                for (name, node) in members {
                    let key = self.key(&self.json_text(name, scope)?, name.place)?;
                    values.insert(key, self.json(node, scope)?);
                }
                Value::Map(values)
            }
        })
    }

    fn json_text(&self, text: &Text, scope: &Scope<'_>) -> Result<Value, Fault> {
        let inside = Self { fixed: Some(text.place), ..*self };
        match &text.template {
            None => Ok(Value::text(&text.raw)),
            Some(template) => template::evaluate(&inside, template, scope),
        }
    }

    pub(crate) fn value(&self, expression: &Hcl, scope: &Scope<'_>) -> Result<Value, Fault> {
        let place = self.place(expression);
        let _entered = self.resolver.budget.enter(place)?;
        match expression {
            Hcl::Null(_) => Ok(Value::Null),
            Hcl::Bool(value) => Ok(Value::Bool(*value.value())),
            Hcl::Number(number) => {
                let written = number.value().to_string();
                written
                    .parse()
                    .map(Value::Number)
                    .or(Err(Fault::new(place, Problem::Syntax(format!("{written} is no number")))))
            }
            Hcl::String(text) => Ok(Value::text(text.value())),
            Hcl::Array(array) => Ok(Value::List(
                array.iter().map(|part| self.value(part, scope)).collect::<Result<_, _>>()?,
            )),
            Hcl::Object(object) => self.object(object, scope),
            Hcl::StringTemplate(template) => template::evaluate(self, template, scope),
            Hcl::HeredocTemplate(heredoc) => self.heredoc(heredoc, place, scope),
            Hcl::Parenthesis(inner) => self.value(inner.inner(), scope),
            Hcl::Variable(name) => self.variable(name.as_str(), place, scope),
            Hcl::Conditional(conditional) => self.conditional(conditional, scope),
            Hcl::FuncCall(call) => self.call(call, place, scope),
            Hcl::Traversal(traversal) => self.traversal(traversal, scope),
            Hcl::UnaryOp(operation) => {
                let value = self.value(&operation.expr, scope)?;
                operators::unary(*operation.operator.value(), &value)
                    .map_err(|problem| Fault::new(place, problem))
            }
            Hcl::BinaryOp(operation) => {
                let left = self.value(&operation.lhs_expr, scope)?;
                let right = self.value(&operation.rhs_expr, scope)?;
                operators::binary(*operation.operator.value(), &left, &right)
                    .map_err(|problem| Fault::new(place, problem))
            }
            Hcl::ForExpr(each) => self.each(each, scope),
        }
    }

    /// Reads a heredoc's text again: hcl-edit has taken white space from it by rules of its own.
    fn heredoc(
        &self,
        heredoc: &HeredocTemplate,
        place: Place,
        scope: &Scope<'_>,
    ) -> Result<Value, Fault> {
        let span = heredoc.template.span().unwrap_or_default();
        let (start, end) = (span.start + self.base, span.end + self.base);
        let text = self.resolver.text(self.file, start..end);
        let is_flush = self.resolver.text(self.file, place.start..place.end).starts_with("<<-");
        if self.fixed.is_some() {
            return template::heredoc(self, &heredoc.template, is_flush, scope);
        }
        let template = hcl_edit::parser::parse_template(text)
            .map_err(|error| Fault::new(place, Problem::Syntax(error.message().to_owned())))?;
        template::heredoc(&Self { base: start, ..*self }, &template, is_flush, scope)
    }

    fn variable(&self, name: &str, place: Place, scope: &Scope<'_>) -> Result<Value, Fault> {
        match scope.get(name) {
            Some(value) => Ok(value.clone()),
            None => self.resolver.variable(name, place, &scope.known()),
        }
    }

    fn object(&self, object: &hcl_edit::expr::Object, scope: &Scope<'_>) -> Result<Value, Fault> {
        let mut values = BTreeMap::new();
        for (key, value) in object {
            let name = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(Hcl::Variable(name)) => name.as_str().to_owned(),
                ObjectKey::Expression(expression) => {
                    self.key(&self.value(expression, scope)?, self.place(expression))?
                }
            };
            values.insert(name, self.value(value.expr(), scope)?);
        }
        Ok(Value::Map(values))
    }

    fn key(&self, value: &Value, place: Place) -> Result<String, Fault> {
        value.as_text().ok_or_else(|| Fault::new(place, wrong_type("a name", "string", value)))
    }

    pub(crate) fn truth(
        &self,
        expression: &Hcl,
        what: &str,
        scope: &Scope<'_>,
    ) -> Result<bool, Fault> {
        let value = self.value(expression, scope)?;
        value
            .as_bool()
            .ok_or_else(|| Fault::new(self.place(expression), wrong_type(what, "bool", &value)))
    }

    /// One branch is taken; the other only says whether a number or a boolean is meant as a string.
    fn conditional(&self, conditional: &Conditional, scope: &Scope<'_>) -> Result<Value, Fault> {
        let holds = self.truth(&conditional.cond_expr, "the condition", scope)?;
        let (taken, other) = if holds {
            (&conditional.true_expr, &conditional.false_expr)
        } else {
            (&conditional.false_expr, &conditional.true_expr)
        };
        let value = self.value(taken, scope)?;
        if value == Value::Null {
            return Ok(value);
        }
        match self.value(other, scope) {
            Err(_) | Ok(Value::Null) => Ok(value),
            Ok(other) => operators::unify(value, &other)
                .map_err(|problem| Fault::new(self.place(conditional), problem)),
        }
    }

    fn call(&self, call: &FuncCall, place: Place, scope: &Scope<'_>) -> Result<Value, Fault> {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() {
            let closest = None;
            let problem = Problem::UnknownFunction { name: format!("…::{name}"), closest };
            return Err(Fault::new(place, problem));
        }
        let mut arguments: Vec<&Hcl> = call.args.iter().collect();
        if let Some(result) = self.lazy(name, &arguments, place, scope)? {
            return Ok(result);
        }
        let last = if call.args.expand_final() { arguments.pop() } else { None };
        let mut values: Vec<Value> = arguments
            .iter()
            .map(|argument| self.value(argument, scope))
            .collect::<Result<_, _>>()?;
        if let Some(last) = last {
            let value = self.value(last, scope)?;
            let Some(elements) = value.elements() else {
                return Err(Fault::new(
                    self.place(last),
                    wrong_type("what ... expands", "list", &value),
                ));
            };
            values.extend_from_slice(elements);
        }
        self.resolver.call(name, values, place)
    }

    /// Functions that look at expressions, not at values.
    fn lazy(
        &self,
        name: &str,
        arguments: &[&Hcl],
        place: Place,
        scope: &Scope<'_>,
    ) -> Result<Option<Value>, Fault> {
        let wrong = |why: &str| {
            Fault::new(place, Problem::Call { function: name.to_owned(), why: why.to_owned() })
        };
        match name {
            "try" => {
                for argument in arguments {
                    match self.value(argument, scope) {
                        Ok(value) => return Ok(Some(value)),
                        Err(fault) if fault.is_final() => return Err(fault),
                        Err(_) => {}
                    }
                }
                Err(wrong("no argument can be evaluated"))
            }
            "can" => match arguments {
                [argument] => match self.value(argument, scope) {
                    Err(fault) if fault.is_final() => Err(fault),
                    result => Ok(Some(Value::Bool(result.is_ok()))),
                },
                _ => Err(wrong("it takes one argument")),
            },
            "convert" => match arguments {
                [argument, wanted] => {
                    let value = self.value(argument, scope)?;
                    let wanted = crate::types::read(wanted, self.place(*wanted))?;
                    let converted = wanted.convert(value).map_err(|why| wrong(&why))?;
                    Ok(Some(converted))
                }
                _ => Err(wrong("it takes a value and a type")),
            },
            _ => Ok(None),
        }
    }

    fn traversal(&self, traversal: &Traversal, scope: &Scope<'_>) -> Result<Value, Fault> {
        let operators: Vec<&TraversalOperator> =
            traversal.operators.iter().map(|operator| operator.value()).collect();
        let places: Vec<Place> =
            traversal.operators.iter().map(|operator| self.place(operator)).collect();
        let mut skipped = 0;
        let start = match (&traversal.expr, operators.as_slice()) {
            (Hcl::Variable(root), [TraversalOperator::GetAttr(block), ..])
                if scope.get(root.as_str()).is_none()
                    && self.resolver.has_blocks(root.as_str()) =>
            {
                let attribute = match operators.get(1) {
                    Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
                    _ => None,
                };
                skipped = if attribute.is_some() { 2 } else { 1 };
                let place = places.first().copied().unwrap_or_default();
                self.resolver.block(root.as_str(), block.as_str(), attribute, place)?
            }
            (Hcl::Variable(root), [TraversalOperator::Index(Hcl::String(block)), ..])
                if scope.get(root.as_str()).is_none()
                    && self.resolver.has_blocks(root.as_str()) =>
            {
                skipped = 1;
                let place = places.first().copied().unwrap_or_default();
                self.resolver.block(root.as_str(), block.as_str(), None, place)?
            }
            (expression, _) => self.value(expression, scope)?,
        };
        let operators = operators.get(skipped..).unwrap_or_default();
        self.follow(start, operators, places.get(skipped..).unwrap_or_default(), scope)
    }

    fn follow(
        &self,
        start: Value,
        operators: &[&TraversalOperator],
        places: &[Place],
        scope: &Scope<'_>,
    ) -> Result<Value, Fault> {
        let (Some((operator, rest)), Some((place, places))) =
            (operators.split_first(), places.split_first())
        else {
            return Ok(start);
        };
        let _entered = self.resolver.budget.enter(*place)?;
        let next = match operator {
            TraversalOperator::GetAttr(name) => element(&start, &Value::text(name.as_str())),
            TraversalOperator::Index(index) => element(&start, &self.value(index, scope)?),
            TraversalOperator::LegacyIndex(index) => {
                let index = usize::try_from(*index.value()).unwrap_or(usize::MAX);
                element(&start, &Value::Number(index.into()))
            }
            TraversalOperator::FullSplat(_) => {
                let values = splat_parts(start)
                    .into_iter()
                    .map(|part| self.follow(part, rest, places, scope))
                    .collect::<Result<_, _>>()?;
                return Ok(Value::List(values));
            }
            TraversalOperator::AttrSplat(_) => {
                // Only attributes and old indices belong to it; an index in brackets takes from the whole result.
                let own = rest
                    .iter()
                    .take_while(|next| {
                        matches!(
                            next,
                            TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
                        )
                    })
                    .count();
                let (inner, outer) = rest.split_at(own);
                let (inner_places, outer_places) = places.split_at(own.min(places.len()));
                let values = splat_parts(start)
                    .into_iter()
                    .map(|part| self.follow(part, inner, inner_places, scope))
                    .collect::<Result<_, _>>()?;
                return self.follow(Value::List(values), outer, outer_places, scope);
            }
        };
        let next = next.map_err(|problem| Fault::new(*place, problem))?;
        self.follow(next, rest, places, scope)
    }

    fn each(&self, each: &ForExpr, scope: &Scope<'_>) -> Result<Value, Fault> {
        let collection = &each.intro.collection_expr;
        let pairs = self.collection(collection, scope)?;
        let mut list = Vec::new();
        let mut map: BTreeMap<String, Value> = BTreeMap::new();
        for (key, value) in pairs {
            let mut names = vec![(each.intro.value_var.as_str().to_owned(), value)];
            if let Some(name) = &each.intro.key_var {
                names.push((name.as_str().to_owned(), key));
            }
            let scope = Scope::inside(&names, scope);
            if let Some(condition) = &each.cond
                && !self.truth(&condition.expr, "the condition", &scope)?
            {
                continue;
            }
            let value = self.value(&each.value_expr, &scope)?;
            let Some(key) = &each.key_expr else {
                list.push(value);
                continue;
            };
            let name = self.key(&self.value(key, &scope)?, self.place(key))?;
            if each.grouping {
                let group = map.entry(name).or_insert_with(|| Value::List(Vec::new()));
                if let Value::List(values) = group {
                    values.push(value);
                }
            } else if map.insert(name.clone(), value).is_some() {
                return Err(Fault::new(self.place(key), Problem::Twice(format!("key {name:?}"))));
            }
        }
        Ok(if each.key_expr.is_some() { Value::Map(map) } else { Value::List(list) })
    }

    /// What a loop goes through.
    pub(crate) fn collection(
        &self,
        expression: &Hcl,
        scope: &Scope<'_>,
    ) -> Result<Vec<(Value, Value)>, Fault> {
        let value = self.value(expression, scope)?;
        value.pairs().ok_or_else(|| {
            Fault::new(
                self.place(expression),
                wrong_type("what for goes through", "list or map", &value),
            )
        })
    }
}

/// What a splat goes through: the elements of a list, a single value as one, and nothing for null.
fn splat_parts(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::List(values) | Value::Set(values) => values,
        single @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_)) => {
            vec![single]
        }
    }
}

/// The element of a list by its number, of a map by its name.
pub(crate) fn element(value: &Value, index: &Value) -> Result<Value, Problem> {
    let absent = |closest: Option<String>| Problem::NoElement {
        name: index.as_text().unwrap_or_else(|| index.kind().to_owned()),
        closest,
    };
    match value {
        Value::List(values) => {
            let number =
                index.as_number().ok_or_else(|| wrong_type("the index", "number", index))?;
            let found = number.as_index().and_then(|at| values.get(at));
            found.cloned().ok_or_else(|| absent(None))
        }
        Value::Map(values) => {
            let name = index.as_text().ok_or_else(|| wrong_type("the index", "string", index))?;
            let found = values.get(&name).cloned();
            found.ok_or_else(|| absent(closest(&name, values.keys().map(String::as_str))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Set(_) => {
            Err(wrong_type("what an element is taken of", "list or map", value))
        }
    }
}

pub(crate) fn wrong_type(what: &str, wanted: &str, found: &Value) -> Problem {
    Problem::Type {
        what: what.to_owned(),
        wanted: wanted.to_owned(),
        found: found.kind().to_owned(),
    }
}
