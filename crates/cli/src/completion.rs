//! Completion scripts, made from the tables that parsing uses: one file per shell beside this one. Start at [`script`].
//!
//! A script asks the program only for names that it cannot know: those of containers and images, and of targets of the bake files here.

use crate::arguments::{Flag, Grammar, Kind};
use crate::commands::{COMMANDS, FAMILIES, SUBFAMILIES};

mod bash;
mod fish;
mod zsh;

/// A shell that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Fish,
    Zsh,
}

impl Shell {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Bash, Self::Fish, Self::Zsh];

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "bash" => Some(Self::Bash),
            "fish" => Some(Self::Fish),
            "zsh" => Some(Self::Zsh),
            _ => None,
        }
    }

    /// What the shell expects the script to be called.
    #[cfg(test)]
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Bash => "corten.bash",
            Self::Fish => "corten.fish",
            Self::Zsh => "_corten",
        }
    }
}

/// The script of a shell.
pub(crate) fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash::script(),
        Shell::Fish => fish::script(),
        Shell::Zsh => zsh::script(),
    }
}

/// What a word or a flag's value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Containers,
    /// Those of LXC's directory, whether the engine knows them or not.
    Systems,
    Images,
    /// Either of them.
    Objects,
    /// Of the bake files in the directory.
    Targets,
    Files,
    Directories,
    Words(&'static str),
    /// Nobody but the caller knows.
    Unknown,
}

const SIGNALS: &str =
    "SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH";

/// What a command's words are, read from its line of usage.
fn words_of(grammar: &Grammar) -> Choice {
    match grammar.usage.trim_start_matches("[OPTIONS] ").split([' ', '[']).next() {
        // Those of the OCI runtime are others than the engine's.
        Some("CONTAINER") if grammar.name().starts_with("oci ") => Choice::Unknown,
        Some("CONTAINER") => Choice::Containers,
        Some("IMAGE" | "SOURCE_IMAGE") => Choice::Images,
        Some("NAME|ID") => Choice::Objects,
        Some("file|-") => Choice::Files,
        Some("BUNDLE" | "PATH") => Choice::Directories,
        Some("") if grammar.usage.ends_with("[TARGET...]") => Choice::Targets,
        Some("") if grammar.usage.ends_with("[FILE|-]") => Choice::Files,
        Some("TEMPLATE") => Choice::Words("alpine busybox debian download local oci ubuntu"),
        Some("bash|fish|zsh") => Choice::Words("bash fish zsh"),
        Some("") if grammar.usage.starts_with("[-n] NAME") => Choice::Systems,
        _ if grammar.usage.contains("REPOSITORY") => Choice::Images,
        _ => Choice::Unknown,
    }
}

/// Whether every word is like the first one; otherwise the others are a program's, or free.
fn words_repeat(grammar: &Grammar) -> bool {
    let once = matches!(words_of(grammar), Choice::Files | Choice::Systems);
    grammar.interspersed && grammar.arity.most > 1 && !once
}

/// What a flag's value is.
fn values_of(flag: &Flag) -> Choice {
    match flag.long {
        "authfile" | "cidfile" | "file" | "iidfile" | "metadata-file" | "device" | "env-file"
        | "input" | "volume" | "console-socket" | "log" | "pid-file" | "pidfd-socket"
        | "process" | "resources" | "tlscacert" | "tlscert" | "tlskey" => Choice::Files,
        "root" | "state" | "bundle" | "cwd" => Choice::Directories,
        "network" => Choice::Words("container: host none"),
        "progress" => Choice::Words("auto tty plain json quiet"),
        "pull" => Choice::Words("always missing never"),
        "signal" | "stop-signal" => Choice::Words(SIGNALS),
        "type" => Choice::Words("container image"),
        "list" => Choice::Words("targets variables"),
        _ => Choice::Unknown,
    }
}

fn takes_value(flag: &Flag) -> bool {
    !matches!(flag.kind, Kind::Switch | Kind::Maybe(_))
}

/// Every command that people call, once.
fn commands() -> impl Iterator<Item = &'static Grammar> {
    let everyday = COMMANDS.iter().filter(|command| !command.group.is_empty());
    let oci = crate::oci::COMMANDS.iter().map(|command| command.grammar);
    let lxc = crate::lxc::TOOLS.iter().map(|tool| tool.grammar);
    everyday.map(|command| command.grammar).chain(oci).chain(lxc)
}

/// A command's flags in the order of their names.
fn flags(grammar: &Grammar) -> Vec<&'static Flag> {
    let mut flags: Vec<&Flag> = grammar.all_flags().collect();
    flags.sort_by_key(|flag| flag.long);
    flags
}

/// Names of commands of one word, with their sentences, families among them.
fn first_words() -> Vec<(&'static str, &'static str)> {
    let one_word = |grammar: &'static Grammar| {
        grammar.names.iter().filter(|name| !name.contains(' ')).map(|name| (*name, grammar.about))
    };
    let mut words: Vec<_> = commands().flat_map(one_word).collect();
    words.extend(FAMILIES);
    words.push(("help", "Help about a command"));
    words.sort_unstable();
    words
}

/// Names of families, those within others among them.
fn families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().chain(SUBFAMILIES).map(|(family, _)| *family)
}

/// Members of a family, with their sentences.
fn members(family: &str) -> Vec<(&'static str, &'static str)> {
    let prefix = format!("{family} ");
    let mut members: Vec<_> = commands()
        .flat_map(|grammar| grammar.names.iter().map(|name| (*name, grammar.about)))
        .chain(SUBFAMILIES.iter().copied())
        .filter_map(|(name, about)| Some((name.strip_prefix(&prefix)?, about)))
        .filter(|(name, _)| !name.contains(' '))
        .collect();
    members.sort_unstable();
    members
}
