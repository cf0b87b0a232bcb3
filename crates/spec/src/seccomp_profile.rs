//! Docker's form of a system call filter: the OCI form with conditions on capabilities, architecture and kernel.
//!
//! [`SeccompProfile`] is such a document, parsed and free of contradictions; [`SeccompProfile::resolve`] makes the OCI form of it
//! for one container on one machine. Every OCI profile is one of Docker's too. Unknown keys are refused: a condition that is
//! passed over would allow too much. Sources: Docker's "Seccomp security profiles", moby/profiles `seccomp/seccomp.go`,
//! config-linux.md "Seccomp".

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg, SyscallRule};

/// A profile whose rules may have conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeccompProfile(RawProfile);

/// What conditions are about.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The container's bounding set, `CAP_…`.
    pub capabilities: &'a [String],
    /// The machine's architecture, `SCMP_ARCH_…`.
    pub architecture: &'a str,
    /// The running kernel.
    pub kernel: KernelVersion,
}

/// The two numbers of a kernel that conditions know: 6 and 18 of `6.18.3-1-amd64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelVersion {
    version: u32,
    patchlevel: u32,
}

/// Why a text is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is no such document.
    #[error("read the document")]
    Document(#[source] serde_json::Error),
    /// Two lists of architectures.
    #[error("it has both \"architectures\" and \"archMap\"")]
    TwoArchitectureLists,
    /// A rule with two lists of system calls.
    #[error("syscalls[{index}] has both \"name\" and \"names\"")]
    TwoNameLists {
        /// Its place, from 0.
        index: usize,
    },
    /// A rule for nothing.
    #[error("syscalls[{index}] names no system call")]
    Nameless {
        /// Its place, from 0.
        index: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawProfile {
    default_action: SeccompAction,
    default_errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    architectures: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    arch_map: Vec<Family>,
    #[serde(default, deserialize_with = "nullable")]
    flags: Vec<String>,
    listener_path: Option<PathBuf>,
    listener_metadata: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    syscalls: Vec<Rule>,
}

/// An architecture, and those whose programs its kernel runs too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Family {
    architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    sub_architectures: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    /// The old form of `names`.
    name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    names: Vec<String>,
    action: SeccompAction,
    errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<Comparison>,
    /// For people only, but of the right type.
    #[serde(rename = "comment")]
    _comment: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    includes: Conditions,
    #[serde(default, deserialize_with = "nullable")]
    excludes: Conditions,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comparison {
    index: u32,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: SeccompOperator,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Conditions {
    #[serde(default, deserialize_with = "nullable")]
    caps: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    arches: Vec<String>,
    #[serde(default, deserialize_with = "minimum")]
    min_kernel: Option<KernelVersion>,
}

/// Docker's names, which are mostly Go's. `x32` is never the machine's own.
#[rustfmt::skip]
const DOCKERS_NAMES: &[(&str, &str)] = &[
    ("SCMP_ARCH_X86", "x86"), ("SCMP_ARCH_X86_64", "amd64"), ("SCMP_ARCH_ARM", "arm"), ("SCMP_ARCH_AARCH64", "arm64"),
    ("SCMP_ARCH_LOONGARCH64", "loongarch64"), ("SCMP_ARCH_MIPS64", "mips64"), ("SCMP_ARCH_MIPS64N32", "mips64n32"),
    ("SCMP_ARCH_MIPSEL64", "mipsel64"), ("SCMP_ARCH_MIPSEL64N32", "mips3l64n32"), ("SCMP_ARCH_MIPSEL", "mipsel"),
    ("SCMP_ARCH_PPC", "ppc"), ("SCMP_ARCH_PPC64", "ppc64"), ("SCMP_ARCH_PPC64LE", "ppc64le"),
    ("SCMP_ARCH_RISCV64", "riscv64"), ("SCMP_ARCH_S390", "s390"), ("SCMP_ARCH_S390X", "s390x"),
];

impl FromStr for SeccompProfile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let raw: RawProfile = serde_json::from_str(text).map_err(ProfileError::Document)?;
        if !raw.architectures.is_empty() && !raw.arch_map.is_empty() {
            return Err(ProfileError::TwoArchitectureLists);
        }
        for (index, rule) in raw.syscalls.iter().enumerate() {
            match (&rule.name, rule.names.is_empty()) {
                (Some(_), false) => return Err(ProfileError::TwoNameLists { index }),
                (None, true) => return Err(ProfileError::Nameless { index }),
                (Some(_), true) | (None, false) => {}
            }
        }
        Ok(Self(raw))
    }
}

impl SeccompProfile {
    /// The OCI form for a container: rules whose conditions do not hold are left out.
    #[must_use]
    pub fn resolve(&self, circumstances: &Circumstances<'_>) -> Seccomp {
        let raw = &self.0;
        let family =
            raw.arch_map.iter().find(|family| family.architecture == circumstances.architecture);
        let mapped = family.into_iter().flat_map(|family| {
            std::iter::once(&family.architecture).chain(&family.sub_architectures)
        });
        Seccomp {
            default_action: raw.default_action,
            default_errno_ret: raw.default_errno_ret,
            architectures: raw.architectures.iter().chain(mapped).cloned().collect(),
            flags: raw.flags.clone(),
            listener_path: raw.listener_path.clone(),
            listener_metadata: raw.listener_metadata.clone(),
            syscalls: raw
                .syscalls
                .iter()
                .filter(|rule| rule.applies(circumstances))
                .map(Rule::resolved)
                .collect(),
        }
    }
}

impl Rule {
    /// Every condition to include must hold, and none to exclude.
    fn applies(&self, circumstances: &Circumstances<'_>) -> bool {
        let Circumstances { capabilities, kernel, .. } = circumstances;
        let machine = circumstances.dockers_name();
        let is_machine = |name: &String| Some(name.as_str()) == machine;
        let Conditions { caps, arches, min_kernel } = &self.includes;
        let included = caps.iter().all(|name| capabilities.contains(name))
            && (arches.is_empty() || arches.iter().any(is_machine))
            && min_kernel.is_none_or(|least| *kernel >= least);
        let Conditions { caps, arches, min_kernel } = &self.excludes;
        let excluded = caps.iter().any(|name| capabilities.contains(name))
            || arches.iter().any(is_machine)
            || min_kernel.is_some_and(|least| *kernel >= least);
        included && !excluded
    }

    fn resolved(&self) -> SyscallRule {
        let argument = |arg: &Comparison| SyscallArg {
            index: arg.index,
            value: arg.value,
            value_two: arg.value_two,
            op: arg.op,
        };
        SyscallRule {
            names: self.name.iter().chain(&self.names).cloned().collect(),
            action: self.action,
            errno_ret: self.errno_ret,
            args: self.args.iter().map(argument).collect(),
        }
    }
}

impl Circumstances<'_> {
    fn dockers_name(&self) -> Option<&'static str> {
        DOCKERS_NAMES
            .iter()
            .find(|(name, _)| *name == self.architecture)
            .map(|(_, dockers)| *dockers)
    }
}

