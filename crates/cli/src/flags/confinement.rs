//! Flags of the families that confine containers: `apparmor`, `selinux`.

use super::{FORMAT, Flag, switch};

pub(crate) const APPARMOR_LIST: &[Flag] =
    &[FORMAT, switch("q", "quiet", "Only show names of profiles")];
pub(crate) const APPARMOR_PRINT: &[Flag] =
    &[switch("", "system", "Print the profile of whole systems instead (corten-system)")];

pub(crate) const APPARMOR_UNLOAD: &[Flag] =
    &[switch("f", "force", "Also a profile that containers run in: they are unconfined then")];
pub(crate) const SELINUX_UNLOAD: &[Flag] =
    &[switch("f", "force", "Also while containers have such labels: they are nobody's then")];
