//! What is to be built, read: the file, its stages as far as they are needed, and the steps by their numbers.

use std::collections::BTreeMap;

use dockerfile::{
    Dockerfile, FileError, Globals, Graph, Instruction, Kind, Platforms, Source, Span, Stage,
};

use crate::error::{BuildError, StepError};
use crate::event::{Step, StepKind};

/// A file that can be built.
#[derive(Debug)]
pub(crate) struct Definition {
    /// How messages call it.
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) file: Dockerfile,
    pub(crate) globals: Globals,
    pub(crate) graph: Graph,
    /// The stage that is wanted.
    pub(crate) target: usize,
    /// Stages that are needed, each after those that it needs.
    pub(crate) needed: Vec<usize>,
    /// All steps.
    pub(crate) steps: Vec<Step>,
    /// Number of the step of each needed stage's `FROM`; those of its instructions follow.
    first_step: BTreeMap<usize, usize>,
}

impl Definition {
    /// Reads a file.
    pub(crate) fn read(
        name: String,
        bytes: &[u8],
        arguments: &BTreeMap<String, String>,
        platforms: &Platforms,
        target: Option<&str>,
    ) -> Result<Self, BuildError> {
        let source = Source::new(bytes);
        let refused = |cause: FileError| BuildError::File {
            shown: cause.render(&source, &name),
            name: name.clone(),
            cause,
        };
        let file = Dockerfile::parse(&source).map_err(refused)?;
        let wanted = target.unwrap_or_default();
        let globals =
            Globals::new(&file, &source, arguments, platforms, wanted).map_err(refused)?;
        let graph = Graph::new(&file, &source, &globals).map_err(refused)?;
        let target = graph.target(target).map_err(|missing| BuildError::NoStage {
            name: missing.name,
            closest: missing.closest,
        })?;
        let needed = graph.needed(target);
        let (steps, first_step) = steps(&file, &source, &needed);
        Ok(Self { name, source, file, globals, graph, target, needed, steps, first_step })
    }

    pub(crate) fn stage(&self, number: usize) -> Option<&Stage> {
        self.file.stages.get(number)
    }

    /// The step of a stage's `FROM`.
    pub(crate) fn base_step(&self, stage: usize) -> usize {
        self.first_step.get(&stage).copied().unwrap_or_default()
    }

    /// The step of the image at the end.
    pub(crate) fn output_step(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// An error of a step, with its place.
    pub(crate) fn failed(&self, at: (Span, &str), cause: StepError) -> BuildError {
        let (span, text) = at;
        let (first, _) = self.source.range(span);
        let mut message = cause.to_string();
        let mut source = std::error::Error::source(&cause);
        while let Some(next) = source {
            message = format!("{message}: {next}");
            source = next.source();
        }
        let hint = cause.hint();
        BuildError::Step {
            name: self.name.clone(),
            line: first.line,
            text: one_line(text),
            shown: dockerfile::render(&self.source, &self.name, span, &message, hint.as_deref()),
            cause: Box::new(cause),
        }
    }

    /// Something in the file that only a build finds.
    pub(crate) fn refused(&self, cause: FileError) -> BuildError {
        let shown = cause.render(&self.source, &self.name);
        BuildError::File { name: self.name.clone(), shown, cause }
    }
}

/// Which kind of step an instruction is.
pub(crate) fn kind_of(instruction: &Instruction) -> StepKind {
    match &instruction.kind {
        Kind::Run(_) => StepKind::Run,
        Kind::Add(_) | Kind::Copy(_) => StepKind::Transfer,
        Kind::Workdir(_) => StepKind::Directory,
        Kind::Arg(_)
        | Kind::Cmd(_)
        | Kind::Entrypoint(_)
        | Kind::Env(_)
        | Kind::Expose(_)
        | Kind::Healthcheck(_)
        | Kind::Label(_)
        | Kind::Maintainer(_)
        | Kind::Onbuild(_)
        | Kind::Shell(_)
        | Kind::Stopsignal(_)
        | Kind::User(_)
        | Kind::Volume(_) => StepKind::Setting,
    }
}

/// A text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steps(
    file: &Dockerfile,
    source: &Source,
    needed: &[usize],
) -> (Vec<Step>, BTreeMap<usize, usize>) {
    let alone = |kind, text: &str| Step {
        kind,
        stage: String::new(),
        place: (0, 0),
        line: 0,
        text: text.to_owned(),
    };
    let mut steps = vec![alone(StepKind::Load, "load the Dockerfile and the context")];
    let mut first_step = BTreeMap::new();
    for stage in needed.iter().filter_map(|number| file.stages.get(*number)) {
        first_step.insert(stage.number, steps.len());
        let shown = |instruction: &&Instruction| kind_of(instruction) != StepKind::Setting;
        let count = 1 + stage.instructions.iter().filter(shown).count();
        let line = |span: Span| source.range(span).0.line;
        let mut place = 1;
        let mut push = |kind, place, span, text: &str| {
            steps.push(Step {
                kind,
                stage: stage.label(),
                place: (place, count),
                line: line(span),
                text: one_line(text),
            });
        };
        push(StepKind::Base, place, stage.span, &stage.text);
        for instruction in &stage.instructions {
            let kind = kind_of(instruction);
            place += usize::from(kind != StepKind::Setting);
            push(kind, place, instruction.span, &instruction.text);
        }
    }
    steps.push(alone(StepKind::Output, "make the image"));
    (steps, first_step)
}
