//! What names mean in the files: variables, functions, attributes of other blocks. Each is evaluated when it is first asked for.
//!
//! Start at [`Resolver::new`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::expr::Expression as Hcl;

use crate::budget::Budget;
use crate::decode;
use crate::evaluate::{Scope, evaluate};
use crate::functions;
use crate::json::Json;
use crate::machine::Machine;
use crate::matrix::{self, Made, Row};
use crate::problem::{Fault, Problem, closest};
use crate::schema;
use crate::source::{BakeFile, Place};
use crate::syntax::{Attribute, Block, Body, Expression, Written, parse_expression};
use crate::types::{self, Type};
use crate::value::Value;

/// Kinds of blocks whose attributes expressions can name.
pub(crate) const REFERABLE: &[&str] = &["group", "target"];
/// Names that variables cannot have, or that are given.
const CONTEXT: &str = "BAKE_CMD_CONTEXT";
const PLATFORM: &str = "BAKE_LOCAL_PLATFORM";

/// Kind and name, and the places of blocks with their values.
type Rows = BTreeMap<(String, String), Vec<(usize, Row)>>;

/// What is known of all files.
pub(crate) struct Resolver<'r> {
    files: &'r [BakeFile],
    pub(crate) machine: Machine<'r>,
    pub(crate) budget: Budget,
    /// Attributes outside of blocks, which are variables, too. The last file's counts.
    attributes: BTreeMap<String, Attribute>,
    /// Declared variables; what a later file says replaces what an earlier one said.
    pub(crate) variables: BTreeMap<String, Variable>,
    functions: BTreeMap<String, Function>,
    /// Groups and targets in their order.
    pub(crate) blocks: Vec<Block>,
    /// Which blocks make a name, and with which values of the matrix. Filled once.
    pub(crate) rows: RefCell<Rows>,
    pub(crate) is_filled: Cell<bool>,
    values: RefCell<BTreeMap<String, Value>>,
    busy: RefCell<BTreeSet<String>>,
}

/// A declared variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) place: Place,
    default: Option<Expression>,
    pub(crate) wanted: Option<Type>,
    pub(crate) description: Option<Expression>,
    pub(crate) validations: Vec<Block>,
}

/// A function that a file defines.
#[derive(Clone, Debug)]
struct Function {
    place: Place,
    parameters: Vec<String>,
    rest: Option<String>,
    result: Expression,
}

impl<'r> Resolver<'r> {
    /// Sorts what the files hold.
    pub(crate) fn new(
        files: &'r [BakeFile],
        bodies: Vec<Body>,
        machine: Machine<'r>,
    ) -> Result<Self, Fault> {
        let mut resolver = Self {
            files,
            machine,
            budget: Budget::default(),
            attributes: BTreeMap::new(),
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            blocks: Vec::new(),
            rows: RefCell::default(),
            is_filled: Cell::new(false),
            values: RefCell::default(),
            busy: RefCell::default(),
        };
        for body in bodies {
            for attribute in body.attributes {
                resolver.attributes.insert(attribute.name.clone(), attribute);
            }
            for block in body.blocks {
                resolver.take(block)?;
            }
        }
        Ok(resolver)
    }

    /// A part of a file's text.
    pub(crate) fn text(&self, file: usize, span: std::ops::Range<usize>) -> &str {
        self.files.get(file).and_then(|file| file.text.get(span)).unwrap_or_default()
    }

    fn take(&mut self, block: Block) -> Result<(), Fault> {
        let [name] = block.labels.as_slice() else {
            return Err(Fault::new(block.place, Problem::Label(block.kind)));
        };
        match block.kind.as_str() {
            "variable" => {
                if name != CONTEXT && name != PLATFORM {
                    let variable = Variable::read(&block)?;
                    self.variables.insert(name.clone(), variable);
                }
            }
            "function" => {
                let function = Function::read(&block)?;
                self.functions.insert(name.clone(), function);
            }
            "group" | "target" => {
                schema::check(&block)?;
                self.blocks.push(block);
            }
            _ => return Err(Fault::new(block.place, Problem::UnknownBlock(block.kind))),
        }
        Ok(())
    }

