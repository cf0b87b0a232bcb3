//! `POST /images/create`: images from registries, and of archives.

use std::io::Read;
use std::sync::Arc;

use engine::{Engine, Import, PULL_CONNECTIONS, PullReport, PullRequest};
use registry::{Client, Progress, Resolution};
use serde_json::json;
use spec::Reference;
use spec::image::{Platform, RunConfig};

use super::{named, of_registry};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::flow::BodyReader;
use crate::handlers::Call;
use crate::lines::{Lines, told};
use crate::progress::{Direction, counted, shown};
use crate::registries::{login_of, refused};
use crate::shared::blocking;

/// `POST /images/create`.
pub(super) async fn create(call: Call) -> Result<Answer, Failure> {
    let platform = match call.query.text("platform") {
        Some(text) if call.routed.version.has(32) => {
            Some(text.parse::<Platform>().map_err(|error| Failure::bad(error.to_string()))?)
        }
        _ => None,
    };
    match call.query.text("fromImage") {
        Some(_) => pull(call, platform).await,
        None => import(call, platform).await,
    }
}

/// What a client wants of a registry.
struct Wanted {
    /// As it wrote it.
    text: String,
    name: Reference,
    /// Every tag that the repository has.
    all_tags: bool,
}

fn wanted(call: &Call) -> Result<Wanted, Failure> {
    let name = named(&call.query, "fromImage")?;
    let name = name.ok_or_else(|| Failure::bad("invalid reference format: there is no name"))?;
    if name.familiar_name() == "scratch" {
        let (status, message) = (hyper::StatusCode::FORBIDDEN, "'scratch' is a reserved name");
        return Err(Failure { status, message: message.to_owned() });
    }
    let text = call.query.text("fromImage").unwrap_or_default().trim_end_matches(':');
    let all_tags = call.query.text("tag").is_none()
        && super::untagged(text) == text
        && name.digest().is_none();
    // A short name is looked for where the machine says.
    let text = match (name.digest(), name.tag()) {
        (Some(digest), _) => format!("{}@{digest}", bare(text)),
        (None, tag) => format!("{}:{}", bare(text), tag.unwrap_or("latest")),
    };
    Ok(Wanted { text, name, all_tags })
}

/// A name without tag and digest.
fn bare(text: &str) -> &str {
    super::untagged(text.split_once('@').map_or(text, |(name, _)| name))
}

async fn pull(call: Call, platform: Option<Platform>) -> Result<Answer, Failure> {
    let Wanted { text, name, all_tags } = wanted(&call)?;
    let progress = Arc::new(Progress::default());
    let (registries, login) = (call.shared.registries, login_of(call.request.headers()));
    let (domain, own) = (name.domain().to_owned(), Arc::clone(&progress));
    let made = blocking(move || registries.client(&domain, login, &own)).await?;
    let (settings, client) = made?;
    let candidates = settings.rules.candidates(&text);
    let candidates = candidates.map_err(|error| Failure::bad(error.to_string()))?;
    let policy = (registries.policy)();
    let mut request = PullRequest { candidates, platform, policy, connections: PULL_CONNECTIONS };
    let stopped = client.clone();
    told(
        &call.shared,
        move || stopped.stop(),
        move |engine, lines| {
            let puller = Puller { engine, client: &client, progress: &progress, lines };
            if !all_tags {
                let (name, is_up_to_date) = puller.pull(&request)?;
                tell_status(lines, &name.familiar(), is_up_to_date);
                return Ok(());
            }
            let Some(repository) = request.candidates.first().cloned() else { return Ok(()) };
            let tags = client.repository(&repository).tags();
            let tags = tags.map_err(|error| no_repository(&name.familiar_name(), error.into()))?;
            let mut are_up_to_date = true;
            for tag in tags {
                let tagged = format!("{}:{tag}", repository.repository()).parse();
                request.candidates =
                    vec![tagged.map_err(|error: spec::reference::BadReference| {
                        Failure::internal(error.to_string())
                    })?];
                are_up_to_date &= puller.pull(&request)?.1;
            }
            tell_status(lines, &repository.familiar_name(), are_up_to_date);
            Ok(())
        },
    )
    .await
}

