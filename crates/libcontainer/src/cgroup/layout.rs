//! Which control groups this machine has: v1 hierarchies, the v2 tree, or both.
//!
//! Read once per start and passed on inside the plan. Sources: cgroups(7), proc_pid_mountinfo(5).

use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::{DetectError, Errno};

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// In one word.
    pub kind: LayoutKind,
    /// Every hierarchy, v1 first.
    pub hierarchies: Vec<Hierarchy>,
}

/// The three ways to set up control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutKind {
    /// v1 hierarchies only.
    Legacy,
    /// v1 hierarchies with the controllers, and a v2 tree without.
    Hybrid,
    /// One v2 tree.
    Unified,
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Whether it is the v2 tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unified: bool,
    /// Controllers that it carries; on v2 those that its root offers.
    pub controllers: Vec<Controller>,
    /// The caller's own group, relative to the mount, without a leading slash.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub own: String,
}

/// A resource controller, under its v1 name where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// CPU time.
    Cpu,
    /// CPU accounting (v1; part of cpu in v2).
    Cpuacct,
    /// Placement on CPUs and memory nodes.
    Cpuset,
    /// Memory.
    Memory,
    /// Device access (v1; a BPF program in v2).
    Devices,
    /// Freezing (v1; in every v2 group).
    Freezer,
    /// Block devices; `io` in v2.
    Blkio,
    /// Number of tasks.
    Pids,
    /// Huge pages.
    Hugetlb,
    /// RDMA.
    Rdma,
    /// Packet classes (v1).
    NetCls,
    /// Packet priorities (v1).
    NetPrio,
    /// Performance counters (v1; in every v2 group).
    PerfEvent,
    /// Scalar resources.
    Misc,
    /// GPU memory (v2).
    Dmem,
}

const NAMES: [(Controller, &str); 15] = [
    (Controller::Cpu, "cpu"),
    (Controller::Cpuacct, "cpuacct"),
    (Controller::Cpuset, "cpuset"),
    (Controller::Memory, "memory"),
    (Controller::Devices, "devices"),
    (Controller::Freezer, "freezer"),
    (Controller::Blkio, "blkio"),
    (Controller::Pids, "pids"),
    (Controller::Hugetlb, "hugetlb"),
    (Controller::Rdma, "rdma"),
    (Controller::NetCls, "net_cls"),
    (Controller::NetPrio, "net_prio"),
    (Controller::PerfEvent, "perf_event"),
    (Controller::Misc, "misc"),
    (Controller::Dmem, "dmem"),
];

impl Controller {
    fn from_name(name: &str) -> Option<Self> {
        if name == "io" {
            return Some(Self::Blkio);
        }
        NAMES.iter().find(|(_, known)| *known == name).map(|(controller, _)| *controller)
    }

    /// Whose file it is, by what its name begins with.
    #[must_use]
    pub fn of_file(prefix: &str, is_unified: bool) -> Option<Self> {
        let named = |controller: &Self| {
            if is_unified { controller.unified_name() } else { controller.name() }
        };
        Self::from_name(prefix).filter(|controller| named(controller) == prefix)
    }

    /// By the name that v2 files start with.
    pub(crate) fn from_unified_name(name: &str) -> Option<Self> {
        Self::from_name(name).filter(|controller| controller.unified_name() == name)
    }

    /// The name in `cgroup.subtree_control`.
    pub(crate) fn unified_name(self) -> &'static str {
        if self == Self::Blkio { "io" } else { self.name() }
    }

    /// The v1 name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(known, _)| *known == self).map_or("?", |(_, name)| name)
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const CONVENTIONAL: &str = "/sys/fs/cgroup";

impl Layout {
    /// Looks at the machine: `/proc/self/cgroup` says what there is, and a statfs(2) each that it is where it always is.
    /// Only otherwise `/proc/self/mountinfo` is read, whose price grows with everything that is mounted.
    ///
    /// # Errors
    /// When procfs cannot be read or no hierarchy is mounted.
    pub fn detect() -> Result<Self, DetectError> {
        let membership = read("/proc/self/cgroup".as_ref())?;
        let layout = match Self::conventional(&membership) {
            Some(layout) => layout,
            None => Self::parse(&read("/proc/self/mountinfo".as_ref())?, &membership)?,
        };
        match layout.hierarchies.as_slice() {
            [tree] if tree.unified => {
                let offered = read(&tree.mount.join("cgroup.controllers"))?;
                let tree = Hierarchy {
                    controllers: controllers(offered.split_whitespace()),
                    ..tree.clone()
                };
                Ok(Self { kind: LayoutKind::Unified, hierarchies: vec![tree] })
            }
            _ => Ok(layout),
        }
    }

