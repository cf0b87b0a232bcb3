//! The flags of every command: tables that parsing, help, manual pages and completions share.

use crate::arguments::{Flag, many, maybe, one, switch};

mod autostart;
mod bake;
mod build;
mod builder;
mod chan;
mod clones;
mod confinement;
mod console;
mod container;
mod contexts;
mod networks;
mod secrets;
mod templates;
mod volumes;

pub(crate) use autostart::*;
pub(crate) use bake::BAKE;
pub(crate) use build::BUILD;
pub(crate) use builder::*;
pub(crate) use chan::*;
pub(crate) use clones::*;
pub(crate) use confinement::*;
pub(crate) use console::CONSOLE;
pub(crate) use container::{CONTAINER, LIMITS, later};
pub(crate) use contexts::*;
pub(crate) use networks::*;
pub(crate) use secrets::*;
pub(crate) use templates::*;
pub(crate) use volumes::*;

const DETACH_KEYS: Flag =
    one("", "detach-keys", "string", "Override the key sequence for detaching a container");
const SIG_PROXY: Flag =
    switch("", "sig-proxy", "Proxy received signals to the process (default true)");
const FORMAT: Flag = one("", "format", "string", "Format output using a Go template, or 'json'");
const FORMAT_F: Flag = one("f", "format", "string", "Format output using a Go template, or 'json'");
const NO_TRUNC: Flag = switch("", "no-trunc", "Don't truncate output");
const QUIET: Flag = switch("q", "quiet", "Only display IDs");
const SIGNAL: Flag = one("s", "signal", "string", "Signal to send to the container");

/// What comes before a command.
pub(crate) const GLOBAL: &[Flag] = &[
    one("c", "context", "string", "Name of the context to connect to (or CORTEN_CONTEXT)"),
    one(
        "H",
        "host",
        "string",
        "Server to connect to: unix://PATH, tcp://HOST:PORT or ssh://USER@HOST (or CORTEN_HOST)",
    ),
    one(
        "",
        "root",
        "string",
        "Directory of images, layers and records (default \"/var/lib/corten\", or CORTEN_ROOT)",
    ),
    one(
        "",
        "state",
        "string",
        "Directory of what does not survive a reboot (default \"/run/corten\", or CORTEN_STATE)",
    ),
    one("", "tlscacert", "file", "Trust only servers with certificates signed by this CA"),
    one("", "tlscert", "file", "TLS certificate for the server to know the caller by"),
    one("", "tlskey", "file", "Key of that certificate"),
    switch("v", "version", "Print version information and quit"),
];

