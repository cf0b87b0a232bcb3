//! The store as either end of a copy. Reading: [`StoreSource`], whose manifest is the one that the image is known with where the
//! destination has all that it leads to, and elsewhere has plain layers, made again from their files. Writing: [`into_store`],
//! where layers are unpacked as they come.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread;

use spec::image::{Descriptor, Document, ImageConfig, media_type};
use spec::{Digest, ImageId, Reference};
use store::{
    ExpectedLayer, Image, Images, Incoming, LayerPlace, NewImage, Paths, Store, UnpackedLayer,
};

use super::destination::{Destination, Found};
use super::graph::Graph;
use super::source::Source;
use super::verified::{Verified, reading};
use super::{Copy, plain_manifest};
use crate::{Fetched, Part, PartState, Progress, RegistryError};

/// Layers that are unpacked at once.
const MOST_LAYERS_AT_ONCE: usize = 3;
/// overlayfs.rst: a mount takes at most 500 lower layers.
const MOST_LAYERS: usize = 500;
/// A configuration that is longer is none.
const MOST_CONFIG_BYTES: u64 = 8 << 20;
/// How often layers may be taken away under a copy before it gives up.
const TRIES: usize = 10;

/// An image of the store.
pub(super) struct StoreSource {
    paths: Paths,
    root: Fetched,
    config: Vec<u8>,
    /// Plain layers by the digest they go under, which is their diff id.
    layers: HashMap<Digest, Digest>,
}

impl StoreSource {
    pub(super) fn open(
        store: &Store,
        image: &Image,
        destination: &dyn Destination,
    ) -> Result<Self, RegistryError> {
        let images = store.images();
        let config = images.config_bytes(&image.id)?;
        let diff_ids = &image.config.rootfs.diff_ids;
        let layers = diff_ids.iter().map(|diff_id| (diff_id.clone(), diff_id.clone())).collect();
        let root = match known(&images, image, destination)? {
            Some(known) => known,
            None => {
                let layer = |diff_id| layer_of(&images, diff_id, destination);
                let descriptors: Vec<Descriptor> =
                    diff_ids.iter().map(layer).collect::<Result<_, _>>()?;
                plain_manifest(&config, &image.config, descriptors)?
            }
        };
        Ok(Self { paths: store.paths().clone(), root, config, layers })
    }
}

/// A manifest that the image is known with, and whose layers the destination has.
fn known(
    images: &Images<'_>,
    image: &Image,
    destination: &dyn Destination,
) -> Result<Option<Fetched>, RegistryError> {
    for (descriptor, bytes) in images.documents(&image.id)? {
        let Ok(Document::Manifest(manifest)) = Document::parse(&bytes, &descriptor.media_type)
        else {
            continue;
        };
        let mut has_all = manifest.config.digest == image.id;
        for layer in &manifest.layers {
            has_all = has_all && destination.find(layer, None)? == Found::There;
        }
        if has_all {
            return Ok(Some(Fetched { descriptor, bytes }));
        }
    }
    Ok(None)
}

/// A layer as a blob that the destination has; plain elsewhere.
fn layer_of(
    images: &Images<'_>,
    diff_id: &Digest,
    destination: &dyn Destination,
) -> Result<Descriptor, RegistryError> {
    for blob in images.layer_blobs(diff_id)? {
        if destination.find(&blob.descriptor, None)? == Found::There {
            return Ok(blob.descriptor);
        }
    }
    let size = images.layer_archive(diff_id)?.size();
    Ok(Descriptor::new(media_type::OCI_LAYER, diff_id.clone(), size))
}

impl Source for StoreSource {
    fn root(&self) -> Result<Fetched, RegistryError> {
        Ok(self.root.clone())
    }

    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
        Err(RegistryError::Invalid(format!("{} is not in the store", wanted.digest)))
    }

    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        match self.layers.get(&wanted.digest) {
            // A connection of its own: a thread cannot share one.
            Some(diff_id) => {
                let store = Store::open(self.paths.clone())?;
                Ok(Box::new(store.images().layer_archive(diff_id)?))
            }
            None => Ok(Box::new(Cursor::new(self.config.clone()))),
        }
    }
}

