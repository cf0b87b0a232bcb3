//! The members of an image archive, as `docker save` writes it or as an OCI layout: what images are in it, and made of what.
//!
//! Everything that has a digest is checked against it.

use std::io::Read;

use serde::de::DeserializeOwned;
use spec::image::{Descriptor, DockerArchiveImage, Document, Index, Platform, media_type};
use spec::{Digest, Reference};

use super::digest_of;
use super::members::{Member, Members};
use crate::StoreError;

/// A document longer than this is none (a configuration of 100 MiB is an attack).
const MOST_DOCUMENT_BYTES: u64 = 8 << 20;
/// Indexes in indexes in indexes.
const DEEPEST_INDEX: u32 = 4;

pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
pub(super) const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// An image in an archive, before its layers are unpacked.
pub(super) struct Found {
    /// The configuration, byte for byte.
    pub(super) config: Vec<u8>,
    /// Path inside the archive, and its digest where the archive says one.
    pub(super) layers: Vec<(String, Option<Digest>)>,
    /// Its names.
    pub(super) names: Vec<Reference>,
}

/// An archive of images.
pub(super) struct Archive<'a> {
    pub(super) members: Members<'a>,
    /// For which machine images are wanted; for this one, where an index has several and nothing is said.
    pub(super) platform: Option<&'a Platform>,
}

impl Archive<'_> {
    /// Every image of the wanted kind.
    pub(super) fn images(&self) -> Result<Vec<Found>, StoreError> {
        let listed = self.document("manifest.json")?;
        let index = match &listed {
            // An index may have what that list has no word for.
            Some(_) if self.platform.is_none() => None,
            _ => self.document("index.json")?,
        };
        if let (Some(bytes), None) = (&listed, &index) {
            let images: Vec<DockerArchiveImage> = parse("manifest.json", bytes)?;
            return images.iter().map(|image| self.docker_image(image)).collect();
        }
        let Some(bytes) = index else {
            return Err(StoreError::Archive(
                "it is no image archive: neither manifest.json nor index.json is in it".to_owned(),
            ));
        };
        let Document::Index(index) = document("index.json", &bytes, media_type::OCI_INDEX)? else {
            return Err(StoreError::Archive("index.json is no index".to_owned()));
        };
        let images = Index { manifests: images_of(index.manifests), ..*index };
        let chosen = self.chosen(&images)?;
        let mut found = Vec::new();
        for descriptor in chosen {
            let name = name_of(descriptor);
            if name.is_some() || !self.has_subject(descriptor)? {
                found.push(self.oci_image(descriptor, name, 0)?);
            }
        }
        Ok(found)
    }

    /// Whether a document is there for another one's sake.
    fn has_subject(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let bytes = self.blob(descriptor)?;
        let what = descriptor.digest.to_string();
        Ok(match document(&what, &bytes, &descriptor.media_type)? {
            Document::Manifest(manifest) => manifest.subject.is_some(),
            Document::Index(index) => index.subject.is_some(),
        })
    }

    /// The entries of an index for the wanted machine.
    fn chosen<'i>(&self, index: &'i Index) -> Result<Vec<&'i Descriptor>, StoreError> {
        let wanted = self.platform.cloned().unwrap_or_else(Platform::native);
        let chosen = index.for_platform(&wanted);
        if chosen.is_empty() && !index.manifests.is_empty() {
            let offered: Vec<String> = index.platforms().map(Platform::to_string).collect();
            let words = format!("no image for {wanted}; there are {}", offered.join(", "));
            return Err(StoreError::Archive(words));
        }
        Ok(chosen)
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
        let what = descriptor.digest.to_string();
        let manifest = match document(&what, &bytes, &descriptor.media_type)? {
            Document::Manifest(manifest) => manifest,
            Document::Index(index) => {
                let chosen = self.chosen(&index)?;
                let inner = chosen.first().filter(|_| depth < DEEPEST_INDEX);
                let inner = inner.ok_or_else(|| {
                    StoreError::Archive("an index holds no image for this machine".to_owned())
                })?;
                return self.oci_image(inner, name, depth + 1);
            }
        };
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
        let Some(member) = self.members.find(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        member
            .take(MOST_DOCUMENT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(StoreError::file("read", path))?;
        if bytes.len() as u64 > MOST_DOCUMENT_BYTES {
            return Err(StoreError::Archive(format!(
                "{path:?} is longer than {MOST_DOCUMENT_BYTES} bytes"
            )));
        }
        Ok(Some(bytes))
    }

    /// A member that has to be there.
    pub(super) fn open(&self, path: &str) -> Result<Member, StoreError> {
        self.members
            .find(path)?
            .ok_or_else(|| StoreError::Archive(format!("{path:?} is not in the archive")))
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

/// The images for this machine: those that name it, or name none.
/// Without what stands in a layout for the sake of another entry: referrers, and signatures under tags made of digests.
fn images_of(entries: Vec<Descriptor>) -> Vec<Descriptor> {
    let is_image = |entry: &Descriptor| {
        let kind = entry.artifact_type.as_deref();
        let is_plain =
            matches!(kind, None | Some(media_type::OCI_CONFIG | media_type::DOCKER_CONFIG));
        let name = entry.annotations.get(REF_NAME);
        is_plain && !name.is_some_and(|name| spec::digest::is_tag_of_digest(name))
    };
    entries.into_iter().filter(is_image).collect()
}

fn document(what: &str, bytes: &[u8], outside: &str) -> Result<Document, StoreError> {
    Document::parse(bytes, outside).map_err(|cause| StoreError::Unpack {
        what: format!("read {what}"),
        cause: Box::new(cause),
    })
}

/// A document.
pub(super) fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|cause| StoreError::Unpack {
        what: format!("read {what}"),
        cause: Box::new(cause),
    })
}
