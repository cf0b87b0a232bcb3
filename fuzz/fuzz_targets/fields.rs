//! Arbitrary text as the fields of a registry's answer: challenges read as what is written anew, and no page lies elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry::fuzzing::{Challenge, address, challenges, location, next_page};

const HERE: &str = "https://registry.example:5000/v2/a/tags/list?n=1";
const ORIGIN: &str = "https://registry.example:5000/";

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let Ok(field) = std::str::from_utf8(bytes) else { return };
    match kind % 3 {
        0 => {
            let Some(read) = challenges(field) else { return };
            let written: Vec<String> = read.iter().map(write).collect();
            assert_eq!(challenges(&written.join(", ")), Some(read), "{written:?}");
        }
        1 => {
            if let Some(page) = next_page(field, HERE) {
                assert!(page.starts_with(ORIGIN), "{page:?}");
                goes_on_the_wire(&page);
            }
        }
        _ => {
            if let Some(place) = location(field, HERE) {
                goes_on_the_wire(&place);
            }
        }
    }
});

fn write((scheme, parameters): &Challenge) -> String {
    assert!(!scheme.is_empty() && !scheme.bytes().any(|byte| byte.is_ascii_uppercase()));
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let each = parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value)));
    let parameters: Vec<String> = each.collect();
    format!("{scheme} {}", parameters.join(","))
}

/// No byte that ends a request's line or its target, and the same address to whoever reads it.
fn goes_on_the_wire(text: &str) {
    assert!(!text.bytes().any(|byte| byte <= b' ' || byte == 0x7f), "{text:?}");
    assert_eq!(address(text).as_deref(), Some(text));
}