impl KernelVersion {
    /// Of a release as uname(2) tells it; what follows the second number is passed over.
    #[must_use]
    pub fn of_release(release: &str) -> Option<Self> {
        let (version, rest) = release.split_once('.')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Self { version: version.parse().ok()?, patchlevel: rest[..end].parse().ok()? })
    }

    /// Of a condition: two numbers and nothing else, as Docker demands.
    fn of_condition(text: &str) -> Option<Self> {
        let (version, patchlevel) = text.split_once('.')?;
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u8>().ok().filter(|_| digits).map(u32::from)
        };
        let version = Self { version: number(version)?, patchlevel: number(patchlevel)? };
        (version > Self { version: 0, patchlevel: 0 }).then_some(version)
    }
}

/// Go writes an empty list as `null`.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn minimum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KernelVersion>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    KernelVersion::of_condition(&text).map(Some).ok_or_else(|| {
        serde::de::Error::custom(format_args!("{text:?} is no kernel version like \"4.8\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One rule under each condition, in the shape of Docker's own profile.
    const PROFILE: &str = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "archMap": [
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
            {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}
        ],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
            {"name": "close", "action": "SCMP_ACT_ALLOW", "args": []},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["old"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4.8"}},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["both"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
             "comment": "elsewhere the order of arguments differs",
             "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
            {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
            {"names": ["set_tls"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}}
        ]}"#;

    fn resolved(capabilities: &[&str], architecture: &str, release: &str) -> Seccomp {
        let capabilities: Vec<_> = capabilities.iter().map(|&name| name.to_owned()).collect();
        PROFILE.parse::<SeccompProfile>().unwrap().resolve(&Circumstances {
            capabilities: &capabilities,
            architecture,
            kernel: KernelVersion::of_release(release).unwrap(),
        })
    }

    fn names(profile: &Seccomp) -> String {
        profile.syscalls.iter().flat_map(|rule| rule.names.clone()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_decide_which_rules_there_are() {
        let plain = resolved(&[], "SCMP_ARCH_X86_64", "6.18.3-1-amd64");
        assert_eq!(names(&plain), "read write close ptrace clone3 clone arch_prctl");
        assert_eq!((plain.default_errno_ret, plain.syscalls[3].errno_ret), (Some(38), Some(38)));
        assert_eq!(plain.syscalls[4].args[0].value, 0x7e02_0000);
        assert_eq!(plain.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
        let admin = resolved(&["CAP_SYS_ADMIN"], "SCMP_ARCH_X86_64", "4.8");
        assert_eq!(names(&admin), "read write close ptrace mount arch_prctl");
        let both = resolved(&["CAP_BPF", "CAP_SYS_ADMIN"], "SCMP_ARCH_AARCH64", "4.7.9-rc5");
        assert_eq!(names(&both), "read write close old mount both set_tls");
        assert_eq!(both.architectures, ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
        assert_eq!(resolved(&[], "SCMP_ARCH_RISCV64", "6.1").architectures, ["SCMP_ARCH_RISCV64"]);
        let mainframe = resolved(&[], "SCMP_ARCH_S390X", "10.0");
        assert_eq!(names(&mainframe), "read write close ptrace clone3");
        assert!(mainframe.architectures.is_empty());
    }

    #[test]
    fn an_oci_profile_stays_as_it_is() {
        let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"flags":["SECCOMP_FILTER_FLAG_LOG"],
            "listenerPath":"/run/l","listenerMetadata":"m",
            "syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}"#;
        let expected: Seccomp = serde_json::from_str(text).unwrap();
        let circumstances = Circumstances {
            capabilities: &[],
            architecture: "SCMP_ARCH_X86_64",
            kernel: KernelVersion::of_release("6.1").unwrap(),
        };
        let profile: SeccompProfile = text.parse().unwrap();
        assert_eq!(profile.resolve(&circumstances), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, word) in [
            ("\"caps\": [\"CAP_SYS_ADMIN\"]", "\"capz\": [\"CAP_SYS_ADMIN\"]", "capz"),
            ("\"includes\": {\"min", "\"include\": {\"min", "include"),
            ("\"defaultErrnoRet\"", "\"defaultErrno\"", "defaultErrno"),
            ("\"valueTwo\"", "\"value2\"", "value2"),
            ("\"subArchitectures\"", "\"subs\"", "subs"),
            ("\"4.8\"", "\"4.8.1\"", "4.8.1"),
            ("\"4.8\"", "\"+4.8\"", "+4.8"),
            ("\"4.8\"", "\"0.0\"", "0.0"),
            ("\"name\": \"close\"", "\"name\": \"close\", \"names\": [\"open\"]", "syscalls[1]"),
            ("\"name\": \"close\", ", "", "syscalls[1]"),
            ("\"archMap\"", "\"architectures\": [\"SCMP_ARCH_X86\"], \"archMap\"", "archMap"),
        ] {
            let text = PROFILE.replacen(from, to, 1);
            assert_ne!(text, PROFILE, "{from}");
            let error = text.parse::<SeccompProfile>().unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let words = cause.unwrap_or_else(|| error.to_string());
            assert!(words.contains(word), "{to}: {words}");
        }
    }

    #[test]
    fn releases_are_read_as_far_as_needed() {
        let of = |release| KernelVersion::of_release(release).map(|v| (v.version, v.patchlevel));
        assert_eq!(of("6.18.3-1-amd64"), Some((6, 18)));
        assert_eq!(of("3.12-rc5"), Some((3, 12)));
        assert_eq!(of("3.10"), Some((3, 10)));
        assert_eq!((of("6"), of("x.1"), of("6.x")), (None, None, None));
        assert!(KernelVersion::of_release("4.10") > KernelVersion::of_release("4.8"));
    }
}