    /// Every hierarchy where systemd and others mount it, with the caller's own group in sight; `None` when one is not.
    fn conventional(membership: &str) -> Option<Self> {
        let is = |path: &Path, magic: u64| {
            rustix::fs::statfs(path).is_ok_and(|about| u64::try_from(about.f_type) == Ok(magic))
        };
        let found = |mount: PathBuf, row: &Row<'_>| {
            let unified = row.names.is_empty();
            let own = below(row.own, "/");
            // The own group is looked at, not the mount: it is elsewhere when the mount shows a part of the hierarchy only.
            let magic = if unified { CGROUP2_SUPER_MAGIC } else { CGROUP_SUPER_MAGIC };
            let controllers = controllers(row.names.split(','));
            is(&mount.join(&own), magic).then_some(Hierarchy { mount, unified, controllers, own })
        };
        let mut hierarchies = Vec::with_capacity(14);
        let mut tree = None;
        for row in Row::all(membership) {
            if row.names.is_empty() {
                tree = Some(row);
                continue;
            }
            let name = row.names.strip_prefix("name=").unwrap_or(row.names);
            hierarchies.push(found(Path::new(CONVENTIONAL).join(name), &row)?);
        }
        if hierarchies.is_empty() {
            let tree = found(CONVENTIONAL.into(), &tree?)?;
            return Some(Self { kind: LayoutKind::Unified, hierarchies: vec![tree] });
        }
        // The kernel lists the v2 tree even where nobody has mounted it.
        hierarchies
            .extend(tree.and_then(|row| found(Path::new(CONVENTIONAL).join("unified"), &row)));
        let hybrid = hierarchies.last().is_some_and(|last| last.unified);
        Some(Self {
            kind: if hybrid { LayoutKind::Hybrid } else { LayoutKind::Legacy },
            hierarchies,
        })
    }

    /// The hierarchy that carries `controller`.
    pub fn carrier(&self, controller: Controller) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.controllers.contains(&controller))
    }

    /// From the text of `/proc/self/mountinfo` and `/proc/self/cgroup`.
    pub(crate) fn parse(mounts: &str, membership: &str) -> Result<Self, DetectError> {
        // A hierarchy may be mounted twice; the first mount is the one people know.
        let mut rows: Vec<Option<Row<'_>>> = Row::all(membership).map(Some).collect();
        let mut hierarchies = Vec::with_capacity(rows.len());
        for mount in mounts.lines().filter_map(Mount::parse) {
            let Some(row) =
                rows.iter_mut().find(|row| row.as_ref().is_some_and(|row| mount.carries(row)))
            else {
                continue;
            };
            let Some(row) = row.take() else { continue };
            let controllers = controllers(row.names.split(','));
            hierarchies.push(Hierarchy {
                mount: unescape(mount.point),
                unified: mount.unified,
                controllers,
                own: below(row.own, mount.root),
            });
        }
        hierarchies.sort_by_key(|hierarchy| hierarchy.unified);
        let kind = match (hierarchies.first(), hierarchies.last()) {
            (None, _) | (_, None) => return Err(DetectError::NotMounted),
            (Some(first), _) if first.unified => LayoutKind::Unified,
            (_, Some(last)) if last.unified => LayoutKind::Hybrid,
            _ => LayoutKind::Legacy,
        };
        Ok(Self { kind, hierarchies })
    }
}

/// linux/magic.h.
const CGROUP_SUPER_MAGIC: u64 = 0x0027_e0eb;
/// linux/magic.h.
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;

/// One line of `/proc/self/cgroup`: `ID:NAMES:GROUP`, without names for v2.
struct Row<'a> {
    names: &'a str,
    own: &'a str,
}

impl<'a> Row<'a> {
    fn all(membership: &'a str) -> impl Iterator<Item = Self> {
        membership.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            Some(Self { names: fields.next()?, own: fields.next()? })
        })
    }
}

/// One line of `/proc/self/mountinfo` whose type is `cgroup` or `cgroup2`.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    unified: bool,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (front, back) = line.split_once(" - cgroup")?;
        let mut back = back.split(' ');
        let unified = match back.next()? {
            "" => false,
            "2" => true,
            _ => return None,
        };
        let options = back.nth(1)?;
        let mut front = front.split(' ').skip(3);
        Some(Self { root: front.next()?, point: front.next()?, unified, options })
    }

    /// Super block options of v1 list the controllers and the name.
    fn carries(&self, row: &Row<'_>) -> bool {
        if self.unified || row.names.is_empty() {
            return self.unified && row.names.is_empty();
        }
        row.names.split(',').all(|name| self.options.split(',').any(|option| option == name))
    }
}

