//! The arguments of each instruction, by the form that it has.

use std::ops::Range;
use std::time::Duration;

use crate::command_line::{CommandLine, array};
use crate::error::Cause;
use crate::flags::{Flags, Takes, boolean};
use crate::heredoc::Heredoc;
use crate::instruction::{
    ArgItem, Device, Healthcheck, Kind, NetworkMode, Pair, Probe, Run, SecurityMode,
};
use crate::keyword::Keyword;
use crate::logical::Logical;
use crate::mount::{MountFlag, MountProblem, keyed, nearest};
use crate::source::{Span, Spanned};
use crate::{transfer, words};

type Reading<T> = Result<T, (Span, Cause)>;

/// An instruction's line, taken apart.
pub(crate) struct Parts<'a> {
    pub(crate) logical: &'a Logical,
    pub(crate) escape: char,
    pub(crate) keyword: Keyword,
    pub(crate) flags: Vec<Spanned<String>>,
    pub(crate) arguments: Range<usize>,
    pub(crate) documents: Vec<Heredoc>,
}

impl Parts<'_> {
    /// What the instruction says. `FROM` and `ONBUILD` are not for here.
    pub(crate) fn kind(mut self) -> Reading<Kind> {
        match self.keyword {
            Keyword::Add | Keyword::Copy => return self.transfer(),
            Keyword::Run => return self.run().map(Kind::Run),
            Keyword::Healthcheck => return self.healthcheck().map(Kind::Healthcheck),
            Keyword::Arg
            | Keyword::Cmd
            | Keyword::Entrypoint
            | Keyword::Env
            | Keyword::Expose
            | Keyword::From
            | Keyword::Label
            | Keyword::Maintainer
            | Keyword::Onbuild
            | Keyword::Shell
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Volume
            | Keyword::Workdir => {}
        }
        Flags::read(std::mem::take(&mut self.flags), &[])?;
        Ok(match self.keyword {
            Keyword::Arg => Kind::Arg(self.items()?),
            Keyword::Cmd => Kind::Cmd(self.command()?),
            Keyword::Entrypoint => Kind::Entrypoint(self.command()?),
            Keyword::Env => Kind::Env(self.pairs()?),
            Keyword::Label => Kind::Label(self.pairs()?),
            Keyword::Expose => Kind::Expose(self.at_least_one(self.plain())?),
            Keyword::Maintainer => Kind::Maintainer(self.one()?),
            Keyword::Stopsignal => Kind::Stopsignal(self.one()?),
            Keyword::User => Kind::User(self.one()?),
            Keyword::Workdir => Kind::Workdir(self.one()?),
            Keyword::Shell => Kind::Shell(self.shell()?),
            Keyword::Volume => Kind::Volume(self.volumes()?),
            Keyword::Add
            | Keyword::Copy
            | Keyword::From
            | Keyword::Healthcheck
            | Keyword::Onbuild
            | Keyword::Run => {
                let word = self.keyword.name().to_owned();
                return Err((self.logical.span, Cause::NoTrigger { word }));
            }
        })
    }

    fn refused<T>(&self, cause: Cause) -> Reading<T> {
        Err((self.logical.span, cause))
    }

    fn command(&self) -> Reading<CommandLine> {
        CommandLine::read(self.logical, self.arguments.clone())
    }

    /// Everything, as one.
    fn one(&self) -> Reading<Spanned<String>> {
        if self.arguments.is_empty() {
            return self.refused(Cause::NotOneArgument);
        }
        Ok(self.logical.part(self.arguments.clone()))
    }

    fn at_least_one(&self, words: Vec<Spanned<String>>) -> Reading<Vec<Spanned<String>>> {
        if words.is_empty() { self.refused(Cause::NoArgument) } else { Ok(words) }
    }

    /// Words between blanks.
    pub(crate) fn plain(&self) -> Vec<Spanned<String>> {
        let parts = words::plain(&self.logical.text, self.arguments.clone());
        parts.into_iter().map(|part| self.logical.part(part)).collect()
    }

    /// Words that may be quoted.
    fn quoted(&self) -> Vec<Range<usize>> {
        words::quoted(&self.logical.text, self.arguments.clone(), self.escape)
    }

    fn shell(&self) -> Reading<Vec<Spanned<String>>> {
        match array(self.logical, self.arguments.clone())? {
            Some(words) => self.at_least_one(words),
            None if self.arguments.is_empty() => self.refused(Cause::NoArgument),
            None => self.refused(Cause::NotArray),
        }
    }

    fn volumes(&self) -> Reading<Vec<Spanned<String>>> {
        let words = array(self.logical, self.arguments.clone())?.unwrap_or_else(|| self.plain());
        let mut volumes = self.at_least_one(words)?;
        for volume in &mut volumes {
            volume.value = volume.value.trim().to_owned();
            if volume.value.is_empty() {
                return Err((volume.span, Cause::EmptyVolume));
            }
        }
        Ok(volumes)
    }

    /// `name=value …`, or `name value` where the first word has no `=`.
    fn pairs(&self) -> Reading<Vec<Pair>> {
        let words = self.quoted();
        let text = &self.logical.text;
        match words.first() {
            None => return self.refused(Cause::NoArgument),
            Some(first) if !text[first.clone()].contains('=') => return Ok(vec![self.legacy()?]),
            Some(_) => {}
        }
        let pair = |part: Range<usize>| {
            let place = self.logical.place(part.clone());
            let Some(equals) = text[part.clone()].find('=').map(|at| part.start + at) else {
                return Err((place, Cause::NoEquals { word: text[part].to_owned() }));
            };
            if equals == part.start {
                return Err((place, Cause::EmptyName));
            }
            Ok(Pair {
                name: self.logical.part(part.start..equals),
                value: self.logical.part(equals + 1..part.end),
                is_legacy: false,
            })
        };
        words.into_iter().map(pair).collect()
    }

    fn legacy(&self) -> Reading<Pair> {
        let Some(name) = words::first(&self.logical.text, self.arguments.clone()) else {
            return self.refused(Cause::NoArgument);
        };
        let value = words::trimmed(&self.logical.text, name.end..self.arguments.end);
        let name = self.logical.part(name);
        if value.is_empty() {
            return Err((name.span, Cause::KeyWithoutValue { key: name.value }));
        }
        Ok(Pair { name, value: self.logical.part(value), is_legacy: true })
    }

    fn items(&self) -> Reading<Vec<ArgItem>> {
        let words = self.quoted();
        if words.is_empty() {
            return self.refused(Cause::NoArgument);
        }
        let item = |part: Range<usize>| match self.logical.text[part.clone()].find('=') {
            Some(0) => Err((self.logical.place(part), Cause::EmptyName)),
            Some(at) => Ok(ArgItem {
                name: self.logical.part(part.start..part.start + at),
                default: Some(self.logical.part(part.start + at + 1..part.end)),
            }),
            None => Ok(ArgItem { name: self.logical.part(part), default: None }),
        };
        words.into_iter().map(item).collect()
    }

    fn transfer(self) -> Reading<Kind> {
        let Self { logical, arguments, flags, documents, .. } = self;
        Ok(if self.keyword == Keyword::Add {
            Kind::Add(transfer::add(logical, arguments, flags, documents)?)
        } else {
            Kind::Copy(transfer::copy(logical, arguments, flags, documents)?)
        })
    }

    fn run(mut self) -> Reading<Run> {
        let known = [
            ("mount", Takes::Values),
            ("network", Takes::Value),
            ("security", Takes::Value),
            ("device", Takes::Values),
        ];
        let mut flags = Flags::read(std::mem::take(&mut self.flags), &known)?;
        let mut mounts = Vec::new();
        for flag in flags.values("mount") {
            let (span, text) = (flag.span, flag.value.clone());
            let mount = MountFlag::read(flag, self.escape);
            mounts
                .push(mount.map_err(|problem| {
                    (span, Cause::Mount { text, problem: Box::new(problem) })
                })?);
        }
        let mut devices = Vec::new();
        for flag in flags.values("device") {
            devices.push(device(&flag).map_err(|problem| {
                (flag.span, Cause::Device { text: flag.value.clone(), problem: Box::new(problem) })
            })?);
        }
        Ok(Run {
            network: network(flags.value("network"))?,
            security: security(flags.value("security"))?,
            command: self.command()?,
            documents: self.documents,
            mounts,
            devices,
        })
    }

    fn healthcheck(mut self) -> Reading<Healthcheck> {
        let known = ["interval", "timeout", "start-period", "start-interval", "retries"]
            .map(|name| (name, Takes::Value));
        let mut flags = Flags::read(std::mem::take(&mut self.flags), &known)?;
        let Some(first) = words::first(&self.logical.text, self.arguments.clone()) else {
            return self.refused(Cause::NoArgument);
        };
        let rest = words::trimmed(&self.logical.text, first.end..self.arguments.end);
        let word = self.logical.part(first);
        match word.value.to_ascii_uppercase().as_str() {
            "NONE" if rest.is_empty() => return Ok(Healthcheck::None),
            "NONE" => return Err((self.logical.place(rest), Cause::HealthcheckNone)),
            "CMD" => {}
            _ => {
                let closest = nearest(&word.value, &["CMD", "NONE"]);
                return Err((word.span, Cause::HealthcheckKind { word: word.value, closest }));
            }
        }
        let command = CommandLine::read(self.logical, rest)?;
        if command.is_empty() {
            return Err((word.span, Cause::NoCommand));
        }
        Ok(Healthcheck::Probe(Probe {
            command,
            interval: duration(&mut flags, "interval")?,
            timeout: duration(&mut flags, "timeout")?,
            start_period: duration(&mut flags, "start-period")?,
            start_interval: duration(&mut flags, "start-interval")?,
            retries: retries(&mut flags)?,
        }))
    }
}

