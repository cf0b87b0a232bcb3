//! `install-links`: LXC's names for this program, in a directory of the user's choice.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{TOOLS, call::Call};
use crate::failure::Failure;

pub(super) fn install(call: &Call) -> Result<i32, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("find", "the running program"))?;
    for directory in &call.words {
        for tool in TOOLS.iter().filter(|tool| tool.grammar.name() != "lxc install-links") {
            let link = Path::new(directory).join(tool.program());
            // One that leads here already is as it should be; anything else is somebody's own.
            if std::fs::read_link(&link).is_ok_and(|target| target == program) {
                continue;
            }
            symlink(&program, &link).map_err(Failure::file("make", link.display()))?;
        }
    }
    Ok(0)
}
