//! The root and what is mounted into it. [`MountEntry`] is one line of fstab(5) with LXC's own options, [`AutoMounts`] is what
//! LXC mounts by itself.

use std::path::PathBuf;

use super::item::{Item, Value, blanks, name_of, word};
use super::numbers::{Switch, up_to};
use super::paths::simplified;
use super::problem::BadValue;

/// Keys of the root and of mounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// `lxc.rootfs.path`: where the root is; without it the container sees the host's.
    pub root: Option<Root>,
    /// `lxc.rootfs.mount`: where on the host it is mounted before it is entered.
    pub root_mount: Option<PathBuf>,
    /// `lxc.rootfs.options`: options of its mount.
    pub root_options: Option<RootOptions>,
    /// `lxc.rootfs.managed`: it is LXC's to copy and remove; yes unless set.
    pub root_managed: Option<Switch>,
    /// `lxc.mount.auto`.
    pub automatic: AutoMounts,
    /// `lxc.mount.entry`, in this order, after those of the file.
    pub entries: Vec<MountEntry>,
    /// `lxc.mount.fstab`: a file of such lines.
    pub fstab: Option<PathBuf>,
    /// `lxc.autodev`: `/dev` is made new; yes unless set.
    pub devices: Option<Switch>,
    /// `lxc.autodev.tmpfs.size`: bytes of the file system at `/dev`; 500000 unless set.
    pub devices_bytes: Option<u32>,
}

/// What keeps a container's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "LXC's names")]
pub enum Backend {
    Directory,
    Btrfs,
    Loop,
    Lvm,
    Nbd,
    Overlay,
    Rbd,
    Zfs,
}

const BACKENDS: &[(&str, Backend)] = &[
    ("dir", Backend::Directory),
    ("btrfs", Backend::Btrfs),
    ("loop", Backend::Loop),
    ("lvm", Backend::Lvm),
    ("nbd", Backend::Nbd),
    ("overlay", Backend::Overlay),
    ("overlayfs", Backend::Overlay),
    ("rbd", Backend::Rbd),
    ("zfs", Backend::Zfs),
];

/// Whether a word is the name of a backend.
pub(crate) fn is_backend(word: &str) -> bool {
    BACKENDS.iter().any(|(name, _)| *name == word)
}

/// Where a root is: `BACKEND:WHERE`, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Who keeps it; nothing when it is to be found out.
    pub backend: Option<Backend>,
    /// A path, a data set's name, or for overlays two or more paths with colons between.
    pub place: String,
}

impl Value for Root {
    fn read(text: &str) -> Result<Self, BadValue> {
        let (backend, place) = match text.split_once(':') {
            Some((backend, place)) => (Some(word(BACKENDS, backend)?), place),
            None => (None, text),
        };
        if place.is_empty() {
            return Err(BadValue::Not("a path"));
        }
        Ok(Self { backend, place: simplified(place)? })
    }

    fn show(&self) -> String {
        self.place.clone()
    }

    fn write(&self) -> String {
        match &self.backend {
            Some(backend) => format!("{}:{}", name_of(BACKENDS, backend), self.place),
            None => self.place.clone(),
        }
    }
}

/// Options of a mount: LXC's own, and those of mount(8) as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// `create=dir`, `create=file`: what is made where the mount goes.
    pub create: Option<Create>,
    /// `optional`: it is no error when it cannot be mounted.
    pub optional: bool,
    /// `relative`: its source is below the container's root.
    pub relative: bool,
    /// `idmap=`: owners are shifted, mount_setattr(2).
    pub id_map: Option<IdMapSource>,
    /// All others in their order.
    pub others: Vec<String>,
}

/// What is made where a mount goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// A directory.
    Directory,
    /// An empty file.
    File,
}

/// By whose ids the owners of a mount are shifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMapSource {
    /// By the container's own.
    Container,
    /// By those of the user namespace at a path.
    Path(String),
}

