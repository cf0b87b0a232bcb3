//! Images for people: the store's, plus the one that is inside the program.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use spec::image::Platform;
use spec::{Digest, ImageId};
use store::{Image, ImageSummary, Import, Loaded, Removed, StoreError};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::templates::HELLO;

/// Handle on the images.
#[derive(Clone, Copy, Debug)]
pub struct ImagesHandle<'a> {
    pub(crate) engine: &'a Engine,
}

impl<'a> ImagesHandle<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    pub(crate) const fn store(&self) -> store::Images<'a> {
        self.engine.store.images()
    }

    /// The image of that name or id. `hello` is made out of this program when it is asked for.
    ///
    /// # Errors
    /// When there is none; the closest names come with it.
    pub fn resolve(&self, text: &str) -> Result<Image, EngineError> {
        if matches!(text, HELLO | "hello:latest") {
            return self.engine.templates().hello();
        }
        Ok(self.engine.store.images().resolve(text)?)
    }

    /// Refuses an image that is for none of these platforms, where there are any. The store keeps one platform of an image, so a
    /// name leads to one image at most.
    ///
    /// # Errors
    /// When there is no such image, or it is for another platform.
    pub fn check_platform(&self, text: &str, platforms: &[Platform]) -> Result<(), EngineError> {
        match platforms {
            [] => Ok(()),
            platforms => refuse_other(text, &self.resolve(text)?, platforms),
        }
    }

    /// Every image, the one that came last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<Image>, EngineError> {
        Ok(self.engine.store.images().list()?)
    }

    /// Gives an image a further name.
    ///
    /// # Errors
    /// When there is no such image, or the name is none.
    pub fn tag(&self, image: &str, name: &str) -> Result<(), EngineError> {
        let image = self.resolve(image)?;
        let reference: spec::Reference = name.parse().map_err(store::StoreError::from)?;
        if reference.digest().is_some() {
            return Err(EngineError::value("name", name, "a name with a digest cannot be given"));
        }
        self.engine.store.images().tag(&image.id, &reference, monitor::now_ns())?;
        let name = reference.pinned().familiar();
        self.engine.tell_image("tag", &image.id.to_string(), &name, Some(&image));
        Ok(())
    }

    /// Every image in short, the one that came last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn summaries(&self) -> Result<Vec<ImageSummary>, EngineError> {
        Ok(self.engine.store.images().summaries()?)
    }

    pub(crate) fn digests(&self) -> Result<Vec<(ImageId, String, Digest)>, EngineError> {
        Ok(self.engine.store.images().digests()?)
    }

    /// Removes a name, or an image.
    ///
    /// # Errors
    /// When containers use it: they are named, with their states.
    pub fn remove(&self, text: &str, force: bool) -> Result<Removed, EngineError> {
        let before = self.store().resolve(text).ok();
        match self.engine.store.images().remove(text, force) {
            Err(StoreError::InUse { what, name, holders }) => {
                let holders = holders.into_iter().map(|holder| self.with_state(holder)).collect();
                Err(StoreError::InUse { what, name, holders }.into())
            }
            removed => {
                let removed = removed?;
                self.tell_removed(&removed.untagged, &removed.deleted, before.as_ref());
                Ok(removed)
            }
        }
    }

    /// Tells names that were taken away, and an image that went with the last of them.
    fn tell_removed(&self, untagged: &[String], deleted: &[Digest], image: Option<&Image>) {
        let id = image.map(|image| image.id.to_string()).unwrap_or_default();
        for _name in untagged {
            self.engine.tell_image("untag", &id, &id, image);
        }
        if !deleted.is_empty() {
            self.engine.tell_image("delete", &id, &id, image);
        }
    }

    fn tell_loaded(&self, loaded: &[Loaded]) {
        for one in loaded {
            let id = one.id.to_string();
            let image = self.store().resolve(&id).ok();
            self.engine.tell_image("load", &id, &id, image.as_ref());
        }
    }

    fn with_state(&self, container: String) -> String {
        match self.engine.containers().get(&container) {
            Ok(found) => format!("{container} ({})", found.state.word()),
            // It has gone meanwhile.
            Err(_gone) => container,
        }
    }

    /// Loads every image of an archive, from a file, which is read by places, or from a pipe; where a platform is named, of those
    /// for it.
    ///
    /// # Errors
    /// When the archive is none, not whole, or not honest.
    pub fn load(
        &self,
        archive: File,
        platform: Option<&Platform>,
    ) -> Result<Vec<Loaded>, EngineError> {
        let loaded = self.store().load_file_for(archive, platform, monitor::now_ns())?;
        self.tell_loaded(&loaded);
        Ok(loaded)
    }

    /// Loads every image of an archive that comes from somewhere; `told` hears of each layer that has come, with the length of its plain archive.
    ///
    /// # Errors
    /// As [`ImagesHandle::load`].
    pub fn load_stream(
        &self,
        archive: impl Read + Send,
        platform: Option<&Platform>,
        told: &mut dyn FnMut(&Digest, u64),
    ) -> Result<Vec<Loaded>, EngineError> {
        let loaded = self.store().load_told(archive, platform, monitor::now_ns(), told)?;
        self.tell_loaded(&loaded);
        Ok(loaded)
    }

    /// Loads every image of an OCI layout in a directory.
    ///
    /// # Errors
    /// As [`ImagesHandle::load`].
    pub fn load_directory(
        &self,
        path: &Path,
        platform: Option<&Platform>,
    ) -> Result<Vec<Loaded>, EngineError> {
        let loaded = self.store().load_directory_for(path, platform, monitor::now_ns())?;
        self.tell_loaded(&loaded);
        Ok(loaded)
    }

    /// Imports the archive of a root file system.
    ///
    /// # Errors
    /// As [`ImagesHandle::load`].
    pub fn import(&self, archive: impl Read + Send, import: &Import) -> Result<Image, EngineError> {
        let image = self.engine.store.images().import(archive, import, monitor::now_ns())?;
        let id = image.id.to_string();
        self.engine.tell_image("import", &id, &id, Some(&image));
        Ok(image)
    }

    /// Directories of the image's layers, the top one first.
    #[must_use]
    pub fn layer_directories(&self, image: &Image) -> Vec<std::path::PathBuf> {
        self.engine.store.images().layer_paths(image)
    }

    /// Size in bytes of each layer, the lowest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn layer_sizes(&self, image: &Image) -> Result<Vec<u64>, EngineError> {
        Ok(self.engine.store.images().layer_sizes(image)?)
    }

    /// Copies an image of which one end or both are in the store.
    ///
    /// # Errors
    /// When an end is not there, or a registry, an archive or the disk refuses.
    pub fn copy(&self, copy: &registry::Copy<'_>) -> Result<registry::Copied, EngineError> {
        if let registry::Place::Store(name) = copy.from {
            // Made out of this program when it is asked for.
            self.resolve(name)?;
        }
        let store = Some(&self.engine.store);
        let copied = registry::copy(registry::Copy { store, now_ns: monitor::now_ns(), ..*copy })?;
        if copied.image.is_some() {
            self.engine.settle_later()?;
        }
        Ok(copied)
    }
}

/// Refuses an image that is for none of these platforms, where there are any.
pub(crate) fn refuse_other(
    text: &str,
    image: &Image,
    platforms: &[Platform],
) -> Result<(), EngineError> {
    let own = Platform::of(&image.config);
    if platforms.is_empty() || platforms.iter().any(|wanted| wanted.fit(&own).is_some()) {
        return Ok(());
    }
    let wanted: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    let why = format!("image {text} is for {own}");
    Err(EngineError::value("platform", wanted.join(", "), why))
}
