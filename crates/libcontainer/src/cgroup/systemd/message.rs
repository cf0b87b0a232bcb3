//! D-Bus messages as bytes: pure, and safe to feed with anything.
//!
//! Written in little endian; read in either. Only the types that systemd's answers need are read: the rest of a body is skipped.
//! Source: D-Bus Specification, "Message Protocol".

use super::Value;

/// Kinds of messages that we meet.
pub(super) const CALL: u8 = 1;
pub(super) const RETURN: u8 = 2;
pub(super) const ERROR: u8 = 3;
pub(super) const SIGNAL: u8 = 4;

/// The specification allows 128 MiB; what systemd tells us is far below this.
const LONGEST: usize = 1 << 20;

/// Bytes of the fixed part, the length of the header's fields included.
pub(super) const FIXED: usize = 16;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
}

/// A body under construction.
#[derive(Debug, Default)]
pub(super) struct Body {
    signature: String,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn with(mut self, value: &Value) -> Self {
        self.signature.push_str(&value.signature());
        put(&mut self.bytes, value);
        self
    }

    /// An array of `(name, variant)`, `a(sv)`: how methods take properties.
    pub(super) fn with_properties<'a>(
        mut self,
        properties: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) -> Self {
        self.signature.push_str("a(sv)");
        put_array(&mut self.bytes, 8, |bytes| {
            for (name, value) in properties {
                align(bytes, 8);
                put_text(bytes, name);
                put_signature(bytes, &value.signature());
                put(bytes, value);
            }
        });
        self
    }

    /// An empty `a(sa(sv))`: units to make beside.
    pub(super) fn with_no_units(mut self) -> Self {
        self.signature.push_str("a(sa(sv))");
        put_array(&mut self.bytes, 8, |_bytes| {});
        self
    }
}

