//! What is the root of a container in the place of an image.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A root that is no image's. Records of before hold a path, which is [`RootPlace::Below`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RootPlace {
    /// A directory of the host that is only read: what the container changes goes to a layer of its own.
    Below(PathBuf),
    /// Files of the host that the container changes where they are.
    InPlace(RootInPlace),
}

/// A root whose files are changed where they are. They are the caller's: removing the container leaves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootInPlace {
    /// Where.
    pub files: RootFiles,
    /// Options of its mount as in mount(8) that every mount can have, beside read-only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether the owners of its files are those that a container with users of its own sees, by an id-mapped mount; else they are the
    /// machine's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub id_mapped: bool,
}

/// Files that are changed where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootFiles {
    /// A directory, and what is mounted in it; it may be the host's root.
    Directory(PathBuf),
    /// Directories that are merged, overlayfs.
    Overlay {
        /// What is below, the top one first; at least one.
        lower: Vec<PathBuf>,
        /// Takes the changes.
        upper: PathBuf,
        /// Overlayfs's own, on the same file system; made where it is missing.
        work: PathBuf,
    },
}

impl RootPlace {
    /// A directory that is changed where it is, with the machine's owners.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        let files = RootFiles::Directory(path.into());
        Self::InPlace(RootInPlace { files, options: Vec::new(), id_mapped: false })
    }

    /// What it is where it is changed where it is.
    #[must_use]
    pub const fn in_place(&self) -> Option<&RootInPlace> {
        match self {
            Self::InPlace(own) => Some(own),
            Self::Below(_) => None,
        }
    }

    /// Directories that it is made of, the top one first.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::Below(path) => vec![path.clone()],
            Self::InPlace(own) => own.files.directories(),
        }
    }
}

impl RootFiles {
    /// Directories that it is made of, the top one first.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::Directory(path) => vec![path.clone()],
            Self::Overlay { lower, upper, .. } => {
                [upper].into_iter().chain(lower).cloned().collect()
            }
        }
    }

    /// The one that is written in.
    #[must_use]
    pub fn written(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::Overlay { upper: path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_before_are_read_and_written_as_before() {
        let below: RootPlace = serde_json::from_str("\"/srv/root\"").unwrap();
        assert_eq!(below, RootPlace::Below("/srv/root".into()));
        assert_eq!(serde_json::to_string(&below).unwrap(), "\"/srv/root\"");
        let overlay = RootPlace::InPlace(RootInPlace {
            files: RootFiles::Overlay {
                lower: vec!["/a".into(), "/b".into()],
                upper: "/c/upper".into(),
                work: "/c/work".into(),
            },
            options: vec!["nodev".to_owned()],
            id_mapped: true,
        });
        let text = serde_json::to_string(&overlay).unwrap();
        assert_eq!(serde_json::from_str::<RootPlace>(&text).unwrap(), overlay);
        assert_eq!(overlay.directories(), ["/c/upper", "/a", "/b"].map(PathBuf::from));
    }
}
