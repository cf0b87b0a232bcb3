//! A step that failed, with everything as it left it: for whoever wants to look at it. Start at [`FailedStep::open`].
//!
//! Its files become a layer, so that any number of containers may be of them; what was mounted stays until the last look is over.

use std::cell::RefCell;

use engine::{Attach, Connection, CreateRequest, Engine, EngineError, Launch};
use spec::ContainerId;

use crate::error::BuildError;
use crate::event::Progress;
use crate::mounts::Ready;
use crate::settings;
use crate::stage::{At, StageRun};

/// What a step that failed has left.
pub(crate) struct Kept {
    /// Its container, with its changes as the topmost layer, and a shell as its program.
    request: CreateRequest,
    /// What it had beside its layers.
    _ready: Ready,
}

/// A step that failed, and may be looked at.
pub struct FailedStep<'a> {
    step: usize,
    /// Why it failed.
    pub error: &'a BuildError,
    engine: &'a Engine,
    request: &'a CreateRequest,
    opened: RefCell<Vec<ContainerId>>,
}

impl FailedStep<'_> {
    /// The shell that [`FailedStep::open`] starts, with its arguments.
    #[must_use]
    pub fn shell(&self) -> &[String] {
        &self.request.config.command
    }

    /// Starts the shell on a terminal: with the files, the environment, the user, the directory, the mounts and the limits of the step. The
    /// container goes when [`Progress::failed`] returns.
    ///
    /// # Errors
    /// When the image has no such shell, or the engine refuses.
    pub fn open(&self, attach: Attach) -> Result<(ContainerId, Connection), EngineError> {
        let containers = self.engine.containers();
        let launch = Launch::begin(self.engine.paths(), &self.request.config)?;
        let (id, name, mut connection) = containers.run(launch, self.request, attach)?;
        self.opened.borrow_mut().push(id.clone());
        containers.started(&id, &name, &mut connection)?;
        Ok((id, connection))
    }
}

impl Drop for FailedStep<'_> {
    fn drop(&mut self) {
        for id in self.opened.borrow().iter() {
            // What stays the next build takes away.
            let _kept = self.engine.containers().remove(id.as_str(), true, true);
        }
    }
}

impl std::fmt::Debug for FailedStep<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FailedStep").field("step", &self.step).finish_non_exhaustive()
    }
}

impl StageRun<'_> {
    /// Keeps what a step has left, if somebody may want to look at it.
    pub(crate) fn keep_failed(
        &self,
        id: &ContainerId,
        mut request: CreateRequest,
        ready: Ready,
    ) -> Option<Kept> {
        if !self.shared.request.keep_failed || self.shared.is_over() {
            return None;
        }
        // Of one whose files cannot be had, as on a full disk, there is nothing to be seen.
        let layer = self.layer_of(id).ok()?;
        let config = &mut request.config;
        config.layers.push(layer.diff_id);
        (config.tty, config.open_stdin, config.stdin_once) = (true, true, true);
        // Without the arguments that let it take a text: `/bin/bash` of `/bin/bash -e -c`.
        let shell = settings::shell(&self.config.config).into_iter();
        config.command = shell.take_while(|word| !word.starts_with('-')).collect();
        Some(Kept { request, _ready: ready })
    }

    /// Shows it, once for a build. Other stages end first: what they would write nobody could see.
    pub(crate) fn show_failed(&mut self, at: At<'_>, error: &BuildError) {
        let Some(kept) = self.failed.take() else { return };
        if !self.shared.stop_for_a_look() {
            return;
        }
        let progress: &dyn Progress = self.shared.surroundings.progress;
        progress.failed(&FailedStep {
            step: at.step,
            error,
            engine: &self.engine,
            request: &kept.request,
            opened: RefCell::default(),
        });
    }
}
