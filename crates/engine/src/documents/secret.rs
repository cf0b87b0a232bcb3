//! A secret or config as `secret inspect` and `config inspect` show it. Source: Docker's API 1.44, "SecretInspect" and
//! "ConfigInspect".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use store::{Secret, SecretKind};

use super::Document;
use crate::config::{SecretConfig, SecretPlace};

/// With its content where it is asked for.
pub(crate) fn secret(secret: &Secret, content: Option<&[u8]>) -> Document {
    let mut spec =
        Document::new().with("Name", secret.name.clone()).with("Labels", json!(secret.labels));
    let is_config = secret.kind == SecretKind::Config;
    if let Some(content) = content.filter(|_| is_config) {
        spec = spec.with("Data", STANDARD.encode(content));
    }
    let document = Document::new()
        .with("ID", secret.id.clone())
        .with("Version", Document::new().with("Index", json!(secret.version)))
        .with("CreatedAt", monitor::format_time(secret.created_ns))
        .with("UpdatedAt", monitor::format_time(secret.updated_ns))
        .with("Spec", spec);
    // As Podman has it, and as Go writes what is no UTF-8.
    let shown = content.filter(|_| !is_config).map(|bytes| String::from_utf8_lossy(bytes));
    document.with_asked("SecretData", shown.map(|text| text.into_owned()))
}

/// Those of a container that are of one kind, without their contents.
pub(super) fn given(given: &[SecretConfig], kind: SecretKind) -> Value {
    let of_kind = given.iter().filter(|one| one.kind == kind);
    let list: Vec<Value> = of_kind
        .map(|one| match &one.place {
            SecretPlace::File { target, uid, gid, mode } => {
                json!({ "Name": one.name, "Target": target, "UID": uid, "GID": gid, "Mode": mode })
            }
            SecretPlace::Variable { name } => json!({ "Name": one.name, "Variable": name }),
        })
        .collect();
    if list.is_empty() { Value::Null } else { list.into() }
}
