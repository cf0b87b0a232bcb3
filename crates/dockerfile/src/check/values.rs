//! Rules that need what variables hold: a walk through all stages as a build takes it.

use std::collections::BTreeMap;

use spec::suggest::{closest, distance};

use super::{Context, Findings, Rule};
use crate::command_line::CommandLine;
use crate::error::FileError;
use crate::expand::Uses;
use crate::file::Dockerfile;
use crate::graph::{Graph, Origin};
use crate::instruction::{Healthcheck, Instruction, Kind};
use crate::keyword::Keyword;
use crate::port;
use crate::scope::{Globals, StageScope};
use crate::source::{Source, Span};
use crate::stage::Stage;
use crate::transfer::{Transfer, is_url};

/// Words by which a name says that it is of a secret, and those by which it says that it is not.
const SECRET: [&str; 10] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "pword",
    "passwd",
    "secret",
    "token",
];
const HARMLESS: [&str; 3] = ["public", "file", "version"];

/// What is so at the end of a stage.
#[derive(Clone)]
struct State {
    scope: StageScope,
    has_shell: bool,
    has_workdir: bool,
    /// Whether all variables of the base are known.
    knows_base: bool,
}

/// The rules of this file over every stage.
pub(super) fn walk(
    file: &Dockerfile,
    source: &Source,
    context: &Context<'_>,
    findings: &mut Findings<'_>,
) -> Result<(), FileError> {
    let globals = Globals::new(file, source, context.arguments, context.platforms, context.target)?;
    for stage in &file.stages {
        from(stage, source, &globals, findings)?;
    }
    let graph = Graph::new(file, source, &globals)?;
    let mut states: Vec<State> = Vec::new();
    for stage in &file.stages {
        let mut walker = Walker {
            source,
            globals: &globals,
            context,
            state: begin(&graph, stage, &states, &globals, context),
            once: BTreeMap::new(),
        };
        for instruction in &stage.instructions {
            walker.step(instruction, findings)?;
        }
        states.push(walker.state);
    }
    Ok(())
}

fn begin(
    graph: &Graph,
    stage: &Stage,
    states: &[State],
    globals: &Globals,
    context: &Context<'_>,
) -> State {
    let image = match graph.base(stage.number) {
        Some(Origin::Stage(number)) => match states.get(*number) {
            Some(state) => return state.clone(),
            None => None,
        },
        Some(Origin::Scratch) => Some(super::BaseImage::default()),
        Some(Origin::Outside(name)) => (context.image)(name),
        None => None,
    };
    let knows_base = image.is_some();
    let image = image.unwrap_or_default();
    let mut environment = image.environment;
    // Whatever runs has a PATH.
    environment.entry("PATH".to_owned()).or_default();
    State {
        scope: globals.stage(environment),
        has_shell: image.has_shell,
        has_workdir: false,
        knows_base,
    }
}

/// `UndefinedArgInFrom`, `RedundantTargetPlatform` and `FromPlatformFlagConstDisallowed`.
fn from(
    stage: &Stage,
    source: &Source,
    globals: &Globals,
    findings: &mut Findings<'_>,
) -> Result<(), FileError> {
    // An argument that is missing may be why there is no base or platform: it is told first, and then the error.
    let lexer = globals.lexer();
    for word in std::iter::once(&stage.base).chain(&stage.platform) {
        let uses = lexer.word(&word.value, globals).map(|found| found.uses).unwrap_or_default();
        for name in uses.undefined.iter().filter(|name| !globals.knows(name)) {
            let nearest = closest(name, globals.names().cloned()).into_iter().next();
            let meant = nearest.map(|name| format!(", did you mean {name}?")).unwrap_or_default();
            let message = format!("no ARG before it declares {name}{meant}");
            findings.add(Rule::UndefinedArgInFrom, word.span, &stage.comments, message);
        }
    }
    globals.base(source, stage)?;
    let (Some(written), Some(platform)) = (&stage.platform, globals.platform(source, stage)?)
    else {
        return Ok(());
    };
    if matches!(written.value.as_str(), "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
        let message = format!("--platform={} is what is built for anyway", written.value);
        findings.add(Rule::RedundantTargetPlatform, written.span, &stage.comments, message);
    }
    let name = stage.name.as_deref().unwrap_or_default();
    let is_named = name.contains(&platform.os) || name.contains(&platform.architecture);
    if !written.value.contains('$') && !is_named {
        let message = format!("the stage is bound to platform {:?}", written.value);
        findings.add(Rule::FromPlatformFlagConstDisallowed, written.span, &stage.comments, message);
    }
    Ok(())
}

