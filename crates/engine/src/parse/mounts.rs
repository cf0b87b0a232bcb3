//! Mounts as people write them: `-v`, `--mount`, `--tmpfs`, and the options of volumes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::id_ranges::id_ranges;
use super::{Parsed, bytes};
use crate::config::{Below, MountConfig, MountSource};
use crate::error::EngineError;

/// How mounts below a bind mount are shared. mount_namespaces(7), "SHARED SUBTREES".
pub(super) const PROPAGATIONS: [&str; 6] =
    ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/// `-v [SOURCE:]TARGET[:OPTIONS]`.
///
/// # Errors
/// When the target is not absolute, or an option is unknown.
pub fn volume(text: &str) -> Parsed<MountConfig> {
    let wrong = |why: &str| EngineError::value("volume", text, why);
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(wrong("it has more than three parts")),
    };
    let target = absolute("volume", text, target)?;
    let mut mount = MountConfig::new(volume_source(text, source)?, target);
    let mut mode = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "rro" | "rw" if mode.replace(option).is_some_and(|before| before != option) => {
                return Err(wrong("it is both ro and rw"));
            }
            "ro" | "rro" => mount.read_only = true,
            "rw" => mount.read_only = false,
            "nocopy" => {
                if let MountSource::Volume { copy, .. } = &mut mount.source {
                    *copy = false;
                }
            }
            "U" => mount.give = true,
            "idmap" => mount.id_mapped = true,
            option if PROPAGATIONS.contains(&option) => mount.options.push(option.to_owned()),
            "z" | "Z" => relabel(&mut mount, option == "Z"),
            option if option.starts_with("idmap=") => {
                let ranges = id_ranges(&option["idmap=".len()..]).map_err(|why| wrong(&why))?;
                (mount.id_mapped, mount.id_ranges) = (true, Some(ranges));
            }
            // A word of another system.
            "consistent" | "cached" | "delegated" => {}
            _ => return Err(wrong(&format!("option {option:?} is unknown"))),
        }
    }
    check(&mount).map_err(wrong)?;
    Ok(mount)
}

fn relabel(mount: &mut MountConfig, private: bool) {
    (mount.relabel, mount.relabel_private) = (true, private);
}

fn volume_source(text: &str, source: Option<&str>) -> Parsed<MountSource> {
    match source {
        None => Ok(MountSource::volume("", true)),
        Some(path) if path.starts_with('/') => {
            Ok(MountSource::Bind { path: path.into(), create: true })
        }
        Some(name) => Ok(MountSource::volume(volume_name(text, name)?, true)),
    }
}

/// Docker's rule for names of volumes.
pub(super) fn volume_name<'n>(text: &str, name: &'n str) -> Parsed<&'n str> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if first && rest && (2..=255).contains(&name.len()) {
        return Ok(name);
    }
    Err(EngineError::value(
        "volume",
        text,
        "the source is neither an absolute path nor a volume name of [a-zA-Z0-9][a-zA-Z0-9_.-]",
    ))
}

pub(super) fn absolute(what: &'static str, text: &str, path: &str) -> Parsed<PathBuf> {
    if !path.starts_with('/') {
        return Err(EngineError::value(what, text, format!("the target {path:?} is not absolute")));
    }
    if Path::new(path).components().any(|part| part == std::path::Component::ParentDir) {
        return Err(EngineError::value(what, text, format!("the target {path:?} holds \"..\"")));
    }
    if Path::new(path) == Path::new("/") {
        return Err(EngineError::value(what, text, "the target is the root itself"));
    }
    Ok(path.into())
}

/// What `--mount` has said so far.
struct Fields<'t> {
    kind: &'t str,
    source: Option<&'t str>,
    target: Option<&'t str>,
    mount: MountConfig,
    copy: bool,
    create: bool,
    labels: BTreeMap<String, String>,
    driver_options: BTreeMap<String, String>,
    /// Types that the keys are of, which were given.
    of: Vec<(&'static str, &'t str)>,
}

