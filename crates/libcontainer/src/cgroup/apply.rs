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
            Err(errno) => return Err(refused(setting, errno.into())),
        }
    }
    for (directory, setting) in again {
        directory.write(&setting.file, &setting.value).map_err(|errno| refused(setting, errno))?;
    }
    Ok(skipped)
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

fn refused(setting: &Setting, errno: Errno) -> CgroupError {
    CgroupError::Set { file: setting.file.clone(), value: setting.value.clone(), errno }
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
