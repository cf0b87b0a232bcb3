//! LXC's own configuration, `lxc.conf`: where containers are and what new ones get. Start at [`System::read`].
//!
//! Of an entry that comes twice the first counts, as for LXC. Sources: lxc.system.conf(5), lxc-config(1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{ConfigError, Place, Problem};
use super::text::{Line, Text, entry};

/// Whose containers they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The machine's.
    Root,
    /// Those of a user with this home directory.
    User(PathBuf),
}

/// Names of all entries in the order in which lxc-config(1) lists them.
pub const KEYS: [&str; 7] = [
    "lxc.default_config",
    "lxc.lxcpath",
    "lxc.bdev.lvm.vg",
    "lxc.bdev.lvm.thin_pool",
    "lxc.bdev.zfs.root",
    "lxc.cgroup.use",
    "lxc.cgroup.pattern",
];

/// What `lxc.conf` says, with what holds where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// `lxc.default_config`: what new containers begin with.
    pub default_config: PathBuf,
    /// `lxc.lxcpath`: the directory that containers are in.
    pub containers: PathBuf,
    /// `lxc.bdev.lvm.vg`: the volume group for roots that LVM keeps.
    pub lvm_group: String,
    /// `lxc.bdev.lvm.thin_pool`: and the pool.
    pub lvm_thin_pool: String,
    /// `lxc.bdev.zfs.root`: the data set below which roots are that ZFS keeps.
    pub zfs_root: String,
    /// `lxc.cgroup.use`: the only controllers of version 1 in which containers get groups; nothing: in all.
    pub controllers: Option<Vec<String>>,
    /// `lxc.cgroup.pattern`: where containers get their groups, with `%n` for the name.
    pub group_pattern: Option<GroupPattern>,
}

/// A control group's path with `%n` for a container's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPattern(pub String);

impl GroupPattern {
    /// The path for a container.
    #[must_use]
    pub fn path(&self, container: &str) -> String {
        self.0.replace("%n", container)
    }
}

impl Owner {
    /// Where the file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Root => "/etc/lxc/lxc.conf".into(),
            Self::User(home) => home.join(".config/lxc/lxc.conf"),
        }
    }
}

impl System {
    /// What holds without a file.
    #[must_use]
    pub fn defaults(owner: &Owner) -> Self {
        let lxc = || "lxc".to_owned();
        let (default_config, containers) = match owner {
            Owner::Root => ("/etc/lxc/default.conf".into(), "/var/lib/lxc".into()),
            Owner::User(home) => {
                (home.join(".config/lxc/default.conf"), home.join(".local/share/lxc"))
            }
        };
        Self {
            default_config,
            containers,
            lvm_group: lxc(),
            lvm_thin_pool: lxc(),
            zfs_root: lxc(),
            controllers: None,
            group_pattern: None,
        }
    }

    /// Reads a file's bytes; `path` is for errors.
    ///
    /// # Errors
    /// With file and line, for lines that are no entries, bytes that are no text, and keys that there are not.
    pub fn read(path: &Path, bytes: &[u8], owner: &Owner) -> Result<Self, ConfigError> {
        let mut system = Self::defaults(owner);
        let mut seen: Vec<String> = Vec::new();
        for (number, line) in Text::read(bytes).lines().enumerate() {
            let place = || Place { file: Arc::from(path), line: number + 1 };
            let at = |problem| ConfigError { place: place(), problem: Box::new(problem) };
            match entry(line).map_err(at)? {
                Line::Silent => {}
                Line::Foreign => return Err(at(Problem::NotAnEntry)),
                Line::Entry { key, .. } if !KEYS.contains(&key) => return Err(at(unknown(key))),
                Line::Entry { value: "", .. } => {}
                Line::Entry { key, value } => {
                    if !seen.iter().any(|known| known == key) {
                        seen.push(key.to_owned());
                        system.set(key, value);
                    }
                }
            }
        }
        Ok(system)
    }

    fn set(&mut self, key: &str, value: &str) {
        let text = value.to_owned();
        match key {
            "lxc.default_config" => self.default_config = text.into(),
            "lxc.lxcpath" => self.containers = without_final_slashes(value).into(),
            "lxc.bdev.lvm.vg" => self.lvm_group = text,
            "lxc.bdev.lvm.thin_pool" => self.lvm_thin_pool = text,
            "lxc.bdev.zfs.root" => self.zfs_root = text,
            "lxc.cgroup.use" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                self.controllers = Some(names.map(str::to_owned).collect());
            }
            "lxc.cgroup.pattern" => self.group_pattern = Some(GroupPattern(text)),
            _ => {}
        }
    }

    /// What lxc-config(1) prints for a word: the value of the first key that begins with it; nothing inside when that has none.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<Option<String>> {
        let key = KEYS.iter().find(|key| key.starts_with(word))?;
        let path = |path: &Path| Some(path.display().to_string());
        Some(match *key {
            "lxc.default_config" => path(&self.default_config),
            "lxc.lxcpath" => path(&self.containers),
            "lxc.bdev.lvm.vg" => Some(self.lvm_group.clone()),
            "lxc.bdev.lvm.thin_pool" => Some(self.lvm_thin_pool.clone()),
            "lxc.bdev.zfs.root" => Some(self.zfs_root.clone()),
            "lxc.cgroup.use" => self.controllers.as_ref().map(|names| names.join(",")),
            _ => self.group_pattern.as_ref().map(|pattern| pattern.0.clone()),
        })
    }
}

fn without_final_slashes(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed }
}

fn unknown(key: &str) -> Problem {
    let names = KEYS.iter().map(|name| (*name).to_owned());
    Problem::UnknownKey {
        key: key.to_owned(),
        closest: spec::suggest::closest(key, names).into_iter().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<System, String> {
        let owner = Owner::User("/home/a".into());
        System::read(Path::new("lxc.conf"), text.as_bytes(), &owner)
            .map_err(|error| format!("{error}: {}", error.problem))
    }

    #[test]
    fn the_first_value_counts() {
        let system = read("# mine\n lxc.lxcpath = /srv/lxc//\nlxc.lxcpath = /other\nlxc.cgroup.use =\nlxc.cgroup.use = cpu, memory\nlxc.cgroup.pattern = a/%n\n")
            .expect("a file");
        assert_eq!(system.containers, Path::new("/srv/lxc"));
        assert_eq!(
            system.controllers.as_deref(),
            Some(&["cpu".to_owned(), "memory".to_owned()][..])
        );
        assert_eq!(
            system.group_pattern.as_ref().map(|pattern| pattern.path("web")),
            Some("a/web".to_owned())
        );
        assert_eq!(system.default_config, Path::new("/home/a/.config/lxc/default.conf"));
        assert_eq!(system.get("lxc.bdev.z"), Some(Some("lxc".to_owned())));
        assert_eq!(system.get("lxc.nothing"), None);
    }

    #[test]
    fn what_is_no_entry_is_refused_at_its_line() {
        assert_eq!(
            read("\nlxc.lxcpth = /a\n").expect_err("unknown"),
            "read lxc.conf:2: there is no key lxc.lxcpth; the nearest is lxc.lxcpath"
        );
        assert_eq!(
            read("lxcpath = /a").expect_err("foreign"),
            "read lxc.conf:1: an entry is written KEY = VALUE"
        );
    }
}
