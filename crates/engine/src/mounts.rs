//! Where the mounts of a container come from: directories of volumes, layers of images, what a volume's options say. Nothing is
//! mounted here: it becomes part of the plan, and is mounted in the container's own mount namespace, so that no crash leaves
//! anything on the host.

use std::net::ToSocketAddrs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use libcontainer::{Plan, Step};
use spec::ImageId;
use store::{NewVolume, Volume};

use crate::config::{ContainerConfig, MountConfig, MountSource};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::labels;
use crate::parse::check_options;

/// Where one mount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or directory of the host, and who owns it.
    Path {
        /// It.
        path: PathBuf,
        /// User and group.
        owner: (u32, u32),
        /// Whether its ids are those of containers, as in volumes and layers, and not the machine's.
        of_containers: bool,
    },
    /// A file system of its own.
    FileSystem {
        /// As in `/proc/filesystems`.
        kind: String,
        /// What is mounted.
        device: String,
        /// As in fstab(5).
        options: Vec<String>,
    },
    /// Directories that are merged, the top one first; at least two.
    Layers(Vec<PathBuf>),
    /// Memory.
    Memory,
}

impl Origin {
    fn path(path: &Path) -> Self {
        let owner = std::fs::metadata(path).map_or((0, 0), |about| (about.uid(), about.gid()));
        Self::Path { path: path.to_owned(), owner, of_containers: false }
    }

    /// A volume's own directory.
    fn of_containers(path: &Path) -> Self {
        let mut origin = Self::path(path);
        if let Self::Path { of_containers, .. } = &mut origin {
            *of_containers = true;
        }
        origin
    }
}

/// Has what is mounted in part looked up inside its source when it is mounted: another container may have put a link there.
pub(crate) fn keep_inside(plan: &mut Plan, config: &ContainerConfig, origins: &[Origin]) {
    for (mount, origin) in config.mounts.iter().zip(origins) {
        let (Origin::Path { path, .. }, false) = (origin, mount.part().is_empty()) else {
            continue;
        };
        let whole = path.join(mount.part());
        for step in &mut plan.steps {
            if let Step::Bind { source, within, .. } = step
                && *source == whole
            {
                *source = PathBuf::from(mount.part());
                *within = Some(path.clone());
            }
        }
    }
}

/// Images that are mounted, by their ids.
pub(crate) fn images(config: &ContainerConfig) -> Vec<ImageId> {
    let ids = config.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Image { id, .. } => id.parse().ok(),
        MountSource::Bind { .. } | MountSource::Volume { .. } | MountSource::Tmpfs => None,
    });
    ids.collect()
}

/// What is bound must be there, unless it is to be made.
pub(crate) fn check_sources(config: &ContainerConfig) -> Result<(), EngineError> {
    for mount in &config.mounts {
        if let MountSource::Bind { path, create } = &mount.source
            && !create
            && !path.exists()
        {
            let why = "the source does not exist";
            return Err(EngineError::value("mount", path.display().to_string(), why));
        }
    }
    Ok(())
}

