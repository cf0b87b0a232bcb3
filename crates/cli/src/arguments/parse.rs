//! One pass over the words of a command line. Start at [`parse`].

use super::{Flag, Grammar, Kind};

/// What was given: the flags in their order, and the words that are no flags.
#[derive(Debug)]
pub(crate) struct Matches {
    grammar: &'static Grammar,
    given: Vec<(&'static str, String)>,
    /// Words after the flags.
    pub(crate) words: Vec<String>,
}

/// A line that was understood.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// `--help`.
    Help,
    /// A call.
    Call(Matches),
}

/// A line that was not understood, in Docker's words.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("unknown flag: --{name}")]
    UnknownFlag { name: String, closest: Option<&'static str> },
    #[error("unknown shorthand flag: '{letter}' in -{group}")]
    UnknownLetter { letter: char, group: String },
    #[error("flag needs an argument: --{0}")]
    NeedsValue(&'static str),
    #[error("flag needs an argument: '{letter}' in -{group}")]
    LetterNeedsValue { letter: char, group: String },
    #[error("invalid argument {value:?} for {:?} flag: it is not {wanted}", flag.spelling())]
    Value { flag: &'static Flag, value: String, wanted: &'static str },
    #[error("'corten {command}' {}", demand(*least, *most))]
    Arity { command: &'static str, least: usize, most: usize },
}

/// Whose rules a line is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// pflag's, as of Docker's programs.
    Docker,
    /// getopt_long(3)'s, as of LXC's: `-?` is help, the beginning of a long name is enough where no other begins so, switches take
    /// no value, and an equals sign behind a letter belongs to its value.
    Getopt,
}

/// Reads the words that follow a command's name.
///
/// # Errors
/// With Docker's words for it.
pub(crate) fn parse(
    grammar: &'static Grammar,
    line: impl IntoIterator<Item = String>,
) -> Result<Parsed, UsageError> {
    parse_by(Manner::Docker, grammar, line)
}

/// The same by other rules.
///
/// # Errors
/// As there.
pub(crate) fn parse_by(
    manner: Manner,
    grammar: &'static Grammar,
    line: impl IntoIterator<Item = String>,
) -> Result<Parsed, UsageError> {
    let mut given = Vec::new();
    let mut words = Vec::new();
    let mut line = line.into_iter();
    while let Some(word) = line.next() {
        if word == "--" {
            words.extend(line);
            break;
        }
        if word == "--help" {
            return Ok(Parsed::Help);
        }
        if let Some(name) = word.strip_prefix("--") {
            given.push(long(manner, grammar, name, &mut line)?);
        } else if word.len() > 1 && word.starts_with('-') {
            let group = word.get(1..).unwrap_or_default();
            let asks = |letter: &str| {
                group == letter && grammar.by_short(letter.as_bytes()[0] as char).is_none()
            };
            if asks("h") || (manner == Manner::Getopt && asks("?")) {
                return Ok(Parsed::Help);
            }
            letters((manner, grammar), group, &mut line, &mut given)?;
        } else {
            words.push(word);
            if !grammar.interspersed {
                words.extend(line);
                break;
            }
        }
    }
    let (least, most) = (grammar.arity.least, grammar.arity.most);
    if words.len() < least || words.len() > most {
        return Err(UsageError::Arity { command: grammar.name(), least, most });
    }
    Ok(Parsed::Call(Matches { grammar, given, words }))
}

fn long(
    manner: Manner,
    grammar: &Grammar,
    name: &str,
    line: &mut impl Iterator<Item = String>,
) -> Result<(&'static str, String), UsageError> {
    let (name, value) = match name.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (name, None),
    };
    let found = match manner {
        Manner::Docker => grammar.by_long(name),
        Manner::Getopt => grammar.by_beginning(name),
    };
    let Some(flag) = found else {
        let names = grammar.all_flags().map(|flag| flag.long);
        return Err(UsageError::UnknownFlag {
            name: name.to_owned(),
            closest: closest(name, names),
        });
    };
    let value = match (flag.kind, value) {
        (Kind::Switch | Kind::Maybe(_), None) => "true".to_owned(),
        (Kind::Switch, Some(value)) if manner == Manner::Getopt => {
            return Err(UsageError::Value { flag, value, wanted: "empty: it takes none" });
        }
        (_, Some(value)) => value,
        (Kind::One(_) | Kind::Many(_), None) => {
            line.next().ok_or(UsageError::NeedsValue(flag.long))?
        }
    };
    Ok((flag.long, checked(flag, value)?))
}

