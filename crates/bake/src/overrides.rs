//! What `--set TARGET.KEY[.NAME][+]=VALUE` changes. Start at [`Overrides::read`].

use std::collections::BTreeMap;

use crate::decode::policy;
use crate::entry::{Attestation, Entry, without_doubles};
use crate::pattern::matches;
use crate::problem::{BakeError, Problem, closest};
use crate::secret::{Secret, Ssh};
use crate::target::Target;
use crate::value::Value;

/// Changes by target, and by key and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    targets: BTreeMap<String, BTreeMap<String, Override>>,
}

/// A change.
#[derive(Clone, Debug, Default)]
struct Override {
    /// As it was written, for messages.
    text: String,
    value: String,
    /// What was given for the same key of a list.
    values: Vec<String>,
    /// Whether it is added to what is there.
    is_added: bool,
}

const LISTS: &[&str] = &[
    "output",
    "cache-to",
    "cache-from",
    "tags",
    "platform",
    "secrets",
    "ssh",
    "attest",
    "entitlements",
    "annotations",
    "policy",
    "no-cache-filter",
    "ulimits",
];

const NAMED: &[&str] = &["args", "contexts", "labels", "secret", "resources", "extra-hosts"];

const SINGLE: &[&str] = &[
    "context",
    "dockerfile",
    "target",
    "call",
    "no-cache",
    "shm-size",
    "network",
    "pull",
    "push",
    "load",
];

impl Overrides {
    /// Reads them; `environment` has the values of arguments that are given without one.
    pub(crate) fn read(
        lines: &[String],
        targets: &[Target],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, BakeError> {
        let mut overrides = Self::default();
        for line in lines {
            let wrong =
                |why: String| BakeError::outside(Problem::Override { text: line.clone(), why });
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (line.as_str(), None),
            };
            let (key, is_added) = key.strip_suffix('+').map_or((key, false), |key| (key, true));
            let mut parts = key.splitn(3, '.');
            let (Some(pattern), Some(field)) = (parts.next(), parts.next()) else {
                return Err(wrong("TARGET.KEY=VALUE is needed".to_owned()));
            };
            let name = parts.next();
            check(field, name, is_added).map_err(&wrong)?;
            let value = match value {
                Some(value) => value,
                None if field == "args" => match environment.get(name.unwrap_or_default()) {
                    Some(value) => value.clone(),
                    None => continue,
                },
                None => return Err(wrong("it has no value".to_owned())),
            };
            let key = name.map_or(field.to_owned(), |name| format!("{field}.{name}"));
            for target in expand(pattern, targets)? {
                let entry = overrides.targets.entry(target).or_default();
                let change = entry.entry(key.clone()).or_default();
                change.text.clone_from(line);
                change.values.push(value.clone());
                change.value.clone_from(&value);
                change.is_added = is_added;
            }
        }
        Ok(overrides)
    }

    /// Changes a target.
    pub(crate) fn apply(&self, target: &mut Target) -> Result<(), BakeError> {
        let Some(changes) = self.targets.get(&target.name) else { return Ok(()) };
        for (key, change) in changes {
            let (field, name) = key.split_once('.').unwrap_or((key, ""));
            change.apply(target, field, name).map_err(|why| {
                BakeError::outside(Problem::Override { text: change.text.clone(), why })
            })?;
        }
        Ok(())
    }
}

fn check(field: &str, name: Option<&str>, is_added: bool) -> Result<(), String> {
    let named = NAMED.contains(&field);
    if named && name.is_none_or(str::is_empty) {
        return Err(format!("{field} needs a name: {field}.NAME=VALUE"));
    }
    if !named && name.is_some() {
        return Err(format!("{field} takes no name"));
    }
    if is_added && !LISTS.contains(&field) {
        return Err(format!("{field} cannot be added to"));
    }
    if named || LISTS.contains(&field) || SINGLE.contains(&field) {
        return Ok(());
    }
    let known = [LISTS, NAMED, SINGLE].concat();
    let meant = closest(field, known.iter().copied());
    let meant = meant.map_or(String::new(), |name| format!(", did you mean {name}?"));
    Err(format!("key {field} is unknown{meant}"))
}

/// The targets that a pattern means.
fn expand(pattern: &str, targets: &[Target]) -> Result<Vec<String>, BakeError> {
    if targets.iter().any(|target| target.name == pattern) {
        return Ok(vec![pattern.to_owned()]);
    }
    let names = targets.iter().map(|target| target.name.clone());
    let found: Vec<String> = names.filter(|name| matches(pattern, name)).collect();
    if found.is_empty() {
        return Err(BakeError::outside(Problem::NoMatch(pattern.to_owned())));
    }
    Ok(found)
}

