//! Which AppArmor profile confines a container, and that the default one is there. Profiles of users' own are loaded, listed and
//! taken away here; what a container enters is decided by [`Containers::apparmor_profile`]. Nothing here is asked for on a machine
//! without AppArmor. Sources: apparmor(7), docs/apparmor.md.

use std::path::{Path, PathBuf};

use libcontainer::apparmor::{self, LoadedProfile, UNCONFINED};

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::state::State;

mod policy;
mod template;

pub use policy::PolicyError;
use policy::Source;
use template::{Circumstances, Standard};

/// The profile of containers that are told nothing.
pub const DEFAULT: &str = Standard::Application.name();
/// Directory of compiled profiles below the root.
const KEPT: &str = "apparmor";

/// What helps whoever asks for a profile that is not loaded.
pub(crate) const NOT_LOADED_HINT: &str =
    "corten apparmor ls shows what is loaded, corten apparmor load FILE loads more";

/// A profile that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("load AppArmor profile {profile}")]
pub struct ProfileError {
    /// Its name, or the file that it is in.
    pub profile: String,
    /// The cause.
    #[source]
    pub cause: PolicyError,
}

impl ProfileError {
    /// What would help, where that is known.
    pub(crate) fn hint(&self) -> Option<String> {
        let is_missing = matches!(self.cause, PolicyError::NoParser);
        let words = "the package apparmor has it; --security-opt apparmor=unconfined does without";
        is_missing.then(|| words.to_owned())
    }
}

/// Handle on AppArmor's profiles.
#[derive(Clone, Copy, Debug)]
pub struct AppArmor<'a> {
    engine: &'a Engine,
}

/// What becomes of containers that are told nothing.
enum Standing {
    /// The machine runs without AppArmor.
    Without,
    /// The profile is loaded, or will be at the first start.
    Confined,
    /// It is not, and why.
    Open(String),
}

impl Engine {
    /// AppArmor's profiles.
    #[must_use]
    pub const fn apparmor(&self) -> AppArmor<'_> {
        AppArmor { engine: self }
    }
}

