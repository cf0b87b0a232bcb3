//! What is served, as OpenAPI 3.0 says it: made from the table of operations.

use serde_json::{Map, Value, json};

use crate::operation::{Body, Operation, ParameterKind, Place};
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
    })
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
        json!({ "name": parameter.name, "in": "query", "schema": schema(parameter.kind) })
    });
    let mut document = json!({
        "operationId": place.name,
        "tags": [operation.family()],
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "default": {
                "description": "Docker's answer, or {\"message\": …} behind a code of 400 and more",
            },
        },
    });
    let content = match place.body {
        Body::None => return document,
        Body::Json => json!({ "application/json": { "schema": { "type": "object" } } }),
        Body::Tar => {
            json!({ "application/x-tar": { "schema": { "type": "string", "format": "binary" } } })
        }
    };
    document["requestBody"] = json!({ "content": content });
    document
}

fn schema(kind: ParameterKind) -> Value {
    match kind {
        ParameterKind::Flag => json!({ "type": "boolean" }),
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
        assert_eq!((&list["name"], &list["schema"]["type"]), (&json!("all"), &json!("boolean")));
        let second = &paths["/containers/{name}/checkpoints/{name2}"]["delete"]["parameters"][1];
        assert_eq!(second["name"], "name2");
    }
}