fn controllers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Controller> {
    names.filter_map(Controller::from_name).collect()
}

/// Where group `own` is seen through a mount whose root is group `root`; the mount itself when it is not seen.
fn below(own: &str, root: &str) -> String {
    let below = if root == "/" {
        Some(own)
    } else {
        own.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Seen from a cgroup namespace, a group outside of it is `/../x`: no path that we would follow.
    let below = below.filter(|path| !path.split('/').any(|name| name == ".."));
    below.unwrap_or_default().trim_start_matches('/').to_owned()
}

/// mountinfo writes space, tab, line feed and backslash as three octal digits.
pub(crate) fn unescape(text: &str) -> PathBuf {
    if !text.contains('\\') {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn read(path: &Path) -> Result<String, DetectError> {
    read_text(path).map_err(|errno| DetectError::Read { path: path.to_owned(), errno })
}

fn read_text(path: &Path) -> Result<String, Errno> {
    let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::with_capacity(4096);
    loop {
        text.reserve(4096);
        if rustix::io::read(&file, rustix::buffer::spare_capacity(&mut text))? == 0 {
            break;
        }
    }
    // Mount points may hold any bytes; the ones of cgroups are ASCII everywhere, the others are skipped.
    Ok(String::from_utf8(text)
        .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
23 1 0:21 / / rw - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpuacct,cpu
35 31 0:32 / /sys/fs/cgroup/mem\\040ory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:32 / /elsewhere rw,relatime - cgroup cgroup rw,memory
";

    #[test]
    fn reads_a_hybrid_machine() {
        let layout =
            Layout::parse(HYBRID, "9:name=systemd:/\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/user\n")
                .unwrap();
        assert_eq!(layout.kind, LayoutKind::Hybrid);
        let seen: Vec<_> = layout
            .hierarchies
            .iter()
            .map(|h| (h.mount.to_str().unwrap(), h.own.as_str(), h.unified))
            .collect();
        assert_eq!(
            seen,
            [
                ("/sys/fs/cgroup/cpu,cpuacct", "", false),
                ("/sys/fs/cgroup/mem ory", "a/b", false),
                ("/sys/fs/cgroup/systemd", "", false),
                ("/sys/fs/cgroup/unified", "user", true)
            ]
        );
        assert_eq!(
            layout.carrier(Controller::Cpuacct).unwrap().controllers,
            [Controller::Cpu, Controller::Cpuacct]
        );
        assert_eq!(layout.carrier(Controller::Pids), None);
    }

    #[test]
    fn tells_legacy_unified_and_nothing_apart() {
        let kind =
            |mounts: &str, rows: &str| Layout::parse(mounts, rows).map(|layout| layout.kind).ok();
        assert_eq!(kind(HYBRID, "4:memory:/\n"), Some(LayoutKind::Legacy));
        assert_eq!(
            kind("1 1 0:1 / /cg rw - cgroup2 none rw\n", "0::/\n"),
            Some(LayoutKind::Unified)
        );
        assert_eq!(kind("1 1 0:1 / / rw - ext4 /dev/x rw\n", "0::/\n"), None);
    }

    #[test]
    fn own_group_is_seen_through_the_root_of_the_mount() {
        assert_eq!(below("/docker/x/y", "/docker/x"), "y");
        assert_eq!(below("/docker/x", "/docker/x"), "");
        assert_eq!(below("/docker/xy", "/docker/x"), "");
        assert_eq!(below("/../other", "/"), "");
    }

    #[test]
    fn this_machine_has_control_groups() {
        let layout = Layout::detect().unwrap();
        // Both ways lead to the same.
        let membership = read("/proc/self/cgroup".as_ref()).unwrap();
        let mut parsed =
            Layout::parse(&read("/proc/self/mountinfo".as_ref()).unwrap(), &membership).unwrap();
        let mut quick = layout.clone();
        assert_eq!(quick.kind, parsed.kind);
        if quick.kind != LayoutKind::Unified {
            quick.hierarchies.sort_by(|one, two| one.mount.cmp(&two.mount));
            parsed.hierarchies.sort_by(|one, two| one.mount.cmp(&two.mount));
            assert_eq!(quick, parsed);
        }
        for hierarchy in &layout.hierarchies {
            assert!(
                hierarchy.mount.join(&hierarchy.own).join("cgroup.procs").exists(),
                "{hierarchy:?}"
            );
        }
    }
}
