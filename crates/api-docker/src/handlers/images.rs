//! Images.

mod archives;
mod commit;
mod create;
mod document;
mod listed;
mod push;
mod removal;
mod search;

use engine::{Engine, EngineError, ImagePrune, Kind, PruneFilter};
use hyper::StatusCode;
use serde_json::{Value, json};
use spec::Reference;
use spec::image::Platform;

use super::Call;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::{BadFilters, Filters};
use crate::operation::ImageOperation;
use crate::query::Query;

/// Answers one of them.
pub(super) async fn answer(operation: ImageOperation, call: Call) -> Result<Answer, Failure> {
    use ImageOperation as Is;
    match operation {
        Is::List => listed::list(call).await,
        Is::Search => search::search(call).await,
        Is::GetAll | Is::Get => archives::save(call).await,
        Is::Create => create::create(call).await,
        Is::Load => archives::load(call).await,
        Is::Prune => prune(call).await,
        Is::Commit => commit::commit(call).await,
        Is::Inspect => document::inspect(call).await,
        Is::History => history(call).await,
        Is::Push => push::push(call).await,
        Is::Tag => tag(call).await,
        Is::Delete => removal::delete(call).await,
    }
}

/// The names for which clients write JSON, with the machine that is meant; nothing of a version that knows no such parameter.
fn platforms(call: &Call, name: &str, since: u16) -> Result<Vec<Platform>, Failure> {
    if !call.routed.version.has(since) {
        return Ok(Vec::new());
    }
    let texts = call.query.all(name).filter(|text| !text.is_empty());
    texts.map(platform_of).collect()
}

fn platform_of(text: &str) -> Result<Platform, Failure> {
    serde_json::from_str::<Platform>(text)
        .map_err(|_bad| Failure::bad(format!("failed to parse platform: {text:?} is no platform")))
}

/// A repository and a tag, which may be a digest, as one name; nothing where there is no repository.
fn named(query: &Query, repository: &str) -> Result<Option<Reference>, Failure> {
    let Some(repository) = query.text(repository) else { return Ok(None) };
    let text = match query.text("tag") {
        None => repository.to_owned(),
        Some(tag) if tag.contains(':') => format!("{}@{tag}", untagged(repository)),
        Some(tag) => format!("{}:{tag}", untagged(repository)),
    };
    let wrong = |error: spec::reference::BadReference| {
        Failure::bad(format!("invalid reference format: {error}"))
    };
    let reference: Reference = text.parse().map_err(wrong)?;
    Ok(Some(reference))
}

/// A name without its tag.
fn untagged(name: &str) -> &str {
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

/// Refuses an image that is for another machine than one that was asked for, in Docker's words.
fn only_for(engine: &Engine, name: &str, platforms: &[Platform]) -> Result<(), Failure> {
    engine.images().check_platform(name, platforms).map_err(|error| {
        if error.kind() == Kind::NotFound {
            return error.into();
        }
        let wanted = platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ");
        let message = format!(
            "image with reference {name} was found but does not provide the specified platform ({wanted})"
        );
        Failure { status: StatusCode::NOT_FOUND, message }
    })
}

/// `GET /images/{name}/history`.
async fn history(call: Call) -> Result<Answer, Failure> {
    let (name, platforms) = (call.name(), platforms(&call, "platform", 48)?);
    call.shared
        .with(move |engine| {
            let images = engine.images();
            only_for(engine, &name, &platforms)?;
            let image = images.resolve(&name)?;
            let mut rows: Vec<Value> = images.history(&image)?.iter().rev().map(step).collect();
            if let Some(top) = rows.first_mut() {
                top["Id"] = json!(image.id.to_string());
                if !image.names.is_empty() {
                    top["Tags"] = image.names.iter().map(Reference::familiar).collect();
                }
            }
            Answer::json(&rows)
        })
        .await
}

fn step(step: &engine::HistoryStep) -> Value {
    json!({
        "Comment": step.comment,
        "Created": engine::words::seconds_of(&step.created),
        "CreatedBy": step.created_by,
        "Id": "<missing>",
        "Size": step.bytes,
        "Tags": Value::Null,
    })
}

/// `POST /images/{name}/tag`.
async fn tag(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    let new = named(&call.query, "repo")?;
    let new = new.ok_or_else(|| Failure::bad("invalid reference format: there is no name"))?;
    if new.digest().is_some() {
        return Err(Failure::bad("refusing to create a tag with a digest reference"));
    }
    if new.familiar_name() == "sha256" {
        return Err(Failure::bad(
            "refusing to create an ambiguous tag using digest algorithm as name",
        ));
    }
    call.shared
        .with(move |engine| {
            engine.images().tag(&name, &new.to_string())?;
            Ok(Answer::empty(StatusCode::CREATED))
        })
        .await
}

/// `POST /images/prune`.
async fn prune(call: Call) -> Result<Answer, Failure> {
    let filters = Filters::parse(call.query.get("filters").unwrap_or_default())?;
    let filters = filters.only(&["dangling", "label", "label!", "until"])?;
    let all = match filters.get("dangling") {
        [] => false,
        [one] if matches!(one.as_str(), "0" | "f" | "false" | "F" | "False" | "FALSE") => true,
        [one] if matches!(one.as_str(), "1" | "t" | "true" | "T" | "True" | "TRUE") => false,
        _ => return Err(BadFilters::Name("dangling".to_owned()).into()),
    };
    if filters.get("until").len() > 1 {
        return Err(Failure::bad("more than one until filter specified"));
    }
    let mut filter = PruneFilter::default();
    for text in filters.texts().filter(|text| !text.starts_with("dangling=")) {
        filter.add(&text)?;
    }
    call.shared
        .with(move |engine| {
            let rules = ImagePrune { all, filter, ..ImagePrune::default() };
            let pruned = engine.room().prune_images(&rules)?;
            let untagged = pruned.untagged.iter().map(|name| json!({ "Untagged": name }));
            let deleted = pruned.deleted.iter().map(|digest| json!({ "Deleted": digest }));
            let gone: Vec<Value> = untagged.chain(deleted).collect();
            let gone = if gone.is_empty() { Value::Null } else { gone.into() };
            let freed = pruned.freed_bytes;
            Answer::json(&json!({ "ImagesDeleted": gone, "SpaceReclaimed": freed }))
        })
        .await
}

/// An error of a registry in its own words, where a client cannot know it by its code.
fn of_registry(error: registry::RegistryError) -> Failure {
    EngineError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Option<String>, Failure> {
        let query = Query::parse(text).unwrap();
        named(&query, "repo").map(|name| name.map(|name| name.familiar()))
    }

    #[test]
    fn repository_and_tag_make_a_name() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, familiar) in [
            ("repo=busybox", "busybox:latest"),
            ("repo=busybox&tag=1", "busybox:1"),
            ("repo=busybox:2&tag=1", "busybox:1"),
            ("repo=localhost:5000/a&tag=1", "localhost:5000/a:1"),
            ("repo=docker.io/library/busybox&tag=1", "busybox:1"),
        ] {
            assert_eq!(name(text).unwrap().as_deref(), Some(familiar), "{text}");
        }
        let pinned = name(&format!("repo=busybox:1&tag={digest}")).unwrap();
        assert_eq!(pinned, Some(format!("busybox@{digest}")));
        assert_eq!(name("tag=1"), Ok(None));
        assert!(name("repo=A").is_err());
        assert!(name("repo=a&tag=b%20c").is_err());
    }
}
