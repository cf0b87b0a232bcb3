//! What a copy is made from: a document that a name leads to, and what that leads to, by descriptor.

use std::io::Read;

use spec::Digest;
use spec::image::Descriptor;

use crate::{Fetched, RegistryError};

/// A source. Threads share it. Documents come with the digest that was asked for; what comes of a blob is the caller's to check.
pub(super) trait Source: Send + Sync {
    /// What the name leads to.
    fn root(&self) -> Result<Fetched, RegistryError>;

    /// A manifest or an index.
    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError>;

    /// A blob from its first byte.
    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError>;

    /// Manifests that are said to name this one as their subject.
    fn referrers(&self, _subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        Ok(Vec::new())
    }

    /// What another tag beside the name leads to; nothing where there is none.
    fn tagged(&self, _tag: &str) -> Result<Option<Fetched>, RegistryError> {
        Ok(None)
    }

    /// Ends every read, now and in future: nobody wants what comes any more.
    fn stop(&self) {}

    /// The repository, with its registry, that has everything in it; nothing where there is none.
    fn repository(&self) -> Option<&str> {
        None
    }
}
