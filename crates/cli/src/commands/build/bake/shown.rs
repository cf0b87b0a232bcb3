//! What `bake` prints instead of building: `--list`, `--print`, and what calls answer.

use std::fmt::Write as _;

use ::bake::{Definition, Selection};
use serde_json::{Map, Value, json};

use super::super::given::{bad, fields};
use crate::failure::Failure;
use crate::table::{LIST, layout};

/// `--list targets|variables[,format=table|json]`, or `type=targets,format=json`.
pub(super) fn list(text: &str, definition: &Definition) -> Result<String, Failure> {
    let (mut kind, mut format) = (None, None);
    for (name, value) in fields("list", text)? {
        match (name.as_str(), value) {
            ("type", Some(value)) => kind = Some(value),
            ("format", Some(value)) => format = Some(value),
            (_, None) if kind.is_none() => kind = Some(name),
            (other, _) => return Err(bad("list", text, &format!("{other:?} is unknown"))),
        }
    }
    let is_json = match format.as_deref() {
        None | Some("table") => false,
        Some("json") => true,
        Some(_) => return Err(bad("list", text, "its format is not table or json")),
    };
    match kind.as_deref() {
        Some("targets") => {
            let all = definition.list_targets();
            let row =
                |listed: &::bake::Listed| vec![listed.name.clone(), listed.description.clone()];
            Ok(if is_json {
                pretty(&json!(all))
            } else {
                table(&["TARGET", "DESCRIPTION"], all.iter().map(row))
            })
        }
        Some("variables") => {
            let mut all = definition.variables.clone();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            let row = |variable: &::bake::Variable| {
                let value = variable.value.clone().unwrap_or_else(|| "<null>".to_owned());
                vec![
                    variable.name.clone(),
                    variable.wanted.clone(),
                    value,
                    variable.description.clone(),
                ]
            };
            let head = ["VARIABLE", "TYPE", "VALUE", "DESCRIPTION"];
            Ok(if is_json { pretty(&json!(all)) } else { table(&head, all.iter().map(row)) })
        }
        _ => Err(bad("list", text, "it is not targets or variables")),
    }
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|title| (*title).to_owned()).collect();
    layout(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), LIST)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// What a target's call answered.
pub(super) struct Answer {
    pub(super) name: String,
    /// What was called.
    pub(super) word: &'static str,
    /// For people, or a document.
    pub(super) text: String,
}

/// All answers, for people.
pub(super) fn answers(selection: &Selection, all: &[Answer]) -> String {
    let mut text = String::new();
    for (number, answer) in all.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        let _infallible = writeln!(text, "{}", answer.name);
        let target = selection.targets.get(&answer.name);
        let description = target.map(|target| target.description.as_str());
        for description in description.into_iter().filter(|text| !text.is_empty()) {
            let _infallible = writeln!(text, "{}", crate::plain::plain(description));
        }
        text.push('\n');
        text.push_str(&answer.text);
    }
    text
}

/// The same as one document, with what would be built.
pub(super) fn document(selection: &Selection, all: &[Answer]) -> String {
    let target = |(name, target): (&String, &::bake::Target)| {
        let mut about = json!({ "build": target });
        if let Some(answer) = all.iter().find(|answer| answer.name == *name) {
            about[answer.word] = serde_json::from_str(&answer.text).unwrap_or_default();
        }
        (name.clone(), about)
    };
    let targets: Map<String, Value> = selection.targets.iter().map(target).collect();
    pretty(&json!({ "group": selection.groups, "target": targets }))
}
