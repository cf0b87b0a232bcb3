//! Control groups that a user may divide: his systemd, what the machine's has delegated to it, and whether it outlives his login.
//! Sources: systemd.resource-control(5), "Delegate="; loginctl(1), "enable-linger".

use std::path::Path;

use libcontainer::cgroup::{Layout, LayoutKind, Systemd};

use super::{Check, Patient, install, name_of, read};

const GROUPS: &str = "control groups";
const LINGER: &str = "linger";
/// Without these the limits that everybody uses are refused; systemd delegates them since version 244.
const EXPECTED: [&str; 3] = ["cpu", "memory", "pids"];
const FURTHER: [&str; 2] = ["cpuset", "io"];

pub(super) fn checks(patient: &Patient) -> Vec<Check> {
    let mut checks = vec![groups(patient)];
    if Path::new("/run/systemd/system").exists() {
        checks.push(linger(patient.user));
    }
    checks
}

fn groups(patient: &Patient) -> Check {
    let tree = match Layout::detect() {
        Ok(layout) if layout.kind == LayoutKind::Unified => layout.hierarchies,
        Ok(_) | Err(_) => {
            let finding = "the machine's are of version 1, of which a user has none: limits are refused, and there is neither pause nor stats";
            let remedy = "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && sudo update-grub && sudo reboot";
            return Check::broken(GROUPS, finding, remedy);
        }
    };
    let asked = patient.bus.clone().map(|bus| Systemd::detect(bus, true));
    let Some(Ok(systemd)) = asked else {
        let finding = "no systemd of this user's answers: limits are refused, and there is neither pause nor stats";
        return Check::broken(GROUPS, finding, how_to_reach(patient.user));
    };
    let mount = tree.first().map(|tree| tree.mount.clone()).unwrap_or_default();
    let offered = mount.join(&systemd.control_group).join("cgroup.controllers");
    judged(&read(&offered.display().to_string()), patient.user)
}

fn how_to_reach(user: u32) -> String {
    let private = format!("/run/user/{user}/systemd/private");
    if Path::new(&private).exists() {
        format!("export XDG_RUNTIME_DIR=/run/user/{user}")
    } else if Path::new("/run/systemd/system").exists() {
        format!(
            "sudo loginctl enable-linger {} && export XDG_RUNTIME_DIR=/run/user/{user}",
            name_of(user)
        )
    } else {
        install("systemd-sysv libpam-systemd", "systemd")
    }
}

/// What is in the group that the user's systemd was given.
fn judged(offered: &str, user: u32) -> Check {
    let lacks = |wanted: &[&'static str]| {
        let lacking =
            wanted.iter().filter(|name| !offered.split_whitespace().any(|own| own == **name));
        lacking.copied().collect::<Vec<_>>()
    };
    let (expected, further) = (lacks(&EXPECTED), lacks(&FURTHER));
    let missing = [expected.clone(), further].concat();
    if missing.is_empty() {
        return Check::ok(GROUPS, format!("delegated: {offered}"));
    }
    let all = [&EXPECTED[..], &FURTHER].concat().join(" ");
    let remedy = format!(
        "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate={all}\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload && sudo systemctl restart user@{user}"
    );
    let finding = format!("not delegated: {}", missing.join(" "));
    if expected.is_empty() {
        Check::note(
            GROUPS,
            finding + ": --cpuset-cpus, --blkio-weight and the rates of devices are refused",
            remedy,
        )
    } else {
        Check::broken(GROUPS, finding + ": limits of these are refused", remedy)
    }
}

fn linger(user: u32) -> Check {
    let name = name_of(user);
    if Path::new("/var/lib/systemd/linger").join(&name).exists() {
        return Check::ok(LINGER, "containers outlive the last login");
    }
    let finding = "containers end with the last login, and none is started with the machine";
    Check::note(LINGER, finding, format!("sudo loginctl enable-linger {name}"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_is_delegated_decides() {
        assert_eq!(judged("cpuset cpu io memory pids", 7).verdict, Verdict::Ok);
        let further = judged("cpu memory pids", 7);
        assert_eq!(further.verdict, Verdict::Note);
        assert!(further.finding.starts_with("not delegated: cpuset io"), "{}", further.finding);
        assert!(further.remedy.ends_with("restart user@7"), "{}", further.remedy);
        let expected = judged("pids", 7);
        assert_eq!(expected.verdict, Verdict::Broken);
        assert!(expected.finding.contains("cpu memory cpuset io"), "{}", expected.finding);
        assert_eq!(judged("", 7).verdict, Verdict::Broken);
    }
}
