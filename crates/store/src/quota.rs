//! Bounds on directories: a project of their own, which the kernel counts and holds to a limit. On XFS and ext4 with project quotas.
//!
//! Nothing is written down here: a directory's project is what the file system says of it, and a project is taken as long as the
//! kernel keeps anything of it, be it a file or a limit. Start at [`bound`]. Sources: xfs_quota(8), ext4(5) "prjquota", projid(5),
//! projects(5), and `sys::set_project`.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Transaction;
use rustix::fs::{AtFlags, OFlags, StatxFlags};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::{Paths, StoreError};

/// Projects of ours: above all that people and other engines count up from.
const FIRST: u32 = 1 << 30;
const LAST: u32 = (1 << 31) - 1;
/// Two stores on one file system begin at different places, so that they do not meet.
const PLACES: u64 = 1 << 14;
const ROOM: u32 = 1 << 16;

/// What of a container and of a volume has the project. A container's own layer has it too, but the container may reach that one.
const BOUND_NAMES: [&str; 2] = ["work", "_data"];

/// Bounds new, empty directories of one file system to so many bytes together. The store's transaction keeps two commands from
/// the same project.
pub(crate) fn bound(
    _alone: &Transaction<'_>,
    paths: &Paths,
    directories: &[&Path],
    bytes: u64,
) -> Result<(), StoreError> {
    let Some(first) = directories.first() else { return Ok(()) };
    let opened = directories.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let file_system = File::open(first).map_err(StoreError::file("open", *first))?;
    check(file_system.as_fd(), &paths.root)?;
    let named = named_projects();
    let mut from = place_of(paths);
    loop {
        let project = free_project(file_system.as_fd(), from, &named)
            .map_err(StoreError::file("find a free project for", *first))?;
        for (directory, path) in opened.iter().zip(directories) {
            sys::set_project(directory.as_fd(), project)
                .map_err(StoreError::file("give a project to", *path))?;
        }
        let kept = sys::next_project_quota(file_system.as_fd(), project)
            .map_err(StoreError::file("read the quota of", *first))?;
        // Another store came to the same at this moment: both go on.
        let is_ours = kept
            .is_some_and(|kept| kept.project == project && kept.inodes <= directories.len() as u64);
        if is_ours {
            return limit(file_system.as_fd(), project, bytes, first);
        }
        from = project + 1;
    }
}

/// Puts a new, empty directory into the project of another one, where that has one of ours: both are bound together.
pub(crate) fn share(with: &Path, directory: &Path) -> Result<(), StoreError> {
    let Some(project) = own_project(open(with)?.as_fd()) else { return Ok(()) };
    sys::set_project(open(directory)?.as_fd(), project)
        .map_err(StoreError::file("give a project to", directory))
}

/// Changes the bound of a directory; nothing where it has no project of ours. Zero takes the bound away.
pub(crate) fn rebound(directory: &Path, bytes: u64) -> Result<Option<()>, StoreError> {
    let opened = open(directory)?;
    match own_project(opened.as_fd()) {
        Some(project) => {
            check(opened.as_fd(), directory)?;
            limit(opened.as_fd(), project, bytes, directory).map(Some)
        }
        None => Ok(None),
    }
}

/// Takes the bounds of a volume or a container away, before its files go: a project without limit and files is free again.
pub(crate) fn release(directory: &Path) {
    for name in BOUND_NAMES {
        let Ok(opened) = open(&directory.join(name)) else { continue };
        if let Some(project) = own_project(opened.as_fd()) {
            // Best effort: what stays is a number that nobody takes.
            let _kept = sys::set_project_limit(opened.as_fd(), project, 0);
        }
    }
}

/// The limit of a directory of ours; nothing where it has none.
pub(crate) fn limit_of(directory: &Path) -> Option<u64> {
    let opened = open(directory).ok()?;
    let project = own_project(opened.as_fd())?;
    let kept = sys::next_project_quota(opened.as_fd(), project).ok()??;
    (kept.project == project && kept.limit_bytes > 0).then_some(kept.limit_bytes)
}

fn open(directory: &Path) -> Result<File, StoreError> {
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    File::options()
        .read(true)
        .custom_flags(flags)
        .open(directory)
        .map_err(StoreError::file("open", directory))
}

fn limit(
    file_system: BorrowedFd<'_>,
    project: u32,
    bytes: u64,
    directory: &Path,
) -> Result<(), StoreError> {
    sys::set_project_limit(file_system, project, bytes)
        .map_err(StoreError::file("bound the size of", directory))
}

/// One that a directory has of us: what an administrator has put the whole store into is not ours to change.
fn own_project(directory: BorrowedFd<'_>) -> Option<u32> {
    let (project, inherits) = sys::project(directory).ok()?;
    (inherits && (FIRST..=LAST).contains(&project)).then_some(project)
}

