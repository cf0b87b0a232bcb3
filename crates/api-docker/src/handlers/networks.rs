//! Networks: listed, made, looked at, removed; containers that come into them and leave them.

use std::sync::Arc;

use engine::config::NetworkWish;
use engine::networks::{Network, NetworkFilter};
use engine::{Document, Engine, EngineError, Kind, PruneFilter};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::Call;
use crate::answer::Answer;
use crate::bodies;
use crate::bodies::network::{Connect, Create, Disconnect};
use crate::failure::Failure;
use crate::filters::Filters;
use crate::operation::NetworkOperation;

/// Filters that Docker's list of networks has.
const FILTERS: &[&str] = &["dangling", "driver", "id", "label", "name", "scope", "type"];
/// Names of networks that are always there.
const PREDEFINED: [&str; 4] = ["bridge", "host", "none", "default"];

/// Answers one of them.
pub(super) async fn answer(operation: NetworkOperation, call: Call) -> Result<Answer, Failure> {
    match operation {
        NetworkOperation::List => list(call).await,
        NetworkOperation::Create => create(call).await,
        NetworkOperation::Prune => prune(call).await,
        NetworkOperation::Connect => connect(call).await,
        NetworkOperation::Disconnect => disconnect(call).await,
        NetworkOperation::Inspect => inspect(call).await,
        NetworkOperation::Delete => delete(call).await,
    }
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let filters = Filters::of(&call.query)?.only(FILTERS)?;
    let version = call.routed.version;
    call.shared
        .with(move |engine| {
            let mut filter = NetworkFilter::default();
            for text in filters.texts() {
                filter.add(&text)?;
            }
            let networks = engine.networks();
            let shown = |network: &Network| -> Result<Document, Failure> {
                // Since then who is in them is not looked up, and since 1.52 nothing is said of it.
                if !version.has(28) {
                    return Ok(networks.inspect(&network.id)?);
                }
                let mut document = networks.listed(network);
                if !version.has(52) {
                    document.set("Containers", json!({}));
                }
                Ok(document)
            };
            let all = networks.list(&filter)?;
            Answer::json(&all.iter().map(shown).collect::<Result<Vec<_>, _>>()?)
        })
        .await
}

async fn create(call: Call) -> Result<Answer, Failure> {
    let (version, shared) = (call.routed.version, Arc::clone(&call.shared));
    let body: Create = bodies::read(&call.body().await?)?;
    if PREDEFINED.contains(&body.name.as_str()) {
        let words = "operation is not permitted on predefined";
        return Err(forbidden(format!("{words} {} network", body.name)));
    }
    if body.driver == "overlay" || body.ingress || !matches!(body.scope.as_str(), "" | "local") {
        return Err(super::no_swarm());
    }
    if matches!(body.driver.as_str(), "host" | "null") {
        let words = "network is allowed";
        return Err(forbidden(format!("only one instance of {:?} {words}", body.driver)));
    }
    let request = body.request(version)?;
    shared
        .with(move |engine| {
            let made = engine.networks().create(&request);
            let network = made.map_err(|error| refused(error, &request.name))?;
            let document = json!({ "Id": network.id, "Warning": "" });
            Answer::json_with(StatusCode::CREATED, &document)
        })
        .await
}

/// Docker's words and codes.
fn refused(error: EngineError, name: &str) -> Failure {
    if let EngineError::Overlap { .. } = &error {
        let words = "invalid pool request: Pool overlaps with other one on this address space";
        return forbidden(format!("{words}: {error}"));
    }
    if error.kind() != Kind::Conflict {
        return error.into();
    }
    let message = format!("network with name {name} already exists");
    Failure { status: StatusCode::CONFLICT, message }
}

