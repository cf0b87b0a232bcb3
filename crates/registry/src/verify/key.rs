//! Public keys: PEM files of them, and whether one of them made a signature.
//!
//! Two kinds are known: ECDSA on P-256 over SHA-256, and Ed25519 over the message itself (never a digest of it: Ed25519ph is
//! another scheme). Their `SubjectPublicKeyInfo` has one encoding each in DER, so it is compared, not parsed: a curve given by its
//! parameters (CVE-2020-0601), a compressed point, bytes behind the end are all no such encoding. Never reads a certificate.
//! Start at [`KeyFile::parse`]. Sources: RFC 7468, RFC 5480, RFC 8410; cosign SIGNATURE_SPEC.md, "Signature Schemes".

use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

/// No file of public keys is longer.
const MOST_BYTES: u64 = 64 << 10;
/// RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of 65 bytes }, up to the point.
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// SEC 1, 2.3.3: an uncompressed point begins with 4.
const UNCOMPRESSED: u8 = 4;
const POINT_BYTES: usize = 65;
/// RFC 8410: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING of 32 bytes }, up to the key.
const EDWARDS: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const EDWARDS_BYTES: usize = 32;
/// Object identifiers of keys that are recognised to be refused by name.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "an RSA key"),
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "an RSA-PSS key"),
    (b"\x06\x05\x2b\x81\x04\x00\x22", "an ECDSA key on P-384"),
    (b"\x06\x05\x2b\x81\x04\x00\x23", "an ECDSA key on P-521"),
    (b"\x06\x05\x2b\x81\x04\x00\x0a", "an ECDSA key on secp256k1"),
    (b"\x06\x03\x2b\x65\x71", "an Ed448 key"),
    (
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",
        "an ECDSA key in another form than P-256's usual one",
    ),
];

/// A key that signatures are verified by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256: the uncompressed point.
    P256([u8; POINT_BYTES]),
    /// Ed25519.
    Ed25519([u8; EDWARDS_BYTES]),
}

/// The keys of one file: whoever signs by one of them signs for the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Path, as it was given.
    pub name: String,
    /// At least one.
    pub keys: Vec<PublicKey>,
}

