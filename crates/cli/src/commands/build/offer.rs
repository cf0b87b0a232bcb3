//! What `--call outline` and `--call targets` print: tables for people and BuildKit's documents, as buildx does. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use build::{Offer, OutlineMount, Span};
use serde_json::{Map, Value, json};

use crate::plain::plain;

/// Spaces between columns.
const BETWEEN: usize = 3;

/// The targets, for people.
pub(super) fn targets(offer: &Offer) -> String {
    let mut rows = vec![vec!["TARGET".to_owned(), "DESCRIPTION".to_owned()]];
    for target in offer.targets() {
        let name = match (target.name, target.is_default) {
            (Some(name), true) => format!("{name} (default)"),
            (Some(name), false) => name.to_owned(),
            (None, true) => "(default)".to_owned(),
            (None, false) => String::new(),
        };
        rows.push(vec![name, target.description.unwrap_or_default().to_owned()]);
    }
    layout(&rows, 1)
}

/// The same as a document.
pub(super) fn targets_document(offer: &Offer) -> String {
    let target = |target: &build::Target<'_>| {
        object([
            ("name", target.name.into()),
            ("default", Some(true).filter(|_| target.is_default).into()),
            ("description", target.description.into()),
            ("base", target.base.into()),
            ("platform", target.platform.into()),
            ("location", location(offer, target.span)),
        ])
    };
    let all: Vec<Value> = offer.targets().iter().map(target).collect();
    document(offer, json!({ "targets": all }))
}

/// What a target takes, for people.
pub(super) fn outline(offer: &Offer) -> String {
    let outline = &offer.outline;
    let mut text = String::new();
    if outline.name.is_some() || outline.description.is_some() {
        let name = outline.name.clone().unwrap_or_else(|| "(default)".to_owned());
        let mut rows = vec![vec!["TARGET:".to_owned(), name]];
        rows.extend(
            outline.description.clone().map(|words| vec!["DESCRIPTION:".to_owned(), words]),
        );
        text.push_str(&layout(&rows, 1));
        text.push('\n');
    }
    let mut table = |titles: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let titles = titles.iter().map(|title| (*title).to_owned()).collect();
            let rows: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
            text.push_str(&layout(&rows, BETWEEN));
            text.push('\n');
        }
    };
    let arguments = outline.arguments.iter().map(|argument| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![argument.name.clone(), text(&argument.value), text(&argument.description)]
    });
    table(&["BUILD ARG", "VALUE", "DESCRIPTION"], arguments.collect());
    let mounts = |mounts: &[OutlineMount]| {
        let required = |mount: &OutlineMount| if mount.required { "true" } else { "" };
        mounts.iter().map(|mount| vec![mount.name.clone(), required(mount).to_owned()]).collect()
    };
    table(&["SECRET", "REQUIRED"], mounts(&outline.secrets));
    table(&["SSH", "REQUIRED"], mounts(&outline.agents));
    text
}

/// The same as a document.
pub(super) fn outline_document(offer: &Offer) -> String {
    let outline = &offer.outline;
    let arguments = outline.arguments.iter().map(|argument| {
        object([
            ("name", argument.name.as_str().into()),
            ("description", argument.description.as_deref().into()),
            ("value", argument.value.as_deref().into()),
            ("location", location(offer, argument.span)),
        ])
    });
    let arguments: Vec<Value> = arguments.collect();
    let mounts = |mounts: &[OutlineMount], name: &'static str| -> Vec<Value> {
        let mount = |mount: &OutlineMount| {
            object([
                (name, mount.name.as_str().into()),
                ("required", Some(true).filter(|_| mount.required).into()),
                ("location", location(offer, mount.span)),
            ])
        };
        mounts.iter().map(mount).collect()
    };
    let some = |list: Vec<Value>| Some(list).filter(|list| !list.is_empty()).into();
    let found = object([
        ("name", outline.name.as_deref().into()),
        ("description", outline.description.as_deref().into()),
        ("args", some(arguments)),
        ("secrets", some(mounts(&outline.secrets, "name"))),
        ("ssh", some(mounts(&outline.agents, "name"))),
        ("cache", some(mounts(&outline.caches, "ID"))),
    ]);
    document(offer, found)
}

/// With the file itself, which places in it mean.
fn document(offer: &Offer, mut found: Value) -> String {
    found["sources"] = json!([STANDARD.encode(offer.text())]);
    format!("{found:#}\n")
}

/// What has a value.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// BuildKit counts characters from zero.
fn location(offer: &Offer, span: Span) -> Value {
    let (start, end) = offer.range(span);
    let place = |line: usize, column: usize| match column {
        0 | 1 => json!({ "line": line }),
        column => json!({ "line": line, "character": column - 1 }),
    };
    let range =
        json!({ "start": place(start.line, start.column), "end": place(end.line, end.column + 1) });
    json!({ "ranges": [range] })
}

/// Columns as wide as their widest cell, and spaces between.
fn layout(rows: &[Vec<String>], between: usize) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + between
    };
    let mut text = String::new();
    for row in &rows {
        let cells: String = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let space = width(column).saturating_sub(cell.chars().count());
                format!("{cell}{}", " ".repeat(space))
            })
            .collect();
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["A", "B"], ["long", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(layout(&rows, 3), "A      B\nlong\n");
    }
}
