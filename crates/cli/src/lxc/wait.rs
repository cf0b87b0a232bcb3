//! `wait`: until a container is in one of some states.

use super::call::Call;
use super::states::{STATES, state, until};
use super::stop;
use crate::failure::Failure;

pub(super) fn wait(call: &Call) -> Result<i32, Failure> {
    let Some(text) = call.matches.value("state") else {
        return Err(Failure::Words("no state is named: --state".to_owned()));
    };
    let wanted: Vec<&str> = text.split('|').filter(|word| !word.is_empty()).collect();
    if let Some(wrong) = wanted.iter().find(|word| !STATES.contains(*word)) {
        return Err(Failure::Words(format!("{wrong:?} is none of {}", STATES.join(", "))));
    }
    let patience = match call.matches.value("timeout") {
        None => None,
        Some(text) => stop::patience(stop::seconds(text)?),
    };
    let engine = call.session.engine()?;
    // A moment's states are seen as what they lead to.
    let is_met = |now: &str| {
        wanted.iter().any(|word| match *word {
            "STOPPING" | "ABORTING" => now == "STOPPED",
            "FREEZING" => now == "FROZEN",
            "THAWED" => now == "RUNNING",
            word => word == now,
        })
    };
    let met = until(&engine, patience, &mut |_| Ok(is_met(state(call.known(&engine)?.as_ref()))))?;
    Ok(i32::from(!met))
}
