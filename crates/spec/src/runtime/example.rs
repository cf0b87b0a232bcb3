//! A configuration to begin with: a shell on a terminal, few rights, everything isolated but the control groups.
//!
//! What `spec` writes into a new bundle. Scripts edit it by path (`jq .process.args=…`), so the places of its members are those
//! that other runtimes give them.

use std::path::{Path, PathBuf};

use super::{
    Capabilities, DeviceRule, IdMapping, Linux, Mount, Namespace, NamespaceKind, OCI_VERSION,
    Process, Resources, Rlimit, Root, Spec,
};

const KEPT_CAPABILITIES: [&str; 3] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/// Destination, type, source, options.
const MOUNTS: &[(&str, &str, &str, &[&str])] = &[
    ("/proc", "proc", "proc", &[]),
    ("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
    (
        "/dev/pts",
        "devpts",
        "devpts",
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    ),
    ("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
];

const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
];

const READ_ONLY: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

impl Spec {
    /// A configuration that runs `sh` on a terminal, as root with three capabilities, on the read-only directory `rootfs` of its
    /// bundle.
    #[must_use]
    pub fn example() -> Self {
        Self {
            oci_version: OCI_VERSION.to_owned(),
            process: Some(process()),
            root: Some(Root { path: "rootfs".into(), readonly: true }),
            hostname: Some("corten".to_owned()),
            mounts: MOUNTS.iter().map(mount).collect(),
            linux: Some(linux()),
            ..Self::default()
        }
    }

    /// Adds a cgroup namespace, which shows a container its own part of the unified hierarchy only. Where v1 hierarchies are
    /// mounted their directories are bound one by one instead.
    #[must_use]
    pub fn with_cgroup_namespace(mut self) -> Self {
        let linux = self.linux.get_or_insert_default();
        linux.namespaces.push(Namespace { kind: NamespaceKind::Cgroup, path: None });
        self
    }

    /// The same for a user without rights: root inside is `uid` and `gid` outside, the network is the host's, and there are no
    /// limits. user_namespaces(7).
    #[must_use]
    pub fn into_rootless(mut self, uid: u32, gid: u32) -> Self {
        let linux = self.linux.get_or_insert_default();
        let replaced = |kind| matches!(kind, NamespaceKind::Network | NamespaceKind::User);
        linux.namespaces.retain(|namespace| !replaced(namespace.kind));
        linux.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
        linux.uid_mappings = vec![IdMapping { container_id: 0, host_id: uid, size: 1 }];
        linux.gid_mappings = vec![IdMapping { container_id: 0, host_id: gid, size: 1 }];
        linux.resources = None;
        for mount in &mut self.mounts {
            if mount.destination == Path::new("/sys") {
                // A new sysfs needs a network namespace that the user owns. sysfs(5), user_namespaces(7).
                *mount = bound_sys();
            }
            // Ids beyond the one that is mapped do not exist inside.
            mount
                .options
                .retain(|option| !option.starts_with("gid=") && !option.starts_with("uid="));
        }
        self
    }
}

fn process() -> Process {
    let kept = || KEPT_CAPABILITIES.map(str::to_owned).to_vec();
    let capabilities = Capabilities {
        bounding: kept(),
        effective: kept(),
        permitted: kept(),
        ..Capabilities::default()
    };
    Process {
        terminal: true,
        args: vec!["sh".to_owned()],
        env: vec![
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            "TERM=xterm".to_owned(),
        ],
        cwd: "/".into(),
        capabilities: Some(capabilities),
        rlimits: vec![Rlimit { kind: "RLIMIT_NOFILE".to_owned(), hard: 1024, soft: 1024 }],
        no_new_privileges: true,
        ..Process::default()
    }
}

fn mount((destination, kind, source, options): &(&str, &str, &str, &[&str])) -> Mount {
    Mount {
        destination: PathBuf::from(destination),
        kind: Some((*kind).to_owned()),
        source: Some(PathBuf::from(source)),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Mount::default()
    }
}

fn bound_sys() -> Mount {
    mount(&("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"]))
}

fn linux() -> Linux {
    use NamespaceKind as Kind;
    let namespaces = [Kind::Pid, Kind::Network, Kind::Ipc, Kind::Uts, Kind::Mount];
    let deny_all =
        DeviceRule { allow: false, access: Some("rwm".to_owned()), ..DeviceRule::default() };
    Linux {
        namespaces: namespaces.map(|kind| Namespace { kind, path: None }).to_vec(),
        resources: Some(Resources { devices: vec![deny_all], ..Resources::default() }),
        masked_paths: MASKED.iter().map(PathBuf::from).collect(),
        readonly_paths: READ_ONLY.iter().map(PathBuf::from).collect(),
        ..Linux::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(spec: &Spec) -> Vec<NamespaceKind> {
        let linux = spec.linux.as_ref().unwrap();
        linux.namespaces.iter().map(|namespace| namespace.kind).collect()
    }

    #[test]
    fn members_are_where_scripts_look_for_them() {
        let document = serde_json::to_value(Spec::example()).unwrap();
        for (pointer, expected) in [
            ("/ociVersion", serde_json::json!("1.3.0")),
            ("/process/terminal", serde_json::json!(true)),
            ("/process/args", serde_json::json!(["sh"])),
            ("/process/user", serde_json::json!({"uid": 0, "gid": 0})),
            ("/root", serde_json::json!({"path": "rootfs", "readonly": true})),
            ("/linux/resources/devices", serde_json::json!([{"allow": false, "access": "rwm"}])),
            ("/linux/namespaces/1", serde_json::json!({"type": "network"})),
        ] {
            assert_eq!(document.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn the_cgroup_namespace_comes_on_request() {
        assert!(!kinds(&Spec::example()).contains(&NamespaceKind::Cgroup));
        assert!(kinds(&Spec::example().with_cgroup_namespace()).contains(&NamespaceKind::Cgroup));
    }

    #[test]
    fn a_rootless_one_needs_no_rights() {
        let spec = Spec::example().into_rootless(1000, 1001);
        let kinds = kinds(&spec);
        assert!(kinds.contains(&NamespaceKind::User) && !kinds.contains(&NamespaceKind::Network));
        let linux = spec.linux.as_ref().unwrap();
        assert_eq!(linux.uid_mappings, [IdMapping { container_id: 0, host_id: 1000, size: 1 }]);
        assert_eq!(linux.gid_mappings, [IdMapping { container_id: 0, host_id: 1001, size: 1 }]);
        assert_eq!(linux.resources, None);
        let options = |at: &str| {
            let found = spec.mounts.iter().find(|mount| mount.destination == Path::new(at));
            found.unwrap().options.clone()
        };
        assert!(!options("/dev/pts").iter().any(|option| option.starts_with("gid=")));
        assert!(options("/sys").contains(&"rbind".to_owned()));
    }
}
