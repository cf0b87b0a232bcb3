//! `monitor`: what happens to containers, a line each, in LXC's words.

use engine::events::Event;
use regex_lite::Regex;

use super::call::Call;
use super::states::until;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;

pub(super) fn monitor(call: &Call) -> Result<i32, Failure> {
    if call.matches.on("quit") {
        // There is no process that could be told to.
        return Ok(0);
    }
    let named = call.matches.value("name").or_else(|| call.words.first().map(String::as_str));
    let pattern = format!("^(?:{})$", named.unwrap_or(".*"));
    let regex = Regex::new(&pattern)
        .map_err(|error| Failure::Words(format!("pattern {pattern:?}: {error}")))?;
    let engine = call.session.engine()?;
    until(&engine, None, &mut |event| {
        if let Some(event) = event {
            tell(event, &regex)?;
        }
        Ok(false)
    })?;
    Ok(0)
}

fn tell(event: &Event, regex: &Regex) -> Result<(), Failure> {
    let Some(name) = event.actor.attributes.get("name").filter(|_| event.kind == "container")
    else {
        return Ok(());
    };
    if !regex.is_match(name) {
        return Ok(());
    }
    let name = plain(name);
    let states: &[&str] = match event.action.as_str() {
        "start" => &["STARTING", "RUNNING"],
        "die" => &["STOPPING", "STOPPED"],
        "pause" => &["FREEZING", "FROZEN"],
        "unpause" => &["THAWED", "RUNNING"],
        _ => &[],
    };
    let mut text = String::new();
    if event.action == "die"
        && let Some(code) = event.actor.attributes.get("exitCode")
    {
        text.push_str(&format!("'{name}' exited with status [{code}]\n"));
    }
    for state in states {
        text.push_str(&format!("'{name}' changed state to [{state}]\n"));
    }
    output::write(&text)
}
