//! `--hardened`, which is `--security-opt hardened`: every wall as tight as a program that serves bears it, whatever its image says.
//!
//! - The root is read-only but for `/run`, `/tmp` and `/var`, from which nothing can be executed.
//! - There are no capabilities, and no program can gain any.
//! - The system call filter is the narrower one (`seccomp=hardened`).
//! - Even its user is nobody outside (`--userns auto`).
//! - Landlock lets it write to those parts and to its volumes alone, where the kernel has it.
//! - A program whose image wants it to run as root runs as [`USER`], to whom what it may write in belongs: without capabilities root
//!   could not become anybody else, and programs that begin by doing so leave it when they are not root.
//!
//! What was said by name stays: a user, a profile, a capability that is added. Docs: docs/security.md.

use std::path::Path;

use libcontainer::{Plan, Step};

use crate::config::{
    AutoUsers, ContainerConfig, MountConfig, MountSource, SeccompChoice, UserMode,
};
use crate::containers::{CreateRequest, Made};
use crate::error::EngineError;
use crate::landlock::Landlock;

/// Nobody's number in most images, and the one that is used for this: an image made for it has `USER 65532`. The group is root's, whose
/// files such images let their programs write to.
const USER: &str = "65532:0";
const IDS: (u32, u32) = (65532, 0);

/// A file that is given by a copy.
const SMALL_BYTES: u64 = 64 << 10;

/// What stays writable.
const PARTS: [&str; 3] = ["run", "tmp", "var"];

/// Makes a configuration that asks for it what it asked for; the request says which user was named by the caller, and `may_map` whether the
/// caller may have a container's ids mapped: a user's containers have none of the machine's anyhow.
///
/// # Errors
/// When it asks for the opposite, too.
pub(crate) fn harden(
    request: &CreateRequest,
    mut config: ContainerConfig,
    may_map: bool,
) -> Result<ContainerConfig, EngineError> {
    if !config.security.hardened {
        return Ok(config);
    }
    if config.privileged {
        let why = "--privileged takes every wall down";
        return Err(EngineError::value("security option", "hardened", why));
    }
    config.read_only = true;
    if !config.cap_drop.iter().any(|name| name == "ALL") {
        config.cap_drop.push("ALL".to_owned());
    }
    config.security.no_new_privileges = true;
    if config.security.seccomp == SeccompChoice::Default {
        config.security.seccomp = SeccompChoice::Hardened;
    }
    if may_map && config.sharing.users == UserMode::Unsaid && !config.sharing.users_host {
        config.sharing.users = UserMode::Auto(AutoUsers::default());
    }
    // A kernel without it has the other walls.
    let landlock = || Landlock { preset: true, lenient: true, ..Landlock::default() };
    config.security.landlock.get_or_insert_with(landlock);
    if request.config.user.is_empty() && is_root(&config.user) {
        config.security.image_user = Some(std::mem::replace(&mut config.user, USER.to_owned()));
    }
    Ok(config)
}

/// As images write it, with or without a group.
fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), None | Some("" | "0" | "root"))
}

/// Whether it runs as the user that images know nothing of.
pub(crate) fn has_our_user(config: &ContainerConfig) -> bool {
    config.security.hardened && config.user == USER
}

/// The user that an image of this container has: not the one who was put in its place.
pub(crate) fn user_of_image(config: &ContainerConfig) -> &str {
    let own = config.security.image_user.as_deref().filter(|_| has_our_user(config));
    own.unwrap_or(&config.user)
}

/// Whether a mount is given to the container's user because nobody else made it for him.
pub(crate) fn gives(config: &ContainerConfig, mount: &MountConfig, owner: (u32, u32)) -> bool {
    let is_volume = matches!(mount.source, MountSource::Volume { .. });
    is_volume && !mount.read_only && has_our_user(config) && owner.0 != IDS.0
}

/// Gives what may be written in to the user that the image knows nothing of.
///
/// # Errors
/// When the disk refuses it.
pub(crate) fn furnish(
    made: &Made,
    view: &store::RootView,
    ids: Option<&store::IdShift>,
) -> Result<(), EngineError> {
    if !has_our_user(&made.config) {
        return Ok(());
    }
    let upper = &made.dirs.upper;
    let owner = (ids.map_or(IDS, |ids| ids.of(IDS)), ids);
    for part in PARTS {
        if !view.is_directory(Path::new(part)) {
            let place = upper.join(part);
            std::fs::create_dir(&place).map_err(EngineError::file("make", &place))?;
        }
        store::own_directories(view, upper, (part, 0), owner)?;
    }
    // Logs and the like that the image has begun: what is small is cheap to copy.
    for part in ["run", "var/log"] {
        store::own_directories(view, upper, (part, SMALL_BYTES), owner)?;
    }
    Ok(())
}

/// Lets the parts that are written in stay writable in a plan whose root is not: each is a mount of its own, right after the root.
pub(crate) fn keep_writable(plan: &mut Plan, config: &ContainerConfig) {
    if !config.security.hardened {
        return;
    }
    let is_root = |step: &Step| {
        matches!(
            step,
            Step::OverlayRoot { .. } | Step::DirectoryRoot { .. } | Step::BindRoot { .. }
        )
    };
    let Some(root) = plan.steps.iter().position(is_root) else { return };
    let is_mounted = |target: &Path| config.mounts.iter().any(|mount| mount.target == target);
    let set =
        sys::MountAttributes::NOSUID | sys::MountAttributes::NODEV | sys::MountAttributes::NOEXEC;
    let parts = PARTS.iter().map(|part| Path::new("/").join(part));
    let parts = parts.filter(|target| !is_mounted(target));
    let parts: Vec<Step> = parts.map(|target| Step::Part { target, set, mode: None }).collect();
    plan.steps.splice(root + 1..root + 1, parts);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened(change: impl FnOnce(&mut ContainerConfig)) -> ContainerConfig {
        let mut config = ContainerConfig::default();
        config.security.hardened = true;
        change(&mut config);
        let request = CreateRequest { config: config.clone(), ..CreateRequest::default() };
        harden(&request, config, true).unwrap()
    }

    #[test]
    fn what_is_named_stays_and_all_else_is_tight() {
        let config = hardened(|_| {});
        assert_eq!((config.user.as_str(), config.read_only), (USER, true));
        assert_eq!(crate::oci::capabilities(&config).unwrap(), [""; 0]);
        assert_eq!(config.security.seccomp, SeccompChoice::Hardened);
        let config = hardened(|config| {
            config.user = "0".to_owned();
            config.cap_add = vec!["CAP_CHOWN".to_owned()];
            config.security.seccomp = SeccompChoice::Unconfined;
        });
        assert_eq!(config.user, "0");
        assert_eq!(crate::oci::capabilities(&config).unwrap(), ["CAP_CHOWN"]);
        assert_eq!(config.security.seccomp, SeccompChoice::Unconfined);
    }

    #[test]
    fn root_of_an_image_is_replaced_and_others_are_not() {
        for (user, ours) in [("", true), ("root:root", true), ("0:5", true), ("redis", false)] {
            let mut config = ContainerConfig { user: user.to_owned(), ..Default::default() };
            config.security.hardened = true;
            let config = harden(&CreateRequest::default(), config, false).unwrap();
            assert_eq!(config.user == USER, ours, "{user}");
        }
    }
}
