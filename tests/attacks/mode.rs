//! The columns of the table: what a container is when it is attacked.

use std::process::Command;

use crate::attack::ATTACKS;
use crate::engine::Engine;
use crate::finding::Finding;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `corten run`
    Default,
    /// `corten run --security-opt emulate=mknod,mount,sysinfo`
    Emulated,
    /// `corten run --userns auto`
    UserNamespace,
    /// `corten run --hardened --user 0`
    Hardened,
    /// `corten run` of a user who is not root, with ids of his own.
    Rootless,
    /// `podman run`
    Podman,
    /// `docker run`
    Docker,
}

/// In the order of the columns.
pub(crate) const MODES: [Mode; 7] = [
    Mode::Default,
    Mode::Emulated,
    Mode::UserNamespace,
    Mode::Hardened,
    Mode::Rootless,
    Mode::Podman,
    Mode::Docker,
];

/// Limits for what is hungry. An engine of a user without groups of his own has but the last ones.
const LIMITS: &[&str] = &["--pids-limit", "100", "--memory", "128m", "--memory-swap", "128m"];
const LIMITS_OF_ALL: &[&str] =
    &["--tmpfs", "/scratch:nr_inodes=1000", "--ulimit", "nofile=200:200"];
const LIMITS_OF_PODMAN: &[&str] = &["--ulimit", "nofile=200:200", "--ulimit", "nproc=4096:4096"];
const LIMITS_OF_A_USER: &str = "--ulimit nproc=100:100 --ulimit data=134217728:134217728";

/// The user is the victim's and the container's owner: nothing but namespaces is between them. It is waited for: what it shares by names is the
/// machine's, and goes with it alone.
const USER: &str = r#"
    cp @FROM@/attacks @FROM@/image.tar .; mkdir ground; chown 1500:1500 ground attacks
    corten import image.tar attacks > /dev/null
    mkfifo in; user ./attacks victim $PWD/ground < in > told & victim=$!; exec 8> in
    until grep -q ready told; do :; done
    set -a; . ground/host.env
    run() { user HOST_NAME=$HOST_NAME HOST_SECRET=$HOST_SECRET ./attacks session ./corten run --rm --env-file ground/host.env "$@" 8>&-; }
    run attacks /attacks run
    run @LIMITS@ attacks /attacks run @HUNGRY@
    exec 8>&-; wait $victim
"#;

impl Mode {
    /// The column's head.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Emulated => "emulate",
            Self::UserNamespace => "userns",
            Self::Hardened => "hardened",
            Self::Rootless => "rootless",
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// Whether no attack may ever escape.
    pub(crate) const fn is_ours(self) -> bool {
        !matches!(self, Self::Podman | Self::Docker)
    }

    const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Emulated => &["--security-opt", "emulate=mknod,mount,sysinfo"],
            Self::UserNamespace => &["--userns", "auto"],
            // Root, who by himself would be nobody in there.
            Self::Hardened => &["--hardened", "--user", "0"],
            Self::Default | Self::Rootless | Self::Podman | Self::Docker => &[],
        }
    }

    /// What comes of all attacks; none where the program does not know the flag yet.
    pub(crate) fn attempt(self) -> Vec<Finding> {
        let hungry: Vec<&str> =
            ATTACKS.iter().filter(|attack| attack.is_hungry).map(|attack| attack.name).collect();
        if !is_known(self.flags()) {
            return Vec::new();
        }
        if self == Self::UserNamespace {
            testkit::give_id_ranges("containers:200000:655360\n");
        }
        let (engine, ground) = match self {
            Self::Rootless => return by_a_user(&hungry),
            Self::Podman => Engine::podman(),
            Self::Docker => Engine::docker(),
            Self::Default | Self::Emulated | Self::UserNamespace | Self::Hardened => {
                Engine::corten()
            }
        };
        let mut found = engine.attempt(&ground, self.flags(), &[]);
        let mut limits = [self.flags(), LIMITS, LIMITS_OF_ALL].concat();
        let mut hungry = hungry;
        if self == Self::Podman {
            // Its options of a tmpfs have no limit of inodes.
            limits = [LIMITS, LIMITS_OF_PODMAN].concat();
            hungry.retain(|name| *name != "inodes");
            found.push(Finding::absent("inodes", "no such limit"));
        }
        found.extend(engine.attempt(&ground, &limits, &hungry));
        found
    }
}

fn is_known(flags: &[&str]) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corten"));
    let help = command.args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    match flags {
        ["--userns", _] => !help.contains("User namespace to use: host\n"),
        [flag, ..] => help.contains(flag),
        _ => true,
    }
}

fn by_a_user(hungry: &[&str]) -> Vec<Finding> {
    let ground = crate::ground::image();
    let limits = format!("{} {LIMITS_OF_A_USER}", LIMITS_OF_ALL.join(" "));
    let script = USER
        .replace("@FROM@", &ground.path().display().to_string())
        .replace("@LIMITS@", &limits)
        .replace("@HUNGRY@", &hungry.join(" "));
    let script = format!("{}{script}", testkit::USER_RANGES);
    let said = testkit::on_user_host(env!("CARGO_BIN_EXE_corten"), &script);
    let found = Finding::all(&said);
    assert!(found.len() > hungry.len(), "{said}");
    found
}
