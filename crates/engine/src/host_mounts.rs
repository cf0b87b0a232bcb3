//! Files of containers and volumes on the host: `container mount`, `volume mount`. What is mounted, and how, is
//! [`libcontainer::HostMounts`]; whose it is, and when it goes, is decided here.
//!
//! A container's lock is held while its files are mounted: nobody starts or removes it meanwhile. Whoever removes a container or a
//! volume takes its mount away; what is left all the same, [`Room::check`] finds.

use std::path::PathBuf;

use libcontainer::{HostMountError, HostMounts};
use spec::ContainerId;
use store::{Finding, Problem, Pruned, Volume};

use crate::config::{MountConfig, MountSource};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::life::Container;
use crate::mounts::{Origin, origin_of_volume};
use crate::room::Room;
use crate::roots::directory;
use crate::state::{Action, State};
use crate::volumes::VolumesHandle;

/// A container whose files are mounted on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Whose they are.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Where they are.
    pub path: PathBuf,
}

impl Containers<'_> {
    pub(crate) fn shown(&self) -> HostMounts {
        HostMounts::of_containers(&self.engine.paths().state)
    }

    /// Mounts a container's files on the host, whether it runs or not, and says where; what is mounted stays where it is.
    ///
    /// # Errors
    /// When there is no such container, it is just being started again, or the kernel refuses.
    pub fn mount_on_host(&self, text: &str) -> Result<PathBuf, EngineError> {
        loop {
            let (lock, container) = self.locked(text)?;
            let container = self.until_started(container)?;
            let (id, name) = (container.record.id.clone(), container.record.name.clone());
            if self.shown().has(id.as_str()) {
                return Ok(self.shown().place(id.as_str()));
            }
            container.allow(Action::Mount)?;
            let failed = |cause| mount_failed("mount", format!("container {name}"), cause);
            let path = match container.state {
                State::Running { .. } => {
                    match (directory(&container.config), container.process()) {
                        (Some(directory), _) => Some(
                            self.shown().show_directory(id.as_str(), directory).map_err(failed)?,
                        ),
                        (None, Some(process)) => {
                            self.shown().show_root_of(id.as_str(), &process).map_err(failed)?
                        }
                        (None, None) => None,
                    }
                }
                State::Created { .. } | State::Exited(_) => Some(self.mount_standing(container)?),
                State::Starting | State::Restarting(_) => None,
            };
            drop(lock);
            // It has ended meanwhile, and what it is now another look tells.
            if let Some(path) = path {
                self.tell_of(&id, "mount")?;
                return Ok(path);
            }
        }
    }

    fn mount_standing(&self, container: Container) -> Result<PathBuf, EngineError> {
        let image = container.record.image.as_ref().map(ToString::to_string).unwrap_or_default();
        let image = self.image_of(&container.config, &image)?;
        let _absent = std::fs::remove_dir_all(container.dirs.work.join("work/incompat/volatile"));
        let made = Made {
            id: container.record.id,
            name: container.record.name,
            config: *container.config,
            image_name: container.record.image_name,
            image,
            dirs: container.dirs,
            _lock: None,
        };
        let label = crate::labels::labels(&made.config).map(|labels| labels.files.clone());
        let users = self.users_at_rest(&made.config, &made.id)?;
        self.copy_layers(&made)?;
        let root = self.root_source(&made)?;
        let shown = self.shown().show_layers(
            made.id.as_str(),
            (&root, label.as_deref()),
            users.as_ref().map(|maps| [&maps.uids[..], &maps.gids]),
        );
        shown.map_err(|cause| mount_failed("mount", format!("container {}", made.name), cause))
    }

    /// Containers whose files are mounted on the host, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mounted(&self) -> Result<Vec<Mounted>, EngineError> {
        let mut mounted = Vec::new();
        for name in self.shown().names().into_iter().filter(|name| self.shown().has(name)) {
            match self.engine.store.containers().get(&name) {
                Ok(record) => {
                    let path = self.shown().place(&name);
                    mounted.push(Mounted { id: record.id, name: record.name, path });
                }
                Err(error) if error.kind() == store::Kind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(mounted)
    }

    /// Takes a container's files away from the host; it may run, and goes on. With `force` also where somebody uses them, or nothing
    /// is mounted.
    ///
    /// # Errors
    /// When there is no such container, its files are not mounted, or somebody uses them.
    pub fn unmount_from_host(&self, text: &str, force: bool) -> Result<ContainerId, EngineError> {
        let (_lock, container) = self.locked(text)?;
        let (id, name) = (container.record.id.clone(), &container.record.name);
        let hidden = self.shown().hide(id.as_str(), force);
        let hidden =
            hidden.map_err(|cause| mount_failed("unmount", format!("container {name}"), cause))?;
        if hidden {
            self.tell(&container, "unmount", &[]);
        } else if !force {
            return Err(container.refuse(Action::Unmount, "not mounted on the host"));
        }
        Ok(id)
    }

    /// Before the files of a container go.
    pub(crate) fn hide_removed(&self, container: &Container) -> Result<(), EngineError> {
        let hidden = self.shown().hide(container.record.id.as_str(), true);
        let what = || format!("container {}", container.record.name);
        hidden.map(drop).map_err(|cause| mount_failed("unmount", what(), cause))
    }
}

