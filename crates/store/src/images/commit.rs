//! A new image from an image and what a container of it has changed.

use std::path::PathBuf;

use spec::image::{History, ImageConfig, Platform, RunConfig};
use spec::{Digest, Reference};

use super::stage::{Source, Stage, Staged};
use super::{Image, Images, digest_of};
use crate::layer::MountPoints;
use crate::unpack::Rules;
use crate::{IdShift, StoreError, layer};

/// What a committed image is made of.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The image that the container was made from; none for one that has lost it.
    pub parent: Option<&'a Image>,
    /// The container's own layers, the writable one first and what of it was frozen behind it.
    pub own: &'a [PathBuf],
    /// What is mounted in the container, where: what was made there to mount on is no change.
    pub targets: &'a [PathBuf],
    /// What owners in it become.
    pub ids: Option<IdShift>,
    /// The new image's name, if any.
    pub reference: Option<Reference>,
    /// Defaults of its containers.
    pub config: RunConfig,
    /// Who made it.
    pub author: String,
    /// Words for its history.
    pub comment: String,
    /// What was run, for its history.
    pub created_by: String,
    /// When it was made, RFC 3339.
    pub created: String,
}

impl Images<'_> {
    /// Makes an image of the parent's layers and one more. Nothing is written but that layer: its archive is made, hashed and
    /// unpacked in one pass.
    ///
    /// # Errors
    /// When the writable layer cannot be read or holds what no layer can, or the disk refuses; nothing is left then.
    pub fn commit(&self, commit: &Commit<'_>, now_ns: i64) -> Result<Image, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let what = "the container's changes".to_owned();
        let unreadable = |cause| StoreError::Unpack {
            what: "read the container's changes".to_owned(),
            cause: Box::new(cause),
        };
        let lower = commit.parent.map(|parent| self.layer_paths(parent)).unwrap_or_default();
        let mount_points =
            MountPoints::find((commit.own, commit.ids.as_ref()), &lower, commit.targets);
        let reader = mount_points.and_then(|points| layer::written(commit.own, &lower, points));
        let reader = reader.map_err(unreadable)?.with_ids(commit.ids.clone());
        let source = Source { what, reader, diff_id: None, blob: None, rules: Rules::layer() };
        let diff_ids = stage.unpack(vec![source])?;
        let config = configuration(commit, diff_ids);
        let bytes = serde_json::to_vec(&config).map_err(|cause| StoreError::Damaged {
            what: "image",
            id: commit.created_by.clone(),
            cause,
        })?;
        let staged = Staged { bytes: &bytes, config: &config, names: commit.reference.as_slice() };
        if stage.commit(&[staged], now_ns)?.is_err() {
            let name = commit.parent.map_or_else(String::new, |parent| parent.id.to_string());
            return Err(StoreError::NotFound { what: "image", name, closest: Vec::new() });
        }
        self.resolve(&digest_of(&bytes).to_string())
    }
}

fn configuration(commit: &Commit<'_>, added: Vec<Digest>) -> ImageConfig {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let Platform { architecture, os, .. } = Platform::native();
    let native = || ImageConfig { architecture, os, ..ImageConfig::default() };
    let mut config = commit.parent.map_or_else(native, |parent| parent.config.clone());
    config.created = text(&commit.created);
    config.author = text(&commit.author);
    config.config = commit.config.clone();
    config.rootfs.diff_ids.extend(added);
    config.history.push(History {
        created: text(&commit.created),
        created_by: text(&commit.created_by),
        author: text(&commit.author),
        comment: text(&commit.comment),
        empty_layer: false,
    });
    config
}
