//! Arbitrary lines of requests to the Docker API: one operation or none, names without NUL and never empty, and every document that containers are
//! made of is read or refused in one line.
#![no_main]

use api_docker::operation::Operation;
use api_docker::router::{bare, route};
use api_docker::version::{NEWEST, OLDEST};
use libfuzzer_sys::fuzz_target;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if let Some(document) = kind.checked_sub(128) {
        return read(document, bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A place, whose names are what comes, or a path as it comes.
    let place = Operation::ALL.get(usize::from(*kind)).map(|operation| operation.place());
    let (method, path) = match place {
        Some(place) => (place.method, place.path.replace("{name}", text)),
        None => (METHODS[usize::from(*kind) % METHODS.len()], text.to_owned()),
    };
    let Ok(routed) = route(method, &path) else { return };
    let place = routed.operation.place();
    assert_eq!(place.method, method);
    assert!(routed.version >= OLDEST && routed.version <= NEWEST);
    assert!(routed.operation.is_in(routed.version));
    assert_eq!(routed.names.len(), place.path.matches("{name}").count(), "{path}");
    for name in &routed.names {
        assert!(!name.is_empty() && !name.contains('\0'), "{path}");
        assert!(name.ends_with(&*bare(name)));
    }
    // Whoever is asked for by its own path is found again.
    let plain = routed.names.iter().fold(place.path.to_owned(), |path, name| {
        path.replacen("{name}", &name.replace('%', "%25"), 1)
    });
    let plain = format!("/v{}{plain}", routed.version);
    let is_short = plain.len() <= 4096;
    if is_short && !routed.names.iter().any(|name| name.contains("{name}")) {
        let again = route(method, &plain).expect("it was found before");
        assert_eq!(again.operation, routed.operation, "{plain}");
    }
});

/// A document, as clients of an old version or of the newest write it.
fn read(kind: u8, bytes: &[u8]) {
    let version = if kind.is_multiple_of(2) { NEWEST } else { OLDEST };
    if let Err(why) = api_docker::fuzzing::document(kind / 2, bytes, version) {
        assert!(!why.is_empty() && !why.contains('\n'), "{why:?}");
    }
}