struct Walker<'a> {
    source: &'a Source,
    globals: &'a Globals,
    context: &'a Context<'a>,
    state: State,
    /// Where what counts once stands in this stage.
    once: BTreeMap<Keyword, (Span, &'a Instruction)>,
}

impl<'a> Walker<'a> {
    fn step(
        &mut self,
        instruction: &'a Instruction,
        findings: &mut Findings<'_>,
    ) -> Result<(), FileError> {
        if let Kind::Arg(items) = &instruction.kind {
            for item in items {
                secret("ARG", &item.name.value, item.name.span, instruction, findings);
                let (_, uses) = self.state.scope.arg(self.globals, self.source, item)?;
                let span = item.default.as_ref().map_or(item.name.span, |default| default.span);
                self.undefined(&uses, span, instruction, findings);
            }
            return Ok(());
        }
        let expanded = instruction.expand(self.source, &self.globals.lexer(), &self.state.scope)?;
        self.undefined(&expanded.uses, instruction.span, instruction, findings);
        #[expect(clippy::wildcard_enum_match_arm, reason = "no rule is about the others")]
        match &expanded.kind {
            Kind::Env(pairs) => {
                for pair in pairs {
                    secret("ENV", &pair.name.value, pair.name.span, instruction, findings);
                }
                self.state.scope.env(pairs);
            }
            Kind::Add(add) => self.ignored(&add.transfer, instruction, findings),
            Kind::Copy(copy) if copy.from.is_none() => {
                self.ignored(&copy.transfer, instruction, findings);
            }
            Kind::Expose(ports) => {
                for port in ports {
                    expose(&port.value, port.span, instruction, findings);
                }
            }
            Kind::Shell(_) => self.state.has_shell = true,
            Kind::Workdir(path) => {
                if !self.state.has_workdir && !path.value.starts_with('/') {
                    let message = format!(
                        "{:?} depends on the base, whose working directory may change",
                        path.value
                    );
                    findings.add(
                        Rule::WorkdirRelativePath,
                        path.span,
                        &instruction.comments,
                        message,
                    );
                }
                self.state.has_workdir = true;
            }
            _ => {}
        }
        legacy(instruction, findings);
        self.command(instruction, findings);
        Ok(())
    }

