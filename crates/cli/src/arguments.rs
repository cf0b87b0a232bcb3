//! The command line's grammar, as Docker's users know it: tables of flags that are compiled in, and one pass over the words.
//!
//! Nothing is built at start: a command's flags are constants, and parsing looks up the few that were given. A general parser
//! (clap) would construct its ninety descriptions of `run` first. The rules are those of Go's pflag, which Docker uses: switches
//! take `=false`, short ones combine (`-it`), and commands that run a program stop at the first word that is no flag.

mod help;
mod parse;

pub(crate) use help::{commands_help, help};
pub(crate) use parse::{Manner, Matches, Parsed, UsageError, closest, parse, parse_by};

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// One value behind an equals sign, or none, which is `true`; what follows is a word of its own.
    Maybe(&'static str),
    /// One value; the last one counts. Named in the help as Docker names it.
    One(&'static str),
    /// A value each time it is given.
    Many(&'static str),
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

impl Flag {
    /// As people write it: `-t, --tty`.
    pub(crate) fn spelling(&self) -> String {
        let short = self.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        format!("{short}--{}", self.long)
    }
}

/// Names that Docker had for a flag before, and still takes.
const FORMER_NAMES: &[(&str, &str)] = &[
    ("net", "network"),
    ("net-alias", "network-alias"),
    ("dns-opt", "dns-option"),
    ("time", "timeout"),
];

/// How many words follow the flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arity {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

/// What a command accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// Every name, the first one is how help and errors call it.
    pub(crate) names: &'static [&'static str],
    /// What follows the name in the line of usage.
    pub(crate) usage: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// Its flags, in lists that commands share.
    pub(crate) flags: &'static [&'static [Flag]],
    pub(crate) arity: Arity,
    /// Whether flags may follow words; not where the words are a program of the user's.
    pub(crate) interspersed: bool,
    /// What it does, and the line for that; where flags alone do not show it.
    pub(crate) examples: &'static [Example],
}

/// A sentence, and the line for it.
pub(crate) type Example = (&'static str, &'static str);

impl Grammar {
    /// Its first name.
    pub(crate) const fn name(&self) -> &'static str {
        match self.names {
            [name, ..] => name,
            [] => "",
        }
    }

    pub(crate) fn all_flags(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        self.flags.iter().flat_map(|list| list.iter())
    }

    fn by_long(&self, name: &str) -> Option<&'static Flag> {
        let find = |name: &str| self.all_flags().find(|flag| flag.long == name);
        find(name).or_else(|| {
            let (_, now) = FORMER_NAMES.iter().find(|(former, _)| *former == name)?;
            // Of run, a time-out is something else.
            find(now).filter(|flag| name != "time" || flag.short.is_some())
        })
    }

    /// The flag of that name, or the only one whose name begins so.
    fn by_beginning(&self, name: &str) -> Option<&'static Flag> {
        let exact = self.all_flags().find(|flag| flag.long == name);
        exact.or_else(|| {
            let mut longer = self.all_flags().filter(|flag| flag.long.starts_with(name));
            longer.next().filter(|_| longer.next().is_none())
        })
    }

    fn by_short(&self, letter: char) -> Option<&'static Flag> {
        self.all_flags().find(|flag| flag.short == Some(letter))
    }
}

/// No word.
pub(crate) const NONE: Arity = exactly(0);
/// At least one word.
pub(crate) const SOME: Arity = at_least(1);
/// Any number of words.
pub(crate) const ANY: Arity = at_least(0);

/// So many words.
pub(crate) const fn exactly(number: usize) -> Arity {
    Arity { least: number, most: number }
}

/// So many words or more.
pub(crate) const fn at_least(number: usize) -> Arity {
    Arity { least: number, most: usize::MAX }
}

/// A switch.
pub(crate) const fn switch(short: &str, long: &'static str, help: &'static str) -> Flag {
    Flag { long, short: letter(short), kind: Kind::Switch, help }
}

/// A flag with one value.
pub(crate) const fn one(
    short: &str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short: letter(short), kind: Kind::One(value), help }
}

/// A flag that may have a value.
pub(crate) const fn maybe(
    short: &str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short: letter(short), kind: Kind::Maybe(value), help }
}

/// A flag that may be given often.
pub(crate) const fn many(
    short: &str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short: letter(short), kind: Kind::Many(value), help }
}

const fn letter(short: &str) -> Option<char> {
    match short.as_bytes() {
        [byte, ..] => Some(*byte as char),
        [] => None,
    }
}
