//! The members of an image archive by name, and where their bytes lie: files of a directory, places in an archive that is a
//! file itself and need not be unpacked, or places in a spool and layers in a stage, see `arrival`. Start at [`Members::find`].
//!
//! Names lead to members only: links are followed inside the archive, as below a root of its own (CVE-2014-9356).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, fstat};
use spec::Digest;
use sys::{Errno, open_in_root};

use crate::StoreError;
use crate::compression::{self, Compression};
use crate::tar::{Kind, Metadata, Reader};
use crate::unpack::{Limits, Name, UnpackError};

/// As many symbolic links as the kernel follows in one path. path_resolution(7).
const MOST_LINKS: usize = 40;
/// Bytes of all names in an index. An archive of many large images stays below a hundredth of it.
const MOST_NAME_BYTES: u64 = 16 << 20;

/// Where the members are.
#[derive(Debug)]
pub(super) enum Members<'a> {
    /// In a directory.
    Unpacked(BorrowedFd<'a>),
    /// In an archive.
    Packed(Index),
}

/// A member's bytes, read by their place: many can be read from one file at once.
#[derive(Clone, Debug)]
pub struct Member {
    file: Arc<File>,
    at: u64,
    left: u64,
}

/// What stands where in an archive.
#[derive(Debug)]
pub(super) struct Index {
    file: Arc<File>,
    entries: BTreeMap<Vec<u8>, Entry>,
    layers: Vec<Result<Arrived, StoreError>>,
}

/// A layer that is in the stage already.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// Digest of the archive as it came.
    pub(super) blob: Digest,
    /// Digest of the plain archive.
    pub(super) diff_id: Digest,
}

/// What stands under a name.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A file's bytes.
    File {
        /// Where they begin.
        at: u64,
        /// How many.
        size: u64,
    },
    /// A layer by its number: unpacked, or why not.
    Layer(usize),
    /// Its text.
    Symlink(Vec<u8>),
    /// A directory or a pipe.
    Other,
}

/// An index that is being made, name by name.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: BTreeMap<Vec<u8>, Entry>,
    name: Name,
    name_bytes: u64,
}

impl Members<'_> {
    /// The member of that name; nothing when there is none.
    pub(super) fn find(&self, path: &str) -> Result<Option<Member>, StoreError> {
        let no_file = || StoreError::Archive(format!("{path:?} is no file"));
        match self {
            Self::Unpacked(directory) => {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
                let file = match open_in_root(*directory, path, flags, Mode::empty()) {
                    Err(errno) if errno.name() == Some("ENOENT") => return Ok(None),
                    opened => opened.map_err(StoreError::file("open", path))?,
                };
                let stat = fstat(&file).map_err(StoreError::file("open", path))?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    return Err(no_file());
                }
                let left = u64::try_from(stat.st_size).unwrap_or(0);
                Ok(Some(Member { file: Arc::new(File::from(file)), at: 0, left }))
            }
            Self::Packed(index) => {
                match index.find(path.as_bytes()).map_err(StoreError::file("open", path))? {
                    None => Ok(None),
                    Some(Entry::File { at, size }) => {
                        Ok(Some(Member { file: Arc::clone(&index.file), at: *at, left: *size }))
                    }
                    Some(Entry::Layer(_) | Entry::Symlink(_) | Entry::Other) => Err(no_file()),
                }
            }
        }
    }
}

impl Members<'_> {
    /// Refuses a layer that is in the stage already, and is not the wanted one, or was damaged.
    pub(super) fn refuse_arrived(
        &mut self,
        path: &str,
        blob: Option<&Digest>,
        diff_id: &Digest,
    ) -> Result<(), StoreError> {
        let Self::Packed(index) = self else { return Ok(()) };
        let found = index.find(path.as_bytes()).map_err(StoreError::file("open", path))?;
        let Some(&Entry::Layer(number)) = found else { return Ok(()) };
        let Some(arrived) = index.layers.get_mut(number) else { return Ok(()) };
        let arrived = match arrived {
            Ok(arrived) => arrived,
            Err(_) => {
                let said = StoreError::Archive(format!("layer {path} was refused"));
                return std::mem::replace(arrived, Err(said)).map(drop);
            }
        };
        let pairs = [("digest", blob, &arrived.blob), ("diff id", Some(diff_id), &arrived.diff_id)];
        for (name, wanted, found) in pairs {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                let words = format!("layer {path} has the {name} {found}, not {wanted}");
                return Err(StoreError::Archive(words));
            }
        }
        Ok(())
    }
}