/// Takes one image of any source into the store, under a name.
pub(super) fn into_store(
    copy: &Copy<'_>,
    store: &Store,
    source: &dyn Source,
    graph: &Graph,
    name: &Reference,
) -> Result<ImageId, RegistryError> {
    let Some(manifest) = &graph.manifest else {
        let words = "the store keeps one platform of an image: leave --all-platforms out";
        return Err(RegistryError::Invalid(words.to_owned()));
    };
    let bytes = config_of(source, &manifest.config)?;
    let config = Images::parse_config(&bytes)?;
    let wanted = wanted(&manifest.layers, &config, copy)?;
    // What is in a file came from nowhere that could be asked for it again.
    let image =
        NewImage { config: &bytes, name: Some(name), repository: "", documents: &[], layers: &[] };
    for _ in 0..TRIES {
        let mut incoming = store.images().incoming()?;
        bring(copy, source, &mut incoming, &wanted)?;
        if let Ok(id) = incoming.commit(&image, copy.now_ns)? {
            return Ok(id);
        }
    }
    let words = format!("copy to {}: its layers are removed as fast as they come", name.familiar());
    Err(RegistryError::Invalid(words))
}

fn config_of(source: &dyn Source, blob: &Descriptor) -> Result<Vec<u8>, RegistryError> {
    if blob.size > MOST_CONFIG_BYTES {
        let why = format!("it has {} bytes, and {MOST_CONFIG_BYTES} are allowed", blob.size);
        return Err(RegistryError::Dishonest { what: format!("read {}", blob.digest), why });
    }
    let (part, stopped) =
        (Progress::default().part(&blob.digest, blob.size), AtomicBool::new(false));
    let mut bytes = Vec::new();
    Verified::new(source.blob(blob)?, blob, &part, &stopped)
        .read_to_end(&mut bytes)
        .map_err(|error| reading(blob, error))?;
    Ok(bytes)
}

/// A layer, and what it must turn out to be.
struct Wanted {
    blob: Descriptor,
    diff_id: Digest,
    part: std::sync::Arc<Part>,
}

/// Each layer once.
fn wanted(
    layers: &[Descriptor],
    config: &ImageConfig,
    copy: &Copy<'_>,
) -> Result<Vec<Wanted>, RegistryError> {
    let diff_ids = &config.rootfs.diff_ids;
    if layers.len() != diff_ids.len() || layers.len() > MOST_LAYERS {
        let words =
            format!("an image with {} layers and {} diff ids", layers.len(), diff_ids.len());
        return Err(RegistryError::Invalid(words));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for (blob, diff_id) in layers.iter().zip(diff_ids) {
        if !wanted.iter().any(|other| other.diff_id == *diff_id) {
            let part = copy.progress.part(&blob.digest, blob.size);
            wanted.push(Wanted { blob: blob.clone(), diff_id: diff_id.clone(), part });
        }
    }
    Ok(wanted)
}

/// Unpacks what is missing, several layers at once; this thread alone uses the store.
fn bring(
    copy: &Copy<'_>,
    source: &dyn Source,
    incoming: &mut Incoming<'_>,
    wanted: &[Wanted],
) -> Result<(), RegistryError> {
    let mut missing: Vec<(&Wanted, LayerPlace)> = Vec::new();
    for layer in wanted {
        if incoming.has(&layer.diff_id)? {
            copy.progress.set(&layer.part, PartState::Exists);
        } else {
            let place = incoming.place();
            missing.push((layer, place));
        }
    }
    let stopped = AtomicBool::new(false);
    let threads = MOST_LAYERS_AT_ONCE.min(missing.len());
    let queue = Mutex::new(missing);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let (progress, now_ns) = (copy.progress, copy.now_ns);
    let (sender, outcomes) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, stopped) = (sender.clone(), &next, &stopped);
            scope.spawn(move || {
                while let Some((layer, place)) = next() {
                    let unpacked = unpack(progress, source, layer, place, stopped);
                    let _nobody_waits = sender.send((layer, unpacked));
                }
            });
        }
        drop(sender);
        let mut failure = None;
        for (layer, unpacked) in outcomes {
            let publish = |unpacked| Ok(incoming.publish(unpacked, now_ns)?);
            let published = unpacked.and_then(publish);
            match published {
                Ok(()) => progress.set(&layer.part, PartState::Done),
                Err(error) => {
                    progress.set(&layer.part, PartState::Failed);
                    stopped.store(true, std::sync::atomic::Ordering::Relaxed);
                    source.stop();
                    queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    })
}

fn unpack(
    progress: &Progress,
    source: &dyn Source,
    layer: &Wanted,
    place: LayerPlace,
    stopped: &AtomicBool,
) -> Result<UnpackedLayer, RegistryError> {
    let Wanted { blob, diff_id, part } = layer;
    progress.set(part, PartState::Transferring);
    let reader = Verified::new(source.blob(blob)?, blob, part, stopped);
    let expected = ExpectedLayer { blob: blob.digest.clone(), diff_id: diff_id.clone() };
    Ok(place.unpack(reader, &expected)?)
}
