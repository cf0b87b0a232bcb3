//! What a template says beside its files: LXC's configuration for it, which an image keeps in labels.
//!
//! Paths and the name of the container that it was made for are put back to LXC's own variables (`LXC_NAME`, `LXC_PATH`, `LXC_ROOTFS`), which
//! archives of LXC's metadata have from the beginning. Source: the files of such archives, lxc-download(1) and lxc-local(1).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use store::compression::expand;
use store::tar::{Kind, Limits, Reader};

use super::failed;
use crate::error::EngineError;

/// Label of the configuration.
pub const CONFIG_LABEL: &str = "corten.lxc.config";
/// Label of the table of mounts that the configuration names.
pub const FSTAB_LABEL: &str = "corten.lxc.fstab";
/// Label of the list of files in which LXC puts a container's name in the place of `LXC_NAME`.
pub const TEMPLATES_LABEL: &str = "corten.lxc.templates";
/// Label of when the image is too old, in seconds since 1970.
pub const EXPIRY_LABEL: &str = "corten.lxc.expiry";

/// A file of LXC's metadata is a few lines.
const MOST_FILE_BYTES: u64 = 64 << 10;
/// As many entries as an archive of them may have.
const MOST_ENTRIES: usize = 1000;
/// What this program understands of them: files may be there in versions for later ones. lxc-download 5 says 7.
const COMPATIBILITY: u32 = 7;

/// What an image keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) config: Option<String>,
    pub(super) fstab: Option<String>,
    pub(super) templates: Option<String>,
    pub(super) expiry: Option<String>,
    /// What of the archive whoever builds cannot make.
    pub(super) excludes: Option<String>,
    /// What whoever builds it is told.
    pub(super) message: Option<String>,
}

impl Kept {
    /// What a script has left in a container's directory.
    pub(super) fn of_directory(
        path: &Path,
        rootfs: &Path,
        name: &str,
    ) -> Result<Self, EngineError> {
        let read = |file: &str| {
            let file = path.join(file);
            match std::fs::File::open(&file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(EngineError::file("open", &file)(error)),
                Ok(opened) => bounded(opened).map(Some).map_err(EngineError::file("read", &file)),
            }
        };
        let text = |file: &str| {
            Ok::<_, EngineError>(read(file)?.map(|text| with_variables(&text, path, rootfs)))
        };
        let config = text("config")?.map(|config| without_own(&config, name));
        Ok(Self { config, fstab: text("fstab")?, ..Self::default() })
    }

    /// What an archive of LXC's metadata has; `is_user` where nobody here is the machine's root.
    pub(super) fn of_archive(
        archive: impl Read + Send,
        is_user: bool,
    ) -> Result<Self, EngineError> {
        let unreadable = |why: &str| failed("metadata", why);
        let expanded = expand(archive).map_err(|error| unreadable(&libcontainer::chain(&error)))?;
        let mut reader = Reader::new(expanded, Limits::default());
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for _entry in 0..MOST_ENTRIES {
            let entry = reader.next_entry();
            let Some(entry) = entry.map_err(|error| unreadable(&libcontainer::chain(&error)))?
            else {
                return Ok(Self::of_files(&files, is_user));
            };
            let path = String::from_utf8_lossy(&entry.path);
            let path = path.trim_start_matches("./").to_owned();
            if entry.kind == Kind::File && !path.contains('/') && is_known(&path) {
                let text = bounded(entry).map_err(|error| {
                    unreadable(&format!("{path}: {}", libcontainer::chain(&error)))
                })?;
                files.insert(path, text);
            }
        }
        Err(unreadable(&format!("it has more than {MOST_ENTRIES} entries")))
    }

    fn of_files(files: &BTreeMap<String, String>, is_user: bool) -> Self {
        // The version for the mode, and of that the one for what is understood. lxc-download, lxc-local.
        let mode = if is_user { "user" } else { "system" };
        let text = |name: &str| {
            let own = format!("{name}-{mode}");
            let name = if files.contains_key(&own) { own } else { name.to_owned() };
            let versions = (1..=COMPATIBILITY).rev().map(|number| format!("{name}.{number}"));
            versions.chain([name.clone()]).find_map(|name| files.get(&name).cloned())
        };
        let line = |name: &str| text(name).map(|text| text.trim().to_owned());
        Self {
            config: text("config").map(|config| without_own(&config, "LXC_NAME")),
            fstab: text("fstab"),
            templates: line("templates").filter(|list| !list.is_empty()),
            expiry: line("expiry").filter(|time| time.parse::<i64>().is_ok()),
            excludes: line("excludes").filter(|list| !list.is_empty()),
            message: line("create-message").filter(|message| !message.is_empty()),
        }
    }

