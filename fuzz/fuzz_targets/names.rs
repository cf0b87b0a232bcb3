//! Arbitrary bytes as what the resolver hears: of containers, of name servers, of monitors, and in resolv.conf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use network::resolver::fuzzing::{answer, configuration, question, request};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => question(bytes),
        1 => answer(bytes),
        2 => request(bytes),
        _ => configuration(bytes),
    }
});