async fn inspect(call: Call) -> Result<Answer, Failure> {
    // Who provides services there is said of networks of a swarm alone.
    let _verbose = call.query.truth("verbose")?;
    let is_local = matches!(call.query.text("scope"), None | Some("local"));
    let (name, version) = (call.name(), call.routed.version);
    call.shared
        .with(move |engine| {
            if !is_local {
                return Err(not_found(&name));
            }
            let networks = engine.networks();
            if version.has(52) {
                return Answer::json(&networks.inspect_with_status(&name)?);
            }
            Answer::json(&networks.inspect(&name)?)
        })
        .await
}

async fn delete(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    call.shared
        .with(move |engine| {
            let networks = engine.networks();
            let network = networks.get(&name)?;
            if PREDEFINED.contains(&network.name.as_str()) {
                let words = "is a pre-defined network and cannot be removed";
                return Err(forbidden(format!("{} {words}", network.name)));
            }
            match networks.remove(&network.id) {
                Err(error) if error.kind() == Kind::Conflict => {
                    let words = "error while removing network";
                    let why = engine::chain(&error);
                    Err(forbidden(format!(
                        "{words}: network {} has active endpoints: {why}",
                        network.name
                    )))
                }
                removed => removed.map(|_gone| Answer::done()).map_err(Failure::from),
            }
        })
        .await
}

async fn connect(call: Call) -> Result<Answer, Failure> {
    let (network, shared) = (call.name(), Arc::clone(&call.shared));
    let body: Connect = bodies::read(&call.body().await?)?;
    let mut wish = NetworkWish { network, ..NetworkWish::default() };
    body.endpoint_config.settle(&mut wish)?;
    shared
        .with(move |engine| {
            demand_container(engine, &body.container)?;
            let connected = engine.networks().connect(&body.container, &wish);
            connected.map_err(|error| {
                let EngineError::Place { container, .. } = &error else { return error.into() };
                let network = &wish.network;
                forbidden(format!(
                    "endpoint with name {container} already exists in network {network}"
                ))
            })?;
            Ok(Answer::empty(StatusCode::OK))
        })
        .await
}

async fn disconnect(call: Call) -> Result<Answer, Failure> {
    let (network, shared) = (call.name(), Arc::clone(&call.shared));
    let body: Disconnect = bodies::read(&call.body().await?)?;
    shared
        .with(move |engine| {
            demand_container(engine, &body.container)?;
            let disconnected = engine.networks().disconnect(&body.container, &network);
            disconnected.map_err(|error| {
                let EngineError::Place { container, .. } = &error else { return error.into() };
                forbidden(format!("container {container} is not connected to network {network}"))
            })?;
            Ok(Answer::empty(StatusCode::OK))
        })
        .await
}

/// Of two that are not there Docker names the container.
fn demand_container(engine: &Engine, text: &str) -> Result<(), Failure> {
    engine.containers().get(text)?;
    Ok(())
}

async fn prune(call: Call) -> Result<Answer, Failure> {
    let filter = prune_filter(&Filters::of(&call.query)?.only(PRUNE_FILTERS)?)?;
    call.shared
        .with(move |engine| {
            let pruned = engine.room().prune_networks(&filter)?;
            Answer::json(&json!({ "NetworksDeleted": or_null(pruned.deleted) }))
        })
        .await
}

/// Filters of what is pruned.
pub(super) const PRUNE_FILTERS: &[&str] = &["label", "label!", "until"];

/// What a prune may take.
pub(super) fn prune_filter(filters: &Filters) -> Result<PruneFilter, Failure> {
    let mut filter = PruneFilter::default();
    for text in filters.texts() {
        filter.add(&text)?;
    }
    Ok(filter)
}

/// A list that Go has never made is none.
pub(super) fn or_null(list: Vec<String>) -> Value {
    if list.is_empty() { Value::Null } else { list.into() }
}

fn forbidden(message: String) -> Failure {
    Failure { status: StatusCode::FORBIDDEN, message }
}

fn not_found(name: &str) -> Failure {
    Failure { status: StatusCode::NOT_FOUND, message: format!("network {name} not found") }
}
