//! Images from the archives of `docker save`, and from OCI layouts, packed or as directories.
//!
//! The outer archive is unpacked into a scratch directory first: its manifest may stand at its end, its members in any order,
//! and layers in parallel need places to read from. Members are reached inside that directory only, whatever links it holds
//! (CVE-2014-9356).

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat};
use serde::de::DeserializeOwned;
use spec::image::{
    Descriptor, DockerArchiveImage, ImageConfig, Index, Manifest, Platform, media_type,
};
use spec::{Digest, ImageId, Reference};
use sys::open_in_root;

use super::layers::{Job, unpack_all};
use super::{Images, digest_of};
use crate::StoreError;
use crate::compression::Decoder;
use crate::scratch::Scratch;
use crate::unpack::{Form, Rules, unpack};

/// A document longer than this is none (a configuration of 100 MiB is an attack).
const MOST_DOCUMENT_BYTES: u64 = 8 << 20;
/// overlayfs.rst: a mount takes at most 500 lower layers.
const MOST_LAYERS: usize = 500;
/// Indexes in indexes in indexes.
const DEEPEST_INDEX: u32 = 4;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// An image that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its id.
    pub id: ImageId,
    /// The names that came with it.
    pub names: Vec<Reference>,
}

/// An image in an archive, before its layers are unpacked.
struct Found {
    config: Vec<u8>,
    /// Path inside the archive, and its digest where the archive says one.
    layers: Vec<(String, Option<Digest>)>,
    names: Vec<Reference>,
}

impl Images<'_> {
    /// Loads every image of an archive, compressed or not.
    ///
    /// # Errors
    /// When the archive is none, not whole, or not honest, or the disk refuses; nothing is left then.
    pub fn load(&self, archive: impl Read + Send, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        let scratch = Scratch::new(&self.store.paths)?;
        let outer = scratch.path().join("archive");
        std::fs::create_dir(&outer).map_err(StoreError::file("make", &outer))?;
        let into = File::open(&outer).map_err(StoreError::file("open", &outer))?;
        let unpacked = |cause: Box<dyn std::error::Error + Send + Sync>| StoreError::Unpack {
            what: "unpack the archive".to_owned(),
            cause,
        };
        let plain = Decoder::new(archive).map_err(|cause| unpacked(cause.into()))?;
        let rules = Rules { form: Form::RootFs, devices: false, owners: false, ..Rules::layer() };
        unpack(plain, into.as_fd(), &rules).map_err(|cause| unpacked(cause.into()))?;
        self.load_from(into.as_fd(), &scratch, now_ns)
    }

    /// Loads every image of an OCI layout, or of an unpacked archive of `docker save`, in a directory.
    ///
    /// # Errors
    /// As [`Images::load`].
    pub fn load_directory(&self, path: &Path, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        let directory = File::open(path).map_err(StoreError::file("open", path))?;
        let scratch = Scratch::new(&self.store.paths)?;
        self.load_from(directory.as_fd(), &scratch, now_ns)
    }

    fn load_from(
        &self,
        archive: BorrowedFd<'_>,
        scratch: &Scratch,
        now_ns: i64,
    ) -> Result<Vec<Loaded>, StoreError> {
        let archive = Archive(archive);
        let found = archive.images()?;
        if found.is_empty() {
            return Err(StoreError::Archive("the archive holds no image".to_owned()));
        }
        found.into_iter().map(|found| self.load_one(&archive, scratch, &found, now_ns)).collect()
    }

    fn load_one(
        &self,
        archive: &Archive<'_>,
        scratch: &Scratch,
        found: &Found,
        now_ns: i64,
    ) -> Result<Loaded, StoreError> {
        let config: ImageConfig = parse("the image's configuration", &found.config)?;
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != found.layers.len() {
            let counts = format!("{} layers and {} diff ids", found.layers.len(), diff_ids.len());
            return Err(StoreError::Archive(format!("the image has {counts}")));
        }
        if diff_ids.len() > MOST_LAYERS {
            return Err(StoreError::Archive(format!(
                "the image has {} layers; {MOST_LAYERS} are the most",
                diff_ids.len()
            )));
        }
        let mut jobs: Vec<Job<File>> = Vec::new();
        for (diff_id, (path, blob)) in diff_ids.iter().zip(&found.layers) {
            let here =
                self.store.paths.layer(diff_id).is_dir() && self.known_size(diff_id)?.is_some();
            let planned = jobs.iter().any(|job| job.diff_id.as_ref() == Some(diff_id));
            if !here && !planned {
                let (what, reader) = (format!("layer {path}"), archive.open(path)?);
                jobs.push(Job {
                    what,
                    reader,
                    diff_id: Some(diff_id.clone()),
                    blob: blob.clone(),
                    rules: Rules::layer(),
                });
            }
        }
        let fresh = unpack_all(&self.store.paths, scratch, jobs)?;
        let mut layers = Vec::new();
        for diff_id in diff_ids {
            let size = match fresh.iter().find(|(fresh, _)| fresh == diff_id) {
                Some((_, size)) => *size,
                None => self.known_size(diff_id)?.unwrap_or(0),
            };
            layers.push((diff_id.clone(), size));
        }
        let id = self.record(&found.config, &layers, None, now_ns)?;
        for name in &found.names {
            self.tag(&id, name)?;
        }
        Ok(Loaded { id, names: found.names.clone() })
    }

    fn known_size(&self, diff_id: &Digest) -> Result<Option<u64>, StoreError> {
        use rusqlite::OptionalExtension;
        let select = "SELECT size_bytes FROM layers WHERE diff_id = ?";
        self.store
            .connection
            .query_row(select, [diff_id.to_string()], |row| row.get(0))
            .optional()
            .map_err(StoreError::read)
    }
}

