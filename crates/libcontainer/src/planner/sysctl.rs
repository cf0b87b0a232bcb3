//! The `linux.sysctl` of a configuration: parameters of the container's own namespaces, and no other.
//! Sources: sysctl.d(5), namespaces(7), ipc_namespaces(7), user_namespaces(7).

use spec::runtime::NamespaceKind;

use super::Steps;
use crate::error::PlanError;
use crate::plan::Step;

/// Parameters of the IPC namespace: ipc_namespaces(7), and ipc/ipc_sysctl.c.
const IPC: &[&str] = &[
    "kernel/auto_msgmni",
    "kernel/msg_next_id",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shm_rmid_forced",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
];

impl Steps<'_> {
    pub(super) fn sysctls(&mut self) -> Result<(), PlanError> {
        for (name, value) in &self.linux.sysctl {
            let wrong =
                |why: &str| Err(PlanError::field(format!("linux.sysctl.{name}"), why.to_owned()));
            let path = path(name);
            if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return wrong("is no kernel parameter");
            }
            if path == "kernel/hostname" {
                return wrong("is set by the field hostname");
            }
            let Some(namespace) = namespace_of(&path) else {
                return wrong("belongs to no namespace: it would change the host");
            };
            if !self.has_own(namespace) {
                return Err(of_the_host(name, namespace));
            }
            self.steps.push(Step::Sysctl { path, value: value.clone() });
        }
        Ok(())
    }
}

/// Whose parameter `path`, below `/proc/sys`, is; nothing for one of the whole machine.
pub(crate) fn namespace_of(path: &str) -> Option<NamespaceKind> {
    match path.split('/').next()? {
        "net" => Some(NamespaceKind::Network),
        "user" => Some(NamespaceKind::User),
        "fs" if path.starts_with("fs/mqueue/") => Some(NamespaceKind::Ipc),
        "kernel" if IPC.contains(&path) => Some(NamespaceKind::Ipc),
        "kernel" if path == "kernel/domainname" => Some(NamespaceKind::Uts),
        _ => None,
    }
}

/// The refusal of a parameter whose namespace is the host's.
pub(crate) fn of_the_host(name: &str, namespace: NamespaceKind) -> PlanError {
    let why = format!("needs a {namespace} namespace of its own: it would change the host");
    PlanError::field(format!("linux.sysctl.{name}"), why)
}

/// Whichever of `.` and `/` comes first separates, and the other one stands for it in a name: sysctl.d(5).
fn path(name: &str) -> String {
    if name.find(['.', '/']).is_some_and(|first| name[first..].starts_with('/')) {
        return name.to_owned();
    }
    let exchanged = |letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    name.chars().map(exchanged).collect()
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn both_separators_are_understood() {
        for (name, expected) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eno2/100.rp_filter", "net/ipv4/conf/eno2.100/rp_filter"),
            ("net/ipv4/conf/eno2.100/rp_filter", "net/ipv4/conf/eno2.100/rp_filter"),
            ("plain", "plain"),
        ] {
            assert_eq!(path(name), expected, "{name}");
        }
    }
}
