//! Commands: what one is, and which there are ([`COMMANDS`], a table in `grammar`).

use crate::arguments::{Grammar, Matches};
use crate::failure::Failure;
use crate::program::Session;

mod apparmor;
mod archives;
mod autostart;
mod boot;
mod build;
mod builder;
mod chan;
mod change;
mod check;
mod checkpoint;
pub(crate) mod console;
mod context;
mod copy;
mod cp;
mod dial;
mod doctor;
mod events;
pub(crate) mod exec;
mod grammar;
mod images;
mod inspect;
mod life;
mod list;
mod login;
mod logs;
mod machine;
mod manifest;
mod mount;
mod network;
mod prune;
mod pull;
mod push;
pub(crate) mod remote;
pub(crate) mod run;
mod search;
mod seccomp;
mod secret;
mod selinux;
mod serve;
mod settings;
mod several;
mod snapshot;
mod stats;
mod system;
mod templates;
mod tree;
mod usage;
mod verify;
mod volume;

pub(crate) use grammar::COMMANDS;

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

pub(crate) const COMMON: &str = "Common Commands";
const OBJECTS: &str = "Templates and images";
const OTHERS: &str = "Commands";
pub(crate) const GROUPS: &[&str] = &[COMMON, OBJECTS, OTHERS];
/// First words of commands of two words: `corten container ls` is `corten ps`.
pub(crate) const FAMILIES: &[(&str, &str)] = &[
    ("apparmor", "Manage AppArmor profiles"),
    ("builder", "Manage builds"),
    ("buildx", "Build images: Docker's other name for it"),
    ("chan", "Speak libchan, and look at who speaks it"),
    ("checkpoint", "Manage checkpoints of containers"),
    ("config", "Manage configs"),
    ("container", "Manage containers"),
    ("context", "Manage contexts: servers that have names"),
    ("healthcheck", "Manage health checks of containers"),
    ("image", "Manage images"),
    ("lxc", "Manage whole systems by LXC's tools and configurations"),
    ("manifest", "Manage lists of manifests for several platforms"),
    ("network", "Manage networks"),
    ("oci", "Run OCI bundles, as runc does"),
    ("seccomp", "Manage profiles of system calls"),
    ("secret", "Manage secrets"),
    ("selinux", "Manage Corten's types in the SELinux policy"),
    ("snapshot", "Manage snapshots of containers"),
    ("system", "Manage Corten"),
    ("template", "Manage what images are built of"),
    ("volume", "Manage volumes"),
];

/// Families within families.
pub(crate) const SUBFAMILIES: &[(&str, &str)] = &[
    ("builder history", "Manage records of builds"),
    ("buildx history", "Manage records of builds"),
];

/// Docker's commands that do not exist here yet: they are refused by name.
pub(crate) const LATER: &[&str] = &[
    "buildx imagetools",
    "buildx ls",
    "compose",
    "node",
    "plugin",
    "service",
    "stack",
    "swarm",
    "trust",
];

/// Does something for each word; the first failure does not keep the others from their turn.
fn each(matches: &Matches, act: impl FnMut(&str) -> Result<(), Failure>) -> Result<i32, Failure> {
    each_of(&matches.words, act)
}

/// The same for words from elsewhere.
fn each_of(
    words: &[String],
    mut act: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    let mut code = 0;
    for word in words {
        if let Err(failure) = act(word) {
            crate::output::error(&failure.line(), failure.hint().as_deref());
            code = 1;
        }
    }
    Ok(code)
}

/// Whether JSON is wanted, for commands that have no other format.
fn is_json(matches: &Matches) -> Result<bool, Failure> {
    match matches.value("format") {
        None | Some("") => Ok(false),
        Some("json") => Ok(true),
        Some(other) => Err(Failure::Words(format!("invalid format {other:?}: there is json"))),
    }
}

