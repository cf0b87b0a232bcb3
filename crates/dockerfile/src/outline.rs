//! What a file offers to whoever builds it: its targets, and the arguments, secrets and agents of one of them. Start at [`targets`] and
//! [`Outline::of`]. Source: BuildKit, "docs/dockerfile-subrequests", requests `frontend.targets` and `frontend.outline`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::FileError;
use crate::file::Dockerfile;
use crate::graph::{Graph, Origin};
use crate::instruction::{ArgItem, Instruction, Kind};
use crate::mount::{Mount, MountKind};
use crate::scope::{Globals, StageScope, expand};
use crate::source::{Source, Span};
use crate::stage::Stage;

/// A stage that can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'f> {
    /// Its name, where it has one.
    pub name: Option<&'f str>,
    /// Whether it is built where none is asked for.
    pub is_default: bool,
    /// What a comment says of it.
    pub description: Option<&'f str>,
    /// What it begins with, as it is written.
    pub base: &'f str,
    /// `--platform`, as it is written.
    pub platform: Option<&'f str>,
    /// Its `FROM`.
    pub span: Span,
}

/// All targets of a file, in its order.
#[must_use]
pub fn targets(file: &Dockerfile) -> Vec<Target<'_>> {
    let target = |stage| target(stage, file.stages.len());
    file.stages.iter().map(target).collect()
}

fn target(stage: &Stage, count: usize) -> Target<'_> {
    Target {
        name: stage.name.as_deref(),
        is_default: stage.number + 1 == count,
        description: stage.description(),
        base: &stage.base.value,
        platform: stage.platform.as_ref().map(|platform| platform.value.as_str()),
        span: stage.span,
    }
}

/// What one target takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What a comment says of it.
    pub description: Option<String>,
    /// Arguments that may be given, in the order of the file.
    pub arguments: Vec<OutlineArgument>,
    /// Secrets.
    pub secrets: Vec<OutlineMount>,
    /// Agents of keys.
    pub agents: Vec<OutlineMount>,
    /// Caches.
    pub caches: Vec<OutlineMount>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineArgument {
    /// Its name.
    pub name: String,
    /// What it holds as the build is asked for; nothing where it holds nothing.
    pub value: Option<String>,
    /// What a comment says of it.
    pub description: Option<String>,
    /// Its `ARG`.
    pub span: Span,
}

/// A secret, an agent or a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineMount {
    /// Its id.
    pub name: String,
    /// Whether a step fails without it.
    pub required: bool,
    /// The `RUN` that has it first.
    pub span: Span,
}

impl Outline {
    /// Of a stage of a file.
    ///
    /// # Errors
    /// When variables cannot be put in.
    pub fn of(
        (file, source): (&Dockerfile, &Source),
        globals: &Globals,
        graph: &Graph,
        stage: usize,
    ) -> Result<Self, FileError> {
        let mut walk = Walk { source, globals, scopes: BTreeMap::new(), found: Found::default() };
        let needed = graph.needed(stage);
        for stage in needed.iter().filter_map(|number| file.stages.get(*number)) {
            walk.stage(stage, graph.base(stage.number))?;
        }
        walk.globals(file)?;
        let Found { mut arguments, secrets, agents, caches, .. } = walk.found;
        arguments.sort_by_key(|argument| argument.span.start);
        let wanted = file.stages.get(stage);
        Ok(Self {
            name: wanted.and_then(|stage| stage.name.clone()),
            description: wanted.and_then(Stage::description).map(str::to_owned),
            arguments,
            secrets: by_place(secrets),
            agents: by_place(agents),
            caches: by_place(caches),
        })
    }
}

#[derive(Default)]
struct Found {
    arguments: Vec<OutlineArgument>,
    secrets: BTreeMap<String, OutlineMount>,
    agents: BTreeMap<String, OutlineMount>,
    caches: BTreeMap<String, OutlineMount>,
    /// Global arguments that a `FROM` asks for.
    used: BTreeSet<String>,
}

struct Walk<'a> {
    source: &'a Source,
    globals: &'a Globals,
    scopes: BTreeMap<usize, StageScope>,
    found: Found,
}

