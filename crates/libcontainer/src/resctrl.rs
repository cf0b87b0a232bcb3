//! Intel Resource Director Technology: groups of the `resctrl` file system that divide caches and memory bandwidth.
//!
//! The parent makes the groups and writes the container's process into them. [`Resctrl`] is what was made; whoever deletes the
//! container removes it. Start at [`Resctrl::apply`]. Sources: config-linux.md "IntelRdt", kernel arch/x86/resctrl.rst.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sys::Errno;

use crate::cgroup::unescape;

/// What a configuration asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResctrlPlan {
    /// The class of service; nothing is the root group, which is everybody's.
    pub group: Option<String>,
    /// Whether the group is the container's own: made for it, and removed with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// Lines that a class which exists must have already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<String>,
    /// Lines for its `schemata`, those agreed upon first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemata: Vec<String>,
    /// Name of a group that is watched by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
}

/// The groups of a container, and which of them are removed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resctrl {
    /// Directories that its processes are in, the class first.
    pub groups: Vec<PathBuf>,
    /// Directories that were made for it alone.
    pub made: Vec<PathBuf>,
}

/// Why a container could not be put into a class of service.
#[derive(Debug, thiserror::Error)]
pub enum ResctrlError {
    /// `linux.intelRdt` on a machine without it.
    #[error("linux.intelRdt: no resctrl file system is mounted")]
    NotMounted,
    /// A class that is not described must exist.
    #[error("linux.intelRdt.closID: there is no class of service {}", path.display())]
    NoSuchClass {
        /// Its directory.
        path: PathBuf,
    },
    /// A class that exists and is described must be as described.
    #[error("linux.intelRdt: {} is not what {} has: {has:?}", wanted, path.display())]
    Differs {
        /// The line of the configuration.
        wanted: String,
        /// The class's directory.
        path: PathBuf,
        /// Its schemata.
        has: String,
    },
    /// A file or directory of the file system.
    #[error("{action} {}{}", path.display(), said(status))]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel says in `info/last_cmd_status`; empty when it says nothing.
        status: String,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
}

fn said(status: &str) -> String {
    if status.is_empty() { String::new() } else { format!(" ({status})") }
}

impl Resctrl {
    /// Makes what is planned, and puts a process there.
    ///
    /// # Errors
    /// [`ResctrlError::NotMounted`] above all; nothing that was made is left.
    pub(crate) fn apply(plan: &ResctrlPlan, pid: i32) -> Result<Self, ResctrlError> {
        let path = Path::new("/proc/self/mountinfo");
        let mounts = fs::read_to_string(path).map_err(|error| failed("read", path, error))?;
        let root = mounted(&mounts).ok_or(ResctrlError::NotMounted)?;
        Self::apply_at(&root, plan, pid)
    }

    fn apply_at(root: &Path, plan: &ResctrlPlan, pid: i32) -> Result<Self, ResctrlError> {
        let mut resctrl = Self { groups: Vec::new(), made: Vec::new() };
        let done = resctrl.make(root, plan).and_then(|()| resctrl.admit(pid));
        match done {
            Ok(()) => Ok(resctrl),
            Err(error) => {
                let _kept = resctrl.remove();
                Err(error.with_status(root))
            }
        }
    }

