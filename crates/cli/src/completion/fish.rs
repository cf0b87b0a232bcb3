//! fish: a `complete` line for each word and flag, under conditions that read the line. Source: fish's complete(1).

use std::fmt::Write;

use super::{
    Choice, commands, families, first_words, flags, members, takes_value, values_of, words_of,
};
use crate::arguments::{Flag, Grammar};
use crate::flags::GLOBAL;

const HEAD: &str = r#"# fish completion for corten. Made by `corten completion fish`; do not edit.

# The global flags of the line, for questions to the program.
function __corten_globals
    set -l words (commandline -opc)
    for at in (seq 2 (count $words))
        switch $words[$at]
            case --root --state --host -H --context -c --tlscacert --tlscert --tlskey
                test $at -lt (count $words); and printf '%s\n' $words[$at] $words[(math $at + 1)]
            case '--root=*' '--state=*' '--host=*' '--context=*' '--tls*=*'
                printf '%s\n' $words[$at]
        end
    end
end

function __corten_containers
    corten (__corten_globals) ps --all --format '{{.Names}}' 2>/dev/null
end

function __corten_systems
    corten (__corten_globals) lxc ls -1 2>/dev/null
end

function __corten_images
    corten (__corten_globals) images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null
end

function __corten_targets
    corten bake --list targets 2>/dev/null | sed -e 1d -e 's/ .*//'
end

# The words of the line without the program and its global flags.
function __corten_words
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]; and string match -q -- '-*' $words[1]
        contains -- $words[1] --root --state --host -H --context -c --tlscacert --tlscert --tlskey
        and set -e words[1]
        set -e words[1]
    end
    set -q words[1]; and printf '%s\n' $words
end

# Whether no command was given yet.
function __corten_first
    set -l words (__corten_words)
    test (count $words) -eq 0; or test "$words" = help
end

# Whether a family was given, and none of its members.
function __corten_family
    set -l words (__corten_words)
    test "$words" = "$argv"
end

# Whether the command is one of these.
function __corten_is
    set -l words (__corten_words)
    contains -- "$words[1]" $argv; or contains -- "$words[1] $words[2]" $argv
    or contains -- "$words[1] $words[2] $words[3]" $argv
end

complete -c corten -f
"#;

const FILES: &str = " -F";

pub(super) fn script() -> String {
    let mut text = HEAD.to_owned();
    for flag in GLOBAL {
        text.push_str(&flag_line("__corten_first", flag));
    }
    for (name, about) in first_words() {
        let _infallible =
            writeln!(text, "complete -c corten -n __corten_first -a {name} -d {}", quoted(about));
    }
    for family in families() {
        for (name, about) in members(family) {
            let _infallible = writeln!(
                text,
                "complete -c corten -n '__corten_family {family}' -a {name} -d {}",
                quoted(about)
            );
        }
    }
    for grammar in commands() {
        text.push_str(&command(grammar));
    }
    text
}

fn command(grammar: &'static Grammar) -> String {
    let names: Vec<String> = grammar
        .names
        .iter()
        .map(|name| if name.contains(' ') { format!("\"{name}\"") } else { (*name).to_owned() })
        .collect();
    let condition = quoted(&format!("__corten_is {}", names.join(" ")));
    let mut text = format!("\n# {}\n", grammar.name());
    for flag in flags(grammar) {
        text.push_str(&flag_line(&condition, flag));
    }
    if let Some(words) = choice(words_of(grammar)) {
        let _infallible = writeln!(text, "complete -c corten -n {condition}{words}");
    }
    text
}

fn flag_line(condition: &str, flag: &Flag) -> String {
    let short = flag.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
    let value = match choice(values_of(flag)) {
        _ if !takes_value(flag) => String::new(),
        Some(files) if files == FILES => format!(" -r{files}"),
        // -x: nothing else.
        words => format!(" -x{}", words.unwrap_or_default()),
    };
    format!(
        "complete -c corten -n {condition}{short} -l {}{value} -d {}\n",
        flag.long,
        quoted(flag.help)
    )
}

fn choice(choice: Choice) -> Option<String> {
    Some(match choice {
        Choice::Containers => " -a '(__corten_containers)'".to_owned(),
        Choice::Systems => " -a '(__corten_systems)'".to_owned(),
        Choice::Images => " -a '(__corten_images)'".to_owned(),
        Choice::Objects => " -a '(__corten_containers; __corten_images)'".to_owned(),
        Choice::Targets => " -a '(__corten_targets)'".to_owned(),
        Choice::Files => FILES.to_owned(),
        Choice::Directories => " -a '(__fish_complete_directories)'".to_owned(),
        Choice::Words(words) => format!(" -a '{words}'"),
        Choice::Unknown => return None,
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
