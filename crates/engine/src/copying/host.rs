//! The host's side of a copy whose other side is another machine's container: an archive of what is here, and one that is put here. What a
//! name is decides what a copy means, as in [`super::copy`].

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use store::layer::{self, TreeArchive};
use store::unpack::{Rules, unpack};
use store::{Copied, CopyRules, StoreError};

use super::{CopyRequest, Side, copy, split};
use crate::error::EngineError;

/// What is at a path of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSource {
    /// Its last name, `.` of a directory that has none.
    pub name: Vec<u8>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether what is in the directory is meant, not the directory.
    pub contents: bool,
}

/// What a path of this machine means as the source of a copy.
///
/// # Errors
/// When it is not there.
pub fn host_source(path: &Path, follow: bool) -> Result<HostSource, EngineError> {
    let located = Side::host().source(path, follow)?;
    let contents = located.is_directory() && (located.contents || located.name == b".");
    let name = if follow { split(path.as_os_str().as_bytes()).1 } else { located.name.clone() };
    Ok(HostSource { name, is_directory: located.is_directory(), contents })
}

/// What is at a path as an archive, under another name. It is made while it is read.
///
/// # Errors
/// When it is not there.
pub fn host_archive(path: &Path, follow: bool, name: &[u8]) -> Result<TreeArchive, EngineError> {
    let side = Side::host();
    let located = side.source(path, follow)?;
    let archive = layer::entry(located.parent.as_fd(), &located.name, name, None);
    let what = || format!("copy {}", side.printable(path));
    Ok(archive.map_err(|cause| StoreError::Unpack { what: what(), cause: Box::new(cause) })?)
}

/// Puts an archive of one thing, which is called `name` in it, where `destination` says. `beside` is a new directory that it is unpacked in
/// first, on the same file system: what is not whole is never at its place. The caller removes it.
///
/// # Errors
/// When the archive is refused, or the destination does not fit.
pub fn host_put(
    archive: impl Read,
    (beside, name): (&Path, &Path),
    destination: &Path,
    request: CopyRequest,
) -> Result<Copied, EngineError> {
    let side = Side::host();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let into = rustix::fs::open(beside, flags, Mode::empty());
    let into = into.map_err(|errno| side.failed("open", beside)(errno.into()))?;
    let failed = |cause| StoreError::Unpack { what: "unpack what came".to_owned(), cause };
    let caller = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let owner = (!request.archive).then(caller);
    let rules = Rules { owner, ..Rules::beside_others() };
    unpack(archive, into.as_fd(), &rules).map_err(|error| failed(error.into()))?;
    let rules = CopyRules { owner, replace: true, exact: false };
    copy((&side, &beside.join(name)), (&side, destination), false, rules)
}
