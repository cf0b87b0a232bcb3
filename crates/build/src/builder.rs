//! A whole build: the definition, its stages beside each other, and the image in the end. Start at [`build`].

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dockerfile::{FileError, Platforms};
use engine::{BuildLease, Engine, Image, format_time, now_ns};
use spec::image::Platform;

use crate::cache_image::KeptStep;
use crate::cancel::Cancel;
use crate::contexts::Contexts;
use crate::definition::Definition;
use crate::error::{BuildError, StepError};
use crate::event::{Event, Warning};
use crate::request::{BuildRequest, PullBases, Squash};
use crate::slots::{Finished, Slots};
use crate::stage::StageRun;
use crate::{Built, Surroundings};

/// What all stages have in common.
pub(crate) struct Shared<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    pub(crate) request: &'a BuildRequest,
    pub(crate) definition: Definition,
    pub(crate) contexts: Contexts,
    pub(crate) lease: BuildLease,
    pub(crate) slots: Slots,
    /// Ends the others when one stage fails.
    pub(crate) stop: Cancel,
    pub(crate) platforms: Platforms,
    /// Of which context it is, for whoever compares builds.
    pub(crate) identity: String,
    /// Where what does not survive a reboot is.
    pub(crate) state: PathBuf,
    /// The time that everything has (`SOURCE_DATE_EPOCH`).
    pub(crate) epoch_s: Option<i64>,
    /// Steps that were done or found, for `--cache-to`.
    done: Mutex<Vec<KeptStep>>,
    /// Caches that steps had: volumes and their ids.
    caches: Mutex<BTreeMap<String, String>>,
}

