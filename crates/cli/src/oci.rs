//! The face of an OCI runtime: runc's command line over `libcontainer`, for engines that call one, and for people with a bundle.
//!
//! Called as `corten oci` or under the name `corten-oci`. Start at [`run`]; the commands are in [`COMMANDS`]. Sources:
//! opencontainers/runtime-spec, runtime.md; runc(8) and its pages.

use std::cell::Cell;
use std::path::PathBuf;

use libcontainer::{Container, ContainerName, Runtime};

use crate::arguments::{
    ANY, Flag, Grammar, Matches, Parsed, commands_help, help, one, parse, switch,
};
use crate::config::{self, RawConfig};
use crate::failure::Failure;
use crate::output;

mod bundle;
mod change;
mod checkpoint;
mod console;
mod documents;
mod events;
mod execute;
mod flags;
mod foreground;
mod life;
mod log;
mod look;
mod process;
mod table;
mod wording;

use log::Log;
pub(crate) use table::COMMANDS;

/// What every command of this face can use.
pub(crate) struct Session {
    /// Where the containers are.
    pub(crate) runtime: Runtime,
    /// How many descriptors the caller passed without a gap, from 3 on: no others may be passed on.
    inherited: u32,
    /// `--root`: without it the directory may well not be there yet.
    named_root: Option<PathBuf>,
    /// `--systemd-cgroup`.
    pub(crate) systemd_cgroup: bool,
    /// `--rootless`, or what the caller is.
    pub(crate) unprivileged: bool,
    log: Log,
    /// How a failure ends the program; `exec` tells its own from the program's by 255.
    failure_code: Cell<i32>,
}

/// A command of this face.
pub(crate) struct Command {
    pub(crate) grammar: &'static Grammar,
    run: fn(&Session, &Matches) -> Result<i32, Failure>,
}

pub(crate) const GLOBAL: &[Flag] = &[
    one(
        "",
        "root",
        "directory",
        "Directory of the containers' state (default \"/run/corten/oci\", of a user \"$XDG_RUNTIME_DIR/corten/oci\")",
    ),
    one("", "log", "file", "Append errors and warnings to this file too"),
    one("", "log-format", "format", "Form of the log: text or json (default \"text\")"),
    switch("", "debug", "Log what is done"),
    switch(
        "",
        "systemd-cgroup",
        "Let systemd make the control groups; cgroupsPath is slice:prefix:name then",
    ),
    one(
        "",
        "rootless",
        "true|false|auto",
        "Whether control groups that may not be used are passed over (default \"auto\")",
    ),
    switch("v", "version", "Print the version, and that of the specification"),
];

static FACE: Grammar = Grammar {
    names: &["oci"],
    usage: "[OPTIONS] COMMAND",
    about: "Run OCI bundles, as runc does",
    flags: &[GLOBAL],
    arity: ANY,
    interspersed: false,
    examples: &[],
};

/// Runs the face on the words behind its name; gives the exit code. `config` has the flags that came before.
pub(crate) fn run(words: impl Iterator<Item = String>, config: RawConfig) -> i32 {
    // Before this program opens anything itself.
    let inherited = process::inherited_descriptors();
    let matches = match parse(&FACE, words) {
        Ok(Parsed::Call(matches)) => matches,
        Ok(Parsed::Help) => return help_for(std::iter::empty()),
        Err(error) => return refuse(&Failure::Usage { command: "oci".to_owned(), error }),
    };
    if matches.on("version") {
        output::line(&version());
        return 0;
    }
    let session = match Session::new(&matches, config, inherited) {
        Ok(session) => session,
        Err(failure) => return refuse(&failure),
    };
    let mut words = matches.words.into_iter();
    match words.next() {
        None => {
            output::talk(overview().trim_end());
            0
        }
        Some(word) if word == "help" => help_for(words),
        Some(word) => match find(&word) {
            Some(command) => execute(command, words, &session),
            None => session.report(&Failure::UnknownCommand {
                closest: crate::arguments::closest(&word, names())
                    .map(|name| format!("oci {name}")),
                word: format!("oci {word}"),
                family: "oci".to_owned(),
            }),
        },
    }
}

