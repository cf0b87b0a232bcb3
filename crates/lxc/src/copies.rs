//! Copies of containers that are directories, and their removal. Start at [`copy`] and [`destroy`].
//!
//! On the disk all is as LXC has it, so that its tools and these work on the same directory: a copy has a root of its own, a snapshot is an
//! overlay over the original's, and both are told of each other in `lxc_snapshots` and `lxc_rdepends`.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::config::mounts::Backend;
use crate::config::{ConfigError, Document, Problem};
use crate::containers::{BadName, Directory, is_there};
use crate::hooks::{self, HookError, Moment, Told};
use crate::tree::{self, TreeError};

const ROOT: &str = "lxc.rootfs.path";
/// Whose roots lie over this one's.
const DEPENDENTS: &str = "lxc_snapshots";
/// Over whose roots this one's lies.
const BASES: &str = "lxc_rdepends";
/// Where snapshots are.
pub(crate) const SNAPSHOTS: &str = "snaps";

/// What a copy is to be.
#[derive(Clone, Copy, Debug)]
pub struct CopyRequest<'a> {
    /// Where the original is.
    pub from: &'a Directory,
    /// Its name.
    pub name: &'a str,
    /// Where the copy is to be.
    pub to: &'a Directory,
    /// Its name.
    pub new_name: &'a str,
    /// An overlay over the original's root in the place of a copy.
    pub is_overlay: bool,
    /// It keeps the original's host name.
    pub keeps_name: bool,
    /// It keeps the original's hardware addresses.
    pub keeps_addresses: bool,
    /// For the hook of copies.
    pub words: &'a [String],
}

/// Why a container was not copied or removed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum CopyError {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("there is no container {name} in {}", path.display())]
    Missing { name: String, path: PathBuf },
    #[error("there is a container {0} already")]
    Taken(String),
    #[error("its root is {0}, and directories and overlays alone are copied")]
    Root(String),
    #[error("roots of other containers lie over that of {name}: {}", others.join(", "))]
    Needed { name: String, others: Vec<String> },
    #[error("{0} has snapshots")]
    HasSnapshots(String),
    #[error("there is no snapshot {0}")]
    NoSnapshot(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("change the copy's configuration")]
    Change(#[source] Problem),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Hook(#[from] HookError),
    #[error("{action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

pub(crate) fn missing(directory: &Directory, name: &str) -> CopyError {
    CopyError::Missing { name: name.to_owned(), path: directory.path().to_owned() }
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |cause| CopyError::File { action, path, cause }
}

/// Copies a container that does not run.
///
/// # Errors
/// When there is no original, or there is a container of the new name; nothing of the copy is left then.
pub fn copy(request: &CopyRequest<'_>) -> Result<(), CopyError> {
    let CopyRequest { from, name, to, new_name, .. } = *request;
    let (old, new) = (from.of(name)?, to.of(new_name)?);
    if !from.has(name) {
        return Err(missing(from, name));
    }
    let mut document = from.open(name)?;
    std::fs::create_dir_all(to.path()).map_err(failed("make", to.path()))?;
    match std::fs::create_dir(&new) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(CopyError::Taken(new_name.to_owned()));
        }
        made => made.map_err(failed("make", &new))?,
    }
    let done = fill(request, &mut document, (&old, &new));
    if done.is_err() {
        // What hinders this, too, the first error tells.
        let _left = forget_dependent(to.path(), new_name);
        let _left = tree::remove(&new);
    }
    done
}

