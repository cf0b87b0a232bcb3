//! From what a block makes to a group or a target. Start at [`target`].

use std::collections::BTreeMap;

use crate::entry::{Attestation, Entry};
use crate::evaluate::{Scope, evaluate};
use crate::matrix::Made;
use crate::problem::{Fault, Problem};
use crate::resolver::Resolver;
use crate::schema;
use crate::secret::{Secret, Ssh};
use crate::source::Place;
use crate::target::{Group, Target};
use crate::value::Value;

/// The attributes of one block, evaluated.
struct Attributes {
    place: Place,
    block: String,
    values: BTreeMap<String, (Value, Place)>,
}

/// Evaluates what makes a group.
pub(crate) fn group(resolver: &Resolver<'_>, made: &Made) -> Result<Group, Fault> {
    let mut attributes = Attributes::evaluate(resolver, made)?;
    if !attributes.values.contains_key("targets") {
        let problem = Problem::NoAttribute { name: "targets", block: attributes.block };
        return Err(Fault::new(attributes.place, problem));
    }
    Ok(Group {
        name: made.name.clone(),
        description: attributes.text("description").unwrap_or_default(),
        targets: attributes.list("targets").unwrap_or_default(),
    })
}

/// Evaluates what makes a target.
pub(crate) fn target(resolver: &Resolver<'_>, made: &Made) -> Result<Target, Fault> {
    let mut attributes = Attributes::evaluate(resolver, made)?;
    Ok(Target {
        name: made.name.clone(),
        description: attributes.text("description").unwrap_or_default(),
        inherits: attributes.list("inherits").unwrap_or_default(),
        annotations: attributes.list("annotations").unwrap_or_default(),
        attest: attributes
            .entries("attest", |value| entry(value, Entry::attestation))?
            .unwrap_or_default()
            .into_iter()
            .map(Attestation)
            .collect(),
        context: attributes.text("context"),
        contexts: attributes.map("contexts"),
        dockerfile: attributes.text("dockerfile"),
        dockerfile_inline: attributes.text("dockerfile-inline"),
        args: attributes.map("args"),
        labels: attributes.map("labels"),
        tags: attributes.list("tags"),
        cache_from: attributes.entries("cache-from", caches)?.map(flat).unwrap_or_default(),
        cache_to: attributes.entries("cache-to", caches)?.map(flat),
        target: attributes.text("target"),
        secret: attributes.entries("secret", Secret::value)?.unwrap_or_default(),
        ssh: attributes.entries("ssh", Ssh::value)?.unwrap_or_default(),
        platforms: attributes.list("platforms"),
        output: attributes.entries("output", |value| entry(value, Entry::output))?,
        pull: attributes.truth("pull"),
        no_cache: attributes.truth("no-cache"),
        network: attributes.text("network"),
        no_cache_filter: attributes.list("no-cache-filter").unwrap_or_default(),
        shm_size: attributes.text("shm-size"),
        ulimits: attributes.list("ulimits").unwrap_or_default(),
        resources: attributes.map("resources"),
        call: attributes.text("call"),
        entitlements: attributes.list("entitlements").unwrap_or_default(),
        extra_hosts: attributes.map("extra-hosts"),
        policy: attributes.entries("policy", policy)?.unwrap_or_default(),
        is_linked: false,
    })
}

/// An attribute as expressions see it that refer to it: entries that are written in one line are maps.
pub(crate) fn referred(name: &str, value: Value, place: Place) -> Result<Value, Fault> {
    let read: fn(&Value) -> Result<Vec<Value>, String> = match name {
        "cache-from" | "cache-to" => {
            |value| Ok(caches(value)?.iter().map(Entry::to_value).collect())
        }
        "output" => |value| Ok(vec![entry(value, Entry::output)?.to_value()]),
        "attest" => |value| Ok(vec![entry(value, Entry::attestation)?.to_value()]),
        "secret" => |value| Ok(vec![Secret::value(value)?.to_value()]),
        "ssh" => |value| Ok(vec![Ssh::value(value)?.to_value()]),
        _ => return Ok(value),
    };
    let mut attributes = Attributes {
        place,
        block: String::new(),
        values: BTreeMap::from([(name.to_owned(), (value, place))]),
    };
    Ok(Value::List(attributes.entries(name, read)?.unwrap_or_default().concat()))
}

