//! Images from one place to another, byte for byte: registries, OCI layouts in directories and archives, archives of `docker save`,
//! the store. Nothing is unpacked unless the store is the destination, and digests stay wherever both ends keep blobs.
//!
//! Every blob's length and digest is compared on its way, whatever it comes from. The name at the destination leads to the copy at
//! last, when everything else is there. From the store to a registry a copy is a push, and from a registry to the store a pull:
//! those know more. Never prints. Start at [`copy`]; what a copy consists of, `graph` says, the ends are a `Source` and a `Destination`.
//! Sources: distribution-spec, image-spec image-layout.md.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use spec::image::{Descriptor, ImageConfig, Manifest, Platform, media_type};
use spec::{Digest, ImageId, Reference};
use store::{Paths, Saved, Store, Uploads};

use crate::{
    Client, Fetched, Form, Part, PartState, Policy, Progress, Pull, Push, RegistryError, admit,
    fetch, look_up, push, resolve,
};

mod archive;
mod destination;
mod docker_archive;
mod graph;
mod kept;
mod layout;
mod layout_source;
mod place;
mod referrers;
mod registry;
mod source;
mod temporary;
mod verified;

pub use place::{BadPlace, Place};

use archive::{ArchiveTarget, NewFile};
use destination::{Destination, Found};
use docker_archive::{DockerSource, DockerTarget, digest_of};
use graph::Graph;
use kept::{StoreSource, into_store};
use layout::LayoutTarget;
use layout_source::LayoutSource;
use registry::{Remote, Target, is_lost};
use source::Source;
use verified::Verified;

/// Tries of a blob whose upload the registry forgets.
const TRIES: usize = 3;

/// Which of the images that a name leads to are meant.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All of them, and what stands beside them: the index itself goes.
    All,
    /// The one for a machine: its manifest goes alone.
    One(Platform),
}

/// What is to be copied, and how.
#[derive(Clone, Copy, Debug)]
pub struct Copy<'a> {
    /// Where from.
    pub from: &'a Place,
    /// Where to.
    pub to: &'a Place,
    /// What of it.
    pub selection: &'a Selection,
    /// What has to be true of an image that comes from a registry.
    pub policy: &'a Policy,
    /// Whether a destination is refused that cannot keep the digest.
    pub preserve_digests: bool,
    /// Whether what belongs to it goes along: referrers, and what cosign keeps beside it.
    pub referrers: bool,
    /// Asks the registry that it comes from.
    pub source: &'a Client,
    /// Asks the registry that it goes to.
    pub destination: &'a Client,
    /// The store, where one end is in it.
    pub store: Option<&'a Store>,
    /// Where a store has its files, opened or not: for journals of what is sent, and archives that have to be expanded. Without
    /// it the ones are not kept and the others refused.
    pub room: Option<&'a Paths>,
    /// Connections of a pull.
    pub connections: usize,
    /// The time, nanoseconds since 1970.
    pub now_ns: i64,
    /// Where it is told how far it is.
    pub progress: &'a Progress,
}

/// What a copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Digest of the manifest or the index at the destination; of the configuration where it keeps neither.
    pub digest: Digest,
    /// The image, when it is in the store now.
    pub image: Option<ImageId>,
    /// Documents that belong to it and went along.
    pub referrers: usize,
}

impl Copied {
    const fn alone(digest: Digest, image: Option<ImageId>) -> Self {
        Self { digest, image, referrers: 0 }
    }
}

/// Copies an image.
///
/// # Errors
/// [`RegistryError`]. The destination's name leads to what it led to before; blobs that came are kept where they may be.
pub fn copy(copy: Copy<'_>) -> Result<Copied, RegistryError> {
    refuse_changes(&copy)?;
    if let Place::Registry(reference) = copy.from
        && !copy.policy.is_none()
    {
        let from = admitted(&copy, reference)?;
        return carry(Copy { from: &from, ..copy });
    }
    carry(copy)
}

/// What the policy lets come, by the digest that was verified: the tag may move meanwhile.
fn admitted(copy: &Copy<'_>, reference: &Reference) -> Result<Place, RegistryError> {
    let platform = match copy.selection {
        Selection::One(platform) => platform.clone(),
        Selection::All => Platform::native(),
    };
    let resolution = look_up(copy.source, reference, &platform)?;
    let admission = admit(copy.policy, copy.source, &resolution)
        .map_err(|error| RegistryError::Refused(Box::new(error)))?;
    let pinned = format!("{}@{}", reference.repository(), admission.root).parse();
    pinned
        .map(Place::Registry)
        .map_err(|bad: spec::reference::BadReference| RegistryError::Invalid(bad.to_string()))
}

fn carry(copy: Copy<'_>) -> Result<Copied, RegistryError> {
    match (copy.from, copy.to) {
        (Place::Store(from), to) => from_store(&copy, from, to),
        (Place::Registry(from), Place::Store(to)) => pull_as(&copy, from, to),
        (from, Place::Store(to)) => {
            let source = open(&copy, from)?;
            let graph = Graph::of(&*source, copy.selection, None)?;
            let name = name_of(to)?;
            let id = into_store(&copy, store_of(&copy)?, &*source, &graph, &name)?;
            Ok(Copied::alone(graph.root.descriptor.digest, Some(id)))
        }
        (from, to) => {
            let source = open(&copy, from)?;
            let destination = target(&copy, to)?;
            transfer(&copy, &*source, destination)
        }
    }
}

