//! Images into one archive, each layer once: an OCI layout with the `manifest.json` and `repositories` of `docker save` beside
//! it, as Docker writes it since version 25. Same images under the same names, same bytes.
//!
//! Nothing is kept in memory but the documents, and nothing is written aside: a layer's length is known before its archive is
//! made. Start at [`Images::save`]. Sources: image-spec image-layout.md, annotations.md.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde::Serialize;
use spec::image::{Descriptor, DockerArchiveImage, Index, Manifest, Platform, media_type};
use spec::{Digest, Reference};

use super::archive::{CONTAINERD_NAME, REF_NAME};
use super::{Image, Images, digest_of};
use crate::StoreError;
use crate::tar::{Kind, Metadata, WriteError, Writer};

/// An image that is to be saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The image.
    pub image: Image,
    /// The names that go with it; none for one that was asked for by its id.
    pub names: Vec<Reference>,
}

/// What one archive consists of, beside its layers.
#[derive(Default)]
struct Documents {
    /// Configurations and manifests.
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: Vec<Descriptor>,
    docker: Vec<DockerArchiveImage>,
    /// Repository, tag, top layer.
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

impl Images<'_> {
    /// Writes images into one archive. What was written is whole only when this succeeds: then every digest has been compared.
    ///
    /// # Errors
    /// When a layer's archive cannot be made again, or the writer refuses.
    pub fn save(&self, images: &[Saved], writer: impl Write) -> Result<(), StoreError> {
        let layers = self.layers_of(images)?;
        let mut documents = Documents::default();
        for saved in images {
            self.describe(saved, &layers, &mut documents)?;
        }
        let mut archive = Writer::new(writer);
        for directory in ["blobs", "blobs/sha256"] {
            append(&mut archive, directory, None, std::io::empty())?;
        }
        for (digest, bytes) in &documents.blobs {
            append(&mut archive, &blob(digest), Some(bytes.len() as u64), &bytes[..])?;
        }
        for (diff_id, size) in &layers {
            append(&mut archive, &blob(diff_id), Some(*size), self.layer_archive(diff_id)?)?;
        }
        let index = Index {
            schema_version: 2,
            media_type: Some(media_type::OCI_INDEX.to_owned()),
            artifact_type: None,
            manifests: documents.manifests,
            subject: None,
            annotations: BTreeMap::new(),
        };
        let layout = BTreeMap::from([("imageLayoutVersion", "1.0.0")]);
        for (name, bytes) in [
            ("index.json", json(&index)?),
            ("manifest.json", json(&documents.docker)?),
            ("oci-layout", json(&layout)?),
            ("repositories", json(&documents.repositories)?),
        ] {
            append(&mut archive, name, Some(bytes.len() as u64), &bytes[..])?;
        }
        let ended = archive.finish().and_then(|mut writer| writer.flush());
        ended.map_err(|error| failed(WriteError::Write(error)))
    }

    /// Every layer once, with the length of its archive.
    fn layers_of(&self, images: &[Saved]) -> Result<BTreeMap<Digest, u64>, StoreError> {
        let mut layers = BTreeMap::new();
        for diff_id in images.iter().flat_map(|saved| &saved.image.config.rootfs.diff_ids) {
            if !layers.contains_key(diff_id) {
                layers.insert(diff_id.clone(), self.layer_archive(diff_id)?.size());
            }
        }
        Ok(layers)
    }

    fn describe(
        &self,
        saved: &Saved,
        layers: &BTreeMap<Digest, u64>,
        documents: &mut Documents,
    ) -> Result<(), StoreError> {
        let Image { id, config, .. } = &saved.image;
        let bytes = self.config_bytes(id)?;
        let layer = |diff_id: &Digest| {
            let size = layers.get(diff_id).copied().unwrap_or(0);
            Descriptor::new(media_type::OCI_LAYER, diff_id.clone(), size)
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media_type::OCI_MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor::new(media_type::OCI_CONFIG, id.clone(), bytes.len() as u64),
            layers: config.rootfs.diff_ids.iter().map(layer).collect(),
            subject: None,
            annotations: BTreeMap::new(),
        };
        documents.blobs.insert(id.clone(), bytes);
        let manifest = json(&manifest)?;
        let digest = digest_of(&manifest);
        let mut descriptor =
            Descriptor::new(media_type::OCI_MANIFEST, digest.clone(), manifest.len() as u64);
        documents.blobs.insert(digest, manifest);
        descriptor.platform = Some(Platform {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            variant: config.variant.clone(),
            ..Platform::default()
        });
        if saved.names.is_empty() {
            documents.manifests.push(descriptor.clone());
        }
        for name in &saved.names {
            let tag = name.tag().unwrap_or_default();
            descriptor.annotations = BTreeMap::from([
                (CONTAINERD_NAME.to_owned(), name.to_string()),
                (REF_NAME.to_owned(), tag.to_owned()),
            ]);
            documents.manifests.push(descriptor.clone());
            let top = config.rootfs.diff_ids.last().map_or("", Digest::hex);
            let tags = documents.repositories.entry(name.familiar_name()).or_default();
            tags.insert(tag.to_owned(), top.to_owned());
        }
        // Whole: podman takes a name without its registry for one of this machine, and Docker knows both.
        let tags: Vec<String> = saved.names.iter().map(Reference::to_string).collect();
        documents.docker.push(DockerArchiveImage {
            config: blob(id),
            repo_tags: Some(tags).filter(|tags| !tags.is_empty()),
            layers: config.rootfs.diff_ids.iter().map(blob).collect(),
        });
        Ok(())
    }
}

/// A member without a time and an owner of its own: a directory, or a file of this size.
fn append(
    archive: &mut Writer<impl Write>,
    path: &str,
    size: Option<u64>,
    contents: impl Read,
) -> Result<(), StoreError> {
    let (kind, mode) = if size.is_some() { (Kind::File, 0o644) } else { (Kind::Directory, 0o755) };
    let path = path.as_bytes().to_vec();
    let size = size.unwrap_or(0);
    let metadata = Metadata { path, kind, mode, size, ..Metadata::default() };
    archive.append(&metadata, contents).map_err(failed)
}

fn failed(cause: WriteError) -> StoreError {
    StoreError::Unpack { what: "save".to_owned(), cause: Box::new(cause) }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(document).map_err(|cause| StoreError::Damaged {
        what: "image",
        id: "to be saved".to_owned(),
        cause,
    })
}
