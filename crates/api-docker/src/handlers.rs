//! One function for each operation: reads its parameters, calls the engine, and makes a document of what it says.

mod build;
mod containers;
mod corten;
mod events;
mod exec;
mod images;
mod networks;
mod plugins;
mod registries;
mod system;
mod volumes;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::{Request, StatusCode};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::halves::Half;
use crate::limits;
use crate::operation::{Body, Operation, SwarmOperation, SystemOperation};
use crate::policy::{Policy, Refusal, guard};
use crate::query::Query;
use crate::router::{Routed, bare};
use crate::shared::Shared;

/// A request on its way to its function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) routed: Routed,
    pub(crate) query: Query,
    pub(crate) request: Request<Incoming>,
    /// What the socket that it came by is limited to.
    pub(crate) policy: Option<Arc<Policy>>,
    /// User and group of the client, where they are known.
    pub(crate) peer: Option<(u32, u32)>,
    /// The body, where it was read before.
    pub(crate) read: Option<Bytes>,
    pub(crate) shared: Arc<Shared>,
    /// The client's direction.
    pub(crate) half: Arc<Half>,
}

impl Call {
    /// What its path names first.
    fn name(&self) -> String {
        let name = self.routed.names.first().map(String::as_str).unwrap_or_default();
        bare(name).into_owned()
    }

    /// The document that it has.
    async fn body(mut self) -> Result<Bytes, Failure> {
        self.peek().await
    }

    /// The same; it stays there for [`Call::body`].
    pub(crate) async fn peek(&mut self) -> Result<Bytes, Failure> {
        if let Some(read) = &self.read {
            return Ok(read.clone());
        }
        let read = Limited::new(self.request.body_mut(), limits::DOCUMENT).collect();
        let read = timeout(limits::DOCUMENT_PATIENCE, read).await.map_err(|_elapsed| {
            let seconds = limits::DOCUMENT_PATIENCE.as_secs();
            let message = format!("read the request: its document was not whole in {seconds} s");
            Failure { status: StatusCode::REQUEST_TIMEOUT, message }
        })?;
        let body = read.map_err(|error| {
            let is_long = error.is::<http_body_util::LengthLimitError>();
            let status =
                if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            Failure { status, message: format!("read the request: {error}") }
        })?;
        let body = body.to_bytes();
        self.half.whole();
        self.read = Some(body.clone());
        Ok(body)
    }

    /// Another document in the place of the one that it has.
    pub(crate) fn replace_body(&mut self, body: Bytes) {
        self.read = Some(body);
    }

    /// Tells whoever runs the server of a request that its socket refuses, and gives what the client is told.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Failure {
        self.shared.metrics.count_refused();
        let who = self.peer.map_or_else(String::new, |(user, group)| format!(" by {user}:{group}"));
        let what = self.routed.operation.place().name;
        self.shared.log.always(&format!("{what}{who}: {refusal}"));
        let hides = refusal.rule == "labels";
        Failure {
            status: if hides { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN },
            message: refusal.to_string(),
        }
    }
}

pub(crate) async fn answer(mut call: Call) -> Result<Answer, Failure> {
    let operation = call.routed.operation;
    if operation.place().body == Body::None || call.request.body().is_end_stream() {
        call.half.whole();
    }
    guard(&mut call).await?;
    match operation {
        Operation::System(SystemOperation::Ping) => Ok(system::ping(true)),
        Operation::System(SystemOperation::PingHead) => Ok(system::ping(false)),
        Operation::System(SystemOperation::Version) => system::version(),
        Operation::System(SystemOperation::Info) => system::info(call).await,
        Operation::System(SystemOperation::DataUsage) => system::usage(call).await,
        Operation::System(SystemOperation::Events) => events::events(call).await,
        Operation::Exec(operation) => exec::answer(operation, call).await,
        Operation::Container(operation) => containers::answer(operation, call).await,
        Operation::Corten(operation) => corten::answer(operation, call).await,
        Operation::Network(operation) => networks::answer(operation, call).await,
        Operation::Volume(operation) => volumes::answer(operation, call).await,
        Operation::Image(operation) => images::answer(operation, call).await,
        Operation::Build(operation) => build::answer(operation, call).await,
        Operation::Distribution(_) => registries::distribution(call).await,
        Operation::System(SystemOperation::Auth) => registries::auth(call).await,
        Operation::Swarm(SwarmOperation::SwarmLeave) => {
            Err(unavailable("This node is not part of a swarm"))
        }
        Operation::Swarm(_) => Err(no_swarm()),
        Operation::Plugin(operation) => plugins::answer(operation, &call),
    }
}

/// Docker's words, for which its client looks.
fn no_swarm() -> Failure {
    unavailable(
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.",
    )
}

fn unavailable(message: &str) -> Failure {
    Failure { status: StatusCode::SERVICE_UNAVAILABLE, message: message.to_owned() }
}
