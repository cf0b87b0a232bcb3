//! What a builder made against what was expected, less what the case explains.

use std::collections::BTreeSet;

use crate::builder::Built;
use crate::case::Case;

/// Every line that differs and is not listed, or is listed and does not differ; nothing when all is as it is written.
pub(crate) fn unexplained(case: &Case, builder: &str, built: &Built) -> String {
    let name = &case.name;
    if builder == "corten" && case.settings.pending.is_some() {
        return String::new();
    }
    let lines = match (built, case.settings.cannot.get(builder)) {
        (Ok(_), Some(why)) => return format!("## {name}: {builder} builds it, yet {why:?}\n"),
        (Err(_), Some(_)) => return String::new(),
        (Err(said), None) => return format!("## {name}: {builder} does not build it\n{said}\n"),
        (Ok(lines), None) => lines,
    };
    let found = otherwise(case, lines);
    let listed: BTreeSet<String> = case
        .settings
        .differs
        .iter()
        .filter(|differs| differs.builders.iter().any(|other| other == builder))
        .flat_map(|differs| differs.lines.iter().cloned())
        .collect();
    let mut wrong = String::new();
    for line in found.difference(&listed) {
        wrong += &format!("    {line:?},\n");
    }
    for line in listed.difference(&found) {
        wrong += &format!("    # listed, but so no more: {line:?}\n");
    }
    if wrong.is_empty() { wrong } else { format!("## {name}: {builder}\n{wrong}") }
}

/// `-` what is missing, `+` what was not expected.
fn otherwise(case: &Case, lines: &[String]) -> BTreeSet<String> {
    let made: Vec<String> = lines.iter().map(|line| case.steady(line)).collect();
    let missing = case.expected.iter().filter(|line| !made.contains(line));
    let further = made.iter().filter(|line| !case.expected.contains(line));
    missing.map(|line| format!("- {line}")).chain(further.map(|line| format!("+ {line}"))).collect()
}

/// Files whose contents the machine decides: whether all builders made the same of them.
pub(crate) fn varying(case: &Case, made: &[(&str, &Built)]) -> String {
    let of = |built: &Built| -> Vec<String> {
        let lines = built.iter().flatten();
        lines.filter(|line| case.steady(line) != **line).cloned().collect()
    };
    let made: Vec<(&str, Vec<String>)> = made
        .iter()
        .filter(|(name, built)| {
            built.is_ok() && !(*name == "corten" && case.settings.pending.is_some())
        })
        .map(|(name, built)| (*name, of(built)))
        .collect();
    let Some((first, measure)) = made.first() else { return String::new() };
    let others = made.iter().filter(|(_, lines)| lines != measure);
    others
        .map(|(name, lines)| {
            format!("## {}: {first} made\n{measure:#?}\n{name} made\n{lines:#?}\n", case.name)
        })
        .collect()
}
