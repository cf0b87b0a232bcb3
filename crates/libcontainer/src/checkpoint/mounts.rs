//! What of a container's mounts is not its own: CRIU keeps no content of those, and mounts them anew from where they came.
//!
//! All of it is read from the plan. Both sides of a checkpoint call such a mount by its target in the configuration, so that
//! the two need not agree on where links lead.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, readlink};
use serde::{Deserialize, Serialize};
use spec::runtime::NamespaceKind;
use sys::{Errno, open_in_root};

use super::error::CheckpointError;
use crate::descriptor_path::DescriptorPath;
use crate::plan::{Plan, Step};
use crate::prepared::Target;
use crate::rootfs::Root;
use crate::target::Kind;

/// What of a container is not its own. Told from its plan, and kept with it until it is dumped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outside {
    /// Mounts that come from outside, in the plan's order.
    pub mounts: Vec<ExternalMount>,
    /// Namespaces that were joined.
    pub namespaces: Vec<(NamespaceKind, PathBuf)>,
}

/// A mount that comes from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalMount {
    /// Inside the container.
    pub target: PathBuf,
    /// On the host.
    pub source: PathBuf,
}

impl Outside {
    /// What a plan takes from outside.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self { mounts: mounts(plan), namespaces: plan.namespaces.join.clone() }
    }

    /// The same, with the container's own network namespace left to whoever restores it, see [`super::Origin::network`].
    #[must_use]
    pub fn with_network(mut self, pid: i32) -> Self {
        self.namespaces.push((NamespaceKind::Network, format!("/proc/{pid}/ns/net").into()));
        self
    }

    /// Whether a restore can make everything of a plan as it was.
    ///
    /// # Errors
    /// [`CheckpointError::Mount`] names the first mount that it cannot, [`CheckpointError::Init`] the program's own init.
    pub fn check(plan: &Plan) -> Result<(), CheckpointError> {
        if plan.process.init {
            return Err(CheckpointError::Init);
        }
        if plan.process.landlock.is_some() {
            return Err(CheckpointError::Landlock);
        }
        if plan.process.seccomp.as_ref().is_some_and(|filter| filter.listener.is_some()) {
            return Err(CheckpointError::Listener);
        }
        if let Some(target) = plan.shown().first() {
            let why = "its monitor serves it by FUSE, which CRIU knows nothing of";
            return Err(CheckpointError::Mount { target: target.clone(), why });
        }
        for step in &plan.steps {
            let Step::Bind { within, of_process, id_map, target, .. } = step else { continue };
            let why = match (id_map, within, of_process) {
                (Some(_), _, _) => "its ids are mapped",
                (_, Some(_), _) => "it is a part of a volume",
                (_, _, Some(_)) => "it is another container's",
                (None, None, None) => continue,
            };
            return Err(CheckpointError::Mount { target: target.clone(), why });
        }
        Ok(())
    }
}

fn mounts(plan: &Plan) -> Vec<ExternalMount> {
    let mut found = Vec::new();
    for step in &plan.steps {
        if let Step::Bind { source, target, .. } = step {
            found.push(ExternalMount { target: target.clone(), source: source.clone() });
        } else if let Step::CgroupV1 { target, hierarchies, .. } = step {
            found.extend(hierarchies.iter().map(|hierarchy| ExternalMount {
                target: target.join(&hierarchy.name),
                source: hierarchy.source.clone(),
            }));
        } else if let Step::Devices { nodes, elsewhere, .. } = step
            && has_user_namespace(plan)
        {
            // No node can be made there: the host's are bound.
            let below_dev = nodes.iter().map(|node| Path::new("/dev").join(&node.name));
            let others = elsewhere.iter().map(|node| Path::new("/").join(&node.name));
            let paths = below_dev.chain(others);
            found.extend(paths.map(|path| ExternalMount { target: path.clone(), source: path }));
        }
    }
    found
}

fn has_user_namespace(plan: &Plan) -> bool {
    let joined = plan.namespaces.join.iter().any(|(kind, _)| *kind == NamespaceKind::User);
    joined || plan.namespaces.create.contains(&NamespaceKind::User)
}

/// Where a target really is, seen from the root of process `pid`: CRIU names mounts without links.
pub(super) fn resolved(pid: i32, target: &Path) -> PathBuf {
    let look = || -> Result<PathBuf, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())?;
        let found = open_in_root(root.as_fd(), target, OFlags::PATH, Mode::empty())?;
        path_of(&found)
    };
    look().unwrap_or_else(|_| target.to_owned())
}

fn path_of(descriptor: &impl AsFd) -> Result<PathBuf, Errno> {
    let link = readlink(DescriptorPath::of(descriptor.as_fd()).as_c_str(), Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(link.as_bytes())))
}

