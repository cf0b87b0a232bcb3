//! SELinux labels of a container's processes and files: `--security-opt label=…`, `:z` and `:Z`. Where the machine runs without
//! SELinux there are none. What enforces them is the machine's policy. Sources: selinux(8), mcs(8) "categories",
//! container_selinux(8).

use std::path::Path;

use crate::config::{ContainerConfig, IpcMode, PidMode, SelinuxLabels};
use crate::containers::Containers;
use crate::error::EngineError;

mod contexts;
mod module;
mod sockets;

use contexts::Contexts;
pub use module::{ModuleError, SelinuxModule};
pub use sockets::listen_for_containers;

/// Sensitivity of everything that is a container's, without categories.
const LOWEST: &str = "s0";

/// Categories of the usual policies: c0 to c1023.
const CATEGORIES: u32 = 1024;

/// Places that a container's label would take away from everybody else.
pub(crate) const NEVER: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/passwd",
    "/etc/pki",
    "/etc/shadow",
    "/etc/ssl",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/tmp",
];

/// Whether it is one of those places.
pub(crate) fn is_everybodys(path: &Path) -> bool {
    let inode = |path: &Path| rustix::fs::stat(path).map(|about| (about.st_dev, about.st_ino));
    let is_it = |never: &&str| inode(Path::new(never)) == inode(path);
    inode(path).is_ok() && NEVER.iter().any(is_it)
}

/// The parts of labels that can be given, each `NAME:VALUE` behind `label=`.
const PARTS: [&str; 5] = ["user", "role", "type", "level", "filetype"];

/// Whether an option behind `label=` is one.
pub(crate) fn is_option(text: &str) -> bool {
    let is_value = |value: &str| {
        !value.is_empty()
            && value.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':' | b',')
            })
    };
    matches!(text, "disable" | "nested")
        || text.split_once(':').is_some_and(|(part, value)| {
            // Only a level has parts of its own.
            let is_whole = part == "level" || !value.contains([':', ',']);
            PARTS.contains(&part) && is_whole && is_value(value)
        })
}

/// The labels of a container; nothing where it has none, or the machine has no SELinux.
pub(crate) fn labels(config: &ContainerConfig) -> Option<&SelinuxLabels> {
    config.security.selinux.as_ref().filter(|_| libcontainer::selinux_is_enabled())
}

/// The label of what every container may use.
pub(crate) fn shared(config: &ContainerConfig) -> String {
    let mut files = Contexts::here().files;
    if let Some(kind) = part(config, "filetype") {
        kind.clone_into(&mut files.kind);
    }
    files.with_level(libcontainer::selinux_has_levels().then_some(LOWEST))
}

/// The label of what every container may read and none may write: layers that are mounted where they are.
pub(crate) fn read_only() -> String {
    Contexts::here().read_only.with_level(libcontainer::selinux_has_levels().then_some(LOWEST))
}

/// Whether containers that are told nothing have labels: files that they shall use must have such ones, too.
#[must_use]
pub fn containers_are_labelled() -> bool {
    libcontainer::selinux_is_enabled() && why_open().is_none()
}

/// Whether it has no labels, whatever else is asked for. With the host's memory or processes it could use neither of them.
pub(crate) fn are_disabled(config: &ContainerConfig) -> bool {
    let labels = &config.security.labels;
    let shares = config.sharing.ipc == IpcMode::Host || config.sharing.pid == PidMode::Host;
    config.privileged
        || labels.iter().any(|text| text == "disable")
        || (shares && labels.is_empty())
}

/// Whether it sees SELinux, and asks it for labels of its own.
pub(crate) fn is_nested(config: &ContainerConfig) -> bool {
    config.security.labels.iter().any(|text| text == "nested")
        && !are_disabled(config)
        && libcontainer::selinux_is_enabled()
}

