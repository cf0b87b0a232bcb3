//! Settings from the environment and from flags, with their defaults: the one place that reads the environment.

use std::path::PathBuf;

use engine::Paths;

use crate::failure::Failure;

const ROOT: &str = "/var/lib/corten";
const STATE: &str = "/run/corten";

/// What one source says.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawConfig {
    pub(crate) root: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
}

impl RawConfig {
    /// `CORTEN_ROOT` and `CORTEN_STATE`.
    pub(crate) fn from_environment() -> Self {
        let path = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { root: path("CORTEN_ROOT"), state: path("CORTEN_STATE") }
    }

    /// Where a user who is not root has his things: XDG Base Directory Specification.
    pub(crate) fn of_user(&self, environment: &Self) -> Result<Self, Failure> {
        let named = |name| lookup(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
        let missing = |name: &str, flag: &str| {
            Failure::Words(format!(
                "{name} is not set, which says where a user's things are: set it, or {flag}"
            ))
        };
        let mut own = Self::default();
        if self.root.is_none() && environment.root.is_none() {
            own.root = Some(root_of_user().ok_or_else(|| missing("HOME", "--root"))?);
        }
        if self.state.is_none() && environment.state.is_none() {
            let run = named("XDG_RUNTIME_DIR");
            let run = run.ok_or_else(|| missing("XDG_RUNTIME_DIR", "--state"))?;
            own.state = Some(run.join("corten"));
        }
        Ok(own)
    }

    /// Flags win over the environment, which wins over the defaults. Relative paths start from the working directory: a
    /// monitor's is another one.
    pub(crate) fn resolve(self, environment: Self) -> std::io::Result<Paths> {
        let absolute = |path: PathBuf| std::path::absolute(path);
        Ok(Paths {
            root: absolute(self.root.or(environment.root).unwrap_or_else(|| ROOT.into()))?,
            state: absolute(self.state.or(environment.state).unwrap_or_else(|| STATE.into()))?,
        })
    }
}

/// Where a user keeps what does not survive a reboot: below `$XDG_RUNTIME_DIR`, which a login gives to each. Nothing for root of
/// the machine; nor for one of a user namespace who calls himself root, as a container's does. XDG Base Directory Specification.
pub(crate) fn state_of_user() -> Option<PathBuf> {
    let is_root = rustix::process::geteuid().is_root();
    if may_everything() || (is_root && lookup("USER").as_deref() == Some("root")) {
        return None;
    }
    let directory = lookup("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty())?;
    Some(PathBuf::from(directory).join("corten"))
}

/// Where the policy on images of registries is: `CORTEN_POLICY` names it, or it has its usual places.
pub(crate) fn policy_files() -> registry::PolicyFiles {
    let named = lookup("CORTEN_POLICY").filter(|path| !path.is_empty()).map(PathBuf::from);
    registry::PolicyFiles { named, ..registry::PolicyFiles::default() }
}

/// Where people keep template scripts of their own: below `$XDG_CONFIG_HOME`, and the machine's.
pub(crate) fn template_directories() -> Vec<PathBuf> {
    let named = |name| lookup(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
    let config = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")));
    let own = config.map(|directory| directory.join("corten/templates"));
    own.into_iter().chain([PathBuf::from("/etc/corten/templates")]).collect()
}

/// The key of secrets and configs, which `CORTEN_SECRET_KEY_FILE` names; otherwise the store has its own.
pub(crate) fn secret_key_file() -> std::io::Result<Option<PathBuf>> {
    let named = lookup("CORTEN_SECRET_KEY_FILE").filter(|path| !path.is_empty());
    named.map(std::path::absolute).transpose()
}

/// Where networks of plugins are, by the variables that other programs know: `NETCONFPATH` and `CNI_PATH`.
pub(crate) fn cni_paths() -> std::io::Result<engine::CniPaths> {
    let named = |name| lookup(name).filter(|text| !text.is_empty());
    let usual = engine::CniPaths::default();
    let lists = named("NETCONFPATH").map_or(Ok(usual.lists), std::path::absolute)?;
    let programs = match named("CNI_PATH") {
        Some(text) => {
            std::env::split_paths(&text).map(std::path::absolute).collect::<Result<_, _>>()?
        }
        None => usual.programs,
    };
    Ok(engine::CniPaths { lists, programs })
}

/// Where a user's store is, unless he says otherwise. XDG Base Directory Specification.
pub(crate) fn root_of_user() -> Option<PathBuf> {
    let named = |name| lookup(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
    let home = || named("HOME").map(|home| home.join(".local/share"));
    named("XDG_DATA_HOME").or_else(home).map(|data| data.join("corten"))
}

/// Where a login keeps what does not outlive it.
pub(crate) fn runtime_directory() -> Option<PathBuf> {
    lookup("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Where the user's systemd is reached, by what systems set at a login.
pub(crate) fn user_bus() -> Option<engine::Bus> {
    let named = |name| lookup(name).filter(|text| !text.is_empty());
    let (address, directory) = (named("DBUS_SESSION_BUS_ADDRESS"), named("XDG_RUNTIME_DIR"));
    engine::Bus::of_user(address.as_deref(), directory.as_deref())
}

/// A variable of the caller's: for `--env NAME`, and those of agreements with others that one command keeps.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All variables of the caller's that are text: for bake files, whose variables have their names.
pub(crate) fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Whether the caller is root of the whole machine, not of a user namespace. user_namespaces(7): the first one maps all ids.
pub(crate) fn may_everything() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
    rustix::process::geteuid().is_root() && whole
}

/// The time that a thing built now says it was built at: now, or what `SOURCE_DATE_EPOCH` says, so that a build can be
/// repeated. Source: reproducible-builds.org, "SOURCE_DATE_EPOCH specification".
pub(crate) fn build_time_ns() -> Result<i64, Failure> {
    let Some(text) = lookup("SOURCE_DATE_EPOCH") else { return Ok(engine::now_ns()) };
    let seconds = text.parse::<u32>().map_err(|_no_number| {
        Failure::Words(format!("SOURCE_DATE_EPOCH is no number of seconds: {text:?}"))
    })?;
    Ok(i64::from(seconds) * 1_000_000_000)
}
