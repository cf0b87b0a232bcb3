//! The root of a container: where it comes from, and the steps that make it.

use std::path::PathBuf;

use spec::runtime::NamespaceKind;

use super::{Steps, namespaces};
use crate::error::PlanError;
use crate::options::{self, Attributes, MountOptions};
use crate::plan::Step;

/// Where the root file system comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSource {
    /// `root.path` of the configuration.
    Spec,
    /// Layers of an image, joined by overlayfs inside the container's own mount namespace.
    Overlay {
        /// The top layer first.
        lower: Vec<PathBuf>,
        /// Takes the changes.
        upper: PathBuf,
        /// Overlayfs's own, beside the upper directory.
        work: PathBuf,
        /// A directory to mount it on.
        at: PathBuf,
        /// Whether the changes may be lost by a crash of the machine. Without it, the end of each container writes everything
        /// back that the file system of the upper directory has in memory. Kernel filesystems/overlayfs.rst, "Volatile mount".
        volatile: bool,
        /// Where the same may be mounted on the host, by [`crate::HostMounts`].
        shared: Option<PathBuf>,
        /// Whether the ids of all of it are the machine's for a container with users of its own, and none are to be mapped.
        shifted: bool,
    },
    /// A directory of the host with what is mounted in it: files are changed where they are.
    Directory {
        /// It, perhaps the host's root.
        path: PathBuf,
        /// As of an overlay.
        shifted: bool,
    },
}

impl Steps<'_> {
    pub(super) fn root(&mut self) -> Result<(), PlanError> {
        if self.has_own(NamespaceKind::Mount) {
            let flags = if self.mounts_arrive() { libc::MS_SLAVE } else { libc::MS_PRIVATE };
            self.steps.push(Step::DetachPropagation { flags: flags | libc::MS_REC });
        } else {
            self.refuse_for_the_host()?;
        }
        match &self.context.root {
            RootSource::Overlay { lower, upper, work, at, volatile, shared, shifted } => {
                if lower.is_empty() {
                    return Err(PlanError::field("root", "an overlay without layers"));
                }
                let (lower, upper, work, at) =
                    (lower.clone(), upper.clone(), work.clone(), at.clone());
                let (volatile, shared, shifted) = (*volatile, shared.clone(), *shifted);
                let root_ids = self.root_ids()?;
                self.steps.push(Step::OverlayRoot {
                    lower,
                    upper,
                    work,
                    at,
                    volatile,
                    shared,
                    root_ids,
                    shifted,
                });
            }
            RootSource::Directory { path, shifted } => {
                let root_ids = self.root_ids()?;
                let (path, shifted) = (path.clone(), *shifted);
                self.steps.push(Step::DirectoryRoot { path, root_ids, shifted });
            }
            RootSource::Spec => {
                let root = self.spec.root.as_ref();
                let root = root.ok_or_else(|| PlanError::field("root", "is missing"))?;
                if root.path.as_os_str().is_empty() {
                    return Err(PlanError::field("root.path", "is empty"));
                }
                self.steps.push(Step::BindRoot { path: self.context.bundle.join(&root.path) });
            }
        }
        self.root_attributes()
    }

    /// Its root's on the machine, where the container has users of its own.
    fn root_ids(&self) -> Result<Option<(u32, u32)>, PlanError> {
        let users = self.has_own(NamespaceKind::User);
        users.then(|| namespaces::root_ids(self.linux)).transpose()
    }

    fn root_attributes(&mut self) -> Result<(), PlanError> {
        let words = &self.context.root_options;
        let asked = options::parse(words);
        let (flags, cleared) = (asked.flags, asked.cleared);
        let known = MountOptions { flags, cleared, ..MountOptions::default() };
        if known != asked || !asked.is_of_mounts() {
            let why = format!("{:?} is not what every mount can have", words.join(","));
            return Err(PlanError::field("root options", why));
        }
        let (Attributes { set, clear }, _) = asked.of_bind();
        if set | clear != 0 {
            self.steps.push(Step::RootAttributes { set, clear });
        }
        Ok(())
    }

    /// The root on the host, where the configuration names it.
    pub(super) fn root_path(&self) -> Option<PathBuf> {
        match &self.context.root {
            RootSource::Spec => {
                self.spec.root.as_ref().map(|root| self.context.bundle.join(&root.path))
            }
            RootSource::Overlay { .. } | RootSource::Directory { .. } => None,
        }
    }
}