/// `--mount type=…,source=…,target=…`: fields of CSV, so that one with a comma stands in quotes.
///
/// # Errors
/// When a key is unknown or missing.
pub fn mount(text: &str) -> Parsed<MountConfig> {
    let wrong = |why: String| EngineError::value("mount", text, why);
    let texts = csv(text).ok_or_else(|| wrong("a quote is not closed".to_owned()))?;
    let mut fields = Fields {
        kind: "volume",
        source: None,
        target: None,
        mount: MountConfig::new(MountSource::Tmpfs, PathBuf::new()),
        copy: true,
        create: false,
        labels: BTreeMap::new(),
        driver_options: BTreeMap::new(),
        of: Vec::new(),
    };
    for field in &texts {
        fields.take(field).map_err(wrong)?;
    }
    for (kind, key) in &fields.of {
        if *kind != fields.kind {
            return Err(wrong(format!("{key} is for a mount of type {kind}")));
        }
    }
    let target = fields.target.ok_or_else(|| wrong("it has no target".to_owned()))?;
    let mut mount = fields.mount;
    mount.is_written_out = true;
    mount.target = absolute("mount", text, target)?;
    let (copy, create) = (fields.copy, fields.create);
    mount.source = match (fields.kind, fields.source) {
        ("bind", Some(path)) if path.starts_with('/') => {
            MountSource::Bind { path: path.into(), create }
        }
        ("bind", _) => return Err(wrong("a bind needs an absolute source".to_owned())),
        ("volume", name) => {
            let name = name.map(|name| volume_name(text, name)).transpose()?.unwrap_or_default();
            let (labels, driver_options) = (fields.labels, fields.driver_options);
            let anonymous = name.is_empty();
            MountSource::Volume { name: name.to_owned(), anonymous, copy, labels, driver_options }
        }
        ("image", Some(name)) => {
            mount.read_only = true;
            MountSource::Image { name: name.to_owned(), id: String::new(), layers: Vec::new() }
        }
        ("image", None) => return Err(wrong("an image needs a source".to_owned())),
        ("tmpfs", None) => MountSource::Tmpfs,
        ("tmpfs", Some(_)) => return Err(wrong("a tmpfs has no source".to_owned())),
        (kind, _) => return Err(EngineError::NotYet(format!("a mount of type {kind}"))),
    };
    check(&mount).map_err(|why| wrong(why.to_owned()))?;
    Ok(mount)
}

impl<'t> Fields<'t> {
    fn take(&mut self, field: &'t str) -> Result<(), String> {
        let (key, value) =
            field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
        let lower = key.to_ascii_lowercase();
        for kind in ["bind", "volume", "tmpfs", "image"] {
            if lower.starts_with(kind) && lower != kind {
                self.of.push((kind, key));
            }
        }
        let flag = || switch(field, value);
        let pair = |value: &str| {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            (name.to_owned(), value.to_owned())
        };
        match (lower.as_str(), value) {
            ("type", Some(value)) => self.kind = value,
            ("source" | "src", Some(value)) => self.source = Some(value),
            ("target" | "dst" | "destination", Some(value)) => self.target = Some(value),
            ("readonly" | "ro", _) => self.mount.read_only = flag()?,
            ("volume-nocopy", _) => self.copy = !flag()?,
            ("volume-subpath" | "image-subpath", Some(value)) => {
                self.mount.subpath =
                    relative(value).ok_or_else(|| format!("{field:?} leads out"))?;
            }
            ("volume-label", Some(value)) => self.labels.extend([pair(value)]),
            ("volume-opt", Some(value)) => self.driver_options.extend([pair(value)]),
            ("volume-driver", Some("local" | "")) | ("consistency", Some(_)) => {}
            ("volume-driver", Some(other)) => {
                return Err(format!("there is no driver {other:?}, only local"));
            }
            ("bind-propagation", Some(value)) if PROPAGATIONS.contains(&value) => {
                self.mount.options.push(value.to_owned());
            }
            ("bind-propagation", Some(_)) => {
                return Err(format!("{field:?} is not one of {}", PROPAGATIONS.join(", ")));
            }
            ("bind-recursive", Some(value)) => self.below(value)?,
            ("bind-nonrecursive", _) => {
                self.mount.below = if flag()? { Below::Left } else { Below::Included };
            }
            ("bind-create-src", _) => self.create = flag()?,
            ("tmpfs-size", Some(value)) => {
                let bytes = bytes("mount", value).map_err(|error| error.to_string())?;
                self.mount.options.push(format!("size={bytes}"));
            }
            ("tmpfs-mode", Some(value)) => self.mount.options.push(format!("mode={value}")),
            ("tmpfs-options", Some(value)) => {
                self.mount.options.extend(value.split(',').map(str::to_owned));
            }
            _ => self.take_of_podman(field, (key, value))?,
        }
        Ok(())
    }