impl Containers<'_> {
    /// Mounts of other containers are added, images become their ids.
    pub(crate) fn resolve_mounts(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        for text in config.volumes_from.clone() {
            let (name, mode) = text.split_once(':').unwrap_or((&text, ""));
            let wrong = || {
                EngineError::value("volumes-from", text.clone(), "the mode is not one of ro, rw")
            };
            let read_only = match mode {
                "" | "rw" | "z" | "Z" => false,
                "ro" => true,
                _ => return Err(wrong()),
            };
            for mut mount in self.get(name)?.config.mounts {
                let taken = config.mounts.iter().any(|own| own.target == mount.target);
                if taken || mount.source == MountSource::Tmpfs {
                    continue;
                }
                mount.read_only |= read_only;
                // It is filled, and belongs to the other container.
                if let MountSource::Volume { anonymous, copy, .. } = &mut mount.source {
                    (*anonymous, *copy) = (false, false);
                }
                config.mounts.push(mount);
            }
        }
        for mount in &mut config.mounts {
            match &mut mount.source {
                MountSource::Image { name, id, layers } if id.is_empty() && layers.is_empty() => {
                    *id = self.engine.images().resolve(name)?.id.to_string();
                }
                MountSource::Volume { driver_options, .. } => check_options(driver_options)?,
                MountSource::Image { .. } | MountSource::Bind { .. } | MountSource::Tmpfs => {}
            }
        }
        self.choose_label(config)
    }

    /// Makes the volumes that are not there yet.
    pub(crate) fn make_volumes(
        &self,
        config: &ContainerConfig,
        now: i64,
    ) -> Result<(), EngineError> {
        for mount in &config.mounts {
            self.make_volume(mount, now)?;
        }
        Ok(())
    }

    fn make_volume(
        &self,
        mount: &MountConfig,
        created_ns: i64,
    ) -> Result<Option<Volume>, EngineError> {
        let MountSource::Volume { name, anonymous, labels, driver_options, .. } = &mount.source
        else {
            return Ok(None);
        };
        let (volume, made) = self.engine.store.volumes().create(NewVolume {
            name: name.clone(),
            created_ns,
            anonymous: *anonymous,
            labels: labels.clone(),
            options: driver_options.clone(),
        })?;
        if made {
            self.engine.volumes().tell(&volume, "create");
        }
        Ok(Some(volume))
    }

    /// Where the mounts come from, without making anything.
    pub(crate) fn origins(&self, made: &Made) -> Result<Vec<Origin>, EngineError> {
        made.config.mounts.iter().map(|mount| self.origin(made, mount)).collect()
    }

    fn origin(&self, made: &Made, mount: &MountConfig) -> Result<Origin, EngineError> {
        match &mount.source {
            MountSource::Tmpfs => Ok(Origin::Memory),
            MountSource::Bind { path, .. } => Ok(Origin::path(path)),
            MountSource::Image { name, .. } => {
                let layers = self.layers_of_mount(&mount.source)?;
                let places = places_in_layers(name, layers, &mount.subpath)?;
                // The copies have the same places.
                let places = places.into_iter().map(|path| self.place_on_disk(made, path));
                Ok(origin_of_places(places.collect::<Result<_, _>>()?))
            }
            MountSource::Volume { name, driver_options, .. } => {
                match self.engine.store.volumes().find(name)? {
                    Some(volume) => origin_of_volume(mount, &volume.path, &volume.options),
                    None => {
                        let path =
                            self.engine.paths().root.join("volumes").join(name).join("_data");
                        origin_of_volume(mount, &path, driver_options)
                    }
                }
            }
        }
    }

    /// Makes the volumes ready, and says where the mounts come from: a new volume is filled with what the image has in its
    /// place, and what shall be given to the container's user is given.
    pub(crate) fn prepare_mounts(&self, made: &Made) -> Result<Vec<Origin>, EngineError> {
        let now = monitor::now_ns();
        let mut origins = Vec::with_capacity(made.config.mounts.len());
        for mount in &made.config.mounts {
            if let Some(volume) = self.make_volume(mount, now)?
                && volume.is_directory()
                && matches!(mount.source, MountSource::Volume { copy: true, .. })
                && mount.subpath.is_empty()
            {
                self.fill_volume(made, &mount.target, &volume)?;
            }
            let mut origin = self.origin(made, mount)?;
            if let Origin::Path { path, owner, of_containers } = &mut origin
                && (mount.give || crate::hardened::gives(&made.config, mount, *owner))
            {
                *owner = self.give(made, path, (&mount.subpath, *of_containers))?;
            }
            // A volume is all containers' unless somebody says otherwise: a confined one could not even read it.
            let is_volume = matches!(mount.source, MountSource::Volume { .. });
            let is_labelled = || labels::labels(&made.config).is_some();
            if let Origin::Path { path, .. } = &origin {
                if mount.relabel {
                    relabel(&made.config, mount, path)?;
                } else if is_volume && is_labelled() {
                    // Whatever container wrote in it before wrote with its own level.
                    store::relabel(path, "", &labels::shared(&made.config), &[])?;
                } else if matches!(mount.source, MountSource::Image { .. }) && is_labelled() {
                    store::relabel(path, "", &labels::read_only(), &[])?;
                }
            }
            origins.push(origin);
        }
        Ok(origins)
    }

    fn fill_volume(&self, made: &Made, target: &Path, volume: &Volume) -> Result<(), EngineError> {
        let entries =
            std::fs::read_dir(&volume.path).map_err(EngineError::file("read", &volume.path));
        if entries?.next().is_some() {
            return Ok(());
        }
        let layers = self.lower(&made.config, made.image.as_ref());
        let ids = self.ids_written(made)?;
        if ids.is_some() && self.engine.store.volumes().holders(&volume.name)?.len() < 2 {
            // Nobody else has it: it becomes the container's as the image's directory would.
            let owner = self.maps_on_disk(&made.config, &made.id)?.map(|maps| maps.root());
            store::give(&volume.path, "", owner.unwrap_or_default())?;
        }
        Ok(store::fill_volume(&layers, target, (volume, ids.as_ref()))?)
    }

    /// Gives a directory with all that is in it to the container's user.
    fn give(
        &self,
        made: &Made,
        path: &Path,
        (subpath, of_containers): (&str, bool),
    ) -> Result<(u32, u32), EngineError> {
        let view = self.root_view(made);
        let account = crate::users::lookup(&made.config.user, &view)?;
        let user = (account.uid, account.gid);
        let is_inside = of_containers && !made.config.sharing.shifted;
        let users = if is_inside { None } else { self.users(made)? };
        let outside = users.and_then(|users| users.outside(user));
        store::give(path, subpath, outside.unwrap_or(user))?;
        Ok(user)
    }
}

