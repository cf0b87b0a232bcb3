//! What takes how much: every block below the root and the state directory belongs to one item or to one sum of [`Usage`].
//!
//! Layers never change: each is measured once, when somebody asks for the first time, and the number is kept in its row.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Row, params};
use rustix::fs::{FlockOperation, flock};
use spec::{ContainerId, Digest, ImageId};

use super::Room;
use super::disk::{Disk, own_bytes};
use crate::{ImageSummary, StoreError, Volume};

/// What takes how much, in bytes of allocated blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Images, the one that came last first; they share layers.
    pub images: Vec<ImageUsage>,
    /// Layers, each once.
    pub layers: Vec<LayerUsage>,
    /// Containers by id.
    pub containers: Vec<ContainerUsage>,
    /// Volumes by name.
    pub volumes: Vec<VolumeUsage>,
    /// Partial blobs by digest.
    pub transfers: Vec<TransferUsage>,
    /// What is needed to give layers away again as they came.
    pub recipe_bytes: u64,
    /// Uploads that are not whole, by the names of their journals.
    pub uploads: Vec<UploadUsage>,
    /// Copies of layers with other owners.
    pub shifted_bytes: u64,
    /// What containers had written and share with others or with snapshots.
    pub frozen_bytes: u64,
    /// What living commands work on, and what killed ones have left.
    pub temporary_bytes: u64,
    /// The records.
    pub database_bytes: u64,
    /// What does not survive a reboot.
    pub state_bytes: u64,
    /// Directories themselves, and what is not known here.
    pub other_bytes: u64,
}

/// What an image takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUsage {
    /// The image.
    pub summary: ImageSummary,
    /// Its layers.
    pub bytes: u64,
    /// Those of them that other images have too.
    pub shared_bytes: u64,
    /// How many containers are made of it.
    pub containers: u64,
}

/// What a layer takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerUsage {
    /// Digest of its plain archive.
    pub diff_id: Digest,
    /// Its blocks.
    pub bytes: u64,
    /// Images that have it; none of one that an interrupted pull has left.
    pub images: Vec<ImageId>,
}

/// What a container takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Its id.
    pub id: ContainerId,
    /// The writable layer, with overlayfs's own directory.
    pub layer_bytes: u64,
    /// Its output.
    pub log_bytes: u64,
    /// Everything else of it.
    pub other_bytes: u64,
}

/// What a volume takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeUsage {
    /// The volume.
    pub volume: Volume,
    /// Its blocks.
    pub bytes: u64,
    /// How many containers use it.
    pub containers: u64,
}

/// What a partial blob takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferUsage {
    /// Its name, without which kind of digest it is.
    pub hex: String,
    /// Its blocks, with those of its map.
    pub bytes: u64,
    /// When it last grew.
    pub changed: SystemTime,
    /// Whether a command is filling it at this moment.
    pub is_filled: bool,
}

/// What the journal of an upload takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadUsage {
    /// Its name.
    pub key: String,
    /// Its blocks, with those of its lock.
    pub bytes: u64,
    /// When the upload last got on.
    pub changed: SystemTime,
    /// Whether a command sends it at this moment.
    pub is_sent: bool,
}

impl Usage {
    /// Everything: what `du` says of both directories.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.root_bytes() + self.state_bytes
    }

    /// Everything below the root.
    #[must_use]
    pub fn root_bytes(&self) -> u64 {
        let containers = self.containers.iter().map(ContainerUsage::bytes).sum::<u64>();
        self.layer_bytes()
            + containers
            + self.volumes.iter().map(|volume| volume.bytes).sum::<u64>()
            + self.transfers.iter().map(|transfer| transfer.bytes).sum::<u64>()
            + self.recipe_bytes
            + self.shifted_bytes
            + self.frozen_bytes
            + self.upload_bytes()
            + self.temporary_bytes
            + self.database_bytes
            + self.other_bytes
    }

    /// All journals of uploads.
    #[must_use]
    pub fn upload_bytes(&self) -> u64 {
        self.uploads.iter().map(|upload| upload.bytes).sum()
    }

    /// All layers.
    #[must_use]
    pub fn layer_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// Layers that no container needs.
    #[must_use]
    pub fn reclaimable_layer_bytes(&self) -> u64 {
        let used: BTreeSet<&ImageId> = self
            .images
            .iter()
            .filter(|image| image.containers > 0)
            .map(|image| &image.summary.id)
            .collect();
        let free = |layer: &&LayerUsage| !layer.images.iter().any(|image| used.contains(image));
        self.layers.iter().filter(free).map(|layer| layer.bytes).sum()
    }
}

impl ContainerUsage {
    /// All of it.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.layer_bytes + self.log_bytes + self.other_bytes
    }
}

/// Layers of an image, by the text of its id.
type LayersByImage = HashMap<String, BTreeSet<String>>;

