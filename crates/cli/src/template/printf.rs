//! `printf`, for the values that JSON has. Source: pkg.go.dev/fmt, "Printing".

use serde_json::Value;

use super::functions::{float, print};

/// Widest column and most digits: more is an attack on the memory.
const MOST: usize = 1000;

/// What stands between the percent sign and the letter.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    left: bool,
    zeros: bool,
    plus: bool,
    space: bool,
    sharp: bool,
    width: usize,
    digits: Option<usize>,
}

/// Fills a format in. Values that do not fit their letter are shown as such, as Go does it.
pub(super) fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let layout = layout(&mut letters, &mut values);
        match letters.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match values.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(value) => out.push_str(&one(verb, layout, value)),
            },
        }
    }
    let extra: Vec<String> =
        values.map(|value| format!("{}={}", kind(value), print(value))).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn layout<'a>(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    values: &mut impl Iterator<Item = &'a Value>,
) -> Layout {
    let mut layout = Layout::default();
    while let Some(flag) = letters.next_if(|letter| "-0+ #".contains(*letter)) {
        match flag {
            '-' => layout.left = true,
            '0' => layout.zeros = true,
            '+' => layout.plus = true,
            ' ' => layout.space = true,
            _ => layout.sharp = true,
        }
    }
    layout.width = number(letters, values).unwrap_or(0);
    if letters.next_if_eq(&'.').is_some() {
        layout.digits = Some(number(letters, values).unwrap_or(0));
    }
    layout
}

/// Digits, or a star for the next value.
fn number<'a>(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    values: &mut impl Iterator<Item = &'a Value>,
) -> Option<usize> {
    if letters.next_if_eq(&'*').is_some() {
        let value = values.next().and_then(Value::as_u64).unwrap_or(0);
        return Some(usize::try_from(value).unwrap_or(MOST).min(MOST));
    }
    let mut digits = String::new();
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(MOST).min(MOST)) }
}

/// What Go calls the type of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn one(verb: char, layout: Layout, value: &Value) -> String {
    if verb == 'T' {
        return padded(kind(value), layout);
    }
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| one(verb, layout, item)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::String(text) => string(verb, layout, text),
        Value::Bool(truth) if matches!(verb, 't' | 'v') => padded(&truth.to_string(), layout),
        Value::Number(number) if number.is_f64() => {
            real(verb, layout, number.as_f64().unwrap_or(0.0))
        }
        Value::Number(number) => {
            let number = number
                .as_i64()
                .map_or_else(|| i128::from(number.as_u64().unwrap_or(u64::MAX)), i128::from);
            integer(verb, layout, number)
        }
        value if verb == 'v' => padded(&print(value), layout),
        Value::Null | Value::Bool(_) | Value::Object(_) => unfit(verb, value),
    }
}

fn unfit(verb: char, value: &Value) -> String {
    if value.is_null() {
        return format!("%!{verb}(<nil>)");
    }
    format!("%!{verb}({}={})", kind(value), print(value))
}

fn string(verb: char, layout: Layout, text: &str) -> String {
    let cut: String = text.chars().take(layout.digits.unwrap_or(usize::MAX)).collect();
    let hexadecimal = |upper: bool| {
        let digit = |byte: u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        cut.bytes().map(digit).collect::<String>()
    };
    match verb {
        'v' if layout.sharp => padded(&quoted(&cut), layout),
        's' | 'v' => padded(&cut, layout),
        'q' => padded(&quoted(&cut), layout),
        'x' => padded(&hexadecimal(false), layout),
        'X' => padded(&hexadecimal(true), layout),
        _ => unfit(verb, &text.into()),
    }
}

/// As Go's strconv.Quote.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            letter if letter.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn integer(verb: char, layout: Layout, number: i128) -> String {
    let size = number.unsigned_abs();
    let letter = || u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let digits = match verb {
        'd' | 'v' => size.to_string(),
        'b' => format!("{size:b}"),
        'o' if layout.sharp => format!("0{size:o}"),
        'o' => format!("{size:o}"),
        'x' if layout.sharp => format!("{size:#x}"),
        'x' => format!("{size:x}"),
        'X' if layout.sharp => format!("0X{size:X}"),
        'X' => format!("{size:X}"),
        'c' => return padded(&letter().to_string(), layout),
        'q' => return padded(&format!("'{}'", letter()), layout),
        'U' => return padded(&format!("U+{size:04X}"), layout),
        _ => return format!("%!{verb}(int={number})"),
    };
    let least = layout.digits.unwrap_or(0);
    signed(number < 0, &format!("{digits:0>least$}"), layout)
}

fn real(verb: char, layout: Layout, number: f64) -> String {
    let size = number.abs();
    let digits = layout.digits.unwrap_or(6);
    let text = match verb {
        'f' | 'F' => format!("{size:.digits$}"),
        'e' | 'E' => exponent(&format!("{size:.digits$e}")),
        'g' | 'G' | 'v' => float(size),
        _ => return format!("%!{verb}(float64={})", float(number)),
    };
    let text = if verb.is_ascii_uppercase() { text.to_uppercase() } else { text };
    signed(number.is_sign_negative(), &text, layout)
}

/// `1.5e3` with Go's sign and at least two digits.
fn exponent(text: &str) -> String {
    let Some((number, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{number}e{sign}{digits:0>2}")
}

/// A number with its sign; zeros go between the two.
fn signed(negative: bool, digits: &str, layout: Layout) -> String {
    let sign = match (negative, layout.plus, layout.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    if layout.zeros && !layout.left {
        let width = layout.width.saturating_sub(sign.len());
        return format!("{sign}{digits:0>width$}");
    }
    padded(&format!("{sign}{digits}"), layout)
}

fn padded(text: &str, layout: Layout) -> String {
    let width = layout.width;
    if layout.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}
