//! The files of a log, the newest first, and where in them a reader begins.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use sys::find_byte;

use super::entry::Entry;
use super::files::beside;
use super::{FileFormat, compress};

const BLOCK: u64 = 64 * 1024;
/// A block in which a whole line begins and ends: escaped, the longest line takes six times its length.
const LINE_BLOCK: usize = 256 * 1024;
/// Looks at the files' names before a reader waits for the next change; a rotation takes as long as a few of them.
const MOST_LOOKS: u32 = 1000;

/// Device, inode and birth: a number is given again as soon as its file is gone, and a compressed file keeps that of the one
/// which it was.
pub(super) type Identity = (u64, u64, u128);

pub(super) fn identity(file: &File) -> Option<Identity> {
    let about = file.metadata().ok()?;
    // A file system that knows no births has one less mark.
    let born = about.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    Some((about.dev(), about.ino(), born.map_or(0, |born| born.as_nanos())))
}

/// One file.
pub(super) struct Member {
    pub(super) content: Content,
    pub(super) identity: Option<Identity>,
    /// That of the file as it lies there.
    own: Option<Identity>,
    /// Lines that nobody wants at its beginning.
    pub(super) passed_over: u64,
}

pub(super) enum Content {
    Plain(File),
    Packed { file: File, unpacked: Box<dyn Read + Send> },
}

impl Member {
    fn plain(file: File) -> Self {
        let own = identity(&file);
        Self { content: Content::Plain(file), identity: own, own, passed_over: 0 }
    }

    fn packed(file: File) -> std::io::Result<Self> {
        let own = identity(&file);
        let (unpacked, identity) = compress::open(file.try_clone()?);
        Ok(Self { content: Content::Packed { file, unpacked }, identity, own, passed_over: 0 })
    }

    /// What is in it from its beginning. A packed one is unpacked anew.
    fn again(file: &File) -> std::io::Result<Box<dyn Read + Send>> {
        let mut copy = file.try_clone()?;
        copy.seek(SeekFrom::Start(0))?;
        Ok(compress::open(copy).0)
    }

    /// The time of its first line.
    fn first_time(&self, format: FileFormat) -> std::io::Result<Option<String>> {
        let mut block = vec![0; LINE_BLOCK];
        let count = match &self.content {
            Content::Plain(file) => file.read_at(&mut block, 0)?,
            Content::Packed { file, .. } => read_full(&mut Self::again(file)?, &mut block)?,
        };
        Ok(time_after(block.get(..count).unwrap_or_default(), format).map(|(_, time)| time))
    }
}

