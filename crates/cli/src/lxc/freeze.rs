//! `freeze` and `unfreeze`. What is so already is no failure, as for LXC.

use engine::Kind;

use super::call::Call;
use super::states::is_active;
use crate::failure::Failure;

pub(super) fn freeze(call: &Call) -> Result<i32, Failure> {
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    done(engine.containers().pause(container.record.id.as_str()), "FROZEN", &container)
}

pub(super) fn unfreeze(call: &Call) -> Result<i32, Failure> {
    let engine = call.session.engine()?;
    let is_active = call.known(&engine)?.is_some_and(|container| is_active(&container));
    // As for LXC: what does not run does not stand still.
    if !is_active && call.directory()?.has(&call.name) {
        return Ok(0);
    }
    let container = call.running(&engine)?;
    done(engine.containers().unpause(container.record.id.as_str()), "RUNNING", &container)
}

fn done(
    done: Result<(), engine::EngineError>,
    wanted: &str,
    before: &engine::Container,
) -> Result<i32, Failure> {
    match done {
        Err(error)
            if matches!(error.kind(), Kind::Conflict | Kind::Unchanged)
                && super::states::state(Some(before)) == wanted =>
        {
            Ok(0)
        }
        done => Ok(done.map(|()| 0)?),
    }
}
