//! What a runtime can do, for those who call it: the JSON that `features` prints. Source: features.md, features-linux.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NamespaceKind;

/// The whole document. It tells what the runtime knows, not what this machine has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Features {
    /// The oldest version of the specification whose documents are understood.
    pub oci_version_min: String,
    /// The newest version.
    pub oci_version_max: String,
    /// Names of the kinds of hooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<String>,
    /// Mount options that are not left to the file system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_options: Vec<String>,
    /// What only Linux has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<LinuxFeatures>,
    /// Free-form facts about the runtime.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Annotations of a `config.json` that change what is done; one that ends with a dot stands for all that begin so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub potentially_unsafe_config_annotations: Vec<String>,
}

/// The part that only Linux has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxFeatures {
    /// Kinds of namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceKind>,
    /// Names of capabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupFeatures>,
    /// System call filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<SeccompFeatures>,
    /// AppArmor profiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apparmor: Option<Enabled>,
    /// SELinux labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<Enabled>,
    /// Intel Resource Director Technology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intel_rdt: Option<IntelRdtFeatures>,
    /// Memory policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_policy: Option<MemoryPolicyFeatures>,
    /// What mounts can do beyond their options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_extensions: Option<MountExtensions>,
    /// Network interfaces moved into the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_devices: Option<Enabled>,
}

/// Whether a feature exists at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Enabled {
    /// It does.
    pub enabled: bool,
}

/// Control groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CgroupFeatures {
    /// Hierarchies of version 1.
    pub v1: bool,
    /// The unified hierarchy.
    pub v2: bool,
    /// Groups made by the system's systemd.
    pub systemd: bool,
    /// Groups made by a user's own systemd.
    pub systemd_user: bool,
    /// The rdma controller.
    pub rdma: bool,
}

/// System call filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeccompFeatures {
    /// Whether there are any.
    pub enabled: bool,
    /// `SCMP_ACT_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// `SCMP_CMP_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// `SCMP_ARCH_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archs: Vec<String>,
    /// `SECCOMP_FILTER_FLAG_…` that are understood.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_flags: Vec<String>,
    /// Those of them that are also set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_flags: Vec<String>,
}

/// Intel Resource Director Technology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntelRdtFeatures {
    /// Whether it is known at all.
    pub enabled: bool,
    /// The field `schemata`.
    pub schemata: bool,
    /// The field `enableMonitoring`.
    pub monitoring: bool,
}

/// Memory policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryPolicyFeatures {
    /// `MPOL_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<String>,
    /// `MPOL_F_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// What mounts can do beyond their options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountExtensions {
    /// Mounts with an id map of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idmap: Option<Enabled>,
}
