//! Numbers and booleans.

use super::{ANY, Answer, Arguments, Native, finite};
use crate::number::Number;
use crate::operators::{binary, unary};
use crate::value::Value;
use hcl_edit::expr::{BinaryOperator, UnaryOperator};

pub(super) const TABLE: &[Native] = &[
    ("absolute", 1, 1, absolute),
    ("add", 2, 2, |arguments| operate(arguments, BinaryOperator::Plus)),
    ("and", 2, 2, |arguments| operate(arguments, BinaryOperator::And)),
    ("ceil", 1, 1, |arguments| rounded(arguments, f64::ceil)),
    ("divide", 2, 2, |arguments| operate(arguments, BinaryOperator::Div)),
    ("equal", 2, 2, |arguments| operate(arguments, BinaryOperator::Eq)),
    ("floor", 1, 1, |arguments| rounded(arguments, f64::floor)),
    ("greaterthan", 2, 2, |arguments| operate(arguments, BinaryOperator::Greater)),
    ("greaterthanorequalto", 2, 2, |arguments| operate(arguments, BinaryOperator::GreaterEq)),
    ("int", 1, 1, |arguments| rounded(arguments, f64::trunc)),
    ("lessthan", 2, 2, |arguments| operate(arguments, BinaryOperator::Less)),
    ("lessthanorequalto", 2, 2, |arguments| operate(arguments, BinaryOperator::LessEq)),
    ("log", 2, 2, log),
    ("max", 1, ANY, |arguments| outermost(arguments, Iterator::max)),
    ("min", 1, ANY, |arguments| outermost(arguments, Iterator::min)),
    ("modulo", 2, 2, |arguments| operate(arguments, BinaryOperator::Mod)),
    ("multiply", 2, 2, |arguments| operate(arguments, BinaryOperator::Mul)),
    ("negate", 1, 1, |arguments| {
        unary(UnaryOperator::Neg, arguments.value(0)).map_err(|problem| problem.to_string())
    }),
    ("not", 1, 1, |arguments| Ok(Value::Bool(!arguments.truth(0)?))),
    ("notequal", 2, 2, |arguments| operate(arguments, BinaryOperator::NotEq)),
    ("or", 2, 2, |arguments| operate(arguments, BinaryOperator::Or)),
    ("parseint", 2, 2, parse_whole),
    ("pow", 2, 2, power),
    ("signum", 1, 1, signum),
    ("subtract", 2, 2, |arguments| operate(arguments, BinaryOperator::Minus)),
];

fn operate(arguments: &Arguments<'_>, operator: BinaryOperator) -> Answer {
    binary(operator, arguments.value(0), arguments.value(1)).map_err(|problem| problem.to_string())
}

fn absolute(arguments: &Arguments<'_>) -> Answer {
    match arguments.number(0)? {
        Number::Whole(value) => Ok(Value::Number(Number::Whole(value.saturating_abs()))),
        Number::Real(value) => finite(value.abs()),
    }
}

fn rounded(arguments: &Arguments<'_>, round: fn(f64) -> f64) -> Answer {
    match arguments.number(0)? {
        whole @ Number::Whole(_) => Ok(Value::Number(whole)),
        Number::Real(value) => finite(round(value)),
    }
}

fn outermost(
    arguments: &Arguments<'_>,
    choose: fn(std::vec::IntoIter<Number>) -> Option<Number>,
) -> Answer {
    let numbers: Vec<Number> =
        (0..arguments.values.len()).map(|at| arguments.number(at)).collect::<Result<_, _>>()?;
    choose(numbers.into_iter()).map(Value::Number).ok_or_else(|| "it takes a number".to_owned())
}

fn log(arguments: &Arguments<'_>) -> Answer {
    finite(arguments.number(0)?.as_real().ln() / arguments.number(1)?.as_real().ln())
}

fn power(arguments: &Arguments<'_>) -> Answer {
    let (base, exponent) = (arguments.number(0)?, arguments.number(1)?);
    if let (Some(base), Some(Ok(exponent))) =
        (base.as_whole(), exponent.as_whole().map(u32::try_from))
        && let Some(result) = base.checked_pow(exponent)
    {
        return Ok(Value::Number(Number::Whole(result)));
    }
    finite(base.as_real().powf(exponent.as_real()))
}

fn signum(arguments: &Arguments<'_>) -> Answer {
    Ok(Value::Number(Number::Whole(arguments.whole(0)?.signum())))
}

fn parse_whole(arguments: &Arguments<'_>) -> Answer {
    let (text, base) = (arguments.text(0)?, arguments.whole(1)?);
    let base = u32::try_from(base).ok().filter(|base| (2..=62).contains(base));
    let base = base.ok_or("the base is from 2 to 62")?;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    let no_number = || format!("{text:?} is no number of base {base}");
    let mut result: Option<i128> = None;
    for letter in digits.bytes() {
        // Up to base 36 both cases are one, above it small letters come first.
        let digit = match letter {
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'z' => letter - b'a' + 10,
            b'A'..=b'Z' if base <= 36 => letter - b'A' + 10,
            b'A'..=b'Z' => letter - b'A' + 36,
            _ => return Err(no_number()),
        };
        if u32::from(digit) >= base {
            return Err(no_number());
        }
        let next = result.unwrap_or(0).checked_mul(i128::from(base));
        result =
            Some(next.and_then(|next| next.checked_add(i128::from(digit))).ok_or_else(no_number)?);
    }
    let result = result.ok_or_else(no_number)?;
    Ok(Value::Number(Number::Whole(if is_negative { -result } else { result })))
}
