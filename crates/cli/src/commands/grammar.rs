//! Every command in one table: its words, its flags, and the function that runs it. Nothing is done here.

use super::{COMMON, Command, OBJECTS, OTHERS};
use super::{
    archives, boot, change, check, copy, events, exec, images, inspect, life, list, login, logs,
    manifest, prune, pull, push, run, search, stats, system, usage, verify,
};
use crate::arguments::{ANY, Arity, Grammar, NONE, SOME, at_least, exactly};
use crate::flags::{
    ATTACH, CHECK, COMMIT, CONTAINER, CONTAINER_INSPECT, CONTAINER_PRUNE, COPY, DEBIAN, DF, EVENTS,
    EXEC, EXPORT, FORMAT_SHORT, HISTORY, IMAGE_INSPECT, IMAGE_PRUNE, IMAGES, IMPORT, INSPECT, KILL,
    LOAD, LOGIN, LOGOUT, LOGS, MANIFEST_ANNOTATE, MANIFEST_CREATE, MANIFEST_INSPECT, MANIFEST_PUSH,
    PS, PULL, PUSH, RM, RMI, RUN, SAVE, SEARCH, START, STATS, STOP, STOP_ALL, SYSTEM_PRUNE, UNITS,
    UPDATE, VERIFY,
};

macro_rules! command {
    ($group:expr, $names:expr, $usage:literal, $about:literal, $flags:expr, $arity:expr, $interspersed:literal, $programs:literal, $run:path) => {
        Command {
            grammar: &Grammar {
                names: &$names,
                usage: $usage,
                about: $about,
                flags: &$flags,
                arity: $arity,
                interspersed: $interspersed,
            },
            group: $group,
            runs_programs: $programs,
            run: $run,
        }
    };
}

