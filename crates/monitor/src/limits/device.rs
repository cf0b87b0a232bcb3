//! The kernel's end: a file system of FUSE that is mounted nowhere, and the device that its requests come from. Nothing of the host ever
//! sees it. Sources: fuse(4), kernel Documentation/filesystems/fuse/fuse.rst, fsopen(2), fsmount(2).

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use sys::Errno;

use super::answers::{Answers, Contents};
use super::wire::{BUFFER, Out, Request};

/// Requests that are answered in one go; then others have their turn.
const MOST_AT_ONCE: usize = 16;

/// What became of the requests that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// All that there were, or as many as go at once.
    Some,
    /// There will be none any more: nobody has it mounted.
    Ended,
}

/// The device, and room for one request.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) descriptor: OwnedFd,
    buffer: Box<[u8; BUFFER]>,
}

impl Device {
    /// Makes the file system; the second of the two is its mount, attached nowhere. With a label of SELinux all of it has that.
    ///
    /// # Errors
    /// ENOENT, EACCES or ENODEV where this machine has no FUSE for the caller.
    pub(super) fn make(label: Option<&str>) -> Result<(Self, OwnedFd), Errno> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let descriptor = open(c"/dev/fuse", flags, Mode::empty())?;
        let context = fsopen(c"fuse", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let context = context.as_fd();
        let number = descriptor.as_fd().as_raw_fd().to_string();
        let options = [
            ("source", "limits"),
            ("fd", number.as_str()),
            ("rootmode", "40555"),
            ("user_id", "0"),
        ];
        for (name, value) in options.into_iter().chain([("group_id", "0")]) {
            fsconfig_set_string(context, name, value)?;
        }
        for flag in ["default_permissions", "allow_other", "ro"] {
            fsconfig_set_flag(context, flag)?;
        }
        if let Some(label) = label {
            fsconfig_set_string(context, "context", label)?;
        }
        fsconfig_create(context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        Ok((Self { descriptor, buffer: Box::new([0; BUFFER]) }, mount))
    }

    /// Answers what waits, without waiting itself.
    pub(super) fn serve(&mut self, answers: &mut Answers, contents: &mut impl Contents) -> Served {
        let mut out = Out::new();
        for _ in 0..MOST_AT_ONCE {
            let length = match rustix::io::read(&self.descriptor, &mut self.buffer[..]) {
                Ok(length) => length,
                Err(Raw::NODEV) => return Served::Ended,
                // ENOENT: whoever asked was killed meanwhile.
                Err(Raw::NOENT | Raw::INTR) => continue,
                Err(_nothing_waits) => return Served::Some,
            };
            let bytes = self.buffer.get(..length).unwrap_or_default();
            let Some(request) = Request::parse(bytes) else { continue };
            let Some(content) = answers.answer(request, contents, Instant::now(), &mut out) else {
                continue;
            };
            let parts = [IoSlice::new(out.bytes()), IoSlice::new(content.bytes())];
            // Who asked may be gone.
            let _gone = rustix::io::writev(&self.descriptor, &parts);
        }
        Served::Some
    }
}
