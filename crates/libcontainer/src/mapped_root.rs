//! The root of a container with a user namespace: an overlay of layers whose ids are mapped, so that what is 0 on the disk is the
//! container's root, and layers are every container's whatever ids it has on the machine.
//!
//! Somebody with the machine's rights mounts it: the container's root could neither map ids nor see the marks of deleted and of
//! replaced directories, overlayfs.rst, "User xattr". It is made in the parent and lent to the child, see [`crate::ahead`]. What
//! overlayfs itself makes on the disk, it makes as who mounts it: hence [`FileIds`].
//!
//! Since Linux 6.15 layers may be in mounts that are attached nowhere. Before, a helper attaches them where they come from, in a
//! mount namespace of its own, and ends. Start at [`MappedRoot::make`]. Sources: mount_setattr(2), "ID-mapped mounts"; overlayfs.rst.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, open};
use rustix::mount::{
    MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, mount_change, move_mount,
};
use rustix::process::{getegid, geteuid};
use spec::runtime::IdMapping;
use sys::{CloneArgs, Errno, MountAttributes, Namespaces, mount_setattr};

use crate::descriptor_path::DescriptorPath;
use crate::error::StartError;
use crate::helper::made_by;
use crate::id_map::user_namespace;
use crate::inside_ids::FileIds;
use crate::plan::Step;
use crate::planner::RootSource;
use crate::prepared::{OverlayOptions, path};
use crate::rootfs::{clone_at, clone_tree, make_overlay, mount_overlay, shared_tree};
use crate::target::DIRECTORY;

/// The overlay, ready to be made.
pub(crate) struct MappedRoot {
    /// Directories of which each has an id-mapped mount.
    sources: Vec<CString>,
    /// The layers, the top one first.
    lower: Vec<Below>,
    /// The writable directory and overlayfs's own; nothing where it is only read.
    upper: Option<[Below; 2]>,
    volatile: bool,
    label: Option<String>,
    /// All of it by its paths on the host.
    options: OverlayOptions,
    at: CString,
    /// Where the host may have mounted the same.
    shared: Option<CString>,
    /// The container's root, on the machine.
    root: (u32, u32),
    /// Whether the layers have its ids already.
    shifted: bool,
}

/// A directory below one of the sources.
struct Below {
    source: usize,
    /// Empty for the source itself.
    name: PathBuf,
}

impl MappedRoot {
    /// Of a step that is one.
    pub(crate) fn new(step: &Step, label: Option<&str>) -> Result<Option<Self>, StartError> {
        let Step::OverlayRoot { lower, upper, work, at, volatile, shared, root_ids, shifted } =
            step
        else {
            return Ok(None);
        };
        let Some(root) = *root_ids else { return Ok(None) };
        let made = Self::of((lower, Some((upper, work))), *shifted, (*volatile, label))?;
        let shared = shared.as_deref().map(path).transpose()?;
        Ok(Some(Self { at: path(at)?, shared, root, ..made }))
    }

    /// Of layers that are only read, the top one first; whether their ids are the machine's already.
    pub(crate) fn of_layers(
        layers: &[PathBuf],
        shifted: bool,
        label: Option<&str>,
    ) -> Result<Self, StartError> {
        Self::of((layers, None), shifted, (false, label))
    }

    fn of(
        (lower, upper): (&[PathBuf], Option<(&PathBuf, &PathBuf)>),
        shifted: bool,
        (volatile, label): (bool, Option<&str>),
    ) -> Result<Self, StartError> {
        let mut sources: Vec<PathBuf> = Vec::new();
        let lower_places =
            lower.iter().map(|layer| place(layer, lower, &mut sources)).collect::<Vec<_>>();
        let upper_places = upper.map(|(upper, work)| {
            // Overlayfs demands that they are in one mount.
            let both = [upper.clone(), work.clone()];
            [upper, work].map(|directory| place(directory, &both, &mut sources))
        });
        let upper = upper.map(|(upper, work)| (upper.as_path(), work.as_path()));
        let options = if shifted {
            OverlayOptions::single(lower, upper, volatile, label)?
        } else {
            OverlayOptions::new(lower, upper, volatile, label)?
        };
        Ok(Self {
            sources: sources.iter().map(|source| path(source)).collect::<Result<_, _>>()?,
            lower: lower_places,
            upper: upper_places,
            volatile,
            label: label.map(str::to_owned),
            options,
            // Nobody else sees it there.
            at: lower.first().map_or_else(|| Ok(CString::default()), |layer| path(layer))?,
            shared: None,
            root: (0, 0),
            shifted,
        })
    }