/// The members of an archive.
struct Archive<'a>(BorrowedFd<'a>);

impl Archive<'_> {
    fn images(&self) -> Result<Vec<Found>, StoreError> {
        if let Some(bytes) = self.document("manifest.json")? {
            let images: Vec<DockerArchiveImage> = parse("manifest.json", &bytes)?;
            return images.iter().map(|image| self.docker_image(image)).collect();
        }
        let Some(bytes) = self.document("index.json")? else {
            return Err(StoreError::Archive(
                "it is no image archive: neither manifest.json nor index.json is in it".to_owned(),
            ));
        };
        let index = parse_index("index.json", &bytes)?;
        let chosen = native(&index.manifests)?;
        chosen
            .into_iter()
            .map(|descriptor| self.oci_image(descriptor, name_of(descriptor), 0))
            .collect()
    }

    fn docker_image(&self, image: &DockerArchiveImage) -> Result<Found, StoreError> {
        let config = self.required(&image.config)?;
        let mut names = Vec::new();
        for name in image.repo_tags.iter().flatten() {
            names.push(name.parse()?);
        }
        // A member under `blobs` is called by its digest, which then has to be true.
        let digest = |path: &str| {
            path.strip_prefix("blobs/sha256/").and_then(|hex| format!("sha256:{hex}").parse().ok())
        };
        let layers = image.layers.iter().map(|path| (path.clone(), digest(path))).collect();
        if let Some(wanted) = digest(&image.config) {
            check("the image's configuration", &wanted, &config)?;
        }
        Ok(Found { config, layers, names })
    }

    fn oci_image(
        &self,
        descriptor: &Descriptor,
        name: Option<Reference>,
        depth: u32,
    ) -> Result<Found, StoreError> {
        let bytes = self.blob(descriptor)?;
        if matches!(descriptor.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_LIST)
        {
            let index = parse_index("an index", &bytes)?;
            let chosen = native(&index.manifests)?;
            let inner = chosen.first().filter(|_| depth < DEEPEST_INDEX);
            let inner = inner.ok_or_else(|| {
                StoreError::Archive("an index holds no image for this machine".to_owned())
            })?;
            return self.oci_image(inner, name, depth + 1);
        }
        let manifest = parse_manifest(&bytes)?;
        let config = self.blob(&manifest.config)?;
        let layers = manifest
            .layers
            .iter()
            .map(|layer| (blob_path(&layer.digest), Some(layer.digest.clone())))
            .collect();
        Ok(Found { config, layers, names: name.into_iter().collect() })
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, StoreError> {
        let path = blob_path(&descriptor.digest);
        let bytes = self.required(&path)?;
        if bytes.len() as u64 != descriptor.size {
            return Err(StoreError::Archive(format!(
                "{path} has {} bytes, not {}",
                bytes.len(),
                descriptor.size
            )));
        }
        check(&path, &descriptor.digest, &bytes)?;
        Ok(bytes)
    }

    fn required(&self, path: &str) -> Result<Vec<u8>, StoreError> {
        self.document(path)?
            .ok_or_else(|| StoreError::Archive(format!("{path:?} is not in the archive")))
    }

    /// A small member, whole; nothing when it is not there.
    fn document(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let file = match self.try_open(path)? {
            Some(file) => file,
            None => return Ok(None),
        };
        let mut bytes = Vec::new();
        file.take(MOST_DOCUMENT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(StoreError::file("read", path))?;
        if bytes.len() as u64 > MOST_DOCUMENT_BYTES {
            return Err(StoreError::Archive(format!(
                "{path:?} is longer than {MOST_DOCUMENT_BYTES} bytes"
            )));
        }
        Ok(Some(bytes))
    }

    fn open(&self, path: &str) -> Result<File, StoreError> {
        self.try_open(path)?
            .ok_or_else(|| StoreError::Archive(format!("{path:?} is not in the archive")))
    }

    fn try_open(&self, path: &str) -> Result<Option<File>, StoreError> {
        let file = match open_in_root(
            self.0,
            path,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
            Mode::empty(),
        ) {
            Err(errno) if errno.name() == Some("ENOENT") => return Ok(None),
            opened => opened.map_err(StoreError::file("open", path))?,
        };
        let stat = fstat(&file).map_err(StoreError::file("open", path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StoreError::Archive(format!("{path:?} is no file")));
        }
        Ok(Some(File::from(file)))
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

fn check(what: &str, wanted: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
    let found = digest_of(bytes);
    if wanted.algorithm() == found.algorithm() && *wanted == found {
        return Ok(());
    }
    Err(StoreError::Archive(format!("{what} has the digest {found}, not {wanted}")))
}

fn name_of(descriptor: &Descriptor) -> Option<Reference> {
    let name = descriptor
        .annotations
        .get(CONTAINERD_NAME)
        .or_else(|| descriptor.annotations.get(REF_NAME))?;
    name.parse().ok()
}

/// Descriptors for this machine: those that name it, or name none.
fn native(descriptors: &[Descriptor]) -> Result<Vec<&Descriptor>, StoreError> {
    let own = Platform::native();
    let fits = |platform: &Option<Platform>| {
        platform.as_ref().is_none_or(|platform| {
            platform.architecture == own.architecture && platform.os == own.os
        })
    };
    let chosen: Vec<&Descriptor> =
        descriptors.iter().filter(|descriptor| fits(&descriptor.platform)).collect();
    if chosen.is_empty() && !descriptors.is_empty() {
        let name = |platform: &Platform| format!("{}/{}", platform.os, platform.architecture);
        let offered: Vec<String> = descriptors
            .iter()
            .filter_map(|descriptor| descriptor.platform.as_ref())
            .map(name)
            .collect();
        let words = format!(
            "no image for {}/{}; there are {}",
            own.os,
            own.architecture,
            offered.join(", ")
        );
        return Err(StoreError::Archive(words));
    }
    Ok(chosen)
}

/// A document that is both could be two images to two readers (CVE-2021-41190).
fn parse_index(what: &str, bytes: &[u8]) -> Result<Index, StoreError> {
    refuse_both(what, bytes)?;
    parse(what, bytes)
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, StoreError> {
    refuse_both("a manifest", bytes)?;
    parse("a manifest", bytes)
}

fn refuse_both(what: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let value: serde_json::Value = parse(what, bytes)?;
    let is_index = value.get("manifests").is_some();
    let is_manifest = value.get("layers").is_some() || value.get("config").is_some();
    if is_index && is_manifest {
        return Err(StoreError::Archive(format!("{what} is both a manifest and an index")));
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|cause| StoreError::Unpack {
        what: format!("read {what}"),
        cause: Box::new(cause),
    })
}
