//! Plans in words: one line per step, for people and for golden tests.

use std::fmt;

use crate::capability;
use crate::given::GivenFile;
use crate::landlock::LandlockPlan;
use crate::plan::{CapabilityPlan, NamespacePlan, Plan, ProcessPlan, Step};
use crate::resctrl::ResctrlPlan;

/// Capabilities beyond this many are counted, not named.
const NAMED: usize = 16;

/// Bits of mount(2) and their names.
const FLAGS: &[(u64, &str)] = &[
    (libc::MS_RDONLY, "ro"),
    (libc::MS_NOSUID, "nosuid"),
    (libc::MS_NODEV, "nodev"),
    (libc::MS_NOEXEC, "noexec"),
    (libc::MS_STRICTATIME, "strictatime"),
    (libc::MS_RELATIME, "relatime"),
    (libc::MS_NOATIME, "noatime"),
];

const ATTRIBUTES: &[(u64, &str)] = &[
    (libc::MOUNT_ATTR_RDONLY, "ro"),
    (libc::MOUNT_ATTR_NOSUID, "nosuid"),
    (libc::MOUNT_ATTR_NODEV, "nodev"),
    (libc::MOUNT_ATTR_NOEXEC, "noexec"),
    (libc::MOUNT_ATTR_NOATIME, "noatime"),
    (libc::MOUNT_ATTR_STRICTATIME, "strictatime"),
    (libc::MOUNT_ATTR_NODIRATIME, "nodiratime"),
    (libc::MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"),
];

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.cgroup.to_string().lines().map(str::to_owned).collect();
        lines.extend(self.resctrl.iter().flat_map(ResctrlPlan::lines));
        lines.extend(self.namespaces.lines());
        lines.extend(self.mount_label.iter().map(|label| format!("label what is mounted {label}")));
        lines.extend(self.net_devices.iter().map(ToString::to_string));
        lines.extend(self.steps.iter().map(ToString::to_string));
        lines.extend(self.process.lines());
        for (number, line) in lines.iter().enumerate() {
            writeln!(f, "{:>3}  {line}", number + 1)?;
        }
        Ok(())
    }
}

impl ResctrlPlan {
    fn lines(&self) -> Vec<String> {
        let group = self.group.as_deref().unwrap_or("/");
        let make = format!("make the class of service {group} of its own");
        let schemata = self.schemata.iter().map(|line| format!("set the schema {line}"));
        let monitor = self.monitor.iter().map(|name| format!("watch it as the group {name}"));
        let enter = format!("enter the class of service {group}");
        self.own.then_some(make).into_iter().chain(schemata).chain([enter]).chain(monitor).collect()
    }
}

/// Where a terminal is.
fn in_dev(directory: &str, name: &str) -> String {
    let path = std::path::Path::new("/dev").join(directory).join(name);
    path.display().to_string()
}

impl NamespacePlan {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, path) in &self.join {
            lines.push(format!("join the {kind} namespace {}", path.display()));
        }
        let names: Vec<String> = self.create.iter().map(ToString::to_string).collect();
        lines.push(format!("make namespaces: {}", names.join(", ")));
        for (what, mappings) in [("user", &self.uid_mappings), ("group", &self.gid_mappings)] {
            for map in mappings {
                lines.push(format!(
                    "map {what} ids {}+{} to {} of the host",
                    map.container_id, map.size, map.host_id
                ));
            }
        }
        lines
    }
}

