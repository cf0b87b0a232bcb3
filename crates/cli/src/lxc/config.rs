//! `config`: values of LXC's own configuration.

use ::lxc::config::system::KEYS;

use super::call::{Call, system};
use crate::failure::Failure;
use crate::output;

pub(super) fn config(call: &Call) -> Result<i32, Failure> {
    if call.matches.on("list") {
        for key in KEYS {
            output::line(key);
        }
        return Ok(0);
    }
    let Some(word) = call.words.first() else {
        output::talk("Usage: lxc-config -l | KEY");
        return Ok(0);
    };
    match system()?.get(word) {
        Some(value) => {
            output::line(&value.unwrap_or_default());
            Ok(0)
        }
        None => {
            // Where LXC says it, and scripts read it.
            output::line(&format!("Unknown configuration item: {word}"));
            Ok(1)
        }
    }
}
