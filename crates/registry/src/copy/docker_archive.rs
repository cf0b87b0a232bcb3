//! What `docker save` writes as either end of a copy. It keeps layers plain and no manifest: one is made of it, and digests of
//! manifests change by nature, while configurations and diff ids stay. Start at [`DockerSource`] and [`DockerTarget`].
//! Source: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format".

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use spec::image::{Descriptor, DockerArchiveImage, ImageConfig, Manifest, media_type};
use spec::{Digest, Reference};
use store::compression::{Compression, Decoder, Hashed, HashingReader};
use store::{ArchiveMembers, Images, Member, Paths};

use super::archive::{NewFile, finish, headers, member, padded};
use super::destination::{Destination, Found};
use super::graph::Graph;
use super::layout::blob_path;
use super::layout_source::{document, open_archive};
use super::plain_manifest;
use super::source::Source;
use super::verified::reading;
use crate::{Fetched, RegistryError, checksum};

const MOST_MANIFEST_BYTES: u64 = 8 << 20;
/// A configuration that is longer is none.
const MOST_CONFIG_BYTES: u64 = 8 << 20;
/// What a header of one block can say: eleven octal digits. tar(5).
const MOST_LAYER_BYTES: u64 = 0o77_777_777_777;

/// An image in an archive of `docker save`.
pub(super) struct DockerSource {
    place: String,
    root: Fetched,
    config: Vec<u8>,
    layers: HashMap<Digest, Member>,
}

impl DockerSource {
    pub(super) fn open(
        path: &Path,
        name: Option<&Reference>,
        room: Option<&Paths>,
    ) -> Result<Self, RegistryError> {
        let members = open_archive(path, room)?;
        let place = path.display().to_string();
        let image = chosen(&members, &place, name)?;
        let config = document(&members, &image.config, MOST_CONFIG_BYTES)?
            .ok_or_else(|| lacks(&place, &image.config))?;
        let parsed = Images::parse_config(&config)?;
        let diff_ids = &parsed.rootfs.diff_ids;
        if diff_ids.len() != image.layers.len() {
            let why = format!(
                "the image has {} layers and {} diff ids",
                image.layers.len(),
                diff_ids.len()
            );
            return Err(RegistryError::Dishonest { what: format!("read {place}"), why });
        }
        let (mut descriptors, mut layers) = (Vec::new(), HashMap::new());
        for (path, diff_id) in image.layers.iter().zip(diff_ids) {
            let member = members.find(path)?.ok_or_else(|| lacks(&place, path))?;
            let descriptor = describe(&member, diff_id, path)?;
            layers.insert(descriptor.digest.clone(), member);
            descriptors.push(descriptor);
        }
        let root = plain_manifest(&config, &parsed, descriptors)?;
        Ok(Self { place, root, config, layers })
    }
}

/// The image of that name, or the only one.
fn chosen(
    members: &ArchiveMembers,
    place: &str,
    name: Option<&Reference>,
) -> Result<DockerArchiveImage, RegistryError> {
    let bytes = document(members, "manifest.json", MOST_MANIFEST_BYTES)?;
    let bytes = bytes.ok_or_else(|| {
        RegistryError::Invalid(format!(
            "{place} is no archive of docker save: it has no manifest.json"
        ))
    })?;
    let images: Vec<DockerArchiveImage> =
        serde_json::from_slice(&bytes).map_err(|bad| RegistryError::Dishonest {
            what: format!("read manifest.json of {place}"),
            why: bad.to_string(),
        })?;
    let tags = |image: &DockerArchiveImage| -> Vec<Reference> {
        image.repo_tags.iter().flatten().filter_map(|tag| tag.parse().ok()).collect()
    };
    let fits = |image: &&DockerArchiveImage| name.is_none_or(|name| tags(image).contains(name));
    let found: Vec<&DockerArchiveImage> = images.iter().filter(fits).collect();
    if let [only] = found[..] {
        return Ok(only.clone());
    }
    let names: Vec<String> = images.iter().flat_map(tags).map(|name| name.familiar()).collect();
    let why = match name {
        Some(name) => format!("has no image {}", name.familiar()),
        None if images.is_empty() => "is empty".to_owned(),
        None => "has several images: name one".to_owned(),
    };
    Err(RegistryError::Invalid(format!("{place} {why} (there are {})", names.join(", "))))
}

