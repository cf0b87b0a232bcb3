//! Sockets of this program that containers connect to. Sources: unix(7), proc_pid_attr(5), the kernel's security/selinux/hooks.c,
//! selinux_socket_unix_stream_connect.

use std::os::unix::net::UnixListener;
use std::path::Path;

use super::contexts::Context;
use super::{Contexts, LOWEST};
use crate::error::EngineError;

/// Listens at a path that every container may connect to, on a machine where containers are labelled.
///
/// # Errors
/// When the kernel refuses the labels or the path.
pub fn listen_for_containers(path: &Path) -> Result<UnixListener, EngineError> {
    let failed = |errno: sys::Errno| EngineError::file("listen at", path)(errno.into());
    let Contexts { process, files, .. } = Contexts::here();
    let level = libcontainer::selinux_has_levels().then_some(LOWEST);
    let label = |context: &Context| context.with_level(level);
    let bind = || UnixListener::bind(path);
    let listener = libcontainer::with_selinux_socket_label(&label(&process), bind)
        .map_err(failed)?
        .map_err(EngineError::file("listen at", path))?;
    store::relabel(path, "", &label(&files), &[])?;
    Ok(listener)
}
