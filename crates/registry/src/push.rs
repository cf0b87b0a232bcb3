//! An image from the store to a registry: what the registry lacks goes, everything else is found, and the name comes last.
//!
//! The order: layers, at the same time, each looked for, then asked for across repositories, then sent; the configuration; the
//! manifest. Whoever pulls the name at any moment gets a whole image. Where all layers are there as the blobs of a manifest that
//! the image is known with, that manifest goes unchanged, so that its digest stays; elsewhere one is made, the same for the same
//! image each time. What was sent before a failure is remembered, layer by layer, and a layer that was under way goes on at its
//! byte with the next push. Start at [`push`], or at [`push_index`] for every platform of a name.
//! Never spools a layer on disk, never prints. Sources: distribution-spec "Push", image-spec manifest.md.

use std::collections::BTreeMap;

use spec::image::{Descriptor, Manifest, media_type};
use spec::{Digest, Reference};
use store::compression::{Compress, Compression};
use store::{Image, NewImage, Sending, Store};

use crate::{Client, Pointer, Progress, RegistryError, Repository};

mod beside;
mod gate;
mod index;
mod layers;
mod manifest;
mod stream;

pub use index::push_index;

use layers::Layer;
use manifest::Outgoing;

/// A push: where to, and how.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// Where from.
    pub store: &'a Store,
    /// Where to.
    pub client: &'a Client,
    /// Under which name; it has a tag.
    pub reference: &'a Reference,
    /// What it is to look like there.
    pub form: Form,
    /// The time, nanoseconds since 1970.
    pub now_ns: i64,
    /// Where it is told how far it is.
    pub progress: &'a Progress,
}

/// What an image is to look like at a registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// How layers are compressed that have to be.
    pub compress: Compress,
    /// Whether layers that the registry has in another form are passed over.
    pub force: bool,
    /// Whose media types the manifest has; nothing where those of the manifest that it came with may stay.
    pub format: Option<Format>,
}

/// Whose media types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Open Container Initiative's.
    Oci,
    /// Docker's, schema 2.
    Docker,
}

/// What a name points at now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Digest of the manifest or the index.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// Whether the name pointed at it before.
    pub was_there: bool,
}

/// Sends an image, and makes the name point at it.
///
/// # Errors
/// [`RegistryError`]. What was sent by then is remembered.
pub fn push(push: Push<'_>, image: &Image) -> Result<Pushed, RegistryError> {
    push.form.check()?;
    let repository = push.client.repository(push.reference);
    let tag = tag_of(&push)?;
    let beside = push.store.images().beside(&image.id)?;
    if let Some(beside) = beside.as_ref().filter(|beside| beside.is_index()) {
        return beside::push(push, (image, beside), (&repository, tag));
    }
    let words = beside.as_ref().and_then(|beside| beside.members.first());
    let wanted = Wanted { digest: None, annotations: words.map(|one| &one.words.annotations) };
    let sent = send(push, &repository, image, wanted)?;
    let pushed = put(&repository, tag, &sent.outgoing)?;
    let documents = [(sent.outgoing.descriptor, sent.outgoing.bytes)];
    record(push, &repository, image, &documents, &sent.layers)?;
    Ok(pushed)
}

/// An image whose blobs are at the registry, and the manifest that belongs to them, which may not be there yet.
struct Sent {
    outgoing: Outgoing,
    /// In the order of the image's layers.
    layers: Vec<Descriptor>,
}

/// The manifest that should come out of it.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted<'a> {
    /// Where there are several, this one.
    digest: Option<&'a Digest>,
    /// With these annotations and no others; nothing where they may stay as they are.
    annotations: Option<&'a BTreeMap<String, String>>,
}

/// Brings an image's blobs to the registry.
fn send(
    push: Push<'_>,
    repository: &Repository,
    image: &Image,
    wanted: Wanted<'_>,
) -> Result<Sent, RegistryError> {
    let images = push.store.images();
    let config = images.config_bytes(&image.id)?;
    let known = manifest::known(images.documents(&image.id)?, image, push.form, wanted.digest);
    let layers = layers_of(push, image, &known)?;
    let found = layers::bring(push, repository, &layers)?;
    let diff_ids = &image.config.rootfs.diff_ids;
    let of = |diff_id: &Digest| layers.iter().position(|layer| layer.diff_id == *diff_id);
    let layers: Vec<Descriptor> =
        diff_ids.iter().filter_map(|id| found.get(of(id)?).cloned()).collect();
    send_config(push, repository, image, &config)?;
    let said = manifest::Said { form: push.form, annotations: wanted.annotations };
    let outgoing = manifest::outgoing(&known, image, config.len() as u64, &layers, said)?;
    Ok(Sent { outgoing, layers })
}

