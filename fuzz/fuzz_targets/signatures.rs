//! Arbitrary bytes as what a signature signs, with a signature that holds: what counts names the image's digest.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use registry::KeyFile;
use registry::fuzzing::{Signing, signed_bundle, signed_payload};

static SIGNING: LazyLock<Signing> =
    LazyLock::new(|| Signing::new("registry.example/app:1").expect("the name is one"));

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let counts = match kind % 4 {
        0 => signed_payload(&SIGNING, bytes),
        1 => signed_bundle(&SIGNING, Some("application/vnd.in-toto+json"), bytes),
        2 => signed_bundle(&SIGNING, None, bytes),
        _ => {
            if let Ok(file) = KeyFile::parse("fuzz.pub", bytes) {
                assert!(!file.keys.is_empty());
                assert!(!file.keys.iter().any(|key| key.verifies(b"message", &[0; 64])));
            }
            false
        }
    };
    // JSON may write a digit as an escape: looked for in what it means.
    if counts && kind % 4 != 2 {
        let value: serde_json::Value = serde_json::from_slice(bytes).expect("it was read");
        let hex = SIGNING.digest().hex().to_owned();
        assert!(value.to_string().contains(&hex), "{value}");
    }
    assert!(!counts || kind % 4 != 2, "nobody but the key can sign a bundle");
});
