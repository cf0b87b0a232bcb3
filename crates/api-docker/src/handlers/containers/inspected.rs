//! `GET /containers/{name}/json`.

use engine::Document;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::version::ApiVersion;

/// What clients since 1.52 are not told of networks any more.
const DROPPED: [&str; 14] = [
    "Bridge",
    "HairpinMode",
    "LinkLocalIPv6Address",
    "LinkLocalIPv6PrefixLen",
    "SecondaryIPAddresses",
    "SecondaryIPv6Addresses",
    "EndpointID",
    "Gateway",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "IPAddress",
    "IPPrefixLen",
    "IPv6Gateway",
    "MacAddress",
];

pub(super) async fn inspect(call: Call) -> Result<Answer, Failure> {
    let (name, size) = (call.name(), call.query.is_on("size"));
    let version = call.routed.version;
    call.shared
        .with(move |engine| {
            let containers = engine.containers();
            let mut document = containers.inspect(&name, size)?;
            // What was asked for is no longer told since then.
            let hardware =
                if version.has(52) { None } else { containers.wished_hardware(&name)? };
            of_version(&mut document, version, hardware.as_deref());
            Answer::json(&document)
        })
        .await
}

fn of_version(document: &mut Document, version: ApiVersion, hardware: Option<&str>) {
    let id = document.get("Id").and_then(Value::as_str).unwrap_or_default();
    let short = id.get(..12).unwrap_or_default().to_owned();
    let mut hostname = String::new();
    if let Some(config) = document.object("Config") {
        let own = config.get("Hostname").and_then(Value::as_str);
        own.unwrap_or_default().clone_into(&mut hostname);
        if version.has(52) && config.get("OnBuild").is_some_and(Value::is_null) {
            config.remove("OnBuild");
        }
        if let Some(hardware) = hardware {
            config.set("MacAddress", hardware.into());
        }
    }
    if let Some(host) = document.object("HostConfig") {
        if !version.has(42) {
            host.set("KernelMemory", 0.into());
        }
        if !version.has(52) {
            host.set("KernelMemoryTCP", 0.into());
        }
    }
    let Some(settings) = document.object("NetworkSettings") else { return };
    if version.has(52) {
        DROPPED.iter().for_each(|name| settings.remove(name));
    }
    if !version.has(45)
        && let Some(networks) = settings.object("Networks")
    {
        for (network, place) in networks.objects() {
            if !matches!(network, "bridge" | "host" | "none") {
                add_names(place, [short.as_str(), hostname.as_str()]);
            }
        }
    }
}

/// Names that a container has by itself were among its aliases before.
fn add_names(place: &mut Document, names: [&str; 2]) {
    let mut aliases = match place.get("Aliases") {
        Some(Value::Array(aliases)) => aliases.clone(),
        _ => Vec::new(),
    };
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        if !aliases.iter().any(|own| own == name) {
            aliases.push(json!(name));
        }
    }
    place.set("Aliases", aliases.into());
}
