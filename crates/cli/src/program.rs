//! The everyday face: global flags, which command, its exit code. Start at [`run`].

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::PathBuf;
use std::sync::OnceLock;

use engine::{Engine, EngineConfig, Paths, VERSION};
use monitor::keeper::KeeperRules;

use crate::arguments::{
    ANY, Grammar, Matches, Parsed, UsageError, closest, commands_help, help, parse,
};
use crate::commands::{self, COMMANDS, Command, FAMILIES, LATER, SUBFAMILIES};
use crate::config::RawConfig;
use crate::failure::Failure;
use crate::flags::{GLOBAL, later};
use crate::host::{self, Chosen};
use crate::{lxc, oci, output};

/// What comes before the command; its words are the command and everything behind it.
static PROGRAM: Grammar = Grammar {
    names: &[""],
    usage: "[OPTIONS] COMMAND",
    about: "A container engine without a daemon",
    flags: &[GLOBAL],
    arity: ANY,
    interspersed: false,
    examples: &[],
};

/// What every command can use; the store is opened by those that need it.
pub(crate) struct Session {
    config: RawConfig,
    place: OnceLock<Place>,
}

/// Where this process works, once it is known.
struct Place {
    paths: Paths,
    /// The namespaces of a user that it has moved into, and what keeps them.
    keeper: Option<(KeeperRules, std::fs::File)>,
}

impl Session {
    /// One of a face of its own, with the flags that came before it.
    pub(crate) const fn new(config: RawConfig) -> Self {
        Self { config, place: OnceLock::new() }
    }

    /// The engine over the store that flags and environment name.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        Ok(Engine::open(self.engine_config()?)?)
    }

    /// What it is opened with.
    pub(crate) fn engine_config(&self) -> Result<EngineConfig, Failure> {
        let paths = self.paths()?;
        let program =
            std::env::current_exe().map_err(Failure::file("find", "the running program"))?;
        let secret_key = crate::config::secret_key_file()
            .map_err(Failure::file("find", "the working directory"))?;
        let cni =
            crate::config::cni_paths().map_err(Failure::file("find", "the working directory"))?;
        let keeper = self.place()?.keeper.as_ref().map(|(rules, _)| rules.clone());
        let bus = keeper.as_ref().and_then(|_| crate::config::user_bus());
        Ok(EngineConfig { paths, program, secret_key, cni, keeper, bus })
    }

    /// The directories that flags and environment name.
    pub(crate) fn paths(&self) -> Result<Paths, Failure> {
        Ok(self.place()?.paths.clone())
    }

    /// Where the store is or would be, where something says so. Makes nothing.
    pub(crate) fn root_if_known(&self) -> Option<PathBuf> {
        let mut environment = RawConfig::from_environment();
        if !rustix::process::geteuid().is_root() {
            environment.root = environment.root.or_else(crate::config::root_of_user);
            self.config.root.as_ref().or(environment.root.as_ref())?;
        }
        self.config.clone().resolve(environment).ok().map(|paths| paths.root)
    }

    /// Whoever is not root moves into namespaces of his own, where he is.
    fn place(&self) -> Result<&Place, Failure> {
        if let Some(place) = self.place.get() {
            return Ok(place);
        }
        let is_root = rustix::process::geteuid().is_root();
        let mut environment = RawConfig::from_environment();
        if !is_root {
            let own = self.config.of_user(&environment)?;
            environment.root = environment.root.or(own.root);
            environment.state = environment.state.or(own.state);
        }
        let paths = self.config.clone().resolve(environment);
        let paths = paths.map_err(Failure::file("find", "the working directory"))?;
        let keeper = if is_root {
            None
        } else {
            let entered = monitor::keeper::enter(&paths.state)
                .map_err(|error| Failure::Words(engine::chain(&error)))?;
            if let Some(warning) = entered.warning {
                output::talk(&format!("warning: {warning}"));
            }
            Some((entered.rules, entered.users))
        };
        Ok(self.place.get_or_init(|| Place { paths, keeper }))
    }
}