/// Each layer once, with the blobs that it may be found as: those of the manifests that could stay unchanged first.
fn layers_of(
    push: Push<'_>,
    image: &Image,
    known: &[(Outgoing, Manifest)],
) -> Result<Vec<Layer>, RegistryError> {
    let mut layers: Vec<Layer> = Vec::new();
    for (place, diff_id) in image.config.rootfs.diff_ids.iter().enumerate() {
        if layers.iter().any(|layer| layer.diff_id == *diff_id) {
            continue;
        }
        let mut blobs = push.store.images().layer_blobs(diff_id)?;
        blobs.retain(|blob| push.form.takes(&blob.descriptor));
        let rank = |blob: &store::LayerBlob| {
            let digest = &blob.descriptor.digest;
            let has = |manifest: &Manifest| manifest.layers[place].digest == *digest;
            known.iter().position(|(_, manifest)| has(manifest)).unwrap_or(known.len())
        };
        blobs.sort_by_key(rank);
        let total = blobs.first().map_or(0, |blob| blob.descriptor.size);
        // Another image of the same index may have it, too.
        let digest = diff_id.to_string();
        let known = push.progress.parts().into_iter().find(|part| part.digest == digest);
        let part = known.unwrap_or_else(|| push.progress.part(diff_id, total));
        layers.push(Layer { diff_id: diff_id.clone(), blobs, part });
    }
    Ok(layers)
}

/// Sends the configuration, one command at a time: distribution writes the link of a blob anew when it comes twice, and refuses a
/// manifest that names it at that moment.
fn send_config(
    push: Push<'_>,
    repository: &Repository,
    image: &Image,
    bytes: &[u8],
) -> Result<(), RegistryError> {
    let uploads = push.store.uploads();
    let _alone = loop {
        match uploads.begin(repository.name(), &image.id, Compress::none(), push.now_ns)? {
            Sending::Ours(journal) => break journal,
            Sending::Busy(busy) => busy.wait().map_err(|cause| {
                let what = "wait for another push of the image".to_owned();
                RegistryError::Disk { what, cause }
            })?,
        }
    };
    send_small(repository, &image.id, bytes)
}

/// Sends a blob that is in memory, unless it is there.
fn send_small(repository: &Repository, digest: &Digest, bytes: &[u8]) -> Result<(), RegistryError> {
    if repository.has_blob(digest)? == Some(bytes.len() as u64) {
        return Ok(());
    }
    let mut upload = repository.begin_upload()?;
    upload.send(bytes)?;
    upload.finish(digest)
}

/// Makes the tag point at a manifest or an index, unless it does.
fn put(repository: &Repository, tag: &str, outgoing: &Outgoing) -> Result<Pushed, RegistryError> {
    let Descriptor { media_type, digest, size, .. } = &outgoing.descriptor;
    let there = repository.resolve(Pointer::Tag(tag))?;
    let was_there = there.is_some_and(|there| there.digest == *digest);
    if !was_there {
        repository.put_manifest(Pointer::Tag(tag), media_type, &outgoing.bytes)?;
    }
    Ok(Pushed { digest: digest.clone(), size: *size, was_there })
}

/// Remembers what the repository has now: the next push, and a pull of the digest, find it.
fn record(
    push: Push<'_>,
    repository: &Repository,
    image: &Image,
    documents: &[(Descriptor, Vec<u8>)],
    layers: &[Descriptor],
) -> Result<(), RegistryError> {
    let new =
        NewImage { config: &[], name: None, repository: repository.name(), documents, layers };
    Ok(push.store.images().record_origin(&image.id, &image.config, &new)?)
}

/// The tag that is to point at it. A digest follows from what is pushed; nobody can choose it.
fn tag_of<'a>(push: &Push<'a>) -> Result<&'a str, RegistryError> {
    let refuse = |why| RegistryError::Invalid(format!("push {}: {why}", push.reference.familiar()));
    match (push.reference.tag(), push.reference.digest()) {
        (Some(tag), None) => Ok(tag),
        _ => Err(refuse("a digest cannot be pushed to, name a tag")),
    }
}

impl Form {
    /// Refuses what no manifest can say.
    fn check(&self) -> Result<(), RegistryError> {
        if self.format == Some(Format::Docker) && self.compress.method() == Compression::Zstd {
            let words = "Docker's manifests know no layers compressed by zstd: use the format oci";
            return Err(RegistryError::Invalid(words.to_owned()));
        }
        Ok(())
    }

    /// Whether a layer may go as this blob.
    fn takes(&self, blob: &Descriptor) -> bool {
        let method = manifest::method_of(&blob.media_type);
        media_type::is_layer(&blob.media_type)
            && (!self.force || method == self.compress.method())
            && (self.format != Some(Format::Docker) || method != Compression::Zstd)
    }
}
