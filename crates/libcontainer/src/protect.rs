//! The program's own file, out of the reach of what it starts (CVE-2019-5736).
//!
//! A container can open `/proc/PID/exe` of a process of ours that is about to become its program, and write to it once that
//! process is gone. What is executed from a read-only mount that nobody else has cannot be opened for writing through it.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    CWD, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fstat, memfd_create, open, sendfile,
};
use rustix::mount::{OpenTreeFlags, open_tree};
use sys::{Errno, MountAttributes, mount_setattr};

const OWN: &CStr = c"/proc/self/exe";

/// The running program, to be executed with execveat(2): on a read-only mount of its own, or where that is refused (without
/// CAP_SYS_ADMIN, or before Linux 5.12) as a sealed copy in memory.
///
/// # Errors
/// When the program can neither be reached by a mount nor be copied.
pub fn own_program() -> Result<OwnedFd, Errno> {
    read_only_mount().or_else(|_refused| sealed_copy())
}

fn read_only_mount() -> Result<OwnedFd, Errno> {
    let tree =
        open_tree(CWD, OWN, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    let read_only = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
    mount_setattr(tree.as_fd(), c"", false, read_only)?;
    Ok(tree)
}

/// The seals hold even against root: fcntl(2), "File Sealing".
fn sealed_copy() -> Result<OwnedFd, Errno> {
    let program = open(OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let copy = memfd_create(c"program", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut left = usize::try_from(fstat(&program)?.st_size).unwrap_or(0);
    while left > 0 {
        match sendfile(&copy, &program, None, left)? {
            0 => return Err(Errno::from_raw(libc::EIO)),
            sent => left = left.saturating_sub(sent),
        }
    }
    seal(&copy)?;
    Ok(copy)
}

/// The kernel refuses to seal a file while anything holds a page of it, be it for a moment to move it (compaction): it looks
/// four times, within 150 ms, and says EBUSY (mm/memfd.c, `memfd_wait_for_pins`). A busy machine takes longer.
fn seal(copy: &OwnedFd) -> Result<(), Errno> {
    const ATTEMPTS: u32 = 40;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    let mut attempts = 0..ATTEMPTS;
    loop {
        match fcntl_add_seals(copy, seals) {
            Err(rustix::io::Errno::BUSY) if attempts.next().is_some() => (),
            sealed => return Ok(sealed?),
        }
    }
}

/// Device and inode of this program's file: what no container is to execute.
pub(crate) fn own_identity() -> Option<(u64, u64)> {
    rustix::fs::stat(OWN).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use rustix::pipe::SpliceFlags;

    use super::*;

    #[test]
    fn the_copy_is_whole_and_sealed() {
        let copy = sealed_copy().unwrap();
        let original = rustix::fs::stat(OWN).unwrap();
        assert_eq!(fstat(&copy).unwrap().st_size, original.st_size);
        assert_eq!(rustix::io::write(&copy, b"x"), Err(rustix::io::Errno::PERM));
    }

    #[test]
    fn a_page_that_is_held_for_a_while_is_waited_for() {
        let copy = memfd_create(c"held", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::io::write(&copy, &[1; 4096]).unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let from = Some(&mut 0);
        rustix::pipe::splice(&copy, from, &writer, None, 4096, SpliceFlags::empty()).unwrap();
        let refused = fcntl_add_seals(&copy, SealFlags::WRITE);
        assert_eq!(refused, Err(rustix::io::Errno::BUSY), "the pipe holds it");
        std::thread::scope(|scope| {
            let sealing = scope.spawn(|| seal(&copy));
            assert_eq!(rustix::io::read(&reader, &mut [0; 4096]), Ok(4096));
            assert_eq!(sealing.join().unwrap(), Ok(()));
        });
    }
}
