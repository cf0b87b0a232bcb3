//! Texts of fields, each letter in as many bits as it is rare. The code is canonical: lengths alone say all of it. Source: RFC 7541, section 5.2
//! and appendix B.

/// Bits of each byte's code, and of what ends a text, which no text has.
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const SYMBOLS: usize = 257;
const LONGEST: usize = 30;
/// What fills the last byte is shorter than one, and begins what ends a text: ones.
const LONGEST_PADDING: usize = 7;

/// The codes of one length follow each other, in the order of their symbols.
struct Codes {
    /// The first code of each length.
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    /// Symbols by the length of their codes.
    symbols: [u16; SYMBOLS],
}

static CODES: Codes = codes();

#[expect(clippy::cast_possible_truncation, reason = "there are 257 symbols")]
const fn codes() -> Codes {
    let mut codes =
        Codes { first: [0; LONGEST + 1], count: [0; LONGEST + 1], symbols: [0; SYMBOLS] };
    let (mut length, mut filled, mut code) = (1, 0, 0_u32);
    while length <= LONGEST {
        code <<= 1;
        codes.first[length] = code;
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                codes.symbols[filled] = symbol as u16;
                filled += 1;
                codes.count[length] += 1;
                code += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    codes
}

/// The text; nothing where it is none.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut code, mut length) = (0_u32, 0);
    // Symbols of shorter codes.
    let mut before = 0;
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        let (first, count) = (*CODES.first.get(length)?, *CODES.count.get(length)?);
        match code.checked_sub(first) {
            Some(at) if at < count => {
                let symbol = *CODES.symbols.get((before + at) as usize)?;
                text.push(u8::try_from(symbol).ok()?);
                (code, length, before) = (0, 0, 0);
            }
            _ => before += count,
        }
    }
    (length <= LONGEST_PADDING && code == (1 << length) - 1).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(decode(&[]), Some(Vec::new()));
        // "0" has five zeros; what fills the byte is ones, and less than a byte.
        assert_eq!(decode(&[0b0000_0111]), Some(b"0".to_vec()));
        assert_eq!(decode(&[0b0000_0110]), None);
        assert_eq!(decode(&[0b0000_0111, 0xff]), None);
        // What ends a text.
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff]), None);
    }

    /// The longest codes of the table of the RFC, and those at the bounds of lengths.
    #[test]
    fn codes_are_those_of_the_table() {
        for (code, length, byte) in [
            (0x0_u32, 5, b'0'),
            (0x9, 5, b't'),
            (0x14, 6, b' '),
            (0x7b, 7, b'z'),
            (0x3f8, 10, b'!'),
            (0x7ffc, 15, b'<'),
            (0x1f_ffdc, 21, 153),
            (0xfff_ffe2, 28, 2),
            (0x3fff_fffc, 30, b'\n'),
            (0x3fff_fffe, 30, 22),
        ] {
            let padded = u64::from(code) << (40 - length) | ((1 << (40 - length)) - 1);
            let size = usize::div_ceil(length, 8);
            assert_eq!(decode(&padded.to_be_bytes()[3..3 + size]), Some(vec![byte]), "{code:x}");
        }
    }
}
