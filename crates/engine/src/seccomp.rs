//! A container's system call filter: which profile it has, and what that profile is for this container on this machine.

use libcontainer::seccomp::{
    Architecture, FilterCache, Program, default_program, hardened_program,
};
use spec::SeccompProfile;
use spec::seccomp_profile::{Circumstances, KernelVersion};

use crate::config::{ContainerConfig, SeccompChoice};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::oci;

/// The filter of a container of this configuration; nothing when it has none. A profile that was asked for holds for a
/// privileged container too, as Docker has it. What is `bounded` cannot leave its bound.
pub(crate) fn program(
    engine: &Engine,
    config: &ContainerConfig,
    bounded: bool,
) -> Result<Option<Program>, EngineError> {
    let program = of_profile(&engine.filters(), config)?;
    let program = if bounded { program.map(Program::keeping_projects) } else { program };
    let asked = &config.security.emulate;
    let program = if asked.is_empty() {
        program
    } else {
        let asking = program.unwrap_or_else(Program::allowing).asking(asked);
        Some(asking.ok_or_else(|| {
            let why = "the seccomp profile has a listener of its own, and there can be one";
            EngineError::value("security option", "emulate", why)
        })?)
    };
    Ok(match &config.security.recorder {
        None => program,
        Some(path) => Some(program.unwrap_or_else(Program::allowing).recorded_by(path)),
    })
}

fn of_profile(
    cache: &FilterCache,
    config: &ContainerConfig,
) -> Result<Option<Program>, EngineError> {
    let capabilities = oci::capabilities(config)?;
    match &config.security.seccomp {
        SeccompChoice::Unconfined => return Ok(None),
        SeccompChoice::Default if config.privileged => return Ok(None),
        SeccompChoice::Default => default_program(&capabilities),
        SeccompChoice::Hardened => hardened_program(&capabilities),
        SeccompChoice::Profile(text) => cache.compile(&parse(text)?.resolve(&Circumstances {
            capabilities: &capabilities,
            architecture: &Architecture::native().name(),
            kernel: kernel()?,
        })),
    }
    .map(Some)
    .map_err(|error| invalid(libcontainer::chain(&error)))
}

/// A profile in Docker's form or the OCI's.
pub(crate) fn parse(text: &str) -> Result<SeccompProfile, EngineError> {
    text.parse().map_err(|error| invalid(libcontainer::chain(&error)))
}

/// The kernel that runs.
pub(crate) fn kernel() -> Result<KernelVersion, EngineError> {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    KernelVersion::of_release(&release)
        .ok_or_else(|| EngineError::value("kernel release", release, "it begins with no version"))
}

fn invalid(why: String) -> EngineError {
    EngineError::value("seccomp profile", "", why)
}
