//! Flags of what is started with the machine.

use crate::arguments::{Flag, many, one, switch};

/// What a container wants: `run`, `create` and `update` say it.
pub(crate) const AUTOSTART: &[Flag] = &[
    switch("", "autostart", "Start the container with the machine"),
    one("", "autostart-delay", "int", "Seconds that the next container waits behind this one"),
    many(
        "",
        "autostart-group",
        "list",
        "Group of the container: a boot starts onboot, then those of no group",
    ),
    one("", "autostart-order", "int", "Turn of the container: lower ones are started earlier"),
];
/// `autostart` itself: LXC's.
pub(crate) const AUTOSTART_ALL: &[Flag] = &[
    switch("a", "all", "All containers that start with the machine, whatever their groups"),
    many(
        "g",
        "groups",
        "list",
        "Groups one after the other; an empty one is of containers in none",
    ),
    switch("A", "ignore-auto", "Also containers that do not start with the machine"),
    switch("k", "kill", "Kill them instead"),
    switch("L", "list", "Only list them, with their delays"),
    switch("r", "reboot", "Restart those that run instead"),
    switch("s", "shutdown", "Stop them instead"),
    one("t", "timeout", "int", "Seconds to wait before killing a container (default: its own)"),
];
