//! `DELETE /images/{name}`: what went, and why something stays, in Docker's words.

use engine::{Engine, EngineError, Image, Kind, Phase};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{only_for, platforms};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;

/// `DELETE /images/{name}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Failure> {
    let (name, force) = (call.name(), call.query.is_on("force"));
    let platforms = platforms(&call, "platforms", 50)?;
    if name.trim().is_empty() {
        return Err(Failure::bad("image name cannot be blank"));
    }
    call.shared
        .with(move |engine| {
            let images = engine.images();
            only_for(engine, &name, &platforms)?;
            let image = images.resolve(&name)?;
            let digests = images.digests_of(&image)?;
            let removed = match images.remove(&name, force) {
                Err(error) if error.kind() == Kind::Conflict => {
                    return Err(conflict(engine, &name, &image, error));
                }
                removed => removed?,
            };
            let mut gone: Vec<Value> =
                removed.untagged.iter().map(|name| json!({ "Untagged": name })).collect();
            if !removed.deleted.is_empty() {
                gone.extend(digests.iter().map(|name| json!({ "Untagged": name })));
            }
            gone.extend(removed.deleted.iter().map(|one| json!({ "Deleted": one.to_string() })));
            Answer::json(&gone)
        })
        .await
}

/// Docker names one container, and says whether force helps.
fn conflict(engine: &Engine, text: &str, image: &Image, error: EngineError) -> Failure {
    let short = image.id.short();
    let is_by_name = text.parse().is_ok_and(|name| image.names.contains(&name));
    let all = engine.containers().all().unwrap_or_default();
    let mut users = all.iter().filter(|one| one.record.image.as_ref() == Some(&image.id));
    let runs = |phase: Phase| matches!(phase, Phase::Running | Phase::Paused | Phase::Restarting);
    let running = users.clone().find(|one| runs(one.state.phase()));
    let message = match (running.or_else(|| users.next()), running) {
        (Some(user), _) if is_by_name => format!(
            "conflict: unable to remove repository reference \"{text}\" (must force) - container {} is using its referenced image {short}",
            user.record.id.short(),
        ),
        (_, Some(user)) => format!(
            "conflict: unable to delete {short} (cannot be forced) - image is being used by running container {}",
            user.record.id.short(),
        ),
        (Some(user), None) => format!(
            "conflict: unable to delete {short} (must be forced) - image is being used by stopped container {}",
            user.record.id.short(),
        ),
        (None, None) if image.names.len() > 1 => format!(
            "conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
        ),
        (None, None) => return error.into(),
    };
    Failure { status: StatusCode::CONFLICT, message }
}
