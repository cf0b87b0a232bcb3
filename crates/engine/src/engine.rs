//! The engine itself: an open store, and what this machine is.

use std::cell::{OnceCell, RefCell};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libcontainer::cgroup::{Bus, Layout};
use libcontainer::seccomp::FilterCache;
use monitor::keeper::KeeperRules;
use store::{Paths, SecretKind, Store};

use crate::building::Building;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::images::ImagesHandle;
use crate::manifest_lists::ManifestListsHandle;
use crate::networks::NetworksHandle;
use crate::places::CniPaths;
use crate::room::Room;
use crate::secrets::SecretsHandle;
use crate::templates::Templates;
use crate::volumes::VolumesHandle;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What an engine is told.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where things are.
    pub paths: Paths,
    /// The running program, which monitors and the embedded template are made of.
    pub program: PathBuf,
    /// The key of secrets and configs; nothing is the store's own.
    pub secret_key: Option<PathBuf>,
    /// Where networks of plugins are.
    pub cni: CniPaths,
    /// The namespaces of the user that they are opened in; nothing for root of the machine.
    pub keeper: Option<KeeperRules>,
    /// Where the user's systemd is reached, which delegates groups to him.
    pub bus: Option<Bus>,
}

/// An open store with what may happen in it. It only hands out handles.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) program: PathBuf,
    pub(crate) secret_key: Option<PathBuf>,
    pub(crate) cni: CniPaths,
    pub(crate) keeper: Option<KeeperRules>,
    pub(crate) bus: Option<Bus>,
    /// Why the user's systemd has taken no monitor into his scope, if that was the last word.
    pub(crate) no_scope: RefCell<Option<String>>,
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
            secret_key: config.secret_key,
            cni: config.cni,
            keeper: config.keeper,
            bus: config.bus,
            no_scope: RefCell::default(),
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

    /// The networks.
    #[must_use]
    pub const fn networks(&self) -> NetworksHandle<'_> {
        NetworksHandle::new(self)
    }

    /// The volumes.
    #[must_use]
    pub const fn volumes(&self) -> VolumesHandle<'_> {
        VolumesHandle::new(self)
    }

    /// The secrets.
    #[must_use]
    pub const fn secrets(&self) -> SecretsHandle<'_> {
        SecretsHandle::new(self, SecretKind::Secret)
    }

    /// The configs.
    #[must_use]
    pub const fn configs(&self) -> SecretsHandle<'_> {
        SecretsHandle::new(self, SecretKind::Config)
    }

    /// What takes room, and what gives it back.
    #[must_use]
    pub const fn room(&self) -> Room<'_> {
        Room::new(self)
    }

    /// The lists of manifests.
    #[must_use]
    pub const fn manifest_lists(&self) -> ManifestListsHandle<'_> {
        ManifestListsHandle { engine: self }
    }

    /// What builds need.
    #[must_use]
    pub const fn building(&self) -> Building<'_> {
        Building { engine: self }
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

    /// Flushes what was pulled, and returns once it has outlived a power cut.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn settle(&self) -> Result<(), EngineError> {
        Ok(self.store.settle()?)
    }

    /// Has a process of its own flush what was pulled: the caller need not wait for the disk. It ends with that.
    pub(crate) fn settle_later(&self) -> Result<(), EngineError> {
        let Paths { root, state } = self.paths();
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(root).arg("--state").arg(state).arg("settle");
        // Not in the caller's group: its interrupt key is not for this one.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        match command.spawn() {
            Ok(_left_alone) => Ok(()),
            Err(_no_process) => self.settle(),
        }
    }

    /// Compiled system call filters of users' own profiles; gone with the next boot, which may have another kernel.
    pub(crate) fn filters(&self) -> FilterCache {
        FilterCache::new(self.paths().state.join("filters"))
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