/// Digests of manifests change where a destination keeps none, and with them goes what names them.
fn refuse_changes(copy: &Copy<'_>) -> Result<(), RegistryError> {
    let keeps_none =
        |place: &&Place| matches!(place, Place::DockerArchive { .. } | Place::Store(_));
    if copy.referrers && [copy.from, copy.to].iter().any(keeps_none) {
        let words = "neither the store nor an archive of docker save keeps referrers: copy from and to registries, OCI layouts and OCI archives";
        return Err(RegistryError::Invalid(words.to_owned()));
    }
    if copy.preserve_digests && matches!(copy.to, Place::DockerArchive { .. } | Place::Store(_)) {
        let words = "the destination keeps no manifest, so its digest cannot be preserved there";
        return Err(RegistryError::Invalid(words.to_owned()));
    }
    Ok(())
}

/// The source, when it is not the store.
fn open(copy: &Copy<'_>, place: &Place) -> Result<Box<dyn Source>, RegistryError> {
    Ok(match place {
        Place::Registry(reference) => Box::new(Remote::new(copy.source, reference)),
        Place::Layout { path, tag } => Box::new(LayoutSource::of_directory(path, tag.as_deref())?),
        Place::OciArchive { path, tag } => {
            Box::new(LayoutSource::of_archive(path, tag.as_deref(), copy.room)?)
        }
        Place::DockerArchive { path, name } => {
            Box::new(DockerSource::open(path, name.as_ref(), copy.room)?)
        }
        Place::Store(name) => return Err(misplaced(name)),
    })
}

/// The destination, when it is not the store.
fn target(copy: &Copy<'_>, place: &Place) -> Result<Box<dyn Destination>, RegistryError> {
    Ok(match place {
        Place::Registry(reference) => {
            let uploads = copy.room.map(Uploads::new);
            Box::new(Target::new(copy.destination, reference, uploads, copy.now_ns))
        }
        Place::Layout { path, tag } => Box::new(LayoutTarget::new(path, tag.as_deref())?),
        Place::OciArchive { path, tag } => Box::new(ArchiveTarget::new(path, tag.as_deref())),
        Place::DockerArchive { path, name } => Box::new(DockerTarget::new(path, name.as_ref())),
        Place::Store(name) => return Err(misplaced(name)),
    })
}

fn misplaced(name: &str) -> RegistryError {
    RegistryError::Invalid(format!("{name} is in the store, which was not opened"))
}

fn store_of<'a>(copy: &Copy<'a>) -> Result<&'a Store, RegistryError> {
    copy.store.ok_or_else(|| misplaced("the other end"))
}

fn name_of(text: &str) -> Result<Reference, RegistryError> {
    let bad = |why: String| RegistryError::Invalid(format!("copy to {text}: {why}"));
    let name: Reference =
        text.parse().map_err(|error: spec::reference::BadReference| bad(error.to_string()))?;
    match name.digest() {
        Some(_) => Err(bad("a name with a digest cannot be given".to_owned())),
        None => Ok(name),
    }
}

fn from_store(copy: &Copy<'_>, from: &str, to: &Place) -> Result<Copied, RegistryError> {
    let store = store_of(copy)?;
    let image = store.images().resolve(from)?;
    let is_all = matches!(copy.selection, Selection::All);
    match to {
        Place::Registry(reference) => {
            let Copy { destination: client, progress, now_ns, .. } = *copy;
            let order = Push { store, client, reference, form: Form::default(), now_ns, progress };
            let pushed = if is_all {
                crate::push_index(order, &image, false)?
            } else {
                push(order, &image)?
            };
            Ok(Copied::alone(pushed.digest, None))
        }
        _ if is_all => {
            let words = "the store keeps one platform of an image: leave --all-platforms out";
            Err(RegistryError::Invalid(words.to_owned()))
        }
        Place::Store(to) => {
            store.images().tag(&image.id, &name_of(to)?, copy.now_ns)?;
            Ok(Copied::alone(image.id.clone(), Some(image.id)))
        }
        Place::DockerArchive { path, name } => {
            let own = from.parse::<Reference>().ok().filter(|own| image.names.contains(own));
            let names = name.clone().or(own).into_iter().collect();
            let id = image.id.clone();
            let file = NewFile::make(path)?;
            store.images().save(&[Saved { image, names, is_alone: true }], file.file())?;
            file.publish()?;
            Ok(Copied::alone(id, None))
        }
        Place::Layout { .. } | Place::OciArchive { .. } => {
            let destination = target(copy, to)?;
            let source = StoreSource::open(store, &image, &*destination)?;
            transfer(copy, &source, destination)
        }
    }
}

