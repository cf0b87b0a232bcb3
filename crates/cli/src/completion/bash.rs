//! bash: one function that reads the line, and a table of commands. Source: bash(1), "Programmable Completion".

use std::fmt::Write;

use super::{
    Choice, commands, families, first_words, flags, members, takes_value, values_of, words_of,
};
use crate::arguments::{Flag, Grammar};
use crate::flags::GLOBAL;

const HEAD: &str = r#"# bash completion for corten. Made by `corten completion bash`; do not edit.

# Offers what of the words fits what was typed.
_corten_offer() {
    COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_corten_choose() {
    case $1 in
        containers) _corten_offer "$(corten "${globals[@]}" ps --all --format '{{.Names}}' 2>/dev/null)" ;;
        systems) _corten_offer "$(corten "${globals[@]}" lxc ls -1 2>/dev/null)" ;;
        images) _corten_offer "$(corten "${globals[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" ;;
        objects)
            _corten_offer "$(corten "${globals[@]}" ps --all --format '{{.Names}}' 2>/dev/null
                corten "${globals[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)"
            ;;
        targets) _corten_offer "$(corten bake --list targets 2>/dev/null | sed -e 1d -e 's/ .*//')" ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
        directories) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")) ;;
        *) _corten_offer "$1" ;;
    esac
}
"#;

const BODY: &str = r#"
_corten() {
    # Words are parted at spaces only: bash itself parts them at = and : too.
    local line=${COMP_LINE:0:COMP_POINT}
    local -a words globals=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local last=$((${#words[@]} - 1)) at=1
    local current=${words[last]} previous=${words[last - 1]}
    COMPREPLY=()

    while ((at < last)) && [[ ${words[at]} == -* ]]; do
        case ${words[at]} in
            --root | --state)
                if ((at + 1 == last)); then
                    _corten_choose directories
                    return
                fi
                globals+=("${words[at]}" "${words[at + 1]}")
                ((at++))
                ;;
            --host | -H | --context | -c | --tlscacert | --tlscert | --tlskey)
                if ((at + 1 == last)); then
                    case ${words[at]} in
                        --context | -c) _corten_offer "$(corten context ls --quiet 2>/dev/null)" ;;
                        --tls*) _corten_choose files ;;
                    esac
                    return
                fi
                globals+=("${words[at]}" "${words[at + 1]}")
                ((at++))
                ;;
            --root=* | --state=* | --host=* | --context=* | --tls*=*) globals+=("${words[at]}") ;;
        esac
        ((at++))
    done
    local command=${words[at]}
    [[ $command == help ]] && ((at < last)) && command=${words[++at]}
    if ((at >= last)); then
        [[ $current == -* ]] && _corten_offer "$global_flags" || _corten_offer "$first_words"
        return
    fi

    local flags= valued= kind= repeats=no members=
    _corten_family "$command"
    while [[ -n $members ]]; do
        ((++at))
        if ((at >= last)); then
            _corten_offer "$members"
            return
        fi
        command+=" ${words[at]}"
        members=
        _corten_family "$command"
    done
    _corten_command "$command"

    local count=0
    for ((at++; at < last; at++)); do
        if [[ " $valued " == *" ${words[at]} "* ]]; then
            ((++at))
        elif [[ ${words[at]} != -* ]]; then
            ((++count))
        fi
    done
    if [[ $current == --*=* ]]; then
        previous=${current%%=*}
        current=${current#*=}
        _corten_value
    elif [[ " $valued " == *" $previous "* ]]; then
        _corten_value
    elif [[ $current == -* ]]; then
        _corten_offer "$flags --help"
    elif ((count == 0)) || [[ $repeats == yes ]]; then
        _corten_choose "$kind"
    else
        compopt -o default 2>/dev/null
    fi
    # bash replaces only what follows the last of its separators.
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        local before=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}

complete -F _corten corten
"#;

pub(super) fn script() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n_corten_family() {\n    case $1 in\n");
    for family in families() {
        let names: Vec<&str> = members(family).iter().map(|(name, _)| *name).collect();
        let family = worded(family);
        let _infallible = writeln!(text, "        {family}) members=\"{}\" ;;", names.join(" "));
    }
    text.push_str("    esac\n}\n\n_corten_command() {\n    case $1 in\n");
    for grammar in commands() {
        text.push_str(&entry(grammar));
    }
    text.push_str("    esac\n}\n\n_corten_value() {\n    case $previous in\n");
    text.push_str(&values());
    text.push_str("    esac\n}\n");
    let first: Vec<&str> = first_words().iter().map(|(name, _)| *name).collect();
    let global: Vec<String> = GLOBAL.iter().map(|flag| format!("--{}", flag.long)).collect();
    let body = BODY.replace("\"$first_words\"", &format!("\"{}\"", first.join(" ")));
    text.push_str(&body.replace("\"$global_flags\"", &format!("\"{} --help\"", global.join(" "))));
    text
}

/// A name as one word.
fn worded(name: &str) -> String {
    if name.contains(' ') { format!("{name:?}") } else { name.to_owned() }
}

/// One line of the table: flags, those with values, and what the words are.
fn entry(grammar: &'static Grammar) -> String {
    let names: Vec<String> = grammar.names.iter().map(|name| worded(name)).collect();
    let mut all = Vec::new();
    let mut valued = Vec::new();
    for flag in flags(grammar) {
        all.push(format!("--{}", flag.long));
        if takes_value(flag) {
            valued.extend(spellings(flag));
        }
    }
    let repeats = if super::words_repeat(grammar) { " repeats=yes" } else { "" };
    format!(
        "        {})\n            flags=\"{}\"\n            valued=\"{}\"\n            kind=\"{}\"{repeats}\n            ;;\n",
        names.join(" | "),
        all.join(" "),
        valued.join(" "),
        kind(words_of(grammar)),
    )
}

fn spellings(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|letter| format!("-{letter}"));
    short.into_iter().chain([format!("--{}", flag.long)]).collect()
}

fn kind(choice: Choice) -> &'static str {
    match choice {
        Choice::Containers => "containers",
        Choice::Systems => "systems",
        Choice::Images => "images",
        Choice::Objects => "objects",
        Choice::Targets => "targets",
        Choice::Files => "files",
        Choice::Directories => "directories",
        Choice::Words(words) => words,
        Choice::Unknown => "",
    }
}

/// Flags whose values are known; a letter means the same in every command where it takes a value of that kind.
fn values() -> String {
    let mut arms: Vec<(&str, Vec<String>)> = Vec::new();
    for flag in commands().flat_map(flags).filter(|flag| takes_value(flag)) {
        let kind = kind(values_of(flag));
        if kind.is_empty() {
            continue;
        }
        let place = arms.iter().position(|(known, _)| *known == kind).unwrap_or(arms.len());
        if place == arms.len() {
            arms.push((kind, Vec::new()));
        }
        if let Some((_, patterns)) = arms.get_mut(place) {
            patterns.extend(spellings(flag));
        }
    }
    let mut text = String::new();
    for (kind, mut patterns) in arms {
        patterns.sort_unstable();
        patterns.dedup();
        let _infallible =
            writeln!(text, "        {}) _corten_choose \"{kind}\" ;;", patterns.join(" | "));
    }
    text
}
