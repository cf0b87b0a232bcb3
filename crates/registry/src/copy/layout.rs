//! An OCI layout as either end of a copy. Reading: [`LayoutSource`], over a directory or an archive. Writing into a directory:
//! [`LayoutTarget`], blob by blob, each whole under its name, and `index.json` last; what is there stays, but for the entry that
//! had the tag. Sources: image-spec image-layout.md, annotations.md.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, open, openat};
use rustix::io::Errno;
use serde_json::{Value, json};
use spec::Digest;
use spec::digest::Algorithm;
use spec::image::{Descriptor, Document, media_type};
use store::ArchiveMembers;

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::source::Source;
use super::temporary::{Temporary, sweep};
use super::verified::reading;
use crate::checksum::{self, Hasher};
use crate::{Fetched, RegistryError};

pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// What stands in the file `oci-layout`.
pub(super) const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// A manifest or an index that is longer is none: distribution-spec, "Pushing Manifests".
const MOST_DOCUMENT_BYTES: u64 = 4 << 20;
const MOST_INDEX_BYTES: u64 = 8 << 20;
/// Blobs that are written at once.
const MOST_WRITES: usize = 3;
const BUFFER_BYTES: usize = 128 * 1024;
/// What files of ours are called before they have their names.
const STEM: &str = "blob";

/// An image in a layout.
pub(super) struct LayoutSource {
    place: String,
    members: ArchiveMembers,
    tag: Option<String>,
}

impl LayoutSource {
    pub(super) fn of_directory(path: &Path, tag: Option<&str>) -> Result<Self, RegistryError> {
        let members = ArchiveMembers::of_directory(path)?;
        Ok(Self { place: path.display().to_string(), members, tag: tag.map(str::to_owned) })
    }

    pub(super) fn of_archive(path: &Path, tag: Option<&str>) -> Result<Self, RegistryError> {
        let members = open_archive(path)?;
        Ok(Self { place: path.display().to_string(), members, tag: tag.map(str::to_owned) })
    }

    /// The entry of the index that the tag names; the only one where there is no tag.
    fn entry(&self) -> Result<Descriptor, RegistryError> {
        let bytes = document(&self.members, "index.json", MOST_INDEX_BYTES)?.ok_or_else(|| {
            RegistryError::Invalid(format!("{} is no OCI layout: it has no index.json", self.place))
        })?;
        let parsed = Document::parse(&bytes, media_type::OCI_INDEX);
        let what = || format!("read index.json of {}", self.place);
        let Document::Index(index) =
            parsed.map_err(|cause| RegistryError::Document { what: what(), cause })?
        else {
            return Err(RegistryError::Dishonest {
                what: what(),
                why: "it is no index".to_owned(),
            });
        };
        let name = |entry: &Descriptor, key| entry.annotations.get(key).cloned();
        let has_tag = |entry: &&Descriptor| {
            let tag = self.tag.as_ref();
            tag.is_none_or(|tag| {
                [REF_NAME, CONTAINERD_NAME]
                    .into_iter()
                    .any(|key| name(entry, key).as_ref() == Some(tag))
            })
        };
        let found: Vec<&Descriptor> = index.manifests.iter().filter(has_tag).collect();
        // One image may have several names.
        if let Some(first) = found.first()
            && found.iter().all(|entry| entry.digest == first.digest)
        {
            return Ok((*first).clone());
        }
        let tags: Vec<String> = index
            .manifests
            .iter()
            .filter_map(|entry| name(entry, REF_NAME))
            .map(|tag| crate::words::clean(&tag))
            .collect();
        let why = match (&self.tag, found.len()) {
            (Some(tag), 0) => format!("has no image {tag}"),
            (None, 0) => "is empty".to_owned(),
            (Some(tag), _) => format!("has several images {tag}"),
            (None, _) => "has several images: name one".to_owned(),
        };
        let tags = if tags.is_empty() {
            String::new()
        } else {
            format!(" (there are {})", tags.join(", "))
        };
        Err(RegistryError::Invalid(format!("{} {why}{tags}", self.place)))
    }
}

