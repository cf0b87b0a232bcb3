//! Making containers. What happens to them afterwards is in [`crate::start`], [`crate::life`], [`crate::exec`] and [`crate::list`].

use std::path::PathBuf;

use libcontainer::Plan;
use spec::{ContainerId, ContainerName};
use store::{ContainerDirs, ContainerRecord, Image, NewContainer, RootView};

use crate::config::{ContainerConfig, MountSource, NetworkMode};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::life::Container;
use crate::merge::merge;
use crate::names;

/// A container that is wanted.
#[derive(Clone, Debug, Default)]
pub struct CreateRequest {
    /// The image.
    pub image: String,
    /// Its name; one is made up otherwise.
    pub name: Option<String>,
    /// Takes the place of the image's entry point, also when it is empty.
    pub entrypoint: Option<Vec<String>>,
    /// Seconds that `stop` waits.
    pub stop_timeout_s: Option<u32>,
    /// Everything else; what is empty comes from the image.
    pub config: ContainerConfig,
}

/// Handle on the containers.
#[derive(Clone, Copy, Debug)]
pub struct Containers<'a> {
    pub(crate) engine: &'a Engine,
}

/// A container whose record exists, on its way to its first start.
pub(crate) struct Made {
    pub(crate) id: ContainerId,
    pub(crate) name: String,
    pub(crate) config: ContainerConfig,
    pub(crate) image: Image,
    pub(crate) dirs: ContainerDirs,
}

impl<'a> Containers<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Makes a container; it does not run. Gives its id.
    ///
    /// # Errors
    /// For values that no container can have, an unknown image, a name that is taken, or what the disk refuses. Nothing is
    /// left then.
    pub fn create(&self, request: &CreateRequest) -> Result<ContainerId, EngineError> {
        let made = self.make(request, false)?;
        match self.check(&made) {
            Ok(()) => Ok(made.id),
            Err(error) => {
                self.engine.store.containers().remove(&made.id)?;
                self.remove_anonymous_volumes(&made.config);
                Err(error)
            }
        }
    }

    /// What a request would do, without doing it: nothing is written and nothing is left.
    ///
    /// # Errors
    /// As [`Containers::create`].
    pub fn explain(&self, request: &CreateRequest) -> Result<Plan, EngineError> {
        let image = self.engine.images().resolve(&request.image)?;
        let config = self.resolve_names(merge(request, &image.config.config)?)?;
        let id = names::random_id()?;
        let dirs = self.engine.store.containers().dirs(&id);
        let volumes: Vec<PathBuf> = crate::oci::volume_names(&config)
            .map(|(name, ..)| self.engine.paths().root.join("volumes").join(name))
            .collect();
        let made = Made { id, name: String::new(), config, image, dirs };
        self.plan(&made, &volumes).map(|(plan, _)| plan)
    }

    pub(crate) fn make(&self, request: &CreateRequest, active: bool) -> Result<Made, EngineError> {
        let image = self.engine.images().resolve(&request.image)?;
        let config = self.resolve_names(merge(request, &image.config.config)?)?;
        let id = names::random_id()?;
        let name: ContainerName = match &request.name {
            Some(name) => name.parse().map_err(|_bad| {
                EngineError::value(
                    "container name",
                    name.clone(),
                    "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two characters",
                )
            })?,
            None => names::random_name()?,
        };
        let now = monitor::now_ns();
        let volumes: Vec<String> =
            crate::oci::volume_names(&config).map(|(name, ..)| name.to_owned()).collect();
        for (name, anonymous, ..) in crate::oci::volume_names(&config) {
            self.engine.store.volumes().ensure(name, now, anonymous)?;
        }
        let json = serde_json::to_string(&config)
            .map_err(|cause| EngineError::Record { name: name.to_string(), cause })?;
        let inserted = self.engine.store.containers().insert(&NewContainer {
            id: &id,
            name: &name,
            image: Some(&image.id),
            image_name: &request.image,
            created_ns: now,
            config: &json,
            volumes: &volumes,
            active,
        });
        match inserted {
            Ok(dirs) => Ok(Made { id, name: name.to_string(), config, image, dirs }),
            Err(error) => {
                self.remove_anonymous_volumes(&config);
                Err(error.into())
            }
        }
    }

    /// Everything that would be refused at the start is refused when the container is made.
    fn check(&self, made: &Made) -> Result<(), EngineError> {
        let volumes: Vec<PathBuf> =
            crate::oci::volume_names(&made.config).map(|_| PathBuf::from("/")).collect();
        match (&made.config.network, self.plan(made, &volumes)) {
            // The other container may run by then.
            (NetworkMode::Container(_), Err(EngineError::State { .. })) => Ok(()),
            (_, planned) => planned.map(drop),
        }
    }

    pub(crate) fn remove_anonymous_volumes(&self, config: &ContainerConfig) {
        for (name, anonymous, ..) in crate::oci::volume_names(config) {
            if anonymous {
                // Best effort: the error that is on its way tells more.
                let _kept = self.engine.store.volumes().remove(name);
            }
        }
    }

    /// Names of other containers become their ids: a name may mean another container tomorrow.
    fn resolve_names(&self, mut config: ContainerConfig) -> Result<ContainerConfig, EngineError> {
        if let NetworkMode::Container(name) = &mut config.network {
            *name = self.engine.store.containers().get(name)?.id.as_str().to_owned();
        }
        for mount in &config.mounts {
            if let MountSource::Bind { path, create } = &mount.source
                && !create
                && !path.exists()
            {
                return Err(EngineError::value(
                    "mount",
                    path.display().to_string(),
                    "the source does not exist",
                ));
            }
        }
        Ok(config)
    }

    /// The container of that name or id, with its true state.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, text: &str) -> Result<Container, EngineError> {
        let record = self.engine.store.containers().get(text)?;
        self.container(record)
    }

    /// Every container, the newest first, each with its true state.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all(&self) -> Result<Vec<Container>, EngineError> {
        self.engine
            .store
            .containers()
            .list()?
            .into_iter()
            .map(|record| self.container(record))
            .collect()
    }

    pub(crate) fn container(&self, record: ContainerRecord) -> Result<Container, EngineError> {
        let config = serde_json::from_str(&record.config)
            .map_err(|cause| EngineError::Record { name: record.name.clone(), cause })?;
        let dirs = self.engine.store.containers().dirs(&record.id);
        let state = self.state(&record, &dirs)?;
        Ok(Container { record, config, dirs, state })
    }

    /// Files of the container's root as its processes see them: of the running process where there is one.
    pub(crate) fn root_view(&self, upper: &std::path::Path, image: &Image) -> RootView {
        let mut directories = vec![upper.to_owned()];
        directories.extend(self.engine.store.images().layer_paths(image));
        RootView::of(&directories)
    }
}
