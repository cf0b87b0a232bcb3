//! One stage: its instructions one after the other, on a thread and an engine of its own. Start at [`StageRun::run`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use dockerfile::{Expanded, Instruction, Kind, Origin, Source, Span, StageScope};
use engine::Engine;
use spec::image::{History, ImageConfig, Platform, RunConfig};
use spec::{Digest, ImageId};

use crate::builder::Shared;
use crate::error::{BuildError, StepError};
use crate::event::Event;
use crate::kept::Kept;
use crate::settings;
use crate::slots::Finished;

/// A stage on its way.
pub(crate) struct StageRun<'a> {
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) engine: Engine,
    pub(crate) number: usize,
    /// The image so far.
    pub(crate) config: ImageConfig,
    pub(crate) scope: StageScope,
    /// Names of `ARG` and what they hold, for steps and for the history.
    arguments: Vec<(String, String)>,
    /// Steps of the history that another build has made.
    foreign_steps: usize,
    /// The image that it began with, and how many of its layers are of it.
    base: Option<(ImageId, usize)>,
    has_own_command: bool,
    /// Steps that the cache had.
    pub(crate) cached: usize,
    pub(crate) asked: usize,
    /// What a step that failed has left.
    pub(crate) failed: Option<Kept>,
}

/// What makes an instruction: its step, its place, and where its text is.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) step: usize,
    pub(crate) span: Span,
    pub(crate) text: &'a str,
    /// The text that places of it mean: the file's, or that of a trigger.
    pub(crate) source: &'a Source,
}

/// What a step made.
pub(crate) struct Made {
    pub(crate) diff_id: Digest,
    pub(crate) created: String,
}

