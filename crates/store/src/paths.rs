//! Where things are, and how a file is replaced.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use spec::{ContainerId, Digest};

use crate::{StoreError, scratch};

/// The two directories of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What survives a reboot.
    pub root: PathBuf,
    /// What does not.
    pub state: PathBuf,
}

impl Paths {
    /// A container's directory: writable layer, log, exit status.
    #[must_use]
    pub fn container(&self, id: &ContainerId) -> PathBuf {
        self.root.join("containers").join(id.as_str())
    }

    /// What every container's directory of that kind is in.
    #[must_use]
    pub fn container_states(&self) -> PathBuf {
        self.state.join("containers")
    }

    /// A container's directory for what does not survive a reboot.
    #[must_use]
    pub fn container_state(&self, id: &ContainerId) -> PathBuf {
        self.state.join("containers").join(id.as_str())
    }

    /// Eight hexadecimal digits that stand for the root directory in the machine's own tables.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(self.root.as_os_str().as_encoded_bytes());
        spec::digest::hex(digest.get(..4).unwrap_or_default())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("corten.db")
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    pub(crate) fn layer(&self, diff_id: &Digest) -> PathBuf {
        self.layers().join(diff_id.hex())
    }

    pub(crate) fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// Directory of what makes a layer's archive again; see `recipe`.
    pub(crate) fn recipe(&self, diff_id: &Digest) -> PathBuf {
        self.recipes().join(diff_id.hex())
    }

    /// Copies of layers with other owners, in a directory for each map of ids; see `shifted`.
    pub(crate) fn shifted(&self) -> PathBuf {
        self.root.join("shifted")
    }

    /// What containers had written and share; see `frozen`.
    pub(crate) fn frozen(&self) -> PathBuf {
        self.root.join("frozen")
    }

    pub(crate) fn transfers(&self) -> PathBuf {
        self.root.join("transfers")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.root.join("volumes").join(name)
    }

    /// Makes what a store needs, and removes what killed commands have left. One look at each directory is enough mostly.
    pub(crate) fn make(&self) -> Result<(), StoreError> {
        match fs::metadata(self.tmp()) {
            Ok(tmp) if scratch::is_littered(&tmp) => scratch::sweep(self),
            Ok(_) => {}
            Err(_absent) => {
                // `tmp` last: whoever sees it knows that the others are there.
                for name in ["containers", "layers", "recipes", "volumes", "tmp"] {
                    make_private(&self.root.join(name))?;
                }
            }
        }
        Ok(())
    }

    /// Whether no command has run since the machine was started: what does not survive that is not there.
    pub(crate) fn is_first_since_boot(&self) -> bool {
        !self.state.join("containers").is_dir()
    }

    /// Makes the state directory.
    pub(crate) fn make_state(&self) -> Result<(), StoreError> {
        make_private(&self.state.join("containers"))
    }
}

/// Nobody but the owner may enter: what lies below keeps the modes of images, set-user-id programs among them.
pub(crate) fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(StoreError::file("make", path))
}

/// Replaces a file: its readers see the old contents or the new ones, also after a power cut.
///
/// # Errors
/// Names the file and the kernel's answer.
pub fn write_atomic(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    // What the umask leaves of it, as everywhere.
    write_with_mode(directory, name, bytes, 0o666)
}

/// As [`write_atomic`], with a file that nobody but the owner may read.
pub(crate) fn write_private(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    write_with_mode(directory, name, bytes, 0o600)
}

fn write_with_mode(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    mode: u32,
) -> Result<(), StoreError> {
    let path = directory.join(name);
    let temporary = directory.join(format!("{name}.new"));
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let outcome = written.and_then(|()| fs::rename(&temporary, &path));
    if outcome.is_err() {
        let _absent = fs::remove_file(&temporary);
    }
    outcome.map_err(StoreError::file("write", path))
}
