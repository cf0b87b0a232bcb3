//! An image from a registry into the store: what the name points at, then everything that is not here yet, at once.
//!
//! The order: a name becomes a manifest ([`resolve`]); whoever has a say looks at it; [`fetch`] brings the configuration and the
//! missing layers, each in one pass from the network to its directory, and makes the image visible when all are whole. What was
//! complete before a failure stays: layers as layers, the rest as transfers that the next pull goes on with.
//! Never prints, never decides whether an image may be used. Sources: distribution-spec "Pull", image-spec manifest.md.

use spec::image::{Descriptor, Document, ImageConfig, Manifest, Platform, media_type};
use spec::{Digest, ImageId, Reference};
use store::{Image, Images, NewImage, Store};

use crate::{Client, Pointer, Progress, RegistryError, Repository};

mod full;
mod layers;
mod plan;
mod worker;

use layers::Wanted;

/// A configuration longer than this is none.
const MOST_CONFIG_BYTES: u64 = 8 << 20;
/// overlayfs.rst: a mount takes at most 500 lower layers.
const MOST_LAYERS: usize = 500;
/// Indexes in indexes in indexes.
const DEEPEST_INDEX: usize = 4;
/// How often layers may be taken away under a pull before it gives up.
const TRIES: usize = 10;

/// What a name points at.
#[derive(Debug)]
pub struct Resolution {
    /// The name, as it was asked for.
    pub reference: Reference,
    /// Where it is.
    pub repository: Repository,
    /// Digest of what the name points at: an index, or a manifest.
    pub root: Digest,
    /// For which machine, where that was asked for.
    pub platform: Option<Platform>,
    /// Whether it is here.
    pub found: Found,
}

/// Where an image is.
#[derive(Debug)]
pub enum Found {
    /// In the store: nothing has to be fetched.
    Here(Box<Image>),
    /// At the registry.
    There(Box<Remote>),
}

/// An image at a registry.
#[derive(Debug)]
pub struct Remote {
    /// What led to it, byte for byte: indexes, the outermost first, and the manifest.
    pub documents: Vec<(Descriptor, Vec<u8>)>,
    /// The manifest.
    pub manifest: Manifest,
}

/// An image that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Digest of its configuration.
    pub id: ImageId,
    /// Whether it was here, under this name, before.
    pub is_up_to_date: bool,
}

/// Finds out what a name points at, for a platform or for this machine: by one HEAD where something of its repository is here, by one or two GETs elsewhere.
///
/// # Errors
/// [`RegistryError`]; `Kind::NotFound` also when there is nothing for the platform.
pub fn resolve(
    client: &Client,
    store: &Store,
    reference: &Reference,
    platform: Option<&Platform>,
) -> Result<Resolution, RegistryError> {
    let repository = client.repository(reference);
    let (reference, asked) = (reference.clone(), platform.cloned());
    let platform = &asked.clone().unwrap_or_else(Platform::native);
    let images = store.images();
    let here = |digest: &Digest| images.by_digest(repository.name(), digest, platform);
    if images.knows_repository(repository.name())? {
        // What a digest names never changes; what a tag names, the registry says.
        let root = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => Some(digest.clone()),
            (None, Some(tag)) => repository.resolve(Pointer::Tag(tag))?.map(|found| found.digest),
            (None, None) => None,
        };
        if let Some(root) = root
            && let Some(image) = here(&root)?
            // A power cut may have taken layers of an image that containers are made from.
            && images.is_whole(&image)?
        {
            let found = Found::Here(Box::new(image));
            return Ok(Resolution { reference, repository, root, platform: asked, found });
        }
    }
    let (root, remote) = lead(&repository, &reference, platform)?;
    let found = Found::There(Box::new(remote));
    Ok(Resolution { reference, repository, root, platform: asked, found })
}

