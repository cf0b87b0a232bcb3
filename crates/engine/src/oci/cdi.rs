//! Devices by their names in the Container Device Interface: what a vendor's description says a container needs for one.
//! Descriptions are in JSON or YAML. Source: CNCF CDI, SPEC.md.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use spec::runtime::{Device, DeviceRule, Hook, Mount, Spec};

use crate::error::EngineError;

/// Where descriptions are, the later one counts.
pub(crate) const DIRECTORIES: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];

/// The environment of a hook whose description names none.
const HOOK_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Longest description: those of a machine with many devices have some tens of kilobytes.
const MOST_BYTES: u64 = 4 << 20;

/// What a description says of devices beside what they need.
type Annotations = std::collections::BTreeMap<String, String>;

/// The annotation of devices that BuildKit knows by one more name.
const CLASS: &str = "org.mobyproject.buildkit.device.class";
/// The annotation of devices that steps of builds may have without being allowed to.
const AUTO_ALLOW: &str = "org.mobyproject.buildkit.device.autoallow";

/// A device that a step of a build asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDevice {
    /// Its whole name: `vendor.com/class=name`.
    pub name: String,
    /// Whether its description lets every build have it.
    pub is_free: bool,
}

/// The devices that a `RUN --device` means: `vendor.com/class`, the first one of the kind; `vendor.com/class=*`, all of them;
/// `vendor.com/class=name`; or what descriptions call a class. None where no description knows it.
///
/// # Errors
/// When a description cannot be read.
pub fn step_devices(wanted: &str) -> Result<Vec<StepDevice>, EngineError> {
    Ok(chosen(&descriptions()?, wanted))
}

fn chosen(descriptions: &[Description], wanted: &str) -> Vec<StepDevice> {
    let mut all: Vec<(String, Annotations)> = Vec::new();
    // Of two descriptions of one device the later one counts.
    for description in descriptions.iter().rev() {
        for device in &description.devices {
            let name = format!("{}={}", description.kind, device.name);
            if !all.iter().any(|(known, _)| *known == name) {
                let mut annotations = description.annotations.clone();
                annotations.extend(device.annotations.clone());
                all.push((name, annotations));
            }
        }
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (kind, name) = wanted.split_once('=').unwrap_or((wanted, ""));
    let is_of_kind =
        |own: &str| own.split_once('=').is_some_and(|(own, _)| own == kind && kind.contains('/'));
    let mut found: Vec<_> = match name {
        "" => all.iter().filter(|(own, _)| is_of_kind(own)).take(1).collect(),
        "*" => all.iter().filter(|(own, _)| is_of_kind(own)).collect(),
        _ => all.iter().filter(|(own, _)| own == wanted).collect(),
    };
    if found.is_empty() {
        let has_class =
            |annotations: &Annotations| annotations.get(CLASS).is_some_and(|class| class == wanted);
        found = all.iter().filter(|(_, annotations)| has_class(annotations)).collect();
    }
    let is_free = |annotations: &Annotations| {
        matches!(annotations.get(AUTO_ALLOW).map(String::as_str), Some("true" | "1" | "t"))
    };
    found
        .into_iter()
        .map(|(name, annotations)| StepDevice { name: name.clone(), is_free: is_free(annotations) })
        .collect()
}

/// A description of the devices of one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    kind: String,
    #[serde(default)]
    annotations: Annotations,
    #[serde(default)]
    devices: Vec<Described>,
    #[serde(default)]
    container_edits: Edits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    name: String,
    #[serde(default)]
    annotations: Annotations,
    #[serde(default)]
    container_edits: Edits,
}

/// What is done to a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Edits {
    env: Vec<String>,
    device_nodes: Vec<Node>,
    mounts: Vec<Bind>,
    hooks: Vec<NamedHook>,
    additional_gids: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    path: PathBuf,
    #[serde(default)]
    host_path: Option<PathBuf>,
    #[serde(default)]
    permissions: Option<String>,
    #[serde(default)]
    file_mode: Option<u32>,
    #[serde(default)]
    uid: Option<u32>,
    #[serde(default)]
    gid: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bind {
    host_path: PathBuf,
    container_path: PathBuf,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedHook {
    hook_name: String,
    path: PathBuf,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    timeout: Option<u32>,
}

/// Whether a text is the name of such a device: `vendor.com/class=name`.
#[must_use]
pub(crate) fn is_name(text: &str) -> bool {
    let word = |text: &str, more: &[u8]| {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let last = text.bytes().next_back().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte));
        first && last && inner
    };
    text.split_once('=').is_some_and(|(kind, name)| {
        kind.split_once('/').is_some_and(|(vendor, class)| {
            word(vendor, b"_-.") && word(class, b"_-") && word(name, b"_-.:")
        })
    })
}

