//! The module of policy that Corten brings, for machines whose policy knows no containers. Sources: semodule(8), secilc's CIL
//! reference guide, docs/selinux.md.

use std::process::{Command, Stdio};

use super::contexts::Context;
use crate::containers::Containers;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::programs::{find_program, told};

/// What is added to the policy.
const TEXT: &str = include_str!("policy.cil");
/// Its name among the modules of the policy.
const MODULE: &str = "corten";
/// The program that builds the policy anew and gives it to the kernel.
const BUILDER: &str = "semodule";

/// The builder is confined itself: the type of what it may read wherever it lies, in all policies that descend from refpolicy.
const BUILDERS_FILES: &str = "semanage_tmp_t";

/// The module could not be added or taken away.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// Nothing builds policies.
    #[error("{BUILDER} is not installed")]
    NoBuilder,
    /// It could not be run.
    #[error("run {BUILDER}")]
    Run(#[source] std::io::Error),
    /// It refuses.
    #[error("{BUILDER} refuses it: {0}")]
    Refused(String),
}

impl ModuleError {
    /// What would help, where that is known.
    pub(crate) fn hint(&self) -> Option<String> {
        let is_missing = matches!(self, Self::NoBuilder);
        is_missing.then(|| "the package policycoreutils has it".to_owned())
    }
}

/// Handle on Corten's module of the machine's SELinux policy.
#[derive(Clone, Copy, Debug)]
pub struct SelinuxModule<'a> {
    engine: &'a Engine,
}

impl Engine {
    /// Corten's module of the machine's SELinux policy.
    #[must_use]
    pub const fn selinux_module(&self) -> SelinuxModule<'_> {
        SelinuxModule { engine: self }
    }
}

impl SelinuxModule<'_> {
    /// Its text.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        TEXT
    }

    /// Adds it to the policy, or puts this release's in the place of another's. Returns once the kernel has it: seconds later, since
    /// the whole policy is built anew. It is there after the next boot, too.
    ///
    /// # Errors
    /// On a machine without SELinux; when the builder is missing or refuses.
    pub fn load(&self) -> Result<(), EngineError> {
        demand_selinux()?;
        // Its name is the module's, and what comes behind the dot the language.
        let name = format!("{MODULE}.cil");
        let state = &self.engine.paths().state;
        store::write_atomic(state, &name, TEXT.as_bytes())?;
        let file = state.join(&name);
        let label = Context::new("system_u", "object_r", BUILDERS_FILES);
        let level = libcontainer::selinux_has_levels().then_some(super::LOWEST);
        // Where a policy has no such type the builder is not confined by it either.
        let _readable = store::relabel(&file, "", &label.with_level(level), &[]);
        let loaded = build(&["-i".as_ref(), file.as_os_str()]);
        let _left = std::fs::remove_file(&file);
        loaded
    }

    /// Takes it out of the policy. Files of its types would be nobody's then, so it is refused while a container has such labels,
    /// unless it is forced.
    ///
    /// # Errors
    /// On a machine without SELinux; when it is in use, or the builder is missing or refuses.
    pub fn unload(&self, force: bool) -> Result<(), EngineError> {
        demand_selinux()?;
        if let Some(user) = user(&self.engine.containers())?.filter(|_| !force) {
            let why = format!("container {user} has labels of it: remove it first, or use --force");
            return Err(EngineError::value("SELinux module", MODULE, why));
        }
        build(&["-r".as_ref(), MODULE.as_ref()])
    }
}

/// The name of a container with one of its labels.
fn user(containers: &Containers<'_>) -> Result<Option<String>, EngineError> {
    let has_labels = |container: &crate::life::Container| {
        let labels = container.config.security.selinux.as_ref();
        labels.is_some_and(|labels| {
            [&labels.process, &labels.files].iter().any(|label| label.contains(":corten_"))
        })
    };
    let mut all = containers.all()?.into_iter();
    Ok(all.find(has_labels).map(|container| container.record.name))
}

fn demand_selinux() -> Result<(), EngineError> {
    if libcontainer::selinux_is_enabled() { Ok(()) } else { Err(EngineError::NoSelinux) }
}

fn build(args: &[&std::ffi::OsStr]) -> Result<(), EngineError> {
    let program = find_program(BUILDER).ok_or(ModuleError::NoBuilder)?;
    let mut command = Command::new(program);
    let output = command.args(args).stdin(Stdio::null()).output().map_err(ModuleError::Run)?;
    if output.status.success() {
        return Ok(());
    }
    Err(ModuleError::Refused(told(&output)).into())
}
