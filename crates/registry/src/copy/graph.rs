//! Everything that a copy consists of: from the root down through indexes and manifests to blobs. Start at [`Graph::of`].
//!
//! What is not a manifest or an index of images by its media type is refused: a destination could not say what it leads to.
//! Never looks into a blob. Source: image-spec image-index.md, manifest.md.

use std::collections::BTreeMap;

use spec::Digest;
use spec::image::{Descriptor, Document, Manifest, Platform};

use super::Selection;
use super::referrers::{self, Attachment};
use super::source::Source;
use crate::{Fetched, Progress, RegistryError};

/// Indexes in indexes in indexes.
const DEEPEST_INDEX: usize = 4;
/// Documents of one copy; the largest indexes in use have some fifty.
const MOST_DOCUMENTS: usize = 1000;
/// Bytes of all of them, which are held in memory.
const MOST_DOCUMENT_BYTES: usize = 64 << 20;
const MOST_BLOBS: usize = 10_000;
/// Bytes of all blobs: what is larger is nobody's image.
const MOST_BLOB_BYTES: u64 = 1 << 44;

/// A copy's contents.
#[derive(Debug)]
pub(super) struct Graph {
    /// What the name will lead to.
    pub(super) root: Fetched,
    /// It, when it is one image.
    pub(super) manifest: Option<Manifest>,
    /// What it and its attachments lead to, the innermost first, each once.
    pub(super) documents: Vec<Fetched>,
    /// What belongs to it, or to one of those.
    pub(super) attachments: Vec<Attachment>,
    /// Configurations and layers, each once.
    pub(super) blobs: Vec<Descriptor>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Walk {
    documents: Vec<Fetched>,
    /// Of them, and of attachments.
    count: usize,
    bytes: usize,
    blobs: Vec<Descriptor>,
    sizes: BTreeMap<Digest, u64>,
    blob_bytes: u64,
}

impl Graph {
    /// Reads the documents that the selection leads to; what belongs to them as well, where it may be told to somebody.
    pub(super) fn of(
        source: &dyn Source,
        selection: &Selection,
        beside: Option<&Progress>,
    ) -> Result<Self, RegistryError> {
        let root = source.root()?;
        let mut walk = Walk::default();
        let root = match selection {
            Selection::All => root,
            Selection::One(platform) => one(source, root, platform)?,
        };
        let document = parse(&root)?;
        walk.follow(source, &document, 0)?;
        let manifest = match document {
            Document::Manifest(manifest) => Some(*manifest),
            Document::Index(_) => None,
        };
        let attachments = match beside {
            Some(progress) => {
                referrers::find(source, &mut walk, &root.descriptor.digest, progress)?
            }
            None => Vec::new(),
        };
        let Walk { documents, blobs, .. } = walk;
        Ok(Self { root, manifest, documents, attachments, blobs })
    }

    /// Every document, the root last.
    pub(super) fn every_document(&self) -> impl Iterator<Item = &Fetched> {
        let attachments = self.attachments.iter().map(|attachment| &attachment.document);
        self.documents.iter().chain(attachments).chain([&self.root])
    }
}

/// Follows indexes down to the manifest for a platform.
fn one(source: &dyn Source, root: Fetched, platform: &Platform) -> Result<Fetched, RegistryError> {
    let mut here = root;
    for _ in 0..=DEEPEST_INDEX {
        let Document::Index(index) = parse(&here)? else { return Ok(here) };
        let best = index.for_platform(platform).first().map(|best| (*best).clone());
        let best = best.ok_or_else(|| RegistryError::Platform {
            reference: here.descriptor.digest.to_string(),
            wanted: platform.to_string(),
            offered: index.platforms().map(Platform::to_string).collect(),
        })?;
        here = document(source, &best)?;
    }
    Err(RegistryError::Invalid(format!("indexes in indexes, deeper than {DEEPEST_INDEX}")))
}

/// A document that another one points at, with the machine that this one says.
pub(super) fn document(source: &dyn Source, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
    let mut fetched = source.document(wanted)?;
    if fetched.descriptor.size != wanted.size {
        let (found, said) = (fetched.descriptor.size, wanted.size);
        let why = format!("it has {found} bytes, and what points at it says {said}");
        return Err(RegistryError::Dishonest { what: format!("read {}", wanted.digest), why });
    }
    fetched.descriptor.media_type.clone_from(&wanted.media_type);
    fetched.descriptor.platform.clone_from(&wanted.platform);
    Ok(fetched)
}

pub(super) fn parse(fetched: &Fetched) -> Result<Document, RegistryError> {
    let Descriptor { media_type, digest, .. } = &fetched.descriptor;
    Document::parse(&fetched.bytes, media_type)
        .map_err(|cause| RegistryError::Document { what: format!("read {digest}"), cause })
}

impl Walk {
    /// What it holds, but for the root and attachments.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.documents.iter().map(|document| &document.descriptor.digest)
    }