    /// Evaluates what nothing else asks for, so that it is not wrong unnoticed.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        for (name, variable) in &self.variables {
            self.variable(name, variable.place, &[])?;
        }
        for variable in self.variables.values() {
            for rule in &variable.validations {
                self.validate(rule)?;
            }
        }
        for (name, attribute) in &self.attributes {
            self.variable(name, attribute.place, &[])?;
        }
        Ok(())
    }

    fn validate(&self, rule: &Block) -> Result<(), Fault> {
        let scope = Scope::default();
        let part = |name: &'static str| {
            rule.body.attribute(name).ok_or_else(|| {
                let block = "validation".to_owned();
                Fault::new(rule.place, Problem::NoAttribute { name, block })
            })
        };
        let (condition, message) = (part("condition")?, part("error_message")?);
        let value = evaluate(self, &condition.value, &scope)?;
        let holds = value.as_bool().ok_or_else(|| {
            let problem = crate::evaluate::wrong_type("the condition", "bool", &value);
            Fault::new(condition.value.place(), problem)
        })?;
        if holds {
            return Ok(());
        }
        let message = evaluate(self, &message.value, &scope)?;
        let message = message.as_text().unwrap_or_else(|| "the value is not valid".to_owned());
        Err(Fault::new(condition.value.place(), Problem::Validation(message)))
    }

    /// The value of a variable, a global attribute or a given name.
    pub(crate) fn variable(
        &self,
        name: &str,
        place: Place,
        known: &[&str],
    ) -> Result<Value, Fault> {
        match name {
            CONTEXT => return Ok(Value::text(self.machine.command_context)),
            PLATFORM => return Ok(Value::text(self.machine.local_platform)),
            _ => {}
        }
        if let Some(value) = self.values.borrow().get(name) {
            return Ok(value.clone());
        }
        let what = format!("variable {name}");
        let busy = self.begin(what, place)?;
        let value = if let Some(attribute) = self.attributes.get(name) {
            let value = evaluate(self, &attribute.value, &Scope::default())?;
            match self.variables.get(name) {
                Some(variable) => self.overridden(name, variable, Some(value))?,
                None => value,
            }
        } else if let Some(variable) = self.variables.get(name) {
            self.declared(name, variable)?
        } else {
            let names = self.variables.keys().chain(self.attributes.keys()).map(String::as_str);
            let closest = closest(name, names.chain(known.iter().copied()));
            let problem = Problem::UnknownVariable { name: name.to_owned(), closest };
            return Err(Fault::new(place, problem));
        };
        drop(busy);
        self.values.borrow_mut().insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn declared(&self, name: &str, variable: &Variable) -> Result<Value, Fault> {
        let default = match &variable.default {
            None => None,
            Some(expression) => {
                let value = evaluate(self, expression, &Scope::default())?;
                let wanted = variable.wanted.as_ref().unwrap_or(&Type::Any);
                Some(wanted.convert(value).map_err(|why| {
                    let text = format!("default of {name}");
                    let problem = Problem::Entry { what: "the".to_owned(), text, why };
                    Fault::new(expression.place(), problem)
                })?)
            }
        };
        self.overridden(name, variable, default)
    }

    /// What the environment says, or else `default`; where there is none, an empty string, or null of a typed variable.
    fn overridden(
        &self,
        name: &str,
        variable: &Variable,
        default: Option<Value>,
    ) -> Result<Value, Fault> {
        let wanted = variable.wanted.as_ref();
        let wrong = |value: &str, wanted: &str| {
            let (name, value) = (name.to_owned(), value.to_owned());
            let wanted = wanted.to_owned();
            Fault::new(variable.place, Problem::Environment { name, value, wanted })
        };
        let plain = self.machine.environment.get(name);
        let as_json = format!("{name}_JSON");
        let is_free = !self.variables.contains_key(&as_json);
        let json = self.machine.environment.get(&as_json).filter(|_| is_free);
        if let (Some(wanted), Some(json)) = (wanted, json) {
            let parsed: Option<serde_json::Value> = serde_json::from_str(json).ok();
            let value = parsed.and_then(|parsed| wanted.convert(Value::from_json(&parsed)).ok());
            return value.ok_or_else(|| wrong(json, &format!("JSON of {}", wanted.name())));
        }
        let Some(line) = plain.or(json) else {
            let nothing = if wanted.is_some() { Value::Null } else { Value::text("") };
            return Ok(default.unwrap_or(nothing));
        };
        let inferred = match (wanted, &default) {
            (Some(wanted), _) => wanted.clone(),
            (None, None | Some(Value::Null | Value::Text(_))) => Type::Text,
            (None, Some(Value::Bool(_))) => Type::Bool,
            (None, Some(Value::Number(_))) => Type::Number,
            (None, Some(value @ (Value::List(_) | Value::Set(_) | Value::Map(_)))) => {
                return Err(wrong(line, &format!("{}, which needs a type", value.kind())));
            }
        };
        inferred.read_line(line).or(Err(wrong(line, &inferred.name())))
    }

    /// Marks that something is being evaluated, until the guard is dropped.
    fn begin(&self, what: String, place: Place) -> Result<Busy<'_>, Fault> {
        if !self.busy.borrow_mut().insert(what.clone()) {
            return Err(Fault::new(place, Problem::Cycle(what)));
        }
        Ok(Busy { all: &self.busy, what })
    }

    /// Marks that an attribute of a block is being evaluated.
    pub(crate) fn begin_attribute(
        &self,
        made: &Made,
        attribute: &str,
        place: Place,
    ) -> Result<Busy<'_>, Fault> {
        self.begin(format!("{}.{}.{attribute}", made.kind, made.name), place)
    }

    /// Calls a function of the files or a built-in one.
    pub(crate) fn call(
        &self,
        name: &str,
        values: Vec<Value>,
        place: Place,
    ) -> Result<Value, Fault> {
        let wrong =
            |why: String| Fault::new(place, Problem::Call { function: name.to_owned(), why });
        let Some(function) = self.functions.get(name) else {
            self.budget.charge(values.iter().map(functions::weight).sum(), place)?;
            let result = match functions::call(name, &values, &self.machine) {
                Some(result) => result.map_err(wrong)?,
                None if functions::REFUSED.contains(&name) => {
                    return Err(Fault::new(place, Problem::NotOffered(name.to_owned())));
                }
                None => {
                    let mut names: Vec<&str> = functions::names().collect();
                    names.extend(self.functions.keys().map(String::as_str));
                    let closest = closest(name, names.into_iter());
                    let problem = Problem::UnknownFunction { name: name.to_owned(), closest };
                    return Err(Fault::new(place, problem));
                }
            };
            self.budget.charge(functions::weight(&result), place)?;
            return Ok(result);
        };
        let count = function.parameters.len();
        if values.len() < count || (function.rest.is_none() && values.len() > count) {
            return Err(wrong(format!("it takes {count} arguments, not {}", values.len())));
        }
        let busy = self.begin(format!("function {name}"), function.place)?;
        let mut values = values.into_iter();
        let mut names: Vec<(String, Value)> =
            function.parameters.iter().cloned().zip(values.by_ref()).collect();
        if let Some(rest) = &function.rest {
            names.push((rest.clone(), Value::List(values.collect())));
        }
        let result = evaluate(self, &function.result, &Scope::new(&names));
        drop(busy);
        result
    }

    pub(crate) fn has_blocks(&self, kind: &str) -> bool {
        REFERABLE.contains(&kind)
    }

    /// An attribute of a block, or all of them. Where several files have the block, the last one that sets the attribute counts.
    pub(crate) fn block(
        &self,
        kind: &str,
        name: &str,
        attribute: Option<&str>,
        place: Place,
    ) -> Result<Value, Fault> {
        matrix::fill(self)?;
        let rows = self.rows.borrow().get(&(kind.to_owned(), name.to_owned())).cloned();
        let Some(rows) = rows else {
            let known: Vec<String> =
                self.rows.borrow().keys().map(|(_, name)| name.clone()).collect();
            let closest = closest(name, known.iter().map(String::as_str));
            let problem = Problem::UnknownTarget { name: name.to_owned(), closest };
            return Err(Fault::new(place, problem));
        };
        let Some(attribute) = attribute else {
            let mut all = BTreeMap::new();
            for attribute in schema::attributes(kind) {
                let value = self.block(kind, name, Some(attribute), place)?;
                all.insert((*attribute).to_owned(), value);
            }
            return Ok(Value::Map(all));
        };
        for (index, row) in rows.iter().rev() {
            let Some(block) = self.blocks.get(*index) else { continue };
            if let Some(found) = block.body.attribute(attribute) {
                let busy = self.begin(format!("{kind}.{name}.{attribute}"), place)?;
                let value = evaluate(self, &found.value, &Scope::new(row))?;
                drop(busy);
                let value = schema::convert(kind, found, &value)?;
                return decode::referred(attribute, value, found.value.place());
            }
        }
        if attribute == "name" {
            return Ok(Value::text(name));
        }
        if schema::attributes(kind).contains(&attribute) {
            return Ok(Value::Null);
        }
        let closest = closest(attribute, schema::attributes(kind).iter().copied());
        Err(Fault::new(place, Problem::NoElement { name: attribute.to_owned(), closest }))
    }
}

