//! `--on-error shell`: a shell where a step failed, on the caller's terminal. Leaving it ends the build.

use std::sync::{Mutex, PoisonError};

use build::{Cancel, Event, FailedStep, Progress};
use engine::{Attach, Engine, EngineConfig};
use spec::ContainerId;

use super::given::bad;
use crate::arguments::Matches;
use crate::attach::{Foreground, Shown};
use crate::failure::Failure;
use crate::progress::build::Printer;
use crate::signals::Held;
use crate::{output, terminal};

const SIGKILL: i32 = 9;

/// Whether it is asked for, and can be.
pub(super) fn is_wanted(matches: &Matches) -> Result<bool, Failure> {
    match matches.text("on-error") {
        None => Ok(false),
        Some("shell") => {
            let is_terminal =
                terminal::is_terminal() && rustix::termios::isatty(rustix::stdio::stdout());
            if is_terminal {
                return Ok(true);
            }
            let words = "--on-error shell needs a terminal as standard input and output";
            Err(Failure::Words(words.to_owned()))
        }
        Some(other) => Err(bad("on-error", other, "it is not shell")),
    }
}

/// Shows a build, and gives the terminal to whoever looks at a step that failed.
pub(super) struct Shelled<'a> {
    pub(super) printer: &'a Printer,
    pub(super) config: &'a EngineConfig,
    pub(super) cancel: &'a Cancel,
    /// The change of the window's size, held since before any thread was started.
    window: Held,
    /// The shell's container.
    container: Mutex<Option<ContainerId>>,
}

impl<'a> Shelled<'a> {
    pub(super) fn new(
        (printer, window): (&'a Printer, Held),
        config: &'a EngineConfig,
        cancel: &'a Cancel,
    ) -> Self {
        Self { printer, config, cancel, window, container: Mutex::default() }
    }

    /// Ends the shell, if there is one: the build was cancelled.
    pub(super) fn end(&self) {
        let container = self.container.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(id), Ok(engine)) = (container, Engine::open(self.config.clone())) {
            // It may have ended by itself.
            let _ended = engine.containers().kill(id.as_str(), SIGKILL);
        }
    }

    fn look(&self, failed: &FailedStep<'_>) {
        let shell = failed.shell().join(" ");
        output::talk(&format!(
            "{shell} as the failed step left everything, with its files, variables, user and mounts; leaving it ends the build"
        ));
        let attach = Attach { input: true, output: true, size: terminal::size() };
        let (id, connection) = match failed.open(attach) {
            Ok(opened) => opened,
            Err(error) => {
                output::error(&format!("start {shell}: {}", engine::chain(&error)), None);
                return;
            }
        };
        *self.container.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        if self.cancel.is_cancelled() {
            return;
        }
        let (shown, signal) = (Shown::ALL, &|_| {});
        let mut foreground =
            Foreground { connection, input: true, tty: true, shown, keys: None, signal };
        // However it ended: the build has failed.
        let _end = foreground.run(&self.window);
        *self.container.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Progress for Shelled<'_> {
    fn tell(&self, event: &Event<'_>) {
        self.printer.tell(event);
    }

    fn failed(&self, failed: &FailedStep<'_>) {
        self.printer.interrupted(failed.error, || self.look(failed));
    }
}
