//! What a signature says and whose it is: cosign's simple signing, and sigstore bundles.
//!
//! The order is always: decode, verify, and only then read what was signed, from the very bytes that were verified. Never fetches
//! anything. Nothing but the key proves anything: certificates, time stamps and transparency logs that come along are not looked at.
//! Sources: cosign SIGNATURE_SPEC.md and BUNDLE_SPEC.md, container-signature(5), DSSE protocol 1.0.2, sigstore_bundle.proto,
//! in-toto Statement v1.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde::de::IgnoredAny;
use spec::{Digest, Reference};

use super::identity::Identity;
use super::key::KeyFile;

/// Of cosign's payloads.
const SIMPLE_TYPE: &str = "cosign container image signature";
/// Which words begin every media type of a bundle.
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
const BUNDLE_VERSIONS: &[&str] =
    &[".v0.3+json", "+json;version=0.3", "+json;version=0.2", "+json;version=0.1"];
const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: &[&str] =
    &["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
/// What makes a statement a signature. Another one says something *about* an image, that it is full of holes for example.
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What a signature has to be of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    /// The image, as it was asked for.
    pub(super) reference: &'a Reference,
    /// Of its index or manifest.
    pub(super) digest: &'a Digest,
    /// That index or manifest, byte for byte.
    pub(super) document: &'a [u8],
    /// Which name the signature has to carry.
    pub(super) identity: &'a Identity,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Another key, or altered.
    #[error("made by another key, or altered")]
    Key,
    /// The same, where a certificate is said to belong to it.
    #[error("made with a certificate, not with a key")]
    Certificate,
    /// The signature.
    #[error("its signature is no base64")]
    Base64,
    /// There is none.
    #[error("it carries no signature")]
    Missing,
    /// Valid, of something else.
    #[error("it is for {0}")]
    Digest(String),
    /// Valid, of the same image under another name.
    #[error("it is for {0:?}")]
    Name(String),
    /// A kind that says no name, where one is asked for.
    #[error("it does not say for which name")]
    Nameless,
    /// Valid, of no signature.
    #[error("what was signed is of type {0:?}")]
    Type(String),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

fn unreadable(what: &'static str) -> impl Fn(serde_json::Error) -> Flaw {
    move |cause| Flaw::Unreadable(format!("{what}: {}", cut(&cause.to_string())))
}

/// Whose signature it is: the number of the file.
fn signer(files: &[KeyFile], message: &[u8], signature: &[u8]) -> Option<usize> {
    let made = |file: &KeyFile| file.keys.iter().any(|key| key.verifies(message, signature));
    files.iter().position(made)
}

/// What simple signing signs. container-signature(5): whoever does not know a member of `critical` refuses the signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Simple {
    critical: Critical,
    #[serde(default, rename = "optional")]
    _optional: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: SaidIdentity,
    image: SaidImage,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SaidIdentity {
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SaidImage {
    docker_manifest_digest: String,
}

/// Looks at a payload and the annotation that carries its signature; gives the number of the file whose key made it.
pub(super) fn check_simple(
    payload: &[u8],
    signature: &str,
    files: &[KeyFile],
    target: Target<'_>,
) -> Result<usize, Flaw> {
    let signature = STANDARD.decode(signature).map_err(|_bad| Flaw::Base64)?;
    let by = signer(files, payload, &signature).ok_or(Flaw::Key)?;
    let simple: Simple = serde_json::from_slice(payload).map_err(unreadable("its payload"))?;
    let Critical { identity, image, kind } = simple.critical;
    if kind != SIMPLE_TYPE {
        return Err(Flaw::Type(cut(&kind)));
    }
    if image.docker_manifest_digest != target.digest.to_string() {
        return Err(Flaw::Digest(cut(&image.docker_manifest_digest)));
    }
    if !target.identity.accepts(target.reference, &identity.docker_reference) {
        return Err(Flaw::Name(cut(&identity.docker_reference)));
    }
    Ok(by)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    #[serde(default)]
    verification_material: Material,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Material {
    certificate: Option<IgnoredAny>,
    #[serde(rename = "x509CertificateChain")]
    chain: Option<IgnoredAny>,
}

/// Its `messageDigest` is a hint that nothing may be decided by (sigstore_common.proto), so it is not even read.
#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// Looks at a bundle; gives the number of the file whose key made its signature.
pub(super) fn check_bundle(
    bytes: &[u8],
    files: &[KeyFile],
    target: Target<'_>,
) -> Result<usize, Flaw> {
    let bundle: Bundle = serde_json::from_slice(bytes).map_err(unreadable("the bundle"))?;
    let version = bundle.media_type.strip_prefix(BUNDLE).unwrap_or_default();
    if !BUNDLE_VERSIONS.contains(&version) {
        let words = format!("a bundle of the unknown type {:?}", cut(&bundle.media_type));
        return Err(Flaw::Unreadable(words));
    }
    let by = match (&bundle.dsse_envelope, &bundle.message_signature) {
        (Some(envelope), None) => check_envelope(envelope, files, target.digest),
        (None, Some(signed)) => {
            let signature = decode(&signed.signature)?;
            signer(files, target.document, &signature).ok_or(Flaw::Key)
        }
        (None, None) => Err(Flaw::Missing),
        (Some(_), Some(_)) => Err(Flaw::Unreadable("a bundle of two contents".to_owned())),
    };
    let Material { certificate, chain } = bundle.verification_material;
    let by = match by {
        Err(Flaw::Key) if certificate.is_some() || chain.is_some() => Err(Flaw::Certificate),
        other => other,
    }?;
    if *target.identity != Identity::Any {
        return Err(Flaw::Nameless);
    }
    Ok(by)
}

fn check_envelope(envelope: &Envelope, files: &[KeyFile], digest: &Digest) -> Result<usize, Flaw> {
    let payload = decode(&envelope.payload)?;
    // sigstore_bundle.proto: a client must reject any other number.
    let [signature] = &envelope.signatures[..] else {
        let words = format!("a bundle of {} signatures", envelope.signatures.len());
        return Err(Flaw::Unreadable(words));
    };
    let message = pre_authentication_encoding(&envelope.payload_type, &payload);
    let by = signer(files, &message, &decode(&signature.sig)?).ok_or(Flaw::Key)?;
    if envelope.payload_type != IN_TOTO {
        return Err(Flaw::Type(cut(&envelope.payload_type)));
    }
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(unreadable("its statement"))?;
    for (found, allowed) in [(&statement.kind, STATEMENTS), (&statement.predicate_type, &[SIGN])] {
        if !allowed.contains(&found.as_str()) {
            return Err(Flaw::Type(cut(found)));
        }
    }
    let name = digest.algorithm().name();
    let mut said = statement.subject.iter().filter_map(|subject| subject.digest.get(name));
    if said.clone().any(|hex| hex == digest.hex()) {
        return Ok(by);
    }
    let other = said.next().map(|hex| cut(&format!("{name}:{hex}")));
    Err(Flaw::Digest(other.unwrap_or_else(|| "nothing".to_owned())))
}

/// What DSSE signs: type and payload, each with its length, so that neither can be taken for a part of the other.
pub(super) fn pre_authentication_encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// DSSE: a verifier must accept both alphabets.
fn decode(text: &str) -> Result<Vec<u8>, Flaw> {
    STANDARD.decode(text).or_else(|_bad| URL_SAFE.decode(text)).map_err(|_bad| Flaw::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use testkit::Signer;

    const DOCUMENT: &[u8] = br#"{"schemaVersion":2,"the":"manifest"}"#;

    /// A signer, his keys, and what he is to sign.
    struct Scene {
        signer: Signer,
        files: Vec<KeyFile>,
        reference: Reference,
        digest: Digest,
    }

    impl Scene {
        fn new(signer: Signer) -> Self {
            let files = vec![KeyFile::read(signer.public_key()).unwrap()];
            let reference = "registry.example.org/app:1".parse().unwrap();
            Self { signer, files, reference, digest: Digest::sha256([7; 32]) }
        }

        fn all() -> [Self; 2] {
            [Self::new(Signer::p256()), Self::new(Signer::ed25519())]
        }

        fn target<'a>(&'a self, identity: &'a Identity) -> Target<'a> {
            Target {
                reference: &self.reference,
                digest: &self.digest,
                document: DOCUMENT,
                identity,
            }
        }

        fn simple(&self, payload: &str, identity: &Identity) -> Result<usize, Flaw> {
            let signature = STANDARD.encode(self.signer.sign(payload.as_bytes()));
            check_simple(payload.as_bytes(), &signature, &self.files, self.target(identity))
        }

        fn bundle(&self, bundle: &serde_json::Value) -> Result<usize, Flaw> {
            let bytes = serde_json::to_vec(bundle).unwrap();
            check_bundle(&bytes, &self.files, self.target(&Identity::Any))
        }

        /// A bundle whose envelope says `shown` is the payload's type, while `signed` was signed.
        fn envelope(&self, signed: &str, shown: &str, payload: &str) -> serde_json::Value {
            let message = pre_authentication_encoding(signed, payload.as_bytes());
            let sig = STANDARD.encode(self.signer.sign(&message));
            serde_json::json!({
                "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
                "dsseEnvelope": {
                    "payload": STANDARD.encode(payload),
                    "payloadType": shown,
                    "signatures": [{"sig": sig}],
                },
            })
        }
    }

    fn payload(kind: &str, digest: &Digest, name: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{name}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
        )
    }

    fn statement(kind: &str, predicate: &str, digest: &Digest) -> String {
        format!(
            r#"{{"_type":"{kind}","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"{predicate}","predicate":{{}}}}"#,
            digest.hex()
        )
    }

    #[test]
    fn a_payload_counts_for_its_digest_type_name_and_key() {
        let other = Digest::sha256([8; 32]);
        for scene in Scene::all() {
            let good = payload(SIMPLE_TYPE, &scene.digest, "registry.example.org/app");
            assert_eq!(scene.simple(&good, &Identity::Repository), Ok(0));
            let elsewhere = payload(SIMPLE_TYPE, &scene.digest, "registry.example.org/else");
            assert_eq!(scene.simple(&elsewhere, &Identity::Any), Ok(0));
            assert_eq!(
                scene.simple(&elsewhere, &Identity::Repository),
                Err(Flaw::Name("registry.example.org/else".to_owned()))
            );
            assert_eq!(
                scene.simple(&payload(SIMPLE_TYPE, &other, "a"), &Identity::Any),
                Err(Flaw::Digest(other.to_string()))
            );
            let atomic = payload("atomic container signature", &scene.digest, "a");
            assert!(matches!(scene.simple(&atomic, &Identity::Any), Err(Flaw::Type(_))));
            for (from, to) in [
                ("\"type\"", "\"expires\":1,\"type\""),
                ("\"type\"", "\"type\":\"cosign container image signature\",\"type\""),
                ("\"optional\"", "\"more\""),
                ("docker-manifest-digest", "Docker-manifest-digest"),
            ] {
                let strange = good.replace(from, to);
                assert_ne!(strange, good);
                let found = scene.simple(&strange, &Identity::Any);
                assert!(matches!(found, Err(Flaw::Unreadable(_))), "{strange}: {found:?}");
            }
        }
    }

    /// What cosign wrote for ghcr.io/freedomofpress/dangerzone/v1, as the project shows it; its payload has the digest
    /// sha256:88b8a2ac5b829f47bd25a5a4d9c2ccb0fccff7f53a17477b6d9b5680436aa80f.
    #[test]
    fn a_signature_of_cosigns_own_counts() {
        const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3CUlnwh825Z5wQAJV6TekEi6bCK2\n\
            YvAg7A+aeerM5hvc4CCCJFBae5AjnsjGHv4V/3xzssck6e51W+b0jU4qVw==\n\
            -----END PUBLIC KEY-----\n";
        const SIGNATURE: &str = "MEQCIAQScnT03MVfmxjYyW5qAmvQ6TSoukPuw0HmSVlMBwYEAiAzGb76cvDb4CHJ+H6tD00bW1Sh1CK6opaRmI2ist4p2A==";
        let name = "ghcr.io/freedomofpress/dangerzone/v1";
        let digest = "sha256:7396780b5862cf8b37527854a2a2331e5c746b6a71aa1f424258c3bfaf3a1bd7";
        let (reference, digest): (Reference, Digest) =
            (name.parse().unwrap(), digest.parse().unwrap());
        let files = [KeyFile::parse("dangerzone.pub", KEY.as_bytes()).unwrap()];
        let identity = Identity::Repository;
        let target =
            Target { reference: &reference, digest: &digest, document: b"", identity: &identity };
        let payload = payload(SIMPLE_TYPE, &digest, name);
        assert_eq!(check_simple(payload.as_bytes(), SIGNATURE, &files, target), Ok(0));
    }

    #[test]
    fn another_key_an_altered_payload_and_junk_do_not_count() {
        let [scene, other] = Scene::all();
        let good = payload(SIMPLE_TYPE, &scene.digest, "a");
        let target = scene.target(&Identity::Any);
        let by = |signature: &str, payload: &str| {
            check_simple(payload.as_bytes(), signature, &scene.files, target)
        };
        let signature = STANDARD.encode(scene.signer.sign(good.as_bytes()));
        assert_eq!(by(&signature, &good), Ok(0));
        assert_eq!(by(&signature, &good.replace("\"a\"", "\"b\"")), Err(Flaw::Key));
        let foreign = STANDARD.encode(other.signer.sign(good.as_bytes()));
        assert_eq!(by(&foreign, &good), Err(Flaw::Key));
        assert_eq!(by("", &good), Err(Flaw::Key));
        assert_eq!(by("*junk*", &good), Err(Flaw::Base64));
        assert_eq!(by(&signature[..signature.len() - 4], &good), Err(Flaw::Key));
        // Which of several files it was.
        let files = [other.files[0].clone(), scene.files[0].clone()];
        assert_eq!(check_simple(good.as_bytes(), &signature, &files, target), Ok(1));
    }

    #[test]
    fn an_envelope_counts_for_its_type_statement_and_subject() {
        for scene in Scene::all() {
            let good = statement(STATEMENTS[0], SIGN, &scene.digest);
            let envelope = scene.envelope(IN_TOTO, IN_TOTO, &good);
            assert_eq!(scene.bundle(&envelope), Ok(0));
            let url_safe = envelope["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
            let url_safe = url_safe.replace('+', "-").replace('/', "_");
            let mut other = envelope.clone();
            other["dsseEnvelope"]["signatures"][0]["sig"] = url_safe.into();
            assert_eq!(scene.bundle(&other), Ok(0));

            let swapped = scene.envelope("application/json", IN_TOTO, &good);
            assert_eq!(scene.bundle(&swapped), Err(Flaw::Key));
            let of_another_type = scene.envelope("text/plain", "text/plain", &good);
            assert_eq!(scene.bundle(&of_another_type), Err(Flaw::Type("text/plain".to_owned())));
            let about = statement(
                STATEMENTS[0],
                "https://cosign.sigstore.dev/attestation/vuln/v1",
                &scene.digest,
            );
            let found = scene.bundle(&scene.envelope(IN_TOTO, IN_TOTO, &about));
            assert!(matches!(found, Err(Flaw::Type(_))), "{found:?}");
            let other = statement(STATEMENTS[0], SIGN, &Digest::sha256([8; 32]));
            let found = scene.bundle(&scene.envelope(IN_TOTO, IN_TOTO, &other));
            assert!(matches!(found, Err(Flaw::Digest(_))), "{found:?}");
            let nobody = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://sigstore.dev/cosign/sign/v1"}"#;
            let found = scene.bundle(&scene.envelope(IN_TOTO, IN_TOTO, nobody));
            assert_eq!(found, Err(Flaw::Digest("nothing".to_owned())));
        }
    }

    #[test]
    fn a_bundle_has_one_content_one_signature_and_a_known_type() {
        let scene = Scene::new(Signer::p256());
        let good = scene.envelope(IN_TOTO, IN_TOTO, &statement(STATEMENTS[1], SIGN, &scene.digest));
        assert_eq!(scene.bundle(&good), Ok(0));
        let changed = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut bundle = good.clone();
            change(&mut bundle);
            scene.bundle(&bundle)
        };
        let two = changed(&|bundle| {
            let signatures = &mut bundle["dsseEnvelope"]["signatures"];
            *signatures = serde_json::json!([signatures[0], signatures[0]]);
        });
        assert_eq!(two, Err(Flaw::Unreadable("a bundle of 2 signatures".to_owned())));
        let kind = changed(&|bundle| bundle["mediaType"] = "application/json".into());
        assert!(matches!(kind, Err(Flaw::Unreadable(_))), "{kind:?}");
        let empty = changed(&|bundle| bundle["dsseEnvelope"] = serde_json::Value::Null);
        assert_eq!(empty, Err(Flaw::Missing));
        let both =
            changed(&|bundle| bundle["messageSignature"] = serde_json::json!({"signature": ""}));
        assert!(matches!(both, Err(Flaw::Unreadable(_))), "{both:?}");
        let keyless = changed(&|bundle| {
            bundle["verificationMaterial"] = serde_json::json!({"certificate": {"rawBytes": ""}});
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = "".into();
        });
        assert_eq!(keyless, Err(Flaw::Certificate));
        let bytes = serde_json::to_vec(&good).unwrap();
        let named = check_bundle(&bytes, &scene.files, scene.target(&Identity::Repository));
        assert_eq!(named, Err(Flaw::Nameless));
    }

    #[test]
    fn a_message_signature_is_one_over_the_document_whatever_it_says_of_itself() {
        for scene in Scene::all() {
            let bundle = |signed: &[u8]| {
                serde_json::json!({
                    "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.3",
                    "verificationMaterial": {},
                    "messageSignature": {
                        "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode([7; 32])},
                        "signature": STANDARD.encode(scene.signer.sign(signed)),
                    },
                })
            };
            assert_eq!(scene.bundle(&bundle(DOCUMENT)), Ok(0));
            assert_eq!(scene.bundle(&bundle(b"another manifest")), Err(Flaw::Key));
        }
    }

    #[test]
    fn what_dsse_signs_is_as_its_specification_shows() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    proptest! {
        #[test]
        fn nothing_makes_the_readers_panic(bytes: Vec<u8>, text in "\\PC{0,60}", nested in "(\\{|\\}|\\[|\\]|:|,|\"critical\"|\"dsseEnvelope\"|\"payload\"|1){0,20}") {
            let reference = "a.org/b".parse().unwrap();
            let digest = Digest::sha256([0; 32]);
            let identity = Identity::Exact;
            let target = Target { reference: &reference, digest: &digest, document: b"", identity: &identity };
            for bytes in [&bytes[..], text.as_bytes(), nested.as_bytes()] {
                let _ = check_simple(bytes, &text, &[], target);
                let _ = check_bundle(bytes, &[], target);
                let _ = serde_json::from_slice::<Simple>(bytes);
                let _ = serde_json::from_slice::<Statement>(bytes);
            }
        }
    }
}
