//! Entries of lists that have a type and attributes: caches, outputs, attestations. Each is written as a map or in one line.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::comma;
use crate::value::Value;

/// A type and attributes, as `type=registry,ref=NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The type: of a cache, of an output, of an attestation.
    pub kind: String,
    /// All else.
    pub attributes: BTreeMap<String, String>,
}

/// In JSON one object, the type among the attributes.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = self.attributes.clone();
        all.insert("type".to_owned(), self.kind.clone());
        all.serialize(serializer)
    }
}

impl Entry {
    /// Reads caches: a line without `=` are names of images in registries.
    pub(crate) fn caches(line: &str) -> Result<Vec<Self>, String> {
        if line.contains('=') {
            return Self::line(line).map(|entry| vec![entry]);
        }
        let fields = comma::fields(line)?;
        let fields = fields.into_iter().filter(|field| !field.is_empty());
        Ok(fields
            .map(|name| Self {
                kind: "registry".to_owned(),
                attributes: [("ref".to_owned(), name)].into(),
            })
            .collect())
    }

    /// Reads an output: a line without `=` is a directory, or an archive on the standard output.
    pub(crate) fn output(line: &str) -> Result<Self, String> {
        let is_path = !line.starts_with("type=") && comma::fields(line)?.as_slice() == [line];
        if !is_path {
            return Self::line(line);
        }
        let kind = if line == "-" { "tar" } else { "local" };
        let attributes = [("dest".to_owned(), line.to_owned())].into();
        Ok(Self { kind: kind.to_owned(), attributes })
    }

    /// Reads an attestation. One that is not disabled says nothing of it.
    pub(crate) fn attestation(line: &str) -> Result<Self, String> {
        // Its keys may be names of variables: they keep their case.
        Self::read(line, str::to_owned)?.with_disabled()
    }

    /// Reads `type=NAME,KEY=VALUE…`.
    pub(crate) fn line(line: &str) -> Result<Self, String> {
        Self::read(line, str::to_ascii_lowercase)
    }

    fn read(line: &str, name: fn(&str) -> String) -> Result<Self, String> {
        let mut entry = Self::default();
        for field in comma::fields(line)? {
            let (key, value) =
                field.split_once('=').ok_or_else(|| format!("{field:?} has no value"))?;
            entry.set(name(key.trim()), value.to_owned());
        }
        entry.whole()
    }

    /// Reads a map of strings.
    pub(crate) fn map(value: &Value) -> Result<Self, String> {
        let Value::Map(members) = value else {
            return Err(format!("a string or a map is needed, not {}", value.kind()));
        };
        let mut entry = Self::default();
        for (name, value) in members {
            match value.as_text() {
                Some(text) => entry.set(name.clone(), text),
                None if *value == Value::Null => {}
                None => return Err(format!("{name} is a {}", value.kind())),
            }
        }
        entry.whole()
    }

    /// As expressions see it that refer to it.
    pub(crate) fn to_value(&self) -> Value {
        let attributes =
            self.attributes.iter().map(|(name, value)| (name.clone(), Value::text(value)));
        let kind = ("type".to_owned(), Value::text(&self.kind));
        Value::Map(attributes.chain([kind]).collect())
    }

    fn set(&mut self, key: String, value: String) {
        if key == "type" {
            self.kind = value;
        } else {
            self.attributes.insert(key, value);
        }
    }

    fn whole(self) -> Result<Self, String> {
        if self.kind.is_empty() { Err("it has no type".to_owned()) } else { Ok(self) }
    }

    /// `disabled` is a boolean.
    pub(crate) fn with_disabled(mut self) -> Result<Self, String> {
        match self.attributes.remove("disabled").as_deref() {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(self),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => {
                self.attributes.insert("disabled".to_owned(), "true".to_owned());
                Ok(self)
            }
            Some(other) => Err(format!("disabled is true or false, not {other:?}")),
        }
    }
}

/// An attestation: in JSON `disabled` is a boolean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation(pub Entry);

impl Attestation {
    /// Whether it says that there is none.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.0.attributes.contains_key("disabled")
    }
}

impl Serialize for Attestation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all: BTreeMap<&str, serde_json::Value> = BTreeMap::new();
        for (name, value) in &self.0.attributes {
            let value = if name == "disabled" { true.into() } else { value.clone().into() };
            all.insert(name, value);
        }
        all.insert("type", self.0.kind.clone().into());
        all.serialize(serializer)
    }
}

/// Without what stands twice. The last one of a list takes the place of a double, as with buildx, whose order is kept.
pub(crate) fn without_doubles<T: PartialEq>(mut entries: Vec<T>) -> Vec<T> {
    for at in (0..entries.len().saturating_sub(1)).rev() {
        let (before, after) = entries.split_at(at + 1);
        let double = before.last().and_then(|entry| after.iter().position(|other| other == entry));
        if let Some(double) = double {
            entries.swap_remove(at + 1 + double);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_have_types() {
        let caches = Entry::caches("user/app:cache,user/app:more").unwrap();
        assert_eq!(caches.len(), 2);
        assert_eq!(caches[1].attributes["ref"], "user/app:more");
        assert_eq!(Entry::output("out").unwrap().kind, "local");
        assert_eq!(Entry::output("-").unwrap().kind, "tar");
        assert_eq!(Entry::output("type=docker").unwrap().attributes.len(), 0);
        assert!(Entry::line("ref=x").is_err());
    }

    #[test]
    fn doubles_are_taken_out_by_the_last_one() {
        assert_eq!(without_doubles(vec!["a", "b", "a", "c"]), ["a", "b", "c"]);
        assert_eq!(without_doubles(vec!["a", "a", "b", "c"]), ["a", "c", "b"]);
    }
}
