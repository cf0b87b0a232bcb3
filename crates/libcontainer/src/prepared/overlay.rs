//! The options of the overlay that is a container's root, as mount(2) or fsconfig(2) takes them.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use super::{PAGE, path, text};
use crate::error::StartError;
use crate::selinux;

pub(crate) enum OverlayOptions {
    /// Short enough for mount(2).
    Joined(CString),
    /// One by one, Linux 6.5.
    Single {
        lower: Vec<CString>,
        /// The writable directory, and the one that overlayfs works in.
        upper: Option<(CString, CString)>,
        volatile: bool,
        label: Option<CString>,
        /// Whether it keeps what it writes down for itself in attributes that anybody may write.
        user_attributes: bool,
    },
}

impl OverlayOptions {
    pub(crate) fn new(
        lower: &[PathBuf],
        upper: Option<(&Path, &Path)>,
        volatile: bool,
        label: Option<&str>,
    ) -> Result<Self, StartError> {
        // overlayfs takes ":" as the end of a layer and "," as the end of an option unless a backslash stands before them.
        let escaped = |path: &Path| {
            path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
        };
        let joined: Vec<String> = lower.iter().map(|layer| escaped(layer)).collect();
        let options = format!(
            "lowerdir={}{}{}{}",
            joined.join(":"),
            upper.map_or_else(String::new, |(upper, work)| {
                format!(",upperdir={},workdir={}", escaped(upper), escaped(work))
            }),
            if volatile { ",volatile" } else { "" },
            if user_attributes() { ",userxattr" } else { "" }
        );
        let options =
            label.map_or_else(|| options.clone(), |label| selinux::with_context(&options, label));
        if options.len() < PAGE {
            return Ok(Self::Joined(text(&options)?));
        }
        Self::single(lower, upper, volatile, label)
    }

    /// One by one, however short they are.
    pub(crate) fn single(
        lower: &[PathBuf],
        upper: Option<(&Path, &Path)>,
        volatile: bool,
        label: Option<&str>,
    ) -> Result<Self, StartError> {
        let label = label.map(text).transpose()?;
        let lower = lower.iter().map(|layer| path(layer)).collect::<Result<_, _>>()?;
        let upper = upper.map(|(upper, work)| Ok::<_, StartError>((path(upper)?, path(work)?)));
        let (upper, user_attributes) = (upper.transpose()?, user_attributes());
        Ok(Self::Single { lower, upper, volatile, label, user_attributes })
    }
}

/// Those of its own are for the machine's root alone: without the others nobody in a user namespace could delete a directory that a lower
/// layer has. overlayfs.rst, "User xattr".
fn user_attributes() -> bool {
    !sys::has_machines_users()
}
