//! Health checks: what image and caller say of one, made into the monitor's rules. Source: Docker's documentation of
//! `HEALTHCHECK` and of the `--health-…` flags.

use std::time::Duration;

use monitor::{
    Connection, EMULATION_SOCKET, FromMonitor, HealthFile, HealthRules, OnFailure, RestartPolicy,
};

use crate::config::{ContainerConfig, HealthCheck};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::exec::ExecRequest;
use crate::life::Container;
use crate::start;
use crate::state::Action;

/// Docker's defaults.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const START_INTERVAL: Duration = Duration::from_secs(5);
const RETRIES: u32 = 3;

/// No duration is shorter: a check that never rests would be all that the container does.
const SHORTEST: Duration = Duration::from_millis(1);

impl ContainerConfig {
    /// Whether anything starts it again when it has ended; a system by its own reboot.
    pub(crate) fn may_restart(&self) -> bool {
        self.system
            || self.restart != RestartPolicy::No
            || (self.health.is_some() && self.health_on_failure == OnFailure::Restart)
    }
}

/// The image's check with what the caller says in place of it, field by field.
///
/// # Errors
/// When a duration is too short, or there are rules for a check that is none.
pub(crate) fn merge(
    image: Option<&serde_json::Value>,
    caller: Option<&HealthCheck>,
) -> Result<Option<HealthCheck>, EngineError> {
    // What an image says that nobody understands is no check, as with Docker.
    let image = image
        .and_then(|value| serde_json::from_value::<HealthCheck>(value.clone()).ok())
        .unwrap_or_default();
    let mut merged = caller.cloned().unwrap_or_default();
    if merged.test.is_empty() {
        merged.test = image.test;
    }
    let fields = [
        (&mut merged.interval, image.interval),
        (&mut merged.timeout, image.timeout),
        (&mut merged.start_period, image.start_period),
        (&mut merged.start_interval, image.start_interval),
        (&mut merged.retries, image.retries),
    ];
    for (own, theirs) in fields {
        if *own == 0 {
            *own = theirs;
        }
    }
    for nanoseconds in [merged.interval, merged.timeout, merged.start_period, merged.start_interval]
    {
        let duration = Duration::from_nanos(nanoseconds);
        if nanoseconds != 0 && duration < SHORTEST {
            return Err(EngineError::value(
                "health check",
                format!("{nanoseconds}ns"),
                "a duration cannot be shorter than 1ms",
            ));
        }
    }
    Ok(Some(merged).filter(|check| !check.test.is_empty()))
}

/// The process of a check; nothing where there is none.
fn command(check: &HealthCheck) -> Result<Option<Vec<String>>, EngineError> {
    let wrong = |why: &str| EngineError::value("health check", check.test.join(" "), why);
    match check.test.split_first() {
        Some((word, _)) if word == "NONE" => Ok(None),
        Some((word, [])) if word == "CMD" || word == "CMD-SHELL" => {
            Err(wrong("it names no command"))
        }
        Some((word, command)) if word == "CMD" => Ok(Some(command.to_vec())),
        Some((word, command)) if word == "CMD-SHELL" => {
            let shell = ["/bin/sh".to_owned(), "-c".to_owned()];
            Ok(Some(shell.into_iter().chain([command.join(" ")]).collect()))
        }
        Some(_) => Err(wrong("it does not begin with CMD, CMD-SHELL or NONE")),
        None => Ok(None),
    }
}

impl Containers<'_> {
    /// What its health check says; nothing where there is none.
    ///
    /// # Errors
    /// When the monitor's file cannot be read.
    pub fn health(&self, container: &Container) -> Result<Option<HealthFile>, EngineError> {
        match &container.config.health {
            Some(check) if check.test.first().is_some_and(|word| word != "NONE") => {
                let state = &container.dirs.state;
                let known = HealthFile::read(state).map_err(EngineError::file("read", state))?;
                Ok(Some(known.unwrap_or_default()))
            }
            _ => Ok(None),
        }
    }

    /// Has its health check run now, and gives the exit code of the probe: −1 for one that took too long or could not be started.
    /// It counts as any other.
    ///
    /// # Errors
    /// When it has no check, does not run, or stands still.
    pub fn check_health(&self, text: &str) -> Result<i32, EngineError> {
        let container = self.get(text)?;
        if self.health(&container)?.is_none() {
            return Err(container.refuse(Action::CheckHealth, "without a health check"));
        }
        container.allow(Action::CheckHealth)?;
        let action = (Action::CheckHealth, "not running");
        self.ask(&container, action, Connection::check, |message| {
            if let FromMonitor::Checked { code } = message { Some(code) } else { None }
        })
    }

    /// What the monitor does about the health of a container.
    pub(crate) fn health_rules(&self, made: &Made) -> Result<Option<HealthRules>, EngineError> {
        let Some(check) = &made.config.health else { return Ok(None) };
        let Some(command) = command(check)? else { return Ok(None) };
        let view = self.root_view(made);
        let hostname = start::hostname(&made.config, &made.id);
        let request = ExecRequest { command, ..ExecRequest::default() };
        let mut probe = self.exec_plan(&made.config, &request, (&view, &hostname))?;
        let id = made.id.as_str();
        probe.seccomp = probe.seccomp.map(|filter| {
            let filter = filter.for_container(id, std::path::Path::new("/"));
            filter.asking_at(|| made.dirs.state.join(EMULATION_SOCKET))
        });
        let or = |nanoseconds: u64, default: Duration| match nanoseconds {
            0 => default,
            nanoseconds => Duration::from_nanos(nanoseconds),
        };
        Ok(Some(HealthRules {
            probe,
            interval: or(check.interval, INTERVAL),
            timeout: or(check.timeout, TIMEOUT),
            retries: u32::try_from(check.retries)
                .ok()
                .filter(|retries| *retries > 0)
                .unwrap_or(RETRIES),
            start_period: Duration::from_nanos(check.start_period),
            start_interval: or(check.start_interval, START_INTERVAL),
            on_failure: made.config.health_on_failure,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(test: &[&str]) -> HealthCheck {
        HealthCheck {
            test: test.iter().map(|&word| word.to_owned()).collect(),
            ..HealthCheck::default()
        }
    }

    #[test]
    fn the_caller_has_the_last_word_on_each_field() {
        let image = json!({ "Test": ["CMD", "a"], "Interval": 5_000_000_000_u64, "Retries": 7 });
        let caller = HealthCheck { retries: 2, ..HealthCheck::default() };
        let merged = merge(Some(&image), Some(&caller)).unwrap().unwrap();
        assert_eq!(merged.test, ["CMD", "a"]);
        assert_eq!((merged.interval, merged.retries), (5_000_000_000, 2));
        assert_eq!(merge(None, Some(&caller)).unwrap(), None, "rules without a check");
    }

    #[test]
    fn commands_are_dockers() {
        let of = |test: &[&str]| command(&check(test)).unwrap();
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        assert_eq!(of(&["NONE"]), None);
        assert_eq!(of(&["CMD", "a", "b"]), words(&["a", "b"]));
        assert_eq!(of(&["CMD-SHELL", "a b"]), words(&["/bin/sh", "-c", "a b"]));
        assert!(command(&check(&["a"])).is_err());
        assert!(command(&check(&["CMD"])).is_err());
    }

    #[test]
    fn durations_below_a_millisecond_are_refused() {
        let caller = HealthCheck { interval: 10, ..check(&["CMD", "a"]) };
        assert!(merge(None, Some(&caller)).is_err());
    }
}
