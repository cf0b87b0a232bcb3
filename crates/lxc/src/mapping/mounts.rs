//! What is mounted into a container's root: `lxc.mount.entry` and the file of `lxc.mount.fstab`, what LXC mounts by itself, and `/dev`.
//!
//! What is bound is bound by the engine; any other file system is a volume without a name, which the engine mounts inside. What a mount
//! goes to is made where it is missing, whether `create=` says so or not.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use engine::config::{Access, Below, KernelAccess, MountConfig, MountSource};

use crate::config::item::Value as _;
use crate::config::mounts::{
    Access as AutoAccess, CgroupKind, IdMapSource, MountEntry, MountOptions,
};

use super::Draft;

const ENTRY: &str = "lxc.mount.entry";
const FSTAB: &str = "lxc.mount.fstab";
/// Bytes of a file of mounts.
const MOST_FSTAB_BYTES: usize = 1 << 20;
/// What a mount of these over a file hides.
const NOTHING: &str = "dev/null";

/// A process that trusts `/proc` must find the kernel's (CVE-2019-16884).
const BELOW_PROC: &str = "nothing is mounted over a part of /proc";

/// Options of file systems in memory that the engine adds unless the opposite is said, each with its opposite.
const CAUTIONS: [(&str, &str); 3] = [("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec")];

pub(super) fn map(draft: &mut Draft<'_>) {
    automatic(draft);
    let config = draft.config;
    for entry in fstab(draft) {
        add(draft, FSTAB, &entry);
    }
    for entry in &config.mounts.entries {
        add(draft, ENTRY, entry);
    }
    if config.mounts.devices.is_some_and(|switch| !switch.0) {
        let why = "every container has a /dev of its own, not the one of its root";
        draft.refuse("lxc.autodev", why);
    }
    if let Some(bytes) = config.mounts.devices_bytes.filter(|bytes| *bytes != 0) {
        let options = ["mode=755".to_owned(), format!("size={bytes}")];
        let options = allowing(options.into_iter().chain(["nosuid".to_owned()]).collect());
        let mount = MountConfig::new(MountSource::Tmpfs, "/dev".into());
        draft.engine.mounts.push(MountConfig { options, ..mount });
    }
}

fn automatic(draft: &mut Draft<'_>) {
    let automatic = &draft.config.mounts.automatic;
    // A container that mounts /proc itself has all of it.
    draft.engine.security.unmasked_paths = automatic.proc != Some(AutoAccess::Mixed);
    // Without a word the container's init mounts them, with all of its rights there.
    let sys = automatic.sys.map(|access| match access {
        // What of it is the container's own, its interfaces' settings, cannot be told from the rest.
        AutoAccess::ReadOnly | AutoAccess::Mixed => Access::ReadOnly,
        AutoAccess::Writable => Access::Writable,
    });
    let access = automatic.cgroup.and_then(|own| own.access);
    let groups = match access {
        Some(AutoAccess::ReadOnly) => Access::ReadOnly,
        // Its own group is all that it sees.
        Some(AutoAccess::Mixed | AutoAccess::Writable) | None => Access::Writable,
    };
    draft.engine.kernel_access = KernelAccess { sys, groups: Some(groups) };
    if automatic.cgroup.is_some_and(|own| own.kind == CgroupKind::Full) {
        draft.tell("lxc.mount.auto", "of the hierarchies a container sees its own groups");
    }
    let Some(shared) = &automatic.shared else { return };
    let (host, inside) = (PathBuf::from(&shared.host), PathBuf::from(&shared.inside));
    if !host.is_absolute() || !inside.is_absolute() {
        draft.refuse("lxc.mount.auto", "the directories of shmounts: are absolute");
        return;
    }
    let source = MountSource::Bind { path: host, create: true };
    let mount = MountConfig::new(source, inside);
    draft.engine.mounts.push(MountConfig { options: vec!["rslave".to_owned()], ..mount });
}

