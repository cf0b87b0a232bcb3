//! Arbitrary bytes as a message of libchan's, of either generation: its bounds hold however it comes, and what it says is said again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| libchan::fuzzing::message(bytes));
