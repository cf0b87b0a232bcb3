//! Pipes for a container's streams, which its processes may use where SELinux confines them.
//!
//! A pipe has the label of the process that makes it, which a confined process may neither read nor write: what the container
//! writes would be lost, without a word to anybody. Only a file can be labelled, so a labelled pipe is a FIFO in a tmpfs of its
//! own that is mounted nowhere: nothing is left of it, however this process ends. Sources: pipe(7), fifo(7), fsmount(2),
//! mount(8) "context=".

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mknodat, openat, unlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};
use rustix::pipe::{PipeFlags, pipe_with};
use sys::Errno;

/// Where a container's pipes come from.
#[derive(Debug)]
pub struct Pipes {
    /// A tmpfs whose files all have the label; nothing where pipes need none.
    labelled: Option<OwnedFd>,
}

impl Pipes {
    /// For a container whose files are labelled so.
    ///
    /// # Errors
    /// What the kernel says to a file system with that label.
    pub fn labelled(label: Option<&str>) -> Result<Self, Errno> {
        let label = label.filter(|_| crate::selinux::enabled());
        Ok(Self { labelled: label.map(tmpfs).transpose()? })
    }

    /// The end to read from and the end to write to. Both wait.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn pipe(&self) -> Result<(OwnedFd, OwnedFd), Errno> {
        match &self.labelled {
            None => pipe_with(PipeFlags::CLOEXEC).map_err(Errno::from),
            Some(directory) => fifo(directory),
        }
    }
}

fn tmpfs(label: &str) -> Result<OwnedFd, Errno> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"context", label)?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::empty();
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(Errno::from)
}

fn fifo(directory: &OwnedFd) -> Result<(OwnedFd, OwnedFd), Errno> {
    const NAME: &str = "pipe";
    mknodat(directory, NAME, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // Whoever reads without waiting need not wait for a writer, who then finds a reader: fifo(7).
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let read = openat(directory, NAME, flags, Mode::empty())?;
    let write = openat(directory, NAME, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    unlinkat(directory, NAME, AtFlags::empty())?;
    rustix::io::ioctl_fionbio(&read, false)?;
    Ok((read, write))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifos_of_a_tmpfs_are_pipes() {
        let Ok(context) = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC) else {
            return eprintln!("skipped: only root makes file systems");
        };
        fsconfig_create(context.as_fd()).unwrap();
        let attributes = MountAttrFlags::empty();
        let place = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).unwrap();
        let pipes = Pipes { labelled: Some(place) };
        for text in [b"one", b"two"] {
            let (read, write) = pipes.pipe().unwrap();
            assert_eq!(rustix::io::write(&write, text).unwrap(), 3);
            drop(write);
            let mut buffer = [0_u8; 8];
            assert_eq!(rustix::io::read(&read, &mut buffer).unwrap(), 3);
            assert_eq!(&buffer[..3], text);
            assert_eq!(rustix::io::read(&read, &mut buffer).unwrap(), 0, "no writer is left");
        }
    }

    #[test]
    fn without_a_label_they_are_the_kernels_own() {
        let pipes = Pipes::labelled(None).unwrap();
        assert!(pipes.labelled.is_none());
        let (read, write) = pipes.pipe().unwrap();
        drop(read);
        assert_eq!(rustix::io::write(&write, b"x"), Err(rustix::io::Errno::PIPE));
    }
}
