//! Landlock: which files and ports a process may use, and everything that it executes. A wall beside all others: it holds for root,
//! and for whoever gains capabilities. Start at [`LandlockPlan`]; [`PreparedLandlock`] runs in the child and does not allocate.
//!
//! Who is under a ruleset that governs files can mount nothing and not pivot its root; who is under any traces only those that are under it.
//! Sources: landlock(7), kernel userspace-api/landlock.rst.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{FileType, Mode, OFlags, fstat};
use serde::{Deserialize, Serialize};
use sys::{Errno, LandlockRuleset, landlock_version};

use crate::error::{PlanError, StartError};
use crate::prepared::path;
use crate::progress::Progress;
use crate::rootfs::Root;
use crate::wire::{At, Failed, Place, ProcessStep};

/// `LANDLOCK_ACCESS_FS_…`, linux/landlock.h.
mod access {
    pub(super) const EXECUTE: u64 = 1;
    pub(super) const WRITE_FILE: u64 = 1 << 1;
    pub(super) const READ_FILE: u64 = 1 << 2;
    pub(super) const READ_DIRECTORY: u64 = 1 << 3;
    pub(super) const REMOVE_DIRECTORY: u64 = 1 << 4;
    pub(super) const REMOVE_FILE: u64 = 1 << 5;
    pub(super) const MAKE_CHARACTER_DEVICE: u64 = 1 << 6;
    pub(super) const MAKE_DIRECTORY: u64 = 1 << 7;
    pub(super) const MAKE_FILE: u64 = 1 << 8;
    pub(super) const MAKE_SOCKET: u64 = 1 << 9;
    pub(super) const MAKE_FIFO: u64 = 1 << 10;
    pub(super) const MAKE_BLOCK_DEVICE: u64 = 1 << 11;
    pub(super) const MAKE_LINK: u64 = 1 << 12;
    /// Version 2: to move and link between directories.
    pub(super) const REFER: u64 = 1 << 13;
    /// Version 3.
    pub(super) const TRUNCATE: u64 = 1 << 14;
    /// Version 5.
    pub(super) const DEVICE_IOCTL: u64 = 1 << 15;
}

/// `LANDLOCK_ACCESS_NET_…`.
const BIND: u64 = 1;
const CONNECT: u64 = 2;

const READ: u64 = access::READ_FILE | access::READ_DIRECTORY;
const WRITE: u64 = access::WRITE_FILE
    | access::REMOVE_DIRECTORY
    | access::REMOVE_FILE
    | access::MAKE_DIRECTORY
    | access::MAKE_FILE
    | access::MAKE_SOCKET
    | access::MAKE_FIFO
    | access::MAKE_LINK
    | access::REFER
    | access::TRUNCATE
    | access::DEVICE_IOCTL;
/// No rule gives these: a device that a container makes is one that nobody gave it.
const NOBODYS: u64 = access::MAKE_CHARACTER_DEVICE | access::MAKE_BLOCK_DEVICE;
/// What a file that is no directory has; the kernel refuses a rule with more.
const OF_FILES: u64 = access::EXECUTE
    | access::WRITE_FILE
    | access::READ_FILE
    | access::TRUNCATE
    | access::DEVICE_IOCTL;

/// The first version that governs truncate(2): before it a file that is only readable could be emptied.
const FILES_SINCE: Needed = Needed { version: 3, linux: "6.2" };
const PORTS_SINCE: Needed = Needed { version: 4, linux: "6.7" };
const SCOPES_SINCE: Needed = Needed { version: 6, linux: "6.12" };
const DEVICE_IOCTL_SINCE: u32 = 5;

/// Rules on more ports would take longer than the rest of a start.
const MOST_PORTS: usize = 4096;

/// A version of Landlock, and the release of Linux that brought it.
struct Needed {
    version: u32,
    linux: &'static str,
}

/// Walls of Landlock. What nothing is said about is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LandlockPlan {
    /// Files: where there is any rule, everything else is closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<LandlockPath>,
    /// TCP ports that may be bound, first and last of ranges; nothing is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<Vec<(u16, u16)>>,
    /// TCP ports that may be connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Vec<(u16, u16)>>,
    /// Scopes that are closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<LandlockScope>,
}

/// What may be done with a file, or with all that is below a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockPath {
    /// Absolute, in the container.
    pub path: PathBuf,
    /// Whether files are written, made, removed, moved, and devices are commanded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write: bool,
    /// Whether files are executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub execute: bool,
    /// Whether it may be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Ways to others that a process has without files and ports. Others are all that are not its descendants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandlockScope {
    /// Connecting to abstract sockets of others.
    AbstractUnixSocket = 1,
    /// Signals to others.
    Signal = 2,
}

impl LandlockPlan {
    /// Whether this kernel has Landlock at all.
    #[must_use]
    pub fn is_available() -> bool {
        landlock_version().is_some()
    }