/// Where in the layers of an image a path is, the top one first.
fn places_in_layers(
    name: &str,
    layers: Vec<PathBuf>,
    subpath: &str,
) -> Result<Vec<PathBuf>, EngineError> {
    let missing = || {
        let why = format!("image {name} has no such file or directory");
        EngineError::value("mount", subpath, why)
    };
    let places = if subpath.is_empty() {
        layers
    } else {
        // Layers do not change: what is found now is there later.
        store::RootView::of(&layers).places(Path::new(subpath)).map_err(|_lost| missing())?
    };
    if places.is_empty() { Err(missing()) } else { Ok(places) }
}

fn origin_of_places(places: Vec<PathBuf>) -> Origin {
    match places.as_slice() {
        [one] => Origin::Path { path: one.clone(), owner: (0, 0), of_containers: true },
        _ => Origin::Layers(places),
    }
}

/// Labels a source for all containers or for this one, where there is SELinux.
fn relabel(config: &ContainerConfig, mount: &MountConfig, path: &Path) -> Result<(), EngineError> {
    if labels::are_disabled(config) || !libcontainer::selinux_is_enabled() {
        return Ok(());
    }
    let label = if mount.relabel_private {
        labels::labels(config).map_or_else(|| labels::shared(config), |labels| labels.files.clone())
    } else {
        labels::shared(config)
    };
    if matches!(libcontainer::selinux_knows(&label), Ok(false)) {
        let why = "the policy of this machine does not know it: leave out z and Z";
        return Err(EngineError::value("SELinux label", label, why));
    }
    store::relabel(path, &mount.subpath, &label, labels::NEVER).map_err(|error| {
        match labels::is_everybodys(path) && mount.subpath.is_empty() {
            true => EngineError::value(
                "mount",
                path.display().to_string(),
                "labelled for a container it would be taken away from everybody else: leave out z and Z",
            ),
            false => error.into(),
        }
    })
}

/// A volume's own directory, or what its options say is mounted in its place.
pub(crate) fn origin_of_volume(
    mount: &MountConfig,
    path: &Path,
    options: &std::collections::BTreeMap<String, String>,
) -> Result<Origin, EngineError> {
    if !options.contains_key("type") {
        return Ok(Origin::of_containers(path));
    }
    let value = |name: &str| options.get(name).map_or("", String::as_str);
    let (kind, device) = (value("type"), value("device"));
    let words: Vec<&str> = value("o").split(',').filter(|word| !word.is_empty()).collect();
    if matches!(kind, "none" | "bind") || words.iter().any(|word| matches!(*word, "bind" | "rbind"))
    {
        return Ok(Origin::path(Path::new(device)));
    }
    if !mount.subpath.is_empty() {
        let why = "only a volume that is a directory of this host can be mounted in part";
        return Err(EngineError::value("mount", mount.subpath.clone(), why));
    }
    let mut words: Vec<String> =
        words.into_iter().map(|word| with_address(kind, word)).collect::<Result<_, _>>()?;
    words.extend(options.get("size").map(|size| format!("size={size}")));
    Ok(Origin::FileSystem { kind: kind.to_owned(), device: device.to_owned(), options: words })
}

/// The kernel's NFS client wants an address, and people give a name: nfs(5), mount(8) looks it up.
fn with_address(kind: &str, word: &str) -> Result<String, EngineError> {
    match word.strip_prefix("addr=") {
        Some(name) if kind.starts_with("nfs") && name.parse::<std::net::IpAddr>().is_err() => {
            let found = (name, 0).to_socket_addrs().ok().and_then(|mut found| found.next());
            let found = found
                .ok_or_else(|| EngineError::value("volume option", word, "the host is unknown"))?;
            Ok(format!("addr={}", found.ip()))
        }
        _ => Ok(word.to_owned()),
    }
}
