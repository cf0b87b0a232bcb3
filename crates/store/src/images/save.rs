//! Images into one archive, each layer once: an OCI layout with the `manifest.json` and `repositories` of `docker save` beside
//! it, as Docker writes it since version 25. Same images under the same names, same bytes.
//!
//! Nothing is kept in memory but the documents, and nothing is written aside: a layer's length is known before its archive is
//! made, unless it is to be compressed. Start at [`Images::save`]. Sources: image-spec image-layout.md, annotations.md.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde::Serialize;
use spec::image::{Descriptor, DockerArchiveImage, Index, Manifest, media_type};
use spec::{Digest, Reference};

use super::archive::{CONTAINERD_NAME, REF_NAME};
use super::beside::platform_of;
use super::packed::Packed;
use super::{Beside, Composed, Image, Images, digest_of};
use crate::StoreError;
use crate::attestation::{Attached, Blob};
use crate::compression::Compress;
use crate::tar::{Kind, Metadata, WriteError, Writer};

/// An image that is to be saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The image.
    pub image: Image,
    /// The names that go with it; none for one that was asked for by its id.
    pub names: Vec<Reference>,
    /// Whether what belongs to it stays: statements, annotations, images for other machines.
    pub is_alone: bool,
}

/// What one archive consists of, beside its layers.
#[derive(Default)]
struct Documents {
    /// Configurations, manifests, indexes, statements.
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: Vec<Descriptor>,
    docker: Vec<DockerArchiveImage>,
    /// Repository, tag, top layer.
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

/// Layers by their diff ids, as they stand in the archive.
type Layers = BTreeMap<Digest, Packed>;

/// An image with what belongs to it.
struct Whole<'a> {
    saved: &'a Saved,
    beside: Option<Beside>,
    /// The images of its index, or itself.
    members: Vec<Image>,
}