impl MountOptions {
    fn read(text: &str) -> Result<Self, BadValue> {
        let mut options = Self::default();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("create", "dir")) => options.create = Some(Create::Directory),
                Some(("create", "file")) => options.create = Some(Create::File),
                Some(("create", _)) => return Err(BadValue::Not("create=dir or create=file")),
                Some(("idmap", "container")) => options.id_map = Some(IdMapSource::Container),
                Some(("idmap", "")) => return Err(BadValue::Not("idmap=container or idmap=PATH")),
                Some(("idmap", path)) => options.id_map = Some(IdMapSource::Path(path.to_owned())),
                None if option == "optional" => options.optional = true,
                None if option == "relative" => options.relative = true,
                Some(_) | None => options.others.push(option.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Options of the root's mount, of which LXC's own but `idmap=` mean nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootOptions {
    /// As they were written.
    pub text: String,
    /// What they say.
    pub options: MountOptions,
}

impl Value for RootOptions {
    fn read(text: &str) -> Result<Self, BadValue> {
        let options = MountOptions::read(text)?;
        if options.create.is_some() || options.optional || options.relative {
            return Err(BadValue::Not(
                "options of a root: nothing is created, optional or relative there",
            ));
        }
        Ok(Self { text: text.to_owned(), options })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}

/// One line of fstab(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountEntry {
    /// As it was written.
    pub text: String,
    /// What is mounted.
    pub source: String,
    /// Where in the container: below its root, with or without a slash first.
    pub target: String,
    /// The file system, or `none` for binds.
    pub kind: String,
    /// How.
    pub options: MountOptions,
}

impl Value for MountEntry {
    fn read(text: &str) -> Result<Self, BadValue> {
        let fields: Vec<&str> = blanks(text).collect();
        let (source, target, kind, rest) = match &fields[..] {
            [source, target, kind, rest @ ..] if rest.len() <= 3 && !source.starts_with('#') => {
                (source, target, kind, rest)
            }
            _ => {
                return Err(BadValue::Not(
                    "a line of fstab(5): source, target, type, options, and at most two numbers",
                ));
            }
        };
        for number in rest.iter().skip(1) {
            up_to(number, u64::from(u32::MAX))?;
        }
        let options = MountOptions::read(&unescaped(rest.first().copied().unwrap_or_default()))?;
        let [source, target, kind] = [source, target, kind].map(|field| unescaped(field));
        Ok(Self { text: text.to_owned(), source, target, kind, options })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}

/// The bytes for which a backslash and three octal digits stand, getmntent(3): blanks, newlines, backslashes.
fn unescaped(field: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"), ("\\\\", "\\")];
    let mut text = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let code = codes.iter().find(|(code, _)| rest.starts_with(code));
        let (code, meant) = code.copied().unwrap_or(("\\", "\\"));
        text.push_str(meant);
        rest = &rest[code.len()..];
    }
    text + rest
}

/// `lxc.mount.auto`: file systems that LXC mounts by itself. Of each the last that was said counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoMounts {
    /// `proc`, `proc:mixed`, `proc:rw`.
    pub proc: Option<Access>,
    /// `sys`, `sys:mixed`, `sys:ro`, `sys:rw`.
    pub sys: Option<Access>,
    /// `cgroup` and its like.
    pub cgroup: Option<AutoCgroup>,
    /// `shmounts:`: a directory by which mounts get into the container while it runs.
    pub shared: Option<SharedMounts>,
}

/// What may be written in a file system of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Writable,
    /// What is the container's own.
    Mixed,
    /// Nothing.
    ReadOnly,
}

/// Control groups inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoCgroup {
    /// Of which version, and how much of the hierarchy.
    pub kind: CgroupKind,
    /// Nothing: writable if the container has capabilities of its own for it, else mixed.
    pub access: Option<Access>,
    /// `:force`: they are mounted even into a control group namespace of the container's own.
    pub force: bool,
}

/// Which control groups are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupKind {
    /// `cgroup`: the container's own and those above it.
    Own,
    /// `cgroup-full`: the whole hierarchy.
    Full,
    /// `cgroup2`: version 2, always by force.
    Unified,
}

/// A directory by which mounts get into the container while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMounts {
    /// On the host.
    pub host: String,
    /// Inside.
    pub inside: String,
}

const SHARED: &str = "shmounts:";
const SHARED_INSIDE: &str = "/dev/.lxc-mounts";
const ACCESSES: &[(&str, Access)] =
    &[("mixed", Access::Mixed), ("ro", Access::ReadOnly), ("rw", Access::Writable)];
const CGROUPS: &[(&str, CgroupKind)] = &[
    ("cgroup", CgroupKind::Own),
    ("cgroup-full", CgroupKind::Full),
    ("cgroup2", CgroupKind::Unified),
];

impl AutoMounts {
    fn add(&mut self, text: &str) -> Result<(), BadValue> {
        if let Some(shared) = text.strip_prefix(SHARED) {
            let (host, inside) = shared.split_once(':').unwrap_or((shared, ""));
            if host.is_empty() {
                return Err(BadValue::Not("shmounts: with a path of the host's"));
            }
            let inside = if inside.is_empty() { SHARED_INSIDE } else { inside };
            self.shared = Some(SharedMounts { host: host.to_owned(), inside: inside.to_owned() });
            return Ok(());
        }
        let (name, rest) =
            text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        match (name, rest) {
            ("proc", Some("ro")) => Err(BadValue::NotOneOf("proc, proc:mixed, proc:rw".to_owned())),
            ("proc", access) => self.put(|mounts| &mut mounts.proc, access),
            ("sys", access) => self.put(|mounts| &mut mounts.sys, access),
            (name, rest) => {
                self.cgroup = Some(cgroup(name, rest)?);
                Ok(())
            }
        }
    }

