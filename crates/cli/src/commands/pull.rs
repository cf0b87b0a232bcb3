//! `pull`, and what `run` and `create` do when an image is not here.

use std::sync::Arc;

use engine::{EngineError, ImagesHandle, PULL_CONNECTIONS, PullReport, PullRequest};
use registry::{Client, Progress};
use serde_json::json;
use spec::Reference;
use spec::image::Platform;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::progress::{Direction, Mode, show};
use crate::{config, registries};

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Before every use.
    Always,
    /// When it is not here.
    Missing,
    /// Never.
    Never,
}

pub(super) fn pull(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let mode = Mode::of(matches)?;
    let text = matches.word(0);
    let verify = matches.value("tls-verify").map(|value| value == "true");
    let order = Order::read(platform(matches)?, verify, text)?;
    if matches.on("all-tags") {
        return pull_all_tags(engine.images(), order, text, mode);
    }
    let first = &order.request.candidates[0];
    if matches!(mode, Mode::Bars | Mode::Plain) && has_default_tag(text, first) {
        output::talk(&format!("Using default tag: {}", first.tag().unwrap_or_default()));
    }
    let report = order.carry_out(engine.images(), mode).map_err(doing(text))?;
    tell(mode, &report);
    Ok(0)
}

/// What is to be pulled, and by whom.
struct Order {
    request: PullRequest,
    client: Client,
    progress: Arc<Progress>,
}

impl Order {
    /// What flags, environment and files say.
    fn read(platform: Option<Platform>, verify: Option<bool>, text: &str) -> Result<Self, Failure> {
        let progress = Arc::new(Progress::default());
        let settings = registries::settings(Arc::clone(&progress), verify, None)?;
        let candidates = settings.rules.candidates(text);
        let candidates = candidates.map_err(|error| Failure::Words(error.to_string()))?;
        let policy = registry::Policy::in_force(&config::policy_files());
        let request = PullRequest { candidates, platform, policy, connections: PULL_CONNECTIONS };
        Ok(Self { request, client: Client::new(settings), progress })
    }

    fn carry_out(&self, images: ImagesHandle<'_>, mode: Mode) -> Result<PullReport, EngineError> {
        let Self { request, client, progress } = self;
        show(mode, Direction::Pull, progress, || images.pull(client, request, progress))
    }
}

fn pull_all_tags(
    images: ImagesHandle<'_>,
    mut order: Order,
    text: &str,
    mode: Mode,
) -> Result<i32, Failure> {
    let repository = order.request.candidates[0].clone();
    if repository.digest().is_some() || !has_default_tag(text, &repository) {
        let words = "tag can't be used with --all-tags/-a";
        return Err(Failure::Words(words.to_owned()));
    }
    let tags = order.client.repository(&repository).tags().map_err(EngineError::from);
    for tag in tags.map_err(doing(text))? {
        let name = format!("{}:{tag}", repository.repository());
        let reference: Reference =
            name.parse().map_err(|error| Failure::Words(format!("pull {text}: {error}")))?;
        order.request.candidates = vec![reference];
        order.progress.begin_again();
        tell(mode, &order.carry_out(images, mode).map_err(doing(&name))?);
    }
    Ok(0)
}

fn doing(text: &str) -> impl FnOnce(EngineError) -> Failure {
    let what = format!("pull {text}");
    move |error| Failure::Doing { what, error }
}

/// Whether people left the tag out.
pub(super) fn has_default_tag(text: &str, reference: &Reference) -> bool {
    let name = text.rsplit('/').next().unwrap_or(text);
    reference.digest().is_none() && !name.contains(':')
}

fn tell(mode: Mode, report: &PullReport) {
    let PullReport { reference, root, image, is_up_to_date } = report;
    match mode {
        Mode::Json => output::line(
            &json!({
                "reference": reference.to_string(), "digest": root.to_string(), "image": image.id.to_string(),
                "status": if *is_up_to_date { "up-to-date" } else { "downloaded" },
            })
            .to_string(),
        ),
        Mode::Quiet => output::line(&reference.to_string()),
        Mode::Bars | Mode::Plain => {
            output::line(&format!("Digest: {root}"));
            output::line(&format!("Status: {}", status(report)));
            output::line(&reference.to_string());
        }
    }
}

/// What a pull starts when it ends.
pub(super) fn settle(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.settle()?;
    Ok(0)
}

