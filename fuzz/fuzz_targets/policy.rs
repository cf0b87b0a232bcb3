//! Arbitrary text as policies, our own and containers': what cannot be read refuses, and each image has one ruling.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use registry::Policy;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let policy = match kind % 2 {
        0 => Policy::from_own(Path::new("/etc/policy.toml"), bytes),
        _ => Policy::from_containers(Path::new("/etc/policy.json"), bytes),
    };
    assert!(!policy.is_none(), "a file is a policy, whatever is in it");
    let mut broken = Vec::new();
    for name in ["busybox", "registry.example/team/app:1", "a.example.org/x", "a/b", "[::1]:5/x"] {
        let reference = name.parse().expect("the name is one");
        match policy.ruling(&reference) {
            Ok(ruling) => {
                assert!(!ruling.demands.is_empty(), "{name}: nobody has said that it may be used");
                broken.push(false);
            }
            Err(cause) => {
                assert!(!cause.to_string().contains('\n'), "{cause}");
                broken.push(true);
            }
        }
    }
    broken.dedup();
    assert_eq!(broken.len(), 1, "a policy is broken for every image or for none");
});
