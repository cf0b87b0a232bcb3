//! What the operators of expressions do with values.

use hcl_edit::expr::{BinaryOperator, UnaryOperator};

use crate::evaluate::wrong_type;
use crate::number::Number;
use crate::problem::Problem;
use crate::value::Value;

/// `-` and `!`.
pub(crate) fn unary(operator: UnaryOperator, value: &Value) -> Result<Value, Problem> {
    match operator {
        UnaryOperator::Neg => {
            let number = number(value)?;
            negate(number).map(Value::Number).ok_or(Problem::Zero)
        }
        UnaryOperator::Not => truth(value).map(|holds| Value::Bool(!holds)),
    }
}

fn negate(number: Number) -> Option<Number> {
    Number::Whole(0).combine(number, i128::checked_sub, |a, b| a - b)
}

/// All others.
pub(crate) fn binary(
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Result<Value, Problem> {
    match operator {
        BinaryOperator::Eq => return Ok(Value::Bool(left == right)),
        BinaryOperator::NotEq => return Ok(Value::Bool(left != right)),
        BinaryOperator::And => return Ok(Value::Bool(truth(left)? & truth(right)?)),
        BinaryOperator::Or => return Ok(Value::Bool(truth(left)? | truth(right)?)),
        BinaryOperator::LessEq
        | BinaryOperator::GreaterEq
        | BinaryOperator::Less
        | BinaryOperator::Greater
        | BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Mul
        | BinaryOperator::Div
        | BinaryOperator::Mod => {}
    }
    let (a, b) = (number(left)?, number(right)?);
    let result = match operator {
        BinaryOperator::LessEq => return Ok(Value::Bool(a <= b)),
        BinaryOperator::GreaterEq => return Ok(Value::Bool(a >= b)),
        BinaryOperator::Less => return Ok(Value::Bool(a < b)),
        BinaryOperator::Greater => return Ok(Value::Bool(a > b)),
        BinaryOperator::Plus => a.combine(b, i128::checked_add, |a, b| a + b),
        BinaryOperator::Minus => a.combine(b, i128::checked_sub, |a, b| a - b),
        BinaryOperator::Mul => a.combine(b, i128::checked_mul, |a, b| a * b),
        BinaryOperator::Div => a.divide(b),
        BinaryOperator::Mod
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or => a.combine(b, i128::checked_rem, |a, b| a % b),
    };
    result.map(Value::Number).ok_or(Problem::Zero)
}

/// Makes a branch's value of the kind that it shares with the other branch.
pub(crate) fn unify(value: Value, other: &Value) -> Result<Value, Problem> {
    let simple =
        |value: &Value| matches!(value, Value::Bool(_) | Value::Number(_) | Value::Text(_));
    match (simple(&value), simple(other)) {
        (true, true) if matches!((&value, other), (Value::Text(_), _) | (_, Value::Text(_))) => {
            Ok(value.as_text().map_or(value, Value::Text))
        }
        (true, true) if std::mem::discriminant(&value) == std::mem::discriminant(other) => {
            Ok(value)
        }
        (false, false) if matches!(value, Value::Map(_)) == matches!(other, Value::Map(_)) => {
            Ok(value)
        }
        _ => Err(wrong_type("the branches of the condition", value.kind(), other)),
    }
}

fn number(value: &Value) -> Result<Number, Problem> {
    value.as_number().ok_or_else(|| wrong_type("the operand", "number", value))
}

fn truth(value: &Value) -> Result<bool, Problem> {
    value.as_bool().ok_or_else(|| wrong_type("the operand", "bool", value))
}
