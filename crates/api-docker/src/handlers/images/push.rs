//! `POST /images/{name}/push`.

use std::sync::Arc;

use engine::PushRequest;
use registry::{Form, Progress, Pushed};
use serde_json::json;
use spec::Reference;

use super::{only_for, platforms, untagged};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::lines::told;
use crate::progress::{Direction, shown};
use crate::registries::login_of;
use crate::shared::blocking;

/// `POST /images/{name}/push`.
pub(super) async fn push(call: Call) -> Result<Answer, Failure> {
    let platforms = platforms(&call, "platform", 46)?;
    let (text, tag) = (call.name(), call.query.text("tag").map(str::to_owned));
    // Without a tag everything of the repository is meant, as older clients wrote it in the name.
    let all_tags = tag.is_none() && untagged(&text) == text;
    let text = match tag {
        Some(tag) => format!("{}:{tag}", untagged(&text)),
        None => text,
    };
    let name: Reference = text.parse().map_err(|error: spec::reference::BadReference| {
        Failure::bad(format!("invalid reference format: {error}"))
    })?;
    if name.digest().is_some() {
        return Err(Failure::bad("cannot push a digest reference"));
    }
    let progress = Arc::new(Progress::default());
    let (registries, login) = (call.shared.registries, login_of(call.request.headers()));
    let (domain, own) = (name.domain().to_owned(), Arc::clone(&progress));
    let made = blocking(move || registries.client(&domain, login, &own)).await?;
    let (_, client) = made?;
    let stopped = client.clone();
    told(
        &call.shared,
        move || stopped.stop(),
        move |engine, lines| {
            let images = engine.images();
            let names = images.names_in(&name)?;
            lines.status(format!("The push refers to repository [{}]", name.repository()));
            if names.is_empty() {
                let name = name.familiar_name();
                let words = format!("An image does not exist locally with the tag: {name}");
                return Err(Failure::bad(words));
            }
            let names = if all_tags { names } else { vec![name.clone()] };
            for reference in &names {
                let familiar = reference.familiar();
                if images.resolve(&familiar).is_err() {
                    return Err(Failure::bad(format!("tag does not exist: {familiar}")));
                }
                only_for(engine, &familiar, &platforms)?;
                progress.begin_again();
                let request =
                    PushRequest { reference, form: Form::default(), all_platforms: false };
                let pushed = shown(Direction::Push, (&progress, lines), || {
                    images.push(&client, request, &progress)
                });
                let Pushed { digest, size, .. } = pushed?;
                let tag = reference.tag().unwrap_or_default();
                lines.status(format!("{tag}: digest: {digest} size: {size}"));
                let aux = json!({ "Tag": tag, "Digest": digest.to_string(), "Size": size });
                lines.say(&json!({ "progressDetail": {}, "aux": aux }));
            }
            Ok(())
        },
    )
    .await
}