/// `-it`, `-d=false`, `-eNAME=value`, `-e NAME=value`.
fn letters(
    (manner, grammar): (Manner, &Grammar),
    group: &str,
    line: &mut impl Iterator<Item = String>,
    given: &mut Vec<(&'static str, String)>,
) -> Result<(), UsageError> {
    let mut rest = group;
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let Some(flag) = grammar.by_short(letter) else {
            return Err(UsageError::UnknownLetter { letter, group: group.to_owned() });
        };
        let attached = match (manner, flag.kind) {
            (Manner::Docker, _) => rest.strip_prefix('='),
            (Manner::Getopt, Kind::Switch) => None,
            (Manner::Getopt, _) => Some(rest).filter(|rest| !rest.is_empty()),
        };
        let value = match flag.kind {
            Kind::Switch | Kind::Maybe(_) => match attached {
                Some(value) => value.to_owned(),
                None => {
                    given.push((flag.long, "true".to_owned()));
                    continue;
                }
            },
            Kind::One(_) | Kind::Many(_) if rest.is_empty() => line
                .next()
                .ok_or_else(|| UsageError::LetterNeedsValue { letter, group: group.to_owned() })?,
            Kind::One(_) | Kind::Many(_) => attached.unwrap_or(rest).to_owned(),
        };
        given.push((flag.long, checked(flag, value)?));
        return Ok(());
    }
    Ok(())
}

/// A value that its flag takes: switches take what Go's strconv calls a truth, `int` whole numbers.
fn checked(flag: &'static Flag, value: String) -> Result<String, UsageError> {
    match (flag.kind, value.as_str()) {
        (Kind::Switch, "1" | "t" | "T" | "true" | "TRUE" | "True") => Ok("true".to_owned()),
        (Kind::Switch, "0" | "f" | "F" | "false" | "FALSE" | "False") => Ok("false".to_owned()),
        (Kind::Switch, _) => Err(UsageError::Value { flag, value, wanted: "true or false" }),
        (Kind::One("int"), text) if text.parse::<i64>().is_err() => {
            Err(UsageError::Value { flag, value, wanted: "a whole number" })
        }
        (Kind::Many("filter"), text) if !text.contains('=') => {
            Err(UsageError::Value { flag, value, wanted: "of the form KIND=VALUE" })
        }
        (Kind::Maybe(_) | Kind::One(_) | Kind::Many(_), _) => Ok(value),
    }
}

fn demand(least: usize, most: usize) -> String {
    let plural = |number: usize| if number == 1 { "argument" } else { "arguments" };
    match (least, most) {
        (0, 0) => "accepts no arguments".to_owned(),
        (least, most) if least == most => format!("requires {least} {}", plural(least)),
        (least, usize::MAX) => format!("requires at least {least} {}", plural(least)),
        (0, most) => format!("requires at most {most} {}", plural(most)),
        (least, most) => format!("requires {least} to {most} arguments"),
    }
}

impl Matches {
    /// Whether a switch is on.
    pub(crate) fn on(&self, long: &str) -> bool {
        self.value(long) == Some("true")
    }

    /// Whether the command has a flag of this name.
    pub(crate) fn has_flag(&self, long: &str) -> bool {
        self.grammar.by_long(long).is_some()
    }

    /// Whether a flag was given at all.
    pub(crate) fn is_given(&self, long: &str) -> bool {
        self.value(long).is_some()
    }

    /// A flag's value, the last one that was given.
    pub(crate) fn value(&self, long: &str) -> Option<&str> {
        debug_assert!(
            self.grammar.by_long(long).is_some(),
            "{} has no flag --{long}",
            self.grammar.name()
        );
        self.given.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// A flag's value where an empty one asks for the default, as scripts with an empty variable do.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.value(long).filter(|value| !value.is_empty())
    }

