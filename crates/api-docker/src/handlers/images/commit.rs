//! `POST /commit`.

use engine::CommitRequest;
use hyper::StatusCode;
use serde_json::json;

use super::named;
use crate::answer::Answer;
use crate::bodies;
use crate::failure::Failure;
use crate::handlers::Call;

/// `POST /commit`.
pub(super) async fn commit(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let reference = named(query, "repo")?;
    if reference.as_ref().is_some_and(|name| name.digest().is_some()) {
        return Err(Failure::bad("cannot commit to digest reference"));
    }
    let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let container = crate::router::bare(&text("container")).into_owned();
    let mut request = CommitRequest {
        reference,
        author: text("author"),
        message: text("comment"),
        changes: query.all("changes").flat_map(str::lines).map(str::to_owned).collect(),
        // It stands still where nobody says otherwise.
        pause: query.is_on_or("pause", true),
        config: None,
    };
    let shared = call.shared.clone();
    let body = call.body().await?;
    if !matches!(body.trim_ascii(), b"" | b"null") {
        request.config = Some(bodies::read(&body)?);
    }
    shared
        .with(move |engine| {
            let image = engine.containers().commit(&container, &request)?;
            Answer::json_with(StatusCode::CREATED, &json!({ "Id": image.id.to_string() }))
        })
        .await
}