    /// The labels.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let all = [
            (CONFIG_LABEL, &self.config),
            (FSTAB_LABEL, &self.fstab),
            (TEMPLATES_LABEL, &self.templates),
            (EXPIRY_LABEL, &self.expiry),
        ];
        let given = all.into_iter().filter_map(|(label, text)| Some((label, text.clone()?)));
        given.map(|(label, text)| (label.to_owned(), text)).collect()
    }

    /// Whether it was too old at that time.
    pub(super) fn is_expired(&self, now_s: i64) -> bool {
        let expiry = self.expiry.as_ref().and_then(|time| time.parse::<i64>().ok());
        expiry.is_some_and(|expiry| expiry < now_s)
    }
}

/// The names of files, with what may follow them.
fn is_known(path: &str) -> bool {
    ["config", "fstab", "templates", "expiry", "excludes", "create-message"].iter().any(|name| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    })
}

fn bounded(reader: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_FILE_BYTES {
        let words = format!("it is longer than {MOST_FILE_BYTES} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words));
    }
    let text = String::from_utf8(bytes);
    text.map_err(|_bytes| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no text"))
}

fn with_variables(text: &str, path: &Path, rootfs: &Path) -> String {
    // The root is below the path.
    let text = text.replace(&*rootfs.to_string_lossy(), "LXC_ROOTFS");
    text.replace(&*path.to_string_lossy(), "LXC_PATH")
}

/// Without the lines that every container has of its own: its root and its name.
fn without_own(config: &str, name: &str) -> String {
    let is_own = |line: &str| {
        let Some((key, value)) = line.split_once('=') else { return false };
        match key.trim() {
            "lxc.rootfs.path" | "lxc.rootfs" => true,
            "lxc.uts.name" | "lxc.utsname" => value.trim().trim_matches('"') == name,
            _ => false,
        }
    };
    let lines = config.lines().filter(|line| !is_own(line));
    lines.map(|line| format!("{line}\n")).collect::<String>().trim_start_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
    fn write(path: std::path::PathBuf, contents: impl AsRef<[u8]>) -> std::io::Result<()> {
        std::fs::write(path, contents)
    }

    #[test]
    fn a_configuration_is_kept_without_what_is_a_containers_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let rootfs = path.join("rootfs");
        let config = format!(
            "lxc.rootfs.path = dir:{0}/rootfs\nlxc.uts.name = \"c1\"\nlxc.tty.max = 5\nlxc.mount.fstab = {0}/fstab\n\
             lxc.hook.pre-start = {0}/rootfs/x\nlxc.signal.halt = SIGUSR1\n",
            path.display()
        );
        write(path.join("config"), config).unwrap();
        write(path.join("fstab"), format!("{}/d d none bind 0 0\n", path.display())).unwrap();
        let kept = Kept::of_directory(path, &rootfs, "c1").unwrap();
        let lines = "lxc.tty.max = 5\nlxc.mount.fstab = LXC_PATH/fstab\n\
                     lxc.hook.pre-start = LXC_ROOTFS/x\nlxc.signal.halt = SIGUSR1\n";
        assert_eq!(kept.config.as_deref(), Some(lines));
        assert_eq!(kept.fstab.as_deref(), Some("LXC_PATH/d d none bind 0 0\n"));
        assert_eq!(kept.labels().len(), 2);

        write(path.join("config"), vec![b'#'; 70_000]).unwrap();
        let error = Kept::of_directory(path, &rootfs, "c1").unwrap_err();
        assert!(libcontainer::chain(&error).contains("65536 bytes"), "{error}");
    }

    #[test]
    fn the_version_of_a_file_for_whoever_builds_is_taken() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let files = BTreeMap::from([
            file("config", "a"),
            file("config.5", "five"),
            file("config.9", "nine"),
            file("config-user", "user"),
            file("config-user.6", "user six"),
            file("expiry", "1700000000\n"),
            file("templates", "/etc/hostname\n/etc/hosts\n"),
        ]);
        let of = |is_user| Kept::of_files(&files, is_user);
        assert_eq!(of(false).config.as_deref(), Some("five\n"));
        assert_eq!(of(true).config.as_deref(), Some("user six\n"));
        assert_eq!(of(true).templates.as_deref(), Some("/etc/hostname\n/etc/hosts"));
        assert!(of(true).is_expired(1_700_000_001) && !of(true).is_expired(1_700_000_000));
        for name in ["config", "config-user.7", "expiry", "create-message-system"] {
            assert!(is_known(name), "{name}");
        }
        assert!(!is_known("configuration") && !is_known("metadata.yaml"));
    }
}
