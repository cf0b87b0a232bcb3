//! The name of a container's boot, a new one at each start: a system tells one run of its own from the next by it, as its journal does,
//! and the kernel's names the machine's.
//!
//! Start at [`Plan::name_boot`]; [`Root::name_boot`] runs in the child, where nothing allocates. Sources: random(4), "/proc interfaces";
//! RFC 9562 section 5.4.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchmod, openat};
use rustix::mount::MountAttrFlags;
use rustix::rand::{GetRandomFlags, getrandom};
use sys::{Errno, MountAttributes, mount_setattr, open_in_root};

use crate::cover;
use crate::error::{PlanError, StartError};
use crate::plan::{Plan, Step};
use crate::prepared::text;
use crate::rootfs::Root;
use crate::shown::PreparedShow;

const FILE: &str = "/proc/sys/kernel/random/boot_id";
const NAME: &CStr = c"boot_id";
/// In the container's own `/dev`, where LXC has such a file, too.
const BESIDE_DEVICES: &CStr = c".corten-boot-id";

/// Where a UUID has what is no digit of it, and where its line ends.
const BETWEEN: [usize; 4] = [8, 13, 18, 23];
const LENGTH: usize = 36;

impl Plan {
    /// Has the container's boot called by a name of its own. Where the kernel has no such file, there is none.
    ///
    /// # Errors
    /// Without a mount namespace of the container's own: others would see the name.
    pub fn name_boot(&mut self) -> Result<(), PlanError> {
        let is_devices = |step: &Step| matches!(step, Step::Mount { kind, target, .. } if kind == "tmpfs" && target == Path::new("/dev"));
        let beside_devices = self.steps.iter().any(is_devices);
        self.insert_before_root("name of the boot", Step::NameBoot { beside_devices })
    }
}

/// A [`Step::NameBoot`], ready.
pub(crate) struct PreparedName {
    file: PreparedShow,
    beside_devices: bool,
    label: Option<CString>,
}

impl PreparedName {
    pub(crate) fn new(beside_devices: bool, label: Option<&str>) -> Result<Self, StartError> {
        let file = PreparedShow::new(&[PathBuf::from(FILE)])?;
        Ok(Self { file, beside_devices, label: label.map(text).transpose()? })
    }
}

impl Root {
    /// In the child: covers the kernel's file by one in memory.
    pub(crate) fn name_boot(&self, prepared: &PreparedName) -> Result<(), Errno> {
        if prepared.beside_devices {
            let devices = open_in_root(self.directory(), c"dev", OFlags::RDONLY, Mode::empty())?;
            write(&devices, BESIDE_DEVICES)?;
            let file = openat(&devices, BESIDE_DEVICES, OFlags::PATH, Mode::empty())?;
            return self.show_one(&prepared.file, cover::protected_copy(&file)?.as_fd());
        }
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let system = cover::file_system(prepared.label.as_deref(), attributes)?;
        write(&system, NAME)?;
        let read_only =
            MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
        mount_setattr(system.as_fd(), c"", false, read_only)?;
        self.show(&prepared.file, Some(system.as_fd()))
    }
}

fn write(directory: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let mut random = [0_u8; 16];
    getrandom(&mut random, GetRandomFlags::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty())?;
    rustix::io::write(&file, &line(random))?;
    // Whatever the caller's umask is.
    Ok(fchmod(&file, Mode::RUSR | Mode::RGRP | Mode::ROTH)?)
}

/// A UUID of version 4, as the kernel writes it.
fn line(mut random: [u8; 16]) -> [u8; LENGTH + 1] {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let mut line = [b'-'; LENGTH + 1];
    line[LENGTH] = b'\n';
    let places = line.iter_mut().enumerate().filter(|(at, _)| !BETWEEN.contains(at));
    let halves = random.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    for ((_, place), half) in places.zip(halves) {
        *place = if half < 10 { b'0' + half } else { b'a' + half - 10 };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_the_kernel_does() {
        let random = [0xff, 1, 2, 3, 4, 5, 0xf6, 7, 0xf8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(line(random), *b"ff010203-0405-4607-b809-0a0b0c0d0e0f\n");
    }
}
