//! What is said of images beside them: annotations, what they hold, how they were built. Start at [`check`], [`statements`] and [`keep`].

use std::cell::RefCell;
use std::collections::BTreeMap;

use dockerfile::Kind;
use engine::{Engine, Image, format_time, now_ns};
use spec::Digest;
use spec::image::Platform;
use store::{Beside, BesideMember, IndexWords, MemberWords};

use crate::attest::{
    Dependency, Document, Inventory, Provenance, RecordedStep, RootFiles, Secret, Statement, redact,
};
use crate::builder::{Begun, Shared};
use crate::contexts::Opened;
use crate::definition::Definition;
use crate::error::BuildError;
use crate::event::Event;
use crate::part::{Ended, Listener};
use crate::request::{AnnotationLevel, BuildRequest, ProvenanceWish};

/// A file of packages that is longer is not read, and that is said.
const MOST_FILE_BYTES: u64 = 256 << 20;
/// What wrote it.
const TOOL: &str = concat!("corten-", env!("CARGO_PKG_VERSION"));

/// What is known of the whole build.
pub(crate) struct About<'a, 'p> {
    pub(crate) begun: &'a Begun,
    pub(crate) opened: &'a Opened,
    pub(crate) listeners: &'a [Listener<'p>],
}

/// Refuses annotations of what there will not be.
pub(crate) fn check(request: &BuildRequest) -> Result<(), BuildError> {
    let is_said = request.provenance.is_some() || request.sbom;
    let has_index = request.platforms.len() > 1 || is_said;
    for annotation in &request.annotations {
        let key = &annotation.key;
        if annotation.level != AnnotationLevel::Manifest && !has_index {
            let words = "index annotations are not supported for a single platform: without --provenance or --sbom there is no index";
            return Err(BuildError::Request(format!("annotation {key}: {words}")));
        }
        let is_built = |wanted: &Platform| {
            let native = [Platform::native()];
            let all = if request.platforms.is_empty() { &native[..] } else { &request.platforms };
            all.iter().any(|platform| wanted.fit(platform).is_some())
        };
        if let Some(platform) = annotation.platform.as_ref().filter(|wanted| !is_built(wanted)) {
            let words = format!("annotation {key}: platform {platform} is not built");
            return Err(BuildError::Request(words));
        }
    }
    Ok(())
}

/// Writes down what belongs to the images; gives the one that has the names.
pub(crate) fn keep(
    shared: &Shared<'_>,
    engine: &Engine,
    images: &[Image],
    statements: &[Vec<Statement>],
) -> Result<Image, BuildError> {
    let request = shared.request;
    let native = Platform::native();
    let is_native = |image: &&Image| native.fit(&Platform::of(&image.config)).is_some();
    let head = images.iter().find(is_native).or_else(|| images.first());
    let Some(head) = head else { return Err(BuildError::Cancelled) };
    let of = |level, platform: Option<&Platform>| -> BTreeMap<String, String> {
        let is_for = |wanted: &Option<Platform>| match (wanted, platform) {
            (None, _) => true,
            (Some(wanted), Some(platform)) => wanted.fit(platform).is_some(),
            (Some(_), None) => false,
        };
        let found = request.annotations.iter();
        let found = found.filter(|one| one.level == level && is_for(&one.platform));
        found.map(|one| (one.key.clone(), one.value.clone())).collect()
    };
    let member = |(image, statements): (&Image, &Vec<Statement>)| {
        let platform = Platform::of(&image.config);
        BesideMember {
            image: image.id.clone(),
            words: MemberWords {
                annotations: of(AnnotationLevel::Manifest, Some(&platform)),
                descriptor_annotations: of(AnnotationLevel::ManifestDescriptor, Some(&platform)),
                statements: statements.clone(),
            },
        }
    };
    let beside = Beside {
        index: IndexWords {
            annotations: of(AnnotationLevel::Index, None),
            descriptor_annotations: of(AnnotationLevel::IndexDescriptor, None),
        },
        members: images.iter().zip(statements).map(member).collect(),
    };
    // What is built for its files alone takes nothing from an image that has names already.
    if !(beside.is_empty() && request.tags.is_empty()) {
        engine.building().say(&head.id, &beside)?;
    }
    if images.len() == 1 {
        return Ok(head.clone());
    }
    let image = engine.building().image(&head.config, &request.tags)?;
    let names: Vec<String> = request.tags.iter().map(spec::Reference::familiar).collect();
    shared.surroundings.progress.tell(&Event::Image { id: &image.id, names: &names });
    Ok(image)
}

