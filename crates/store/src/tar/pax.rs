//! PAX extension headers: records of the form `LENGTH KEY=VALUE\n`, and what they override in the next entry.
//!
//! Strict: a record that does not end where its length says, a number that is none or a NUL in a path is an error, never
//! skipped. Unknown keys are ignored, as POSIX demands. Start at [`Overrides::read`]. Source: POSIX pax, "pax Extended Header".

use super::sparse::SparseRecords;
use super::{Timestamp, Xattr, base64};

/// Extended attributes of one entry. The kernel lists at most 64 KiB of names, xattr(7).
const MOST_XATTRS: usize = 512;

/// What extension headers say about the entry that follows.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<Timestamp>,
    pub(super) major: Option<u32>,
    pub(super) minor: Option<u32>,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) sparse: SparseRecords,
}

/// What is wrong with a header, in words for [`super::TarError::Extension`].
pub(super) type Problem = &'static str;

/// Where records apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// To the next entry: type `x`.
    Entry,
    /// To all entries that follow: type `g`.
    Global,
}

impl Overrides {
    /// Reads all records of one header.
    pub(super) fn read(
        &mut self,
        mut records: &[u8],
        scope: Scope,
        most_segments: usize,
    ) -> Result<(), Problem> {
        while !records.is_empty() {
            let Record { key, value, rest } = split_record(records)?;
            match scope {
                Scope::Entry => self.set(key, value, most_segments)?,
                Scope::Global => self.set_global(key, value)?,
            }
            records = rest;
        }
        Ok(())
    }

    /// For all entries only facts make sense that several entries can share; a global size or path would hide entries from
    /// the readers that ignore global headers, as Go's does.
    fn set_global(&mut self, key: &[u8], value: &[u8]) -> Result<(), Problem> {
        match key {
            b"uid" | b"gid" | b"mtime" => self.set(key, value, 0),
            b"size" | b"path" | b"linkpath" => Err("a global header sets path, link or size"),
            _ if key.starts_with(b"GNU.sparse.") => Err("a global header describes a sparse file"),
            _ if is_xattr(key) => Err("a global header sets extended attributes"),
            _ => Ok(()),
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], most_segments: usize) -> Result<(), Problem> {
        match key {
            // POSIX lets an empty value take back an earlier header's. No writer does it, and readers disagree.
            _ if value.is_empty() && is_own_field(key) => return Err("record without a value"),
            b"path" => self.path = Some(path(value)?),
            b"linkpath" => self.link = Some(path(value)?),
            b"size" => self.size = Some(decimal(value).ok_or("size is not a number")?),
            b"uid" => self.uid = Some(id(value)?),
            b"gid" => self.gid = Some(id(value)?),
            b"mtime" => self.mtime = Some(timestamp(value).ok_or("mtime is not a time")?),
            b"SCHILY.devmajor" => self.major = Some(id(value)?),
            b"SCHILY.devminor" => self.minor = Some(id(value)?),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.set_xattr(name, value.to_vec(), true)?;
                } else if let Some(name) = key.strip_prefix(b"LIBARCHIVE.xattr.") {
                    let name = base64::percent_decode(name)
                        .ok_or("bad escape in the name of an extended attribute")?;
                    let value = base64::decode(value).ok_or("extended attribute is not base64")?;
                    self.set_xattr(&name, value, false)?;
                } else if let Some(what) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.set(what, value, most_segments)?;
                } else if key.starts_with(b"GNU.volume.") {
                    return Err("the archive is one volume of several");
                }
            }
        }
        Ok(())
    }

    /// libarchive writes each attribute in both forms; the one that is not escaped wins.
    fn set_xattr(&mut self, name: &[u8], value: Vec<u8>, wins: bool) -> Result<(), Problem> {
        if name.is_empty() || name.contains(&0) {
            return Err("extended attribute without a valid name");
        }
        let full = self.xattrs.len() >= MOST_XATTRS;
        match self.xattrs.iter_mut().find(|xattr| xattr.name == name) {
            Some(xattr) if wins => xattr.value = value,
            Some(_) => {}
            None if full => return Err("more than 512 extended attributes"),
            None => self.xattrs.push(Xattr { name: name.to_vec(), value }),
        }
        Ok(())
    }
}

fn is_xattr(key: &[u8]) -> bool {
    key.starts_with(b"SCHILY.xattr.") || key.starts_with(b"LIBARCHIVE.xattr.")
}

/// The first of several records.
struct Record<'r> {
    key: &'r [u8],
    value: &'r [u8],
    /// The records after it.
    rest: &'r [u8],
}