fn caches(value: &Value) -> Result<Vec<Entry>, String> {
    if let Value::Text(line) = value {
        return Entry::caches(line);
    }
    Entry::map(value).map(|entry| vec![entry])
}

fn flat(entries: Vec<Vec<Entry>>) -> Vec<Entry> {
    entries.into_iter().flatten().collect()
}

fn entry(value: &Value, line: fn(&str) -> Result<Entry, String>) -> Result<Entry, String> {
    if let Value::Text(text) = value {
        return line(text);
    }
    Entry::map(value)?.with_disabled()
}

/// `filename`, `reset`, `disabled`, `strict`, `log-level`, as a map or in one line.
pub(crate) fn policy(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let mut fields = BTreeMap::new();
    match value {
        Value::Text(line) => {
            for field in crate::comma::fields(line)? {
                let (key, value) =
                    field.split_once('=').ok_or_else(|| format!("{field:?} has no value"))?;
                fields.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
        Value::Map(members) => {
            let texts = members
                .iter()
                .filter_map(|(name, value)| value.as_text().map(|text| (name.clone(), text)));
            fields.extend(texts);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Set(_) => {
            return Err(format!("a string or a map is needed, not {}", value.kind()));
        }
    }
    let known = ["filename", "reset", "disabled", "strict", "log-level"];
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(format!("{other} is unknown")),
        None => Ok(fields),
    }
}

impl Attributes {
    fn evaluate(resolver: &Resolver<'_>, made: &Made) -> Result<Self, Fault> {
        let mut attributes =
            Self { place: Place::default(), block: made.kind.clone(), values: BTreeMap::new() };
        let Some(block) = resolver.blocks.get(made.block) else { return Ok(attributes) };
        attributes.place = block.place;
        attributes.block = format!("{} {}", made.kind, made.name);
        for attribute in &block.body.attributes {
            if !schema::attributes(&made.kind).contains(&attribute.name.as_str()) {
                continue;
            }
            // By the same way as others that refer to it, so that a circle is found.
            let guard = resolver.begin_attribute(made, &attribute.name, attribute.place)?;
            let value = evaluate(resolver, &attribute.value, &Scope::new(&made.row))?;
            drop(guard);
            let value = schema::convert(&made.kind, attribute, &value)?;
            attributes.values.insert(attribute.name.clone(), (value, attribute.value.place()));
        }
        Ok(attributes)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name).and_then(|(value, _)| value.as_text())
    }

    fn truth(&mut self, name: &str) -> Option<bool> {
        self.values.remove(name).and_then(|(value, _)| value.as_bool())
    }

    fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let (value, _) = self.values.remove(name)?;
        value.elements().map(|values| values.iter().filter_map(Value::as_text).collect())
    }

    /// Names whose values are null are left out: what is taken over from others stays.
    fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let Some((Value::Map(members), _)) = self.values.remove(name) else {
            return BTreeMap::new();
        };
        members
            .into_iter()
            .filter_map(|(name, value)| value.as_text().map(|text| (name, text)))
            .collect()
    }

    /// Elements that are empty or null are left out.
    fn entries<T>(
        &mut self,
        name: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, Fault> {
        let Some((value, place)) = self.values.remove(name) else { return Ok(None) };
        let Some(values) = value.elements() else { return Ok(None) };
        let mut entries = Vec::new();
        for value in values {
            if matches!(value, Value::Null) || *value == Value::text("") {
                continue;
            }
            let entry = read(value).map_err(|why| {
                let text = value.as_text().unwrap_or_else(|| value.to_json());
                Fault::new(place, Problem::Entry { what: name.to_owned(), text, why })
            })?;
            entries.push(entry);
        }
        Ok(Some(entries))
    }
}