/// Why keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("read key {name}")]
    Read {
        /// Which.
        name: String,
        /// The kernel's answer.
        #[source]
        cause: sys::Errno,
    },
    /// What is in it.
    #[error("key {name}: {why}")]
    Content {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    fn from_spki(der: &[u8]) -> Result<Self, String> {
        if let Some(point) = der.strip_prefix(P256)
            && let Ok(point) = <[u8; POINT_BYTES]>::try_from(point)
            && point[0] == UNCOMPRESSED
        {
            return Ok(Self::P256(point));
        }
        if let Some(key) = der.strip_prefix(EDWARDS)
            && let Ok(key) = key.try_into()
        {
            return Ok(Self::Ed25519(key));
        }
        // The algorithm stands in the first bytes of any.
        let head = &der[..der.len().min(32)];
        let has = |object: &[u8]| head.windows(object.len()).any(|window| window == object);
        let found = OTHERS.iter().find(|(object, _)| has(object));
        let what = found.map_or("no key that is known", |(_, what)| what);
        Err(format!("it holds {what}; keys are ECDSA P-256 or Ed25519"))
    }

    /// Whether this key made `signature` over `message`: in DER for ECDSA (RFC 3279, 2.2.3), 64 bytes for Ed25519 (RFC 8032).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                .verify(message, signature)
                .is_ok(),
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
        }
    }
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`KeyError`]; also when one of several keys is none that is known.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|cause| KeyError::Read { name: name.clone(), cause: cause.into() })?;
        Self::parse(&name, &bytes)
    }

    /// Reads what a file holds: blocks of `PUBLIC KEY`, with any text between them.
    ///
    /// # Errors
    /// [`KeyError::Content`].
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let wrong = |why: String| KeyError::Content { name: name.to_owned(), why };
        if bytes.len() as u64 > MOST_BYTES {
            return Err(wrong(format!("it is longer than {MOST_BYTES} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_bad| wrong("it is no text".to_owned()))?;
        let mut keys = Vec::new();
        for block in blocks(text).map_err(&wrong)? {
            keys.push(PublicKey::from_spki(&block).map_err(&wrong)?);
        }
        if keys.is_empty() {
            return Err(wrong("it holds no public key (PEM)".to_owned()));
        }
        Ok(Self { name: name.to_owned(), keys })
    }
}

/// The contents of all blocks of PEM. RFC 7468, 2 and 3.
fn blocks(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim) {
        let label = |marker: &str| line.strip_prefix(marker)?.strip_suffix("-----");
        match (&mut open, label("-----BEGIN "), label("-----END ")) {
            (None, Some("PUBLIC KEY"), _) => open = Some(String::new()),
            (None, Some(other), _) => return Err(foreign(other)),
            (None, None, _) => {}
            (Some(body), None, None) => body.push_str(line),
            (Some(body), None, Some("PUBLIC KEY")) => {
                let block = STANDARD.decode(body.as_bytes());
                blocks.push(block.map_err(|_bad| "a public key in it is no base64".to_owned())?);
                open = None;
            }
            (Some(_), _, _) => return Err("a public key in it does not end".to_owned()),
        }
    }
    match open {
        Some(_) => Err("a public key in it does not end".to_owned()),
        None => Ok(blocks),
    }
}

/// Why a block of that label is refused.
fn foreign(label: &str) -> String {
    let shown: String = label.chars().take(60).collect();
    if label.contains("PRIVATE") {
        return format!("it holds a private key ({shown}), which belongs to whoever signs");
    }
    match label {
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => "it holds a certificate; \
            signatures are verified by keys ('openssl x509 -pubkey -noout' takes one out)"
            .to_owned(),
        "RSA PUBLIC KEY" => "it holds an RSA key; keys are ECDSA P-256 or Ed25519".to_owned(),
        _ => format!("it holds {shown:?}, which is no public key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Made by `openssl genpkey` and `openssl pkey -pubout`.
    const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEobauIQve+uaepJoJ7x8aYRm6ly21\ne6LY67W4OPxwTTukYzGGHyKKb06xBiVGIw0PLh8xd8EH2Q0X1Y8PuWrZ6g==\n-----END PUBLIC KEY-----\n";
    const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJDQ1FQ40KTxnjM3VFLtX91EsYf1cjThzSQUwzgGklwc=\n-----END PUBLIC KEY-----\n";

    fn refusal(text: &str) -> String {
        KeyFile::parse("k.pub", text.as_bytes()).unwrap_err().to_string()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    fn der(pem: &str) -> Vec<u8> {
        blocks(pem).unwrap().remove(0)
    }

    #[test]
    fn a_file_holds_several_keys_and_words_between_them() {
        let text = format!("of the old machine\n{P256_PEM}of the new one\r\n{ED25519_PEM}");
        let file = KeyFile::parse("k.pub", text.as_bytes()).unwrap();
        assert!(matches!(file.keys[..], [PublicKey::P256(_), PublicKey::Ed25519(_)]));
    }

    #[test]
    fn what_is_no_key_of_ours_is_refused_by_its_name() {
        let rsa =
            b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03";
        let p384 = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
        for (text, words) in [
            (String::new(), "no public key"),
            (pem("CERTIFICATE", b"x"), "a certificate"),
            (pem("RSA PUBLIC KEY", b"x"), "an RSA key"),
            (pem("PUBLIC KEY", rsa), "an RSA key"),
            (pem("PUBLIC KEY", p384), "an ECDSA key on P-384"),
            (pem("PUBLIC KEY", b""), "no key that is known"),
            (pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"x"), "a private key"),
            (pem("PGP PUBLIC KEY BLOCK", b"x"), "which is no public key"),
            (P256_PEM.replace("-----END", "-----end"), "does not end"),
            (format!("-----BEGIN PUBLIC KEY-----\n{P256_PEM}"), "does not end"),
            ("-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----".to_owned(), "no base64"),
            (format!("{P256_PEM}{}", pem("CERTIFICATE", b"x")), "a certificate"),
        ] {
            let refusal = refusal(&text);
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_key_has_one_encoding() {
        let good = der(P256_PEM);
        let mut compressed = good.clone();
        compressed[P256.len()] = 2;
        let mut longer = good.clone();
        longer.push(0);
        // The same value with a length in two bytes: BER, not DER.
        let mut ber = b"\x30\x81".to_vec();
        ber.extend_from_slice(&good[1..]);
        for bad in [compressed, longer, ber, good[..90].to_vec()] {
            assert!(KeyFile::parse("k", pem("PUBLIC KEY", &bad).as_bytes()).is_err());
        }
        assert!(KeyFile::parse("k", pem("PUBLIC KEY", &good).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes: Vec<u8>, der: Vec<u8>, text in "(-----(BEGIN|END) [A-Z ]{0,12}-----\n|[A-Za-z0-9+/=]{0,8}\n){0,6}") {
            let _ = KeyFile::parse("k", &bytes);
            let _ = KeyFile::parse("k", text.as_bytes());
            let _ = KeyFile::parse("k", pem("PUBLIC KEY", &der).as_bytes());
        }
    }
}