/// Makes the mount points that are gone since the dump. What is below a file system of the container's own is in the images;
/// what is below a bind belongs into its source.
pub(super) fn make_mount_points(plan: &Plan, rootfs: &Path) -> Result<(), CheckpointError> {
    let mut places = vec![Place { at: PathBuf::from("/"), source: Some(rootfs.to_owned()) }];
    for step in &plan.steps {
        let (target, source) = if let Step::Bind { source, target, .. } = step {
            (target, Some(source))
        } else if let Step::Mount { target, .. } = step {
            (target, None)
        } else {
            continue;
        };
        let failed = |errno| CheckpointError::MountPoint { target: target.clone(), errno };
        let at = real_target(rootfs, target);
        let below = places.iter().rev().find(|place| at.starts_with(&place.at));
        if let Some(Place { at: base, source: Some(outside) }) = below {
            let inside = at.strip_prefix(base).unwrap_or(&at);
            if !inside.as_os_str().is_empty() {
                let directory = source.is_none_or(|source| source.is_dir());
                make_one(outside, inside, directory).map_err(failed)?;
            }
        }
        places.push(Place { at, source: source.cloned() });
    }
    Ok(())
}

/// A mount made so far, and the directory of the host that shows in it.
struct Place {
    at: PathBuf,
    source: Option<PathBuf>,
}

/// The target with the links that the root file system holds followed, as far as it exists there.
fn real_target(rootfs: &Path, target: &Path) -> PathBuf {
    let look = |path: &Path| -> Result<PathBuf, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(rootfs, flags, Mode::empty())?;
        let found = open_in_root(root.as_fd(), path, OFlags::PATH, Mode::empty())?;
        let (inside, outside) = (path_of(&found)?, path_of(&root)?);
        let relative =
            inside.strip_prefix(&outside).map_err(|_elsewhere| Errno::from_raw(libc::EXDEV))?;
        Ok(Path::new("/").join(relative).join(target.strip_prefix(path).unwrap_or(target)))
    };
    target.ancestors().find_map(|path| look(path).ok()).unwrap_or_else(|| target.to_owned())
}

fn make_one(outside: &Path, inside: &Path, directory: bool) -> Result<(), Errno> {
    let root = Root::open(outside)?;
    let target = Target::new(inside).map_err(|_nul| Errno::from_raw(libc::EINVAL))?;
    let kind = if directory { Kind::Directory } else { Kind::File };
    root.place(&target, kind).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bind(source: &Path, target: &str) -> Step {
        let step = serde_json::json!({
            "do": "bind", "source": source, "target": target, "recursive": true, "set": 0, "clear": 0,
        });
        serde_json::from_value(step).unwrap()
    }

    fn tmpfs(target: &str) -> Step {
        let step = serde_json::json!({
            "do": "mount", "kind": "tmpfs", "source": "tmpfs", "target": target, "flags": 0, "data": "",
        });
        serde_json::from_value(step).unwrap()
    }

    fn plan(steps: &[Step]) -> Plan {
        let cgroup =
            serde_json::json!({"path": "/a", "kind": "unified", "places": [], "settings": []});
        let process = crate::plan::ProcessPlan::default();
        let namespaces = crate::plan::NamespacePlan::default();
        let cgroup = serde_json::from_value(cgroup).unwrap();
        serde_json::from_value(serde_json::json!({
            "version": 1,
            "namespaces": namespaces,
            "cgroup": serde_json::to_value::<crate::cgroup::CgroupPlan>(cgroup).unwrap(),
            "steps": steps,
            "process": process,
        }))
        .unwrap()
    }

    #[test]
    fn mount_points_are_made_where_they_belong() {
        let ground = tempfile::tempdir().unwrap();
        let [rootfs, outer, inner, file] =
            ["rootfs", "outer", "inner", "file"].map(|name| ground.path().join(name));
        for directory in [&rootfs, &outer, &inner] {
            fs::create_dir(directory).unwrap();
        }
        fs::File::create(&file).unwrap();
        fs::create_dir_all(rootfs.join("real/conf")).unwrap();
        std::os::unix::fs::symlink("/real/conf", rootfs.join("conf")).unwrap();
        let plan = plan(&[
            tmpfs("/dev"),
            tmpfs("/dev/shm"),
            bind(&outer, "/test"),
            bind(&inner, "/test/for/nested"),
            bind(&outer, "/conf"),
            bind(&inner, "/conf/below"),
            bind(&file, "/etc/hosts"),
        ]);
        make_mount_points(&plan, &rootfs).unwrap();
        assert!(rootfs.join("dev").is_dir() && !rootfs.join("dev/shm").exists());
        assert!(rootfs.join("test").is_dir() && !rootfs.join("test/for").exists());
        assert!(outer.join("for/nested").is_dir());
        assert!(outer.join("below").is_dir() && !rootfs.join("real/conf/below").exists());
        assert!(rootfs.join("etc/hosts").is_file());
        let names: Vec<_> =
            Outside::of(&plan).mounts.into_iter().map(|mount| mount.target).collect();
        let expected = ["/test", "/test/for/nested", "/conf", "/conf/below", "/etc/hosts"];
        assert_eq!(names, expected.map(PathBuf::from));
    }
}
