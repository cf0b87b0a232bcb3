//! What is said of an image beside it: statements of in-toto, and how registries keep them, in a manifest of their own beside the image's.
//!
//! Docker's attestation storage: the manifest's platform is unknown, its entry in the index names the image's manifest. A statement names that
//! manifest, too, so it is written only when the manifest is known: [`attach`]. Sources: in-toto attestation framework, v1; package URLs, ECMA-427.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spec::Digest;
use spec::image::{Descriptor, Manifest, Platform, media_type};

use crate::images::digest_of;

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What kind of thing is said: a URI.
    pub predicate_type: String,
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
        self.about(&subjects).to_string().into_bytes()
    }

    /// The statement said of files, for people.
    #[must_use]
    pub fn about_files(&self, files: &[(String, Digest)]) -> Vec<u8> {
        let subject = |(name, digest): &(String, Digest)| {
            let (algorithm, hex) = algorithm(digest);
            json!({ "name": name, "digest": { algorithm: hex } })
        };
        let subjects: Vec<Value> = files.iter().map(subject).collect();
        format!("{:#}\n", self.about(&subjects)).into_bytes()
    }

    /// What the file is called that it is written to.
    #[must_use]
    pub fn file_name(&self) -> &'static str {
        match self.predicate_type.as_str() {
            Self::SPDX => "sbom.spdx.json",
            Self::SLSA => "provenance.json",
            _ => "statement.json",
        }
    }

    fn about(&self, subjects: &[Value]) -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        })
    }
}

/// The name of a digest's algorithm, and the digits.
#[must_use]
pub fn algorithm(digest: &Digest) -> (String, String) {
    let written = digest.to_string();
    let (algorithm, hex) = written.split_once(':').unwrap_or(("sha256", &written));
    (algorithm.to_owned(), hex.to_owned())
}

/// The package URL of an image: `pkg:docker/NAME@TAG?platform=OS%2FARCH`.
#[must_use]
pub fn image_url(reference: &str, platform: Option<&Platform>) -> String {
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

/// The media type of statements.
const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// Bytes to be kept, and what is said of them.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Media type, digest, size.
    pub descriptor: Descriptor,
}

/// What is written beside an image.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The statements, in their order.
    pub layers: Vec<Blob>,
    /// The configuration, which says nothing.
    pub config: Blob,
    /// The manifest; its descriptor goes into the index, behind the image's.
    pub manifest: Blob,
}

/// Packs statements about the manifest of `image`, an entry of the index that the result goes into.
#[must_use]
pub fn attach(image: &Descriptor, statements: &[Statement], names: &[SubjectName<'_>]) -> Attached {
    let layers: Vec<Blob> = statements
        .iter()
        .map(|statement| {
            let mut layer = blob(STATEMENT_TYPE, statement.to_bytes(&image.digest, names));
            let key = "in-toto.io/predicate-type".to_owned();
            layer.descriptor.annotations.insert(key, statement.predicate_type.clone());
            layer
        })
        .collect();
    let diff_ids: Vec<&Digest> = layers.iter().map(|layer| &layer.descriptor.digest).collect();
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = blob(media_type::OCI_CONFIG, config.to_string().into_bytes());
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: config.descriptor.clone(),
        layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        subject: None,
        annotations: BTreeMap::new(),
    };
    // A manifest is plain data: there is no value of it that serde_json refuses.
    let bytes = serde_json::to_vec(&manifest).unwrap_or_default();
    let mut manifest = blob(media_type::OCI_MANIFEST, bytes);
    let unknown = || "unknown".to_owned();
    manifest.descriptor.platform =
        Some(Platform { architecture: unknown(), os: unknown(), ..Platform::default() });
    manifest.descriptor.annotations = BTreeMap::from([
        ("vnd.docker.reference.digest".to_owned(), image.digest.to_string()),
        ("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned()),
    ]);
    Attached { layers, config, manifest }
}

fn blob(media_type: &str, bytes: Vec<u8>) -> Blob {
    let descriptor = Descriptor {
        media_type: media_type.to_owned(),
        digest: digest_of(&bytes),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        annotations: BTreeMap::new(),
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        data: None,
    };
    Blob { bytes, descriptor }
}

/// Percent-encodes all but letters, digits and what a package URL leaves alone.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
