//! How an image was built, as SLSA's provenance v1 has it. Start at [`Provenance::predicate`].
//!
//! Secrets and agents are named, never told: their values do not come here at all. Addresses lose what lets one in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spec::Digest;
use spec::image::Platform;

use store::attestation::{Statement, algorithm, image_url};

use super::redact;

/// What a build with a Dockerfile is, as a URI: which parameters there are and what they mean.
const BUILD_TYPE: &str = "urn:corten:build:dockerfile:v1";

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Detail {
    /// What went in, and when: neither values of arguments and labels nor names of secrets.
    #[default]
    Least,
    /// Everything that is not secret: arguments, the Dockerfile, the steps.
    Most,
}

/// A secret that steps could ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub id: String,
    /// Whether the build goes on without it.
    pub is_optional: bool,
}

/// Something that went in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// An image, by its manifest.
    Image {
        /// As the file names it.
        reference: String,
        /// For which machine.
        platform: Platform,
        /// What it was.
        digest: Digest,
    },
    /// What a web server gave.
    Url {
        /// Where.
        url: String,
        /// What it was.
        digest: Digest,
    },
    /// A commit.
    Git {
        /// The repository.
        url: String,
        /// The commit, in hexadecimal digits: 40 of SHA-1, 64 of SHA-256.
        commit: String,
    },
}

/// A step of the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedStep {
    /// Its number.
    pub id: usize,
    /// The numbers of those that it builds on.
    pub inputs: Vec<usize>,
    /// The instruction as it stands in the file, variables not put in.
    pub instruction: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// The layer that it made.
    pub layer: Option<Digest>,
    /// Whether the cache had it.
    pub is_cached: bool,
}

/// What is known of a build. It has as many fields as the predicate has: it is the list of what a builder must say.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// How much is told.
    pub detail: Detail,
    /// The Dockerfile's name within the context.
    pub dockerfile: String,
    /// Where the context is from, when it is no directory of the caller's.
    pub source: Option<Dependency>,
    /// The stage that was asked for; empty for the last one.
    pub target: String,
    /// For which machine was built.
    pub platform: Platform,
    /// On which machine was built.
    pub builder_platform: Platform,
    /// Build arguments that the caller gave.
    pub arguments: BTreeMap<String, String>,
    /// Labels that the caller gave.
    pub labels: BTreeMap<String, String>,
    /// Contexts that the caller named, and what they are.
    pub contexts: BTreeMap<String, String>,
    /// Secrets that the caller gave.
    pub secrets: Vec<Secret>,
    /// Names of SSH agents that the caller gave.
    pub agents: Vec<String>,
    /// All that went in.
    pub dependencies: Vec<Dependency>,
    /// Who built: a URI, empty where none is configured.
    pub builder_id: String,
    /// Which build it was.
    pub invocation_id: String,
    /// When it began: RFC 3339.
    pub started: String,
    /// When it ended: RFC 3339.
    pub finished: String,
    /// The Dockerfile's text.
    pub text: String,
    /// The steps.
    pub steps: Vec<RecordedStep>,
    /// Whether nothing went in that is not listed: no network in a step, no context of the caller's.
    pub is_complete: bool,
}

impl Provenance {
    /// The statement's content.
    #[must_use]
    pub fn predicate(&self) -> Value {
        json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": self.external(),
                "internalParameters": self.internal(),
                "resolvedDependencies": self.resolved(),
            },
            "runDetails": {
                "builder": { "id": self.builder_id },
                "metadata": self.metadata(),
            },
        })
    }

    /// The statement.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement { predicate_type: Statement::SLSA.to_owned(), predicate: self.predicate() }
    }

    fn external(&self) -> Value {
        let mut source = json!({ "path": self.dockerfile });
        if let Some(dependency) = &self.source {
            let described = dependency.describe();
            source["uri"] = described["uri"].clone();
            source["digest"] = described["digest"].clone();
        }
        let mut arguments = BTreeMap::new();
        if !self.target.is_empty() {
            arguments.insert("target".to_owned(), self.target.clone());
        }
        arguments.insert("platform".to_owned(), self.platform.to_string());
        let mut request = json!({ "frontend": "dockerfile.v0" });
        if self.detail == Detail::Most {
            let named = |kind: &str, map: &BTreeMap<String, String>| -> Vec<(String, String)> {
                map.iter().map(|(name, value)| (format!("{kind}:{name}"), value.clone())).collect()
            };
            arguments.extend(named("build-arg", &self.arguments));
            arguments.extend(named("label", &self.labels));
            let contexts = named("context", &self.contexts);
            arguments.extend(contexts.into_iter().map(|(name, value)| (name, redact::url(&value))));
            let secrets = self.secrets.iter();
            request["secrets"] = secrets
                .map(|secret| json!({ "id": secret.id, "optional": secret.is_optional }))
                .collect();
            request["ssh"] = self.agents.iter().map(|id| json!({ "id": id })).collect();
            if self.source.is_none() {
                request["locals"] = json!([{ "name": "context" }, { "name": "dockerfile" }]);
            }
        }
        request["args"] = json!(arguments);
        json!({ "configSource": source, "request": request })
    }

    fn internal(&self) -> Value {
        let mut internal = json!({ "builderPlatform": self.builder_platform.to_string() });
        if self.detail == Detail::Most {
            let steps = self.steps.iter().map(|step| {
                let inputs: Vec<String> =
                    step.inputs.iter().map(|input| format!("step{input}")).collect();
                json!({
                    "id": format!("step{}", step.id),
                    "inputs": inputs,
                    "instruction": step.instruction,
                    "line": step.line,
                    "cached": step.is_cached,
                    "layer": step.layer.as_ref().map(Digest::to_string),
                })
            });
            internal["buildConfig"] = json!({ "steps": steps.collect::<Vec<Value>>() });
        }
        internal
    }

    /// Sorted, each once: the order in which stages finish is chance.
    fn resolved(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self.dependencies.iter().map(Dependency::describe).collect();
        all.sort_by_key(Value::to_string);
        all.dedup();
        all
    }

    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "invocationId": self.invocation_id,
            "startedOn": self.started,
            "finishedOn": self.finished,
            "corten_completeness": {
                "request": self.detail == Detail::Most,
                "resolvedDependencies": self.is_complete,
            },
        });
        if self.detail == Detail::Most {
            metadata["corten_metadata"] = json!({
                "source": { "filename": self.dockerfile, "language": "Dockerfile", "text": self.text },
            });
        }
        metadata
    }
}

impl Dependency {
    fn describe(&self) -> Value {
        match self {
            Self::Image { reference, platform, digest } => {
                let (algorithm, hex) = algorithm(digest);
                json!({
                    "uri": image_url(reference, Some(platform)),
                    "digest": { algorithm: hex },
                })
            }
            Self::Url { url, digest } => {
                let (algorithm, hex) = algorithm(digest);
                json!({ "uri": redact::url(url), "digest": { algorithm: hex } })
            }
            Self::Git { url, commit } => {
                let algorithm = if commit.len() == 64 { "sha256" } else { "sha1" };
                json!({ "uri": redact::url(url), "digest": { algorithm: commit } })
            }
        }
    }
}
