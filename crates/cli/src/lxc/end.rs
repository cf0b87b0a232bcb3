//! What there is to do once a container has ended that runs by itself: its monitor becomes `lxc end`, which nobody else calls.
//!
//! Hooks of the end are run, and one that is ephemeral is removed. A monitor that was killed does nothing of it.

use ::lxc::copies;
use ::lxc::mapping::{Purpose, Tools};
use engine::{Container, Engine, Kind, chain};
use rustix::event::{PollFd, PollFlags, poll};

use super::call::Call;
use super::start;
use crate::failure::Failure;

/// What the tool is called; it is in no list.
pub(super) const VERB: &str = "end";

pub(super) fn end(call: &Call) -> Result<i32, Failure> {
    let Some(mut document) = call.document()? else { return Ok(0) };
    start::settings(call, &mut document)?;
    let mapped = start::mapped(call, &document, Purpose::Start)?;
    let hooks = start::after_end(call, &mapped);
    let engine = call.session.engine()?;
    let is_done = if call.matches.on("forget") || mapped.tools.ephemeral {
        forget(call, &engine)
    } else {
        Ok(())
    };
    hooks.and(is_done).map(|()| 0)
}

fn forget(call: &Call, engine: &Engine) -> Result<(), Failure> {
    let Some(known) = call.known(engine)? else { return Ok(()) };
    match engine.containers().remove(known.record.id.as_str(), false, true) {
        Err(error) if error.kind() != Kind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether there is anything to do at the end.
pub(super) fn is_wanted(tools: &Tools) -> bool {
    tools.ephemeral || !tools.hooks.stop.is_empty() || !tools.hooks.post_stop.is_empty()
}

/// The words of the command for it: what this call was told of the configuration, with paths that hold elsewhere.
pub(super) fn words(call: &Call) -> Result<Vec<String>, Failure> {
    let directory = call.directory()?.path().display().to_string();
    let mut words = ["lxc", VERB, "-P", &directory, "-n", &call.name].map(str::to_owned).to_vec();
    let given =
        |flag: &str| call.matches.has_flag(flag).then(|| call.matches.value(flag)).flatten();
    for flag in ["rcfile", "logfile"] {
        let Some(path) = given(flag) else { continue };
        let path = std::path::absolute(path).map_err(Failure::file("find", path))?;
        words.push(format!("--{flag}={}", path.display()));
    }
    for flag in ["console", "console-log"] {
        words.extend(given(flag).map(|value| format!("--{flag}={value}")));
    }
    words.extend(call.matches.values("define").map(|value| format!("--define={value}")));
    // What was begun by lxc-execute has no record afterwards.
    if !call.matches.has_flag("foreground") {
        words.push("--forget".to_owned());
    }
    Ok(words)
}

/// Removes the directory of a container that is ephemeral.
pub(super) fn remove_files(call: &Call) -> Result<(), Failure> {
    let directory = call.directory()?;
    if !directory.has(&call.name) {
        return Ok(());
    }
    copies::destroy(directory, &call.name, true).map_err(|error| Failure::Words(chain(&error)))
}

/// Does what ends a container, and waits until what its configuration wants at its end is done.
pub(super) fn await_end<T>(
    engine: &Engine,
    container: &Container,
    ending: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let has_more = !container.config.end_command.is_empty();
    let monitor = has_more.then(|| engine.containers().monitor_process(container)).flatten();
    let ended = ending()?;
    if let Some(monitor) = monitor {
        while poll(&mut [PollFd::new(&monitor, PollFlags::IN)], None).is_err() {}
    }
    Ok(ended)
}