impl Room<'_> {
    /// Measures everything.
    ///
    /// # Errors
    /// When the database or a directory cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let paths = &self.store.paths;
        let sizes = self.layer_sizes()?;
        let by_image = self.layers_by_image()?;
        let mut usage = Usage {
            images: self.image_usage(&sizes, &by_image)?,
            layers: layer_usage(&sizes, &by_image),
            ..Usage::default()
        };
        let mut disk = Disk::default();
        usage.other_bytes = own_bytes(&paths.root);
        for (name, path) in entries(&paths.root) {
            match name.as_str() {
                "layers" => {
                    usage.other_bytes += own_bytes(&path);
                    let known: BTreeSet<&str> = sizes.keys().map(|key| hex_of(key)).collect();
                    for (_, path) in
                        entries(&path).filter(|(name, _)| !known.contains(name.as_str()))
                    {
                        usage.other_bytes += disk.tree(&path)?.allocated_bytes;
                    }
                }
                "containers" => {
                    usage.other_bytes += own_bytes(&path);
                    self.container_usage(&path, &mut disk, &mut usage)?;
                }
                "volumes" => {
                    usage.other_bytes += own_bytes(&path);
                    self.volume_usage(&path, &mut disk, &mut usage)?;
                }
                "transfers" => {
                    usage.other_bytes += own_bytes(&path);
                    usage.transfers = transfer_usage(&path);
                }
                "uploads" => {
                    usage.other_bytes += own_bytes(&path);
                    usage.uploads = upload_usage(&path);
                }
                _ if path == paths.state => {}
                _ => *usage.sum_of(&name) += disk.tree(&path)?.allocated_bytes,
            }
        }
        usage.state_bytes = own_bytes(&paths.state);
        // What is shown on the host is below `mounts`: it is counted where it is.
        for (_, path) in entries(&paths.state).filter(|(name, _)| name != "mounts") {
            usage.state_bytes += disk.tree(&path)?.allocated_bytes;
        }
        Ok(usage)
    }

    /// Blocks of each layer by the text of its diff id; measured where nobody has asked yet.
    pub(super) fn layer_sizes(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let connection = &self.store.connection;
        type Known = (String, String, Option<u64>);
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows: Vec<Known> = connection
            .prepare("SELECT diff_id, boot, allocated_bytes FROM layers")
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .map_err(StoreError::read)?;
        let (mut sizes, mut fresh) = (BTreeMap::new(), Vec::new());
        for (diff_id, boot, known) in rows {
            let bytes = match known {
                Some(bytes) => bytes,
                None => {
                    let path = self.store.paths.layers().join(hex_of(&diff_id));
                    let bytes = Disk::default().tree(&path)?.allocated_bytes;
                    // What is not flushed yet may still be given other blocks.
                    if boot.is_empty() && bytes > 0 {
                        fresh.push((diff_id.clone(), bytes));
                    }
                    bytes
                }
            };
            sizes.insert(diff_id, bytes);
        }
        if !fresh.is_empty() {
            let transaction = self.store.write()?;
            for (diff_id, bytes) in fresh {
                let update = "UPDATE layers SET allocated_bytes = ? WHERE diff_id = ?";
                transaction.execute(update, params![bytes, diff_id]).map_err(StoreError::write)?;
            }
            transaction.commit().map_err(StoreError::write)?;
        }
        Ok(sizes)
    }

    fn layers_by_image(&self) -> Result<LayersByImage, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(String, String)> = self
            .store
            .connection
            .prepare("SELECT image, diff_id FROM image_layers")
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .map_err(StoreError::read)?;
        let mut by_image = LayersByImage::new();
        for (image, diff_id) in rows {
            by_image.entry(image).or_default().insert(diff_id);
        }
        Ok(by_image)
    }

    fn image_usage(
        &self,
        sizes: &BTreeMap<String, u64>,
        by_image: &LayersByImage,
    ) -> Result<Vec<ImageUsage>, StoreError> {
        let mut holders: HashMap<&str, usize> = HashMap::new();
        for diff_id in by_image.values().flatten() {
            *holders.entry(diff_id).or_default() += 1;
        }
        let containers = self.counts("SELECT image, count(*) FROM image_holders GROUP BY image")?;
        let of_image = |summary: ImageSummary| {
            let key = summary.id.to_string();
            let (mut bytes, mut shared_bytes) = (0, 0);
            for diff_id in by_image.get(&key).into_iter().flatten() {
                let size = sizes.get(diff_id).copied().unwrap_or(0);
                bytes += size;
                if holders.get(diff_id.as_str()).is_some_and(|count| *count > 1) {
                    shared_bytes += size;
                }
            }
            let containers = containers.get(&key).copied().unwrap_or(0);
            ImageUsage { summary, bytes, shared_bytes, containers }
        };
        Ok(self.store.images().summaries()?.into_iter().map(of_image).collect())
    }

    fn container_usage(
        &self,
        directory: &Path,
        disk: &mut Disk,
        usage: &mut Usage,
    ) -> Result<(), StoreError> {
        for (name, path) in entries(directory) {
            let Ok(id) = name.parse::<ContainerId>() else {
                usage.other_bytes += disk.tree(&path)?.allocated_bytes;
                continue;
            };
            let mut container =
                ContainerUsage { id, layer_bytes: 0, log_bytes: 0, other_bytes: own_bytes(&path) };
            for (name, path) in entries(&path) {
                let bytes = disk.tree(&path)?.allocated_bytes;
                match name.as_str() {
                    "upper" | "work" => container.layer_bytes += bytes,
                    _ if name.starts_with("container.log") => container.log_bytes += bytes,
                    _ => container.other_bytes += bytes,
                }
            }
            usage.containers.push(container);
        }
        usage.containers.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        Ok(())
    }

    fn volume_usage(
        &self,
        directory: &Path,
        disk: &mut Disk,
        usage: &mut Usage,
    ) -> Result<(), StoreError> {
        let containers =
            self.counts("SELECT volume, count(*) FROM container_volumes GROUP BY volume")?;
        let mut known: BTreeMap<String, Volume> = self
            .store
            .volumes()
            .list()?
            .into_iter()
            .map(|volume| (volume.name.clone(), volume))
            .collect();
        for (name, path) in entries(directory) {
            let bytes = disk.tree(&path)?.allocated_bytes;
            match known.remove(&name) {
                Some(volume) => {
                    let containers = containers.get(&name).copied().unwrap_or(0);
                    usage.volumes.push(VolumeUsage { volume, bytes, containers });
                }
                None => usage.other_bytes += bytes,
            }
        }
        usage.volumes.sort_by(|one, other| one.volume.name.cmp(&other.volume.name));
        Ok(())
    }

    fn counts(&self, select: &str) -> Result<HashMap<String, u64>, StoreError> {
        self.store
            .connection
            .prepare(select)
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(StoreError::read)
    }
}

