//! What a copy is made to. The order of calls: [`Destination::begin`]; for each blob [`Destination::find`] and, where it is missing,
//! [`Destination::put`], from several threads; [`Destination::document`] for what the root leads to, the innermost first, and, where
//! something belongs to it, for the root; [`Destination::attach`] for that; [`Destination::finish`]. Nothing can be seen under the name before that, and whoever is dropped earlier leaves no name behind.

use std::io::Read;

use spec::image::Descriptor;

use super::graph::Graph;
use super::referrers::Attachment;
use crate::{Fetched, RegistryError};

/// Whether a blob has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It does.
    Missing,
    /// It is there.
    There,
    /// It was taken over from another repository.
    Mounted,
}

/// A destination.
pub(super) trait Destination: Sync {
    /// Blobs that may be put at once.
    fn parallel(&self) -> usize;

    /// Makes ready for everything that will come.
    fn begin(&mut self, graph: &Graph) -> Result<(), RegistryError>;

    /// Whether a blob is there; `from` is a repository, with its registry, that has it.
    fn find(&self, blob: &Descriptor, from: Option<&str>) -> Result<Found, RegistryError>;

    /// Takes a blob. `contents` ends only when it was the right one, and what is not read to its end is thrown away.
    fn put(&self, blob: &Descriptor, contents: &mut dyn Read) -> Result<(), RegistryError>;

    /// Takes a document that the root leads to.
    fn document(&self, document: &Fetched) -> Result<(), RegistryError>;

    /// Takes what belongs to a document that is there.
    fn attach(&self, attachment: &Attachment) -> Result<(), RegistryError> {
        self.document(&attachment.document)
    }

    /// Takes the root, and makes it visible.
    fn finish(self: Box<Self>, graph: &Graph) -> Result<(), RegistryError>;
}
