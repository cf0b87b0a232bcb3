//! Headers of a stream, and their plain form: what compression works on.
//! Never compresses. Source: SPDY draft 3, section 2.6.10.

use std::fmt;

use crate::StreamFault;

/// Names with values, in the order of the wire. Names are lower-case ASCII; several values of one name are one, joined by NUL.
///
/// ```
/// let mut headers = spdy::Headers::new();
/// headers.push("Libchan-Ref", "2")?;
/// assert_eq!(headers.text("libchan-ref"), Some("2"));
/// # Ok::<(), spdy::BadHeader>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// The plain form without the count in front.
    plain: Vec<u8>,
    fields: Vec<Field>,
}

/// Where a header is in the plain form: the value's length lies between its name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Field {
    name: u32,
    name_end: u32,
    value_end: u32,
}

/// A header that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Its name is empty or not visible ASCII.
    #[error("name of a header is not visible ASCII")]
    Name,
    /// It is longer than any frame.
    #[error("header is longer than any frame")]
    Long,
}

impl Headers {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header, or a further value to one that is there. Upper-case letters of the name become lower-case ones.
    ///
    /// # Errors
    /// When the name is empty or not visible ASCII, or all together is longer than a frame can be.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), BadHeader> {
        let value = value.as_ref();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadHeader::Name);
        }
        let length = self.plain.len().saturating_add(name.len()).saturating_add(value.len());
        if length > crate::limits::LARGEST_FRAME - 16 {
            return Err(BadHeader::Long);
        }
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_none() {
            self.append(name.as_bytes(), value);
            return Ok(());
        }
        let before = std::mem::take(self);
        for (other, values) in before.raw() {
            if other == name.as_bytes() {
                self.append(other, &[values, value].join(&0));
            } else {
                self.append(other, values);
            }
        }
        Ok(())
    }

    /// The value of the first header of that name, all of its values joined by NUL.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.raw().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value)
    }

    /// The value of the first header of that name where it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Each value of the first header of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.get(name).into_iter().flat_map(|values| values.split(|byte| *byte == 0))
    }

    /// All headers as they came, several values of one name joined by NUL.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Names were found to be ASCII when they came in.
        self.raw().map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes of the plain form.
    #[must_use]
    pub fn plain_bytes(&self) -> usize {
        4 + self.plain.len()
    }

    /// The plain form: a count, and each name and value behind its length.
    pub(crate) fn plain(&self) -> ([u8; 4], &[u8]) {
        (u32::try_from(self.fields.len()).unwrap_or(u32::MAX).to_be_bytes(), &self.plain)
    }

    /// Reads the plain form, all of it.
    pub(crate) fn parse(mut plain: Vec<u8>) -> Result<Self, StreamFault> {
        let mut at = 0;
        let count = number(&plain, &mut at)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let name_bytes = number(&plain, &mut at)?;
            let name = at;
            let text = bytes(&plain, &mut at, name_bytes)?;
            let visible = |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
            if text.is_empty() || !text.iter().all(visible) {
                return Err(StreamFault::Name);
            }
            let name_end = at;
            let value_bytes = number(&plain, &mut at)?;
            bytes(&plain, &mut at, value_bytes)?;
            // The count in front goes.
            let place = |at: usize| u32::try_from(at - 4).ok().ok_or(StreamFault::TooLarge);
            fields.push(Field {
                name: place(name)?,
                name_end: place(name_end)?,
                value_end: place(at)?,
            });
        }
        if at != plain.len() {
            return Err(StreamFault::Trailing);
        }
        plain.drain(..4);
        plain.shrink_to_fit();
        fields.shrink_to_fit();
        Ok(Self { plain, fields })
    }

    fn append(&mut self, name: &[u8], value: &[u8]) {
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        let end = |plain: &Vec<u8>| u32::try_from(plain.len()).unwrap_or(u32::MAX);
        self.plain.extend_from_slice(&length(name).to_be_bytes());
        let start = end(&self.plain);
        self.plain.extend_from_slice(name);
        let name_end = end(&self.plain);
        self.plain.extend_from_slice(&length(value).to_be_bytes());
        self.plain.extend_from_slice(value);
        self.fields.push(Field { name: start, name_end, value_end: end(&self.plain) });
    }

    fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let slice =
            |start: u32, end: u32| self.plain.get(start as usize..end as usize).unwrap_or_default();
        self.fields.iter().map(move |field| {
            (slice(field.name, field.name_end), slice(field.name_end + 4, field.value_end))
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_list().entries(shown).finish()
    }
}

fn number(plain: &[u8], at: &mut usize) -> Result<u32, StreamFault> {
    let (number, _) = plain[*at..].split_first_chunk().ok_or(StreamFault::Short)?;
    *at += 4;
    Ok(u32::from_be_bytes(*number))
}

fn bytes<'a>(plain: &'a [u8], at: &mut usize, length: u32) -> Result<&'a [u8], StreamFault> {
    let part = plain[*at..].get(..length as usize).ok_or(StreamFault::Short)?;
    *at += part.len();
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(headers: &Headers) -> Vec<u8> {
        let (count, fields) = headers.plain();
        [&count[..], fields].concat()
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let mut headers = Headers::new();
        for (name, value) in [("Accept", "a"), ("x", ""), ("accept", "b"), ("ACCEPT", "c")] {
            headers.push(name, value).unwrap();
        }
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.get("accept"), Some(&b"a\0b\0c"[..]));
        assert_eq!(headers.values("Accept").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(headers.get("x"), Some(&b""[..]));
        assert_eq!(Headers::parse(plain(&headers)).unwrap(), headers);
    }

    #[test]
    fn the_first_of_two_equal_names_counts() {
        let mut headers = Headers::new();
        headers.append(b"a", b"first");
        headers.append(b"a", b"second");
        let read = Headers::parse(plain(&headers)).unwrap();
        assert_eq!((read.len(), read.text("a")), (2, Some("first")));
    }

    #[test]
    fn bad_plain_forms_are_told_apart() {
        let mut headers = Headers::new();
        headers.push("name", "value").unwrap();
        let good = plain(&headers);
        for cut in 0..good.len() {
            assert_eq!(Headers::parse(good[..cut].to_vec()), Err(StreamFault::Short), "{cut}");
        }
        assert_eq!(Headers::parse([&good[..], b"x"].concat()), Err(StreamFault::Trailing));
        for (name, fault) in [
            (&b"Name"[..], StreamFault::Name),
            (b"", StreamFault::Name),
            (b"a b", StreamFault::Name),
            (b"\xc3\xa9", StreamFault::Name),
        ] {
            let mut bad = Headers::new();
            bad.append(name, b"");
            assert_eq!(Headers::parse(plain(&bad)), Err(fault), "{name:?}");
        }
        let many = [&u32::MAX.to_be_bytes()[..], &good[4..]].concat();
        assert_eq!(Headers::parse(many), Err(StreamFault::Short));
        assert_eq!(Headers::new().push("", "x"), Err(BadHeader::Name));
        assert_eq!(Headers::new().push("a\0", "x"), Err(BadHeader::Name));
    }
}