impl Source for LayoutSource {
    fn root(&self) -> Result<Fetched, RegistryError> {
        self.document(&self.entry()?)
    }

    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
        let path = blob_path(&wanted.digest);
        let bytes = document(&self.members, &path, MOST_DOCUMENT_BYTES)?;
        let bytes = bytes.ok_or_else(|| missing(&self.place, &path))?;
        let found = checksum::of(wanted.digest.algorithm(), &bytes);
        if found != wanted.digest || bytes.len() as u64 != wanted.size {
            let (size, why) = (bytes.len(), wanted.size);
            let why = format!("it has {size} bytes and digest {found}, not {why} bytes");
            return Err(RegistryError::Dishonest {
                what: format!("read {path} of {}", self.place),
                why,
            });
        }
        let mut descriptor = Descriptor::new(&wanted.media_type, found, wanted.size);
        descriptor.platform.clone_from(&wanted.platform);
        Ok(Fetched { descriptor, bytes })
    }

    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        let path = blob_path(&wanted.digest);
        let member = self.members.find(&path)?.ok_or_else(|| missing(&self.place, &path))?;
        Ok(Box::new(member))
    }
}

fn missing(place: &str, path: &str) -> RegistryError {
    let why = "it is not there".to_owned();
    RegistryError::Dishonest { what: format!("read {path} of {place}"), why }
}

pub(super) fn open_archive(path: &Path) -> Result<ArchiveMembers, RegistryError> {
    let failed = |cause| RegistryError::Disk { what: format!("open {}", path.display()), cause };
    let file = File::open(path).map_err(failed)?;
    ArchiveMembers::of_file(&file)?.ok_or_else(|| {
        let why =
            "it is compressed as a whole, no regular file, or sparse inside: corten load takes it";
        RegistryError::Invalid(format!("{} cannot be read by places: {why}", path.display()))
    })
}

/// A small member, whole.
pub(super) fn document(
    members: &ArchiveMembers,
    path: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, RegistryError> {
    let Some(member) = members.find(path)? else { return Ok(None) };
    if member.size() > most {
        let why = format!("it has {} bytes, and {most} are allowed", member.size());
        return Err(RegistryError::Dishonest { what: format!("read {path}"), why });
    }
    let mut bytes = Vec::new();
    member
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|cause| RegistryError::Disk { what: format!("read {path}"), cause })?;
    Ok(Some(bytes))
}

pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// A layout in a directory that an image is to come into.
pub(super) struct LayoutTarget {
    path: PathBuf,
    tag: Option<String>,
    opened: Option<Opened>,
}

/// Which directories of blobs are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Make {
    Nothing,
    Sha256,
    Both,
}

struct Opened {
    root: Arc<OwnedFd>,
    sha256: OwnedFd,
    /// There where something has such a digest.
    sha512: Option<OwnedFd>,
}

