//! Schemas in few words: `Id string; Names [string]; Labels {string}?` is an object of a text, a list of texts, and a map of texts that may be
//! `null`. `any` is anything, a capital letter begins the name of another schema, and a field whose name ends with a question mark may be missing.

use serde_json::{Map, Value, json};

/// Whose documents they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The server's: what is not marked is there.
    Server,
    /// A client's: it may leave out everything, and `null` is what is left out.
    Client,
}

/// An object by its fields.
pub(super) fn object(text: &str, side: Side) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in text.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (name, kind) = field.split_once(' ').unwrap_or((field, "any"));
        let bare = name.trim_end_matches('?');
        let mut schema = kind_of(kind);
        match side {
            Side::Client => schema = from_client(schema),
            Side::Server if bare == name => required.push(bare),
            Side::Server => {}
        }
        properties.insert(bare.to_owned(), schema);
    }
    let mut document = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        document["required"] = required.into();
    }
    document
}

/// What a value is.
pub(super) fn kind_of(text: &str) -> Value {
    let text = text.trim();
    if let Some(text) = text.strip_suffix('?') {
        return nullable(kind_of(text));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return json!({ "type": "array", "items": kind_of(inner) });
    }
    if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        return json!({ "type": "object", "additionalProperties": kind_of(inner) });
    }
    match text {
        "any" => json!({}),
        "string" | "integer" | "number" | "boolean" => json!({ "type": text }),
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    }
}

/// `null` is what is not there, in maps too.
fn from_client(mut schema: Value) -> Value {
    if let Some(inner) = schema.get("additionalProperties") {
        schema["additionalProperties"] = nullable(inner.clone());
    }
    nullable(schema)
}

fn nullable(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        // What stands beside a reference is not looked at.
        return json!({ "allOf": [schema], "nullable": true });
    }
    if schema.get("type").is_some() {
        schema["nullable"] = true.into();
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_schemas() {
        let own = object("Id string; Names [string]; Labels? {string}?; Own Other?", Side::Server);
        assert_eq!(own["required"], json!(["Id", "Names", "Own"]));
        let properties = &own["properties"];
        assert_eq!(properties["Names"], json!({ "type": "array", "items": { "type": "string" } }));
        assert_eq!(
            properties["Labels"],
            json!({ "type": "object", "additionalProperties": { "type": "string" }, "nullable": true })
        );
        let other = json!({ "$ref": "#/components/schemas/Other" });
        assert_eq!(properties["Own"], json!({ "allOf": [other], "nullable": true }));
        let theirs = object("Id string; More; Map {string}", Side::Client);
        assert_eq!(theirs.get("required"), None);
        assert_eq!(theirs["properties"]["Id"], json!({ "type": "string", "nullable": true }));
        assert_eq!(theirs["properties"]["More"], json!({}));
        let map = &theirs["properties"]["Map"]["additionalProperties"];
        assert_eq!(map, &json!({ "type": "string", "nullable": true }));
    }
}
