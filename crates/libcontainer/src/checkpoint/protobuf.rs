//! The part of Protocol Buffers' wire form that CRIU's protocol needs: numbers, and strings of bytes.
//!
//! Two forms of field, some forty fields and no nesting beyond one level: less code than the declarations that a general
//! implementation wants. Source: protobuf.dev, "Encoding"; CRIU, images/rpc.proto.

/// Varints end after this many bytes: 64 bits, seven in each.
const MOST_VARINT_BYTES: u32 = 10;

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A message under construction. Fields may come in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An `int32`, `uint32`, `bool` or enum; negative numbers have ten bytes, as the format wants.
    pub(super) fn number(&mut self, field: u32, value: impl Into<i64>) {
        self.varint(u64::from(field) << 3 | VARINT);
        self.varint(value.into().cast_unsigned());
    }

    /// A `bool` that is sent only when it is set: absent is false for every field that is used.
    pub(super) fn flag(&mut self, field: u32, value: bool) {
        if value {
            self.number(field, true);
        }
    }

    /// A `string`.
    pub(super) fn text(&mut self, field: u32, text: &[u8]) {
        self.varint(u64::from(field) << 3 | BYTES);
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    /// A message inside this one.
    pub(super) fn message(&mut self, field: u32, message: &Self) {
        self.text(field, &message.bytes);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }
}

/// The value of a field that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Numbers, booleans, enums.
    Number(u64),
    /// Strings and messages.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// As the `int32` that it was sent as; nothing for bytes.
    pub(super) fn int32(self) -> Option<i32> {
        match self {
            Self::Number(number) => i32::try_from(number.cast_signed()).ok(),
            Self::Bytes(_) => None,
        }
    }

    /// Nothing for a number.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }
}

/// The fields of a message in their order, each with its number. Fixed-width ones, which CRIU has none of, are passed over;
/// nothing at all where the bytes are no message.
pub(super) fn fields(bytes: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut reader = Reader { rest: bytes };
    let mut found = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.varint()?;
        let value = match key & 7 {
            VARINT => Value::Number(reader.varint()?),
            BYTES => {
                let length = usize::try_from(reader.varint()?).ok()?;
                Value::Bytes(reader.take(length)?)
            }
            FIXED_64 => {
                reader.take(8)?;
                continue;
            }
            FIXED_32 => {
                reader.take(4)?;
                continue;
            }
            _ => return None,
        };
        found.push((key >> 3, value));
    }
    Some(found)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for place in 0..MOST_VARINT_BYTES {
            let [byte] = *self.take(1)? else { return None };
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_format_says() {
        // The examples of "Encoding": field 1 is 150, field 2 is "testing", field 3 holds the first message; -1 has ten bytes.
        let mut inner = Writer::default();
        inner.number(1, 150);
        assert_eq!(inner.as_bytes(), [0x08, 0x96, 0x01]);
        let mut outer = Writer::default();
        outer.text(2, b"testing");
        outer.message(3, &inner);
        outer.number(1, -1);
        outer.flag(4, false);
        let expected =
            b"\x12\x07testing\x1a\x03\x08\x96\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(outer.as_bytes(), expected);
        let read = fields(outer.as_bytes()).unwrap();
        let inner: &[u8] = &[0x08, 0x96, 0x01];
        assert_eq!(read[..2], [(2, Value::Bytes(b"testing")), (3, Value::Bytes(inner))]);
        assert_eq!(read[2].1.int32(), Some(-1));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [
            &b"\x08"[..],
            b"\x12\x07test",
            b"\x0b",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(fields(bytes), None, "{bytes:?}");
        }
        assert_eq!(fields(b"\x0d\x01\x02\x03\x04\x08\x01"), Some(vec![(1, Value::Number(1))]));
    }
}