impl AppArmor<'_> {
    /// Every profile that the kernel has, in the order of their names.
    ///
    /// # Errors
    /// On a machine without AppArmor, and when the kernel does not show them.
    pub fn profiles(&self) -> Result<Vec<LoadedProfile>, EngineError> {
        demand_apparmor()?;
        let mut profiles = apparmor::profiles().map_err(refused("list", "profiles"))?;
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(profiles)
    }

    /// Loads the default profiles, of applications and of whole systems, whatever is loaded under their names. Gives these.
    ///
    /// # Errors
    /// On a machine without AppArmor; when the parser is missing, or the kernel refuses.
    pub fn load_default(&self) -> Result<Vec<&'static str>, EngineError> {
        demand_apparmor()?;
        Standard::ALL.into_iter().map(|standard| self.load_standard(standard)).collect()
    }

    fn load_standard(&self, standard: Standard) -> Result<&'static str, EngineError> {
        let (text, name) = (own_text(standard), standard.name());
        policy::load_kept(&self.kept(), &text).map_err(not_loaded(name))?;
        self.mark(standard, Some(&sum(&text)));
        Ok(name)
    }

    /// Loads the profiles of a file, or of a text where there is none; those that are loaded are replaced. Gives their names.
    ///
    /// # Errors
    /// As [`AppArmor::load_default`], and when the parser refuses the text.
    pub fn load(&self, file: Option<&Path>, text: &str) -> Result<Vec<String>, EngineError> {
        demand_apparmor()?;
        let source = file.map_or(Source::Text(text), Source::File);
        let shown = file.map_or_else(|| "-".to_owned(), |file| file.display().to_string());
        let names = policy::names(&source).map_err(not_loaded(&shown))?;
        if names.is_empty() {
            return Err(EngineError::value("AppArmor profile", shown, "it holds none"));
        }
        let compiled = policy::compile(&source).map_err(not_loaded(&shown))?;
        let loaded = apparmor::replace(&compiled).map_err(PolicyError::Load);
        loaded.map_err(not_loaded(&shown))?;
        for standard in names.iter().filter_map(|name| Standard::named(name)) {
            // It is the administrator's now, and stays.
            self.mark(standard, None);
        }
        Ok(names)
    }

    /// Takes a profile away. Containers that run in it would be unconfined, so it is refused while there are some, unless it is
    /// forced.
    ///
    /// # Errors
    /// On a machine without AppArmor; when it is not loaded, in use, or the kernel refuses.
    pub fn unload(&self, name: &str, force: bool) -> Result<(), EngineError> {
        demand_apparmor()?;
        let wrong = |why: String| EngineError::value("AppArmor profile", name, why);
        if matches!(apparmor::is_loaded(name), Ok(false)) || name == UNCONFINED {
            return Err(wrong("no such profile is loaded".to_owned()));
        }
        if let Some(user) = self.user_of(name)?.filter(|_| !force) {
            let why = format!("container {user} runs in it and would be unconfined: --force");
            return Err(wrong(why));
        }
        apparmor::remove(name).map_err(refused("unload", name))
    }

    /// The text of a default profile under another name, as a beginning for a profile of one's own: that of whole systems under its
    /// own name or where it is asked for, else that of applications.
    ///
    /// # Errors
    /// When no profile is called so.
    pub fn text(&self, name: &str, of_systems: bool) -> Result<String, EngineError> {
        if !template::is_name(name) {
            let why = "it is not letters, digits, dots, dashes and underscores";
            return Err(EngineError::value("profile name", name, why));
        }
        let named = Standard::named(name).unwrap_or(Standard::Application);
        let standard = if of_systems { Standard::System } else { named };
        Ok(template::text(standard, name, &Circumstances::here()))
    }

    /// The name of a container that runs in a profile.
    fn user_of(&self, profile: &str) -> Result<Option<String>, EngineError> {
        for container in self.engine.containers().all()? {
            let runs = matches!(container.state, State::Running { .. } | State::Starting);
            if runs && self.entered(&container.config).as_deref() == Some(profile) {
                return Ok(Some(container.record.name));
            }
        }
        Ok(None)
    }

    /// What a container of this configuration enters as far as that is known; what is refused is not asked.
    fn entered(&self, config: &ContainerConfig) -> Option<String> {
        match config.security.apparmor.as_deref() {
            Some(UNCONFINED) => None,
            Some(name) if !name.is_empty() => Some(name.to_owned()),
            _ if config.privileged => None,
            _ => {
                let standard = standard_of(config);
                let is_confined = matches!(self.standing(standard), Standing::Confined);
                is_confined.then(|| standard.name().to_owned())
            }
        }
    }

    /// Docker's field of a container: empty where there is no AppArmor.
    pub(crate) fn shown(&self, config: &ContainerConfig) -> String {
        match self.entered(config) {
            Some(profile) => profile,
            None if apparmor::enabled() => UNCONFINED.to_owned(),
            None => String::new(),
        }
    }

    /// Why containers that are told nothing are not confined; nothing where they are, or there is no AppArmor.
    pub(crate) fn why_open(&self) -> Option<String> {
        match self.standing(Standard::Application) {
            Standing::Open(why) => Some(why),
            Standing::Without | Standing::Confined => None,
        }
    }

    fn standing(&self, standard: Standard) -> Standing {
        let name = standard.name();
        if !apparmor::enabled() {
            return Standing::Without;
        }
        match apparmor::is_loaded(name) {
            Ok(true) if matches!(apparmor::may_enter(name), Ok(false)) => {
                Standing::Open(of_own_profile())
            }
            Ok(true) => Standing::Confined,
            Err(errno) => Standing::Open(format!("its profiles cannot be listed: {errno}")),
            Ok(false) if !apparmor::may_load() => {
                let why = "it is not loaded, and only root of the machine may load it";
                Standing::Open(why.to_owned())
            }
            Ok(false) if crate::programs::find_program(policy::PARSER).is_some() => {
                Standing::Confined
            }
            Ok(false) if policy::is_kept(&self.kept(), &own_text(standard)) => Standing::Confined,
            Ok(false) => {
                Standing::Open(format!("it is not loaded, and {} is not there", policy::PARSER))
            }
        }
    }

    /// Where compiled profiles are.
    fn kept(&self) -> PathBuf {
        self.engine.paths().root.join(KEPT)
    }

    /// What was loaded as ours in this boot. Without a mark it is what somebody else has loaded.
    fn mark(&self, standard: Standard, sum: Option<&str>) {
        let state = &self.engine.paths().state;
        let _loaded_again = match sum {
            Some(sum) => store::write_atomic(state, standard.mark(), sum.as_bytes()).is_ok(),
            None => std::fs::remove_file(state.join(standard.mark())).is_ok(),
        };
    }

    /// Loads one of our profiles where a process is to enter it and it is not loaded, or was by another release.
    pub(crate) fn demand(&self, profile: Option<&str>) -> Result<(), EngineError> {
        let Some(standard) = profile.and_then(Standard::named).filter(|_| apparmor::enabled())
        else {
            return Ok(());
        };
        let is_loaded = !matches!(apparmor::is_loaded(standard.name()), Ok(false));
        let mark = self.engine.paths().state.join(standard.mark());
        let mark = std::fs::read_to_string(mark).ok();
        let is_ours = mark.is_none_or(|mark| mark == sum(&own_text(standard)));
        if is_loaded && (is_ours || !apparmor::may_load()) {
            return Ok(());
        }
        self.load_standard(standard).map(drop)
    }
}

