//! `console`: a container's console, or one of its terminals beside it; `^a q` leaves it.

use engine::DetachKeys;

use super::call::Call;
use crate::commands::console::attend;
use crate::failure::Failure;

/// What goes before `q`, unless said otherwise.
const ESCAPE: &str = "^a";

pub(super) fn console(call: &Call) -> Result<i32, Failure> {
    let escape = call.matches.value("escape").unwrap_or(ESCAPE);
    let keys = DetachKeys::with_prefix(escape).ok_or_else(|| {
        Failure::Words(format!("--escape {escape:?}: it is no letter, nor ^ with one"))
    })?;
    let number = match call.matches.value("tty") {
        // As LXC has it: the first that is free.
        None | Some("-1") => None,
        Some(text) => Some(text.parse::<u16>().map_err(|_no_number| {
            Failure::Words(format!("--tty {text:?} is no number of a terminal"))
        })?),
    };
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    attend(&engine, container.record.id.as_str(), number, (Some(keys), escape, None))
}
