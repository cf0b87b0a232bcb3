//! `--security-opt nesting`: containers inside of a container.
//!
//! Whoever makes a container in a user namespace mounts `/proc` and `/sys` for it, and the kernel lets him only where he can already see
//! such a file system whole: with nothing mounted over a part of it (mount_namespaces(7), "Restrictions on mount namespaces"). A container's
//! own ones have their parts covered. So it gets both once more, out of everybody's way, as LXC does. They show what the covers hide, and
//! that is bounded by its user namespace; without one it is refused.

use spec::runtime::Mount;

use crate::config::ContainerConfig;
use crate::error::EngineError;

/// Where, of which kind.
const WHOLE: [(&str, &str); 2] = [("/dev/.corten/proc", "proc"), ("/dev/.corten/sys", "sysfs")];

/// Refuses it where nothing bounds what would be seen.
///
/// # Errors
/// Without users of its own.
pub(crate) fn check(config: &ContainerConfig) -> Result<(), EngineError> {
    if !config.security.nesting || config.sharing.users.is_inside() {
        return Ok(());
    }
    let why = "a container that makes others needs users of its own: --userns auto";
    Err(EngineError::value("security option", "nesting", why))
}

/// The file systems that it can see whole.
pub(crate) fn mounts(config: &ContainerConfig) -> Vec<Mount> {
    let whole = |(target, kind): (&str, &str)| Mount {
        destination: target.into(),
        kind: Some(kind.to_owned()),
        source: Some(kind.into()),
        options: ["nosuid", "noexec", "nodev"].map(str::to_owned).into(),
        ..Mount::default()
    };
    WHOLE.into_iter().filter(|_| config.security.nesting).map(whole).collect()
}
