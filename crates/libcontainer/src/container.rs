//! Containers that outlive the command that made them: each has a directory below a [`Runtime`]'s, and any process that may read
//! it can go on with the container.
//!
//! ```text
//! Runtime::create ──> Created ── start ──> Running ── (its program ends) ──> Stopped ── delete ──> nothing
//!                        │                  │   ▲                               ▲
//!                        │               pause resume                           │
//!                        │                  ▼   │                               │
//!                        │                 Paused                               │
//!                        └── signal, delete with force ─────────────────────────┘
//! ```
//!
//! Of a directory only what [`record`] says counts. Whoever changes a container holds its lock; one that was killed in the midst
//! leaves an unlocked directory without a process, which the next command of that id, or [`Runtime::list`], sweeps.

mod checkpoint;
mod directory;
mod error;
mod gate;
mod life;
mod name;
mod record;
mod start;
mod transitions;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use spec::runtime::{Spec, Status};

pub use error::ContainerError;
pub use life::{Container, Executed, Execution};
pub use name::{BadName, ContainerName};
use record::Record;

use crate::create::{Pace, Stdio, create_while};
use crate::id_map::is_unprivileged;
use crate::plan::Plan;
use crate::seccomp::FilterCache;
use crate::surroundings::Surroundings;
use directory::{Directory, lock_root};

/// The containers of one state directory, usually in a file system that does not survive a reboot: `/run/…`.
#[derive(Clone, Debug)]
pub struct Runtime {
    root: PathBuf,
}

fn filters_below(root: &Path) -> FilterCache {
    FilterCache::new(root.join("~filters"))
}

/// What the maker of a container does with it next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    Leave,
    Start,
    StartAtOnce,
}

/// What a container is made from.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its id.
    pub name: &'a ContainerName,
    /// The configuration that the plan was made from; processes that join take their filter from it.
    pub spec: &'a Spec,
    /// Absolute path of the bundle.
    pub bundle: &'a Path,
    /// What is to be made.
    pub plan: &'a Plan,
    /// What its first process reads from and writes to.
    pub stdio: Stdio<'a>,
}

/// A container that waits for its start, and its terminal's master where it has one.
#[derive(Debug)]
pub struct Waiting {
    /// The container.
    pub container: Container,
    /// With [`Stdio::Terminal`] the master.
    pub console: Option<OwnedFd>,
}

/// For fuzz/: what is read is written, if it is a record.
#[cfg(fuzzing)]
pub(crate) fn rewrite_record(text: &[u8]) -> Option<Vec<u8>> {
    Record::read(text).ok().and_then(|record| serde_json::to_vec(&record).ok())
}

impl Runtime {
    /// The containers below `root`, which is made when it is missing, readable by its owner only.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Filters that were compiled for earlier containers: a name that is no container's.
    #[must_use]
    pub fn filters(&self) -> FilterCache {
        filters_below(&self.root)
    }

    /// Makes a container up to its gate; returns once it waits there. The caller has one thread.
    ///
    /// # Errors
    /// [`ContainerError::Exists`] for an id that is taken, [`ContainerError::Start`] for a step that the kernel refused; nothing
    /// is left then.
    pub fn create(&self, request: &Request<'_>) -> Result<Waiting, ContainerError> {
        self.make(request, Intent::Leave)
    }

    /// The same for a container that this process starts itself: it ends with this process unless it was started.
    ///
    /// # Errors
    /// As [`Runtime::create`].
    pub fn create_attached(&self, request: &Request<'_>) -> Result<Waiting, ContainerError> {
        self.make(request, Intent::Start)
    }

    /// The same for one that [`Container::start_here`] follows for at once: where nobody has to talk with it on the way, it does not
    /// halt at its gate, and its program may run, and end, before this returns.
    ///
    /// # Errors
    /// As [`Runtime::create`].
    pub fn create_at_once(&self, request: &Request<'_>) -> Result<Waiting, ContainerError> {
        self.make(request, Intent::StartAtOnce)
    }

    fn make(&self, request: &Request<'_>, intent: Intent) -> Result<Waiting, ContainerError> {
        let directory = self.make_directory(request.name)?;
        let mut record = Record::new(request);
        let outcome = directory
            .write_record(&record)
            .and_then(|()| self.begin(request, &directory, &mut record, intent));
        match outcome {
            Ok((created, console)) => {
                Ok(Waiting { container: Container::made(directory, record, created), console })
            }
            Err(error) => {
                directory.remove();
                Err(error)
            }
        }
    }

