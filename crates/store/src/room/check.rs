//! Whether everything is as it should be, and what is mended where it is not.
//!
//! A check looks without a lock first. What it finds may be another command half-way, so it looks again while nobody can be: with
//! the lock of those who dismantle, the database's write lock and the one on `tmp`, in this order. Only that counts. Contents of
//! layers, which take long, are read without a lock; one that is not what it should be is read again with it.
//!
//! A repair does the same look and mends under the same locks. It never talks to a registry: an image that lacks something is
//! taken away, so that nobody runs half of it, and a pull brings it again. Nothing that people wrote is removed where a record
//! can be made for it. Start at [`Room::check`].

use std::fs::File;

use rusqlite::Transaction;
use spec::Digest;

use super::Room;
use crate::{StoreError, scratch};

mod content;
mod files;
mod mend;
mod records;
mod secrets;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Problem {
    /// SQLite says that the database's pages contradict each other.
    Database,
    /// Records point to one that is not there.
    Dangling,
    /// A name that is none.
    Name,
    /// A manifest or index is not what its digest says.
    Document,
    /// An image is not what its id says, or lacks a layer.
    Image,
    /// The record of an image's layers, or of its size, is not what its configuration says.
    ImageRecord,
    /// A layer's directory is not there.
    LayerMissing,
    /// A layer's directory has no record.
    LayerUnknown,
    /// A layer is not what it was when it came.
    LayerChanged,
    /// The directory of a layer that containers or snapshots share is not there.
    FrozenMissing,
    /// A container's directory is not there.
    ContainerMissing,
    /// A container's directory has no record.
    ContainerUnknown,
    /// A directory of the state has no container.
    StateUnknown,
    /// Files are shown on the host whose container or volume is gone.
    MountUnknown,
    /// A volume's directory is not there.
    VolumeMissing,
    /// A volume's directory has no record.
    VolumeUnknown,
    /// A recipe has no layer.
    RecipeUnknown,
    /// A partial blob contradicts its map.
    Transfer,
    /// A killed command has left it.
    Garbage,
    /// A secret or config that does not open.
    Sealed,
    /// Something that is not the store's.
    Unknown,
}

/// How it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The database is written anew from its tables.
    Rebuild,
    /// The record is removed.
    Forget,
    /// A right record is made.
    Record,
    /// The files are removed.
    Remove,
    /// An empty directory is made.
    Remake,
    /// The image is removed; it has to come again.
    PullAgain,
    /// Nothing is done: a person has to look.
    Look,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// With what: an id, a name or a path.
    pub subject: String,
    /// The rest of the sentence.
    pub detail: String,
}

/// What a check has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Images that were looked at.
    pub images: usize,
    /// Layers that were looked at.
    pub layers: usize,
    /// Containers that were looked at.
    pub containers: usize,
    /// Volumes that were looked at.
    pub volumes: usize,
}

impl Problem {
    /// How it is mended.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::Database => Remedy::Rebuild,
            Self::Dangling | Self::Name | Self::Document | Self::ContainerMissing => Remedy::Forget,
            Self::Image | Self::LayerMissing | Self::LayerChanged => Remedy::PullAgain,
            Self::ImageRecord | Self::VolumeUnknown => Remedy::Record,
            Self::VolumeMissing => Remedy::Remake,
            Self::LayerUnknown
            | Self::ContainerUnknown
            | Self::StateUnknown
            | Self::MountUnknown
            | Self::RecipeUnknown
            | Self::Transfer
            | Self::Garbage => Remedy::Remove,
            Self::Sealed | Self::FrozenMissing | Self::Unknown => Remedy::Look,
        }
    }

    /// One word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Dangling => "dangling",
            Self::Name => "name",
            Self::Document => "document",
            Self::Image => "image",
            Self::ImageRecord => "image-record",
            Self::LayerMissing => "layer-missing",
            Self::LayerUnknown => "layer-unknown",
            Self::LayerChanged => "layer-changed",
            Self::FrozenMissing => "frozen-missing",
            Self::ContainerMissing => "container-missing",
            Self::ContainerUnknown => "container-unknown",
            Self::StateUnknown => "state-unknown",
            Self::MountUnknown => "mount-unknown",
            Self::VolumeMissing => "volume-missing",
            Self::VolumeUnknown => "volume-unknown",
            Self::RecipeUnknown => "recipe-unknown",
            Self::Transfer => "transfer",
            Self::Garbage => "garbage",
            Self::Sealed => "sealed",
            Self::Unknown => "unknown",
        }
    }
}

