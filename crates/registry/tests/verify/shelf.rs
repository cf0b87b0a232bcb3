//! What lies in a repository (images, signatures, bundles), and two servers to bring it to.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry::{Client, Pointer, Repository};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use spec::Digest;
use spec::image::{Platform, media_type};
use testkit::{Response, ScriptedServer, Signer};

use crate::shared::settings;

pub(super) const SIMPLE_TYPE: &str = "cosign container image signature";
pub(super) const SIMPLE_LAYER: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(super) const SIGNATURES: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What lies in a repository, before it is brought to a server.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    /// By tag or digest: media type and bytes.
    pub(super) manifests: BTreeMap<String, (String, Vec<u8>)>,
    /// By subject.
    pub(super) referrers: BTreeMap<String, Vec<Value>>,
}

impl Shelf {
    pub(super) fn blob(&mut self, kind: &str, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        self.blobs.insert(digest.to_string(), bytes.to_vec());
        json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    }

    pub(super) fn manifest(&mut self, kind: &str, document: &Value) -> Value {
        let bytes = document.to_string().into_bytes();
        let digest = digest_of(&bytes);
        let size = bytes.len();
        self.manifests.insert(digest.to_string(), (kind.to_owned(), bytes));
        json!({"mediaType": kind, "digest": digest, "size": size})
    }

    /// An image with one empty layer; the word makes it another one.
    pub(super) fn image(&mut self, word: &str) -> Value {
        let layer = self.blob(media_type::OCI_LAYER, &[0; 1024]);
        let config = json!({
            "architecture": Platform::native().architecture, "os": "linux", "author": word,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let config = self.blob(media_type::OCI_CONFIG, config.to_string().as_bytes());
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config, "layers": [layer],
        });
        self.manifest(media_type::OCI_MANIFEST, &document)
    }

    /// An index of an image for this machine, and one for another.
    pub(super) fn index(&mut self, native: &Value, foreign: &Value) -> Value {
        let at = |image: &Value, architecture: &str| {
            let mut entry = image.clone();
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
            entry
        };
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
            "manifests": [at(foreign, "s390x"), at(native, &Platform::native().architecture)],
        });
        self.manifest(media_type::OCI_INDEX, &document)
    }

    pub(super) fn tag(&mut self, tag: &str, of: &Value) {
        let manifest = self.manifests[text(&of["digest"])].clone();
        self.manifests.insert(tag.to_owned(), manifest);
    }

    /// A layer of cosign's.
    pub(super) fn signature(&mut self, payload: &str, signature: Option<&str>) -> Value {
        let mut layer = self.blob(SIMPLE_LAYER, payload.as_bytes());
        if let Some(signature) = signature {
            layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
        }
        layer
    }

    /// cosign's manifest of signatures under the tag that belongs to an image.
    pub(super) fn sign_by_tag(&mut self, image: &Value, layers: &[Value]) {
        let config = self.blob(media_type::OCI_CONFIG, b"{}");
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config, "layers": layers,
        });
        let manifest = self.manifest(media_type::OCI_MANIFEST, &document);
        self.tag(&format!("{}.sig", text(&image["digest"]).replace(':', "-")), &manifest);
    }

    /// The same, or a bundle, as a referrer.
    pub(super) fn sign_by_referrer(&mut self, image: &Value, kind: &str, layers: &[Value]) {
        let config = self.blob("application/vnd.oci.empty.v1+json", b"{}");
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
            "config": config, "layers": layers, "subject": image,
        });
        let mut manifest = self.manifest(media_type::OCI_MANIFEST, &document);
        manifest["artifactType"] = kind.into();
        self.referrers.entry(text(&image["digest"]).to_owned()).or_default().push(manifest);
    }

    /// Puts everything into a repository of a registry that does not know referrers.
    pub(super) fn push(&self, repository: &Repository) {
        for bytes in self.blobs.values() {
            let mut upload = repository.begin_upload().unwrap();
            upload.send(bytes).unwrap();
            upload.finish(&digest_of(bytes)).unwrap();
        }
        let put = |name: &str, kind: &str, bytes: &[u8]| {
            let digest = name.parse::<Digest>();
            let pointer = digest.as_ref().map_or(Pointer::Tag(name), Pointer::Digest);
            repository.put_manifest(pointer, kind, bytes).unwrap();
        };
        // A registry takes an index when it has what is in it.
        for is_index in [false, true] {
            for (name, (kind, bytes)) in &self.manifests {
                if (kind == media_type::OCI_INDEX) == is_index {
                    put(name, kind, bytes);
                }
            }
        }
        for (subject, manifests) in &self.referrers {
            put(&subject.replace(':', "-"), media_type::OCI_INDEX, &index_of(manifests));
        }
    }

    /// A server that has everything in the repository `app`, and the referrers API.
    pub(super) fn serve(self) -> ScriptedServer {
        ScriptedServer::start(move |request| {
            let path = request.path().strip_prefix("/v2/app/").unwrap_or_default();
            let (kind, name) = path.split_once('/').unwrap_or_default();
            let answer = |kind: &str, bytes: &[u8]| {
                Response::new(200).header("Content-Type", kind).body(bytes.to_vec())
            };
            let found = match kind {
                "manifests" => self.manifests.get(name).map(|(kind, bytes)| answer(kind, bytes)),
                "blobs" => {
                    self.blobs.get(name).map(|bytes| answer("application/octet-stream", bytes))
                }
                "referrers" => {
                    let found = self.referrers.get(name).map_or(&[][..], Vec::as_slice);
                    Some(answer(media_type::OCI_INDEX, &index_of(found)))
                }
                _ => (request.path() == "/v2/").then(|| Response::new(200)),
            };
            found.unwrap_or_else(|| Response::new(404))
        })
    }
}

pub(super) fn index_of(manifests: &[Value]) -> Vec<u8> {
    let kind = media_type::OCI_INDEX;
    json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).to_string().into_bytes()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::sha256(Sha256::digest(bytes).into())
}

pub(super) fn payload(kind: &str, digest: &str) -> String {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.org/app"},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": null,
    })
    .to_string()
}

/// A good signature of an image.
pub(super) fn good(shelf: &mut Shelf, signer: &Signer, image: &Value) -> Value {
    let payload = payload(SIMPLE_TYPE, text(&image["digest"]));
    shelf.signature(&payload, Some(&STANDARD.encode(signer.sign(payload.as_bytes()))))
}

/// A bundle with an in-toto statement of a digest.
pub(super) fn bundle(signer: &Signer, digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": hex}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": {},
    })
    .to_string();
    let message = format!("DSSEv1 {} {IN_TOTO} {} {statement}", IN_TOTO.len(), statement.len());
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&statement), "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signer.sign(message.as_bytes()))}],
        },
    })
    .to_string()
}

pub(super) fn client() -> Client {
    let mut settings = settings();
    settings.rules.insecure = vec!["127.0.0.0/8".to_owned()];
    settings.limits.tries = 1;
    Client::new(settings)
}