    /// What Docker does not have.
    fn take_of_podman(
        &mut self,
        field: &str,
        (key, value): (&str, Option<&str>),
    ) -> Result<(), String> {
        // Two of them differ in nothing but this.
        let lower = if key == "Z" { key.to_owned() } else { key.to_ascii_lowercase() };
        match (lower.as_str(), value) {
            ("idmap", Some(ranges)) if ranges.contains('=') => {
                let ranges = id_ranges(ranges)?;
                (self.mount.id_mapped, self.mount.id_ranges) = (true, Some(ranges));
            }
            ("idmap", _) => self.mount.id_mapped = switch(field, value)?,
            ("u" | "chown", _) => self.mount.give = switch(field, value)?,
            ("relabel", Some("shared")) | ("z", None) => relabel(&mut self.mount, false),
            ("relabel", Some("private")) | ("Z", None) => relabel(&mut self.mount, true),
            ("relabel", Some(_)) => {
                return Err(format!("{field:?} is neither shared nor private"));
            }
            _ => return Err(format!("{field:?} is unknown or has no value")),
        }
        Ok(())
    }

    fn below(&mut self, word: &str) -> Result<(), String> {
        self.mount.below = match word {
            "enabled" | "true" | "1" => Below::Included,
            "disabled" | "false" | "0" => Below::Left,
            "writable" => Below::Writable,
            // It is so anyway; the word demands that the rest fits.
            "readonly" => {
                self.of.push(("bind", "bind-recursive"));
                Below::Included
            }
            _ => {
                return Err(
                    "bind-recursive is not one of enabled, disabled, writable, readonly".to_owned()
                );
            }
        };
        Ok(())
    }
}

fn switch(field: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(format!("{field:?} is neither true nor false")),
    }
}

/// What a mount of its kind cannot have.
pub(super) fn check(mount: &MountConfig) -> Result<(), &'static str> {
    let of_files = matches!(mount.source, MountSource::Bind { .. } | MountSource::Volume { .. });
    if mount.id_mapped && !of_files {
        return Err("only a bind and a volume can be id-mapped");
    }
    if mount.relabel && !of_files {
        return Err("only a bind and a volume can be labelled");
    }
    if mount.give && (!of_files || mount.read_only) {
        return Err("only a writable bind or volume can be given to the container's user");
    }
    Ok(())
}

/// A path below something; nothing where it leads out or stays where it is.
pub(super) fn relative(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let inside = !text.starts_with('/') && !parts.is_empty() && !parts.contains(&"..");
    inside.then(|| parts.join("/"))
}

/// The fields of a line of CSV (RFC 4180); nothing where a quote is not closed.
pub(super) fn csv(text: &str) -> Option<Vec<String>> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                fields.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut()?.push(letter),
        }
    }
    (!quoted).then_some(fields)
}

/// `--tmpfs TARGET[:OPTIONS]`.
///
/// # Errors
/// When the target is not absolute.
pub fn tmpfs(text: &str) -> Parsed<MountConfig> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let options =
        options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect();
    let target = absolute("tmpfs", text, target)?;
    Ok(MountConfig { options, ..MountConfig::new(MountSource::Tmpfs, target) })
}

/// The options of a volume: `size`, or `type`, `device` and `o`, as mount(8) takes them.
///
/// # Errors
/// For another one, or where one is missing that the others need.
pub fn volume_options<'t>(
    texts: impl Iterator<Item = &'t str>,
) -> Parsed<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for text in texts {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        options.insert(name.to_owned(), value.to_owned());
    }
    check_names(options.keys())?;
    check_options(&options)?;
    Ok(options)
}

pub(super) fn check_names<'t>(mut names: impl Iterator<Item = &'t String>) -> Parsed<()> {
    let is_known = |name: &str| matches!(name, "type" | "device" | "o" | "size");
    match names.find(|name| !is_known(name)) {
        Some(name) => {
            let why = "it is not one of type, device, o, size";
            Err(EngineError::value("volume option", name, why))
        }
        None => Ok(()),
    }
}

