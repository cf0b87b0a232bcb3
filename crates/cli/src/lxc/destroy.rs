//! `destroy`: the container with its files, and the engine's record of it.

use ::lxc::copies;
use engine::chain;

use super::call::Call;
use super::{end, states};
use crate::failure::Failure;

pub(super) fn destroy(call: &Call) -> Result<i32, Failure> {
    let engine = call.session.engine()?;
    let known = call.known(&engine)?;
    let directory = call.directory()?;
    if !directory.has(&call.name) && known.is_none() {
        return Err(Failure::Words("it is not defined".to_owned()));
    }
    let is_forced = call.matches.on("force");
    if let Some(container) = known.as_ref().filter(|container| states::is_active(container)) {
        if !is_forced {
            return Err(Failure::Words("it is running".to_owned()));
        }
        let id = container.record.id.as_str();
        let kill = || Ok(engine.containers().stop(id, Some(9), Some(0))?);
        end::await_end(&engine, container, kill)?;
    }
    if directory.has(&call.name) {
        copies::destroy(directory, &call.name, call.matches.on("snapshots"))
            .map_err(|error| Failure::Words(chain(&error)))?;
    }
    match known {
        // The files went first: a record without them can be removed at any time.
        Some(container) => {
            match engine.containers().remove(container.record.id.as_str(), true, true) {
                Err(error) if error.kind() != engine::Kind::NotFound => Err(error.into()),
                _ => Ok(0),
            }
        }
        None => Ok(0),
    }
}