/// Does what the descriptions of these devices say.
pub(super) fn inject(names: &[String], spec: &mut Spec) -> Result<(), EngineError> {
    if names.is_empty() {
        return Ok(());
    }
    let descriptions = descriptions()?;
    let mut done: Vec<&str> = Vec::new();
    for name in names {
        let (kind, device) = name.split_once('=').unwrap_or((name, ""));
        let found = descriptions.iter().rev().find_map(|description| {
            let mut devices = description.devices.iter();
            let device = devices.find(|known| description.kind == kind && known.name == device)?;
            Some((description, device))
        });
        let Some((description, device)) = found else { return Err(unknown(name)) };
        // What every device of the kind needs is done once.
        if !done.contains(&kind) {
            done.push(kind);
            apply(&description.container_edits, spec)?;
        }
        apply(&device.container_edits, spec)?;
    }
    Ok(())
}

fn unknown(name: &str) -> EngineError {
    let why = format!("no description in {} knows it", DIRECTORIES.join(" or "));
    EngineError::value("device", name, why)
}

/// Every description.
fn descriptions() -> Result<Vec<Description>, EngineError> {
    let mut read = Vec::new();
    for directory in DIRECTORIES {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let is_yaml = match file.extension().and_then(OsStr::to_str) {
                Some("json") => false,
                Some("yaml" | "yml") => true,
                _ => continue,
            };
            read.push(description(&file, is_yaml)?);
        }
    }
    Ok(read)
}

fn description(path: &Path, is_yaml: bool) -> Result<Description, EngineError> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(EngineError::file("read", path))?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    let length = read.map_err(EngineError::file("read", path))?;
    let wrong = |why: String| EngineError::value("CDI file", path.display().to_string(), why);
    if u64::try_from(length).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(wrong(format!("it is longer than {MOST_BYTES} bytes")));
    }
    let no_description = |why: String| wrong(format!("it is no description of devices: {why}"));
    if is_yaml {
        spec::yaml::from_str(&text).map_err(|error| {
            let before = text.get(..error.start).unwrap_or_default();
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            no_description(format!("{error} at line {line}"))
        })
    } else {
        serde_json::from_str(&text).map_err(|error| no_description(error.to_string()))
    }
}

fn apply(edits: &Edits, spec: &mut Spec) -> Result<(), EngineError> {
    if let Some(process) = &mut spec.process {
        for variable in &edits.env {
            let name = variable.split('=').next();
            process.env.retain(|known| known.split('=').next() != name);
            process.env.push(variable.clone());
        }
        process.user.additional_gids.extend(&edits.additional_gids);
    }
    for node in &edits.device_nodes {
        add_node(node, spec)?;
    }
    spec.mounts.extend(edits.mounts.iter().map(|bind| Mount {
        destination: bind.container_path.clone(),
        kind: Some(bind.kind.clone().unwrap_or_else(|| "bind".to_owned())),
        source: Some(bind.host_path.clone()),
        options: if bind.options.is_empty() {
            vec!["rbind".to_owned(), "rprivate".to_owned()]
        } else {
            bind.options.clone()
        },
        ..Mount::default()
    }));
    for named in &edits.hooks {
        add_hook(named, spec)?;
    }
    Ok(())
}

fn add_node(node: &Node, spec: &mut Spec) -> Result<(), EngineError> {
    let host = node.host_path.as_ref().unwrap_or(&node.path);
    let wrong = |why: String| EngineError::value("device", host.display().to_string(), why);
    let about = std::fs::metadata(host)
        .map_err(|error| wrong(format!("there is no such device ({})", sys::Errno::from(error))))?;
    let found = super::devices::device(&about, &node.path);
    let found = found.ok_or_else(|| wrong("it is no device".to_owned()))?;
    let Some(linux) = &mut spec.linux else { return Ok(()) };
    let rule = DeviceRule {
        allow: true,
        kind: Some(found.kind.clone()),
        major: Some(found.major.into()),
        minor: Some(found.minor.into()),
        access: Some(node.permissions.clone().unwrap_or_else(|| "rwm".to_owned())),
    };
    linux.resources.get_or_insert_default().devices.push(rule);
    linux.devices.retain(|device| device.path != node.path);
    linux.devices.push(Device {
        file_mode: node.file_mode.or(found.file_mode),
        uid: node.uid.or(found.uid),
        gid: node.gid.or(found.gid),
        ..found
    });
    Ok(())
}

