//! The family `network`, of a server elsewhere.

use client_docker::Request;
use engine::networks::NetworkRequest;
use serde_json::{Value, json};

use super::super::network::{NetworkRow, request, show};
use super::{Far, each, filters, list, text, warn};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::request::places;

pub(in crate::commands) fn create(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let wanted = request(matches)?;
    let mut document = document(&wanted);
    // What nobody said is left to the server: its choice of families may be another one.
    if matches.is_given("ipv6") {
        document["EnableIPv6"] = wanted.ipv6.into();
    }
    if matches.is_given("ipv4") {
        far.demand(48, "--ipv4")?;
        document["EnableIPv4"] = wanted.ipv4.into();
    }
    if let Some(driver) = matches.text("ipam-driver") {
        document["IPAM"]["Driver"] = driver.into();
    }
    if let Some(scope) = matches.text("scope") {
        document["Scope"] = scope.into();
    }
    let made = far.client.document(Request::post(&["networks", "create"]).document(&document))?;
    if let Some(warning) = made["Warning"].as_str().filter(|warning| !warning.is_empty()) {
        warn(&json!([warning]));
    }
    output::line(&text(&made, "Id"));
    Ok(0)
}

fn document(wanted: &NetworkRequest) -> Value {
    let shown = |value: Option<String>| value.unwrap_or_default();
    let config = wanted.subnets.iter().map(|own| {
        let reserved =
            own.reserved.iter().map(|(name, own)| (name.clone(), own.to_string().into()));
        let reserved: serde_json::Map<String, Value> = reserved.collect();
        json!({
            "Subnet": shown(own.subnet.map(|subnet| subnet.to_string())),
            "IPRange": shown(own.range.map(|range| range.to_string())),
            "Gateway": shown(own.gateway.map(|gateway| gateway.to_string())),
            "AuxiliaryAddresses": reserved,
        })
    });
    json!({
        "Name": wanted.name,
        "CheckDuplicate": true,
        "Driver": wanted.driver,
        "Internal": wanted.internal,
        "Attachable": wanted.attachable,
        "Labels": wanted.labels,
        "Options": wanted.options,
        "IPAM": { "Driver": "default", "Config": config.collect::<Vec<_>>() },
    })
}

pub(in crate::commands) fn ls(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request =
        Request::get(&["networks"]).with_some("filters", filters(matches.values("filter")));
    let mut all: Vec<Value> = list::read(far, request)?;
    all.sort_by_key(|network| text(network, "Name"));
    let is_on = |value: &Value, otherwise: bool| value.as_bool().unwrap_or(otherwise);
    let row = |network: &Value| NetworkRow {
        id: text(network, "Id"),
        name: text(network, "Name"),
        driver: text(network, "Driver"),
        scope: text(network, "Scope"),
        created: text(network, "Created"),
        ipv4: is_on(&network["EnableIPv4"], true),
        ipv6: is_on(&network["EnableIPv6"], false),
        internal: is_on(&network["Internal"], false),
        labels: labels(&network["Labels"]),
    };
    show(matches, &all.iter().map(row).collect::<Vec<_>>())
}

/// Labels of an object as lists show them.
pub(super) fn labels(labels: &Value) -> Vec<String> {
    let pairs = labels.as_object().into_iter().flatten();
    pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect()
}

pub(in crate::commands) fn rm(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    each(&matches.words, |name| {
        match far.client.done(Request::delete(&["networks", name])) {
            Err(error) if matches.on("force") && error.status() == 404 => {}
            done => {
                done?;
                output::line(name);
            }
        }
        Ok(())
    })
}

pub(in crate::commands) fn connect(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let wish = places::wish(matches.word(0), matches)?;
    if wish.is_beyond_docker() {
        let what = "network connect --driver-opt bandwidth=".to_owned();
        return Err(Failure::OnlyHere { what, host: far.client.host() });
    }
    let document = json!({ "Container": matches.word(1), "EndpointConfig": wish.document() });
    far.client
        .done(Request::post(&["networks", matches.word(0), "connect"]).document(&document))?;
    Ok(0)
}

pub(in crate::commands) fn disconnect(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let force = matches.on("force");
    let document = json!({ "Container": matches.word(1), "Force": force });
    let request = Request::post(&["networks", matches.word(0), "disconnect"]).document(&document);
    match far.client.done(request) {
        Err(error) if force && error.status() == 404 => Ok(0),
        done => Ok(done.map(|()| 0)?),
    }
}
