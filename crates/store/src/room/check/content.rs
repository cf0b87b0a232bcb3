//! What is inside a layer, held against its record.

use std::io;

use rusqlite::OptionalExtension;
use rustix::io::Errno;
use spec::Digest;

use crate::recipe::ArchiveError;
use crate::room::disk::Disk;
use crate::{Store, StoreError};

/// Whether a layer that has a record and a directory is not what it was when it came: its archive, made again by its recipe, must
/// have the diff id as its digest. Of a layer of a former release, which has no recipe, the lengths of its files are all that is
/// known.
pub(super) fn is_changed(store: &Store, diff_id: &Digest) -> Result<bool, StoreError> {
    let select = "SELECT size_bytes FROM layers WHERE diff_id = ?";
    let recorded: Option<u64> = store
        .connection
        .query_row(select, [diff_id.to_string()], |row| row.get(0))
        .optional()
        .map_err(StoreError::read)?;
    let path = store.paths.layer(diff_id);
    let Some(recorded) = recorded.filter(|_| path.is_dir()) else { return Ok(false) };
    if Disk::default().tree(&path)?.length_bytes != recorded {
        return Ok(true);
    }
    let mut archive = match store.images().layer_archive(diff_id) {
        Ok(archive) => archive,
        // Its recipe is damaged.
        Err(StoreError::Unpack { what, cause }) => {
            let told = cause.downcast_ref::<io::Error>().and_then(told_by);
            return told.ok_or(StoreError::Unpack { what, cause });
        }
        Err(error) => return Err(error),
    };
    if !archive.has_recipe() {
        return Ok(false);
    }
    match io::copy(&mut archive, &mut io::sink()) {
        Ok(_) => Ok(false),
        Err(error) => {
            told_by(&error).map_or_else(|| Err(StoreError::file("read", path)(error)), Ok)
        }
    }
}

/// Whether an archive that could not be made again says that the layer has changed: it lacks something, has other bytes, or the disk
/// cannot read it any more. Nothing where it says something else.
fn told_by(error: &io::Error) -> Option<bool> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ArchiveError>()) {
        // That was so from the beginning.
        Some(ArchiveError::Impossible(_)) => Some(false),
        Some(_) => Some(true),
        None => (error.raw_os_error() == Some(Errno::IO.raw_os_error())).then_some(true),
    }
}