    /// Whether nothing is closed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
            && self.bind.is_none()
            && self.connect.is_none()
            && self.scopes.is_empty()
    }

    /// Takes out what this kernel does not have; says what that was, in words.
    pub fn keep_what_the_kernel_has(&mut self) -> Vec<String> {
        let version = landlock_version();
        let mut lost = Vec::new();
        if let Some(why) = self.lacks_files(version) {
            lost.push(why);
            self.paths.clear();
        }
        if let Some(why) = self.lacks_ports(version) {
            lost.push(why);
            (self.bind, self.connect) = (None, None);
        }
        if let Some(why) = self.lacks_scopes(version) {
            lost.push(why);
            self.scopes.clear();
        }
        lost
    }

    /// Whether it can be had here.
    ///
    /// # Errors
    /// When this kernel has not all of the walls, or the ports are too many.
    pub fn check(&self) -> Result<(), PlanError> {
        self.check_against(landlock_version())
    }

    fn check_against(&self, version: Option<u32>) -> Result<(), PlanError> {
        let lacks = self.lacks_files(version).or_else(|| self.lacks_ports(version));
        if let Some(why) = lacks.or_else(|| self.lacks_scopes(version)) {
            return Err(PlanError::field("landlock", why));
        }
        let ports = [&self.bind, &self.connect].into_iter().flatten().flatten();
        let count: usize =
            ports.map(|(first, last)| usize::from(last.saturating_sub(*first)) + 1).sum();
        if count > MOST_PORTS {
            let why = format!("{count} ports are named, {MOST_PORTS} are the most");
            return Err(PlanError::field("landlock", why));
        }
        Ok(())
    }

    fn lacks_files(&self, version: Option<u32>) -> Option<String> {
        lacks(!self.paths.is_empty(), "files", &FILES_SINCE, version)
    }

    fn lacks_ports(&self, version: Option<u32>) -> Option<String> {
        let governs = self.bind.is_some() || self.connect.is_some();
        lacks(governs, "ports", &PORTS_SINCE, version)
    }

    fn lacks_scopes(&self, version: Option<u32>) -> Option<String> {
        lacks(!self.scopes.is_empty(), "scopes", &SCOPES_SINCE, version)
    }

    /// One line for each wall.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for rule in &self.paths {
            let what = match (rule.write, rule.execute) {
                (false, false) => "read",
                (false, true) => "read and execute",
                (true, false) => "read and write",
                (true, true) => "read, write and execute",
            };
            let missing = if rule.optional { ", if it is there" } else { "" };
            lines.push(format!("Landlock: {what} below {}{missing}", rule.path.display()));
        }
        for (verb, ports) in [("bind", &self.bind), ("connect to", &self.connect)] {
            lines.extend(
                ports.as_ref().map(|ports| format!("Landlock: {verb} TCP ports {}", ranges(ports))),
            );
        }
        lines.extend(self.scopes.iter().map(|scope| {
            let what = match scope {
                LandlockScope::AbstractUnixSocket => "abstract sockets",
                LandlockScope::Signal => "signals",
            };
            format!("Landlock: {what} among its own processes only")
        }));
        lines
    }
}

fn lacks(wanted: bool, what: &str, needed: &Needed, version: Option<u32>) -> Option<String> {
    let has = match version {
        _ if !wanted => return None,
        Some(version) if version >= needed.version => return None,
        Some(version) => format!("this kernel has version {version}"),
        None => "this kernel has none, or has it switched off".to_owned(),
    };
    let Needed { version, linux } = needed;
    Some(format!("{what} need version {version} of Landlock (Linux {linux}), {has}"))
}

fn ranges(ports: &[(u16, u16)]) -> String {
    if ports.is_empty() {
        return "none".to_owned();
    }
    let words =
        ports.iter().map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        );
    words.collect::<Vec<_>>().join(" ")
}

/// A [`LandlockPlan`], ready.
pub(crate) struct PreparedLandlock {
    governs: LandlockRuleset,
    /// Where, what is allowed there, and whether it may be missing.
    paths: Vec<(CString, u64, bool)>,
    /// Each with its bit.
    ports: Vec<(u16, u64)>,
}

impl PreparedLandlock {
    pub(crate) fn new(plan: &LandlockPlan) -> Result<Self, StartError> {
        let version = landlock_version();
        plan.check_against(version)?;
        let governed = governed(version.unwrap_or(0));
        let rule = |rule: &LandlockPath| {
            let write = if rule.write { WRITE } else { 0 };
            let execute = if rule.execute { access::EXECUTE } else { 0 };
            Ok((path(&rule.path)?, (READ | write | execute) & governed, rule.optional))
        };
        let ports = [(&plan.bind, BIND), (&plan.connect, CONNECT)];
        let of_each = ports.iter().flat_map(|(ranges, bit)| {
            let ranges = ranges.iter().flatten();
            ranges.flat_map(|(first, last)| (*first..=*last).map(|port| (port, *bit)))
        });
        Ok(Self {
            governs: LandlockRuleset {
                files: if plan.paths.is_empty() { 0 } else { governed },
                network: ports
                    .iter()
                    .filter(|(ports, _)| ports.is_some())
                    .map(|(_, bit)| bit)
                    .sum(),
                scopes: plan.scopes.iter().fold(0, |bits, scope| bits | *scope as u64),
            },
            paths: plan.paths.iter().map(rule).collect::<Result<_, StartError>>()?,
            ports: of_each.collect(),
        })
    }

