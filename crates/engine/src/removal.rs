//! The end of a container: what is removed, in which order, and what a removal that was cut short has left.
//! Start at [`Containers::remove`].

use std::os::fd::OwnedFd;

use monitor::connect;
use spec::ContainerId;

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::{Container, PATIENCE, exit_of};
use crate::lock::Lock;
use crate::state::{Action, State};

impl Containers<'_> {
    /// Removes a container; with `force` a running one is killed first, with `volumes` its anonymous volumes go too.
    ///
    /// # Errors
    /// When it runs and `force` is not given.
    pub fn remove(&self, text: &str, force: bool, volumes: bool) -> Result<(), EngineError> {
        let id = self.engine.store.containers().get(text)?.id;
        // Removed by whoever held the lock.
        let Some((_lock, container)) = self.lock(&id)? else { return Ok(()) };
        let container = self.until_started(container)?;
        container.allow(if force { Action::RemoveByForce } else { Action::Remove })?;
        if !matches!(container.state, State::Created { .. } | State::Exited(_)) {
            self.end_at_once(&container)?;
        }
        // A reboot has taken the groups with it.
        if container.dirs.state.exists() {
            self.remove_group(&container)?;
        }
        self.leave_plugins(&container, force)?;
        self.remove_records(&container, volumes)
    }

    /// The container under its lock; nothing when it is gone. An end that is seen is not written down: the caller knows what
    /// comes next.
    pub(crate) fn lock(&self, id: &ContainerId) -> Result<Option<(Lock, Container)>, EngineError> {
        let directory = self.engine.store.containers().dirs(id).container;
        let lock = match Lock::wait(&directory) {
            Ok(lock) => lock,
            Err(_) if !self.engine.store.containers().has_directory(id)? => {
                return self.remove_remains(id).map(|()| None);
            }
            // It was just being put in its place, and there it is.
            Err(_) => Lock::wait(&directory)?,
        };
        match self.get_locked(id) {
            Ok(container) => Ok(Some((lock, container))),
            Err(EngineError::Store(error)) if error.kind() == store::Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The container of that name or id under its lock.
    pub(crate) fn locked(&self, text: &str) -> Result<(Lock, Container), EngineError> {
        let id = self.engine.store.containers().get(text)?.id;
        let gone = || store::StoreError::NotFound {
            what: "container",
            name: text.to_owned(),
            closest: Vec::new(),
        };
        self.lock(&id)?.ok_or_else(|| gone().into())
    }

    /// Removes what creations and removals that were killed have left: records without directories, which no command has touched since.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn remove_all_remains(&self) -> Result<(), EngineError> {
        for id in self.engine.store.containers().ids()? {
            if !self.engine.store.containers().has_directory(&id)? {
                self.lock(&id)?;
            }
        }
        Ok(())
    }

    /// What a removal that a crash or an error cut short has left: the record and the groups. Nothing where it was completed.
    fn remove_remains(&self, id: &ContainerId) -> Result<(), EngineError> {
        match self.get_locked(id) {
            Ok(container) => {
                self.remove_group(&container)?;
                self.remove_records(&container, false)
            }
            Err(EngineError::Store(error)) if error.kind() == store::Kind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove_records(&self, container: &Container, volumes: bool) -> Result<(), EngineError> {
        let anonymous = self.engine.store.containers().anonymous_volumes(&container.record.id)?;
        self.hide_removed(container)?;
        self.engine.store.containers().remove(&container.record.id)?;
        self.tell(container, "destroy", &[]);
        for volume in anonymous.iter().filter(|_| volumes || container.config.auto_remove) {
            match self.engine.store.volumes().remove(volume) {
                // Another container has it too.
                Err(error) if error.kind() == store::Kind::Conflict => {}
                done => done?,
            }
        }
        Ok(())
    }

    fn end_at_once(&self, container: &Container) -> Result<(), EngineError> {
        let mut connection = connect(&container.dirs.state).ok();
        if let Some(connection) = connection.as_mut().filter(|_| container.config.may_restart()) {
            // One that is gone meanwhile starts nothing.
            let _gone = connection.hold_restarts();
        }
        // Until then it may have been started again.
        let container = &self.get_locked(&container.record.id)?;
        if let Some(process) = container.process() {
            self.end_process(container, &process, Action::RemoveByForce)?;
        }
        // Its monitor writes into the directories that go now: it is let finish.
        if let Some(mut connection) = connection {
            exit_of(&mut connection);
        }
        Ok(())
    }

    /// What a monitor that was killed has left. One that lives removes its groups at the same time: gone is what counts.
    fn remove_group(&self, container: &Container) -> Result<(), EngineError> {
        let Some(cgroup) = self.cgroup(container, Action::Remove)? else { return Ok(()) };
        // Processes that it could not end keep the group busy, which is told.
        let _gone_meanwhile = cgroup.kill();
        cgroup.remove(PATIENCE).map_err(container.cgroup_failed(Action::Remove))
    }

    /// Folds an end that a connection told, and removes the container when it was to be removed.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn ended(&self, id: &ContainerId) -> Result<(), EngineError> {
        let Some((_lock, container)) = self.lock(id)? else { return Ok(()) };
        match container.state {
            State::Running { .. } | State::Starting | State::Restarting(_) => Ok(()),
            State::Created { .. } | State::Exited(_) if container.config.auto_remove => {
                self.leave_plugins(&container, false)?;
                // Its monitor is just removing the groups: looked at last, they are gone.
                self.remove_records(&container, true)?;
                self.remove_group(&container)
            }
            State::Created { .. } | State::Exited(_) => Ok(()),
        }
    }

    /// What the monitor of a container becomes once that has ended for good.
    pub(crate) fn end_command(
        &self,
        config: &ContainerConfig,
        id: &ContainerId,
    ) -> Option<Vec<String>> {
        if config.end_command.is_empty() {
            return config.auto_remove.then(|| self.own_command(["reap", id.as_str()]));
        }
        Some(self.own_command(config.end_command.iter().map(String::as_str)))
    }

    /// The process that is the monitor of a container, and after its end carries out what the container's configuration wants then; who
    /// waits for its end waits for that, too. Nothing where it is gone.
    #[must_use]
    pub fn monitor_process(&self, container: &Container) -> Option<OwnedFd> {
        connect(&container.dirs.state).ok()?.process()
    }
}
