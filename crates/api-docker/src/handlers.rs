//! One function for each operation: reads its parameters, calls the engine, and makes a document of what it says.

mod containers;
mod system;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use crate::answer::Answer;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operation::{ContainerOperation, Operation, SystemOperation};
use crate::query::Query;
use crate::router::Routed;

/// A request on its way to its function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) routed: Routed,
    pub(crate) query: Query,
    pub(crate) request: Request<Incoming>,
    pub(crate) engines: Arc<Engines>,
}

pub(crate) async fn answer(call: Call) -> Result<Answer, Failure> {
    let operation = call.routed.operation;
    match operation {
        Operation::System(SystemOperation::Ping) => Ok(Answer::Text(StatusCode::OK, "OK")),
        Operation::System(SystemOperation::PingHead) => Ok(Answer::Empty(StatusCode::OK)),
        Operation::System(SystemOperation::Version) => system::version(call.routed.version),
        Operation::Container(ContainerOperation::List) => containers::list(call).await,
        Operation::Swarm(_) => Err(no_swarm()),
        Operation::System(_)
        | Operation::Container(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Build(_)
        | Operation::Distribution(_)
        | Operation::Network(_)
        | Operation::Volume(_)
        | Operation::Plugin(_) => Err(Failure {
            status: StatusCode::NOT_IMPLEMENTED,
            message: format!("{} is not there yet", operation.place().name),
        }),
    }
}

/// Docker's words, for which its client looks.
fn no_swarm() -> Failure {
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        message: "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.".to_owned(),
    }
}
