//! MD5 (RFC 1321) and SHA-1 (RFC 3174). They name things here and secure nothing.

/// The message with its end: a one, zeros, and its length in bits.
fn padded(bytes: &[u8], length: [u8; 8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&length);
    message
}

fn bits(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).wrapping_mul(8)
}

/// The words of a block of 64 bytes.
fn words(block: &[u8], read: fn([u8; 4]) -> u32) -> Vec<u32> {
    let (words, _) = block.as_chunks::<4>();
    words.iter().map(|word| read(*word)).collect()
}

fn word(words: &[u32], at: usize) -> u32 {
    words.get(at).copied().unwrap_or(0)
}

/// RFC 1321, 3.4.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] =
        [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded(bytes, bits(bytes).to_le_bytes()).chunks(64) {
        let block = words(block, u32::from_le_bytes);
        let [mut a, mut b, mut c, mut d] = state;
        for (round, shifts) in SHIFTS.iter().enumerate() {
            for step in 0..16 {
                let (mixed, at) = match round {
                    0 => ((b & c) | (!b & d), step),
                    1 => ((b & d) | (c & !d), (5 * step + 1) % 16),
                    2 => (b ^ c ^ d, (3 * step + 5) % 16),
                    _ => (c ^ (b | !d), (7 * step) % 16),
                };
                let shift = shifts.get(step % 4).copied().unwrap_or(0);
                let sum = a
                    .wrapping_add(mixed)
                    .wrapping_add(word(&block, at))
                    .wrapping_add(sine(16 * round + step));
                (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(shift)));
            }
        }
        for (own, new) in state.iter_mut().zip([a, b, c, d]) {
            *own = own.wrapping_add(new);
        }
    }
    let mut digest = [0; 16];
    for (part, own) in digest.chunks_mut(4).zip(state) {
        part.copy_from_slice(&own.to_le_bytes());
    }
    digest
}

/// The table of RFC 1321: the sine of the step, as a fraction of 2³².
fn sine(step: usize) -> u32 {
    let step = u32::try_from(step).unwrap_or(0) + 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 up to 2³², and the fraction does not count"
    )]
    let value = (f64::from(step).sin().abs() * 4_294_967_296.0) as u32;
    value
}

/// RFC 3174, 6.1.
pub(super) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(bytes, bits(bytes).to_be_bytes()).chunks(64) {
        let mut schedule = words(block, u32::from_be_bytes);
        for at in 16..80 {
            let mixed = [3, 8, 14, 16].iter().fold(0, |all, back| all ^ word(&schedule, at - back));
            schedule.push(mixed.rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (step, word) in schedule.into_iter().enumerate() {
            let (mixed, constant) = match step {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc_u32),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = a
                .rotate_left(5)
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(word)
                .wrapping_add(constant);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        for (own, new) in state.iter_mut().zip([a, b, c, d, e]) {
            *own = own.wrapping_add(new);
        }
    }
    let mut digest = [0; 20];
    for (part, own) in digest.chunks_mut(4).zip(state) {
        part.copy_from_slice(&own.to_be_bytes());
    }
    digest
}

/// In hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_documents() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        let long = "1234567890".repeat(8);
        assert_eq!(hex(&md5(long.as_bytes())), "57edf4a22be3c955ac49da2e2107b67a");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let long = "01234567".repeat(80);
        assert_eq!(hex(&sha1(long.as_bytes())), "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    }
}
