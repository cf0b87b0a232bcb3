//! Arbitrary bytes as a `.dockerignore`, and behind a NUL the paths that it is asked about.
#![no_main]

use dockerfile::Ignore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (patterns, paths) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"a/b.c/d"[..]),
    };
    let Ok(ignore) = Ignore::parse(patterns) else { return };
    for path in String::from_utf8_lossy(paths).lines().take(8).filter(|path| path.len() < 1024) {
        let mut place = ignore.root();
        let mut nothing_below = false;
        // A walk by the same steps never finds in what it was told to pass over.
        let path = path.trim_matches('/');
        if path.split('/').any(str::is_empty) {
            continue;
        }
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]).take(20) {
            place = ignore.enter(&place, &path[..end]);
            assert!(!nothing_below || place.is_excluded());
            nothing_below |= !ignore.may_hold(&place, &path[..end]);
        }
        let _ = ignore.excludes(path);
    }
});