/// Runs the program on its words; gives its exit code.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> i32 {
    let mut words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let matches = match parse(&PROGRAM, words.iter().cloned()) {
        Ok(Parsed::Call(matches)) => matches,
        Ok(Parsed::Help) => {
            // As `help`, wherever it stands among the flags before the command.
            if let Some(at) = words.iter().position(|word| matches!(word.as_str(), "--help" | "-h"))
            {
                words.remove(at);
            }
            return match parse(&PROGRAM, words) {
                Ok(Parsed::Call(matches)) => show_help(matches.words.into_iter()),
                _ => show_help(std::iter::empty()),
            };
        }
        Err(error) => return report(&Failure::Usage { command: String::new(), error }, None),
    };
    if matches.on("version") {
        output::line(&format!("corten version {VERSION}"));
        return 0;
    }
    let directory = |flag| matches.value(flag).map(PathBuf::from);
    if let Some(flag) = ["root", "state"].into_iter().find(|flag| matches.value(flag) == Some("")) {
        return report(&Failure::Words(format!("--{flag} is empty")), None);
    }
    let config = RawConfig { root: directory("root"), state: directory("state") };
    let mut matches = matches;
    let mut words = std::mem::take(&mut matches.words).into_iter().peekable();
    match words.next() {
        None => {
            output::talk(overview().trim_end());
            0
        }
        Some(first) if first == "help" => show_help(words),
        Some(first) if matches!(first.as_str(), "oci" | "lxc") => match host::by_flag(&matches) {
            // Bundles of a runtime, and directories of LXC's, are those of this machine.
            Some(host) => {
                let what = format!("corten {first}");
                report(&Failure::OnlyHere { what, host: host.to_owned() }, None)
            }
            None if first == "oci" => oci::run(words, config),
            None => lxc::run(words, config),
        },
        Some(first) => match find(first, &mut words) {
            Found::Command(command) => {
                let session = Session::new(config);
                execute(command, words, (&session, &matches))
            }
            Found::Family(family, wants_help) => {
                let text = family_help(&family);
                if wants_help {
                    output::line(text.trim_end());
                } else {
                    output::talk(text.trim_end());
                }
                0
            }
            Found::Nothing(failure) => report(&failure, None),
        },
    }
}

fn execute(
    command: &'static Command,
    words: impl Iterator<Item = String>,
    (session, global): (&Session, &Matches),
) -> i32 {
    let outcome = match parse(command.grammar, words) {
        Ok(Parsed::Help) => {
            output::line(help(command.grammar).trim_end());
            return 0;
        }
        Ok(Parsed::Call(matches)) => match chosen(command, global) {
            Ok(Some(chosen)) => commands::remote::run(command, &chosen, &matches),
            Ok(None) => (command.run)(session, &matches),
            Err(failure) => Err(failure),
        },
        Err(error) => Err(misspelt(command, error)),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => report(&failure, Some(command)),
    }
}

/// The server at which a command is done; nothing where it is done here.
fn chosen(command: &Command, global: &Matches) -> Result<Option<Chosen>, Failure> {
    if commands::remote::is_local(command, host::by_flag(global).is_some()) {
        return Ok(None);
    }
    host::choose(global)
}

/// A line that was not understood, unless it is Docker's.
fn misspelt(command: &Command, error: UsageError) -> Failure {
    let name = command.grammar.name();
    let later = match &error {
        UsageError::UnknownFlag { name: flag, .. } => later(name, flag),
        UsageError::UnknownLetter { letter, .. } => later(name, &letter.to_string()),
        UsageError::NeedsValue(_)
        | UsageError::LetterNeedsValue { .. }
        | UsageError::Value { .. }
        | UsageError::Arity { .. } => None,
    };
    match later {
        Some(flag) => Failure::Later { what: format!("--{flag}"), is_flag: true },
        None => Failure::Usage { command: name.to_owned(), error },
    }
}

