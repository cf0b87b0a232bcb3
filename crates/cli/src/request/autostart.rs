//! What a line says of how a container is started with the machine.

use engine::config::AutostartChange;

use super::{number, wrong};
use crate::arguments::Matches;
use crate::failure::Failure;

/// What a line says of one container.
pub(crate) fn wanted(matches: &Matches) -> Result<AutostartChange, Failure> {
    let groups: Vec<String> = matches.values("autostart-group").map(str::to_owned).collect();
    let is_none = |group: &&String| {
        group.is_empty() || group.contains(|letter: char| letter == ',' || letter.is_control())
    };
    if let Some(group) = groups.iter().find(is_none) {
        let why = "a group has a name, without commas and control characters";
        return Err(wrong("autostart-group", group, why));
    }
    Ok(AutostartChange {
        on: matches.is_given("autostart").then(|| matches.on("autostart")),
        delay_s: number(matches, "autostart-delay")?,
        order: number(matches, "autostart-order")?,
        groups: Some(groups).filter(|groups| !groups.is_empty()),
    })
}