/// Docker has other words for a repository than for a manifest.
fn no_repository(name: &str, error: engine::EngineError) -> Failure {
    let failure = refused(name, error);
    let rest =
        failure.message.strip_prefix(&format!("manifest for {name} not found: manifest unknown: "));
    match rest {
        Some(rest) => Failure {
            message: format!("repository {name} not found: name unknown: {rest}"),
            ..failure
        },
        None => failure,
    }
}

fn tell_status(lines: &Lines, name: &str, is_up_to_date: bool) {
    let what = if is_up_to_date { "Image is up to date" } else { "Downloaded newer image" };
    lines.status(format!("Status: {what} for {name}"));
}

struct Puller<'a> {
    engine: &'a Engine,
    client: &'a Client,
    progress: &'a Arc<Progress>,
    lines: &'a Lines,
}

impl Puller<'_> {
    /// Pulls one image; gives its name, and whether it was here.
    fn pull(&self, request: &PullRequest) -> Result<(Reference, bool), Failure> {
        let Self { engine, client, progress, lines } = *self;
        let asked = request.candidates.first().map(Reference::familiar).unwrap_or_default();
        progress.begin_again();
        let found = engine.images().look_up(client, request);
        let found: Resolution = found.map_err(|error| refused(&asked, error))?;
        let reference = found.reference.clone();
        let version = reference.digest().map(ToString::to_string);
        let version = version.or_else(|| reference.tag().map(str::to_owned)).unwrap_or_default();
        lines
            .say(&json!({ "status": format!("Pulling from {}", reference.path()), "id": version }));
        let brought = shown(Direction::Pull, (progress, lines), || {
            engine.images().bring(found, request, progress)
        });
        let PullReport { root, is_up_to_date, .. } =
            brought.map_err(|error| refused(&asked, error))?;
        lines.status(format!("Digest: {root}"));
        Ok((reference, is_up_to_date))
    }
}

async fn import(call: Call, platform: Option<Platform>) -> Result<Answer, Failure> {
    // First, so that it is drained where something is wrong.
    let mut body = BodyReader::of(call.request.into_body(), call.half);
    let source = call.query.text("fromSrc").unwrap_or_default().to_owned();
    let reference = named(&call.query, "repo")?;
    if reference.as_ref().is_some_and(|name| name.digest().is_some()) {
        return Err(Failure::bad("cannot import digest reference"));
    }
    let changes: Vec<&str> = call.query.all("changes").flat_map(str::lines).collect();
    let comment = call.query.text("message").map(str::to_owned);
    let import = Import {
        reference,
        config: engine::changes(&RunConfig::default(), changes)?,
        platform,
        created: engine::format_time(engine::now_ns()),
        created_by: String::new(),
        comment: comment.unwrap_or_else(|| format!("Imported from {source}")),
    };
    let done = move |engine: &Engine, lines: &Lines, archive: &mut (dyn Read + Send)| {
        let image = engine.images().import(archive, &import)?;
        lines.status(image.id.to_string());
        Ok(())
    };
    if source == "-" {
        return told(&call.shared, || {}, move |engine, lines| done(engine, lines, &mut body))
            .await;
    }
    if source.is_empty() {
        return Err(Failure::bad("neither fromImage nor fromSrc is given"));
    }
    let url = if source.contains("://") { source } else { format!("http://{source}") };
    let registries = call.shared.registries;
    let made = blocking(move || registries.client("", None, &Arc::default())).await?;
    let (_, client) = made?;
    let stopped = client.clone();
    told(
        &call.shared,
        move || stopped.stop(),
        move |engine, lines| {
            let file = client.download(&url).map_err(of_registry)?;
            lines.status(format!("Downloading from {url}"));
            let mut counted = Counted { length: file.length, file, count: 0, said: 0, lines };
            done(engine, lines, &mut counted)
        },
    )
    .await
}

/// Bytes between two lines on how far a download is.
const STEP: u64 = 1024 * 1024;

/// A download that tells how far it is.
struct Counted<'a> {
    file: registry::Download,
    length: Option<u64>,
    count: u64,
    said: u64,
    lines: &'a Lines,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.count += count as u64;
        let is_whole = count == 0 && self.said < self.count;
        if (is_whole || self.count - self.said >= STEP) && !self.lines.is_slow() {
            self.said = self.count;
            self.lines.say(&counted("Importing", "", self.count, self.length.unwrap_or(0)));
        }
        Ok(count)
    }
}
