//! Which stages need which others. Start at [`Graph::new`], then [`Graph::target`] and [`Graph::needed`].
//!
//! `FROM` finds only stages before it, by name; anything else is an image. `COPY --from` and `RUN --mount=from=` find stages by
//! name in any case or by number, and those must come before; what is no stage is a context or an image. When a name stands
//! twice, `FROM` takes the last one before it and the others the last one of the file. A stage that is built on another one also needs
//! what that one's `ONBUILD` triggers copy from.

use std::collections::{BTreeMap, BTreeSet};

use spec::suggest::closest;

use crate::error::{Cause, FileError};
use crate::file::Dockerfile;
use crate::instruction::{Instruction, Kind};
use crate::scope::Globals;
use crate::source::{Source, Span, Spanned};

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A stage of the file, by its number.
    Stage(usize),
    /// Nothing: `scratch`.
    Scratch,
    /// A named context of the build, or else an image.
    Outside(String),
}

/// An origin that an instruction asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The place in the stage's instructions.
    pub instruction: usize,
    /// What is asked for.
    pub origin: Origin,
    /// Where it is written.
    pub span: Span,
}

/// The stages, and what each needs.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    by_name: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Node {
    base: Origin,
    uses: Vec<Use>,
    inherited: Vec<Origin>,
}

/// There is no such stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no stage {name:?}")]
pub struct NoStage {
    /// What was asked for.
    pub name: String,
    /// The name that was perhaps meant.
    pub closest: Option<String>,
}

impl Graph {
    /// Finds out what every stage needs.
    ///
    /// # Errors
    /// When a base is empty or cannot be expanded, a number has no stage, or a stage is asked for that comes later.
    pub fn new(file: &Dockerfile, source: &Source, globals: &Globals) -> Result<Self, FileError> {
        let mut by_name = BTreeMap::new();
        for stage in &file.stages {
            by_name.extend(stage.name.clone().map(|name| (name, stage.number)));
        }
        let finder = Finder { source, by_name: &by_name, count: file.stages.len() };
        let mut before: BTreeMap<&str, usize> = BTreeMap::new();
        let mut nodes: Vec<Node> = Vec::new();
        for stage in &file.stages {
            let (base, _) = globals.base(source, stage)?;
            let base = match before.get(base.as_str()) {
                Some(number) => Origin::Stage(*number),
                None => outside(&base),
            };
            let mut inherited = Vec::new();
            if let Origin::Stage(number) = base {
                for instruction in &file.stages[number].instructions {
                    if let Kind::Onbuild(trigger) = &instruction.kind {
                        let uses = finder.uses(stage.number, 0, &trigger.instruction)?;
                        inherited.extend(uses.into_iter().map(|found| found.origin));
                    }
                }
            }
            let mut uses = Vec::new();
            for (at, instruction) in stage.instructions.iter().enumerate() {
                uses.extend(finder.uses(stage.number, at, instruction)?);
            }
            nodes.push(Node { base, uses, inherited });
            before.extend(stage.name.as_deref().map(|name| (name, stage.number)));
        }
        Ok(Self { nodes, by_name })
    }

    /// What a stage begins with.
    #[must_use]
    pub fn base(&self, stage: usize) -> Option<&Origin> {
        self.nodes.get(stage).map(|node| &node.base)
    }

    /// What a stage's instructions ask for.
    #[must_use]
    pub fn uses(&self, stage: usize) -> &[Use] {
        self.nodes.get(stage).map(|node| node.uses.as_slice()).unwrap_or_default()
    }

    /// The stage of a name, in any case, or a number; the last one of the file when nothing is asked for.
    ///
    /// # Errors
    /// When there is none.
    pub fn target(&self, name: Option<&str>) -> Result<usize, NoStage> {
        let last = self.nodes.len().saturating_sub(1);
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(last) };
        let number = || name.parse().ok().filter(|number| *number < self.nodes.len());
        self.by_name.get(&name.to_ascii_lowercase()).copied().or_else(number).ok_or_else(|| {
            let closest = closest(&name.to_ascii_lowercase(), self.by_name.keys().cloned());
            NoStage { name: name.to_owned(), closest: closest.into_iter().next() }
        })
    }

    /// The stages that a stage needs, and itself: each after those that it needs.
    #[must_use]
    pub fn needed(&self, stage: usize) -> Vec<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![stage];
        while let Some(number) = open.pop() {
            let Some(node) = self.nodes.get(number) else { continue };
            if !found.insert(number) {
                continue;
            }
            let asked = node.uses.iter().map(|found| &found.origin).chain(&node.inherited);
            for origin in asked.chain([&node.base]) {
                if let Origin::Stage(number) = origin {
                    open.push(*number);
                }
            }
        }
        // A stage needs earlier ones only.
        found.into_iter().collect()
    }
}

fn outside(name: &str) -> Origin {
    if name == "scratch" { Origin::Scratch } else { Origin::Outside(name.to_owned()) }
}

struct Finder<'a> {
    source: &'a Source,
    by_name: &'a BTreeMap<String, usize>,
    count: usize,
}

impl Finder<'_> {
    fn uses(
        &self,
        stage: usize,
        at: usize,
        instruction: &Instruction,
    ) -> Result<Vec<Use>, FileError> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other instruction names a stage")]
        let names: Vec<&Spanned<String>> = match &instruction.kind {
            Kind::Copy(copy) => copy.from.iter().collect(),
            Kind::Run(run) => run.mounts.iter().filter_map(|mount| mount.from.as_ref()).collect(),
            _ => Vec::new(),
        };
        let mut uses = Vec::new();
        for name in names.into_iter().filter(|name| !name.value.is_empty()) {
            let refused = |cause| {
                FileError::new(self.source, name.span, Some(&instruction.written.value), cause)
            };
            let origin = self.origin(&name.value).map_err(refused)?;
            if let Origin::Stage(number) = origin {
                let name = || name.value.clone();
                if number == stage {
                    return Err(refused(Cause::OwnStage { name: name() }));
                }
                if number > stage {
                    return Err(refused(Cause::LaterStage { name: name() }));
                }
            }
            uses.push(Use { instruction: at, origin, span: name.span });
        }
        Ok(uses)
    }

    fn origin(&self, name: &str) -> Result<Origin, Cause> {
        if let Some(number) = self.by_name.get(&name.to_ascii_lowercase()) {
            return Ok(Origin::Stage(*number));
        }
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(outside(name));
        }
        match name.parse().ok().filter(|number| *number < self.count) {
            Some(number) => Ok(Origin::Stage(number)),
            None => Err(Cause::StageNumber { number: name.to_owned(), count: self.count }),
        }
    }
}
