//! `POST /images/load`, `GET /images/get` and `GET /images/{name}/get`.

use serde_json::json;
use spec::image::Platform;

use super::platforms;
use crate::answer::{Answer, TAR};
use crate::failure::Failure;
use crate::flow::BodyReader;
use crate::handlers::Call;
use crate::lines::{told, written};
use crate::progress::counted;

/// The one machine that is named, if one is.
fn platform(call: &Call) -> Result<Option<Platform>, Failure> {
    let mut platforms = platforms(call, "platform", 48)?;
    if platforms.len() > 1 {
        let words = if call.routed.version.has(52) {
            "several platforms in one archive are not supported: an image has one platform here"
        } else {
            "multiple platform parameters are not supported in this API version; use API version 1.52 or later"
        };
        return Err(Failure::bad(words));
    }
    Ok(platforms.pop())
}

/// `GET /images/get` and `GET /images/{name}/get`.
pub(super) async fn save(call: Call) -> Result<Answer, Failure> {
    let platform = platform(&call)?;
    let mut names = call.routed.names.clone();
    if names.is_empty() {
        names = call.query.all("names").map(str::to_owned).collect();
    }
    if names.is_empty() {
        return Err(Failure::bad("no image is named"));
    }
    written(&call.shared, TAR, move |engine, pieces| {
        Ok(engine.images().save(&names, platform.as_ref(), pieces)?)
    })
    .await
}

/// `POST /images/load`. What is wrong with the archive is said in the answer, as Docker says it.
pub(super) async fn load(call: Call) -> Result<Answer, Failure> {
    let platform = platform(&call)?;
    let quiet = call.query.is_on_or("quiet", true);
    let body = BodyReader::of(call.request.into_body(), call.half);
    told(
        &call.shared,
        || {},
        move |engine, lines| {
            let mut layer = |diff_id: &spec::Digest, bytes: u64| {
                if !quiet {
                    lines.say(&counted("Loading layer", diff_id.short(), bytes, bytes));
                }
            };
            let loaded = engine.images().load_stream(body, platform.as_ref(), &mut layer);
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    lines.fail(&error.into());
                    return Ok(());
                }
            };
            for image in loaded {
                if image.names.is_empty() {
                    lines.say(&json!({ "stream": format!("Loaded image ID: {}\n", image.id) }));
                }
                for name in &image.names {
                    lines.say(&json!({ "stream": format!("Loaded image: {}\n", name.familiar()) }));
                }
            }
            Ok(())
        },
    )
    .await
}
