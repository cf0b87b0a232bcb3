//! `system df` of a server elsewhere: Docker's four kinds.

use client_docker::Request;
use serde_json::{Value, json};

use super::super::usage::{COLUMNS, CONTAINERS, IMAGES, Kind, VOLUMES, section};
use super::super::{images::short_digest, list};
use super::list::Summary;
use super::look::bytes;
use super::volume::usage as volume_usage;
use super::{Far, text};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::template::Template;
use crate::words::{duration, now, size};

pub(in crate::commands) fn df(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let document = far.client.document(Request::get(&["system", "df"]))?;
    if matches.on("verbose") {
        return verbose(&document, matches.value("format"));
    }
    list::print(matches.value("format"), COLUMNS, &kinds(&document))
}

fn all<'d>(document: &'d Value, name: &str) -> &'d [Value] {
    document[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn kinds(document: &Value) -> Vec<Value> {
    let (images, containers) = (all(document, "Images"), all(document, "Containers"));
    let (volumes, cache) = (all(document, "Volumes"), all(document, "BuildCache"));
    let used = |image: &&Value| image["Containers"].as_i64().unwrap_or(0) > 0;
    let layers = bytes(&document["LayersSize"]);
    let own = |image: &Value| bytes(&image["Size"]).saturating_sub(bytes(&image["SharedSize"]));
    let in_use: u64 = images.iter().filter(used).map(own).sum();
    let runs =
        |one: &&Value| matches!(one["State"].as_str(), Some("running" | "paused" | "restarting"));
    let written = |one: &Value| bytes(&one["SizeRw"]);
    let sum = |list: &[&Value], of: &dyn Fn(&Value) -> u64| -> u64 {
        list.iter().map(|one| of(one)).sum()
    };
    let stands: Vec<&Value> = containers.iter().filter(|one| !runs(one)).collect();
    let every: Vec<&Value> = containers.iter().collect();
    let of_volumes: Vec<(u64, u64)> = volumes.iter().filter_map(volume_usage).collect();
    let is_cached = |one: &&Value| one["InUse"].as_bool() == Some(true);
    let cached: u64 = cache.iter().map(|one| bytes(&one["Size"])).sum();
    let free: u64 = cache.iter().filter(|one| !is_cached(one)).map(|one| bytes(&one["Size"])).sum();
    [
        Kind {
            name: "Images",
            total: images.len(),
            active: images.iter().filter(used).count(),
            bytes: layers,
            reclaimable_bytes: layers.saturating_sub(in_use),
        },
        Kind {
            name: "Containers",
            total: containers.len(),
            active: containers.iter().filter(runs).count(),
            bytes: sum(&every, &written),
            reclaimable_bytes: sum(&stands, &written),
        },
        Kind {
            name: "Local Volumes",
            total: volumes.len(),
            active: of_volumes.iter().filter(|(_, links)| *links > 0).count(),
            bytes: of_volumes.iter().map(|(size, _)| size).sum(),
            reclaimable_bytes: of_volumes
                .iter()
                .filter(|(_, links)| *links == 0)
                .map(|(size, _)| size)
                .sum(),
        },
        Kind {
            name: "Build Cache",
            total: cache.len(),
            active: cache.iter().filter(is_cached).count(),
            bytes: cached,
            reclaimable_bytes: free,
        },
    ]
    .iter()
    .map(Kind::row)
    .collect()
}

fn verbose(document: &Value, format: Option<&str>) -> Result<i32, Failure> {
    let images: Vec<Value> = all(document, "Images").iter().flat_map(image_rows).collect();
    let containers: Vec<Value> = all(document, "Containers").iter().map(container_row).collect();
    let volumes: Vec<Value> = all(document, "Volumes").iter().map(volume_row).collect();
    let cache: u64 = all(document, "BuildCache").iter().map(|one| bytes(&one["Size"])).sum();
    let text = match format {
        None | Some("" | "table") => [
            section("Images space usage:", IMAGES, &images),
            section("Containers space usage:", CONTAINERS, &containers),
            section("Local Volumes space usage:", VOLUMES, &volumes),
            format!("Build cache usage: {}\n", size(cache)),
        ]
        .concat(),
        Some(format) => {
            let value = json!({
                "Images": images, "Containers": containers, "Volumes": volumes,
                "BuildCache": all(document, "BuildCache"),
            });
            if format == "json" {
                format!("{value}\n")
            } else {
                let template = Template::parse(format).map_err(Failure::Unreadable)?;
                format!("{}\n", template.render(&value)?)
            }
        }
    };
    output::write(&text)?;
    Ok(0)
}

fn image_rows(image: &Value) -> Vec<Value> {
    let names: Vec<&str> =
        image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let names = if names.is_empty() { vec!["<none>:<none>"] } else { names };
    let (whole, shared) = (bytes(&image["Size"]), bytes(&image["SharedSize"]));
    let created = image["Created"].as_i64().unwrap_or(0);
    let row = |name: &&str| {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "<none>"));
        json!({
            "Repository": repository, "Tag": tag, "ID": short_digest(&text(image, "Id")),
            "CreatedSince": format!("{} ago", duration(now() - created)), "Size": size(whole),
            "SharedSize": size(shared), "UniqueSize": size(whole.saturating_sub(shared)),
            "Containers": image["Containers"].to_string(),
        })
    };
    names.iter().map(row).collect()
}

fn container_row(container: &Value) -> Value {
    let summary: Summary = serde_json::from_value(container.clone()).unwrap_or_default();
    let mut value = list::value(&summary, false);
    value["Size"] = json!(size(bytes(&container["SizeRw"])));
    // The API does not tell.
    value["LogSize"] = json!("N/A");
    value
}

fn volume_row(volume: &Value) -> Value {
    let (size_bytes, links) = volume_usage(volume).unwrap_or_default();
    json!({ "Name": text(volume, "Name"), "Links": links.to_string(), "Size": size(size_bytes) })
}