    fn make(&mut self, root: &Path, plan: &ResctrlPlan) -> Result<(), ResctrlError> {
        let path = plan.group.as_ref().map_or_else(|| root.to_owned(), |group| root.join(group));
        let exists = path.is_dir();
        if !plan.own && plan.schemata.is_empty() && !exists {
            return Err(ResctrlError::NoSuchClass { path });
        }
        if !exists {
            fs::create_dir(&path).map_err(|error| failed("make", &path, error))?;
            // A class with a name of its own stays, even one that did not exist: others may use it by now.
            self.made.extend(plan.own.then(|| path.clone()));
        } else if !plan.agreed.is_empty() {
            compare(&path, &plan.agreed)?;
        }
        if !plan.schemata.is_empty() {
            let lines: String = plan.schemata.iter().map(|line| format!("{line}\n")).collect();
            write(&path.join("schemata"), &lines)?;
        }
        self.groups.push(path.clone());
        if let Some(name) = &plan.monitor {
            let path = path.join("mon_groups").join(name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(failed("make", &path, error));
                }
                // Named by the container: one that is there was left by another of that name.
                _ => self.made.push(path.clone()),
            }
            self.groups.push(path);
        }
        Ok(())
    }

    /// Puts a process into the container's groups: for one that joins it.
    ///
    /// # Errors
    /// [`ResctrlError::File`], with ESRCH when the process has ended.
    pub fn admit(&self, pid: i32) -> Result<(), ResctrlError> {
        self.groups.iter().try_for_each(|group| write(&group.join("tasks"), &pid.to_string()))
    }

    /// Removes what was made for the container alone; its processes that are left fall back to the root group.
    ///
    /// # Errors
    /// [`ResctrlError::File`], the first of them; the others are removed nevertheless.
    pub fn remove(&self) -> Result<(), ResctrlError> {
        let mut outcome = Ok(());
        // A group of tasks that are watched is inside the class.
        for path in self.made.iter().rev() {
            match fs::remove_dir(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    outcome = outcome.and(Err(failed("remove", path, error)));
                }
                _ => {}
            }
        }
        outcome
    }
}

impl ResctrlError {
    /// With what the kernel says about its last refusal.
    fn with_status(self, root: &Path) -> Self {
        match self {
            Self::File { action, path, errno, .. } => {
                let status = fs::read_to_string(root.join("info/last_cmd_status"));
                let status = status.map(|text| text.trim().to_owned()).unwrap_or_default();
                let status = if status == "ok" { String::new() } else { status };
                Self::File { action, path, status, errno }
            }
            other @ (Self::NotMounted | Self::NoSuchClass { .. } | Self::Differs { .. }) => other,
        }
    }
}

/// Where the file system is mounted.
fn mounted(mountinfo: &str) -> Option<PathBuf> {
    let line = mountinfo.lines().find(|line| line.contains(" - resctrl "))?;
    line.split(' ').nth(4).map(unescape)
}

fn compare(path: &Path, wanted: &[String]) -> Result<(), ResctrlError> {
    let file = path.join("schemata");
    let has = fs::read_to_string(&file).map_err(|error| failed("read", &file, error))?;
    let has_lines: Vec<_> = has.lines().map(Schema::parse).collect();
    let differs = wanted.iter().find(|line| !has_lines.contains(&Schema::parse(line)));
    differs.map_or(Ok(()), |line| {
        Err(ResctrlError::Differs {
            wanted: line.clone(),
            path: path.to_owned(),
            has: has.trim().to_owned(),
        })
    })
}

/// A line of `schemata`, however it is written: the kernel pads numbers, and sorts domains.
#[derive(PartialEq, Eq)]
struct Schema<'a> {
    resource: &'a str,
    domains: Vec<(&'a str, &'a str)>,
}

impl<'a> Schema<'a> {
    fn parse(line: &'a str) -> Self {
        let (resource, domains) = line.split_once(':').unwrap_or((line, ""));
        let bare = |number: &'a str| {
            let number = number.trim();
            let significant = number.trim_start_matches('0');
            if significant.is_empty() { number.get(..1).unwrap_or("") } else { significant }
        };
        let mut domains: Vec<_> = domains
            .split(';')
            .filter_map(|domain| domain.split_once('='))
            .map(|(id, value)| (bare(id), bare(value)))
            .collect();
        domains.sort_unstable();
        Self { resource: resource.trim(), domains }
    }
}

fn write(path: &Path, text: &str) -> Result<(), ResctrlError> {
    // The kernel makes these files with their directory.
    let written = fs::OpenOptions::new().write(true).open(path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed("write", path, error))
}

fn failed(action: &'static str, path: &Path, error: std::io::Error) -> ResctrlError {
    ResctrlError::File { action, path: path.to_owned(), status: String::new(), errno: error.into() }
}

#[cfg(test)]
mod tests;
