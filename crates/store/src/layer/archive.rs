//! An archive of a tree, entry by entry as it is read: nothing is written, and one header is in memory at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, openat};

use super::attributes::{Described, describe, describe_open};
use super::walk::{Met, Walk, join};
use super::{MountPoints, TreeError, failed, refused};
use crate::IdShift;
use crate::tar::{self, BLOCK_BYTES, Kind, Metadata};
use crate::unpack::Form;
use crate::view::Merged;

/// An archive of a directory tree, from [`super::diff`] or [`super::tree`].
#[derive(Debug)]
pub struct TreeArchive {
    walk: Option<Walk>,
    /// The root itself, until it is written.
    top: Option<Metadata>,
    form: Form,
    mount_points: MountPoints,
    /// What stands before each path.
    prefix: Vec<u8>,
    /// Whether the end is still to be written of an archive without a walk.
    is_single: bool,
    /// Whether another archive follows it, and has the end.
    is_part: bool,
    /// No entry is younger, in seconds since 1970.
    latest_s: Option<i64>,
    /// What owners of the top directory's entries become.
    ids: Option<IdShift>,
    /// First names of files that have several, and how many were not met yet.
    names: HashMap<(u64, u64), (Vec<u8>, u64)>,
    /// Headers, padding, or the archive's end.
    bytes: Vec<u8>,
    given: usize,
    contents: Option<Contents>,
}

#[derive(Debug)]
struct Contents {
    file: File,
    path: Vec<u8>,
    size: u64,
    left: u64,
}

impl TreeArchive {
    pub(super) fn new(
        (root, own): (Merged, usize),
        form: Form,
        mount_points: MountPoints,
    ) -> Result<Self, TreeError> {
        let top = root.first().ok_or_else(|| refused(b"/", "is no directory"))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = openat(top, ".", flags, Mode::empty()).map_err(failed("open", b"/"))?;
        let top = Some(describe_open(top, FileType::Directory, b"./")?.metadata);
        let walk = Some(Walk::new(root, form, own)?);
        let (names, bytes, given, contents) = (HashMap::new(), Vec::new(), 0, None);
        let (prefix, is_single) = (Vec::new(), false);
        Ok(Self {
            walk,
            top,
            form,
            mount_points,
            prefix,
            is_single,
            is_part: false,
            latest_s: None,
            ids: None,
            names,
            bytes,
            given,
            contents,
        })
    }

    /// The same archive, in which owners of what is in the top directory are others.
    #[must_use]
    pub fn with_ids(mut self, ids: Option<IdShift>) -> Self {
        self.ids = ids;
        self
    }

    /// Makes the root's own entry ready; false where it needs none.
    fn push_top(&mut self, mut top: Metadata) -> Result<bool, TreeError> {
        shift(self.ids.as_ref(), &mut top);
        // An upper directory's own times say nothing; its owner and mode are the root's, and worth an entry when they are not
        // what every unpacker gives a root.
        let Metadata { mode, uid, gid, xattrs, .. } = &top;
        let is_usual = (*mode, *uid, *gid, xattrs.len()) == (0o755, 0, 0, 0);
        if self.form == Form::Layer {
            if is_usual {
                return Ok(false);
            }
            top.mtime = tar::Timestamp::default();
        }
        self.bytes.clear();
        self.given = 0;
        tar::push_headers(&top, &mut self.bytes)?;
        Ok(true)
    }

    /// What several layers are together, above others.
    pub(super) fn above(
        root: Merged,
        below: Merged,
        mount_points: MountPoints,
    ) -> Result<Self, TreeError> {
        let mut archive = Self::new((Merged::clone(&root), 1), Form::Layer, mount_points)?;
        archive.walk = Some(Walk::above(root, below)?);
        Ok(archive)
    }

    /// What is open, a directory with all that is in it, under a name.
    pub(super) fn of_one(
        opened: OwnedFd,
        kind: FileType,
        (name, ids): (&[u8], Option<IdShift>),
    ) -> Result<Self, TreeError> {
        if kind == FileType::Directory {
            let root: Merged = Arc::from([opened]);
            let none = MountPoints::default();
            let mut archive = Self::new((Merged::clone(&root), 1), Form::RootFs, none)?;
            archive.walk = Some(Walk::of_mounted(root, Form::RootFs)?);
            archive.prefix = name.to_vec();
            archive.ids = ids;
            // Its own entry has the name.
            archive.top = None;
            let top = archive.walk.as_ref().and_then(Walk::top);
            if let Some(top) = top {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let top = openat(top, ".", flags, Mode::empty()).map_err(failed("open", name))?;
                let mut described = describe_open(top, kind, name)?;
                shift(archive.ids.as_ref(), &mut described.metadata);
                tar::push_headers(&described.metadata, &mut archive.bytes)?;
            }
            return Ok(archive);
        }
        let Described { mut metadata, file, .. } = describe_open(opened, kind, name)?;
        let mut bytes = Vec::new();
        shift(ids.as_ref(), &mut metadata);
        tar::push_headers(&metadata, &mut bytes)?;
        let Metadata { path, size, .. } = metadata;
        let contents =
            file.filter(|_| size > 0).map(|file| Contents { file, path, size, left: size });
        Ok(Self {
            walk: None,
            top: None,
            form: Form::RootFs,
            mount_points: MountPoints::default(),
            prefix: Vec::new(),
            is_single: true,
            is_part: false,
            latest_s: None,
            ids,
            names: HashMap::new(),
            bytes,
            given: 0,
            contents,
        })
    }