fn lacks(place: &str, path: &str) -> RegistryError {
    let why = format!("{:?} is not there", crate::words::clean(path));
    RegistryError::Dishonest { what: format!("read {place}"), why }
}

/// A plain layer is what its diff id says, or the copy fails; of a compressed one the digest is found out.
fn describe(member: &Member, diff_id: &Digest, path: &str) -> Result<Descriptor, RegistryError> {
    let failed = |cause| RegistryError::Disk { what: format!("read layer {path:?}"), cause };
    let compression = Decoder::new(member.clone()).map_err(failed)?.compression();
    let kind = match compression {
        Compression::Plain => {
            return Ok(Descriptor::new(media_type::OCI_LAYER, diff_id.clone(), member.size()));
        }
        Compression::Gzip => media_type::OCI_LAYER_GZIP,
        Compression::Zstd => media_type::OCI_LAYER_ZSTD,
    };
    let mut reader = HashingReader::new(member.clone());
    io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
    let Hashed { digest, bytes } = reader.finish();
    Ok(Descriptor::new(kind, digest, bytes))
}

impl Source for DockerSource {
    fn root(&self) -> Result<Fetched, RegistryError> {
        Ok(self.root.clone())
    }

    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
        Err(lacks(&self.place, &wanted.digest.to_string()))
    }

    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        match self.layers.get(&wanted.digest) {
            Some(member) => Ok(Box::new(member.clone())),
            // Whatever else is wanted will turn out not to be it.
            None => Ok(Box::new(&self.config[..])),
        }
    }
}

/// An archive that is being written: one blob after the other, since nobody knows how long a layer is before it is plain.
pub(super) struct DockerTarget {
    path: PathBuf,
    name: Option<Reference>,
    manifest: Option<Manifest>,
    making: Mutex<Option<Making>>,
}

struct Making {
    file: NewFile,
    end: u64,
    config: Option<ImageConfig>,
    /// Which diff id has its place in the archive.
    written: BTreeMap<Digest, u64>,
}

impl DockerTarget {
    pub(super) fn new(path: &Path, name: Option<&Reference>) -> Self {
        let (path, name) = (path.to_owned(), name.cloned());
        Self { path, name, manifest: None, making: Mutex::default() }
    }

    fn making(&self) -> MutexGuard<'_, Option<Making>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unready(&self) -> RegistryError {
        RegistryError::Invalid(format!("{} was not made", self.path.display()))
    }

    /// The diff ids that a blob is to have.
    fn diff_id(&self, config: &ImageConfig, blob: &Descriptor) -> Option<Digest> {
        let layers = &self.manifest.as_ref()?.layers;
        let at = layers.iter().position(|layer| layer.digest == blob.digest)?;
        config.rootfs.diff_ids.get(at).cloned()
    }
}

impl Making {
    fn append(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        self.file.write_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn config(
        &mut self,
        blob: &Descriptor,
        contents: &mut dyn Read,
        layers: usize,
    ) -> Result<(), RegistryError> {
        let mut bytes = Vec::new();
        let mut limited = contents.take(MOST_CONFIG_BYTES + 1);
        limited.read_to_end(&mut bytes).map_err(|error| reading(blob, error))?;
        let config = Images::parse_config(&bytes)?;
        let diff_ids = config.rootfs.diff_ids.len();
        if bytes.len() as u64 > MOST_CONFIG_BYTES || diff_ids != layers {
            let why = format!("{} bytes with {diff_ids} diff ids for {layers} layers", bytes.len());
            return Err(RegistryError::Dishonest { what: format!("read {}", blob.digest), why });
        }
        self.append(&member(&blob_path(&blob.digest), &bytes)?)?;
        self.config = Some(config);
        Ok(())
    }

    fn layer(
        &mut self,
        blob: &Descriptor,
        diff_id: &Digest,
        contents: &mut dyn Read,
    ) -> Result<(), RegistryError> {
        if self.written.contains_key(diff_id) {
            return io::copy(contents, &mut io::sink())
                .map(drop)
                .map_err(|error| reading(blob, error));
        }
        let failed = |error| reading(blob, error);
        let header = headers(&blob_path(diff_id), Some(0))?.len() as u64;
        let decoder = Decoder::new(&mut *contents).map_err(failed)?;
        let mut plain = HashingReader::new(decoder);
        let at = self.end + header;
        let size = self.file.copy_at(&mut plain, at, MOST_LAYER_BYTES, &failed)?;
        let found = plain.finish().digest;
        // What is behind the compressed stream: the blob ends only when it was the right one.
        io::copy(contents, &mut io::sink()).map_err(failed)?;
        if found != *diff_id {
            let why = format!("its archive has digest {found}, not {diff_id}");
            return Err(RegistryError::Dishonest {
                what: format!("copy blob {}", blob.digest),
                why,
            });
        }
        self.file.write_at(&headers(&blob_path(diff_id), Some(size))?, self.end)?;
        self.end = at + padded(size);
        self.written.insert(diff_id.clone(), size);
        Ok(())
    }
}

impl Destination for DockerTarget {
    fn parallel(&self) -> usize {
        1
    }

