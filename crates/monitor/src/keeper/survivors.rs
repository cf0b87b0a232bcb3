//! Who still lives in a user's namespaces when the keeper is gone. Source: proc_locks(5).

use std::fs::{self, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A process that holds this file locked in another user namespace than this process's: a monitor, or a command.
pub(super) fn find(users: &Path) -> Option<OwnedFd> {
    let file = fs::metadata(users).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().filter_map(|line| holder(line, file.ino())).find_map(|pid| {
        // First: from here on the number is that process's.
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        (lives_elsewhere(pid) && has_open(pid, &file)).then_some(process)
    })
}

/// The process of a line about a file of that number: `1: FLOCK ADVISORY READ PID MAJOR:MINOR:INODE 0 EOF`.
fn holder(line: &str, inode: u64) -> Option<Pid> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, "FLOCK", _, "READ", pid, place, ..] = words.as_slice() else { return None };
    let found: u64 = place.rsplit(':').next()?.parse().ok()?;
    (found == inode).then(|| pid.parse().ok()).flatten().and_then(Pid::from_raw)
}

fn lives_elsewhere(pid: Pid) -> bool {
    let namespace = |whose: &str| fs::metadata(format!("/proc/{whose}/ns/user"));
    let (own, other) = (namespace("self"), namespace(&pid.as_raw_nonzero().to_string()));
    matches!((own, other), (Ok(own), Ok(other)) if own.ino() != other.ino())
}

/// The numbers of files of several file systems may be the same.
fn has_open(pid: Pid, file: &Metadata) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
    open.into_iter().flatten().flatten().any(|entry| {
        let found = fs::metadata(entry.path());
        found.is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock() {
        let of = |line| holder(line, 77).map(Pid::as_raw_pid);
        assert_eq!(of("1: FLOCK  ADVISORY  READ  1234 00:2d:77 0 EOF"), Some(1234));
        assert_eq!(of("1: FLOCK  ADVISORY  READ  1234 00:2d:78 0 EOF"), None);
        assert_eq!(of("1: FLOCK  ADVISORY  WRITE 1234 00:2d:77 0 EOF"), None);
        assert_eq!(of("1: POSIX  ADVISORY  READ  1234 00:2d:77 0 EOF"), None);
        assert_eq!(of("1: -> FLOCK  ADVISORY  READ  1234 00:2d:77 0 EOF"), None);
        assert_eq!(of("1: FLOCK  ADVISORY  READ  0 00:2d:77 0 EOF"), None);
    }
}