    /// Makes the ruleset, in the child: the paths are those of the root that it has by now.
    pub(crate) fn make(&self, progress: &Progress) -> Result<OwnedFd, Failed> {
        let step = ProcessStep::LandlockRules;
        progress.step(step);
        let ruleset = sys::create_landlock_ruleset(&self.governs).at(step)?;
        let root = Root::here().at(step)?;
        for (number, rule) in self.paths.iter().enumerate() {
            let at = Place::Landlock(u16::try_from(number).unwrap_or(u16::MAX));
            progress.reach(at);
            allow(&ruleset, &root, rule).map_err(|errno| Failed { at, errno })?;
        }
        progress.step(step);
        for (port, bit) in &self.ports {
            sys::allow_landlock_port(ruleset.as_fd(), *port, *bit).at(step)?;
        }
        Ok(ruleset)
    }
}

fn allow(
    ruleset: &OwnedFd,
    root: &Root,
    (path, access, optional): &(CString, u64, bool),
) -> Result<(), Errno> {
    // A path that is a link is what it leads to, inside the root.
    match sys::open_in_root(root.directory(), path.as_c_str(), OFlags::PATH, Mode::empty()) {
        Ok(place) => {
            let is_directory =
                FileType::from_raw_mode(fstat(&place)?.st_mode) == FileType::Directory;
            let access = if is_directory { *access } else { access & OF_FILES };
            sys::allow_landlock_path(ruleset.as_fd(), place.as_fd(), access)
        }
        Err(errno) if *optional && matches!(errno.raw(), libc::ENOENT | libc::ENOTDIR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// What a ruleset on files governs.
const fn governed(version: u32) -> u64 {
    let all = READ | WRITE | NOBODYS | access::EXECUTE;
    if version < DEVICE_IOCTL_SINCE { all & !access::DEVICE_IOCTL } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_plan() -> LandlockPlan {
        let rule = LandlockPath { path: "/".into(), write: true, execute: true, optional: false };
        LandlockPlan { paths: vec![rule], ..LandlockPlan::default() }
    }

    fn why(plan: &LandlockPlan, version: Option<u32>) -> String {
        plan.check_against(version).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_kernel_without_the_wall_is_refused_by_name() {
        let (none, older) = (
            "landlock: files need version 3 of Landlock (Linux 6.2), this kernel has none, or has it switched off",
            "landlock: files need version 3 of Landlock (Linux 6.2), this kernel has version 2",
        );
        assert_eq!(why(&path_plan(), None), none);
        assert_eq!(why(&path_plan(), Some(2)), older);
        assert_eq!(why(&path_plan(), Some(3)), "");
        let ports = LandlockPlan { bind: Some(vec![(80, 80)]), ..LandlockPlan::default() };
        assert!(why(&ports, Some(3)).contains("ports need version 4"));
        assert_eq!(why(&ports, Some(4)), "");
        let scopes = vec![LandlockScope::Signal];
        let scopes = LandlockPlan { scopes, ..LandlockPlan::default() };
        assert!(why(&scopes, Some(5)).contains("scopes need version 6"));
        assert_eq!(why(&LandlockPlan::default(), None), "");
    }

    #[test]
    fn ports_have_an_end() {
        let ports = LandlockPlan { connect: Some(vec![(1, 4096)]), ..LandlockPlan::default() };
        assert_eq!(why(&ports, Some(4)), "");
        let ports = LandlockPlan { connect: Some(vec![(0, u16::MAX)]), ..ports };
        assert!(why(&ports, Some(4)).contains("65536 ports"), "{}", why(&ports, Some(4)));
    }

    #[test]
    fn no_rule_gives_devices_and_all_give_what_is_governed() {
        for version in [3, 4, 5, 6, 7] {
            assert_eq!((READ | WRITE | access::EXECUTE) & NOBODYS, 0);
            assert_eq!(governed(version) & NOBODYS, NOBODYS);
        }
        assert_eq!(governed(5), (1 << 16) - 1, "all that version 5 has");
        assert_eq!(governed(4), (1 << 15) - 1);
    }

    #[test]
    fn a_plan_is_told() {
        let plan = LandlockPlan {
            bind: Some(Vec::new()),
            connect: Some(vec![(53, 53), (8000, 8009)]),
            scopes: vec![LandlockScope::Signal],
            ..path_plan()
        };
        let expected = [
            "Landlock: read, write and execute below /",
            "Landlock: bind TCP ports none",
            "Landlock: connect to TCP ports 53 8000-8009",
            "Landlock: signals among its own processes only",
        ];
        assert_eq!(plan.lines(), expected);
    }
}
