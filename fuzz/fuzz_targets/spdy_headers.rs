//! Arbitrary plain forms of header blocks, compressed as stored blocks: the reader ends, keeps its limit, and what it takes for headers is
//! written as it came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spdy::{Decoder, Encoder, Event, Frame, StreamFault};

const LIMIT: usize = 4096;

fuzz_target!(|plain: &[u8]| {
    let mut decoder = Decoder::new(LIMIT);
    let bytes = frame(plain);
    let mut input = &bytes[..];
    let event = decoder.next(&mut input);
    match event {
        Ok(Some(Event::Control(frame))) => {
            assert!(input.is_empty() && plain.len() <= LIMIT);
            let Frame::Headers { headers, .. } = &frame else { panic!("{frame:?}") };
            assert_eq!(headers.plain_bytes(), plain.len());
            for (name, value) in headers.iter() {
                assert!(!name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
                assert!(value.len() < plain.len() && headers.get(name).is_some());
            }
            let mut written = Vec::new();
            assert!(Encoder::new(true).control(&frame, &mut written).is_ok());
            let again = Decoder::new(LIMIT).next(&mut &written[..]).map(|event| event.is_some());
            assert_eq!(again, Ok(true));
        }
        Ok(Some(Event::Wrong { fault, .. })) => {
            assert!(input.is_empty());
            assert_eq!(fault == StreamFault::TooLarge, plain.len() > LIMIT);
        }
        other => assert!(plain.len() > LIMIT * 16, "{other:?}"),
    }
});

/// A HEADERS frame of stream 1 with that plain form: a zlib stream without a dictionary, of stored blocks.
fn frame(plain: &[u8]) -> Vec<u8> {
    let mut block = vec![0x78, 0x01];
    for part in plain.chunks(0xffff).chain([&[][..]]) {
        let length = u16::try_from(part.len()).unwrap_or_default();
        block.push(0);
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&(!length).to_le_bytes());
        block.extend_from_slice(part);
    }
    let length = u32::try_from(block.len() + 4).unwrap_or_default().to_be_bytes();
    [&[0x80, 3, 0, 8, 0][..], &length[1..], &[0, 0, 0, 1], &block].concat()
}
