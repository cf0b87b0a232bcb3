//! Files that a container is given in memory: their contents come in a sealed file of no file system, memfd_create(2), beside the
//! plan and never in it, since a plan is written down. Start at [`Plan::give`]; what the child does is in `mounted`.
//!
//! ```text
//! offset, length (8 bytes each, native order) of content 0 | of content 1 | … | content 0 | content 1 | …
//! ```

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde::{Deserialize, Serialize};
use sys::Errno;

use crate::error::{PlanError, StartError};
use crate::plan::{Plan, Step};
use crate::planner::inside;
use crate::prepared::{Target, path, text};

mod mounted;

/// Bytes of one place in the table: two numbers.
const PLACE: usize = 16;

/// A file whose content is given beside the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenFile {
    /// Where below the directory that it is in; empty for one that is mounted by itself.
    pub path: PathBuf,
    /// Which of the contents it has.
    pub content: u32,
    /// Owner, as the container sees it.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// What is mounted in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// Where; absolute.
    pub target: PathBuf,
    /// What is in it, or the one file that it is.
    pub files: Vec<GivenFile>,
}

impl Plan {
    /// Adds files in memory: over everything that the configuration mounts, and before the root changes.
    ///
    /// # Errors
    /// For a target that is the root or below `/proc`, or a path that leads out of its directory.
    pub fn give(&mut self, gifts: impl IntoIterator<Item = Gift>) -> Result<(), PlanError> {
        for Gift { target, files } in gifts {
            let target = inside(&target, "given files")?;
            if target == Path::new("/") || target.starts_with("/proc") {
                let why = format!("{} cannot be mounted over", target.display());
                return Err(PlanError::field("given files", why));
            }
            for file in &files {
                inside(&Path::new("/").join(&file.path), "given files")?;
            }
            let ends = |step: &Step| {
                matches!(step, Step::Hooks | Step::PivotRoot | Step::MoveRoot | Step::ChangeRoot)
            };
            let at = self.steps.iter().position(ends).unwrap_or(self.steps.len());
            self.steps.insert(at, Step::Give { target, files });
        }
        Ok(())
    }
}

/// Puts contents into a sealed file of no file system.
///
/// # Errors
/// As memfd_create(2) and write(2).
pub fn seal_contents(contents: &[impl AsRef<[u8]>]) -> Result<OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create(c"contents", flags)?;
    let mut offset = contents.len() * PLACE;
    let mut table = Vec::with_capacity(offset);
    for content in contents {
        let length = content.as_ref().len();
        table.extend((offset as u64).to_ne_bytes());
        table.extend((length as u64).to_ne_bytes());
        offset += length;
    }
    let mut file = std::fs::File::from(file);
    let written = file
        .write_all(&table)
        .and_then(|()| contents.iter().try_for_each(|content| file.write_all(content.as_ref())));
    written.map_err(Errno::from)?;
    let file = OwnedFd::from(file);
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    Ok(file)
}

/// One of the contents.
///
/// # Errors
/// EIO where there is none of that number.
pub fn read_content(contents: BorrowedFd<'_>, number: u32) -> Result<Vec<u8>, Errno> {
    let (offset, length) = place_of(contents, number)?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_at(contents, &mut bytes, offset)?;
    Ok(bytes)
}

/// Offset and length of a content. Nothing here allocates.
fn place_of(contents: BorrowedFd<'_>, number: u32) -> Result<(u64, u64), Errno> {
    let mut place = [0; PLACE];
    read_at(contents, &mut place, u64::from(number) * PLACE as u64)?;
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
    let (offset, length) = place.split_at(PLACE / 2);
    Ok((number(offset), number(length)))
}

fn read_at(contents: BorrowedFd<'_>, mut bytes: &mut [u8], mut offset: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::pread(contents, &mut *bytes, offset) {
            Ok(0) => return Err(Errno::from_raw(libc::EIO)),
            Ok(count) => {
                bytes = bytes.get_mut(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// A [`Step::Give`], ready.
pub(crate) struct PreparedGift {
    target: Target,
    files: Vec<PreparedFile>,
    /// Whether it is one file instead of a directory.
    is_file: bool,
    label: Option<CString>,
}

struct PreparedFile {
    /// Directories above it that are made first, the upper ones first.
    parents: Vec<CString>,
    path: CString,
    content: u32,
    uid: u32,
    gid: u32,
    mode: u32,
}

impl PreparedGift {
    pub(crate) fn new(
        target: &Path,
        files: &[GivenFile],
        label: Option<&str>,
    ) -> Result<Self, StartError> {
        let is_file = files.iter().any(|file| file.path.as_os_str().is_empty());
        let files = files.iter().map(PreparedFile::new).collect::<Result<_, _>>()?;
        let label = label.map(text).transpose()?;
        Ok(Self { target: Target::new(target)?, files, is_file, label })
    }
}

impl PreparedFile {
    fn new(file: &GivenFile) -> Result<Self, StartError> {
        let GivenFile { path: name, content, uid, gid, mode } = file;
        let name = if name.as_os_str().is_empty() { Path::new("file") } else { name };
        let above = name.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let mut parents = above.map(path).collect::<Result<Vec<_>, _>>()?;
        parents.reverse();
        let (content, uid, gid, mode) = (*content, *uid, *gid, *mode);
        Ok(Self { parents, path: path(name)?, content, uid, gid, mode })
    }
}

/// The contents as the child has them.
pub(crate) fn own(contents: Option<BorrowedFd<'_>>) -> Result<Option<OwnedFd>, StartError> {
    let cloned = contents.map(|contents| contents.as_fd().try_clone_to_owned()).transpose();
    cloned.map_err(|error| StartError::parent("keep the contents of files")(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_sealed_and_read_by_number() {
        let contents = [&b"one\0"[..], b"", &[7; 100_000]];
        let file = seal_contents(&contents).unwrap();
        for (number, content) in contents.iter().enumerate() {
            let read = read_content(file.as_fd(), u32::try_from(number).unwrap()).unwrap();
            assert_eq!(&read, content);
        }
        assert!(read_content(file.as_fd(), 1_000_000).is_err());
        assert_eq!(rustix::io::pwrite(&file, b"x", 0), Err(rustix::io::Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&file, 0), Err(rustix::io::Errno::PERM));
    }
}
