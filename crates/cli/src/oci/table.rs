//! Every command of the face, with its grammar.

use super::flags::{
    CHECKPOINT, CREATE, CRIU, DELETE, EVENTS, EXEC, KILL, LIST, PLACE, PS, RESTORE, RUN, SPEC,
    STAY, UPDATE,
};
use super::{Command, change, checkpoint, documents, events, execute, life, look};
use crate::arguments::{Arity, Grammar, NONE, SOME, exactly};

macro_rules! command {
    ($name:literal, $usage:literal, $about:literal, $flags:expr, $arity:expr, $interspersed:literal, $run:path) => {
        Command {
            grammar: &Grammar {
                names: &[$name],
                usage: $usage,
                about: $about,
                flags: &$flags,
                arity: $arity,
                interspersed: $interspersed,
                examples: &[],
            },
            run: $run,
        }
    };
}

const ONE: Arity = exactly(1);
const ONE_OR_TWO: Arity = Arity { least: 1, most: 2 };

/// All of them.
pub(crate) static COMMANDS: &[Command] = &[
    command!(
        "oci checkpoint",
        "[OPTIONS] CONTAINER",
        "Write a running container into images, through CRIU",
        [CRIU, CHECKPOINT],
        ONE,
        true,
        checkpoint::checkpoint
    ),
    command!(
        "oci create",
        "[OPTIONS] CONTAINER",
        "Create a container",
        [PLACE, CREATE],
        ONE,
        true,
        life::create
    ),
    command!(
        "oci delete",
        "[OPTIONS] CONTAINER",
        "Delete what a container holds",
        [DELETE],
        ONE,
        true,
        life::delete
    ),
    command!(
        "oci events",
        "[OPTIONS] CONTAINER",
        "Print what a container uses, and processes killed for want of memory",
        [EVENTS],
        ONE,
        true,
        events::events
    ),
    command!(
        "oci exec",
        "[OPTIONS] CONTAINER [COMMAND] [ARG...]",
        "Execute a process in a container",
        [EXEC],
        SOME,
        false,
        execute::execute
    ),
    command!(
        "oci features",
        "",
        "Print what this runtime can do, as JSON",
        [],
        NONE,
        true,
        documents::features
    ),
    command!(
        "oci kill",
        "[OPTIONS] CONTAINER [SIGNAL]",
        "Send a signal to a container's first process (default SIGTERM)",
        [KILL],
        ONE_OR_TWO,
        true,
        life::kill
    ),
    command!("oci list", "[OPTIONS]", "List containers", [LIST], NONE, true, look::list),
    command!(
        "oci pause",
        "CONTAINER",
        "Suspend all processes of a container",
        [],
        ONE,
        true,
        change::pause
    ),
    command!(
        "oci plan",
        "BUNDLE",
        "Print what a bundle's configuration comes to, step by step",
        [],
        ONE,
        true,
        look::plan
    ),
    command!(
        "oci ps",
        "[OPTIONS] CONTAINER [PS OPTIONS]",
        "List the processes of a container",
        [PS],
        SOME,
        false,
        look::ps
    ),
    command!(
        "oci restore",
        "[OPTIONS] CONTAINER",
        "Make a container out of images, through CRIU",
        [PLACE, STAY, CRIU, RESTORE],
        ONE,
        true,
        checkpoint::restore
    ),
    command!(
        "oci resume",
        "CONTAINER",
        "Let all processes of a container go on",
        [],
        ONE,
        true,
        change::resume
    ),
    command!(
        "oci run",
        "[OPTIONS] CONTAINER",
        "Create and start a container",
        [PLACE, CREATE, STAY, RUN],
        ONE,
        true,
        life::run
    ),
    command!(
        "oci spec",
        "[OPTIONS]",
        "Write a configuration to begin with",
        [SPEC],
        NONE,
        true,
        documents::spec
    ),
    command!(
        "oci start",
        "CONTAINER",
        "Start a container that was created",
        [],
        ONE,
        true,
        life::start
    ),
    command!(
        "oci state",
        "CONTAINER",
        "Print the state of a container",
        [],
        ONE,
        true,
        look::state
    ),
    command!(
        "oci update",
        "[OPTIONS] CONTAINER",
        "Change the limits of a container",
        [UPDATE],
        ONE,
        true,
        change::update
    ),
];