/// Why containers that are told nothing are not labelled; nothing where they are, or there is no SELinux.
pub(crate) fn why_open() -> Option<String> {
    if !libcontainer::selinux_is_enabled() {
        return None;
    }
    let Contexts { process, .. } = Contexts::here();
    let kind = &process.kind;
    (!process.is_known()).then(|| {
        format!("the policy of this machine has no {kind}; corten selinux load adds types of Corten's own")
    })
}

/// Whether labels were described; a mount that becomes a container's alone asks for them too.
fn are_asked(config: &ContainerConfig) -> bool {
    !config.security.labels.is_empty() || config.mounts.iter().any(|mount| mount.relabel_private)
}

/// The last word counts.
fn part<'c>(config: &'c ContainerConfig, name: &str) -> Option<&'c str> {
    let texts = config.security.labels.iter().rev();
    let mut parts = texts.filter_map(|text| text.split_once(':'));
    parts.find(|(part, _)| *part == name).map(|(_, value)| value)
}

/// Whether its program is an init system, which policies let have more of its control groups.
fn begins_with_init(config: &ContainerConfig) -> bool {
    let argv = config.entrypoint.iter().chain(&config.command);
    argv.take(1).any(|program| {
        matches!(program.as_str(), "/sbin/init" | "/usr/sbin/init" | "/usr/local/sbin/init")
            || program.rsplit('/').next() == Some("systemd")
    })
}

/// Whose level it has.
enum Joined {
    /// Its own.
    Nobody,
    /// That of a container whose memory or processes it shares, which has none perhaps.
    Container(Option<SelinuxLabels>),
}

impl Containers<'_> {
    /// Labels a container as those that it joins; another one has a level of its own, a pair of categories that no other container
    /// has. Where the policy knows no containers nothing is labelled, unless somebody asks for it.
    ///
    /// # Errors
    /// When the machine's policy does not know the label that was asked for.
    pub(crate) fn choose_label(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        config.security.selinux = None;
        if !libcontainer::selinux_is_enabled() || are_disabled(config) {
            return Ok(());
        }
        let given = match self.joined_labels(config)? {
            Joined::Container(given) if config.security.labels.is_empty() => given,
            Joined::Container(given) => {
                let level = given.map(|given| given.level);
                Some(described(config, level.filter(|level| !level.is_empty()))?)
            }
            Joined::Nobody => Some(described(config, None)?),
        };
        let Some(given) = given else { return Ok(()) };
        for label in [&given.process, &given.files] {
            let why = match libcontainer::selinux_knows(label) {
                Ok(true) => continue,
                Ok(false) if !are_asked(config) => return Ok(()),
                Ok(false) => "the policy of this machine does not know it".to_owned(),
                Err(errno) => format!("ask SELinux for it: {errno}"),
            };
            return Err(EngineError::value("SELinux label", label, why));
        }
        config.security.selinux = Some(given);
        Ok(())
    }

    /// The label of the pipes that a container's processes may use.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn label_of_streams(&self, text: &str) -> Result<Option<String>, EngineError> {
        if !libcontainer::selinux_is_enabled() {
            return Ok(None);
        }
        Ok(labels(&self.get(text)?.config).map(|labels| labels.files.clone()))
    }

    /// Containers that share memory or see each other's processes could use neither with labels that differ.
    fn joined_labels(&self, config: &ContainerConfig) -> Result<Joined, EngineError> {
        let id = match (&config.sharing.ipc, &config.sharing.pid) {
            (IpcMode::Container(id), _) | (_, PidMode::Container(id)) => id,
            _ => return Ok(Joined::Nobody),
        };
        let given = self.get(id)?.config.security.selinux.clone();
        Ok(Joined::Container(given.map(|given| SelinuxLabels { is_own: false, ..given })))
    }
}

