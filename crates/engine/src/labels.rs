//! SELinux labels of a container's processes and files: `--security-opt label=…`, `:z` and `:Z`. Where the machine runs without
//! SELinux there are none. What enforces them is the machine's policy. Sources: selinux(8), mcs(8) "categories",
//! container_selinux(8).

use std::collections::HashSet;
use std::path::Path;

use crate::config::{ContainerConfig, IpcMode, PidMode};
use crate::containers::Containers;
use crate::error::EngineError;

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
    text == "disable"
        || text.split_once(':').is_some_and(|(part, value)| {
            // Only a level has parts of its own.
            let is_whole = part == "level" || !value.contains([':', ',']);
            PARTS.contains(&part) && is_whole && is_value(value)
        })
}

/// What a container's processes and files are labelled.
pub(crate) struct Labels {
    /// Its processes.
    pub(crate) process: String,
    /// Its own file systems, and what is labelled for it alone.
    pub(crate) files: String,
}

/// The labels that somebody has asked for; nothing where nobody has, or the machine has no SELinux.
pub(crate) fn labels(config: &ContainerConfig) -> Option<Labels> {
    if !is_wanted(config) || !libcontainer::selinux_is_enabled() {
        return None;
    }
    let part = |name, otherwise| part(config, name).unwrap_or(otherwise);
    let level = part("level", "s0");
    let (user, role, kind) =
        (part("user", "system_u"), part("role", "system_r"), part("type", "container_t"));
    Some(Labels {
        process: format!("{user}:{role}:{kind}:{level}"),
        files: format!("{user}:object_r:{}:{level}", part("filetype", "container_file_t")),
    })
}

/// The label of what every container may use.
pub(crate) fn shared(config: &ContainerConfig) -> String {
    format!("system_u:object_r:{}:s0", part(config, "filetype").unwrap_or("container_file_t"))
}

/// Whether it has no labels, whatever else is asked for.
pub(crate) fn are_disabled(config: &ContainerConfig) -> bool {
    config.privileged || config.security.labels.iter().any(|text| text == "disable")
}

/// Whether its processes are confined by a label of their own: when one is described, or when files become theirs alone.
fn is_wanted(config: &ContainerConfig) -> bool {
    let is_private = config.mounts.iter().any(|mount| mount.relabel_private);
    (is_private || !config.security.labels.is_empty()) && !are_disabled(config)
}

/// The last word counts.
fn part<'c>(config: &'c ContainerConfig, name: &str) -> Option<&'c str> {
    let texts = config.security.labels.iter().rev();
    let mut parts = texts.filter_map(|text| text.split_once(':'));
    parts.find(|(part, _)| *part == name).map(|(_, value)| value)
}

impl Containers<'_> {
    /// Labels a container as those that it joins; another that will be labelled has a level of its own, a pair of categories
    /// that no other container has.
    ///
    /// # Errors
    /// When the machine's policy does not know the label.
    pub(crate) fn choose_label(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        if !libcontainer::selinux_is_enabled() {
            return Ok(());
        }
        self.join_labels(config)?;
        if labels(config).is_some() && part(config, "level").is_none() {
            self.choose_level(config)?;
        }
        let Some(labels) = labels(config) else { return Ok(()) };
        for label in [labels.process, labels.files] {
            let known = libcontainer::selinux_knows(&label);
            if let Some(why) = match known {
                Ok(true) => None,
                Ok(false) => Some("the policy of this machine does not know it".to_owned()),
                Err(errno) => Some(format!("ask SELinux for it: {errno}")),
            } {
                return Err(EngineError::value("SELinux label", label, why));
            }
        }
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
        Ok(labels(&self.get(text)?.config).map(|labels| labels.files))
    }

    /// Containers that share memory or see each other's processes could use neither with labels that differ.
    fn join_labels(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        if are_disabled(config) || part(config, "level").is_some() {
            return Ok(());
        }
        let mut joined = Vec::new();
        if let IpcMode::Container(id) = &config.sharing.ipc {
            joined.push(id.clone());
        }
        if let PidMode::Container(id) = &config.sharing.pid {
            joined.push(id.clone());
        }
        for id in joined {
            let other = self.get(&id)?.config;
            if labels(&other).is_none() {
                continue;
            }
            if config.security.labels.is_empty() {
                config.security.labels.clone_from(&other.security.labels);
            } else if let Some(level) = part(&other, "level") {
                config.security.labels.push(format!("level:{level}"));
            }
            return Ok(());
        }
        Ok(())
    }

    fn choose_level(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        let records = self.engine.store.containers().list()?;
        let taken: HashSet<String> = records
            .iter()
            .filter_map(|record| serde_json::from_str::<ContainerConfig>(&record.config).ok())
            .filter_map(|config| part(&config, "level").map(str::to_owned))
            .collect();
        loop {
            let level = level(crate::names::random_number()?);
            if let Some(level) = level.filter(|level| !taken.contains(level)) {
                config.security.labels.push(format!("level:{level}"));
                return Ok(());
            }
        }
    }
}

/// Two different categories of a random number; nothing where it gives the same twice.
fn level(random: u32) -> Option<String> {
    let (one, other) = (random % CATEGORIES, random / CATEGORIES % CATEGORIES);
    (one != other).then(|| format!("s0:c{},c{}", one.min(other), one.max(other)))
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
        for good in ["disable", "level:s0:c1,c2", "type:spc_t", "user:system_u", "filetype:x_t"] {
            assert!(is_option(good), "{good}");
        }
        for bad in ["", "level", "level:", "what:x", "type:a:b", "level:s0 c1", "disabled"] {
            assert!(!is_option(bad), "{bad}");
        }
        let mut config = ContainerConfig::default();
        assert!(!is_wanted(&config));
        config.mounts.push(crate::parse::volume("/a:/b:z").unwrap());
        assert!(!is_wanted(&config), "what all may use confines nobody");
        config.mounts.push(crate::parse::volume("/a:/c:Z").unwrap());
        assert!(is_wanted(&config));
        config.security.labels = vec!["level:s0:c1".to_owned(), "level:s0:c2".to_owned()];
        assert_eq!(part(&config, "level"), Some("s0:c2"));
        config.security.labels.push("disable".to_owned());
        assert!(!is_wanted(&config));
    }
}
