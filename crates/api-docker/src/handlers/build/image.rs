//! `POST /build`. The context is read as it comes; a client that leaves ends the build.

use std::sync::Arc;

use build::{
    AllowedDevices, BuildError, BuildRequest, Cancel, ContextSource, Fetched, Heard, Outside,
    Refusal, StepError, Surroundings, World,
};
use engine::{Engine, Image};
use serde_json::json;
use spec::Reference;
use spec::image::Platform;

use super::request::{remote, request};
use super::told::Told;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::flow::BodyReader;
use crate::handlers::Call;
use crate::lines::{Lines, told};
use crate::policy::Policy;
use crate::registries::logins_of;

pub(super) async fn build(call: Call) -> Result<Answer, Failure> {
    let logins = Arc::new(logins_of(call.request.headers()));
    // First, so that it is drained where something is wrong.
    let body = BodyReader::of(call.request.into_body(), call.half);
    let context = match call.query.text("remote") {
        Some(text) => remote(text)?,
        None => ContextSource::archive(body),
    };
    let mut wanted = request(&call.query, context)?;
    if let Some(policy) = &call.policy {
        // A container of this socket has none, whatever its description says.
        wanted.steps.devices = AllowedDevices::None;
        policy.check_build(&wanted).map_err(|refusal| Failure {
            status: hyper::StatusCode::FORBIDDEN,
            message: refusal.to_string(),
        })?;
    }
    let registries = call.shared.registries;
    let settings = move |progress| {
        let mut settings = (registries.settings)(progress)?;
        settings.credentials = logins.clone();
        Ok(settings)
    };
    let world = Arc::new(World::new(settings, registries.policy));
    let cancel = Cancel::new().map_err(|error| Failure::internal(error.to_string()))?;
    let outside = Limited { world: Arc::clone(&world), policy: call.policy.clone() };
    let is_quiet = call.query.is_on("q");
    let config = call.shared.engine_config().clone();
    let (stopping, ending) = (world, cancel.clone());
    told(
        &call.shared,
        move || {
            ending.cancel();
            stopping.stop();
        },
        move |_engine, lines| {
            let listener = Told::new(lines, is_quiet);
            let surroundings = Surroundings {
                engine: &config,
                outside: &outside,
                progress: &listener,
                cancel: &cancel,
            };
            work(wanted, &surroundings, (lines, &listener, is_quiet))
        },
    )
    .await
}

/// The outside as a socket's limits leave it.
struct Limited {
    world: Arc<World>,
    policy: Option<Arc<Policy>>,
}

impl Outside for Limited {
    fn admit(&self, engine: &Engine, name: &str) -> Result<(), Refusal> {
        if let Some(policy) = &self.policy {
            policy.check_base(engine, name)?;
        }
        Ok(())
    }

    fn may_fetch(&self, address: &str) -> Result<(), Refusal> {
        if let Some(policy) = &self.policy {
            policy.check_fetch(address)?;
        }
        Ok(())
    }

    fn image(
        &self,
        engine: &Engine,
        name: &str,
        platform: Option<&Platform>,
        always: bool,
        heard: Heard<'_>,
    ) -> Result<Image, Refusal> {
        self.world.image(engine, name, platform, always, heard)
    }

    fn push(&self, engine: &Engine, reference: &Reference) -> Result<(), Refusal> {
        if self.policy.is_some() {
            return Err("this socket's builds push nothing".into());
        }
        self.world.push(engine, reference)
    }

    fn fetch(
        &self,
        url: &str,
        into: &mut dyn std::io::Write,
        heard: Heard<'_>,
    ) -> Result<Fetched, Refusal> {
        if let Some(policy) = &self.policy {
            policy.check_fetch(url)?;
        }
        self.world.fetch(url, into, heard)
    }
}

/// Builds, and tells the end.
fn work(
    wanted: BuildRequest,
    surroundings: &Surroundings<'_>,
    (lines, listener, is_quiet): (&Lines, &Told<'_>, bool),
) -> Result<(), Failure> {
    let names: Vec<String> = wanted.tags.iter().map(Reference::familiar).collect();
    let built = match build::build(wanted, surroundings) {
        Ok(built) => built,
        Err(error) => {
            listener.finish();
            return fail(&error, lines, listener.has_said());
        }
    };
    listener.finish();
    let id = built.image.id.to_string();
    if is_quiet {
        lines.say(&json!({ "stream": format!("{id}\n") }));
        return Ok(());
    }
    lines.say(&json!({ "aux": { "ID": id } }));
    let short = id.trim_start_matches("sha256:").get(..12).unwrap_or_default();
    lines.say(&json!({ "stream": format!("Successfully built {short}\n") }));
    for name in names {
        lines.say(&json!({ "stream": format!("Successfully tagged {name}\n") }));
    }
    Ok(())
}

/// Docker's words for a program that ended badly, for which its client looks; its code goes with them. What fails before anything was said
/// has a status of its own.
fn fail(error: &BuildError, lines: &Lines, has_said: bool) -> Result<(), Failure> {
    if let BuildError::Step { cause, .. } = error
        && let StepError::Exit { command, code } = &**cause
    {
        let message = format!("The command '{command}' returned a non-zero code: {code}");
        let detail = json!({ "code": code, "message": message });
        lines.say(&json!({ "errorDetail": detail, "error": message }));
        return Ok(());
    }
    let message = match error {
        BuildError::File { shown, .. } => format!("dockerfile parse error: {}", shown.trim_end()),
        BuildError::NoFile { name, .. } => format!("Cannot locate specified Dockerfile: {name}"),
        BuildError::NoStage { name, .. } => {
            format!("failed to reach build target {name} in Dockerfile")
        }
        BuildError::Step { .. }
        | BuildError::Context { .. }
        | BuildError::Request(_)
        | BuildError::Engine(_)
        | BuildError::Cancelled => engine::chain(error),
    };
    let failure = Failure { status: crate::failure::status(error.kind()), message };
    if has_said {
        lines.fail(&failure);
        return Ok(());
    }
    Err(failure)
}
