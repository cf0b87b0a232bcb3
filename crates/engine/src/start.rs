//! Starting a container: its configuration becomes a plan, the plan a hand-off, and a monitor takes it.

use std::path::Path;
use std::time::Duration;

use libcontainer::cgroup::{Choices, WhenMissing};
use libcontainer::{Context, CoreGroup, Plan};
use monitor::log::LogDriver;
use monitor::{
    Ahead, Connection, EMULATION_SOCKET, FromMonitor, HANDOFF_VERSION, HandOff, PAUSED, Received,
    RestoreRules, StopRules, Waiting,
};
use spec::ContainerId;
use store::{Paths, Status};

use crate::checkpoints::CheckpointName;
use crate::config::{ContainerConfig, MountSource, NetworkMode};
use crate::containers::{Containers, CreateRequest, Made};
use crate::error::EngineError;
use crate::life::{Container, group_of};
use crate::lock::Lock;
use crate::logging::{check_passthrough, log_rules};
use crate::mounts::Origin;
use crate::names;
use crate::oci::{self, HostFiles, Joined, Surroundings};
use crate::state::{Action, Allowed, State};
use crate::{console, landlock, seccomp, secrets, users};

/// What a start wants to see of its container.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attach {
    /// Input will be written.
    pub input: bool,
    /// Output is wanted.
    pub output: bool,
    /// Rows and columns of the caller's terminal: a container's own begins with them.
    pub size: Option<(u16, u16)>,
}

/// A container that is about to be: its id, and the process of its monitor. It is made before the store is opened, so that the
/// one starts while the other is read; dropped, it leaves nothing.
#[derive(Debug)]
pub struct Launch {
    id: ContainerId,
    monitor: Waiting,
}

impl Launch {
    /// Starts the process. The caller may have other threads.
    ///
    /// # Errors
    /// When the caller is not root, or the process cannot be made.
    pub fn begin(paths: &Paths, config: &ContainerConfig) -> Result<Self, EngineError> {
        crate::engine::demand_root()?;
        let id = names::random_id()?;
        let monitor = prepare(&id, &paths.container_state(&id), config)?;
        Ok(Self { id, monitor })
    }
}

fn prepare(
    id: &ContainerId,
    state: &Path,
    config: &ContainerConfig,
) -> Result<Waiting, EngineError> {
    let failed = |cause| EngineError::Spawn { name: id.short().to_owned(), cause };
    let ahead = match config.network {
        // Its network namespace belongs to its users.
        _ if config.sharing.users.is_inside() => Ahead::Nothing,
        NetworkMode::None | NetworkMode::Networks(_) => Ahead::Network,
        NetworkMode::Host | NetworkMode::Container(_) => Ahead::Nothing,
    };
    monitor::prepare(id.as_str(), state, ahead).map_err(failed)
}