/// Something that is being evaluated.
pub(crate) struct Busy<'a> {
    all: &'a RefCell<BTreeSet<String>>,
    what: String,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.all.borrow_mut().remove(&self.what);
    }
}

impl Variable {
    fn read(block: &Block) -> Result<Self, Fault> {
        const KNOWN: &[&str] = &["default", "type", "description"];
        schema::known("variable", &block.body, KNOWN)?;
        if let Some(other) = block.body.blocks.iter().find(|inner| inner.kind != "validation") {
            return Err(Fault::new(other.place, Problem::UnknownBlock(other.kind.clone())));
        }
        let wanted = match block.body.attribute("type") {
            None => None,
            Some(attribute) => read_type(&attribute.value)?,
        };
        let default = block.body.attribute("default").map(|attribute| attribute.value.clone());
        let description =
            block.body.attribute("description").map(|attribute| attribute.value.clone());
        let validations = block.body.blocks.clone();
        Ok(Self { place: block.place, default, wanted, description, validations })
    }
}

fn read_type(expression: &Expression) -> Result<Option<Type>, Fault> {
    let place = expression.place();
    match &expression.written {
        Written::Hcl(hcl) if matches!(**hcl, Hcl::Null(_)) => Ok(None),
        Written::Hcl(hcl) => types::read(hcl, place).map(Some),
        Written::Json(node) => match &node.json {
            Json::Null => Ok(None),
            Json::Text(text) => types::read(&parse_expression(&text.raw, place)?, place).map(Some),
            Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
                Err(Fault::new(place, Problem::Syntax("this is no type".to_owned())))
            }
        },
    }
}

