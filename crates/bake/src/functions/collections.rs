//! Lists, sets and maps.

use std::collections::BTreeMap;

use super::{ANY, Answer, Arguments, Native};
use crate::budget::ELEMENTS;
use crate::evaluate::element;
use crate::number::Number;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("chunklist", 2, 2, chunks),
    ("coalesce", 1, ANY, |arguments| {
        let found = arguments.values.iter().find(|value| **value != Value::Null);
        found.cloned().ok_or_else(|| "all arguments are null".to_owned())
    }),
    ("coalescelist", 1, ANY, |arguments| {
        let holds = |value: &&Value| value.elements().is_some_and(|values| !values.is_empty());
        let found = arguments.values.iter().find(holds);
        found.cloned().ok_or_else(|| "all lists are empty".to_owned())
    }),
    ("compact", 1, 1, |arguments| {
        let texts = arguments.texts(0)?.into_iter().filter(|text| !text.is_empty());
        Ok(Value::List(texts.map(Value::Text).collect()))
    }),
    ("concat", 1, ANY, concat),
    ("contains", 2, 2, |arguments| {
        Ok(Value::Bool(arguments.list(0)?.contains(arguments.value(1))))
    }),
    ("distinct", 1, 1, distinct),
    ("element", 2, 2, nth),
    ("flatten", 1, 1, |arguments| Ok(Value::List(flat(arguments.list(0)?)))),
    ("hasindex", 2, 2, |arguments| {
        Ok(Value::Bool(element(arguments.value(0), arguments.value(1)).is_ok()))
    }),
    ("index", 2, 2, |arguments| {
        element(arguments.value(0), arguments.value(1)).map_err(|problem| problem.to_string())
    }),
    ("indexof", 2, 2, |arguments| {
        let found = arguments.list(0)?.iter().position(|value| value == arguments.value(1));
        found
            .map(|at| Value::Number(at.into()))
            .ok_or_else(|| "there is no such element".to_owned())
    }),
    ("keys", 1, 1, |arguments| {
        Ok(Value::List(arguments.map(0)?.keys().map(|name| Value::text(name)).collect()))
    }),
    ("length", 1, 1, length),
    ("lookup", 2, 3, lookup),
    ("merge", 1, ANY, merge),
    ("range", 1, 3, range),
    ("reverselist", 1, 1, |arguments| {
        Ok(Value::List(arguments.list(0)?.iter().rev().cloned().collect()))
    }),
    ("sethaselement", 2, 2, |arguments| {
        Ok(Value::Bool(arguments.list(0)?.contains(arguments.value(1))))
    }),
    ("setintersection", 1, ANY, |arguments| {
        sets(arguments, |first, other| first.retain(|value| other.contains(value)))
    }),
    ("setproduct", 1, ANY, product),
    ("setsubtract", 2, 2, |arguments| {
        sets(arguments, |first, other| first.retain(|value| !other.contains(value)))
    }),
    ("setsymmetricdifference", 1, ANY, |arguments| {
        sets(arguments, |first, other| {
            let more: Vec<Value> =
                other.iter().filter(|value| !first.contains(value)).cloned().collect();
            first.retain(|value| !other.contains(value));
            first.extend(more);
        })
    }),
    ("setunion", 1, ANY, |arguments| {
        sets(arguments, |first, other| first.extend_from_slice(other))
    }),
    ("slice", 3, 3, |arguments| {
        let (start, end) = (arguments.index(1)?, arguments.index(2)?);
        let part = arguments.list(0)?.get(start..end);
        part.map(|part| Value::List(part.to_vec())).ok_or_else(|| "the list is shorter".to_owned())
    }),
    ("sort", 1, 1, |arguments| {
        let mut texts = arguments.texts(0)?;
        texts.sort();
        Ok(Value::List(texts.into_iter().map(Value::Text).collect()))
    }),
    ("values", 1, 1, |arguments| Ok(Value::List(arguments.map(0)?.values().cloned().collect()))),
    ("zipmap", 2, 2, |arguments| {
        let (names, values) = (arguments.texts(0)?, arguments.list(1)?);
        if names.len() != values.len() {
            return Err(format!("there are {} names and {} values", names.len(), values.len()));
        }
        Ok(Value::Map(names.into_iter().zip(values.iter().cloned()).collect()))
    }),
];