    /// The same archive, in which nothing was changed later than a moment, in seconds since 1970: what is the same is so on every day.
    /// Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    #[must_use]
    pub const fn not_later_than(mut self, latest_s: Option<i64>) -> Self {
        self.latest_s = latest_s;
        self
    }

    /// The same below a directory, without an end: what follows it has that.
    #[must_use]
    pub fn below(mut self, directory: &str) -> Self {
        self.prefix = directory.as_bytes().to_vec();
        self.is_part = true;
        self
    }

    /// Makes the next entry ready; false at the end.
    fn advance(&mut self) -> Result<bool, TreeError> {
        if std::mem::take(&mut self.is_single) {
            self.bytes.clear();
            self.given = 0;
            self.bytes.resize(2 * BLOCK_BYTES, 0);
            return Ok(true);
        }
        if let Some(top) = self.top.take()
            && self.push_top(top)?
        {
            return Ok(true);
        }
        let Some(walk) = &mut self.walk else { return Ok(false) };
        self.bytes.clear();
        self.given = 0;
        loop {
            let Some(met) = walk.next()? else {
                self.walk = None;
                if self.is_part {
                    return Ok(false);
                }
                self.bytes.resize(2 * BLOCK_BYTES, 0);
                return Ok(true);
            };
            if self.form == Form::Layer && met.name.starts_with(b".wh.") {
                return Err(refused(&met.path, "has a name that means a deletion in a layer"));
            }
            let is_made = match self.form {
                Form::Layer => self.mount_points.are_all_in(&met.path),
                Form::RootFs => self.mount_points.are_at(&met.path),
            };
            if met.kind != FileType::Socket && !is_made {
                self.push(&met)?;
                return Ok(true);
            }
        }
    }

    fn push(&mut self, met: &Met) -> Result<(), TreeError> {
        if met.whiteout {
            let parent = &met.path[..met.path.len() - met.name.len()];
            let path = [parent, b".wh.", &met.name].concat();
            return Ok(tar::push_headers(&mark(path), &mut self.bytes)?);
        }
        let Described { mut metadata, file, links, inode, opaque } = describe(met)?;
        let opaque = met.hides.unwrap_or(opaque);
        shift(self.ids.as_ref().filter(|_| met.is_own), &mut metadata);
        if let Some(latest) = self.latest_s.filter(|latest| metadata.mtime.seconds >= *latest) {
            metadata.mtime = tar::Timestamp { seconds: latest, nanoseconds: 0 };
        }
        if !self.prefix.is_empty() {
            let prefix = self.prefix.strip_suffix(b"/").unwrap_or(&self.prefix);
            metadata.path = [prefix, b"/", &metadata.path].concat();
        }
        if metadata.kind != Kind::Directory
            && links > 1
            && let Some(first) = self.first_name(inode, links, &metadata.path)
        {
            metadata = Metadata { kind: Kind::Hardlink, link: first, size: 0, ..metadata };
            metadata.xattrs.clear();
            return Ok(tar::push_headers(&metadata, &mut self.bytes)?);
        }
        tar::push_headers(&metadata, &mut self.bytes)?;
        if opaque && self.form == Form::Layer {
            tar::push_headers(&mark(join(&met.path, b".wh..wh..opq")), &mut self.bytes)?;
        }
        if let Some(file) = file.filter(|_| metadata.size > 0) {
            let Metadata { path, size, .. } = metadata;
            self.contents = Some(Contents { file, path, size, left: size });
        }
        Ok(())
    }

    /// The first name of a file that has several, when this is not the first.
    fn first_name(&mut self, inode: (u64, u64), links: u64, path: &[u8]) -> Option<Vec<u8>> {
        let Some((first, left)) = self.names.get_mut(&inode) else {
            self.names.insert(inode, (path.to_vec(), links - 1));
            return None;
        };
        *left -= 1;
        let (first, is_last) = (first.clone(), *left == 0);
        if is_last {
            self.names.remove(&inode);
        }
        Some(first)
    }
}

impl Contents {
    /// A file that grows is cut at the size that its header has; one that shrinks has no honest continuation.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(refused(&self.path, "became shorter while it was read").into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl Read for TreeArchive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let rest = &self.bytes[self.given..];
            if !rest.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.given += count;
                return Ok(count);
            }
            match self.contents.take() {
                Some(mut contents) if contents.left > 0 => {
                    let count = contents.read(buffer)?;
                    self.contents = Some(contents);
                    return Ok(count);
                }
                Some(contents) => {
                    self.bytes.clear();
                    self.bytes.extend_from_slice(tar::padding(contents.size));
                    self.given = 0;
                }
                None => {
                    if !self.advance()? {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

/// An entry that says something by its name only.
fn mark(path: Vec<u8>) -> Metadata {
    Metadata { path, mode: 0o600, ..Metadata::default() }
}

pub(super) fn shift(ids: Option<&IdShift>, metadata: &mut Metadata) {
    if let Some(ids) = ids {
        (metadata.uid, metadata.gid) = ids.of((metadata.uid, metadata.gid));
        for xattr in &mut metadata.xattrs {
            xattr.value = ids.attribute(&xattr.name, std::mem::take(&mut xattr.value));
        }
    }
}
