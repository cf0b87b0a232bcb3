//! `checkpoint`: a container's processes on the disk, by CRIU, and going on from there.

use engine::{Attach, CheckpointName};

use super::call::Call;
use crate::failure::Failure;

pub(super) fn checkpoint(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    for flag in ["action-script", "pre-dump", "predump-dir", "verbose", "foreground"] {
        if matches.is_given(flag) {
            return Err(Failure::Words(format!(
                "--{flag}: checkpoints are whole, and made and used without it"
            )));
        }
    }
    let Some(text) = matches.text("checkpoint-dir") else {
        return Err(Failure::Words("no directory is named: --checkpoint-dir".to_owned()));
    };
    let checkpoint = place(text)?;
    let engine = call.session.engine()?;
    let containers = engine.containers();
    if !matches.on("restore") {
        let container = call.running(&engine)?;
        let id = container.record.id.as_str();
        containers.checkpoint(id, &checkpoint, !matches.on("stop"))?;
        return Ok(0);
    }
    let Some(container) = call.known(&engine)? else {
        return Err(Failure::Words("it has never run: nothing of it could go on".to_owned()));
    };
    let id = container.record.id;
    let started = containers.start_from(id.as_str(), Attach::default(), Some(&checkpoint))?;
    if let Some(mut connection) = started {
        for warning in containers.started(&id, &call.name, &mut connection)? {
            call.say(&warning);
        }
    }
    Ok(0)
}

/// The engine knows a checkpoint by its name in a directory.
fn place(text: &str) -> Result<CheckpointName, Failure> {
    let path = std::path::absolute(text).map_err(Failure::file("find", text))?;
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (Some(name), Some(directory)) = (name, path.parent()) else {
        return Err(Failure::Words(format!(
            "--checkpoint-dir {text}: it is no directory of its own"
        )));
    };
    Ok(CheckpointName { name, directory: Some(directory.to_owned()) })
}
