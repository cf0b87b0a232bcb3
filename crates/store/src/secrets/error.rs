//! What is refused of secrets and configs. No message holds anything of a content.

use std::path::PathBuf;

use super::{MOST_NAME, SecretKind};

/// A secret or config that was refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A name that is none.
    #[error(
        "invalid {kind} name {name:?}: at most {MOST_NAME} of [a-zA-Z0-9-_.] are allowed, with a letter or digit at both ends"
    )]
    Name {
        /// Of what.
        kind: SecretKind,
        /// As it was given.
        name: String,
    },
    /// More than there may be, or nothing.
    #[error("{kind} {name} would have {}, and 1 to {} bytes are allowed", in_words(*bytes, kind.most_bytes()), kind.most_bytes())]
    Size {
        /// Of what.
        kind: SecretKind,
        /// Its name.
        name: String,
        /// Its size; of one that is too large only that.
        bytes: usize,
    },
    /// A key file that is not used.
    #[error("the key file {} is not used: {why}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The store's own key file was there before.
    #[error("the key file {} is lost: what is sealed with its key cannot be opened", path.display())]
    KeyLost {
        /// The file.
        path: PathBuf,
    },
    /// The right thing, and the wrong key.
    #[error("{kind} {name} is sealed with the key {key}, and {} holds the key {held}", path.display())]
    OtherKey {
        /// Of what.
        kind: SecretKind,
        /// Its name.
        name: String,
        /// Id of the key that it is sealed with.
        key: String,
        /// The key file that is used.
        path: PathBuf,
        /// Id of the key that it holds.
        held: String,
    },
    /// The right key, and a row that was changed.
    #[error("{kind} {name} is damaged: its record is not what was sealed with the key {key}")]
    Damaged {
        /// Of what.
        kind: SecretKind,
        /// Its name.
        name: String,
        /// Id of the key.
        key: String,
    },
}

fn in_words(bytes: usize, most: usize) -> String {
    if bytes > most { format!("more than {most} bytes") } else { format!("{bytes} bytes") }
}

impl SecretError {
    pub(crate) const fn kind(&self) -> crate::Kind {
        match self {
            Self::Name { .. } | Self::Size { .. } => crate::Kind::Invalid,
            Self::KeyFile { .. } => crate::Kind::Permission,
            Self::KeyLost { .. } | Self::OtherKey { .. } | Self::Damaged { .. } => {
                crate::Kind::Internal
            }
        }
    }
}