impl fmt::Display for Step {
    #[expect(clippy::too_many_lines, reason = "a table: one row for each kind of step")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DetachPropagation { flags } if flags & libc::MS_SLAVE != 0 => {
                f.write_str("keep mounts from spreading to the host")
            }
            Self::DetachPropagation { .. } => {
                f.write_str("keep mounts from spreading to and from the host")
            }
            Self::OverlayRoot { lower, upper, at, volatile, root_ids, shifted, .. } => {
                write!(
                    f,
                    "mount overlay of {} layers and {} on {}{}{}",
                    lower.len(),
                    upper.display(),
                    at.display(),
                    if *volatile { ", volatile" } else { "" },
                    match (root_ids, shifted) {
                        (None, _) => "",
                        (Some(_), false) => ", with mapped ids",
                        (Some(_), true) => ", of copies with its ids",
                    }
                )
            }
            Self::DirectoryRoot { path, root_ids, shifted } => {
                let how = if root_ids.is_some() && !shifted { ", with mapped ids" } else { "" };
                write!(f, "use {} as the root, in place{how}", path.display())
            }
            Self::RootAttributes { set, clear } => {
                f.write_str("change the root's mount")?;
                f.write_str(&options(*set, ATTRIBUTES, ""))?;
                // Access times are one field, which is cleared to be set.
                let times = libc::MOUNT_ATTR__ATIME | libc::MOUNT_ATTR_NODIRATIME;
                match options(*clear & !times, ATTRIBUTES, "") {
                    cleared if cleared.is_empty() => Ok(()),
                    cleared => write!(f, ", without{cleared}"),
                }
            }
            Self::BindRoot { path } => write!(f, "bind root {}", path.display()),
            Self::Part { target, set, .. } => {
                write!(f, "mount {} over itself", target.display())?;
                f.write_str(&options(*set, ATTRIBUTES, ""))
            }
            Self::Mount { kind, target, flags, data, copy_up, lent, .. } => {
                write!(f, "mount {kind} on {}{}", target.display(), options(*flags, FLAGS, data))?;
                f.write_str(if *copy_up { ", with what was there" } else { "" })?;
                f.write_str(if lent.is_some() { ", for its ids" } else { "" })
            }
            Self::Bind { source, within, target, recursive, set, tree_set, id_map, .. } => {
                let how = if *recursive { "bind tree" } else { "bind" };
                write!(f, "{how} {} ", source.display())?;
                if let Some(within) = within {
                    write!(f, "within {} ", within.display())?;
                }
                write!(f, "on {}", target.display())?;
                f.write_str(&options(*set, ATTRIBUTES, ""))?;
                f.write_str(if id_map.is_some() { ", ids mapped" } else { "" })?;
                if *tree_set == 0 {
                    return Ok(());
                }
                write!(f, ", with all below it{}", options(*tree_set, ATTRIBUTES, ""))
            }
            Self::Propagation { target, flags } => {
                write!(f, "make {} {}", target.display(), propagation_name(*flags))
            }
            Self::Devices { nodes, links, elsewhere } => {
                let names = nodes
                    .iter()
                    .map(|node| node.name.as_str())
                    .chain(links.iter().map(|(name, _)| name.as_str()))
                    .chain(elsewhere.iter().map(|node| node.name.as_str()));
                write!(f, "fill /dev with {}", names.collect::<Vec<_>>().join(" "))
            }
            Self::Console { directory } => {
                write!(f, "open a terminal and bind it to {}", in_dev(directory, "console"))
            }
            Self::Terminals { count, directory } => {
                let last = in_dev(directory, &format!("tty{count}"));
                write!(f, "open {count} more terminals, the last at {last}")
            }
            Self::LoopbackUp => f.write_str("bring the loopback interface up"),
            Self::HostName { name } => write!(f, "set the host name {name:?}"),
            Self::DomainName { name } => write!(f, "set the domain name {name:?}"),
            Self::TimeNamespace { offsets } if offsets.is_empty() => {
                f.write_str("make a time namespace")
            }
            Self::TimeNamespace { offsets } => {
                write!(f, "make a time namespace with {}", offsets.trim().replace('\n', ", "))
            }
            Self::EnterGroups => f.write_str("enter the control groups"),
            Self::CgroupNamespace => f.write_str("make a cgroup namespace"),
            Self::CgroupV1 { target, hierarchies, read_only } => {
                let how = if *read_only { " read-only" } else { "" };
                write!(
                    f,
                    "mount {} cgroup hierarchies below {}{how}",
                    hierarchies.len(),
                    target.display()
                )
            }
            Self::Hooks => f.write_str("run the hooks of the creation"),
            Self::CgroupV2 { target, flags, data, .. } => {
                write!(f, "mount cgroup2 on {}{}", target.display(), options(*flags, FLAGS, data))
            }
            Self::Give { target, files } => {
                write!(f, "mount {} on {}, in memory", given(files), target.display())
            }
            Self::Show { targets } => {
                let targets: Vec<String> =
                    targets.iter().map(|target| target.display().to_string()).collect();
                write!(f, "show the container's own {}", targets.join(" "))
            }
            Self::NameBoot { .. } => f.write_str("give the boot a name of its own"),
            Self::Seal { target } => write!(f, "make {} read-only at last", target.display()),
            Self::PivotRoot => f.write_str("pivot root"),
            Self::MoveRoot => f.write_str("move the root over the host's"),
            Self::ChangeRoot => f.write_str("change the root, in the host's mount namespace"),
            Self::Sysctl { path, value } => write!(f, "write {value:?} to /proc/sys/{path}"),
            Self::Mask { path } => write!(f, "mask {}", path.display()),
            Self::ReadOnly { path } => write!(f, "make {} read-only", path.display()),
            Self::ReadOnlyRoot => f.write_str("make the root read-only"),
            Self::OomScoreAdjust { value } => write!(f, "adjust the OOM score by {value}"),
        }
    }
}

