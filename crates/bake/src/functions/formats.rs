//! `format` and `formatlist`: the verbs of C's printf that go-cty knows.

use super::{ANY, Answer, Arguments, Native};
use crate::budget::BYTES;
use crate::number::Number;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("format", 1, ANY, |arguments| {
        let rest = arguments.values.get(1..).unwrap_or_default();
        format(&arguments.text(0)?, rest).map(Value::Text)
    }),
    ("formatlist", 1, ANY, format_list),
];

/// Widths and precisions up to here.
const WIDEST: usize = 4096;

/// What stands between `%` and the verb.
#[derive(Default)]
struct Flags {
    plus: bool,
    minus: bool,
    zero: bool,
    space: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// Each argument that is a list gives one element to each string; others are in all of them.
fn format_list(arguments: &Arguments<'_>) -> Answer {
    let pattern = arguments.text(0)?;
    let rest = arguments.values.get(1..).unwrap_or_default();
    let mut count = None;
    for values in rest.iter().filter_map(Value::elements) {
        if count.is_some_and(|count| count != values.len()) {
            return Err("the lists have different lengths".to_owned());
        }
        count = Some(values.len());
    }
    let mut all = Vec::new();
    for at in 0..count.unwrap_or(1) {
        let values: Vec<Value> = rest
            .iter()
            .map(|value| value.elements().and_then(|list| list.get(at)).unwrap_or(value).clone())
            .collect();
        all.push(Value::Text(format(&pattern, &values)?));
    }
    Ok(Value::List(all))
}

fn format(pattern: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    let mut next = 0;
    let mut most = 0;
    let mut is_indexed = false;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (flags, index, verb, after) = directive(after)?;
        if let Some(index) = index {
            next = index.checked_sub(1).ok_or("arguments are counted from 1")?;
            is_indexed = true;
        }
        let value = values.get(next).ok_or_else(|| format!("there is no argument {}", next + 1))?;
        next += 1;
        most = most.max(next);
        let shown = show(&flags, verb, value).map_err(|why| format!("argument {next}: {why}"))?;
        out.push_str(&pad(&flags, verb, shown));
        if out.len() > BYTES {
            return Err("the result is too large".to_owned());
        }
        rest = after;
    }
    out.push_str(rest);
    if most < values.len() && !is_indexed {
        return Err(format!("{} arguments are not used", values.len() - most));
    }
    Ok(out)
}

/// Flags, the number of an argument in brackets, the verb, and what follows.
fn directive(text: &str) -> Result<(Flags, Option<usize>, char, &str), String> {
    let mut flags = Flags::default();
    let mut rest = text;
    loop {
        let flag = match rest.chars().next() {
            Some('+') => &mut flags.plus,
            Some('-') => &mut flags.minus,
            Some('0') => &mut flags.zero,
            Some(' ') => &mut flags.space,
            Some('#') => &mut flags.sharp,
            _ => break,
        };
        *flag = true;
        rest = rest.get(1..).unwrap_or_default();
    }
    let (width, after) = digits(rest)?;
    flags.width = width.unwrap_or(0);
    rest = after;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = digits(after)?;
        flags.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    let mut index = None;
    if let Some(after) = rest.strip_prefix('[') {
        let (number, after) = digits(after)?;
        index = Some(number.ok_or("a number is missing in brackets")?);
        rest = after.strip_prefix(']').ok_or("a bracket is not closed")?;
    }
    let verb = rest.chars().next().ok_or("the pattern ends within a verb")?;
    Ok((flags, index, verb, rest.get(verb.len_utf8()..).unwrap_or_default()))
}

fn digits(text: &str) -> Result<(Option<usize>, &str), String> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let number = digits.parse().ok().filter(|number| *number <= WIDEST);
    Ok((Some(number.ok_or_else(|| format!("{digits} is too large"))?), rest))
}

fn show(flags: &Flags, verb: char, value: &Value) -> Result<String, String> {
    let wrong = |wanted: &str| format!("%{verb} takes a {wanted}, not {}", value.kind());
    match verb {
        'v' if flags.sharp => Ok(value.to_json()),
        'v' => Ok(match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => general(*number, None),
            Value::Bool(holds) => holds.to_string(),
            Value::Null | Value::List(_) | Value::Set(_) | Value::Map(_) => value.to_json(),
        }),
        't' => value.as_bool().map(|holds| holds.to_string()).ok_or_else(|| wrong("bool")),
        's' | 'q' => {
            let text = value.as_text().ok_or_else(|| wrong("string"))?;
            let text = match flags.precision {
                Some(most) => text.chars().take(most).collect(),
                None => text,
            };
            Ok(if verb == 'q' { Value::Text(text).to_json() } else { text })
        }
        'b' | 'd' | 'o' | 'x' | 'X' => {
            let number = value.as_number().ok_or_else(|| wrong("number"))?;
            let whole = number.as_whole().ok_or_else(|| wrong("whole number"))?;
            Ok(signed(flags, whole < 0, &whole_digits(verb, whole.unsigned_abs(), flags.sharp)))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = value.as_number().ok_or_else(|| wrong("number"))?;
            let real = number.as_real();
            let shown = match verb {
                'e' | 'E' => exponential(real.abs(), Some(flags.precision.unwrap_or(6))),
                'f' | 'F' => format!("{:.*}", flags.precision.unwrap_or(6), real.abs()),
                _ => general(Number::real(real.abs()).unwrap_or(number), flags.precision),
            };
            let shown = if verb.is_ascii_uppercase() { shown.to_uppercase() } else { shown };
            Ok(signed(flags, real < 0.0, &shown))
        }
        _ => Err(format!("%{verb} is no verb")),
    }
}