/// What is said of each image.
pub(crate) fn statements(
    all: &[Shared<'_>],
    engine: &Engine,
    images: &[Image],
    about: &About<'_, '_>,
) -> Result<Vec<Vec<Statement>>, BuildError> {
    let mut said = Vec::new();
    for ((shared, image), listener) in all.iter().zip(images).zip(about.listeners) {
        let mut statements = Vec::new();
        if shared.is_over() {
            return Err(BuildError::Cancelled);
        }
        if shared.request.sbom {
            statements.push(sbom(shared, engine, image));
        }
        if let Some(wish) = &shared.request.provenance {
            statements.push(provenance(shared, image, wish, (about, listener)));
        }
        said.push(statements);
    }
    Ok(said)
}

fn sbom(shared: &Shared<'_>, engine: &Engine, image: &Image) -> Statement {
    let view = engine.building().view(&image.config.rootfs.diff_ids);
    let too_long = RefCell::new(Vec::new());
    let read = |path: &str| match view.read_within(path, MOST_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(_too_long) => {
            let words = format!("{path} is longer than {} MiB", MOST_FILE_BYTES >> 20);
            too_long.borrow_mut().push(words);
            None
        }
    };
    let list = |path: &str| {
        let named = |(name, is_directory): (Vec<u8>, bool)| {
            String::from_utf8(name).ok().map(|name| (name, is_directory))
        };
        view.names(path).into_iter().filter_map(named).collect()
    };
    let mut inventory: Inventory = crate::attest::packages(&RootFiles { read: &read, list: &list });
    inventory.unread.extend(too_long.take());
    let name = shared.request.tags.first().map(spec::Reference::familiar);
    let name = name.unwrap_or_else(|| image.id.to_string());
    let created = seconds(image.config.created.as_deref().unwrap_or_default());
    let document = Document { name: &name, created: &created, tool: TOOL };
    let predicate = crate::attest::spdx(&inventory, &document);
    Statement { predicate_type: Statement::SPDX.to_owned(), predicate }
}

/// A time without parts of seconds.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

fn provenance(
    shared: &Shared<'_>,
    image: &Image,
    wish: &ProvenanceWish,
    (about, listener): (&About<'_, '_>, &Listener<'_>),
) -> Statement {
    let (request, definition) = (shared.request, shared.definition);
    // With a time of everybody's it is the same on every day.
    let time = |real: String| if shared.epoch_s.is_some() { shared.now() } else { real };
    let is_shown = |name: &&String| !dockerfile::is_proxy_argument(name);
    let arguments = request.arguments.iter().filter(|(name, _)| is_shown(name));
    let ended = listener.ended();
    let steps = steps(definition, &ended);
    let runs = definition.needed.iter().filter_map(|number| definition.stage(*number));
    let runs = runs.flat_map(|stage| &stage.instructions);
    let has_run = runs.into_iter().any(|one| matches!(one.kind, Kind::Run(_)));
    let source = about.opened.commit.as_ref().map(|commit| Dependency::Git {
        url: about.opened.identity.clone(),
        commit: commit.clone(),
    });
    let text = String::from_utf8_lossy(&about.opened.instructions.bytes).into_owned();
    let provenance = Provenance {
        detail: wish.detail,
        dockerfile: definition.name.clone(),
        is_complete: !has_run && source.is_some(),
        source,
        target: request.target.clone().unwrap_or_default(),
        platform: Platform::of(&image.config),
        builder_platform: Platform::native(),
        arguments: arguments.map(|(name, value)| (name.clone(), redact::text(value))).collect(),
        labels: request.labels.clone(),
        contexts: contexts(request),
        secrets: request
            .secrets
            .iter()
            .map(|secret| Secret { id: secret.id.clone(), is_optional: true })
            .collect(),
        agents: request.agents.iter().map(|agent| agent.id.clone()).collect(),
        dependencies: shared.notes.materials(),
        builder_id: wish.builder_id.clone(),
        invocation_id: if shared.epoch_s.is_some() {
            String::new()
        } else {
            shared.lease.name().to_owned()
        },
        started: time(about.begun.time.clone()),
        finished: time(format_time(now_ns())),
        text: redact::text(&text),
        steps,
    };
    provenance.statement()
}

/// Further contexts; where a directory is on this machine is nobody's matter.
fn contexts(request: &BuildRequest) -> BTreeMap<String, String> {
    use crate::request::NamedContext;
    let of = |context: &NamedContext| match context {
        NamedContext::Directory(_) => "local".to_owned(),
        NamedContext::Git(address) | NamedContext::Url(address) => redact::text(address),
        NamedContext::Image(name) => format!("docker-image://{name}"),
        NamedContext::Layout(_) => "oci-layout".to_owned(),
    };
    request.contexts.iter().map(|(name, context)| (name.clone(), of(context))).collect()
}

/// Steps with what they build on: the one before, or of a `FROM` the last one of its stage.
fn steps(definition: &Definition, ended: &BTreeMap<usize, Ended>) -> Vec<RecordedStep> {
    let mut recorded = Vec::new();
    for stage in definition.needed.iter().filter_map(|number| definition.stage(*number)) {
        let base = definition.base_step(stage.number);
        for at in base..=base + stage.instructions.len() {
            let Some(step) = definition.steps.get(at) else { continue };
            let inputs = match (at == base, definition.graph.base(stage.number)) {
                (false, _) => vec![at - 1],
                (true, Some(dockerfile::Origin::Stage(other))) => {
                    let length =
                        definition.stage(*other).map_or(0, |stage| stage.instructions.len());
                    vec![definition.base_step(*other) + length]
                }
                (true, _) => Vec::new(),
            };
            let Ended { is_cached, layer } = ended.get(&at).cloned().unwrap_or_default();
            let layer: Option<Digest> = layer;
            let instruction = redact::text(&step.text);
            recorded.push(RecordedStep {
                id: at,
                inputs,
                instruction,
                line: step.line,
                layer,
                is_cached,
            });
        }
    }
    recorded.sort_by_key(|step| step.id);
    recorded
}
