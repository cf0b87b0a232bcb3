//! The ids by which a thread makes files and is judged at them, beside those that it has. Sources: setfsuid(2), setfsgid(2),
//! credentials(7).

use crate::Errno;

/// Sets both for the calling thread. A change from root's to others' takes the effective capabilities about files away; they can
/// be set again: capabilities(7), "Effect of user ID changes on capabilities". A change of the user also makes the process
/// undumpable, as `/proc/sys/fs/suid_dumpable` has it: prctl(2), PR_SET_DUMPABLE.
///
/// # Errors
/// EPERM when the kernel keeps what was there: without CAP_SETUID and CAP_SETGID, or for ids that are not mapped.
pub fn set_file_system_ids(uid: u32, gid: u32) -> Result<(), Errno> {
    // Neither call tells whether it did anything: asked for an id that nobody has it does nothing, and gives the one that is.
    let (no_group, no_user) = (libc::gid_t::MAX, libc::uid_t::MAX);
    // SAFETY: the call takes a number and touches no memory.
    let _before = unsafe { libc::setfsgid(gid) };
    // SAFETY: the call takes a number and touches no memory.
    let group = unsafe { libc::setfsgid(no_group) };
    // SAFETY: the call takes a number and touches no memory.
    let _before = unsafe { libc::setfsuid(uid) };
    // SAFETY: the call takes a number and touches no memory.
    let user = unsafe { libc::setfsuid(no_user) };
    let is = |answer: libc::c_int, wanted: u32| answer.cast_unsigned() == wanted;
    if is(user, uid) && is(group, gid) { Ok(()) } else { Err(Errno::from_raw(libc::EPERM)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_as_somebody_else() {
        use std::os::unix::fs::MetadataExt;
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(directory.path(), Some(7), Some(8)).unwrap();
        // Of this thread alone.
        let made = std::thread::scope(|scope| {
            let make = || {
                set_file_system_ids(7, 8).unwrap();
                let made = std::fs::File::create(directory.path().join("made")).unwrap();
                made.metadata().map(|about| (about.uid(), about.gid())).unwrap()
            };
            scope.spawn(make).join().unwrap()
        });
        assert_eq!(made, (7, 8));
        assert!(set_file_system_ids(0, 0).is_ok());
    }
}
