//! The archives of layers, read again: what `push` and `save` send and what a check of the store compares.
//!
//! Start at [`Images::layer_archive`]. Nothing is written. Whoever has read to the end without an error has read an archive with
//! the layer's diff id.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rusqlite::OptionalExtension;
use sha2::{Digest as _, Sha256};
use spec::Digest;

use super::Images;
use crate::compression::{Hashed, HashingReader};
use crate::layer::TreeArchive;
use crate::recipe::{ArchiveError, Assembly};
use crate::{Store, StoreError, layer};

/// The plain archive of a layer as it came here, made again while it is read. The end comes only after everything before it
/// had the right digest.
#[derive(Debug)]
pub struct LayerArchive {
    archive: Archive,
    size: u64,
    hash: Option<Sha256>,
    wanted: Digest,
}

#[derive(Debug)]
enum Archive {
    /// By its recipe.
    Recipe(Box<Assembly>),
    /// A layer of a former release: what our own writer makes of it, which may be what it was.
    Written(Box<TreeArchive>),
}

impl LayerArchive {
    /// Its length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is made by a recipe, and so must be what it was.
    #[must_use]
    pub const fn has_recipe(&self) -> bool {
        matches!(self.archive, Archive::Recipe(_))
    }
}

impl Read for LayerArchive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.archive {
            Archive::Recipe(archive) => archive.read(buffer)?,
            Archive::Written(archive) => archive.read(buffer)?,
        };
        if count > 0 || buffer.is_empty() {
            if let Some(hash) = &mut self.hash {
                hash.update(&buffer[..count]);
            }
            return Ok(count);
        }
        if let Some(hash) = self.hash.take() {
            let found = Digest::sha256(hash.finalize().into());
            if found != self.wanted {
                return Err(ArchiveError::Digest { found, wanted: self.wanted.clone() }.into());
            }
        }
        Ok(0)
    }
}

impl Images<'_> {
    /// The archive of a layer, by its diff id. What is wrong with the layer's files shows while it is read, as an
    /// [`ArchiveError`] inside the [`io::Error`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such layer, [`StoreError::Unpack`] with an [`ArchiveError`] when its archive
    /// cannot be made again.
    pub fn layer_archive(&self, diff_id: &Digest) -> Result<LayerArchive, StoreError> {
        open(self.store, diff_id)
    }
}

fn open(store: &Store, diff_id: &Digest) -> Result<LayerArchive, StoreError> {
    let select = "SELECT archive_bytes FROM layers WHERE diff_id = ?";
    let row =
        store.connection.query_row(select, [diff_id.to_string()], |row| row.get(0)).optional();
    let missing =
        || StoreError::NotFound { what: "layer", name: diff_id.to_string(), closest: Vec::new() };
    let bytes: Option<u64> = row.map_err(StoreError::read)?.ok_or_else(missing)?;
    let directory = |path: &Path| -> io::Result<OwnedFd> { Ok(File::open(path)?.into()) };
    let path = store.paths.layer(diff_id);
    let opened_layer = directory(&path).map_err(StoreError::file("open", path))?;
    let opened = match directory(&store.paths.recipe(diff_id)) {
        Ok(recipe) => Assembly::open(recipe, opened_layer),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let failed = |cause: io::Error| StoreError::Unpack {
        what: format!("make the archive of layer {diff_id} again"),
        cause: Box::new(cause),
    };
    let (archive, size) = match opened.map_err(failed)? {
        Some(archive) if bytes.is_none_or(|bytes| bytes == archive.size()) => {
            let size = archive.size();
            (Archive::Recipe(Box::new(archive)), size)
        }
        Some(_) => {
            let why = "its length is not the recorded one";
            return Err(failed(ArchiveError::Damaged(why).into()));
        }
        None => {
            let (archive, size) =
                write_again(&store.paths.layer(diff_id), diff_id).map_err(failed)?;
            (Archive::Written(Box::new(archive)), size)
        }
    };
    Ok(LayerArchive { archive, size, hash: Some(Sha256::new()), wanted: diff_id.clone() })
}

/// The archive of a layer without a recipe. It is made twice: only that tells its length, and whether it is the right one.
fn write_again(layer: &Path, wanted: &Digest) -> io::Result<(TreeArchive, u64)> {
    let mut first = HashingReader::new(
        layer::diff(layer, layer::MountPoints::default()).map_err(io::Error::from)?,
    );
    io::copy(&mut first, &mut io::sink())?;
    let Hashed { digest, bytes } = first.finish();
    if digest != *wanted {
        let why = "an earlier release unpacked it without writing down how; remove its images and pull or load them once more";
        return Err(ArchiveError::Impossible(why.to_owned()).into());
    }
    Ok((layer::diff(layer, layer::MountPoints::default()).map_err(io::Error::from)?, bytes))
}
