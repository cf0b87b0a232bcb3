//! The directory that LXC's containers are in: one directory for each, with its configuration. Start at [`Directory`].
//!
//! Nothing runs here. Source: lxc(7), lxc.conf(5).

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::{ConfigError, Document, Limits, file_of};

/// Permissions of a container's directory: its files are the business of its owner and of its own users.
const MODE: u32 = 0o770;

/// LXC's directory, `lxc.lxcpath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
}

/// A name that no container can have: it would be another place of the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name container {0:?}: a name is one part of a path")]
pub struct BadName(pub String);

impl Directory {
    /// That directory, which need not be there.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A container's directory, which need not be there.
    ///
    /// # Errors
    /// For what is no name.
    pub fn of(&self, name: &str) -> Result<PathBuf, BadName> {
        let is_name = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
        if is_name { Ok(self.path.join(name)) } else { Err(BadName(name.to_owned())) }
    }

    /// Its configuration file, which need not be there.
    #[must_use]
    pub fn config_file(&self, name: &str) -> PathBuf {
        file_of(&self.path, name)
    }

    /// Whether it has a configuration.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.of(name).is_ok() && is_there(&self.config_file(name))
    }

    /// Reads its configuration.
    ///
    /// # Errors
    /// As [`Document::open`].
    pub fn open(&self, name: &str) -> Result<Document, ConfigError> {
        Document::open(&self.config_file(name), &Limits::default())
    }

    /// The names of those that have a configuration, in order. A directory that is not there has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            // What is no text no tool could be told.
            if let Ok(name) = entry?.file_name().into_string()
                && self.has(&name)
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a container's directory and writes its configuration into it.
    ///
    /// # Errors
    /// When there is one, and what the disk refuses. Nothing is left then.
    pub fn make(&self, name: &str, document: &Document) -> io::Result<PathBuf> {
        let own = self.of(name).map_err(|bad| io::Error::new(io::ErrorKind::InvalidInput, bad))?;
        std::fs::create_dir_all(&self.path)?;
        std::fs::create_dir(&own)?;
        let written = std::fs::set_permissions(&own, PermissionsExt::from_mode(MODE))
            .and_then(|()| write(&own.join("config"), &document.to_bytes()));
        match written {
            Ok(()) => Ok(own),
            Err(error) => {
                // What hinders this, too, the first error tells.
                let _left = std::fs::remove_dir_all(&own);
                Err(error)
            }
        }
    }

    /// Writes a container's configuration, all of it or nothing.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn save(&self, name: &str, document: &Document) -> io::Result<()> {
        write(&self.config_file(name), &document.to_bytes())
    }
}

/// Whether a path leads to something.
#[must_use]
pub fn is_there(path: &Path) -> bool {
    access(path, Access::EXISTS).is_ok()
}

/// Writes a file so that it is whole or as before; it has the permissions that it had.
///
/// # Errors
/// What the disk refuses.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    const NEW: &str = ".new";
    let mut beside = path.as_os_str().to_owned();
    beside.push(NEW);
    let beside = PathBuf::from(beside);
    let written = (|| {
        let mut file = std::fs::File::create(&beside)?;
        if let Ok(before) = std::fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _absent = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_with_a_configuration() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::new(place.path().join("lxc"));
        assert_eq!(directory.names().expect("none"), Vec::<String>::new());
        for name in ["b", "a"] {
            directory.make(name, &Document::default()).expect(name);
        }
        std::fs::create_dir(place.path().join("lxc/empty")).expect("a directory");
        assert_eq!(directory.names().expect("two"), ["a", "b"]);
        assert!(directory.make("a", &Document::default()).is_err());
        assert!(directory.has("a") && !directory.has("empty") && !directory.has("../lxc/a"));
    }

    #[test]
    fn a_name_is_no_path() {
        let directory = Directory::new("/lxc".into());
        for bad in ["", ".", "..", "a/b", "/a", "a\0b"] {
            assert!(directory.of(bad).is_err(), "{bad:?}");
        }
    }
}