/// Follows indexes down to the manifest for a platform; the digest is that of the first document.
pub(crate) fn lead(
    repository: &Repository,
    reference: &Reference,
    platform: &Platform,
) -> Result<(Digest, Remote), RegistryError> {
    let mut documents: Vec<(Descriptor, Vec<u8>)> = Vec::new();
    let mut next: Option<Descriptor> = None;
    loop {
        let fetched = match (&next, reference.digest()) {
            (Some(descriptor), _) => repository.manifest(Pointer::Digest(&descriptor.digest))?,
            (None, Some(digest)) => repository.manifest(Pointer::Digest(digest))?,
            (None, None) => {
                repository.manifest(Pointer::Tag(reference.tag().unwrap_or("latest")))?
            }
        };
        if let Some(descriptor) = &next
            && descriptor.size != fetched.bytes.len() as u64
        {
            let (said, found) = (descriptor.size, fetched.bytes.len());
            let why = format!("it has {found} bytes, and its index says {said}");
            return Err(dishonest(&fetched.descriptor, why));
        }
        let parsed = Document::parse(&fetched.bytes, &fetched.descriptor.media_type);
        let document = parsed.map_err(|cause| RegistryError::Document {
            what: format!("read {}@{}", repository.name(), fetched.descriptor.digest),
            cause,
        })?;
        documents.push((fetched.descriptor, fetched.bytes));
        match document {
            Document::Manifest(manifest) => {
                let root = documents[0].0.digest.clone();
                return Ok((root, Remote { documents, manifest: *manifest }));
            }
            Document::Index(_) if documents.len() > DEEPEST_INDEX => {
                let words = format!("{reference}: indexes in indexes, deeper than {DEEPEST_INDEX}");
                return Err(RegistryError::Invalid(words));
            }
            Document::Index(index) => {
                let best = index.for_platform(platform).first().map(|best| (*best).clone());
                next = Some(best.ok_or_else(|| RegistryError::Platform {
                    reference: reference.familiar(),
                    wanted: platform.to_string(),
                    offered: index.platforms().map(Platform::to_string).collect(),
                })?);
            }
        }
    }
}

/// A pull: what is fetched, to where, and how.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a> {
    /// Where to.
    pub store: &'a Store,
    /// What.
    pub resolution: &'a Resolution,
    /// Connections at once, all layers together.
    pub connections: usize,
    /// The time, nanoseconds since 1970.
    pub now_ns: i64,
    /// Where it is told how far it is.
    pub progress: &'a Progress,
}

/// Brings what is missing, and makes the image visible under its name.
///
/// # Errors
/// [`RegistryError`]. What was complete by then is kept; where the disk is full, everything that this call took is given back. The
/// client is stopped then, as by [`Client::stop`]: what other layers wait for helps nobody.
pub fn fetch(pull: Pull<'_>) -> Result<Pulled, RegistryError> {
    let name = name_of(&pull.resolution.reference);
    match &pull.resolution.found {
        Found::Here(image) => {
            let is_up_to_date = name.as_ref().is_none_or(|name| image.names.contains(name));
            match name {
                Some(name) if !is_up_to_date => {
                    pull.store.images().tag(&image.id, &name, pull.now_ns)?;
                }
                _ => pull.store.images().mark_used(&image.id, pull.now_ns)?,
            }
            Ok(Pulled { id: image.id.clone(), is_up_to_date })
        }
        Found::There(remote) => {
            let id = fetch_remote(pull, remote, name.as_ref())?;
            Ok(Pulled { id, is_up_to_date: false })
        }
    }
}

