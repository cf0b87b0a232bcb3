//! Performing a plan's writes.

use std::os::fd::OwnedFd;

use rustix::io::Errno as Raw;

use super::directory::Directory;
use super::{CgroupError, Controller, Errno, Setting};

/// Writes every setting; returns those that were optional and have no file here.
///
/// Values that are there may forbid the plan's order (a limit above the old memory + swap, a period that makes the old quota
/// exceed the one of the group above): what is invalid is tried again at the end. For an `unprivileged` user device rules that
/// the kernel does not let him set are left out.
pub(super) fn apply(
    directories: &[Directory],
    settings: &[Setting],
    unprivileged: bool,
) -> Result<Vec<Setting>, CgroupError> {
    let mut skipped = Vec::new();
    let mut again = Vec::new();
    // Device rules are many writes to one file.
    let mut open: Option<(&str, OwnedFd)> = None;
    for setting in settings {
        let directory = carrier(directories, setting.controller)?;
        let outcome = match &open {
            Some((file, opened)) if *file == setting.file => write(opened, &setting.value),
            _ => directory.open_to_write(&setting.file).and_then(|opened| {
                let outcome = write(&opened, &setting.value);
                open = Some((&setting.file, opened));
                outcome
            }),
        };
        match outcome {
            Ok(()) => {}
            // Only who has CAP_SYS_ADMIN outside sets rules, and only root makes devices: kernel security/device_cgroup.c.
            Err(Raw::ACCESS | Raw::PERM)
                if unprivileged && setting.controller == Some(Controller::Devices) => {}
            Err(Raw::INVAL) => again.push((directory, setting)),
            Err(errno) if is_absent(errno) => match fall_back(directory, setting)? {
                true => {}
                false => skipped.push(setting.clone()),
            },
            Err(errno) => return Err(refused(directory, setting, errno.into())),
        }
    }
    for (directory, setting) in again {
        directory
            .write(&setting.file, &setting.value)
            .map_err(|errno| refused(directory, setting, errno))?;
    }
    Ok(skipped)
}

/// As [`apply`], or not at all: where the kernel refuses a setting, those that it took before have what they had. Only a device
/// that had no limit of its own keeps the new one: its file had no line of it.
pub(super) fn change(
    directories: &[Directory],
    settings: &[Setting],
    unprivileged: bool,
) -> Result<Vec<Setting>, CgroupError> {
    let before = present(directories, settings);
    let changed = apply(directories, settings, unprivileged);
    if changed.is_err() {
        restore(&before);
    }
    changed
}

/// What a file has.
struct Present<'a> {
    directory: &'a Directory,
    file: &'a str,
    text: String,
}

/// What the files of settings have, in their order.
fn present<'a>(directories: &'a [Directory], settings: &'a [Setting]) -> Vec<Present<'a>> {
    let mut found: Vec<Present<'_>> = Vec::with_capacity(settings.len());
    for setting in settings {
        let Ok(directory) = carrier(directories, setting.controller) else { continue };
        let fallback = setting.fallback.as_ref().map(|(file, _)| file);
        for file in [Some(&setting.file), fallback].into_iter().flatten() {
            if found.iter().any(|one| one.file == file) {
                continue;
            }
            // What is not there is not written either.
            if let Ok(text) = directory.read_raw(file) {
                found.push(Present { directory, file, text });
            }
        }
    }
    found
}

/// The last one first. Values may forbid this order as any other: what is refused is tried again when the rest is back. Where
/// that fails too, the error of the change tells more.
fn restore(before: &[Present<'_>]) {
    let refused: Vec<_> = before.iter().rev().filter(|one| one.restore().is_err()).collect();
    for one in refused {
        let _changed = one.restore();
    }
}

impl Present<'_> {
    fn restore(&self) -> Result<(), Errno> {
        if self.text.trim().is_empty() {
            // Nothing at all is no write(2).
            return self.directory.write(self.file, "\n");
        }
        // A line for each device; the kernel takes one at a time.
        self.text.lines().try_for_each(|line| self.directory.write(self.file, value(line)))
    }
}

/// What is written, of a line that is read: `memory.oom_control` of v1 names its values.
fn value(line: &str) -> &str {
    line.strip_prefix("oom_kill_disable ").unwrap_or(line)
}

fn write(opened: &OwnedFd, value: &str) -> Result<(), Raw> {
    rustix::io::write(opened, value.as_bytes()).map(drop)
}

/// cgroupfs has no files but the kernel's; opening others is EACCES or EPERM with O_CREAT, ENOENT without. A file whose
/// mechanism is switched off answers EOPNOTSUPP (`memory.memsw` without swap accounting, `blkio.bfq.weight` never).
fn is_absent(errno: Raw) -> bool {
    errno == Raw::NOENT || errno == Raw::OPNOTSUPP
}

/// Writes the other file; `false` when there is none and the setting is optional.
fn fall_back(directory: &Directory, setting: &Setting) -> Result<bool, CgroupError> {
    if let Some((file, value)) = &setting.fallback {
        match directory.write(file, value) {
            Ok(()) => return Ok(true),
            Err(errno) if errno == Raw::NOENT.into() || errno == Raw::OPNOTSUPP.into() => {}
            Err(errno) => {
                return Err(CgroupError::Set { file: file.clone(), value: value.clone(), errno });
            }
        }
    }
    if setting.optional {
        return Ok(false);
    }
    Err(CgroupError::Absent { file: setting.file.clone(), value: setting.value.clone() })
}

fn refused(directory: &Directory, setting: &Setting, errno: Errno) -> CgroupError {
    let (file, value) = (setting.file.clone(), setting.value.clone());
    let present = match file.as_str() {
        "cpuset.cpus" => ["cpuset.cpus.effective", "cpuset.effective_cpus"],
        "cpuset.mems" => ["cpuset.mems.effective", "cpuset.effective_mems"],
        _ => return CgroupError::Set { file, value, errno },
    };
    // What the group above has; its own may be fewer already. The names are v2's and v1's.
    let place = directory.place.path();
    let above = place.parent().unwrap_or(&place);
    let present = present.iter().find_map(|file| std::fs::read_to_string(above.join(file)).ok());
    match present.as_deref().map(str::trim).filter(|present| !present.is_empty()) {
        Some(present) => CgroupError::NotAmong {
            file: file.into(),
            value: value.into(),
            present: present.into(),
            errno,
        },
        None => CgroupError::Set { file, value, errno },
    }
}

fn carrier(
    directories: &[Directory],
    controller: Option<Controller>,
) -> Result<&Directory, CgroupError> {
    let carries =
        |directory: &&Directory| controller.is_some_and(|controller| directory.carries(controller));
    let tree = || directories.iter().find(|directory| directory.place.unified);
    directories
        .iter()
        .find(carries)
        .or_else(tree)
        .ok_or(CgroupError::Unsupported { operation: "set limits", missing: "the controller" })
}
