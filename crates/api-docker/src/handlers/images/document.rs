//! `GET /images/{name}/json`, as each version has it.

use hyper::header::USER_AGENT;
use serde_json::{Map, Value, json};

use super::{only_for, platforms};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::version::ApiVersion;

/// What of a configuration is a container's and never an image's.
const OF_CONTAINERS: &[&str] = &[
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Domainname",
    "Hostname",
    "Image",
    "OpenStdin",
    "StdinOnce",
    "Tty",
];

/// `GET /images/{name}/json`.
pub(super) async fn inspect(call: Call) -> Result<Answer, Failure> {
    let version = call.routed.version;
    let is_old_compose = is_old_compose(&call);
    let (name, platforms) = (call.name(), platforms(&call, "platform", 49)?);
    if version.has(48) && call.query.is_on("manifests") && !platforms.is_empty() {
        return Err(Failure::bad(
            "conflicting options: manifests and platform options cannot both be set",
        ));
    }
    call.shared
        .with(move |engine| {
            only_for(engine, &name, &platforms)?;
            let document = serde_json::to_value(engine.images().inspect(&name)?)
                .map_err(|error| Failure::internal(error.to_string()))?;
            let mut document = of(version, document);
            if is_old_compose {
                document["ContainerConfig"] = empty_config();
            }
            Answer::json(&document)
        })
        .await
}

/// docker-compose 1 takes the newest version that there is, and cannot make a container anew without what 1.45 has dropped.
fn is_old_compose(call: &Call) -> bool {
    let agent = call.request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("docker-compose/1."))
}

/// The document of the oldest versions as another has it.
fn of(version: ApiVersion, document: Value) -> Value {
    let Value::Object(mut fields) = document else { return document };
    let config = fields.get_mut("Config").and_then(Value::as_object_mut);
    if let Some(config) = config {
        if version.has(50) {
            for name in OF_CONTAINERS {
                config.remove(*name);
            }
        }
        if version.has(52) {
            leave_out_empty(config, |_| true);
        }
    }
    if !version.has(44) {
        fields.insert("VirtualSize".to_owned(), json!(fields.get("Size")));
    } else if fields.get("Created").and_then(Value::as_str) == Some("0001-01-01T00:00:00Z") {
        fields.remove("Created");
    }
    if !version.has(45) {
        fields.insert("Container".to_owned(), json!(""));
        fields.insert("ContainerConfig".to_owned(), empty_config());
    }
    if version.has(52) {
        let optional = ["Author", "Comment", "DockerVersion", "Parent"];
        leave_out_empty(&mut fields, |name| optional.contains(&name));
    }
    Value::Object(fields)
}

fn leave_out_empty(fields: &mut Map<String, Value>, may_go: impl Fn(&str) -> bool) {
    fields.retain(|name, value| {
        let is_empty = match value {
            Value::Null => true,
            Value::Bool(value) => !*value,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Number(_) => false,
        };
        !(is_empty && may_go(name))
    });
}

/// The configuration of a container that an image was made of, where none was.
fn empty_config() -> Value {
    json!({
        "AttachStderr": false, "AttachStdin": false, "AttachStdout": false, "Cmd": null,
        "Domainname": "", "Entrypoint": null, "Env": null, "Hostname": "", "Image": "",
        "Labels": null, "OnBuild": null, "OpenStdin": false, "StdinOnce": false, "Tty": false,
        "User": "", "Volumes": null, "WorkingDir": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_version() {
        let document = json!({
            "Author": "", "Comment": "c", "Created": "0001-01-01T00:00:00Z", "DockerVersion": "",
            "Parent": "", "Size": 5,
            "Config": { "Cmd": ["sh"], "Env": null, "Hostname": "", "Tty": false, "User": "" },
        });
        let of = |minor| of(ApiVersion::of(minor), document.clone());
        let oldest = of(24);
        assert_eq!((&oldest["VirtualSize"], &oldest["Container"]), (&json!(5), &json!("")));
        assert_eq!(oldest["Created"], json!("0001-01-01T00:00:00Z"));
        assert_eq!(oldest["Config"]["Hostname"], json!(""));
        let middle = of(44);
        assert_eq!((middle.get("VirtualSize"), middle.get("Created")), (None, None));
        assert!(middle.get("ContainerConfig").is_some() && of(45).get("Container").is_none());
        assert_eq!(of(50)["Config"], json!({ "Cmd": ["sh"], "Env": null, "User": "" }));
        assert_eq!(of(51)["Author"], json!(""));
        let newest = json!({ "Comment": "c", "Size": 5, "Config": { "Cmd": ["sh"] } });
        assert_eq!(of(52), newest);
    }
}
