//! A disk that fills: told with its numbers, and what was taken is given back.

use rustix::fs::statvfs;
use spec::Digest;
use store::{Incoming, Store};

use super::layers::Wanted;
use crate::RegistryError;

/// Bytes that are free where the store lies; nothing where the kernel does not say.
fn free(store: &Store) -> Option<u64> {
    let found = statvfs(&store.paths().root).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Refuses what cannot fit even while it is compressed.
pub(super) fn refuse_hopeless(
    store: &Store,
    what: &str,
    missing: &[&Wanted],
) -> Result<(), RegistryError> {
    let needed = missing.iter().map(|layer| layer.blob.size).fold(0, u64::saturating_add);
    match free(store) {
        Some(free) if needed > free => Err(told(store, what, needed, free)),
        _ => Ok(()),
    }
}

/// The error of a disk that has just become full, with the numbers of this moment.
pub(super) fn became_full(store: &Store, what: &str, needed: u64) -> RegistryError {
    told(store, what, needed, free(store).unwrap_or(0))
}

fn told(store: &Store, what: &str, needed: u64, free: u64) -> RegistryError {
    let place = store.paths().root.display().to_string();
    RegistryError::Full { what: what.to_owned(), needed, free, place }
}

/// Takes back the layers that this pull has made visible and nobody else has come to need.
pub(super) fn give_back(incoming: &mut Incoming<'_>, published: &[Digest]) {
    // Why the pull failed tells more than what stands in the way of cleaning.
    let _kept = incoming.give_back(published);
}