impl Containers<'_> {
    /// Makes a container and starts it. The connection hears whether it started, and misses no output.
    ///
    /// # Errors
    /// As [`Containers::create`]. When the program itself cannot be run that comes as a message.
    pub fn run(
        &self,
        launch: Launch,
        request: &CreateRequest,
        attach: Attach,
    ) -> Result<(ContainerId, String, Connection), EngineError> {
        self.start_required(&request.config)?;
        let made = self.make(launch.id, request, true)?;
        let is_watched = attach.input || attach.output;
        self.tell_made(&made, if is_watched { &["create", "attach"] } else { &["create"] });
        match self.hand_over(&made, launch.monitor, (attach, None)) {
            Ok(connection) => Ok((made.id, made.name, connection)),
            Err(error) => {
                // Nothing of it ever ran.
                self.engine.store.containers().remove(&made.id)?;
                self.tell_made(&made, &["destroy"]);
                self.remove_anonymous_volumes(&made.config);
                Err(error)
            }
        }
    }

    /// Starts a container that was made before; gives nothing when it runs already.
    ///
    /// # Errors
    /// When it is paused, or its plan, its monitor or its files are refused.
    pub fn start(&self, text: &str, attach: Attach) -> Result<Option<Connection>, EngineError> {
        self.start_from(text, attach, None)
    }

    /// The same for one that goes on from a checkpoint, where one is named.
    ///
    /// # Errors
    /// Besides, when there is no such checkpoint or no CRIU. What CRIU refuses comes as a message.
    pub fn start_from(
        &self,
        text: &str,
        attach: Attach,
        checkpoint: Option<&CheckpointName>,
    ) -> Result<Option<Connection>, EngineError> {
        let (lock, container) = self.locked(text)?;
        if container.allow(Action::Start)? == Allowed::Already {
            // What runs is not what was asked for.
            return checkpoint
                .map_or(Ok(None), |_| Err(container.refuse(Action::Start, "running")));
        }
        let restore =
            checkpoint.map(|checkpoint| self.restore_rules(&container, checkpoint)).transpose()?;
        if attach.input || attach.output {
            self.tell(&container, "attach", &[]);
        }
        let id = container.record.id.clone();
        self.start_locked(lock, container, (attach, restore))
            .map(Some)
            .inspect_err(|_| self.never_ran(&id))
    }

    /// One that is to be removed at its end goes when it cannot be started, too: who waits for its removal would wait for ever.
    fn never_ran(&self, id: &ContainerId) {
        // What cannot be removed is seen, and the caller tells why it did not start.
        let _stays = self.ended(id);
    }

    /// Stops a container that runs, and starts it. Its removal at its end, where it is to be removed, waits for the lock and
    /// finds it running.
    ///
    /// # Errors
    /// As [`Containers::stop`] and [`Containers::start`].
    pub fn restart(
        &self,
        text: &str,
        signal: Option<i32>,
        timeout_s: Option<i64>,
    ) -> Result<(ContainerId, Connection), EngineError> {
        let (lock, container) = self.locked(text)?;
        let id = container.record.id.clone();
        // One that is about to start does so first.
        match self.stop_found(self.until_started(container)?, signal, timeout_s) {
            // It is not to stay down.
            Ok(_) | Err(EngineError::Remember { .. }) => {}
            Err(error) => return Err(error),
        }
        let container = self.get_locked(&id)?;
        if container.allow(Action::Start)? == Allowed::Already {
            return Err(container.refuse(Action::Start, "running"));
        }
        let started = self.start_locked(lock, container, (Attach::default(), None));
        Ok((id.clone(), started.inspect_err(|_| self.never_ran(&id))?))
    }

    /// Tells that a container was restarted, and gives what it warns of.
    ///
    /// # Errors
    /// As [`Containers::started`].
    pub fn restarted(
        &self,
        id: &ContainerId,
        name: &str,
        connection: &mut Connection,
    ) -> Result<Vec<String>, EngineError> {
        let warnings = self.started(id, name, connection)?;
        self.tell_of(id, "restart")?;
        Ok(warnings)
    }

    /// The same for one that stands still and whose lock is held.
    pub(crate) fn start_locked(
        &self,
        lock: Lock,
        container: Container,
        (attach, restore): (Attach, Option<RestoreRules>),
    ) -> Result<Connection, EngineError> {
        self.start_required(&container.config)?;
        let image = container.record.image.as_ref().map(ToString::to_string).unwrap_or_default();
        let image = self.image_of(&container.config, &image)?;
        container.dirs.make_state()?;
        // It may have been killed while it stood still.
        let _absent = std::fs::remove_file(container.dirs.state.join(PAUSED));
        crate::recording::forget(&container);
        // Its changes were made for one run: overlayfs asks whether they are good enough for another one.
        let _absent = std::fs::remove_dir_all(container.dirs.work.join("work/incompat/volatile"));
        let before = container.record.status;
        let made = Made {
            id: container.record.id,
            name: container.record.name,
            image_name: container.record.image_name,
            config: *container.config,
            image,
            dirs: container.dirs,
            _lock: Some(lock),
        };
        // First the record: a command that is killed after the monitor began must not leave an unknown container running.
        let records = self.engine.store.containers();
        records.set_active(&made.id)?;
        let started = prepare(&made.id, &made.dirs.state, &made.config)
            .and_then(|monitor| self.hand_over(&made, monitor, (attach, restore)));
        let error = match started {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        match before {
            Status::Exited(ended) => records.set_exited(&made.id, &ended)?,
            Status::Created { .. } | Status::Active => {
                let words = libcontainer::chain(&error);
                records.set_created(&made.id, error.exit_code().into(), &words)?;
            }
        }
        Err(error)
    }

    fn hand_over(
        &self,
        made: &Made,
        monitor: Waiting,
        (attach, restore): (Attach, Option<RestoreRules>),
    ) -> Result<Connection, EngineError> {
        let log = log_rules(made)?;
        if log.driver == LogDriver::Passthrough {
            check_passthrough(attach)?;
        }
        let contents = self.contents(&made.config.secrets)?;
        make_bind_sources(&made.config)?;
        crate::roots::make_work(&made.config)?;
        self.copy_layers(made)?;
        let origins = self.prepare_mounts(made)?;
        let networks = self.give_places(made)?;
        let group = self.engine.group_for(&made.config, &made.id, monitor.pid())?;
        let (mut plan, files) = self.plan_in(made, &origins, group)?;
        self.engine.apparmor().demand(plan.process.apparmor_profile.as_deref())?;
        plan.process.console_size = attach
            .size
            .filter(|_| made.config.tty)
            .map(|(height, width)| spec::runtime::ConsoleSize { height, width });
        if !matches!(made.config.network, NetworkMode::Container(_)) {
            let hostname = hostname(&made.config, &made.id);
            let linked = self.linked(&made.id)?;
            files.write(&hostname, &made.config, networks.as_ref(), &linked)?;
            if let Some(maps) = self.maps_on_disk(&made.config, &made.id)? {
                files.give(maps.root())?;
            }
        }
        let handoff = HandOff {
            version: HANDOFF_VERSION,
            id: made.id.as_str().to_owned(),
            plan,
            state_dir: made.dirs.state.clone(),
            container_dir: made.dirs.container.clone(),
            emulates: !made.config.security.emulate.is_empty(),
            is_system: made.config.system,
            console: console::rules(&made.config),
            open_stdin: made.config.open_stdin,
            stdin_once: made.config.stdin_once,
            log,
            restart: made.config.restart,
            health: self.health_rules(made)?,
            variables: secrets::variables(&made.config.secrets),
            stop: StopRules {
                signal: made.config.stop_signal,
                // Docker's −1 is patience without end.
                patience: u64::try_from(made.config.stop_timeout_s).ok().map(Duration::from_secs),
            },
            networks,
            interfaces: interfaces(made),
            keeper: self.engine.keeper.clone(),
            events: Some(self.event_rules(made)),
            timeout: Some(made.config.timeout_s)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            pid_file: made.config.pid_file.clone(),
            restore,
            auto_remove: self.end_command(&made.config, &made.id),
        };
        monitor
            .with_contents(contents)
            .give(&handoff, attach.input, attach.output)
            .map_err(|cause| EngineError::Spawn { name: made.name.clone(), cause })
    }

    /// A command that a monitor has carried out for its container.
    pub(crate) fn own_command<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
        let paths = self.engine.paths();
        let (root, state) = (paths.root.display().to_string(), paths.state.display().to_string());
        let before = ["corten", "--root", &root, "--state", &state];
        let words = words.into_iter().map(str::to_owned);
        before.into_iter().map(str::to_owned).chain(words).collect()
    }

    /// The plan of a container that is not about to start: the group in it is root's.
    pub(crate) fn plan(
        &self,
        made: &Made,
        origins: &[Origin],
    ) -> Result<(Plan, HostFiles), EngineError> {
        self.plan_in(made, origins, group_of(&made.config, &made.id))
    }

    fn plan_in(
        &self,
        made: &Made,
        origins: &[Origin],
        cgroup_path: String,
    ) -> Result<(Plan, HostFiles), EngineError> {
        let view = self.root_view(made);
        let mut account = users::lookup(&made.config.user, &view)?;
        users::add_groups(&mut account, &made.config.groups, &view)?;
        let shared = match &made.config.network {
            NetworkMode::Container(id) => Some(self.running(id)?),
            NetworkMode::None | NetworkMode::Host | NetworkMode::Networks(_) => None,
        };
        let joined =
            Joined { network: shared.as_ref().map(|(pid, _)| *pid), ..self.joined(&made.config)? };
        // Whoever shares a network is known by its names too.
        let directory =
            shared.as_ref().map_or(&made.dirs.container, |(_, other)| &other.dirs.container);
        let files =
            HostFiles::of(directory, &made.config).in_networks_of(self.engine.keeper.as_ref());
        let hostname = hostname_beside(shared.as_ref().map(|(_, other)| other), made);
        let users = self.users(made)?;
        if let Some(users) = &users {
            users.demand(&account)?;
        }
        let apparmor = self.apparmor_profile(&made.config)?;
        let surroundings = Surroundings {
            hostname: &hostname,
            account: &account,
            files: Some(&files),
            joined,
            users: users.as_ref(),
            apparmor: apparmor.as_deref(),
            origins,
        };
        let mut spec = oci::spec(&made.config, &surroundings)?;
        if self.engine.keeper.is_some() {
            oci::for_a_user(&mut spec, &made.config);
        } else if self.engine.is_nested() {
            oci::for_a_part(&mut spec, &made.config, crate::id_pool::own_count());
        }
        console::tell_init(&mut spec, (&made.config, &made.id));
        let context = self.context(made, cgroup_path)?;
        let mut plan = libcontainer::plan(&spec, &context)?;
        crate::hardened::keep_writable(&mut plan, &made.config);
        crate::whole_system::complete(&mut plan, &made.config)?;
        crate::group_files::add(&mut plan, &made.config)?;
        plan.process.scheduling.core = made.config.own_cores.then_some(CoreGroup::Own);
        plan.process.landlock = landlock::plan(&made.config, &mut plan.process.warnings)?;
        if let Some(users) = &users {
            users.lend(&mut plan, &made.config.mounts, origins);
        }
        oci::share_memory(&mut plan, joined);
        crate::mounts::keep_inside(&mut plan, &made.config, origins);
        plan.give(secrets::gifts(&made.config.secrets))?;
        Ok((plan, files))
    }

    fn context(&self, made: &Made, cgroup_path: String) -> Result<Context, EngineError> {
        Ok(Context {
            terminals: console::choices(&made.config)?,
            root: self.root_source(made)?,
            root_options: crate::roots::options(&made.config),
            cgroup_path,
            seccomp: seccomp::program(self.engine, &made.config, self.is_bounded(&made.config)?)?
                .map(|filter| filter.asking_at(|| made.dirs.state.join(EMULATION_SOCKET))),
            init: made.config.init,
            // As Docker does: a limit that cannot be set is no reason not to run, but it is said.
            when_missing: WhenMissing::Warn,
            // A group of this name was left by a crash: nobody else knows it.
            cgroups: Choices {
                unprivileged: self.engine.keeper.is_some() || self.engine.is_nested(),
                gives_v1: made.config.divides_groups(),
                ..Choices::default()
            },
            ..Context::new(made.id.to_string(), "/", self.engine.layout()?.clone())
        })
    }

    /// Waits for the first word of a monitor: whether its container started. Gives what people are told about limits that it does
    /// not have.
    ///
    /// # Errors
    /// [`EngineError::Start`] with the exit code for it; the record says so too, and with `--rm` there is none any more.
    pub fn started(
        &self,
        id: &ContainerId,
        name: &str,
        connection: &mut Connection,
    ) -> Result<Vec<String>, EngineError> {
        let failed = |why: String, code| EngineError::Start { name: name.to_owned(), why, code };
        let error = match connection.receive() {
            Ok(Received::Message(FromMonitor::Started { warnings, .. })) => {
                return Ok(warnings.lines().map(oci::in_flags).collect());
            }
            Ok(Received::Message(FromMonitor::StartFailed { code, error })) => {
                failed(self.engine.words_of_monitor(error), code)
            }
            Ok(Received::Message(_)) => failed("its monitor speaks out of turn".to_owned(), 125),
            Ok(Received::Closed) => failed("its monitor ended without a word".to_owned(), 125),
            Err(errno) => failed(format!("hear its monitor: {errno}"), 125),
        };
        self.record_failed_start(id, &error)?;
        Err(error)
    }

    fn record_failed_start(
        &self,
        id: &ContainerId,
        error: &EngineError,
    ) -> Result<(), EngineError> {
        // Another command may have started it meanwhile, and then this one's failure is no news any more.
        let Some((_lock, container)) = self.lock(id)? else { return Ok(()) };
        if !matches!(container.state, State::Created { .. } | State::Exited(_)) {
            return Ok(());
        }
        // One whose plugins do not let go of it stays, so that they can be asked again.
        if container.config.auto_remove && self.leave_plugins(&container, false).is_ok() {
            self.hide_removed(&container)?;
            self.engine.store.containers().remove(id)?;
            self.tell(&container, "destroy", &[]);
            self.remove_anonymous_volumes(&container.config);
            return Ok(());
        }
        let code = i32::from(error.exit_code());
        Ok(self.engine.store.containers().set_created(id, code, &libcontainer::chain(error))?)
    }
}