impl Member {
    /// Bytes that have not been read.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.left
    }
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Index {
    /// Reads the headers of the archive that begins where `file` stands, and none of its contents. Nothing when its members
    /// cannot be read by their places: `file` is no regular file, it is compressed, or a member has holes. `file` stands
    /// where it did then.
    pub(super) fn of(file: &File) -> Result<Option<Self>, UnpackError> {
        let Some(start) = start_of_plain(file) else { return Ok(None) };
        let mut reader = Reader::new_seekable(file, Limits::default().archive);
        let mut entries = Entries::default();
        while let Some(entry) = reader.next_entry()? {
            if !entries.add(&entry)? {
                continue;
            }
            if entry.sparse.is_some() {
                let rewound = (&mut &*file).seek(SeekFrom::Start(start));
                let failed = |error| entries.name.failed("rewind to", error);
                return rewound.map(|_| None).map_err(failed);
            }
            let at = start + entry.contents_at();
            entries.set(Entry::File { at, size: entry.size });
        }
        let file = file.as_fd().try_clone_to_owned();
        let file = file.map_err(|error| entries.name.failed("hold", error))?;
        Ok(Some(entries.index(File::from(file), Vec::new())))
    }

    /// What stands under that path once its symbolic links are followed.
    fn find(&self, path: &[u8]) -> Result<Option<&Entry>, Errno> {
        let parts = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
        };
        let (mut here, mut links, mut ahead) = (Vec::new(), 0, parts(path));
        while let Some(part) = ahead.pop() {
            let length = here.len();
            match &part[..] {
                b"" | b"." => continue,
                b".." => {
                    here.truncate(here.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                    continue;
                }
                _ if length > 0 => here.push(b'/'),
                _ => {}
            }
            here.extend_from_slice(&part);
            if let Some(Entry::Symlink(target)) = self.entries.get(&here) {
                links += 1;
                if links > MOST_LINKS {
                    return Err(rustix::io::Errno::LOOP.into());
                }
                here.truncate(if target.starts_with(b"/") { 0 } else { length });
                ahead.extend(parts(target));
            }
        }
        Ok(self.entries.get(&here))
    }
}

impl Entries {
    /// Takes the name of an entry, and notes what stands there; true for a file, which [`Entries::set`] then does.
    pub(super) fn add(&mut self, entry: &Metadata) -> Result<bool, UnpackError> {
        let limits = Limits::default();
        let name = &mut self.name;
        name.set(&entry.path, limits.depth)?;
        self.name_bytes += entry.path.len() as u64 + entry.link.len() as u64;
        if self.name_bytes > MOST_NAME_BYTES {
            return Err(name.over("size of all names", MOST_NAME_BYTES));
        }
        let found = match entry.kind {
            Kind::File => return Ok(true),
            Kind::Symlink => Entry::Symlink(entry.link.clone()),
            Kind::Hardlink => {
                let mut target = Name::default();
                target.set(&entry.link, limits.depth)?;
                let missing = "target of a hard link is not in this archive";
                let target = self.entries.get(target.path()).cloned();
                target.ok_or_else(|| name.refused(missing))?
            }
            Kind::CharacterDevice | Kind::BlockDevice => {
                return Err(name.refused("device nodes are not allowed here"));
            }
            Kind::Directory | Kind::Fifo => Entry::Other,
        };
        self.set(found);
        Ok(false)
    }

    /// What stands under the name that was added last.
    pub(super) fn set(&mut self, found: Entry) {
        self.entries.insert(self.name.path().to_vec(), found);
    }

    /// The name that was added last, for messages.
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.name.path()).into_owned()
    }

    /// The index, over places in `file` and over these layers.
    pub(super) fn index(self, file: File, layers: Vec<Result<Arrived, StoreError>>) -> Index {
        Index { file: Arc::new(file), entries: self.entries, layers }
    }
}

/// Where a file stands whose further bytes can be reached by their place and are not compressed.
fn start_of_plain(file: &File) -> Option<u64> {
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let start = (&mut &*file).stream_position().ok()?;
    let mut magic = Vec::new();
    let member = Member { file: Arc::new(file.try_clone().ok()?), at: start, left: 16 };
    member.take(compression::MAGIC_BYTES as u64).read_to_end(&mut magic).ok()?;
    (compression::detect(&magic) == Ok(Compression::Plain)).then_some(start)
}
