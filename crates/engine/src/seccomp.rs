//! A container's system call filter: which profile it has, and what that profile is for this container on this machine.

use libcontainer::seccomp::{
    Architecture, AskedCall, FilterCache, Program, default_profile, hardened_profile,
};
use spec::SeccompProfile;
use spec::runtime::{Seccomp, SeccompAction, SyscallRule};
use spec::seccomp_profile::{Circumstances, KernelVersion};

use crate::config::{ContainerConfig, SeccompChoice};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::oci;

/// The first kernel that has [`waits_undisturbed`].
pub(crate) const UNDISTURBED_SINCE: &str = "5.19";

/// The filter of a container of this configuration; nothing when it has none. A profile that was asked for holds for a
/// privileged container too, as Docker has it. What is `bounded` cannot leave its bound.
pub(crate) fn program(
    engine: &Engine,
    config: &ContainerConfig,
    bounded: bool,
) -> Result<Option<Program>, EngineError> {
    let program = of_profile(&engine.filters(), config)?;
    let program = if bounded { program.map(Program::keeping_projects) } else { program };
    // A process has one listener: while it is recorded the kernel answers.
    let is_recorded = config.security.recorder.is_some();
    let asked = if is_recorded { Vec::new() } else { asked_calls(config)? };
    let program = if asked.is_empty() {
        program
    } else {
        let asking = program.unwrap_or_else(Program::allowing).asking(&asked).ok_or_else(|| {
            let why = "the seccomp profile has a listener of its own, and there can be one";
            EngineError::value("security option", "emulate", why)
        })?;
        Some(if waits_undisturbed()? { asking.undisturbed() } else { asking })
    };
    Ok(match &config.security.recorder {
        None => program,
        Some(path) => Some(program.unwrap_or_else(Program::allowing).recorded_by(path)),
    })
}

/// The calls that are answered for it: who may mount does so by himself.
fn asked_calls(config: &ContainerConfig) -> Result<Vec<AskedCall>, EngineError> {
    let may_mount = oci::capabilities(config)?.iter().any(|name| name == "CAP_SYS_ADMIN");
    let asked = config.security.emulate.iter().copied();
    Ok(asked.filter(|call| !(may_mount && *call == AskedCall::Mount)).collect())
}

/// Refuses what cannot be both.
///
/// # Errors
/// When mounts are asked for where Landlock's rules are: they are about places, and a mount shows the same files at another one.
pub(crate) fn check(config: &ContainerConfig) -> Result<(), EngineError> {
    let security = &config.security;
    if security.landlock.is_none() || !security.emulate.contains(&AskedCall::Mount) {
        return Ok(());
    }
    let why = "rules of Landlock are about places, and who mounts has the same files at others";
    Err(EngineError::value("security option", "emulate=mount", why))
}

/// Whether a call that somebody has begun to answer is not begun anew for every signal: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
pub(crate) fn waits_undisturbed() -> Result<bool, EngineError> {
    let needed = KernelVersion::of_release(UNDISTURBED_SINCE);
    let kernel = kernel()?;
    Ok(needed.is_none_or(|needed| kernel >= needed))
}

fn of_profile(
    cache: &FilterCache,
    config: &ContainerConfig,
) -> Result<Option<Program>, EngineError> {
    let capabilities = oci::capabilities(config)?;
    match &config.security.seccomp {
        SeccompChoice::Unconfined => return Ok(None),
        SeccompChoice::Default if config.privileged => return Ok(None),
        SeccompChoice::Default if config.system => cache.compile(&of_system(&capabilities)),
        SeccompChoice::Default => cache.default(&capabilities),
        SeccompChoice::Hardened => cache.hardened(&capabilities),
        SeccompChoice::Profile(text) => cache.compile(&resolved(text, &capabilities)?),
    }
    .map(Some)
    .map_err(|error| invalid(libcontainer::chain(&error)))
}

/// The default profile, and what services of an init and runtimes inside take to have roots of their own: pivot_root(2).
fn of_system(capabilities: &[String]) -> Seccomp {
    let mut profile = default_profile(capabilities);
    profile.syscalls.push(SyscallRule {
        names: vec!["pivot_root".to_owned()],
        action: SeccompAction::Allow,
        errno_ret: None,
        args: Vec::new(),
    });
    profile
}

/// The profile that a container with these capabilities added and dropped has on this machine, as a document that
/// `--security-opt seccomp=FILE` takes; `profile` is what that option takes, or nothing for the default one.
///
/// # Errors
/// When there is no such profile, or no such capability.
pub fn profile_text(
    profile: Option<&str>,
    (added, dropped): (Vec<String>, Vec<String>),
) -> Result<String, EngineError> {
    let mut config = ContainerConfig { cap_add: added, cap_drop: dropped, ..Default::default() };
    if let Some(profile) = profile {
        crate::parse::security_option(&mut config.security, &format!("seccomp={profile}"))?;
    }
    let capabilities = oci::capabilities(&config)?;
    let profile = match &config.security.seccomp {
        SeccompChoice::Unconfined => {
            let why = "it is none, so there is nothing to print";
            return Err(EngineError::value("seccomp profile", "unconfined", why));
        }
        SeccompChoice::Default => default_profile(&capabilities),
        SeccompChoice::Hardened => hardened_profile(&capabilities),
        SeccompChoice::Profile(text) => resolved(text, &capabilities)?,
    };
    let mut text = serde_json::to_string_pretty(&profile)
        .map_err(|error| invalid(libcontainer::chain(&error)))?;
    text.push('\n');
    Ok(text)
}

fn resolved(text: &str, capabilities: &[String]) -> Result<Seccomp, EngineError> {
    let architecture = &Architecture::native().name();
    Ok(parse(text)?.resolve(&Circumstances { capabilities, architecture, kernel: kernel()? }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// What is printed, given back as a profile, is the filter that it was printed of.
    #[test]
    fn a_printed_profile_makes_the_same_filter() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path());
        for (added, dropped) in [
            (&[][..], &[][..]),
            (&[], &["ALL"]),
            (&["CAP_SYS_ADMIN"], &["CAP_SYS_CHROOT"]),
            (&["ALL"], &[]),
        ] {
            for profile in [None, Some("builtin"), Some("default"), Some("hardened")] {
                let capabilities = (words(added), words(dropped));
                let printed = profile_text(profile, capabilities).unwrap();
                let with = |seccomp: SeccompChoice| {
                    let (cap_add, cap_drop) = (words(added), words(dropped));
                    let mut config = ContainerConfig { cap_add, cap_drop, ..Default::default() };
                    config.security.seccomp = seccomp;
                    of_profile(&cache, &config).unwrap().unwrap()
                };
                let choice = match profile {
                    Some("hardened") => SeccompChoice::Hardened,
                    _ => SeccompChoice::Default,
                };
                let again = with(SeccompChoice::Profile(printed));
                assert_eq!(again, with(choice), "{profile:?} {added:?} {dropped:?}");
            }
        }
    }

    #[test]
    fn what_is_no_profile_is_not_printed() {
        let refused = |profile: &str, dropped: &[&str]| {
            profile_text(Some(profile), (Vec::new(), words(dropped))).unwrap_err().to_string()
        };
        assert!(refused("unconfined", &[]).contains("nothing to print"));
        assert!(refused("/missing.json", &[]).contains("/missing.json"));
        assert!(refused("builtin", &["CAP_SULK"]).contains("none of that name"));
    }
}