fn read_full(from: &mut impl Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = block.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

/// The first line of a block that can be read: where it begins, and its time.
fn time_after(block: &[u8], format: FileFormat) -> Option<(usize, String)> {
    let mut at = 0;
    loop {
        let rest = block.get(at..)?;
        let end = find_byte(b'\n', rest)?;
        if let Some(entry) = Entry::parse(format, rest.get(..end)?) {
            return Some((at, entry.time().to_owned()));
        }
        at += end + 1;
    }
}

/// The files after that one, or all, the newest first; none when they would not stand still.
pub(super) fn newer(path: &Path, after: Option<Identity>) -> std::io::Result<Vec<Member>> {
    for _ in 0..MOST_LOOKS {
        if let Some(newer) = look(path, after)? {
            return Ok(newer);
        }
    }
    Ok(Vec::new())
}

/// A rotation renames the last file first, then the one before it: whoever opens them one by one meanwhile sees a gap, or
/// one of them twice, or in the end another first one. Then this look was nothing.
fn look(path: &Path, after: Option<Identity>) -> std::io::Result<Option<Vec<Member>>> {
    let mut newer: Vec<Member> = Vec::new();
    for number in 0.. {
        let Some(member) = open(path, number)? else {
            if open(path, number + 1)?.is_some() {
                return Ok(None);
            }
            break;
        };
        if after.is_some() && member.identity == after {
            break;
        }
        if newer.last().is_some_and(|last| last.own == member.own) {
            return Ok(None);
        }
        newer.push(member);
    }
    let first = open(path, 0)?.and_then(|member| member.identity);
    Ok((newer.first().map_or(after, |member| member.identity) == first).then_some(newer))
}

fn open(path: &Path, number: u32) -> std::io::Result<Option<Member>> {
    let plain = if number == 0 { path.to_owned() } else { beside(path, &number.to_string()) };
    let open = |path: &Path| match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(file) = open(&plain)? {
        return Ok(Some(Member::plain(file)));
    }
    if number == 0 {
        return Ok(None);
    }
    open(&beside(&plain, "gz"))?.map(Member::packed).transpose()
}

/// Seeks the files, of which the first is the newest, so that `tail` lines remain; drops those that have none of them.
pub(super) fn keep_tail(members: &mut Vec<Member>, tail: u64) -> std::io::Result<()> {
    let mut missing = tail;
    for number in 0..members.len() {
        let Some(member) = members.get_mut(number) else { break };
        missing -= match &mut member.content {
            Content::Plain(file) => {
                let size = file.metadata()?.len();
                let (offset, found) = offset_of_tail(file, size, missing)?;
                file.seek(SeekFrom::Start(offset))?;
                found
            }
            Content::Packed { file, unpacked } => {
                let lines = count_lines(unpacked)?;
                *unpacked = Member::again(file)?;
                member.passed_over = lines.saturating_sub(missing);
                lines.min(missing)
            }
        };
        if missing == 0 {
            members.truncate(number + 1);
            break;
        }
    }
    Ok(())
}

fn count_lines(from: &mut impl Read) -> std::io::Result<u64> {
    let mut block = vec![0; LINE_BLOCK];
    let mut lines = 0;
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            return Ok(lines);
        }
        let mut rest = block.get(..count).unwrap_or_default();
        while let Some(end) = find_byte(b'\n', rest) {
            lines += 1;
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
}

/// Where the last `wanted` lines begin, and how many lines follow from there. Reads backwards in blocks.
fn offset_of_tail(file: &mut File, size: u64, wanted: u64) -> std::io::Result<(u64, u64)> {
    if wanted == 0 {
        return Ok((size, 0));
    }
    let mut ends = 0;
    let mut end = size;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.by_ref().take(end - start).read_to_end(&mut block)?;
        for (place, byte) in block.iter().enumerate().rev() {
            if *byte == b'\n' {
                // The end of the line before the first wanted one.
                if ends == wanted {
                    return Ok((start + place as u64 + 1, wanted));
                }
                ends += 1;
            }
        }
        end = start;
    }
    Ok((0, ends))
}

/// Drops the files that end before a time, and seeks the oldest that remains: near the first line at or after it, never beyond.
/// Only for files whose times stand in order.
pub(super) fn skip_to(
    members: &mut Vec<Member>,
    since: &str,
    format: FileFormat,
) -> std::io::Result<()> {
    for number in 0..members.len() {
        let Some(member) = members.get(number) else { break };
        if member.first_time(format)?.is_some_and(|time| time.as_str() < since) {
            members.truncate(number + 1);
            break;
        }
    }
    let Some(Content::Plain(file)) = members.last_mut().map(|member| &mut member.content) else {
        return Ok(());
    };
    let begin = file.stream_position()?;
    let offset = offset_of_time(file, (begin, file.metadata()?.len()), since, format)?;
    file.seek(SeekFrom::Start(offset)).map(drop)
}

/// By halves.
fn offset_of_time(
    file: &File,
    (mut low, mut high): (u64, u64),
    since: &str,
    format: FileFormat,
) -> std::io::Result<u64> {
    let mut block = vec![0; LINE_BLOCK];
    while high.saturating_sub(low) > BLOCK {
        let middle = low + (high - low) / 2;
        let count = file.read_at(&mut block, middle)?;
        let read = block.get(..count).unwrap_or_default();
        let found = find_byte(b'\n', read).and_then(|end| {
            let (place, time) = time_after(read.get(end + 1..)?, format)?;
            Some((middle + (end + 1 + place) as u64, time))
        });
        match found {
            Some((start, time)) if time.as_str() < since => low = start,
            _ => high = middle,
        }
    }
    Ok(low)
}
