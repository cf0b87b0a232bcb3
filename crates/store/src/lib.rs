//! What is on disk: layers, images, volumes, and the records of containers.
//!
//! Start at [`Store::open`]; its handles are [`Images`], [`Containers`] and [`Volumes`]. Files live below a root directory that
//! nobody else can enter (CVE-2021-41091), records in one SQLite database. A thing becomes visible only when it is whole:
//! written below `tmp`, flushed, renamed, and only then its row. After a crash there is at worst garbage in `tmp`, whose owner
//! is gone and which the next command that writes there removes.
//!
//! A layer is kept once, unpacked; the archive it came in is not kept beside it.
#![forbid(unsafe_code)]

pub mod attestation;
mod builds;
pub mod compression;
mod containers;
mod content;
mod database;
mod error;
mod handing;
mod id_leases;
mod id_shift;
mod images;
pub mod layer;
mod manifest_lists;
mod networks;
mod own_directories;
mod paths;
mod quota;
mod recipe;
mod relabel;
mod room;
mod scratch;
mod secrets;
mod settings;
mod settle;
mod shifted;
pub mod tar;
mod transfers;
mod tree_copy;
pub mod unpack;
mod uploads;
mod view;
mod volumes;

pub use builds::{BuildLease, Builds, BuiltStep, NewStep, StepUsage};
pub use containers::{
    ContainerDirs, ContainerRecord, Containers, Ended, Level, NewContainer, Status,
};
pub use content::{copy_content, fill_volume};
pub use database::Store;
pub use error::{Kind, SqliteAnswer, StoreError};
pub use handing::give;
pub use id_leases::{IdSpan, WantedIds};
pub use id_shift::{IdShift, Shifted};
pub use images::{
    AddedLayer, ArchiveMembers, Beside, BesideMember, Commit, Composed, ExpectedLayer, Image,
    ImageSummary, Images, Import, Incoming, IndexWords, LayerArchive, LayerBlob, LayerPlace,
    Loaded, Member, MemberWords, NewImage, NewLayer, Removed, Saved, UnpackedLayer,
};
pub use manifest_lists::{ListMember, ManifestLists};
pub use networks::{
    Endpoint, Giving, Lease, Network, Networks, PortAddress, PortHolder, Range, Taken,
};
pub use own_directories::{append_line, own_directories};
pub use paths::{Paths, write_atomic};
pub use quota::Bounded;
pub use recipe::ArchiveError;
pub use relabel::relabel;
pub use room::{
    Candidate, Checked, ContainerUsage, Finding, ImageUsage, LayerUsage, Problem, Pruned, Remedy,
    Room, TransferUsage, UploadUsage, Usage, VolumeUsage,
};
pub use scratch::Scratch;
pub use secrets::{NewSecret, Outcome, Secret, SecretError, SecretKind, Secrets, WhenTaken};
pub use shifted::ShiftedLayers;
pub use transfers::{
    Begun, Busy, CHUNK_BYTES, Claim, Stopped, Transfer, TransferReader, Transfers,
};
pub use tree_copy::{
    Copied, CopyError, CopyRules, TreeCopy, attributes, copy_attributes, copy_file,
};
pub use uploads::{AbandonedUpload, Journal, Sending, UPLOADS_KEPT, Uploads};
pub use view::RootView;
pub use volumes::{NewVolume, Volume, Volumes};
