//! Functions of Go's templates and Docker's own, and how values print.

use std::cmp::Ordering;

use serde_json::Value;

use super::TemplateError;

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

#[expect(clippy::too_many_lines, reason = "a table of functions")]
pub(super) fn call(name: &str, arguments: &[Value]) -> Called {
    match (name, arguments) {
        ("json", [value]) => Ok(serde_json::to_string(value).unwrap_or_default().into()),
        ("upper", [value]) => Ok(print(value).to_uppercase().into()),
        ("lower", [value]) => Ok(print(value).to_lowercase().into()),
        ("title", [value]) => Ok(title(&print(value)).into()),
        ("split", [text, separator]) => {
            Ok(print(text).split(&print(separator)).collect::<Vec<_>>().into())
        }
        ("join", [Value::Array(items), separator]) => {
            Ok(items.iter().map(print).collect::<Vec<_>>().join(&print(separator)).into())
        }
        ("join", [Value::Null, _]) => Ok("".into()),
        ("truncate", [text, Value::Number(most)]) => {
            let most = usize::try_from(most.as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
            Ok(print(text).chars().take(most).collect::<String>().into())
        }
        ("pad", [text, Value::Number(before), Value::Number(behind)]) => {
            let spaces = |number: &serde_json::Number| {
                " ".repeat(usize::try_from(number.as_u64().unwrap_or(0)).unwrap_or(0).min(1000))
            };
            let text = print(text);
            Ok(if text.is_empty() {
                text.into()
            } else {
                format!("{}{text}{}", spaces(before), spaces(behind)).into()
            })
        }
        ("println", values) => {
            Ok(format!("{}\n", values.iter().map(print).collect::<Vec<_>>().join(" ")).into())
        }
        ("print", values) => Ok(values.iter().map(print).collect::<String>().into()),
        ("printf", [Value::String(format), values @ ..]) => Ok(printf(format, values).into()),
        ("len", [Value::String(text)]) => Ok(text.len().into()),
        ("len", [Value::Array(items)]) => Ok(items.len().into()),
        ("len", [Value::Object(items)]) => Ok(items.len().into()),
        ("len", [Value::Null]) => Ok(0.into()),
        ("index", [value, keys @ ..]) => {
            keys.iter().try_fold(value.clone(), |value, key| index(&value, key))
        }
        ("not", [value]) => Ok((!is_true(value)).into()),
        ("and", [_, ..]) => Ok(arguments
            .iter()
            .find(|value| !is_true(value))
            .or(arguments.last())
            .cloned()
            .unwrap_or_default()),
        ("or", [_, ..]) => Ok(arguments
            .iter()
            .find(|value| is_true(value))
            .or(arguments.last())
            .cloned()
            .unwrap_or_default()),
        ("eq", [first, rest @ ..]) if !rest.is_empty() => {
            Ok(rest.iter().any(|other| compare(first, other) == Some(Ordering::Equal)).into())
        }
        ("ne", [a, b]) => Ok((compare(a, b) != Some(Ordering::Equal)).into()),
        ("lt" | "le" | "gt" | "ge", [a, b]) => {
            let order = compare(a, b).ok_or_else(|| {
                TemplateError(format!("error calling {name}: incompatible types for comparison"))
            })?;
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
        "printf", "len", "index", "not", "and", "or", "eq", "ne", "lt", "le", "gt", "ge",
    ];
    if KNOWN.contains(&name) {
        return TemplateError(format!(
            "error calling {name}: {given} arguments of these types do not fit"
        ));
    }
    TemplateError(format!("function {name:?} not defined"))
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) if a == b => Some(Ordering::Equal),
        _ => None,
    }
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

fn title(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `%s %d %v %q %t %%`, a width before the letter is obeyed.
fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut width = String::new();
        while let Some(digit) =
            letters.next_if(|letter| letter.is_ascii_digit() || matches!(letter, '-' | '.' | '+'))
        {
            width.push(digit);
        }
        let verb = letters.next().unwrap_or('%');
        if verb == '%' {
            out.push('%');
            continue;
        }
        let text = match (verb, values.next()) {
            (_, None) => format!("%!{verb}(MISSING)"),
            ('q', Some(value)) => format!("{:?}", print(value)),
            (_, Some(value)) => print(value),
        };
        let columns: usize = width
            .trim_start_matches('-')
            .split('.')
            .next()
            .and_then(|width| width.parse().ok())
            .unwrap_or(0)
            .min(1000);
        out.push_str(&if width.starts_with('-') {
            format!("{text:<columns$}")
        } else {
            format!("{text:>columns$}")
        });
    }
    out
}