/// A flag's duration; 0 is none.
fn duration(flags: &mut Flags, flag: &str) -> Reading<Option<Duration>> {
    let Some(given) = flags.filled(flag) else { return Ok(None) };
    let (flag, value) = (flag.to_owned(), given.value);
    match crate::durations::parse(&value) {
        None => Err((given.span, Cause::Duration { flag, value })),
        Some(Duration::ZERO) => Ok(None),
        Some(short) if short < Duration::from_millis(1) => {
            Err((given.span, Cause::ShortDuration { flag, value }))
        }
        Some(duration) => Ok(Some(duration)),
    }
}

fn retries(flags: &mut Flags) -> Reading<Option<u32>> {
    let Some(given) = flags.filled("retries") else { return Ok(None) };
    match given.value.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok()) {
        None => Err((given.span, Cause::Retries { value: given.value })),
        Some(0) => Ok(None),
        number => Ok(number),
    }
}

fn network(given: Option<Spanned<String>>) -> Reading<NetworkMode> {
    match given.as_ref().map(|given| given.value.as_str()) {
        None | Some("default") => Ok(NetworkMode::Default),
        Some("none") => Ok(NetworkMode::None),
        Some("host") => Ok(NetworkMode::Host),
        Some(_) => unknown("network", given, &["default", "none", "host"]),
    }
}

