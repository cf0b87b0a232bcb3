//! Files of procfs and sysfs that show a container what the caller says of it: they are of one small file system that the caller
//! made, serves himself and gives beside the plan. Start at [`Plan::show`].
//!
//! ```text
//! caller                                   child
//! mounts a file system, attached nowhere
//! answers its requests       <-------->    takes each file of it, and attaches it over the container's own
//! ```
//!
//! What the child looks up, somebody else has to answer: its parent, who waits for it, has a process for that meanwhile.
//! Sources: open_tree(2), move_mount(2), lxcfs(1).

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstatfs, openat};
use rustix::io::Errno as Raw;
use rustix::mount::{UnmountFlags, unmount};
use spec::runtime::NamespaceKind;
use sys::{Errno, open_without_links};

use crate::descriptor_path::DescriptorPath;
use crate::error::{PlanError, StartError};
use crate::plan::{Plan, Step};
use crate::planner::inside;
use crate::prepared::{Target, path};
use crate::rootfs::{PROC_SUPER_MAGIC, Root, attach_to, clone_at};

/// statfs(2).
const SYSFS_MAGIC: i64 = 0x6265_6572;

impl Plan {
    /// Has files of `/proc` and `/sys` covered by those of the same name in the file system that [`crate::Surroundings::with_shown`]
    /// gives. What the kernel does not have is not shown, and nothing is without such a file system. It comes behind the hooks of the
    /// creation: they run while the caller waits for them. What the configuration masks stays masked.
    ///
    /// # Errors
    /// For a target that is neither below `/proc` nor below `/sys`, and without a mount namespace of the container's own: others would
    /// see its limits.
    pub fn show(
        &mut self,
        targets: impl IntoIterator<Item = impl AsRef<Path>>,
    ) -> Result<(), PlanError> {
        let mut known = Vec::new();
        for target in targets {
            let target = inside(target.as_ref(), "shown files")?;
            let is_of_kernel = target.starts_with("/proc") || target.starts_with("/sys");
            if !is_of_kernel || target.components().count() < 3 {
                let why = format!("{} is no file of the kernel", target.display());
                return Err(PlanError::field("shown files", why));
            }
            let covers = |step: &Step| matches!(step, Step::Mask { path } | Step::ReadOnly { path } if *path == target);
            if !self.steps.iter().any(covers) {
                known.push(target);
            }
        }
        self.insert_before_root("shown files", Step::Show { targets: known })
    }

    /// Adds a step that covers files of the kernel, as the last one before the root is the container's own.
    pub(crate) fn insert_before_root(
        &mut self,
        what: &'static str,
        step: Step,
    ) -> Result<(), PlanError> {
        if !self.namespaces.create.contains(&NamespaceKind::Mount) {
            let why = "need a mount namespace of the container's own";
            return Err(PlanError::field(what, why));
        }
        let ends =
            |step: &Step| matches!(step, Step::PivotRoot | Step::MoveRoot | Step::ChangeRoot);
        let at = self.steps.iter().position(ends).unwrap_or(self.steps.len());
        self.steps.insert(at, step);
        Ok(())
    }

    /// What [`Plan::show`] was told.
    #[must_use]
    pub fn shown(&self) -> &[PathBuf] {
        let shown = |step: &'_ Step| matches!(step, Step::Show { .. });
        match self.steps.iter().find(|step| shown(step)) {
            Some(Step::Show { targets }) => targets,
            _ => &[],
        }
    }
}

/// A [`Step::Show`], ready.
pub(crate) struct PreparedShow(Vec<ShownFile>);

struct ShownFile {
    name: CString,
    target: Target,
}

impl PreparedShow {
    pub(crate) fn new(targets: &[PathBuf]) -> Result<Self, StartError> {
        let file = |target: &PathBuf| {
            let name = path(Path::new(target.file_name().unwrap_or_default()))?;
            Ok(ShownFile { name, target: Target::new(target)? })
        };
        Ok(Self(targets.iter().map(file).collect::<Result<_, StartError>>()?))
    }
}

impl Root {
    /// In the child: attaches each file where the container has one of the kernel's; nothing here allocates.
    pub(crate) fn show(
        &self,
        files: &PreparedShow,
        system: Option<BorrowedFd<'_>>,
    ) -> Result<(), Errno> {
        let Some(system) = system else { return Ok(()) };
        // Before Linux 6.15 nothing is cloned of what is mounted nowhere: for that moment the file system covers the container's
        // root, where nobody is yet and where our own descriptors lead below it.
        attach_to(system, self.directory())?;
        let shown = files.0.iter().try_for_each(|file| self.show_file(file, system));
        unmount(DescriptorPath::of(system).as_c_str(), UnmountFlags::DETACH)?;
        shown
    }

    /// In the child: attaches a mount of a file where the container has the one of the kernel.
    pub(crate) fn show_one(&self, file: &PreparedShow, mount: BorrowedFd<'_>) -> Result<(), Errno> {
        for file in &file.0 {
            if let Some(at) = self.open_kernels(&file.target)? {
                attach_to(mount, at.as_fd())?;
            }
        }
        Ok(())
    }

    fn show_file(&self, file: &ShownFile, system: BorrowedFd<'_>) -> Result<(), Errno> {
        let Some(at) = self.open_kernels(&file.target)? else { return Ok(()) };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(system, file.name.as_c_str(), flags, Mode::empty()) {
            // Who serves it does not know of this file.
            Err(Raw::NOENT) => Ok(()),
            opened => attach_to(clone_at(opened?.as_fd())?.as_fd(), at.as_fd()),
        }
    }

    /// The kernel's own file; nothing where there is none, or something else is mounted in its place.
    fn open_kernels(&self, target: &Target) -> Result<Option<OwnedFd>, Errno> {
        let path = target.path.as_c_str();
        let at = match open_without_links(self.directory(), path, OFlags::PATH, Mode::empty()) {
            Ok(at) => at,
            Err(errno) if matches!(errno.raw(), libc::ENOENT | libc::ENOTDIR | libc::ELOOP) => {
                return Ok(None);
            }
            Err(errno) => return Err(errno),
        };
        let kind = fstatfs(&at)?.f_type;
        Ok((kind == PROC_SUPER_MAGIC || kind == SYSFS_MAGIC).then_some(at))
    }
}
