//! zsh: a function of `_arguments` for each command. Source: zshcompsys(1), "Utility Functions".

use std::fmt::Write;

use super::{
    Choice, commands, families, first_words, flags, members, values_of, words_of, words_repeat,
};
use crate::arguments::{Flag, Grammar, Kind};
use crate::flags::GLOBAL;

const HEAD: &str = r##"#compdef corten
# zsh completion for corten. Made by `corten completion zsh`; do not edit.

_corten_ask() {
    local -a names
    names=(${(f)"$(corten $corten_globals $@ 2>/dev/null)"})
    compadd -a names
}

_corten_containers() { _corten_ask ps --all --format '{{.Names}}' }
_corten_systems() { _corten_ask lxc ls -1 }

_corten_images() { _corten_ask images --format '{{.Repository}}:{{.Tag}}' }

_corten_targets() {
    local -a names
    names=(${(f)"$(corten bake --list targets 2>/dev/null | sed -e 1d -e 's/ .*//')"})
    compadd -a names
}

_corten_objects() {
    _corten_containers
    _corten_images
}
"##;

pub(super) fn script() -> String {
    let mut text = HEAD.to_owned();
    for grammar in commands() {
        text.push_str(&command(grammar));
    }
    for family in families() {
        let members = members(family);
        let calls: Vec<(String, String)> = members
            .iter()
            .map(|(name, _)| ((*name).to_owned(), call_of(&format!("{family} {name}"))))
            .collect();
        text.push_str(&chooser(&call_of(family), &[], &members, &calls));
    }
    let words = first_words();
    let calls: Vec<(String, String)> = words
        .iter()
        .map(|(name, _)| {
            let call = if *name == "help" { "_corten".to_owned() } else { call_of(name) };
            ((*name).to_owned(), call)
        })
        .collect();
    text.push_str(&chooser("_corten", GLOBAL, &words, &calls));
    // Both ways of use: found in $fpath by its name, or sourced.
    text.push_str(
        "\nif [[ $funcstack[1] == _corten ]]; then\n    _corten \"$@\"\nelse\n    compdef _corten corten\nfi\n",
    );
    text
}

/// The function of a family or of a command.
fn call_of(name: &str) -> String {
    if families().any(|family| family == name) {
        return format!("{}_family", function(name));
    }
    function_of(name)
}

/// The function of a command by any of its names.
fn function_of(name: &str) -> String {
    let grammar = commands().find(|grammar| grammar.names.contains(&name));
    function(grammar.map_or(name, |grammar| grammar.name()))
}

fn function(name: &str) -> String {
    format!("_corten_{}", name.replace(' ', "_"))
}

fn command(grammar: &'static Grammar) -> String {
    let stops = if grammar.interspersed { "" } else { " -A '-*'" };
    let mut text = format!("\n{}() {{\n    _arguments -s -S{stops}", function(grammar.name()));
    for flag in flags(grammar) {
        let _infallible = write!(text, " \\\n        {}", flag_spec(flag));
    }
    text.push_str(" \\\n        '--help[Print usage]'");
    if let Some(action) = action(words_of(grammar)) {
        let star = if words_repeat(grammar) { "*" } else { "1" };
        let _infallible = write!(text, " \\\n        '{star}:: :{action}'");
        if !grammar.interspersed {
            text.push_str(" \\\n        '*:: :_files'");
        }
    }
    text.push_str("\n}\n");
    text
}

/// A function that offers words, and goes on with the function of the one that was given.
fn chooser(
    name: &str,
    global: &[Flag],
    words: &[(&str, &str)],
    calls: &[(String, String)],
) -> String {
    let mut text = format!(
        "\n{name}() {{\n    local context state state_descr line curcontext=$curcontext\n    typeset -A opt_args\n    _arguments -C -A '-*'"
    );
    for flag in global {
        let _infallible = write!(text, " \\\n        {}", flag_spec(flag));
    }
    text.push_str(" \\\n        '--help[Print usage]' '1: :->word' '*:: :->rest'\n");
    if !global.is_empty() {
        // For questions to the program, further below: opt_args will be another one there.
        text.push_str("    local flag\n    local -a corten_globals\n    for flag in --root --state --host -H --context -c --tlscacert --tlscert --tlskey; do\n        [[ -n ${opt_args[$flag]} ]] && corten_globals+=($flag ${(Q)opt_args[$flag]})\n    done\n");
    }
    text.push_str("    case $state in\n        word)\n            local -a words_known=(\n");
    for (word, about) in words {
        let _infallible = writeln!(text, "                '{word}:{}'", quoted(about));
    }
    text.push_str("            )\n            _describe command words_known\n            ;;\n        rest)\n            case $words[1] in\n");
    for (word, call) in calls {
        let _infallible = writeln!(text, "                {word}) {call} ;;");
    }
    text.push_str("            esac\n            ;;\n    esac\n}\n");
    text
}

fn flag_spec(flag: &Flag) -> String {
    let long = flag.long;
    let (equals, plus, value) = match flag.kind {
        Kind::Switch | Kind::Maybe(_) => ("", "", String::new()),
        Kind::One(name) | Kind::Many(name) => {
            ("=", "+", format!(":{name}:{}", action(values_of(flag)).unwrap_or_default()))
        }
    };
    let help = format!("'[{}]{value}'", bracketed(flag.help));
    match (flag.short, flag.kind) {
        (None, Kind::Many(_)) => format!("'*'--{long}{equals}{help}"),
        (None, _) => format!("--{long}{equals}{help}"),
        (Some(short), Kind::Many(_)) => format!("'*'{{-{short}{plus},--{long}{equals}}}{help}"),
        (Some(short), _) => {
            format!("'(-{short} --{long})'{{-{short}{plus},--{long}{equals}}}{help}")
        }
    }
}

fn action(choice: Choice) -> Option<String> {
    Some(match choice {
        Choice::Containers => "_corten_containers".to_owned(),
        Choice::Systems => "_corten_systems".to_owned(),
        Choice::Images => "_corten_images".to_owned(),
        Choice::Objects => "_corten_objects".to_owned(),
        Choice::Targets => "_corten_targets".to_owned(),
        Choice::Files => "_files".to_owned(),
        Choice::Directories => "_files -/".to_owned(),
        Choice::Words(words) => format!("({})", words.replace(':', "\\:")),
        Choice::Unknown => return None,
    })
}

fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}

fn bracketed(text: &str) -> String {
    quoted(&text.replace('[', "\\[").replace(']', "\\]"))
}
