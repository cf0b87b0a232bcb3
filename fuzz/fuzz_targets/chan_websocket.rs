//! Arbitrary bytes as a WebSocket that channels travel by: its head, and its frames.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| libchan::fuzzing::websocket(bytes));
