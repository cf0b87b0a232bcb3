//! What a container may take and what the kernel does for it: control groups, limits of processes, sysctl(8), `/proc`.

use super::item::{Table, Value};
use super::numbers::Switch;
use super::paths::{GroupPath, PathComponent};
use super::problem::{BadValue, not_one_of};

/// Keys of control groups, limits and kernel settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `lxc.cgroup.FILE`: what is written into files of version 1, in this order.
    pub cgroup1: Table<String>,
    /// `lxc.cgroup2.FILE`: what is written into files of version 2, in this order.
    pub cgroup2: Table<String>,
    /// `lxc.cgroup.dir`: the group in which monitor and container have theirs.
    pub directory: Option<GroupPath>,
    /// `lxc.cgroup.dir.container`: the container's group, which stays outside of its namespace.
    pub container_directory: Option<GroupPath>,
    /// `lxc.cgroup.dir.container.inner`: the group below it that is the root of its namespace.
    pub inner_directory: Option<PathComponent>,
    /// `lxc.cgroup.dir.monitor`: the monitor's group.
    pub monitor_directory: Option<GroupPath>,
    /// `lxc.cgroup.dir.monitor.pivot`: where the monitor goes when its group is to be removed.
    pub pivot_directory: Option<GroupPath>,
    /// `lxc.cgroup.relative`: groups are below the starter's own, not below the root.
    pub relative: Option<Switch>,
    /// `lxc.prlimit.NAME`: limits of prlimit(2).
    pub limits: Table<ProcessLimit>,
    /// `lxc.sysctl.NAME`: settings of the container's namespaces.
    pub sysctls: Table<Setting>,
    /// `lxc.proc.FILE`: what is written into files of `/proc/PID`.
    pub proc: Table<Setting>,
}

/// One value of a name, of which LXC shows no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting(pub String);

impl Value for Setting {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// One limit; nothing is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimit {
    /// The one that counts.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

const UNLIMITED: &str = "unlimited";
/// What the kernel takes for no limit: RLIM_INFINITY.
const INFINITY: u64 = u64::MAX;

impl Value for ProcessLimit {
    const ENDED: bool = false;

    fn read(text: &str) -> Result<Self, BadValue> {
        let (soft, hard) =
            text.split_once(':').map_or((text, None), |(soft, hard)| (soft, Some(hard.trim())));
        let soft = amount(soft.trim())?;
        let hard = hard.filter(|hard| !hard.is_empty()).map_or(Ok(soft), amount)?;
        Ok(Self { soft, hard })
    }

    fn show(&self) -> String {
        let show = |amount: Option<u64>| {
            amount.map_or_else(|| UNLIMITED.to_owned(), |amount| amount.to_string())
        };
        if self.soft == self.hard {
            show(self.soft)
        } else {
            format!("{}:{}", show(self.soft), show(self.hard))
        }
    }
}

fn amount(text: &str) -> Result<Option<u64>, BadValue> {
    if text == UNLIMITED {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = text.parse().ok().filter(|_| digits);
    let number =
        number.ok_or(BadValue::Not("a number or unlimited, or two with a colon between"))?;
    Ok((number != INFINITY).then_some(number))
}

/// Limits by their names, getrlimit(2), with their numbers on x86 and most others.
pub(crate) const LIMITS: &[(&str, u8)] = &[
    ("as", 9),
    ("core", 4),
    ("cpu", 0),
    ("data", 2),
    ("fsize", 1),
    ("locks", 10),
    ("memlock", 8),
    ("msgqueue", 12),
    ("nice", 13),
    ("nofile", 7),
    ("nproc", 6),
    ("rss", 5),
    ("rtprio", 14),
    ("rttime", 15),
    ("sigpending", 11),
    ("stack", 3),
];

/// Whether a limit of that name exists.
///
/// # Errors
/// With all names when not.
pub(crate) fn known_limit(name: &str) -> Result<(), BadValue> {
    let known = LIMITS.iter().any(|(known, _)| *known == name);
    known.then_some(()).ok_or_else(|| not_one_of(LIMITS))
}