fn place_of(paths: &Paths) -> u32 {
    let inode = std::fs::metadata(&paths.root).map_or(0, |about| about.ino());
    let place = u32::try_from(inode % PLACES).unwrap_or(0);
    FIRST + place * ROOM
}

/// The first project from `from` on that the kernel keeps nothing of and that no file of the machine names; behind the last
/// comes the first.
fn free_project(
    file_system: BorrowedFd<'_>,
    from: u32,
    named: &HashSet<u32>,
) -> Result<u32, sys::Errno> {
    let mut candidate = from.clamp(FIRST, LAST);
    for _ in FIRST..=LAST {
        let kept = sys::next_project_quota(file_system, candidate)?;
        let is_kept = kept.is_some_and(|kept| {
            kept.project == candidate
                && (kept.inodes, kept.used_bytes, kept.limit_bytes) != (0, 0, 0)
        });
        if !is_kept && !named.contains(&candidate) {
            break;
        }
        candidate = if candidate == LAST { FIRST } else { candidate + 1 };
    }
    Ok(candidate)
}

/// Projects that the administrator has given away: projid(5) has `NAME:NUMBER`, projects(5) has `NUMBER:PATH`.
fn named_projects() -> HashSet<u32> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    named(&read("/etc/projid"), &read("/etc/projects"))
}

fn named(names: &str, places: &str) -> HashSet<u32> {
    let numbers = names.lines().filter_map(|line| line.rsplit(':').next());
    let places = places.lines().filter_map(|line| line.split(':').next());
    numbers.chain(places).filter_map(|number| number.trim().parse().ok()).collect()
}

/// Whether the file system holds projects to their limits; else it is refused by its name.
fn check(file_system: BorrowedFd<'_>, what: &Path) -> Result<(), StoreError> {
    let (counts, holds) = match sys::project_quotas(file_system) {
        Ok(state) => state,
        Err(errno) if errno.name() == Some("EPERM") => {
            return Err(StoreError::file("read the quotas at", what)(errno));
        }
        Err(_unknown) => (false, false),
    };
    if holds {
        return Ok(());
    }
    let (file_system, mount) = mounted(file_system).unwrap_or_default();
    Err(StoreError::NoQuotas { what: what.to_owned(), file_system, mount, asleep: counts })
}

/// Kind and place of the mount that an open file is on.
fn mounted(file: BorrowedFd<'_>) -> Option<(String, PathBuf)> {
    let about = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    find_mount(&table, about.stx_mnt_id)
}

/// A line is `ID PARENT DEVICE ROOT PLACE OPTIONS … - KIND SOURCE OPTIONS`. proc_pid_mountinfo(5).
fn find_mount(table: &str, id: u64) -> Option<(String, PathBuf)> {
    let id = id.to_string();
    let line = table.lines().find(|line| line.split(' ').next() == Some(&id))?;
    let place = line.split(' ').nth(4)?.replace("\\040", " ");
    let kind = line.split(" - ").nth(1)?.split(' ').next()?;
    Some((kind.to_owned(), place.into()))
}

/// While it lives, this thread's files count against quotas as everybody's do: ext4 lets whoever has CAP_SYS_RESOURCE pass every
/// limit (capabilities(7)), and what is copied into a bounded volume would.
#[derive(Debug)]
pub struct Bounded(Option<CapabilitySets>);

impl Bounded {
    /// Begins to count.
    #[must_use]
    pub fn new() -> Self {
        let Ok(before) = rustix::thread::capabilities(None) else { return Self(None) };
        let mut without = before;
        without.effective.remove(CapabilitySet::SYS_RESOURCE);
        let is_less = rustix::thread::set_capabilities(None, without).is_ok();
        Self(is_less.then_some(before))
    }
}

impl Default for Bounded {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            // What was permitted may become effective again: capset(2).
            let _as_before = rustix::thread::set_capabilities(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_of_others_are_known() {
        let known = named("# names\nlogs:1073741824\nbad\n", "1073741825:/srv/a:b\n#7:/x\n 9:/y\n");
        assert_eq!(known, HashSet::from([1 << 30, (1 << 30) + 1, 9]));
    }

    #[test]
    fn a_mount_is_found_by_its_number() {
        let table = "21 1 8:1 / / rw - ext4 /dev/a rw\n\
                     22 21 8:2 / /mnt/a\\040b rw,relatime shared:1 - xfs /dev/b rw,noquota\n";
        assert_eq!(find_mount(table, 22), Some(("xfs".to_owned(), "/mnt/a b".into())));
        assert_eq!(find_mount(table, 2), None);
    }

    #[test]
    fn only_this_thread_counts_for_a_while() {
        let effective = || rustix::thread::capabilities(None).unwrap().effective;
        let before = effective();
        let bounded = Bounded::new();
        assert!(!effective().contains(CapabilitySet::SYS_RESOURCE));
        drop(bounded);
        assert_eq!(effective(), before);
    }
}