fn chunks(arguments: &Arguments<'_>) -> Answer {
    let (values, size) = (arguments.list(0)?, arguments.index(1)?);
    if values.is_empty() {
        return Ok(Value::List(Vec::new()));
    }
    let size = if size == 0 { values.len() } else { size };
    Ok(Value::List(values.chunks(size).map(|chunk| Value::List(chunk.to_vec())).collect()))
}

fn concat(arguments: &Arguments<'_>) -> Answer {
    let mut all = Vec::new();
    for at in 0..arguments.values.len() {
        all.extend_from_slice(arguments.list(at)?);
    }
    Ok(Value::List(all))
}

fn distinct(arguments: &Arguments<'_>) -> Answer {
    let values = arguments.list(0)?;
    // Sorted beside their places, so that many of them do not take the square of their number.
    let mut sorted: Vec<(usize, &Value)> = values.iter().enumerate().collect();
    sorted.sort_by(|(at, a), (other, b)| a.order(b).then(at.cmp(other)));
    sorted.dedup_by(|(_, a), (_, b)| a == b);
    sorted.sort_by_key(|(at, _)| *at);
    Ok(Value::List(sorted.into_iter().map(|(_, value)| value.clone()).collect()))
}

fn nth(arguments: &Arguments<'_>) -> Answer {
    let (values, index) = (arguments.list(0)?, arguments.whole(1)?);
    let count = i128::try_from(values.len()).unwrap_or(i128::MAX);
    let at = index.checked_rem_euclid(count).and_then(|at| usize::try_from(at).ok());
    let found = at.and_then(|at| values.get(at)).cloned();
    found.ok_or_else(|| "the list is empty".to_owned())
}

fn flat(values: &[Value]) -> Vec<Value> {
    values
        .iter()
        .flat_map(|value| value.elements().map_or_else(|| vec![value.clone()], flat))
        .collect()
}

fn length(arguments: &Arguments<'_>) -> Answer {
    if let Value::Map(values) = arguments.value(0) {
        return Ok(Value::Number(values.len().into()));
    }
    Ok(Value::Number(arguments.list(0)?.len().into()))
}

fn lookup(arguments: &Arguments<'_>) -> Answer {
    let (values, name) = (arguments.map(0)?, arguments.text(1)?);
    let found = values.get(&name).or_else(|| arguments.values.get(2)).cloned();
    found.ok_or_else(|| format!("there is no element {name}"))
}

fn merge(arguments: &Arguments<'_>) -> Answer {
    let mut all = BTreeMap::new();
    for (at, value) in arguments.values.iter().enumerate() {
        if *value != Value::Null {
            let values = arguments.map(at)?;
            all.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    Ok(Value::Map(all))
}

fn range(arguments: &Arguments<'_>) -> Answer {
    let zero = Number::Whole(0);
    let (start, end) = match arguments.values.len() {
        1 => (zero, arguments.number(0)?),
        _ => (arguments.number(0)?, arguments.number(1)?),
    };
    let is_down = end < start;
    let step = match arguments.values.len() {
        3 => arguments.number(2)?,
        _ => Number::Whole(if is_down { -1 } else { 1 }),
    };
    if step == zero || (step < zero) != is_down {
        return Err("the step does not lead to the end".to_owned());
    }
    let mut values = Vec::new();
    let mut next = start;
    while if is_down { next > end } else { next < end } {
        if values.len() >= ELEMENTS {
            return Err(format!("it has more than {ELEMENTS} elements"));
        }
        values.push(Value::Number(next));
        let sum = next.combine(step, i128::checked_add, |a, b| a + b);
        next = sum.ok_or("the numbers are too large")?;
    }
    Ok(Value::List(values))
}

fn sets(arguments: &Arguments<'_>, change: fn(&mut Vec<Value>, &[Value])) -> Answer {
    let mut first = arguments.list(0)?.to_vec();
    for at in 1..arguments.values.len() {
        change(&mut first, arguments.list(at)?);
    }
    Ok(Value::set(first))
}

fn product(arguments: &Arguments<'_>) -> Answer {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for at in 0..arguments.values.len() {
        let values = arguments.list(at)?;
        if rows.len().saturating_mul(values.len()) > ELEMENTS {
            return Err(format!("it has more than {ELEMENTS} elements"));
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().map(|value| [row.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    Ok(Value::List(rows.into_iter().map(Value::List).collect()))
}