/// A pull under another name.
fn pull_as(copy: &Copy<'_>, from: &Reference, to: &str) -> Result<Copied, RegistryError> {
    let (store, name) = (store_of(copy)?, name_of(to)?);
    let Selection::One(platform) = copy.selection else {
        let words = "the store keeps one platform of an image: leave --all-platforms out";
        return Err(RegistryError::Invalid(words.to_owned()));
    };
    let mut resolution = resolve(copy.source, store, from, Some(platform))?;
    resolution.reference = name;
    let Copy { connections, now_ns, progress, .. } = *copy;
    let pulled = fetch(Pull { store, resolution: &resolution, connections, now_ns, progress })?;
    Ok(Copied::alone(resolution.root, Some(pulled.id)))
}

/// Copies everything that the destination lacks.
fn transfer(
    copy: &Copy<'_>,
    source: &dyn Source,
    mut destination: Box<dyn Destination + '_>,
) -> Result<Copied, RegistryError> {
    let graph = Graph::of(source, copy.selection, copy.referrers.then_some(copy.progress))?;
    destination.begin(&graph)?;
    blobs(copy.progress, source, &*destination, &graph.blobs)?;
    graph.documents.iter().try_for_each(|document| destination.document(document))?;
    if !graph.attachments.is_empty() {
        // There are registries that take no referrer of what they do not have.
        destination.document(&graph.root)?;
    }
    graph.attachments.iter().try_for_each(|attachment| destination.attach(attachment))?;
    destination.finish(&graph)?;
    let (root, referrers) = (graph.root.descriptor.digest, graph.attachments.len());
    let is_plain = matches!(copy.to, Place::DockerArchive { .. });
    let config = graph.manifest.map(|manifest| manifest.config.digest).filter(|_| is_plain);
    Ok(Copied { digest: config.unwrap_or(root), image: None, referrers })
}

/// Copies blobs, several at once. The first failure ends the others.
fn blobs(
    progress: &Progress,
    source: &dyn Source,
    destination: &dyn Destination,
    blobs: &[Descriptor],
) -> Result<(), RegistryError> {
    let parts: Vec<Arc<Part>> =
        blobs.iter().map(|blob| progress.part(&blob.digest, blob.size)).collect();
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure: Mutex<Option<RegistryError>> = Mutex::default();
    let work = || {
        while !stopped.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (Some(blob), Some(part)) = (blobs.get(number), parts.get(number)) else { return };
            let passing = Passing { progress, source, destination, blob, part, stopped: &stopped };
            if let Err(error) = passing.pass() {
                progress.set(part, PartState::Failed);
                // The first one counts: the others follow from it.
                if !stopped.swap(true, Ordering::Relaxed) {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    source.stop();
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..destination.parallel().min(blobs.len()) {
            scope.spawn(work);
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// One blob on its way.
struct Passing<'a> {
    progress: &'a Progress,
    source: &'a dyn Source,
    destination: &'a dyn Destination,
    blob: &'a Descriptor,
    part: &'a Part,
    stopped: &'a AtomicBool,
}

impl Passing<'_> {
    fn pass(&self) -> Result<(), RegistryError> {
        let Self { progress, source, destination, blob, part, .. } = self;
        match destination.find(blob, source.repository())? {
            Found::There => progress.set(part, PartState::Exists),
            Found::Mounted => progress.set(part, PartState::Mounted),
            Found::Missing => {
                self.put()?;
                progress.set(part, PartState::Done);
            }
        }
        Ok(())
    }

    fn put(&self) -> Result<(), RegistryError> {
        let Self { progress, source, destination, blob, part, stopped } = *self;
        let mut tries = 0;
        loop {
            tries += 1;
            progress.set(part, PartState::Transferring);
            let reader: Box<dyn Read + Send + '_> = source.blob(blob)?;
            let mut contents = Verified::new(reader, blob, part, stopped);
            match destination.put(blob, &mut contents) {
                Err(error) if is_lost(&error) && tries < TRIES => {
                    progress.set(part, PartState::Retrying);
                    progress.notice(format!("blob {}: {error}; it is sent anew", part.name));
                }
                outcome => return outcome,
            }
        }
    }
}

/// The manifest of an image that has none: of its configuration and its layers, the same for the same each time.
fn plain_manifest(
    config: &[u8],
    parsed: &ImageConfig,
    layers: Vec<Descriptor>,
) -> Result<Fetched, RegistryError> {
    let size = config.len() as u64;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::new(media_type::OCI_CONFIG, digest_of(config), size),
        layers,
        subject: None,
        annotations: BTreeMap::new(),
    };
    let bytes =
        serde_json::to_vec(&manifest).map_err(|bad| RegistryError::Invalid(bad.to_string()))?;
    let size = bytes.len() as u64;
    let mut descriptor = Descriptor::new(media_type::OCI_MANIFEST, digest_of(&bytes), size);
    descriptor.platform = Some(Platform {
        architecture: parsed.architecture.clone(),
        os: parsed.os.clone(),
        variant: parsed.variant.clone(),
        ..Platform::default()
    });
    Ok(Fetched { descriptor, bytes })
}