fn add_hook(named: &NamedHook, spec: &mut Spec) -> Result<(), EngineError> {
    let hooks = spec.hooks.get_or_insert_default();
    let list = match named.hook_name.as_str() {
        "prestart" => &mut hooks.prestart,
        "createRuntime" => &mut hooks.create_runtime,
        "createContainer" => &mut hooks.create_container,
        "startContainer" => &mut hooks.start_container,
        late @ ("poststart" | "poststop") => {
            return Err(EngineError::NotYet(format!("{late} hooks of CDI descriptions")));
        }
        other => return Err(EngineError::value("CDI hook", other, "there is none of that name")),
    };
    // One that names no environment would have the container's, so that of its image: CVE-2025-23266.
    let mut env = named.env.clone();
    if env.is_empty() {
        env.push(HOOK_PATH.to_owned());
    }
    let timeout = named.timeout;
    list.push(Hook { path: named.path.clone(), args: named.args.clone(), env, timeout });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        for name in ["nvidia.com/gpu=all", "vendor.com/net-card=a:1.0", "v/c=0"] {
            assert!(is_name(name), "{name}");
        }
        for bad in ["/dev/fuse", "nvidia.com/gpu", "a=b", "/c=x", "v/=x", "v/c=", "v/c=/x"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn steps_of_builds_choose_by_name_kind_and_class() {
        let text = r#"{"cdiVersion": "0.6.0", "kind": "vendor1.com/device", "devices": [
            {"name": "foo", "containerEdits": {}}, {"name": "bar", "annotations": {"org.mobyproject.buildkit.device.class": "class1"},
             "containerEdits": {}}, {"name": "baz", "annotations": {"org.mobyproject.buildkit.device.class": "class1",
             "org.mobyproject.buildkit.device.autoallow": "true"}, "containerEdits": {}}]}"#;
        let description: Description = serde_json::from_str(text).unwrap();
        let names = |wanted: &str| {
            let found = chosen(std::slice::from_ref(&description), wanted);
            let name = |device: &StepDevice| {
                let name = device.name.trim_start_matches("vendor1.com/device=");
                format!("{name}{}", if device.is_free { "!" } else { "" })
            };
            found.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        for (wanted, expected) in [
            ("vendor1.com/device=foo", "foo"),
            ("vendor1.com/device", "bar"),
            ("vendor1.com/device=*", "bar baz! foo"),
            ("class1", "bar baz!"),
            ("class2", ""),
            ("vendor2.com/device=*", ""),
            ("vendor1.com/device=none", ""),
        ] {
            assert_eq!(names(wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn what_a_description_says_is_done() {
        let text = r#"{"cdiVersion": "0.6.0", "kind": "example.org/null", "containerEdits": {"env": ["A=1"]}, "devices": [
            {"name": "one", "containerEdits": {"deviceNodes": [{"path": "/dev/nothing", "hostPath": "/dev/null", "permissions": "rw"}],
             "mounts": [{"hostPath": "/srv", "containerPath": "/data", "options": ["ro", "bind"]}],
             "hooks": [{"hookName": "createContainer", "path": "/bin/true"}]}}]}"#;
        let description: Description = serde_json::from_str(text).unwrap();
        let mut spec = Spec {
            process: Some(spec::runtime::Process::default()),
            linux: Some(spec::runtime::Linux::default()),
            ..Spec::default()
        };
        apply(&description.container_edits, &mut spec).unwrap();
        apply(&description.devices[0].container_edits, &mut spec).unwrap();
        let linux = spec.linux.unwrap();
        assert_eq!(linux.devices[0].path, Path::new("/dev/nothing"));
        assert_eq!((linux.devices[0].major, linux.devices[0].minor), (1, 3));
        assert_eq!(linux.resources.unwrap().devices[0].access.as_deref(), Some("rw"));
        assert_eq!(spec.process.unwrap().env, ["A=1"]);
        assert_eq!(spec.mounts[0].options, ["ro", "bind"]);
        let hooks = spec.hooks.unwrap().create_container;
        assert_eq!((hooks.len(), hooks[0].env.as_slice()), (1, &[HOOK_PATH.to_owned()][..]));
    }
}
