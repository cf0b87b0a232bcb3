//! A mount that a program wrote out, field by field: held to what is held of `--mount`.

use super::Parsed;
use super::mounts::{PROPAGATIONS, absolute, check, relative, volume_name};
use crate::config::{MountConfig, MountSource};
use crate::error::EngineError;

/// The mount, when it can be one.
///
/// # Errors
/// When its target or source is none, or it has what its kind cannot have.
pub fn written_out(mut mount: MountConfig) -> Parsed<MountConfig> {
    let target = mount.target.display().to_string();
    let wrong = |why: &str| EngineError::value("mount", target.clone(), why);
    mount.target = absolute("mount", &target, &target)?;
    mount.is_written_out = true;
    match &mount.source {
        MountSource::Volume { name, anonymous: false, driver_options, .. } => {
            volume_name(name, name)?;
            super::mounts::check_names(driver_options.keys())?;
        }
        MountSource::Bind { path, .. } if !path.is_absolute() => {
            return Err(wrong("its source is not absolute"));
        }
        MountSource::Bind { .. } => {
            let known = |option: &String| PROPAGATIONS.contains(&option.as_str());
            if !mount.options.iter().all(known) {
                return Err(wrong(&format!(
                    "its propagation is not one of {}",
                    PROPAGATIONS.join(", ")
                )));
            }
        }
        MountSource::Image { name, .. } if name.is_empty() => {
            return Err(wrong("an image needs a source"));
        }
        MountSource::Image { .. } => mount.read_only = true,
        MountSource::Volume { .. } | MountSource::Tmpfs => {}
    }
    if !mount.subpath.is_empty() {
        mount.subpath = relative(&mount.subpath).ok_or_else(|| wrong("its subpath leads out"))?;
    }
    check(&mount).map_err(wrong)?;
    Ok(mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_is_refused() {
        let volume = |target: &str, subpath: &str| {
            let mut mount = MountConfig::new(MountSource::volume("data", true), target.into());
            subpath.clone_into(&mut mount.subpath);
            written_out(mount)
        };
        assert_eq!(volume("/d", "a/./b").unwrap().subpath, "a/b");
        for (target, subpath) in
            [("/", ""), ("d", ""), ("/a/../b", ""), ("/d", "../x"), ("/d", "/x"), ("/d", "a/../b")]
        {
            assert!(volume(target, subpath).is_err(), "{target} {subpath}");
        }
        let bind = |path: &str, option: &str| {
            let source = MountSource::Bind { path: path.into(), create: false };
            let mut mount = MountConfig::new(source, "/d".into());
            mount.options.push(option.to_owned());
            written_out(mount).is_ok()
        };
        assert!(bind("/s", "rslave"));
        assert!(!bind("s", "rslave") && !bind("/s", "suid"));
    }
}
