//! The face of LXC's tools: `corten lxc VERB`, and this program under the names `lxc-VERB`. Options, output and exit codes are those of
//! LXC 5; a container is a directory with a configuration, and what runs of it is a container of the engine.
//!
//! Start at [`run`]; the tools are in [`TOOLS`]. Sources: the manual pages lxc-*(1), lxc.conf(5), and what LXC's own tools do.

use crate::arguments::{ANY, Grammar, Manner, Matches, Parsed, commands_help, help, parse_by};
use crate::config::RawConfig;
use crate::failure::Failure;
use crate::output;

mod addresses;
mod attach;
mod autostart;
mod call;
mod cgroup;
mod checkconfig;
mod checkpoint;
mod config;
mod console;
mod copy;
mod create;
mod destroy;
mod device;
mod end;
mod ephemeral;
mod execute;
mod figures;
mod freeze;
mod info;
mod links;
mod ls;
mod monitor;
mod nested;
mod options;
mod show_root;
mod snapshot;
mod start;
mod states;
mod stop;
mod table;
mod top;
mod unshare;
mod update_config;
mod usernsexec;
mod wait;

use call::Call;
#[cfg(test)]
pub(crate) use options::COMMON as GLOBAL;
pub(crate) use table::TOOLS;

/// A tool.
pub(crate) struct Tool {
    pub(crate) grammar: &'static Grammar,
    /// Whether it is about one container: `--name`, or its first word.
    is_named: bool,
    run: fn(&Call) -> Result<i32, Failure>,
}

impl Tool {
    /// What LXC calls it: `lxc-start`.
    fn program(&self) -> String {
        self.grammar.name().replacen(' ', "-", 1)
    }
}

static FACE: Grammar = Grammar {
    names: &["lxc"],
    usage: "[OPTIONS] VERB",
    about: "Whole systems by LXC's tools and configurations",
    flags: &[options::COMMON],
    arity: ANY,
    interspersed: false,
    examples: &[],
};

/// Runs the face on the words behind its name; gives the exit code. `config` has the flags that came before.
pub(crate) fn run(words: impl Iterator<Item = String>, config: RawConfig) -> i32 {
    let mut matches = match parse_by(Manner::Getopt, &FACE, words) {
        Ok(Parsed::Help) => return help_for(std::iter::empty()),
        Ok(Parsed::Call(matches)) => matches,
        Err(error) => return refuse(&Failure::Usage { command: "lxc".to_owned(), error }),
    };
    let mut words = std::mem::take(&mut matches.words).into_iter();
    match words.next() {
        None if matches.on("version") => {
            output::line(engine::VERSION);
            0
        }
        None => {
            output::talk(overview().trim_end());
            0
        }
        Some(word) if word == "help" => help_for(words),
        Some(word) if word == ::lxc::hooks::SHOW_ROOT => show_root::show_root(words),
        Some(word) if word == end::VERB => {
            execute(&table::END, before(&matches).into_iter().chain(words), config)
        }
        Some(word) => match find(&word) {
            Some(tool) => execute(tool, before(&matches).into_iter().chain(words), config),
            None => refuse(&unknown(&word)),
        },
    }
}

/// Options that stand before the verb are the verb's.
fn before(matches: &Matches) -> Vec<String> {
    let is_switch = |name: &str| matches!(name, "quiet" | "usage" | "version");
    let given = matches.given();
    given
        .map(
            |(name, value)| {
                if is_switch(name) { format!("--{name}") } else { format!("--{name}={value}") }
            },
        )
        .collect()
}

fn execute(tool: &'static Tool, words: impl Iterator<Item = String>, config: RawConfig) -> i32 {
    let matches = match parse_by(Manner::Getopt, tool.grammar, words) {
        Ok(Parsed::Help) => {
            output::line(help(tool.grammar).trim_end());
            return 0;
        }
        Ok(Parsed::Call(matches)) => matches,
        Err(error) => {
            output::talk(&format!("{}: {error}", tool.program()));
            output::talk(&format!("See '{} --help'.", tool.program()));
            return 1;
        }
    };
    if is_about_itself(tool, &matches) {
        return 0;
    }
    match Call::new(tool, matches, config) {
        Ok(call) => (tool.run)(&call).unwrap_or_else(|failure| call.report(&failure)),
        Err(failure) => {
            output::talk(&format!("{}: {}", tool.program(), failure.line()));
            1
        }
    }
}

/// `--version` and `--usage`.
fn is_about_itself(tool: &Tool, matches: &Matches) -> bool {
    let has = |flag: &str| tool.grammar.all_flags().any(|own| own.long == flag);
    if has("version") && matches.on("version") {
        output::line(engine::VERSION);
        return true;
    }
    if has("usage") && matches.on("usage") {
        output::line(&format!("Usage: {} {}", tool.program(), tool.grammar.usage));
        return true;
    }
    false
}

fn unknown(word: &str) -> Failure {
    Failure::UnknownCommand {
        closest: crate::arguments::closest(word, names()).map(|name| format!("lxc {name}")),
        word: format!("lxc {word}"),
        family: "lxc".to_owned(),
    }
}

fn refuse(failure: &Failure) -> i32 {
    output::error(&failure.line(), failure.hint().as_deref());
    1
}

fn find(word: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.grammar.name().strip_prefix("lxc ") == Some(word))
}

fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().filter_map(|tool| tool.grammar.name().strip_prefix("lxc "))
}

/// `help` with the words behind it.
pub(crate) fn help_for(mut words: impl Iterator<Item = String>) -> i32 {
    let text = match words.next() {
        None => overview(),
        Some(word) => match find(&word) {
            Some(tool) => help(tool.grammar),
            None => return refuse(&unknown(&word)),
        },
    };
    output::line(text.trim_end());
    0
}

fn overview() -> String {
    let tools: Vec<(&str, &str)> =
        names().zip(TOOLS.iter().map(|tool| tool.grammar.about)).collect();
    let text = commands_help("corten lxc VERB [OPTIONS]", FACE.about, &[("Verbs", tools)], &[]);
    format!("{text}\nRun 'corten lxc VERB --help' for more information on a verb.\n")
}