impl Containers<'_> {
    /// The profile that a container's processes enter. Nothing is loaded here: see [`AppArmor::demand`].
    ///
    /// # Errors
    /// When a profile was asked for that is not loaded, or the machine runs without AppArmor.
    pub(crate) fn apparmor_profile(
        &self,
        config: &ContainerConfig,
    ) -> Result<Option<String>, EngineError> {
        let handle = self.engine.apparmor();
        let entered = handle.entered(config);
        if let Some(name) = config.security.apparmor.as_deref().filter(|name| !name.is_empty()) {
            handle.check(name)?;
        }
        Ok(entered)
    }
}

impl AppArmor<'_> {
    /// Refuses what no process can enter.
    pub(crate) fn check(&self, name: &str) -> Result<(), EngineError> {
        if name == UNCONFINED {
            return Ok(());
        }
        if !apparmor::enabled() {
            let why = "this machine runs without AppArmor";
            return Err(EngineError::value("AppArmor profile", name, why));
        }
        let standing = Standard::named(name).map(|standard| self.standing(standard));
        let why = match (apparmor::is_loaded(name), standing) {
            (Ok(false), Some(Standing::Confined)) => return Ok(()),
            (Ok(false), Some(Standing::Open(why))) => why,
            (Ok(false), _) => "no such profile is loaded".to_owned(),
            (Ok(true), _) if matches!(apparmor::may_enter(name), Ok(false)) => of_own_profile(),
            // Whoever may not see the list hears from the kernel.
            (Ok(true) | Err(_), _) => return Ok(()),
        };
        Err(EngineError::value("AppArmor profile", name, why))
    }
}

/// What a container that is told nothing enters.
fn standard_of(config: &ContainerConfig) -> Standard {
    // Whoever makes containers mounts.
    let mounts = config.security.profile_of_systems || config.security.nesting;
    if config.system || mounts { Standard::System } else { Standard::Application }
}

fn own_text(standard: Standard) -> String {
    template::text(standard, standard.name(), &Circumstances::here())
}

/// Why nothing is added to a profile that confines this program itself.
fn of_own_profile() -> String {
    let own = apparmor::own_label().unwrap_or_default();
    format!("corten itself is confined by {own}, which lacks change_profile for it")
}

fn demand_apparmor() -> Result<(), EngineError> {
    if apparmor::enabled() { Ok(()) } else { Err(EngineError::NoAppArmor) }
}

fn not_loaded(profile: &str) -> impl FnOnce(PolicyError) -> EngineError {
    |cause| ProfileError { profile: profile.to_owned(), cause }.into()
}

fn refused(action: &'static str, object: &str) -> impl FnOnce(sys::Errno) -> EngineError {
    let path = format!("AppArmor {object}");
    move |errno| EngineError::File { action, path, cause: errno.into() }
}

/// What stands for a text.
fn sum(text: &str) -> String {
    use sha2::Digest as _;
    spec::digest::hex(&sha2::Sha256::digest(text))
}
