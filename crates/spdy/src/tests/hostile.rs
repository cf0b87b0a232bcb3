//! A server that is used at random, against what clients said, with bytes changed on their way: its bounds hold, and nothing is left of it.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::fuzzing::serve;

const CONVERSATIONS: &[&[u8]] = &[
    include_bytes!("../../tests/vectors/big.c2s.bin"),
    include_bytes!("../../tests/vectors/mirror.c2s.bin"),
    include_bytes!("../../tests/vectors/nest.c2s.bin"),
    include_bytes!("../../tests/vectors/rexec-cat.c2s.bin"),
    include_bytes!("../../tests/vectors/sum.c2s.bin"),
];

/// Frames without headers, of few streams.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![0..12_u32, any::<u32>()];
    let control = (1..12_u16, number(), number()).prop_map(|(kind, stream, value)| {
        let length = [0, 0, if kind == 6 { 4 } else { 8 }];
        let mut bytes = [&[0x80, 3][..], &kind.to_be_bytes(), &[0], &length].concat();
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&value.to_be_bytes());
        bytes.truncate(8 + usize::from(length[2]));
        bytes
    });
    let data = (0..12_u32, 0..3000_usize, any::<bool>()).prop_map(|(stream, length, finished)| {
        let head = crate::data_head(stream, u32::try_from(length).unwrap(), finished);
        [&head[..], &vec![0; length]].concat()
    });
    vec(prop_oneof![control, data], 0..30).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn bounds_hold_against_any_bytes(
        conversation in prop::sample::select(CONVERSATIONS),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        frames in frames(),
        script in vec(any::<u8>(), 0..300),
        first in any::<bool>(),
    ) {
        let mut bytes = conversation.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // GOAWAY, with which they end, would make all that follows void.
        bytes.truncate(bytes.len() - 16);
        let all = if first { [frames, bytes] } else { [bytes, frames] };
        serve(&all.concat(), &script);
    }
}
