//! An image from the archive of a root file system.

use std::io::Read;

use spec::Reference;
use spec::image::{History, ImageConfig, Platform, RootFs, RunConfig};

use super::stage::{Source, Stage, Staged};
use super::{Image, Images, digest_of};
use crate::StoreError;
use crate::unpack::Rules;

/// What an imported image is called and how it runs.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Its name, if any.
    pub reference: Option<Reference>,
    /// Defaults of its containers.
    pub config: RunConfig,
    /// For what machine it is; this one otherwise.
    pub platform: Option<Platform>,
    /// When it was made, RFC 3339; the same archive imported with the same time is the same image.
    pub created: String,
    /// What made it, for its history.
    pub created_by: String,
    /// Words for its history.
    pub comment: String,
}

impl Images<'_> {
    /// Imports a root file system, compressed or not, as an image of one layer.
    ///
    /// # Errors
    /// When the archive is damaged or hostile, or the disk refuses; nothing is left then.
    pub fn import(
        &self,
        archive: impl Read + Send,
        import: &Import,
        now_ns: i64,
    ) -> Result<Image, StoreError> {
        let mut stage = Stage::new(self.store)?;
        let what = "the root file system".to_owned();
        let rules = Rules::root_fs();
        let source = Source { what, reader: archive, diff_id: None, blob: None, rules };
        let diff_ids = stage.unpack(vec![source])?;
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let platform = import.platform.clone().unwrap_or_else(Platform::native);
        let Platform { architecture, os, variant, .. } = platform;
        let config = ImageConfig {
            created: text(&import.created),
            architecture,
            os,
            variant,
            config: import.config.clone(),
            rootfs: RootFs { diff_ids, ..RootFs::default() },
            history: vec![History {
                created: text(&import.created),
                created_by: text(&import.created_by),
                comment: text(&import.comment),
                ..History::default()
            }],
            ..ImageConfig::default()
        };
        let bytes = serde_json::to_vec(&config).map_err(|cause| StoreError::Damaged {
            what: "image",
            id: import.created_by.clone(),
            cause,
        })?;
        let names = import.reference.as_slice();
        let staged = Staged { bytes: &bytes, config: &config, names };
        // The layer is in the stage: none can be missing.
        let _ids = stage.commit(&[staged], now_ns)?;
        self.resolve(&digest_of(&bytes).to_string())
    }
}