impl Override {
    fn apply(&self, target: &mut Target, field: &str, name: &str) -> Result<(), String> {
        let value = || self.value.clone();
        match field {
            "context" => target.context = Some(value()),
            "dockerfile" => target.dockerfile = Some(value()),
            "target" => target.target = Some(value()),
            "call" => target.call = Some(value()),
            "shm-size" => target.shm_size = Some(value()),
            "network" => target.network = Some(value()),
            "no-cache" => target.no_cache = Some(truth(&self.value)?),
            "pull" => target.pull = Some(truth(&self.value)?),
            "push" => {
                let outputs = target.output.take().unwrap_or_default();
                target.output = Some(push(outputs, truth(&self.value)?));
            }
            "load" if truth(&self.value)? => {
                target.output = Some(load(target.output.take().unwrap_or_default()));
            }
            "args" => named(&mut target.args, name, value()),
            "contexts" => named(&mut target.contexts, name, value()),
            "labels" => named(&mut target.labels, name, value()),
            "extra-hosts" => named(&mut target.extra_hosts, name, value()),
            "resources" => named(&mut target.resources, name, value()),
            "secret" => self.secret(target, name)?,
            _ => self.apply_list(target, field)?,
        }
        Ok(())
    }

    fn apply_list(&self, target: &mut Target, field: &str) -> Result<(), String> {
        match field {
            "tags" => self.put(target.tags.get_or_insert_default(), self.values.clone()),
            "platform" => self.put(target.platforms.get_or_insert_default(), self.values.clone()),
            "no-cache-filter" => self.put(&mut target.no_cache_filter, self.values.clone()),
            "ulimits" => self.put(&mut target.ulimits, self.values.clone()),
            "entitlements" => target.entitlements.extend_from_slice(&self.values),
            "annotations" => target.annotations.extend_from_slice(&self.values),
            "cache-from" => self.put(&mut target.cache_from, self.each(Entry::caches)?.concat()),
            "cache-to" => {
                let caches = self.each(Entry::caches)?.concat();
                self.put(target.cache_to.get_or_insert_default(), caches);
            }
            "output" => {
                let outputs = self.each(Entry::output)?;
                self.put(target.output.get_or_insert_default(), outputs);
            }
            "attest" => {
                let attestations = self.each(Entry::attestation)?;
                target.attest.extend(attestations.into_iter().map(Attestation));
            }
            "secrets" => self.put(&mut target.secret, self.each(Secret::line)?),
            "ssh" => self.put(&mut target.ssh, self.each(|line| Ok(Ssh::line(line)))?),
            "policy" => {
                let rules = self.each(|line| policy(&Value::text(line)))?;
                self.put(&mut target.policy, rules);
            }
            // `load=false` changes nothing.
            _ => {}
        }
        Ok(())
    }

    fn put<T: PartialEq>(&self, own: &mut Vec<T>, new: Vec<T>) {
        if !self.is_added {
            own.clear();
        }
        own.extend(new);
        *own = without_doubles(std::mem::take(own));
    }

    fn each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        self.values.iter().filter(|value| !value.is_empty()).map(|value| read(value)).collect()
    }

    /// Where a secret that the target has is found.
    fn secret(&self, target: &mut Target, id: &str) -> Result<(), String> {
        let Some(secret) = target.secret.iter_mut().find(|secret| secret.id == id) else {
            return Err(format!("the target has no secret {id}"));
        };
        let new = Secret::line(&self.value)?;
        if !new.id.is_empty() && new.id != id {
            return Err(format!("its id is {id}, not {}", new.id));
        }
        *secret = Secret { id: id.to_owned(), ..new };
        Ok(())
    }
}

fn named(map: &mut BTreeMap<String, String>, name: &str, value: String) {
    map.insert(name.to_owned(), value);
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it is true or false".to_owned()),
    }
}

/// Has images pushed, or not.
fn push(mut outputs: Vec<Entry>, is_pushed: bool) -> Vec<Entry> {
    let says = |entry: &mut Entry| {
        entry.attributes.insert("push".to_owned(), is_pushed.to_string());
    };
    if !is_pushed {
        let mut at = 0;
        while let Some(kind) = outputs.get(at).map(|entry| entry.kind.clone()) {
            if kind == "registry" {
                outputs.swap_remove(at);
                continue;
            }
            if kind == "image"
                && let Some(entry) = outputs.get_mut(at)
            {
                says(entry);
            }
            at += 1;
        }
        return outputs;
    }
    let only_docker = outputs.iter().all(|entry| entry.kind == "docker");
    outputs.iter_mut().filter(|entry| entry.kind == "image").for_each(says);
    if only_docker {
        let attributes = [("push".to_owned(), "true".to_owned())].into();
        outputs.push(Entry { kind: "image".to_owned(), attributes });
    }
    outputs
}

/// Has the image kept, unless it is so already or goes elsewhere as files.
fn load(mut outputs: Vec<Entry>) -> Vec<Entry> {
    for entry in &outputs {
        match entry.kind.as_str() {
            "docker" if !entry.attributes.contains_key("dest") => return outputs,
            "docker" | "image" | "registry" | "oci" => {}
            _ => return outputs,
        }
    }
    outputs.push(Entry { kind: "docker".to_owned(), attributes: BTreeMap::new() });
    outputs
}