fn fetch_remote(
    pull: Pull<'_>,
    remote: &Remote,
    name: Option<&Reference>,
) -> Result<ImageId, RegistryError> {
    let Resolution { reference, repository, .. } = pull.resolution;
    check_types(reference, &remote.manifest)?;
    let bytes = repository.small_blob(&remote.manifest.config, MOST_CONFIG_BYTES)?;
    let config = Images::parse_config(&bytes)?;
    // What came by an index is for the machine that the index says.
    if remote.documents.len() == 1 {
        check_platform(pull, &config)?;
    }
    let wanted = wanted(&remote.manifest, &config, pull.progress)?;
    let image = NewImage {
        config: &bytes,
        name,
        repository: repository.name(),
        documents: &remote.documents,
        layers: &remote.manifest.layers,
    };
    for _ in 0..TRIES {
        let mut incoming = pull.store.images().incoming()?;
        layers::bring(pull, &mut incoming, &wanted)?;
        if let Ok(id) = incoming.commit(&image, pull.now_ns)? {
            return Ok(id);
        }
    }
    Err(RegistryError::Invalid(format!(
        "pull {}: its layers are removed as fast as they come",
        reference.familiar()
    )))
}

/// A manifest outside an index does not say for which machine it is; its configuration does. Who asked for a platform gets it or
/// nothing, everybody else a word.
fn check_platform(pull: Pull<'_>, config: &ImageConfig) -> Result<(), RegistryError> {
    let Resolution { reference, platform, .. } = pull.resolution;
    let (own, native) = (Platform::of(config), Platform::native());
    match platform {
        Some(wanted) if wanted.fit(&own).is_none() => Err(RegistryError::Platform {
            reference: reference.familiar(),
            wanted: wanted.to_string(),
            offered: vec![own.to_string()],
        }),
        None if native.fit(&own).is_none() => {
            let name = reference.familiar();
            pull.progress.notice(format!("warning: {name} is for {own}, this machine is {native}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The name that a pulled image gets: none when it was asked for by digest, as in Docker.
fn name_of(reference: &Reference) -> Option<Reference> {
    reference.digest().is_none().then(|| reference.clone())
}

/// Everything but images is refused by its type, and so are layers that nobody here can read.
fn check_types(reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
    let config = manifest.config.media_type.as_str();
    if !matches!(config, media_type::OCI_CONFIG | media_type::DOCKER_CONFIG) {
        let kind = manifest.artifact_type.as_deref().unwrap_or(config);
        let shown: String = kind.chars().take(120).collect();
        let words = format!("{} is no image but an artifact of type {shown}", reference.familiar());
        return Err(RegistryError::Invalid(words));
    }
    if manifest.layers.len() > MOST_LAYERS {
        let (has, name) = (manifest.layers.len(), reference.familiar());
        let words = format!("{name} has {has} layers; {MOST_LAYERS} are the most");
        return Err(RegistryError::Invalid(words));
    }
    match manifest.layers.iter().find(|layer| !media_type::is_layer(&layer.media_type)) {
        Some(layer) => {
            let shown: String = layer.media_type.chars().take(120).collect();
            let digest = layer.digest.short();
            Err(RegistryError::Invalid(format!("layer {digest} has the unknown type {shown:?}")))
        }
        None => Ok(()),
    }
}

/// Each layer once, with what it must turn out to be.
fn wanted(
    manifest: &Manifest,
    config: &ImageConfig,
    progress: &Progress,
) -> Result<Vec<Wanted>, RegistryError> {
    let (layers, diff_ids) = (&manifest.layers, &config.rootfs.diff_ids);
    if layers.len() != diff_ids.len() {
        let counts = format!("{} layers and {} diff ids", layers.len(), diff_ids.len());
        return Err(dishonest(&manifest.config, format!("the image has {counts}")));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        if wanted.iter().any(|other| other.diff_id == *diff_id) {
            continue;
        }
        if wanted.iter().any(|other| other.blob.digest == layer.digest) {
            let why = "one layer is said to be two".to_owned();
            return Err(dishonest(layer, why));
        }
        let part = progress.part(&layer.digest, layer.size);
        wanted.push(Wanted { blob: layer.clone(), diff_id: diff_id.clone(), part });
    }
    Ok(wanted)
}

fn dishonest(descriptor: &Descriptor, why: String) -> RegistryError {
    RegistryError::Dishonest { what: format!("read {}", descriptor.digest), why }
}
