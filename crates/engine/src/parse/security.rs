//! `--security-opt`: Docker's options, and Podman's for paths of /proc.

use std::path::Path;

use super::Parsed;
use crate::config::{SeccompChoice, Security};
use crate::error::EngineError;

/// One `--security-opt`, added to what was given before.
///
/// # Errors
/// When it is unknown, or a profile cannot be read.
pub fn security_option(security: &mut Security, text: &str) -> Parsed<()> {
    let wrong = |why: &str| EngineError::value("security option", text, why);
    let (key, value) =
        text.split_once(['=', ':']).map_or((text, None), |(key, value)| (key, Some(value)));
    match (key, value) {
        ("no-new-privileges", None | Some("true")) => security.no_new_privileges = true,
        ("no-new-privileges", Some("false")) => security.no_new_privileges = false,
        ("seccomp", Some("unconfined")) => security.seccomp = SeccompChoice::Unconfined,
        ("seccomp", Some("builtin" | "default")) => security.seccomp = SeccompChoice::Default,
        ("seccomp", Some(path)) => {
            let profile = std::fs::read_to_string(path)
                .map_err(EngineError::file("read the seccomp profile", Path::new(path)))?;
            crate::seccomp::parse(&profile)?;
            security.seccomp = SeccompChoice::Profile(profile);
        }
        ("systempaths", Some("unconfined")) => security.unmasked_paths = true,
        ("unmask", Some("ALL" | "all")) => security.unmasked_paths = true,
        ("mask" | "unmask", Some(paths)) => {
            let paths = paths.split(':').map(str::to_owned).collect::<Vec<_>>();
            if paths.iter().any(|path| !path.starts_with('/') || path.contains("..")) {
                return Err(wrong("it is no list of absolute paths with colons between"));
            }
            let known = if key == "mask" { &mut security.masked } else { &mut security.unmasked };
            known.extend(paths);
        }
        ("proc-opts", Some(options)) if !options.is_empty() => {
            security.proc_options.extend(options.split(',').map(str::to_owned));
        }
        ("apparmor", Some("unconfined")) => security.apparmor = None,
        ("apparmor", Some(profile)) => security.apparmor = Some(profile.to_owned()),
        ("label", Some(option)) if crate::labels::is_option(option) => {
            security.labels.push(option.to_owned());
        }
        ("label", Some(_)) => {
            return Err(wrong(
                "it is not label=disable or label= and user:, role:, type:, level: or filetype:",
            ));
        }
        _ => return Err(wrong("it is unknown")),
    }
    Ok(())
}
