//! What is served, as OpenAPI 3.0 says it: made from the table of operations.

use serde_json::{Map, Value, json};

use crate::operation::{Operation, Place};
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
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
    });
    json!({
        "operationId": place.name,
        "tags": [operation.family()],
        "parameters": in_path.collect::<Vec<_>>(),
        "responses": { "default": { "description": "Docker's answer, or its error: {\"message\": …}" } },
    })
}
