//! Making containers. What happens to them afterwards is in [`crate::start`], [`crate::life`], [`crate::exec`] and [`crate::list`].

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use libcontainer::Plan;
use monitor::StateFile;
use spec::{ContainerId, ContainerName};
use store::{
    ContainerDirs, ContainerRecord, Image, Inherited, NewContainer, RootView, Status, StoreError,
};

use crate::config::{ContainerConfig, UserMode};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::life::{Container, Holder};
use crate::lock::Lock;
use crate::merge::merge;
use crate::names;
use crate::state::State;
use crate::user_namespaces::NewIds;

/// A container that is wanted.
#[derive(Clone, Debug, Default)]
pub struct CreateRequest {
    /// The image.
    pub image: String,
    /// Its name; one is made up otherwise.
    pub name: Option<String>,
    /// Takes the place of the image's entry point, also when it is empty.
    pub entrypoint: Option<Vec<String>>,
    /// Whether the image's command holds all the same where the caller has none.
    pub keeps_command: bool,
    /// Seconds that `stop` waits.
    pub stop_timeout_s: Option<i64>,
    /// Whether a container that has the name is removed first.
    pub replace: bool,
    /// What becomes of the image's environment.
    pub env_rules: EnvRules,
    /// Everything else; what is empty comes from the image.
    pub config: ContainerConfig,
}

/// What becomes of the environment that the image gives.
#[derive(Clone, Debug, Default)]
pub struct EnvRules {
    /// Names that are left out.
    pub unset: Vec<String>,
    /// Whether all of it is left out, and PATH too.
    pub unset_all: bool,
    /// `NAME=value` in which `${NAME}` stands for what was before.
    pub merge: Vec<String>,
    /// `NAME=value` that hold where nobody else says anything.
    pub fallback: Vec<String>,
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
    /// The image as it was asked for.
    pub(crate) image_name: String,
    /// Nothing for one of a directory.
    pub(crate) image: Option<Image>,
    pub(crate) dirs: ContainerDirs,
    /// Held until its monitor has it; only its end matters.
    pub(crate) _lock: Option<Lock>,
}

