//! Strings of a configuration that cannot be told to the kernel as they are.

use serde::Serialize;
use spec::nul::place_of_nul;
use spec::runtime::Linux;

use crate::error::PlanError;

/// The kernel takes no string with a NUL byte, wherever in `document`, which is the field `field` of a configuration, it is.
pub(super) fn refuse_nul(field: &str, document: &impl Serialize) -> Result<(), PlanError> {
    let Some(place) = place_of_nul(document) else { return Ok(()) };
    let separator = if field.is_empty() || place.is_empty() { "" } else { "." };
    Err(PlanError::field(format!("{field}{separator}{place}"), "holds a NUL byte"))
}

pub(super) fn mount_label(linux: &Linux) -> Result<Option<String>, PlanError> {
    let label = linux.mount_label.clone().filter(|label| !label.is_empty());
    match &label {
        // It is quoted in the options of a mount.
        Some(wrong) if wrong.contains(['"', '\\', '\n']) => {
            Err(PlanError::field("linux.mountLabel", format!("{wrong:?} is no label")))
        }
        _ => Ok(label),
    }
}
