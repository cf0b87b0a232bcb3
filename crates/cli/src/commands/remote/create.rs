//! A container that is to be made elsewhere: the document of the line, and a pull where the image is missing there.

use client_docker::{ClientError, Request};
use engine::CreateRequest;
use serde_json::{Value, json};

use super::super::pull::Policy;
use super::{Far, text, transfer, warn};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

/// Makes it; gives its id.
pub(super) fn create(
    far: &Far,
    matches: &Matches,
    request: &CreateRequest,
) -> Result<String, Failure> {
    let (document, others) = document(far, request)?;
    let policy = Policy::of(matches)?;
    let image = request.image.as_str();
    let pull = || transfer::pull_for_use(far, image, matches);
    if policy == Policy::Always {
        pull()?;
    }
    if let Some(name) = request.name.as_deref().filter(|_| request.replace) {
        let gone = Request::delete(&["containers", name]).with_on("force", true);
        match far.client.done(gone) {
            Err(error) if error.status() != 404 => return Err(error.into()),
            _ => {}
        }
    }
    let ask = || {
        let platform = matches.text("platform").filter(|_| far.client.version().has(41));
        let asked = Request::post(&["containers", "create"])
            .with_some("name", request.name.as_deref())
            .with_some("platform", platform)
            .document(&document);
        far.client.document(asked)
    };
    let made = match ask() {
        Err(error) if policy == Policy::Missing && is_missing_image(&error) => {
            if !matches.on("quiet") {
                output::talk(&format!("Unable to find image '{image}' at {}", far.client.host()));
            }
            pull()?;
            ask()?
        }
        made => made?,
    };
    warn(&made["Warnings"]);
    let id = text(&made, "Id");
    for (network, place) in others {
        let join = json!({ "Container": id, "EndpointConfig": place });
        far.client.done(Request::post(&["networks", &network, "connect"]).document(&join))?;
    }
    Ok(id)
}

fn is_missing_image(error: &ClientError) -> bool {
    let message = error.to_string().to_ascii_lowercase();
    error.status() == 404 && message.contains("image")
}

/// What is sent, and the places in networks that have to be asked for afterwards.
type Documents = (Value, Vec<(String, Value)>);

/// By the version that the server speaks.
fn document(far: &Far, request: &CreateRequest) -> Result<Documents, Failure> {
    let config = &request.config;
    if let Some(wish) = config.networks.iter().find(|wish| wish.is_beyond_docker()) {
        let what = format!("--network {},bandwidth=", wish.network);
        return Err(Failure::OnlyHere { what, host: far.client.host() });
    }
    for (given, minor, flag) in [
        (config.auto_remove, 25, "--rm"),
        (config.init, 25, "--init"),
        (!config.annotations.is_empty(), 43, "--annotation"),
        (
            config.health.as_ref().is_some_and(|own| own.start_interval > 0),
            44,
            "--health-start-interval",
        ),
        (config.mounts.iter().any(|own| !own.subpath.is_empty()), 45, "--mount ...subpath="),
    ] {
        if given {
            far.demand(minor, flag)?;
        }
    }
    let mut document = serde_json::to_value(request.document())
        .map_err(|error| Failure::Words(error.to_string()))?;
    let mut others = Vec::new();
    if !far.client.version().has(44) {
        let first = document["HostConfig"]["NetworkMode"].as_str().unwrap_or_default().to_owned();
        let places = document["NetworkingConfig"]["EndpointsConfig"].as_object_mut();
        if let Some(places) = places {
            let names: Vec<String> =
                places.keys().filter(|name| **name != first).cloned().collect();
            others.extend(names.into_iter().filter_map(|name| {
                let place = places.remove(&name)?;
                Some((name, place))
            }));
        }
        // It was the container's before it was the place's.
        let address = config.networks.first().and_then(|wish| wish.hardware.as_ref());
        if let Some(address) = address {
            document["MacAddress"] = address.to_string().into();
        }
    }
    Ok((document, others))
}
