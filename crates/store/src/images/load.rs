//! Images from the archives of `docker save`, and from OCI layouts, packed or as directories.
//!
//! The manifest of an archive may stand at its end, its members in any order. Nothing is written twice all the same: an archive
//! that is a file is read by places, its layers in parallel; one that comes through a pipe, or is compressed as a whole, has its
//! layers unpacked as they come.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use spec::image::{ImageConfig, Platform};
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
        self.load_file_for(archive, None, now_ns)
    }

    /// The same, of images for one machine only.
    ///
    /// # Errors
    /// As [`Images::load`], and when there is none for it.
    pub fn load_file_for(
        &self,
        archive: File,
        platform: Option<&Platform>,
        now_ns: i64,
    ) -> Result<Vec<Loaded>, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let index = match Index::of(&archive).map_err(unreadable)? {
            Some(index) => index,
            None => receive(archive, &mut stage, &mut |_, _| {})?,
        };
        load_from(Members::Packed(index), stage, platform, now_ns)
    }

    /// Loads every image of an archive, compressed or not.
    ///
    /// # Errors
    /// When the archive is none, not whole, or not honest, or the disk refuses; nothing is left then.
    pub fn load(&self, archive: impl Read + Send, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        self.load_told(archive, None, now_ns, &mut |_, _| {})
    }

    /// The same, of images for one machine only where one is named; `told` hears of each layer that has come, with the length of its plain archive.
    ///
    /// # Errors
    /// As [`Images::load_file_for`].
    pub fn load_told(
        &self,
        archive: impl Read + Send,
        platform: Option<&Platform>,
        now_ns: i64,
        told: &mut dyn FnMut(&Digest, u64),
    ) -> Result<Vec<Loaded>, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let index = receive(archive, &mut stage, told)?;
        load_from(Members::Packed(index), stage, platform, now_ns)
    }

    /// Loads every image of an OCI layout, or of an unpacked archive of `docker save`, in a directory.
    ///
    /// # Errors
    /// As [`Images::load`].
    pub fn load_directory(&self, path: &Path, now_ns: i64) -> Result<Vec<Loaded>, StoreError> {
        self.load_directory_for(path, None, now_ns)
    }

    /// The same, of images for one machine only.
    ///
    /// # Errors
    /// As [`Images::load_file_for`].
    pub fn load_directory_for(
        &self,
        path: &Path,
        platform: Option<&Platform>,
        now_ns: i64,
    ) -> Result<Vec<Loaded>, StoreError> {
        let directory = File::open(path).map_err(StoreError::file("open", path))?;
        let members = Members::Unpacked(directory.as_fd());
        load_from(members, Stage::new(self.store)?, platform, now_ns)
    }
}

fn load_from(
    members: Members<'_>,
    mut stage: Stage<'_>,
    platform: Option<&Platform>,
    now_ns: i64,
) -> Result<Vec<Loaded>, StoreError> {
    let mut archive = Archive { members, platform };
    let mut found = archive.images()?;
    if found.is_empty() {
        return Err(StoreError::Archive("the archive holds no image".to_owned()));
    }
    let mut configs = found.iter().map(configuration).collect::<Result<Vec<ImageConfig>, _>>()?;
    if let Some(wanted) = platform {
        (found, configs) = only_for(wanted, found, configs)?;
    }
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

/// Images for a machine, as their configurations say it: an archive of `docker save` and many an entry of a layout do not.
fn only_for(
    wanted: &Platform,
    found: Vec<Found>,
    configs: Vec<ImageConfig>,
) -> Result<(Vec<Found>, Vec<ImageConfig>), StoreError> {
    let offered: Vec<Platform> = configs.iter().map(Platform::of).collect();
    let all = found.into_iter().zip(configs).zip(&offered);
    let fitting = all.filter(|(_, own)| wanted.fit(own).is_some()).map(|(image, _)| image);
    let (found, configs): (Vec<Found>, Vec<ImageConfig>) = fitting.unzip();
    if found.is_empty() {
        let offered: Vec<String> = offered.iter().map(Platform::to_string).collect();
        let words = format!("no image for {wanted}; there are {}", offered.join(", "));
        return Err(StoreError::Archive(words));
    }
    Ok((found, configs))
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
            archive.members.refuse_arrived(path, blob.as_ref(), diff_id)?;
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