fn execute(
    command: &'static Command,
    words: impl Iterator<Item = String>,
    session: &Session,
) -> i32 {
    let outcome = match parse(command.grammar, words) {
        Ok(Parsed::Help) => {
            output::line(help(command.grammar).trim_end());
            return 0;
        }
        Ok(Parsed::Call(matches)) => (command.run)(session, &matches),
        Err(error) => {
            let command = command.grammar.name().to_owned();
            Err(Failure::Usage { command, error })
        }
    };
    outcome.unwrap_or_else(|failure| session.report(&failure))
}

/// A line that was not understood before there was a log.
fn refuse(failure: &Failure) -> i32 {
    output::error(&failure.line(), failure.hint().as_deref());
    1
}

impl Session {
    fn new(matches: &Matches, config: RawConfig, inherited: u32) -> Result<Self, Failure> {
        let root = match matches.value("root") {
            Some("") => return Err(Failure::Words("--root is empty".to_owned())),
            Some(root) => PathBuf::from(root),
            None => {
                let mut environment = RawConfig::from_environment();
                environment.state = environment.state.or_else(config::state_of_user);
                let paths = config.resolve(environment);
                paths.map_err(Failure::file("find", "the working directory"))?.state.join("oci")
            }
        };
        let root = std::path::absolute(root).map_err(Failure::file("find", "--root"))?;
        let named_root = matches.is_given("root").then(|| root.clone());
        let format = matches.value("log-format").unwrap_or("text");
        let log = Log::new(matches.value("log"), format, matches.on("debug"))?;
        let unprivileged = match matches.value("rootless") {
            None | Some("auto") => !config::may_everything(),
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                return Err(Failure::Words("--rootless is not true, false or auto".to_owned()));
            }
        };
        Ok(Self {
            runtime: Runtime::new(root),
            inherited,
            named_root,
            systemd_cgroup: matches.on("systemd-cgroup"),
            unprivileged,
            log,
            failure_code: Cell::new(1),
        })
    }

    /// Failures of this command are told from a program's own codes.
    fn fail_with(&self, code: i32) {
        self.failure_code.set(code);
    }

    /// What would be known to somebody who debugs.
    fn debug(&self, text: &str) {
        self.log.debug(text);
    }

    fn warn(&self, text: &str) {
        self.log.warn(text);
    }

    fn report(&self, failure: &Failure) -> i32 {
        if matches!(failure, Failure::Unread) {
            return output::UNREAD;
        }
        self.log.error(&wording::line(failure), failure.hint().as_deref());
        self.failure_code.get()
    }

    /// The container of the command's first word.
    fn container(&self, matches: &Matches) -> Result<Container, Failure> {
        Ok(self.runtime.load(&name(matches.word(0))?)?)
    }
}

fn name(word: &str) -> Result<ContainerName, Failure> {
    word.parse().map_err(|error: libcontainer::BadName| Failure::Words(error.to_string()))
}

fn find(word: &str) -> Option<&'static Command> {
    let is_name = |name: &&'static str| name.strip_prefix("oci ") == Some(word);
    COMMANDS.iter().find(|command| command.grammar.names.iter().any(is_name))
}

fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter_map(|command| command.grammar.name().strip_prefix("oci "))
}

/// As runc writes it, for engines that show it to their users.
fn version() -> String {
    format!("corten-oci version {}\nspec: {}", engine::VERSION, spec::runtime::OCI_VERSION)
}

/// `help` with the words behind it.
pub(crate) fn help_for(mut words: impl Iterator<Item = String>) -> i32 {
    let text = match words.next() {
        None => overview(),
        Some(word) => match find(&word) {
            Some(command) => help(command.grammar),
            None => {
                return refuse(&Failure::Words(format!("'oci {word}' is not a corten command")));
            }
        },
    };
    output::line(text.trim_end());
    0
}

/// The face's help: its commands and its options.
pub(crate) fn overview() -> String {
    let mut commands: Vec<(&str, &str)> =
        names().zip(COMMANDS.iter().map(|command| command.grammar.about)).collect();
    commands.sort_unstable();
    let text = commands_help(
        "corten oci [OPTIONS] COMMAND",
        FACE.about,
        &[("Commands", commands)],
        GLOBAL,
    );
    format!("{text}\nRun 'corten oci COMMAND --help' for more information on a command.\n")
}
