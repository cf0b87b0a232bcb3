//! Flags of volumes and of `cp`.

use super::{FORMAT, FORMAT_F};
use crate::arguments::{Flag, many, one, switch};

const FORCE: Flag = switch("f", "force", "Do not prompt for confirmation");

pub(crate) const VOLUME_CREATE: &[Flag] = &[
    one("d", "driver", "string", "Specify volume driver name (default \"local\")"),
    many("", "label", "list", "Set metadata for a volume"),
    many("o", "opt", "map", "Set driver specific options: size, or type, device, o"),
];
pub(crate) const VOLUME_LIST: &[Flag] = &[
    many("f", "filter", "filter", "Provide filter values (e.g. \"dangling=true\")"),
    FORMAT,
    switch("q", "quiet", "Only display volume names"),
];
pub(crate) const VOLUME_INSPECT: &[Flag] = &[FORMAT_F];
pub(crate) const VOLUME_REMOVE: &[Flag] =
    &[switch("f", "force", "Do not fail where there is no such volume")];
pub(crate) const VOLUME_PRUNE: &[Flag] = &[
    switch("a", "all", "Remove all unused volumes, not just anonymous ones"),
    many("", "filter", "filter", "Provide filter values (e.g. \"label=<label>\")"),
    FORCE,
];
pub(crate) const VOLUME_UPDATE: &[Flag] = &[
    many("", "label", "list", "Set metadata of the volume"),
    many("", "label-rm", "list", "Take metadata away from the volume"),
    many("o", "opt", "map", "Set driver specific options: size (0 for none)"),
];
pub(crate) const VOLUME_EXPORT: &[Flag] =
    &[one("o", "output", "string", "Write to a file, instead of STDOUT")];
pub(crate) const CP: &[Flag] = &[
    switch("a", "archive", "Archive mode (copy all uid/gid information)"),
    switch("L", "follow-link", "Always follow symbol link in SRC_PATH"),
    switch("q", "quiet", "Suppress the line that says what was copied"),
];
