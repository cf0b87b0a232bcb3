//! What the machine's policy calls containers: the file that libraries of other engines read, and what the kernel says of it.
//! Sources: selinux_config(5), selinux_lxc_contexts_path(3), container_selinux(8).

use std::path::{Path, PathBuf};

/// Where a package of policy for containers says it for all policies.
const OF_CONTAINERS: &str = "/usr/share/containers/selinux/contexts";
const SETTINGS: &str = "/etc/selinux/config";
/// The policy where the settings name none.
const USUAL_POLICY: &str = "targeted";

/// A label without its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// SELinux user.
    pub(crate) user: String,
    /// Role.
    pub(crate) role: String,
    /// Type.
    pub(crate) kind: String,
}

impl Context {
    /// Of its parts.
    pub(crate) fn new(user: &str, role: &str, kind: &str) -> Self {
        Self { user: user.to_owned(), role: role.to_owned(), kind: kind.to_owned() }
    }

    /// `USER:ROLE:TYPE`, and a level that is not of interest.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        let own = Self::new(parts.next()?, parts.next()?, parts.next()?);
        let is_word = |word: &String| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        let are_words = [&own.user, &own.role, &own.kind].into_iter().all(is_word);
        are_words.then_some(own)
    }

    /// Whether the policy in force has it. Where that cannot be asked, it has.
    pub(crate) fn is_known(&self) -> bool {
        let level = libcontainer::selinux_has_levels().then_some(super::LOWEST);
        !matches!(libcontainer::selinux_knows(&self.with_level(level)), Ok(false))
    }

    /// With its level, where the policy has levels.
    pub(crate) fn with_level(&self, level: Option<&str>) -> String {
        let whole = format!("{}:{}:{}", self.user, self.role, self.kind);
        level.map_or_else(|| whole.clone(), |level| format!("{whole}:{level}"))
    }
}

/// The labels that a policy has for containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contexts {
    /// Processes.
    pub(crate) process: Context,
    /// Processes of containers whose program is an init system.
    pub(crate) init: Context,
    /// Files.
    pub(crate) files: Context,
    /// Files that every container may read and none may write.
    pub(crate) read_only: Context,
}

impl Contexts {
    /// Those of this machine. Where its policy has not the types that are said, ours if it has those: what this program loads.
    pub(crate) fn here() -> Self {
        let said = Self::said();
        let ours = Self::ours();
        if !said.process.is_known() && ours.process.is_known() { ours } else { said }
    }

    /// The types of the module that comes with this program.
    fn ours() -> Self {
        let process = |kind: &str| Context::new("system_u", "system_r", kind);
        let files = |kind: &str| Context::new("system_u", "object_r", kind);
        Self {
            process: process("corten_t"),
            init: process("corten_init_t"),
            files: files("corten_file_t"),
            read_only: files("corten_ro_file_t"),
        }
    }

    /// What files say; the usual ones where none does.
    fn said() -> Self {
        let policy = policy(&std::fs::read_to_string(SETTINGS).unwrap_or_default());
        let own: PathBuf = Path::new("/etc/selinux").join(policy).join("contexts/lxc_contexts");
        let text = [Path::new(OF_CONTAINERS), &own]
            .into_iter()
            .find_map(|path| std::fs::read_to_string(path).ok());
        Self::parse(&text.unwrap_or_default())
    }

    /// Lines `KEY = "LABEL"`.
    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let found = text.lines().find_map(|line| {
                let (key, value) = line.split_once('=')?;
                (key.trim() == name).then_some(value)
            });
            found.and_then(|value| Context::parse(value.trim().trim_matches('"')))
        };
        let usual_files = || Context::new("system_u", "object_r", "container_file_t");
        let files = value("file").unwrap_or_else(usual_files);
        let process =
            value("process").unwrap_or_else(|| Context::new("system_u", "system_r", "container_t"));
        Self {
            init: value("init_process").unwrap_or_else(|| process.clone()),
            process,
            read_only: value("ro_file").unwrap_or_else(|| files.clone()),
            files,
        }
    }
}

/// The policy that the settings name.
fn policy(settings: &str) -> String {
    let named = settings.lines().find_map(|line| line.trim().strip_prefix("SELINUXTYPE="));
    let named = named.map(str::trim).filter(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    named.unwrap_or(USUAL_POLICY).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_policy() {
        let text = "# comment\nprocess = \"system_u:system_r:svirt_lxc_net_t:s0\"\n\
                    content = \"system_u:object_r:virt_var_lib_t:s0\"\nfile = \"staff_u:object_r:svirt_lxc_file_t:s0\"\n\
                    init_process=\"system_u:system_r:container_init_t:s0\"\n";
        let own = Contexts::parse(text);
        assert_eq!(
            own.process.with_level(Some("s0:c1,c2")),
            "system_u:system_r:svirt_lxc_net_t:s0:c1,c2"
        );
        assert_eq!(own.init.kind, "container_init_t");
        assert_eq!(own.files.with_level(None), "staff_u:object_r:svirt_lxc_file_t");
        assert_eq!(own.read_only, own.files, "where the policy has no other one");
        let debian = Contexts::parse("ro_file = \"system_u:object_r:container_ro_file_t:s0\"\n");
        assert_eq!(debian.read_only.kind, "container_ro_file_t");
        for damaged in ["", "process = x", "process = \"a:b:c d\"", "file\n"] {
            let usual = Contexts::parse(damaged);
            assert_eq!(usual.process.kind, "container_t", "{damaged:?}");
            assert_eq!(
                (usual.init, usual.files.kind.as_str()),
                (usual.process, "container_file_t")
            );
        }
    }

    #[test]
    fn the_policy_in_force() {
        assert_eq!(policy("SELINUX=enforcing\nSELINUXTYPE=default\n"), "default");
        for text in ["", "#SELINUXTYPE=mls", "SELINUXTYPE=../x", "SELINUXTYPE="] {
            assert_eq!(policy(text), "targeted", "{text:?}");
        }
    }
}
