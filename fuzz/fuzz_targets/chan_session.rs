//! Arbitrary bytes as the peer of a session of channels, all of which are used: everything ends, and nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| libchan::fuzzing::session(bytes));