    fn begin(
        &self,
        request: &Request<'_>,
        directory: &Directory,
        record: &mut Record,
        intent: Intent,
    ) -> Result<(Option<crate::Created>, Option<OwnedFd>), ContainerError> {
        let leaves = intent == Intent::Leave;
        let gate = leaves.then(|| gate::listen(directory)).transpose()?;
        let surroundings = Surroundings::new(request.stdio).with_gate(gate.as_ref());
        let start = |error| ContainerError::start(request.name, "create", error);
        let mut written = Ok(());
        let created = create_while(request.plan, surroundings, |created| {
            written = record
                .is_made(request, created)
                .and_then(|()| directory.write_spec(request.spec))
                .and_then(|()| directory.stage_record(record));
            let at_once =
                intent == Intent::StartAtOnce && written.is_ok() && !record.without_process;
            if at_once { Pace::GoOn } else { Pace::Halt }
        });
        let mut created = created.map_err(start)?;
        written?;
        let console = created.take_console();
        directory.publish_record()?;
        if !leaves {
            return Ok((Some(created), console));
        }
        created.leave().map_err(start)?;
        Ok((None, console))
    }

    fn make_directory(&self, name: &ContainerName) -> Result<Directory, ContainerError> {
        self.make_root()?;
        let _lock = lock_root(&self.root)?;
        match Directory::make(&self.root, name) {
            Err(ContainerError::Exists { .. }) if self.sweep(name)? => {
                Directory::make(&self.root, name)
            }
            made => made,
        }
    }

    fn make_root(&self) -> Result<(), ContainerError> {
        use std::os::unix::fs::DirBuilderExt;
        let mut mode = Mode::RWXU;
        // Else what nobody looks at for six hours may be removed from a user's runtime directory: XDG Base Directory Specification.
        mode.set(Mode::SVTX, is_unprivileged());
        let mode = mode.as_raw_mode();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&self.root)
            .map_err(|cause| ContainerError::file("make", &self.root)(cause))
    }

    /// The container of that id.
    ///
    /// # Errors
    /// [`ContainerError::NotFound`]; [`ContainerError::Record`] for a record that cannot be read, or that a newer release wrote.
    pub fn load(&self, name: &ContainerName) -> Result<Container, ContainerError> {
        let directory = Directory::open(&self.root, name)?;
        let record = directory.read_record()?;
        Ok(Container::loaded(directory, record))
    }

    /// Every container, by id. What a killed `create` left is swept.
    ///
    /// # Errors
    /// When the directory cannot be read. A container whose own record cannot be read is an error in its place.
    pub fn list(&self) -> Result<Vec<Result<Container, ContainerError>>, ContainerError> {
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ContainerError::file("read", &self.root)(error)),
        };
        let mut names: Vec<ContainerName> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        names.sort_unstable();
        let mut containers = Vec::with_capacity(names.len());
        for name in names {
            match self.load(&name) {
                Ok(container) if container.status() != Status::Creating => {
                    containers.push(Ok(container));
                }
                // Without a record, or with half of one: its maker is at it, or was killed.
                Ok(_) | Err(ContainerError::NotFound { .. }) => {
                    let _lock = lock_root(&self.root)?;
                    if !self.sweep(&name)? {
                        containers.extend(self.load(&name).ok().map(Ok));
                    }
                }
                Err(unreadable) => containers.push(Err(unreadable)),
            }
        }
        Ok(containers)
    }

    /// Removes what a killed `create` left of that id, with the root locked; whether the id is free then.
    fn sweep(&self, name: &ContainerName) -> Result<bool, ContainerError> {
        let directory = match Directory::open(&self.root, name) {
            Ok(directory) => directory,
            Err(ContainerError::NotFound { .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        // Its maker lives.
        let Some(_lock) = directory.try_lock()? else { return Ok(false) };
        let record = match directory.read_record() {
            Ok(record) if record.is_complete() => return Ok(false),
            // Killed before it wrote anything: there is nothing else either.
            Err(ContainerError::NotFound { .. }) => None,
            Ok(record) => Some(record),
            Err(_unreadable) => return Ok(false),
        };
        if let Some(cgroup) = record.and_then(|record| record.cgroup().ok().flatten()) {
            let _gone = cgroup.kill();
            let _kept = cgroup.remove(Duration::from_secs(2));
        }
        directory.remove();
        Ok(true)
    }
}
