//! Maps of ids, written for a process's new user namespace: by this program, or by the setuid programs newuidmap and newgidmap
//! for a user to whom the kernel allows only his own id.
//!
//! Start at [`write`]. Sources: user_namespaces(7) "Defining user and group ID mappings", newuidmap(1), subuid(5).

use std::fs;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use rustix::process::{getegid, geteuid};
use spec::runtime::IdMapping;
use sys::Errno;

use crate::error::StartError;

/// One of the two maps.
struct Kind {
    file: &'static str,
    /// Who writes more of it than the kernel lets the caller.
    program: &'static str,
    /// Where the ranges stand that it allows.
    ranges: &'static str,
}

const UIDS: Kind = Kind { file: "uid_map", program: "newuidmap", ranges: "/etc/subuid" };
const GIDS: Kind = Kind { file: "gid_map", program: "newgidmap", ranges: "/etc/subgid" };

/// Whether the caller is somebody to whom files of root, as those of an undumpable process are, do not belong.
pub(crate) fn is_unprivileged() -> bool {
    !geteuid().is_root()
}

/// Writes both maps, each in one write(2).
pub(crate) fn write(pid: i32, uids: &[IdMapping], gids: &[IdMapping]) -> Result<(), StartError> {
    if is_unprivileged() && is_own_alone(gids) {
        deny_setgroups(pid)?;
    }
    write_one(pid, &UIDS, uids)?;
    write_one(pid, &GIDS, gids)
}

/// Whether nothing but the caller's own group is mapped.
fn is_own_alone(gids: &[IdMapping]) -> bool {
    matches!(gids, [IdMapping { size: 1, host_id, .. }] if *host_id == getegid().as_raw())
}

/// "deny" first: without it an unprivileged gid_map write is refused since Linux 3.19. user_namespaces(7). Where newgidmap
/// writes the map, it decides: subgid(5) may stand for more than the user's own groups.
fn deny_setgroups(pid: i32) -> Result<(), StartError> {
    let path = format!("/proc/{pid}/setgroups");
    match put(&path, "deny") {
        // Before Linux 3.19.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        written => written.map_err(|error| refused(&path, error)),
    }
}

fn write_one(pid: i32, kind: &Kind, mappings: &[IdMapping]) -> Result<(), StartError> {
    let row = |map: &IdMapping| format!("{} {} {}\n", map.container_id, map.host_id, map.size);
    let text: String = mappings.iter().map(row).collect();
    let path = format!("/proc/{pid}/{}", kind.file);
    match put(&path, &text) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && is_unprivileged() => {
            ask(pid, kind, mappings)
        }
        written => written.map_err(|error| refused(&path, error)),
    }
}

fn put(path: &str, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

fn refused(path: &str, error: std::io::Error) -> StartError {
    let errno = Errno::from(error);
    let hint = match errno.raw() {
        libc::EINVAL => ": ids overlap, or there are more lines than the kernel takes",
        // An id that the caller's own user namespace does not have, or not his without CAP_SETUID.
        libc::EPERM => ": not all of these ids are the caller's to map",
        _ => "",
    };
    StartError::Parent { action: format!("write {path}{hint}"), errno }
}

/// Has the setuid program write a map, which it compares with the ranges of the user.
fn ask(pid: i32, kind: &Kind, mappings: &[IdMapping]) -> Result<(), StartError> {
    let refused = |how: String| StartError::MapProgram { program: kind.program, how };
    let mut command = Command::new(kind.program);
    command.arg(pid.to_string()).stdin(Stdio::null());
    for map in mappings {
        command.args([map.container_id, map.host_id, map.size].map(|number| number.to_string()));
    }
    let output = command.output().map_err(|error| {
        if error.kind() != ErrorKind::NotFound {
            return refused(error.to_string());
        }
        let why =
            "it is not there, and the kernel lets a user map only his own id (package uidmap)";
        refused(why.to_owned())
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches(kind.program).trim_start_matches(": ");
    let end = if said.is_empty() { output.status.to_string() } else { said.to_owned() };
    let user = geteuid().as_raw();
    Err(refused(format!("{end} (user {user} may map what {} gives him)", kind.ranges)))
}
