//! An OCI layout in a directory that is written into: blob by blob, each whole under its name, and `index.json` last; what is there
//! stays, but for the entries that had the tags. Start at [`LayoutTarget`]; `layout_source` reads one. Sources: image-spec
//! image-layout.md, annotations.md.

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
use spec::image::{Descriptor, media_type};

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::referrers::{Attachment, Tie};
use super::temporary::{Temporary, sweep};
use super::verified::reading;
use crate::checksum::Hasher;
use crate::{Fetched, RegistryError};

pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Annotations that name an image in a layout.
pub(super) const NAMES: [&str; 2] = [REF_NAME, CONTAINERD_NAME];
/// What stands in the file `oci-layout`.
pub(super) const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
pub(super) const MOST_INDEX_BYTES: u64 = 8 << 20;
/// Blobs that are written at once.
const MOST_WRITES: usize = 3;
const BUFFER_BYTES: usize = 128 * 1024;
/// What files of ours are called before they have their names.
const STEM: &str = "blob";

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

    /// The index with more entries, each in place of the one that had its tag.
    fn indexed(&self, root: &OwnedFd, new: Vec<Value>) -> Result<Vec<u8>, RegistryError> {
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
        for new in new {
            let name = new["annotations"][REF_NAME].as_str();
            entries.retain(|entry| {
                let is_same = entry["digest"] == new["digest"];
                entry["annotations"][REF_NAME].as_str() != name || (name.is_none() && !is_same)
            });
            entries.push(new);
        }
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

pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// What stands in `index.json` for an image and for what belongs to it.
pub(super) fn entries_of(graph: &Graph, tag: Option<&str>) -> Vec<Value> {
    let beside = graph.attachments.iter().map(|Attachment { document, tie }| {
        let Descriptor { artifact_type, annotations, .. } = &document.descriptor;
        let mut entry = match tie {
            Tie::Tag(tag) => entry_of(&document.descriptor, Some(tag)),
            Tie::Subject(_) => entry_of(&document.descriptor, None),
        };
        if let Some(kind) = artifact_type {
            entry["artifactType"] = json!(kind);
        }
        for (key, value) in annotations.iter().filter(|(key, _)| !NAMES.contains(&key.as_str())) {
            entry["annotations"][key] = json!(value);
        }
        entry
    });
    beside.chain([entry_of(&graph.root.descriptor, tag)]).collect()
}

fn entry_of(descriptor: &Descriptor, tag: Option<&str>) -> Value {
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
        let mut documents = graph.every_document().map(|document| &document.descriptor);
        let needs_both = graph.blobs.iter().any(is_long) || documents.any(is_long);
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

    fn finish(self: Box<Self>, graph: &Graph) -> Result<(), RegistryError> {
        self.document(&graph.root)?;
        let opened = self.opened()?;
        // Two copies into one layout keep each other's entries.
        flock(&opened.root, FlockOperation::LockExclusive)
            .map_err(|errno| failed("lock", &self.path, errno))?;
        if self.read(&opened.root, "oci-layout")?.is_none() {
            self.replace(opened, "oci-layout", LAYOUT.as_bytes())?;
        }
        let index = self.indexed(&opened.root, entries_of(graph, self.tag.as_deref()))?;
        self.replace(opened, "index.json", &index)
    }
}
