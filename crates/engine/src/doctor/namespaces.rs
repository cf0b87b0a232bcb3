//! Whether the kernel lets a user have namespaces, and an overlay in them: by its settings, and by trying. Sources: user_namespaces(7), Ubuntu's
//! "Restricted unprivileged user namespaces".

use std::path::Path;

use libcontainer::chain;
use monitor::keeper::{TrialError, attempt};

use super::{Check, read, set};

const NAMESPACES: &str = "user namespaces";
const OVERLAY: &str = "overlay";

/// The settings that say no, whose values are read from `/proc/sys`.
struct Settings {
    clone: String,
    most: String,
    is_restricted: bool,
}

pub(super) fn checks(program: &Path) -> Vec<Check> {
    let settings = Settings {
        clone: read("/proc/sys/kernel/unprivileged_userns_clone"),
        most: read("/proc/sys/user/max_user_namespaces"),
        is_restricted: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
    };
    match attempt() {
        Ok(()) => vec![
            Check::ok(NAMESPACES, "this user may have them"),
            Check::ok(OVERLAY, "mounted in a user namespace"),
        ],
        Err(error @ TrialError::Overlay(_)) => {
            let finding = format!(
                "{}: containers of images cannot be started (Linux 5.11 has it)",
                chain(&error)
            );
            let remedy =
                "echo overlay | sudo tee /etc/modules-load.d/corten.conf && sudo modprobe overlay";
            vec![
                Check::ok(NAMESPACES, "this user may have them"),
                Check::broken(OVERLAY, finding, remedy),
            ]
        }
        Err(error) => vec![refused(&settings, &chain(&error), program)],
    }
}

/// Why they are refused, by the setting that says so.
fn refused(settings: &Settings, why: &str, program: &Path) -> Check {
    let broken = |finding: &str, remedy: String| {
        Check::broken(NAMESPACES, format!("{why}: {finding}"), remedy)
    };
    if settings.clone == "0" {
        let setting = "kernel.unprivileged_userns_clone=1";
        return broken("kernel.unprivileged_userns_clone is 0", set(setting));
    }
    if settings.most == "0" {
        return broken("user.max_user_namespaces is 0", set("user.max_user_namespaces=15000"));
    }
    if settings.is_restricted {
        let profile = format!(
            "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile corten {} flags=(unconfined) {{\\n  userns,\\n}}\\n' | sudo tee /etc/apparmor.d/corten && sudo apparmor_parser -r /etc/apparmor.d/corten",
            program.display()
        );
        return broken(
            "AppArmor keeps them to programs whose profile says so (kernel.apparmor_restrict_unprivileged_userns)",
            profile,
        );
    }
    broken(
        "a container that this runs in, or a filter of system calls, does not let it",
        String::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_says_no_is_the_one_to_change() {
        let of = |clone: &str, most: &str, is_restricted| {
            let settings =
                Settings { clone: clone.to_owned(), most: most.to_owned(), is_restricted };
            refused(&settings, "make: EPERM", Path::new("/usr/bin/corten"))
        };
        assert!(of("0", "15000", true).remedy.contains("kernel.unprivileged_userns_clone=1"));
        assert!(of("1", "0", true).remedy.contains("user.max_user_namespaces=15000"));
        let profile = of("", "15000", true);
        assert!(profile.remedy.contains("profile corten /usr/bin/corten flags=(unconfined)"));
        assert!(profile.finding.starts_with("make: EPERM: AppArmor"), "{}", profile.finding);
        assert_eq!(of("1", "15000", false).remedy, "");
    }
}
