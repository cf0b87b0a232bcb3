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
    let platform = matches.text("platform");
    if platform.is_some() {
        far.demand(41, "--platform")?;
    }
    let policy = Policy::of(matches)?;
    let image = request.image.as_str();
    let pull = || transfer::pull_for_use(far, image, matches);
    if policy == Policy::Always {
        pull()?;
    }
    let before = Before::put_aside(far, request)?;
    let ask = || {
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
    let id = text(&made, "Id");
    if let Err(error) = join(far, &id, others) {
        // What is half made is nobody's; the first error tells more.
        let _stays = far.client.done(Request::delete(&["containers", &id]));
        return Err(error.into());
    }
    before.remove()?;
    warn(&made["Warnings"]);
    Ok(id)
}

/// Gives it the places that could not be said when it was made.
fn join(far: &Far, id: &str, places: Vec<(String, Value)>) -> Result<(), ClientError> {
    for (network, place) in places {
        let join = json!({ "Container": id, "EndpointConfig": place });
        far.client.done(Request::post(&["networks", &network, "connect"]).document(&join))?;
    }
    Ok(())
}

/// The container that another one takes the place of: it has another name until that one is made, and its own again where that fails.
struct Before<'f> {
    far: &'f Far,
    /// Its id, and its name.
    found: Option<(String, String)>,
}

impl<'f> Before<'f> {
    fn put_aside(far: &'f Far, request: &CreateRequest) -> Result<Self, Failure> {
        let Some(name) = request.name.as_deref().filter(|_| request.replace) else {
            return Ok(Self { far, found: None });
        };
        let document = match far.get(&["containers", name, "json"]) {
            Err(error) if error.status() == 404 => return Ok(Self { far, found: None }),
            found => found?,
        };
        // The beginning of another one's id is not meant.
        if text(&document, "Name") != format!("/{name}") {
            return Ok(Self { far, found: None });
        }
        let id = text(&document, "Id");
        let aside = format!("{name}-{}", id.get(..12).unwrap_or(&id));
        rename(far, &id, &aside)?;
        Ok(Self { far, found: Some((id, name.to_owned())) })
    }

    fn remove(mut self) -> Result<(), ClientError> {
        let Some((id, _)) = self.found.take() else { return Ok(()) };
        self.far.client.done(Request::delete(&["containers", &id]).with_on("force", true))
    }
}

impl Drop for Before<'_> {
    fn drop(&mut self) {
        if let Some((id, name)) = &self.found {
            // The failure that is on its way tells more.
            let _stays = rename(self.far, id, name);
        }
    }
}

fn rename(far: &Far, id: &str, name: &str) -> Result<(), ClientError> {
    far.client.done(Request::post(&["containers", id, "rename"]).with("name", name))
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