fn given(files: &[GivenFile]) -> String {
    let names = files.iter().map(|file| file.path.display().to_string());
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        "a given file".to_owned()
    } else {
        format!("the given {}", names.join(" "))
    }
}

impl ProcessPlan {
    fn lines(&self) -> Vec<String> {
        if self.args.is_empty() {
            return vec!["wait at the gate: there is no process to start".to_owned()];
        }
        let mut lines = vec!["wait at the gate".to_owned(), "make a session".to_owned()];
        if self.terminal {
            lines.push("take the terminal".to_owned());
        }
        if !self.keep_keyring {
            let name = self.keyring.iter().map(|name| format!(" {name}"));
            lines.push(format!("join the session keyring{}", name.collect::<String>()));
        }
        for limit in &self.rlimits {
            let value = |value: Option<u64>| {
                value.map_or("unlimited".to_owned(), |value| value.to_string())
            };
            lines.push(format!(
                "limit {} to {}, at most {}",
                limit.resource,
                value(limit.soft),
                value(limit.hard)
            ));
        }
        lines.extend(self.surroundings());
        lines.push(format!("enter {}", self.cwd.display()));
        if self.home_missing {
            lines.push("look HOME up in /etc/passwd".to_owned());
        }
        let seccomp = self.seccomp.as_ref().map(|program| {
            format!("load a system call filter of {} instructions", program.instructions.len())
        });
        let landlock = self.landlock.iter().flat_map(LandlockPlan::lines);
        let walls: Vec<String> = landlock.chain(seccomp).collect();
        if !self.no_new_privileges {
            lines.extend(walls.clone());
        }
        let groups: String = self.groups.iter().map(|group| format!(", {group}")).collect();
        lines.push(format!("become user {}, group {}{groups}", self.uid, self.gid));
        lines.extend(self.capabilities.iter().flat_map(capability_lines));
        if self.no_new_privileges {
            lines.push("set no_new_privs".to_owned());
            lines.extend(walls);
        }
        lines.push(match self.preserved_descriptors {
            0 => "close every descriptor but the standard streams at exec".to_owned(),
            preserved => format!("close every descriptor above {} at exec", preserved + 2),
        });
        if self.init {
            lines.push("stay process 1: reap orphans, forward signals".to_owned());
        }
        lines.push(format!(
            "exec {}",
            self.args.iter().map(|arg| format!("{arg:?}")).collect::<Vec<_>>().join(" ")
        ));
        lines
    }

    /// What is set while the process has all its rights.
    fn surroundings(&self) -> Vec<String> {
        let apparmor = self.apparmor_profile.iter();
        let apparmor =
            apparmor.map(|profile| format!("enter the AppArmor profile {profile} at exec"));
        let selinux = self.selinux_label.iter();
        let selinux = selinux.map(|label| format!("enter the SELinux label {label} at exec"));
        let domain = self.personality.map(|domain| match domain {
            0 => "run in the execution domain LINUX".to_owned(),
            8 => "run in the execution domain LINUX32".to_owned(),
            other => format!("run in the execution domain {other:#x}"),
        });
        apparmor.chain(selinux).chain(self.scheduling.lines()).chain(domain).collect()
    }
}

fn capability_lines(sets: &CapabilityPlan) -> [String; 5] {
    [
        ("bounding", sets.bounding),
        ("permitted", sets.permitted),
        ("effective", sets.effective),
        ("inheritable", sets.inheritable),
        ("ambient", sets.ambient),
    ]
    .map(|(name, set)| format!("{name} capabilities: {}", set_in_words(set)))
}

fn set_in_words(set: u64) -> String {
    let names: Vec<String> =
        capability::names(set).map(|name| name.trim_start_matches("CAP_").to_lowercase()).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > NAMED => format!("{count} of {}", capability::COUNT),
        _ => names.join(" "),
    }
}

fn options(bits: u64, names: &[(u64, &str)], data: &str) -> String {
    let mut parts: Vec<&str> =
        names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    parts.extend(Some(data).filter(|data| !data.is_empty()));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(",")) }
}

fn propagation_name(flags: u64) -> &'static str {
    match flags & !libc::MS_REC {
        libc::MS_SHARED => "shared",
        libc::MS_SLAVE => "a slave",
        libc::MS_UNBINDABLE => "unbindable",
        _ => "private",
    }
}
