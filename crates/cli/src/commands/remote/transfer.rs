//! `pull` and `push`: the server speaks with the registry, by the login that is kept here. How far it is comes as documents, which become
//! the parts of a [`Progress`], so that it is shown as what this machine does itself.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use client_docker::{Lines, Request};
use registry::{Login, Part, PartState, Progress};
use serde_json::{Value, json};
use spec::Reference;

use super::super::pull::has_default_tag;
use super::images::{error_of, repository_and_tag};
use super::{Far, list, text};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::progress::{Direction, Mode, show};
use crate::{output, registries};

pub(in crate::commands) fn pull(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let mode = Mode::of(matches)?;
    let word = matches.word(0);
    let name = reference(word)?;
    if matches.on("all-tags") {
        if name.digest().is_some() || !has_default_tag(word, &name) {
            return Err(Failure::Words("tag can't be used with --all-tags/-a".to_owned()));
        }
    } else if matches!(mode, Mode::Bars | Mode::Plain) && has_default_tag(word, &name) {
        output::talk(&format!("Using default tag: {}", name.tag().unwrap_or_default()));
    }
    let whole = matches.on("all-tags");
    let told = fetch(far, word, (whole, matches.text("platform")), mode)?;
    tell(mode, &name, &told);
    Ok(0)
}

/// Before a container is made of it: what is told is talk.
pub(super) fn pull_for_use(far: &Far, word: &str, matches: &Matches) -> Result<(), Failure> {
    let mode = if matches.on("quiet") { Mode::Quiet } else { Mode::of_terminal() };
    let told = fetch(far, word, (false, matches.text("platform")), mode)?;
    if mode != Mode::Quiet {
        told.iter().for_each(|line| output::talk(line));
    }
    Ok(())
}

fn fetch(
    far: &Far,
    word: &str,
    (whole, platform): (bool, Option<&str>),
    mode: Mode,
) -> Result<Vec<String>, Failure> {
    let name = reference(word)?;
    let repository = name.repository().to_string();
    let tag = match (name.digest(), name.tag()) {
        _ if whole => None,
        (Some(digest), _) => Some(digest.to_string()),
        (None, tag) => tag.map(str::to_owned),
    };
    if platform.is_some() {
        far.demand(32, "--platform")?;
    }
    let request = Request::post(&["images", "create"])
        .with("fromImage", repository)
        .with_some("tag", tag)
        .with_some("platform", platform)
        .header("X-Registry-Auth", login(&name)?);
    follow(far, request, (mode, Direction::Pull), &format!("pull {word}")).map(|told| told.lines)
}

fn reference(word: &str) -> Result<Reference, Failure> {
    word.parse().map_err(|error| Failure::Words(format!("{word}: {error}")))
}

fn tell(mode: Mode, name: &Reference, told: &[String]) {
    match mode {
        Mode::Json => {
            let is_here = told.iter().any(|line| line.contains("up to date"));
            let digest = told.iter().find_map(|line| line.strip_prefix("Digest: "));
            output::line(
                &json!({
                    "reference": name.to_string(), "digest": digest.unwrap_or_default(),
                    "status": if is_here { "up-to-date" } else { "downloaded" },
                })
                .to_string(),
            );
        }
        Mode::Quiet => output::line(&name.to_string()),
        Mode::Bars | Mode::Plain => {
            told.iter().for_each(|line| output::line(line));
            output::line(&name.to_string());
        }
    }
}

pub(in crate::commands) fn push(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let (mode, word) = (Mode::of(matches)?, matches.word(0));
    let name = reference(word)?;
    let shown = matches!(mode, Mode::Bars | Mode::Plain);
    if shown {
        output::talk(&format!("The push refers to repository [{}]", name.repository()));
    }
    let tags = match matches.on("all-tags") {
        true if !has_default_tag(word, &name) => {
            return Err(Failure::Words("tag can't be used with --all-tags/-a".to_owned()));
        }
        true => tags_of(far, &name)?,
        false => vec![name.tag().unwrap_or("latest").to_owned()],
    };
    let repository = repository_and_tag(word).0;
    for tag in tags {
        let request = Request::post(&["images", repository, "push"])
            .with("tag", &tag)
            .header("X-Registry-Auth", login(&name)?);
        let told =
            follow(far, request, (mode, Direction::Push), &format!("push {repository}:{tag}"))?;
        match mode {
            Mode::Json => output::line(
                &json!({
                    "reference": format!("{}:{tag}", name.repository()), "digest": text(&told.pushed, "Digest"),
                    "size": told.pushed["Size"], "status": "pushed",
                })
                .to_string(),
            ),
            Mode::Quiet => output::line(&format!("{}:{tag}", name.repository())),
            Mode::Bars | Mode::Plain => told.lines.iter().for_each(|line| output::line(line)),
        }
    }
    Ok(0)
}