impl Remedy {
    /// What a repair does, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rebuild => "the database is rebuilt",
            Self::Forget => "the record is removed",
            Self::Record => "the record is made anew",
            Self::Remove => "it is removed",
            Self::Remake => "an empty one is made",
            Self::PullAgain => "the image is removed: pull it again",
            Self::Look => "it is left alone: look at it yourself",
        }
    }
}

impl Finding {
    fn new(problem: Problem, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { problem, subject: subject.into(), detail: detail.into() }
    }
}

/// While it is held no command is half-way through anything that a check looks at.
struct Held<'a> {
    /// Let go last of all: fields are dropped in order.
    transaction: Transaction<'a>,
    _tmp: File,
    _dismantling: File,
}

impl Room<'_> {
    /// Looks at every record and every directory, and at the contents of layers where `deep` says so.
    ///
    /// # Errors
    /// When the database cannot be opened at all, or a directory cannot be read.
    pub fn check(&self, deep: bool) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        let suspected = !self.look(&mut checked)?.is_empty();
        if suspected {
            let held = self.hold()?;
            checked.findings = self.look(&mut checked)?;
            drop(held);
        }
        if deep {
            for diff_id in self.changed_layers()? {
                checked.findings.push(layer_changed(&diff_id));
            }
        }
        Ok(checked)
    }

    /// Mends what can be mended, and gives what was wrong with what is still wrong.
    ///
    /// # Errors
    /// When the database cannot be written, or a directory cannot be moved.
    pub fn repair(&self, deep: bool) -> Result<(Vec<Finding>, Checked), StoreError> {
        let mut found = self.rebuild()?;
        let changed = if deep { self.changed_layers()? } else { Vec::new() };
        found.extend(self.mend(&changed)?);
        let left = self.check(deep)?;
        found.retain(|finding| !left.findings.contains(finding));
        Ok((found, left))
    }

    fn hold(&self) -> Result<Held<'_>, StoreError> {
        let _dismantling = scratch::lock_dismantling(&self.store.paths)?;
        let transaction = self.store.write()?;
        let _tmp = scratch::lock_tmp(&self.store.paths)?;
        Ok(Held { transaction, _tmp, _dismantling })
    }

    /// One look. A damaged database is all that can be said of it then.
    fn look(&self, checked: &mut Checked) -> Result<Vec<Finding>, StoreError> {
        let mut found = self.look_at_database()?;
        if found.is_empty() {
            found.extend(self.look_at_records(checked)?);
            found.extend(self.look_at_files(checked)?);
        }
        Ok(found)
    }

    /// Layers whose contents are not what they should be.
    fn changed_layers(&self) -> Result<Vec<Digest>, StoreError> {
        let mut changed = Vec::new();
        for diff_id in self.whole_layers()? {
            // An error may be its removal under our eyes, as a difference may: only what is seen while nobody removes counts.
            if content::is_changed(self.store, &diff_id).unwrap_or(true) {
                let held = self.hold()?;
                if content::is_changed(self.store, &diff_id)? {
                    changed.push(diff_id);
                }
                drop(held);
            }
        }
        Ok(changed)
    }
}

fn layer_changed(diff_id: &Digest) -> Finding {
    Finding::new(
        Problem::LayerChanged,
        format!("layer {diff_id}"),
        "is not what it was when it came",
    )
}
