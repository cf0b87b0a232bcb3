//! For root of the machine: what `info` warns of, with what mends it.

use std::path::Path;

use super::{Check, Patient, set};
use crate::lacks::lacks;

const KERNEL: &str = "kernel";

/// How a warning begins; whether something does not work by it that people expect; what mends it.
const REMEDIES: [(&str, bool, &str); 14] = [
    (
        "no overlay file system",
        true,
        "echo overlay | sudo tee /etc/modules-load.d/corten.conf && sudo modprobe overlay",
    ),
    ("no control groups:", true, "sudo mount -t cgroup2 none /sys/fs/cgroup"),
    (
        "no control groups v2",
        false,
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && sudo update-grub && sudo reboot",
    ),
    (
        "no memory controller",
        true,
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&cgroup_enable=memory /' /etc/default/grub && sudo update-grub && sudo reboot",
    ),
    ("no cpu controller", true, ""),
    ("no pids controller", true, ""),
    ("no cpuset controller", false, ""),
    (
        "no swap accounting",
        false,
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&swapaccount=1 /' /etc/default/grub && sudo update-grub && sudo reboot",
    ),
    (
        "no pressure stall information",
        false,
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&psi=1 /' /etc/default/grub && sudo update-grub && sudo reboot",
    ),
    ("no project quotas", false, "mount the store's file system with the option prjquota"),
    ("no seccomp", true, ""),
    ("no user namespaces", false, ""),
    ("user.max_user_namespaces is 0", true, "user.max_user_namespaces=15000"),
    ("kernel.unprivileged_userns_clone is 0", false, "kernel.unprivileged_userns_clone=1"),
];

pub(super) fn checks(patient: &Patient) -> Vec<Check> {
    let root = patient.root.as_deref().unwrap_or(Path::new("/"));
    let lines = lacks(root);
    if lines.is_empty() {
        return vec![Check::ok(KERNEL, "it lacks nothing")];
    }
    lines.into_iter().map(check).collect()
}

fn check(line: String) -> Check {
    let found = REMEDIES.iter().find(|(begin, ..)| line.starts_with(begin));
    let Some((begin, is_broken, remedy)) = found else { return Check::note(KERNEL, line, "") };
    let remedy = if begin.ends_with("is 0") { set(remedy) } else { (*remedy).to_owned() };
    if *is_broken { Check::broken(KERNEL, line, remedy) } else { Check::note(KERNEL, line, remedy) }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn every_remedy_is_for_a_warning_that_there_is() {
        let warnings = include_str!("../lacks.rs");
        for (begin, ..) in REMEDIES {
            assert!(warnings.contains(&format!("\"{begin}")), "{begin}");
        }
    }

    #[test]
    fn a_warning_is_told_with_what_mends_it() {
        let broken =
            check("user.max_user_namespaces is 0: no user namespace can be made".to_owned());
        assert_eq!(broken.verdict, Verdict::Broken);
        assert!(broken.remedy.contains("tee -a /etc/sysctl.d"), "{}", broken.remedy);
        let note = check("no time namespaces: clocks".to_owned());
        assert_eq!((note.verdict, note.remedy.as_str()), (Verdict::Note, ""));
    }
}