impl<'a> StageRun<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>, engine: Engine, number: usize) -> Self {
        Self {
            shared,
            engine,
            number,
            config: ImageConfig::default(),
            scope: shared.definition.globals.stage(BTreeMap::new()),
            arguments: Vec::new(),
            foreign_steps: 0,
            base: None,
            has_own_command: false,
            cached: 0,
            asked: 0,
            failed: None,
        }
    }

    /// Runs all of it.
    pub(crate) fn run(&mut self) -> Result<Finished, BuildError> {
        let definition = &self.shared.definition;
        let Some(stage) = definition.stage(self.number) else {
            return Err(BuildError::Cancelled);
        };
        let base = definition.base_step(self.number);
        let at = At { step: base, span: stage.span, text: &stage.text, source: &definition.source };
        self.step(at, |run| run.base(at))?;
        for (place, instruction) in stage.instructions.iter().enumerate() {
            let at = At {
                step: base + 1 + place,
                span: instruction.span,
                text: &instruction.text,
                source: &definition.source,
            };
            self.step(at, |run| run.instruction(at, instruction))?;
        }
        Ok(Finished {
            config: std::mem::take(&mut self.config),
            scope: self.scope.clone(),
            arguments: std::mem::take(&mut self.arguments),
            foreign_steps: self.foreign_steps,
            base: self.base.take(),
        })
    }

    /// Tells the beginning and the end of a step.
    fn step(
        &mut self,
        at: At<'_>,
        work: impl FnOnce(&mut Self) -> Result<Option<Digest>, Refused>,
    ) -> Result<(), BuildError> {
        let (progress, step) = (self.shared.surroundings.progress, at.step);
        if self.shared.is_over() {
            progress.tell(&Event::Cancelled { step });
            return Err(BuildError::Cancelled);
        }
        progress.tell(&Event::Started { step });
        self.asked += 1;
        let begun = Instant::now();
        match work(self) {
            Ok(layer) => {
                let took = begun.elapsed();
                progress.tell(&Event::Done { step, layer: layer.as_ref(), took });
                Ok(())
            }
            Err(Refused::Step(StepError::Cancelled)) => {
                progress.tell(&Event::Cancelled { step });
                Err(BuildError::Cancelled)
            }
            Err(refused) => {
                let error = match refused {
                    Refused::Step(cause) => {
                        self.shared.definition.failed((at.span, at.text), cause)
                    }
                    Refused::File(cause) => self.shared.definition.refused(*cause),
                };
                progress.tell(&Event::Failed { step, why: &engine::chain(&error) });
                self.show_failed(at, &error);
                Err(error)
            }
        }
    }

    /// What the stage begins with.
    fn base(&mut self, at: At<'_>) -> Result<Option<Digest>, Refused> {
        let shared = self.shared;
        let mut made = None;
        match shared.definition.graph.base(self.number) {
            None | Some(Origin::Scratch) => self.begin_empty(shared),
            Some(Origin::Stage(number)) => {
                let before = shared.slots.wait(*number).ok_or(StepError::Cancelled)?;
                self.config = before.config.clone();
                self.scope = before.scope.clone();
                self.arguments = before.arguments.clone();
                self.foreign_steps = before.foreign_steps;
                self.base = before.base.clone();
            }
            Some(Origin::Outside(name)) => {
                if let Some(tree) = shared.contexts.tree(name) {
                    made = Some(self.root_step(at, tree.clone())?);
                    self.begin_empty(shared);
                } else {
                    self.begin_image(at, name)?;
                }
            }
        }
        if let Some(made) = &made {
            self.record(Some(made), at.text.to_owned());
        }
        let triggers = self.config.config.on_build.take().unwrap_or_default();
        for trigger in &triggers {
            self.trigger(at, trigger)?;
        }
        Ok(made.map(|made| made.diff_id))
    }

    /// As an image of this name.
    fn begin_image(&mut self, at: At<'_>, name: &str) -> Result<(), Refused> {
        let shared = self.shared;
        let platform = shared.platform_of(self.number).map_err(Refused::from)?;
        let image = shared.image(&self.engine, at.step, name, platform.as_ref())?;
        self.config = image.config;
        self.base = Some((image.id, self.config.rootfs.diff_ids.len()));
        self.foreign_steps = self.config.history.len();
        let variables = settings::variables(&self.config.config);
        self.scope = shared.definition.globals.stage(variables);
        Ok(())
    }

    /// Without a file.
    fn begin_empty(&mut self, shared: &Shared<'_>) {
        let Platform { os, architecture, variant, .. } = shared.platforms.target.clone();
        let env = Some(vec![settings::PATH.to_owned()]);
        let config = RunConfig { env, ..RunConfig::default() };
        self.config = ImageConfig { os, architecture, variant, config, ..ImageConfig::default() };
        let variables = settings::variables(&self.config.config);
        self.scope = shared.definition.globals.stage(variables);
    }

    /// An instruction that the base has for whoever builds on it.
    fn trigger(&mut self, at: At<'_>, text: &str) -> Result<(), Refused> {
        let source = Source::new(format!("FROM scratch\n{text}\n").as_bytes());
        let file = dockerfile::Dockerfile::parse(&source).map_err(Refused::from)?;
        for instruction in file.stages.iter().flat_map(|stage| &stage.instructions) {
            let at = At { source: &source, text: &instruction.text, ..at };
            self.instruction(at, instruction)?;
        }
        Ok(())
    }

    fn instruction(
        &mut self,
        at: At<'_>,
        instruction: &Instruction,
    ) -> Result<Option<Digest>, Refused> {
        let lexer = self.shared.definition.globals.lexer();
        let expanded = instruction.expand(at.source, &lexer, &self.scope)?;
        let Expanded { kind, mounts, .. } = &expanded;
        let made = match kind {
            Kind::Run(run) => Some(self.run_step(at, run, mounts)?),
            Kind::Copy(copy) => self.copy_step(at, copy)?,
            Kind::Add(add) => self.add_step(at, add)?,
            Kind::Workdir(path) => self.directory_step(at, &path.value)?,
            Kind::Arg(items) => {
                for item in items {
                    let globals = &self.shared.definition.globals;
                    let (value, _uses) = self.scope.arg(globals, at.source, item)?;
                    if let Some(value) = value {
                        self.take_argument(&item.name.value, value);
                    }
                }
                None
            }
            Kind::Env(pairs) => {
                self.scope.env(pairs);
                for pair in pairs {
                    self.arguments.retain(|(name, _)| *name != pair.name.value);
                }
                None
            }
            Kind::Cmd(_)
            | Kind::Entrypoint(_)
            | Kind::Expose(_)
            | Kind::Healthcheck(_)
            | Kind::Label(_)
            | Kind::Maintainer(_)
            | Kind::Onbuild(_)
            | Kind::Shell(_)
            | Kind::Stopsignal(_)
            | Kind::User(_)
            | Kind::Volume(_) => None,
        };
        settings::apply(&mut self.config.config, kind, &mut self.has_own_command);
        if let Kind::Maintainer(author) = kind {
            self.config.author = Some(author.value.clone());
        }
        let created_by = self.created_by(kind, instruction);
        self.record(made.as_ref(), created_by);
        Ok(made.map(|made| made.diff_id))
    }

    fn take_argument(&mut self, name: &str, value: String) {
        self.arguments.retain(|(known, _)| known != name);
        self.arguments.push((name.to_owned(), value));
    }

    /// Writes a step into the history, and its layer among the layers. What makes no layer has the time of the image, which is not known yet.
    fn record(&mut self, made: Option<&Made>, created_by: String) {
        if let Some(made) = made {
            self.config.rootfs.diff_ids.push(made.diff_id.clone());
            self.config.created = Some(made.created.clone());
        }
        self.config.history.push(History {
            created: made.map(|made| made.created.clone()),
            created_by: Some(created_by),
            author: None,
            comment: Some("corten build".to_owned()),
            empty_layer: made.is_none(),
        });
    }

    fn created_by(&self, kind: &Kind, instruction: &Instruction) -> String {
        let Kind::Run(run) = kind else { return instruction.text.clone() };
        let words = settings::words(&self.config.config, &run.command).join(" ");
        let shown: Vec<String> = self
            .arguments
            .iter()
            .filter(|(name, _)| !dockerfile::is_proxy_argument(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let arguments = match shown.len() {
            0 => String::new(),
            count => format!("|{count} {} ", shown.join(" ")),
        };
        let documents: String = run
            .documents
            .iter()
            .map(|document| format!("\n{}{}", document.text(), document.name.value))
            .collect();
        format!("RUN {arguments}{words}{documents}")
    }

    /// What steps find in their environment: that of the image, and arguments that no `ENV` has taken.
    pub(crate) fn environment(&self) -> Vec<String> {
        let own: Vec<String> = self.config.config.env.clone().unwrap_or_default();
        let is_set = |name: &str| own.iter().any(|known| known.split('=').next() == Some(name));
        let proxies = self.shared.definition.globals.proxies();
        let proxies = proxies.map(|(name, value)| (name.clone(), value.clone()));
        let further = proxies.chain(self.arguments.iter().cloned());
        let further: Vec<String> = further
            .filter(|(name, _)| !is_set(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        own.into_iter().chain(further).collect()
    }

    pub(crate) fn layers(&self) -> &[Digest] {
        &self.config.rootfs.diff_ids
    }

    /// What the stage is called.
    pub(crate) fn label(&self) -> String {
        let stage = self.shared.definition.stage(self.number);
        stage.map(dockerfile::Stage::label).unwrap_or_default()
    }

    /// Whether the cache may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        let caching = &self.shared.request.caching;
        let label = self.label();
        !caching.none && !caching.not_for.iter().any(|name| name.eq_ignore_ascii_case(&label))
    }

    /// Waits for another stage.
    pub(crate) fn other(&self, number: usize) -> Result<Arc<Finished>, StepError> {
        self.shared.slots.wait(number).ok_or(StepError::Cancelled)
    }
}

/// Why an instruction is not done.
pub(crate) enum Refused {
    Step(StepError),
    File(Box<dockerfile::FileError>),
}

impl From<StepError> for Refused {
    fn from(cause: StepError) -> Self {
        Self::Step(cause)
    }
}

impl From<dockerfile::FileError> for Refused {
    fn from(cause: dockerfile::FileError) -> Self {
        Self::File(Box::new(cause))
    }
}
