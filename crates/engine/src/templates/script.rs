//! Template scripts with LXC's interface: programs that fill a directory, which become an image, or a system in place.
//!
//! A script is called with `--path=DIRECTORY --name=NAME --rootfs=DIRECTORY`, its own arguments, and where ids are mapped with `--mapped-uid N
//! --mapped-gid N`: by which number its caller goes in the script's user namespace. It finds a file `config` in the first directory and
//! adds to it. Start at [`TemplateScript::run`], which works in place, and at [`find_script`]. Source: lxc-create(1), and what LXC 5 does when it is
//! given a script that tells.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use libcontainer::{Apart, Ending};
use rustix::process::{getegid, geteuid};
use spec::runtime::IdMapping;

use super::failed;
use crate::error::EngineError;

/// Where LXC's own scripts are, each `lxc-NAME`.
const LXC_SCRIPTS: [&str; 2] = ["/usr/share/lxc/templates", "/usr/local/share/lxc/templates"];

/// Whose ids a script works with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ScriptIds {
    /// The machine's.
    #[default]
    Machine,
    /// Those of the user namespace that its caller is in, of which the script is told.
    Caller,
    /// Those of a user namespace of its own, in which it is root: of containers with `lxc.idmap`.
    Mapped {
        /// Users.
        uids: Vec<IdMapping>,
        /// Groups.
        gids: Vec<IdMapping>,
    },
}

/// A script, and what it is told.
#[derive(Clone, Debug)]
pub struct TemplateScript {
    /// Its file.
    pub script: PathBuf,
    /// The container's name.
    pub name: String,
    /// The container's directory, in which its `config` is: LXC's path and the name.
    pub path: PathBuf,
    /// What it fills: there already, and the script's to write to.
    pub rootfs: PathBuf,
    /// Its own arguments.
    pub arguments: Vec<OsString>,
    /// Whose ids it works with.
    pub ids: ScriptIds,
    /// Whether what it prints goes to the standard error: where the standard output is for something else.
    pub talks: bool,
}

impl TemplateScript {
    /// Runs it on the caller's streams in a mount namespace of its own, and returns once it and all that it started have ended. What it has made by then stays,
    /// also where it fails: the directories are the caller's. A signal that asks the caller to end asks the script meanwhile.
    ///
    /// Called from a process with one thread, and without children that are to live on.
    ///
    /// # Errors
    /// When it cannot be executed or ends with anything but 0, or a map is refused.
    pub fn run(&self) -> Result<(), EngineError> {
        let (mut uids, mut gids) = (Vec::new(), Vec::new());
        let mut arguments = self.told();
        match &self.ids {
            ScriptIds::Machine => {}
            ScriptIds::Caller => arguments.extend(mapped(0, 0)),
            ScriptIds::Mapped { uids: users, gids: groups } => {
                let (uid, gid);
                (uids, uid) = with_caller(users, geteuid().as_raw());
                (gids, gid) = with_caller(groups, getegid().as_raw());
                arguments.extend(mapped(uid, gid));
            }
        }
        let ended = Apart {
            program: &self.script,
            arguments: &arguments,
            uids: &uids,
            gids: &gids,
            talks: self.talks,
        };
        let refused = |why: &str| failed(&self.script.display().to_string(), why);
        match ended.run().map_err(|error| refused(&libcontainer::chain(&error)))? {
            Ending::Exited(0) => Ok(()),
            Ending::Exited(code) => Err(refused(&format!("it ended with exit code {code}"))),
            Ending::Signalled(signal) => Err(refused(&format!("signal {signal} ended it"))),
            Ending::Interrupted(signal) => {
                Err(refused(&format!("it was interrupted by signal {signal}")))
            }
        }
    }

    /// The words that come before the map's.
    fn told(&self) -> Vec<OsString> {
        let with = |flag: &str, value: &Path| {
            let mut word = OsString::from(flag);
            word.push(value);
            word
        };
        let own = [
            with("--path=", &self.path),
            with("--name=", Path::new(&self.name)),
            with("--rootfs=", &self.rootfs),
        ];
        own.into_iter().chain(self.arguments.iter().cloned()).collect()
    }
}

fn mapped(uid: u32, gid: u32) -> [OsString; 4] {
    let number = |id: u32| OsString::from(id.to_string());
    ["--mapped-uid".into(), number(uid), "--mapped-gid".into(), number(gid)]
}