fn fstab(draft: &mut Draft<'_>) -> Vec<MountEntry> {
    let Some(path) = &draft.config.mounts.fstab else { return Vec::new() };
    let text = match draft.around.fstab {
        Some(text) if text.len() <= MOST_FSTAB_BYTES => text,
        Some(_) => {
            draft.refuse(
                FSTAB,
                format!("{} has more than {MOST_FSTAB_BYTES} bytes", path.display()),
            );
            return Vec::new();
        }
        None => {
            draft.refuse(FSTAB, format!("{} was not read", path.display()));
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match MountEntry::read(line) {
            Ok(entry) => entries.push(entry),
            Err(bad) => draft.refuse(FSTAB, format!("{}:{}: {bad}", path.display(), number + 1)),
        }
    }
    entries
}

fn add(draft: &mut Draft<'_>, key: &str, entry: &MountEntry) {
    match of_entry(draft, entry) {
        Ok(Some(mount)) => draft.engine.mounts.push(mount),
        Ok(None) => {}
        Err(Left::Missing(source)) => draft.tell(
            key,
            format!("{}: there is no {}, and the mount is optional", entry.text, source.display()),
        ),
        Err(Left::BelowProc) => {
            draft.tell(key, format!("{}: {BELOW_PROC}, and the mount is optional", entry.text));
        }
        Err(Left::Refused(why)) => draft.refuse(key, format!("{}: {why}", entry.text)),
    }
}

/// Why an entry becomes no mount.
enum Left {
    /// It is optional, and its source is not there.
    Missing(PathBuf),
    /// It is optional, and covers a part of `/proc`.
    BelowProc,
    /// It cannot be.
    Refused(&'static str),
}

/// Nothing for what is no mount of its own: a file that is hidden.
fn of_entry(draft: &mut Draft<'_>, entry: &MountEntry) -> Result<Option<MountConfig>, Left> {
    let MountEntry { source, kind, options, .. } = entry;
    let target = target(draft, &entry.target).map_err(Left::Refused)?;
    let has = |word: &str| options.others.iter().any(|option| option == word);
    let is_bind = has("bind") || has("rbind");
    if is_bind && options.relative && source.trim_start_matches('/') == NOTHING {
        draft.engine.security.masked.push(target.to_string_lossy().into_owned());
        return Ok(None);
    }
    if target.starts_with("/proc") && target != Path::new("/proc") {
        return Err(if options.optional { Left::BelowProc } else { Left::Refused(BELOW_PROC) });
    }
    let id_mapped = match options.id_map {
        None => false,
        Some(IdMapSource::Container) => true,
        Some(IdMapSource::Path(_)) => {
            return Err(Left::Refused(
                "owners are shifted by the container's own ids or not at all",
            ));
        }
    };
    let mount = match kind.as_str() {
        _ if is_bind => bind(draft, entry, target)?,
        "none" | "bind" => {
            return Err(Left::Refused("it neither binds anything nor names a file system"));
        }
        "auto" => return Err(Left::Refused("the file system is not guessed: name it")),
        _ if id_mapped => return Err(Left::Refused("what is not bound has no owners to shift")),
        "tmpfs" => {
            let options = allowing(without(options, &["defaults"]));
            MountConfig { options, ..MountConfig::new(MountSource::Tmpfs, target) }
        }
        _ => MountConfig::new(file_system(entry), target),
    };
    Ok(Some(MountConfig { id_mapped, ..mount }))
}

/// Where in the container a mount goes: below its root, or there by its path on the host.
fn target(draft: &Draft<'_>, text: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(text);
    let inside = if path.is_relative() {
        path
    } else {
        let own = draft.around.directory.join("rootfs");
        let roots = [Some(own.as_path()), draft.root_directory()];
        let found = roots.into_iter().flatten().find_map(|root| path.strip_prefix(root).ok());
        found.ok_or(
            "it is mounted beside the container's root: paths below that begin without a slash",
        )?
    };
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !inside.components().all(is_plain) {
        return Err("it leads out of the container's root");
    }
    let parts = inside.components().filter(|part| *part != Component::CurDir);
    let target: PathBuf = Path::new("/").join(parts.collect::<PathBuf>());
    if target == Path::new("/") { Err("it would be mounted over the root") } else { Ok(target) }
}

fn bind(
    draft: &Draft<'_>,
    MountEntry { source, options, .. }: &MountEntry,
    target: PathBuf,
) -> Result<MountConfig, Left> {
    let (path, subpath) = match (draft.root_directory(), options.relative) {
        (_, false) if source.starts_with('/') => (PathBuf::from(source), String::new()),
        (_, false) => return Err(Left::Refused("its source is not absolute")),
        (None, true) => {
            return Err(Left::Refused("an overlay is no source before it is mounted"));
        }
        // Its links are the container's to make: they end inside the root.
        (Some(root), true) => (root.to_owned(), source.trim_start_matches('/').to_owned()),
    };
    let whole = if subpath.is_empty() { path.clone() } else { path.join(&subpath) };
    if options.optional && !(draft.around.is_there)(&whole) {
        return Err(Left::Missing(whole));
    }
    let is_recursive = options.others.iter().any(|option| option == "rbind");
    let last = options.others.iter().rev().find(|option| matches!(option.as_str(), "ro" | "rw"));
    let read_only = last.is_some_and(|option| option == "ro");
    let below = match (is_recursive, read_only) {
        (false, _) => Below::Left,
        // As mount(8): the mounts below stay what they are.
        (true, true) => Below::Writable,
        (true, false) => Below::Included,
    };
    Ok(MountConfig {
        read_only,
        below,
        subpath,
        options: without(options, &["bind", "rbind", "ro", "rw", "defaults"]),
        ..MountConfig::new(MountSource::Bind { path, create: false }, target)
    })
}

fn without(options: &MountOptions, words: &[&str]) -> Vec<String> {
    let others = options.others.iter().filter(|option| !words.contains(&option.as_str()));
    others.cloned().collect()
}

/// With what the engine's caution would take away.
fn allowing(mut options: Vec<String>) -> Vec<String> {
    let missing = CAUTIONS.iter().filter(|(no, _)| !options.iter().any(|option| option == no));
    let missing: Vec<String> = missing.map(|(_, yes)| (*yes).to_owned()).collect();
    options.splice(0..0, missing);
    options
}

/// A volume of the container's own that is a file system.
fn file_system(MountEntry { source, kind, options, .. }: &MountEntry) -> MountSource {
    let words = without(options, &["defaults"]).join(",");
    let pairs = [("type", kind.clone()), ("device", source.clone()), ("o", words)];
    let options = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    MountSource::Volume {
        name: String::new(),
        anonymous: true,
        copy: false,
        labels: BTreeMap::new(),
        driver_options: options.map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