    /// Makes it for the user namespace `users`; it is attached nowhere yet.
    ///
    /// # Errors
    /// Names the directory whose file system cannot map ids, or the overlay.
    pub(crate) fn make(&self, users: BorrowedFd<'_>) -> Result<OwnedFd, StartError> {
        let overlay = || {
            StartError::parent(
                "mount an overlay of layers with mapped ids, which Linux can since 5.19",
            )
        };
        if let Some(tree) = shared_tree(self.shared.as_deref()).map_err(overlay())? {
            return Ok(tree);
        }
        if self.shifted {
            let made = FileIds::take(self.root)
                .and_then(|_ids| make_overlay(&self.options, MountAttrFlags::empty()));
            return made.map_err(StartError::parent("mount an overlay of copied layers"));
        }
        let mapped: Vec<OwnedFd> = self
            .sources
            .iter()
            .map(|source| self::mapped(source, users).map_err(refused(source)))
            .collect::<Result<_, _>>()?;
        match self.join(&mapped) {
            Ok(Err(errno)) if errno.raw() == libc::EINVAL => {
                self.join_elsewhere(&mapped).map_err(overlay())
            }
            joined => joined?.map_err(overlay()),
        }
    }

    /// By descriptors.
    fn join(&self, mapped: &[OwnedFd]) -> Result<Result<OwnedFd, Errno>, StartError> {
        let reached = |below: &Below| {
            let source = mapped.get(below.source).map_or_else(PathBuf::new, |source| {
                DescriptorPath::of(source.as_fd()).to_path_buf()
            });
            // Joined with nothing it would end with a slash.
            if below.name.as_os_str().is_empty() { source } else { source.join(&below.name) }
        };
        let lower: Vec<PathBuf> = self.lower.iter().map(reached).collect();
        let upper = self.upper.as_ref().map(|both| both.each_ref().map(reached));
        let upper = upper.as_ref().map(|[upper, work]| (upper.as_path(), work.as_path()));
        let label = self.label.as_deref();
        let options = OverlayOptions::single(&lower, upper, self.volatile, label)?;
        Ok(FileIds::take(self.root)
            .and_then(|_ids| make_overlay(&options, MountAttrFlags::empty())))
    }

    /// By their own paths, in a mount namespace where the mapped ones cover those that are not.
    fn join_elsewhere(&self, mapped: &[OwnedFd]) -> Result<OwnedFd, Errno> {
        let args = CloneArgs { namespaces: Namespaces::MOUNT, ..CloneArgs::default() };
        made_by(args, || self.mount_here(mapped))
    }

    /// In the helper; nothing here allocates.
    fn mount_here(&self, mapped: &[OwnedFd]) -> Result<OwnedFd, Errno> {
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        for (source, tree) in self.sources.iter().zip(mapped) {
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            move_mount(tree.as_fd(), c"", CWD, source.as_c_str(), flags)?;
        }
        let _ids = FileIds::take(self.root)?;
        mount_overlay(&self.options, &self.at, MountFlags::empty())?;
        let root = open(self.at.as_c_str(), DIRECTORY, Mode::empty())?;
        clone_at(root.as_fd())
    }
}

/// The same of a container that does not run, for somebody who wants to see its files.
pub(crate) fn of_source(
    root: &RootSource,
    label: Option<&str>,
    [uids, gids]: [&[IdMapping]; 2],
) -> Result<OwnedFd, StartError> {
    let none = || StartError::parent("find the layers")(Errno::from_raw(libc::EINVAL));
    let RootSource::Overlay { lower, upper, work, at, volatile, shared: _, shifted } = root else {
        return Err(none());
    };
    let outside = |maps: &[IdMapping]| {
        maps.iter().find(|map| map.container_id == 0).map_or(0, |map| map.host_id)
    };
    let step = Step::OverlayRoot {
        lower: lower.clone(),
        upper: upper.clone(),
        work: work.clone(),
        at: at.clone(),
        volatile: *volatile,
        shared: None,
        root_ids: Some((outside(uids), outside(gids))),
        shifted: *shifted,
    };
    let users = user_namespace(uids, gids)?;
    let root = MappedRoot::new(&step, label)?.ok_or_else(none)?;
    root.make(users.as_fd())
}