    fn begin(&mut self, graph: &Graph) -> Result<(), RegistryError> {
        let place = self.path.display();
        let Some(manifest) = &graph.manifest else {
            let words = format!("{place}: an archive of docker save holds one platform");
            return Err(RegistryError::Invalid(words));
        };
        let config = manifest.config.media_type.as_str();
        let is_image = matches!(config, media_type::OCI_CONFIG | media_type::DOCKER_CONFIG)
            && manifest.layers.iter().all(|layer| media_type::is_layer(&layer.media_type));
        if !is_image {
            let words = format!(
                "{place}: an archive of docker save holds images only, and this is an artifact"
            );
            return Err(RegistryError::Invalid(words));
        }
        self.manifest = Some(manifest.clone());
        let file = NewFile::make(&self.path)?;
        let mut making = Making { file, end: 0, config: None, written: BTreeMap::new() };
        for directory in ["blobs", "blobs/sha256"] {
            making.append(&headers(directory, None)?)?;
        }
        *self.making() = Some(making);
        Ok(())
    }

    fn find(&self, _blob: &Descriptor, _from: Option<&str>) -> Result<Found, RegistryError> {
        Ok(Found::Missing)
    }

    fn put(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError> {
        let (mut making, manifest) = (self.making(), self.manifest.as_ref());
        let (Some(making), Some(manifest)) = (making.as_mut(), manifest) else {
            return Err(self.unready());
        };
        if blob.digest == manifest.config.digest {
            return making.config(blob, contents, manifest.layers.len());
        }
        // The configuration is the first of the blobs.
        let diff_id = making.config.as_ref().and_then(|config| self.diff_id(config, blob));
        making.layer(blob, &diff_id.ok_or_else(|| self.unready())?, contents)
    }

    fn document(&self, document: &Fetched) -> Result<(), RegistryError> {
        let words =
            format!("{} has no place for {}", self.path.display(), document.descriptor.digest);
        Err(RegistryError::Invalid(words))
    }

    fn finish(self: Box<Self>, _graph: &Graph) -> Result<(), RegistryError> {
        let (making, manifest) = (self.making().take(), self.manifest.as_ref());
        let (Some(mut making), Some(manifest)) = (making, manifest) else {
            return Err(self.unready());
        };
        let config = making.config.take().ok_or_else(|| self.unready())?;
        let image = DockerArchiveImage {
            config: blob_path(&manifest.config.digest),
            // Whole: podman takes a name without its registry for one of this machine.
            repo_tags: self.name.as_ref().map(|name| vec![name.to_string()]),
            layers: config.rootfs.diff_ids.iter().map(blob_path).collect(),
        };
        let list =
            serde_json::to_vec(&[image]).map_err(|bad| RegistryError::Invalid(bad.to_string()))?;
        making.append(&member("manifest.json", &list)?)?;
        finish(making.file, making.end)
    }
}

/// The digest of bytes that are at hand, as manifests have it.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    checksum::of(spec::digest::Algorithm::Sha256, bytes)
}