/// What `--platform` asks for.
pub(super) fn platform(matches: &Matches) -> Result<Option<Platform>, Failure> {
    let parsed = matches.text("platform").map(str::parse::<Platform>).transpose();
    parsed.map_err(|error| Failure::Words(error.to_string()))
}

/// Every `--platform`.
pub(super) fn platforms(matches: &Matches) -> Result<Vec<Platform>, Failure> {
    let parsed: Result<Vec<Platform>, _> =
        matches.values("platform").map(str::parse::<Platform>).collect();
    parsed.map_err(|error| Failure::Words(error.to_string()))
}

impl Policy {
    /// What `--pull` asks for.
    pub(crate) fn of(matches: &Matches) -> Result<Self, Failure> {
        match matches.value("pull") {
            None | Some("" | "missing") => Ok(Self::Missing),
            Some("always") => Ok(Self::Always),
            Some("never") => Ok(Self::Never),
            Some(other) => {
                Err(crate::request::wrong("pull", other, "it is not one of always, missing, never"))
            }
        }
    }
}

/// Runs `act`, which needs an image: after a pull where the policy wants one, and once more after a pull where the image was missing.
/// Nothing but `act` is done for an image that is here.
pub(super) fn with_image<T>(
    session: &Session,
    matches: &Matches,
    mut act: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let policy = Policy::of(matches)?;
    let image = matches.word(0);
    if matches.on("rootfs") {
        return act();
    }
    if policy == Policy::Always || needs_other_platform(session, matches, policy)? {
        pull_for_use(session, platform(matches)?, matches.on("quiet"), image)?;
        return act();
    }
    if policy == Policy::Never {
        return act();
    }
    with_missing_image(session, image, (platform(matches)?, matches.on("quiet")), act)
}

/// Runs `act`, and once more after a pull where the image was missing.
pub(super) fn with_missing_image<T>(
    session: &Session,
    image: &str,
    (platform, quiet): (Option<Platform>, bool),
    mut act: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failure = match act() {
        Err(failure) if is_missing_image(&failure) => failure,
        outcome => return outcome,
    };
    // What can't be a name at a registry: a part of an id, for example.
    if image.parse::<Reference>().is_err() {
        return Err(failure);
    }
    if !quiet {
        output::talk(&format!("Unable to find image '{}' locally", shown(image)));
    }
    pull_for_use(session, platform, quiet, image)
        .map_err(|error| not_pulled(image, failure, error))?;
    act()
}

/// Whether `--platform` asks for another image than the one that has the name here.
fn needs_other_platform(
    session: &Session,
    matches: &Matches,
    policy: Policy,
) -> Result<bool, Failure> {
    let (Some(wanted), name) = (platform(matches)?, matches.word(0)) else { return Ok(false) };
    let engine = session.engine()?;
    let Ok(image) = engine.images().resolve(name) else { return Ok(false) };
    let own = Platform::of(&image.config);
    if wanted.fit(&own).is_some() {
        return Ok(false);
    }
    if policy == Policy::Never {
        let words = format!("image {name} is for {own}, not for {wanted}");
        return Err(Failure::Words(words));
    }
    Ok(true)
}

fn shown(image: &str) -> String {
    image.parse::<Reference>().map_or_else(|_| image.to_owned(), |name| name.familiar())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "one failure of many")]
fn is_missing_image(failure: &Failure) -> bool {
    match failure {
        Failure::Engine(EngineError::Store(error)) => error.is_missing("image"),
        _ => false,
    }
}

/// One error out of two: that the image is not here, and why no registry gave it.
fn not_pulled(image: &str, missing: Failure, error: Failure) -> Failure {
    match (missing, error) {
        (Failure::Engine(missing), Failure::Engine(error)) => {
            Failure::Engine(missing.not_pulled(image, error))
        }
        (_, error) => error,
    }
}

fn pull_for_use(
    session: &Session,
    platform: Option<Platform>,
    quiet: bool,
    image: &str,
) -> Result<(), Failure> {
    let engine = session.engine()?;
    let mode = if quiet { Mode::Quiet } else { Mode::of_terminal() };
    let report = Order::read(platform, None, image)?.carry_out(engine.images(), mode)?;
    if mode != Mode::Quiet {
        output::talk(&format!("Digest: {}", report.root));
        output::talk(&format!("Status: {}", status(&report)));
    }
    Ok(())
}

fn status(report: &PullReport) -> String {
    let what = if report.is_up_to_date { "Image is up to date" } else { "Downloaded newer image" };
    format!("{what} for {}", report.reference.familiar())
}