/// Whether the kernel mounts an overlay of layers on the file system of an empty directory whose ids it maps.
///
/// # Errors
/// When that cannot be tried.
pub fn maps_ids(place: &Path) -> Result<bool, StartError> {
    let failed = || StartError::parent("try id-mapped mounts");
    let directories = ["lower", "upper", "work", "at"].map(|name| place.join(name));
    for directory in &directories {
        std::fs::create_dir(directory).map_err(Errno::from).map_err(failed())?;
    }
    let [lower, upper, work, at] = directories;
    let root = RootSource::Overlay {
        lower: vec![lower],
        upper,
        work,
        at,
        volatile: false,
        shared: None,
        shifted: false,
    };
    let own = |host_id| [IdMapping { container_id: 0, host_id, size: 1 }];
    let (uids, gids) = (own(geteuid().as_raw()), own(getegid().as_raw()));
    Ok(of_source(&root, None, [&uids, &gids]).is_ok())
}

/// Where a directory is among the sources: below its parent where others are there too, which a store has, and else by itself,
/// since on a parent that nobody knows something may be mounted.
fn place(directory: &Path, beside: &[PathBuf], sources: &mut Vec<PathBuf>) -> Below {
    let parent = directory.parent();
    let has_others = beside.iter().any(|other| other != directory && parent == other.parent());
    let (source, name) = match (parent, directory.file_name()) {
        (Some(parent), Some(name)) if has_others => (parent, Path::new(name)),
        _ => (directory, Path::new("")),
    };
    let known = sources.iter().position(|known| known == source);
    let number = known.unwrap_or_else(|| {
        sources.push(source.to_owned());
        sources.len() - 1
    });
    Below { source: number, name: name.to_owned() }
}

fn mapped(source: &CString, users: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let tree = clone_tree(source, false)?;
    // Its own as well: a copy of a shared mount would pass on to the host what is mounted in it.
    let map = MountAttributes {
        user_namespace: Some(users),
        propagation: u64::from(MountPropagationFlags::PRIVATE.bits()),
        ..MountAttributes::default()
    };
    mount_setattr(tree.as_fd(), c"", false, map)?;
    Ok(tree)
}

/// What is known about why the ids of a directory are not mapped.
pub(crate) fn refused(source: &CString) -> impl FnOnce(Errno) -> StartError + use<> {
    let source = Path::new(std::ffi::OsStr::from_bytes(source.as_bytes())).to_owned();
    move |errno| {
        let why = match errno.raw() {
            libc::EINVAL => ": its file system knows no id-mapped mounts on this kernel",
            libc::ENOSYS => ": id-mapped mounts take Linux 5.19",
            libc::EPERM => ": id-mapped mounts take the rights of the machine's root",
            _ => "",
        };
        StartError::Parent { action: format!("map the ids of {}{why}", source.display()), errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_a_store_share_one_mount() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut sources = Vec::new();
        let layers = paths(&["/s/layers/a", "/s/layers/b"]);
        let places: Vec<Below> =
            layers.iter().map(|layer| place(layer, &layers, &mut sources)).collect();
        assert_eq!(places.iter().map(|below| below.source).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(places[1].name, Path::new("b"));
        let both = paths(&["/s/c/upper", "/s/c/work"]);
        assert_eq!(place(&both[0], &both, &mut sources).source, 1);
        assert_eq!(place(&both[1], &both, &mut sources).source, 1);
        // Something may be mounted there, which a copy of the parent's mount alone would not have.
        let alone = paths(&["/mnt"]);
        let below = place(&alone[0], &alone, &mut sources);
        assert_eq!((below.source, below.name.as_os_str().is_empty()), (2, true));
        assert_eq!(sources, paths(&["/s/layers", "/s/c", "/mnt"]));
    }
}
