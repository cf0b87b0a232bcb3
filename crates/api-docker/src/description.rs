//! What is served, as OpenAPI 3.0 says it: made from the table of operations.

mod answers;
mod documents;
mod notation;
mod requests;

use serde_json::{Map, Value, json};

use crate::description::answers::{Content, answer_of};
use crate::description::notation::{Side, kind_of, object};
use crate::operation::{Body, Operation, Parameter, ParameterKind, Place};
use crate::version::NEWEST;

/// The description.
pub(crate) fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in Operation::ALL {
        let place = operation.place();
        let (path, names) = path(&place);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[place.method.to_ascii_lowercase()] = described(*operation, &place, &names);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Docker Engine API, as Corten serves it",
            "version": NEWEST.to_string(),
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

/// Documents of both sides, and the parts of them that are no objects.
fn schemas() -> Value {
    let mut schemas = json!({
        "Words": {
            "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            "description": "Words, which may be one text",
        },
        "PortBindings": {
            "type": "array", "nullable": true, "items": { "$ref": "#/components/schemas/PortBinding" },
        },
        "ConsoleSize": {
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": { "type": "integer", "minimum": 0, "maximum": u16::MAX },
        },
        "Small": { "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX },
        "Large": { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX },
        "Count": { "type": "integer", "minimum": 0, "maximum": u32::MAX },
        "Weight": { "type": "integer", "minimum": 0, "maximum": u16::MAX },
    });
    let sides = [(requests::DOCUMENTS, Side::Client), (documents::DOCUMENTS, Side::Server)];
    for (documents, side) in sides {
        for (name, fields) in documents {
            schemas[*name] = object(fields, side);
        }
    }
    schemas
}

/// A path whose places have names of their own.
fn path(place: &Place) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let mut path = String::new();
    for (number, part) in place.path.split("{name}").enumerate() {
        if number > 0 {
            let name = if number == 1 { "name".to_owned() } else { format!("name{number}") };
            path.push_str(&format!("{{{name}}}"));
            names.push(name);
        }
        path.push_str(part);
    }
    (path, names)
}

fn described(operation: Operation, place: &Place, names: &[String]) -> Value {
    let in_path = names.iter().map(|name| {
        json!({
            "name": name, "in": "path", "required": true,
            "schema": { "type": "string", "minLength": 1 },
        })
    });
    let in_query = place.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "required": is_required(place, parameter),
            "schema": schema(parameter),
        })
    });
    let mut document = json!({
        "operationId": place.name,
        "tags": [operation.family()],
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": responses(operation, place),
    });
    let content = match place.body {
        Body::None => return document,
        Body::Json => {
            let reference = format!("#/components/schemas/{}", place.name);
            json!({ "application/json": { "schema": { "$ref": reference } } })
        }
        Body::Tar => {
            json!({ "application/x-tar": { "schema": { "type": "string", "format": "binary" } } })
        }
    };
    // An image may be made of a container as it is.
    let is_required = place.body == Body::Json && place.name != "ImageCommit";
    document["requestBody"] = json!({ "required": is_required, "content": content });
    document
}

/// Without which there is nothing to be done.
fn is_required(place: &Place, parameter: &Parameter) -> bool {
    matches!(
        (place.name, parameter.name),
        ("ContainerArchive" | "ContainerArchiveInfo" | "ContainerArchivePut", "path")
            | ("ContainerResize" | "ExecResize", "h" | "w")
            | ("ContainerRename", "name")
            | ("ImageSearch", "term")
            | ("ImageGetAll", "names")
            | ("ImageTag", "repo")
            | ("ImageCommit", "container")
    )
}

fn responses(operation: Operation, place: &Place) -> Value {
    let (codes, content, refusals) = answer_of(operation);
    let mut responses = json!({});
    for code in codes {
        let mut response = json!({ "description": "It is done" });
        if !matches!(code, 101 | 204 | 304)
            && place.method != "HEAD"
            && let Some(content) = content_of(content)
        {
            response["content"] = content;
        }
        responses[code.to_string()] = response;
    }
    let refusal = json!({ "application/json": { "schema": kind_of("Refusal") } });
    // A limited socket, and the machine, may refuse anything; a body may be too long, or too late.
    let with_body: &[u16] = if place.body == Body::None { &[] } else { &[408, 413] };
    for code in [400, 403, 500].iter().chain(refusals).chain(with_body) {
        let mut response = json!({ "description": "Why not" });
        if place.method != "HEAD" {
            response["content"] = refusal.clone();
        }
        responses[code.to_string()] = response;
    }
    responses
}

fn content_of(content: Content) -> Option<Value> {
    let plain = |kinds: &[&str]| {
        let kinds = kinds.iter().map(|kind| ((*kind).to_owned(), json!({})));
        Some(Value::Object(kinds.collect()))
    };
    match content {
        Content::Nothing => None,
        Content::Text => plain(&["text/plain"]),
        Content::Document(kind) => Some(json!({ "application/json": { "schema": kind_of(kind) } })),
        Content::Lines => plain(&["application/json"]),
        Content::Archive => plain(&["application/x-tar"]),
        Content::Streams | Content::Connection => plain(&[
            "application/vnd.docker.multiplexed-stream",
            "application/vnd.docker.raw-stream",
        ]),
    }
}

fn schema(parameter: &Parameter) -> Value {
    match parameter.kind {
        // Rows and columns.
        ParameterKind::Number if matches!(parameter.name, "h" | "w") => {
            json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX })
        }
        // Any word is yes but some for no, as Docker has it.
        ParameterKind::Flag => json!({ "anyOf": [{ "type": "boolean" }, { "type": "string" }] }),
        ParameterKind::Number => json!({ "type": "integer" }),
        ParameterKind::Text => json!({ "type": "string" }),
        ParameterKind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        ParameterKind::Time => json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,9})?$" }),
        ParameterKind::Json => json!({ "type": "string", "format": "json" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_once() {
        let description = description();
        let paths = description["paths"].as_object().unwrap();
        let methods = paths.values().map(|methods| methods.as_object().unwrap().len());
        assert_eq!(methods.sum::<usize>(), Operation::ALL.len());
        let list = &paths["/containers/json"]["get"]["parameters"][0];
        assert_eq!((&list["name"], &list["required"]), (&json!("all"), &json!(false)));
        let second = &paths["/containers/{name}/checkpoints/{name2}"]["delete"]["parameters"][1];
        assert_eq!(second["name"], "name2");
    }

    #[test]
    fn every_document_that_is_named_is_there() {
        let description = description();
        let text = description.to_string();
        let schemas = description["components"]["schemas"].as_object().unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
