//! Type constraints: of variables, of attributes, of `convert`. Start at [`read`].

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression as Hcl, ObjectKey};

use crate::problem::{Fault, Problem};
use crate::source::Place;
use crate::value::Value;

/// What values are allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Any,
    Text,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    /// Names, types, and whether they may be absent.
    Object(Vec<(String, Type, bool)>),
}

/// Reads a type as it is written: `string`, `list(number)`, `object({name = string})`.
#[expect(clippy::wildcard_enum_match_arm, reason = "of HCL's expressions few are types")]
pub(crate) fn read(written: &Hcl, place: Place) -> Result<Type, Fault> {
    let unknown = || Fault::new(place, Problem::Syntax("this is no type".to_owned()));
    match written {
        Hcl::Variable(name) => match name.as_str() {
            "any" => Ok(Type::Any),
            "string" => Ok(Type::Text),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            _ => Err(unknown()),
        },
        Hcl::Parenthesis(inner) => read(inner.inner(), place),
        Hcl::FuncCall(call) => {
            let mut arguments = call.args.iter();
            let (Some(argument), None) = (arguments.next(), arguments.next()) else {
                return Err(unknown());
            };
            match (call.name.name.as_str(), argument) {
                ("list", inner) => Ok(Type::List(Box::new(read(inner, place)?))),
                ("set", inner) => Ok(Type::Set(Box::new(read(inner, place)?))),
                ("map", inner) => Ok(Type::Map(Box::new(read(inner, place)?))),
                ("tuple", Hcl::Array(parts)) => Ok(Type::Tuple(
                    parts.iter().map(|part| read(part, place)).collect::<Result<_, _>>()?,
                )),
                ("object", Hcl::Object(parts)) => object(parts, place),
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of HCL's expressions few are types")]
fn object(parts: &hcl_edit::expr::Object, place: Place) -> Result<Type, Fault> {
    let mut members = Vec::new();
    for (key, value) in parts {
        let name = match key {
            ObjectKey::Ident(name) => name.as_str(),
            ObjectKey::Expression(Hcl::Variable(name)) => name.as_str(),
            ObjectKey::Expression(Hcl::String(name)) => name.value().as_str(),
            ObjectKey::Expression(_) => {
                return Err(Fault::new(place, Problem::Syntax("this is no type".to_owned())));
            }
        };
        let (written, is_optional) = match value.expr() {
            Hcl::FuncCall(call)
                if call.name.name.as_str() == "optional" && call.args.len() == 1 =>
            {
                (call.args.get(0).unwrap_or(value.expr()), true)
            }
            written => (written, false),
        };
        members.push((name.to_owned(), read(written, place)?, is_optional));
    }
    Ok(Type::Object(members))
}

impl Type {
    /// Its name for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Any => "any type".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::List(inner) => format!("list of {}", inner.name()),
            Self::Set(inner) => format!("set of {}", inner.name()),
            Self::Map(inner) => format!("map of {}", inner.name()),
            Self::Tuple(_) => "tuple".to_owned(),
            Self::Object(_) => "object".to_owned(),
        }
    }

    /// The value as one of this type. Null is of each.
    pub(crate) fn convert(&self, value: Value) -> Result<Value, String> {
        if value == Value::Null {
            return Ok(Value::Null);
        }
        let found = value.kind();
        let refuse = || Err(format!("{} is needed, not {found}", self.name()));
        match (self, value) {
            (Self::Any, value) => Ok(value),
            (Self::Text, value) => {
                value.as_text().map_or_else(refuse, |text| Ok(Value::Text(text)))
            }
            (Self::Number, value) => {
                value.as_number().map_or_else(refuse, |number| Ok(Value::Number(number)))
            }
            (Self::Bool, value) => {
                value.as_bool().map_or_else(refuse, |holds| Ok(Value::Bool(holds)))
            }
            (Self::List(inner), Value::List(values) | Value::Set(values)) => {
                Ok(Value::List(inner.convert_all(values)?))
            }
            (Self::Set(inner), Value::List(values) | Value::Set(values)) => {
                Ok(Value::set(inner.convert_all(values)?))
            }
            (Self::Map(inner), Value::Map(values)) => {
                let converted = values
                    .into_iter()
                    .map(|(name, value)| inner.convert(value).map(|value| (name, value)));
                converted.collect::<Result<BTreeMap<_, _>, _>>().map(Value::Map)
            }
            (Self::Tuple(types), Value::List(values) | Value::Set(values)) => {
                if types.len() != values.len() {
                    return Err(format!(
                        "{} elements are needed, not {}",
                        types.len(),
                        values.len()
                    ));
                }
                let converted = types.iter().zip(values).map(|(inner, value)| inner.convert(value));
                converted.collect::<Result<Vec<_>, _>>().map(Value::List)
            }
            (Self::Object(members), Value::Map(values)) => convert_object(members, values),
            (
                Self::List(_) | Self::Set(_) | Self::Map(_) | Self::Tuple(_) | Self::Object(_),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::List(_)
                | Value::Set(_)
                | Value::Map(_),
            ) => refuse(),
        }
    }

    fn convert_all(&self, values: Vec<Value>) -> Result<Vec<Value>, String> {
        values.into_iter().map(|value| self.convert(value)).collect()
    }

    /// From the environment: one line. Lists are comma-separated, maps have `name:value`.
    pub(crate) fn read_line(&self, line: &str) -> Result<Value, String> {
        match self {
            Self::Any | Self::Text => Ok(Value::text(line)),
            Self::Number => line.parse().map(Value::Number).or(Err(String::new())),
            Self::Bool => match line {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
                _ => Err(String::new()),
            },
            Self::List(inner) => inner.fields(line).map(Value::List),
            Self::Set(inner) => inner.fields(line).map(Value::set),
            Self::Tuple(types) => {
                let fields = crate::comma::fields(line)?;
                if fields.len() != types.len() {
                    return Err(String::new());
                }
                let values = types.iter().zip(fields).map(|(inner, field)| inner.simple(&field));
                values.collect::<Result<Vec<_>, _>>().map(Value::List)
            }
            Self::Map(inner) => {
                let mut values = BTreeMap::new();
                for field in crate::comma::fields(line)? {
                    let (name, value) = field.split_once(':').ok_or(String::new())?;
                    values.insert(name.to_owned(), inner.simple(value)?);
                }
                Ok(Value::Map(values))
            }
            Self::Object(_) => Err(String::new()),
        }
    }

    fn fields(&self, line: &str) -> Result<Vec<Value>, String> {
        crate::comma::fields(line)?.iter().map(|field| self.simple(field)).collect()
    }

    fn simple(&self, field: &str) -> Result<Value, String> {
        match self {
            Self::Text | Self::Number | Self::Bool => self.read_line(field),
            Self::Any
            | Self::List(_)
            | Self::Set(_)
            | Self::Map(_)
            | Self::Tuple(_)
            | Self::Object(_) => Err(String::new()),
        }
    }
}

fn convert_object(
    members: &[(String, Type, bool)],
    mut values: BTreeMap<String, Value>,
) -> Result<Value, String> {
    let mut converted = BTreeMap::new();
    for (name, wanted, is_optional) in members {
        let value = match values.remove(name) {
            Some(value) => wanted.convert(value).map_err(|why| format!("{name}: {why}"))?,
            None if *is_optional => Value::Null,
            None => return Err(format!("{name} is missing")),
        };
        converted.insert(name.clone(), value);
    }
    Ok(Value::Map(converted))
}