impl LayoutTarget {
    pub(super) fn new(path: &Path, tag: Option<&str>) -> Result<Self, RegistryError> {
        let opened = match open(path, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) => None,
            opened => Some(opened.map_err(|errno| failed("open", path, errno))?),
        };
        let mut target = Self { path: path.to_owned(), tag: tag.map(str::to_owned), opened: None };
        if let Some(root) = opened {
            target.check_version(&root)?;
            target.opened = target.open_blobs(root, Make::Nothing)?;
        }
        Ok(target)
    }

    /// A directory that is something else already is left alone.
    fn check_version(&self, root: &OwnedFd) -> Result<(), RegistryError> {
        let is_layout = match self.read(root, "oci-layout")? {
            Some(bytes) => {
                let layout: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                layout["imageLayoutVersion"]
                    .as_str()
                    .is_some_and(|version| version.starts_with("1."))
            }
            None => rustix::fs::Dir::read_from(root)
                .map_err(|errno| failed("read", &self.path, errno))?
                .flatten()
                .all(|entry| {
                    let name = entry.file_name().to_bytes();
                    name.starts_with(b".") || matches!(name, b"blobs" | b"index.json")
                }),
        };
        if is_layout {
            return Ok(());
        }
        let words =
            format!("{} is neither empty nor an OCI layout of version 1", self.path.display());
        Err(RegistryError::Invalid(words))
    }

    /// Opens the directories of blobs; makes those that are missing. No link in between is followed.
    fn open_blobs(&self, root: OwnedFd, make: Make) -> Result<Option<Opened>, RegistryError> {
        let directory = |name: &str, make: bool| {
            if make {
                match mkdirat(&root, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(failed("make", &self.path.join(name), errno)),
                }
            }
            match sys::open_without_links(root.as_fd(), name, DIRECTORY, Mode::empty()) {
                Err(errno) if errno.name() == Some("ENOENT") && !make => Ok(None),
                opened => opened.map(Some).map_err(|errno| {
                    let what = format!("open {}", self.path.join(name).display());
                    RegistryError::Disk { what, cause: io::Error::from_raw_os_error(errno.raw()) }
                }),
            }
        };
        let makes = make != Make::Nothing;
        directory("blobs", makes)?;
        let sha256 = directory("blobs/sha256", makes)?;
        let sha512 = directory("blobs/sha512", make == Make::Both)?;
        Ok(sha256.map(|sha256| Opened { root: Arc::new(root), sha256, sha512 }))
    }

    fn read(&self, root: &OwnedFd, name: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let what = || format!("read {}", self.path.join(name).display());
        let disk = |errno: Errno| RegistryError::Disk { what: what(), cause: errno.into() };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(root, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => File::from(opened.map_err(disk)?),
        };
        let mut bytes = Vec::new();
        file.take(MOST_INDEX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| RegistryError::Disk { what: what(), cause })?;
        if bytes.len() as u64 > MOST_INDEX_BYTES {
            let why = format!("it has more than {MOST_INDEX_BYTES} bytes");
            return Err(RegistryError::Dishonest { what: what(), why });
        }
        Ok(Some(bytes))
    }

    fn opened(&self) -> Result<&Opened, RegistryError> {
        let unready = || RegistryError::Invalid(format!("{} was not made", self.path.display()));
        self.opened.as_ref().ok_or_else(unready)
    }

    /// Writes a file whole, and gives it its name.
    fn write(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError> {
        let opened = self.opened()?;
        let path = self.path.join(blob_path(&blob.digest));
        let temporary =
            Temporary::new(&opened.root, STEM).map_err(|errno| failed("make", &path, errno))?;
        copy(contents, temporary.file(), blob, &path)?;
        let directory = opened.of(&blob.digest).map_or(opened.root.as_fd(), AsFd::as_fd);
        temporary
            .publish(directory, blob.digest.hex())
            .map_err(|errno| failed("write", &path, errno))
    }

    /// The index with one entry more, in place of the one that had the tag.
    fn indexed(&self, root: &OwnedFd, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let what = || format!("read {}", self.path.join("index.json").display());
        let dishonest = |why: String| RegistryError::Dishonest { what: what(), why };
        let empty =
            || json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": []});
        let mut index = match self.read(root, "index.json")? {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|bad| dishonest(bad.to_string()))?
            }
            None => empty(),
        };
        let Some(entries) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
            return Err(dishonest("it is no index".to_owned()));
        };
        let name = |entry: &Value| entry["annotations"][REF_NAME].as_str().map(str::to_owned);
        let digest = descriptor.digest.to_string();
        entries.retain(|entry| {
            let is_same = entry["digest"] == digest.as_str();
            name(entry) != self.tag || (self.tag.is_none() && !is_same)
        });
        entries.push(entry_of(descriptor, self.tag.as_deref()));
        serde_json::to_vec(&index).map_err(|bad| dishonest(bad.to_string()))
    }

    fn replace(&self, opened: &Opened, name: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let path = self.path.join(name);
        let temporary =
            Temporary::new(&opened.root, STEM).map_err(|errno| failed("make", &path, errno))?;
        let disk = |cause| RegistryError::Disk { what: format!("write {}", path.display()), cause };
        temporary.file().write_all(bytes).map_err(disk)?;
        let root = opened.root.as_fd();
        temporary.publish(root, name).map_err(|errno| failed("write", &path, errno))
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Opened {
    fn of(&self, digest: &Digest) -> Option<&OwnedFd> {
        match digest.algorithm() {
            Algorithm::Sha256 => Some(&self.sha256),
            Algorithm::Sha512 => self.sha512.as_ref(),
        }
    }
}

/// What stands in `index.json` for an image.
pub(super) fn entry_of(descriptor: &Descriptor, tag: Option<&str>) -> Value {
    let mut entry = json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    });
    if let Some(platform) = &descriptor.platform {
        entry["platform"] = json!(platform);
    }
    if let Some(tag) = tag {
        entry["annotations"] = json!({ REF_NAME: tag });
    }
    entry
}

