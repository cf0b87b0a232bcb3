//! The engine itself: an open store, and what this machine is.

use std::cell::OnceCell;
use std::path::PathBuf;

use libcontainer::cgroup::Layout;
use store::{Paths, Store};

use crate::containers::Containers;
use crate::error::EngineError;
use crate::images::ImagesHandle;
use crate::templates::Templates;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What an engine is told.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where things are.
    pub paths: Paths,
    /// The running program, which monitors and the embedded template are made of.
    pub program: PathBuf,
}

/// An open store with what may happen in it. It only hands out handles.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) program: PathBuf,
    layout: OnceCell<Layout>,
}

impl Engine {
    /// Opens the store, and makes it when it is not there.
    ///
    /// # Errors
    /// When the caller is not root, or the store cannot be opened.
    pub fn open(config: EngineConfig) -> Result<Self, EngineError> {
        demand_root()?;
        Ok(Self {
            store: Store::open(config.paths)?,
            program: config.program,
            layout: OnceCell::new(),
        })
    }

    /// The containers.
    #[must_use]
    pub const fn containers(&self) -> Containers<'_> {
        Containers::new(self)
    }

    /// The images.
    #[must_use]
    pub const fn images(&self) -> ImagesHandle<'_> {
        ImagesHandle::new(self)
    }

    /// The templates.
    #[must_use]
    pub const fn templates(&self) -> Templates<'_> {
        Templates::new(self)
    }

    /// Where things are.
    #[must_use]
    pub const fn paths(&self) -> &Paths {
        self.store.paths()
    }

    /// The control groups of this machine, looked up once.
    pub(crate) fn layout(&self) -> Result<&Layout, EngineError> {
        if let Some(layout) = self.layout.get() {
            return Ok(layout);
        }
        let layout = Layout::detect().map_err(EngineError::Layout)?;
        Ok(self.layout.get_or_init(|| layout))
    }
}

/// Namespaces, mounts and groups are root's to make.
pub(crate) fn demand_root() -> Result<(), EngineError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(EngineError::NotRoot) }
}