/// The bytes of a method call; `None` when it is longer than anybody takes.
pub(super) fn call(serial: u32, call: Call<'_>, body: &Body) -> Option<Vec<u8>> {
    let length = u32::try_from(body.bytes.len()).ok()?;
    let mut bytes = vec![b'l', CALL, 0, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend(serial.to_le_bytes());
    put_array(&mut bytes, 8, |bytes| {
        let fields = [
            (1, "o", call.path),
            (2, "s", call.interface),
            (3, "s", call.member),
            (6, "s", call.destination),
        ];
        for (code, kind, text) in fields.into_iter().filter(|(.., text)| !text.is_empty()) {
            align(bytes, 8);
            bytes.push(code);
            put_signature(bytes, kind);
            put_text(bytes, text);
        }
        if !body.signature.is_empty() {
            align(bytes, 8);
            bytes.push(8);
            put_signature(bytes, "g");
            put_signature(bytes, &body.signature);
        }
    });
    align(&mut bytes, 8);
    bytes.extend_from_slice(&body.bytes);
    (bytes.len() <= LONGEST).then_some(bytes)
}

fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => put_number(bytes, &u32::from(*value).to_le_bytes()),
        Value::Byte(value) => bytes.push(*value),
        Value::Int16(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Uint16(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Int32(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Uint32(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Int64(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Uint64(value) => put_number(bytes, &value.to_le_bytes()),
        Value::Text(text) => put_text(bytes, text),
        Value::Bytes(content) => put_array(bytes, 1, |bytes| bytes.extend_from_slice(content)),
        Value::Array(element, values) => put_array(bytes, alignment(element), |bytes| {
            values.iter().for_each(|value| put(bytes, value));
        }),
        Value::Struct(fields) => {
            align(bytes, 8);
            fields.iter().for_each(|field| put(bytes, field));
        }
    }
}

/// Numbers are aligned to their own size.
fn put_number(bytes: &mut Vec<u8>, number: &[u8]) {
    align(bytes, number.len());
    bytes.extend_from_slice(number);
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    // Longer ones are refused with the whole message.
    put_number(bytes, &u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

fn put_signature(bytes: &mut Vec<u8>, signature: &str) {
    bytes.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(signature.as_bytes());
    bytes.push(0);
}

/// The length counts neither itself nor what aligns the first element.
fn put_array(bytes: &mut Vec<u8>, alignment: usize, fill: impl FnOnce(&mut Vec<u8>)) {
    put_number(bytes, &0_u32.to_le_bytes());
    let length_at = bytes.len() - 4;
    align(bytes, alignment);
    let start = bytes.len();
    fill(bytes);
    let length = u32::try_from(bytes.len() - start).unwrap_or(u32::MAX);
    bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

fn align(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

fn alignment(signature: &str) -> usize {
    match signature.bytes().next() {
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        Some(b'n' | b'q') => 2,
        Some(b'y' | b'g' | b'v') => 1,
        _ => 4,
    }
}

/// A message from the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) reply_to: Option<u32>,
    pub(super) member: String,
    pub(super) error: String,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
    big_endian: bool,
}

/// How long the message is whose first [`FIXED`] bytes these are; `None` when it is none, or too long.
pub(super) fn length(start: &[u8; FIXED]) -> Option<usize> {
    let mut reader = Reader::new(start, big_endian(start[0])?);
    reader.at = 4;
    let body = usize::try_from(reader.u32()?).ok()?;
    reader.at = 12;
    let fields = usize::try_from(reader.u32()?).ok()?;
    let whole = fields.checked_add(FIXED)?.checked_next_multiple_of(8)?.checked_add(body)?;
    (whole <= LONGEST).then_some(whole)
}

/// Reads a whole message, as long as [`length`] says.
pub(super) fn parse(bytes: &[u8]) -> Option<Message> {
    let start = bytes.first_chunk::<FIXED>()?;
    if length(start)? != bytes.len() {
        return None;
    }
    let big_endian = big_endian(start[0])?;
    let mut message = Message { kind: bytes[1], big_endian, ..Message::default() };
    let mut reader = Reader::new(bytes, big_endian);
    reader.at = 12;
    let fields = usize::try_from(reader.u32()?).ok()?;
    let end = FIXED.checked_add(fields)?;
    while reader.at < end {
        reader.align(8)?;
        let code = reader.u8()?;
        let kind = reader.signature()?;
        match (code, kind) {
            (3, "s") => message.member = reader.text()?.to_owned(),
            (4, "s") => message.error = reader.text()?.to_owned(),
            (5, "u") => message.reply_to = Some(reader.u32()?),
            (8, "g") => message.signature = reader.signature()?.to_owned(),
            (_, "s" | "o") => drop(reader.text()?),
            (_, "u") => drop(reader.u32()?),
            (_, "g") => drop(reader.signature()?),
            _ => return None,
        }
    }
    message.body = bytes.get(end.checked_next_multiple_of(8)?..)?.to_vec();
    Some(message)
}

fn big_endian(mark: u8) -> Option<bool> {
    match mark {
        b'l' => Some(false),
        b'B' => Some(true),
        _ => None,
    }
}

impl Message {
    /// The body from its start.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.body, self.big_endian)
    }

    /// The body's first text: an error's explanation.
    pub(super) fn first_text(&self) -> &str {
        let text = self.signature.starts_with('s').then(|| self.reader().text()).flatten();
        text.unwrap_or_default()
    }
}

/// Walks over values; `None` as soon as the bytes do not fit.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], big_endian: bool) -> Self {
        Self { bytes, at: 0, big_endian }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn align(&mut self, alignment: usize) -> Option<()> {
        let next = self.at.checked_next_multiple_of(alignment)?;
        self.take(next - self.at).map(drop)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.align(4)?;
        let bytes = self.take(4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// A string or an object path.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u32()?).ok()?;
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        (self.u8()? == 0).then_some(text)
    }

    pub(super) fn signature(&mut self) -> Option<&'a str> {
        let length = usize::from(self.u8()?);
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        (self.u8()? == 0).then_some(text)
    }

    /// A variant that holds a text.
    pub(super) fn text_variant(&mut self) -> Option<&'a str> {
        if self.signature()? == "s" { self.text() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELLO: Call<'_> = Call {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member: "Hello",
    };

    #[test]
    fn what_is_written_is_read() {
        let body = Body::default().with(&Value::Text("unit".to_owned()));
        let bytes = call(7, HELLO, &body).unwrap();
        assert_eq!(length(bytes.first_chunk().unwrap()), Some(bytes.len()));
        let message = parse(&bytes).unwrap();
        assert_eq!((message.kind, message.member.as_str()), (CALL, "Hello"));
        assert_eq!((message.signature.as_str(), message.first_text()), ("s", "unit"));
    }

    #[test]
    fn arrays_and_structures_are_aligned() {
        let pids = Value::Array("u".to_owned(), vec![Value::Uint32(5)]);
        let limit = Value::Uint64(3);
        let body = Body::default().with_properties([("P", &pids), ("L", &limit)]).with_no_units();
        assert_eq!(body.signature, "a(sv)a(sa(sv))");
        let expected: Vec<u8> = [
            // Length of the array, and what aligns its first structure.
            &[52, 0, 0, 0, 0, 0, 0, 0][..],
            // "P", signature "au", then the array: aligned to 4.
            &[1, 0, 0, 0, b'P', 0, 2, b'a', b'u', 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0],
            // "L", signature "t", then the number: aligned to 8.
            &[1, 0, 0, 0, b'L', 0, 1, b't', 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
            // The empty array.
            &[0, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(body.bytes[8..56], expected[8..56]);
        assert_eq!(body.bytes[..4], [48, 0, 0, 0]);
        assert_eq!(body.bytes[56..], expected[56..]);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(message) = parse(&bytes) {
                let _text = message.first_text();
                let _variant = message.reader().text_variant();
            }
        }

        #[test]
        fn damage_is_no_panic(at in 0_usize..120, value: u8, cut in 0_usize..120) {
            let body = Body::default().with(&Value::Text("unit".to_owned()));
            let mut bytes = call(7, HELLO, &body).unwrap();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _either = parse(&bytes);
            bytes.truncate(cut);
            let _none = parse(&bytes);
        }
    }
}
