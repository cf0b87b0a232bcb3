//! Arbitrary bytes from those that libcontainer talks to: a message bus, CRIU, and the words of annotations for systemd.
#![no_main]

use libcontainer::cgroup::Bus;
use libcontainer::fuzzing::{annotation, answer, bus_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => drop(bus_message(bytes)),
        1 => drop(answer(bytes)),
        _ => {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let _addresses = Bus::from_address(text);
            if let Some((signature, _words)) = annotation(text) {
                assert!(!signature.is_empty() && signature.is_ascii(), "{signature}");
            }
        }
    }
});
