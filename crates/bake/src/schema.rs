//! Which attributes groups and targets have, and of which types. Start at [`check`].

use crate::problem::{Fault, Problem, closest};
use crate::syntax::{Attribute, Block, Body};
use crate::types::Type;
use crate::value::Value;

const GROUP: &[&str] = &["description", "targets"];

const TARGET: &[&str] = &[
    "annotations",
    "args",
    "attest",
    "cache-from",
    "cache-to",
    "call",
    "context",
    "contexts",
    "description",
    "dockerfile",
    "dockerfile-inline",
    "entitlements",
    "extra-hosts",
    "inherits",
    "labels",
    "network",
    "no-cache",
    "no-cache-filter",
    "output",
    "platforms",
    "policy",
    "pull",
    "resources",
    "secret",
    "shm-size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];

/// What only says how a target becomes several.
const FORKS: &[&str] = &["matrix", "name"];

/// The attributes of a kind of block.
pub(crate) fn attributes(kind: &str) -> &'static [&'static str] {
    if kind == "group" { GROUP } else { TARGET }
}

/// Refuses what a group or target does not have.
pub(crate) fn check(block: &Block) -> Result<(), Fault> {
    let mut names = attributes(&block.kind).to_vec();
    if block.kind == "target" {
        names.extend(FORKS);
    }
    known(&block.kind, &block.body, &names)?;
    match block.body.blocks.first() {
        Some(inner) => Err(Fault::new(inner.place, Problem::UnknownBlock(inner.kind.clone()))),
        None => Ok(()),
    }
}

/// Refuses attributes that are none of `names`.
pub(crate) fn known(kind: &str, body: &Body, names: &[&str]) -> Result<(), Fault> {
    let unknown = body.attributes.iter().find(|found| !names.contains(&found.name.as_str()));
    unknown.map_or(Ok(()), |found| {
        let closest = closest(&found.name, names.iter().copied());
        let (name, block) = (found.name.clone(), kind.to_owned());
        Err(Fault::new(found.place, Problem::UnknownAttribute { name, block, closest }))
    })
}

/// The value as one of the attribute's type.
pub(crate) fn convert(kind: &str, attribute: &Attribute, value: &Value) -> Result<Value, Fault> {
    let wanted = wanted(kind, &attribute.name);
    wanted.convert(value.clone()).map_err(|_why| {
        Fault::new(
            attribute.value.place(),
            Problem::Type {
                what: attribute.name.clone(),
                wanted: wanted.name(),
                found: found(&wanted, value),
            },
        )
    })
}

/// What stands where something else is needed: the value, or the first of its elements that is wrong.
fn found(wanted: &Type, value: &Value) -> String {
    let inside = |inner: &Type, value: &Value| inner.convert(value.clone()).is_err();
    match (wanted, value) {
        (Type::List(inner), Value::List(values) | Value::Set(values)) => values
            .iter()
            .find(|value| inside(inner, value))
            .map_or("list".to_owned(), |value| format!("a list with a {}", value.kind())),
        (Type::Map(inner), Value::Map(values)) => values
            .iter()
            .find(|(_, value)| inside(inner, value))
            .map_or("map".to_owned(), |(name, value)| {
                format!("a map whose {name} is a {}", value.kind())
            }),
        (_, value) => value.kind().to_owned(),
    }
}

fn wanted(kind: &str, name: &str) -> Type {
    let text = || Box::new(Type::Text);
    match (kind, name) {
        ("group", "targets") => Type::List(text()),
        (
            _,
            "inherits" | "annotations" | "tags" | "platforms" | "no-cache-filter" | "ulimits"
            | "entitlements",
        ) => Type::List(text()),
        (_, "contexts" | "args" | "labels" | "extra-hosts" | "resources") => Type::Map(text()),
        (_, "pull" | "no-cache") => Type::Bool,
        (_, "attest" | "cache-from" | "cache-to" | "secret" | "ssh" | "output" | "policy") => {
            Type::List(Box::new(Type::Any))
        }
        (_, "matrix") => Type::Any,
        _ => Type::Text,
    }
}