/// Every tag that the server has of a repository.
fn tags_of(far: &Far, name: &Reference) -> Result<Vec<String>, Failure> {
    let all: Vec<Value> = list::read(far, Request::get(&["images", "json"]))?;
    let own = name.familiar_name();
    let names = all.iter().flat_map(|image| image["RepoTags"].as_array().into_iter().flatten());
    let tags = names.filter_map(Value::as_str).filter_map(|text| text.rsplit_once(':'));
    let tags: Vec<String> =
        tags.filter(|(of, _)| *of == own).map(|(_, tag)| tag.to_owned()).collect();
    if tags.is_empty() {
        return Err(Failure::Words(format!("no image has a name in the repository {own}")));
    }
    Ok(tags)
}

/// What a transfer told.
#[derive(Default)]
struct Told {
    /// Of all of it.
    lines: Vec<String>,
    /// What a registry has now.
    pushed: Value,
}

fn follow(
    far: &Far,
    request: Request<'_>,
    (mode, direction): (Mode, Direction),
    doing: &str,
) -> Result<Told, Failure> {
    let failed = |why: String| Failure::Words(format!("{doing}: {why}"));
    let answer = far.client.send(request).map_err(|error| failed(error.to_string()))?;
    let progress = Arc::new(Progress::default());
    let work = || read(answer.lines(), &progress);
    show(mode, direction, &progress, work).map_err(failed)
}

fn read(lines: Lines<'_>, progress: &Progress) -> Result<Told, String> {
    let mut parts: HashMap<String, Arc<Part>> = HashMap::new();
    let mut told = Told::default();
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        if let Some(why) = error_of(&line) {
            return Err(why);
        }
        if line["aux"]["Digest"].is_string() {
            told.pushed = line["aux"].clone();
        }
        let (status, id) = (text(&line, "status"), text(&line, "id"));
        match state(&status) {
            Some(state) if !id.is_empty() => {
                let part = parts.entry(id).or_insert_with_key(|id| progress.part_called(id));
                let detail = &line["progressDetail"];
                if state == PartState::Transferring
                    && let (Some(there), Some(total)) =
                        (detail["current"].as_u64(), detail["total"].as_u64())
                {
                    part.set_total(total);
                    part.set_transferred(there);
                }
                if part.state() != state {
                    progress.set(part, state);
                }
            }
            // Which repository it is, we have said.
            _ if status.is_empty()
                || status.starts_with("Pulling from")
                || status.starts_with("The push refers") => {}
            _ => told.lines.push(status),
        }
    }
    Ok(told)
}

/// What the server's word for it means.
fn state(status: &str) -> Option<PartState> {
    Some(match status {
        "Pulling fs layer" | "Waiting" | "Preparing" => PartState::Waiting,
        "Downloading" | "Pushing" => PartState::Transferring,
        "Verifying Checksum" | "Download complete" | "Extracting" => PartState::Unpacking,
        "Already exists" | "Layer already exists" => PartState::Exists,
        "Pull complete" | "Pushed" => PartState::Done,
        status if status.starts_with("Mounted from") => PartState::Mounted,
        status if status.starts_with("Retrying") => PartState::Retrying,
        _ => return None,
    })
}

/// The login for a registry as the API wants it, one of nobody where there is none.
fn login(name: &Reference) -> Result<String, Failure> {
    let settings = registries::settings(Arc::new(Progress::default()), None, None)?;
    let registry = name.domain();
    let document = match settings.credentials.login_for(registry, name.path())? {
        None => json!({}),
        Some(Login::Basic { user, password }) => {
            json!({ "username": user, "password": password, "serveraddress": registry })
        }
        Some(Login::Refresh(token)) => json!({ "identitytoken": token, "serveraddress": registry }),
        Some(Login::Bearer(token)) => json!({ "registrytoken": token, "serveraddress": registry }),
    };
    Ok(URL_SAFE.encode(document.to_string()))
}

/// What a header has in base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_other| URL_SAFE.decode(text)).ok()
}
