//! Help texts, laid out as Docker's: made from the same tables that parsing uses.

use std::fmt::Write;

use super::{Flag, Grammar, Kind};

/// Columns that help is folded to.
const WIDTH: usize = 100;

/// The help of one command.
pub(crate) fn help(grammar: &Grammar) -> String {
    let mut text = format!("Usage:  {}\n\n{}\n", usage_line(grammar), grammar.about);
    if grammar.names.len() > 1 {
        let names: Vec<String> =
            grammar.names.iter().map(|name| format!("corten {name}")).collect();
        let _infallible = write!(text, "\nAliases:\n  {}\n", names.join(", "));
    }
    let mut flags: Vec<&Flag> = grammar.all_flags().collect();
    if !flags.is_empty() {
        flags.sort_by_key(|flag| flag.long);
        text.push_str("\nOptions:\n");
        text.push_str(&flag_lines(&flags));
    }
    if !grammar.examples.is_empty() {
        text.push_str("\nExamples:\n");
    }
    for (about, line) in grammar.examples {
        let _infallible = writeln!(text, "  {about}:\n    {line}");
    }
    text
}

/// How a command is called.
pub(crate) fn usage_line(grammar: &Grammar) -> String {
    format!("corten {} {}", grammar.name(), grammar.usage).trim_end().to_owned()
}

fn flag_lines(flags: &[&Flag]) -> String {
    let lefts: Vec<String> = flags.iter().map(|flag| left(flag)).collect();
    let width = lefts.iter().map(String::len).max().unwrap_or(0) + 3;
    let mut text = String::new();
    for (left, flag) in lefts.iter().zip(flags) {
        let _infallible = write!(text, "{left:width$}");
        for (number, line) in folded(flag.help, WIDTH.saturating_sub(width)).iter().enumerate() {
            if number > 0 {
                let _infallible = write!(text, "{:width$}", "");
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn left(flag: &Flag) -> String {
    let short = flag.short.map_or_else(|| "      ".to_owned(), |short| format!("  -{short}, "));
    match flag.kind {
        Kind::Switch => format!("{short}--{}", flag.long),
        Kind::Maybe(value) => format!("{short}--{}[={value}]", flag.long),
        Kind::One(value) | Kind::Many(value) => format!("{short}--{} {value}", flag.long),
    }
}

/// Words in lines of at most `width` columns.
fn folded(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The help of the program or of a family of commands: groups of names with their sentences.
pub(crate) fn commands_help<'a>(
    usage: &str,
    about: &str,
    groups: &[(&str, Vec<(&'a str, &'a str)>)],
    flags: &[Flag],
) -> String {
    let mut text = format!("Usage:  {usage}\n\n{about}\n");
    for (title, commands) in groups {
        let width = commands.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
        let _infallible = write!(text, "\n{title}:\n");
        for (name, about) in commands {
            let _infallible = writeln!(text, "  {name:width$}{about}");
        }
    }
    if !flags.is_empty() {
        text.push_str("\nGlobal Options:\n");
        text.push_str(&flag_lines(&flags.iter().collect::<Vec<_>>()));
    }
    text
}