pub(crate) static COMMANDS: &[Command] = &[
    command!(
        COMMON,
        ["run", "container run"],
        "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        "Create and run a new container from an image",
        [CONTAINER, RUN],
        SOME,
        false,
        true,
        run::run
    ),
    command!(
        COMMON,
        ["exec", "container exec"],
        "[OPTIONS] CONTAINER COMMAND [ARG...]",
        "Execute a command in a running container",
        [EXEC],
        at_least(2),
        false,
        true,
        exec::exec
    ),
    command!(
        COMMON,
        ["ps", "container ls", "container list", "container ps"],
        "[OPTIONS]",
        "List containers",
        [PS],
        NONE,
        true,
        false,
        list::ps
    ),
    command!(
        COMMON,
        ["pull", "image pull"],
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        "Download an image from a registry",
        [PULL],
        exactly(1),
        true,
        false,
        pull::pull
    ),
    command!(
        COMMON,
        ["push", "image push"],
        "[OPTIONS] NAME[:TAG]",
        "Upload an image to a registry",
        [PUSH],
        exactly(1),
        true,
        false,
        push::push
    ),
    command!(
        COMMON,
        ["images", "image ls", "image list"],
        "[OPTIONS] [REPOSITORY[:TAG]]",
        "List images",
        [IMAGES],
        Arity { least: 0, most: 1 },
        true,
        false,
        images::images
    ),
    command!(
        COMMON,
        ["login"],
        "[OPTIONS] [SERVER]",
        "Authenticate to a registry",
        [LOGIN],
        Arity { least: 0, most: 1 },
        true,
        false,
        login::login
    ),
    command!(
        COMMON,
        ["logout"],
        "[OPTIONS] [SERVER]",
        "Log out from a registry",
        [LOGOUT],
        Arity { least: 0, most: 1 },
        true,
        false,
        login::logout
    ),
    command!(
        COMMON,
        ["search"],
        "[OPTIONS] TERM",
        "Search Docker Hub, or the registry before the term, for images",
        [SEARCH],
        exactly(1),
        true,
        false,
        search::search
    ),
    command!(
        COMMON,
        ["version"],
        "[OPTIONS]",
        "Show the Corten version information",
        [FORMAT_SHORT],
        NONE,
        true,
        false,
        system::version
    ),
    command!(
        COMMON,
        ["info", "system info"],
        "[OPTIONS]",
        "Display system-wide information",
        [FORMAT_SHORT],
        NONE,
        true,
        false,
        system::info
    ),
    command!(
        OBJECTS,
        ["template list", "template ls"],
        "",
        "List what images can be built of",
        [],
        NONE,
        true,
        false,
        images::template_list
    ),
    command!(
        OBJECTS,
        ["template build"],
        "[OPTIONS] TEMPLATE",
        "Build an image from this machine's own packages: busybox or debian",
        [DEBIAN],
        exactly(1),
        true,
        false,
        images::template_build
    ),
    command!(
        OBJECTS,
        ["load", "image load"],
        "[OPTIONS]",
        "Load an image from a tar archive or STDIN",
        [LOAD],
        NONE,
        true,
        false,
        images::load
    ),
    command!(
        OBJECTS,
        ["import", "image import"],
        "[OPTIONS] file|- [REPOSITORY[:TAG]]",
        "Import the contents from a tarball to create a filesystem image",
        [IMPORT],
        Arity { least: 1, most: 2 },
        true,
        false,
        archives::import
    ),
    command!(
        OBJECTS,
        ["save", "image save"],
        "[OPTIONS] IMAGE [IMAGE...]",
        "Save one or more images to a tar archive (streamed to STDOUT by default)",
        [SAVE],
        SOME,
        true,
        false,
        archives::save
    ),
    command!(
        OBJECTS,
        ["rmi", "image rm", "image remove"],
        "[OPTIONS] IMAGE [IMAGE...]",
        "Remove one or more images",
        [RMI],
        SOME,
        true,
        false,
        images::rmi
    ),
    command!(
        OBJECTS,
        ["tag", "image tag"],
        "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        [],
        exactly(2),
        true,
        false,
        images::tag
    ),
    command!(
        OBJECTS,
        ["history", "image history"],
        "[OPTIONS] IMAGE",
        "Show the history of an image",
        [HISTORY],
        exactly(1),
        true,
        false,
        images::history
    ),
    command!(
        OBJECTS,
        ["image inspect"],
        "[OPTIONS] IMAGE [IMAGE...]",
        "Display detailed information on one or more images",
        [IMAGE_INSPECT],
        SOME,
        true,
        false,
        inspect::image
    ),
    command!(
        OBJECTS,
        ["image copy"],
        "[OPTIONS] SOURCE DESTINATION",
        "Copy an image among registries, OCI layouts, archives and the store, byte for byte",
        [COPY],
        exactly(2),
        true,
        false,
        copy::copy
    ),
    command!(
        OBJECTS,
        ["manifest create"],
        "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]",
        "Create a local manifest list for annotating and pushing to a registry",
        [MANIFEST_CREATE],
        at_least(2),
        true,
        false,
        manifest::create
    ),
    command!(
        OBJECTS,
        ["manifest annotate"],
        "[OPTIONS] MANIFEST_LIST MANIFEST",
        "Add additional information to a local image manifest",
        [MANIFEST_ANNOTATE],
        exactly(2),
        true,
        false,
        manifest::annotate
    ),
    command!(
        OBJECTS,
        ["manifest inspect"],
        "[OPTIONS] [MANIFEST_LIST] MANIFEST",
        "Display an image manifest, or manifest list",
        [MANIFEST_INSPECT],
        Arity { least: 1, most: 2 },
        true,
        false,
        manifest::inspect
    ),
    command!(
        OBJECTS,
        ["manifest push"],
        "[OPTIONS] MANIFEST_LIST",
        "Push a manifest list to a repository",
        [MANIFEST_PUSH],
        exactly(1),
        true,
        false,
        manifest::push
    ),
    command!(
        OBJECTS,
        ["manifest rm"],
        "MANIFEST_LIST [MANIFEST_LIST...]",
        "Delete one or more manifest lists from local storage",
        [],
        SOME,
        true,
        false,
        manifest::rm
    ),
    command!(
        OBJECTS,
        ["image verify"],
        "[OPTIONS] IMAGE",
        "Verify the signatures of an image at its registry",
        [VERIFY],
        exactly(1),
        true,
        false,
        verify::verify
    ),
    command!(
        OBJECTS,
        ["image prune"],
        "[OPTIONS]",
        "Remove unused images",
        [IMAGE_PRUNE],
        NONE,
        true,
        false,
        prune::images
    ),
    command!(
        OTHERS,
        ["container prune"],
        "[OPTIONS]",
        "Remove all stopped containers",
        [CONTAINER_PRUNE],
        NONE,
        true,
        false,
        prune::containers
    ),
    command!(
        OTHERS,
        ["system df"],
        "[OPTIONS]",
        "Show disk usage",
        [DF],
        NONE,
        true,
        false,
        usage::df
    ),
    command!(
        OTHERS,
        ["system prune"],
        "[OPTIONS]",
        "Remove unused data",
        [SYSTEM_PRUNE],
        NONE,
        true,
        false,
        prune::system
    ),
    command!(
        OTHERS,
        ["system check"],
        "[OPTIONS]",
        "Check that everything on the disk is whole, and mend what is not",
        [CHECK],
        NONE,
        true,
        false,
        check::check
    ),
    command!(
        OTHERS,
        ["system start-all"],
        "",
        "Start every container that should run after a boot, by its restart policy",
        [],
        NONE,
        true,
        false,
        boot::start_all
    ),
    command!(
        OTHERS,
        ["system stop-all"],
        "[OPTIONS]",
        "Stop every running container for a shutdown; those that should run after a boot will",
        [STOP_ALL],
        NONE,
        true,
        false,
        boot::stop_all
    ),
    command!(
        OTHERS,
        ["system install-units"],
        "[OPTIONS]",
        "Install the systemd unit that starts containers at boot and stops them at shutdown",
        [UNITS],
        NONE,
        true,
        false,
        boot::install_units
    ),
    command!(
        OTHERS,
        ["attach", "container attach"],
        "[OPTIONS] CONTAINER",
        "Attach local standard input, output, and error streams to a running container",
        [ATTACH],
        exactly(1),
        true,
        false,
        run::attach
    ),
    command!(
        OTHERS,
        ["commit", "container commit"],
        "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        "Create a new image from a container's changes",
        [COMMIT],
        Arity { least: 1, most: 2 },
        true,
        false,
        archives::commit
    ),
    command!(
        OTHERS,
        ["create", "container create"],
        "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        "Create a new container",
        [CONTAINER],
        SOME,
        false,
        false,
        run::create
    ),
    command!(
        OTHERS,
        ["diff", "container diff"],
        "CONTAINER",
        "Inspect changes to files or directories on a container's filesystem",
        [],
        exactly(1),
        true,
        false,
        archives::diff
    ),
    command!(
        OTHERS,
        ["events", "system events"],
        "[OPTIONS]",
        "Get real time events",
        [EVENTS],
        NONE,
        true,
        false,
        events::events
    ),
    command!(
        OTHERS,
        ["export", "container export"],
        "[OPTIONS] CONTAINER",
        "Export a container's filesystem as a tar archive",
        [EXPORT],
        exactly(1),
        true,
        false,
        archives::export
    ),
    command!(
        OTHERS,
        ["inspect"],
        "[OPTIONS] NAME|ID [NAME|ID...]",
        "Return low-level information on containers and images",
        [INSPECT],
        SOME,
        true,
        false,
        inspect::any
    ),
    command!(
        OTHERS,
        ["container inspect"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Display detailed information on one or more containers",
        [CONTAINER_INSPECT],
        SOME,
        true,
        false,
        inspect::container
    ),
    command!(
        OTHERS,
        ["kill", "container kill"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Kill one or more running containers",
        [KILL],
        SOME,
        true,
        false,
        life::kill
    ),
    command!(
        OTHERS,
        ["logs", "container logs"],
        "[OPTIONS] CONTAINER",
        "Fetch the logs of a container",
        [LOGS],
        exactly(1),
        true,
        false,
        logs::logs
    ),
    command!(
        OTHERS,
        ["pause", "container pause"],
        "CONTAINER [CONTAINER...]",
        "Pause all processes within one or more containers",
        [],
        SOME,
        true,
        false,
        life::pause
    ),
    command!(
        OTHERS,
        ["port", "container port"],
        "CONTAINER [PRIVATE_PORT[/PROTO]]",
        "List port mappings or a specific mapping for the container",
        [],
        Arity { least: 1, most: 2 },
        true,
        false,
        change::port
    ),
    command!(
        OTHERS,
        ["rename", "container rename"],
        "CONTAINER NEW_NAME",
        "Rename a container",
        [],
        exactly(2),
        true,
        false,
        change::rename
    ),
    command!(
        OTHERS,
        ["restart", "container restart"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Restart one or more containers",
        [STOP],
        SOME,
        true,
        false,
        change::restart
    ),
    command!(
        OTHERS,
        ["rm", "container rm", "container remove"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Remove one or more containers",
        [RM],
        SOME,
        true,
        false,
        life::rm
    ),
    command!(
        OTHERS,
        ["start", "container start"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Start one or more stopped containers",
        [START],
        SOME,
        true,
        false,
        run::start
    ),
    command!(
        OTHERS,
        ["stats", "container stats"],
        "[OPTIONS] [CONTAINER...]",
        "Display a live stream of container(s) resource usage statistics",
        [STATS],
        ANY,
        true,
        false,
        stats::stats
    ),
    command!(
        OTHERS,
        ["stop", "container stop"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Stop one or more running containers",
        [STOP],
        SOME,
        true,
        false,
        life::stop
    ),
    command!(
        OTHERS,
        ["top", "container top"],
        "CONTAINER [ps OPTIONS]",
        "Display the running processes of a container",
        [],
        SOME,
        false,
        false,
        life::top
    ),
    command!(
        OTHERS,
        ["unpause", "container unpause"],
        "CONTAINER [CONTAINER...]",
        "Unpause all processes within one or more containers",
        [],
        SOME,
        true,
        false,
        life::unpause
    ),
    command!(
        OTHERS,
        ["update", "container update"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Update configuration of one or more containers",
        [UPDATE],
        SOME,
        true,
        false,
        change::update
    ),
    command!(
        OTHERS,
        ["wait", "container wait"],
        "CONTAINER [CONTAINER...]",
        "Block until one or more containers stop, then print their exit codes",
        [],
        SOME,
        true,
        false,
        life::wait
    ),
    command!(
        OTHERS,
        ["completion"],
        "bash|fish|zsh",
        "Print the completion script of a shell",
        [],
        exactly(1),
        true,
        false,
        system::completion
    ),
    command!(
        "",
        ["settle"],
        "",
        "Flush what was pulled: a pull leaves it to this",
        [],
        ANY,
        true,
        false,
        pull::settle
    ),
    command!(
        "",
        ["reap"],
        "CONTAINER",
        "Remove a container whose monitor asks for it",
        [],
        ANY,
        true,
        false,
        life::reap
    ),
];