/// Those that nobody's records know, by names of their own.
fn interfaces(made: &Made) -> Vec<network::OwnInterface> {
    let id = made.id.as_str();
    let numbered = made.config.interfaces.iter().cloned().zip(0..=u8::MAX);
    numbered.map(|(own, number)| own.named(id, number)).collect()
}

pub(crate) fn hostname(config: &ContainerConfig, id: &ContainerId) -> String {
    if !config.hostname.is_empty() {
        return config.hostname.clone();
    }
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    match config.network {
        _ if config.sharing.uts_host => host(),
        // The UTS namespace is its own, but whoever shares the host's network is known by the host's name.
        NetworkMode::Host => host(),
        NetworkMode::None | NetworkMode::Container(_) | NetworkMode::Networks(_) => {
            id.short().to_owned()
        }
    }
}

pub(crate) fn make_bind_sources(config: &ContainerConfig) -> Result<(), EngineError> {
    for mount in &config.mounts {
        if let MountSource::Bind { path, create: true } = &mount.source
            && !path.exists()
        {
            std::fs::create_dir_all(path).map_err(EngineError::file("make", path))?;
        }
    }
    Ok(())
}

/// The name inside of a container that may share the network of another one.
fn hostname_beside(shared: Option<&Container>, made: &Made) -> String {
    match shared {
        Some(other) if made.config.hostname.is_empty() => hostname(&other.config, &other.record.id),
        _ => hostname(&made.config, &made.id),
    }
}
