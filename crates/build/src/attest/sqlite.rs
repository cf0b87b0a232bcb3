//! Rows of one table of an SQLite file, as rpm's database is one. Start at [`rows`].
//!
//! The file comes from an image and is anybody's: it is read here, in memory and within bounds, and not given to the engine that keeps
//! our own records. Only what a table b-tree needs is known: no index, no view, no expression. Source: SQLite's file format, 1.5 and 2.

/// So many pages are visited.
const PAGES: usize = 1 << 20;
/// So deep are trees.
const DEPTH: usize = 20;

/// A column of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Null,
    Whole(i64),
    Text(String),
    Blob(Vec<u8>),
}

struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// What of a page is used.
    usable: usize,
    visited: usize,
}

/// All rows of the table of this name. Nothing when the file is no database, or is broken.
pub(super) fn rows(bytes: &[u8], table: &str) -> Option<Vec<Vec<Column>>> {
    if !bytes.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let page_size = match usize::from(u16::from_be_bytes(take(bytes, 16)?)) {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => size,
        _ => return None,
    };
    let usable = page_size.checked_sub(usize::from(*bytes.get(20)?))?;
    let mut database = Database { bytes, page_size, usable, visited: 0 };
    let mut schema = Vec::new();
    database.collect(1, 0, &mut schema)?;
    let wanted = [Column::Text("table".to_owned()), Column::Text(table.to_owned())];
    let entry = schema.iter().find(|row| row.get(..2) == Some(&wanted))?;
    let Some(Column::Whole(root)) = entry.get(3) else { return None };
    let mut rows = Vec::new();
    database.collect(usize::try_from(*root).ok()?, 0, &mut rows)?;
    Some(rows)
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A number of one to nine bytes, and how many they are.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for length in 0..9 {
        let byte = *bytes.get(at + length)?;
        if length == 8 {
            return Some(((value << 8) | u64::from(byte), 9));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, length + 1));
        }
    }
    None
}

impl<'a> Database<'a> {
    fn page(&mut self, number: usize) -> Option<&'a [u8]> {
        self.visited += 1;
        if self.visited > PAGES {
            return None;
        }
        let start = number.checked_sub(1)?.checked_mul(self.page_size)?;
        self.bytes.get(start..start.checked_add(self.page_size)?)
    }

    /// The rows below a page of a table's tree.
    fn collect(&mut self, number: usize, depth: usize, rows: &mut Vec<Vec<Column>>) -> Option<()> {
        let page = self.page(number)?;
        // The first page begins with the file's head.
        let head = if number == 1 { 100 } else { 0 };
        let kind = *page.get(head)?;
        let cells = usize::from(u16::from_be_bytes(take(page, head + 3)?));
        let pointers = head + if kind == 5 { 12 } else { 8 };
        for cell in 0..cells {
            let at = usize::from(u16::from_be_bytes(take(page, pointers + 2 * cell)?));
            match kind {
                5 if depth < DEPTH => {
                    let child = u32::from_be_bytes(take(page, at)?);
                    self.collect(usize::try_from(child).ok()?, depth + 1, rows)?;
                }
                13 => rows.push(record(&self.payload(page, at)?)?),
                _ => return None,
            }
        }
        if kind == 5 && depth < DEPTH {
            let child = u32::from_be_bytes(take(page, head + 8)?);
            self.collect(usize::try_from(child).ok()?, depth + 1, rows)?;
        }
        Some(())
    }

    /// The bytes of a row; what does not fit on its page goes on in a chain of others.
    fn payload(&mut self, page: &[u8], at: usize) -> Option<Vec<u8>> {
        let (length, first) = varint(page, at)?;
        let (_, second) = varint(page, at + first)?;
        let start = at + first + second;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len())?;
        let most = self.usable.checked_sub(35)?;
        if length <= most {
            return page.get(start..start + length).map(<[u8]>::to_vec);
        }
        let least = self.usable.checked_sub(12)? * 32 / 255 - 23;
        let rest = least + (length - least) % (self.usable - 4);
        let local = if rest <= most { rest } else { least };
        let mut payload = page.get(start..start + local)?.to_vec();
        let mut next = u32::from_be_bytes(take(page, start + local)?);
        while payload.len() < length && next != 0 {
            let page = self.page(usize::try_from(next).ok()?)?;
            let part = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(page.get(4..4 + part)?);
            next = u32::from_be_bytes(take(page, 0)?);
        }
        (payload.len() == length).then_some(payload)
    }
}

/// A row's columns: their types, then their contents.
fn record(payload: &[u8]) -> Option<Vec<Column>> {
    let (head, mut at) = varint(payload, 0)?;
    let head = usize::try_from(head).ok().filter(|head| *head <= payload.len())?;
    let mut data = head;
    let mut columns = Vec::new();
    while at < head {
        let (kind, length) = varint(payload, at)?;
        at += length;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            kind => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = payload.get(data..data.checked_add(length)?)?;
        data += length;
        columns.push(match kind {
            0 => Column::Null,
            8 => Column::Whole(0),
            9 => Column::Whole(1),
            1..=6 => {
                let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
                let start = if is_negative { -1 } else { 0 };
                Column::Whole(
                    bytes.iter().fold(start, |all: i64, byte| (all << 8) | i64::from(*byte)),
                )
            }
            // A fraction is of no column that is asked for.
            7 => Column::Null,
            kind if kind % 2 == 0 => Column::Blob(bytes.to_vec()),
            _ => Column::Text(String::from_utf8_lossy(bytes).into_owned()),
        });
    }
    Some(columns)
}