    fn put(
        &mut self,
        which: impl Fn(&mut Self) -> &mut Option<Access>,
        access: Option<&str>,
    ) -> Result<(), BadValue> {
        *which(self) = Some(access.map_or(Ok(Access::Mixed), |access| word(ACCESSES, access))?);
        Ok(())
    }

    fn words(&self, all: bool) -> Vec<String> {
        let access = |name: &str, access: &Option<Access>| {
            access.map(|access| format!("{name}:{}", name_of(ACCESSES, &access)))
        };
        let mut words = Vec::from_iter(access("proc", &self.proc));
        words.extend(access("sys", &self.sys));
        // LXC's tools do not tell of what is mounted by force, nor of shared mounts.
        let cgroup = self.cgroup.filter(|cgroup| all || !cgroup.force);
        words.extend(cgroup.map(AutoCgroup::word));
        let shared = self.shared.as_ref().filter(|_| all);
        words.extend(shared.map(|shared| format!("{SHARED}{}:{}", shared.host, shared.inside)));
        words
    }
}

fn cgroup(name: &str, rest: Option<&str>) -> Result<AutoCgroup, BadValue> {
    let unknown =
        || BadValue::NotOneOf("proc, sys, cgroup, cgroup-full, cgroup2, shmounts:".to_owned());
    let kind = word(CGROUPS, name).map_err(|_names| unknown())?;
    let mut parts = rest.map(|rest| rest.split(':').collect::<Vec<_>>()).unwrap_or_default();
    let force = parts.last() == Some(&"force");
    parts.truncate(parts.len() - usize::from(force));
    let unified = kind == CgroupKind::Unified;
    let access = match parts[..] {
        [] => None,
        [access] => Some(word(ACCESSES, access)?),
        _ => return Err(BadValue::Not("ro, rw or mixed, and :force")),
    };
    if unified && !matches!(access, None | Some(Access::ReadOnly)) {
        return Err(BadValue::Not("cgroup2, cgroup2:ro, cgroup2:force or cgroup2:ro:force"));
    }
    Ok(AutoCgroup { kind, access, force: force || unified })
}

impl AutoCgroup {
    fn word(self) -> String {
        let access = self.access.map(|access| format!(":{}", name_of(ACCESSES, &access)));
        let force = if self.force { ":force" } else { "" };
        format!("{}{}{force}", name_of(CGROUPS, &self.kind), access.unwrap_or_default())
    }
}

impl Item for AutoMounts {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let mut mounts = self.clone();
        blanks(text).try_for_each(|mount| mounts.add(mount))?;
        *self = mounts;
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn show(&self) -> Option<String> {
        Some(self.words(false).join(" "))
    }

    fn write(&self) -> Vec<String> {
        self.words(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_taken_apart() {
        let entry = MountEntry::read(
            "/a\\040b  srv/x none bind,ro,create=dir,optional,relative,idmap=container 0 0",
        )
        .expect("an entry");
        assert_eq!(
            (entry.source.as_str(), entry.target.as_str(), entry.kind.as_str()),
            ("/a b", "srv/x", "none")
        );
        let MountOptions { create, optional, relative, id_map, others } = entry.options;
        assert_eq!((create, optional, relative), (Some(Create::Directory), true, true));
        assert_eq!(
            (id_map, others),
            (Some(IdMapSource::Container), vec!["bind".to_owned(), "ro".to_owned()])
        );
        for bad in [
            "/a",
            "/a b",
            "# a b c",
            "/a b none bind 0 x",
            "/a b none bind 0 0 0",
            "/a b none create=link",
            "/a b none idmap=",
        ] {
            assert!(MountEntry::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn escapes_are_those_of_the_mount_table() {
        assert_eq!(unescaped("\\040\\011\\012\\134\\\\\\x\\"), " \t\n\\\\\\x\\");
    }

    #[test]
    fn automatic_mounts_add_up() {
        let mut mounts = AutoMounts::default();
        Item::set(&mut mounts, "proc sys:ro")
            .and_then(|()| Item::set(&mut mounts, "cgroup:mixed:force\tsys shmounts:/h:/i"))
            .expect("mounts");
        assert_eq!(Item::show(&mounts).as_deref(), Some("proc:mixed sys:mixed"));
        assert_eq!(
            mounts.write(),
            ["proc:mixed", "sys:mixed", "cgroup:mixed:force", "shmounts:/h:/i"]
        );
        for bad in [
            "proc:ro",
            "sys:",
            "cgroup:x",
            "cgroup2:rw",
            "cgroup:ro:ro",
            "shmounts:",
            "dev",
            "cgroup:force:ro",
        ] {
            assert!(Item::set(&mut AutoMounts::default(), bad).is_err(), "{bad}");
        }
    }
}
