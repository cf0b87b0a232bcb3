//! Secrets and agents, as a target names them: where they are, never what they are.

use serde::Serialize;

use crate::comma;
use crate::value::Value;

/// A secret that steps may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The file that holds it.
    #[serde(rename = "src", skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The variable of the environment that holds it.
    #[serde(rename = "env", skip_serializing_if = "String::is_empty")]
    pub environment: String,
}

impl Secret {
    /// Reads `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`.
    pub(crate) fn line(line: &str) -> Result<Self, String> {
        let mut secret = Self::default();
        let mut kind = None;
        for field in comma::fields(line)? {
            let (key, value) =
                field.split_once('=').ok_or_else(|| format!("{field:?} has no value"))?;
            match key.to_ascii_lowercase().as_str() {
                "type" if matches!(value, "file" | "env") => kind = Some(value.to_owned()),
                "type" => return Err(format!("{value:?} is neither file nor env")),
                "id" => value.clone_into(&mut secret.id),
                "source" | "src" => value.clone_into(&mut secret.source),
                "env" => value.clone_into(&mut secret.environment),
                other => return Err(format!("{other} is unknown")),
            }
        }
        if kind.as_deref() == Some("env") && secret.environment.is_empty() {
            secret.environment = std::mem::take(&mut secret.source);
        }
        Ok(secret)
    }

    /// As expressions see it that refer to it.
    pub(crate) fn to_value(&self) -> Value {
        let parts = [("id", &self.id), ("src", &self.source), ("env", &self.environment)];
        let said = parts.into_iter().filter(|(_, text)| !text.is_empty());
        Value::Map(said.map(|(name, text)| (name.to_owned(), Value::text(text))).collect())
    }

    /// Reads a line or a map.
    pub(crate) fn value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(line) => Self::line(line),
            Value::Map(members) => {
                let text =
                    |name: &str| members.get(name).and_then(Value::as_text).unwrap_or_default();
                let known = ["id", "src", "env", "type"];
                if let Some(other) = members.keys().find(|name| !known.contains(&name.as_str())) {
                    return Err(format!("{other} is unknown"));
                }
                Ok(Self { id: text("id"), source: text("src"), environment: text("env") })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Set(_) => {
                Err(format!("a string or a map is needed, not {}", value.kind()))
            }
        }
    }
}

/// An SSH agent, or keys that are served as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ssh {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Sockets or keys; none is the agent of the caller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

impl Ssh {
    /// Reads `NAME` or `NAME=PATH,PATH`.
    pub(crate) fn line(line: &str) -> Self {
        match line.split_once('=') {
            None => Self { id: line.to_owned(), paths: Vec::new() },
            Some((id, paths)) => {
                Self { id: id.to_owned(), paths: paths.split(',').map(str::to_owned).collect() }
            }
        }
    }

    /// As expressions see it that refer to it.
    pub(crate) fn to_value(&self) -> Value {
        let paths = self.paths.iter().map(|path| Value::text(path)).collect();
        let members = [("id", Value::text(&self.id)), ("paths", Value::List(paths))];
        Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// Reads a line or a map.
    pub(crate) fn value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(line) => Ok(Self::line(line)),
            Value::Map(members) => {
                let id = members.get("id").and_then(Value::as_text).unwrap_or_default();
                let paths = match members.get("paths").filter(|paths| **paths != Value::Null) {
                    None => Vec::new(),
                    Some(paths) => paths
                        .elements()
                        .ok_or("paths is a list")?
                        .iter()
                        .filter_map(Value::as_text)
                        .collect(),
                };
                Ok(Self { id, paths })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Set(_) => {
                Err(format!("a string or a map is needed, not {}", value.kind()))
            }
        }
    }
}

/// One for each name, at the place of the first of it, the last of it.
pub(crate) fn last_of_each<T>(entries: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for entry in entries {
        match kept.iter().position(|other| name(other) == name(&entry)) {
            Some(at) => {
                if let Some(place) = kept.get_mut(at) {
                    *place = entry;
                }
            }
            None => kept.push(entry),
        }
    }
    kept
}
