//! Statements as registries keep them: a manifest of layers that are statements, in an index beside the image it is about.
//!
//! Docker's attestation storage: the manifest's platform is unknown, its entry in the index names the image's manifest.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use spec::Digest;
use spec::image::{Descriptor, Manifest, Platform, media_type};

use super::statement::{Statement, SubjectName};

/// The media type of statements.
const STATEMENT: &str = "application/vnd.in-toto+json";

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
            let mut layer = blob(STATEMENT, statement.to_bytes(&image.digest, names));
            let key = "in-toto.io/predicate-type".to_owned();
            layer.descriptor.annotations.insert(key, statement.predicate_type.to_owned());
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
        digest: Digest::sha256(Sha256::digest(&bytes).into()),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        annotations: BTreeMap::new(),
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        data: None,
    };
    Blob { bytes, descriptor }
}