    /// Every value of a flag, in the order given.
    pub(crate) fn values<'a>(&'a self, long: &'a str) -> impl Iterator<Item = &'a str> {
        debug_assert!(
            self.grammar.by_long(long).is_some(),
            "{} has no flag --{long}",
            self.grammar.name()
        );
        self.given.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// All flags and their values, in the order given.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// A word by its place.
    pub(crate) fn word(&self, place: usize) -> &str {
        self.words.get(place).map_or("", String::as_str)
    }
}

/// The nearest of `names`, when it is near enough to have been meant.
pub(crate) fn closest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = wrong.chars().count().div_ceil(3).min(3);
    names
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, j) + usize::from(x != y);
            let mut least = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{SOME, many, one, switch};

    const FLAGS: &[Flag] = &[
        switch("i", "interactive", ""),
        switch("t", "tty", ""),
        switch("", "rm", ""),
        one("m", "memory", "bytes", ""),
        one("n", "number", "int", ""),
        many("e", "env", "list", ""),
    ];
    static RUN: Grammar = Grammar {
        names: &["run"],
        usage: "",
        about: "",
        flags: &[FLAGS],
        arity: SOME,
        interspersed: false,
        examples: &[],
    };
    static STOP: Grammar = Grammar { names: &["stop"], interspersed: true, ..RUN };

    fn call(grammar: &'static Grammar, line: &[&str]) -> Matches {
        match parse(grammar, line.iter().map(|word| (*word).to_owned())) {
            Ok(Parsed::Call(matches)) => matches,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    fn refusal(grammar: &'static Grammar, line: &[&str]) -> String {
        parse(grammar, line.iter().map(|word| (*word).to_owned())).unwrap_err().to_string()
    }

    #[test]
    fn spellings() {
        for line in [
            &["-it", "-m", "1g", "-e", "A=b", "--rm", "x"][..],
            &["-ti", "-m1g", "-eA=b", "--rm=true", "x"],
            &["--interactive", "--tty=1", "--memory=1g", "--env=A=b", "--rm=T", "--", "x"],
            &["-i=true", "-t", "-m=1g", "--memory", "1g", "--env", "A=b", "--rm", "x"],
            &["-ite", "A=b", "-itm1g", "--rm", "x"],
        ] {
            let matches = call(&RUN, line);
            assert!(matches.on("interactive") && matches.on("tty") && matches.on("rm"), "{line:?}");
            assert_eq!(matches.value("memory"), Some("1g"), "{line:?}");
            assert_eq!(matches.values("env").collect::<Vec<_>>(), ["A=b"], "{line:?}");
            assert_eq!(matches.words, ["x"], "{line:?}");
        }
        let matches = call(&RUN, &["--rm", "--rm=false", "-t=false", "-e", "A", "-e", "B", "x"]);
        assert!(!matches.on("rm") && !matches.on("tty") && matches.is_given("rm"));
        assert_eq!(matches.values("env").collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn getopts_manner() {
        let call = |line: &[&str]| {
            let words = line.iter().map(|word| (*word).to_owned());
            match parse_by(Manner::Getopt, &STOP, words) {
                Ok(Parsed::Call(matches)) => Ok(matches),
                Ok(Parsed::Help) => Err("help".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        };
        let matches = call(&["x", "--mem", "1g", "-e=A", "-im2", "y", "--", "-z"]).unwrap();
        assert_eq!(matches.values("memory").collect::<Vec<_>>(), ["1g", "2"]);
        assert_eq!(matches.value("env"), Some("=A"));
        assert!(matches.on("interactive"));
        assert_eq!(matches.words, ["x", "y", "-z"]);
        assert_eq!(call(&["-?"]).unwrap_err(), "help");
        assert!(call(&["--rm=true"]).unwrap_err().contains("it takes none"));
        assert_eq!(call(&["--nosuch"]).unwrap_err(), "unknown flag: --nosuch");
    }

    #[test]
    fn what_follows_the_image_belongs_to_the_command() {
        let matches = call(&RUN, &["--rm", "x", "ls", "--rm=false", "-la", "--help", "--", "-h"]);
        assert!(matches.on("rm"));
        assert_eq!(matches.words, ["x", "ls", "--rm=false", "-la", "--help", "--", "-h"]);
        let matches = call(&STOP, &["x", "--rm", "y", "--", "-z"]);
        assert!(matches.on("rm"));
        assert_eq!(matches.words, ["x", "y", "-z"]);
        assert_eq!(call(&RUN, &["-"]).words, ["-"]);
    }

    #[test]
    fn refusals() {
        for (line, words) in [
            (&["--no-such", "x"][..], "unknown flag: --no-such"),
            (&["--no-such=1", "x"], "unknown flag: --no-such"),
            (&["-iz", "x"], "unknown shorthand flag: 'z' in -iz"),
            (&["--memory"], "flag needs an argument: --memory"),
            (&["-m"], "flag needs an argument: 'm' in -m"),
            (&["-im"], "flag needs an argument: 'm' in -im"),
            (
                &["--rm=maybe", "x"],
                "invalid argument \"maybe\" for \"--rm\" flag: it is not true or false",
            ),
            (
                &["-n", "many", "x"],
                "invalid argument \"many\" for \"-n, --number\" flag: it is not a whole number",
            ),
            (&[], "'corten run' requires at least 1 argument"),
        ] {
            assert_eq!(refusal(&RUN, line), words);
        }
        let near = parse(&RUN, ["--memroy=1".to_owned()]).unwrap_err();
        assert!(
            matches!(near, UsageError::UnknownFlag { closest: Some("memory"), .. }),
            "{near:?}"
        );
    }

    #[test]
    fn help_anywhere_before_the_words() {
        for line in [&["--help"][..], &["-it", "--help", "x"], &["-h"]] {
            let parsed = parse(&RUN, line.iter().map(|word| (*word).to_owned()));
            assert!(matches!(parsed, Ok(Parsed::Help)), "{line:?}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "abc", 3), ("memroy", "memory", 1), ("run", "rum", 1), ("ab", "ab", 0)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
        assert_eq!(closest("strat", ["start", "stats", "stop"].into_iter()), Some("start"));
        assert_eq!(closest("xyz", ["start"].into_iter()), None);
    }
}
