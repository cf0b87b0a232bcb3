//! Flags of the family `context`.

use super::{FORMAT, Flag, one, switch};

const DESCRIPTION: Flag = one("", "description", "string", "Description of the context");
const DOCKER: Flag =
    one("", "docker", "map", "The server: host=ADDRESS, and for tcp:// ca=FILE,cert=FILE,key=FILE");

pub(crate) const CONTEXT_CREATE: &[Flag] =
    &[DESCRIPTION, DOCKER, one("", "from", "string", "Create the context from another one")];
pub(crate) const CONTEXT_UPDATE: &[Flag] = &[DESCRIPTION, DOCKER];
pub(crate) const CONTEXT_LIST: &[Flag] = &[FORMAT, switch("q", "quiet", "Only show context names")];
pub(crate) const CONTEXT_REMOVE: &[Flag] =
    &[switch("f", "force", "Force the removal of a context in use")];
