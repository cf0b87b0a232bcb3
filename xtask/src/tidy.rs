//! The rules that a machine can check: layers, file heads, sizes, where `unsafe` lives, inherited lints, numbered to-dos.
//!
//! Never changes a file. Start at [`check`]; each rule is one function from a file to its complaints.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::layers;

/// Lines of code in one file, its unit tests not counted.
const MOST_LINES: usize = 500;

/// Files that are tables: their length is data, not logic.
const TABLES: &[&str] = &["errno.rs", "grammar.rs"];

/// Checks the whole repository.
///
/// # Errors
/// All complaints at once, one line each.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = repository()?;
    let mut complaints = layers::violations(&metadata(&root)?)?;
    for path in tracked(&root)? {
        let text = match std::fs::read_to_string(root.join(&path)) {
            Ok(text) => text,
            // Not text, or deleted in the work tree: no rule of ours speaks of it.
            Err(_) => continue,
        };
        complaints.extend(
            complaints_of(&path, &text)
                .into_iter()
                .map(|complaint| format!("{}: {complaint}", path.display())),
        );
    }
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{} places are untidy\n{}", complaints.len(), complaints.join("\n"))
}

fn complaints_of(path: &Path, text: &str) -> Vec<String> {
    let name = path.to_string_lossy();
    let mut found = Vec::new();
    // What builds of the corpus copy is written as anybody writes it.
    if name.ends_with(".rs") && !name.starts_with("tests/corpus/cases/") {
        found.extend(missing_head(text));
        found.extend(too_long(path, text));
        found.extend(misplaced_unsafe(&name, text));
        found.extend(loose_todo(text));
    }
    if name.starts_with("crates/")
        && name.ends_with("Cargo.toml")
        && !text.contains("[lints]\nworkspace = true")
    {
        found.push("does not inherit the workspace's lints".to_owned());
    }
    found
}

fn missing_head(text: &str) -> Option<String> {
    (!text.starts_with("//!"))
        .then(|| "does not open with `//!`: its job, what it never does, where to start".to_owned())
}

fn too_long(path: &Path, text: &str) -> Option<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if TABLES.contains(&name.as_ref()) {
        return None;
    }
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    (lines > MOST_LINES)
        .then(|| format!("{lines} lines without its tests; {MOST_LINES} are allowed"))
}

fn misplaced_unsafe(name: &str, text: &str) -> Vec<String> {
    if name.starts_with("crates/sys/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let crate_root = name.ends_with("/src/lib.rs") || name.ends_with("/src/main.rs");
    if crate_root && !text.contains("#![forbid(unsafe_code)]") {
        found.push("a crate root without `#![forbid(unsafe_code)]`".to_owned());
    }
    let keyword = ["unsafe ", "{"].concat();
    for (at, line) in text.lines().enumerate() {
        if line.contains(&keyword) && !line.trim_start().starts_with("//") {
            found.push(format!("line {}: `unsafe` outside crates/sys", at + 1));
        }
    }
    found
}

fn loose_todo(text: &str) -> Vec<String> {
    let word = ["TO", "DO"].concat();
    let loose = |line: &str| {
        line.contains("//") && line.contains(&word) && !line.contains(&format!("{word}(#"))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| loose(line));
    lines.map(|(at, _)| format!("line {}: a {word} without an issue's number", at + 1)).collect()
}

fn repository() -> anyhow::Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.parent().context("xtask has no parent directory")?.to_owned())
}

fn metadata(root: &Path) -> anyhow::Result<serde_json::Value> {
    let text = output(
        Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
            .current_dir(root),
    )?;
    serde_json::from_str(&text).context("cargo metadata: not JSON")
}

fn tracked(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    // Quoted paths would hide names beyond ASCII; -z gives them as they are.
    let text = output(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root),
    )?;
    Ok(text.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        if let Err(complaints) = check() {
            panic!("{complaints}");
        }
    }

    #[test]
    fn each_rule_can_fail() {
        let path = Path::new("crates/store/src/lib.rs");
        let code = ["//! x\nfn f() { unsafe ", "{ g() } }\n// TO", "DO later\n", &"\n".repeat(600)]
            .concat();
        let complaints = complaints_of(path, &code);
        assert_eq!(complaints.len(), 4, "{complaints:#?}");
        assert_eq!(complaints_of(path, "").len(), 2);
        assert_eq!(complaints_of(Path::new("crates/store/Cargo.toml"), "").len(), 1);
    }
}
