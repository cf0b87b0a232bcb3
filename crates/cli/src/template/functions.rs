//! Functions of Go's templates and Docker's own, and how values print.

use std::cmp::Ordering;

use serde_json::Value;

use super::TemplateError;
use super::printf::printf;

type Called = Result<Value, TemplateError>;

/// Go's truth: not nothing, zero or empty.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
    }
}

/// As Go's `%v`.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) if number.is_f64() => float(number.as_f64().unwrap_or(0.0)),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(" "))
        }
        Value::Object(items) => {
            let pairs: Vec<String> =
                items.iter().map(|(key, value)| format!("{key}:{}", print(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// As Go's `%v` of a floating-point number: the fewest digits that name it, and no point where none is needed.
pub(super) fn float(number: f64) -> String {
    number.to_string()
}

/// As Go's Sprint: a space between neighbours neither of which is text.
fn print_all(values: &[Value]) -> String {
    let mut out = String::new();
    for (place, value) in values.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| values.get(before));
        if before.is_some_and(|before| !before.is_string() && !value.is_string()) {
            out.push(' ');
        }
        out.push_str(&print(value));
    }
    out
}

#[expect(clippy::too_many_lines, reason = "a table of functions")]
pub(super) fn call(name: &str, arguments: &[Value]) -> Called {
    match (name, arguments) {
        ("json", [value]) => Ok(serde_json::to_string(value).unwrap_or_default().into()),
        ("upper", [Value::String(text)]) => Ok(text.to_uppercase().into()),
        ("lower", [Value::String(text)]) => Ok(text.to_lowercase().into()),
        ("title", [Value::String(text)]) => Ok(title(text).into()),
        ("split", [Value::String(text), Value::String(separator)]) => Ok(split(text, separator)),
        ("join", [Value::Array(items), Value::String(separator)]) => {
            Ok(items.iter().map(print).collect::<Vec<_>>().join(separator).into())
        }
        ("join", [Value::Null, _]) => Ok("".into()),
        ("truncate", [Value::String(text), Value::Number(most)]) => {
            let most = usize::try_from(most.as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
            Ok(text.chars().take(most).collect::<String>().into())
        }
        ("pad", [Value::String(text), Value::Number(before), Value::Number(behind)]) => {
            let spaces = |number: &serde_json::Number| {
                " ".repeat(usize::try_from(number.as_u64().unwrap_or(0)).unwrap_or(0).min(1000))
            };
            Ok(if text.is_empty() {
                "".into()
            } else {
                format!("{}{text}{}", spaces(before), spaces(behind)).into()
            })
        }
        ("println", values) => {
            Ok(format!("{}\n", values.iter().map(print).collect::<Vec<_>>().join(" ")).into())
        }
        ("print", values) => Ok(print_all(values).into()),
        ("printf", [Value::String(format), values @ ..]) => Ok(printf(format, values).into()),
        ("html", values) => Ok(escaped(&print_all(values), html).into()),
        ("js", values) => Ok(escaped(&print_all(values), javascript).into()),
        ("urlquery", values) => Ok(engine::words::query_escaped(&print_all(values)).into()),
        ("len", [Value::String(text)]) => Ok(text.len().into()),
        ("len", [Value::Array(items)]) => Ok(items.len().into()),
        ("len", [Value::Object(items)]) => Ok(items.len().into()),
        ("len", [Value::Null]) => Ok(0.into()),
        ("index", [value, keys @ ..]) => {
            keys.iter().try_fold(value.clone(), |value, key| index(&value, key))
        }
        ("slice", [value, places @ ..]) => slice(value, places),
        ("not", [value]) => Ok((!is_true(value)).into()),
        ("eq", [first, rest @ ..]) if !rest.is_empty() => {
            for other in rest {
                if equal(name, first, other)? {
                    return Ok(true.into());
                }
            }
            Ok(false.into())
        }
        ("ne", [a, b]) => Ok((!equal(name, a, b)?).into()),
        ("lt" | "le" | "gt" | "ge", [a, b]) => {
            let order = order(a, b).ok_or_else(|| incomparable(name))?;
            Ok(match name {
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            }
            .into())
        }
        _ => Err(unknown(name, arguments.len())),
    }
}

fn unknown(name: &str, given: usize) -> TemplateError {
    const KNOWN: &[&str] = &[
        "json", "upper", "lower", "title", "split", "join", "truncate", "pad", "println", "print",
        "printf", "html", "js", "urlquery", "len", "index", "slice", "not", "and", "or", "eq",
        "ne", "lt", "le", "gt", "ge",
    ];
    if KNOWN.contains(&name) {
        return TemplateError(format!(
            "error calling {name}: {given} arguments of these types do not fit"
        ));
    }
    TemplateError(format!("function {name:?} not defined"))
}

fn incomparable(name: &str) -> TemplateError {
    TemplateError(format!("error calling {name}: incompatible types for comparison"))
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn equal(name: &str, a: &Value, b: &Value) -> Result<bool, TemplateError> {
    match (a, b) {
        (Value::Null, other) | (other, Value::Null) => Ok(other.is_null()),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => order(a, b).map(Ordering::is_eq).ok_or_else(|| incomparable(name)),
    }
}

/// As Go's strings.Split: between every two letters where the separator is empty.
fn split(text: &str, separator: &str) -> Value {
    if separator.is_empty() {
        return text.chars().map(String::from).collect::<Vec<_>>().into();
    }
    text.split(separator).collect::<Vec<_>>().into()
}

/// `slice x i j`: bytes of a text, items of a list.
fn slice(value: &Value, places: &[Value]) -> Called {
    let place = |at: usize| places.get(at).map(|place| place.as_u64().map(usize::try_from));
    let fits = value.is_string() || value.is_array();
    let length = value.as_array().map_or_else(|| value.as_str().map_or(0, str::len), Vec::len);
    let (from, to) = match (place(0), place(1), places.get(2)) {
        _ if !fits => return Err(unknown("slice", places.len() + 1)),
        (None, _, _) => (0, length),
        (Some(Some(Ok(from))), None, _) => (from, length),
        (Some(Some(Ok(from))), Some(Some(Ok(to))), None) => (from, to),
        _ => return Err(unknown("slice", places.len() + 1)),
    };
    let out_of_range = || TemplateError("error calling slice: index out of range".to_owned());
    if let Some(items) = value.as_array() {
        return items.get(from..to).map(|items| items.to_vec().into()).ok_or_else(out_of_range);
    }
    let bytes = value.as_str().unwrap_or_default().as_bytes();
    let bytes = bytes.get(from..to).ok_or_else(out_of_range)?;
    Ok(String::from_utf8_lossy(bytes).into_owned().into())
}

fn escaped(text: &str, escape: fn(char) -> Option<&'static str>) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match escape(letter) {
            Some(escape) => out.push_str(escape),
            None => out.push(letter),
        }
    }
    out
}

fn html(letter: char) -> Option<&'static str> {
    Some(match letter {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '\'' => "&#39;",
        '"' => "&#34;",
        '\0' => "\u{fffd}",
        _ => return None,
    })
}

fn javascript(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\\' => "\\\\",
        '\'' => "\\'",
        '"' => "\\\"",
        '<' => "\\u003C",
        '>' => "\\u003E",
        '&' => "\\u0026",
        '=' => "\\u003D",
        '\n' => "\\u000A",
        '\r' => "\\u000D",
        '\t' => "\\u0009",
        _ => return None,
    })
}

fn index(value: &Value, key: &Value) -> Called {
    match (value, key) {
        (Value::Object(items), Value::String(key)) => {
            Ok(items.get(key).cloned().unwrap_or_else(|| "".into()))
        }
        (Value::Array(items), Value::Number(place)) => {
            let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
            let item = place.and_then(|place| items.get(place));
            item.cloned().ok_or_else(|| {
                TemplateError(format!("error calling index: index out of range: {key}"))
            })
        }
        (Value::Null, _) => Ok("".into()),
        _ => {
            Err(TemplateError(format!("error calling index: can't index item of {}", print(value))))
        }
    }
}

/// As Go's strings.Title: a capital at the beginning of each word.
fn title(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            out.push(letter);
        } else {
            out.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric() || letter == '_';
    }
    out
}
