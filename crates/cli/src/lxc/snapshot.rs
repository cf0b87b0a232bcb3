//! `snapshot`: a container as it is now, kept beside it, and restored.

use std::path::Path;

use ::lxc::snapshots;
use engine::chain;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::call::Call;
use super::states;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;

pub(super) fn snapshot(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let directory = call.directory()?;
    if !directory.has(&call.name) {
        return Err(Failure::Words("it is not defined".to_owned()));
    }
    let failed = |error: ::lxc::copies::CopyError| Failure::Words(chain(&error));
    if matches.on("list") {
        return list(call);
    }
    if let Some(name) = matches.value("destroy") {
        if name == "ALL" {
            snapshots::remove_all(directory, &call.name).map_err(failed)?;
        } else {
            snapshots::remove(directory, &call.name, name).map_err(failed)?;
        }
        return Ok(0);
    }
    let engine = call.session.engine()?;
    let known = call.known(&engine)?;
    let is_active = known.as_ref().is_some_and(states::is_active);
    if let Some(name) = matches.value("restore") {
        let new_name = matches.value("newname").unwrap_or(&call.name);
        if new_name == call.name && is_active {
            return Err(Failure::Words("it is running".to_owned()));
        }
        snapshots::restore(directory, &call.name, name, new_name).map_err(failed)?;
        return Ok(0);
    }
    if is_active {
        return Err(Failure::Words("it is running".to_owned()));
    }
    let now = Timestamp::now().to_zoned_datetime(TimeZone::system());
    let time = now.strftime("%Y:%m:%d %H:%M:%S").to_string();
    let comment = matches.value("comment").map(Path::new);
    snapshots::take(directory, &call.name, (&time, comment)).map_err(failed)?;
    Ok(0)
}

fn list(call: &Call) -> Result<i32, Failure> {
    let directory = call.directory()?;
    let failed = |error: ::lxc::copies::CopyError| Failure::Words(chain(&error));
    let all = snapshots::list(directory, &call.name).map_err(failed)?;
    if all.is_empty() {
        output::line("No snapshots");
    }
    let place = snapshots::directory_of(directory, &call.name).map_err(failed)?;
    let mut text = String::new();
    for snapshot in all {
        let (name, time) = (plain(&snapshot.name), plain(&snapshot.time));
        text.push_str(&format!("{name} ({}) {time}\n", place.display()));
        if let Some(comment) = snapshot.comment.filter(|_| call.matches.on("showcomments")) {
            text.push_str(&format!("{}\n", plain(comment.trim_end())));
        }
    }
    output::write(&text)?;
    Ok(0)
}