fn fill(
    request: &CopyRequest<'_>,
    document: &mut Document,
    (old, new): (&Path, &Path),
) -> Result<(), CopyError> {
    let CopyRequest { name, to, new_name, .. } = *request;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o770);
    std::fs::set_permissions(new, mode).map_err(failed("change", new))?;
    let root = root(request, document, new)?;
    let set = |document: &mut Document, key: &str, value: &str| {
        document.replace(key, value).map_err(CopyError::Change)
    };
    document.move_paths(old, new).map_err(CopyError::Change)?;
    if let Some((text, _)) = &root {
        set(document, ROOT, text)?;
    }
    if !request.keeps_name {
        set(document, "lxc.uts.name", new_name)?;
    }
    if let Some(fstab) = document.values().mounts.fstab.clone()
        && let Ok(inside) = fstab.strip_prefix(old)
    {
        let moved = new.join(inside);
        std::fs::copy(&fstab, &moved).map_err(failed("copy", &fstab))?;
        set(document, "lxc.mount.fstab", &moved.to_string_lossy())?;
    }
    if !request.keeps_addresses {
        new_addresses(document)?;
    }
    to.save(new_name, document).map_err(failed("write", &to.config_file(new_name)))?;
    if let Some((_, Some(base))) = &root {
        note(&base.0.join(&base.1).join(DEPENDENTS), to.path(), new_name)?;
        note(&new.join(BASES), &base.0, &base.1)?;
    }
    let tree = root.as_ref().map(|(text, _)| text.rsplit(':').next().unwrap_or(text).to_owned());
    if let Some(tree) = tree.as_deref().filter(|_| !request.keeps_name && !request.is_overlay) {
        rename_host(Path::new(tree), new_name)?;
    }
    let environment = [
        format!("LXC_NAME={new_name}"),
        format!("LXC_CONFIG_FILE={}", to.config_file(new_name).display()),
        format!("LXC_ROOTFS_PATH={}", root.map(|(text, _)| text).unwrap_or_default()),
        format!("LXC_ROOTFS_MOUNT={}", tree.unwrap_or_default()),
        format!("LXC_SRC_NAME={name}"),
    ];
    let told = Told { name: new_name, environment: &environment, more: &[], words: request.words };
    Ok(hooks::run(&document.values().hooks, Moment::Clone, &told)?)
}

/// A copy's root as its configuration has it, and over whose it lies; nothing for one without.
type NewRoot = Option<(String, Option<(PathBuf, String)>)>;

fn root(request: &CopyRequest<'_>, document: &Document, new: &Path) -> Result<NewRoot, CopyError> {
    let Some(root) = &document.values().mounts.root else { return Ok(None) };
    let own = new.join("rootfs");
    let base = (request.from.path().to_owned(), request.name.to_owned());
    let delta = new.join("overlay/delta");
    match root.backend {
        None | Some(Backend::Directory | Backend::Btrfs) if request.is_overlay => {
            for directory in [&delta, &new.join("overlay/work"), &own] {
                std::fs::create_dir_all(directory).map_err(failed("make", directory))?;
            }
            let text = format!("overlay:{}:{}", root.place, delta.display());
            Ok(Some((text, Some(base))))
        }
        None | Some(Backend::Directory | Backend::Btrfs) => {
            tree::copy(Path::new(&root.place), &own)?;
            Ok(Some((format!("dir:{}", own.display()), None)))
        }
        // What the original has changed is copied, what is below both is shared.
        Some(Backend::Overlay) => {
            let (lower, upper) = root.place.rsplit_once(':').unwrap_or((&root.place, ""));
            std::fs::create_dir_all(new.join("overlay")).map_err(failed("make", new))?;
            tree::copy(Path::new(upper), &delta)?;
            for directory in [&new.join("overlay/work"), &own] {
                std::fs::create_dir_all(directory).map_err(failed("make", directory))?;
            }
            let below = bases(&request.from.path().join(request.name)).into_iter().next();
            Ok(Some((format!("overlay:{lower}:{}", delta.display()), below)))
        }
        Some(Backend::Zfs | Backend::Loop | Backend::Lvm | Backend::Nbd | Backend::Rbd) => {
            Err(CopyError::Root(document.get(ROOT).unwrap_or_default()))
        }
    }
}

/// A root as its configuration writes it, with what keeps it; nothing for one without.
#[must_use]
pub fn root_text(document: &Document) -> Option<String> {
    let root = document.values().mounts.root.as_ref()?;
    let kind = if root.backend == Some(Backend::Overlay) { "overlay" } else { "dir" };
    Some(format!("{kind}:{}", root.place))
}

/// New addresses where the original's are written down.
fn new_addresses(document: &mut Document) -> Result<(), CopyError> {
    /// Of the vendor whose containers' addresses begin so.
    const ANY: &str = "00:16:3e:xx:xx:xx";
    let networks = &document.values().networks;
    let fixed: Vec<u32> = networks
        .iter()
        .filter(|(_, network)| network.hardware.is_some())
        .map(|(number, _)| *number)
        .collect();
    for number in fixed {
        let key = format!("lxc.net.{number}.hwaddr");
        document.replace(&key, ANY).map_err(CopyError::Change)?;
    }
    let mut random = [0_u8; 1];
    document.complete_hardware_addresses(&mut || {
        let _kept = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
        random[0]
    });
    Ok(())
}

