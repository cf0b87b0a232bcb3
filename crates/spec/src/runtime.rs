//! The OCI runtime configuration (`config.json`), version 1.3, for Linux.
//!
//! Field names and meanings are the specification's. [`Spec::from_json`] ignores unknown fields, as it demands ("Extensibility");
//! the types by themselves refuse them, so that a name in another case is noticed at no cost for a document without one.
//! Source: opencontainers/runtime-spec, config.md and config-linux.md.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod example;
mod features;
mod linux;
mod loose;
mod process;
mod resources;
mod seccomp;
mod state;

pub use features::*;
pub use linux::*;
pub use process::*;
pub use resources::*;
pub use seccomp::*;
pub use state::*;

/// The version of the specification that these types follow.
pub const OCI_VERSION: &str = "1.3.0";

/// A whole `config.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Spec {
    /// Version of the specification that the document follows, for example `1.3.0`.
    pub oci_version: String,
    /// The first process; a container can be created without one, but not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The root file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Host name inside a new UTS namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// NIS domain name inside a new UTS namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Mounts beyond the root, made in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Programs run at fixed moments of the container's life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Free-form facts for tools.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything that only Linux has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<Linux>,
}

impl Spec {
    /// Reads a `config.json`. A field that is `null` is absent, names count in any case, objects that are given twice are joined,
    /// and unknown fields are ignored: so does Go's decoder, for which documents are written.
    ///
    /// # Errors
    /// Names the place in the text and what is wrong there.
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        loose::read(text)
    }
}

/// The root file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Root {
    /// Absolute, or relative to the bundle.
    pub path: PathBuf,
    /// Whether the container sees it read-only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
}

/// One mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Mount {
    /// Absolute path inside the container.
    pub destination: PathBuf,
    /// File system type as in `/proc/filesystems`; `bind` or absent together with a `bind` option.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Device, directory or name; relative paths of binds are relative to the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Options as in fstab(5).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// User ids of an id-mapped mount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdMapping>,
    /// Group ids of an id-mapped mount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdMapping>,
}

/// Programs run at fixed moments; see config.md, "POSIX-platform Hooks".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Hooks {
    /// Deprecated: after the namespaces exist, before the root is switched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prestart: Vec<Hook>,
    /// In the runtime's namespaces, during create, before the root is switched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_runtime: Vec<Hook>,
    /// In the container's namespaces, during create, before the root is switched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_container: Vec<Hook>,
    /// In the container's namespaces, during start, before the user's program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start_container: Vec<Hook>,
    /// In the runtime's namespaces, after the user's program was started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub poststart: Vec<Hook>,
    /// In the runtime's namespaces, after the container was deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub poststop: Vec<Hook>,
}

/// One hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Hook {
    /// Absolute path of the program.
    pub path: PathBuf,
    /// Arguments, the program's name first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Environment, `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Seconds after which the hook is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_known_fields_and_ignores_unknown_ones() {
        let text = r#"{"ociVersion":"1.3.0","process":{"args":["sh"],"cwd":"/"},"root":{"path":"rootfs"},"future":{"a":1}}"#;
        let spec = Spec::from_json(text.as_bytes()).unwrap();
        assert_eq!(spec.process.as_ref().unwrap().args, ["sh"]);
        let nulls = r#"{"ociVersion":"1.3.0","linux":{"timeOffsets":null,"devices":[{"type":"c","path":"/dev/x","uid":null}]},"mounts":null}"#;
        let spec = Spec::from_json(nulls.as_bytes()).unwrap();
        assert_eq!(spec.linux.unwrap().devices[0].uid, None);
        let wrong = Spec::from_json(br#"{"mounts": 7}"#).unwrap_err();
        assert!(wrong.to_string().contains("line 1"), "{wrong}");
        let wrong = Spec::from_json(br#"{"mounts": null, "hostname": 7}"#).unwrap_err();
        assert!(wrong.to_string().starts_with("invalid type: integer `7`"), "{wrong}");
        let spec = Spec::from_json(text.as_bytes()).unwrap();
        let back = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&back).unwrap(), spec);
    }

    /// Nothing else is wrong with this one: it is read loosely for its names alone.
    #[test]
    fn a_name_in_another_case_is_never_passed_over() {
        let text = br#"{"HostName":"a","root":{"path":"r","ReadOnly":true},"linux":{"MaskedPaths":["/x"],
            "seccomp":{"defaultAction":"SCMP_ACT_ALLOW","Flags":["f"]},"resources":{"pids":{"Limit":3}}},
            "hooks":{"PreStart":[{"path":"/a","Args":["a"]}]},"annotations":{"Key":"1","key":"2"}}"#;
        let spec = Spec::from_json(text).unwrap();
        assert_eq!(spec.hostname.as_deref(), Some("a"));
        assert!(spec.root.unwrap().readonly);
        assert_eq!(spec.hooks.unwrap().prestart[0].args, ["a"]);
        assert_eq!(spec.annotations.len(), 2);
        let linux = spec.linux.unwrap();
        assert_eq!(linux.masked_paths, [std::path::Path::new("/x")]);
        assert_eq!(linux.seccomp.unwrap().flags, ["f"]);
        assert_eq!(linux.resources.unwrap().pids.unwrap().limit, Some(3));
        let process =
            Process::from_json(br#"{"args":["a"],"Cwd":"/x","of_the_future":1}"#).unwrap();
        assert_eq!(process.cwd, std::path::Path::new("/x"));
        let resources = Resources::from_json(br#"{"memory":{"Limit":7}}"#).unwrap();
        assert_eq!(resources.memory.unwrap().limit, Some(7));
    }

    /// As runc's own tests write them.
    #[test]
    fn names_in_other_cases() {
        let text =
            br#"{"linux":{"resources":{"cpu":{"shares":5,"cpus":"1"},"CPU":{"Mems":"0","CPUS":"2"},
            "hugepageLimits":[{"pagesize":"2MB","limit":7}],"unified":{"a":"1","A":"2"}}}}"#;
        let resources = Spec::from_json(text).unwrap().linux.unwrap().resources.unwrap();
        let cpu = resources.cpu.unwrap();
        assert_eq!((cpu.shares, cpu.mems.as_deref()), (Some(5), Some("0")));
        assert_eq!(cpu.cpus.as_deref(), Some("1"), "the name as it is specified comes first");
        assert_eq!(resources.hugepage_limits[0].page_size, "2MB");
        assert_eq!(resources.unified.len(), 2, "keys are no fields");
    }
}