    /// Follows what belongs to an image; gives the digests of what is new: its own, and of what it leads to.
    pub(super) fn attach(
        &mut self,
        source: &dyn Source,
        attachment: &Fetched,
    ) -> Result<Vec<Digest>, RegistryError> {
        let before = self.documents.len();
        self.hold(attachment)?;
        self.follow(source, &parse(attachment)?, 0)?;
        let inner = self.documents[before..].iter().map(|inner| inner.descriptor.digest.clone());
        Ok(inner.chain([attachment.descriptor.digest.clone()]).collect())
    }

    /// Counts a document.
    fn hold(&mut self, document: &Fetched) -> Result<(), RegistryError> {
        self.count += 1;
        self.bytes += document.bytes.len();
        if self.count > MOST_DOCUMENTS || self.bytes > MOST_DOCUMENT_BYTES {
            let words = format!(
                "more than {MOST_DOCUMENTS} documents or {MOST_DOCUMENT_BYTES} bytes of them"
            );
            return Err(RegistryError::Invalid(words));
        }
        Ok(())
    }

    fn follow(
        &mut self,
        source: &dyn Source,
        document: &Document,
        depth: usize,
    ) -> Result<(), RegistryError> {
        match document {
            Document::Manifest(manifest) => {
                self.blob(&manifest.config)?;
                manifest.layers.iter().try_for_each(|layer| self.blob(layer))
            }
            Document::Index(_) if depth == DEEPEST_INDEX => {
                let words = format!("indexes in indexes, deeper than {DEEPEST_INDEX}");
                Err(RegistryError::Invalid(words))
            }
            Document::Index(index) => {
                index.manifests.iter().try_for_each(|entry| self.entry(source, entry, depth))
            }
        }
    }

    fn entry(
        &mut self,
        source: &dyn Source,
        entry: &Descriptor,
        depth: usize,
    ) -> Result<(), RegistryError> {
        if self.documents.iter().any(|known| known.descriptor.digest == entry.digest) {
            return Ok(());
        }
        let fetched = self::document(source, entry)?;
        self.hold(&fetched)?;
        self.follow(source, &parse(&fetched)?, depth + 1)?;
        self.documents.push(fetched);
        Ok(())
    }

    fn blob(&mut self, blob: &Descriptor) -> Result<(), RegistryError> {
        let refused = |why: String| {
            Err(RegistryError::Dishonest {
                what: format!("read what points at {}", blob.digest),
                why,
            })
        };
        match self.sizes.get(&blob.digest) {
            Some(size) if *size == blob.size => return Ok(()),
            Some(size) => {
                return refused(format!("it is said to have {size} and {} bytes", blob.size));
            }
            None => {}
        }
        self.blob_bytes = self.blob_bytes.saturating_add(blob.size);
        if self.blobs.len() == MOST_BLOBS || self.blob_bytes > MOST_BLOB_BYTES {
            return refused(format!("more than {MOST_BLOBS} blobs or {MOST_BLOB_BYTES} bytes"));
        }
        self.sizes.insert(blob.digest.clone(), blob.size);
        // A copy in the document itself, and other addresses, are of no use to a destination.
        let Descriptor { media_type, digest, size, .. } = blob;
        self.blobs.push(Descriptor::new(media_type, digest.clone(), *size));
        Ok(())
    }
}