impl<'a> Containers<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Makes a container; it does not run. Gives its id, and what people are told about limits that it will not have.
    ///
    /// # Errors
    /// For values that no container can have, an unknown image, a name that is taken, or what the disk refuses. Nothing is
    /// left then.
    pub fn create(
        &self,
        request: &CreateRequest,
    ) -> Result<(ContainerId, Vec<String>), EngineError> {
        let made = self.make(names::random_id()?, request, false)?;
        match self.check(&made) {
            Ok(warnings) => {
                self.tell_made(&made, &["create"]);
                Ok((made.id, warnings))
            }
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
        let image = self.image_of(&request.config, &request.image)?;
        let config = self.wanted(request, image.as_ref())?;
        let id = names::random_id()?;
        let dirs = self.engine.store.containers().dirs(&id);
        let image_name = request.image.clone();
        let made = Made { id, name: String::new(), config, image_name, image, dirs, _lock: None };
        let origins = self.origins(&made)?;
        self.plan(&made, &origins).map(|(plan, _)| plan)
    }

    pub(crate) fn make(
        &self,
        id: ContainerId,
        request: &CreateRequest,
        active: bool,
    ) -> Result<Made, EngineError> {
        let image = self.image_of(&request.config, &request.image)?;
        let config = self.wanted(request, image.as_ref())?;
        let Some(name) = &request.name else {
            return names::first_free(names::random_name, |name| {
                self.record(
                    (id.clone(), name),
                    (image.clone(), &request.image),
                    (config.clone(), Inherited::default()),
                    active,
                )
            });
        };
        let name: ContainerName = names::parse(name)?;
        if request.replace {
            // Whatever can be wrong is found before anything goes.
            self.explain(request)?;
            self.replace(name.as_str())?;
        }
        let config = (config, Inherited::default());
        self.record((id, &name), (image, &request.image), config, active)
    }

    /// Writes a container down, with the volumes that are not there yet.
    pub(crate) fn record(
        &self,
        (id, name): (ContainerId, &ContainerName),
        (image, image_name): (Option<Image>, &str),
        (mut config, inherited): (ContainerConfig, Inherited<'_>),
        active: bool,
    ) -> Result<Made, EngineError> {
        while config.security.selinux.as_ref().is_some_and(|labels| labels.is_own) {
            let image = (image.clone(), image_name);
            match self.record_as((id.clone(), name), image, (config.clone(), inherited), active) {
                // Another container has its level.
                Err(EngineError::Store(StoreError::LevelTaken { .. })) => {
                    self.choose_label(&mut config)?;
                }
                recorded => return recorded,
            }
        }
        self.record_as((id, name), (image, image_name), (config, inherited), active)
    }

    fn record_as(
        &self,
        (id, name): (ContainerId, &ContainerName),
        (image, image_name): (Option<Image>, &str),
        (config, inherited): (ContainerConfig, Inherited<'_>),
        active: bool,
    ) -> Result<Made, EngineError> {
        let now = monitor::now_ns();
        let volumes: Vec<String> =
            crate::oci::volume_names(&config).map(|(name, ..)| name.to_owned()).collect();
        // Before any row: the default network is made when it is first asked for.
        let places = self.wishes(&config)?;
        self.make_volumes(&config, now)?;
        let images = crate::mounts::images(&config);
        let ids = self.own_ids(&config, image.as_ref())?;
        let json = config
            .to_json()
            .map_err(|cause| EngineError::Record { name: name.to_string(), cause })?;
        let new = NewContainer {
            id: &id,
            name,
            image: image.as_ref().map(|image| &image.id),
            image_name,
            created_ns: now,
            config: &json,
            volumes: &volumes,
            images: &images,
            secrets: &crate::secrets::names(&config.secrets),
            places: &places,
            bound_bytes: config.bound_bytes(),
            ids: ids.as_ref().map(NewIds::wanted),
            level: level_of(&config),
            inherited,
            active,
        };
        match self.engine.store.containers().insert(&new) {
            // Locked before its record is seen: a list at this moment would find neither monitor nor end, and call it lost.
            Ok((dirs, lock)) => {
                let lock = Some(Lock::held(lock));
                let (name, image_name) = (name.to_string(), image_name.to_owned());
                let made = Made { id, name, config, image_name, image, dirs, _lock: lock };
                match self.furnish(&made) {
                    Ok(()) => Ok(made),
                    Err(error) => {
                        // What refuses this, too, the next removal of what is left tells.
                        let _kept = self.engine.store.containers().remove(&made.id);
                        self.remove_anonymous_volumes(&made.config);
                        Err(error)
                    }
                }
            }
            Err(error) => {
                self.remove_anonymous_volumes(&config);
                Err(error.into())
            }
        }
    }

    /// What is done to a new container's files before anybody sees them.
    fn furnish(&self, made: &Made) -> Result<(), EngineError> {
        self.give_to_root(made)?;
        let is_kept = matches!(made.config.sharing.users, UserMode::KeepId(_));
        if !is_kept && !crate::hardened::has_our_user(&made.config) {
            return Ok(());
        }
        let (view, ids) = (self.root_view(made), self.ids_written(made)?);
        self.name_kept_user(made, &view, ids.as_ref())?;
        crate::hardened::furnish(made, &view, ids.as_ref())
    }

    /// Everything that would be refused at the start is refused when the container is made.
    pub(crate) fn check(&self, made: &Made) -> Result<Vec<String>, EngineError> {
        let origins = self.origins(made)?;
        match self.plan(made, &origins) {
            // The other container may run by then.
            Err(EngineError::State { .. }) => Ok(Vec::new()),
            planned => planned.map(|(plan, _)| {
                plan.cgroup.told(&[]).iter().map(|told| crate::oci::in_flags(told)).collect()
            }),
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

    /// What a request and its image make of a container.
    fn wanted(
        &self,
        request: &CreateRequest,
        image: Option<&Image>,
    ) -> Result<ContainerConfig, EngineError> {
        let of_image = run_config(image);
        let mut merged = merge(request, &of_image)?;
        self.keep_user(request, &mut merged);
        let may_map = self.engine.maps_users();
        let view = |config: &ContainerConfig| RootView::of(&self.lower(config, image));
        let mut merged = crate::whole_system::prepare(request, &of_image, merged, may_map, view)?;
        if self.engine.is_nested() {
            // A process has one listener, and who answers it outside tells the limits of inside, too.
            let asked = &request.config.security.emulate;
            merged.security.emulate.retain(|call| asked.contains(call));
        }
        self.resolve_names(crate::hardened::harden(request, merged, may_map)?)
    }

    /// Names of other containers become their ids, and sources of mounts must be there.
    fn resolve_names(&self, mut config: ContainerConfig) -> Result<ContainerConfig, EngineError> {
        config.tell_plugins_apart();
        self.resolve_others(&mut config)?;
        self.resolve_mounts(&mut config)?;
        self.check_secrets(&config)?;
        crate::mounts::check_sources(&config)?;
        crate::roots::check(&config)?;
        crate::nesting::check(&config)?;
        self.check_interfaces(&config)?;
        crate::seccomp::check(&config)?;
        Ok(config)
    }

    /// The container of that name or id, with its true state.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, text: &str) -> Result<Container, EngineError> {
        let record = self.engine.store.containers().get(text)?;
        self.container(record, Holder::Others)
    }

    /// The same for a caller that holds the container's lock.
    pub(crate) fn get_locked(&self, id: &ContainerId) -> Result<Container, EngineError> {
        let record = self.engine.store.containers().get(id.as_str())?;
        self.container(record, Holder::Caller)
    }

    /// Every container, the newest first, each with its true state.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all(&self) -> Result<Vec<Container>, EngineError> {
        self.look_at(self.engine.store.containers().list()?).collect()
    }

    /// Each with its true state, one after the other.
    pub(crate) fn look_at(
        &self,
        records: Vec<ContainerRecord>,
    ) -> impl Iterator<Item = Result<Container, EngineError>> {
        let states = File::open(self.engine.store.paths().container_states()).ok();
        records.into_iter().filter_map(move |record| {
            let claimed = states.as_ref().and_then(|states| claimed_below(states, &record));
            match self.look(record, Holder::Others, claimed) {
                // Its command was killed before there was a monitor to see to it.
                Ok(Container { record, config, state: State::Exited(_), .. })
                    if config.auto_remove =>
                {
                    self.ended(&record.id).err().map(Err)
                }
                looked => Some(looked),
            }
        })
    }

    pub(crate) fn container(
        &self,
        record: ContainerRecord,
        holder: Holder,
    ) -> Result<Container, EngineError> {
        self.look(record, holder, None)
    }

    /// With the state that a monitor claims, where that is known.
    fn look(
        &self,
        record: ContainerRecord,
        holder: Holder,
        claimed: Option<StateFile>,
    ) -> Result<Container, EngineError> {
        let config = serde_json::from_str(&record.config)
            .map_err(|cause| EngineError::Record { name: record.name.clone(), cause })?;
        let dirs = self.engine.store.containers().dirs(&record.id);
        let state = match claimed {
            Some(state) => State::running(state, true, false),
            None => self.state(&record, &dirs, holder)?,
        };
        Ok(Container { record, config, dirs, state })
    }
}

/// The state that a monitor claims, in what all state directories are in: a list of thousands need not walk there for each.
fn claimed_below(states: &File, record: &ContainerRecord) -> Option<StateFile> {
    if record.status != Status::Active {
        return None;
    }
    // Whoever looks further meets the same error.
    monitor::find_claimed(states.as_fd(), Path::new(record.id.as_str())).ok().flatten()
}

/// The level of its SELinux labels.
fn level_of(config: &ContainerConfig) -> Option<store::Level<'_>> {
    let labels = config.security.selinux.as_ref().filter(|labels| !labels.level.is_empty())?;
    Some(store::Level { text: &labels.level, is_own: labels.is_own })
}

/// What an image says of its containers; a directory says nothing.
pub(crate) fn run_config(image: Option<&Image>) -> spec::image::RunConfig {
    image.map(|image| image.config.config.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EngineConfig, Import, Paths};

    fn engine(directory: &std::path::Path) -> Engine {
        let paths = Paths { root: directory.join("root"), state: directory.join("state") };
        let (program, cni) = ("/proc/self/exe".into(), crate::CniPaths::default());
        Engine::open(EngineConfig {
            paths,
            program,
            secret_key: None,
            cni,
            keeper: None,
            bus: None,
        })
        .unwrap()
    }

    /// An engine with the image `empty`, and a request for it.
    fn with_image(directory: &std::path::Path) -> (Engine, CreateRequest) {
        let engine = engine(directory);
        let import = Import { reference: Some("empty".parse().unwrap()), ..Import::default() };
        let archive = store::tar::Writer::new(Vec::new()).finish().unwrap();
        engine.images().import(&archive[..], &import).unwrap();
        let config =
            ContainerConfig { command: vec!["/x".to_owned()], ..ContainerConfig::default() };
        (engine, CreateRequest { image: "empty".to_owned(), config, ..CreateRequest::default() })
    }

    #[test]
    fn a_container_about_to_start_is_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let made = engine.containers().make(names::random_id().unwrap(), &request, true).unwrap();
        let other = self::engine(directory.path());
        let look = || other.containers().all().unwrap().remove(0).state;
        assert_eq!(look(), State::Starting);
        assert_eq!(look(), State::Starting, "looking changed nothing");
        // Its command is killed before there is a monitor.
        drop(made);
        assert!(matches!(look(), State::Exited(ended) if ended.code == 255));
    }

    #[test]
    fn an_end_of_a_former_run_is_no_news() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let made = engine.containers().make(names::random_id().unwrap(), &request, true).unwrap();
        let (id, dirs) = (made.id.clone(), made.dirs.clone());
        drop(made);
        let exit = dirs.container.join("exit.json");
        let text = r#"{"version":1,"code":3,"oom_killed":false,"started_at":"a","finished_at":"b","error":""}"#;
        std::fs::File::create(&exit)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
        let seen = monitor::observe(&dirs.state, &dirs.container).unwrap();
        let containers = engine.containers();
        let is_news = || {
            let record = engine.store.containers().get(id.as_str()).unwrap();
            containers.is_news(&record, &dirs, &seen).unwrap().is_some()
        };
        assert!(is_news());
        // Another command begins the next run, as it does first of all.
        std::fs::remove_file(&exit).unwrap();
        assert!(!is_news());
        assert_eq!(
            engine.store.containers().get(id.as_str()).unwrap().status,
            store::Status::Active
        );
    }

    #[test]
    fn what_is_refused_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let mut wrong = request.clone();
        wrong.config.user = "nobody-here".to_owned();
        assert!(engine.containers().create(&wrong).is_err());
        let named = CreateRequest { name: Some("a b".to_owned()), ..request.clone() };
        assert!(engine.containers().create(&named).is_err());
        assert_eq!(engine.containers().all().unwrap().len(), 0);
        let containers = directory.path().join("root/containers");
        assert_eq!(std::fs::read_dir(containers).unwrap().count(), 0);
    }

    #[test]
    fn names_belong_to_one_container() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let request = CreateRequest { name: Some("web".to_owned()), ..request };
        let (id, _) = engine.containers().create(&request).unwrap();
        let error = engine.containers().create(&request).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Conflict);
        assert_eq!(engine.containers().get("web").unwrap().record.id, id);
        assert_eq!(engine.containers().get(id.short()).unwrap().state.word(), "created");
        assert!(engine.containers().kill("web", 15).is_err());
        engine.containers().remove("web", false, false).unwrap();
        assert!(engine.containers().get("web").is_err());
    }

    #[test]
    fn waiting_for_a_start_that_never_comes_ends() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let made = engine.containers().make(names::random_id().unwrap(), &request, true).unwrap();
        let (id, path) = (made.id.clone(), directory.path().to_owned());
        let waiter = std::thread::spawn(move || {
            self::engine(&path).containers().wait(id.as_str()).map_err(|error| error.to_string())
        });
        // Its command ends without having started anything: a lost container has Docker's 255, no sooner than that.
        assert_eq!(engine.containers().all().unwrap().remove(0).state, State::Starting);
        drop(made);
        assert_eq!(waiter.join().unwrap(), Ok(255));
    }

    #[test]
    fn a_record_without_a_directory_goes() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, request) = with_image(directory.path());
        let (id, _) = engine.containers().create(&request).unwrap();
        std::fs::remove_dir_all(directory.path().join("root/containers").join(id.as_str()))
            .unwrap();
        engine.containers().remove(id.as_str(), false, false).unwrap();
        assert_eq!(engine.containers().all().unwrap().len(), 0);
    }

    #[test]
    fn explaining_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, mut request) = with_image(directory.path());
        request.config.mounts = vec![crate::parse::volume("data:/data").unwrap()];
        let plan = engine.containers().explain(&request).unwrap().to_string();
        assert!(plan.contains("mount overlay of 1 layers"), "{plan}");
        assert_eq!(engine.containers().all().unwrap().len(), 0);
        assert!(!directory.path().join("root/volumes/data").exists());
    }
}
