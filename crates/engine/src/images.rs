//! Images for people: the store's, plus the one that is inside the program.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use store::{Image, Import, Loaded, Removed};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::templates::HELLO;

/// Handle on the images.
#[derive(Clone, Copy, Debug)]
pub struct ImagesHandle<'a> {
    engine: &'a Engine,
}

impl<'a> ImagesHandle<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
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
        Ok(self.engine.store.images().tag(&image.id, &reference, monitor::now_ns())?)
    }

    /// Removes a name, or an image.
    ///
    /// # Errors
    /// When a container uses it.
    pub fn remove(&self, text: &str, force: bool) -> Result<Removed, EngineError> {
        Ok(self.engine.store.images().remove(text, force)?)
    }

    /// Loads every image of an archive, from a file, which is read by places, or from a pipe.
    ///
    /// # Errors
    /// When the archive is none, not whole, or not honest.
    pub fn load(&self, archive: File) -> Result<Vec<Loaded>, EngineError> {
        Ok(self.engine.store.images().load_file(archive, monitor::now_ns())?)
    }

    /// Loads every image of an OCI layout in a directory.
    ///
    /// # Errors
    /// As [`ImagesHandle::load`].
    pub fn load_directory(&self, path: &Path) -> Result<Vec<Loaded>, EngineError> {
        Ok(self.engine.store.images().load_directory(path, monitor::now_ns())?)
    }

    /// Imports the archive of a root file system.
    ///
    /// # Errors
    /// As [`ImagesHandle::load`].
    pub fn import(&self, archive: impl Read + Send, import: &Import) -> Result<Image, EngineError> {
        Ok(self.engine.store.images().import(archive, import, monitor::now_ns())?)
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
}
