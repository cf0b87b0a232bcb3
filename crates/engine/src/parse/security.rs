//! `--security-opt`: Docker's options, and Podman's for paths of /proc.

use std::path::Path;

use libcontainer::seccomp::AskedCall;

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
        ("seccomp", Some("hardened")) => security.seccomp = SeccompChoice::Hardened,
        ("hardened", None | Some("true")) => security.hardened = true,
        ("hardened", Some("false")) => security.hardened = false,
        ("nesting", None | Some("true")) => security.nesting = true,
        ("nesting", Some("false")) => security.nesting = false,
        ("seccomp", Some("builtin" | "default")) => security.seccomp = SeccompChoice::Default,
        ("seccomp", Some(path)) => {
            let profile = std::fs::read_to_string(path)
                .map_err(EngineError::file("read the seccomp profile", Path::new(path)))?;
            seccomp_profile(security, profile)?;
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
        ("landlock", Some("unconfined")) => security.landlock = None,
        ("landlock", Some(rules)) => security.landlock.get_or_insert_default().add(rules)?,
        ("emulate", Some(list)) => emulate(security, list).map_err(|why| wrong(&why))?,
        ("apparmor", Some(profile)) => {
            security.apparmor = Some(profile.to_owned()).filter(|profile| !profile.is_empty());
        }
        ("label", Some(option)) if crate::labels::is_option(option) => {
            security.labels.push(option.to_owned());
        }
        ("label", Some(_)) => {
            return Err(wrong(
                "it is not label=disable, label=nested, or label= and user:, role:, type:, level: or filetype:",
            ));
        }
        _ => return Err(wrong("it is unknown")),
    }
    Ok(())
}

/// `none`, or names of calls with commas between.
fn emulate(security: &mut Security, list: &str) -> Result<(), String> {
    for word in list.split(',') {
        let call = match word {
            "none" => {
                security.emulate.clear();
                continue;
            }
            "mknod" => AskedCall::Mknod,
            "mount" => AskedCall::Mount,
            "sysinfo" => AskedCall::Sysinfo,
            _ => return Err(format!("{word:?} is none of mknod, mount, sysinfo and none")),
        };
        if !security.emulate.contains(&call) {
            security.emulate.push(call);
        }
    }
    Ok(())
}

/// The text of a seccomp profile.
///
/// # Errors
/// When it is none.
pub fn seccomp_profile(security: &mut Security, profile: String) -> Parsed<()> {
    crate::seccomp::parse(&profile)?;
    security.seccomp = SeccompChoice::Profile(profile);
    Ok(())
}

/// The paths that are to be hidden, and those that can only be read; nothing is those that always are.
///
/// # Errors
/// When one is not absolute, or can only be read beyond those that always can only be read.
pub fn system_paths(
    security: &mut Security,
    masked: Option<Vec<String>>,
    read_only: Option<Vec<String>>,
) -> Parsed<()> {
    use crate::oci::{MASKED, READ_ONLY};
    if [&masked, &read_only].into_iter().all(|paths| paths.as_ref().is_some_and(Vec::is_empty)) {
        security.unmasked_paths = true;
        return Ok(());
    }
    for (paths, usual) in [(&masked, MASKED), (&read_only, READ_ONLY)] {
        let Some(paths) = paths else { continue };
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/') || path.contains(".."))
        {
            return Err(EngineError::value("system path", path, "it is not absolute"));
        }
        let is_open = |path: &&&str| !paths.iter().any(|own| own == **path);
        security.unmasked.extend(usual.iter().filter(is_open).map(|&path| path.to_owned()));
    }
    let beyond = |paths: Option<Vec<String>>, usual: &[&str]| -> Vec<String> {
        let all = paths.unwrap_or_default().into_iter();
        all.filter(|path| !usual.contains(&path.as_str())).collect()
    };
    security.masked.extend(beyond(masked, MASKED));
    match beyond(read_only, READ_ONLY).first() {
        Some(path) => Err(EngineError::NotYet(format!("{path} as a path that is read-only"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_are_answered_have_names() {
        let mut security = Security::default();
        security_option(&mut security, "emulate=sysinfo,mknod,mount,sysinfo").unwrap();
        let expected = [AskedCall::Sysinfo, AskedCall::Mknod, AskedCall::Mount];
        assert_eq!(security.emulate, expected);
        security_option(&mut security, "emulate=none").unwrap();
        assert_eq!(security, Security::default());
        let error = security_option(&mut security, "emulate=bpf").unwrap_err().to_string();
        assert!(error.contains("\"bpf\" is none of mknod, mount, sysinfo and none"), "{error}");
    }

    #[test]
    fn paths_that_are_named_are_hidden_and_others_are_not() {
        let paths = |masked: Option<&[&str]>, read_only: Option<&[&str]>| {
            let own = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
            let mut security = Security::default();
            system_paths(&mut security, masked.map(own), read_only.map(own)).map(|()| security)
        };
        assert_eq!(paths(None, None).unwrap(), Security::default());
        assert!(paths(Some(&[]), Some(&[])).unwrap().unmasked_paths);
        let some = paths(Some(&["/proc/kcore", "/etc/x"]), None).unwrap();
        assert_eq!((some.unmasked.len(), some.masked.as_slice()), (11, &["/etc/x".to_owned()][..]));
        assert!(paths(Some(&["x"]), None).is_err());
        assert!(paths(None, Some(&["/etc"])).is_err());
    }
}
