//! Layers and images that are made here, layer by layer: a build's. A layer counts as soon as it is made and its lease is written, in this
//! boot; beyond a power cut once it is flushed, see [`Store::settle`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::params;
use spec::image::ImageConfig;
use spec::{Digest, Reference};

use super::stage::{Source, Stage, Staged, stored};
use super::{Image, Images, digest_of};
use crate::layer::{self, MountPoints, TreeArchive};
use crate::unpack::Rules;
use crate::{BuildLease, StoreError};

/// What a layer is made of.
#[derive(Debug)]
pub struct NewLayer<'a> {
    /// The upper directory of an overlay.
    pub upper: &'a Path,
    /// The lower ones, the top one first.
    pub lower: &'a [PathBuf],
    /// What was mounted in it, where: what was made there to mount on is no change.
    pub targets: &'a [PathBuf],
    /// Nothing in it is younger, in seconds since 1970.
    pub latest_s: Option<i64>,
}

/// A layer of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedLayer {
    /// Digest of its plain archive.
    pub diff_id: Digest,
    /// Bytes of its files.
    pub size_bytes: u64,
}

impl Images<'_> {
    /// Makes a layer, which the lease holds from then on. Its archive is made, hashed and unpacked in one pass.
    ///
    /// # Errors
    /// When the directory cannot be read or holds what no layer can, or the disk refuses; nothing is left then.
    pub fn add_layer(
        &self,
        lease: &BuildLease,
        layer: &NewLayer<'_>,
        now_ns: i64,
    ) -> Result<AddedLayer, StoreError> {
        let unreadable = |cause| StoreError::Unpack {
            what: format!("read {}", layer.upper.display()),
            cause: Box::new(cause),
        };
        let mount_points =
            MountPoints::find((&[layer.upper.to_owned()], None), layer.lower, layer.targets);
        let reader = mount_points.and_then(|points| layer::diff(layer.upper, points));
        let reader = reader.map_err(unreadable)?.not_later_than(layer.latest_s);
        let what = "the step's changes".to_owned();
        self.add(lease, (what, reader), now_ns)
    }

    /// Makes one layer that does to those below it what several do, the lowest first; the lease holds it from then on.
    ///
    /// # Errors
    /// As [`Images::add_layer`].
    pub fn squash(
        &self,
        lease: &BuildLease,
        (layers, below): (&[Digest], &[Digest]),
        now_ns: i64,
    ) -> Result<AddedLayer, StoreError> {
        let (layers, below) = (self.directories_of(layers), self.directories_of(below));
        let reader = layer::squashed(&layers, &below).map_err(|cause| StoreError::Unpack {
            what: "read the layers".to_owned(),
            cause: Box::new(cause),
        })?;
        self.add(lease, ("the layers together".to_owned(), reader), now_ns)
    }

    fn add(
        &self,
        lease: &BuildLease,
        (what, reader): (String, TreeArchive),
        now_ns: i64,
    ) -> Result<AddedLayer, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let source = Source { what, reader, diff_id: None, blob: None, rules: Rules::layer() };
        let (arrived, _archive_bytes) = stage.unpack_arriving(source)?;
        let diff_id = arrived.diff_id;
        stage.publish_held(&diff_id, lease.name(), now_ns)?;
        let size_bytes = stored(self.store, &diff_id)?.unwrap_or_default();
        Ok(AddedLayer { diff_id, size_bytes })
    }

    /// An image of layers that are all here and held, under these names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when a layer is not here, or what the disk refuses.
    pub fn made_of(
        &self,
        config: &ImageConfig,
        names: &[Reference],
        now_ns: i64,
    ) -> Result<Image, StoreError> {
        let bytes = serde_json::to_vec(config).map_err(|cause| StoreError::Damaged {
            what: "image",
            id: names.first().map(Reference::familiar).unwrap_or_default(),
            cause,
        })?;
        let staged = Staged { bytes: &bytes, config, names };
        match super::stage::commit_ahead(self.store, &staged, now_ns)? {
            Ok(_id) => self.resolve(&digest_of(&bytes).to_string()),
            Err(missing) => {
                let name = missing.first().map(ToString::to_string).unwrap_or_default();
                Err(StoreError::NotFound { what: "layer", name, closest: Vec::new() })
            }
        }
    }

    /// Whether a layer is here and whole.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_layer(&self, diff_id: &Digest) -> Result<bool, StoreError> {
        Ok(stored(self.store, diff_id)?.is_some())
    }

    /// Directories of layers, the top one first. A layer that is there twice is given once, at its higher place: what it has at the lower one
    /// is hidden by itself, and overlayfs refuses a directory that is there twice.
    #[must_use]
    pub fn directories_of(&self, diff_ids: &[Digest]) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let once = diff_ids.iter().rev().filter(|diff_id| seen.insert(*diff_id));
        once.map(|diff_id| self.store.paths.layer(diff_id)).collect()
    }
}

impl Stage<'_> {
    /// As [`Stage::publish_ahead`], and a build holds it: nobody sees the one without the other.
    fn publish_held(
        &mut self,
        diff_id: &Digest,
        build: &str,
        now_ns: i64,
    ) -> Result<(), StoreError> {
        self.publish_with(diff_id, now_ns, |connection| {
            let insert = "INSERT OR IGNORE INTO build_leases (build, diff_id) VALUES (?, ?)";
            let values = params![build, diff_id.to_string()];
            connection.execute(insert, values).map(drop).map_err(StoreError::write)
        })
    }
}
