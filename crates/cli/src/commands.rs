//! Every command: its grammar, its group in the help, and the function that runs it.

use crate::arguments::{
    ANY, Arity, Flag, Grammar, Matches, NONE, SOME, at_least, exactly, many, one, switch,
};
use crate::failure::Failure;
use crate::flags::CONTAINER;
use crate::program::Session;

mod exec;
mod images;
mod inspect;
mod life;
mod list;
mod logs;
mod run;
mod system;

/// Gives the exit code.
type Run = fn(&Session, &Matches) -> Result<i32, Failure>;

/// A command.
pub(crate) struct Command {
    pub(crate) grammar: &'static Grammar,
    /// Title in the help; none for a command that is not for people.
    pub(crate) group: &'static str,
    /// Whether its exit codes below 125 belong to a program.
    pub(crate) runs_programs: bool,
    pub(crate) run: Run,
}

const COMMON: &str = "Common Commands";
const OBJECTS: &str = "Templates and images";
const OTHERS: &str = "Commands";
pub(crate) const GROUPS: &[&str] = &[COMMON, OBJECTS, OTHERS];

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

const DETACH_KEYS: Flag =
    one("", "detach-keys", "string", "Override the key sequence for detaching a container");
const SIG_PROXY: Flag =
    switch("", "sig-proxy", "Proxy received signals to the process (default true)");
const FORMAT: Flag = one("", "format", "string", "Format output using a Go template, or 'json'");
const NO_TRUNC: Flag = switch("", "no-trunc", "Don't truncate output");
const QUIET: Flag = switch("q", "quiet", "Only display IDs");

const RUN: &[Flag] = &[
    switch("d", "detach", "Run container in background and print container ID"),
    DETACH_KEYS,
    SIG_PROXY,
];
const EXEC: &[Flag] = &[
    switch("d", "detach", "Detached mode: run command in the background"),
    DETACH_KEYS,
    many("e", "env", "list", "Set environment variables"),
    many("", "env-file", "list", "Read in a file of environment variables"),
    switch("i", "interactive", "Keep STDIN open even if not attached"),
    switch("", "privileged", "Give extended privileges to the command"),
    switch("t", "tty", "Allocate a pseudo-TTY"),
    one("u", "user", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
    one("w", "workdir", "string", "Working directory inside the container"),
];
const PS: &[Flag] = &[
    switch("a", "all", "Show all containers (default shows just running)"),
    many("f", "filter", "filter", "Filter output based on conditions provided"),
    FORMAT,
    one("n", "last", "int", "Show n last created containers (includes all states)"),
    switch("l", "latest", "Show the latest created container (includes all states)"),
    NO_TRUNC,
    QUIET,
    switch("s", "size", "Display total file sizes"),
];
const LOGS: &[Flag] = &[
    switch("f", "follow", "Follow log output"),
    one(
        "",
        "since",
        "string",
        "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\")",
    ),
    one(
        "n",
        "tail",
        "string",
        "Number of lines to show from the end of the logs (default \"all\")",
    ),
    switch("t", "timestamps", "Show timestamps"),
    one("", "until", "string", "Show logs before a timestamp or relative (e.g. \"42m\")"),
];
const STOP: &[Flag] = &[
    one("s", "signal", "string", "Signal to send to the container"),
    one("t", "timeout", "int", "Seconds to wait before killing the container"),
];
const RM: &[Flag] = &[
    switch("f", "force", "Force the removal of a running container (uses SIGKILL)"),
    switch("v", "volumes", "Remove anonymous volumes associated with the container"),
];
const START: &[Flag] = &[
    switch("a", "attach", "Attach STDOUT/STDERR and forward signals"),
    DETACH_KEYS,
    switch("i", "interactive", "Attach container's STDIN"),
    SIG_PROXY,
];
const ATTACH: &[Flag] = &[DETACH_KEYS, switch("", "no-stdin", "Do not attach STDIN"), SIG_PROXY];
const IMAGES: &[Flag] = &[
    switch("a", "all", "Show all images"),
    switch("", "digests", "Show digests"),
    FORMAT,
    NO_TRUNC,
    QUIET,
];
const HISTORY: &[Flag] = &[FORMAT, NO_TRUNC, QUIET];
const LOAD: &[Flag] = &[
    one(
        "i",
        "input",
        "string",
        "Read from an archive file or an OCI layout directory, instead of STDIN",
    ),
    switch("q", "quiet", "Suppress the load output"),
];
const IMPORT: &[Flag] = &[
    many("c", "change", "list", "Apply Dockerfile instruction to the created image"),
    one("m", "message", "string", "Set commit message for imported image"),
];
const DEBIAN: &[Flag] = &[
    one("", "suite", "string", "Release to build (default: this machine's own)"),
    one("", "mirror", "string", "Package archive (default: this machine's own)"),
    many("", "package", "list", "Package to install beside the essential ones"),
];

/// All of them.
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
        ["version"],
        "[OPTIONS]",
        "Show the Corten version information",
        [&[FORMAT]],
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
        [&[FORMAT]],
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
        images::import
    ),
    command!(
        OBJECTS,
        ["rmi", "image rm", "image remove"],
        "[OPTIONS] IMAGE [IMAGE...]",
        "Remove one or more images",
        [&[switch("f", "force", "Force removal of the image")]],
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
        [&[one("f", "format", "string", "Format output using a Go template")]],
        SOME,
        true,
        false,
        inspect::image
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
        ["create", "container create"],
        "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        "Create a new container",
        [CONTAINER],
        SOME,
        false,
        true,
        run::create
    ),
    command!(
        OTHERS,
        ["inspect", "container inspect"],
        "[OPTIONS] NAME|ID [NAME|ID...]",
        "Return low-level information on containers and images",
        [&[
            one("f", "format", "string", "Format output using a Go template"),
            one("", "type", "string", "Return JSON for specified type: container or image")
        ]],
        SOME,
        true,
        false,
        inspect::any
    ),
    command!(
        OTHERS,
        ["kill", "container kill"],
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Kill one or more running containers",
        [&[one("s", "signal", "string", "Signal to send to the container")]],
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
        ["oci plan"],
        "BUNDLE",
        "Print what an OCI bundle's configuration comes to, step by step",
        [],
        exactly(1),
        true,
        false,
        system::oci_plan
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

/// Does something for each word; the first failure does not keep the others from their turn.
fn each(
    matches: &Matches,
    mut act: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    let mut code = 0;
    for word in &matches.words {
        if let Err(failure) = act(word) {
            crate::output::error(&failure.line(), failure.hint().as_deref());
            code = 1;
        }
    }
    Ok(code)
}