fn report(failure: &Failure, command: Option<&Command>) -> i32 {
    if !matches!(failure, Failure::Unread) {
        output::error(&failure.line(), failure.hint().as_deref());
    }
    if let Some(command) = failure.help_of() {
        let words: Vec<&str> =
            ["corten", command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        output::talk(&format!("See '{}'.", words.join(" ")));
    }
    let is_exec = command.is_some_and(|command| command.grammar.name() == "exec");
    failure.exit_code(command.is_some_and(|command| command.runs_programs), is_exec)
}

/// What a word means where a command is expected.
enum Found {
    Command(&'static Command),
    /// A family without a member, and whether its help was asked for.
    Family(String, bool),
    Nothing(Failure),
}

/// The command of that name: the first word, or it and the next ones where it names a family.
fn find(first: String, words: &mut Peekable<impl Iterator<Item = String>>) -> Found {
    let next = words.peek().map(String::as_str);
    // Members of `builder`. A directory that is called so is `./history`.
    let is_builder = first == "build" && matches!(next, Some("history" | "prune"));
    let mut name = if is_builder { "builder".to_owned() } else { first };
    let mut before = String::new();
    while families().any(|(family, _)| *family == name) {
        match words.next() {
            None => return Found::Family(name, false),
            Some(word) if matches!(word.as_str(), "--help" | "-h" | "help") => {
                return Found::Family(name, true);
            }
            Some(member) => {
                before = format!("{name} ");
                name = format!("{before}{member}");
            }
        }
    }
    let find = |command: &&Command| command.grammar.names.contains(&name.as_str());
    if let Some(command) = COMMANDS.iter().find(find) {
        return Found::Command(command);
    }
    if LATER.contains(&name.as_str()) {
        return Found::Nothing(Failure::Later { what: format!("corten {name}"), is_flag: false });
    }
    let names = COMMANDS
        .iter()
        .filter(|command| !command.group.is_empty())
        .flat_map(|command| command.grammar.names.iter().copied())
        .chain(families().map(|(family, _)| *family));
    // In a family only the member was misspelt.
    let wrong = name.strip_prefix(&before).unwrap_or(&name);
    let closest = closest(wrong, names.filter_map(|name| name.strip_prefix(&before)));
    Found::Nothing(Failure::UnknownCommand {
        closest: closest.map(|closest| format!("{before}{closest}")),
        family: before.trim_end().to_owned(),
        word: name,
    })
}

/// `corten help COMMAND`, and `corten --help COMMAND`.
fn show_help(words: impl Iterator<Item = String>) -> i32 {
    let mut words = words.peekable();
    let text = match words.next() {
        None => overview(),
        Some(first) if first == "oci" => return oci::help_for(words),
        Some(first) if first == "lxc" => return lxc::help_for(words),
        Some(first) => match find(first, &mut words) {
            Found::Command(command) => help(command.grammar),
            Found::Family(family, _) => family_help(&family),
            Found::Nothing(failure) => return report(&failure, None),
        },
    };
    output::line(text.trim_end());
    0
}

/// Those of the first level and those within them.
fn families() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    FAMILIES.iter().chain(SUBFAMILIES)
}

fn family_help(family: &str) -> String {
    let prefix = format!("{family} ");
    let member = |command: &'static Command| {
        let name = command.grammar.names.iter().find_map(|name| name.strip_prefix(&prefix))?;
        Some((name, command.grammar.about))
    };
    let within =
        SUBFAMILIES.iter().filter_map(|(name, about)| Some((name.strip_prefix(&prefix)?, *about)));
    let mut members: Vec<(&str, &str)> = COMMANDS.iter().filter_map(member).chain(within).collect();
    members.retain(|(name, _)| !name.contains(' '));
    members.sort_unstable();
    let about = families().find(|(name, _)| *name == family).map_or("", |(_, about)| about);
    let text =
        commands_help(&format!("corten {family} COMMAND"), about, &[("Commands", members)], &[]);
    format!("{text}\nRun 'corten {family} COMMAND --help' for more information on a command.\n")
}

/// As Docker groups them: those of everyday, the families, and whatever else is one word.
fn overview() -> String {
    let line = |command: &'static Command| (command.grammar.name(), command.grammar.about);
    let common = COMMANDS.iter().filter(|command| command.group == commands::COMMON);
    let is_other = |command: &&Command| {
        let mut titles = commands::GROUPS.iter().filter(|title| **title != commands::COMMON);
        titles.any(|title| *title == command.group) && !command.grammar.name().contains(' ')
    };
    let mut others: Vec<_> = COMMANDS.iter().filter(is_other).map(line).collect();
    others.sort_unstable();
    let groups = [
        ("Common Commands", common.map(line).collect()),
        ("Management Commands", FAMILIES.to_vec()),
        ("Commands", others),
    ];
    let text = commands_help("corten [OPTIONS] COMMAND", PROGRAM.about, &groups, GLOBAL);
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