/// Writes the new name where the system keeps its own; links in the root end inside of it.
fn rename_host(root: &Path, name: &str) -> Result<(), CopyError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let wrong = |errno: rustix::io::Errno| failed("open", root)(errno.into());
    let directory: OwnedFd = openat(CWD, root, flags, Mode::empty()).map_err(wrong)?;
    let flags =
        OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened =
        openat2(directory.as_fd(), "etc/hostname", flags, Mode::empty(), ResolveFlags::IN_ROOT);
    // One without such a file is called by its configuration alone.
    let Ok(file) = opened else { return Ok(()) };
    let path = root.join("etc/hostname");
    writeln!(std::fs::File::from(file), "{name}").map_err(failed("write", &path))
}

/// Pairs of lines: a directory and a name.
fn pairs(path: &Path) -> Vec<(PathBuf, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks_exact(2)
        .filter_map(|pair| Some((PathBuf::from(pair.first()?), (*pair.get(1)?).to_owned())))
        .collect()
}

fn bases(container: &Path) -> Vec<(PathBuf, String)> {
    pairs(&container.join(BASES))
}

fn note(file: &Path, directory: &Path, name: &str) -> Result<(), CopyError> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let line = format!("{}\n{name}\n", directory.display());
    opened.and_then(|mut file| file.write_all(line.as_bytes())).map_err(failed("write", file))
}

/// Takes a container out of the list of those that lie over others.
fn forget_dependent(directory: &Path, name: &str) -> Result<(), CopyError> {
    forget((&bases(&directory.join(name)), directory), name)
}