fn security(given: Option<Spanned<String>>) -> Reading<SecurityMode> {
    match given.as_ref().map(|given| given.value.as_str()) {
        None | Some("sandbox") => Ok(SecurityMode::Sandbox),
        Some("insecure") => Ok(SecurityMode::Insecure),
        Some(_) => unknown("security", given, &["sandbox", "insecure"]),
    }
}

fn unknown<T>(flag: &str, given: Option<Spanned<String>>, known: &[&str]) -> Reading<T> {
    let given = given.unwrap_or_else(|| Spanned::new(String::new(), Span::default()));
    let closest = nearest(&given.value, known);
    Err((given.span, Cause::FlagValue { flag: flag.to_owned(), value: given.value, closest }))
}

/// `vendor.com/class=name`, `name=…` and `required`.
fn device(flag: &Spanned<String>) -> Result<Device, MountProblem> {
    let mut name: Option<Spanned<String>> = None;
    let mut required = false;
    for (key, value) in keyed(flag)? {
        let given = match (key.as_str(), value) {
            ("required", None) => {
                required = true;
                continue;
            }
            ("required", Some(value)) => {
                required = boolean(&value.value)
                    .ok_or_else(|| MountProblem::value(&key, &value.value, &["true", "false"]))?;
                continue;
            }
            ("name", Some(value)) => value,
            (_, Some(value)) if name.is_none() => value.with(format!("{key}={}", value.value)),
            (_, None) if name.is_none() => Spanned::new(key, flag.span),
            _ => {
                return Err(MountProblem::Key {
                    closest: nearest(&key, &["name", "required"]),
                    key,
                });
            }
        };
        if let Some(first) = name {
            return Err(MountProblem::TwoNames { first: first.value, second: given.value });
        }
        name = Some(given);
    }
    let name = name.ok_or_else(|| MountProblem::NoValue { key: "name".to_owned() })?;
    Ok(Device { name, required })
}