fn failed(action: &str, path: &Path, errno: Errno) -> RegistryError {
    RegistryError::Disk { what: format!("{action} {}", path.display()), cause: errno.into() }
}

/// Writes everything that comes.
fn copy(
    contents: &mut dyn Read,
    mut file: &File,
    blob: &Descriptor,
    path: &Path,
) -> Result<(), RegistryError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match contents.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reading(blob, error)),
        };
        file.write_all(&buffer[..count]).map_err(|cause| RegistryError::Disk {
            what: format!("write {}", path.display()),
            cause,
        })?;
    }
}

impl Destination for LayoutTarget {
    fn parallel(&self) -> usize {
        MOST_WRITES
    }

    fn begin(&mut self, graph: &Graph) -> Result<(), RegistryError> {
        let is_long = |blob: &Descriptor| blob.digest.algorithm() == Algorithm::Sha512;
        let documents = graph.documents.iter().chain([&graph.root]);
        let needs_both = graph.blobs.iter().any(is_long)
            || documents.map(|document| &document.descriptor).any(is_long);
        let lacks = |opened: &Opened| needs_both && opened.sha512.is_none();
        if self.opened.as_ref().is_none_or(lacks) {
            let disk = |cause| RegistryError::Disk {
                what: format!("make {}", self.path.display()),
                cause,
            };
            fs::create_dir_all(&self.path).map_err(disk)?;
            let root = open(&self.path, DIRECTORY, Mode::empty());
            let root = root.map_err(|errno| failed("open", &self.path, errno))?;
            let make = if needs_both { Make::Both } else { Make::Sha256 };
            self.opened = self.open_blobs(root, make)?;
        }
        sweep(self.opened()?.root.as_fd(), STEM);
        Ok(())
    }

    /// Looked at to its last byte: a blob that is there was written by somebody else.
    fn find(&self, blob: &Descriptor, _from: Option<&str>) -> Result<Found, RegistryError> {
        let Some(opened) = &self.opened else { return Ok(Found::Missing) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Some(directory) = opened.of(&blob.digest) else { return Ok(Found::Missing) };
        let Ok(file) = openat(directory, blob.digest.hex(), flags, Mode::empty()) else {
            return Ok(Found::Missing);
        };
        let path = self.path.join(blob_path(&blob.digest));
        let stat = fstat(&file).map_err(|errno| failed("read", &path, errno))?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_file || u64::try_from(stat.st_size) != Ok(blob.size) {
            return Ok(Found::Missing);
        }
        let (mut file, mut hash) = (File::from(file), Hasher::new(blob.digest.algorithm()));
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = file.read(&mut buffer);
            let disk =
                |cause| RegistryError::Disk { what: format!("read {}", path.display()), cause };
            match read.map_err(disk)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
        Ok(if hash.finish() == blob.digest { Found::There } else { Found::Missing })
    }

    fn put(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError> {
        self.write(blob, contents)
    }

    fn document(&self, document: &Fetched) -> Result<(), RegistryError> {
        match self.find(&document.descriptor, None)? {
            Found::Missing => self.write(&document.descriptor, &mut &document.bytes[..]),
            Found::There | Found::Mounted => Ok(()),
        }
    }

    fn finish(self: Box<Self>, root: &Fetched) -> Result<(), RegistryError> {
        self.document(root)?;
        let opened = self.opened()?;
        // Two copies into one layout keep each other's entries.
        flock(&opened.root, FlockOperation::LockExclusive)
            .map_err(|errno| failed("lock", &self.path, errno))?;
        if self.read(&opened.root, "oci-layout")?.is_none() {
            self.replace(opened, "oci-layout", LAYOUT.as_bytes())?;
        }
        let index = self.indexed(&opened.root, &root.descriptor)?;
        self.replace(opened, "index.json", &index)
    }
}
