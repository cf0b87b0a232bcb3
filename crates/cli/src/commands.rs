//! Every command: its grammar, its group in the help, and the function that runs it.

use crate::arguments::{ANY, Arity, Grammar, Matches, NONE, SOME, at_least, exactly};
use crate::failure::Failure;
use crate::flags::{
    ATTACH, CONTAINER, DEBIAN, EXEC, FORMAT_SHORT, HISTORY, IMAGES, IMPORT, INSPECT, KILL, LOAD,
    LOGS, PS, RM, RMI, RUN, START, STOP,
};
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
    /// Whether its exit codes below 125 belong to a program; Docker's `create` runs none.
    pub(crate) runs_programs: bool,
    pub(crate) run: Run,
}

const COMMON: &str = "Common Commands";
const OBJECTS: &str = "Templates and images";
const OTHERS: &str = "Commands";
pub(crate) const GROUPS: &[&str] = &[COMMON, OBJECTS, OTHERS];
/// First words of commands of two words: `corten container ls` is `corten ps`.
pub(crate) const FAMILIES: &[(&str, &str)] = &[
    ("container", "Manage containers"),
    ("image", "Manage images"),
    ("oci", "Run OCI bundles, as runc does"),
    ("system", "Manage Corten"),
    ("template", "Manage what images are built of"),
];

/// Docker's commands that do not exist here yet: they are refused by name.
pub(crate) const LATER: &[&str] = &[
    "build",
    "builder",
    "buildx",
    "checkpoint",
    "commit",
    "compose",
    "config",
    "context",
    "cp",
    "diff",
    "events",
    "export",
    "login",
    "logout",
    "manifest",
    "network",
    "node",
    "plugin",
    "port",
    "pull",
    "push",
    "rename",
    "restart",
    "save",
    "search",
    "secret",
    "service",
    "stack",
    "stats",
    "swarm",
    "trust",
    "update",
    "volume",
    "container commit",
    "container cp",
    "container diff",
    "container export",
    "container port",
    "container prune",
    "container rename",
    "container restart",
    "container stats",
    "container update",
    "image build",
    "image prune",
    "image pull",
    "image push",
    "image save",
    "system df",
    "system events",
    "system prune",
];

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
        images::import
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
        [FORMAT_SHORT],
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
        false,
        run::create
    ),
    command!(
        OTHERS,
        ["inspect", "container inspect"],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Kind, Parsed, parse};

    /// What Docker's users expect of each command, in both spellings where there are two.
    const EXPECTED: &[(&str, &str)] = &[
        (
            "run",
            "-d --detach -i --interactive -t --tty --rm --name -e --env --env-file -w --workdir -u --user -v --volume --mount \
             --tmpfs --read-only -h --hostname --entrypoint --network -m --memory --memory-swap --cpus -c --cpu-shares \
             --cpuset-cpus --pids-limit --device --cap-add --cap-drop --privileged --security-opt --ulimit --sysctl --init -l \
             --label --stop-signal --stop-timeout --cidfile --pull --explain --detach-keys --sig-proxy",
        ),
        (
            "create",
            "-i --interactive -t --tty --rm --name -e --env --env-file -w --workdir -u --user -v --volume --mount --tmpfs \
             --read-only -h --hostname --entrypoint --network -m --memory --memory-swap --cpus -c --cpu-shares --cpuset-cpus \
             --pids-limit --device --cap-add --cap-drop --privileged --security-opt --ulimit --sysctl --init -l --label \
             --stop-signal --stop-timeout --cidfile --pull",
        ),
        ("start", "-a --attach -i --interactive --detach-keys"),
        ("stop", "-s --signal -t --timeout"),
        ("kill", "-s --signal"),
        ("rm", "-f --force -v --volumes"),
        (
            "ps",
            "-a --all -q --quiet -f --filter --format --no-trunc -s --size -n --last -l --latest",
        ),
        ("logs", "-f --follow -t --timestamps --since --until -n --tail"),
        (
            "exec",
            "-d --detach -i --interactive -t --tty -e --env -w --workdir -u --user --privileged --env-file --detach-keys",
        ),
        ("attach", "--detach-keys --no-stdin --sig-proxy"),
        ("wait", ""),
        ("inspect", "-f --format -s --size --type"),
        ("pause", ""),
        ("unpause", ""),
        ("top", ""),
        ("version", "-f --format"),
        ("info", "-f --format"),
        ("load", "-i --input -q --quiet"),
        ("import", "-c --change -m --message"),
        ("images", "-a --all -q --quiet --digests -f --filter --format --no-trunc"),
        ("rmi", "-f --force"),
        ("tag", ""),
        ("image inspect", "-f --format"),
        ("history", "--format -H --human --no-trunc -q --quiet"),
        ("template list", ""),
        ("template build", "--suite --mirror"),
    ];

    fn grammar(name: &str) -> &'static Grammar {
        COMMANDS.iter().find(|command| command.grammar.name() == name).unwrap().grammar
    }

    /// A line that gives this one flag, and words enough.
    fn line(grammar: &Grammar, spelling: &str) -> Vec<String> {
        let flag = grammar.all_flags().find(|flag| {
            spelling == format!("--{}", flag.long)
                || flag.short.is_some_and(|short| spelling == format!("-{short}"))
        });
        let flag = flag.unwrap_or_else(|| panic!("{} has no flag {spelling}", grammar.name()));
        let value = match flag.kind {
            Kind::Switch => None,
            Kind::Many("filter") => Some("a=b".to_owned()),
            Kind::One(_) | Kind::Many(_) => Some("1".to_owned()),
        };
        let words = vec!["x".to_owned(); grammar.arity.least];
        [vec![spelling.to_owned()], value.into_iter().collect(), words].concat()
    }

    #[test]
    fn every_command_has_the_flags_that_are_expected_of_it() {
        for (name, spellings) in EXPECTED {
            let grammar = grammar(name);
            for spelling in spellings.split_whitespace() {
                let parsed = parse(grammar, line(grammar, spelling));
                assert!(matches!(parsed, Ok(Parsed::Call(_))), "{name} {spelling}: {parsed:?}");
            }
        }
    }

    /// A name or a letter that two flags share would make one of them unreachable.
    #[test]
    fn names_and_letters_are_given_once() {
        let mut names: Vec<&str> =
            COMMANDS.iter().flat_map(|command| command.grammar.names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for command in COMMANDS {
            let flags: Vec<_> = command.grammar.all_flags().collect();
            let mut spellings: Vec<String> = flags
                .iter()
                .flat_map(|flag| [Some(flag.long.to_owned()), flag.short.map(String::from)])
                .flatten()
                .collect();
            let count = spellings.len();
            spellings.sort_unstable();
            spellings.dedup();
            assert_eq!(spellings.len(), count, "{}", command.grammar.name());
        }
    }
}
