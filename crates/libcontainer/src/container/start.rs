//! From a container that was created to one whose program runs. Start at [`Container::start`].

use std::os::fd::AsFd;

use spec::runtime::Status;

use super::life::await_end;
use super::transitions::Action;
use super::{Container, ContainerError, gate};
use crate::error::StartError;
use crate::hooks::{Moment, Occasion};
use crate::names::nothing_to_start;
use crate::process::Process;
use crate::threshold::Gate;

impl Container {
    /// Lets its program begin; returns once it runs, and the hooks that follow have run.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] unless it is created. One without a process in its configuration stays created. A program
    /// that cannot be run leaves the container stopped; after a `poststart` hook that fails it is killed, as runtime.md demands.
    pub fn start(&mut self) -> Result<(), ContainerError> {
        if self.created.is_some() {
            return self.start_here().map(drop);
        }
        let _lock = self.lock()?;
        let first = self.alive(Action::Start)?;
        self.refuse_without_process()?;
        let Some(socket) = gate::approach(&self.directory) else {
            return Err(self.wrong(Action::Start, self.status()));
        };
        let gate = Gate { socket: socket.as_fd(), trace: None };
        let opened = gate.open(&first, &self.record.names, self.record.hooks.as_ref());
        gate::forget(&self.directory);
        self.is_started(opened, &first)
    }

    /// The same for one that this process made to start it itself. Gives its first process, a child of the caller's, which may have
    /// ended meanwhile.
    ///
    /// # Errors
    /// As [`Container::start`].
    pub fn start_here(&mut self) -> Result<Process, ContainerError> {
        let _lock = self.lock()?;
        self.refuse_without_process()?;
        let Some(created) = self.created.take() else {
            return Err(self.wrong(Action::Start, self.status()));
        };
        let started = created.start();
        let (first, groups) = started.map_err(|error| self.failed_to_start(error))?;
        self.groups = Some(groups);
        self.is_started(Ok(()), &first)?;
        Ok(first)
    }

    fn refuse_without_process(&self) -> Result<(), ContainerError> {
        if !self.record.without_process {
            return Ok(());
        }
        Err(self.failed_to_start(StartError::Plan(nothing_to_start())))
    }

    fn is_started(
        &self,
        opened: Result<(), StartError>,
        first: &Process,
    ) -> Result<(), ContainerError> {
        let ran = opened.and_then(|()| self.poststart());
        ran.map_err(|error| {
            let _gone = first.signal(libc::SIGKILL);
            // An engine deletes it at once, and its parent may be another process: by then it must have ended.
            let _awaited = await_end(first);
            self.failed_to_start(error)
        })
    }

    fn failed_to_start(&self, error: StartError) -> ContainerError {
        ContainerError::start(self.name(), "start", error)
    }

    fn poststart(&self) -> Result<(), StartError> {
        let hooks = self.record.hooks.as_ref();
        let Some(plan) = hooks.filter(|plan| !Moment::Poststart.hooks(plan).is_empty()) else {
            return Ok(());
        };
        let pid = self.record.first.map(|first| first.pid);
        Occasion::new(plan, Status::Running, pid)?.run_here(Moment::Poststart)
    }
}
