//! Extended attributes. SELinux labels are the host's policy and stay where they are.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{
    Mode, OFlags, XattrFlags, fgetxattr, flistxattr, fsetxattr, getxattr, listxattr, lsetxattr,
    openat,
};
use rustix::io::Errno;
use sys::Errno as Named;

use crate::IdShift;

/// More than the kernel gives: XATTR_LIST_MAX and XATTR_SIZE_MAX of limits.h.
const MOST_BYTES: usize = 65536;

/// What a program may do beyond its user: capabilities(7), "File capabilities".
const CAPABILITY: &[u8] = b"security.capability";

/// Copies all of an open file or directory to another one, but for SELinux labels.
///
/// # Errors
/// As fgetxattr(2) and fsetxattr(2).
pub fn copy_attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Named> {
    Ok(of_open(from, to, (true, None))?)
}

/// Names and values of all of an open file or directory, in the order of their names, but for SELinux labels.
///
/// # Errors
/// As flistxattr(2) and fgetxattr(2).
pub fn attributes(from: BorrowedFd<'_>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Named> {
    let found = RefCell::new(BTreeMap::new());
    each(
        |_name| true,
        |into| flistxattr(from, into),
        |name, into| fgetxattr(from, name, into),
        |name, value| {
            found.borrow_mut().insert(name.to_vec(), value.to_vec());
            Ok(())
        },
    )?;
    Ok(found.into_inner())
}

/// Those of an open file or directory.
pub(super) fn of_open(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    (privileges, ids): (bool, Option<&IdShift>),
) -> Result<(), Errno> {
    each(
        |name| privileges || name != CAPABILITY,
        |into| flistxattr(from, into),
        |name, into| fgetxattr(from, name, into),
        |name, value| fsetxattr(to, name, &shifted(ids, name, value), XattrFlags::empty()),
    )
}

fn shifted<'a>(ids: Option<&IdShift>, name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    ids.map_or(Cow::Borrowed(value), |ids| Cow::Owned(ids.attribute(name, value.to_vec())))
}

/// Those of a symbolic link, through the magic link to what is open: proc_pid_fd(5).
pub(super) fn of_link(
    from: BorrowedFd<'_>,
    name: &[u8],
    to: BorrowedFd<'_>,
    to_name: &[u8],
) -> Result<(), Errno> {
    let link =
        openat(from, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let source = format!("/proc/self/fd/{}", link.as_raw_fd());
    let target = [format!("/proc/self/fd/{}/", to.as_raw_fd()).as_bytes(), to_name].concat();
    each(
        |_name| true,
        |into| listxattr(&source, into),
        |name, into| getxattr(&source, name, into),
        |name, value| lsetxattr(&target[..], name, value, XattrFlags::empty()),
    )
}

fn each(
    wanted: impl Fn(&[u8]) -> bool,
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
    set: impl Fn(&[u8], &[u8]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let names = match whole(&list) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        names => names?,
    };
    for name in names.split(|byte| *byte == 0) {
        if name.is_empty() || name == b"security.selinux" || !wanted(name) {
            continue;
        }
        match whole(&|into| get(name, into)) {
            // Taken away meanwhile.
            Err(Errno::NODATA) => {}
            value => set(name, &value?)?,
        }
    }
    Ok(())
}

/// What a call gives that refuses a room that is too small with ERANGE.
fn whole(call: &dyn Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut little = [0; 256];
    match call(&mut little) {
        Err(Errno::RANGE) => {}
        length => return Ok(little[..length?].to_vec()),
    }
    let mut bytes = vec![0; MOST_BYTES];
    let length = call(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}
