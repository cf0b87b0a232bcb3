//! `POST /containers/create`.

use std::sync::Arc;

use engine::{Engine, ImageName, Kind};
use hyper::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::bodies::{self, container::Create};
use crate::failure::Failure;
use crate::handlers::Call;
use crate::policy::limited;
use crate::router::bare;

pub(super) async fn create(mut call: Call) -> Result<Answer, Failure> {
    let name = call.query.text("name").map(|name| bare(name).into_owned());
    let (version, shared) = (call.routed.version, Arc::clone(&call.shared));
    let platform = call.query.text("platform").filter(|_| version.has(41)).map(str::to_owned);
    let body: Create = bodies::read(&call.peek().await?)?;
    let image = body.image().to_owned();
    shared.with(move |engine| demand_image(engine, &image, platform.as_deref())).await?;
    let (request, told) = body.request(name, version)?;
    let request = limited(&call, request).await?;
    call.shared
        .with(move |engine| {
            // Clients pull what they think is the image where something is not there.
            let (id, mut warnings) =
                engine.containers().create(&request).map_err(|error| match error.kind() {
                    Kind::NotFound => Failure::bad(Failure::from(error).message),
                    Kind::Invalid
                    | Kind::Conflict
                    | Kind::Unchanged
                    | Kind::Unsupported
                    | Kind::Permission
                    | Kind::Full
                    | Kind::Internal => error.into(),
                })?;
            warnings.extend(told);
            let document = json!({ "Id": id.as_str(), "Warnings": warnings });
            Answer::json_with(StatusCode::CREATED, &document)
        })
        .await
}

/// Whether the image is here, and for the platform that is wanted.
fn demand_image(engine: &Engine, image: &str, platform: Option<&str>) -> Result<(), Failure> {
    if image.is_empty() {
        return Err(Failure::bad("no image was specified"));
    }
    let images = engine.images();
    images.resolve(image)?;
    let Some(platform) = platform else { return Ok(()) };
    let wanted =
        platform.parse().map_err(|error| Failure::bad(format!("invalid platform: {error}")))?;
    images.check_platform(image, &[wanted]).map_err(|error| {
        let name = image.parse::<ImageName>().map_or(image.to_owned(), |name| name.familiar());
        Failure {
            status: StatusCode::NOT_FOUND,
            message: format!(
                "image with reference {name} was found but does not match the specified platform: {}",
                engine::chain(&error)
            ),
        }
    })
}
