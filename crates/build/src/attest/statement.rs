//! Statements of in-toto: something is said (the predicate) of something (the subjects). Source: in-toto attestation framework, v1.

use serde_json::{Value, json};
use spec::Digest;
use spec::image::Platform;

use super::package::encode;

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What kind of thing is said: a URI.
    pub predicate_type: &'static str,
    /// What is said.
    pub predicate: Value,
}

/// One name of the image that is spoken of.
#[derive(Clone, Debug)]
pub struct SubjectName<'a> {
    /// As `example.org/app:1`; empty for an image without one.
    pub reference: &'a str,
    /// For what machine it is.
    pub platform: &'a Platform,
}

impl Statement {
    /// Of a list of packages.
    pub const SPDX: &'static str = "https://spdx.dev/Document";
    /// Of how something was built.
    pub const SLSA: &'static str = "https://slsa.dev/provenance/v1";

    /// Its bytes, said of the manifest of this digest under all its names.
    #[must_use]
    pub fn to_bytes(&self, digest: &Digest, names: &[SubjectName<'_>]) -> Vec<u8> {
        let (algorithm, hex) = algorithm(digest);
        let subject =
            |name: String| json!({ "name": name, "digest": { algorithm.as_str(): hex.as_str() } });
        let mut subjects: Vec<Value> = names
            .iter()
            .filter(|name| !name.reference.is_empty())
            .map(|name| subject(image_url(name.reference, Some(name.platform))))
            .collect();
        if subjects.is_empty() {
            subjects.push(subject("_".to_owned()));
        }
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        });
        statement.to_string().into_bytes()
    }
}

/// The name of a digest's algorithm, and the digits.
pub(super) fn algorithm(digest: &Digest) -> (String, String) {
    let written = digest.to_string();
    let (algorithm, hex) = written.split_once(':').unwrap_or(("sha256", &written));
    (algorithm.to_owned(), hex.to_owned())
}

/// The package URL of an image: `pkg:docker/NAME@TAG?platform=OS%2FARCH`.
pub(super) fn image_url(reference: &str, platform: Option<&Platform>) -> String {
    let bare = reference.split('@').next().unwrap_or(reference);
    let tag_at = bare.rfind(':').filter(|at| !bare.get(*at..).unwrap_or_default().contains('/'));
    let (name, tag) = tag_at.map_or((bare, "latest"), |at| {
        let (name, tag) = bare.split_at(at);
        (name, tag.trim_start_matches(':'))
    });
    let name: Vec<String> = name.split('/').map(encode).collect();
    let platform = platform
        .map(|platform| format!("?platform={}", encode(&platform.to_string())))
        .unwrap_or_default();
    format!("pkg:docker/{}@{}{platform}", name.join("/"), encode(tag))
}
