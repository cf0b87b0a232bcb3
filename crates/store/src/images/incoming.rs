//! An image on its way in from a registry, layer by layer: each is unpacked on a thread of the caller's and becomes visible as
//! soon as it is whole, so that neither a kill nor a second pull makes it come twice.
//!
//! Start at [`Images::incoming`]; the order of a pull is [`Incoming::has`], [`Incoming::place`], [`LayerPlace::unpack`],
//! [`Incoming::publish`], and at the end [`Incoming::commit`].

use std::io::Read;
use std::path::PathBuf;

use spec::image::{Descriptor, ImageConfig};
use spec::{Digest, ImageId, Reference};

use super::Images;
use super::archive::parse;
use super::collect;
use super::origin::record_origin;
use super::stage::{Source, Stage, Staged, WholeLayer, unpack_at};
use crate::unpack::Rules;
use crate::{Store, StoreError};

/// Layers that come in for an image that is not there yet.
pub struct Incoming<'a> {
    store: &'a Store,
    stage: Stage<'a>,
}

impl std::fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// Where a layer can be unpacked. It may go to another thread.
#[derive(Debug)]
pub struct LayerPlace {
    path: PathBuf,
}

/// A layer that is whole, and what it was said to be; not visible yet.
#[derive(Debug)]
pub struct UnpackedLayer(WholeLayer);

/// What a layer must turn out to be.
#[derive(Clone, Debug)]
pub struct ExpectedLayer {
    /// Digest of the archive as it comes.
    pub blob: Digest,
    /// Digest of the plain archive.
    pub diff_id: Digest,
}

/// An image whose layers are all there.
#[derive(Debug)]
pub struct NewImage<'a> {
    /// The configuration, byte for byte.
    pub config: &'a [u8],
    /// The name that it gets, which is taken from another that had it; nothing for one that is pulled by digest.
    pub name: Option<&'a Reference>,
    /// The repository that it came from, with its registry and without a tag.
    pub repository: &'a str,
    /// The documents that led to it, byte for byte: an index, where there was one, and the manifest.
    pub documents: &'a [(Descriptor, Vec<u8>)],
    /// The layers' descriptors in the manifest's order.
    pub layers: &'a [Descriptor],
}

impl<'a> Images<'a> {
    /// Begins with an image that comes in.
    ///
    /// # Errors
    /// When no scratch directory can be made.
    pub fn incoming(&self) -> Result<Incoming<'a>, StoreError> {
        Ok(Incoming { store: self.store, stage: Stage::new(self.store)? })
    }

    /// Parses an image's configuration.
    ///
    /// # Errors
    /// [`StoreError::Unpack`] when it is none.
    pub fn parse_config(bytes: &[u8]) -> Result<ImageConfig, StoreError> {
        parse("the image's configuration", bytes)
    }
}

impl Incoming<'_> {
    /// Whether a layer is here already.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has(&self, diff_id: &Digest) -> Result<bool, StoreError> {
        self.stage.has(diff_id)
    }

    /// A place for one more layer.
    pub fn place(&mut self) -> LayerPlace {
        LayerPlace { path: self.stage.place() }
    }

    /// Makes a layer visible, for this boot of the machine.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub fn publish(&mut self, layer: UnpackedLayer, now_ns: i64) -> Result<(), StoreError> {
        let diff_id = layer.0.arrived.diff_id.clone();
        self.stage.take(layer.0);
        self.stage.publish_ahead(&diff_id, now_ns)
    }

    /// Removes what is not whole, and the layers that were published here, but for those that an image has come to need. In this
    /// order: a full disk takes no record.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub fn give_back(&mut self, diff_ids: &[Digest]) -> Result<(), StoreError> {
        self.stage.discard()?;
        let mut unused = Vec::new();
        self.store.durably(|connection| {
            for diff_id in diff_ids {
                let delete = "DELETE FROM layers WHERE diff_id = ?1 AND NOT EXISTS \
                    (SELECT 1 FROM held_layers WHERE diff_id = ?1)";
                let gone = connection.execute(delete, [diff_id.to_string()]);
                if gone.map_err(StoreError::write)? > 0 {
                    unused.push(diff_id.clone());
                }
            }
            Ok(())
        })?;
        collect(self.store, &unused)
    }

    /// Makes the image visible, or gives the layers that another command has removed meanwhile. Until [`Store::settle`] has
    /// flushed them, a power cut takes all of it away.
    ///
    /// # Errors
    /// When the configuration is none, or the disk refuses.
    pub fn commit(
        &mut self,
        image: &NewImage<'_>,
        now_ns: i64,
    ) -> Result<Result<ImageId, Vec<Digest>>, StoreError> {
        let config = Images::parse_config(image.config)?;
        let names: Vec<Reference> = image.name.cloned().into_iter().collect();
        let staged = Staged { bytes: image.config, config: &config, names: &names };
        let id = match self.stage.commit_ahead(&staged, now_ns)? {
            Ok(id) => id,
            Err(missing) => return Ok(Err(missing)),
        };
        record_origin(self.store, &id, image, &config)?;
        Ok(Ok(id))
    }
}

impl LayerPlace {
    /// Unpacks a layer, compressed or not, in one pass, and checks both of its digests.
    ///
    /// # Errors
    /// When the stream breaks, is not what was expected, or the disk refuses; what was unpacked is removed with the
    /// [`Incoming`].
    pub fn unpack(
        self,
        reader: impl Read + Send,
        expected: &ExpectedLayer,
    ) -> Result<UnpackedLayer, StoreError> {
        let source = Source {
            what: format!("layer {}", expected.blob),
            reader,
            diff_id: Some(expected.diff_id.clone()),
            blob: Some(expected.blob.clone()),
            rules: Rules::layer(),
        };
        unpack_at(source, self.path).map(UnpackedLayer)
    }
}