impl Walk<'_> {
    fn stage(&mut self, stage: &Stage, base: Option<&Origin>) -> Result<(), FileError> {
        let (_, uses) = self.globals.base(self.source, stage)?;
        self.found.used.extend(uses.used.into_iter().chain(uses.undefined));
        let before = match base {
            Some(Origin::Stage(number)) => self.scopes.get(number).cloned(),
            Some(Origin::Scratch | Origin::Outside(_)) | None => None,
        };
        let mut scope = before.unwrap_or_else(|| self.globals.stage(BTreeMap::new()));
        for instruction in &stage.instructions {
            self.instruction(instruction, &mut scope)?;
        }
        self.scopes.insert(stage.number, scope);
        Ok(())
    }

    fn instruction(
        &mut self,
        instruction: &Instruction,
        scope: &mut StageScope,
    ) -> Result<(), FileError> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other instruction takes anything")]
        match &instruction.kind {
            Kind::Arg(items) => {
                for item in items {
                    let (value, _uses) = scope.arg(self.globals, self.source, item)?;
                    self.argument(item, value, instruction);
                }
            }
            Kind::Env(_) | Kind::Run(_) => {
                let expanded = instruction.expand(self.source, &self.globals.lexer(), scope)?;
                if let Kind::Env(pairs) = &expanded.kind {
                    scope.env(pairs);
                }
                for mount in &expanded.mounts {
                    self.mount(mount, instruction.span);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Arguments before the first `FROM`, as far as one asks for them, directly or by another one's default.
    fn globals(&mut self, file: &Dockerfile) -> Result<(), FileError> {
        for instruction in file.global_args.iter().rev() {
            let Kind::Arg(items) = &instruction.kind else { continue };
            for item in items.iter().rev() {
                if !self.found.used.contains(&item.name.value) {
                    continue;
                }
                if let Some(default) = &item.default {
                    let lexer = self.globals.lexer();
                    let uses = expand(lexer, self.source, None, default, self.globals)?.uses;
                    self.found.used.extend(uses.used);
                }
                let value = crate::Variables::value(self.globals, &item.name.value);
                self.argument(item, value.map(str::to_owned), instruction);
            }
        }
        Ok(())
    }

    /// The first one of a name counts.
    fn argument(&mut self, item: &ArgItem, value: Option<String>, instruction: &Instruction) {
        let name = &item.name.value;
        if self.found.arguments.iter().any(|known| known.name == *name) {
            return;
        }
        self.found.arguments.push(OutlineArgument {
            name: name.clone(),
            value,
            description: instruction.description(name).map(str::to_owned),
            span: instruction.span,
        });
    }

    fn mount(&mut self, mount: &Mount, span: Span) {
        let target = mount.target.clone().unwrap_or_default();
        let (known, required, other) = match mount.kind {
            MountKind::Secret { required, .. } => {
                let last = target.rsplit('/').next().unwrap_or_default().to_owned();
                (&mut self.found.secrets, required, last)
            }
            MountKind::Ssh { required } => (&mut self.found.agents, required, "default".to_owned()),
            MountKind::Cache { .. } => (&mut self.found.caches, false, target),
            MountKind::Bind | MountKind::Tmpfs { .. } => return,
        };
        let name = mount.id.clone().unwrap_or(other);
        let new = OutlineMount { name: name.clone(), required, span };
        known.entry(name).or_insert(new).required |= required;
    }
}

fn by_place(found: BTreeMap<String, OutlineMount>) -> Vec<OutlineMount> {
    let mut all: Vec<OutlineMount> = found.into_values().collect();
    all.sort_by_key(|mount| mount.span.start);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platforms;

    const FILE: &str = "ARG inherited=box\nARG inherited2=box2\nARG unused=abc${inherited2}\n# sfx is a suffix\nARG sfx=\"usy${inherited}\"\n\
        FROM b${sfx} AS first\nARG FOO=123\n# BAR is a number\nARG BAR=456\nRUN true\n\
        FROM alpine${unused} AS second\nARG BAZ\nRUN --mount=type=secret,id=never true\n\
        FROM scratch AS third\nARG ABC=a\nRUN --mount=type=secret,id=key --mount=type=ssh true\n\
        # target defines build target\nFROM third AS target\nARG id=made\n\
        RUN --mount=type=secret,id=key,required --mount=type=cache,target=/c,id=$id --mount=type=secret,target=/run/x/other true\n\
        COPY --from=first /etc/passwd /\nFROM second\n";

    fn with<T>(act: impl FnOnce(&Dockerfile, &Source, &Globals, &Graph) -> T) -> T {
        let source = Source::new(FILE.as_bytes());
        let file = Dockerfile::parse(&source).unwrap();
        let platform: spec::image::Platform = "linux/amd64".parse().unwrap();
        let platforms = Platforms { build: platform.clone(), target: platform };
        let given = BTreeMap::from([("BAR".to_owned(), "678".to_owned())]);
        let globals = Globals::new(&file, &source, &given, &platforms, "target").unwrap();
        let graph = Graph::new(&file, &source, &globals).unwrap();
        act(&file, &source, &globals, &graph)
    }

    #[test]
    fn what_a_target_takes() {
        let outline = with(|file, source, globals, graph| {
            Outline::of((file, source), globals, graph, graph.target(Some("target")).unwrap())
                .unwrap()
        });
        assert_eq!(outline.name.as_deref(), Some("target"));
        assert_eq!(outline.description.as_deref(), Some("defines build target"));
        let arguments: Vec<_> = outline
            .arguments
            .iter()
            .map(|found| {
                (found.name.as_str(), found.value.as_deref(), found.description.as_deref())
            })
            .collect();
        assert_eq!(
            arguments,
            [
                ("inherited", Some("box"), None),
                ("sfx", Some("usybox"), Some("is a suffix")),
                ("FOO", Some("123"), None),
                ("BAR", Some("678"), Some("is a number")),
                ("ABC", Some("a"), None),
                ("id", Some("made"), None),
            ]
        );
        let names = |mounts: &[OutlineMount]| {
            mounts.iter().map(|found| (found.name.clone(), found.required)).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&outline.secrets),
            [("key".to_owned(), true), ("other".to_owned(), false)]
        );
        assert_eq!(names(&outline.agents), [("default".to_owned(), false)]);
        assert_eq!(names(&outline.caches), [("made".to_owned(), false)]);
    }

    #[test]
    fn targets_are_stages() {
        with(|file, _, _, _| {
            let found = targets(file);
            let names: Vec<_> = found.iter().map(|target| target.name).collect();
            assert_eq!(names, [Some("first"), Some("second"), Some("third"), Some("target"), None]);
            assert_eq!(found[3].description, Some("defines build target"));
            assert_eq!((found[0].base, found[0].is_default), ("b${sfx}", false));
            assert!(found[4].is_default);
        });
    }
}
