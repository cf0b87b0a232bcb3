//! What is asked of registries: whether a login is good, and what a name points at.

use std::sync::Arc;

use engine::EngineError;
use hyper::StatusCode;
use registry::{Progress, registry_named};
use serde_json::json;
use spec::Reference;

use super::Call;
use crate::answer::Answer;
use crate::bodies;
use crate::failure::Failure;
use crate::registries::{Who, login_of, refused};
use crate::shared::blocking;

/// `POST /auth`.
pub(super) async fn auth(call: Call) -> Result<Answer, Failure> {
    let registries = call.shared.registries;
    let mut who: Who = bodies::read(&call.body().await?)?;
    let server = who.serveraddress.take().unwrap_or_default();
    blocking(move || {
        let registry = registry_named(&server).ok_or_else(|| {
            Failure::bad(format!("invalid serveraddress {server:?}: it is no registry"))
        })?;
        let (_, client) = registries.client(&registry, None, &Arc::new(Progress::default()))?;
        let checked = match who.login() {
            Some(login) => client.check_login(&registry, &login),
            None => client.ping(&registry),
        };
        checked.map_err(|error| {
            let is_unknown =
                matches!(error.kind(), registry::Kind::Unauthorized | registry::Kind::Denied);
            let failure = Failure::from(EngineError::from(error));
            let status = if is_unknown { StatusCode::UNAUTHORIZED } else { failure.status };
            Failure { status, ..failure }
        })?;
        // A password stays a password: no registry is asked for a token in its place.
        Answer::json(&json!({ "IdentityToken": "", "Status": "Login Succeeded" }))
    })
    .await?
}

/// `GET /distribution/{name}/json`.
pub(super) async fn distribution(call: Call) -> Result<Answer, Failure> {
    let (name, registries) = (call.name(), call.shared.registries);
    let login = login_of(call.request.headers());
    let reference: Reference = name.parse().map_err(|error: spec::reference::BadReference| {
        Failure::bad(format!("invalid reference format: {error}"))
    })?;
    blocking(move || {
        let progress = Arc::new(Progress::default());
        let (_, client) = registries.client(reference.domain(), login, &progress)?;
        let described = registry::describe(&client, &reference);
        let described = described.map_err(|error| refused(&name, EngineError::from(error)))?;
        Answer::json(&json!({
            "Descriptor": described.descriptor,
            "Platforms": described.platforms,
        }))
    })
    .await?
}
