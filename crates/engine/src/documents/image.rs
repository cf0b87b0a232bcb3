//! Docker's document of an image.

use serde_json::json;
use spec::Reference;

use super::run_config::image_config;
use super::{Document, NEVER, path};
use crate::error::EngineError;
use crate::images::ImagesHandle;

impl ImagesHandle<'_> {
    /// Docker's document of an image.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect(&self, text: &str) -> Result<Document, EngineError> {
        let image = self.resolve(text)?;
        let layers: Vec<String> = self.layer_directories(&image).iter().map(path).collect();
        let (top, lower) = layers.split_first().map_or(("", &[][..]), |(top, lower)| (top, lower));
        // An image is mounted by its containers only.
        let data = Document::new()
            .with_filled("LowerDir", lower.join(":"))
            .with("MergedDir", "")
            .with("UpperDir", top)
            .with("WorkDir", "");
        let names: Vec<String> = image.names.iter().map(Reference::familiar).collect();
        let config = &image.config;
        let comment = config.history.last().and_then(|step| step.comment.clone());
        let diff_ids = json!(config.rootfs.diff_ids);
        Ok(Document::new()
            .with("Id", image.id.to_string())
            .with("RepoTags", names)
            .with("RepoDigests", self.digests_of(&image)?)
            .with("Parent", "")
            .with("Comment", comment.unwrap_or_default())
            .with("Created", config.created.clone().unwrap_or_else(|| NEVER.to_owned()))
            .with("DockerVersion", "")
            .with("Author", config.author.clone().unwrap_or_default())
            .with("Config", image_config(&config.config))
            .with("Architecture", config.architecture.clone())
            .with_filled("Variant", config.variant.clone().unwrap_or_default())
            .with("Os", config.os.clone())
            .with("Size", image.size_bytes)
            .with("GraphDriver", Document::new().with("Data", data).with("Name", "overlayfs"))
            .with("RootFS", Document::new().with("Type", "layers").with("Layers", diff_ids))
            .with(
                "Metadata",
                Document::new().with("LastTagTime", monitor::format_time(image.loaded_ns)),
            ))
    }
}