fn whole_digits(verb: char, number: u128, is_marked: bool) -> String {
    let (mark, digits) = match verb {
        'b' => ("0b", format!("{number:b}")),
        'o' => ("0", format!("{number:o}")),
        'x' => ("0x", format!("{number:x}")),
        'X' => ("0X", format!("{number:X}")),
        _ => ("", number.to_string()),
    };
    if is_marked { format!("{mark}{digits}") } else { digits }
}

fn signed(flags: &Flags, is_negative: bool, digits: &str) -> String {
    let sign = match (is_negative, flags.plus, flags.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    format!("{sign}{digits}")
}

/// At least two digits of exponent, with a sign.
fn exponential(value: f64, precision: Option<usize>) -> String {
    let written = match precision {
        Some(digits) => format!("{value:.digits$e}"),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The shorter of both forms: with an exponent below 10⁻⁴ and from the precision on, which is 6 where none is given.
fn general(number: Number, precision: Option<usize>) -> String {
    let real = number.as_real();
    if real == 0.0 {
        return "0".to_owned();
    }
    let written = match precision {
        Some(digits) => format!("{:.*e}", digits.max(1) - 1, real),
        None => format!("{real:e}"),
    };
    let (_, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = precision.map_or(6, |precision| precision.max(1));
    if exponent < -4 || i64::from(exponent) >= i64::try_from(limit).unwrap_or(i64::MAX) {
        let short = precision.map(|digits| digits.max(1) - 1);
        return trim(&exponential(real, short));
    }
    match precision {
        None => number.to_string(),
        Some(precision) => {
            let after = i64::try_from(precision.max(1)).unwrap_or(6) - 1 - i64::from(exponent);
            let shown = format!("{:.*}", usize::try_from(after).unwrap_or(0), real);
            trim(&shown)
        }
    }
}

/// Without zeros at the end of a fraction.
fn trim(shown: &str) -> String {
    let (digits, exponent) = shown.find('e').map_or((shown, ""), |at| shown.split_at(at));
    if !digits.contains('.') {
        return shown.to_owned();
    }
    format!("{}{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn pad(flags: &Flags, verb: char, shown: String) -> String {
    let missing = flags.width.saturating_sub(shown.chars().count());
    if missing == 0 {
        return shown;
    }
    let is_number = !matches!(verb, 'v' | 's' | 'q' | 't');
    match (flags.minus, flags.zero) {
        _ if verb == 't' => shown,
        (_, true) if !is_number => format!("{}{shown}", "0".repeat(missing)),
        (true, _) => format!("{shown}{}", " ".repeat(missing)),
        (false, false) => format!("{}{shown}", " ".repeat(missing)),
        (false, true) => {
            let sign = shown.len() - shown.trim_start_matches(['-', '+', ' ']).len();
            let (sign, digits) = shown.split_at(sign);
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str, values: &[&str]) -> String {
        let values: Vec<Value> = values.iter().map(|value| Value::text(value)).collect();
        format(pattern, &values).unwrap()
    }

    #[test]
    fn verbs_flags_and_widths() {
        assert_eq!(shown("%s-%d%%", &["a", "3"]), "a-3%");
        assert_eq!(shown("%05d|%-5s|%5s", &["-42", "ab", "cd"]), "-0042|ab   |   cd");
        assert_eq!(shown("%#x %b %o %X", &["255", "5", "8", "255"]), "0xff 101 10 FF");
        assert_eq!(shown("%.2f %e %g", &["3.14159", "12345.678", "0.5"]), "3.14 1.234568e+04 0.5");
        assert_eq!(shown("%[2]s%[1]s", &["a", "b"]), "ba");
        let number = |number: i128| vec![Value::Number(Number::Whole(number))];
        assert_eq!(format("%v", &number(100_000)).as_deref(), Ok("100000"));
        assert_eq!(format("%v", &number(1_000_000)).as_deref(), Ok("1e+06"));
        assert!(format("%d", &[Value::text("x")]).is_err() && format("%s", &[]).is_err());
        assert!(format("x", &number(1)).is_err() && format("%!", &number(1)).is_err());
    }
}
