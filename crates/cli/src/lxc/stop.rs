//! `stop`: asks the first process to end the system, and ends it when that takes too long; or has it start anew.

use std::time::Duration;

use ::lxc::config::Document;
use ::lxc::start::stops_like_systemd;
use engine::{Container, Engine};

use super::call::Call;
use super::end;
use super::states::{self, pid, until};
use crate::failure::Failure;

/// Seconds that LXC waits.
const PATIENCE_S: i64 = 60;
/// Exit code for a container that does not run.
const NOT_RUNNING: i32 = 2;
/// systemd's way to be asked, SIGRTMIN+3.
const SYSTEMD_HALT: i32 = 37;
const REBOOT: i32 = 2;
const KILL: i32 = 9;

pub(super) fn stop(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let conflicts = [("reboot", "kill"), ("kill", "nokill"), ("reboot", "nokill")];
    for (one, other) in conflicts {
        if matches.on(one) && matches.on(other) {
            return Err(Failure::Words(format!("--{one} and --{other} exclude each other")));
        }
    }
    let timeout = match matches.value("timeout") {
        None => PATIENCE_S,
        Some(text) => seconds(text)?,
    };
    let engine = call.session.engine()?;
    let Some(container) = call.known(&engine)?.filter(states::is_active) else {
        call.say("it is not running");
        return Ok(NOT_RUNNING);
    };
    if matches.on("reboot") {
        return reboot(call, &engine, &container, timeout);
    }
    halt(call, &engine, &container, timeout)
}

/// Seconds; below zero without end.
pub(super) fn seconds(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_no_number| Failure::Words(format!("{text:?} is no number of seconds")))
}

fn halt(call: &Call, engine: &Engine, container: &Container, timeout: i64) -> Result<i32, Failure> {
    let containers = engine.containers();
    let id = container.record.id.as_str();
    if call.matches.on("kill") {
        let signal = signal_of(call, |config| config.signals.stop)?.unwrap_or(KILL);
        if call.matches.on("nowait") {
            containers.kill(id, signal)?;
        } else {
            end::await_end(engine, container, || {
                Ok(containers.stop(id, Some(signal), Some(0))?)
            })?;
        }
        return Ok(0);
    }
    let signal = halt_signal(container);
    if call.matches.on("nowait") {
        containers.kill(id, signal)?;
        return Ok(0);
    }
    if call.matches.on("nokill") {
        containers.kill(id, signal)?;
        let has_ended = until(engine, patience(timeout), &mut |_| {
            Ok(!call.known(engine)?.is_some_and(|container| states::is_active(&container)))
        })?;
        return Ok(i32::from(!has_ended));
    }
    end::await_end(engine, container, || Ok(containers.stop(id, Some(signal), Some(timeout))?))?;
    Ok(0)
}

pub(super) fn patience(seconds: i64) -> Option<Duration> {
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// The signal that the container was made with, or systemd's where systemd is its first process.
pub(super) fn halt_signal(container: &Container) -> i32 {
    const POWER: i32 = 30;
    let own = container.config.stop_signal;
    let is_systemd = pid(container).is_some_and(stops_like_systemd);
    if own == POWER && is_systemd { SYSTEMD_HALT } else { own }
}

fn signal_of(
    call: &Call,
    which: impl Fn(&::lxc::config::Config) -> Option<::lxc::config::life::Signal>,
) -> Result<Option<i32>, Failure> {
    let document: Option<Document> = call.document()?;
    let signal = document.and_then(|document| which(document.values()));
    Ok(signal.map(|signal| signal.0).filter(|number| *number != 0))
}

fn reboot(
    call: &Call,
    engine: &Engine,
    container: &Container,
    timeout: i64,
) -> Result<i32, Failure> {
    let signal = signal_of(call, |config| config.signals.reboot)?.unwrap_or(REBOOT);
    let before = pid(container);
    engine.containers().kill(container.record.id.as_str(), signal)?;
    if call.matches.on("nowait") {
        return Ok(0);
    }
    let has_begun = until(engine, patience(timeout), &mut |_| {
        let now = call.known(engine)?;
        Ok(now.as_ref().and_then(pid).is_some_and(|pid| Some(pid) != before))
    })?;
    Ok(i32::from(!has_begun))
}
