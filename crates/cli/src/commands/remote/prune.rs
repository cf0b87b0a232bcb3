//! `prune` of a server elsewhere: Docker's words, and its question before.

use client_docker::Request;

use super::super::builder::{ask, rules};
use super::super::prune::{ALL_IMAGES, confirm, finish, tell, warning};
use super::look::bytes as number;
use super::{Far, filters};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

/// What one kind's prune says, and the bytes that are free again.
fn prune(
    far: &Far,
    family: &str,
    (title, field): (&str, &str),
    filters: Option<String>,
) -> Result<(String, u64), Failure> {
    let request = Request::post(&[family, "prune"]).with_some("filters", filters);
    let document = far.client.document(request)?;
    let mut gone = Vec::new();
    for item in document[field].as_array().into_iter().flatten() {
        let named = |kind: &str| item[kind].as_str();
        gone.extend(item.as_str().map(str::to_owned));
        gone.extend(named("Untagged").map(|name| format!("untagged: {name}")));
        gone.extend(named("Deleted").map(|name| format!("deleted: {name}")));
    }
    let mut text = String::new();
    tell(&mut text, title, &gone);
    Ok((text, number(&document["SpaceReclaimed"])))
}

const CONTAINERS: (&str, &str) = ("Deleted Containers", "ContainersDeleted");
const NETWORKS: (&str, &str) = ("Deleted Networks", "NetworksDeleted");
const VOLUMES: (&str, &str) = ("Deleted Volumes", "VolumesDeleted");
const IMAGES: (&str, &str) = ("Deleted Images", "ImagesDeleted");

pub(in crate::commands) fn containers(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    confirm(matches, "container prune", "WARNING! This will remove all stopped containers.")?;
    let (text, freed) = prune(far, "containers", CONTAINERS, filters(matches.values("filter")))?;
    finish(&text, freed)
}

pub(in crate::commands) fn networks(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let warning =
        "WARNING! This will remove all custom networks not used by at least one container.";
    confirm(matches, "network prune", warning)?;
    let (text, _) = prune(far, "networks", NETWORKS, filters(matches.values("filter")))?;
    output::write(&text)?;
    Ok(0)
}

pub(in crate::commands) fn volumes(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let all = matches.on("all");
    // Before 1.42 those with names were not spared.
    let which = if all || !far.client.version().has(42) { "all" } else { "anonymous" };
    let warning = format!(
        "WARNING! This will remove {which} local volumes not used by at least one container."
    );
    confirm(matches, "volume prune", &warning)?;
    let with_all = all && far.client.version().has(42);
    let given = matches.values("filter").chain(with_all.then_some("all=true"));
    let (text, freed) = prune(far, "volumes", VOLUMES, filters(given))?;
    finish(&text, freed)
}

fn of_images(far: &Far, matches: &Matches) -> Result<(String, u64), Failure> {
    let dangling = if matches.on("all") { "dangling=false" } else { "dangling=true" };
    let given = matches.values("filter").chain([dangling]);
    prune(far, "images", IMAGES, filters(given))
}

pub(in crate::commands) fn images(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let what = if matches.on("all") { ALL_IMAGES } else { "all dangling images" };
    confirm(matches, "image prune", &format!("WARNING! This will remove {what}."))?;
    let (text, freed) = of_images(far, matches)?;
    finish(&text, freed)
}

pub(in crate::commands) fn builder(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    // What is wrong is said here, in the same words.
    let rules = rules(matches)?;
    let is_new = far.client.version().has(48);
    if rules.most_bytes > 0 || rules.free_bytes > 0 {
        far.demand(48, "--max-used-space and --min-free-space")?;
    }
    ask(matches)?;
    let bytes = |bytes: u64| Some(bytes.to_string()).filter(|_| bytes > 0);
    let reserved = if is_new { "reserved-space" } else { "keep-storage" };
    let request = Request::post(&["build", "prune"])
        .with_some("all", matches.on("all").then(|| "1".to_owned()))
        .with_some(reserved, bytes(rules.reserved_bytes))
        .with_some("max-used-space", bytes(rules.most_bytes))
        .with_some("min-free-space", bytes(rules.free_bytes))
        .with_some("filters", filters(matches.values("filter")));
    let document = far.client.document(request)?;
    let ids = document["CachesDeleted"].as_array().into_iter().flatten();
    let ids: Vec<String> = ids.filter_map(|id| id.as_str().map(str::to_owned)).collect();
    let mut text = String::new();
    tell(&mut text, "Deleted build cache objects", &ids);
    finish(&text, number(&document["SpaceReclaimed"]))
}

pub(in crate::commands) fn system(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let has_until = matches.values("filter").any(|filter| filter.starts_with("until="));
    if matches.on("volumes") && has_until {
        return Err(Failure::Words(
            "the \"until\" filter is not supported with \"--volumes\"".to_owned(),
        ));
    }
    confirm(matches, "system prune", &warning(matches))?;
    let given = || filters(matches.values("filter"));
    // Containers first: what they used is free then.
    let mut all = vec![
        prune(far, "containers", CONTAINERS, given())?,
        prune(far, "networks", NETWORKS, given())?,
    ];
    if matches.on("volumes") {
        all.push(prune(far, "volumes", VOLUMES, given())?);
    }
    all.push(of_images(far, matches)?);
    let text: String = all.iter().map(|(text, _)| text.as_str()).collect();
    finish(&text, all.iter().map(|(_, freed)| freed).sum())
}
