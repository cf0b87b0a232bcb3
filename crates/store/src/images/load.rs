//! Images from the archives of `docker save`, and from OCI layouts, packed or as directories.
//!
//! The manifest of an archive may stand at its end, its members in any order. Nothing is written twice all the same: an archive
//! that is a file is read by places, its layers in parallel; one that comes through a pipe, or is compressed as a whole, has its
//! layers unpacked as they come.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use spec::image::ImageConfig;
use spec::{Digest, ImageId, Reference};

use super::Images;
use super::archive::{Archive, Found, parse};
use super::arrival::{SPOOL, receive, unreadable};
use super::members::{Index, Member, Members};
use super::stage::{Source, Stage, Staged};
use crate::unpack::Rules;
use crate::{StoreError, scratch};

/// overlayfs.rst: a mount takes at most 500 lower layers.
const MOST_LAYERS: usize = 500;
/// How often layers may be taken away under a load before it gives up.
const TRIES: usize = 10;

/// An image that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its id.
    pub id: ImageId,
    /// The names that came with it.
    pub names: Vec<Reference>,
}

impl Images<'_> {
    /// Loads every image of an archive that is a file and begins where that stands; of any other file as [`Images::load`].
    ///
    /// # Errors
    /// As [`Images::load`].
    pub fn load_file(&self, archive: File, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        match Index::of(&archive).map_err(unreadable)? {
            Some(index) => load_from(Members::Packed(index), Stage::new(self.store)?, now_ns),
            None => self.load(archive, now_ns),
        }
    }

    /// Loads every image of an archive, compressed or not.
    ///
    /// # Errors
    /// When the archive is none, not whole, or not honest, or the disk refuses; nothing is left then.
    pub fn load(&self, archive: impl Read + Send, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let index = receive(archive, &mut stage)?;
        load_from(Members::Packed(index), stage, now_ns)
    }

    /// Loads every image of an OCI layout, or of an unpacked archive of `docker save`, in a directory.
    ///
    /// # Errors
    /// As [`Images::load`].
    pub fn load_directory(&self, path: &Path, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        let directory = File::open(path).map_err(StoreError::file("open", path))?;
        load_from(Members::Unpacked(directory.as_fd()), Stage::new(self.store)?, now_ns)
    }
}

fn load_from(
    members: Members<'_>,
    mut stage: Stage<'_>,
    now_ns: i64,
) -> Result<Vec<Loaded>, StoreError> {
    let mut archive = Archive(members);
    let found = archive.images()?;
    if found.is_empty() {
        return Err(StoreError::Archive("the archive holds no image".to_owned()));
    }
    let configs = found.iter().map(configuration).collect::<Result<Vec<ImageConfig>, _>>()?;
    let staged: Vec<Staged<'_>> = found
        .iter()
        .zip(&configs)
        .map(|(found, config)| Staged { bytes: &found.config, config, names: &found.names })
        .collect();
    for _ in 0..TRIES {
        let missing = missing(&mut archive, &stage, &found, &configs)?;
        stage.unpack(missing)?;
        // What is removed before it is flushed is mostly never written. It may be needed again only for layers of others.
        if configs.iter().all(|config| stage.holds(&config.rootfs.diff_ids)) {
            scratch::remove(&stage.scratch().join(SPOOL))?;
        }
        if let Ok(ids) = stage.commit(&staged, now_ns)? {
            let loaded = ids.into_iter().zip(found);
            return Ok(loaded.map(|(id, found)| Loaded { id, names: found.names }).collect());
        }
    }
    Err(StoreError::Archive("its layers are removed as fast as they are loaded".to_owned()))
}

/// The layers that are not here yet, each once.
fn missing(
    archive: &mut Archive<'_>,
    stage: &Stage<'_>,
    found: &[Found],
    configs: &[ImageConfig],
) -> Result<Vec<Source<Member>>, StoreError> {
    let mut sources: Vec<Source<Member>> = Vec::new();
    for (found, config) in found.iter().zip(configs) {
        for (diff_id, (path, blob)) in config.rootfs.diff_ids.iter().zip(&found.layers) {
            archive.0.refuse_arrived(path, blob.as_ref(), diff_id)?;
            let planned = sources.iter().any(|source| source.diff_id.as_ref() == Some(diff_id));
            if planned || stage.has(diff_id)? {
                continue;
            }
            sources.push(Source {
                what: format!("layer {path}"),
                reader: archive.open(path)?,
                diff_id: Some(diff_id.clone()),
                blob: blob.clone(),
                rules: Rules::layer(),
            });
        }
    }
    Ok(sources)
}

fn configuration(found: &Found) -> Result<ImageConfig, StoreError> {
    let config: ImageConfig = parse("the image's configuration", &found.config)?;
    let diff_ids: &[Digest] = &config.rootfs.diff_ids;
    if diff_ids.len() != found.layers.len() {
        let counts = format!("{} layers and {} diff ids", found.layers.len(), diff_ids.len());
        return Err(StoreError::Archive(format!("the image has {counts}")));
    }
    if diff_ids.len() > MOST_LAYERS {
        return Err(StoreError::Archive(format!(
            "the image has {} layers; {MOST_LAYERS} are the most",
            diff_ids.len()
        )));
    }
    Ok(config)
}
