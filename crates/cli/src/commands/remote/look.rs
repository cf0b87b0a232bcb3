//! `version`, `info` and `inspect` of what is elsewhere.

use client_docker::{ClientError, Request};
use engine::{Document, VERSION};
use serde_json::{Value, json};

use super::super::inspect::Shape;
use super::super::system;
use super::{Far, text};
use crate::arguments::Matches;
use crate::failure::Failure;

pub(in crate::commands) fn version(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let mut server = far.get(&["version"])?;
    let uname = rustix::system::uname();
    let kernel = uname.release().to_string_lossy();
    let arch = spec::image::Platform::native().architecture;
    let spoken = far.client.version().to_string();
    let platform = text(&server["Platform"], "Name");
    let known = |name: &str| text(&server, name);
    let (own, newest, oldest) = (known("Version"), known("ApiVersion"), known("MinAPIVersion"));
    let (os, their_arch, their_kernel) = (known("Os"), known("Arch"), known("KernelVersion"));
    let platform = if platform.is_empty() { String::new() } else { format!(" {platform}") };
    let told = format!(
        "Client:\n Version:           {VERSION}\n API version:       {spoken}\n OS/Arch:           linux/{arch}\n\n\
         Server:{platform}\n Engine:\n  Version:          {own}\n  API version:      {newest} (minimum version {oldest})\n  \
         OS/Arch:          {os}/{their_arch}\n  Kernel Version:   {their_kernel}\n"
    );
    if server["Components"].is_null() {
        server["Components"] = json!([]);
    }
    let value = json!({
        "Client": { "Version": VERSION, "ApiVersion": spoken, "Os": "linux", "Arch": arch, "KernelVersion": kernel },
        "Server": server,
    });
    system::print(matches, &value, || told)
}

pub(in crate::commands) fn info(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    system::show_info(matches, &far.get(&["info"])?)
}

fn document(far: &Far, request: Request<'_>) -> Result<Document, ClientError> {
    far.client.send(request)?.document()
}

fn of_container(far: &Far, name: &str, sizes: bool) -> Result<Document, ClientError> {
    document(far, Request::get(&["containers", name, "json"]).with_on("size", sizes))
}

fn of_image(far: &Far, name: &str) -> Result<Document, ClientError> {
    document(far, Request::get(&["images", name, "json"]))
}

pub(in crate::commands) fn container(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let find = |name: &str| Ok(of_container(far, name, matches.on("size"))?);
    Shape::of(matches)?.show(matches, find)
}

pub(in crate::commands) fn image(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    Shape::of(matches)?.show(matches, |name| Ok(of_image(far, name)?))
}

pub(in crate::commands) fn network(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let find = |name: &str| Ok(document(far, Request::get(&["networks", name]))?);
    Shape::of(matches)?.show(matches, find)
}

pub(in crate::commands) fn volume(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let find = |name: &str| Ok(document(far, Request::get(&["volumes", name]))?);
    Shape::of(matches)?.show(matches, find)
}

pub(in crate::commands) fn any(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let wanted = matches.value("type");
    if let Some(other) = wanted.filter(|wanted| !matches!(*wanted, "container" | "image")) {
        return Err(Failure::Words(format!(
            "invalid type {other:?}: it is not one of container, image"
        )));
    }
    Shape::of(matches)?.show(matches, |name| {
        if wanted != Some("image") {
            match of_container(far, name, matches.on("size")) {
                Err(error) if error.status() == 404 && wanted.is_none() => {}
                found => return Ok(found?),
            }
        }
        match of_image(far, name) {
            Err(error) if wanted.is_none() && matches!(error.status(), 400 | 404) => {
                Err(Failure::Words(format!("no such object: {name}")))
            }
            found => Ok(found?),
        }
    })
}

/// The value of a field, for lists that look at documents.
pub(super) fn bytes(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
