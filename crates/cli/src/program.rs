//! The everyday face: global flags, which command, its exit code. Start at [`run`].

use std::ffi::OsString;

use engine::{Engine, EngineConfig, Paths, VERSION};

use crate::arguments::{Parsed, closest, commands_help, help, one, parse, switch};
use crate::commands::{self, COMMANDS, Command};
use crate::config::RawConfig;
use crate::failure::Failure;
use crate::output;

/// Families whose members are commands of their own: `corten container ls` is `corten ps`.
const FAMILIES: &[&str] = &["container", "image", "system"];

/// What every command can use; the store is opened by those that need it.
pub(crate) struct Session {
    config: RawConfig,
}

impl Session {
    /// The engine over the store that flags and environment name.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        let paths = self.paths()?;
        let program =
            std::env::current_exe().map_err(Failure::file("find", "the running program"))?;
        Ok(Engine::open(EngineConfig { paths, program })?)
    }

    /// The directories that flags and environment name.
    pub(crate) fn paths(&self) -> Result<Paths, Failure> {
        let config = self.config.clone().resolve(RawConfig::from_environment());
        config.map_err(Failure::file("find", "the working directory"))
    }
}

/// Runs the program on its words; gives its exit code.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> i32 {
    let mut words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    words.reverse();
    let config = match global_flags(&mut words) {
        Ok(config) => config,
        Err(failure) => return report(&failure, None),
    };
    let Some(first) = words.pop() else {
        output::talk(&overview());
        return 0;
    };
    if matches!(first.as_str(), "--help" | "-h" | "help") && words.is_empty() {
        output::line(overview().trim_end());
        return 0;
    }
    if matches!(first.as_str(), "--version" | "-v") {
        output::line(&format!("corten version {VERSION}"));
        return 0;
    }
    let (name, help_wanted) =
        if first == "help" { (words.pop().unwrap_or_default(), true) } else { (first, false) };
    let Some(command) = find(name, &mut words) else { return 1 };
    if help_wanted {
        output::line(help(command.grammar).trim_end());
        return 0;
    }
    words.reverse();
    execute(command, words, &Session { config })
}

fn execute(command: &'static Command, words: Vec<String>, session: &Session) -> i32 {
    let outcome = match parse(command.grammar, words) {
        Ok(Parsed::Help) => {
            output::line(help(command.grammar).trim_end());
            return 0;
        }
        Ok(Parsed::Call(matches)) => (command.run)(session, &matches),
        Err(error) => Err(Failure::Usage { command: command.grammar.name().to_owned(), error }),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => report(&failure, Some(command)),
    }
}

fn report(failure: &Failure, command: Option<&Command>) -> i32 {
    output::error(&failure.line(), failure.hint().as_deref());
    if let Failure::Usage { command, .. } = failure {
        output::talk(&format!("See 'corten {command} --help'."));
    }
    let is_exec = command.is_some_and(|command| command.grammar.name() == "exec");
    failure.exit_code(command.is_some_and(|command| command.runs_programs), is_exec)
}

fn global_flags(words: &mut Vec<String>) -> Result<RawConfig, Failure> {
    let mut config = RawConfig::default();
    while let Some(word) = words.last() {
        let (name, value) = word.split_once('=').map_or((word.clone(), None), |(name, value)| {
            (name.to_owned(), Some(value.to_owned()))
        });
        if !matches!(name.as_str(), "--root" | "--state") {
            break;
        }
        words.pop();
        let value = value.or_else(|| words.pop()).filter(|value| !value.is_empty());
        let value =
            value.ok_or_else(|| Failure::Words(format!("flag needs an argument: {name}")))?;
        if name == "--root" {
            config.root = Some(value.into());
        } else {
            config.state = Some(value.into());
        }
    }
    Ok(config)
}

/// The command of that name; says so when there is none.
fn find(name: String, words: &mut Vec<String>) -> Option<&'static Command> {
    let is_family =
        FAMILIES.contains(&name.as_str()) || matches!(name.as_str(), "template" | "oci");
    let name = match (is_family, words.last()) {
        (true, Some(member)) if !member.starts_with('-') => {
            let name = format!("{name} {member}");
            words.pop();
            name
        }
        (true, _) => {
            output::talk(&family_help(&name));
            return None;
        }
        (false, _) => name,
    };
    let found = COMMANDS.iter().find(|command| command.grammar.names.contains(&name.as_str()));
    if found.is_none() {
        let names = COMMANDS
            .iter()
            .filter(|command| !command.group.is_empty())
            .flat_map(|command| command.grammar.names.iter().copied());
        let failure = Failure::UnknownCommand {
            closest: closest(&name, names).map(str::to_owned),
            word: name,
        };
        report(&failure, None);
        output::talk("See 'corten --help'.");
    }
    found
}

fn family_help(family: &str) -> String {
    let prefix = format!("{family} ");
    let member = |command: &'static Command| {
        let name = command.grammar.names.iter().find(|name| name.starts_with(&prefix))?;
        Some((*name, command.grammar.about))
    };
    let members: Vec<(&str, &str)> = COMMANDS.iter().filter_map(member).collect();
    commands_help(
        &format!("corten {family} COMMAND"),
        &format!("Manage {family}s"),
        &[("Commands", members)],
        &[],
    )
}

fn overview() -> String {
    let global = [
        one(
            "",
            "root",
            "string",
            "Directory of images, layers and records (default \"/var/lib/corten\", or CORTEN_ROOT)",
        ),
        one(
            "",
            "state",
            "string",
            "Directory of what does not survive a reboot (default \"/run/corten\", or CORTEN_STATE)",
        ),
        switch("v", "version", "Print version information and quit"),
    ];
    let group = |title: &'static str| {
        let commands = COMMANDS.iter().filter(|command| command.group == title);
        (
            title,
            commands
                .map(|command| (command.grammar.name(), command.grammar.about))
                .collect::<Vec<_>>(),
        )
    };
    let groups: Vec<_> = commands::GROUPS.iter().map(|title| group(title)).collect();
    let text = commands_help(
        "corten [OPTIONS] COMMAND",
        "A container engine without a daemon",
        &groups,
        &global,
    );
    format!("{text}\nRun 'corten COMMAND --help' for more information on a command.\n")
}

/// The face inside the embedded template.
pub(crate) fn hello() -> i32 {
    let mut table = String::new();
    match engine::hello::write_table(&mut table) {
        Ok(()) => i32::from(output::write(&table).is_err()),
        Err(_unwritable) => 1,
    }
}