    /// `JSONArgsRecommended` and `MultipleInstructionsDisallowed`.
    fn command(&mut self, instruction: &'a Instruction, findings: &mut Findings<'_>) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others may stand often")]
        let line = match &instruction.kind {
            Kind::Cmd(line) | Kind::Entrypoint(line) => Some(line),
            Kind::Healthcheck(Healthcheck::None | Healthcheck::Probe(_)) => None,
            _ => return,
        };
        let word = instruction.keyword.name();
        if let Some(CommandLine::Shell(line)) = line
            && !self.state.has_shell
        {
            let message = format!("{word} is no array: signals reach a shell, not the program");
            findings.add(Rule::JsonArgsRecommended, line.span, &instruction.comments, message);
        }
        if let Some((span, before)) =
            self.once.insert(instruction.keyword, (instruction.span, instruction))
        {
            let message = format!("another {word} of this stage takes its place");
            findings.add(Rule::MultipleInstructionsDisallowed, span, &before.comments, message);
        }
    }

    /// `UndefinedVar`. Where the base is not known its variables may be meant, unless a known name is one letter away.
    fn undefined(
        &self,
        uses: &Uses,
        span: Span,
        instruction: &Instruction,
        findings: &mut Findings<'_>,
    ) {
        for name in uses.undefined.iter().filter(|name| !self.state.scope.declares(name)) {
            let nearest = closest(name, self.state.scope.names().cloned()).into_iter().next();
            if !self.state.knows_base
                && nearest.as_ref().is_none_or(|known| distance(name, known) > 1)
            {
                continue;
            }
            let meant = nearest.map(|name| format!(", did you mean ${name}?")).unwrap_or_default();
            let message = format!("variable ${name} is not defined{meant}");
            let span = mention(self.source, span, name).unwrap_or(span);
            findings.add(Rule::UndefinedVar, span, &instruction.comments, message);
        }
    }

    /// `CopyIgnoredFile`. Not where patterns take something back in: below a directory that is left out there may be what is meant.
    fn ignored(&self, transfer: &Transfer, instruction: &Instruction, findings: &mut Findings<'_>) {
        let Some(ignore) = self.context.ignore.filter(|ignore| !ignore.has_exceptions()) else {
            return;
        };
        for path in transfer.paths().filter(|path| !is_url(&path.value)) {
            let is_root = matches!(path.value.trim_matches('/'), "" | ".");
            let is_ignored =
                if is_root { ignore.excludes_all() } else { ignore.excludes(&path.value) };
            if is_ignored && (self.context.exists)(&path.value) != Some(false) {
                let word = instruction.keyword.name();
                let message = format!("{word} of {:?}, which .dockerignore leaves out", path.value);
                findings.add(Rule::CopyIgnoredFile, path.span, &instruction.comments, message);
            }
        }
    }
}

/// `LegacyKeyValueFormat`.
fn legacy(instruction: &Instruction, findings: &mut Findings<'_>) {
    let (Kind::Env(pairs) | Kind::Label(pairs)) = &instruction.kind else { return };
    for pair in pairs.iter().filter(|pair| pair.is_legacy) {
        let word = instruction.keyword.name();
        let message = format!("{word} {} has no '=' before its value", pair.name.value);
        findings.add(Rule::LegacyKeyValueFormat, pair.name.span, &instruction.comments, message);
    }
}

/// `ExposeProtoCasing` and `ExposeInvalidFormat`.
fn expose(text: &str, span: Span, instruction: &Instruction, findings: &mut Findings<'_>) {
    let Ok(parsed) = port::parse(text) else { return };
    if parsed
        .written_protocol
        .is_some_and(|name| name.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        let message = format!("the protocol of {text:?} is not in small letters");
        findings.add(Rule::ExposeProtoCasing, span, &instruction.comments, message);
    }
    if parsed.has_host {
        let message =
            format!("{text:?} has an address or a port of the host, which EXPOSE cannot give");
        findings.add(Rule::ExposeInvalidFormat, span, &instruction.comments, message);
    }
}

/// `SecretsUsedInArgOrEnv`.
fn secret(
    word: &str,
    name: &str,
    span: Span,
    instruction: &Instruction,
    findings: &mut Findings<'_>,
) {
    let has = |words: &[&str]| {
        name.split('_').any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    if has(&SECRET) && !has(&HARMLESS) {
        let message = format!(
            "{word} {name} looks like a secret, and images show it: RUN --mount=type=secret does not"
        );
        findings.add(Rule::SecretsUsedInArgOrEnv, span, &instruction.comments, message);
    }
}

/// Where a variable's name stands within a place.
fn mention(source: &Source, span: Span, name: &str) -> Option<Span> {
    let text = source.slice(span);
    for (at, _) in text.match_indices('$') {
        let behind = text[at + 1..].strip_prefix('{').unwrap_or(&text[at + 1..]);
        let length = text.len() - behind.len() - at;
        let goes_on = |letter: char| letter.is_alphanumeric() || letter == '_';
        if behind.strip_prefix(name).is_some_and(|rest| !rest.starts_with(goes_on)) {
            return Some(Span::new(span.start + at, span.start + at + length + name.len()));
        }
    }
    None
}