/// The exit code of the commands that ask whether there is such an object.
fn exists(found: Result<(), engine::EngineError>) -> Result<i32, Failure> {
    match found {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == engine::Kind::NotFound => Ok(1),
        Err(error) => Err(error.into()),
    }
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
             --label --stop-signal --stop-timeout --cidfile --pull --platform -q --quiet --explain --detach-keys --sig-proxy",
        ),
        (
            "create",
            "-i --interactive -t --tty --rm --name -e --env --env-file -w --workdir -u --user -v --volume --mount --tmpfs \
             --read-only -h --hostname --entrypoint --network -m --memory --memory-swap --cpus -c --cpu-shares --cpuset-cpus \
             --pids-limit --device --cap-add --cap-drop --privileged --security-opt --ulimit --sysctl --init -l --label \
             --stop-signal --stop-timeout --cidfile --pull",
        ),
        (
            "start",
            "-a --attach -i --interactive --detach-keys --all --filter --checkpoint --checkpoint-dir",
        ),
        ("checkpoint create", "--checkpoint-dir --leave-running"),
        ("checkpoint ls", "--checkpoint-dir"),
        ("checkpoint rm", "--checkpoint-dir"),
        (
            "chan send",
            "--count --listen --timeout --tlscacert --tlscert --tlskey --tlsverify -v --verbose",
        ),
        (
            "chan recv",
            "--count --exec --listen --reply --timeout --tlscacert --tlscert --tlskey --tlsverify -v --verbose",
        ),
        (
            "chan serve",
            "--count --exec --reply --timeout --tlscacert --tlscert --tlskey --tlsverify -v --verbose",
        ),
        ("chan relay", "--timeout --tlscacert --tlscert --tlskey --tlsverify -v --verbose"),
        ("chan dump", "--full --timeout --tlscacert --tlscert --tlskey --tlsverify -v --verbose"),
        ("seccomp record", "--base -o --output"),
        ("seccomp print", "--cap-add --cap-drop"),
        ("stop", "-s --signal -t --timeout -a --all --filter"),
        ("kill", "-s --signal -a --all --filter"),
        ("rm", "-f --force -v --volumes -a --all --filter"),
        (
            "ps",
            "-a --all -q --quiet -f --filter --format --no-trunc -s --size -n --last -l --latest",
        ),
        ("logs", "--details -f --follow -t --timestamps --since --until -n --tail"),
        (
            "exec",
            "-d --detach -i --interactive -t --tty -e --env -w --workdir -u --user --privileged --env-file --detach-keys --security-opt",
        ),
        ("apparmor load", ""),
        ("apparmor ls", "--format -q --quiet"),
        ("apparmor unload", "-f --force"),
        ("apparmor print", ""),
        ("selinux load", ""),
        ("selinux unload", "-f --force"),
        ("selinux print", ""),
        ("attach", "--detach-keys --no-stdin --sig-proxy"),
        ("console", "--detach-keys -e --escape -t --tty"),
        (
            "login",
            "-u --username -p --password --password-stdin --authfile --tls-verify --get-login",
        ),
        ("logout", "-a --all --authfile"),
        ("wait", ""),
        ("container exists", ""),
        (
            "container clone",
            "--destroy --files -f --force --name --run --blkio-weight --cpu-period --cpu-quota -c --cpu-shares --cpus --cpuset-cpus \
             --cpuset-mems -m --memory --memory-reservation --memory-swap --pids-limit",
        ),
        (
            "clone",
            "--destroy -f --force --name --run --blkio-weight --cpu-period --cpu-quota -c --cpu-shares --cpus --cpuset-cpus \
             --cpuset-mems -m --memory --memory-reservation --memory-swap --pids-limit",
        ),
        (
            "autostart",
            "-a --all -g --groups -A --ignore-auto -k --kill -L --list -r --reboot -s --shutdown -t --timeout",
        ),
        ("snapshot create", "-c --comment"),
        ("snapshot ls", "-f --filter --format -q --quiet"),
        ("snapshot restore", "--name --run"),
        ("snapshot rm", ""),
        ("container mount", "-a --all --format --no-trunc"),
        ("container unmount", "-a --all -f --force"),
        ("volume mount", ""),
        ("volume unmount", ""),
        ("healthcheck run", ""),
        ("system doctor", "--format"),
        ("system start-all", ""),
        ("system stop-all", "-t --timeout"),
        ("system install-units", "--print"),
        ("stats", "-a --all --format --no-stream --no-trunc"),
        ("rename", ""),
        ("restart", "-s --signal -t --timeout -a --all --filter"),
        ("port", ""),
        (
            "update",
            "--blkio-weight --cpu-period --cpu-quota -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -m --memory \
             --memory-reservation --memory-swap --pids-limit --restart --autostart --autostart-delay --autostart-group --autostart-order",
        ),
        ("events", "-f --filter --format --since --until --no-trunc"),
        ("inspect", "-f --format -s --size --type"),
        ("container inspect", "-f --format -s --size"),
        (
            "build",
            "--add-host --build-arg --build-context --cache-from --cgroup-parent --compress --cpu-period --cpu-quota -c --cpu-shares \
             --cpuset-cpus --cpuset-mems --disable-content-trust -f --file --force-rm --iidfile --isolation --label -m --memory \
             --memory-swap --network --no-cache --no-cache-filter -o --output --platform --progress --pull -q --quiet --rm --secret \
             --security-opt --shm-size --squash --ssh -t --tag --target --ulimit --metadata-file --check --call --load --push",
        ),
        (
            "bake",
            "--allow --builder --call --check -f --file --list --load --metadata-file --no-cache --print --progress --provenance --pull \
             --push --sbom --set --var",
        ),
        (
            "builder prune",
            "-a --all --filter -f --force --keep-storage --max-used-space --min-free-space --reserved-space --verbose",
        ),
        ("builder du", "--filter --format --verbose"),
        ("builder history ls", "--filter --format --no-trunc"),
        ("builder history inspect", "-f --format"),
        ("builder history logs", "--progress"),
        ("builder history rm", "--all"),
        ("pause", "-a --all --filter"),
        ("unpause", "-a --all --filter"),
        ("top", ""),
        ("context create", "--description --docker --from"),
        ("context ls", "--format -q --quiet"),
        ("context inspect", "-f --format"),
        ("context rm", "-f --force"),
        ("context update", "--description --docker"),
        ("context export", ""),
        ("version", "-f --format"),
        ("info", "-f --format"),
        ("load", "-i --input -q --quiet"),
        ("import", "-c --change -m --message --platform"),
        ("save", "-o --output --platform"),
        ("export", "-o --output"),
        ("commit", "-a --author -c --change -m --message -p --pause"),
        ("diff", ""),
        ("images", "-a --all -q --quiet --digests -f --filter --format --no-trunc --tree"),
        (
            "push",
            "-a --all-tags --all-platforms -q --quiet --progress --tls-verify --authfile --compression --compression-level \
             --force-compression --format --digestfile",
        ),
        ("pull", "-a --all-tags --platform -q --quiet --progress --tls-verify"),
        ("rmi", "-f --force --no-prune"),
        ("image prune", "-a --all -f --force --filter --keep --unused-for"),
        ("container prune", "-f --force --filter"),
        ("system df", "-v --verbose --format"),
        ("system prune", "-a --all -f --force --volumes --filter"),
        ("system check", "--repair --quick --format"),
        ("tag", ""),
        ("image inspect", "-f --format"),
        (
            "image verify",
            "--key --policy --signatures-in --format --platform --authfile --tls-verify",
        ),
        ("history", "--format -H --human --no-trunc -q --quiet"),
        (
            "image copy",
            "--all-platforms --platform --src-tls-verify --dest-tls-verify --progress -q --quiet --preserve-digests",
        ),
        ("manifest create", "-a --amend --insecure"),
        ("manifest annotate", "--arch --os --os-version --variant --os-features"),
        ("manifest inspect", "-v --verbose --insecure"),
        ("manifest push", "-p --purge --insecure"),
        ("manifest rm", ""),
        ("search", "-f --filter --format --limit --no-trunc"),
        ("template list", "--format -q --quiet"),
        ("template show", "--format"),
        ("cp", "-a --archive -L --follow-link -q --quiet"),
        ("volume create", "-d --driver --label -o --opt"),
        ("volume ls", "-f --filter --format -q --quiet"),
        ("volume inspect", "-f --format"),
        ("volume rm", "-f --force"),
        ("volume prune", "-a --all -f --force --filter"),
        ("secret create", "-d --driver --env --ignore -l --label --replace"),
        ("secret ls", "-f --filter --format -q --quiet"),
        ("secret inspect", "-f --format --pretty --showsecret"),
        ("secret rm", "-a --all -f --force -i --ignore"),
        ("secret exists", ""),
        ("config create", "--ignore -l --label --replace"),
        ("config ls", "-f --filter --format -q --quiet"),
        ("config inspect", "-f --format --pretty"),
        ("config rm", "-a --all -f --force -i --ignore"),
        ("config exists", ""),
        (
            "template build",
            "-t --tag --suite --mirror --package --keyring -a --arch -r --release --apk -d --dist --variant --server -l --list \
             --no-validate -f --rootfs -m --metadata --name",
        ),
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
            Kind::Switch | Kind::Maybe(_) => None,
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