pub(crate) fn check_options(options: &BTreeMap<String, String>) -> Parsed<()> {
    if let Some(size) = options.get("size") {
        bytes("volume size", size)?;
        let kind = options.get("type").map_or("", String::as_str);
        if !matches!(kind, "" | "tmpfs") {
            let why = format!("what is mounted as {kind} has the size that it has");
            return Err(EngineError::value("volume size", size.clone(), why));
        }
    }
    if options.keys().all(|name| name == "size") {
        return Ok(());
    }
    for needed in ["type", "device"] {
        if options.get(needed).is_none_or(String::is_empty) {
            return Err(EngineError::value(
                "volume option",
                needed,
                "it is missing, and the others need it",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_quotes() {
        let parsed = mount("type=tmpfs,target=/t,\"tmpfs-options=noexec,mode=700\"").unwrap();
        assert_eq!(parsed.options, ["noexec", "mode=700"]);
        let parsed =
            mount("type=volume,src=data,dst=/d,volume-subpath=./a//b,volume-label=x=y").unwrap();
        assert_eq!(parsed.subpath, "a/b");
        for bad in [
            "type=volume,src=data,dst=/d,volume-subpath=../x",
            "type=volume,src=data,dst=/d,volume-subpath=/x",
            "type=bind,src=/d,dst=/d,volume-nocopy",
            "type=image,dst=/d",
            "type=bind,src=/d,dst=/d,bind-recursive=maybe",
            "type=tmpfs,dst=/d,idmap",
            "type=tmpfs,\"dst=/d",
        ] {
            assert!(mount(bad).is_err(), "{bad}");
        }
        assert!(volume("/a:/b:U,idmap").is_ok() && volume("/a:/b:U,ro").is_err());
        for ranges in [
            volume("/a:/b:ro,idmap=uids=@0-1000-10;gids=0-1000-10").unwrap(),
            mount("type=bind,src=/a,dst=/b,idmap=uids=@0-1000-10;gids=0-1000-10").unwrap(),
        ] {
            let text = ranges.id_ranges.map(|ranges| ranges.to_string());
            assert_eq!(text.as_deref(), Some("uids=@0-1000-10;gids=0-1000-10"));
        }
        for (text, word) in [
            ("type=bind,src=/a,dst=/b,relabel=shared", "shared"),
            ("type=bind,src=/a,dst=/b,relabel=private", "private"),
            ("type=bind,src=/a,dst=/b,z", "shared"),
            ("type=bind,src=/a,dst=/b,Z", "private"),
        ] {
            assert_eq!(mount(text).unwrap().relabel_word(), word);
        }
        assert_eq!(volume("/a:/b:Z").unwrap().relabel_word(), "private");
        assert!(mount("type=bind,src=/a,dst=/b,relabel=all").is_err());
        assert!(mount("type=tmpfs,dst=/b,z").is_err());
    }

    #[test]
    fn volumes() {
        let parsed = volume("/a:/b:ro,rslave").unwrap();
        assert_eq!((parsed.read_only, parsed.options), (true, vec!["rslave".to_owned()]));
        assert!(matches!(
            volume("data:/b").unwrap().source,
            MountSource::Volume { anonymous: false, .. }
        ));
        assert!(matches!(
            volume("/b").unwrap().source,
            MountSource::Volume { anonymous: true, .. }
        ));
        for bad in ["a", "a:b", "/a:/b:what", "x/y:/b", "/a:/", ":/b", "/a:/b:ro:rw"] {
            assert!(volume(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mounts() {
        let parsed = mount("type=bind,src=/a,dst=/b,readonly").unwrap();
        assert!(
            parsed.read_only && matches!(parsed.source, MountSource::Bind { create: false, .. })
        );
        assert_eq!(
            mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").unwrap().options,
            ["size=1048576", "mode=700"]
        );
        for bad in [
            "type=bind,target=/b",
            "type=volume",
            "what=1,target=/b",
            "type=npipe,target=/b,source=x",
        ] {
            assert!(mount(bad).is_err(), "{bad}");
        }
    }
}
