//! Arbitrary bytes as SPDY frames, cut anywhere, and as a peer of a session that is used meanwhile: nothing panics, bounds hold, and what
//! was read is read again when it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spdy::{Decoder, Encoder, Event};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (script, bytes) = input;
    frames(bytes);
    spdy::fuzzing::serve(bytes, script);
});

fn frames(bytes: &[u8]) {
    let (mut whole, mut pieces) = (Decoder::new(4096), Decoder::new(4096));
    let mut all = Vec::new();
    let mut input = bytes;
    let end = loop {
        match whole.next(&mut input) {
            Ok(Some(Event::Data { .. })) => {}
            Ok(Some(event)) => all.push(format!("{event:?}")),
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    let (mut at, mut there) = (0, 0);
    let mut again = Vec::new();
    let (mut encoder, mut reader) = (Encoder::new(true), Decoder::new(4096));
    let other = loop {
        let mut input = &bytes[at..there];
        let event = pieces.next(&mut input);
        at = there - input.len();
        match event {
            Ok(Some(Event::Data { .. })) => {}
            Ok(Some(event)) => {
                if let Event::Control(frame) = &event {
                    let mut written = Vec::new();
                    assert!(encoder.control(frame, &mut written).is_ok());
                    assert_eq!(reader.next(&mut &written[..]), Ok(Some(event.clone())));
                }
                again.push(format!("{event:?}"));
            }
            Ok(None) if there == bytes.len() => break None,
            Ok(None) => there += 1,
            Err(fault) => break Some(fault),
        }
    };
    assert_eq!((all, end), (again, other));
}
