//! The section "The attacks" of docs/security.md: what each attack comes to, in each mode. What a mode has there is what its test holds it to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::asked;
use crate::attack::{ATTACKS, Falls};
use crate::finding::{Finding, Verdict};
use crate::mode::{MODES, Mode};

const BEGIN: &str = "<!-- attacks: written by tests/attacks -->\n";
const END: &str = "<!-- attacks: end -->\n";
const HEAD: &str = include_str!("head.md");
const ADVISORIES: &str = include_str!("advisories.md");

/// What a cell says, by attack and mode.
type Cells = BTreeMap<(String, String), String>;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md")
}

/// The document, before its section, in it, and after it.
fn parts() -> (String, String, String) {
    let text = fs::read_to_string(path()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/security.md has the section");
    let (section, after) = rest.split_once(END).expect("the section ends");
    (before.to_owned(), section.to_owned(), after.to_owned())
}

fn cells(section: &str) -> Cells {
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows = rows.map(|line| line.trim_matches(['|', ' ']).split(" | ").collect::<Vec<_>>());
    let mut found = Cells::new();
    for row in rows {
        for (mode, cell) in MODES.iter().zip(row.iter().skip(2)) {
            found.insert((row[0].to_owned(), mode.name().to_owned()), (*cell).to_owned());
        }
    }
    found
}

fn section(cells: &Cells) -> String {
    let mut text = format!("{HEAD}\n| attack | tries |");
    for mode in MODES {
        text += &format!(" {} |", mode.name());
    }
    text += " walls | falls with |\n|---|---|";
    text += &"---|".repeat(MODES.len() + 2);
    text += "\n";
    for attack in ATTACKS {
        text += &format!("| {} | {} |", attack.name, attack.tries);
        for mode in MODES {
            let key = (attack.name.to_owned(), mode.name().to_owned());
            text += &format!(" {} |", cells.get(&key).map_or("?", String::as_str));
        }
        text += &format!(" {} | {} |\n", attack.walls, falls(attack.falls));
    }
    text + ADVISORIES
}

fn falls(falls: Falls) -> String {
    match falls {
        Falls::With([]) => "default".to_owned(),
        Falls::With(flags) => format!("`{}`", flags.join(" ")),
        Falls::InAChroot => "chroot(8) instead of a container".to_owned(),
        Falls::OnATerminal => "a terminal that is shared".to_owned(),
    }
}

/// Holds what was found against what is written; gives what is wrong, or writes it down where that is asked for.
pub(crate) fn hold(mode: Mode, findings: &[Finding]) -> String {
    let mut wrong = missing(findings);
    if mode.is_ours() {
        let escaped = findings.iter().filter(|one| one.verdict == Verdict::Escaped);
        wrong.extend(escaped.map(|one| format!("{} has escaped: {one:?}", one.attack)));
    }
    if asked("CORTEN_ATTACKS_DOCUMENT").as_deref() == Some("write") {
        write(mode, findings);
    }
    let (_, section, _) = parts();
    let cells = cells(&section);
    for one in findings {
        let key = (one.attack.clone(), mode.name().to_owned());
        let written = cells.get(&key).map_or("?", String::as_str);
        // Another machine lacks other things.
        let is_comparable = written != "-" && one.verdict != Verdict::Absent;
        if is_comparable && written != one.verdict.word() {
            wrong.push(format!("{}: {} is written, found {one:?}", one.attack, written));
        }
    }
    wrong.join("\n")
}

/// A line for each that was not tried, or tried twice.
fn missing(findings: &[Finding]) -> Vec<String> {
    let count = |name: &str| findings.iter().filter(|one| one.attack == name).count();
    let attacks = ATTACKS.iter().filter(|attack| count(attack.name) != 1);
    let unknown =
        findings.iter().filter(|one| !ATTACKS.iter().any(|attack| attack.name == one.attack));
    attacks
        .map(|attack| format!("{}: tried {} times", attack.name, count(attack.name)))
        .chain(unknown.map(|one| format!("{} is in no table", one.attack)))
        .collect()
}

/// Another mode's test may write at the same time.
fn write(mode: Mode, findings: &[Finding]) {
    let lock = File::open(path()).unwrap();
    lock.lock().unwrap();
    let (before, found, after) = parts();
    let mut cells = cells(&found);
    for one in findings {
        let key = (one.attack.clone(), mode.name().to_owned());
        cells.insert(key, one.verdict.word().to_owned());
    }
    let text = format!("{before}{BEGIN}{}{END}{after}", section(&cells));
    // In place: the lock is the file's.
    File::create(path()).unwrap().write_all(text.as_bytes()).unwrap();
}

/// What is written of the attacks themselves; gives what is wrong.
pub(crate) fn hold_words() -> String {
    let (before, found, after) = parts();
    let expected = section(&cells(&found));
    let nowhere = names_of_nothing();
    if !nowhere.is_empty() {
        return format!("advisories.md names no test: {nowhere:?}");
    }
    if asked("CORTEN_ATTACKS_DOCUMENT").as_deref() == Some("write") {
        let lock = File::open(path()).unwrap();
        lock.lock().unwrap();
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        File::create(path()).unwrap().write_all(text.as_bytes()).unwrap();
        return String::new();
    }
    if found == expected {
        return String::new();
    }
    "docs/security.md is not what tests/attacks says: CORTEN_ATTACKS_DOCUMENT=write renews it"
        .to_owned()
}

/// Names of tests and of attacks in the table of advisories that there are not.
fn names_of_nothing() -> Vec<&'static str> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let places = ["crates/libcontainer/tests/kernel", "tests", "tests/attacks"];
    let files = places.iter().flat_map(|place| fs::read_dir(top.join(place)).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    let sources: Vec<String> = paths.filter_map(|path| fs::read_to_string(path).ok()).collect();
    let is_test = |name: &str| sources.iter().any(|text| text.contains(&format!("fn {name}(")));
    let is_attack = |name: &str| ATTACKS.iter().any(|attack| attack.name == name);
    let rows = ADVISORIES.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let words = last.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words
        .filter(|word| !word.contains(' ') && !word.contains('.'))
        .filter(|word| !is_test(word) && !is_attack(word))
        .collect()
}

/// The table with each errno, for people at a terminal.
pub(crate) fn print(all: &[(Mode, Vec<Finding>)]) -> String {
    let mut text = format!("{:26}", "attack");
    for (mode, _) in all {
        text += &format!("{:19}", mode.name());
    }
    text += "\n";
    for attack in ATTACKS {
        text += &format!("{:26}", attack.name);
        for (_, findings) in all {
            let found = findings.iter().find(|one| one.attack == attack.name);
            text += &format!("{:19}", found.map_or_else(|| "?".to_owned(), Finding::words));
        }
        text.truncate(text.trim_end().len());
        text += "\n";
    }
    text
}