impl VolumesHandle<'_> {
    fn shown(&self) -> HostMounts {
        HostMounts::of_volumes(&self.engine.paths().state)
    }

    /// Says where a volume's files are on the host, and mounts there what its options say.
    ///
    /// # Errors
    /// When there is no such volume, each container has one of its own of it, or the kernel refuses.
    pub fn mount(&self, name: &str) -> Result<PathBuf, EngineError> {
        let volume = self.get(name)?;
        let any = MountConfig::new(MountSource::volume(name, false), PathBuf::from("/"));
        match origin_of_volume(&any, &volume.path, &volume.options)? {
            Origin::Path { path, .. } => Ok(path),
            Origin::FileSystem { kind, device, options }
                if !matches!(kind.as_str(), "tmpfs" | "ramfs") =>
            {
                let shown = self.shown().show_file_system(name, (&kind, &device), &options);
                shown.map_err(|cause| mount_failed("mount", format!("volume {name}"), cause))
            }
            Origin::FileSystem { .. } | Origin::Layers(_) | Origin::Memory => {
                let why = "it is memory, of which each container has some of its own";
                Err(EngineError::value("volume", name, why))
            }
        }
    }

    /// Takes away what [`VolumesHandle::mount`] has mounted, if it has.
    ///
    /// # Errors
    /// When there is no such volume, or somebody uses it.
    pub fn unmount(&self, name: &str) -> Result<(), EngineError> {
        let volume = self.get(name)?;
        self.hide(&volume, false)
    }

    /// Where it is mounted says its name.
    pub(crate) fn refuse_shown(&self, name: &str) -> Result<(), EngineError> {
        if self.shown().has(name) {
            let why = "it is mounted on the host: corten volume unmount it first";
            return Err(EngineError::value("volume", name, why));
        }
        Ok(())
    }

    /// The same of a volume that has gone, with `at_once` whoever uses it.
    pub(crate) fn hide(&self, volume: &Volume, at_once: bool) -> Result<(), EngineError> {
        let hidden = self.shown().hide(&volume.name, at_once);
        let what = || format!("volume {}", volume.name);
        hidden.map(drop).map_err(|cause| mount_failed("unmount", what(), cause))
    }
}

impl Room<'_> {
    /// Mounts on the host of which nobody knows any more whose they are.
    pub(crate) fn look_at_mounts(&self) -> Result<Vec<Finding>, EngineError> {
        let found = self.ownerless()?.into_iter().map(|(shown, name)| Finding {
            problem: Problem::MountUnknown,
            subject: shown.place(&name).display().to_string(),
            detail: "is mounted for nothing that is recorded".to_owned(),
        });
        Ok(found.collect())
    }

    /// Takes them away.
    ///
    /// # Errors
    /// When the store cannot be read, or the kernel refuses.
    pub fn prune_mounts(&self) -> Result<Pruned, EngineError> {
        let mut pruned = Pruned::default();
        for (shown, name) in self.ownerless()? {
            let place = shown.place(&name).display().to_string();
            let hidden = shown.hide(&name, true);
            hidden.map_err(|cause| mount_failed("unmount", place.clone(), cause))?;
            pruned.deleted.push(place);
        }
        Ok(pruned)
    }

    fn ownerless(&self) -> Result<Vec<(HostMounts, String)>, EngineError> {
        let (store, state) = (&self.engine.store, &self.engine.paths().state);
        let mut ownerless = Vec::new();
        let containers = HostMounts::of_containers(state);
        for name in containers.names() {
            let found =
                name.parse().ok().map(|id: ContainerId| store.containers().get(id.as_str()));
            match found {
                Some(Ok(_)) => {}
                Some(Err(error)) if error.kind() != store::Kind::NotFound => {
                    return Err(error.into());
                }
                Some(Err(_)) | None => ownerless.push((containers.clone(), name)),
            }
        }
        let volumes = HostMounts::of_volumes(state);
        for name in volumes.names() {
            if store.volumes().find(&name)?.is_none() {
                ownerless.push((volumes.clone(), name));
            }
        }
        Ok(ownerless)
    }
}

fn mount_failed(action: &'static str, what: String, cause: HostMountError) -> EngineError {
    EngineError::HostMount { action, what, cause: Box::new(cause) }
}