/// Labels as they are described, with a level of its own where there is none to be had.
fn described(
    config: &ContainerConfig,
    joined: Option<String>,
) -> Result<SelinuxLabels, EngineError> {
    let Contexts { mut process, init, mut files, .. } = Contexts::here();
    if begins_with_init(config) {
        process = init;
    }
    if let Some(user) = part(config, "user") {
        user.clone_into(&mut process.user);
        user.clone_into(&mut files.user);
    }
    for (name, place) in
        [("role", &mut process.role), ("type", &mut process.kind), ("filetype", &mut files.kind)]
    {
        if let Some(value) = part(config, name) {
            value.clone_into(place);
        }
    }
    let known = part(config, "level").map(str::to_owned).or(joined);
    let is_own = known.is_none() && libcontainer::selinux_has_levels();
    let level = match known {
        None if is_own => Some(random_level()?),
        known => known,
    };
    Ok(SelinuxLabels {
        process: process.with_level(level.as_deref()),
        files: files.with_level(level.as_deref()),
        level: level.unwrap_or_default(),
        is_own,
    })
}

fn random_level() -> Result<String, EngineError> {
    loop {
        if let Some(level) = level(crate::names::random_number()?) {
            return Ok(level);
        }
    }
}

/// Two different categories of a random number; nothing where it gives the same twice.
fn level(random: u32) -> Option<String> {
    let (one, other) = (random % CATEGORIES, random / CATEGORIES % CATEGORIES);
    (one != other).then(|| format!("{LOWEST}:c{},c{}", one.min(other), one.max(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_pairs() {
        assert_eq!(level(5 * CATEGORIES + 900).as_deref(), Some("s0:c5,c900"));
        assert_eq!(level(900 * CATEGORIES + 5).as_deref(), Some("s0:c5,c900"));
        assert_eq!(level(7 * CATEGORIES + 7), None);
    }

    #[test]
    fn options_and_parts() {
        for good in
            ["disable", "nested", "level:s0:c1,c2", "type:spc_t", "user:system_u", "filetype:x_t"]
        {
            assert!(is_option(good), "{good}");
        }
        for bad in ["", "level", "level:", "what:x", "type:a:b", "level:s0 c1", "disabled"] {
            assert!(!is_option(bad), "{bad}");
        }
        let mut config = ContainerConfig::default();
        assert!(!are_asked(&config));
        config.mounts.push(crate::parse::volume("/a:/b:z").unwrap());
        assert!(!are_asked(&config), "what all may use confines nobody");
        config.mounts.push(crate::parse::volume("/a:/c:Z").unwrap());
        assert!(are_asked(&config));
        config.security.labels = vec!["level:s0:c1".to_owned(), "level:s0:c2".to_owned()];
        assert_eq!(part(&config, "level"), Some("s0:c2"));
        let given = described(&config, Some("s0:c3".to_owned())).unwrap();
        assert!(given.process.ends_with(":s0:c2") && !given.is_own, "{given:?}");
        config.security.labels.push("disable".to_owned());
        assert!(are_disabled(&config));
    }

    #[test]
    fn who_shares_with_the_host_or_is_privileged_has_none() {
        let mut config = ContainerConfig::default();
        assert!(!are_disabled(&config));
        config.sharing.pid = PidMode::Host;
        assert!(are_disabled(&config));
        config.security.labels = vec!["type:container_t".to_owned()];
        assert!(!are_disabled(&config), "somebody has said otherwise");
        config.privileged = true;
        assert!(are_disabled(&config));
    }

    #[test]
    fn descriptions() {
        let mut config =
            ContainerConfig { command: vec!["/sbin/init".into()], ..ContainerConfig::default() };
        assert!(begins_with_init(&config));
        config.entrypoint = vec!["sh".into()];
        assert!(!begins_with_init(&config));
        let texts = ["user:u_u", "role:r_r", "type:t_t", "filetype:f_t"];
        config.security.labels = texts.map(str::to_owned).to_vec();
        let given = described(&config, Some("s0:c1,c2".to_owned())).unwrap();
        assert_eq!(given.process, "u_u:r_r:t_t:s0:c1,c2");
        assert!(given.files.starts_with("u_u:") && given.files.ends_with(":f_t:s0:c1,c2"));
        assert_eq!(given.level, "s0:c1,c2");
    }
}
