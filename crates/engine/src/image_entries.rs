//! What a list of images tells of each, once for each image, and the steps that one was made in.

use std::collections::{BTreeMap, HashMap};

use spec::{ImageId, Reference};
use store::{Image, ImageSummary};

use crate::error::EngineError;
use crate::image_filter::ImageFilter;
use crate::images::ImagesHandle;

/// An image with everything that it is called.
#[derive(Clone, Debug)]
pub struct ImageEntry {
    /// The image.
    pub summary: ImageSummary,
    /// Its names that the filter wants.
    pub names: Vec<String>,
    /// What it is called by digest, in repositories that the filter wants.
    pub digests: Vec<String>,
    /// Its labels, where its configuration has any.
    pub labels: Option<BTreeMap<String, String>>,
    /// How many containers are made of it.
    pub containers: usize,
    /// Bytes of its layers that other images have too, where that was asked for.
    pub shared_bytes: Option<u64>,
}

/// A step of an image's making.
#[derive(Clone, Debug)]
pub struct HistoryStep {
    /// When, RFC 3339; empty where it is not known.
    pub created: String,
    /// By which command.
    pub created_by: String,
    /// Words of who did it.
    pub comment: String,
    /// Bytes of the layer that it made; none is 0.
    pub bytes: u64,
}

impl ImagesHandle<'_> {
    /// Images that meet a filter, the one that was made last first. What they share is looked up on the disk where `shared` says so.
    ///
    /// # Errors
    /// When the store cannot be read, or a filter names an image that is not there.
    pub fn entries(
        &self,
        filter: &ImageFilter,
        shared: bool,
    ) -> Result<Vec<ImageEntry>, EngineError> {
        let digests = self.digest_names()?;
        let configs = self.list()?.into_iter();
        let mut labels: HashMap<ImageId, _> =
            configs.map(|image| (image.id, image.config.config.labels)).collect();
        let mut containers: HashMap<String, usize> = HashMap::new();
        for image in self.engine.store.containers().list()?.into_iter().filter_map(|it| it.image) {
            *containers.entry(image.to_string()).or_default() += 1;
        }
        let shares: Option<HashMap<ImageId, u64>> = if shared {
            let usage = self.engine.room().usage()?;
            let of = |image: store::ImageUsage| (image.summary.id, image.shared_bytes);
            Some(usage.images.into_iter().map(of).collect())
        } else {
            None
        };
        let mut entries: Vec<ImageEntry> = Vec::new();
        for row in self.list_by(filter)? {
            let id = row.summary.id.clone();
            let name = row.name.as_ref().map(Reference::familiar);
            if let Some(known) = entries.iter_mut().find(|entry| entry.summary.id == id) {
                known.names.extend(name);
                continue;
            }
            let own = digests.get(&id).map_or(&[][..], Vec::as_slice);
            entries.push(ImageEntry {
                names: name.into_iter().collect(),
                digests: first_of_each(own.iter().filter(|digest| filter.wants(digest))),
                labels: labels.remove(&id).flatten(),
                containers: containers.get(&id.to_string()).copied().unwrap_or(0),
                shared_bytes: shares.as_ref().map(|all| all.get(&id).copied().unwrap_or(0)),
                summary: row.summary,
            });
        }
        Ok(entries)
    }

    /// What an image is called by digest: each repository's own, that of an index where it came with one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn digests_of(&self, image: &Image) -> Result<Vec<String>, EngineError> {
        Ok(self.digest_names()?.get(&image.id).map(first_of_each).unwrap_or_default())
    }

    /// The steps that an image was made in, the first one first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        let mut sizes = self.layer_sizes(image)?.into_iter();
        let steps = image.config.history.iter().map(|step| HistoryStep {
            created: step.created.clone().unwrap_or_default(),
            created_by: step.created_by.clone().unwrap_or_default(),
            comment: step.comment.clone().unwrap_or_default(),
            bytes: if step.empty_layer { 0 } else { sizes.next().unwrap_or(0) },
        });
        Ok(steps.collect())
    }
}

/// The first digest of each repository.
fn first_of_each<'a>(digests: impl IntoIterator<Item = &'a Reference>) -> Vec<String> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for digest in digests {
        let name = digest.familiar_name();
        if !seen.contains(&name) {
            found.push(digest.familiar());
            seen.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repository_has_one_digest() {
        let digest = |name: &str, hex: &str| -> Reference {
            format!("{name}@sha256:{}", hex.repeat(32)).parse().unwrap()
        };
        let all = [digest("busybox", "aa"), digest("busybox", "bb"), digest("r.io/b", "cc")];
        let (first, other) = (all[0].familiar(), all[2].familiar());
        assert_eq!(first_of_each(&all), [first, other]);
    }
}
