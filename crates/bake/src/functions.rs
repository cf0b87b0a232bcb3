//! The functions that files may call without defining them: those of buildx, which are go-cty's and some more. Start at [`call`].

mod addresses;
mod collections;
mod digests;
mod encodings;
mod formats;
mod numbers;
mod patterns;
mod strings;
mod times;
mod versions;

use std::collections::BTreeMap;

use crate::machine::Machine;
use crate::number::Number;
use crate::value::Value;

/// What a function gives, or why it does not.
pub(crate) type Answer = Result<Value, String>;

/// Its name, the least and the most arguments that it takes, and the function.
type Native = (&'static str, usize, usize, fn(&Arguments<'_>) -> Answer);

/// As many as there are.
const ANY: usize = usize::MAX;

const TABLES: &[&[Native]] = &[
    numbers::TABLE,
    strings::TABLE,
    collections::TABLE,
    encodings::TABLE,
    formats::TABLE,
    patterns::TABLE,
    times::TABLE,
    versions::TABLE,
    addresses::TABLE,
];

/// Functions of buildx that are refused: slow by intent, or with keys in the file, or of bytes that no expression can make.
pub(crate) const REFUSED: &[&str] = &["bcrypt", "rsadecrypt", "byteslen", "bytesslice"];

/// Functions that may be given null.
const TAKE_NULL: &[&str] =
    &["coalesce", "coalescelist", "equal", "notequal", "jsonencode", "contains", "concat", "merge"];

/// What a function is given.
pub(crate) struct Arguments<'a> {
    pub(crate) values: &'a [Value],
    pub(crate) machine: &'a Machine<'a>,
}

/// Calls a function; nothing when there is none of that name.
pub(crate) fn call(name: &str, values: &[Value], machine: &Machine<'_>) -> Option<Answer> {
    let (_, least, most, run) = TABLES.iter().copied().flatten().find(|entry| entry.0 == name)?;
    if values.len() < *least || values.len() > *most {
        let wanted = match (*least, *most) {
            (least, ANY) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        return Some(Err(format!("it takes {wanted} arguments, not {}", values.len())));
    }
    let null = values.iter().position(|value| *value == Value::Null);
    if let Some(at) = null.filter(|_| !TAKE_NULL.contains(&name)) {
        return Some(Err(format!("argument {} is null", at + 1)));
    }
    Some(run(&Arguments { values, machine }))
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let lazy = ["try", "can", "convert"];
    TABLES.iter().copied().flatten().map(|entry| entry.0).chain(lazy)
}

/// How large a value is, in elements and bytes.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::Text(text) => 1 + text.len() / 16,
        Value::List(values) | Value::Set(values) => 1 + values.iter().map(weight).sum::<usize>(),
        Value::Map(values) => 1 + values.values().map(weight).sum::<usize>(),
    }
}

impl Arguments<'_> {
    pub(crate) fn value(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, String> {
        self.value(at).as_text().ok_or_else(|| self.wrong(at, "string"))
    }

    pub(crate) fn number(&self, at: usize) -> Result<Number, String> {
        self.value(at).as_number().ok_or_else(|| self.wrong(at, "number"))
    }

    pub(crate) fn whole(&self, at: usize) -> Result<i128, String> {
        self.number(at)?.as_whole().ok_or_else(|| self.wrong(at, "whole number"))
    }

    /// A count or an index.
    pub(crate) fn index(&self, at: usize) -> Result<usize, String> {
        self.number(at)?.as_index().ok_or_else(|| self.wrong(at, "whole number from 0 on"))
    }

    pub(crate) fn truth(&self, at: usize) -> Result<bool, String> {
        self.value(at).as_bool().ok_or_else(|| self.wrong(at, "bool"))
    }

    pub(crate) fn list(&self, at: usize) -> Result<&[Value], String> {
        self.value(at).elements().ok_or_else(|| self.wrong(at, "list"))
    }

    pub(crate) fn texts(&self, at: usize) -> Result<Vec<String>, String> {
        let texts = self.list(at)?.iter().map(Value::as_text);
        texts.collect::<Option<_>>().ok_or_else(|| self.wrong(at, "list of strings"))
    }

    pub(crate) fn map(&self, at: usize) -> Result<&BTreeMap<String, Value>, String> {
        match self.value(at) {
            Value::Map(values) => Ok(values),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Set(_) => Err(self.wrong(at, "map")),
        }
    }

    fn wrong(&self, at: usize, wanted: &str) -> String {
        format!("argument {} is a {wanted}, not {}", at + 1, self.value(at).kind())
    }
}

/// A number, where it is one.
pub(crate) fn finite(value: f64) -> Answer {
    Number::real(value).map(Value::Number).ok_or_else(|| "the result is no number".to_owned())
}
