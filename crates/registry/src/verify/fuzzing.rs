//! Signatures of whatever is to be read: a reader looks at nothing before the signature holds, so fuzz/ has a key of its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use spec::{Digest, Reference};

use super::identity::Identity;
use super::key::{KeyFile, PublicKey};
use super::signature::{Target, check_bundle, check_simple, pre_authentication_encoding};

/// A key, an image, and what is demanded of its signatures.
#[derive(Debug)]
pub struct Signing {
    key: Ed25519KeyPair,
    files: Vec<KeyFile>,
    reference: Reference,
    digest: Digest,
}

impl Signing {
    /// The same each time. Nothing where the words are no name.
    #[must_use]
    pub fn new(reference: &str) -> Option<Self> {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).ok()?;
        let public = PublicKey::Ed25519(key.public_key().as_ref().try_into().ok()?);
        let files = vec![KeyFile { name: "fuzz.pub".to_owned(), keys: vec![public] }];
        let (reference, digest) = (reference.parse().ok()?, Digest::sha256([7; 32]));
        Some(Self { key, files, reference, digest })
    }

    /// Of the image.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    fn target<'a>(&'a self, identity: &'a Identity) -> Target<'a> {
        Target { reference: &self.reference, digest: &self.digest, document: b"{}", identity }
    }

    fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.key.sign(message))
    }
}

/// Whether a payload of simple signing counts once it is signed.
#[must_use]
pub fn signed_payload(signing: &Signing, payload: &[u8]) -> bool {
    let target = signing.target(&Identity::Repository);
    check_simple(payload, &signing.sign(payload), &signing.files, target).is_ok()
}

/// Whether a statement of that type counts once it is signed in a bundle; the bundle's own text where `kind` is none.
#[must_use]
pub fn signed_bundle(signing: &Signing, kind: Option<&str>, text: &[u8]) -> bool {
    let target = signing.target(&Identity::Any);
    let Some(kind) = kind else {
        return check_bundle(text, &signing.files, target).is_ok();
    };
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "dsseEnvelope": {
            "payload": STANDARD.encode(text),
            "payloadType": kind,
            "signatures": [{"sig": signing.sign(&pre_authentication_encoding(kind, text))}],
        },
    });
    check_bundle(bundle.to_string().as_bytes(), &signing.files, target).is_ok()
}