impl Function {
    fn read(block: &Block) -> Result<Self, Fault> {
        const KNOWN: &[&str] = &["params", "variadic_params", "result"];
        schema::known("function", &block.body, KNOWN)?;
        let part = |name: &'static str| {
            block.body.attribute(name).map(|attribute| &attribute.value).ok_or_else(|| {
                let block_name = format!("function {}", block.labels.join(" "));
                Fault::new(block.place, Problem::NoAttribute { name, block: block_name })
            })
        };
        let parameters = words(part("params")?)?;
        let rest = match block.body.attribute("variadic_params") {
            None => None,
            Some(attribute) => word(&attribute.value)?,
        };
        let result = part("result")?.clone();
        Ok(Self { place: block.place, parameters, rest, result })
    }
}

/// A list of names, which are not evaluated.
#[expect(clippy::wildcard_enum_match_arm, reason = "of HCL's expressions one is meant")]
fn words(expression: &Expression) -> Result<Vec<String>, Fault> {
    let parts: Vec<Expression> = match &expression.written {
        Written::Hcl(hcl) => match &**hcl {
            Hcl::Array(array) => array
                .iter()
                .map(|part| Expression {
                    file: expression.file,
                    written: Written::Hcl(Box::new(part.clone())),
                })
                .collect(),
            _ => return Err(no_names(expression)),
        },
        Written::Json(node) => match &node.json {
            Json::List(nodes) => nodes
                .iter()
                .map(|node| Expression {
                    file: expression.file,
                    written: Written::Json(Box::new(node.clone())),
                })
                .collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                return Err(no_names(expression));
            }
        },
    };
    parts.iter().map(|part| word(part)?.ok_or_else(|| no_names(part))).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of HCL's expressions one is meant")]
fn word(expression: &Expression) -> Result<Option<String>, Fault> {
    match &expression.written {
        Written::Hcl(hcl) => match &**hcl {
            Hcl::Variable(name) => Ok(Some(name.as_str().to_owned())),
            Hcl::Null(_) => Ok(None),
            _ => Err(no_names(expression)),
        },
        Written::Json(node) => match &node.json {
            Json::Text(text) => Ok(Some(text.raw.clone())),
            Json::Null => Ok(None),
            Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
                Err(no_names(expression))
            }
        },
    }
}

fn no_names(expression: &Expression) -> Fault {
    Fault::new(expression.place(), Problem::Syntax("names of parameters are needed".to_owned()))
}
