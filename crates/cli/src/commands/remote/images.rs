//! Images elsewhere, but their ways to registries.

use std::fs::File;
use std::io::Read;

use client_docker::{Answer, Request};
use engine::HistoryStep;
use serde::Deserialize;
use serde_json::Value;

use super::super::archives::{into_output, pour, reference};
use super::super::images::{ImageRow, show, show_history};
use super::look::bytes;
use super::{Far, each, filters, list, text};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::terminal;

/// `ImageSummary`, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Summary {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    created: i64,
    size: u64,
}

const NONE: &str = "<none>";

pub(in crate::commands) fn images(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let references = matches.words.iter().map(|name| format!("reference={name}"));
    let references: Vec<String> = references.collect();
    let given = matches.values("filter").chain(references.iter().map(String::as_str));
    let request = Request::get(&["images", "json"])
        .with_on("all", matches.on("all"))
        .with_some("filters", filters(given));
    let all: Vec<Summary> = list::read(far, request)?;
    let rows: Vec<ImageRow> =
        all.iter().flat_map(|image| rows(image, matches.on("digests"))).collect();
    show(matches, &rows)
}

/// An image once for each of its names; with digests, once for each name's digest.
fn rows(image: &Summary, digests: bool) -> Vec<ImageRow> {
    let row = |repository: &str, tag: &str, digest: &str| ImageRow {
        id: image.id.clone(),
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        digest: digest.to_owned(),
        created: Some(image.created),
        size_bytes: image.size,
    };
    let is_name = |name: &&String| !name.starts_with(NONE);
    let tags: Vec<(&str, &str)> = image
        .repo_tags
        .iter()
        .flatten()
        .filter(is_name)
        .filter_map(|name| name.rsplit_once(':'))
        .collect();
    let known: Vec<(&str, &str)> = image
        .repo_digests
        .iter()
        .flatten()
        .filter(is_name)
        .filter_map(|name| name.split_once('@'))
        .collect();
    let digest = |repository: &str| {
        let own = known.iter().find(|(of, _)| digests && *of == repository);
        own.map_or(NONE, |(_, digest)| digest)
    };
    if tags.is_empty() {
        return match known.first() {
            Some((repository, own)) => vec![row(repository, NONE, own)],
            None => vec![row(NONE, NONE, NONE)],
        };
    }
    tags.iter().map(|(repository, tag)| row(repository, tag, digest(repository))).collect()
}

pub(in crate::commands) fn rmi(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let force = matches.on("force");
    each(&matches.words, |name| {
        let request = Request::delete(&["images", name])
            .with_on("force", force)
            .with_on("noprune", matches.on("no-prune"));
        let removed: Vec<Value> = match far.client.send(request) {
            // Docker's -f is content when there is nothing to remove, and says so.
            Err(error) if force && error.status() == 404 => {
                output::error(&error.to_string(), None);
                return Ok(());
            }
            answer => answer?.document()?,
        };
        for one in &removed {
            for kind in ["Untagged", "Deleted"] {
                if let Some(what) = one[kind].as_str() {
                    output::line(&format!("{kind}: {what}"));
                }
            }
        }
        Ok(())
    })
}

pub(in crate::commands) fn tag(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let (repository, tag) = repository_and_tag(matches.word(1));
    let request = Request::post(&["images", matches.word(0), "tag"]);
    far.client.done(request.with("repo", repository).with_some("tag", tag))?;
    Ok(0)
}

/// A name in its two parts.
pub(super) fn repository_and_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

pub(in crate::commands) fn history(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    let id = text(&far.get(&["images", name, "json"])?, "Id");
    let steps: Vec<Value> = list::read(far, Request::get(&["images", name, "history"]))?;
    let step = |step: &Value| {
        let created = step["Created"].as_i64().filter(|created| *created > 0);
        HistoryStep {
            created: created
                .map(|seconds| engine::format_time(seconds.saturating_mul(1_000_000_000)))
                .unwrap_or_default(),
            created_by: text(step, "CreatedBy"),
            comment: text(step, "Comment"),
            bytes: bytes(&step["Size"]),
        }
    };
    show_history(matches, &id, steps.iter().map(step).collect())
}

pub(in crate::commands) fn save(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = match matches.words.as_slice() {
        [one] => Request::get(&["images", one, "get"]),
        all => {
            let get = Request::get(&["images", "get"]);
            all.iter().fold(get, |request, name| request.with("names", name))
        }
    };
    // A refusal is told before a file is begun.
    let archive = far.client.send(request)?;
    into_output("save", matches, |writer| pour("save", archive, writer))
}

/// What a file or standard input holds.
pub(super) fn input(command: &'static str, path: Option<&str>) -> Result<Box<dyn Read>, Failure> {
    match path.filter(|path| *path != "-") {
        Some(path) => Ok(Box::new(File::open(path).map_err(Failure::file(command, path))?)),
        None if command == "load" && terminal::is_terminal() => Err(Failure::Words(
            "load: requested load from stdin, but stdin is a terminal".to_owned(),
        )),
        None => Ok(Box::new(std::io::stdin())),
    }
}

pub(in crate::commands) fn load(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let mut archive = input("load", matches.text("input"))?;
    let request = Request::post(&["images", "load"]).with("quiet", "1").stream(&mut archive);
    let quiet = matches.on("quiet");
    told(far.client.send(request)?, |line| {
        if !quiet {
            output::write(&line)?;
        }
        Ok(())
    })
}

/// Gives on what the server tells line by line; what went wrong is told among it.
fn told(
    answer: Answer<'_>,
    mut tell: impl FnMut(String) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    for line in answer.lines() {
        let line = line?;
        if let Some(error) = error_of(&line) {
            return Err(Failure::Words(error));
        }
        if let Some(text) = line["stream"].as_str().or_else(|| line["status"].as_str()) {
            tell(text.to_owned())?;
        }
    }
    Ok(0)
}

/// What went wrong, of a line of progress.
pub(super) fn error_of(line: &Value) -> Option<String> {
    let detail = line["errorDetail"]["message"].as_str().or_else(|| line["error"].as_str());
    detail.map(str::to_owned)
}

pub(in crate::commands) fn import(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let name = reference(matches)?;
    let mut archive = input("import", Some(matches.word(0)))?;
    let mut request = Request::post(&["images", "create"]).with("fromSrc", "-");
    if let (Some(_), Some(word)) = (name, matches.words.get(1)) {
        let (repository, tag) = repository_and_tag(word);
        request = request.with("repo", repository).with_some("tag", tag);
    }
    request = request
        .with("message", matches.value("message").unwrap_or("Imported from -"))
        .with_some("platform", matches.text("platform"));
    let request = matches.values("change").fold(request, |all, change| all.with("changes", change));
    let mut last = String::new();
    told(far.client.send(request.stream(&mut archive))?, |line| {
        last = line;
        Ok(())
    })?;
    output::line(last.trim());
    Ok(0)
}

pub(in crate::commands) fn commit(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    reference(matches)?;
    let word = matches.words.get(1).filter(|word| !word.is_empty());
    let (repository, tag) = word.map_or(("", None), |word| repository_and_tag(word));
    let request = Request::post(&["commit"])
        .with("container", matches.word(0))
        .with("repo", repository)
        .with_some("tag", tag)
        .with_some("author", matches.text("author"))
        .with_some("comment", matches.text("message"))
        .with("pause", if matches.value("pause") == Some("false") { "0" } else { "1" });
    let request = matches.values("change").fold(request, |all, change| all.with("changes", change));
    output::line(&text(&far.client.document(request)?, "Id"));
    Ok(0)
}