fn split_record(records: &[u8]) -> Result<Record<'_>, Problem> {
    let space = records.iter().position(|byte| *byte == b' ').ok_or("record without a length")?;
    let length = decimal(&records[..space]).ok_or("record length is not a number")?;
    let length = usize::try_from(length).ok().ok_or("record is longer than its header")?;
    let record = records.get(..length).ok_or("record is longer than its header")?;
    let body = record.get(space + 1..).ok_or("record is shorter than its length field")?;
    let body = body
        .strip_suffix(b"\n")
        .ok_or("record does not end with a newline where its length says")?;
    let equals =
        body.iter().position(|byte| *byte == b'=').ok_or("record without an equals sign")?;
    if equals == 0 {
        return Err("record without a key");
    }
    Ok(Record { key: &body[..equals], value: &body[equals + 1..], rest: &records[length..] })
}

fn is_own_field(key: &[u8]) -> bool {
    matches!(key, b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"mtime")
}

fn path(value: &[u8]) -> Result<Vec<u8>, Problem> {
    if value.contains(&0) { Err("NUL inside a path") } else { Ok(value.to_vec()) }
}

/// Digits only: no sign, no space.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn id(text: &[u8]) -> Result<u32, Problem> {
    let id = decimal(text).and_then(|id| u32::try_from(id).ok());
    // The largest value means "leave it" to chown(2).
    id.filter(|id| *id != u32::MAX).ok_or("owner or device is not a number in range")
}

/// `-1.5` is half a second before -1: one second and a half before 1970.
fn timestamp(text: &[u8]) -> Option<Timestamp> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &b""[..]),
    };
    let seconds = i64::try_from(decimal(whole)?).ok()?;
    let mut nanoseconds = 0_u32;
    for place in 0..fraction.len().max(9) {
        let digit = fraction.get(place).map_or(Some(0), |byte| char::from(*byte).to_digit(10))?;
        // What is finer than a nanosecond is cut, as all tools do.
        if place < 9 {
            nanoseconds = nanoseconds * 10 + digit;
        }
    }
    match (negative, nanoseconds) {
        (false, _) => Some(Timestamp { seconds, nanoseconds }),
        (true, 0) => Some(Timestamp { seconds: -seconds, nanoseconds }),
        (true, _) => {
            Some(Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds })
        }
    }
}

/// Appends one record; its length counts itself.
pub(super) fn write_record(into: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    into.extend_from_slice(length.to_string().as_bytes());
    into.push(b' ');
    into.extend_from_slice(key);
    into.push(b'=');
    into.extend_from_slice(value);
    into.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[u8]) -> Result<Overrides, Problem> {
        let mut overrides = Overrides::default();
        overrides.read(records, Scope::Entry, 8).map(|()| overrides)
    }

    #[test]
    fn records_are_read_exactly() {
        let overrides = read(b"12 path=a/b\n30 mtime=1350244992.023960108\n10 size=9\n").unwrap();
        assert_eq!(overrides.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(
            overrides.mtime,
            Some(Timestamp { seconds: 1_350_244_992, nanoseconds: 23_960_108 })
        );
        assert_eq!(overrides.size, Some(9));
    }

    #[test]
    fn bad_records_are_refused() {
        for bad in [
            &b"12 path=a/b"[..],
            b"11 path=a/b\n",
            b"13 path=a/b\n",
            b"path=a/b\n",
            b" 12 path=a/b\n",
            b"+12 path=a/b\n",
            b"9 patha/b\n",
            b"6 =ab\n",
            b"2 \n",
            b"99999999999999999999999 a=b\n",
            b"11 path=a\0b\n",
            b"11 size=-1\n",
            b"18 uid=4294967295\n",
            b"0 a=b\n",
            b"12 path=a/b\n\0\0",
        ] {
            assert!(read(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn times_before_1970() {
        for (text, seconds, nanoseconds) in [
            ("-1", -1, 0),
            ("-1.5", -2, 500_000_000),
            ("-0.25", -1, 750_000_000),
            ("7.1234567891", 7, 123_456_789),
        ] {
            assert_eq!(
                timestamp(text.as_bytes()),
                Some(Timestamp { seconds, nanoseconds }),
                "{text}"
            );
        }
        for bad in ["", ".5", "1.x", "1e3", "--1", "9223372036854775808"] {
            assert_eq!(timestamp(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn written_lengths_count_themselves() {
        for length in 0..1200 {
            let mut record = Vec::new();
            write_record(&mut record, b"SCHILY.xattr.user.a", &vec![b'x'; length]);
            assert_eq!(read(&record).unwrap().xattrs[0].value.len(), length);
        }
    }

    #[test]
    fn both_spellings_of_an_xattr() {
        let mut records = Vec::new();
        write_record(&mut records, b"LIBARCHIVE.xattr.user.a%3Db", b"Zm9v");
        write_record(&mut records, b"SCHILY.xattr.user.c", b"plain");
        write_record(&mut records, b"LIBARCHIVE.xattr.user.c", b"Zm9v");
        let found = read(&records).unwrap().xattrs;
        assert_eq!(found[0], Xattr { name: b"user.a=b".to_vec(), value: b"foo".to_vec() });
        assert_eq!(found[1], Xattr { name: b"user.c".to_vec(), value: b"plain".to_vec() });
        assert_eq!(found.len(), 2);
    }
}
