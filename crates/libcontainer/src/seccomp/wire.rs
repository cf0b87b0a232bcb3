//! Instructions as one string of hexadecimal digits, sixteen for each: a hand-off is parsed while a container starts, and a
//! thousand JSON objects would take longer than all the rest of it. Byte order of the string: as numbers are read.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use super::Instruction;

const DIGITS: usize = 16;
const ALPHABET: &[u8; 16] = b"0123456789abcdef";

pub(super) fn serialize<S: Serializer>(
    instructions: &[Instruction],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(instructions))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Instruction>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom("a filter is hexadecimal digits, in sixteens"))
}

/// The digits.
pub(super) fn text(instructions: &[Instruction]) -> String {
    let mut text = String::with_capacity(instructions.len() * DIGITS);
    for instruction in instructions {
        for byte in to_bytes(*instruction) {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(ALPHABET[usize::from(digit)]));
            }
        }
    }
    text
}

/// The reverse of [`text`]; nothing when it is no such text.
pub(super) fn parse(text: &str) -> Option<Vec<Instruction>> {
    let (words, rest) = text.as_bytes().as_chunks::<DIGITS>();
    if rest.is_empty() { words.iter().map(instruction).collect() } else { None }
}

fn instruction(word: &[u8; DIGITS]) -> Option<Instruction> {
    let mut value: u64 = 0;
    for byte in word {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(digit);
    }
    Some(from_bytes(value.to_be_bytes()))
}

/// Eight bytes, most significant first.
pub(super) const fn to_bytes(instruction: Instruction) -> [u8; 8] {
    let [c, d] = instruction.code.to_be_bytes();
    let [k0, k1, k2, k3] = instruction.k.to_be_bytes();
    [c, d, instruction.jt, instruction.jf, k0, k1, k2, k3]
}

/// The reverse of [`to_bytes`].
pub(super) const fn from_bytes([c, d, jt, jf, k0, k1, k2, k3]: [u8; 8]) -> Instruction {
    Instruction {
        code: u16::from_be_bytes([c, d]),
        jt,
        jf,
        k: u32::from_be_bytes([k0, k1, k2, k3]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Program;
    use super::*;

    #[test]
    fn a_program_survives_the_hand_off() {
        let instructions = vec![
            Instruction { code: 0x20, jt: 0, jf: 0, k: 4 },
            Instruction { code: 0x15, jt: 1, jf: 255, k: 0xc000_003e },
        ];
        let program = Program { instructions, flags: 5, listener: None };
        let text = serde_json::to_string(&program).unwrap();
        assert_eq!(text, r#"{"instructions":"0020000000000004001501ffc000003e","flags":5}"#);
        assert_eq!(serde_json::from_str::<Program>(&text).unwrap(), program);
        assert_eq!(serde_json::from_slice::<Program>(text.as_bytes()).unwrap(), program);
    }

    #[test]
    fn damaged_programs_are_refused() {
        for digits in ["0020", "002000000000000G", "00200000000000040"] {
            let text = format!(r#"{{"instructions":"{digits}","flags":0}}"#);
            assert!(serde_json::from_str::<Program>(&text).is_err(), "{digits}");
        }
    }
}
