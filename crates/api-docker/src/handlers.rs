//! One function for each operation: reads its parameters, calls the engine, and makes a document of what it says.

mod containers;
mod events;
mod exec;
mod system;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::operation::{Operation, SystemOperation};
use crate::query::Query;
use crate::router::{Routed, bare};
use crate::shared::Shared;

/// Bytes of a document that a request may have.
const LARGEST: usize = 8 * 1024 * 1024;

/// A request on its way to its function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) routed: Routed,
    pub(crate) query: Query,
    pub(crate) request: Request<Incoming>,
    pub(crate) shared: Arc<Shared>,
}

impl Call {
    /// What its path names first.
    fn name(&self) -> String {
        let name = self.routed.names.first().map(String::as_str).unwrap_or_default();
        bare(name).into_owned()
    }

    /// The document that it has.
    async fn body(self) -> Result<Bytes, Failure> {
        let read = Limited::new(self.request.into_body(), LARGEST).collect().await;
        let body = read.map_err(|error| {
            let is_long = error.is::<http_body_util::LengthLimitError>();
            let status =
                if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            Failure { status, message: format!("read the request: {error}") }
        })?;
        Ok(body.to_bytes())
    }
}

pub(crate) async fn answer(call: Call) -> Result<Answer, Failure> {
    let operation = call.routed.operation;
    match operation {
        Operation::System(SystemOperation::Ping) => Ok(Answer::text("OK")),
        Operation::System(SystemOperation::PingHead) => Ok(Answer::empty(StatusCode::OK)),
        Operation::System(SystemOperation::Version) => system::version(call.routed.version),
        Operation::System(SystemOperation::Events) => events::events(call).await,
        Operation::Exec(operation) => exec::answer(operation, call).await,
        Operation::Container(operation) => containers::answer(operation, call).await,
        Operation::Swarm(_) => Err(no_swarm()),
        Operation::System(_)
        | Operation::Image(_)
        | Operation::Build(_)
        | Operation::Distribution(_)
        | Operation::Network(_)
        | Operation::Volume(_)
        | Operation::Plugin(_) => Err(not_yet(operation)),
    }
}

fn not_yet(operation: Operation) -> Failure {
    Failure {
        status: StatusCode::NOT_IMPLEMENTED,
        message: format!("{} is not there yet", operation.place().name),
    }
}

/// Docker's words, for which its client looks.
fn no_swarm() -> Failure {
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        message: "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.".to_owned(),
    }
}
