//! Flags of clones and snapshots.

use super::{FORMAT, QUIET};
use crate::arguments::{Flag, many, one, switch};

const DESTROY: Flag = switch("", "destroy", "Remove the original container");
const FORCE: Flag = switch("f", "force", "Remove the original even if it runs (uses SIGKILL)");
const NAME: Flag = one(
    "",
    "name",
    "string",
    "Assign a name to the new container (default: the original's with -clone behind)",
);
const RUN: Flag = switch("", "run", "Start the new container");

/// `clone`: its files come along.
pub(crate) const CLONE_FILES: &[Flag] = &[DESTROY, FORCE, NAME, RUN];
/// `container clone`: Podman's, whose files do not.
pub(crate) const CLONE: &[Flag] = &[
    DESTROY,
    switch("", "files", "The new container has the original's files, too, as with corten clone"),
    FORCE,
    NAME,
    RUN,
];
pub(crate) const SNAPSHOT_CREATE: &[Flag] =
    &[one("c", "comment", "string", "Words about the snapshot")];
pub(crate) const SNAPSHOT_LIST: &[Flag] = &[
    many("f", "filter", "filter", "Filter output based on conditions provided: name"),
    FORMAT,
    QUIET,
];
pub(crate) const SNAPSHOT_RESTORE: &[Flag] = &[
    one("", "name", "string", "Make a new container of this name, and leave the original as it is"),
    switch("", "run", "Start the container afterwards"),
];
