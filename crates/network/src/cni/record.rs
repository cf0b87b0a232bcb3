//! What is written down of an attachment, so that somebody else can end it: one file for each interface of a container.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::CniError;
use super::{Answer, Place};

const PREFIX: &str = "cni-";
const SUFFIX: &str = ".json";

/// A place in a network of plugins that was taken, or was about to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The place.
    pub place: Place,
    /// What the last plugin said; nothing before all have been run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

impl Record {
    /// Those of a container's directory, by the names of their interfaces.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all(directory: &Path) -> Result<Vec<Self>, CniError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| CniError::Record { action: "read", path, cause }
        };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(failed(directory)(cause)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed(directory))?.file_name();
            let is_record = name
                .to_str()
                .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
            paths.extend(is_record.then(|| directory.join(name)));
        }
        paths.sort();
        let read = |path: &PathBuf| {
            let bytes = fs::read(path).map_err(failed(path))?;
            serde_json::from_slice(&bytes).map_err(|error| failed(path)(error.into()))
        };
        paths.iter().map(read).collect()
    }

    /// What the container was given.
    ///
    /// # Errors
    /// When the last plugin said what nobody understands.
    pub fn answer(&self) -> Result<Answer, CniError> {
        let Some(answer) = &self.answer else { return Ok(Answer::default()) };
        let last = self.place.list.plugins.last().map(super::config::kind).unwrap_or_default();
        Answer::read(answer, &self.place.interface)
            .map_err(|why| CniError::Answer { plugin: last.to_owned(), why })
    }

    /// Also after a power cut it is there: what plugins keep on the disk would be, too.
    pub(super) fn write(&self, directory: &Path) -> Result<(), CniError> {
        let path = self.path(directory);
        let new = path.with_extension("new");
        let written = || {
            let bytes = serde_json::to_vec(self)?;
            let mut options = File::options();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        written().map_err(|cause| {
            let _absent = fs::remove_file(&new);
            CniError::Record { action: "write", path: path.clone(), cause }
        })
    }

    pub(super) fn forget(&self, directory: &Path) -> Result<(), CniError> {
        let path = self.path(directory);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(CniError::Record { action: "remove", path, cause })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{PREFIX}{}{SUFFIX}", self.place.interface))
    }
}
