//! The manifest that an image goes with: one that it is known with where that is still true, or one that is made.
//!
//! Pure: nothing is asked of a registry here. One that is made has the fields in the order of the specification, so that the same
//! image has the same digest wherever it is pushed to. It keeps the annotations of the manifest that the image came with, which
//! speak of the image; those of its layers spoke of blobs that may be others now, and do not stay. Start at [`outgoing`].

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use spec::Digest;
use spec::image::{Descriptor, Document, Manifest, media_type};
use store::Image;
use store::compression::Compression;

use super::{Form, Format};
use crate::RegistryError;

/// A manifest or an index, byte for byte.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: Vec<u8>,
}

impl Outgoing {
    /// A document that is made here.
    pub(super) fn new(
        media_type: &str,
        document: &impl serde::Serialize,
    ) -> Result<Self, RegistryError> {
        let bytes = serde_json::to_vec(document).map_err(|cause| RegistryError::Disk {
            what: "write the manifest".to_owned(),
            cause: cause.into(),
        })?;
        let digest = Digest::sha256(Sha256::digest(&bytes).into());
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        Ok(Self { descriptor, bytes })
    }
}

/// Of the documents that an image is known with, its manifests that this push may use; the wanted one first.
pub(super) fn known(
    documents: Vec<(Descriptor, Vec<u8>)>,
    image: &Image,
    form: Form,
    wanted: Option<&Digest>,
) -> Vec<(Outgoing, Manifest)> {
    let mut known = Vec::new();
    for (descriptor, bytes) in documents {
        let parsed = Document::parse(&bytes, &descriptor.media_type);
        if let Ok(Document::Manifest(manifest)) = parsed
            && manifest.config.digest == image.id
            && manifest.layers.len() == image.config.rootfs.diff_ids.len()
            && form.format.is_none_or(|format| format.manifest() == descriptor.media_type)
        {
            known.push((Outgoing { descriptor, bytes }, *manifest));
        }
    }
    known.sort_by_key(|(outgoing, _)| Some(&outgoing.descriptor.digest) != wanted);
    known
}

/// What a manifest is to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) form: Form,
    /// These annotations and no others; nothing where they may stay as they are.
    pub(super) annotations: Option<&'a BTreeMap<String, String>>,
}

/// The manifest for these blobs.
pub(super) fn outgoing(
    known: &[(Outgoing, Manifest)],
    image: &Image,
    config_bytes: u64,
    layers: &[Descriptor],
    said: Said<'_>,
) -> Result<Outgoing, RegistryError> {
    let form = said.form;
    let same = |manifest: &Manifest| {
        said.annotations.is_none_or(|wanted| *wanted == manifest.annotations)
            && manifest
                .layers
                .iter()
                .map(|layer| &layer.digest)
                .eq(layers.iter().map(|layer| &layer.digest))
    };
    if let Some((outgoing, _)) = known.iter().find(|(_, manifest)| same(manifest)) {
        return Ok(outgoing.clone());
    }
    let format = form.format.unwrap_or(Format::Oci);
    let annotations = match (said.annotations, format, known.first()) {
        (Some(wanted), Format::Oci, _) => wanted.clone(),
        (None, Format::Oci, Some((_, manifest))) => manifest.annotations.clone(),
        // Docker's manifests have none.
        (None, Format::Oci, None) | (_, Format::Docker, _) => BTreeMap::new(),
    };
    let layer = |layer: &Descriptor| {
        let kind = format.layer(method_of(&layer.media_type));
        Descriptor::new(kind, layer.digest.clone(), layer.size)
    };
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(format.manifest().to_owned()),
        artifact_type: None,
        config: Descriptor::new(format.config(), image.id.clone(), config_bytes),
        layers: layers.iter().map(layer).collect(),
        subject: None,
        annotations,
    };
    Outgoing::new(format.manifest(), &manifest)
}

/// How a layer of this media type is compressed.
pub(super) fn method_of(layer: &str) -> Compression {
    match layer.rsplit(['+', '.']).next() {
        Some("gzip") => Compression::Gzip,
        Some("zstd") => Compression::Zstd,
        _ => Compression::Plain,
    }
}

/// What a layer is recorded as that was compressed here.
pub(super) const fn layer_type(method: Compression) -> &'static str {
    Format::Oci.layer(method)
}

impl Format {
    const fn manifest(self) -> &'static str {
        match self {
            Self::Oci => media_type::OCI_MANIFEST,
            Self::Docker => media_type::DOCKER_MANIFEST,
        }
    }

    const fn config(self) -> &'static str {
        match self {
            Self::Oci => media_type::OCI_CONFIG,
            Self::Docker => media_type::DOCKER_CONFIG,
        }
    }

    /// Docker's has no word for zstd: [`Form::takes`] and [`super::push`] refuse it.
    const fn layer(self, method: Compression) -> &'static str {
        match (self, method) {
            (Self::Oci, Compression::Plain) => media_type::OCI_LAYER,
            (Self::Oci, Compression::Gzip) => media_type::OCI_LAYER_GZIP,
            (_, Compression::Zstd) => media_type::OCI_LAYER_ZSTD,
            (Self::Docker, Compression::Plain) => media_type::DOCKER_LAYER,
            (Self::Docker, Compression::Gzip) => media_type::DOCKER_LAYER_GZIP,
        }
    }
}