impl Shared<'_> {
    /// Whether there is nothing more to be done.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.surroundings.cancel.is_cancelled()
    }

    pub(crate) fn wait_or_stop(&self, time: Duration) -> Result<(), StepError> {
        let cancels = [self.surroundings.cancel, &self.stop];
        if crate::cache::is_told(cancels, time) { Err(StepError::Cancelled) } else { Ok(()) }
    }

    /// A directory of the build's, for one source alone.
    pub(crate) fn private_directory(&self) -> Result<PathBuf, StepError> {
        crate::contexts::private_directory(&self.lease).map_err(|cause| StepError::Path {
            action: "make",
            path: "a directory".into(),
            cause,
        })
    }

    /// A directory for what no disk is to keep, removed with the build.
    pub(crate) fn hidden_directory(&self) -> Result<PathBuf, StepError> {
        let path = self.state.join("builds").join(self.lease.name());
        let failed = |cause| StepError::Path { action: "make", path: path.clone(), cause };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        Ok(path)
    }

    /// Removes it, and those of builds that were killed.
    fn remove_hidden(&self) {
        crate::cache::sweep_locks(&self.state);
        let all = self.state.join("builds");
        let tmp = self.lease.directory().parent();
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            let is_own = entry.file_name() == self.lease.name();
            // A build that runs has a directory below `tmp`.
            let runs = tmp.is_some_and(|tmp| tmp.join(entry.file_name()).exists());
            if is_own || !runs {
                let _gone = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The moment, as the image's history has it.
    pub(crate) fn now(&self) -> String {
        let epoch_ns = self.epoch_s.map(|seconds| seconds.saturating_mul(1_000_000_000));
        format_time(epoch_ns.unwrap_or_else(now_ns))
    }

    /// A step was done, or found.
    pub(crate) fn has_done(&self, step: KeptStep) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// All of them.
    pub(crate) fn done(&self) -> Vec<KeptStep> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A step had a cache.
    pub(crate) fn has_cache(&self, volume: &str, id: &str) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.insert(volume.to_owned(), id.to_owned());
    }

    /// All of them.
    pub(crate) fn caches(&self) -> BTreeMap<String, String> {
        self.caches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The platform of a stage: what its `FROM` says, or else that of the image.
    pub(crate) fn platform_of(&self, stage: usize) -> Result<Option<Platform>, FileError> {
        let definition = &self.definition;
        let own = match definition.stage(stage) {
            Some(stage) => definition.globals.platform(&definition.source, stage)?,
            None => None,
        };
        Ok(own.or_else(|| self.request.platform.clone()))
    }

    /// An image that something is made of, here and held.
    pub(crate) fn image(
        &self,
        engine: &Engine,
        step: usize,
        name: &str,
        platform: Option<&Platform>,
    ) -> Result<Image, StepError> {
        let name = self.contexts.image_name(name);
        let admitted = self.surroundings.outside.admit(engine, &name);
        admitted.map_err(|cause| StepError::Outside { what: format!("use {name}"), cause })?;
        let pull = self.request.pull;
        for _ in 0..2 {
            let image = match (pull, engine.images().resolve(&name)) {
                (PullBases::Missing | PullBases::Never, Ok(image)) if fits(&image, platform) => {
                    image
                }
                (PullBases::Never, Ok(image)) => {
                    engine
                        .images()
                        .check_platform(&name, platform.map_or(&[], std::slice::from_ref))?;
                    image
                }
                (PullBases::Never, Err(error)) => return Err(error.into()),
                (_, _) => self.pull(engine, step, &name, platform)?,
            };
            let layers = &image.config.rootfs.diff_ids;
            if engine.building().steps().hold(&self.lease, layers)?.is_empty() {
                return Ok(image);
            }
            // Removed between the look and the hold.
        }
        Err(StepError::Absent { what: "image", name })
    }

    fn pull(
        &self,
        engine: &Engine,
        step: usize,
        name: &str,
        platform: Option<&Platform>,
    ) -> Result<Image, StepError> {
        let always = self.request.pull == PullBases::Always;
        let progress = self.surroundings.progress;
        let heard =
            |what: &str, bytes, of| progress.tell(&Event::Transfer { step, what, bytes, of });
        let outside = self.surroundings.outside;
        let pulled = outside.image(engine, name, platform, always, &heard);
        pulled.map_err(|cause| StepError::Outside { what: format!("pull {name}"), cause })
    }
}

fn fits(image: &Image, platform: Option<&Platform>) -> bool {
    platform.is_none_or(|wanted| wanted.fit(&Platform::of(&image.config)).is_some())
}

/// Builds an image.
///
/// # Errors
/// When the request, the file or the context is wrong, a step fails, or somebody ends it. Steps that were done stay in the cache.
pub fn build(
    mut request: BuildRequest,
    surroundings: &Surroundings<'_>,
) -> Result<Built, BuildError> {
    let begun = Instant::now();
    let engine = Engine::open(surroundings.engine.clone())?;
    let lease = engine.building().begin()?;
    let platforms = crate::emulation::platforms(request.platform.as_ref())?;
    let epoch_s = epoch(&request)?;
    crate::cache_image::check(&request.caching.from, &request.caching.to)?;
    refuse_squash(&request)?;
    let source = std::mem::take(&mut request.context);
    let opened = Contexts::open(source, &request, surroundings, &lease, &engine)?;
    let definition = Definition::read(
        opened.instructions.name,
        &opened.instructions.bytes,
        &request.arguments,
        &platforms,
        request.target.as_deref(),
    )?;
    let progress = surroundings.progress;
    let main = opened.contexts.main();
    let exists = |path: &str| Some(main.has(path));
    crate::checks::warn((&definition, &request, &platforms), main.ignore(), &exists, progress)?;
    progress.tell(&Event::Steps(&definition.steps));
    progress.tell(&Event::Started { step: 0 });
    if let Some(commit) = &opened.commit {
        let words = format!("commit {commit}\n");
        progress.tell(&Event::Output { step: 0, is_error: false, bytes: words.as_bytes() });
    }
    progress.tell(&Event::Done { step: 0, layer: None, took: begun.elapsed() });
    let shared = Shared {
        surroundings: *surroundings,
        request: &request,
        slots: Slots::new(definition.file.stages.len()),
        definition,
        contexts: opened.contexts,
        lease,
        stop: Cancel::new().map_err(|cause| BuildError::Context {
            what: "make a descriptor".to_owned(),
            cause: Box::new(cause),
        })?,
        platforms,
        identity: opened.identity,
        state: engine.paths().state.clone(),
        epoch_s,
        done: Mutex::default(),
        caches: Mutex::default(),
    };
    let built = shared.whole(&engine);
    shared.remove_hidden();
    let ended = engine.building().steps().end(shared.lease);
    let built = built?;
    ended.map_err(engine::EngineError::from)?;
    Ok(built)
}

/// What the checks find in the file; nothing is built.
///
/// # Errors
/// When the request, the file or the context is wrong.
pub fn check(
    mut request: BuildRequest,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Warning>, BuildError> {
    let engine = Engine::open(surroundings.engine.clone())?;
    let lease = engine.building().begin()?;
    let platforms = crate::emulation::platforms(request.platform.as_ref())?;
    let source = std::mem::take(&mut request.context);
    let opened = Contexts::open(source, &request, surroundings, &lease, &engine)?;
    let definition = Definition::read(
        opened.instructions.name,
        &opened.instructions.bytes,
        &request.arguments,
        &platforms,
        request.target.as_deref(),
    )?;
    let main = opened.contexts.main();
    let exists = |path: &str| Some(main.has(path));
    Ok(crate::checks::find((&definition, &request, &platforms), main.ignore(), &exists))
}

impl Shared<'_> {
    fn whole(&self, engine: &Engine) -> Result<Built, BuildError> {
        crate::cache_image::bring(self, engine)?;
        let (finished, steps) = self.stages()?;
        // Without it the next build reads more.
        let _full = self.contexts.memory().keep();
        let image = crate::image::make(self, engine, &finished)?;
        crate::cache_image::give(self, engine, &finished)?;
        Ok(Built { image, steps })
    }

    /// Runs every stage that is needed; gives the wanted one, and how many steps there were and how many of them the cache had.
    fn stages(&self) -> Result<(Arc<Finished>, (usize, usize)), BuildError> {
        let first_error: Mutex<Option<BuildError>> = Mutex::new(None);
        let counts: Mutex<(usize, usize)> = Mutex::new((0, 0));
        std::thread::scope(|scope| {
            for &number in &self.definition.needed {
                let (first_error, counts) = (&first_error, &counts);
                scope.spawn(move || {
                    let finished = self.stage(number, counts);
                    match finished {
                        Ok(finished) => self.slots.end(number, Some(Arc::new(finished))),
                        Err(error) => {
                            let mut first =
                                first_error.lock().unwrap_or_else(PoisonError::into_inner);
                            // One that was stopped tells nothing.
                            if first.is_none() || matches!(*first, Some(BuildError::Cancelled)) {
                                *first = Some(error);
                            }
                            self.stop.cancel();
                            self.slots.end(number, None);
                        }
                    }
                });
            }
        });
        if let Some(error) = first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let finished = self.slots.wait(self.definition.target).ok_or(BuildError::Cancelled)?;
        Ok((finished, counts))
    }

    fn stage(&self, number: usize, counts: &Mutex<(usize, usize)>) -> Result<Finished, BuildError> {
        let engine = Engine::open(self.surroundings.engine.clone())?;
        let mut run = StageRun::new(self, engine, number);
        let finished = run.run();
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.0 += run.asked;
        counts.1 += run.cached;
        finished
    }
}

/// Layers of a build alone cannot be made one yet.
fn refuse_squash(request: &BuildRequest) -> Result<(), BuildError> {
    match request.squash {
        Squash::No => Ok(()),
        Squash::New | Squash::All => {
            Err(BuildError::Request("to make one layer of several is not built yet".to_owned()))
        }
    }
}

fn epoch(request: &BuildRequest) -> Result<Option<i64>, BuildError> {
    let Some(text) = request.arguments.get("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|seconds| (0..=253_402_300_799).contains(seconds));
    let words = || format!("SOURCE_DATE_EPOCH {text:?} is no number of seconds since 1970");
    seconds.map(Some).ok_or_else(|| BuildError::Request(words()))
}
