//! A whole build: the definition, its stages beside each other, and the image in the end. Start at [`build`].

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dockerfile::{FileError, Platforms};
use engine::{BuildLease, Engine, Image, format_time, now_ns};
use spec::image::Platform;

use crate::attest::Dependency;
use crate::cache_image::KeptStep;
use crate::cancel::Cancel;
use crate::contexts::{Contexts, Opened};
use crate::definition::Definition;
use crate::error::{BuildError, StepError};
use crate::event::{Event, Warning};
use crate::history::Recording;
use crate::part::{Listener, Parts};
use crate::request::{BuildRequest, PullBases};
use crate::slots::{Finished, Slots};
use crate::stage::StageRun;
use crate::{Built, Surroundings};

/// What all stages have in common.
pub(crate) struct Shared<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    pub(crate) request: &'a BuildRequest,
    /// The machine that this is for, where the request says one.
    pub(crate) platform: Option<Platform>,
    pub(crate) definition: &'a Definition,
    pub(crate) contexts: &'a Contexts,
    pub(crate) lease: &'a BuildLease,
    pub(crate) slots: Slots,
    /// Ends the others when one stage fails.
    pub(crate) stop: Cancel,
    pub(crate) platforms: Platforms,
    /// Of which context it is, for whoever compares builds.
    pub(crate) identity: &'a str,
    /// Where what does not survive a reboot is.
    pub(crate) state: PathBuf,
    /// The time that everything has (`SOURCE_DATE_EPOCH`).
    pub(crate) epoch_s: Option<i64>,
    /// What became of the steps.
    pub(crate) notes: &'a Notes,
}

/// What is written down while a build goes on, for all of its platforms.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Steps that were done or found, for `--cache-to`.
    done: Mutex<Vec<KeptStep>>,
    /// Caches that steps had: volumes and their ids.
    caches: Mutex<BTreeMap<String, String>>,
    /// What went in.
    materials: Mutex<Vec<Dependency>>,
    /// Held by who brings a base.
    pulling: Mutex<()>,
    /// Whether a step that failed was looked at.
    was_looked_at: AtomicBool,
}