/// A map in which the caller has a number, too, and which: the first behind all others where the map has none for him.
fn with_caller(maps: &[IdMapping], caller: u32) -> (Vec<IdMapping>, u32) {
    let own = maps.iter().find_map(|map| {
        let offset = caller.checked_sub(map.host_id).filter(|offset| *offset < map.size)?;
        map.container_id.checked_add(offset)
    });
    if let Some(own) = own {
        return (maps.to_vec(), own);
    }
    let mut free = 0_u32;
    while let Some(map) = maps
        .iter()
        .find(|map| free.checked_sub(map.container_id).is_some_and(|offset| offset < map.size))
    {
        free = map.container_id.saturating_add(map.size);
    }
    let own = IdMapping { container_id: free, host_id: caller, size: 1 };
    (maps.iter().cloned().chain([own]).collect(), free)
}

/// The file of a script: by its path, or by its name in `directories` or among LXC's own, where `NAME` and `lxc-NAME` are the same.
///
/// # Errors
/// When there is none that can be executed.
pub fn find_script(text: &str, directories: &[PathBuf]) -> Result<PathBuf, EngineError> {
    if text.contains('/') {
        let path = std::path::absolute(text).map_err(EngineError::file("find", Path::new(text)))?;
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(EngineError::value("template", text, "there is no such program"))
        };
    }
    let names = [text.to_owned(), format!("lxc-{text}")];
    let places = directories.iter().map(PathBuf::as_path).chain(LXC_SCRIPTS.map(Path::new));
    let files = places.flat_map(|place| names.iter().map(|name| place.join(name)));
    let is_name = !text.is_empty() && !text.starts_with(['.', '-']);
    files.filter(|_| is_name).find(|path| is_program(path)).ok_or_else(|| {
        let why = "there is neither a template nor a script of that name: template list shows them";
        EngineError::value("template", text, why)
    })
}

/// The names of scripts that [`find_script`] finds, sorted.
pub(super) fn scripts(directories: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for place in directories.iter().map(PathBuf::as_path).chain(LXC_SCRIPTS.map(Path::new)) {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_new = !found.iter().any(|(known, _)| *known == name);
            if is_new && !name.starts_with(['.', '-']) && is_program(&entry.path()) {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(container_id: u32, host_id: u32, size: u32) -> IdMapping {
        IdMapping { container_id, host_id, size }
    }

    #[test]
    fn a_caller_has_a_number_in_every_map() {
        let usual = [map(0, 200_000, 65_536)];
        let (maps, own) = with_caller(&usual, 0);
        assert_eq!((maps.len(), own), (2, 65_536));
        assert_eq!(maps[1], map(65_536, 0, 1));
        // One that the map has already.
        assert_eq!(with_caller(&[map(0, 1000, 1), map(1, 100_000, 65_535)], 1000).1, 0);
        assert_eq!(with_caller(&[map(10, 1000, 5)], 1003), (vec![map(10, 1000, 5)], 13));
        // The first free one is below a range that begins later.
        assert_eq!(with_caller(&[map(1, 100_000, 10)], 7).1, 0);
    }

    #[test]
    fn a_script_is_called_as_lxc_calls_it() {
        let script = TemplateScript {
            script: "/x/lxc-a".into(),
            name: "c1".to_owned(),
            path: "/p/c1".into(),
            rootfs: "/p/c1/rootfs".into(),
            arguments: vec!["--own".into(), "b c".into()],
            ids: ScriptIds::Machine,
            talks: false,
        };
        let told = ["--path=/p/c1", "--name=c1", "--rootfs=/p/c1/rootfs", "--own", "b c"];
        assert_eq!(script.told(), told.map(OsString::from));
        assert_eq!(mapped(5, 6), ["--mapped-uid", "5", "--mapped-gid", "6"].map(OsString::from));
    }

    #[test]
    fn a_script_is_found_by_name_or_path() {
        use std::os::unix::fs::PermissionsExt;
        let own = tempfile::tempdir().unwrap();
        let place = [own.path().to_owned()];
        for (name, mode) in [("lxc-mine", 0o755), ("plain", 0o755), ("text", 0o644)] {
            let path = own.path().join(name);
            fs::File::create(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = |text: &str| find_script(text, &place).ok();
        assert_eq!(found("mine"), Some(own.path().join("lxc-mine")));
        assert_eq!(found("lxc-mine"), Some(own.path().join("lxc-mine")));
        assert_eq!(found("plain"), Some(own.path().join("plain")));
        let path = own.path().join("plain").display().to_string();
        assert_eq!(found(&path), Some(own.path().join("plain")));
        for text in ["text", "", "..", ".", "-x", "nothing", "/nothing", "./nothing"] {
            assert_eq!(found(text), None, "{text}");
        }
        let names: Vec<String> = scripts(&place).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"plain".to_owned()) && !names.contains(&"text".to_owned()));
    }
}
