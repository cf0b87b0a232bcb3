//! Targets and groups: plain data, and how one target takes over from another.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::entry::{Attestation, Entry, without_doubles};
use crate::secret::{Secret, Ssh, last_of_each};

/// Several targets under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of targets and groups.
    pub targets: Vec<String>,
}

/// One build. What is `None` or empty is not said. Its JSON is what `bake --print` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Targets whose attributes it takes over, later ones over earlier ones. Empty once it is resolved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<String>,
    /// Annotations of the image: `[LEVELS:]KEY=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "escaped_list")]
    pub annotations: Vec<String>,
    /// Attestations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attest: Vec<Attestation>,
    /// The context: a directory, a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Named contexts: directories, URLs, `docker-image://NAME`, `target:NAME`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// The Dockerfile, below the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The Dockerfile's text, in its place.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "escaped")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "escaped_map")]
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "escaped_map")]
    pub labels: BTreeMap<String, String>,
    /// Names of the image.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub tags: Option<Vec<String>>,
    /// Caches to look into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<Entry>,
    /// Caches to write.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub cache_to: Option<Vec<Entry>>,
    /// The stage to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<Secret>,
    /// SSH agents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<Ssh>,
    /// Platforms.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub platforms: Option<Vec<String>>,
    /// Where the result goes.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub output: Option<Vec<Entry>>,
    /// Whether bases are pulled even where they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<bool>,
    /// Whether the cache is not looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// The network of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Stages whose cache is not looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_cache_filter: Vec<String>,
    /// Size of `/dev/shm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// Limits of processes: `NAME=SOFT[:HARD]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<String>,
    /// Limits of steps: `memory`, `memory-swap`, `cpu-shares`, `cpu-period`, `cpu-quota`, `cpuset-cpus`, `cpuset-mems`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "resources")]
    pub resources: BTreeMap<String, String>,
    /// What is asked of the Dockerfile: `build`, `check`, `outline`, `targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What steps may do that is not usual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<String>,
    /// What steps find in `/etc/hosts`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "escaped_map")]
    pub extra_hosts: BTreeMap<String, String>,
    /// Rules for sources, as they are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<BTreeMap<String, String>>,
    /// Whether it is built only because another target's context is its result.
    #[serde(skip)]
    pub is_linked: bool,
}

impl Target {
    /// Takes over what `other` says: single values and most lists in place of its own, maps and the other lists in addition.
    pub(crate) fn merge(&mut self, other: &Self) {
        let replace = |own: &mut Option<String>, other: &Option<String>| {
            if other.is_some() {
                own.clone_from(other);
            }
        };
        replace(&mut self.context, &other.context);
        replace(&mut self.dockerfile, &other.dockerfile);
        replace(&mut self.dockerfile_inline, &other.dockerfile_inline);
        replace(&mut self.target, &other.target);
        replace(&mut self.call, &other.call);
        replace(&mut self.network, &other.network);
        replace(&mut self.shm_size, &other.shm_size);
        if !other.description.is_empty() {
            self.description.clone_from(&other.description);
        }
        self.pull = other.pull.or(self.pull);
        self.no_cache = other.no_cache.or(self.no_cache);
        for (own, other) in [
            (&mut self.args, &other.args),
            (&mut self.contexts, &other.contexts),
            (&mut self.labels, &other.labels),
            (&mut self.extra_hosts, &other.extra_hosts),
            (&mut self.resources, &other.resources),
        ] {
            own.extend(other.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        self.merge_lists(other);
    }

    fn merge_lists(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.inherits, &other.inherits),
            (&mut self.annotations, &other.annotations),
            (&mut self.no_cache_filter, &other.no_cache_filter),
            (&mut self.ulimits, &other.ulimits),
            (&mut self.entitlements, &other.entitlements),
        ] {
            own.extend_from_slice(other);
        }
        self.attest.extend_from_slice(&other.attest);
        self.secret.extend_from_slice(&other.secret);
        self.ssh.extend_from_slice(&other.ssh);
        self.policy.extend_from_slice(&other.policy);
        self.cache_from.extend_from_slice(&other.cache_from);
        self.cache_from = without_doubles(std::mem::take(&mut self.cache_from));
        if other.tags.is_some() {
            self.tags.clone_from(&other.tags);
        }
        if other.platforms.is_some() {
            self.platforms.clone_from(&other.platforms);
        }
        if other.cache_to.is_some() {
            self.cache_to.clone_from(&other.cache_to);
        }
        if other.output.is_some() {
            self.output.clone_from(&other.output);
        }
    }

    /// Takes out what stands twice or is empty, and adds what follows from the rest.
    pub(crate) fn normalize(&mut self) {
        if self.network.as_deref() == Some("host") {
            self.entitlements.push("network.host".to_owned());
        }
        for list in [
            &mut self.annotations,
            &mut self.no_cache_filter,
            &mut self.ulimits,
            &mut self.entitlements,
        ] {
            once(list);
        }
        for list in [&mut self.tags, &mut self.platforms].into_iter().flatten() {
            once(list);
        }
        self.attest = last_of_each(std::mem::take(&mut self.attest), |entry| &entry.0.kind);
        self.secret = last_of_each(std::mem::take(&mut self.secret), |secret| &secret.id);
        self.ssh = last_of_each(std::mem::take(&mut self.ssh), |agent| &agent.id);
        self.cache_from = without_doubles(std::mem::take(&mut self.cache_from));
        self.cache_to = self.cache_to.take().map(without_doubles);
        self.output = self.output.take().map(without_doubles);
        self.contexts.retain(|_, context| !context.is_empty());
    }
}

/// Each string once, at its first place; none that is empty.
pub(crate) fn once(list: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|text| !text.is_empty() && seen.insert(text.clone()));
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn is_none_or_empty<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

/// As it would be written in a file, where `${` begins an interpolation.
fn escape(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn escaped<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().map(escape).serialize(serializer)
}

fn escaped_list<S: Serializer>(list: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|text| escape(text)))
}

fn escaped_map<S: Serializer>(
    map: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(name, value)| (name, escape(value))))
}

/// Shares of processors are numbers, sizes and sets are strings.
fn resources<S: Serializer>(
    map: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let order = [
        "memory",
        "memory-swap",
        "cpu-shares",
        "cpu-period",
        "cpu-quota",
        "cpuset-cpus",
        "cpuset-mems",
    ];
    let members = order.iter().filter_map(|name| map.get(*name).map(|value| (name, value)));
    serializer.collect_map(members.map(|(name, value)| {
        let number = value.parse::<i64>().ok().filter(|_| name.starts_with("cpu-"));
        (name, number.map_or_else(|| value.clone().into(), serde_json::Value::from))
    }))
}