impl Usage {
    /// Where an entry of the root directory counts.
    fn sum_of(&mut self, name: &str) -> &mut u64 {
        match name {
            "recipes" => &mut self.recipe_bytes,
            "shifted" => &mut self.shifted_bytes,
            "frozen" => &mut self.frozen_bytes,
            "tmp" => &mut self.temporary_bytes,
            _ if name.starts_with("corten.db") => &mut self.database_bytes,
            _ => &mut self.other_bytes,
        }
    }
}

fn layer_usage(sizes: &BTreeMap<String, u64>, by_image: &LayersByImage) -> Vec<LayerUsage> {
    let mut images: HashMap<&str, Vec<ImageId>> = HashMap::new();
    for (image, layers) in by_image {
        for diff_id in layers {
            images.entry(diff_id).or_default().extend(image.parse());
        }
    }
    let of_layer = |(diff_id, bytes): (&String, &u64)| {
        let mut images = images.remove(diff_id.as_str()).unwrap_or_default();
        images.sort();
        Some(LayerUsage { diff_id: diff_id.parse().ok()?, bytes: *bytes, images })
    };
    sizes.iter().filter_map(of_layer).collect()
}

/// Blobs with their maps.
fn transfer_usage(directory: &Path) -> Vec<TransferUsage> {
    let mut found: BTreeMap<String, TransferUsage> = BTreeMap::new();
    for (name, path) in entries(directory) {
        let hex = name.trim_end_matches(".map").to_owned();
        let transfer = found.entry(hex.clone()).or_insert_with(|| TransferUsage {
            hex,
            bytes: 0,
            changed: SystemTime::UNIX_EPOCH,
            is_filled: false,
        });
        transfer.bytes += own_bytes(&path);
        if let Ok(changed) = fs::metadata(&path).and_then(|about| about.modified()) {
            transfer.changed = transfer.changed.max(changed);
        }
        if !name.ends_with(".map") {
            transfer.is_filled = is_locked(&path);
        }
    }
    found.into_values().collect()
}

/// Journals with their locks.
fn upload_usage(directory: &Path) -> Vec<UploadUsage> {
    let mut found: BTreeMap<String, UploadUsage> = BTreeMap::new();
    for (name, path) in entries(directory) {
        let key = name.split('.').next().unwrap_or_default().to_owned();
        let upload = found.entry(key.clone()).or_insert_with(|| UploadUsage {
            key,
            bytes: 0,
            changed: SystemTime::UNIX_EPOCH,
            is_sent: false,
        });
        upload.bytes += own_bytes(&path);
        if path.extension().is_none() {
            upload.is_sent = is_locked(&path);
        } else if let Ok(changed) = fs::metadata(&path).and_then(|about| about.modified()) {
            upload.changed = upload.changed.max(changed);
        }
    }
    found.into_values().collect()
}

/// Whether a living command has it.
fn is_locked(path: &Path) -> bool {
    fs::File::open(path)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// Names and paths of what is in a directory; nothing where there is none.
pub(super) fn entries(directory: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
}

/// The digits of a digest's text.
pub(super) fn hex_of(text: &str) -> &str {
    text.split_once(':').map_or(text, |(_algorithm, hex)| hex)
}