impl Images<'_> {
    /// Writes images into one archive. What was written is whole only when this succeeds: then every digest has been compared.
    ///
    /// # Errors
    /// When a layer's archive cannot be made again, or the writer refuses.
    pub fn save(&self, images: &[Saved], writer: impl Write) -> Result<(), StoreError> {
        self.save_compressed(images, Compress::none(), writer)
    }

    /// The same with layers that are compressed, each of which is put aside until its turn comes.
    ///
    /// # Errors
    /// As [`Images::save`].
    pub fn save_compressed(
        &self,
        images: &[Saved],
        how: Compress,
        writer: impl Write,
    ) -> Result<(), StoreError> {
        let images = images.iter().map(|saved| self.whole(saved)).collect::<Result<Vec<_>, _>>()?;
        let mut layers = Layers::new();
        for diff_id in images
            .iter()
            .flat_map(|whole| &whole.members)
            .flat_map(|image| &image.config.rootfs.diff_ids)
        {
            if !layers.contains_key(diff_id) {
                layers.insert(diff_id.clone(), self.pack(diff_id, how)?);
            }
        }
        let mut documents = Documents::default();
        for whole in &images {
            self.describe(whole, &layers, &mut documents)?;
        }
        let mut archive = Writer::new(writer);
        for directory in ["blobs", "blobs/sha256"] {
            append(&mut archive, directory, None, std::io::empty())?;
        }
        for (digest, bytes) in &documents.blobs {
            append(&mut archive, &blob(digest), Some(bytes.len() as u64), &bytes[..])?;
        }
        for (diff_id, packed) in &layers {
            let Descriptor { digest, size, .. } = &packed.descriptor;
            match &packed.file {
                Some(file) => append(&mut archive, &blob(digest), Some(*size), file)?,
                None => {
                    let layer = self.layer_archive(diff_id)?;
                    append(&mut archive, &blob(digest), Some(*size), layer)?;
                }
            }
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

    fn whole<'s>(&self, saved: &'s Saved) -> Result<Whole<'s>, StoreError> {
        let id = &saved.image.id;
        let beside = if saved.is_alone { None } else { self.beside(id)? };
        let members = match &beside {
            Some(beside) if beside.is_index() => {
                let members = beside.members.iter();
                members
                    .map(|member| self.resolve(&member.image.to_string()))
                    .collect::<Result<_, _>>()?
            }
            Some(_) | None => vec![saved.image.clone()],
        };
        Ok(Whole { saved, beside, members })
    }

    fn describe(
        &self,
        whole: &Whole<'_>,
        layers: &Layers,
        documents: &mut Documents,
    ) -> Result<(), StoreError> {
        let Whole { saved, beside, members } = whole;
        let Image { id, config, .. } = &saved.image;
        let mut manifests = Vec::new();
        for (place, member) in members.iter().enumerate() {
            let words = beside.as_ref().and_then(|beside| beside.members.get(place));
            let annotations = words.map(|member| &member.words.annotations);
            let annotations = annotations.cloned().unwrap_or_default();
            manifests.push((self.manifest(member, layers, annotations, documents)?, member));
        }
        let mut descriptor = match (beside, manifests.as_slice()) {
            (Some(beside), _) if beside.is_index() => {
                let name = saved.names.first().map(Reference::familiar).unwrap_or_default();
                documents.take(beside.compose(&manifests, &name)?, beside)
            }
            (_, [(manifest, _), ..]) => {
                let platform = Some(platform_of(config));
                Descriptor { platform, ..manifest.clone() }
            }
            (_, []) => return Ok(()),
        };
        if saved.names.is_empty() {
            documents.manifests.push(descriptor.clone());
        }
        let packed = |diff_id: &Digest| layers.get(diff_id).map(|packed| &packed.descriptor.digest);
        for name in &saved.names {
            let tag = name.tag().unwrap_or_default();
            descriptor.annotations.extend([
                (CONTAINERD_NAME.to_owned(), name.to_string()),
                (REF_NAME.to_owned(), tag.to_owned()),
            ]);
            documents.manifests.push(descriptor.clone());
            let top = config.rootfs.diff_ids.last().and_then(packed).map_or("", Digest::hex);
            let tags = documents.repositories.entry(name.familiar_name()).or_default();
            tags.insert(tag.to_owned(), top.to_owned());
        }
        // Whole: podman takes a name without its registry for one of this machine, and Docker knows both.
        let tags: Vec<String> = saved.names.iter().map(Reference::to_string).collect();
        documents.docker.push(DockerArchiveImage {
            config: blob(id),
            repo_tags: Some(tags).filter(|tags| !tags.is_empty()),
            layers: config.rootfs.diff_ids.iter().filter_map(packed).map(blob).collect(),
        });
        Ok(())
    }

    /// Makes an image's manifest; both it and the configuration are among the documents then.
    fn manifest(
        &self,
        image: &Image,
        layers: &Layers,
        annotations: BTreeMap<String, String>,
        documents: &mut Documents,
    ) -> Result<Descriptor, StoreError> {
        let Image { id, config, .. } = image;
        let bytes = self.config_bytes(id)?;
        let layer = |diff_id: &Digest| layers.get(diff_id).map(|packed| packed.descriptor.clone());
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media_type::OCI_MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor::new(media_type::OCI_CONFIG, id.clone(), bytes.len() as u64),
            layers: config.rootfs.diff_ids.iter().filter_map(layer).collect(),
            subject: None,
            annotations,
        };
        documents.blobs.insert(id.clone(), bytes);
        let manifest = json(&manifest)?;
        let (digest, length) = (digest_of(&manifest), manifest.len() as u64);
        documents.blobs.insert(digest.clone(), manifest);
        Ok(Descriptor::new(media_type::OCI_MANIFEST, digest, length))
    }
}

impl Documents {
    /// Takes an index with what stands in it; gives the entry for it.
    fn take(&mut self, composed: Composed, beside: &Beside) -> Descriptor {
        for Attached { layers, config, manifest } in composed.attached {
            for Blob { bytes, descriptor } in layers.into_iter().chain([config, manifest]) {
                self.blobs.insert(descriptor.digest, bytes);
            }
        }
        let mut descriptor = composed.descriptor;
        self.blobs.insert(descriptor.digest.clone(), composed.bytes);
        descriptor.annotations.clone_from(&beside.index.descriptor_annotations);
        descriptor
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