pub(crate) const RUN: &[Flag] = &[
    switch("d", "detach", "Run container in background and print container ID"),
    DETACH_KEYS,
    SIG_PROXY,
];
pub(crate) const EXEC: &[Flag] = &[
    switch("d", "detach", "Detached mode: run command in the background"),
    DETACH_KEYS,
    many("e", "env", "list", "Set environment variables"),
    many("", "env-file", "list", "Read in a file of environment variables"),
    switch("i", "interactive", "Keep STDIN open even if not attached"),
    switch("", "privileged", "Give extended privileges to the command"),
    many("", "security-opt", "list", "Security options of the command (apparmor=PROFILE)"),
    switch("t", "tty", "Allocate a pseudo-TTY"),
    one("u", "user", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
    one("w", "workdir", "string", "Working directory inside the container"),
];
pub(crate) const PS: &[Flag] = &[
    switch("a", "all", "Show all containers (default shows just running)"),
    many("f", "filter", "filter", "Filter output based on conditions provided"),
    FORMAT,
    one("n", "last", "int", "Show n last created containers (includes all states)"),
    switch("l", "latest", "Show the latest created container (includes all states)"),
    NO_TRUNC,
    QUIET,
    switch("s", "size", "Display total file sizes"),
];
pub(crate) const SERVE: &[Flag] = &[
    one("", "group", "string", "Group of the socket (name or number)"),
    one("", "idle-exit", "duration", "Exit when no client was connected for so long"),
    many(
        "",
        "listen",
        "address",
        "Where to listen: unix://PATH, tcp://ADDRESS:PORT or fd:// (default \"unix:///run/corten/docker.sock\")",
    ),
    switch("", "log-requests", "Write a line for each request"),
    one("", "mode", "string", "Permissions of the socket (default \"0660\")"),
    one("", "policy", "file", "Limited sockets to listen on too, each with what it allows"),
    one("", "tlscacert", "file", "Trust only clients with certificates signed by this CA"),
    one("", "tlscert", "file", "TLS certificate of the server"),
    one("", "tlskey", "file", "TLS key of the server"),
];
pub(crate) const EVENTS: &[Flag] = &[
    many("f", "filter", "filter", "Filter output based on conditions provided"),
    FORMAT,
    switch("", "no-trunc", "Don't truncate output (default true)"),
    one("", "since", "string", "Show all events created since timestamp"),
    one("", "until", "string", "Stream events until this timestamp"),
];
pub(crate) const LOGS: &[Flag] = &[
    switch("", "details", "Show extra details provided to logs"),
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
pub(crate) const KILL: &[Flag] = &[ALL, FILTER, SIGNAL];
pub(crate) const PAUSE: &[Flag] = &[ALL, FILTER];
pub(crate) const STOP: &[Flag] = &[
    ALL,
    FILTER,
    SIGNAL,
    one("t", "timeout", "int", "Seconds to wait before killing the container"),
];
pub(crate) const WAIT: &[Flag] = &[
    many(
        "",
        "condition",
        "string",
        "Wait for not-running, next-exit, removed, created, running, paused, exited, healthy or unhealthy (default not-running)",
    ),
    one("i", "interval", "duration", "Look at least so often (default 250ms)"),
];
pub(crate) const UPDATE: &[Flag] = &[
    many("", "publish-add", "list", "Publish a further port to the host"),
    many("", "publish-rm", "list", "Publish a port no more"),
    one(
        "",
        "restart",
        "string",
        "Restart policy to apply when a container exits: no, on-failure[:N], on-unhealthy[:N], always, unless-stopped",
    ),
];
pub(crate) const STATS: &[Flag] = &[
    switch("a", "all", "Show all containers (default shows just running)"),
    FORMAT,
    switch("", "no-stream", "Disable streaming stats and only pull the first result"),
    NO_TRUNC,
];
pub(crate) const STOP_ALL: &[Flag] =
    &[one("t", "timeout", "int", "Seconds to wait before killing a container (default: its own)")];
pub(crate) const UNITS: &[Flag] = &[switch("", "print", "Print the unit instead of installing it")];
pub(crate) const RM: &[Flag] = &[
    ALL,
    FILTER,
    switch("f", "force", "Force the removal of a running container (uses SIGKILL)"),
    switch("v", "volumes", "Remove anonymous volumes associated with the container"),
];
pub(crate) const MOUNT: &[Flag] = &[
    switch("a", "all", "All containers"),
    one("", "format", "string", "Format the list of what is mounted as 'json'"),
    NO_TRUNC,
];
pub(crate) const UNMOUNT: &[Flag] = &[
    switch("a", "all", "All containers that are mounted"),
    switch("f", "force", "Also where somebody uses the files, or they are not mounted"),
];
const CHECKPOINT_DIR: Flag =
    one("", "checkpoint-dir", "string", "Directory of checkpoints (default: the container's own)");
pub(crate) const SECCOMP_PRINT: &[Flag] = &[
    many("", "cap-add", "list", "Capabilities that the container has beside the default ones"),
    many("", "cap-drop", "list", "Capabilities that it lacks"),
];
pub(crate) const SECCOMP_RECORD: &[Flag] = &[
    one("", "base", "file", "Add to this earlier profile what it lacks"),
    one("o", "output", "file", "Write the profile to a file (default: standard output)"),
];
pub(crate) const CHECKPOINT: &[Flag] = &[CHECKPOINT_DIR];
pub(crate) const CHECKPOINT_CREATE: &[Flag] =
    &[CHECKPOINT_DIR, switch("", "leave-running", "Leave the container running after checkpoint")];
pub(crate) const START: &[Flag] = &[
    switch("", "all", "All containers that it can be done to"),
    switch("a", "attach", "Attach STDOUT/STDERR and forward signals"),
    one("", "checkpoint", "string", "Restore from this checkpoint"),
    CHECKPOINT_DIR,
    DETACH_KEYS,
    FILTER,
    switch("i", "interactive", "Attach container's STDIN"),
    SIG_PROXY,
];
pub(crate) const ATTACH: &[Flag] =
    &[DETACH_KEYS, switch("", "no-stdin", "Do not attach STDIN"), SIG_PROXY];
pub(crate) const RMI: &[Flag] = &[
    switch("f", "force", "Force removal of the image"),
    switch("", "no-prune", "Do not delete untagged parents (there are none to delete)"),
    many("", "platform", "list", "Remove only what is for the given platform, as linux/arm64"),
];
const YES: Flag = switch("f", "force", "Do not prompt for confirmation");
const UNTIL: Flag = many(
    "",
    "filter",
    "filter",
    "Provide filter values (e.g. \"until=<timestamp>\", \"label!=<name>\")",
);
pub(crate) const IMAGE_PRUNE: &[Flag] = &[
    switch("a", "all", "Remove all unused images, not just dangling ones"),
    UNTIL,
    YES,
    one("", "keep", "int", "Keep so many images of each repository, those that were used last"),
    one(
        "",
        "unused-for",
        "duration",
        "Remove only images that were not used for so long (e.g. 30d)",
    ),
];
pub(crate) const CONTAINER_PRUNE: &[Flag] = &[UNTIL, YES];
pub(crate) const SYSTEM_SETTINGS: &[Flag] = &[
    FORMAT,
    switch("", "reset", "Take everything back that was changed"),
    one(
        "",
        "userns",
        "string",
        "User namespace of containers where nobody says another one: host, auto[:OPTIONS]",
    ),
];
pub(crate) const SYSTEM_PRUNE: &[Flag] = &[
    switch("a", "all", "Remove all unused images not just dangling ones"),
    UNTIL,
    YES,
    switch("", "volumes", "Prune anonymous volumes"),
];
pub(crate) const DF: &[Flag] =
    &[FORMAT, switch("v", "verbose", "Show detailed information on space usage")];
pub(crate) const CHECK: &[Flag] = &[
    one("", "format", "string", "Format output as 'json'"),
    switch("", "quick", "Do not read the contents of layers"),
    switch("", "repair", "Mend what can be mended without a registry"),
];
pub(crate) const SYSTEM_DOCTOR: &[Flag] = &[FORMAT];
pub(crate) const IMAGES: &[Flag] = &[
    switch("a", "all", "Show all images"),
    switch("", "digests", "Show digests"),
    many("f", "filter", "filter", "Filter output based on conditions provided"),
    FORMAT,
    NO_TRUNC,
    QUIET,
    switch("", "tree", "List each image below the index that it came in"),
];
pub(crate) const HISTORY: &[Flag] = &[
    FORMAT,
    switch("H", "human", "Print sizes and dates in human readable format (default true)"),
    NO_TRUNC,
    one("", "platform", "string", "Show the history of what is for the given platform only"),
    QUIET,
];
pub(crate) const LOAD: &[Flag] = &[
    one(
        "i",
        "input",
        "string",
        "Read from an archive file or an OCI layout directory, instead of STDIN",
    ),
    one("", "platform", "string", "Load only what is for the given platform, as linux/arm64"),
    switch("q", "quiet", "Suppress the load output"),
];
pub(crate) const IMPORT: &[Flag] = &[
    many("c", "change", "list", "Apply Dockerfile instruction to the created image"),
    one("m", "message", "string", "Set commit message for imported image"),
    one("", "platform", "string", "Set platform if the image is for another machine"),
];
pub(crate) const SAVE: &[Flag] = &[
    one("o", "output", "string", "Write to a file, instead of STDOUT"),
    one("", "platform", "string", "Save only what is for the given platform, as linux/arm64"),
];
pub(crate) const EXPORT: &[Flag] =
    &[one("o", "output", "string", "Write to a file, instead of STDOUT")];
pub(crate) const COMMIT: &[Flag] = &[
    one("a", "author", "string", "Author (e.g., \"Ada Lovelace <ada@example.org>\")"),
    many("c", "change", "list", "Apply Dockerfile instruction to the created image"),
    one("m", "message", "string", "Commit message"),
    switch("p", "pause", "Pause container during commit (default true)"),
];
const ALL: Flag = switch("a", "all", "All containers that it can be done to");
const FILTER: Flag = many("", "filter", "filter", "Those that meet conditions, as in ps");
const PLATFORM: Flag =
    one("", "platform", "string", "Image for this platform: OS/ARCHITECTURE[/VARIANT]");
const PROGRESS: Flag = one(
    "",
    "progress",
    "string",
    "How to show progress: \"auto\", \"tty\", \"plain\", \"json\" or \"quiet\"",
);
const TLS_VERIFY: Flag =
    switch("", "tls-verify", "Require TLS with known certificates (default true)");
pub(crate) const PULL: &[Flag] = &[
    switch("a", "all-tags", "Download all tagged images in the repository"),
    PLATFORM,
    PROGRESS,
    switch("q", "quiet", "Suppress verbose output"),
    TLS_VERIFY,
];
pub(crate) const PUSH: &[Flag] = &[
    switch("", "all-platforms", "Push the index that the image came with, and every image in it"),
    switch("a", "all-tags", "Push all tags of an image to the repository"),
    AUTHFILE,
    one(
        "",
        "compression",
        "string",
        "How layers are compressed that the registry lacks: \"gzip\", \"zstd\" or \"none\" (default \"gzip\")",
    ),
    one("", "compression-level", "int", "1 to 9 (gzip, default 6), 1 to 19 (zstd, default 3)"),
    one("", "digestfile", "file", "Write the digest of what was pushed to the file"),
    switch("", "force-compression", "Pass over layers that the registry has in another form"),
    one("", "format", "string", "Media types of the manifest: \"oci\" or \"docker\""),
    one("", "platform", "string", "Push only what is for the given platform, as linux/arm64"),
    PROGRESS,
    switch("q", "quiet", "Suppress verbose output"),
    TLS_VERIFY,
];
pub(crate) const COPY: &[Flag] = &[
    switch(
        "",
        "all-platforms",
        "Copy the whole index: every platform, and what stands beside them",
    ),
    switch(
        "",
        "dest-tls-verify",
        "Require HTTPS and known certificates of the destination's registry (default true)",
    ),
    PLATFORM,
    switch(
        "",
        "preserve-digests",
        "Refuse a destination that cannot keep the digest; where it can, it is kept anyway",
    ),
    PROGRESS,
    switch("q", "quiet", "Suppress verbose output"),
    switch(
        "r",
        "referrers",
        "Copy what belongs to it, too: referrers and cosign's tags, and theirs (with all platforms, unless one is named)",
    ),
    switch(
        "",
        "src-tls-verify",
        "Require HTTPS and known certificates of the source's registry (default true)",
    ),
];
pub(crate) const SEARCH: &[Flag] = &[
    many(
        "f",
        "filter",
        "filter",
        "Filter output based on conditions provided: stars=N, is-official=BOOL",
    ),
    FORMAT,
    one("", "limit", "int", "Max number of search results (default 25)"),
    NO_TRUNC,
    TLS_VERIFY,
];
const INSECURE: Flag = switch("", "insecure", "Allow communication with an insecure registry");
pub(crate) const MANIFEST_CREATE: &[Flag] =
    &[switch("a", "amend", "Amend an existing manifest list"), INSECURE];
pub(crate) const MANIFEST_ANNOTATE: &[Flag] = &[
    one("", "arch", "string", "Set architecture"),
    one("", "os", "string", "Set operating system"),
    many("", "os-features", "stringSlice", "Set operating system feature"),
    one("", "os-version", "string", "Set operating system version"),
    one("", "variant", "string", "Set architecture variant"),
];
pub(crate) const MANIFEST_INSPECT: &[Flag] =
    &[INSECURE, switch("v", "verbose", "Output additional info including layers and platform")];
pub(crate) const MANIFEST_PUSH: &[Flag] =
    &[INSECURE, switch("p", "purge", "Remove the local manifest list after push")];
const AUTHFILE: Flag = one(
    "",
    "authfile",
    "path",
    "File of logins (default $REGISTRY_AUTH_FILE, else config.json of $DOCKER_CONFIG or ~/.docker)",
);
pub(crate) const LOGIN: &[Flag] = &[
    AUTHFILE,
    switch("", "get-login", "Print the user's name that is logged in, and do nothing"),
    one("p", "password", "string", "Password or access token; seen by other users of the machine"),
    switch("", "password-stdin", "Take the password from stdin"),
    TLS_VERIFY,
    one("u", "username", "string", "Username"),
];
pub(crate) const LOGOUT: &[Flag] =
    &[switch("a", "all", "Remove the logins for every registry"), AUTHFILE];
pub(crate) const VERIFY: &[Flag] = &[
    AUTHFILE,
    FORMAT,
    many("", "key", "file", "File of public keys (PEM); a signature by one of them is enough"),
    one("", "platform", "string", "Platform whose image is verified: OS/ARCHITECTURE[/VARIANT]"),
    one("", "policy", "file", "Verify by this policy instead of the one in force"),
    one(
        "",
        "signatures-in",
        "repository",
        "Repository of the signatures, where they are not beside the image; with --key",
    ),
    TLS_VERIFY,
];
pub(crate) const FORMAT_SHORT: &[Flag] = &[FORMAT_F];
pub(crate) const IMAGE_INSPECT: &[Flag] =
    &[FORMAT_F, one("", "platform", "string", "Inspect what is for the given platform only")];
pub(crate) const CONTAINER_INSPECT: &[Flag] =
    &[FORMAT_F, switch("s", "size", "Display total file sizes")];
pub(crate) const INSPECT: &[Flag] = &[
    FORMAT_F,
    switch("s", "size", "Display total file sizes if the type is container"),
    one("", "type", "string", "Return JSON for specified type: container or image"),
];