fn forget((bases, directory): (&[(PathBuf, String)], &Path), name: &str) -> Result<(), CopyError> {
    for (base_directory, base) in bases {
        let file = base_directory.join(base).join(DEPENDENTS);
        let left: Vec<_> = pairs(&file)
            .into_iter()
            .filter(|(other, own)| (other.as_path(), own.as_str()) != (directory, name))
            .collect();
        let text: String =
            left.iter().map(|(path, name)| format!("{}\n{name}\n", path.display())).collect();
        let done = if left.is_empty() {
            std::fs::remove_file(&file)
        } else {
            crate::containers::write(&file, text.as_bytes())
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("write", &file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether no other root lies over that of a container, which may be moved or removed then.
///
/// # Errors
/// With the names of those whose roots do.
pub fn demand_free(directory: &Directory, name: &str) -> Result<(), CopyError> {
    let is_over_it = |(directory, name): &(PathBuf, String)| is_there(&directory.join(name));
    let others = pairs(&directory.of(name)?.join(DEPENDENTS)).into_iter().filter(is_over_it);
    let others: Vec<String> = others.map(|(_, name)| name).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(CopyError::Needed { name: name.to_owned(), others })
}

/// Tells those over whose roots a container's lies that it has another place or name.
///
/// # Errors
/// What the disk refuses.
pub fn tell_bases(
    (old, old_name): (&Directory, &str),
    (new, new_name): (&Directory, &str),
) -> Result<(), CopyError> {
    let bases = bases(&new.of(new_name)?);
    forget((&bases, old.path()), old_name)?;
    for (directory, base) in bases {
        note(&directory.join(base).join(DEPENDENTS), new.path(), new_name)?;
    }
    Ok(())
}

/// Removes a container that does not run, with its root where it is the container's own to remove (`lxc.rootfs.managed`).
///
/// # Errors
/// When other roots lie over its own, it has snapshots and those are not to go, or a hook of its own refuses.
pub fn destroy(directory: &Directory, name: &str, with_snapshots: bool) -> Result<(), CopyError> {
    let own = directory.of(name)?;
    if !directory.has(name) {
        return Err(missing(directory, name));
    }
    demand_free(directory, name)?;
    let has_snapshots = !crate::snapshots::list(directory, name)?.is_empty();
    if has_snapshots && !with_snapshots {
        return Err(CopyError::HasSnapshots(name.to_owned()));
    }
    let document = directory.open(name)?;
    let config = document.values();
    let environment = [
        format!("LXC_NAME={name}"),
        format!("LXC_CONFIG_FILE={}", directory.config_file(name).display()),
        format!("LXC_ROOTFS_PATH={}", document.get(ROOT).unwrap_or_default()),
    ];
    let told = Told { name, environment: &environment, more: &[], words: &[] };
    hooks::run(&config.hooks, Moment::Destroy, &told)?;
    if let Some(path) = root_to_remove(&document) {
        tree::remove(&path)?;
    }
    forget_dependent(directory.path(), name)?;
    Ok(tree::remove(&own)?)
}

/// What of a root goes with its container: a directory, or what an overlay has taken.
fn root_to_remove(document: &Document) -> Option<PathBuf> {
    let mounts = &document.values().mounts;
    let is_kept = mounts.root_managed.is_some_and(|switch| !switch.0);
    let root = mounts.root.as_ref().filter(|_| !is_kept)?;
    let place = match root.backend {
        None | Some(Backend::Directory | Backend::Btrfs) => root.place.as_str(),
        Some(Backend::Overlay) => root.place.rsplit(':').next()?,
        Some(Backend::Zfs | Backend::Loop | Backend::Lvm | Backend::Nbd | Backend::Rbd) => {
            return None;
        }
    };
    // Never the machine's own root.
    Some(PathBuf::from(place)).filter(|path| path.is_absolute() && path.parent().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    fn container(directory: &Directory, name: &str) {
        let root = directory.path().join(name).join("rootfs");
        let text = format!(
            "lxc.rootfs.path = dir:{}\nlxc.net.0.type = veth\nlxc.net.0.hwaddr = 00:16:3e:00:00:01\n",
            root.display()
        );
        let mut nothing = |_: &Path, _: u64| Err(crate::config::Unreadable::Kind);
        let document =
            Document::read(Path::new("config"), text.as_bytes(), &Limits::default(), &mut nothing)
                .expect("entries");
        directory.make(name, &document).expect("a container");
        std::fs::create_dir_all(root.join("etc")).expect("a root");
        std::os::unix::fs::symlink("/real", root.join("etc/hostname")).expect("a link");
        std::fs::File::create(root.join("real")).expect("a file");
    }

    fn request<'a>(directory: &'a Directory, name: &'a str, new_name: &'a str) -> CopyRequest<'a> {
        CopyRequest {
            from: directory,
            name,
            to: directory,
            new_name,
            is_overlay: false,
            keeps_name: false,
            keeps_addresses: false,
            words: &[],
        }
    }

    #[test]
    fn a_copy_has_names_of_its_own() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::new(place.path().to_owned());
        container(&directory, "a");
        copy(&request(&directory, "a", "b")).expect("a copy");
        let document = directory.open("b").expect("a configuration");
        let root = place.path().join("b/rootfs");
        assert_eq!(root_text(&document), Some(format!("dir:{}", root.display())));
        assert_eq!(document.get("lxc.uts.name").ok().as_deref(), Some("b"));
        assert_ne!(document.get("lxc.net.0.hwaddr").ok().as_deref(), Some("00:16:3e:00:00:01"));
        assert_eq!(
            std::fs::read_to_string(root.join("real")).ok().as_deref(),
            Some("b\n"),
            "the link ended inside"
        );
        assert!(matches!(copy(&request(&directory, "a", "b")), Err(CopyError::Taken(_))));
        assert!(matches!(copy(&request(&directory, "c", "d")), Err(CopyError::Missing { .. })));
        assert!(!place.path().join("d").exists());
        destroy(&directory, "b", false).expect("it goes");
        assert!(!place.path().join("b").exists());
    }

    #[test]
    fn what_others_lie_over_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::new(place.path().to_owned());
        container(&directory, "a");
        copy(&CopyRequest { is_overlay: true, ..request(&directory, "a", "b") })
            .expect("an overlay");
        let text = directory.open("b").map(|document| root_text(&document)).expect("read");
        let shown = place.path().display();
        let overlay = format!("overlay:{shown}/a/rootfs:{shown}/b/overlay/delta");
        assert_eq!(text.as_deref(), Some(overlay.as_str()));
        assert!(matches!(destroy(&directory, "a", false), Err(CopyError::Needed { .. })));
        copy(&request(&directory, "b", "c")).expect("over the same");
        destroy(&directory, "b", false).expect("it goes");
        assert!(matches!(destroy(&directory, "a", false), Err(CopyError::Needed { .. })));
        destroy(&directory, "c", false).expect("it goes");
        destroy(&directory, "a", false).expect("nothing lies over it");
    }
}