impl Notes {
    /// Something went in.
    pub(crate) fn has_taken(&self, what: Dependency) {
        self.materials.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// All of that.
    pub(crate) fn materials(&self) -> Vec<Dependency> {
        self.materials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared<'_> {
    /// Whether there is nothing more to be done.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.surroundings.cancel.is_cancelled()
    }

    /// Ends all other stages so that one that failed can be looked at; false where another one was looked at before.
    pub(crate) fn stop_for_a_look(&self) -> bool {
        let is_over = self.is_over();
        self.stop.cancel();
        !is_over && !self.notes.was_looked_at.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn wait_or_stop(&self, time: Duration) -> Result<(), StepError> {
        let cancels = [self.surroundings.cancel, &self.stop];
        if crate::cache::is_told(cancels, time) { Err(StepError::Cancelled) } else { Ok(()) }
    }

    /// A directory of the build's, for one source alone.
    pub(crate) fn private_directory(&self) -> Result<PathBuf, StepError> {
        crate::contexts::private_directory(self.lease).map_err(|cause| StepError::Path {
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
        self.notes.done.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// All of them.
    pub(crate) fn done(&self) -> Vec<KeptStep> {
        self.notes.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A step had a cache.
    pub(crate) fn has_cache(&self, volume: &str, id: &str) {
        let mut caches = self.notes.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.insert(volume.to_owned(), id.to_owned());
    }

    /// All of them.
    pub(crate) fn caches(&self) -> BTreeMap<String, String> {
        self.notes.caches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The platform of a stage: what its `FROM` says, or else that of the image.
    pub(crate) fn platform_of(&self, stage: usize) -> Result<Option<Platform>, FileError> {
        let definition = &self.definition;
        let own = match definition.stage(stage) {
            Some(stage) => definition.globals.platform(&definition.source, stage)?,
            None => None,
        };
        Ok(own.or_else(|| self.platform.clone()))
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
        // An id names what is here: a registry knows no image by it.
        let is_id = name.parse::<spec::Digest>().is_ok();
        let pull = if is_id { PullBases::Never } else { self.request.pull };
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
            if engine.building().steps().hold(self.lease, layers)?.is_empty() {
                self.note(engine, &name, &image);
                return Ok(image);
            }
            // Removed between the look and the hold.
        }
        Err(StepError::Absent { what: "image", name })
    }

    /// Writes down that an image went in, by its manifest where it has one.
    fn note(&self, engine: &Engine, name: &str, image: &Image) {
        let digests = engine.images().digests_of(image).unwrap_or_default();
        let manifest = digests.first().and_then(|name| name.rsplit_once('@'));
        let digest = manifest.and_then(|(_, digest)| digest.parse().ok());
        self.notes.has_taken(Dependency::Image {
            reference: name.to_owned(),
            platform: Platform::of(&image.config),
            digest: digest.unwrap_or_else(|| image.id.clone()),
        });
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
        // One after the other where there are several platforms: each moves the name.
        let is_among_others = self.request.platforms.len() > 1;
        let _alone = is_among_others
            .then(|| self.notes.pulling.lock().unwrap_or_else(PoisonError::into_inner));
        let before = engine
            .images()
            .resolve(name)
            .ok()
            .filter(|before| foreign(platform) && fits(before, Some(&Platform::native())));
        let pulled = outside.image(engine, name, platform, always, &heard);
        if let Some(before) = before {
            give_names_back(engine, &before)?;
        }
        pulled.map_err(|cause| StepError::Outside { what: format!("pull {name}"), cause })
    }
}

/// A name stays with the image for this machine, whatever else is built for.
fn give_names_back(engine: &Engine, image: &Image) -> Result<(), StepError> {
    for name in &image.names {
        let name = name.to_string();
        if engine.images().resolve(&name).is_ok_and(|now| now.id != image.id) {
            engine.images().tag(&image.id.to_string(), &name)?;
        }
    }
    Ok(())
}

/// Whether a platform is another machine's.
fn foreign(platform: Option<&Platform>) -> bool {
    platform.is_some_and(|platform| platform.fit(&Platform::native()).is_none())
}

fn fits(image: &Image, platform: Option<&Platform>) -> bool {
    platform.is_none_or(|wanted| wanted.fit(&Platform::of(&image.config)).is_some())
}

/// Builds an image, or one for each platform.
///
/// # Errors
/// When the request, the file or the context is wrong, a step fails, or somebody ends it. Steps that were done stay in the cache.
pub fn build(request: BuildRequest, surroundings: &Surroundings<'_>) -> Result<Built, BuildError> {
    let begun = Begun { clock: Instant::now(), time: format_time(now_ns()) };
    let engine = Engine::open(surroundings.engine.clone())?;
    let root = &surroundings.engine.paths.root;
    let recording = crate::history::begin(root, &request, surroundings.progress);
    let recorded = Surroundings { progress: &recording, ..*surroundings };
    let built = recorded_build(request, (&engine, begun), &recorded, &recording);
    recording.end(&built);
    built
}

fn recorded_build(
    mut request: BuildRequest,
    (engine, begun): (&Engine, Begun),
    surroundings: &Surroundings<'_>,
    recording: &Recording<'_>,
) -> Result<Built, BuildError> {
    let lease = engine.building().begin()?;
    let epoch_s = epoch(&request)?;
    crate::cache_image::check(&request.caching.from, &request.caching.to)?;
    crate::squash::check(&request)?;
    crate::beside::check(&request)?;
    let source = std::mem::take(&mut request.context);
    let notes = Notes::default();
    let opened = Contexts::open(source, (&request, surroundings, &notes), &lease, engine)?;
    let parts = Parts::read(&request, &opened.instructions)?;
    let progress = surroundings.progress;
    let main = opened.contexts.main();
    let exists = |path: &str| Some(main.has(path));
    for part in parts.all.iter().take(1) {
        let what = (&part.definition, &request, &part.platforms);
        crate::checks::warn(what, main.ignore(), &exists, progress)?;
    }
    progress.tell(&Event::Steps(&parts.steps()));
    progress.tell(&Event::Started { step: 0 });
    if let Some(commit) = &opened.commit {
        recording.has_commit(commit);
        let words = format!("commit {commit}\n");
        progress.tell(&Event::Output { step: 0, is_error: false, bytes: words.as_bytes() });
    }
    progress.tell(&Event::Done { step: 0, layer: None, took: begun.clock.elapsed() });
    let stop = Cancel::new().map_err(|cause| BuildError::Context {
        what: "make a descriptor".to_owned(),
        cause: Box::new(cause),
    })?;
    let listeners = parts.listeners(progress);
    let parts = parts.all.iter().zip(&listeners);
    let shared = parts.map(|(part, listener)| Shared {
        surroundings: Surroundings { progress: listener, ..*surroundings },
        request: &request,
        platform: part.platform.clone(),
        slots: Slots::new(part.definition.file.stages.len()),
        definition: &part.definition,
        contexts: &opened.contexts,
        lease: &lease,
        stop: stop.clone(),
        platforms: part.platforms.clone(),
        identity: &opened.identity,
        state: engine.paths().state.clone(),
        epoch_s,
        notes: &notes,
    });
    let all: Vec<Shared<'_>> = shared.collect();
    let built = whole(engine, &all, (&listeners, &begun, &opened));
    if let Some(first) = all.first() {
        first.remove_hidden();
    }
    drop(all);
    let ended = engine.building().steps().end(lease);
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
    let source = std::mem::take(&mut request.context);
    let notes = Notes::default();
    let opened = Contexts::open(source, (&request, surroundings, &notes), &lease, &engine)?;
    let parts = Parts::read(&request, &opened.instructions)?;
    let main = opened.contexts.main();
    let exists = |path: &str| Some(main.has(path));
    let first = parts.all.first().map(|part| {
        let what = (&part.definition, &request, &part.platforms);
        crate::checks::find(what, main.ignore(), &exists)
    });
    Ok(first.unwrap_or_default())
}

/// When it was.
pub(crate) struct Begun {
    clock: Instant,
    /// RFC 3339.
    pub(crate) time: String,
}

/// The parts beside each other, and what they are together.
fn whole(
    engine: &Engine,
    all: &[Shared<'_>],
    (listeners, begun, opened): (&[Listener<'_>], &Begun, &Opened),
) -> Result<Built, BuildError> {
    let Some(first) = all.first() else { return Err(BuildError::Cancelled) };
    crate::cache_image::bring(first, engine)?;
    let run = |shared: &Shared<'_>| -> Result<_, BuildError> {
        // What is said of one after the other comes from threads of their own.
        let engine = Engine::open(shared.surroundings.engine.clone())?;
        let (finished, steps) = shared.stages()?;
        let names = (all.len() == 1).then_some(&*shared.request.tags);
        let image = crate::image::make(shared, &engine, &finished, names)?;
        Ok(Outcome { finished, steps, image })
    };
    let outcomes: Vec<Result<Outcome, BuildError>> = match all {
        [alone] => vec![run(alone)],
        all => std::thread::scope(|scope| {
            let running: Vec<_> = all.iter().map(|shared| scope.spawn(|| run(shared))).collect();
            let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|outcome| outcome.unwrap_or(Err(BuildError::Cancelled))).collect()
        }),
    };
    let made = all_or_first_error(outcomes)?;
    // Without it the next build reads more.
    let _full = first.contexts.memory().keep();
    let finished: Vec<&Finished> = made.iter().map(|part| &*part.finished).collect();
    crate::cache_image::give(first, engine, &finished)?;
    let images: Vec<Image> = made.iter().map(|part| part.image.clone()).collect();
    let about = crate::beside::About { begun, opened, listeners };
    let statements = crate::beside::statements(all, engine, &images, &about)?;
    let image = crate::beside::keep(first, engine, &images, &statements)?;
    let count = |(asked, cached): (usize, usize), part: &Outcome| {
        (asked + part.steps.0, cached + part.steps.1)
    };
    Ok(Built { image, images, statements, steps: made.iter().fold((0, 0), count) })
}

/// What one platform came to.
struct Outcome {
    finished: Arc<Finished>,
    steps: (usize, usize),
    image: Image,
}

/// One that was stopped because of another tells nothing.
fn all_or_first_error(
    outcomes: Vec<Result<Outcome, BuildError>>,
) -> Result<Vec<Outcome>, BuildError> {
    let (mut made, mut error) = (Vec::new(), None);
    for outcome in outcomes {
        match outcome {
            Ok(part) => made.push(part),
            Err(BuildError::Cancelled) => drop(error.get_or_insert(BuildError::Cancelled)),
            Err(other) if matches!(error, None | Some(BuildError::Cancelled)) => {
                error = Some(other);
            }
            Err(_further) => {}
        }
    }
    error.map_or(Ok(made), Err)
}

impl Shared<'_> {
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

fn epoch(request: &BuildRequest) -> Result<Option<i64>, BuildError> {
    let Some(text) = request.arguments.get("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|seconds| (0..=253_402_300_799).contains(seconds));
    let words = || format!("SOURCE_DATE_EPOCH {text:?} is no number of seconds since 1970");
    seconds.map(Some).ok_or_else(|| BuildError::Request(words()))
}
