//! What this runtime can do, for those who call it. Start at [`features`]. Source: features.md, features-linux.md.

use std::collections::BTreeMap;

use serde::Serialize;
use spec::runtime::{
    CgroupFeatures, Enabled, Features, IntelRdtFeatures, LinuxFeatures, MemoryPolicyFeatures,
    MountExtensions, NamespaceKind, OCI_VERSION, SeccompAction, SeccompFeatures, SeccompOperator,
};

use crate::hooks::Moment;
use crate::scheduling::{MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES};
use crate::seccomp::Architecture;
use crate::{capability, options};

/// Annotations of a configuration that change what is done with it: extra options for CRIU, properties of the systemd unit.
const UNSAFE_ANNOTATIONS: [&str; 3] = ["bundle", "org.systemd.property.", "org.criu.config"];

/// What this runtime knows, whatever the machine has.
#[must_use]
pub fn features() -> Features {
    // Docker and Podman ask for checkpoints under this name.
    let annotations = [("org.opencontainers.runc.checkpoint.enabled", "true")];
    Features {
        oci_version_min: "1.0.0".to_owned(),
        oci_version_max: OCI_VERSION.to_owned(),
        hooks: owned(&Moment::ALL.map(Moment::name)),
        mount_options: options::names(),
        linux: Some(linux()),
        annotations: annotations
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        potentially_unsafe_config_annotations: owned(&UNSAFE_ANNOTATIONS),
    }
}

fn linux() -> LinuxFeatures {
    use NamespaceKind as Kind;
    let on = Some(Enabled { enabled: true });
    LinuxFeatures {
        namespaces: vec![
            Kind::Cgroup,
            Kind::Ipc,
            Kind::Mount,
            Kind::Network,
            Kind::Pid,
            Kind::Time,
            Kind::User,
            Kind::Uts,
        ],
        capabilities: capability::names(capability::all()).collect(),
        cgroup: Some(CgroupFeatures {
            v1: true,
            v2: true,
            systemd: true,
            systemd_user: true,
            rdma: true,
        }),
        seccomp: Some(seccomp()),
        apparmor: on,
        selinux: on,
        intel_rdt: Some(IntelRdtFeatures { enabled: true, schemata: true, monitoring: true }),
        memory_policy: Some(MemoryPolicyFeatures {
            modes: first_of(MEMORY_POLICY_MODES),
            flags: first_of(MEMORY_POLICY_FLAGS),
        }),
        mount_extensions: Some(MountExtensions { idmap: on }),
        net_devices: on,
    }
}

fn seccomp() -> SeccompFeatures {
    use SeccompAction as Action;
    use SeccompOperator as Operator;
    let mut actions = names(&[
        Action::Allow,
        Action::Errno,
        Action::KillThread,
        Action::KillProcess,
        Action::Log,
        Action::Notify,
        Action::Trace,
        Action::Trap,
    ]);
    // A second name of the first kill.
    actions.push("SCMP_ACT_KILL_THREAD".to_owned());
    actions.sort_unstable();
    let operators = names(&[
        Operator::Equal,
        Operator::GreaterOrEqual,
        Operator::Greater,
        Operator::LessOrEqual,
        Operator::Less,
        Operator::MaskedEqual,
        Operator::NotEqual,
    ]);
    let mut archs: Vec<String> = Architecture::all().map(Architecture::name).collect();
    archs.sort_unstable();
    let flags = crate::seccomp::FLAGS.map(|(name, _)| name);
    SeccompFeatures {
        enabled: true,
        actions,
        operators,
        archs,
        known_flags: owned(&flags),
        supported_flags: owned(&flags),
    }
}

/// The names that values have in a document.
fn names<T: Serialize>(values: &[T]) -> Vec<String> {
    let name = |value| serde_json::to_value(value).ok()?.as_str().map(str::to_owned);
    values.iter().filter_map(name).collect()
}

/// The names of a table.
fn first_of(table: &[(&str, u32)]) -> Vec<String> {
    table.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mount_option_is_understood() {
        for option in features().mount_options {
            let parsed = options::parse(std::slice::from_ref(&option));
            assert_eq!(parsed.data, "", "{option} goes to the file system");
        }
    }

    #[test]
    fn every_name_of_a_filter_is_understood() {
        let seccomp = features().linux.unwrap().seccomp.unwrap();
        assert_eq!(seccomp.actions.len(), 9);
        for action in seccomp.actions {
            serde_json::from_value::<SeccompAction>(action.into()).unwrap();
        }
        assert_eq!(seccomp.operators.len(), 7);
        assert!(seccomp.archs.iter().all(|name| Architecture::from_name(name).is_some()));
    }

    #[test]
    fn the_document_has_the_names_of_the_specification() {
        let document = serde_json::to_value(features()).unwrap();
        for pointer in [
            "/ociVersionMin",
            "/hooks/5",
            "/mountOptions/0",
            "/linux/namespaces/7",
            "/linux/capabilities/40",
            "/linux/cgroup/systemdUser",
            "/linux/seccomp/knownFlags/0",
            "/linux/intelRdt/monitoring",
            "/linux/mountExtensions/idmap/enabled",
            "/linux/netDevices/enabled",
            "/linux/memoryPolicy/modes/6",
            "/potentiallyUnsafeConfigAnnotations/0",
        ] {
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        assert_eq!(document.pointer("/linux/namespaces/0").unwrap(), "cgroup");
    }
}
